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
    r"""Show which wavelengths made the predictions of a model: one of ours, or a linear one.

    Preprocessing steps are applied, the last step is explained
    (:meth:`ResNet1DClassifier.explain`), on the wavelength axis as that step sees it: the axis
    is carried through the pipeline by the steps' ``get_feature_names_out``.

    The map of a linear model, such as PLS, is its coefficients times the centred spectrum,

    .. math:: m_i = b_i (x_i - \bar{x}_i)

    so that maps and base value, the output at the mean, add up to the output exactly.

    Parameters
    ----------
    estimator : fitted estimator
        One of ours, a linear model of scikit-learn, or a Pipeline, a search such as GridSearchCV,
        a TransformedTargetRegressor or an averaging ensemble (BaggingClassifier,
        BaggingRegressor, VotingRegressor, soft VotingClassifier) around these, nested in any way.
        Linear is what has ``coef_`` and predicts, or decides by, these times `X` plus a constant
        (PLSRegression, Ridge, LogisticRegression, LinearSVC and others), which is looked at with
        `X`. The transformation of y must be linear: contributions cannot be added up through any
        other. An ensemble's map is the mean of its members' (``Explanation.members``), a
        classifier's those of the logits.
    X : array-like of shape (n_samples, n_features)
        Spectra as `estimator` takes them, before preprocessing.
    target : None, label, array-like of shape (n_samples,) or "all", default=None
        What to explain: for a classifier the predicted class (None), one class, one class per
        spectrum, or every class; for a regressor every output (None, "all"), or one by its
        number or its name.
    x_axis : array-like of shape (n_features,) or (n_points,), default=None
        Wavelengths or wavenumbers of the columns of `X`, or, where preprocessing changes their
        number, of the points that the last step sees. None takes them from the column names
        of `X` or of the training spectra, else from a step that knows them (chemotools'
        ``x_axis_``), else counts points (``Explanation.axis_known`` is then False). What is
        given counts as it is; names are compared with what the steps know from training.
    method, layer : str
        As for :meth:`ResNet1DClassifier.explain`; for networks only.
    reference : None, "mean" or array-like of shape ([n_references, ]n_features), default=None
        A spectrum to compare with, as `estimator` takes it, several, of which the last step's mean
        counts, or the mean of the training spectra: the maps then add up to the difference of the
        outputs. PLS knows the mean of its training spectra, other linear models do not: without
        a reference their maps are relative to the mean of `X`. Pass ``reference=X_train`` to have
        them as those of PLS and of networks.
    out : ndarray of shape (n_samples, n_points) or (n_samples, n_points, n_targets), default=None
        Where to write the maps, as for :meth:`ResNet1DClassifier.explain`. Preprocessing steps
        still take all of `X` at once; where that is too much, see
        :mod:`sklearn_spectral.hyperspectral`.
    params : dict or None, default=None
        Metadata that steps take beside the spectra, as ``estimator.predict(X, **params)`` takes
        them: ``{"x_axis": wavelengths}`` for chemotools' XAxisInterpolator. scikit-learn routes
        them (``sklearn.set_config(enable_metadata_routing=True)``).

    Returns
    -------
    explanation : Explanation

    Raises
    ------
    TypeError
        `estimator` ends in something else, or has ``coef_`` and is not linear.
    ValueError
        The columns of `X` are on another axis than that of training, or not sorted, or some are
        no wavelengths; `x_axis` is given for what a step makes of other features; `estimator`
        transforms y by something that is not linear, is an ensemble that does not average or
        whose members see other wavelengths or classes, or an argument does not fit it. `X` is one
        spectrum, and nothing tells a linear model what to compare it with.

    Notes
    -----
    Outputs of a linear classifier are its decision values, which are logits for
    LogisticRegression and LinearDiscriminantAnalysis. Where two classes are decided by one number
    d, their outputs are -d/2 and d/2: the margin between them is d, and the softmax of logits
    stays what it was.

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
    """Return which columns of X the points are that the last step sees; none where that is lost."""
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
            "Pass one spectrum, or several as rows, as the model takes it, before preprocessing."
        )
    return like_table(rows, X)


def _explain(model, X, axis, reference, how, target="all", out=None):
    """Explain what a model makes of spectra: of the last step, through all that is around it."""
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
            f"{describe(ensemble)} counts votes, which have no logits to explain. Use "
            "voting='soft', and members that have predict_proba."
        )
    for columns in getattr(ensemble, "estimators_features_", []):
        if not np.array_equal(columns, np.arange(ensemble.n_features_in_)):
            raise ValueError(
                f"The members of {describe(ensemble)} see different wavelengths, drawn at random. "
                "Use max_features=1.0 and bootstrap_features=False."
            )
    axis.compare(ensemble)
    if isinstance(ensemble, BAGGING):
        # What its predict checks: number and names of the columns.
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
