"""Separate scikit-learn models into preprocessing, last step and transformers of y.

The only file that knows Pipeline, searches and transformed targets; all of it is scikit-learn's.
"""

import re
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object, process_routing
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

# A y transformation counts as linear when it agrees with a straight line to this share of the
# range of the outputs.
LINEARITY_TOLERANCE = 1e-6
# Ensembles whose prediction is the mean of their members'.
BAGGING = (BaggingClassifier, BaggingRegressor)
AVERAGING = (*BAGGING, VotingClassifier, VotingRegressor)
# Where wrappers that leave the outputs alone hold the fitted model: searches, of scikit-learn or of
# others (dask-ml, Optuna), thresholds for labels, and models that are not to be fitted again.
WRAPPERS: list[tuple[Any, str]] = [
    (BaseEstimator, "best_estimator_"),
    ((FixedThresholdClassifier, TunedThresholdClassifierCV), "estimator_"),
    (FrozenEstimator, "estimator"),
]
# Arguments of ``transform`` besides X that are not metadata; `params` are those of inner steps.
NO_METADATA = "y", "copy", "params"
# Where models that cannot be explained as a whole hold those that can.
MEMBERS = {
    ".calibrated_classifiers_[0].estimator": lambda model: (
        model.calibrated_classifiers_[0].estimator
    ),
    ".estimators_[0]": lambda model: model.estimators_[0],
    ".estimator_": lambda model: model.estimator_,
}


@dataclass(frozen=True)
class Unwrapped:
    """The parts of a fitted model.

    Attributes
    ----------
    steps : list of (name, fitted transformer)
        The steps before the last one, in their order.
    last : estimator
        An estimator of this package, a linear model, or an ensemble.
    y_transformers : list of fitted transformers
        Transformers that are applied to predictions, in their order.
    y_ndim : int
        Number of axes of what ``predict`` gives.
    metadata : dict
        Further arguments of ``transform`` of the steps, by the ``id`` of the step.
    params : dict
        The metadata as the user passed them.
    """

    steps: list[tuple[str, Any]]
    last: Any
    y_transformers: list[Any]
    y_ndim: int
    metadata: dict[int, dict]
    params: dict

    @property
    def is_ours(self):
        """Whether the last step is an estimator of this package."""
        return _is_ours(self.last)

    @property
    def is_linear(self):
        """Whether the last step has coefficients, as linear models of scikit-learn have them."""
        return _is_linear(self.last)

    def through_steps(self, axis, X, reference=None):
        """Return axis, spectra and reference (a spectrum, None or a word) as the last step sees."""
        for _, step in self.steps:
            axis, X = axis.after(step, X), self._passed(step, X)
            if not (reference is None or isinstance(reference, str)):
                reference = self._passed(step, reference)
        return axis, X, reference

    def _passed(self, step, X):
        with naming_metadata(step, self.params):
            return step.transform(X, **self.metadata.get(id(step), {}))


@contextmanager
def naming_metadata(model, params):
    """Say how to pass metadata that a step of a model needs, if an error says they are missing."""
    try:
        yield
    except (TypeError, ValueError) as error:
        said = {*re.findall(r"\w+", str(error))} - {*NO_METADATA, *params}
        held = model.get_params().values() if hasattr(model, "get_params") else ()
        for step in (model, *held):
            if hasattr(step, "transform") and not isinstance(step, type):
                for name in said.intersection([*signature(step.transform).parameters][1:]):
                    raise ValueError(
                        f"{describe(step)} needs {name} in addition to X. Pass it as params: "
                        f"explain(model, X, params={{{name!r}: ...}}), and likewise to "
                        "applicability and cross_explain. Metadata routing passes it on: call "
                        "sklearn.set_config(enable_metadata_routing=True) and, before fit, "
                        f"set_fit_request and set_transform_request({name}=True) of the step. "
                        f"(The error of the step: {error})"
                    ) from error
        raise


def _is_ours(estimator):
    return isinstance(estimator, BaseEstimator) and hasattr(estimator, "explain")


def _is_linear(estimator):
    return isinstance(estimator, BaseEstimator) and hasattr(estimator, "coef_")


def unwrap(estimator, *, explainable=False, params=None):
    """Return the parts of a fitted model that ends in an estimator of this package.

    Parameters
    ----------
    estimator : fitted estimator
    explainable : bool, default=False
        Whether it may also end in what else `explain` takes: a linear model, or an ensemble that
        averages.
    params : dict or None, default=None
        Metadata that ``predict`` would take; scikit-learn routes them to the steps.

    Returns
    -------
    model : Unwrapped

    Raises
    ------
    TypeError
        `estimator` ends in something else.
    NotFittedError, ValueError
        It was not fitted, or a search was run with ``refit=False``.
    """
    params = params or {}
    steps: list[tuple[str, Any]] = []
    y_transformers: list[Any] = []
    metadata: dict[int, dict] = {}
    inner, y_ndim = estimator, None
    while not _is_ours(inner):
        if isinstance(inner, Pipeline):
            check_is_fitted(inner)
            steps += _flat(inner, inner.steps[:-1], "predict", params, metadata)
            inner = inner.steps[-1][1]
        elif (held := _held(inner)) is not None:
            inner = held
        elif isinstance(inner, TransformedTargetRegressor):
            check_is_fitted(inner)
            y_transformers.insert(0, inner.transformer_)
            y_ndim = y_ndim or inner._training_dim  # the outermost gives y the shape it came in
            inner = inner.regressor_
        else:
            break
    if isinstance(inner, BaseEstimator):
        check_is_fitted(inner)
    others = _is_linear(inner) or isinstance(inner, AVERAGING)
    if not (_is_ours(inner) or (explainable and others)):
        raise TypeError(_what_cannot(estimator, inner, explainable))
    y_ndim = y_ndim or (1 if getattr(inner, "_y_was_1d", False) else 2)
    return Unwrapped(steps, inner, y_transformers, y_ndim, metadata, params)


