"""How fast: every figure a ratio of two things that took turns in one run.

    python benchmarks/speed.py --quick      # what an explanation costs: a minute
    python benchmarks/speed.py              # everything but aeon: about half an hour
    python benchmarks/speed.py --only fit   # one section: explain, predict, fit, search,
                                            # neighbours, growth, memory, dask, aeon

Run by ``make bench``. Medians of several rounds with their quartiles; the machine should have
nothing else to do. One thread a process (``OMP_NUM_THREADS=1``, as the Makefile sets it), but where
it says otherwise. Tables go to ``results/speed.md``, the curves to ``results/speed.csv`` and
``results/speed.png``.

- bare forward: the same network in ``torch.inference_mode`` on tensors that are ready for it, in
  chunks of the same size.
- hand-written loop: the same network, optimizer, learning rates, batches and epochs without
  skorch. `fit` by default first calibrates in closed form, which no loop does; ``shortcut=False``
  is training alone.
- captum: ``LayerGradientXActivation``, one class at a time.
- aeon (``pip install aeon tensorflow``): its ResNetClassifier at its defaults, 1500 epochs.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from joblib import parallel_config
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral._network.fitted import chunks
from sklearn_spectral._network.net import WEIGHT_DECAY, ShuffledBatches
from sklearn_spectral._network.resnet1d import ResNet1D
from sklearn_spectral._spectra.views import views

RESULTS = Path(__file__).resolve().parent / "results"
GROWTH = {
    "fit, by spectra": ("n", (60, 200, 600, 2000, 6000, 20_000), 200),
    "fit, by points": ("p", (100, 300, 1000, 3000, 6000), 100),
    "predict, by spectra": ("n", (1000, 10_000, 100_000, 1_000_000), 200),
    "explain, by spectra": ("n", (1000, 10_000, 100_000, 1_000_000), 200),
}


def seconds(function):
    """Return the time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def ratios(function, reference, n_rounds, warm_up=True):
    """Return the times of both sides, which take turns, (n_rounds, 2)."""
    if warm_up:
        function(), reference()
    times = []
    for i in tqdm(range(n_rounds), leave=False, disable=not sys.stderr.isatty()):
        # Whoever comes second finds a warmer cache: take turns in that, too.
        pair = (function, reference)[:: 1 if i % 2 else -1]
        measured = [seconds(each) for each in pair]
        times.append(measured[:: 1 if i % 2 else -1])
    return np.array(times)


def row(what, asked, times, per=1.0):
    """Return a row of the table: the ratio's median and quartiles beside what is asked."""
    low, median, high = np.quantile(times[:, 0] / times[:, 1], [0.25, 0.5, 0.75])
    one, other = np.median(times, axis=0) / per
    return {
        "what": what,
        "ratio": f"{median:.3g} [{low:.3g}, {high:.3g}]",
        "asked": asked,
        "seconds": f"{one:.3g} / {other:.3g}",
    }


