"""Negative controls: regions that should say nothing, and axes that are a little off."""

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
    """Score models that see a band alone, or all but the band, on spectra left out of their fit.

    A region where the analyte has no band, such as that of CO2 in air, should not predict alone:
    if it does better than chance, something else in the data tells y, such as the day of the
    measurement. And what does without a band as well as with it can do without it, whatever a map
    says. The columns are chosen before the estimator, which is fitted anew every time.

    Parameters
    ----------
    estimator : estimator
        Any regressor or classifier, such as a pipeline; it is cloned, not fitted itself. Its steps
        must take spectra of fewer points: one with an ``x_axis`` of all columns cannot.
    X : array-like of shape (n_samples, n_features)
        Spectra.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Class labels or values.
    bands : dict, str or int
        Regions, ``{"CO2": (2280, 2400)}``, as for
        :meth:`~sklearn_spectral.Explanation.contributions`; not "peaks", which are those of a map.
    x_axis : array-like of shape (n_features,) or None, default=None
        Wavelengths or wavenumbers of the columns; None takes them from their names.
    cv, groups
        As for :func:`~sklearn_spectral.cross_explain`. The same folds serve for all regions.
    scoring : str, callable or None, default=None
        As for scikit-learn's ``cross_val_score``; None is the estimator's own.
    n_jobs : int or None, default=None
        Fits in parallel, as joblib counts them.
    random_state : int, RandomState or None, default=None
        Seed of the folds, and of estimators without a ``random_state``.

    Returns
    -------
    scores : DataFrame
        A row for every region: columns ``band``, ``start``, ``end``, and the mean scores over the
        folds: ``all`` of all points; ``alone``, of the region alone; ``without`` it; ``chance``,
        of the mean of y, or for a classifier the share of every class, in the training folds.

    Raises
    ------
    ValueError
        A region covers no point, or all of them, or an argument does not fit.

    See Also
    --------
    deletion_curve : Masks points for a fitted model, which never learns to do without them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cross_decomposition import PLSRegression
    >>> from sklearn_spectral.metrics import region_control
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 50))
    >>> y = X[:, 20:25].sum(axis=1)
    >>> bands = {"marker": range(20, 25), "silent": range(30, 40)}
    >>> scores = region_control(PLSRegression(2), X, y, bands, random_state=0)
    >>> (scores["alone"] > 0.9).tolist(), (scores["without"] > 0.5).tolist()
    ([True, False], [False, True])
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
    """Return the regions that a user asks for, of which none is the whole axis, or raise."""
    axis = _axis(X, x_axis)
    n_points = X.shape[1]
    if isinstance(bands, str) and bands == "peaks":
        raise ValueError("bands='peaks' are those of a map; name the regions, as a dict.")
    values = np.arange(n_points, dtype=float) if axis is None else axis.values
    unit = None if axis is None else axis.unit
    maps = np.empty((0, n_points, 1))
    regions = resolve_bands(bands, values, maps, known=axis is not None, unit=unit)
    for name, points in zip(regions.names, regions.points, strict=True):
        if len(points) == n_points:
            raise ValueError(f"Band {name!r} covers all points: nothing is left without it.")
    return regions


def shift_sensitivity(
    estimator: Any,
    X: ArrayLike,
    *,
    x_axis: ArrayLike | None = None,
    shifts: ArrayLike = (-1.0, 1.0),
) -> pd.DataFrame:
    r"""Measure by how much the answers change when bands are at other wavelengths than thought.

    Instruments drift, and two of them disagree by a point or so. Spectra s are read off at
    :math:`x - \Delta`, by cubic splines, as if all their bands had moved up by the shift
    :math:`\Delta`; beyond either end their first or last value stands. A model on the flank of a
    band, or on a derivative, answers otherwise at once. A shift by part of a point smooths noise a
    little, as any interpolation does, which is in the change, too.

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
        In the unit of the axis, or in points where it is not known.

    Returns
    -------
    sensitivity : DataFrame
        A row for every shift and target: columns ``shift``, ``target`` (the class, or the number
        of the output) and ``change``, the root mean square over the spectra of the change of the
        prediction, in the unit of y, or of the probability of the class.

    Raises
    ------
    ValueError
        `shifts` are no numbers, or as long as the axis, or `x_axis` does not fit.

    Examples
    --------
    A model that reads one point, on the flank of a band that rises by 2 a point:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_spectral.metrics import shift_sensitivity
    >>> X = np.array([[0.0, 2, 4, 6, 8], [1, 3, 5, 7, 9]])
    >>> model = LinearRegression(fit_intercept=False).fit(np.eye(5), np.eye(5)[2])
    >>> shift_sensitivity(model, X, shifts=[0.5, 1])["change"].round(6).tolist()
    [1.0, 2.0]
    """
    axis, spectra = _axis(X, x_axis), as_numbers(X, "X", "an array of numbers")
    check_finite(spectra, X)
    n_points = spectra.shape[1]
    x = np.arange(n_points, dtype=float) if axis is None else axis.values
    shifts = np.atleast_1d(as_numbers(shifts, "shifts", "numbers"))
    if shifts.ndim != 1 or not (np.abs(shifts) < np.ptp(x)).all():
        raise ValueError(
            f"shifts={shifts.tolist()!r:.200}; expected numbers in the unit of the axis, below its "
            f"length, {np.ptp(x):g}."
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
