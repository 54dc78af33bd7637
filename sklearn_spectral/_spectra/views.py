"""The three views of a spectrum that the network receives, each scaled at every wavelength."""

from functools import cache

import numpy as np
from scipy.linalg import convolution_matrix
from scipy.ndimage import convolve1d
from scipy.signal import savgol_coeffs

from .._pickles import part_of_models

# Longer spectra are averaged over 2, 4, 8, ... neighbouring points: what they cost is capped, and
# bands of so finely sampled spectra are still many points wide.
MAX_POINTS = 1024
# Points and polynomial of the Savitzky-Golay derivatives.
WINDOWS = {1: (11, 2), 2: (15, 3)}
# Share of the mean variance of all wavelengths that is added to the variance of each.
SCALE_FLOOR = 0.1
# Fewer points than this leave too little of a derivative.
MIN_POINTS_OF_DERIVATIVE = 30
N_VIEWS = 3
# Points of a derivative that are computed together.
BLOCK = 32
# Slopes below this share of the highest point are those of a straight line, rounded: in spectra
# whose numbers are all of single precision, and in others.
ROUNDING_OF_SINGLE, ROUNDING = 6e-8, 1e-12
# Views that vary by less than so many times their rounding are constant.
ABOVE_ROUNDING = 3.0


def bin_size(n_points):
    """Return how many neighbouring points of a spectrum are averaged."""
    size = 1
    while n_points > MAX_POINTS * size:
        size *= 2
    return size


def bin_widths(n_points, size):
    """Return the number of points of every bin of a size; the last may hold fewer, (n_bins,)."""
    starts = np.arange(0, n_points, size)
    return np.diff(np.append(starts, n_points))


def averaged(values, widths):
    """Average neighbouring points over bins of some widths, (..., n_points) to (..., n_bins)."""
    return np.add.reduceat(values, np.cumsum(widths) - widths, axis=-1) / widths


def average_bins(X):
    """Average neighbouring points until at most `MAX_POINTS` are left, (n_samples, n_bins)."""
    X = X.astype(np.float64, copy=False)
    size = bin_size(X.shape[1])
    if size == 1:
        return X
    return averaged(X, bin_widths(X.shape[1], size))


def savitzky_golay(order):
    """Return the weights of a derivative, and how many points it loses at either end."""
    window, polynomial = WINDOWS[order]
    return savgol_coeffs(window, polynomial, deriv=order, use="dot"), window // 2


@cache
def _band(order):
    """Return the matrix that takes `BLOCK` points and their neighbours to their derivative."""
    weights, _ = savitzky_golay(order)
    return convolution_matrix(weights, BLOCK)


def derivative(X, order):
    """Return a Savitzky-Golay derivative of spectra, without the points at the ends."""
    band = _band(order)
    n_around = len(band) - BLOCK
    slopes = np.empty((len(X), X.shape[1] - n_around))
    for start in range(0, slopes.shape[1], BLOCK):
        # Products of small matrices: half the time of a convolution.
        points = X[:, start : start + len(band)]
        inner = slopes[:, start : start + BLOCK]
        np.matmul(points, band[: points.shape[1], : inner.shape[1]], out=inner)
    return slopes


def derivative_adjoint(coefficients, order):
    """Return c with ``x @ c == derivative(x, order) @ coefficients`` for every spectrum x."""
    weights, margin = savitzky_golay(order)
    padded = np.pad(coefficients, ((margin, margin), (0, 0)))
    return convolve1d(padded, weights, axis=0, mode="constant")


def rounding(X):
    """Return the size of slopes that are those of a straight line, rounded, for each spectrum.

    Float64 may hold what was written in single precision: its numbers are then those of float32.
    """
    with np.errstate(over="ignore", under="ignore"):
        single = (X == X.astype(np.float32)).all(axis=1)
    share = np.where(single, ROUNDING_OF_SINGLE, ROUNDING)
    return share * np.maximum(X.max(axis=1), -X.min(axis=1))


