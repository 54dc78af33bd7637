"""Take scikit-learn models apart: preprocessing, the last step, and the way back to y.

The only file that knows Pipeline, searches and transformed targets; all of it is scikit-learn's.
"""

from dataclasses import dataclass
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
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

# A y transformation counts as linear when it agrees with a straight line to this share of the
# range of the outputs.
LINEARITY_TOLERANCE = 1e-6
# Ensembles whose prediction is the mean of their members'.
BAGGING = (BaggingClassifier, BaggingRegressor)
AVERAGING = (*BAGGING, VotingClassifier, VotingRegressor)


@dataclass(frozen=True)
class Unwrapped:
    """What a fitted model is made of.

    Attributes
    ----------
    steps : list of (name, fitted transformer)
        What spectra pass on the way to the last step, in this order.
    last : estimator
        One of ours, or an ensemble.
    y_transformers : list of fitted transformers
        What predictions pass on the way back to y, in this order.
    y_ndim : int
        Number of axes of what ``predict`` gives.
    """

    steps: list[tuple[str, Any]]
    last: Any
    y_transformers: list[Any]
    y_ndim: int

    @property
    def is_ours(self):
        """Whether the last step is one estimator of ours."""
        return _is_ours(self.last)

    def transform(self, X):
        """Return spectra as the last step sees them."""
        for _, step in self.steps:
            X = step.transform(X)
        return X


def _is_ours(estimator):
    return isinstance(estimator, BaseEstimator) and hasattr(estimator, "explain")


def unwrap(estimator, *, ensembles=False):
    """Follow a fitted model down to one of our estimators.

    Parameters
    ----------
    estimator : fitted estimator
    ensembles : bool, default=False
        Whether it may also end in an ensemble that averages.

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
    steps: list[tuple[str, Any]] = []
    y_transformers: list[Any] = []
    inner, y_ndim = estimator, None
    while True:
        if isinstance(inner, Pipeline):
            check_is_fitted(inner)
            steps += _flat(inner.steps[:-1])
            inner = inner.steps[-1][1]
        elif isinstance(inner, BaseSearchCV):
            check_is_fitted(inner)
            if not hasattr(inner, "best_estimator_"):
                raise ValueError(
                    f"{type(inner).__name__} was run with refit=False and holds no fitted "
                    "estimator to explain. Run it with refit=True."
                )
            inner = inner.best_estimator_
        elif isinstance(inner, TransformedTargetRegressor):
            check_is_fitted(inner)
            y_transformers.insert(0, inner.transformer_)
            y_ndim = y_ndim or inner._training_dim  # the outermost gives y the shape it came in
            inner = inner.regressor_
        else:
            break
    if not (_is_ours(inner) or (ensembles and isinstance(inner, AVERAGING))):
        raise TypeError(_what_cannot(estimator, inner, ensembles))
    check_is_fitted(inner)
    y_ndim = y_ndim or (1 if getattr(inner, "_y_was_1d", False) else 2)
    return Unwrapped(steps, inner, y_transformers, y_ndim)


def _flat(steps):
    """Return the steps of pipelines in pipelines, those that do something."""
    flat = []
    for name, step in steps:
        if isinstance(step, Pipeline):
            flat += _flat(step.steps)
        elif step is not None and step != "passthrough":
            flat.append((name, step))
    return flat


def _what_cannot(estimator, inner, ensembles):
    if ensembles:
        return (
            f"{describe(inner)} inside {describe(estimator)} cannot be explained: "
            "expected ResNet1DClassifier or ResNet1DRegressor, alone or at the end of a Pipeline, "
            "a search such as GridSearchCV, a TransformedTargetRegressor, or in a Bagging or "
            "Voting ensemble."
        )
    return (
        f"{describe(estimator)} does not end in one ResNet1DClassifier or "
        "ResNet1DRegressor. Pass one of these, alone or at the end of a Pipeline or a "
        "search; of an ensemble, its members one by one."
    )


def describe(estimator):
    """Return what an estimator is called in messages."""
    return repr(estimator) if isinstance(estimator, str) else type(estimator).__name__


def weights_of_members(ensemble):
    """Return what the members of an averaging ensemble count, or None where all count alike."""
    return getattr(ensemble, "_weights_not_none", None)


def linear_inverse(transformer, outputs):
    """Return how a fitted transformer takes outputs back to y; raise where it is not linear.

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
            "(`.regressor_`) in the unit it was trained on, or use a linear transformer such as "
            "StandardScaler."
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
