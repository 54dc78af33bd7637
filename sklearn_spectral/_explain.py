"""Explain whole scikit-learn models: unwrap them, carry the wavelength axis along."""

from dataclasses import replace

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._estimators import _BaseResNet1D, _column_names
from ._explanation import axis_from_names, check_x_axis
from ._targets import TargetChoice

# A y transformation counts as linear when it agrees with a straight line to this share of the
# range of the outputs.
LINEARITY_TOLERANCE = 1e-6


def explain(estimator, X, *, target=None, x_axis=None):
    """Show which wavelengths made the predictions of a model that ends in one of ours.

    Preprocessing steps are applied, the last step is explained
    (:meth:`ResNet1DClassifier.explain`), on the wavelength axis as that step sees it: the axis
    is carried through the pipeline by the steps' ``get_feature_names_out``.

    Parameters
    ----------
    estimator : fitted estimator
        One of ours, or a Pipeline, a search such as GridSearchCV, or a
        TransformedTargetRegressor around one, nested in any way. The transformation of y must
        be linear: contributions cannot be added up through any other.
    X : array-like of shape (n_samples, n_features)
        Spectra as `estimator` takes them, before preprocessing.
    target : None, label, array-like of shape (n_samples,) or "all", default=None
        What to explain: for a classifier the predicted class (None), one class, one class per
        spectrum, or every class; for a regressor every output (None, "all"), or one by its
        number or its name.
    x_axis : array-like of shape (n_features,) or (n_points,), default=None
        Wavelengths or wavenumbers of the columns of `X`, or, where preprocessing changes their
        number, of the points that the last step sees. None takes them from the column names
        of `X` or of the training spectra (strings or numbers), else from a step that knows
        them (chemotools' ``x_axis_``), else counts points.

    Returns
    -------
    explanation : Explanation

    Raises
    ------
    TypeError
        `estimator` does not end in one of ours.
    ValueError
        `estimator` transforms y by something that is not linear, or `X`, `target` or `x_axis`
        do not fit it.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from chemotools.feature_selection import RangeCut
    >>> from chemotools.scatter import StandardNormalVariate
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_spectral import ResNet1DRegressor, explain
    >>> wavenumbers = np.arange(600.0, 1800.0, 4.0)
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.normal(size=(40, 300)), columns=wavenumbers)
    >>> y = X[1000.0] + X[1004.0]
    >>> model = make_pipeline(
    ...     RangeCut(start=800, end=1200, x_axis=wavenumbers),
    ...     StandardNormalVariate(),
    ...     ResNet1DRegressor(max_epochs=5, random_state=0),
    ... ).fit(X, y)
    >>> explain(model, X).x_axis[:3]
    array([800., 804., 808.])
    """
    names, given = _column_names(X), None
    if x_axis is not None:
        x_axis = np.atleast_1d(x_axis)
        if np.ndim(X) == 2 and len(x_axis) == np.shape(X)[1]:
            given, x_axis = check_x_axis(x_axis, len(x_axis)), None
            names = given.tolist()
    model, X, names, y_transformers = _unwrap(estimator, X, names)
    if x_axis is None:
        x_axis = axis_from_names(names)
    if x_axis is None and given is not None:
        # Some step does not tell what becomes of its columns.
        if len(given) != getattr(model, "n_features_in_", len(given)):
            raise ValueError(
                f"x_axis has {len(given)} values, the columns of X, but the last step sees "
                f"{model.n_features_in_} points, and a step before it has no "
                "get_feature_names_out to tell which. Pass x_axis as the last step sees it."
            )
        x_axis = given
    if not y_transformers:
        return model.explain(X, target=target, x_axis=x_axis)
    explanation = model.explain(X, target="all", x_axis=x_axis)
    for transformer in reversed(y_transformers):
        explanation = _inverse_transform(explanation, transformer)
    return _pick(explanation, target)


