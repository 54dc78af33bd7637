"""Corrected maps beside what a chemometrician and a machine learner would take instead.

    python benchmarks/rivals.py --quick             # one seed, synthetic sets: two minutes
    python benchmarks/rivals.py --data DIR          # five seeds, and real sets: half an hour
    python benchmarks/rivals.py --only mixtures     # one part anew, the others as measured

Every method is judged as it is and after the same moving average over nine points, on spectra as
they are and behind SNV, on spectra that no model was trained on.

- corrected, plain: the default of `explain`, and 1D Grad-CAM without correction.
- integrated gradients: captum on `to_module`, from the mean training spectrum, 50 steps.
- PLS: coefficient times centred spectrum, latent variables by cross-validation (all classes in one
  model); VIP, the same profile for every spectrum.

Localization: area under the ROC curve of absolute maps against known bands, over all test spectra
and over the quarter nearest to the mean output of the network; of classes also that of the class
with the lowest. Cancellation: sum of sizes over size of the sum, median. Intervals: 95 %, by t over
sets and seeds, of the difference to the best rival.

Deletion: the five of fifty windows with the largest summed absolute map are replaced; by how much
the output changes, over how much it does for five random windows. What takes their place, a line,
the mean training spectrum or another training spectrum, is joined to the points on either side by
a line, so that there is no step.

Mixtures: Beer-Lambert sums of an analyte and 3 or 8 interferents, all overlapping, with noise. The
part of the pure spectrum orthogonal to the interferents (net analyte signal, Lorber 1986,
doi:10.1021/ac00297a042) over its squared length is the ideal calibration b. So what a point truly
contributes is known, with its sign: b times (spectrum - mean), "whole", or the share of the
analyte alone in it, b times (concentration - mean) times pure spectrum, "analyte"; both add up to
the deviation of the concentration. Correlation with either, and the share of points whose sign is
right where the truth is above a twentieth of its largest size, means over test spectra.

Selection (real sets): PLS on all points of the training spectra, and refitted on the tenth of them
with the largest mean absolute map of the training spectra, by points or by bands (the five of fifty
windows with the largest sum); ratio of the RMSE of prediction. Rivals are also the selectivity
ratio and, for bands, interval PLS: five windows, one after the other, each the one with the lowest
error of cross-validation.
"""

import argparse
import warnings
from itertools import product
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
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, KFold
from sklearn.preprocessing import LabelBinarizer

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral.metrics import vip

RESULTS = Path(__file__).parent / "results"
N_SEEDS, N_DIVISIONS, SMOOTHED, TOP = 5, 2, 9, 0.1
N_WINDOWS, N_MASKED = 50, 5
N_INTERFERENTS = (3, 8)
CORRECTED = "corrected"
FILLS = ("line", "mean", "other")
SPECTRA = {False: "Spectra as they are", True: "Behind SNV"}


def pls_errors(X, y, groups=None):
    """Return errors of cross-validation of PLS, for one latent variable, two, and so on."""
    cv = KFold(5, shuffle=True, random_state=0) if groups is None else GroupKFold(5)
    most = min(15, X.shape[1] - 1, int(0.8 * len(X)) - 1)
    y = y.reshape(len(y), -1)
    errors = []
    for train, left_out in cv.split(X, y, groups):
        pls = PLSRegression(most, scale=False).fit(X[train], y[train])
        scores = (X[left_out] - X[train].mean(axis=0)) @ pls.x_rotations_
        steps = scores.T[:, :, None] * pls.y_loadings_.T[:, None, :]  # of each latent variable
        residuals = y[left_out] - y[train].mean(axis=0) - steps.cumsum(axis=0)
        errors.append(np.sqrt((residuals**2).mean(axis=1)).mean(axis=1))
    return np.mean(errors, axis=0)


def fit_pls(X, y, groups=None):
    """Return a PLS regression whose latent variables were chosen by left-out groups."""
    n_components = 1 + int(pls_errors(X, y, groups).argmin())
    return PLSRegression(n_components, scale=False).fit(X, y)


def selectivity_ratio(pls, X):
    """Return explained over residual variance of every point, by target projection."""
    X = X - X.mean(axis=0)
    scores = X @ pls.coef_[0]
    explained = np.outer(scores, scores @ X / (scores @ scores))
    return (explained**2).sum(axis=0) / ((X - explained) ** 2).sum(axis=0)


