"""The estimators as they come, on spectra as they are, against tuned rivals on public spectra.

    python benchmarks/accuracy.py --quick       # a few small sets, in benchmarks/results/quick
    python benchmarks/accuracy.py --data DIR    # everything: hours; goes on where it stopped
    python benchmarks/accuracy.py --summary     # tables and figure of what has been measured

DIR holds sets as ``NAME.npz``: ``X`` (spectra), ``y`` (numbers, or strings for classes) and, where
there are any, ``groups`` (rows that belong together) and the official split (``train_idx``,
``val_idx``, which is trained on too, and ``test_idx``). Spectra of the same samples on a second
instrument (``X_mp5`` of corn, ``X_inst2`` of tablets) make a set each, of which those are the test.
Sets that anyone can load are added: coffee and fermentation of chemotools, tecator of OpenML, and
the adulterated oils that `fetch_oil_adulteration` loads, with whole samples left out and with whole
series (an adulterant with all its levels).

Exact duplicates are removed. The official split is used where there is one, with the seeds 0, 1
and 2 for what is random, else three repeats of 5-fold cross-validation, whole groups together.
Every choice is made by cross-validation inside the training rows: 5-fold, 3-fold for what is slow.
All methods see the same rows. Methods that take long to fit (`COSTLY`) are measured in the
first repeat of cross-validation only, unless --all-repeats is given, and compared with PLS in it.
Log loss is that of the methods that give probabilities.
"""

import argparse
import csv
import importlib.util
import json
import time
import warnings
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import sklearn.model_selection as cv
import torch
from chemotools.datasets import load_coffee, load_fermentation_train
from chemotools.derivative import SavitzkyGolay
from chemotools.scatter import StandardNormalVariate
from joblib import Parallel, delayed
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import fetch_openml
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, DotProduct, WhiteKernel
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EarlyStopping
from skorch.dataset import ValidSplit
from threadpoolctl import threadpool_limits

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral.datasets import fetch_oil_adulteration

REPOSITORY = Path(__file__).resolve().parents[1]
QUICK_SETS = ("beer_nir", "dough_nir", "gasoline_nir", "mayonnaise_nir", "coffee", "fermentation")
QUICK_METHODS = ("pls", "default", "ridge", "svm")
SECOND_INSTRUMENT = ("corn_nir", "tablets_idrc2002_nir")
LOG_LOSS = "log loss"  # no class of the sets is called so
KEY = ["set", "split", "seed", "method"]
FIELDS = [*KEY, *"task n_train n_test n_points score fit_seconds parts chosen error".split()]


@dataclass(frozen=True)
class Spectra:
    """Rows to learn from, or a whole set with its official split."""

    name: str
    X: np.ndarray
    y: np.ndarray  # values, or the places of the classes in `labels`
    groups: np.ndarray | None
    labels: tuple | None = None  # None for regression
    is_test: np.ndarray | None = None  # None where there is no official split

    def rows(self, rows):
        """Return some of the rows."""
        groups = None if self.groups is None else self.groups[rows]
        return Spectra(self.name, self.X[rows], self.y[rows], groups, self.labels)

    def folds(self, n_splits, seed):
        """Return the rows of cross-validation folds, whole groups together."""
        if self.groups is None:
            splitter = cv.KFold if self.labels is None else cv.StratifiedKFold
        else:
            splitter = cv.GroupKFold if self.labels is None else cv.StratifiedGroupKFold
        splitter = splitter(n_splits, shuffle=True, random_state=seed)
        return list(splitter.split(self.X, self.y, self.groups))


def first_of_duplicates(X, y):
    """Return the rows to keep: the first of equal spectra, none where their labels differ."""
    _, first, same = np.unique(X, axis=0, return_index=True, return_inverse=True)
    same = same.ravel()
    return np.sort(np.delete(first, np.unique(same[y != y[first[same]]])))


def make_set(name, X, y, groups=None, train=None, test=None):
    """Clean a set: no duplicates, no group on both sides of the official split."""
    X, y = np.asarray(X), np.asarray(y)
    # Training rows come first, so that they stay where a test spectrum is the same.
    rows = np.arange(len(X)) if test is None else np.concatenate([train, test])
    rows = rows[first_of_duplicates(X[rows], y[rows])]
    if groups is not None and len(np.unique(groups[rows])) == len(rows):
        groups = None
    if groups is not None and test is not None:
        seen = np.isin(groups[rows], groups[np.setdiff1d(rows, test)])
        rows = rows[~(seen & np.isin(rows, test))]
    is_test = None if test is None else np.isin(rows, test)
    X, y, groups = X[rows].astype(float), y[rows], None if groups is None else groups[rows]
    if y.dtype.kind == "f":
        return Spectra(name, X, y, groups, None, is_test)
    labels, y = np.unique(y.astype(str), return_inverse=True)
    return Spectra(name, X, y, groups, tuple(labels.tolist()), is_test)


