"""Ridge calibrations on one view and on the network's features, solved in their dual form.

With many more features than spectra the solution is found from the products of spectra with each
other (Saunders et al. 1998, "Ridge regression learning algorithm in dual variables").
"""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

# Shares of the features relative to the view itself; 0 is best for a linear relation.
NONLINEAR_SHARES = (0.0, 0.01, 0.1, 0.5, 1.0)
# Penalties, for products whose mean square is one. Smaller ones are below the precision of float32.
PENALTIES = 10.0 ** np.arange(-6, 1.01, 0.5)
# Added to every product: a constant feature of hardly any penalty, which is the intercept.
INTERCEPT_KERNEL = 10.0
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
        The number by which they were divided.
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
    folds : list of ndarray
        Rows to leave out; each fold is fitted on all others.

    Returns
    -------
    errors : ndarray of shape (len(NONLINEAR_SHARES), len(PENALTIES), n_outputs)
    """
    return np.array(
        [
            _errors(_mix(linear, nonlinear, share), Y, sample_weight, folds, PENALTIES)
            for share in NONLINEAR_SHARES
        ]
    )


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
    out_of_fold : ndarray of shape (n_samples, n_outputs)
        Predictions for rows that the calibration was not fitted on.
    duals : ndarray of shape (n_samples, n_outputs)
        Weight of each training spectrum.
    """
    root = np.sqrt(sample_weight)[:, None]
    weighted = root * _mix(linear, nonlinear, share) * root.T
    weighted[np.diag_indices_from(weighted)] += penalty
    # The inverse, of which Cholesky's lower half is enough.
    inverse = cho_solve(cho_factor(weighted, overwrite_a=True), np.eye(len(Y)), overwrite_b=True)
    along = inverse @ (root * Y)
    residuals = np.zeros_like(along)
    for rows in folds:
        residuals[rows] = np.linalg.solve(inverse[np.ix_(rows, rows)], along[rows])
    return Y - residuals / root, root * along


def _mix(linear, nonlinear, share):
    return (1 - share) * linear + share * nonlinear + INTERCEPT_KERNEL


def _errors(products, Y, sample_weight, folds, penalties):
    r"""Return the squared errors of left-out rows, (n_penalties, n_outputs).

    The prediction for left-out rows F follows from the ridge calibration that was fitted on all
    rows: with :math:`G = (K + \lambda I)^{-1}` the residuals of the rows are
    :math:`G_{FF}^{-1} (G y)_F` (Pahikkala et al. 2006, "Fast n-fold cross-validation for
    regularized least-squares"). So one decomposition serves all folds and penalties.
    """
    root = np.sqrt(sample_weight)[:, None]
    values, vectors = np.linalg.eigh(root * products * root.T)
    # The eigenvalues of G, (n_penalties, n_samples); what is below zero is rounding.
    inverse = 1 / (np.maximum(values, 0) + penalties[:, None])
    along = vectors.T @ (root * Y)  # (n_samples, n_outputs)
    errors = np.zeros((len(penalties), Y.shape[1]))
    for rows in folds:
        scaled = vectors[rows] * inverse[:, None]  # (n_penalties, n_rows, n_samples)
        residuals = np.linalg.solve(scaled @ vectors[rows].T, scaled @ along)
        errors += (residuals**2).sum(axis=1)
    return errors