def spectra(n_samples, n_points, n_classes=2, seed=0):
    """Return noisy spectra of wide bands, float32, and classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n_samples)
    axis = np.linspace(0, 1, n_points)
    bands = np.exp(-0.5 * ((axis - rng.uniform(size=(n_classes + 5, 1))) / 0.02) ** 2)
    amounts = rng.uniform(size=(n_samples, n_classes + 5))
    amounts[np.arange(n_samples), y] += 1
    X = (amounts @ bands).astype(np.float32)
    X += rng.normal(scale=0.05, size=X.shape).astype(np.float32)
    return X, y


def prepared(model, X):
    """Return the tensors that the network of a fitted model sees."""
    return torch.from_numpy(model._view_scaler.transform(views(X)))


def forward(model, x):
    """Pass prepared tensors through the network."""
    module = model.nets_[0].module_
    with torch.inference_mode():
        return [module(x[rows]) for rows in chunks(x)]


def explaining(n_rounds=11):
    from captum.attr import LayerGradientXActivation

    X, y = spectra(2000, 1000, 10)
    model = ResNet1DClassifier(max_epochs=1, random_state=0).fit(X[:200], y[:200])
    module = model.nets_[0].module_
    rows = [
        row(
            f"explain, {name}, 2000 x 1000 / predict_proba",
            asked,
            ratios(
                lambda target=target: model.explain(X, target=target),
                lambda: model.predict_proba(X),
                n_rounds,
            ),
        )
        for name, target, asked in (
            ("all of 10 classes", "all", "<= 1.15"),
            ("one class", None, "<= 1.05"),
        )
    ]

    class Head(torch.nn.Module):  # the layer that captum looks at
        def forward(self, features):
            return features

    class Captums(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Head()

        def forward(self, x):
            return module.forward_head(self.layer(module.forward_features(x)))

    network = Captums()
    method = LayerGradientXActivation(network, network.layer)

    def captums():
        x = prepared(model, X)
        for chunk in chunks(x):
            for target in range(10):
                method.attribute(x[chunk], target=target).sum(dim=1)

    times = ratios(captums, lambda: model.explain(X, target="all"), 3)
    return [*rows, row("captum, all classes / explain", ">= 15", times)]


def predicting(n_rounds=11):
    X, y = spectra(10_000, 1000, 10)
    model = ResNet1DClassifier(max_epochs=1, random_state=0).fit(X[:200], y[:200])
    x = prepared(model, X)
    times = ratios(lambda: model.predict(X), lambda: forward(model, x), n_rounds)
    one = ratios(lambda: model.predict(X[:1]), lambda: forward(model, x[:1]), 300)
    extra = 1e3 * (one[:, 0] - one[:, 1])
    low, median, high = np.quantile(extra, [0.25, 0.5, 0.75])
    return [
        row("predict / bare forward, 10 000 x 1000", "<= 1.1", times),
        {
            "what": "predict less bare forward, one spectrum (ms)",
            "ratio": f"{median:.2f} [{low:.2f}, {high:.2f}]",
            "asked": "<= 1.5",
            "seconds": "{:.2g} / {:.2g}".format(*np.median(one, axis=0)),
        },
    ]


def hand_written(x, y, n_outputs, *, epochs, batch_size=32, lr=1e-3, seed=0):
    """Train the same network as ``ResNet1DClassifier(shortcut=False)`` without skorch."""
    module = ResNet1D(x.shape[2], n_outputs, shortcut=False, seed=seed)
    biases = [p for name, p in module.named_parameters() if name.endswith("bias")]
    weights = [p for name, p in module.named_parameters() if not name.endswith("bias")]
    optimizer = torch.optim.AdamW(
        [{"params": biases, "weight_decay": 0.0}, {"params": weights}],
        lr=lr,
        weight_decay=WEIGHT_DECAY,
    )
    batches = ShuffledBatches(range(len(x)), batch_size)
    schedule = OneCycleLR(
        optimizer, max_lr=lr, total_steps=epochs * len(batches) + 1, cycle_momentum=False
    )
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=generator).tensor_split(len(batches)):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(module(x[batch]), y[batch]).backward()
            optimizer.step()
            schedule.step()
    return module


def fitting(n_rounds=5):
    rows = []
    for n_samples, n_points, asked in ((500, 1000, "<= 1.05"), (60, 400, "<= 1.2")):
        X, y = spectra(n_samples, n_points, 3)
        plain = ResNet1DClassifier(shortcut=False, random_state=0).fit(X, y)
        x, classes = prepared(plain, X), torch.from_numpy(y)

        def loop(x=x, classes=classes, epochs=plain.max_epochs):
            hand_written(x, classes, 3, epochs=epochs)

        for name, model, limit in (
            ("shortcut=False", plain, asked),
            ("default, with its calibrations", ResNet1DClassifier(random_state=0), ""),
        ):
            times = ratios(lambda model=model, X=X, y=y: model.fit(X, y), loop, n_rounds)
            size = f"{n_samples} x {n_points}"
            rows.append(row(f"fit, {name}, {size} / hand-written loop", limit, times))
    return rows


def searching(n_rounds=3):
    X, y = spectra(200, 400, 3)

    def search(n_jobs, backend="loky"):
        with parallel_config(backend, n_jobs=n_jobs):
            GridSearchCV(
                ResNet1DClassifier(random_state=0), {"lr": [1e-3, 2e-3]}, cv=4, refit=False
            ).fit(X, y)

    rows = [
        row(
            f"GridSearchCV, 8 fits, n_jobs=1 / n_jobs=2, {backend}",
            asked,
            ratios(lambda: search(1), lambda backend=backend: search(2, backend), n_rounds),
        )
        for backend, asked in (("loky", ">= 1.7"), ("threading", ">= 1"))
    ]
    return rows


def _spin():
    while True:
        sum(range(100_000))


def beside_neighbours(n_rounds=3):
    X, y = spectra(200, 400, 3)
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count())  # as PyTorch itself would
    times = []
    for _ in range(n_rounds):
        alone = seconds(lambda: ResNet1DClassifier(random_state=0).fit(X, y))
        others = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(os.cpu_count())]
        for other in others:
            other.start()
        busy = seconds(lambda: ResNet1DClassifier(random_state=0).fit(X, y))
        for other in others:
            other.kill()
            other.join()
        times.append((busy, alone))
    torch.set_num_threads(before)
    return [row("fit, every core taken by another process / idle", "<= 3", np.array(times))]


def growing():
    records = []
    for name, (varied, sizes, other) in GROWTH.items():
        model = None
        for size in tqdm(sizes, name, disable=not sys.stderr.isatty()):
            n, p = (size, other) if varied == "n" else (other, size)
            if name.startswith("fit"):
                X, y = spectra(n, p)
                times = [
                    seconds(lambda X=X, y=y: ResNet1DRegressor(random_state=0).fit(X, y))
                    for _ in range(3 if size < max(sizes) / 5 else 1)
                ]
            else:
                X, y = spectra(1000, p)
                model = model or ResNet1DRegressor(random_state=0, max_epochs=1).fit(X, y)
                with tempfile.TemporaryDirectory() as folder:
                    X = np.memmap(Path(folder, "X"), np.float32, "w+", shape=(n, p))
                    for start in range(0, n, 1000):
                        X[start : start + 1000] = spectra(1000, p, seed=start)[0]
                    if name.startswith("predict"):
                        call = model.predict
                        extra = {}
                    else:
                        call = model.explain
                        extra = {
                            "out": np.memmap(Path(folder, "m"), np.float32, "w+", shape=(n, p))
                        }
                    times = [
                        seconds(lambda call=call, X=X, extra=extra: call(X, **extra))
                        for _ in range(3 if n < 100_000 else 1)
                    ]
            records.append({"curve": name, "size": size, "seconds": float(np.median(times))})
    frame = pd.DataFrame(records)
    frame.to_csv(RESULTS / "speed.csv", index=False, float_format="%.4g")
    _draw(frame)
    rows = []
    for name, curve in frame.groupby("curve", sort=False):
        sizes, times = np.log(curve["size"].to_numpy()), np.log(curve["seconds"].to_numpy())
        slopes = np.diff(times) / np.diff(sizes)
        rows.append(
            {
                "what": f"{name} (slope of log time against log size, steepest piece)",
                "ratio": f"{np.polyfit(sizes, times, 1)[0]:.2f} ({slopes.max():.2f})",
                "asked": "<= 1",
                "seconds": f"{curve['seconds'].iloc[0]:.2g} to {curve['seconds'].iloc[-1]:.3g}",
            }
        )
    return rows


def _draw(frame):
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
    for ax, (name, curve) in zip(axes, frame.groupby("curve", sort=False), strict=True):
        ax.loglog(curve["size"], curve["seconds"], "o-", label="measured")
        linear = curve["seconds"].iloc[-1] * curve["size"] / curve["size"].iloc[-1]
        ax.loglog(curve["size"], linear, "--", color="grey", label="linear")
        varied, _, other = GROWTH[name]
        fixed = f"{other} points" if varied == "n" else f"{other} spectra"
        ax.set(title=f"{name}, {fixed}", xlabel="spectra" if varied == "n" else "points")
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("seconds")
    axes[0].legend()
    figure.savefig(RESULTS / "speed.png", dpi=110)


MEMORY = """
import json, resource, sys, threading, time
import numpy as np, torch
torch.set_num_threads({threads})
from sklearn_spectral import ResNet1DRegressor
from speed import spectra
X, y = spectra(100, 1000)
model = ResNet1DRegressor(random_state=0, max_epochs=1).fit(X, y)
model.explain(X)
X = np.memmap({path!r}, np.float32, "r", shape=({n}, 1000))
def status():
    lines = dict(line.split(":") for line in open("/proc/self/status", encoding="utf-8"))
    return {{name: int(lines[name].split()[0]) / 2**20 for name in ("VmRSS", "RssAnon")}}
