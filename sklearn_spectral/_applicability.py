"""Ask a whole model whether spectra are of the kind it was trained on."""

import pandas as pd
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._explain import last_step


def applicability(estimator, X):
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
    ... ).fit(blends.data, blends.target)
    >>> new = make_oil_blends(20, random_state=1).data
    >>> bool(applicability(model, new)["inside"].mean() > 0.8)
    True
    >>> empty_channels = new.copy()
    >>> empty_channels[:, 300:310] = 0
    >>> bool(applicability(model, empty_channels)["inside"].any())
    False
    """
    model, _ = last_step(estimator)
    index = X.index if isinstance(X, pd.DataFrame) else None
    while estimator is not model:
        check_is_fitted(estimator)
        if isinstance(estimator, Pipeline):
            for _, step in estimator.steps[:-1]:
                if step is not None and step != "passthrough":
                    X = step.transform(X)
            estimator = estimator.steps[-1][1]
        else:
            is_search = isinstance(estimator, BaseSearchCV)
            estimator = estimator.best_estimator_ if is_search else estimator.regressor_
    scores = model.applicability(X)
    return scores if index is None else scores.set_axis(index)
