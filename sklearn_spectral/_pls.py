"""The linear calibration that the network starts from: PLS, components chosen inside."""

import warnings

import numpy as np
from ikpls.numpy import PLS
from sklearn.model_selection import GroupKFold, KFold

# More latent variables than this are noise in every calibration we have seen.
MAX_COMPONENTS = 20
N_FOLDS = 5


def _coefficients(X, Y, sample_weight, n_components):
    """Return PLS coefficients (n_components, n_points, n_outputs) of centred X and Y."""
    pls = PLS(scale_X=False, scale_Y=False)
    with warnings.catch_warnings():
        # ikpls says when the rank is reached; the coefficients then stay as they are.
        warnings.simplefilter("ignore")
        pls.fit(X, Y, n_components, sample_weight)
    return pls.B


def pls_coefficients(X, Y, sample_weight, groups, random_state):
    """Fit PLS with the number of latent variables that predicts left-out rows best.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_points)
        Scaled spectra, centred.
    Y : ndarray of shape (n_samples, n_outputs)
        Scaled outputs, centred.
    sample_weight : ndarray of shape (n_samples,)
    groups : ndarray of shape (n_samples,) or None
        Rows of one group stay in one fold.
    random_state : numpy.random.RandomState
        Shuffles the folds.

    Returns
    -------
    coefficients : ndarray of shape (n_points, n_outputs)
    """
    n_units = len(X) if groups is None else len(np.unique(groups))
    n_folds = min(N_FOLDS, n_units)
    if groups is None:
        folds = list(KFold(n_folds, shuffle=True, random_state=random_state).split(X))
    elif n_folds > 1:
        folds = list(GroupKFold(n_folds).split(X, groups=groups))
    else:
        folds = []
    smallest = min((len(train) for train, _ in folds), default=0)
    limit = min(MAX_COMPONENTS, smallest - 1, X.shape[1])
    if limit < 1:
        return np.zeros((X.shape[1], Y.shape[1]))
    errors = np.zeros(limit)
    for train, test in folds:
        weight = sample_weight[train]
        x_mean = np.average(X[train], axis=0, weights=weight)
        y_mean = np.average(Y[train], axis=0, weights=weight)
        coefficients = _coefficients(X[train], Y[train], weight, limit)
        residuals = Y[test] - y_mean - (X[test] - x_mean) @ coefficients  # (limit, n_test, T)
        errors += np.einsum("ant,n->a", residuals**2, sample_weight[test])
    n_components = int(np.nanargmin(errors)) + 1
    return _coefficients(X, Y, sample_weight, n_components)[-1]