start, peak, running = status(), dict(VmRSS=0, RssAnon=0), True
def watch():
    while running:
        now = status()
        for name in peak: peak[name] = max(peak[name], now[name])
        time.sleep(0.02)
thread = threading.Thread(target=watch); thread.start()
if {what!r} == "predict":
    model.predict(X)
else:
    out = np.memmap({path!r} + ".maps", np.float32, "w+", shape=X.shape)
    model.explain(X, out=out)
running = False; thread.join()
print(json.dumps({{name: peak[name] - start[name] for name in peak}}))
"""


def remembering(n=200_000):
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "X"))
        X = np.memmap(path, np.float32, "w+", shape=(n, 1000))
        for start in range(0, n, 1000):
            X[start : start + 1000] = spectra(1000, 1000, seed=start)[0]
        X.flush()
        del X
        for what in ("predict", "explain"):
            code = MEMORY.format(path=path, n=n, what=what, threads=os.cpu_count())
            done = subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                text=True,
                check=True,
                cwd=Path(__file__).parent,
            )
            peak = json.loads(done.stdout)
            rows.append(
                {
                    "what": f"{what}, memmap of {n} x 1000 (0.75 GiB): peak above start, GiB",
                    "ratio": f"{peak['RssAnon']:.2f} own, {peak['VmRSS']:.2f} with mapped files",
                    "asked": "< 1",
                    "seconds": "",
                }
            )
    return rows


def on_dask():
    """Throughput of images, block by block, and what a billion spectra would take."""
    import dask.array as da

    from sklearn_spectral import hyperspectral

    X, y = spectra(20_000, 500)
    model = ResNet1DRegressor(random_state=0, max_epochs=1).fit(X[:200], y[:200])
    image = da.from_array(X.reshape(100, 200, 500), chunks=(10, 200, -1))
    rows = []
    for name, run in (
        ("predict", lambda: hyperspectral.predict(model, image).compute(scheduler="sync")),
        ("explain", lambda: hyperspectral.explain(model, image).maps.compute(scheduler="sync")),
    ):
        run()
        rate = 20_000 / np.median([seconds(run) for _ in range(3)])
        rows.append(
            {
                "what": f"{name}, 500 points, by Dask on one core: spectra a second",
                "ratio": f"{rate:.0f}",
                "asked": "",
                "seconds": f"a billion: {1e9 / rate / 3600:.0f} core hours",
            }
        )
    return rows


def beside_aeon():
    """Fit aeon's ResNet at its defaults and ours: time and cross-validated accuracy."""
    from aeon.classification.deep_learning import ResNetClassifier
    from chemotools.datasets import load_coffee
    from chemotools.scatter import StandardNormalVariate

    X, labels = load_coffee()
    X = StandardNormalVariate().fit_transform(np.asarray(X)[:, ::6])
    y = np.asarray(labels).ravel()
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    figures = []
    folder = tempfile.TemporaryDirectory()  # aeon writes files while it trains
    aeons = ResNetClassifier(random_state=0, file_path=folder.name + "/")
    for model in (aeons, ResNet1DClassifier(random_state=0)):
        took = seconds(lambda model=model: model.fit(X_train, y_train))
        figures.append((took, balanced_accuracy_score(y_test, model.predict(X_test))))
    (theirs, their_score), (ours, our_score) = figures
    return [
        {
            "what": f"fit, aeon's ResNet / ours, coffee, {len(X_train)} x {X.shape[1]}",
            "ratio": f"{theirs / ours:.0f}",
            "asked": ">= 20",
            "seconds": f"{theirs:.3g} / {ours:.3g}; balanced accuracy "
            f"{their_score:.3f} / {our_score:.3f} on {len(y_test)} others",
        }
    ]


