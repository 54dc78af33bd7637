"""Removal of the spikes that cosmic rays leave in CCD spectra."""

from functools import cache
from itertools import combinations
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import maximum_filter1d
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._spectra.checks import LARGEST, check_number, validated
from .._work import own_settings

# A window is a gap of max_width points, where a spike may be, and ten points outside of it: enough
# to see the shoulders of a sharp band, few enough that they rarely contain a second spike. The gap
# lies in the middle of the window or off the middle, so that one of the windows avoids a steep band
# or another spike nearby.
OUTSIDE = 10
GAP_POSITIONS = (5, 2, 8)
# Contents of a window without a spike: noise, as a multiple of the noise level of the row (shot
# noise is higher on bands), and bands, as a multiple of the noise.
NOISE_FACTORS = (1.0, 2.0, 4.0)
BAND_FACTORS = (0.0, 4.0, 32.0, 256.0, 2048.0, 16384.0, 131072.0)
SCREEN = 3.0  # points this many noise sd above the cubic through their neighbours are tested
SECOND_LOOK = 4.0  # gaps with a higher gain are also tested off the middle of their windows
POINT_COST = 7.0  # gain that each further point of a spike must bring
MAX_WIDTH = 5  # points; wider spikes look like bands
MAX_PASSES = 4  # a spike close to a higher one is found once the higher one is removed
ROWS, WINDOWS = 500, 1024  # chunks that keep temporary arrays at a few MB


def _noise_level(X):
    """Return the standard deviation of the noise of each row of X (n_samples, n_points), never 0.

    This is the paper's median absolute deviation, but of third differences instead of first
    differences. They cancel background and bands, which would be taken for noise otherwise.
    """
    deviation = np.abs(np.diff(X, n=3, axis=1))
    noise = np.median(deviation, axis=1) / 0.6745
    quiet = noise == 0  # more than half constant: the mean deviation, as for modified z-scores
    noise[quiet] = 1.2533 * deviation[quiet].mean(axis=1)
    noise = np.maximum(noise / np.sqrt(20), 1e-5 * np.ptp(X, axis=1))  # 20 = 1 + 9 + 9 + 1
    return np.where(noise > 0, noise, 1.0)


def _screen(Z, width):
    """Return which gaps of Z (n_samples, n_points) rise above a cubic through their neighbours.

    This fast test keeps every gap that may hold a spike. The cubic goes through two neighbours on
    each side; gaps without two neighbours on each side are all kept.
    """
    outside = np.array([-2, -1, width, width + 1])
    weights = np.vander(np.arange(width), 4) @ np.linalg.inv(np.vander(outside, 4))
    length = Z.shape[1] - width - 3
    moved = {offset: Z[:, 2 + offset : 2 + offset + length] for offset in range(-2, width + 2)}
    rises = np.ones((len(Z), length + 4), dtype=bool)
    inner = rises[:, 2:-2]
    inner[:] = False
    for point, weight in enumerate(weights.tolist()):  # of Python floats, which keep float32
        cubic = sum(w * moved[offset] for w, offset in zip(weight, outside.tolist(), strict=True))
        inner |= moved[point] - cubic > SCREEN * float(np.sqrt(1 + np.dot(weight, weight)))
    return rises


