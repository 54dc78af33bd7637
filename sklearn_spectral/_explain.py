"""Explain whole scikit-learn models: unwrap them, carry the wavelength axis along."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._axis import axis_from_names, check_x_axis, names_after
from ._checks import as_numbers, column_names, reading
from ._estimators import _BaseResNet1D

# A y transformation counts as linear when it agrees with a straight line to this share of the
# range of the outputs.
LINEARITY_TOLERANCE = 1e-6
# Ensembles whose prediction is the mean of their members'.
BAGGING = (BaggingClassifier, BaggingRegressor)
VOTING = (VotingClassifier, VotingRegressor)


def explain(
    estimator,
    X,
    *,
    target=None,
    x_axis=None,
    method="1d-grad-cam",
    layer="features",
    reference=None,
    out=None,
):
    """Show which wavelengths made the predictions of a model that ends in one of ours.

    Preprocessing steps are applied, the last step is explained
    (:meth:`ResNet1DClassifier.explain`), on the wavelength axis as that step sees it: the axis
    is carried through the pipeline by the steps' ``get_feature_names_out``.

    Parameters
    ----------
    estimator : fitted estimator
        One of ours, or a Pipeline, a search such as GridSearchCV, a TransformedTargetRegressor
        or an averaging ensemble (BaggingClassifier, BaggingRegressor, VotingRegressor, soft
        VotingClassifier) around ours, nested in any way. The transformation of y must be linear:
        contributions cannot be added up through any other. An ensemble's map is the mean of its
        members' (``Explanation.members``), a classifier's those of the logits.
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
    method, layer : str
        As for :meth:`ResNet1DClassifier.explain`.
    reference : None, "mean" or array-like of shape (n_features,), default=None
        A spectrum to compare with, as `estimator` takes it, or the mean of the training spectra:
        the maps then add up to the difference of the outputs.
    out : ndarray of shape (n_samples, n_points) or (n_samples, n_points, n_targets), default=None
        Where to write the maps, as for :meth:`ResNet1DClassifier.explain`. Preprocessing steps
        still take all of `X` at once; where that is too much, see
        :mod:`sklearn_spectral.hyperspectral`.

    Returns
    -------
    explanation : Explanation

    Raises
    ------
    TypeError
        `estimator` does not end in one of ours.
    ValueError
        `estimator` transforms y by something that is not linear, is an ensemble that does not
        average or whose members see other wavelengths or classes, or an argument does not fit it.

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
    names, given = column_names(X), None
    with reading("X", "an array of numbers"):
        shape = np.shape(X)
    if x_axis is not None:
        x_axis = np.atleast_1d(as_numbers(x_axis, "x_axis", "numbers"))
        if len(shape) == 2 and len(x_axis) == shape[1]:
            given, x_axis = check_x_axis(x_axis, len(x_axis)), None
            names = given.tolist()
    if reference is not None and not isinstance(reference, str):
        reference = as_numbers(reference, "reference", "a spectrum: numbers").reshape(1, -1)
        if len(shape) == 2 and reference.shape[1] != shape[1]:
            raise ValueError(
                f"reference has {reference.shape[1]} values, but X has {shape[1]} columns. "
                "Pass one spectrum as the model takes it, before preprocessing."
            )
        if hasattr(X, "columns"):
            reference = pd.DataFrame(reference, columns=list(X.columns))
    how = {"method": method, "layer": layer}
    task = _Task(estimator, X, names, reference, target, x_axis, given, how, out)
    explanation = _explain(estimator, task)
    return explanation if out is None else _into(out, explanation)


def _into(out, explanation):
    """Return an explanation whose maps are in `out`, where they may be already."""
    if not np.may_share_memory(out, explanation.maps):
        if np.shape(out) != explanation.maps.shape:
            raise ValueError(
                f"out has shape {np.shape(out)}; expected {explanation.maps.shape}, that of the "
                "maps."
            )
        out[...] = explanation.maps
    return replace(explanation, maps=out)


@dataclass(frozen=True)
class _Task:
    """What is to be explained, as it looks at one step on the way to the network."""

    outermost: object  # the estimator that the user passed
    X: object
    names: Sequence | None  # of the columns of X
    reference: object  # None, "mean" or one row as X
    target: object
    x_axis: np.ndarray | None  # for the last step
    given: np.ndarray | None  # for the columns of the user's X
    how: dict
    out: np.ndarray | None = None  # for the maps of the last step, where they are the result


def _explain(estimator, task):
    """Explain what `estimator` makes of a task: follow it down to one of ours."""
    if isinstance(estimator, _BaseResNet1D):
        x_axis = _axis_of_last_step(estimator, task)
        return estimator.explain(
            task.X,
            target=task.target,
            x_axis=x_axis,
            reference=task.reference,
            out=task.out,
            **task.how,
        )
    if isinstance(estimator, Pipeline):
        check_is_fitted(estimator)
        for _, step in estimator.steps[:-1]:
            if step is not None and step != "passthrough":
                task = _after(step, task)
        return _explain(estimator.steps[-1][1], task)
    if isinstance(estimator, BaseSearchCV):
        check_is_fitted(estimator)
        if not hasattr(estimator, "best_estimator_"):
            raise ValueError(
                f"{type(estimator).__name__} was run with refit=False and holds no fitted "
                "estimator to explain. Run it with refit=True."
            )
        return _explain(estimator.best_estimator_, task)
    if isinstance(estimator, TransformedTargetRegressor):
        check_is_fitted(estimator)
        explanation = _explain(estimator.regressor_, replace(task, target="all", out=None))
        matrix, offset, _ = linear_inverse(estimator.transformer_, explanation.outputs)
        return explanation.through(matrix, offset).pick(task.target)
    if isinstance(estimator, (*BAGGING, *VOTING)):
        check_is_fitted(estimator)
        explanation = _explain_ensemble(estimator, replace(task, target="all", out=None))
        predicted = task.target is None and explanation.is_class
        return explanation.pick(estimator.predict(task.X) if predicted else task.target)
    raise TypeError(
        f"{_describe(estimator)} inside {_describe(task.outermost)} cannot be explained: "
        "expected ResNet1DClassifier or ResNet1DRegressor, alone or at the end of a Pipeline, a "
        "search such as GridSearchCV, a TransformedTargetRegressor, or in a Bagging or Voting "
        "ensemble."
    )


