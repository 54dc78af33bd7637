"""How good is a map: does it find known bands, and does the model depend on what it shows.

And the profile that chemometrics puts beside a map, VIP.
"""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from sklearn.cross_decomposition import PLSRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.utils import Bunch

from ._explanation.explanation import Explanation
from ._pipelines.controls import region_control, shift_sensitivity
from ._pipelines.explain import explain
from ._pipelines.unwrap import describe, unwrap
from ._record.arrays import check_alike, per_target
from ._record.tables import bands_of
from ._spectra.bands import BandsLike
from ._spectra.checks import as_numbers, check_number, naming_argument, own_random_state
from ._spectra.training_set import TrainingSet
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

# Random orders that a map's order is compared with.
N_RANDOM_ORDERS = 3


@dataclass(frozen=True, eq=False)
class MaskingCurve:
    """Result of :func:`deletion_curve` or :func:`insertion_curve`.

    Attributes
    ----------
    fractions : ndarray of shape (n_steps + 1,)
        Share of the points masked (deletion) or shown (insertion), 0 to 1.
    scores : ndarray of shape (n_samples, n_steps + 1)
        The part of the output that is left (deletion) or reached (insertion), see the functions.
    area : ndarray of shape (n_samples,)
        Area under the curve of every spectrum.
    random_area : ndarray of shape (n_samples,)
        The same for points in random order, mean of three orders.
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
    r"""Mask points in order of importance, and follow how the output changes.

    After every step a share of the points of each spectrum is replaced by those of `baseline`,
    those with the largest contributions first. With a faithful map the output falls quickly: the
    smaller the area under the curve, the better.

    For a classifier points are masked in the order of the map, largest contribution to the class
    first, and the score is the probability of the explained class. For a regressor they are masked
    in the order of the absolute map, and the score is the remaining distance of the prediction z
    from that of the baseline,

    .. math:: \frac{|z_k - z_{baseline}|}{\frac{1}{n} \sum |z_0 - z_{baseline}|}

    with the mean over all spectra, 1 on average before the first step, 0 after the last.

    Parameters
    ----------
    estimator : fitted estimator
        The explained model: one of ours, alone or at the end of a Pipeline or a search.
    explanation : Explanation
        Of one target for each spectrum. Points are masked in ``explanation.spectra``, as the last
        step of the model sees them. To evaluate maps of another method, replace them:
        ``dataclasses.replace(explanation, maps=others)``.
    baseline : array-like of shape (n_points,) or None, default=None
        Intensities that masked points are set to; None is the mean of the training spectra.
    n_steps : int, default=50
        Number of steps from no point to all points.
    random_state : int, RandomState or None, default=0
        Seed of the random orders.

    Returns
    -------
    curve : MaskingCurve

    Raises
    ------
    ValueError
        The explanation has several targets for each spectrum, or an argument does not fit.

    References
    ----------
    Petsiuk, V., Das, A. and Saenko, K. (2018). RISE: randomized input sampling for explanation of
    black-box models. :doi:`10.48550/arXiv.1806.07421`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.metrics import deletion_curve
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> y = X[:, 20:25].sum(axis=1)
    >>> model = ResNet1DRegressor(random_state=0).fit(X, y)
    >>> curve = deletion_curve(model, model.explain(X), n_steps=10)
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
    r"""Reveal points in order of importance, and follow how the output changes.

    The reverse of :func:`deletion_curve`, which describes the parameters: it begins with the
    baseline, and each step replaces points of it by those of the spectrum. The larger the area
    under the curve, the better.

    The score is the probability of the explained class, or for a regressor the part of the
    prediction z of the whole spectrum that is reached,

    .. math:: 1 - \frac{|z_k - z_n|}{\frac{1}{n} \sum |z_n - z_{baseline}|}

    0 on average before the first step, 1 after the last.

    Parameters
    ----------
    estimator, explanation, baseline, n_steps, random_state
        As for :func:`deletion_curve`.

    Returns
    -------
    curve : MaskingCurve

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.metrics import insertion_curve
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> y = X[:, 20:25].sum(axis=1)
    >>> model = ResNet1DRegressor(random_state=0).fit(X, y)
    >>> curve = insertion_curve(model, model.explain(X), n_steps=10)
    >>> bool(curve.area.mean() > curve.random_area.mean())
    True
    """
    return _masking_curve(estimator, explanation, baseline, n_steps, random_state, insert=True)


def _check_explanation(explanation):
    if not isinstance(explanation, Explanation):
        raise TypeError(
            f"Got a {type(explanation).__name__}; expected an Explanation, which explain returns."
        )
    if len(explanation) == 0:
        raise ValueError("The explanation is of 0 spectra. Pass one of at least one.")


