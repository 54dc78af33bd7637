"""Ask a whole model whether spectra are of the kind it was trained on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._spectra.axis import Axis
from .._spectra.names import column_names
from .unwrap import unwrap


def applicability(
    estimator: BaseEstimator, X: ArrayLike, *, params: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Tell whether spectra lie within what a model was trained on.

    Preprocessing steps are applied, then the last step is asked
    (:meth:`ResNet1DRegressor.applicability`).

    Parameters
    ----------
    estimator : fitted estimator
        One of ours, or a Pipeline, a search such as GridSearchCV or a TransformedTargetRegressor
        around one of ours, nested in any way. Of an ensemble ask its members one by one.
    X : array-like of shape (n_samples, n_features)
        Spectra as `estimator` takes them, before preprocessing.
    params : dict or None, default=None
        Metadata that steps take beside the spectra, as for :func:`explain`.

    Returns
    -------
    scores : DataFrame of shape (n_samples, 3)
        ``hotelling_t2`` and ``q_residual``, each divided by its limit, and ``inside``, whether
        neither is above 1. The index is that of X, where it has one.

    Raises
    ------
    TypeError
        `estimator` does not end in one of ours.
    ValueError
        X is not as the training spectra were, or these were too few.

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
    model = unwrap(estimator, params=params)
    index = X.index if isinstance(X, pd.DataFrame) else None
    axis = Axis.of(column_names(X), None, np.shape(X)[-1] if np.ndim(X) else None)
    axis, X, _ = model.through_steps(axis, X)
    axis.compare(model.last)
    scores = model.last.applicability(X)
    return scores if index is None else scores.set_axis(index)