def _held(wrapper):
    """Return the fitted model in a wrapper that leaves its outputs alone, or None."""
    if isinstance(wrapper, BaseSearchCV) and not hasattr(wrapper, "best_estimator_"):
        check_is_fitted(wrapper)
        raise ValueError(
            f"{type(wrapper).__name__} was run with refit=False and holds no fitted "
            "estimator to explain. Run it with refit=True."
        )
    for kind, name in WRAPPERS:
        if isinstance(wrapper, kind) and hasattr(wrapper, name):
            return getattr(wrapper, name)
    return None


def _flat(pipeline, steps, method, params, metadata):
    """Return the steps of pipelines in pipelines, those that do something to spectra.

    Samplers, as those of imbalanced-learn, act in ``fit`` only. What scikit-learn routes to each
    step goes into `metadata`.
    """
    if params and not get_config()["enable_metadata_routing"]:
        raise ValueError(
            f"params contains {sorted(params)}, which reach steps only by scikit-learn's metadata "
            "routing: call sklearn.set_config(enable_metadata_routing=True), and "
            "set_transform_request(...) of the step."
        )
    routed: Any = process_routing(pipeline, method, **params) if params else {}
    flat = []
    for name, step in steps:
        if step is None or step == "passthrough" or hasattr(step, "fit_resample"):
            continue
        step = _held(step) if isinstance(step, FrozenEstimator) else step
        passed = routed[name]["transform"] if params else {}
        if isinstance(step, Pipeline):
            flat += _flat(step, step.steps, "transform", passed, metadata)
        else:
            metadata[id(step)] = passed
            flat.append((name, step))
    return flat


def _what_cannot(estimator, inner, explainable):
    if explainable:
        within = "" if inner is estimator else f" inside {describe(estimator)}"
        what_to_do = (
            "expected ResNet1DClassifier, ResNet1DRegressor or a linear model (one with coef_), "
            "alone or at the end of a Pipeline, a search such as GridSearchCV, a "
            "TransformedTargetRegressor, or in a Bagging or Voting ensemble."
        )
        way = next((way for way, member in MEMBERS.items() if _can_be_explained(member, inner)), "")
        if way:
            what_to_do = (
                "its outputs are neither those of one model nor a mean of those of several. "
                f"Explain one of the models that it consists of, such as its {way}."
            )
        return f"{describe(inner)}{within} cannot be explained: {what_to_do}"
    return (
        f"{describe(estimator)} does not end in one ResNet1DClassifier or "
        "ResNet1DRegressor. Pass one of these, alone or at the end of a Pipeline or a "
        "search; of an ensemble, its members one by one."
    )


def _can_be_explained(member, model):
    try:
        unwrap(member(model), explainable=True)
    except (AttributeError, IndexError, TypeError, ValueError):
        return False
    return True


def describe(estimator):
    """Return the name of an estimator for messages."""
    return repr(estimator) if isinstance(estimator, str) else type(estimator).__name__


def weights_of_members(ensemble):
    """Return the weights of the members of an averaging ensemble, or None if they are equal."""
    return getattr(ensemble, "_weights_not_none", None)


def linear_inverse(transformer, outputs):
    """Return the inverse of a fitted transformer of y as a matrix; raise if it is not linear.

    Returns
    -------
    matrix : ndarray of shape (n_outputs, n_targets)
    offset : ndarray of shape (n_targets,)
        y is ``outputs @ matrix + offset``.
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
            "(`.regressor_`) in the unit in which it was trained, or use a linear transformer such "
            "as StandardScaler."
        )
    return matrix, offset


def argument_of_groups(estimator):
    """Return the argument of `fit` by which groups reach the last step, or None."""
    if has_fit_parameter(estimator, "groups"):
        return "groups"
    if get_config()["enable_metadata_routing"]:
        routing = get_routing_for_object(estimator)
        return "groups" if routing.consumes("fit", ["groups"]) else None
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        name = argument_of_groups(last)
        return name and f"{step}__{name}"
    if isinstance(estimator, BaseSearchCV):
        name = argument_of_groups(estimator.estimator)
        return None if name == "groups" else name  # which a search hands to its folds
    if isinstance(estimator, TransformedTargetRegressor) and estimator.regressor is not None:
        return argument_of_groups(estimator.regressor)
    return None