@own_settings()
def _masking_curve(estimator, explanation, baseline, n_steps, random_state, *, insert):
    _check_explanation(explanation)
    unwrapped = unwrap(estimator)
    model, transformers = unwrapped.last, unwrapped.y_transformers
    spectra, maps = (np.asarray(a, dtype=float) for a in (explanation.spectra, explanation.maps))
    if maps.ndim != 2:
        raise ValueError(
            f"The explanation has {maps.shape[2]} targets a spectrum; expected one: explain with "
            "target=None or a label."
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
            f"The explanation is of {unknown[0]!r}, but the model knows {labels}. Pass the "
            "explanation of this model, of a class or an output rather than a difference of them."
        )
    return outputs[np.arange(n_samples), [labels.index(target) for target in targets]]


def localization(explanation: Explanation, bands: BandsLike | ArrayLike) -> pd.DataFrame:
    """Compare absolute maps with known bands of the analyte.

    Parameters
    ----------
    explanation : Explanation
        Maps of several targets are evaluated one by one.
    bands : dict, str or array of bool of shape (n_points,) or (n_samples, n_points)
        The known bands, as for :meth:`~sklearn_spectral.Explanation.contributions`, or which
        points belong to them.

    Returns
    -------
    localization : DataFrame
        A row for every spectrum and target: columns ``sample``, ``target``; ``roc_area``, the
        probability that a point of a band has a larger absolute contribution than another point
        (0.5 by chance); ``average_precision`` (the share of points in bands by chance);
        ``pointing``, whether the largest absolute contribution is in a band.

    Raises
    ------
    ValueError
        The bands cover no point, or all.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.metrics import localization
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> y = X[:, 20:25].sum(axis=1)
    >>> model = ResNet1DRegressor(random_state=0).fit(X, y)
    >>> table = localization(model.explain(X), {"marker": range(20, 25)})
    >>> bool(table["roc_area"].mean() > 0.9)
    True
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
        raise ValueError("The bands cover no point, or all: there is nothing to tell apart.")
    rows = [
        {
            "sample": sample,
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

    Returns
    -------
    residual : ndarray of shape (n_samples,) or (n_samples, n_targets)
        ``abs(explanation.residuals)``, relative to the largest distance of an output from its base
        value over all spectra. Each target is treated separately, because outputs may differ in
        unit; values are absolute if that distance is 0. Rounding (about 1e-6) for 1D Grad-CAM at
        the last layer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DClassifier
    >>> from sklearn_spectral.metrics import completeness_residual
    >>> X = np.random.default_rng(0).normal(size=(30, 50))
    >>> model = ResNet1DClassifier(max_epochs=5, random_state=0).fit(X, X[:, 20] > 0)
    >>> bool(completeness_residual(model.explain(X)).max() < 1e-5)
    True
    """
    _check_explanation(explanation)
    size = np.abs(explanation.outputs - explanation.base_values).max(axis=0, initial=0)
    return np.abs(explanation.residuals) / np.where(size > 0, size, 1.0)