SECTIONS = {
    "explain": explaining,
    "predict": predicting,
    "fit": fitting,
    "search": searching,
    "neighbours": beside_neighbours,
    "growth": growing,
    "memory": remembering,
    "dask": on_dask,
    "aeon": beside_aeon,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only what an explanation costs")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="some sections")
    arguments = parser.parse_args()
    names = arguments.only or (["explain"] if arguments.quick else list(SECTIONS))
    if importlib.util.find_spec("aeon") is None and "aeon" in names:
        names.remove("aeon")
        print("aeon is not installed: its section is left out.")
    path = RESULTS / "speed.json"  # sections are measured one by one, the table has all
    measured = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in names:
        measured[name] = SECTIONS[name]()
        print(pd.DataFrame(measured[name]).to_string(index=False), flush=True)
        if not arguments.quick:
            path.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
            _write_table(measured)


def _write_table(measured):
    lines = [
        "# Speed",
        "",
        "Produced by `benchmarks/speed.py`; see its docstring for the protocol. Ratios are medians "
        "[quartiles] of rounds in which both sides took turns; seconds are those of both sides.",
        "",
        "| what | ratio | goal | seconds |",
        "|---|---|---|---|",
    ]
    for name in SECTIONS:
        for each in measured.get(name, []):
            lines.append("| {what} | {ratio} | {asked} | {seconds} |".format(**each))
    lines += ["", "![Time against size](speed.png)", ""]
    (RESULTS / "speed.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