def windows_of(n_points):
    return np.array_split(np.arange(n_points), N_WINDOWS)


def largest_windows(sizes):
    """Return the points of the windows with the largest sums, in order, for one profile."""
    windows = windows_of(len(sizes))
    sums = np.array([sizes[window].sum() for window in windows])
    return np.concatenate([windows[i] for i in np.sort(np.argsort(-sums)[:N_MASKED])])


def interval_pls(X, y, groups=None):
    """Return the points of windows chosen forward, each by the error of cross-validation."""
    left, points = windows_of(X.shape[1]), np.empty(0, dtype=int)
    for _ in range(N_MASKED):
        tried = [np.concatenate([points, window]) for window in left]
        best = np.argmin([pls_errors(X[:, each], y, groups).min() for each in tried])
        points = tried[best]
        left.pop(best)
    return np.sort(points)


def fill_points(x, points, fill):
    """Return a spectrum with the fill at some points, joined to the others without a step."""
    masked = np.isin(np.arange(len(x)), points)
    beside = np.flatnonzero(~masked)
    difference = x - fill
    return np.where(masked, fill + np.interp(np.arange(len(x)), beside, difference[beside]), x)


def deletion(model, X, columns, found, X_train, rng):
    """Return, for every method, changes of the output relative to those of random windows."""
    module = model.to_module()

    def outputs(spectra):
        with torch.no_grad():
            return module(torch.tensor(spectra)).numpy()[np.arange(len(X)), columns]

    others = X_train[rng.integers(0, len(X_train), len(X))]
    fills = (np.zeros_like(X), np.broadcast_to(X_train.mean(axis=0), X.shape), others)  # of FILLS
    before = outputs(X)

    def changes(sizes):
        chosen = [largest_windows(each) for each in sizes]
        masked = [np.array(list(map(fill_points, X, chosen, fill))) for fill in fills]
        return np.array([np.abs(outputs(each) - before).mean() for each in masked])

    by_chance = np.mean([changes(rng.uniform(size=X.shape)) for _ in range(3)], axis=0)
    return {
        method: dict(zip(FILLS, changes(np.abs(maps)) / by_chance, strict=True))
        for method, maps in found.items()
    }


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


def smoothed(maps):
    return uniform_filter1d(maps, SMOOTHED, axis=1, mode="nearest")


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
    rng = np.random.default_rng(seed)
    changes = deletion(model, X[test], columns, found, X[train], rng)
    rows = []
    for method, maps in found.items():
        row = {"set": kind, "task": task, "seed": seed, "snv": snv, "method": method}
        sizes = np.abs(maps).sum(axis=1)
        row["cancellation"] = np.median(sizes / np.abs(maps.sum(axis=1)))
        for name, judged in (
            ("", maps),
            (" smoothed", smoothed(maps)),
        ):
            areas = np.array(
                [roc_auc_score(k, np.abs(m)) for k, m in zip(known, judged, strict=True)]
            )
            row[f"area{name}"], row[f"near{name}"] = areas.mean(), areas[near].mean()
            row[f"lowest class{name}"] = min(areas[columns == c].mean() for c in set(columns))
        rows.append(row | changes[method])
    return rows


def make_mixtures(n_interferents, seed, n_samples=150, n_points=600):
    """Return spectra, concentrations of the analyte, its pure spectrum, and the ideal b."""
    rng = np.random.default_rng(seed)
    x = np.arange(n_points)[:, None]
    pure = []
    for _ in range(1 + n_interferents):
        centres, widths = rng.uniform(25, n_points - 25, 6), rng.uniform(5, 20, 6)
        pure.append(np.exp(-0.5 * ((x - centres) / widths) ** 2) @ rng.uniform(0.2, 1, 6))
    pure, amounts = np.array(pure), rng.uniform(0, 1, (n_samples, 1 + n_interferents))
    X = amounts @ pure + 0.005 * rng.normal(size=(n_samples, n_points))
    net = pure[0] - pure[1:].T @ np.linalg.lstsq(pure[1:].T, pure[0])[0]
    return X, amounts[:, 0], pure[0], net / (net @ net)