def _after(step, task):
    """Return the task as it looks behind a preprocessing step."""
    reference = task.reference
    if reference is not None and not isinstance(reference, str):
        reference = step.transform(reference)
    names = names_after(step, task.names)
    return replace(task, X=step.transform(task.X), names=names, reference=reference)


def _axis_of_last_step(model, task):
    """Return the wavelengths that the last step sees, or None where nothing tells them."""
    if task.x_axis is not None:
        return task.x_axis
    x_axis = axis_from_names(task.names)
    if x_axis is not None or task.given is None:
        return x_axis
    # Some step does not tell what becomes of its columns.
    if len(task.given) != getattr(model, "n_features_in_", len(task.given)):
        raise ValueError(
            f"x_axis has {len(task.given)} values, the columns of X, but the last step sees "
            f"{model.n_features_in_} points, and a step before it has no "
            "get_feature_names_out to tell which. Pass x_axis as the last step sees it."
        )
    return task.given


def _explain_ensemble(ensemble, task):
    """Average the explanations of the members of an ensemble, all targets."""
    if getattr(ensemble, "voting", "soft") != "soft":
        raise ValueError(
            "VotingClassifier counts votes (voting='hard'), which have no logits to explain. Use "
            "voting='soft'."
        )
    for columns in getattr(ensemble, "estimators_features_", []):
        if not np.array_equal(columns, np.arange(ensemble.n_features_in_)):
            raise ValueError(
                f"The members of {_describe(ensemble)} see different wavelengths, drawn at random. "
                "Use max_features=1.0 and bootstrap_features=False."
            )
    if isinstance(ensemble, BAGGING):
        # Bagging hands arrays to its members, which know no column names.
        arrays = {"X": np.asarray(task.X, dtype=float)}
        if not (task.reference is None or isinstance(task.reference, str)):
            arrays["reference"] = np.asarray(task.reference, dtype=float)
        task = replace(task, **arrays)
    members = [_explain(member, task) for member in ensemble.estimators_]
    if hasattr(ensemble, "classes_"):
        # Members know the classes by their places.
        members = [
            replace(member, targets=ensemble.classes_[member.targets.astype(int)])
            for member in members
        ]
    return members[0].averaged(members[1:], getattr(ensemble, "_weights_not_none", None))


def last_step(estimator):
    """Follow a model with one network down to one of ours.

    Returns
    -------
    model : estimator of ours
    y_transformers : list of the fitted transformers of y passed on the way, the inmost first
    """
    inner, y_transformers = estimator, []
    while not isinstance(inner, _BaseResNet1D):
        if isinstance(inner, Pipeline):
            inner = inner.steps[-1][1]
        elif isinstance(inner, BaseSearchCV):
            check_is_fitted(inner)
            inner = getattr(inner, "best_estimator_", None)
        elif isinstance(inner, TransformedTargetRegressor):
            check_is_fitted(inner)
            y_transformers.insert(0, inner.transformer_)
            inner = inner.regressor_
        else:
            raise TypeError(
                f"{_describe(estimator)} does not end in one ResNet1DClassifier or "
                "ResNet1DRegressor. Pass one of these, alone or at the end of a Pipeline or a "
                "search; of an ensemble, its members one by one."
            )
    check_is_fitted(inner)
    return inner, y_transformers


def _describe(estimator):
    return repr(estimator) if isinstance(estimator, str) else type(estimator).__name__


def linear_inverse(transformer, outputs):
    """Return what a fitted transformer of y makes of outputs, and how.

    Returns
    -------
    matrix : ndarray of shape (n_outputs, n_targets)
    offset : ndarray of shape (n_targets,)
    targets : ndarray of shape (n_samples, n_targets)
        ``outputs @ matrix + offset``; it raises where the transformer does something else.
    """
    n_outputs = outputs.shape[1]
    offset = transformer.inverse_transform(np.zeros((1, n_outputs))).reshape(-1)
    matrix = transformer.inverse_transform(np.eye(n_outputs)).reshape(n_outputs, -1) - offset
    linear = outputs @ matrix + offset
    actual = transformer.inverse_transform(outputs).reshape(linear.shape)
    tolerance = LINEARITY_TOLERANCE * max(np.ptp(actual), np.abs(actual).max(initial=0))
    if not np.allclose(linear, actual, rtol=0, atol=tolerance):
        raise ValueError(
            f"The target transformer {transformer!r} is not linear, so the contributions of "
            "wavelengths do not add up through it. Explain the model inside "
            "(`.regressor_`) in the unit it was trained on, or use a linear transformer such as "
            "StandardScaler."
        )
    return matrix, offset, linear
