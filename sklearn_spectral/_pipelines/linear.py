"""Maps of linear models: coefficient times centred spectrum."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.cross_decomposition import PLSRegression

from .._record.arrays import ExplanationArrays
from .._spectra.axis import on_trained_axis, resolve_axis
from .._spectra.checks import as_numbers, check_reference, copy_unless_memmap, like_table
from .._spectra.names import column_names
from .._work import own_settings
from .unwrap import LINEARITY_TOLERANCE, describe, unwrap

# The two classes of a classifier that decides by one number: their margin is that number.
MARGIN = np.array([-0.5, 0.5])


@own_settings()
def explain_linear(model, X, reference, x_axis, *, method, layer):
    """Explain spectra by a fitted linear model of scikit-learn, all targets.

    Parameters
    ----------
    model : fitted estimator with ``coef_``
    X : array-like of shape (n_samples, n_points)
    reference : None, "mean" or array-like of shape (n_references, n_points)
    x_axis : array-like of shape (n_points,) or None
    method, layer : str
        As the user passed them, for networks.
    """
    if (method, layer) != (None, "features"):
        raise ValueError(
            f"method={method!r}, layer={layer!r}: these parameters are for networks only, but "
            f"{type(model).__name__} is a linear model. Leave them out."
        )
    names = column_names(X)
    table = on_trained_axis(model, X)
    spectra = copy_unless_memmap(as_numbers(table, "X", "an array of numbers"), X)
    table = like_table(spectra, table)  # in float64
    outputs = _outputs(model, table)
    centre = _centre(model, spectra, reference)
    base_values = _outputs(model, like_table(centre, table))
    coefficients = np.atleast_2d(np.asarray(model.coef_, dtype=float))
    labels = np.arange(outputs.shape[1])
    if is_classifier(model):
        labels = model.classes_
        coefficients = coefficients if len(coefficients) > 1 else MARGIN[:, None] * coefficients
    maps = (spectra - centre)[:, :, None] * coefficients.T  # (n_samples, n_points, n_targets)
    if not (
        len(labels) == maps.shape[2] == outputs.shape[1]
        and _add_up(maps, outputs, base_values)
        and (not is_classifier(model) or _decide(outputs, model, table))
    ):
        raise TypeError(
            f"{type(model).__name__} cannot be explained: its predictions for these spectra are "
            "not coef_ times the spectra plus a constant for each target, as they are for a linear "
            "model such as PLSRegression, Ridge or LogisticRegression."
        )
    return ExplanationArrays._kind(
        maps=maps,
        outputs=outputs,
        base_values=np.tile(base_values, (len(spectra), 1)),
        targets=labels,
        spectra=spectra,
        **resolve_axis(model, names, x_axis),
        output_name="decision value" if is_classifier(model) else "prediction",
        method="linear",
        layer="input",
        is_class=is_classifier(model),
    )


def _outputs(model, X):
    """Return predictions or decision values for spectra, (n_samples, n_outputs)."""
    ask = model.decision_function if is_classifier(model) else model.predict
    outputs = np.reshape(ask(X), (len(X), -1)).astype(float)
    return outputs * MARGIN if is_classifier(model) and outputs.shape[1] == 1 else outputs


def _centre(model, spectra, reference):
    """Return what spectra are compared with, (1, n_points).

    Without a reference it is the mean of the training spectra where the model knows it, else that
    of these spectra.
    """
    mean = spectra.mean(axis=0)
    if hasattr(model, "x_loadings_"):  # of PLS: what scores of zero stand for
        mean = model.inverse_transform(np.zeros((1, model.x_loadings_.shape[1])))[0]
    elif len(spectra) == 1 and (reference is None or isinstance(reference, str)):
        raise ValueError(
            f"{type(model).__name__} does not store the mean of its training spectra, and one "
            "spectrum is its own mean. Pass a reference to compare with: reference=X_train, or a "
            "spectrum."
        )
    return check_reference("mean" if reference is None else reference, mean)


def _add_up(maps, outputs, base_values):
    """Return whether the maps of every target add up to its outputs less the base value."""
    size = np.maximum(np.abs(outputs), np.abs(maps).sum(axis=1)).max(axis=0, initial=0)
    difference = np.abs(maps.sum(axis=1) + base_values - outputs)
    return bool((difference <= LINEARITY_TOLERANCE * size).all())


def _decide(outputs, model, X):
    """Return whether the class of the highest output is the predicted one."""
    return np.array_equal(model.classes_[outputs.argmax(axis=1)], model.predict(X))


def vip(estimator: Any) -> np.ndarray:
    r"""Return the variable importance in projection (VIP) of a PLS model.

    .. math:: \mathrm{VIP}_i = \sqrt{\frac{p \sum_a s_a w_{ia}^2}{\sum_a s_a}}, \qquad
        s_a = \lVert t_a \rVert^2 \lVert q_a \rVert^2

    There are p points. Each latent variable a has weights w of length one, scores t and loadings q
    of y; s is the sum of squares of y that it explains, over all targets as PLS has scaled them.
    The mean square of VIP over the points is 1, and points above 1 are considered important. VIP
    has no sign and no unit; :func:`~sklearn_spectral.explain` gives the signed contributions.

    Parameters
    ----------
    estimator : fitted estimator
        PLSRegression, alone or at the end of a Pipeline, a search or a TransformedTargetRegressor.

    Returns
    -------
    vip : ndarray of shape (n_points,)
        One value for each point that PLS receives after preprocessing; 0 if PLS explains nothing.

    Raises
    ------
    TypeError
        `estimator` does not end in PLSRegression.

    See Also
    --------
    sklearn_spectral.explain : Signed contributions of wavelengths for PLS and other models.
    localization : Compares maps with known bands.

    References
    ----------
    Wold, S., Sjöström, M. and Eriksson, L. (2001). PLS-regression: a basic tool of chemometrics.
    Chemom. Intell. Lab. Syst. 58, 109, :doi:`10.1016/S0169-7439(01)00155-1`; Chong, I.-G. and
    Jun, C.-H. (2005). Performance of some variable selection methods when multicollinearity is
    present. Chemom. Intell. Lab. Syst. 78, 103, :doi:`10.1016/j.chemolab.2004.12.011`.

    Examples
    --------
    The most important wavenumber for the percentage of sunflower oil in olive oil, in the band of
    the C=C stretch:

    >>> from sklearn.cross_decomposition import PLSRegression
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.metrics import vip
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)
    >>> profile = vip(PLSRegression(3).fit(blends.data, blends.target))
    >>> print(f"VIP {profile.max():.1f} at {blends.x_axis[profile.argmax()]:.0f} cm-1")
    VIP 3.7 at 1654 cm-1
    """
    pls = unwrap(estimator, explainable=True).last
    if not isinstance(pls, PLSRegression):
        raise TypeError(
            f"VIP is defined for PLS, but the model ends in {describe(pls)}; expected "
            "PLSRegression, alone or at the end of a Pipeline, a search or a "
            "TransformedTargetRegressor."
        )
    explained = (pls.x_scores_**2).sum(axis=0) * (pls.y_loadings_**2).sum(axis=0)
    return np.sqrt(len(pls.x_weights_) * pls.x_weights_**2 @ explained / (explained.sum() or 1.0))