def judge_mixtures(n_interferents, seed):
    """Return rows of signed agreement with the net analyte signal."""
    X, y, pure, b = make_mixtures(n_interferents, seed)
    train, test = np.arange(100), np.arange(100, len(X))
    model = ResNet1DRegressor(random_state=seed).fit(X[train], y[train])
    columns, mean = np.zeros(len(test), dtype=int), X[train].mean(axis=0)
    found = maps_of(model, fit_pls(X[train], y[train]), X[test], columns, mean)
    truths = {
        "analyte": np.outer(y[test] - y[train].mean(), b * pure),
        "whole": b * (X[test] - mean),
    }
    rows = []
    for method in [each for each in found if each != "VIP"]:  # which has no sign
        row = {"interferents": n_interferents, "seed": seed, "method": method}
        smooth = smoothed(found[method])
        for name, truth in truths.items():
            matters = np.abs(truth) > np.abs(truth).max(axis=1, keepdims=True) / 20
            for maps, suffix in ((found[method], ""), (smooth, " smoothed")):
                alike = [np.corrcoef(*pair)[0, 1] for pair in zip(maps, truth, strict=True)]
                row[name + suffix] = np.mean(alike)
            row[f"sign, {name}"] = (np.sign(smooth) == np.sign(truth))[matters].mean()
        rows.append(row)
    return rows


def select(path, snv, seed):
    """Return rows of RMSE of PLS on a tenth of the points over that on all, for every method."""
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
    found["selectivity ratio"] = selectivity_ratio(pls, X[train])[None]
    found["random"] = np.random.default_rng(seed).uniform(size=X.shape)
    n_top = max(3, int(TOP * X.shape[1]))
    chosen = {}
    for method, maps in found.items():
        profile = np.abs(maps).mean(axis=0)
        chosen["points", method] = np.sort(np.argsort(-profile)[:n_top])
        chosen["bands", method] = largest_windows(profile)
    chosen["bands", "interval PLS"] = interval_pls(X[train], y[train], inner)

    def rmse(points):
        refitted = fit_pls(X[train][:, points], y[train], inner)
        errors = refitted.predict(X[test][:, points]).ravel() - y[test]
        return np.sqrt(np.mean(errors**2))

    row, whole = {"set": path.stem, "snv": snv, "seed": seed}, rmse(np.arange(X.shape[1]))
    return [
        row | {"by": by, "method": method, "ratio": rmse(points) / whole}
        for (by, method), points in chosen.items()
    ]


def half_width(values):
    """Return half the width of the 95 % interval of the mean of a Series."""
    return student.ppf(0.975, len(values) - 1) * values.sem()


def less_best_rival(part, index, score):
    """Return, for every method, the mean difference of its score to the best rival's, by name."""
    wide = part.pivot(index=index, columns="method", values=score)
    best = wide.mean().drop([CORRECTED, "plain"]).idxmax()
    shown = {best: "(best rival)"}
    for method in wide.columns.drop(best):
        difference = wide[method] - wide[best]
        shown[method] = f"{difference.mean():+.3f}"
        if len(wide) > 1:
            shown[method] += f" ± {half_width(difference):.3f}"
    return pd.Series(shown, name=f"{score}, less the best rival")


def table(frame, digits=2):
    """Return a frame as a Markdown table."""
    names = [*(each or "" for each in frame.index.names), *frame.columns]
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    for index, *values in frame.itertuples():
        cells = [*(index if isinstance(index, tuple) else (index,)), *values]
        shown = [f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell) for cell in cells]
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines)


def report_synthetic(frame):
    """Return the tables of localization and of deletion."""
    text = []
    columns = ["area", "area smoothed", "near", "near smoothed"]
    for snv, part in frame.groupby("snv"):
        mean = part.groupby("method", sort=False)[[*columns, "cancellation"]].mean()
        mean["cancellation"] = [f"{value:.1f}" for value in mean["cancellation"]]
        mean = mean.join(less_best_rival(part, ["set", "task", "seed"], "area smoothed"))
        text.append(f"\n## {SPECTRA[snv]}, synthetic sets, {part['seed'].nunique()} seeds\n")
        text.append(table(mean, 3))
        classes = part[part["task"] == "classification"].groupby("method", sort=False)
        measured = ["area smoothed", "lowest class smoothed"]
        text.append("\nClasses alone, mean and the class with the lowest area:\n")
        text.append(table(classes[measured].mean(), 3))
        changes = part.groupby(["task", "method"], sort=False)[list(FILLS)].mean()
        text.append("\nDeletion of five windows, change over that of random windows, by fill:\n")
        text.append(table(changes, 1))
    return text