def rounding_of_views(X):
    """Return how much of the views of spectra is rounding, (3,): its root mean square."""
    raw = rounding(X)
    X = average_bins(X)
    sizes = [np.sqrt(np.mean(raw**2)), 0.0, 0.0]
    if X.shape[1] >= MIN_POINTS_OF_DERIVATIVE:
        for order in WINDOWS:
            _, size = _slopes(X, order, raw)
            sizes[order] = gain(order) * np.sqrt(np.mean((raw / size) ** 2))
    return np.array(sizes)


def gain(order):
    """Return by how much a derivative multiplies noise that points do not share."""
    return np.linalg.norm(savitzky_golay(order)[0])


def _slopes(X, order, smallest):
    """Return the centred derivative of spectra, and its standard deviation, infinite if none."""
    slopes = derivative(X, order)
    slopes -= slopes.mean(axis=1, keepdims=True)
    # np.std would take the mean off once more.
    size = np.sqrt(np.einsum("np,np->n", slopes, slopes) / slopes.shape[1])
    return slopes, np.where(size > smallest, size, np.inf)


def views(X):
    """Return the views of spectra: themselves, and their normalized first and second derivative.

    Derivatives take what varies slowly along the axis away and their standard normal variate
    what multiplies the spectrum, so that a network that sees all three need not be told which
    preprocessing helps.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_points)

    Returns
    -------
    views : ndarray of shape (n_samples, 3, n_bins)
        Float64; derivatives are zero at the ends, and everywhere for spectra of fewer than
        `MIN_POINTS_OF_DERIVATIVE` points.
    """
    smallest = rounding(X)
    X = average_bins(X)
    stack = np.empty((len(X), N_VIEWS, X.shape[1]))
    stack[:, 0] = X
    if X.shape[1] < MIN_POINTS_OF_DERIVATIVE:
        stack[:, 1:] = 0.0
        return stack
    for order, (window, _) in WINDOWS.items():
        slopes, size = _slopes(X, order, smallest)
        margin = window // 2
        np.divide(slopes, size[:, None], out=stack[:, order, margin:-margin])
        stack[:, order, :margin] = stack[:, order, -margin:] = 0.0
    return stack


def without_rounding(Z, sample_weight, rounding):
    """Return spectra with zeros at the wavelengths that vary by no more than rounding does."""
    mean = np.average(Z, axis=0, weights=sample_weight)
    variance = np.average((Z - mean) ** 2, axis=0, weights=sample_weight)
    constant = np.sqrt(variance) <= ABOVE_ROUNDING * rounding
    return np.where(constant, 0.0, Z) if constant.any() else Z


@part_of_models
class ViewScaler:
    """Centre the views and scale each wavelength nearly to unit variance.

    Wavelengths that vary little are not blown up to the size of the others: there is noise in
    them, and in new spectra whatever the training spectra did not have.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (3, n_bins)
    """

    def fit(self, views, sample_weight, rounding=0.0):
        """Learn mean and scale from `views` (n_samples, 3, n_bins), of which some is `rounding`."""
        self.mean_ = np.average(views, axis=0, weights=sample_weight)
        variance = np.average((views - self.mean_) ** 2, axis=0, weights=sample_weight)
        of_view = variance.mean(axis=1, keepdims=True)
        floored = variance + SCALE_FLOOR * of_view
        self.scale_ = np.sqrt(np.where(floored > 0, floored, 1.0))
        # What varies by rounding is left as small as it is, beside the view itself.
        constant = np.sqrt(of_view[:, 0]) <= ABOVE_ROUNDING * np.asarray(rounding)
        for view in np.flatnonzero(constant):
            self.scale_[view] = np.abs(views[:, view]).max() or 1.0
        return self

    def transform(self, views):
        """Return scaled views, float32."""
        scaled = np.empty(views.shape, dtype=np.float32)
        with np.errstate(over="ignore"):  # the outputs then are infinite or NaN, and checked
            return np.divide(views - self.mean_, self.scale_, out=scaled, casting="same_kind")
