"""Intervals around predictions, from the errors of spectra that were left out."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._spectra.checks import as_numbers, check_number, group_codes
from .validation import checked

# Sums of shares that should be whole are, but for rounding.
TOLERANCE = 1e-9


def prediction_interval(
    predicted: ArrayLike, y: Any, left_out: Any, *, groups: Any = None, coverage: float = 0.9
) -> np.ndarray:
    r"""Return intervals that hold the reference values of new spectra, as often as asked for.

    Each is :math:`\hat y \pm q`, with the smallest q that enough left-out spectra err by at most:

    .. math:: \frac{1}{G + 1} \sum_{g=1}^G \frac{1}{n_g} \sum_{i \in g} [\,|y_i - \hat y_i| \le q]
              \ge \text{coverage}

    This is cross-conformal prediction (Vovk 2015, doi:10.1007/s10472-013-9368-4) with whole groups
    in the place of spectra (Dunn et al. 2023, doi:10.1080/01621459.2022.2060112): every group
    counts as one, and so does the new one. It holds for new samples like the old ones, on average
    over all of them; not for another instrument, season or product, nor for each level alone. The
    models of the folds know fewer spectra than the one that predicts, so that with few samples more
    is held than asked for.

    Parameters
    ----------
    predicted : array-like of shape (n_new,)
        Predictions of the new spectra, in the unit of y.
    y : array-like of shape (n_samples,)
        Reference values of the training spectra.
    left_out : array-like of shape (n_samples,), Explanation or DataFrame
        Their out-of-fold predictions, by ``cross_val_predict`` or :func:`cross_explain`, with
        `groups` together.
    groups : array-like of shape (n_samples,), default=None
        Which training spectra are of one sample, or whatever is new as a whole in use.
    coverage : float, default=0.9
        Share of new groups whose reference values the intervals shall hold.

    Returns
    -------
    interval : ndarray of shape (n_new, 2)
        Lower and upper limits, in the unit of y.

    Raises
    ------
    ValueError
        There are too few groups for this coverage (nine at least for 0.9), or y, predictions,
        groups or coverage are not as described.

    See Also
    --------
    validation_report : How large the errors are.
    sklearn_spectral.applicability : Whether a new spectrum is like the old ones at all.

    Examples
    --------
    Percentages of sunflower oil:

    >>> from sklearn.model_selection import cross_val_predict
    >>> from sklearn_spectral import ResNet1DRegressor, prediction_interval
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends, new = (make_oil_blends(20, n_replicates=1, random_state=seed) for seed in range(2))
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0)
    >>> left_out = cross_val_predict(model, blends.data, blends.target)
    >>> predicted = model.fit(blends.data, blends.target).predict(new.data)
    >>> prediction_interval(predicted, blends.target, left_out).shape
    (20, 2)
    """
    share = "a number between 0 and 1, both excluded"
    check_number("coverage", coverage, share, lambda value: 0 < value < 1)
    new = as_numbers(predicted, "predicted", "numbers")
    if new.ndim != 1:
        raise ValueError(
            f"predicted has shape {new.shape}; expected (n_new,). Of several outputs take "
            "one at a time."
        )
    y, left_out, _ = checked("left_out", as_numbers(y, "y", "numbers"), left_out)
    codes = np.arange(len(y)) if groups is None else group_codes(groups, len(y))
    sizes = np.bincount(codes)
    n_groups = len(sizes)
    errors = np.abs(left_out - y)
    order = np.argsort(errors)
    held = np.cumsum(1 / sizes[codes[order]])
    wanted = coverage * (n_groups + 1)
    if wanted > n_groups + TOLERANCE:
        raise ValueError(
            f"{n_groups} groups (or spectra) are too few for a coverage of {coverage:g}: "
            f"{np.ceil(coverage / (1 - coverage) - TOLERANCE):.0f} are needed. Lower coverage, or "
            "add samples."
        )
    half = errors[order][min(np.searchsorted(held, wanted - TOLERANCE), len(y) - 1)]
    return np.column_stack([new - half, new + half])