def report_mixtures(frame):
    """Return the tables of agreement with the net analyte signal."""
    text = ["\n## Mixtures of pure spectra, truth by net analyte signal"]
    for number, part in frame.groupby("interferents"):
        mean = part.groupby("method", sort=False)[list(part.columns[3:])].mean()
        mean = mean.join(less_best_rival(part, "seed", "analyte smoothed"))
        text.append(f"\n{number} interferents, {part['seed'].nunique()} seeds:\n")
        text.append(table(mean))
    return text


def report_selection(frame):
    """Return the tables of PLS on a tenth of the points."""
    text = []
    for by in ("points", "bands"):
        part = frame[frame["by"] == by]
        part = part.assign(spectra=part["snv"].map({False: "raw", True: "SNV"}))
        wide = part.pivot_table(
            index=["set", "spectra"], columns="method", values="ratio", sort=False
        )
        wide = wide[sorted(wide, key=["random"].__contains__)]  # last
        for name, logs in np.log(wide).groupby("spectra", sort=False):
            wide.loc[("geometric mean", name), :] = np.exp(logs.mean())
        text.append(
            f"\n## PLS on the top tenth by {by}, RMSE over that of all points, "
            f"{part['seed'].nunique()} divisions\n"
        )
        text.append(table(wide))
        text.append("\nCorrected over each other method, and its 95 % interval over sets:\n")
        rows = {}
        for name, part in np.log(wide.drop("geometric mean")).groupby("spectra", sort=False):
            beside = {}
            for method in wide.columns.drop(CORRECTED):
                values = part[CORRECTED] - part[method]
                low, mid, high = np.exp(values.mean() + half_width(values) * np.array([-1, 0, 1]))
                beside[method] = f"{mid:.2f} ({low:.2f}-{high:.2f})"
            rows[name] = beside
        text.append(table(pd.DataFrame(rows).T))
    return text


def measure(part, seeds, paths):
    """Return rows of one part of the benchmark."""
    rows = []
    for seed in seeds:
        if part == "synthetic":
            for kind, task, snv in product(KINDS, TASKS, (False, True)):
                rows += localize(kind, task, seed, snv)
        elif part == "mixtures":
            for n_interferents in N_INTERFERENTS:
                rows += judge_mixtures(n_interferents, seed)
        elif seed < N_DIVISIONS:
            for path, snv in product(paths, (False, True)):
                rows += select(path, snv, seed)
        print(part, "seed", seed, flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", choices=PARTS, help="measure this part anew")
    parser.add_argument("--summary", action="store_true", help="only sum up what was measured")
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    arguments = parser.parse_args()
    seeds = range(1 if arguments.quick else arguments.seeds)
    paths = sorted(arguments.data.glob("*.npz")) if arguments.data else []
    paths = [path for path in paths if np.load(path)["y"].dtype.kind in "fi"]
    text = ["# Maps beside rivals", "Produced by `benchmarks/rivals.py`; see its docstring."]
    for part, (name, report) in PARTS.items():
        path, frame = RESULTS / name, pd.DataFrame()
        if arguments.only in (None, part) and not arguments.summary:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                frame = pd.DataFrame(measure(part, seeds, paths))
        if len(frame) and not arguments.quick:
            frame.to_csv(path, index=False)
        elif path.exists() and not arguments.quick:  # as measured before
            frame = pd.read_csv(path)
        text += report(frame) if len(frame) else []
    if not arguments.quick:
        (RESULTS / "rivals.md").write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))


PARTS = {
    "synthetic": ("rivals.csv", report_synthetic),
    "mixtures": ("rivals_mixtures.csv", report_mixtures),
    "selection": ("rivals_selection.csv", report_selection),
}

if __name__ == "__main__":
    main()
