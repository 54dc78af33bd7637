"""The linear calibration that the network starts from: a blend of PLS models.

Scaling and derivative matter more for PLS than anything else, and no choice is right for all
spectra. Four PLS models, of the spectra and of their first derivative, each mean-centred and each
scaled per wavelength, are fitted; what they predict for left-out spectra decides how many latent
variables each has and how much it counts. All of it is linear, so that the blend is one
coefficient per wavelength.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from ikpls.numpy import PLS
from scipy.ndimage import convolve1d, correlate1d
from scipy.optimize import nnls
from scipy.signal import savgol_coeffs
from sklearn.model_selection import GroupKFold

# More latent variables than this are noise in every calibration we have seen.
MAX_COMPONENTS = 20
N_FOLDS = 5
DERIVATIVE_WINDOW = 11  # points of the quadratic of a Savitzky-Golay derivative
VARIANTS = [(derivative, scaled) for derivative in (False, True) for scaled in (False, True)]


@dataclass
class LinearModel:
    """``x @ coefficients + intercept``, with coefficients (n_points, n_outputs)."""

    coefficients: np.ndarray
    intercept: np.ndarray

    def predict(self, X):
        """Return the outputs of spectra, (n_samples, n_outputs)."""
        return X @ self.coefficients + self.intercept


def start_model(X, Y, sample_weight, groups, random_state, *, jointly):
    """Fit the blend of PLS models that predicts left-out spectra best.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_points)
        Spectra.
    Y : ndarray of shape (n_samples, n_outputs)
        Outputs.
    sample_weight : ndarray of shape (n_samples,)
    groups : ndarray of shape (n_samples,) or None
        Rows of one group stay in one fold.
    random_state : numpy.random.RandomState
        Deals the rows, or the groups, to the folds.
    jointly : bool
        Whether all outputs share their latent variables (as memberships in classes do), or each
        has models of its own.

    Returns
    -------
    model : LinearModel
        A constant where there are too few rows to leave any out.
    """
    X = X.astype(np.float64, copy=False)
    folds = _folds(len(X), groups, random_state)
    if jointly:
        return _blend(X, Y, sample_weight, folds)
    blends = [_blend(X, y[:, None], sample_weight, folds) for y in Y.T]
    return LinearModel(
        np.concatenate([blend.coefficients for blend in blends], axis=1),
        np.concatenate([blend.intercept for blend in blends]),
    )


def _blend(X, Y, sample_weight, folds):
    """Fit one blend for all outputs; see `start_model`."""
    smallest = min((len(train) for train, _ in folds), default=0)
    limit = min(MAX_COMPONENTS, smallest - 1, X.shape[1])
    if limit < 1:
        mean = np.average(Y, axis=0, weights=sample_weight)
        return LinearModel(np.zeros((X.shape[1], Y.shape[1])), mean)
    models, left_out = [], []
    for derivative, scaled in VARIANTS:
        if derivative and X.shape[1] < DERIVATIVE_WINDOW + limit:
            continue
        predicted = np.empty((limit, *Y.shape))
        for train, test in folds:
            path = _pls_path(X[train], Y[train], sample_weight[train], derivative, scaled, limit)
            for n_components, model in enumerate(path):
                predicted[n_components, test] = model.predict(X[test])
        errors = np.einsum("ant,n->a", (predicted - Y) ** 2, sample_weight)
        best = int(np.nanargmin(errors))
        models.append(_pls_path(X, Y, sample_weight, derivative, scaled, best + 1)[-1])
        left_out.append(predicted[best])
    shares = _shares(np.array(left_out), Y, sample_weight)
    return LinearModel(
        sum(share * model.coefficients for share, model in zip(shares, models, strict=True)),
        sum(share * model.intercept for share, model in zip(shares, models, strict=True)),
    )


def _folds(n_samples, groups, random_state):
    """Return rows to train on and rows to leave out, dealt at random, groups kept together."""
    # One group alone cannot be left out: its rows then are.
    together = groups is not None and len(np.unique(groups)) > 1
    units = groups if together else np.arange(n_samples)
    names, unit_of_row = np.unique(units, return_inverse=True)
    n_folds = min(N_FOLDS, len(names))
    if n_folds < 2:
        return []
    shuffled = random_state.permutation(len(names))[unit_of_row]
    return list(GroupKFold(n_folds).split(shuffled, groups=shuffled))


def _pls_path(X, Y, sample_weight, derivative, scaled, n_components):
    """Return PLS models of unscaled spectra, of 1, 2, ... `n_components` latent variables."""
    Z = _derivative(X) if derivative else X
    z_mean, y_mean = (np.average(array, axis=0, weights=sample_weight) for array in (Z, Y))
    scale = np.ones(Z.shape[1])
    if scaled:
        variance = np.average((Z - z_mean) ** 2, axis=0, weights=sample_weight)
        # What varies less than rounding does is constant.
        scale = np.sqrt(np.where(variance > 1e-20 * variance.max(), variance, np.inf))
    pls = PLS(scale_X=False, scale_Y=False)
    with warnings.catch_warnings():
        # ikpls says when the rank is reached; the coefficients then stay as they are.
        warnings.simplefilter("ignore")
        pls.fit((Z - z_mean) / scale, Y, n_components, sample_weight)
    models = []
    for coefficients in pls.B:
        coefficients = coefficients / scale[:, None]  # (n_points of Z, n_outputs)
        intercept = y_mean - z_mean @ coefficients
        if derivative:
            coefficients = _derivative_adjoint(coefficients)
        models.append(LinearModel(coefficients, intercept))
    return models


def _derivative(X):
    """Return the Savitzky-Golay first derivative of spectra, without the points at the ends."""
    weights = savgol_coeffs(DERIVATIVE_WINDOW, 2, deriv=1, use="dot")
    margin = DERIVATIVE_WINDOW // 2
    return correlate1d(X, weights, axis=1)[:, margin:-margin]


def _derivative_adjoint(coefficients):
    """Return c with ``x @ c == _derivative(x) @ coefficients`` for every spectrum x."""
    weights = savgol_coeffs(DERIVATIVE_WINDOW, 2, deriv=1, use="dot")
    margin = DERIVATIVE_WINDOW // 2
    padded = np.pad(coefficients, ((margin, margin), (0, 0)))
    return convolve1d(padded, weights, axis=0, mode="constant")


def _shares(left_out, Y, sample_weight):
    """Return the non-negative shares, of sum one, whose blend predicts left-out rows best.

    Parameters
    ----------
    left_out : ndarray of shape (n_models, n_samples, n_outputs)
    Y : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,)

    Returns
    -------
    shares : ndarray of shape (n_models,)
    """
    root = np.sqrt(sample_weight)[:, None]
    # With shares that add up to one, the error of the blend is the blend of the errors.
    errors = np.array([((predicted - Y) * root).ravel() for predicted in left_out])
    # Minimise |errors' s| for sum(s) = 1: the solution of nnls for a constant target, rescaled.
    size = np.abs(errors).max() or 1.0
    target = np.append(np.zeros(errors.shape[1]), 1.0)
    shares, _ = nnls(np.vstack([errors.T / size, np.ones(len(errors))]), target)
    return shares / shares.sum()
