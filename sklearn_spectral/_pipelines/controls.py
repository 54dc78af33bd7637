"""Negative controls: regions without a band of the analyte, and shifted wavelength axes."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed

from .._spectra.axis import axis_from_names, given_axis
from .._spectra.bands import BandsLike, resolve_bands
from .._spectra.checks import as_numbers, check_finite, own_random_state
from .._spectra.names import column_names
from .cross_explain import checked_data, fit_on, folds_of, readable_cv, seeded, with_groups


def region_control(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    bands: BandsLike,
    *,
    x_axis: ArrayLike | None = None,
    cv: Any = None,
    groups: ArrayLike | None = None,
    scoring: Any = None,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> pd.DataFrame:
    """Cross-validate models that receive only a region of the spectra, or all but this region.

    A model of a region where the analyte has no band, such as that of CO2 in air, should not
    predict. If it predicts better than chance, the data contain something else that is related to
    y, such as the day of the measurement. If a model predicts equally well without a band, it does
    not need this band, even if a map highlights it. The columns are selected before `estimator`,
    which is fitted again for each selection.

    Parameters
    ----------
    estimator : estimator
        Any regressor or classifier, such as a pipeline. It is cloned and remains unfitted. Its
        steps must accept spectra with fewer points; a step with an ``x_axis`` of all columns does
        not.
    X : array-like of shape (n_samples, n_features)
        Spectra.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Class labels or values.
    bands : dict, str or int
        Regions such as ``{"CO2": (2280, 2400)}``, the name of a table of bands, or a number of
        regions of equal width; see :meth:`~sklearn_spectral.Explanation.contributions`. "peaks" is
        not possible, because there is no map.
    x_axis : array-like of shape (n_features,) or None, default=None
        Wavelengths or wavenumbers of the columns; None takes them from the column names.
    cv : int, splitter, iterable of (train, test) or None, default=None
        Number of folds (None: 5), or scikit-learn's splitter; see
        :func:`~sklearn_spectral.cross_explain`. All regions are scored on the same folds.
    groups : array-like of shape (n_samples,), default=None
        Group of each spectrum, such as the sample of which it is a replicate.
    scoring : str, callable or None, default=None
        Score in any form that scikit-learn's ``cross_val_score`` takes; None takes the ``score``
        of the estimator.
    n_jobs : int or None, default=None
        Number of fits in parallel, as in joblib.
    random_state : int, RandomState or None, default=None
        Seed of the folds, and of estimators without a ``random_state``.

    Returns
    -------
    scores : DataFrame
        A row for every region: columns ``band``, ``start``, ``end``, and the mean scores over the
        folds. These are ``all``, with all points; ``alone``, with the region alone; ``without``
        the region; and ``chance``, of a model that predicts the mean of y, or for a classifier
        the shares of the classes, in the training folds.

    Raises
    ------
    ValueError
        A region covers no point or all points, or an argument does not fit.

    See Also
    --------
    deletion_curve : Masks points for a fitted model, without fitting it again.

    Examples
    --------
    R2 for the percentage of sunflower oil, with a band that depends on it and a region without any
    band:

    >>> from sklearn.cross_decomposition import PLSRegression
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.metrics import region_control
    >>> blends = make_oil_blends(60, n_replicates=1, fluorescence=0, scatter=0, random_state=0)
    >>> bands = {"C=C stretch": (1638, 1672), "no band": (1800, 1900)}  # cm-1
    >>> X, y = blends.data, blends.target
    >>> scores = region_control(
    ...     PLSRegression(3), X, y, bands, x_axis=blends.x_axis, random_state=0
    ... )
    >>> scores[["band", "all", "alone", "without"]].round(1)
              band  all  alone  without
    0  C=C stretch  0.9    0.9      0.9
    1      no band  0.9    0.2      0.9
    """
    X, y, groups = checked_data(estimator, X, y, groups, None)
    X = X if hasattr(X, "shape") else np.asarray(X)
    regions = _regions(X, x_axis, bands)
    seeds, classifies = own_random_state(random_state), is_classifier(estimator)
    folds = folds_of(readable_cv(cv), (X, y, groups), classifies, seeds)
    scorer = check_scoring(estimator, scoring=scoring)
    model, params = seeded(estimator, seeds), with_groups({}, estimator, groups)
    chance = DummyClassifier(strategy="prior") if classifies else DummyRegressor()
    every = np.arange(X.shape[1])
    jobs = [(model, every, params), (chance, every, {})]
    for points in regions.points:
        jobs += [(model, points, params), (model, np.setdiff1d(every, points), params)]
    scores = Parallel(n_jobs=n_jobs)(
        delayed(_score)(X, y, *job, *fold, scorer) for job, fold in product(jobs, folds)
    )
    means = np.reshape(scores, (len(jobs), len(folds))).mean(axis=1)
    columns = {"band": regions.names, "start": regions.ends[:, 0], "end": regions.ends[:, 1]}
    columns |= {"all": means[0], "alone": means[2::2], "without": means[3::2], "chance": means[1]}
    return pd.DataFrame(columns)


def _score(X, y, model, columns, params, train, test, scorer):
    X = _safe_indexing(X, columns, axis=1)
    model = fit_on(X, y, clone(model), train, params)
    return scorer(model, _safe_indexing(X, test), _safe_indexing(y, test))


def _axis(X, x_axis):
    """Return the wavelengths of the columns of X, or None where they are not known."""
    shape = np.shape(X)
    if len(shape) != 2:
        raise ValueError(f"X has shape {shape}; expected (n_samples, n_features).")
    return axis_from_names(column_names(X)) if x_axis is None else given_axis(x_axis, shape[1])


def _regions(X, x_axis, bands):
    """Return the regions that a user asks for; raise if one is the whole axis."""
    axis = _axis(X, x_axis)
    n_points = X.shape[1]
    if isinstance(bands, str) and bands == "peaks":
        raise ValueError("bands='peaks' needs a map; pass the regions as a dict instead.")
    values = np.arange(n_points, dtype=float) if axis is None else axis.values
    unit = None if axis is None else axis.unit
    maps = np.empty((0, n_points, 1))
    regions = resolve_bands(bands, values, maps, known=axis is not None, unit=unit)
    for name, points in zip(regions.names, regions.points, strict=True):
        if len(points) == n_points:
            raise ValueError(
                f"Band {name!r} covers all points, so no point is left without it. Narrow it."
            )
    return regions


def shift_sensitivity(
    estimator: Any,
    X: ArrayLike,
    *,
    x_axis: ArrayLike | None = None,
    shifts: ArrayLike = (-1.0, 1.0),
) -> pd.DataFrame:
    r"""Measure how much predictions change if the wavelength axis of the spectra is shifted.

    Instruments drift, and the axes of two instruments can differ by about one point. The spectra
    are interpolated by cubic splines at :math:`x - \Delta`, as if all bands had moved up by the
    shift :math:`\Delta`. Beyond either end, the first or the last value is repeated. Predictions of
    a model that uses the flank of a band, or a derivative, change most. Interpolation by a fraction
    of a point also smooths the noise a little, which contributes to the change.

    Parameters
    ----------
    estimator : fitted estimator
        Any regressor, or classifier with ``predict_proba``, such as a pipeline.
    X : array-like of shape (n_samples, n_features)
        Spectra as `estimator` takes them.
    x_axis : array-like of shape (n_features,) or None, default=None
        Wavelengths or wavenumbers of the columns; None takes them from their names, else counts
        points.
    shifts : float or array-like of shape (n_shifts,), default=(-1.0, 1.0)
        Shifts in the unit of the axis, or in points if the axis is not known.

    Returns
    -------
    sensitivity : DataFrame
        A row for every shift and target: columns ``shift``, ``target`` (the class, or the number
        of the output) and ``change``. The change is the root mean square over the spectra of the
        change of the prediction in the unit of y, or of the probability of the class.

    Raises
    ------
    ValueError
        `shifts` are not numbers or reach the length of the axis, or `x_axis` does not fit.

    See Also
    --------
    sklearn_spectral.applicability : Detects spectra of another instrument.
    randomization_check : Another check of what a model depends on.

    Examples
    --------
    Change of the predicted percentage of sunflower oil if bands move by 1 or 4 cm-1:

    >>> from sklearn.cross_decomposition import PLSRegression
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.metrics import shift_sensitivity
    >>> blends = make_oil_blends(40, n_replicates=1, random_state=0)
    >>> model = PLSRegression(4).fit(blends.data, blends.target)
    >>> shift_sensitivity(model, blends.data, x_axis=blends.x_axis, shifts=[1, 4]).round(1)
       shift  target  change
    0    1.0       0     1.1
    1    4.0       0     8.6
    """
    axis, spectra = _axis(X, x_axis), as_numbers(X, "X", "an array of numbers")
    check_finite(spectra, X)
    n_points = spectra.shape[1]
    x = np.arange(n_points, dtype=float) if axis is None else axis.values
    shifts = np.atleast_1d(as_numbers(shifts, "shifts", "numbers"))
    if shifts.ndim != 1 or not (np.abs(shifts) < np.ptp(x)).all():
        raise ValueError(
            f"shifts={shifts.tolist()!r:.200}; expected numbers in the unit of the axis that are "
            f"smaller than its length, {np.ptp(x):g}."
        )
    order = np.argsort(x)
    spline = CubicSpline(x[order], spectra[:, order], axis=1)
    classifies = is_classifier(estimator)

    def answers(values):
        table = pd.DataFrame(values, columns=list(X.columns)) if hasattr(X, "columns") else values
        given = estimator.predict_proba(table) if classifies else estimator.predict(table)
        return np.asarray(given, dtype=float).reshape(len(values), -1)

    before = answers(spectra)
    moved = (spline(np.clip(x - shift, x.min(), x.max())) for shift in shifts)
    changes = [np.sqrt(((answers(each) - before) ** 2).mean(axis=0)) for each in moved]
    targets = estimator.classes_ if classifies else np.arange(before.shape[1])
    return pd.DataFrame(
        {
            "shift": np.repeat(shifts, len(targets)),
            "target": np.tile(targets, len(shifts)),
            "change": np.concatenate(changes),
        }
    )
