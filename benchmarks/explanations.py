"""How good are the maps: corrected and plain beside other methods on the same fitted networks.

    python benchmarks/explanations.py --quick       # two synthetic sets, two seeds: minutes
    python benchmarks/explanations.py --data DIR    # everything: an hour
    python benchmarks/explanations.py --data DIR --seeds 2 --no-times    # a third of it
    python benchmarks/explanations.py --summary     # tables and figure of what has been measured

Synthetic sets whose bands are known, of growing difficulty, each for quantification and for
classification, five seeds (of the set and of the network) or as many as `--seeds` says; real sets
of DIR with textbook bands, one split, as many seeds of the network. Everything is explained on
spectra the network was not trained on, after SNV, for the true class or the only output.

- Corrected maps are the default of `explain`, plain ones 1D Grad-CAM without correction.
- captum's methods get the network itself, with the mean spectrum as baseline, and their values for
  the three views are added up; Grad-CAM is that of the last layer, with its ReLU.
- Kernel SHAP and SMX (spectral-model-explainer) get the pipeline, and run where they are installed
  (``pip install shap spectral-model-explainer``), on the synthetic sets, one seed: SMX ranks 20
  zones, the same for all spectra, in minutes; Kernel SHAP explains three spectra of each set.

Localization: area under the ROC curve of the absolute map against the bands, mean over spectra.
Deletion and insertion: areas less those of random orders, as `sklearn_spectral.metrics` says.
Stability: correlation of the mean absolute maps of networks that differ in their seed.
"""

import argparse
import importlib.util
import time
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from itertools import pairwise, product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from captum.attr import DeepLift, FeatureAblation, IntegratedGradients, LayerGradCam, Occlusion
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from joblib import Parallel, delayed
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, explain
from sklearn_spectral.metrics import (
    completeness_residual,
    deletion_curve,
    insertion_curve,
    localization,
    randomization_check,
    stability,
)

REPOSITORY = Path(__file__).resolve().parents[1]
KINDS = ("single marker", "several markers", "overlapping", "confounded")
TASKS = ("regression", "classification")
N_SEEDS = 5
N_TRAIN, N_TEST = 100, 50
N_SHAP = 3  # spectra for Kernel SHAP
N_STEPS = 20  # of deletion and insertion
N_TIMED = 1000
LABELS = {
    "ours": "corrected (default)",
    "plain": "1D Grad-CAM, plain",
    "grad-cam": "Grad-CAM",
    "ig": "integrated gradients",
    "deeplift": "DeepLIFT",
    "occlusion": "occlusion",
    "ablation": "feature ablation",
    "shap": "Kernel SHAP",
    "smx": "SMX",
}
SCORES = {"classification": "balanced accuracy", "regression": "R2"}
OURS = {"ours": None, "plain": "1d-grad-cam"}  # method of `explain`
REAL = {
    "beer_nir": {"extract": (1190, 1320)},
    "fishoil_raman": {"=C-H": (1250, 1280), "C=C": (1640, 1670), "=C-H stretch": (2995, 3025)},
    "mayonnaise_nir": {"CH": (1720, 1760), "C=C-H": (2140, 2190), "CH2": (2310, 2350)},
    "pufa_raman": {"=C-H": (1250, 1280), "C=C": (1640, 1670)},
    "plastics_flopp_ftir": {
        "PET": [(1700, 1730)],
        "PA": [(1520, 1560), (1620, 1660)],
        "PVC": [(600, 700)],
        "PS": [(685, 715), (1480, 1500)],
        "ABS": [(2225, 2255)],
        "PP": [(830, 850), (1360, 1390)],
        "PE": [(705, 735), (1450, 1480)],
    },
}


@dataclass(frozen=True)
class Spectra:
    name: str
    task: str
    X: np.ndarray
    y: np.ndarray
    x_axis: np.ndarray
    known: np.ndarray  # (n_samples, n_points), boolean; rows without a known band are all False
    train: np.ndarray
    test: np.ndarray


def _bell(x, centres, widths):
    return np.exp(-0.5 * ((x - np.asarray(centres)[:, None]) / np.asarray(widths)[:, None]) ** 2)


