"""Ridge calibrations on one view and on the network's features, solved in their dual form.

With many more features than spectra the solution is found from the products of spectra with each
other (Saunders et al. 1998, "Ridge regression learning algorithm in dual variables").
"""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

# How much the features count beside the view itself: none, where the answer is linear in it.
SHARES = (0.0, 0.01, 0.1, 0.5, 1.0)
# Penalties, for products whose mean square is one. Smaller ones drown in float32's rounding.
PENALTIES = 10.0 ** np.arange(-6, 1.01, 0.5)
# Added to every product: a constant feature of hardly any penalty, which is the intercept.
CONSTANT = 10.0
# Share and penalty are chosen on so many rows: they change little with more.
MAX_ROWS_TO_CHOOSE = 600
# With more rows there is no ridge: their products with each other would fill the memory.
MAX_ROWS = 4000


def gram(blocks):
    """Return the products of spectra with each other, of mean square one.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n_samples, n_columns)
        Centred features, block by block: never all in float64 at once.

    Returns
    -------
    products : ndarray of shape (n_samples, n_samples)
    size : float
        What they were divided by.
    """
    in_float64 = (block.astype(np.float64, copy=False) for block in blocks)
    products = sum(block @ block.T for block in in_float64)
    size = np.trace(products) / len(products)
    return products / (size or 1.0), size or 1.0


def errors_of_settings(linear, nonlinear, Y, sample_weight, folds):
    """Return the squared errors of left-out rows for every share and penalty.

    Parameters
    ----------
    linear, nonlinear : ndarray of shape (n_samples, n_samples)
        Products of the spectra in one view, and in the network's features.
    Y : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,)
    folds : list of (rows to train on, rows to leave out)

    Returns
    -------
    errors : ndarray of shape (len(SHARES), len(PENALTIES), n_outputs)
    """
    errors = []
    for share in SHARES:
        products = _mix(linear, nonlinear, share)
        errors.append(sum(_errors(products, Y, sample_weight, *fold) for fold in folds))
    return np.array(errors)


def ridge_candidate(linear, nonlinear, Y, sample_weight, folds, share, penalty):
    """Fit a ridge calibration.

    Parameters
    ----------
    linear, nonlinear, Y, sample_weight, folds
        As for `errors_of_settings`.
    share : float
        Of the nonlinear products.
    penalty : float

    Returns
    -------
    left_out : ndarray of shape (n_samples, n_outputs)
        What the calibration predicts for rows it was not fitted on.
    duals : ndarray of shape (n_samples, n_outputs)
        Weight of each training spectrum.
    """
    products = _mix(linear, nonlinear, share)
    left_out = np.empty_like(Y)
    for train, test in folds:
        duals = _solve(products[np.ix_(train, train)], Y[train], sample_weight[train], penalty)
        left_out[test] = products[np.ix_(test, train)] @ duals
    return left_out, _solve(products, Y, sample_weight, penalty)


def _mix(linear, nonlinear, share):
    return (1 - share) * linear + share * nonlinear + CONSTANT


def _solve(products, Y, sample_weight, penalty):
    """Minimise the weighted squared error plus the penalty times the squared coefficients."""
    root = np.sqrt(sample_weight)[:, None]
    weighted = root * products * root.T
    weighted[np.diag_indices_from(weighted)] += penalty
    return root * cho_solve(cho_factor(weighted, overwrite_a=True), root * Y)


def _errors(products, Y, sample_weight, train, test):
    """Return the squared errors of one fold, (n_penalties, n_outputs)."""
    root = np.sqrt(sample_weight[train])[:, None]
    values, vectors = np.linalg.eigh(root * products[np.ix_(train, train)] * root.T)
    along = vectors.T @ (root * Y[train])  # (n_train, n_outputs)
    to_test = products[np.ix_(test, train)] @ (root * vectors)  # (n_test, n_train)
    # (n_penalties, n_train, n_outputs)
    solved = along / (np.maximum(values, 0)[:, None] + PENALTIES[:, None, None])
    return np.einsum("pnt,n->pt", (to_test @ solved - Y[test]) ** 2, sample_weight[test])