def _unwrap(estimator, X, names):
    """Follow `estimator` down to one of ours.

    Returns
    -------
    model : estimator of ours
    X : array-like, as `model` sees it
    names : sequence of str or None
    y_transformers : list of the transformers of y passed on the way, the outermost first
    """
    outermost = estimator
    y_transformers = []
    while not isinstance(estimator, _BaseResNet1D):
        if isinstance(estimator, Pipeline):
            check_is_fitted(estimator)
            for _, step in estimator.steps[:-1]:
                if step is None or step == "passthrough":
                    continue
                names = _names_after(step, names)
                X = step.transform(X)
            estimator = estimator.steps[-1][1]
        elif isinstance(estimator, BaseSearchCV):
            check_is_fitted(estimator)
            if not hasattr(estimator, "best_estimator_"):
                raise ValueError(
                    f"{type(estimator).__name__} was run with refit=False and holds no fitted "
                    "estimator to explain. Run it with refit=True."
                )
            estimator = estimator.best_estimator_
        elif isinstance(estimator, TransformedTargetRegressor):
            check_is_fitted(estimator)
            y_transformers.append(estimator.transformer_)
            estimator = estimator.regressor_
        else:
            raise TypeError(
                f"{_describe(estimator)} inside {_describe(outermost)} cannot be explained: "
                "expected ResNet1DClassifier or ResNet1DRegressor, alone or at the end of a "
                "Pipeline, a search such as GridSearchCV, or a TransformedTargetRegressor."
            )
    return estimator, X, names, y_transformers


def _describe(estimator):
    return repr(estimator) if isinstance(estimator, str) else type(estimator).__name__


def _names_after(step, names):
    """Return the feature names after a fitted step, or None where the step tells none.

    Names that scikit-learn dropped because they are numbers go through as strings.
    """
    names = None if names is None else [str(name) for name in names]
    known = getattr(step, "feature_names_in_", names)
    try:
        after = step.get_feature_names_out(known)
    except (AttributeError, TypeError, ValueError):
        return None
    if names is not None and known is not None:
        # The step names its features as it knew them in fit; what they are called now may say more.
        now = dict(zip(known, names, strict=True))
        after = [now.get(name, name) for name in after]
    if axis_from_names(after) is None and getattr(step, "x_axis_", None) is not None:
        return np.asarray(step.x_axis_).tolist()
    return list(after)


def _inverse_transform(explanation, transformer):
    """Take an explanation of all outputs back through a linear transformation of y."""
    n_outputs = explanation.outputs.shape[1]
    offset = transformer.inverse_transform(np.zeros((1, n_outputs))).reshape(-1)
    matrix = transformer.inverse_transform(np.eye(n_outputs)).reshape(n_outputs, -1) - offset
    linear = explanation.outputs @ matrix + offset
    actual = transformer.inverse_transform(explanation.outputs).reshape(linear.shape)
    tolerance = LINEARITY_TOLERANCE * max(np.ptp(actual), np.abs(actual).max(initial=0))
    if not np.allclose(linear, actual, rtol=0, atol=tolerance):
        raise ValueError(
            f"The target transformer {transformer!r} is not linear, so the contributions of "
            "wavelengths do not add up through it. Explain the model inside "
            "(`.regressor_`) in the unit it was trained on, or use a linear transformer such as "
            "StandardScaler."
        )
    n_targets = matrix.shape[1]
    return replace(
        explanation,
        targets=explanation.targets if n_targets == n_outputs else np.arange(n_targets),
        maps=explanation.maps @ matrix.astype(explanation.maps.dtype),
        outputs=linear,
        base_values=explanation.base_values @ matrix + offset,
    )


def _pick(explanation, target):
    """Return the explanation of `target` out of one of all outputs."""
    labels = explanation.targets
    n_samples = len(explanation)
    choice = TargetChoice(target, labels, n_samples, highest=False)
    columns = choice.columns(slice(None), explanation.outputs)  # (n_samples, n_targets)
    if not choice.single:
        return explanation
    return replace(
        explanation,
        maps=np.take_along_axis(explanation.maps, columns[:, None], axis=2)[:, :, 0],
        outputs=np.take_along_axis(explanation.outputs, columns, axis=1)[:, 0],
        base_values=np.take_along_axis(explanation.base_values, columns, axis=1)[:, 0],
        targets=labels[columns[:, 0]],
    )
