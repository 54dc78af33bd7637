"""PLS calibrations of one view of the spectra, with their predictions for left-out rows.

Centring or scaling, and which bands to look at, matter more for PLS than anything else, and no
choice is right for all spectra. So all are tried: mean-centred, scaled per wavelength, and scaled
and then reweighted a few times, every wavelength by the size that the coefficients around it had
in the fit before, which step by step leaves the informative bands.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

# More latent variables than this are noise in every calibration we have seen.
MAX_COMPONENTS = 20
N_REWEIGHTINGS = 4
# Coefficients are smoothed over this share of the axis: bands are selected, not points.
REWEIGHTING_SHARE = 1 / 16
EPSILON = np.finfo(np.float64).eps
# A variance below this share of that of all spectra is the rounding error of a difference.
LEAST_VARIANCE = 1e-12
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
        Predictions for rows that the calibration was not fitted on.
    coefficients : ndarray of shape (n_bins, n_outputs)
        Of the calibration fitted on all rows.
    intercept : ndarray of shape (n_outputs,)
    """
    limit = min(MAX_COMPONENTS, min(len(train) for train, _ in folds) - 1, Z.shape[1])
    if limit < 1:
        return
    spread = np.sqrt(np.average((Y - Y.mean(axis=0)) ** 2, axis=0, weights=sample_weight))
    lost = np.reshape(rounding, (-1, 1))
    most = MAX_ROUNDING_ERROR * np.where(spread > 0, spread, 1.0)
    moments = _moments_of_folds(Z, Y, sample_weight, folds)
    for scaled in (False, True):
        wavelength_weights = [np.ones(Z.shape[1])] * len(moments)
        for _ in range(1 + scaled * N_REWEIGHTINGS):
            paths = [
                _pls_path(of_rows, scaled, weight, limit)
                for of_rows, weight in zip(moments, wavelength_weights, strict=True)
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


@dataclass(frozen=True, eq=False)
class Moments:
    """The moments of centred spectra Z and outputs Y that PLS needs, with their weights.

    Attributes
    ----------
    z_mean, y_mean : ndarray of shape (n_bins,) and (n_outputs,)
    variance : ndarray of shape (n_bins,)
    covariance : ndarray of shape (n_bins, n_outputs)
        ``Z.T @ (weights * Y)``.
    multiply : callable
        Maps a vector r (n_bins, 1) to ``Z.T @ (weights * Z) @ r``.
    """

    z_mean: np.ndarray
    y_mean: np.ndarray
    variance: np.ndarray
    covariance: np.ndarray
    multiply: Callable[[np.ndarray], np.ndarray]


def _moments(Z, Y, sample_weight):
    """Return the `Moments` of spectra that are fewer than their points."""
    z_mean, y_mean = (np.average(array, axis=0, weights=sample_weight) for array in (Z, Y))
    Z = Z - z_mean
    variance = np.average(Z**2, axis=0, weights=sample_weight)
    covariance = Z.T @ (Y * sample_weight[:, None])
    Z *= np.sqrt(sample_weight)[:, None]
    return Moments(z_mean, y_mean, variance, covariance, lambda r: Z.T @ (Z @ r))


def _moments_of_folds(Z, Y, sample_weight, folds):
    """Return the `Moments` of the rows to train on of each fold, and of all rows.

    Those of many spectra are the moments of all rows minus those of the left-out rows.
    """
    if len(Z) <= Z.shape[1]:
        rows = [*(train for train, _ in folds), np.arange(len(Z))]
        return [_moments(Z[train], Y[train], sample_weight[train]) for train in rows]
    z_mean, y_mean = (np.average(array, axis=0, weights=sample_weight) for array in (Z, Y))
    Z, Y = Z - z_mean, Y - y_mean  # small numbers, of which little is lost by differences

    def sums(rows):
        weighted = Z[rows] * sample_weight[rows, None]
        of_weights = sample_weight[rows].sum()
        of_y = sample_weight[rows] @ Y[rows]
        return of_weights, weighted.sum(axis=0), of_y, weighted.T @ Z[rows], weighted.T @ Y[rows]

    def moments(weight, of_z, of_y, products, covariance):
        z, y = of_z / weight, of_y / weight
        products = products - weight * np.outer(z, z)
        variance = products.diagonal() / weight
        variance = np.where(variance > LEAST_VARIANCE * of_all, variance, 0.0)
        covariance = covariance - weight * np.outer(z, y)
        return Moments(z_mean + z, y_mean + y, variance, covariance, products.__matmul__)

    everything = sums(slice(None))
    of_all = everything[3].diagonal() / everything[0]
    parts = [sums(test) for _, test in folds]
    left = [[one - other for one, other in zip(everything, part, strict=True)] for part in parts]
    return [moments(*each) for each in (*left, everything)]


def _pls_path(of_rows, scaled, wavelength_weights, n_components):
    """Fit PLS with 1, 2, ... `n_components` latent variables to spectra of known `Moments`.

    Returns
    -------
    coefficients : ndarray of shape (n_components, n_bins, n_outputs)
        Of the spectra as they are.
    intercepts : ndarray of shape (n_components, n_outputs)
    scale : ndarray of shape (n_bins,)
        The number by which each wavelength was divided; infinite if it is constant.
    """
    variance = of_rows.variance
    if scaled:
        # A wavelength that varies less than its rounding error is treated as constant.
        scale = np.sqrt(np.where(variance > 1e-20 * variance.max(), variance, np.inf))
    else:  # by one number: very small covariances are taken for none
        scale = np.full(len(variance), np.sqrt(variance.mean()) or 1.0)
    factor = (wavelength_weights / scale)[:, None]

    def multiply(r):
        return factor * of_rows.multiply(factor * r)

    coefficients = factor * _kernel_pls(multiply, factor * of_rows.covariance, n_components)
    return coefficients, of_rows.y_mean - of_rows.z_mean @ coefficients, scale


def _kernel_pls(multiply, covariance, n_components):
    """Return the coefficients of PLS with 1, 2, ... latent variables.

    Improved kernel PLS (Dayal and MacGregor, J. Chemom. 1997, 11, 73,
    doi:10.1002/(SICI)1099-128X(199701)11:1<73::AID-CEM435>3.0.CO;2-#), with names as there.
    Beyond the rank of the spectra coefficients stay as they are. The package `ikpls` warns
    there, and to silence a warning changes settings of the whole process, which two threads that
    fit at once would leave changed.

    Parameters
    ----------
    multiply : callable
        Maps r (n_bins, 1) to ``Z.T @ Z @ r``, of centred spectra Z.
    covariance : ndarray of shape (n_bins, n_outputs)
        ``Z.T @ Y``.
    n_components : int

    Returns
    -------
    B : ndarray of shape (n_components, n_bins, n_outputs)
    """
    B = np.zeros((n_components, *covariance.shape))
    P, R = np.zeros((2, n_components, len(covariance)))
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
        along = multiply(r)
        size = (r.T @ along).item()
        largest = max(largest, size)
        if size <= EPSILON * largest:  # nothing is left to explain it with
            B[a:] = B[a - 1]
            break
        p = along / size
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
