"""What an explanation costs beside a prediction, measured side by side.

Run by ``make bench``. Every figure is a ratio of the same run: the two sides take turns, and the
median of their ratios is printed with the quartiles.
"""

import time

import numpy as np
import torch
from sklearn.datasets import make_classification

from sklearn_spectral import ResNet1DClassifier

N_SPECTRA, N_POINTS, N_CLASSES, N_ROUNDS = 2000, 1000, 10, 9


def seconds(function):
    """Return the time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def ratios(function, reference, n_rounds=N_ROUNDS):
    """Return the quartiles of time(function) / time(reference), and of the reference's time."""
    function(), reference()  # warm up
    times = np.array([(seconds(function), seconds(reference)) for _ in range(n_rounds)])
    return np.quantile(times[:, 0] / times[:, 1], [0.25, 0.5, 0.75]), np.median(times[:, 1])


def main():
    X, y = make_classification(
        N_SPECTRA, N_POINTS, n_informative=50, n_classes=N_CLASSES, random_state=0
    )
    model = ResNet1DClassifier(max_epochs=1, random_state=0).fit(X[:200], y[:200])
    print(
        f"{N_SPECTRA} x {N_POINTS}, {N_CLASSES} classes, {torch.get_num_threads()} thread(s), "
        f"median [quartiles] of {N_ROUNDS} rounds"
    )
    for name, target in (("one class", None), ("all classes", "all")):
        (low, median, high), reference = ratios(
            lambda target=target: model.explain(X, target=target), lambda: model.predict_proba(X)
        )
        print(
            f"explain, {name:11} / predict_proba: {median:.2f} [{low:.2f}, {high:.2f}]"
            f"   (predict_proba {reference:.2f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
