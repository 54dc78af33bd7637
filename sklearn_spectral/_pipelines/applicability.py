"""Compare spectra with the training spectra of a whole model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .. import _network
from .._record.arrays import ExplanationArrays
from .._spectra.axis import Axis, resolve_axis
from .._spectra.checks import copy_unless_memmap
from .._spectra.names import column_names
from .._spectra.views import bin_size, bin_widths, views
from .._work import own_settings
from .unwrap import unwrap


def applicability(
    estimator: BaseEstimator, X: ArrayLike, *, params: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Detect spectra that are unlike the training spectra of a whole model.

    This function takes spectra **before** preprocessing. It applies the preprocessing steps of
    `estimator` and then calls :meth:`ResNet1DRegressor.applicability` of its last step, which
    takes preprocessed spectra.

    Parameters
    ----------
    estimator : fitted estimator
        A ResNet1DClassifier or ResNet1DRegressor, alone or inside a Pipeline, a search such as
        GridSearchCV or a TransformedTargetRegressor, nested in any way. For an ensemble, call this
        function for each of its members.
    X : array-like of shape (n_samples, n_features)
        Spectra as `estimator` takes them, before preprocessing.
    params : dict or None, default=None
        Metadata that steps take in addition to the spectra, as ``estimator.predict(X, **params)``
        would take them. scikit-learn's metadata routing passes them to the steps.

    Returns
    -------
    scores : DataFrame of shape (n_samples, 3)
        ``hotelling_t2`` and ``q_residual``, each divided by its limit, and ``inside``, which is
        True if neither is above 1. It has the index of X if X is a DataFrame.

    Raises
    ------
    TypeError
        `estimator` does not end in an estimator of this package.
    ValueError
        X does not fit the training spectra, or there were too few of these.

    See Also
    --------
    explain_applicability : Shows which bands put a spectrum outside.
    ApplicabilityDisplay : Draws T2 and Q.
    ResNet1DRegressor.applicability : Takes preprocessed spectra; describes T2, Q and the limits.

    Examples
    --------
    >>> import numpy as np
    >>> from chemotools.scatter import StandardNormalVariate
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_spectral import ResNet1DRegressor, applicability
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends = make_oil_blends(60, random_state=0)
    >>> model = make_pipeline(
    ...     StandardNormalVariate(), ResNet1DRegressor(max_epochs=1, random_state=0)
    ... ).fit(blends.data, blends.target, resnet1dregressor__groups=blends.groups)
    >>> new = make_oil_blends(20, random_state=1).data
    >>> bool(applicability(model, new)["inside"].mean() > 0.8)
    True
    >>> empty_channels = new.copy()
    >>> empty_channels[:, 300:310] = 0
    >>> bool(applicability(model, empty_channels)["inside"].any())
    False
    """
    index = X.index if isinstance(X, pd.DataFrame) else None
    model, axis, X = _at_last_step(estimator, X, None, params)
    axis.compare(model)
    scores = model.applicability(X)
    return scores if index is None else scores.set_axis(index)


def explain_applicability(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    x_axis: ArrayLike | None = None,
    params: Mapping[str, Any] | None = None,
) -> Any:
    r"""Return which bands make spectra unlike the training spectra of a model.

    With the symbols of :meth:`ResNet1DRegressor.applicability`, the contributions of a point to T2
    and to Q are

    .. math:: c_i = \sum_v x_{vi} \sum_a \frac{t_a p_{via}}{\lambda_a}, \qquad
        q_i = \sum_v \Bigl(x_{vi} - \sum_a t_a p_{via}\Bigr)^2

    where the sum is over the three scaled and centred views x of the spectrum. They are divided by
    the limits, and add up exactly to the scores of :func:`applicability`. A contribution to T2 can
    be negative if a point deviates less than the points that usually vary together with it.

    Parameters
    ----------
    estimator : fitted estimator
        A ResNet1DClassifier or ResNet1DRegressor, alone or inside a Pipeline, a search or a
        TransformedTargetRegressor.
    X : array-like of shape (n_samples, n_features)
        Spectra as `estimator` takes them, before preprocessing.
    x_axis : array-like of shape (n_features,) or (n_points,), default=None
        Wavelengths or wavenumbers of the columns of `X`, or of the points that the last step
        receives. None takes them from column names or from a step, see :func:`explain`.
    params : dict or None, default=None
        Metadata that steps take in addition to the spectra, see :func:`explain`.

    Returns
    -------
    explanation : Explanation
        An explanation of the targets ``"hotelling_t2"`` and ``"q_residual"``, each as a multiple of
        its limit, with all tables and figures: ``explanation.contributions("peaks")``,
        ``explanation.pick("q_residual").plot()``.

    See Also
    --------
    applicability : The scores, and whether they are within the limits.

    Notes
    -----
    A derivative depends on 11 or 15 neighbouring points and is divided by its size over the whole
    spectrum. Therefore an unusual band also changes the contributions around it, and slightly
    everywhere.

    References
    ----------
    Nomikos, P. and MacGregor, J. F., Technometrics 1995, 37, 41,
    :doi:`10.1080/00401706.1995.10485888`; Westerhuis, Gurden and Smilde, Chemom. Intell. Lab.
    Syst. 2000, 51, 95, :doi:`10.1016/S0169-7439(00)00062-9`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor, explain_applicability
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends, new = (make_oil_blends(30, random_state=seed) for seed in range(2))
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0)
    >>> model = model.fit(blends.data, blends.target, groups=blends.groups)
    >>> foreign = 5000 * np.exp(-(((new.x_axis - 1200) / 12) ** 2))  # counts, at 1200 cm-1
    >>> why = explain_applicability(model, new.data[:1] + foreign, x_axis=new.x_axis)
    >>> q = why.pick("q_residual").contributions({"1200": (1170, 1230)})
    >>> bool(why.outputs[0, 1] > 1), bool(q["share"][0] > 0.5)
    (True, True)
    """
    model, axis, X = _at_last_step(estimator, X, x_axis, params)
    axis = axis.of_last_step(model)
    with own_settings():
        spectra = copy_unless_memmap(model._check_spectra(X), X)
        model._domain.check_limits()
        n_samples, n_points = spectra.shape
        widths = bin_widths(n_points, bin_size(n_points))
        maps = np.empty((n_samples, n_points, 2))

        def compute(rows):
            scaled = model._view_scaler.transform(views(spectra[rows]))
            cells = model._domain.contributions(scaled) / widths[:, None]
            maps[rows] = np.repeat(cells, widths, axis=1)

        _network.fitted.in_chunks(
            compute, spectra, "comparing with the training spectra", model.verbose
        )
        return ExplanationArrays._kind(
            maps=maps,
            outputs=maps.sum(axis=1),
            base_values=np.zeros((n_samples, 2)),
            targets=np.array(["hotelling_t2", "q_residual"], dtype=object),
            spectra=spectra,
            **resolve_axis(model, column_names(X), axis),
            output_name="multiple of the limit",
            method="applicability",
            layer="input",
        )


def _at_last_step(estimator, X, x_axis, params):
    """Return the last step of a model, and axis and spectra as it sees them."""
    model = unwrap(estimator, params=params)
    axis = Axis.of(column_names(X), x_axis, np.shape(X)[-1] if np.ndim(X) else None)
    axis, X, _ = model.through_steps(axis, X)
    return model.last, axis, X
