"""Explain whole scikit-learn models, on the wavelength axis as their last step sees it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import validate_data

from .._record.cancellation import warns_of_cancellation
from .._spectra.axis import Axis
from .._spectra.checks import as_numbers, check_out, like_table, naming_argument
from .._spectra.names import column_names, row_names
from .linear import explain_linear
from .unwrap import BAGGING, describe, linear_inverse, unwrap, weights_of_members


@warns_of_cancellation
def explain(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    target: Any = None,
    x_axis: ArrayLike | None = None,
    method: str | None = None,
    layer: str = "features",
    reference: ArrayLike | str | None = None,
    out: np.ndarray | None = None,
    params: Mapping[str, Any] | None = None,
) -> Any:
    r"""Return the contribution of every wavelength to the predictions of a whole model.

    This function takes spectra **before** preprocessing. It applies the preprocessing steps of
    `estimator` and then explains its last step (:meth:`ResNet1DClassifier.explain`). The wavelength
    axis is that of the points that the last step receives; it is followed through the pipeline by
    ``get_feature_names_out`` of the steps.

    The map of a linear model, such as PLS, consists of its coefficients times the centred spectrum,

    .. math:: m_i = b_i (x_i - \bar{x}_i)

    The map and the base value, which is the output for the mean spectrum, add up exactly to the
    output.

    Parameters
    ----------
    estimator : fitted estimator
        A ResNet1DClassifier, a ResNet1DRegressor or a linear model of scikit-learn, alone or inside
        a Pipeline, a search such as GridSearchCV, a TransformedTargetRegressor, or an averaging
        ensemble (BaggingClassifier, BaggingRegressor, VotingRegressor, soft VotingClassifier),
        nested in any way. A model is linear if its predictions, or its decision values, are
        ``coef_`` times `X` plus a constant (PLSRegression, Ridge, LogisticRegression, LinearSVC and
        others); this is checked for `X`. A transformation of y must be linear, because otherwise
        contributions do not add up. The map of an ensemble is the mean of the maps of its members
        (``Explanation.members``); for a classifier these are maps of the logits.
    X : array-like of shape (n_samples, n_features)
        Spectra as `estimator` takes them, before preprocessing.
    target : None, label, array-like of shape (n_samples,) or "all", default=None
        The output to explain. For a classifier: the predicted class (None), one class, one class
        for each spectrum, or all classes ("all"). For a regressor: all outputs (None, "all"), or
        one output by its number or its name.
    x_axis : array-like of shape (n_features,) or (n_points,), default=None
        Wavelengths or wavenumbers of the columns of `X`, or, if preprocessing changes their number,
        of the points that the last step receives. None takes them from the column names of `X` or
        of the training spectra, or from a step that knows them (``x_axis_`` in chemotools); without
        these, points are counted from 0 and ``Explanation.axis_known`` is False. An axis that is
        passed here is used without a check. Column names are compared with those of the training
        spectra.
    method : str or None, default=None
        Method of the maps of a network: ``"corrected-1d-grad-cam"`` (None), ``"1d-grad-cam"``,
        ``"grad-cam-signed"``, ``"grad-cam"`` or ``"cam"``. They are described in
        :meth:`ResNet1DClassifier.explain`. It must be None for linear models.
    layer : {"features", "stem", "block1", "block2"}, default="features"
        Layer of the network whose feature maps are used. The maps of the last one, "features", add
        up to the output.
    reference : None, "mean" or array-like of shape ([n_references, ]n_features), default=None
        The spectrum to compare with, before preprocessing; for several spectra, their mean after
        preprocessing; or "mean" for the mean of the training spectra. The maps then add up to the
        difference between the outputs. PLS stores the mean of its training spectra, but other
        linear models do not: without a reference their maps are relative to the mean of `X`. Pass
        ``reference=X_train`` to make them comparable with those of PLS and of networks.
    out : ndarray of shape (n_samples, n_points) or (n_samples, n_points, n_targets), default=None
        A float array to write the maps to, such as a ``numpy.memmap``. Preprocessing steps still
        take all of `X` at once; if memory does not suffice for that, use
        :mod:`sklearn_spectral.hyperspectral`.
    params : dict or None, default=None
        Metadata that steps take in addition to the spectra, as ``estimator.predict(X, **params)``
        would take them, such as ``{"x_axis": wavelengths}`` for XAxisInterpolator of chemotools.
        They need ``sklearn.set_config(enable_metadata_routing=True)``.

    Returns
    -------
    explanation : Explanation
        Maps, outputs and base values, with methods for tables and figures.

    Raises
    ------
    TypeError
        `estimator` does not end in such a model, or has ``coef_`` and is not linear.
    ValueError
        The columns of `X` are not on the axis of the training spectra, are not sorted, or some
        names are not wavelengths. `x_axis` is given, but a step makes features that have no
        wavelengths. `estimator` transforms y by a function that is not linear, or is an ensemble
        that does not average or whose members receive different wavelengths or classes. `X` is one
        spectrum and a linear model has no reference to compare it with. Or an argument does not fit
        `estimator`.

    See Also
    --------
    cross_explain : Explains each spectrum by models that were not trained on it.
    ResNet1DClassifier.explain : Explains the estimator alone, from preprocessed spectra.
    hyperspectral.explain : Explains images that are larger than memory.

    Notes
    -----
    The outputs of a linear classifier are its decision values, which are logits for
    LogisticRegression and LinearDiscriminantAnalysis. If two classes are decided by one number d,
    their outputs are -d/2 and d/2. Their difference is d, and the softmax of logits is unchanged.

    Examples
    --------
    >>> import pandas as pd
    >>> from chemotools.feature_selection import RangeCut
    >>> from chemotools.scatter import StandardNormalVariate
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_spectral import ResNet1DRegressor, explain
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)
    >>> X = pd.DataFrame(blends.data, columns=blends.x_axis)  # wavenumbers in cm-1
    >>> y = pd.Series(blends.target, name="sunflower oil (%)")
    >>> model = make_pipeline(
    ...     RangeCut(start=1600, end=1800, x_axis=blends.x_axis),
    ...     StandardNormalVariate(),
    ...     ResNet1DRegressor(max_epochs=1, random_state=0),
    ... ).fit(X, y)
    >>> explanation = explain(model, X)
    >>> explanation
    Explanation of 30 spectra, 1 target(s) each, 100 points from 1600 to 1798
    >>> explanation.output_name
    'sunflower oil (%)'
    """
    with naming_argument("X", "an array of numbers"):
        shape = np.shape(X)
    n_columns = shape[1] if len(shape) == 2 else None
    axis = Axis.of(column_names(X), x_axis, n_columns, X if out is None else None)
    like_X = reference
    if reference is not None and not isinstance(reference, str):
        like_X = _rows_like(X, reference, n_columns)
    model = unwrap(estimator, explainable=True, params=params)
    how = {"method": method, "layer": layer}
    explanation = _explain(model, X, axis, like_X, how, target, out)._named(row_names(X))
    return explanation if out is None else _into(out, explanation)


def columns_seen(estimator, X):
    """Return the columns of X that the last step receives; none if a step makes other features."""
    n_columns = np.shape(X)[1]
    axis = Axis.of(None, np.arange(n_columns), n_columns)
    for _, step in unwrap(estimator, explainable=True).steps:
        axis = axis.after(step)
    return [] if axis.columns is None else axis.columns.tolist()


def rests_on_X(estimator):
    """Return whether maps are relative to the mean of X, where there is no reference."""
    model = unwrap(estimator, explainable=True)
    return model.is_linear or (not model.is_ours and any(map(rests_on_X, model.last.estimators_)))


def _rows_like(X, reference, n_columns):
    """Return reference spectra as rows of the kind that X is, for the same steps."""
    rows = np.atleast_2d(as_numbers(reference, "reference", "a spectrum: numbers"))
    if n_columns is not None and rows.shape[-1] != n_columns:
        raise ValueError(
            f"reference has {rows.shape[-1]} values, but X has {n_columns} columns. "
            "Pass one spectrum before preprocessing, or several as rows."
        )
    return like_table(rows, X)


def _explain(model, X, axis, reference, how, target="all", out=None):
    """Explain the last step of a model, and transform its maps to the outputs of the model."""
    axis, X, reference = model.through_steps(axis, X, reference)
    direct = model.is_ours and not model.y_transformers  # which chooses targets by itself
    if model.is_ours:
        how = how | {"x_axis": axis.of_last_step(model.last), "reference": reference}
        how = how | ({"target": target, "out": out} if direct else {"target": "all"})
        explanation = model.last.explain(X, **how)
        explanation = replace(explanation, measured=axis.measured(explanation.spectra))
    elif model.is_linear:
        explanation = explain_linear(model.last, X, reference, axis.of_last_step(model.last), **how)
        explanation = replace(explanation, measured=axis.measured(explanation.spectra))
    else:
        explanation = _mean_of_members(model, X, axis, reference, how)
        if target is None and explanation.is_class:
            target = model.last.predict(X)
    for transformer in model.y_transformers:
        explanation = explanation.through(*linear_inverse(transformer, explanation.outputs))
    return explanation if direct else explanation.pick(target)


def _mean_of_members(model, X, axis, reference, how):
    """Average the explanations of the members of an ensemble, all targets."""
    ensemble = model.last
    soft = all(hasattr(each, "predict_proba") for each in ensemble.estimators_)
    if is_classifier(ensemble) and not (soft and getattr(ensemble, "voting", "soft") == "soft"):
        raise ValueError(
            f"{describe(ensemble)} counts the votes of its members, and votes have no logits to "
            "explain. Use voting='soft' and members that have predict_proba."
        )
    for columns in getattr(ensemble, "estimators_features_", []):
        if not np.array_equal(columns, np.arange(ensemble.n_features_in_)):
            raise ValueError(
                f"The members of {describe(ensemble)} see different wavelengths, which are drawn "
                "at random. Use max_features=1.0 and bootstrap_features=False."
            )
    axis.compare(ensemble)
    if isinstance(ensemble, BAGGING):
        # Check number and names of the columns, as predict does.
        validate_data(ensemble, X, reset=False, skip_check_array=True)
        # Bagging hands arrays to its members, which know no column names.
        X = np.asarray(X, dtype=float)
        if not (reference is None or isinstance(reference, str)):
            reference = np.asarray(reference, dtype=float)
    members = [
        _explain(unwrap(each, explainable=True, params=model.params), X, axis, reference, how)
        for each in ensemble.estimators_
    ]
    if hasattr(ensemble, "classes_"):
        # Members know the classes by their places.
        members = [
            replace(member, targets=ensemble.classes_[member.targets.astype(int)])
            for member in members
        ]
    first, *others = members
    return first.averaged(others, weights_of_members(ensemble))


def _into(out, explanation):
    """Return an explanation whose maps are in `out`, where they may be already."""
    check_out(out, explanation.maps.shape)
    if not np.may_share_memory(out, explanation.maps):
        out[...] = explanation.maps
    return replace(explanation, maps=out)