def load_npz(path):
    """Load a set of the data directory."""
    with np.load(path) as file:
        data = dict(file)
    train, test = data.get("train_idx"), data.get("test_idx")
    if test is not None and "val_idx" in data:
        train = np.concatenate([train, data["val_idx"]])
    return make_set(path.stem, data["X"], data["y"], data.get("groups"), train, test)


def load_transfer(path):
    """Load a set to calibrate on one instrument and predict on another: other samples on it."""
    with np.load(path) as file:
        data = dict(file)
    key = "X_mp5" if "X_mp5" in data else "X_inst2"
    n = len(data["X"])
    train = data.get("train_idx", np.arange(3 * n // 4))
    test = data.get("test_idx", np.arange(3 * n // 4, n))
    name = f"{path.stem}, other instrument"
    X, y = np.concatenate([data["X"], data[key]]), np.concatenate([data["y"], data["y"]])
    return make_set(name, X, y.astype(float), None, train, n + test)


def load_oils(name):
    """Load the oils of a technique: percentage of another oil, by samples or by series."""
    _, technique, by = name.split("_")
    oils = fetch_oil_adulteration(technique)
    groups = (
        oils.groups
        if by == "sample"
        else np.where(oils.kind == "adulterated", oils.series, oils.groups.astype(str))
    )
    return make_set(name, oils.data, oils.target.astype(float), np.asarray(groups).astype(str))


def load_public(name):
    """Load a set that anyone can load."""
    if name == "coffee":
        X, y = load_coffee()
        return make_set(name, X, y["labels"])
    if name == "fermentation":
        X, y = load_fermentation_train()
        return make_set(name, X, y["glucose"])
    X, y = fetch_openml(data_id=505, return_X_y=True, as_frame=True)
    X = X[[column for column in X.columns if column.startswith("absorbance")]].astype(float)
    # The last 25 of the 240 samples are meant for extrapolation.
    return make_set(name, X, y.astype(float), None, np.arange(172), np.arange(172, 215))


def load_sets(directory, wanted):
    """Yield the sets of the directory, and of those that anyone can load what it has not got."""
    paths = sorted(Path(directory).glob("*.npz")) if directory else []
    names = {path.stem.split("_")[0] for path in paths}
    loads = [(path.stem, load_npz, path) for path in paths]
    with_second = [path for path in paths if path.stem in SECOND_INSTRUMENT]
    loads += [(f"{path.stem}, other instrument", load_transfer, path) for path in with_second]
    public = ("coffee", "fermentation", "tecator")
    loads += [(name, load_public, name) for name in public if name not in names]
    oils = product(("raman", "ftir", "nir"), ("sample", "series"))
    loads += [(name := f"oils_{technique}_{by}", load_oils, name) for technique, by in oils]
    for name, load, source in loads:
        if not wanted or name in wanted or name.split("_")[0] in wanted:
            try:
                yield load(source)
            except OSError as error:
                print(f"{name} left out, it could not be loaded: {error}")


# Methods: each function fits one to training rows, and returns its predict and what it chose.

PREPROCESSINGS = {
    "none": "passthrough",
    "SNV": StandardNormalVariate(),
    "derivative, SNV": make_pipeline(
        SavitzkyGolay(window_length=11, polyorder=2, deriv=1), StandardNormalVariate()
    ),
}


def search(data, seed, n_splits, model, grid=None, scaled=True, method="predict"):
    """Tune a model and its preprocessing by grid search."""
    scaler = StandardScaler() if scaled else "passthrough"
    model = Pipeline([("preprocessing", "passthrough"), ("scaler", scaler), ("model", model)])
    grid = {"preprocessing": list(PREPROCESSINGS.values())} | (grid or {})
    scoring = "neg_mean_squared_error" if data.labels is None else "balanced_accuracy"
    found = cv.GridSearchCV(
        model, grid, scoring=scoring, cv=data.folds(n_splits, seed), error_score="raise"
    ).fit(data.X, data.y)
    names = {repr(step): name for name, step in PREPROCESSINGS.items()}
    return getattr(found, method), {k: names.get(repr(v), v) for k, v in found.best_params_.items()}


def with_scaled_y(regressor):
    """Standardize y for a regressor that expects it."""
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


def fit_pls(data, seed, max_components=20):
    """PLS, or PLS-DA on memberships: preprocessing, scaling and latent variables tuned."""
    regression = data.labels is None
    Y = data.y[:, None] if regression else np.eye(len(data.labels))[data.y]
    folds = data.folds(5, seed)
    n_components = min(max_components, data.X.shape[1], *(len(rows) - 1 for rows, _ in folds))

    def model(preprocessing, scaled, k):
        scaler = StandardScaler() if scaled else "passthrough"
        return make_pipeline(PREPROCESSINGS[preprocessing], scaler, PLSRegression(k, scale=False))

    def left_out(preprocessing, scaled):
        """Return the predictions for left-out rows with 1, 2, ... latent variables."""
        predictions = np.empty((n_components, *Y.shape))
        for training, validation in folds:
            fitted = model(preprocessing, scaled, n_components).fit(data.X[training], Y[training])
            scores, loadings = fitted.transform(data.X[validation]), fitted[-1].y_loadings_
            parts = scores.T[:, :, None] * loadings.T[:, None, :]
            predictions[:, validation] = fitted[-1].intercept_ + np.cumsum(parts, axis=0)
        return predictions

    def quality(predicted):
        # Many candidates classify equally well; the error of the memberships decides among them.
        error = np.mean((predicted - Y) ** 2)
        correct = 0 if regression else balanced_accuracy_score(data.y, predicted.argmax(axis=1))
        return correct, -error

    qualities = {
        (*candidate, k): quality(predicted)
        for candidate in product(PREPROCESSINGS, (False, True))
        for k, predicted in enumerate(left_out(*candidate), start=1)
    }
    best = max(qualities, key=qualities.get)
    fitted = model(*best).fit(data.X, Y)

    def predict(X):
        predicted = fitted.predict(X).reshape(len(X), -1)
        return predicted[:, 0] if regression else predicted.argmax(axis=1)

    return predict, dict(zip(("preprocessing", "scaled", "n_components"), best, strict=True))


def fit_ridge(data, seed):
    """Ridge, or ridge on memberships: alpha tuned."""
    model = Ridge() if data.labels is None else RidgeClassifier()
    return search(data, seed, 5, model, {"model__alpha": np.logspace(5, -5, 21).tolist()})


def fit_svm(data, seed):
    """RBF SVM: C and gamma tuned."""
    params = {"max_iter": 100_000}  # hopeless candidates would be fitted for hours
    if data.labels is None:
        model, prefix = with_scaled_y(SVR(epsilon=0.01, **params)), "model__regressor__"
    else:
        model, prefix = SVC(**params), "model__"
    # After a StandardScaler, gamma="scale" is one over the number of points.
    gammas = (np.logspace(-3, 1, 5) / data.X.shape[1]).tolist()
    grid = {f"{prefix}C": np.logspace(0, 5, 6).tolist(), f"{prefix}gamma": gammas}
    return search(data, seed, 5, model, grid)


def fit_forest(data, seed):
    """Random forest of 300 trees: preprocessing tuned."""
    if data.labels is None:  # a third of the points at every node, as in R
        model = RandomForestRegressor(300, max_features=1 / 3, random_state=seed)
    else:
        model = RandomForestClassifier(300, random_state=seed)
    method = "predict" if data.labels is None else "predict_proba"
    return search(data, seed, 3, model, scaled=False, method=method)


class CuiFearnCNN(torch.nn.Sequential):
    """After Cui & Fearn 2018, doi:10.1016/j.chemolab.2018.07.008: one filter, dense layers."""

    def __init__(self, n_points, n_outputs):
        super().__init__(
            torch.nn.Unflatten(1, (1, n_points)), torch.nn.Conv1d(1, 1, 5, padding="same")
        )
        self.extend([torch.nn.Flatten(), torch.nn.ELU()])
        for before, after in ((n_points, 36), (36, 18), (18, 12)):
            self.extend([torch.nn.Linear(before, after), torch.nn.ELU()])
        self.append(torch.nn.Linear(12, n_outputs))
        if n_outputs == 1:
            self.append(torch.nn.Flatten(0))  # as many dimensions as y
        self.double()  # the type of X and y


def fit_cnn(data, seed):
    """Train a plain CNN with early stopping: preprocessing and learning rate tuned."""
    torch.manual_seed(seed)
    regression = data.labels is None
    net = (NeuralNetRegressor if regression else NeuralNetClassifier)(
        CuiFearnCNN,
        criterion=torch.nn.MSELoss if regression else torch.nn.CrossEntropyLoss,
        module__n_points=data.X.shape[1],
        module__n_outputs=1 if regression else len(data.labels),
        optimizer=torch.optim.Adam,
        optimizer__weight_decay=1e-3,
        batch_size=16,
        max_epochs=500,
        train_split=ValidSplit(0.2, stratified=not regression, random_state=seed),
        callbacks=[EarlyStopping(patience=50, load_best=True)],
        verbose=0,
    )
    prefix = "model__regressor__" if regression else "model__"
    model = with_scaled_y(net) if regression else net
    return search(data, seed, 3, model, {f"{prefix}lr": [1e-3, 5e-3]})


def fit_hydra(data, seed):
    """MultiRocket-Hydra of aeon: random convolutions, then ridge that chooses its alpha."""
    if data.labels is None:
        from aeon.regression.convolution_based import MultiRocketHydraRegressor

        model = with_scaled_y(MultiRocketHydraRegressor(random_state=seed))
    else:
        from aeon.classification.convolution_based import MultiRocketHydraClassifier

        model = MultiRocketHydraClassifier(random_state=seed)
    return search(data, seed, 3, model, scaled=False)  # it looks at shapes


def fit_gpr(data, seed):
    """Gaussian process regression: scale, linear and RBF of 20 principal components.

    Its hyperparameters and the preprocessing are those of the highest marginal likelihood.
    """
    kernel = DotProduct() + 1.0 * RBF(5.0, (0.1, 1e3)) + WhiteKernel(0.1, (1e-6, 10.0))
    n_components = min(20, len(data.X) - 1, data.X.shape[1])
    fits = {
        name: make_pipeline(
            step,
            PCA(n_components, whiten=True),
            GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed),
        ).fit(data.X, data.y)
        for name, step in PREPROCESSINGS.items()
    }
    best = max(fits, key=lambda name: fits[name][-1].log_marginal_likelihood_value_)
    return fits[best].predict, {"preprocessing": best}


def fit_logistic(data, seed):
    """Logistic regression: C tuned."""
    model = LogisticRegression(max_iter=2000)
    search_C = {"model__C": np.logspace(-2, 4, 7).tolist()}
    return search(data, seed, 5, model, search_C, method="predict_proba")


def fit_default(data, seed, preprocessing="none"):
    """Ours on spectra as they are: nothing tuned, nothing chosen."""
    model = (ResNet1DRegressor if data.labels is None else ResNet1DClassifier)(random_state=seed)
    pipeline = Pipeline([("preprocessing", PREPROCESSINGS[preprocessing]), ("model", model)])
    pipeline.fit(data.X, data.y, model__groups=data.groups)
    return pipeline.predict if data.labels is None else pipeline.predict_proba, {}


def fit_snv(data, seed):
    """Ours behind SNV."""
    return fit_default(data, seed, "SNV")


# In the order of the work: label, function, colour and marker.
METHODS = {
    "pls": ("PLS", fit_pls, "black", "|"),
    "default": ("ResNet1D", fit_default, "#d55e00", "o"),
    "snv": ("ResNet1D behind SNV", fit_snv, "#e69f00", "*"),
    "ridge": ("ridge", fit_ridge, "#888888", "s"),
    "svm": ("RBF SVM", fit_svm, "#0072b2", "D"),
    "gpr": ("Gaussian process", fit_gpr, "#a08a00", "X"),
    "logistic": ("logistic regression", fit_logistic, "#882255", "p"),
    "hydra": ("MultiRocket-Hydra", fit_hydra, "#009e73", "v"),
    "cnn": ("CNN (Cui & Fearn)", fit_cnn, "#cc79a7", "P"),
    "forest": ("random forest", fit_forest, "#56b4e9", "^"),
}
LABELS = {name: method[0] for name, method in METHODS.items()}
OURS, DETERMINISTIC = ("default", "snv"), ("pls", "ridge", "svm", "gpr", "logistic")
COSTLY = ("svm", "gpr", "logistic", "hydra", "cnn", "forest")
ONLY = {"gpr": "regression", "logistic": "classification"}


def jobs(sets, names, quick, all_repeats):
    """Yield everything to measure: set, split, seed, training rows, test rows, method."""
    for name, data, seed in product(names, sets, (0,) if quick else (0, 1, 2)):
        if name in ONLY and (data.labels is None) != (ONLY[name] == "regression"):
            continue
        if data.is_test is not None:
            if seed == 0 or name not in DETERMINISTIC:
                rows = np.flatnonzero(~data.is_test), np.flatnonzero(data.is_test)
                yield data, "1 of 1", seed, *rows, name
        elif seed == 0 or name not in COSTLY or all_repeats:
            folds = data.folds(3 if quick else 5, seed)
            for i, rows in enumerate(folds, start=1):
                yield data, f"{i} of {len(folds)}", seed, *rows, name


def score_parts(data, rows, predicted):
    """Return what adds up over folds: squared errors, or correct and all spectra by class.

    Of probabilities also the sum of the log losses.
    """
    y = data.y[rows]
    if data.labels is None:
        return {"squared_error": float(np.sum((predicted - y) ** 2)), "n": len(y)}
    parts = {}
    if predicted.ndim == 2:
        certain = np.maximum(predicted[np.arange(len(y)), y], np.finfo(np.float32).eps)
        parts, predicted = {LOG_LOSS: float(-np.log(certain).sum())}, predicted.argmax(axis=1)
    return parts | {
        label: [int(np.sum(predicted[y == i] == i)), int(np.sum(y == i))]
        for i, label in enumerate(data.labels)
    }


def pooled(parts):
    """Return the RMSE, or the balanced accuracy in per cent, over folds, and the log loss."""
    if "squared_error" in parts[0]:
        mean = sum(p["squared_error"] for p in parts) / sum(p["n"] for p in parts)
        return float(np.sqrt(mean)), np.nan
    log_loss = sum(p.pop(LOG_LOSS, np.nan) for p in parts)
    correct, total = np.sum([list(p.values()) for p in parts], axis=0).T
    return float(100 * np.mean(correct[total > 0] / total[total > 0])), log_loss / total.sum()


def measure(data, split, seed, train, test, name):
    """Fit and test one method on one split, with one thread."""
    torch.set_num_threads(1)
    task = "regression" if data.labels is None else "classification"
    sizes = len(train), len(test), data.X.shape[1]
    row = dict(zip(FIELDS, (data.name, split, seed, name, task, *sizes), strict=False))
    # The rivals warn of convergence in candidates that are not chosen.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            start = time.perf_counter()
            predict, chosen = METHODS[name][1](data.rows(train), seed)
            row["fit_seconds"] = round(time.perf_counter() - start, 3)
            parts = score_parts(data, test, predict(data.X[test]))
        except Exception as error:  # the rest goes on; the summary says what is missing
            return row | {"error": f"{type(error).__name__}: {error}"}
    return row | {
        "parts": json.dumps(parts),
        "score": pooled([parts])[0],
        "chosen": json.dumps(chosen),
    }


def run(todo, path, n_jobs):
    """Measure, and append every result as soon as it is there."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if new:
            writer.writeheader()
        parallel = Parallel(n_jobs, return_as="generator_unordered")
        for i, row in enumerate(parallel(delayed(measure)(*job) for job in todo), start=1):
            writer.writerow(row)
            file.flush()
            result = row.get("error") or f"{row['score']:.4g} in {row['fit_seconds']:.1f} s"
            print(f"{i}/{len(todo)}", *(row[key] for key in KEY), result, sep="  ", flush=True)


def read_fits(path):
    """Return all results; the last one where something was measured again."""
    fits = pd.read_csv(path, dtype={"error": str}, keep_default_na=False)
    return fits.drop_duplicates(KEY, keep="last")


def summarize(fits):
    """Return one line per set and method, compared with PLS on the same repeats."""
    repeats, lines = [], []
    for key, rows in fits[fits.error == ""].groupby(["task", "set", "method", "seed"]):
        if len(rows) == int(rows["split"].iloc[0].split()[-1]):  # all folds are there
            seconds = rows.fit_seconds.astype(float).mean()
            repeats.append((*key, *pooled([json.loads(p) for p in rows.parts]), seconds))
    columns = ["task", "set", "method", "seed", "score", "log_loss", "fit_seconds"]
    repeats = pd.DataFrame(repeats, columns=columns).set_index("set")
    for (task, name, method), mine in repeats.groupby(["task", "set", "method"]):
        pls = repeats.loc[[name]].query("method == 'pls'")
        pls, score = pls.score[pls.seed.isin(mine.seed)].mean(), mine.score.mean()
        against_pls = score / pls if task == "regression" else score - pls
        line = (task, name, method, score, mine.score.std(), len(mine), against_pls)
        lines.append((*line, mine.log_loss.mean(), mine.fit_seconds.mean()))
    columns = ["task", "set", "method", "score", "sd", "n_repeats", "against_pls"]
    table = pd.DataFrame(lines, columns=[*columns, "log_loss", "fit_seconds"])
    badness = table.against_pls.where(table.task == "regression", -table.against_pls)
    return table.assign(rank=badness.groupby(table.set).rank())


def verdict(against, regression):
    """Return what the comparison of ours with the rivals comes to.

    The best rival of a set is the best on its test spectra, which nobody knows beforehand: a bound
    that no single rival reaches.
    """
    what = "ratio of RMSE" if regression else "difference in points"
    rivals = against.drop(columns=[*OURS], errors="ignore")
    best = rivals.min(axis=1) if regression else rivals.max(axis=1)
    lines = []
    for name in against.columns.intersection(OURS):
        mine = against[name].dropna()
        if mine.empty:  # PLS is still to be measured
            continue
        worst = mine.idxmax() if regression else mine.idxmin()
        to_best = mine / best if regression else mine - best
        better = (mine < 1).sum() if regression else (mine > 0).sum()
        as_good = (mine == (1 if regression else 0)).sum()
        lines.append(
            f"- {LABELS[name]}: {what} to tuned PLS {mine.median():.3g} (median), at worst "
            f"{mine[worst]:.3g} ({worst}); better on {better} and equal on {as_good} of "
            f"{len(mine)} sets; to the best tuned rival of each set {to_best.median():.3g} (median)"
        )
    return lines


def cell(row):
    """Write one entry of the table: RMSE relative to PLS, or accuracy; the best in bold."""
    regression = row.task == "regression"
    text = f"{row.against_pls:.2f}" if regression else f"{row.score:.1f}"
    text = f"{row.score:.3g}" if regression and row.method == "pls" else text
    return f"**{text}**" if row.best else text


def markdown(table, fits):
    """Return the tables of both tasks, and what they come to."""
    source = "Produced by `benchmarks/accuracy.py`; see its docstring for the protocol. "
    source += "Standard deviations over repeats are in `benchmarks/results/accuracy.csv`."
    text = ["# Accuracy", "", source]
    shown = table.against_pls.where(table.task == "regression", -table.score).round(2)
    table = table.assign(best=shown == shown.groupby(table.set).transform("min"))
    for task, rows in table.assign(cell=table.apply(cell, axis=1)).groupby("task", sort=False):
        regression = task == "regression"
        unit = "RMSE of tuned PLS in the unit of y; RMSE of others relative to it"
        unit = unit if regression else "Balanced accuracy, %"
        values = rows.pivot(index="set", columns="method")
        names = [name for name in METHODS if name in set(rows.method)]
        complete = values["rank"].dropna()
        lines = dict(values["cell"][names].fillna("").iterrows())
        foot = {
            f"mean rank ({len(complete)} sets with all)": complete.mean(),
            f"mean score ({len(complete)} sets)": values["score"].loc[complete.index].mean(),
            "median against PLS": values["against_pls"].median(),
            "ninth decile against PLS": values["against_pls"].quantile(0.9),
            "mean log loss (of those measured)": values["log_loss"].mean(),
            "mean seconds to fit": values["fit_seconds"].mean(),
        }
        if regression:  # the sets have their units
            del (
                foot[f"mean score ({len(complete)} sets)"],
                foot["mean log loss (of those measured)"],
            )
        else:  # more is better
            foot["first decile against PLS"] = values["against_pls"].quantile(0.1)
            del foot["ninth decile against PLS"]
        lines |= {
            name: line[names].map("{:.3g}".format).replace("nan", "") for name, line in foot.items()
        }
        text += [
            "",
            f"## {task.capitalize()}",
            "",
            f"{unit}; best in bold. Means over repeats or seeds.",
            "",
        ]
        text += [
            "| set | " + " | ".join(map(LABELS.get, names)) + " |",
            "|---" * len(names) + "|---|",
        ]
        text += [f"| {name} | {' | '.join(line)} |" for name, line in lines.items()]
        text += ["", *verdict(values["against_pls"], regression)]
    for line in fits.loc[fits.error != "", [*KEY, "error"]].astype(str).to_numpy():
        text.append(f"- failed: {', '.join(line)}")
    return "\n".join([*text, ""])


def plot(table, path):
    """Draw how every method compares with PLS, the line in the middle, on every set."""
    tasks = table.task.unique()
    size = 6.5 * len(tasks), 2 + 0.5 * table.groupby("task").set.nunique().max()
    fig, axes = plt.subplots(1, len(tasks), figsize=size, squeeze=False, layout="constrained")
    for ax, task in zip(axes[0], tasks, strict=True):
        regression = task == "regression"
        against = table[table.task == task].pivot(index="set", columns="method")["against_pls"]
        against = against.sort_values(
            next(name for name in ("default", *METHODS) if name in against)
        )
        rows = np.arange(len(against))
        # Methods lie below one another, so that equal ones stay visible.
        rivals = [name for name in METHODS if name != "pls"]
        for offset, name in zip(np.linspace(0.32, -0.32, len(rivals)), rivals, strict=True):
            if name in against:
                label, _, colour, marker = METHODS[name]
                size = 70 if name in OURS else 26
                ax.scatter(against[name], rows + offset, size, colour, marker=marker, label=label)
        ax.set_yticks(rows, against.index)
        ax.hlines(rows[1:] - 0.5, 0, 1, "lightgrey", lw=0.8, transform=ax.get_yaxis_transform())
        ax.axvline(1 if regression else 0, c="black", lw=0.8)
        ax.set_xlabel(
            "RMSE / RMSE of tuned PLS (left is better)"
            if regression
            else "balanced accuracy less that of PLS-DA, points (right is better)"
        )
        if regression:
            ax.set_xscale("log")
            low, high = ax.get_xlim()
            ax.set_xticks([x for x in (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5) if low < x < high])
            ax.xaxis.set_major_formatter("{x:g}")
            ax.minorticks_off()
    drawn = {}
    for ax in axes[0]:
        handles, labels = ax.get_legend_handles_labels()
        drawn |= dict(zip(labels, handles, strict=True))
    fig.legend(drawn.values(), drawn, loc="outside upper center", ncols=5)
    fig.savefig(path, dpi=150)


def main():
    """Measure what is asked for, and sum up."""
    data = REPOSITORY.parent / "shared" / "data"
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    add = parser.add_argument
    add("--data", type=Path, default=data if data.is_dir() else None)
    add("--sets", type=lambda text: text.split(","))
    add("--methods", type=lambda text: text.split(","))
    add("--n-jobs", type=int, default=2)
    add("--results", type=Path, default=REPOSITORY / "benchmarks" / "results")
    add("--quick", action="store_true", help="few sets, methods and folds; one seed")
    add("--all-repeats", action="store_true", help="of costly methods too")
    add("--fresh", action="store_true", help="measure what is chosen anew")
    add("--summary", action="store_true", help="only sum up what was measured")
    args = parser.parse_args()
    results = args.results / "quick" if args.quick else args.results
    results.mkdir(parents=True, exist_ok=True)
    path = results / "fits.csv"
    methods = args.methods or (QUICK_METHODS if args.quick else list(METHODS))
    if "hydra" in methods and importlib.util.find_spec("aeon") is None:
        print("hydra left out: it needs aeon (pip install aeon)")
        methods = [name for name in methods if name != "hydra"]
    if not args.summary:
        sets = list(load_sets(args.data, args.sets or (QUICK_SETS if args.quick else None)))
        todo = list(jobs(sets, methods, args.quick, args.all_repeats))
        if path.exists() and not args.fresh:
            fits = read_fits(path)
            done = set(fits.loc[fits.error == "", KEY].itertuples(index=False, name=None))
            todo = [job for job in todo if (job[0].name, *job[1:3], job[-1]) not in done]
        run(todo, path, args.n_jobs)
    fits = read_fits(path)
    table = summarize(fits).iloc[::-1]
    table.to_csv(results / "accuracy.csv", index=False)
    (results / "accuracy.md").write_text(markdown(table, fits), encoding="utf-8")
    plot(table, results / "accuracy.png")
    print(markdown(table, fits))


if __name__ == "__main__":
    main()