def make_spectra(kind, task, seed, n_samples=N_TRAIN + N_TEST, n_points=600):
    """Make spectra of nine common bands, a fluorescent background and marker bands.

    Common bands vary by 10 per cent of themselves, the background and the scatter (10 per cent)
    freely, noise is 0.005 of a typical band. Markers, half as high as common bands or less, rise
    with y, or those of one class are higher. They are known within two standard deviations.

    - single marker: one band (one a class); several markers: five in all
    - overlapping: beside each marker, two of its widths away, an irrelevant band, wider and three
      times as high, that varies by 20 per cent
    - confounded: three markers, and the background rises with y, or with the class, too
    """
    rng = np.random.default_rng(seed)
    x = np.arange(n_points, dtype=float)
    n_single = 1 if task == "regression" else 3
    n_markers = {"single marker": n_single, "confounded": 3}.get(kind, 5)
    centres = np.zeros(2)
    while np.diff(np.sort(centres)).min() <= 18:
        centres = rng.uniform(25, n_points - 25, 9 + n_markers)
    common = _bell(x, centres[:9], rng.uniform(4, 9, 9)) * rng.uniform(0.5, 1.5, (9, 1))
    widths = rng.uniform(3, 6, n_markers)
    bells = _bell(x, centres[9:], widths)
    markers = bells * rng.uniform(0.3, 1, (n_markers, 1))
    X = (1 + 0.1 * rng.normal(size=(n_samples, 9))) @ common
    if task == "regression":
        y = confounder = rng.uniform(0, 1, n_samples)
        X += 0.5 * (y[:, None] * (1 + 0.05 * rng.normal(size=(n_samples, n_markers)))) @ markers
    else:
        labels = rng.integers(0, 3, n_samples)
        height = rng.uniform(0.05, 0.15, (n_samples, n_markers))
        height += 0.3 * (np.arange(n_markers) % 3 == labels[:, None])
        X += height @ markers
        y, confounder = np.array(["a", "b", "c"])[labels], labels / 2
    if kind == "overlapping":
        beside = centres[9:] + 2 * widths * rng.choice([-1, 1], n_markers)
        size = 1 + 0.2 * rng.normal(size=(n_samples, n_markers))
        X += 1.5 * size @ _bell(x, beside, 1.5 * widths)
    background = rng.uniform(0, 1, n_samples)
    if kind == "confounded":
        background = 0.7 * confounder + 0.3 * background
    X += background[:, None] * np.exp(-(((x - 0.4 * n_points) / (0.5 * n_points)) ** 2))
    X += rng.uniform(0.2, 0.6, (n_samples, 1))
    X *= rng.uniform(0.9, 1.1, (n_samples, 1))
    X += 0.005 * rng.normal(size=X.shape)
    known = np.tile((bells > np.exp(-2)).any(axis=0), (n_samples, 1))
    rows = np.arange(n_samples)
    return Spectra(kind, task, X, y, x, known, rows[:N_TRAIN], rows[N_TRAIN:])


def load_spectra(path):
    """Load a real set with its textbook bands: official split, or three quarters of the groups."""
    with np.load(path) as file:
        data = dict(file)
    X, y, axis, bands = data["X"].astype(float), data["y"], data["axis"], REAL[path.stem]
    task = "regression" if y.dtype.kind == "f" else "classification"
    if "test_idx" in data:
        train, test = data["train_idx"], data["test_idx"]
    else:
        groups = data.get("groups", np.arange(len(y)))
        splitter = GroupShuffleSplit(1, test_size=0.25, random_state=0)
        train, test = next(splitter.split(X, y, groups))
    if path.stem == "fishoil_raman":
        # Its axis begins below zero. Without the fluorescence removed, row by row, masked points
        # are steps in the spectrum, larger than any band: no order of masking is then better than
        # a random one, whatever the method.
        X, axis = ArPls().fit_transform(X[:, axis >= 600]), axis[axis >= 600]

    def within(limits):
        return np.any([(low <= axis) & (axis <= high) for low, high in limits], axis=0)

    if isinstance(next(iter(bands.values())), list):  # each class has bands of its own
        none = np.zeros(len(axis), dtype=bool)
        known = np.array([within(bands[label]) if label in bands else none for label in y])
    else:
        known = np.tile(within(bands.values()), (len(y), 1))
    return Spectra(path.stem, task, X, y, axis, known, train, test)


