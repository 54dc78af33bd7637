"""Measures of the quality of maps, negative controls for models, and the VIP of PLS.

Measures of quality show whether a map finds known bands, and whether the predictions of the model
depend on the points that the map highlights.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.utils import Bunch

from ._explanation.explanation import Explanation
from ._explanation.randomization import randomization_check, row_correlation
from ._pipelines.controls import region_control, shift_sensitivity
from ._pipelines.linear import vip
from ._pipelines.unwrap import unwrap
from ._record.alike import check_alike
from ._record.per_target import per_target
from ._record.samples import labels_of_samples
from ._record.tables import bands_of
from ._spectra.bands import BandsLike
from ._spectra.checks import as_numbers, check_number, naming_argument, own_random_state
from ._work import own_settings

__all__ = [
    "MaskingCurve",
    "completeness_residual",
    "deletion_curve",
    "insertion_curve",
    "localization",
    "randomization_check",
    "region_control",
    "shift_sensitivity",
    "stability",
    "vip",
]

# Number of random orders with which the order of a map is compared.
N_RANDOM_ORDERS = 3


@dataclass(frozen=True, eq=False)
class MaskingCurve:
    """Result of :func:`deletion_curve` or :func:`insertion_curve`, with the areas under the curves.

    Attributes
    ----------
    fractions : ndarray of shape (n_steps + 1,)
        Share of the points that are masked (deletion) or revealed (insertion), from 0 to 1.
    scores : ndarray of shape (n_samples, n_steps + 1)
        The part of the output that remains (deletion) or is reached (insertion), as defined in the
        functions.
    area : ndarray of shape (n_samples,)
        Area under the curve of every spectrum.
    random_area : ndarray of shape (n_samples,)
        Area for points in random order, mean of three orders.

    See Also
    --------
    deletion_curve : Masks points and returns such a curve.
    insertion_curve : Reveals points and returns such a curve.

    Examples
    --------
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.metrics import deletion_curve
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> curve = deletion_curve(model, model.explain(blends.data), n_steps=10)
    >>> curve.fractions.shape, curve.scores.shape, curve.area.shape
    ((11,), (30, 11), (30,))
    """

    fractions: np.ndarray
    scores: np.ndarray
    area: np.ndarray
    random_area: np.ndarray


def deletion_curve(
    estimator: Any,
    explanation: Explanation,
    *,
    baseline: ArrayLike | None = None,
    n_steps: int = 50,
    random_state: Any = 0,
) -> MaskingCurve:
    r"""Return how the output changes while points are masked in the order of their contributions.

    In every step more points of each spectrum are replaced by those of `baseline`, those with the
    largest contributions first. With a faithful map the output falls quickly, so a smaller area
    under the curve is better.

    For a classifier, points are masked in the order of their contributions to the class, the
    largest first, and the score is the probability of the explained class. For a regressor they are
    masked in the order of the absolute contributions. The score is then the remaining distance of
    the prediction z from the prediction for the baseline,

    .. math:: \frac{|z_k - z_{baseline}|}{\frac{1}{n} \sum |z_0 - z_{baseline}|}

    where the mean is over all spectra. It is 1 on average before the first step and 0 after the
    last.

    Parameters
    ----------
    estimator : fitted estimator
        The explained model: a ResNet1DClassifier or ResNet1DRegressor, alone or at the end of a
        Pipeline or a search.
    explanation : Explanation
        An explanation of one target for each spectrum. Points are masked in
        ``explanation.spectra``, which are the spectra after preprocessing. To evaluate maps of
        another method, replace them: ``dataclasses.replace(explanation, maps=others)``.
    baseline : array-like of shape (n_points,) or None, default=None
        Intensities of masked points; None takes the mean of the training spectra.
    n_steps : int, default=50
        Number of steps from no masked point to all points.
    random_state : int, RandomState or None, default=0
        Seed of the random orders.

    Returns
    -------
    curve : MaskingCurve

    Raises
    ------
    ValueError
        The explanation has several targets for each spectrum, or an argument does not fit.

    See Also
    --------
    insertion_curve : Reveals points instead of masking them.
    region_control : Fits models again without a region, instead of masking it.

    References
    ----------
    Petsiuk, V., Das, A. and Saenko, K. (2018). RISE: randomized input sampling for explanation of
    black-box models. :doi:`10.48550/arXiv.1806.07421`

    Examples
    --------
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.metrics import deletion_curve
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> curve = deletion_curve(model, model.explain(blends.data), n_steps=10)
    >>> bool(curve.area.mean() < curve.random_area.mean())
    True
    """
    return _masking_curve(estimator, explanation, baseline, n_steps, random_state, insert=False)


def insertion_curve(
    estimator: Any,
    explanation: Explanation,
    *,
    baseline: ArrayLike | None = None,
    n_steps: int = 50,
    random_state: Any = 0,
) -> MaskingCurve:
    r"""Return how the output changes while points are revealed in the order of contributions.

    This is the reverse of :func:`deletion_curve`: it starts from the baseline, and in every step
    more points are replaced by those of the spectrum, those with the largest contributions first.
    A larger area under the curve is better.

    The score is the probability of the explained class. For a regressor it is the part of the
    prediction z for the whole spectrum that is reached,

    .. math:: 1 - \frac{|z_k - z_n|}{\frac{1}{n} \sum |z_n - z_{baseline}|}

    It is 0 on average before the first step and 1 after the last.

    Parameters
    ----------
    estimator : fitted estimator
        The explained model: a ResNet1DClassifier or ResNet1DRegressor, alone or at the end of a
        Pipeline or a search.
    explanation : Explanation
        An explanation of one target for each spectrum.
    baseline : array-like of shape (n_points,) or None, default=None
        Intensities of points that are not yet revealed; None takes the mean of the training
        spectra.
    n_steps : int, default=50
        Number of steps from no revealed point to all points.
    random_state : int, RandomState or None, default=0
        Seed of the random orders.

    Returns
    -------
    curve : MaskingCurve

    See Also
    --------
    deletion_curve : Masks points instead of revealing them.

    Examples
    --------
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.metrics import insertion_curve
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> curve = insertion_curve(model, model.explain(blends.data), n_steps=10)
    >>> bool(curve.area.mean() > curve.random_area.mean())
    True
    """
    return _masking_curve(estimator, explanation, baseline, n_steps, random_state, insert=True)


def _check_explanation(explanation):
    if not isinstance(explanation, Explanation):
        raise TypeError(
            f"Got a {type(explanation).__name__}; expected an Explanation, as explain returns it."
        )
    if len(explanation) == 0:
        raise ValueError("The explanation has 0 spectra; expected at least one.")


@own_settings()
def _masking_curve(estimator, explanation, baseline, n_steps, random_state, *, insert):
    _check_explanation(explanation)
    unwrapped = unwrap(estimator)
    model, transformers = unwrapped.last, unwrapped.y_transformers
    spectra, maps = (np.asarray(a, dtype=float) for a in (explanation.spectra, explanation.maps))
    if maps.ndim != 2:
        raise ValueError(
            f"The explanation has {maps.shape[2]} targets for each spectrum; expected one. Explain "
            "with target=None or a label."
        )
    if maps.shape != spectra.shape:
        raise ValueError(
            f"The maps have shape {maps.shape}, the spectra {spectra.shape}; expected a "
            "contribution for every point of every spectrum."
        )
    check_number("n_steps", n_steps, "a positive integer", lambda number: number > 0, whole=True)
    n_points = spectra.shape[1]
    baseline = _check_baseline(model.mean_spectrum_ if baseline is None else baseline, n_points)
    start, end = (baseline, spectra) if insert else (spectra, baseline)
    n_replaced = np.round(np.linspace(0, n_points, n_steps + 1)).astype(int)
    classifies = hasattr(model, "classes_")

    def scores_of(order):
        ranks = np.argsort(order, axis=1, kind="stable").argsort(axis=1)  # (n_samples, n_points)
        steps = (np.where(ranks < n, end, start) for n in n_replaced)  # one at a time in memory
        outputs = np.stack(
            [_target_outputs(model, transformers, step, explanation.targets) for step in steps],
            axis=1,
        )  # (n_samples, n_steps + 1)
        return outputs if classifies else _relative_distances(outputs, insert)

    def area_of(scores):
        return np.trapezoid(scores, fractions, axis=1)

    fractions = n_replaced / n_points
    scores = scores_of(-maps if classifies else -np.abs(maps))
    rng = own_random_state(random_state)
    random_areas = [
        area_of(scores_of(rng.uniform(size=maps.shape))) for _ in range(N_RANDOM_ORDERS)
    ]
    return MaskingCurve(fractions, scores, area_of(scores), np.mean(random_areas, axis=0))


def _check_baseline(baseline, n_points):
    baseline = as_numbers(baseline, "baseline", "a spectrum: numbers")
    if baseline.shape != (n_points,):
        raise ValueError(
            f"baseline has shape {baseline.shape}; expected ({n_points},), one spectrum as "
            "the last step of the model sees it."
        )
    return baseline


def _relative_distances(outputs, insert):
    """Return how far predictions are from the last one, or, for insertion, how near they came.

    Relative to the mean distance between the first and the last prediction.
    """
    last = outputs[:, [-1]]
    distances = np.abs(outputs - last) / (np.abs(last - outputs[:, [0]]).mean() or 1.0)
    return 1 - distances if insert else distances


def _target_outputs(model, transformers, spectra, targets):
    """Return the probability of the target class, or the prediction of the target output."""
    n_samples = len(spectra)
    if hasattr(model, "feature_names_in_"):  # it was fitted on a DataFrame, and would warn
        spectra = pd.DataFrame(spectra, columns=model.feature_names_in_)
    outputs = model.predict_proba(spectra) if hasattr(model, "classes_") else model.predict(spectra)
    outputs = outputs.reshape(n_samples, -1)
    labels = model._named_outputs[0].tolist()
    for transformer in transformers:  # which may mix the outputs
        outputs = transformer.inverse_transform(outputs).reshape(n_samples, -1)
    if outputs.shape[1] != len(labels):
        labels = list(range(outputs.shape[1]))
    targets = np.asarray(targets, dtype=object).tolist()
    unknown = [target for target in targets if target not in labels]
    if unknown:
        raise ValueError(
            f"The target of the explanation is {unknown[0]!r}, but those of the model are "
            f"{labels}. Pass an explanation by this model, of a class or an output, not of "
            "a difference."
        )
    return outputs[np.arange(n_samples), [labels.index(target) for target in targets]]


def localization(explanation: Explanation, bands: BandsLike | ArrayLike) -> pd.DataFrame:
    """Return how well the absolute maps find known bands of the analyte.

    Parameters
    ----------
    explanation : Explanation
        The maps of several targets are evaluated one by one.
    bands : dict, str or array of bool of shape (n_points,) or (n_samples, n_points)
        The known bands: a dict such as ``{"C=C stretch": (1638, 1672)}``, the name of a table
        (:func:`~sklearn_spectral.band_table`), or a mask of the points that belong to bands.

    Returns
    -------
    localization : DataFrame
        A row for every spectrum and target. The columns are ``sample``, ``target``; ``roc_area``,
        the probability that a point of a band has a larger absolute contribution than a point
        outside (0.5 by chance); ``average_precision`` (by chance the share of points in bands);
        and ``pointing``, which is True if the largest absolute contribution is in a band (the
        pointing game).

    Raises
    ------
    ValueError
        The bands cover no point, or all points.

    See Also
    --------
    sklearn_spectral.Explanation.contributions : Contributions of bands with their sign and unit.
    vip : The profile of PLS to compare with.

    Examples
    --------
    The bands of the simulated oils that differ between olive and sunflower oil are known:

    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.metrics import localization
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
    >>> known = {name: blends.bands[name] for name in blends.marker_bands}
    >>> table = localization(explanation, known)
    >>> table[["sample", "roc_area", "pointing"]].head(2).round(1)
       sample  roc_area  pointing
    0       0       0.8      True
    1       1       0.8      True
    """
    _check_explanation(explanation)
    arrays = per_target(explanation)
    maps = np.abs(arrays.maps)
    n_samples, n_points, n_targets = maps.shape
    if isinstance(bands, (dict, str)):
        known = np.zeros(n_points, dtype=bool)
        known[np.concatenate(bands_of(explanation, bands).points)] = True
    else:
        known = np.asarray(bands)
        if known.dtype != bool or known.shape not in ((n_points,), (n_samples, n_points)):
            raise ValueError(
                f"bands is an array of {known.dtype}, shape {known.shape}; expected booleans, "
                f"({n_points},) or ({n_samples}, {n_points}), or a dict of bands."
            )
    known = np.broadcast_to(known, (n_samples, n_points))
    if known.all(axis=1).any() or not known.any(axis=1).all():
        raise ValueError(
            "The bands cover no point, or all points, so points inside and outside of bands cannot "
            "be compared. Pass other bands."
        )
    names = labels_of_samples(explanation)
    rows = [
        {
            "sample": names[sample],
            "target": arrays.labels[sample, target],
            "roc_area": roc_auc_score(known[sample], maps[sample, :, target]),
            "average_precision": average_precision_score(known[sample], maps[sample, :, target]),
            "pointing": bool(known[sample, maps[sample, :, target].argmax()]),
        }
        for sample in range(n_samples)
        for target in range(n_targets)
    ]
    return pd.DataFrame(rows)


def completeness_residual(explanation: Explanation) -> np.ndarray:
    """Return the relative difference between the outputs and the sum of maps and base values.

    Parameters
    ----------
    explanation : Explanation
        Of one or several targets.

    Returns
    -------
    residual : ndarray of shape (n_samples,) or (n_samples, n_targets)
        ``abs(explanation.residuals)``, divided by the largest distance of an output from its base
        value over all spectra. Each target is divided by its own largest distance, because outputs
        may differ in unit; the values are absolute if that distance is 0. For 1D Grad-CAM at the
        last layer they are rounding errors of about 1e-6.

    See Also
    --------
    sklearn_spectral.Explanation.residuals : The differences in the unit of the output.

    Examples
    --------
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.metrics import completeness_residual
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> bool(completeness_residual(model.explain(blends.data)).max() < 1e-5)
    True
    """
    _check_explanation(explanation)
    size = np.abs(explanation.outputs - explanation.base_values).max(axis=0, initial=0)
    return np.abs(explanation.residuals) / np.where(size > 0, size, 1.0)


def stability(explanations: Iterable[Explanation] | Explanation) -> Bunch:
    """Return the correlation of whole maps between different models, for each spectrum.

    The models may differ in their random seed or their training spectra. The method
    :meth:`sklearn_spectral.Explanation.stability` compares the contributions of bands instead.

    Parameters
    ----------
    explanations : sequence of Explanation, or Explanation with members
        Two or more explanations of the same spectra and targets (``target="all"``, or labels).

    Returns
    -------
    stability : Bunch
        per_spectrum : ndarray of shape (n_samples,)
            Correlation between the maps of each spectrum (of all its targets together), mean over
            all pairs of models.
        mean_map : float
            Correlation between the mean absolute maps, mean over all pairs of models.

    Raises
    ------
    ValueError
        There are fewer than two explanations, or they are not of the same spectra, targets and
        wavelengths.

    See Also
    --------
    sklearn_spectral.Explanation.stability : Agreement of the contributions of bands.

    Examples
    --------
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.metrics import stability
    >>> X, y = make_oil_blends(20, n_replicates=1, random_state=0, return_X_y=True)  # y in %
    >>> models = [ResNet1DRegressor(max_epochs=1, random_state=s).fit(X, y) for s in range(2)]
    >>> bool(stability([model.explain(X) for model in models]).mean_map > 0.9)
    True
    """
    if isinstance(explanations, Explanation):
        explanations = explanations.members
    with naming_argument("explanations", "explanations of the same spectra"):
        compared = list(explanations)
    for each in compared:
        _check_explanation(each)
    shapes = {each.maps.shape for each in compared}
    if len(compared) < 2 or len(shapes) > 1:
        raise ValueError(
            f"Got {len(compared)} explanation(s) with maps of shapes {sorted(shapes)}; "
            "expected two or more of the same spectra and targets."
        )
    check_alike(compared)
    maps = [each.maps.reshape(len(each), -1) for each in compared]
    means = [np.abs(each.maps).mean(axis=0).reshape(1, -1) for each in compared]
    pairs = list(combinations(range(len(maps)), 2))
    return Bunch(
        per_spectrum=np.mean([row_correlation(maps[i], maps[j]) for i, j in pairs], axis=0),
        mean_map=float(np.mean([row_correlation(means[i], means[j])[0] for i, j in pairs])),
    )
