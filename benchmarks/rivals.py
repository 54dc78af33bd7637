"""Corrected maps beside what a chemometrician and a machine learner would take instead.

    python benchmarks/rivals.py --quick             # one seed, synthetic sets: two minutes
    python benchmarks/rivals.py --data DIR          # five seeds, and real sets: half an hour

Every method is judged as it is and after the same moving average over nine points, on spectra as
they are and behind SNV, on spectra that no model was trained on.

- corrected, plain: the default of `explain`, and 1D Grad-CAM without correction.
- integrated gradients: captum on `to_module`, from the mean training spectrum, 50 steps.
- PLS: coefficient times centred spectrum, latent variables by cross-validation (all classes in one
  model); VIP, the same profile for every spectrum.

Localization: area under the ROC curve of absolute maps against known bands, over all test spectra
and over the quarter nearest to the mean output of the network. Cancellation: sum of sizes over size
of the sum, median. Intervals: 95 %, by t over sets and seeds, of the difference to the best rival.

Selection (real sets): PLS on all points of the training spectra, and refitted on the tenth of them
with the largest mean absolute map of the training spectra; ratio of the RMSE of prediction.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from captum.attr import IntegratedGradients
from chemotools.scatter import StandardNormalVariate
from explanations import KINDS, TASKS, make_spectra
from scipy.ndimage import uniform_filter1d
from scipy.stats import t as student
from sklearn.cross_decomposition import PLSRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, GroupShuffleSplit, KFold
from sklearn.preprocessing import LabelBinarizer

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral.metrics import vip

RESULTS = Path(__file__).parent / "results"
N_SEEDS, SMOOTHED, TOP = 5, 9, 0.1
CORRECTED = "corrected"


def fit_pls(X, y, groups=None):
    """Return a PLS regression whose latent variables were chosen by left-out groups."""
    cv = KFold(5, shuffle=True, random_state=0) if groups is None else GroupKFold(5)
    most = min(15, X.shape[1] - 1, int(0.8 * len(X)) - 1)
    search = GridSearchCV(
        PLSRegression(scale=False),
        {"n_components": range(1, most + 1)},
        scoring="neg_root_mean_squared_error",
        cv=cv,
    )
    return search.fit(X, y, groups=groups).best_estimator_


def maps_of(model, pls, X, columns, mean):
    """Return maps of every method, (n_samples, n_points), of the outputs in `columns`."""
    rows = np.arange(len(X))

    def ours(method):
        maps = model.explain(X, target="all", method=method).maps
        return maps.reshape(*X.shape, -1)[rows, :, columns]

    gradients = IntegratedGradients(model.to_module()).attribute(
        torch.tensor(X),
        target=torch.tensor(columns),
        baselines=torch.tensor(model.mean_spectrum_[None]),
        internal_batch_size=256,
    )
    return {
        CORRECTED: ours(None),
        "plain": ours("1d-grad-cam"),
        "integrated gradients": gradients.numpy(),
        "PLS": (X - mean) * np.atleast_2d(pls.coef_)[columns],
        "VIP": np.tile(vip(pls), (len(X), 1)),
    }


def localize(kind, task, seed, snv):
    """Return rows of localization and cancellation for one synthetic set."""
    data = make_spectra(kind, task, seed)
    X = StandardNormalVariate().fit_transform(data.X) if snv else data.X
    train, test, known = data.train, data.test, data.known[data.test]
    if task == "regression":
        y, columns = data.y[:, None].astype(float), np.zeros(len(test), dtype=int)
        model = ResNet1DRegressor(random_state=seed)
    else:
        y, columns = LabelBinarizer().fit_transform(data.y), np.unique(data.y, return_inverse=True)
        columns, model = columns[1][test], ResNet1DClassifier(random_state=seed)
    model.fit(X[train], data.y[train])
    found = maps_of(model, fit_pls(X[train], y[train]), X[test], columns, X[train].mean(axis=0))
    distance = np.abs(found["plain"].sum(axis=1))
    near = np.argsort(distance)[: len(test) // 4]
    rows = []
    for method, maps in found.items():
        row = {"set": kind, "task": task, "seed": seed, "snv": snv, "method": method}
        sizes = np.abs(maps).sum(axis=1)
        row["cancellation"] = np.median(sizes / np.abs(maps.sum(axis=1)))
        for name, judged in (
            ("", maps),
            (" smoothed", uniform_filter1d(maps, SMOOTHED, axis=1, mode="nearest")),
        ):
            areas = np.array(
                [roc_auc_score(k, np.abs(m)) for k, m in zip(known, judged, strict=True)]
            )
            row[f"area{name}"], row[f"near{name}"] = areas.mean(), areas[near].mean()
        rows.append(row)
    return rows


def select(path, snv, seed):
    """Return RMSE of PLS on the top tenth of points over that on all, for every method."""
    data = np.load(path)
    X, y = data["X"].astype(float), data["y"].astype(float)
    if snv:
        X = StandardNormalVariate().fit_transform(X)
    groups = np.unique(data["groups"], return_inverse=True)[1] if "groups" in data else None
    units = np.arange(len(X)) if groups is None else groups
    splitter = GroupShuffleSplit(1, test_size=0.25, random_state=seed)
    train, test = next(splitter.split(X, groups=units))
    inner = None if groups is None else groups[train]
    model = ResNet1DRegressor(random_state=seed).fit(X[train], y[train], groups=inner)
    pls = fit_pls(X[train], y[train], inner)
    columns = np.zeros(len(train), dtype=int)
    found = maps_of(model, pls, X[train], columns, X[train].mean(axis=0))
    found["random"] = np.random.default_rng(seed).uniform(size=X.shape)

    def rmse(points):
        refitted = fit_pls(X[train][:, points], y[train], inner)
        errors = refitted.predict(X[test][:, points]).ravel() - y[test]
        return np.sqrt(np.mean(errors**2))

    whole, n_top = rmse(np.arange(X.shape[1])), max(3, int(TOP * X.shape[1]))
    row = {"set": path.stem, "snv": snv, "seed": seed}
    for method, maps in found.items():
        profile = np.abs(maps).mean(axis=0)
        row[method] = rmse(np.sort(np.argsort(-profile)[:n_top])) / whole
    return row


def interval(values):
    """Return the mean of differences and the half width of its 95 % interval."""
    values = np.asarray(values)
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():+.3f} ± {half:.3f}"


def report(frame, chosen):
    """Return the tables as Markdown."""
    text = ["# Maps beside rivals", "Produced by `benchmarks/rivals.py`; see its docstring."]
    for snv, part in frame.groupby("snv"):
        text.append(f"\n## {'Behind SNV' if snv else 'Spectra as they are'}, synthetic sets\n")
        columns = ["area", "area smoothed", "near", "near smoothed", "cancellation"]
        mean = part.groupby("method", sort=False)[columns].mean()
        text.append("| method | " + " | ".join(columns) + " | smoothed, less the best rival |")
        text.append("|---" * (len(columns) + 2) + "|")
        wide = part.pivot_table(
            index=["set", "task", "seed"], columns="method", values="area smoothed"
        )
        best = mean["area smoothed"].drop([CORRECTED, "plain"]).idxmax()
        for method, row in mean.iterrows():
            cells = [f"{value:.3f}" for value in row.iloc[:-1]] + [f"{row.iloc[-1]:.1f}"]
            beside = interval(wide[method] - wide[best]) if method != best else "(best rival)"
            text.append(f"| {method} | " + " | ".join(cells) + f" | {beside} |")
    if len(chosen):
        text.append("\n## PLS on the top tenth of points, RMSE over that of all points\n")
        methods = list(chosen.columns[3:])
        text.append("| set | | " + " | ".join(methods) + " |")
        text.append("|---" * (len(methods) + 2) + "|")
        table = chosen.groupby(["set", "snv"], sort=False)[methods].mean()
        for (name, snv), row in table.iterrows():
            cells = " | ".join(f"{value:.2f}" for value in row)
            text.append(f"| {name} | {'SNV' if snv else 'raw'} | {cells} |")
        for snv, part in table.groupby("snv"):
            cells = " | ".join(f"{value:.2f}" for value in np.exp(np.log(part).mean()))
            text.append(f"| geometric mean | {'SNV' if snv else 'raw'} | {cells} |")
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    seeds = range(1 if arguments.quick else N_SEEDS)
    rows, chosen = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in seeds:
            for kind in KINDS:
                for task in TASKS:
                    for snv in (False, True):
                        rows += localize(kind, task, seed, snv)
            print("seed", seed, flush=True)
        paths = sorted(arguments.data.glob("*.npz")) if arguments.data else []
        for path in paths:
            if np.load(path)["y"].dtype.kind in "fi":
                for snv in (False, True):
                    chosen += [select(path, snv, seed) for seed in list(seeds)[:2]]
                print(path.stem, flush=True)
    frame, table = pd.DataFrame(rows), pd.DataFrame(chosen)
    text = report(frame, table)
    if not arguments.quick:
        (RESULTS / "rivals.md").write_text(text, encoding="utf-8")
        frame.to_csv(RESULTS / "rivals.csv", index=False)
    print(text)


if __name__ == "__main__":
    main()
