"""PLS calibrations of one view of the spectra, each with what it predicts for left-out rows.

Centring or scaling, and which bands to look at, matter more for PLS than anything else, and no
choice is right for all spectra. So all are tried: mean-centred, scaled per wavelength, and scaled
and then reweighted a few times, every wavelength by the size that the coefficients around it had
in the fit before, which step by step leaves the informative bands.
"""

import numpy as np
from scipy.ndimage import uniform_filter1d

# More latent variables than this are noise in every calibration we have seen.
MAX_COMPONENTS = 20
N_REWEIGHTINGS = 4
# Coefficients are smoothed over this share of the axis: bands are selected, not points.
REWEIGHTING_SHARE = 1 / 16
EPSILON = np.finfo(np.float64).eps
# Predictions that rounding moves by more than this share of the spread of an output are not what
# the network would say: it computes in float32.
MAX_ROUNDING_ERROR = 1e-4


def pls_candidates(Z, Y, sample_weight, folds, rounding=0.0):
    """Fit PLS calibrations, each with the number of latent variables that predicts best.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_bins)
        One view of the spectra, not scaled.
    Y : ndarray of shape (n_samples, n_outputs)
        Outputs, which share their latent variables.
    sample_weight : ndarray of shape (n_samples,)
    folds : list of (rows to train on, rows to leave out)
    rounding : float or ndarray of shape (n_bins,), default=0.0
        How much of each point the network rounds away. Latent variables whose coefficients would
        make a difference of that are not tried.

    Yields
    ------
    out_of_fold : ndarray of shape (n_samples, n_outputs)
        What the calibration predicts for rows it was not fitted on.
    coefficients : ndarray of shape (n_bins, n_outputs)
        Of the calibration fitted on all rows.
    intercept : ndarray of shape (n_outputs,)
    """
    limit = min(MAX_COMPONENTS, min(len(train) for train, _ in folds) - 1, Z.shape[1])
    if limit < 1:
        return
    rows = [*(train for train, _ in folds), np.arange(len(Z))]
    spread = np.sqrt(np.average((Y - Y.mean(axis=0)) ** 2, axis=0, weights=sample_weight))
    lost = np.reshape(rounding, (-1, 1))
    most = MAX_ROUNDING_ERROR * np.where(spread > 0, spread, 1.0)
    for scaled in (False, True):
        wavelength_weights = [np.ones(Z.shape[1])] * len(rows)
        for _ in range(1 + scaled * N_REWEIGHTINGS):
            paths = [
                _pls_path(Z[train], Y[train], sample_weight[train], scaled, weight, limit)
                for train, weight in zip(rows, wavelength_weights, strict=True)
            ]
            predicted = np.empty((limit, *Y.shape))
            for (_, test), (coefficients, intercepts, _) in zip(folds, paths, strict=False):
                predicted[:, test] = Z[test] @ coefficients + intercepts[:, None]
            errors = np.einsum("ant,n->a", (predicted - Y) ** 2, sample_weight)
            held = [(np.linalg.norm(lost * path[0], axis=1) <= most).all(axis=1) for path in paths]
            errors[~np.all(held, axis=0)] = np.inf
            best = int(np.nanargmin(errors))
            if errors[best] == np.inf:
                break
            coefficients, intercepts, _ = paths[-1]
            yield predicted[best], coefficients[best], intercepts[best]
            wavelength_weights = [_wavelength_weights(path[0][best], path[2]) for path in paths]


def _pls_path(Z, Y, sample_weight, scaled, wavelength_weights, n_components):
    """Fit PLS with 1, 2, ... `n_components` latent variables.

    Returns
    -------
    coefficients : ndarray of shape (n_components, n_bins, n_outputs)
        Of `Z` as it is.
    intercepts : ndarray of shape (n_components, n_outputs)
    scale : ndarray of shape (n_bins,)
        What each wavelength was divided by, infinite where it is constant.
    """
    z_mean, y_mean = (np.average(array, axis=0, weights=sample_weight) for array in (Z, Y))
    variance = np.average((Z - z_mean) ** 2, axis=0, weights=sample_weight)
    if scaled:
        # What varies less than rounding does is constant.
        scale = np.sqrt(np.where(variance > 1e-20 * variance.max(), variance, np.inf))
    else:  # by one number: very small covariances are taken for none
        scale = np.full(Z.shape[1], np.sqrt(variance.mean()) or 1.0)
    factor = wavelength_weights / scale
    coefficients = factor[:, None] * _kernel_pls(
        (Z - z_mean) * factor, Y, sample_weight, n_components
    )
    return coefficients, y_mean - z_mean @ coefficients, scale


def _kernel_pls(Z, Y, sample_weight, n_components):
    """Return the coefficients of PLS with 1, 2, ... latent variables.

    Improved kernel PLS, first algorithm (Dayal and MacGregor, J. Chemom. 1997, 11, 73,
    doi:10.1002/(SICI)1099-128X(199701)11:1<73::AID-CEM435>3.0.CO;2-#), with names as there.
    Beyond the rank of the spectra coefficients stay as they are. The package `ikpls` warns
    there, and to silence a warning changes settings of the whole process, which two threads that
    fit at once would leave changed.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_bins)
        Centred spectra.
    Y : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,)
    n_components : int

    Returns
    -------
    B : ndarray of shape (n_components, n_bins, n_outputs)
    """
    B = np.zeros((n_components, Z.shape[1], Y.shape[1]))
    P, R = np.zeros((2, n_components, Z.shape[1]))
    covariance = Z.T @ (Y * sample_weight[:, None])
    Z = np.sqrt(sample_weight)[:, None] * Z
    largest = 0.0
    for a in range(n_components):
        q = np.linalg.eigh(covariance.T @ covariance)[1][:, -1:]  # the strongest direction
        w = covariance @ q
        norm = np.linalg.norm(w)
        if norm <= EPSILON:  # nothing is left to explain
            B[a:] = B[a - 1]
            break
        w = w / norm
        r = w - R[:a].T @ (P[:a] @ w)
        t = Z @ r
        size = (t.T @ t).item()
        largest = max(largest, size)
        if size <= EPSILON * largest:  # nothing is left to explain it with
            B[a:] = B[a - 1]
            break
        p = (t.T @ Z).T / size
        q = q * (norm / size)
        covariance = covariance - (p @ q.T) * size
        P[a], R[a] = p[:, 0], r[:, 0]
        B[a] = B[a - 1] + r @ q.T
    return B


def _wavelength_weights(coefficients, scale):
    """Return the weight of each wavelength in the next fit, at most one."""
    size = np.linalg.norm(coefficients, axis=1) * np.where(np.isfinite(scale), scale, 0.0)
    width = max(1, round(len(size) * REWEIGHTING_SHARE))
    smooth = uniform_filter1d(size**2, width, mode="nearest")
    # The filter's running sum can fall below zero by rounding.
    smooth = np.sqrt(np.maximum(smooth, 0.0))
    return smooth / smooth.max() if smooth.max() > 0 else np.ones(len(size))