def stability(explanations: Iterable[Explanation] | Explanation) -> Bunch:
    """Return the correlation between the maps of the same spectra by different models.

    The models may differ in their random seed, or be of different folds.

    Parameters
    ----------
    explanations : sequence of Explanation, or Explanation with members
        Two or more, of the same spectra and targets (``target="all"``, or labels).

    Returns
    -------
    stability : Bunch
        per_spectrum : ndarray of shape (n_samples,)
            Correlation of the maps of each spectrum (all its targets together), mean over all
            pairs of models.
        mean_map : float
            The same for mean absolute maps.

    Raises
    ------
    ValueError
        There are fewer than two explanations, or they are not of the same spectra, targets and
        wavelengths.

    See Also
    --------
    sklearn_spectral.Explanation.stability : Agreement of the contributions of bands across models.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.metrics import stability
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> y = X[:, 20:25].sum(axis=1)
    >>> models = [ResNet1DRegressor(random_state=seed).fit(X, y) for seed in range(2)]
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
        per_spectrum=np.mean([_correlation(maps[i], maps[j]) for i, j in pairs], axis=0),
        mean_map=float(np.mean([_correlation(means[i], means[j])[0] for i, j in pairs])),
    )


@own_settings()
def _correlation(one, other):
    """Return the correlation of each row of two arrays; 0 where a row does not vary."""
    # The mean of equal numbers may differ from them by rounding: look before centring.
    varies = (np.ptp(one, axis=1) > 0) & (np.ptp(other, axis=1) > 0)
    one, other = (each.astype(np.float64) for each in (one, other))
    one, other = (each - each.mean(axis=1, keepdims=True) for each in (one, other))
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.divide((one * other).sum(axis=1), size, out=np.zeros(len(one)), where=varies)


def randomization_check(
    estimator: Any,
    X: ArrayLike,
    *,
    n_repeats: int = 5,
    random_state: Any = None,
    **explain_params: Any,
) -> np.ndarray:
    """Compare maps before and after randomizing the weights of the network.

    A map that stays the same shows the spectrum and not the model: it explains nothing.

    Parameters
    ----------
    estimator : fitted estimator
        One of ours, alone or at the end of a Pipeline or a search; it stays as it is.
    X : array-like of shape (n_samples, n_features)
        Spectra as `estimator` takes them.
    n_repeats : int, default=5
        Number of randomized copies. In each the weights of every layer are permuted, and what maps
        are compared with is learnt from `X`.
    random_state : int, RandomState or None, default=None
        Seed of the permutations.
    **explain_params
        For :func:`~sklearn_spectral.explain`, such as `method`.

    Returns
    -------
    correlations : ndarray of shape (n_repeats, n_samples)
        Correlation of the absolute maps of all targets with those of the randomized copies: near
        0 for a map that depends on the model, 1 for one that does not.

    Raises
    ------
    TypeError
        `estimator` does not end in one of ours.
    ValueError
        `n_repeats` is not a positive integer.

    References
    ----------
    Adebayo, J. et al. (2018). Sanity checks for saliency maps.
    :doi:`10.48550/arXiv.1810.03292`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.metrics import randomization_check
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> y = X[:, 20:25].sum(axis=1)
    >>> model = ResNet1DRegressor(random_state=0).fit(X, y)
    >>> bool(randomization_check(model, X, random_state=0).mean() < 0.5)
    True
    """
    unwrap(estimator)  # raises before anything is copied
    check_number("n_repeats", n_repeats, "a positive integer", lambda n: n > 0, whole=True)
    seeds = own_random_state(random_state)
    explain_params = {"target": "all", **explain_params}

    real = explain(estimator, X, **explain_params)
    copies = (_randomized(estimator, real.spectra, seeds) for _ in range(n_repeats))
    others = (explain(each, X, **explain_params) for each in copies)
    sizes = (np.abs(each.maps).reshape(len(each), -1) for each in (real, *others))
    first = next(sizes)
    return np.array([_correlation(first, each) for each in sizes])


@own_settings()
@torch.no_grad()
def _randomized(estimator, spectra, seeds):
    """Return a copy of a model, the entries of every parameter of its networks permuted.

    What maps are compared with, and their correction, belong to the weights: they are learnt anew
    from `spectra`, preprocessed ones.
    """
    estimator = deepcopy(estimator)
    last = unwrap(estimator).last
    for module in last._network.modules:
        for parameter in module.parameters():
            order = torch.from_numpy(seeds.permutation(parameter.numel())).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].reshape(parameter.shape))
    last._centre(TrainingSet.of(spectra, None, np.ones(len(spectra)), None))
    return estimator


@own_settings()
def vip(estimator: Any) -> np.ndarray:
    r"""Return the variable importance in projection (VIP) of a PLS model.

    .. math:: \mathrm{VIP}_i = \sqrt{\frac{p \sum_a s_a w_{ia}^2}{\sum_a s_a}}, \qquad
        s_a = \lVert t_a \rVert^2 \lVert q_a \rVert^2

    with p points, and for every latent variable a its weights w, of length one, its scores t and
    its loadings q of y: s is the sum of squares of y that it explains, over all targets where these
    are several (as PLS has scaled them). The mean square of VIP over the points is 1. Points above
    1 are held to be important; the sign of what they contribute, and its size, only
    :func:`~sklearn_spectral.explain` tells.

    Parameters
    ----------
    estimator : fitted estimator
        PLSRegression, alone or at the end of a Pipeline, a search or a TransformedTargetRegressor.

    Returns
    -------
    vip : ndarray of shape (n_points,)
        Of the points as PLS sees them, after preprocessing; 0 where PLS explains nothing.

    Raises
    ------
    TypeError
        `estimator` does not end in PLSRegression.

    References
    ----------
    Wold, S., Sjöström, M. and Eriksson, L. (2001). PLS-regression: a basic tool of chemometrics.
    Chemom. Intell. Lab. Syst. 58, 109, :doi:`10.1016/S0169-7439(01)00155-1`; Chong, I.-G. and
    Jun, C.-H. (2005). Performance of some variable selection methods when multicollinearity is
    present. Chemom. Intell. Lab. Syst. 78, 103, :doi:`10.1016/j.chemolab.2004.12.011`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cross_decomposition import PLSRegression
    >>> from sklearn_spectral.metrics import vip
    >>> X = np.random.default_rng(0).normal(size=(60, 50))
    >>> np.flatnonzero(vip(PLSRegression(2).fit(X, X[:, 20] - X[:, 30])) > 3)
    array([20, 30])
    """
    pls = unwrap(estimator, explainable=True).last
    if not isinstance(pls, PLSRegression):
        raise TypeError(
            f"VIP is of PLS, but the model ends in {describe(pls)}; expected PLSRegression, alone "
            "or at the end of a Pipeline, a search or a TransformedTargetRegressor."
        )
    explained = (pls.x_scores_**2).sum(axis=0) * (pls.y_loadings_**2).sum(axis=0)
    return np.sqrt(len(pls.x_weights_) * pls.x_weights_**2 @ explained / (explained.sum() or 1.0))