def fit(data, seed):
    estimator = ResNet1DRegressor if data.task == "regression" else ResNet1DClassifier
    model = make_pipeline(StandardNormalVariate(), estimator(random_state=seed))
    return model.fit(data.X[data.train], data.y[data.train])


def network_inputs(estimator, spectra, targets):
    """Return network, scaled views and the columns of the targets, for captum."""
    module = estimator.to_module()
    x = module.views(torch.tensor(spectra))
    if not hasattr(estimator, "classes_"):
        return module.networks[0], x, torch.zeros(len(x), dtype=int)
    return module.networks[0], x, torch.from_numpy(np.searchsorted(estimator.classes_, targets))


def to_points(values, n_points):
    """Give every point of a bin its share: (n_samples, n_bins) -> (n_samples, n_points)."""
    size = -(-n_points // values.shape[1])
    return np.repeat(values / size, size, axis=1)[:, :n_points]


def captum_maps(method, module, x, column):
    """Return maps of captum at the resolution of the views, (n_samples, n_bins)."""
    n_bins = x.shape[2]
    if method == "grad-cam":
        cam = LayerGradCam(module, module.blocks).attribute(x, column, relu_attributions=True)
        return torch.nn.functional.interpolate(cam, n_bins, mode="linear")[:, 0].detach().numpy()
    if method == "ig":
        explainer, params = IntegratedGradients(module), {"n_steps": 50, "internal_batch_size": 256}
    elif method == "deeplift":
        explainer, params = DeepLift(module), {}
    elif method == "occlusion":  # three views and 15 points at once, every 3 points
        explainer = Occlusion(module)
        params = {"sliding_window_shapes": (3, 15), "strides": (3, 3), "perturbations_per_eval": 8}
    else:  # four neighbouring points at once, in all views: a cell of the network
        cells = (torch.arange(n_bins) // 4).expand(1, 3, n_bins)
        explainer, params = FeatureAblation(module), {"feature_mask": cells}
    with torch.set_grad_enabled(method in ("ig", "deeplift")), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # DeepLIFT: about the hooks it sets
        values = explainer.attribute(x, target=column, baselines=0, **params)
    # Ablation hands each point the effect of its whole cell.
    return values.sum(dim=1).detach().numpy()


def shap_maps(predict, spectra, background, columns):
    """Return Kernel SHAP maps of some spectra."""
    import shap

    explainer = shap.KernelExplainer(predict, background[None])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = explainer.shap_values(spectra, nsamples=2000, silent=True)
    values = np.asarray(values).reshape(len(spectra), spectra.shape[1], -1)
    return values[np.arange(len(spectra)), :, columns]


def smx_map(estimator, spectra, x_axis, column):
    """Return SMX's ranking of 20 zones as one map, (n_points,)."""
    from smx import SMX

    edges = np.linspace(0, spectra.shape[1], 21).astype(int)
    cuts = [(f"z{i}", x_axis[a], x_axis[b - 1]) for i, (a, b) in enumerate(pairwise(edges))]
    classifies = hasattr(estimator, "classes_")
    outputs = estimator.predict_proba(spectra)[:, column] if classifies else None
    smx = SMX(
        spectral_cuts=[(name, *sorted(ends)) for name, *ends in cuts],
        quantiles=[0.2, 0.4, 0.6, 0.8],
        n_repetitions=1,  # of the default 4: minutes a class
        estimator=estimator,
        perturbation_metric="probability_shift" if classifies else "mean_abs_diff",
    )
    frame = pd.DataFrame(spectra, columns=x_axis)
    with redirect_stdout(StringIO()):  # it prints every bag
        smx.fit(frame, estimator.predict(spectra) if outputs is None else outputs)
    score = smx.lrc_summed_.groupby("Zone")["Local_Reaching_Centrality"].max()
    values = np.zeros(spectra.shape[1])
    for i, (a, b) in enumerate(pairwise(edges)):
        values[a:b] = score.get(f"z{i}", 0.0)
    return values


@dataclass(frozen=True)
class Maps:
    """One fitted model and what every method says of its test spectra."""

    model: object
    explanation: object  # to put maps of any method into
    maps: dict  # method: (n_spectra, n_points); Kernel SHAP explains some only
    seconds: dict  # method: for all of them


def explain_all(data, seed, methods):
    """Fit a model and explain the test spectra by every method."""
    model = fit(data, seed)
    last = model[-1]
    X, y = data.X[data.test], data.y[data.test]
    regression = data.task == "regression"
    maps, seconds = {}, {}
    for name, method in OURS.items():
        start = time.perf_counter()
        target = None if regression else y
        explanation = explain(model, X, target=target, x_axis=data.x_axis, method=method)
        maps[name], seconds[name] = explanation.maps, time.perf_counter() - start
    spectra, n_points = explanation.spectra, explanation.maps.shape[1]
    module, x, column = network_inputs(last, spectra, y)
    for method in methods:
        start = time.perf_counter()
        if method in ("grad-cam", "ig", "deeplift", "occlusion", "ablation"):
            maps[method] = to_points(captum_maps(method, module, x, column), n_points)
        elif method == "smx" and seed == 0 and data.name in KINDS:
            train = model[:-1].transform(data.X[data.train])
            each = {c: smx_map(last, train, data.x_axis, c) for c in set(column.tolist())}
            maps[method] = np.array([each[c] for c in column.tolist()])
        elif method == "shap" and seed == 0 and data.name in KINDS:
            predict = last.predict if regression else last.decision_function
            maps[method] = shap_maps(
                predict, spectra[:N_SHAP], last.mean_spectrum_, column[:N_SHAP].numpy()
            )
        seconds.setdefault(method, time.perf_counter() - start)
    return Maps(model, explanation, maps, seconds)


def judge(data, seed, found):
    """Return a row of results for every method."""
    X, y, known = data.X[data.test], data.y[data.test], data.known[data.test]
    score = (r2_score if data.task == "regression" else balanced_accuracy_score)(
        y, found.model.predict(X)
    )
    rows = []
    for method, values in found.maps.items():
        explanation = replace(found.explanation[: len(values)], maps=values)
        has_bands = known[: len(values)].any(axis=1)
        places = localization(explanation[has_bands], known[: len(values)][has_bands])
        row = {
            "set": data.name,
            "task": data.task,
            "seed": seed,
            "method": method,
            "score": score,
            "roc_area": places["roc_area"].mean(),
            "average_precision": places["average_precision"].mean(),
            "pointing": places["pointing"].mean(),
            "seconds_per_spectrum": found.seconds[method] / len(values),
        }
        if method != "shap":
            deletion = deletion_curve(found.model, explanation, n_steps=N_STEPS)
            insertion = insertion_curve(found.model, explanation, n_steps=N_STEPS)
            gain = deletion.area - deletion.random_area
            row |= {
                "deletion": gain.mean(),
                "deletion_error": gain.std(ddof=1) / np.sqrt(len(gain)),
                "insertion": (insertion.area - insertion.random_area).mean(),
            }
        if method == "ours":
            row["completeness"] = completeness_residual(explanation).max()
            check = randomization_check(found.model, X, n_repeats=3, random_state=0)
            row["randomized"] = check.mean()
        rows.append(row)
    return rows


def measure_set(sets, methods):
    """Measure every seed of a set, and the stability over networks on the first of them."""
    found = [explain_all(data, seed, methods) for seed, data in enumerate(sets)]
    rows = [row for seed, data in enumerate(sets) for row in judge(data, seed, found[seed])]
    frame = pd.DataFrame(rows)
    same = [found[0]]  # one set, networks of several seeds
    for seed in range(1, len(sets)):
        same.append(found[seed] if sets[seed] is sets[0] else explain_all(sets[0], seed, methods))
    for method in methods:
        members = [
            replace(each.explanation, maps=each.maps[method])
            for each in same
            if method in each.maps
        ]
        if len(members) > 1:
            alike = stability(members)
            chosen = frame["method"] == method
            frame.loc[chosen, "stability"] = alike.mean_map
            frame.loc[chosen, "stability_per_spectrum"] = alike.per_spectrum.mean()
    return frame


def timings(methods):
    """Return seconds for one spectrum and for a thousand, all classes, in one process."""
    data = make_spectra("several markers", "classification", 0)
    model = fit(data, 0)
    last = model[-1]
    many = make_spectra("several markers", "classification", 1, n_samples=N_TIMED).X
    spectra = model[:-1].transform(many)
    rows = []
    for method in methods:
        row = {"method": method}
        for n in (1, N_TIMED):
            if method in ("shap", "smx") and n > 1:
                continue  # a thousand times one spectrum
            if method in OURS:
                last.explain(spectra[:n], target="all", method=OURS[method])  # warm
            start = time.perf_counter()
            if method in OURS:
                last.explain(spectra[:n], target="all", method=OURS[method])
            elif method == "shap":
                shap_maps(
                    last.decision_function, spectra[:1], last.mean_spectrum_, np.zeros(1, int)
                )
            elif method == "smx":
                smx_map(last, model[:-1].transform(data.X[data.train]), data.x_axis, 0)
            else:
                for column in range(3):
                    module, x, _ = network_inputs(last, spectra[:n], [last.classes_[0]] * n)
                    captum_maps(method, module, x, torch.full((n,), column))
            row[f"seconds_{n}"] = time.perf_counter() - start
        rows.append(row)
        print("timing", row, flush=True)
    return pd.DataFrame(rows)


def table(frame, column, digits=2):
    """Return a Markdown table: sets as rows, methods as columns, and the mean."""
    wide = frame.pivot_table(index=["set", "task"], columns="method", values=column, sort=False)
    wide = wide[[m for m in LABELS if m in wide]].rename(columns=LABELS)
    lines = [
        "| set | " + " | ".join(wide.columns) + " |",
        "|---" * (len(wide.columns) + 1) + "|",
    ]
    for (name, task), values in [*wide.iterrows(), (("mean", ""), wide.mean())]:
        cells = ["-" if np.isnan(v) else f"{v:.{digits}f}" for v in values]
        lines.append(f"| {name}{', ' + task if task else ''} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def markdown(frame, times):
    """Return the report."""
    synthetic = frame[frame["set"].isin(KINDS)]
    real = frame[~frame["set"].isin(KINDS)]
    text = ["# Explanations", "Produced by `benchmarks/explanations.py`; see its docstring."]
    for title, part in (("Synthetic sets", synthetic), ("Real sets, textbook bands", real)):
        if not len(part):
            continue
        scores = part[part["method"] == "ours"].groupby("task")["score"].mean()
        shown = [f"{SCORES[task]} {score:.3f}" for task, score in scores.items()]
        text += [
            f"## {title}",
            f"{part['seed'].nunique()} seeds. Means on test spectra: {', '.join(shown)}.",
            "Localization: area under the ROC curve, mean over spectra and seeds.",
            table(part, "roc_area"),
            "Average precision.",
            table(part, "average_precision"),
            "Pointing game: share of spectra whose highest point is in a band.",
            table(part, "pointing"),
            "Deletion area less that of random orders (the lower the better).",
            table(part, "deletion", 3),
            "Insertion area less that of random orders (the higher the better).",
            table(part, "insertion", 3),
            "Stability: correlation of mean absolute maps over seeds.",
            table(part, "stability"),
        ]
        ours = part[part["method"] == "ours"]
        text.append(
            f"Corrected: completeness residual at most {ours['completeness'].max():.1e}; "
            f"correlation with maps of scrambled weights {ours['randomized'].mean():.2f} "
            f"(highest {ours['randomized'].max():.2f})."
        )
    if times is not None:
        one, many = (
            times["seconds_1"],
            times[f"seconds_{N_TIMED}"].fillna(N_TIMED * times["seconds_1"]),
        )
        text += [
            "## Time",
            f"Seconds for all three classes, 600 points, one thread; {N_TIMED} spectra of Kernel "
            "SHAP are a thousand times one (2000 evaluations each), not measured. SMX explains a "
            "whole set and one class at once: its one figure stands in both columns.",
            f"| method | 1 spectrum | {N_TIMED} spectra | ratio to the first |\n|---|---|---|---|",
        ]
        for i, method in enumerate(times["method"]):
            total = one[i] if method == "smx" else many[i]
            text[-1] += (
                f"\n| {LABELS[method]} | {one[i]:.3g} | {total:.3g} | {total / many[0]:.3g} |"
            )
    return "\n\n".join(text) + "\n"


def plot(frame, path):
    """Draw localization, deletion and stability of every set."""
    columns = {
        "roc_area": "Localization\n(ROC area)",
        "deletion": "Deletion area\nless random",
        "stability": "Stability\nover seeds",
    }
    names = list(dict.fromkeys(zip(frame["set"], frame["task"], strict=True)))
    figure, axes = plt.subplots(
        1, 3, figsize=(11, 0.8 + 0.36 * len(names)), sharey=True, layout="constrained"
    )
    markers = dict(zip(LABELS, "opsD^vP*X", strict=True))
    colours = dict(
        zip(
            LABELS,
            "#d55e00 #f0a070 #888888 #0072b2 #56b4e9 #009e73 #e69f00 #cc79a7 #000000".split(),
            strict=True,
        )
    )
    for axis, (column, label) in zip(axes, columns.items(), strict=True):
        for method in LABELS:
            part = frame[frame["method"] == method]
            if not len(part):
                continue
            means = part.groupby(["set", "task"])[column].mean()
            values = [means.get(name, np.nan) for name in names]
            axis.plot(
                values,
                range(len(names)),
                markers[method],
                color=colours[method],
                label=LABELS[method],
                alpha=0.85,
            )
        axis.set_xlabel(label)
        axis.grid(axis="y", color="0.9")
    axes[0].set_yticks(range(len(names)), [f"{name}, {task}" for name, task in names])
    axes[0].invert_yaxis()
    axes[0].axvline(0.5, color="0.5", linewidth=0.8)
    axes[1].axvline(0, color="0.5", linewidth=0.8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    figure.savefig(path, dpi=150)


def main():
    """Measure what is asked for, and sum up."""
    data = REPOSITORY.parent / "shared" / "data"
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    add = parser.add_argument
    add("--data", type=Path, default=data if data.is_dir() else None)
    add("--sets", type=lambda text: text.split(","), help="measure these anew, keep the others")
    add("--methods", type=lambda text: text.split(","), default=list(LABELS))
    add("--n-jobs", type=int, default=2)
    add("--results", type=Path, default=REPOSITORY / "benchmarks" / "results")
    add("--seeds", type=int, default=N_SEEDS)
    add("--no-times", action="store_true", help="leave the table of times as it was measured")
    add("--quick", action="store_true", help="two synthetic sets, two seeds, captum's methods")
    add("--summary", action="store_true", help="only sum up what was measured")
    args = parser.parse_args()
    results = args.results / "quick" if args.quick else args.results
    results.mkdir(parents=True, exist_ok=True)
    path, times_path = results / "explanations.csv", results / "explanation_times.csv"
    methods = [m for m in args.methods if not (args.quick and m in ("shap", "smx"))]
    for method, package in (("shap", "shap"), ("smx", "smx")):
        if method in methods and importlib.util.find_spec(package) is None:
            print(f"{LABELS[method]} left out: {package} is not installed")
            methods.remove(method)
    if not args.summary:
        n_seeds = 2 if args.quick else args.seeds
        kinds = KINDS[:2] if args.quick else KINDS
        sets = [
            [make_spectra(kind, task, seed) for seed in range(n_seeds)]
            for kind, task in product(kinds, TASKS)
        ]
        if args.data and not args.quick:
            paths = [args.data / f"{name}.npz" for name in REAL]
            sets += [[load_spectra(each)] * n_seeds for each in paths if each.exists()]
        order = [(each[0].name, each[0].task) for each in sets]
        frames = []
        if args.sets:
            sets = [each for each in sets if each[0].name in args.sets]
            frames = [part for _, part in pd.read_csv(path).groupby(["set", "task"])]
            frames = [part for part in frames if part["set"].iloc[0] not in args.sets]
        for frame in Parallel(args.n_jobs, return_as="generator_unordered")(
            delayed(measure_set)(each, methods) for each in sets
        ):
            frames.append(frame)
            frames.sort(key=lambda part: order.index((part["set"].iloc[0], part["task"].iloc[0])))
            pd.concat(frames).to_csv(path, index=False, float_format="%.5g")
            shown = frame.groupby("method", sort=False)[["roc_area", "deletion"]].mean().round(3)
            print(f"{len(frames)}/{len(order)} {frame['set'][0]}, {frame['task'][0]}\n{shown}\n")
        if not (args.sets or args.no_times):
            timings(methods).to_csv(times_path, index=False, float_format="%.4g")
    frame = pd.read_csv(path)
    times = pd.read_csv(times_path) if times_path.exists() else None
    report = markdown(frame, times)
    (results / "explanations.md").write_text(report, encoding="utf-8")
    plot(frame, results / "explanations.png")
    print(report)


if __name__ == "__main__":
    main()
