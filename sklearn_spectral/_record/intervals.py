"""Intervals around predictions, from the errors for left-out spectra."""

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
    r"""Return intervals that contain the reference values of new spectra with a given coverage.

    The interval is :math:`\hat y \pm q`, where q is the smallest number for which

    .. math:: \frac{1}{G + 1} \sum_{g=1}^G \frac{1}{n_g} \sum_{i \in g} [\,|y_i - \hat y_i| \le q]
              \ge \text{coverage}

    for G groups of n spectra each. This is cross-conformal prediction (Vovk 2015,
    doi:10.1007/s10472-013-9368-4) with whole groups instead of spectra (Dunn et al. 2023,
    doi:10.1080/01621459.2022.2060112): every group, including the new one, has the same weight. The
    coverage is valid for new samples like the old ones, on average over all of them. It is not
    valid for another instrument, season or product, nor for each level alone. The models of the
    folds are fitted on fewer spectra than the model that predicts, so that with few samples the
    coverage is higher than requested.

    Parameters
    ----------
    predicted : array-like of shape (n_new,)
        Predictions of the new spectra, in the unit of y.
    y : array-like of shape (n_samples,)
        Reference values of the training spectra.
    left_out : array-like of shape (n_samples,), Explanation or DataFrame
        Out-of-fold predictions of the training spectra, by ``cross_val_predict`` or
        :func:`cross_explain`. The folds must not divide `groups`.
    groups : array-like of shape (n_samples,), default=None
        Group of each training spectrum, such as its sample, or its batch if new spectra come from
        new batches.
    coverage : float, default=0.9
        Share of new groups whose reference values the intervals should contain.

    Returns
    -------
    interval : ndarray of shape (n_new, 2)
        Lower and upper limits in the unit of y.

    Raises
    ------
    ValueError
        There are too few groups for this coverage (at least nine for 0.9), or y, the predictions,
        the groups or the coverage are not as described.

    See Also
    --------
    validation_report : Statistics of the errors.
    applicability : Detects new spectra for which the coverage does not hold.

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
    >>> interval = prediction_interval(predicted, blends.target, left_out)
    >>> inside = (interval[:, 0] <= new.target) & (new.target <= interval[:, 1])
    >>> interval.shape, bool(inside.mean() > 0.5)
    ((20, 2), True)
    """
    share = "a number between 0 and 1, both excluded"
    check_number("coverage", coverage, share, lambda value: 0 < value < 1)
    new = as_numbers(predicted, "predicted", "numbers")
    if new.ndim != 1:
        raise ValueError(
            f"predicted has shape {new.shape}; expected (n_new,). If there are several outputs, "
            "pass one at a time."
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