class _SmoothModels:
    """Gaussian processes for a window without a spike: straight line + bands + noise.

    There is one model for every pair of a noise factor and a band factor. The covariance of the
    bands is that of Gaussian and Lorentzian bands of width `min_fwhm` at random positions.
    """

    def __init__(self, n_points, min_fwhm):
        lag = (np.arange(n_points)[:, None] - np.arange(n_points)) / min_fwhm
        bands = (np.exp(-2 * np.log(2) * lag**2) + 1 / (1 + lag**2)) / 2
        line = np.vander(np.linspace(-1, 1, n_points), 2)
        basis = np.linalg.svd(line)[0][:, 2:]  # contrasts that are 0 for every straight line
        factors = [(noise, band) for noise in NOISE_FACTORS for band in BAND_FACTORS]
        K = np.array([n**2 * np.eye(n_points) + b**2 * bands for n, b in factors])
        K = basis.T @ K @ basis
        self.precision = basis @ np.linalg.inv(K) @ basis.T  # (n_models, n_points, n_points)
        self.logdet = np.linalg.slogdet(K)[1]
        self.root = basis @ np.linalg.inv(np.linalg.cholesky(K)).transpose(0, 2, 1)
        # One cache for each object: a cache of the class would keep all objects alive.
        self._cached_squares = cache(self._squares)

    def _squares(self, start, stop):
        """Return the matrix whose squared products with a window add up to the log-likelihood.

        Also return how many of the squares belong to the whole window, and the log-determinants.
        """
        run = slice(start, stop)
        gap = self.precision[:, run, run]
        logdet = self.logdet + np.linalg.slogdet(gap)[1]
        # x' P x is a sum of squares, and leaving out the run subtracts a sum of squares from it.
        run_root = self.precision[:, :, run] @ np.linalg.inv(np.linalg.cholesky(gap)).mT
        root = np.concatenate([self.root, run_root], axis=2)  # (n_models, n_points, n_squares)
        root = root.transpose(2, 0, 1).reshape(-1, root.shape[1])
        return root.astype(np.float32), self.root.shape[2], logdet.astype(np.float32)[:, None]

    def gain(self, windows, run):
        """Return the gain in likelihood without the points `run`, and the best model without them.

        Parameters
        ----------
        windows : ndarray of shape (n_windows, n_points)
            Intensities in units of the noise of their row.
        run : slice
            Neighbouring points of a window.

        Returns
        -------
        gain : ndarray of shape (n_windows,)
            Twice the log-likelihood ratio between the best model of the points outside of the run
            and the best model of all points; about chi-squared where there is no spike.
        best : ndarray of shape (n_windows,)
            Index of the best model of the points outside of the run.
        """
        root, n_whole, logdet = self._cached_squares(run.start, run.stop)
        gain, best = np.empty(len(windows)), np.empty(len(windows), dtype=int)
        for start in range(0, len(windows), WINDOWS):
            part = slice(start, start + WINDOWS)
            squares = root @ windows[part].T
            squares *= squares
            squares = squares.reshape(-1, len(logdet), squares.shape[1])
            whole = squares[:n_whole].sum(axis=0) + logdet
            outside = whole - squares[n_whole:].sum(axis=0)
            best[part] = outside.argmin(axis=0)
            gain[part] = whole.min(axis=0) - outside.min(axis=0)
        return gain, best

    def excess(self, windows, run, model):
        """Return the points `run` minus their prediction from the other points (kriging)."""
        solve = np.linalg.solve(self.precision[:, run, run], self.precision[:, run])
        return np.einsum("wrp,wp->wr", solve[model], windows)


def _windows(Z, rows, starts, lefts, length):
    """Yield the windows around gaps, for one position of the gap in its window after the other.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_points)
    rows, starts, lefts : ndarray of shape (n_gaps,)
        Row of each gap in Z, its first point, and the first point of its window.
    length : int
        Number of points of a window.

    Yields
    ------
    position : int
        Point of the window where the gap begins.
    chosen : ndarray of shape (n_windows,)
        Indices of the gaps that have this position.
    windows : ndarray of shape (n_windows, length)
        Their windows, each minus its mean.
    """
    positions = starts - lefts
    for position in np.unique(positions):
        chosen = np.flatnonzero(positions == position)
        windows = Z[rows[chosen, None], lefts[chosen, None] + np.arange(length)]
        yield int(position), chosen, windows - windows.mean(axis=1, keepdims=True)


def _find_gaps(Z, candidates, models, width, threshold):
    """Return rows, gap starts and window starts of the gaps that hold a spike."""
    length = OUTSIDE + width
    rows, starts = np.nonzero(candidates)
    gains, lefts = np.zeros(len(rows)), np.zeros(len(rows), dtype=int)
    open_ = np.arange(len(rows))
    for wanted in GAP_POSITIONS:
        left = np.clip(starts[open_] - wanted, 0, Z.shape[1] - length)
        groups = _windows(Z, rows[open_], starts[open_], left, length)
        for position, chosen, windows in groups:
            gain, _ = models.gain(windows, slice(position, position + width))
            index = open_[chosen]
            better = gain > gains[index]
            gains[index[better]], lefts[index[better]] = gain[better], left[chosen[better]]
        open_ = np.flatnonzero(gains > SECOND_LOOK)
    # A spike also disturbs the windows that have it outside of their gap: keep the highest gain.
    gain_map = np.zeros(candidates.shape)
    gain_map[rows, starts] = gains
    highest = maximum_filter1d(gain_map, 2 * (length // 2 + 2) + 1, axis=1)[rows, starts]
    found = (gains > threshold**2) & (gains == highest)
    return rows[found], starts[found], lefts[found]


def _spike_excess(windows, models, position, width):
    """Return the excess (n_windows, n_points) of the points of the gap that form the spike."""
    best_gain, best_excess = np.zeros(len(windows)), np.zeros(windows.shape)
    for first, last in combinations(range(position, position + width + 1), 2):
        run = slice(first, last)
        gain, model = models.gain(windows, run)
        gain -= POINT_COST * (last - first)
        excess = models.excess(windows, run, model)
        # Cosmic rays add counts: a dip has another cause.
        better = (gain > best_gain) & (excess.mean(axis=1) > 0)
        best_gain[better] = gain[better]
        best_excess[better] = 0
        best_excess[better, run] = excess[better]
    return best_excess


def _remove_spikes(X, models, width, threshold):
    """Return X (n_samples, n_points) with spikes replaced by predictions from their neighbours."""
    length = OUTSIDE + width
    noise = _noise_level(X)[:, None]
    level = X.mean(axis=1, keepdims=True)
    # At most 1e5 (see _noise_level), where float32 is exact to 0.01 noise sd, and twice as fast.
    Z = ((X - level) / noise).astype(np.float32)
    spikes = np.zeros(X.shape, dtype=bool)
    candidates = _screen(Z, width)
    for _ in range(MAX_PASSES):
        rows, starts, lefts = _find_gaps(Z, candidates, models, width, threshold)
        new = np.zeros(X.shape, dtype=bool)
        for position, chosen, windows in _windows(Z, rows, starts, lefts, length):
            excess = _spike_excess(windows, models, position, width)
            window, point = np.nonzero(excess)
            row, column = rows[chosen][window], lefts[chosen][window] + point
            Z[row, column] -= excess[window, point]
            new[row, column] = True
        if not new.any():
            break
        spikes |= new
        # Only spikes near a removed one were hidden by it.
        near = maximum_filter1d(new, 2 * length + 1, axis=1)
        candidates = _screen(Z, width) & near[:, : candidates.shape[1]]
    return np.where(spikes, Z * noise + level, X)


class CosmicRayRemover(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Remove the spikes of cosmic rays from each spectrum.

    A cosmic ray that hits a CCD leaves a spike one to three points wide, which scaling and
    regression treat like a strong band. Spikes are found in each spectrum on its own and replaced
    by a prediction from their clean neighbours; all other points are returned unchanged.

    Parameters
    ----------
    threshold : float, default=4.0
        Required evidence for a spike, about in standard deviations of the noise. Higher values
        leave more spikes and change fewer clean points.
    max_width : int, default=3
        Number of points that the widest spike covers, from 1 to 5.
    min_fwhm : float, default=3.5
        Full width at half maximum, in points, of the sharpest band that the spectrometer can
        record; greater than `max_width`.

    Attributes
    ----------
    n_features_in_ : int
        Number of points of the spectra seen in `fit`.
    feature_names_in_ : ndarray of shape (n_points,)
        Names of the points, if all columns of `X` had names that are strings.

    Raises
    ------
    ValueError
        In `fit`, if a parameter is not as described above; in `fit` and `transform`, if X contains
        NaN or infinity.

    See Also
    --------
    WavelengthAxis : The other step of this package, for the wavelength axis.

    Notes
    -----
    Whitaker and Hayes [1]_ call a point a spike if the modified z-score of the first-differenced
    spectrum, ``0.6745 (d - median(d)) / MAD``, exceeds a threshold, and replace it by the mean of
    its clean neighbours. However, this also detects sharp bands, whose flanks are steep. The
    detrending by differences, the robust scale and the replacement from clean neighbours are taken
    from the paper; the rest is our own method:

    - The noise is the median absolute third difference / (0.6745 sqrt(20)): third differences
      also cancel bands.
    - A point is a spike if its neighbours do not predict it. A spectrometer spreads the sharpest
      line over `min_fwhm` points: a band has shoulders, a spike has none. The window around each
      gap of `max_width` points is modelled by Gaussian processes (a straight line + bands of that
      width + noise) for a grid of band heights and noise levels. The gap contains a spike if
      leaving out its points raises twice the log-likelihood by more than ``threshold ** 2``.
    - A spike is replaced by the prediction of the best of these models from the clean points.

    Spectra with fewer than ``max_width + 10`` points are too short to distinguish spikes from bands
    and are returned unchanged.

    References
    ----------
    .. [1] Whitaker, D. A. and Hayes, K. (2018). A simple algorithm for despiking Raman spectra.
           Chemometrics and Intelligent Laboratory Systems 179, 82-84.
           :doi:`10.1016/j.chemolab.2018.06.009`

    Examples
    --------
    A spike of 5000 counts in a Raman spectrum, at 1200 and 1202 cm-1:

    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.preprocessing import CosmicRayRemover
    >>> blends = make_oil_blends(1, n_replicates=1, cosmic_rays=0, random_state=0)
    >>> spiked = blends.data.copy()
    >>> spiked[0, 350:352] += 5000
    >>> cleaned = CosmicRayRemover().fit_transform(spiked)
    >>> blends.x_axis[(cleaned != spiked)[0]]
    array([1200., 1202.])
    """

    def __init__(self, threshold: float = 4.0, max_width: int = 3, min_fwhm: float = 3.5):
        self.threshold = threshold
        self.max_width = max_width
        self.min_fwhm = min_fwhm

    @own_settings()
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Check the parameters and store the number of points of the spectra.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.
        y : None
            Ignored.

        Returns
        -------
        self : object
        """
        expected = f"a number of points from 1 to {MAX_WIDTH}, because wider spikes look like bands"
        check_number(
            "max_width", self.max_width, expected, lambda n: 1 <= n <= MAX_WIDTH, whole=True
        )
        for name in ("threshold", "min_fwhm"):
            value = getattr(self, name)
            check_number(name, value, "a positive number", lambda number: 0 < number <= LARGEST)
        if self.min_fwhm <= self.max_width:
            raise ValueError(
                f"min_fwhm={self.min_fwhm!r} is not above max_width={self.max_width!r}; bands must "
                "be wider than spikes to be distinguished. Lower max_width or raise min_fwhm."
            )
        validated(self, X, reset=True)
        return self

    @own_settings()
    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return the spectra without spikes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.

        Returns
        -------
        X : ndarray of shape (n_samples, n_points)
            A copy in which points outside of spikes are unchanged.
        """
        check_is_fitted(self, "n_features_in_")
        cleaned = validated(self, X, reset=False).copy()
        length = OUTSIDE + self.max_width
        if cleaned.shape[1] < length:
            return cleaned
        models = _SmoothModels(length, self.min_fwhm)
        for start in range(0, len(cleaned), ROWS):
            rows = slice(start, start + ROWS)
            # Sums of large float32 numbers overflow, and round by the order in memory.
            spectra = np.ascontiguousarray(cleaned[rows], dtype=np.float64)
            cleaned[rows] = _remove_spikes(spectra, models, self.max_width, self.threshold)
        return cleaned

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
