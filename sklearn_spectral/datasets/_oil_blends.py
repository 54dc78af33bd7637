"""Simulated Raman spectra of vegetable oils, in which the contribution of every band is known."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from .._spectra.axis import check_x_axis
from .._spectra.checks import check_number
from .._work import own_settings
from ._bunch import SpectraBunch

# Composition of an oil: shares of saturated, oleic, linoleic and linolenic acid, typical of the
# ranges in Codex Alimentarius standards, and the carotenoids relative to olive oil. The carotenoids
# are our estimates: refining removes most of them.
OILS = {
    "olive": (0.14, 0.75, 0.10, 0.01, 1.00),
    "sunflower": (0.11, 0.24, 0.65, 0.00, 0.10),
    "rapeseed": (0.07, 0.63, 0.20, 0.10, 0.25),
    "soybean": (0.15, 0.24, 0.54, 0.07, 0.15),
    "palm": (0.50, 0.40, 0.10, 0.00, 0.30),
    "corn": (0.13, 0.28, 0.58, 0.01, 0.40),
}
# How many chemical groups cause a band in one chain of each of the four acids, and in the
# carotenoids. Methylene is counted relative to the 14 CH2 groups of palmitic and oleic acid.
GROUPS = {
    "double bonds": (0, 1, 2, 3, 0),
    "methylene": (1, 1, 12 / 14, 10 / 14, 0),
    "ester": (1, 1, 1, 1, 0),
    "saturated": (1, 0, 0, 0, 0),
    "carotenoids": (0, 0, 0, 0, 1),
}
# Position and full width at half maximum in cm-1, counts per group, and the group. The positions
# are published; the counts imitate spectra measured with a near-infrared laser.
BANDS = {
    "C-C stretch 868": (868, 20, 1500, "methylene"),
    "=C-H out-of-plane bend": (970, 22, 1000, "double bonds"),
    "carotenoid CH3 rock": (1005, 12, 400, "carotenoids"),
    "C-C stretch 1065": (1065, 18, 1500, "saturated"),
    "C-C stretch 1080": (1080, 34, 2000, "methylene"),
    "C-C stretch 1120": (1120, 18, 1200, "saturated"),
    "carotenoid C-C stretch": (1155, 14, 1200, "carotenoids"),
    "=C-H in-plane bend": (1265, 22, 3500, "double bonds"),
    "CH2 twist": (1300, 20, 7000, "methylene"),
    "CH2 scissor": (1440, 32, 10000, "methylene"),
    "carotenoid C=C stretch": (1525, 16, 1500, "carotenoids"),
    "C=C stretch": (1655, 17, 7000, "double bonds"),
    "C=O stretch": (1747, 24, 1800, "ester"),
}
MAX_WAVENUMBER = 1e6  # far above any vibration
SCISSOR = 10000.0  # counts of the strongest band: the unit of background and cosmic rays
SHARE_SD = 0.02  # standard deviation of the share of an acid between samples of one oil
CAROTENOID_SD = 0.3  # standard deviation of the logarithm of their carotenoids


def _check_counts(n_samples, n_replicates):
    """Raise unless both are whole numbers from 1 on."""
    for name, value in {"n_samples": n_samples, "n_replicates": n_replicates}.items():
        check_number(name, value, "a whole number from 1 on", lambda count: count >= 1, whole=True)


def _check_size(name, value, largest):
    """Raise unless `value` is a number from 0 to `largest`."""
    expected = f"a number from 0 on, up to {largest:g}"
    check_number(name, value, expected, lambda size: 0 <= size <= largest)


def _check_sizes(variation, fluorescence, scatter, shift, noise, cosmic_rays):
    """Raise unless the spread of samples and all disturbances are in their ranges."""
    # Above these limits the numbers that are drawn leave the range of float32.
    _check_size("variation", variation, 10)
    _check_size("fluorescence", fluorescence, 1e6)
    _check_size("scatter", scatter, 10)
    _check_size("shift", shift, 1e6)
    _check_size("noise", noise, 1e6)
    expected = "a share of spectra from 0 to 1"
    check_number("cosmic_rays", cosmic_rays, expected, lambda share: 0 <= share <= 1)


def _check_percents(percent_range):
    """Return the lowest and the highest percentage as floats, or raise."""
    try:
        low, high = (float(percent) for percent in percent_range)
    except (TypeError, ValueError):
        low = high = np.nan
    if not 0 <= low <= high <= 100:
        raise ValueError(f"percent_range={percent_range!r}; expected two per cents: (0, 100).")
    return low, high


def _check_names(name, oils):
    """Return one name or several as a list of known oils, or raise."""
    oils = list(oils) if isinstance(oils, Iterable) and not isinstance(oils, str) else [oils]
    unknown = [oil for oil in oils if not isinstance(oil, str) or oil not in OILS]
    if unknown or not oils or len(set(oils)) < len(oils):
        raise ValueError(f"{name}={oils!r}; expected one or more different ones of {list(OILS)}.")
    return oils


def _pairs(oil, adulterant):
    """Return all pairs of an oil and an adulterant; without one, pairs of each oil and itself."""
    if adulterant is None:
        return [(name, name) for name in _check_names("oil", list(OILS) if oil is None else oil)]
    oils = _check_names("oil", "olive" if oil is None else oil)
    adulterants = _check_names("adulterant", adulterant)
    if common := [name for name in oils if name in adulterants]:
        raise ValueError(f"{common} are both oil and adulterant; expected different oils.")
    return list(product(oils, adulterants))


def _axis_and_bands(x_axis):
    """Return the wavenumbers and the ranges of the bands among them, both in cm-1, or raise."""
    x_axis = np.arange(500.0, 1901.0, 2.0) if x_axis is None else x_axis
    x_axis = check_x_axis(x_axis, np.size(x_axis))
    ranges = {
        name: (float(position - width), float(position + width))
        for name, (position, width, _, _) in BANDS.items()
        if ((position - width <= x_axis) & (x_axis <= position + width)).any()
    }
    if not ranges or np.abs(x_axis).max() > MAX_WAVENUMBER:
        given = f"from {x_axis[0]:g} to {x_axis[-1]:g}" if len(x_axis) else "nowhere"
        raise ValueError(
            f"x_axis runs {given}; expected wavenumbers in cm-1, up to {MAX_WAVENUMBER:g}, some of "
            "them on a band (848 to 1771)."
        )
    return x_axis, ranges


def _draw_compositions(rng, oils, variation):
    """Return the composition of one sample of each oil, (n_samples, 5): acids and carotenoids."""
    composition = np.array([OILS[oil] for oil in oils])
    shares = composition[:, :4] + variation * SHARE_SD * rng.normal(size=(len(oils), 4))
    shares = shares.clip(0)
    composition[:, :4] = shares / shares.sum(axis=1, keepdims=True)
    composition[:, 4] *= np.exp(variation * CAROTENOID_SD * rng.normal(size=len(oils)))
    return composition


def _draw_blends(rng, n_samples, percents, pairs, variation):
    """Return the percentage of adulterant, the composition and the name of each sample.

    The samples alternate between the pairs of an oil and an adulterant. An oil paired with itself
    is pure: its percentage is 0.
    """
    oil, adulterant = np.array(pairs, dtype=object)[np.arange(n_samples) % len(pairs)].T
    percent = rng.uniform(*percents, n_samples) * (oil != adulterant)
    share = percent[:, None] / 100
    composition = (1 - share) * _draw_compositions(rng, oil, variation)
    composition += share * _draw_compositions(rng, adulterant, variation)
    return percent, composition, np.where(percent > 0, adulterant, oil).astype(str)


def _heights(composition, names):
    """Return the counts at the top of each band, (n_samples, n_bands), linear in `composition`."""
    bands = [BANDS[name] for name in names]
    per_unit = [np.multiply(GROUPS[group], counts) for _, _, counts, group in bands]
    return composition @ np.transpose(per_unit)


def _draw_contributions(rng, wavenumbers, shift, heights, names):
    """Return the counts of each band at each point, (n_rows, n_bands, n_points), float32.

    Every row has an error of its own in the wavenumbers.
    """
    shifted = wavenumbers - shift * rng.normal(size=(len(heights), 1))
    contributions = np.empty((*heights.shape, len(wavenumbers)), dtype=np.float32)
    for band, name in enumerate(names):
        position, width, _, _ = BANDS[name]
        distance = (shifted - position) / width
        shape = (np.exp(-4 * np.log(2) * distance**2) + 1 / (1 + 4 * distance**2)) / 2
        contributions[:, band] = heights[:, [band]] * shape
    return contributions


def _draw_background(rng, wavenumbers, groups, factor, fluorescence):
    """Return one broad Gaussian for each sample, (n_rows, n_points), multiplied by `factor`."""
    n_samples = groups[-1] + 1
    centre = rng.uniform(300, 1100, n_samples)[groups, None]
    width = rng.uniform(900, 1800, n_samples)[groups, None]
    size = factor * np.exp(0.5 * rng.normal(size=n_samples))[groups]
    size *= np.exp(0.05 * rng.normal(size=len(groups)))  # bleaching between replicates
    height = fluorescence * SCISSOR * size[:, None]
    return height * np.exp(-(((wavenumbers - centre) / width) ** 2))


def _draw_counts(rng, expected, noise, cosmic_rays):
    """Return the expected counts, (n_rows, n_points), with noise and with cosmic rays.

    A cosmic ray is a spike two points wide. The second point has any height up to the first one's.
    """
    n_rows, n_points = expected.shape
    counts = expected + noise * np.sqrt(expected) * rng.normal(size=expected.shape)
    hit = np.flatnonzero(rng.uniform(size=n_rows) < cosmic_rays)
    point = rng.randint(n_points, size=n_rows)[hit]
    height = SCISSOR * np.exp(rng.uniform(np.log(0.2), np.log(3), size=n_rows))[hit]
    counts[hit, point] += height
    second = height * rng.uniform(size=n_rows)[hit]
    inside = point + 1 < n_points  # there is no second point past the end of the axis
    counts[hit[inside], point[inside] + 1] += second[inside]
    return counts


def _marker_bands(pairs, names):
    """Return the names of the bands whose typical heights distinguish the oils."""
    heights = _heights(np.array([OILS[oil] for pair in pairs for oil in pair]), names)
    differ = np.ptp(heights, axis=0) > np.maximum(heights.max(axis=0) / 10, SCISSOR / 100)
    return [name for name, differs in zip(names, differ, strict=True) if differs]


@own_settings()
def make_oil_blends(
    n_samples: int = 150,
    *,
    oil: str | list[str] | tuple[str, ...] | None = None,
    adulterant: str | list[str] | tuple[str, ...] | None = "sunflower",
    percent_range: tuple[float, float] | list[float] = (0, 100),
    n_replicates: int = 2,
    x_axis: ArrayLike | None = None,
    variation: float = 1.0,
    fluorescence: float = 1.0,
    scatter: float = 0.1,
    shift: float = 0.3,
    noise: float = 1.0,
    cosmic_rays: float = 0.02,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    r"""Simulate Raman spectra of vegetable oils or their blends, with known band contributions.

    Row r, with scatter factor :math:`s_r` and wavenumber shift :math:`d_r`, is

    .. math:: x_r(v) = s_r \left[\sum_b h_b \, p_b(v - d_r) + f_r(v)\right] + noise + rays

    The height :math:`h_b` of a band is linear in the composition: C=C and =C-H bands follow the
    double bonds per chain, CH2 bands the methylene groups, the C=O band the ester groups, two C-C
    bands the saturated acids, and three bands the carotenoids. The band shape :math:`p_b` is half
    Gaussian, half Lorentzian; :math:`f_r` is a broad fluorescence background that does not depend
    on the target.

    Parameters
    ----------
    n_samples : int, default=150
        Number of samples.
    oil : str, sequence of str or None, default=None
        ``"olive"``, ``"sunflower"``, ``"rapeseed"``, ``"soybean"``, ``"palm"`` or ``"corn"``. With
        several oils, the samples alternate between them. None is olive oil, and all six oils where
        `adulterant` is None.
    adulterant : str, sequence of str or None, default="sunflower"
        The oil that is blended into `oil`; with several, the samples alternate between them. None
        makes pure oils, for classification by name.
    percent_range : pair of float, default=(0, 100)
        Lowest and highest percentage of adulterant; percentages are uniform in between.
    n_replicates : int, default=2
        Number of spectra of each sample. Replicates have the same composition, but their own
        scatter, shift, noise and cosmic rays, and a fluorescence that differs by 5 per cent.
    x_axis : array-like of shape (n_points,) or None, default=None
        Wavenumbers in cm-1; None is 500 to 1900 in steps of 2. Bands outside of it are left out.
    variation : float, default=1.0
        Variation between samples of one oil; 1 is a standard deviation of 2 percentage points in
        the share of a fatty acid and of about 30 per cent in the carotenoids.
    fluorescence : float, default=1.0
        Typical height of the background, relative to the CH2 scissor band (10000 counts). The
        logarithm of the height varies between samples with a standard deviation of 0.5.
    scatter : float, default=0.1
        Standard deviation of the logarithm of the factor that multiplies a spectrum.
    shift : float, default=0.3
        Standard deviation, in cm-1, of the error of the wavenumber axis of a spectrum.
    noise : float, default=1.0
        Standard deviation of the noise, in square roots of counts; 1 is pure shot noise.
    cosmic_rays : float, default=0.02
        Share of spectra with a cosmic ray: a spike two points wide, the second point lower.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same spectra every time. The size of one disturbance does not change
        the others.
    return_X_y : bool, default=False
        Return ``(data, target)`` only.

    Returns
    -------
    spectra : Bunch
        data : ndarray of shape (n_samples * n_replicates, n_points)
            Spectra in counts; replicates follow each other.
        target : ndarray of shape (n_samples * n_replicates,)
            Percentage of adulterant; the name of the oil where `adulterant` is None.
        oil : ndarray of shape (n_samples * n_replicates,)
            Name of the adulterant; name of the oil itself where it contains no adulterant.
        groups : ndarray of shape (n_samples * n_replicates,)
            Number of the sample, for cross-validation that keeps replicates together.
        x_axis, feature_names : ndarray of shape (n_points,), list of str
            Wavenumbers in cm-1.
        bands : dict
            Range of each band in cm-1, by its name: position plus and minus one full width.
        band_names : list of str
            Names of the bands in the order of `contributions`.
        contributions : ndarray of shape (n_samples * n_replicates, n_bands, n_points)
            Counts that each band adds to each spectrum, including scatter; float32.
        background : ndarray of shape (n_samples * n_replicates, n_points)
            Fluorescence in counts, including scatter. The sum of the contributions over the bands
            in float64, plus the background, is `data` without noise and cosmic rays.
        marker_bands : list of str
            Bands that distinguish the oils: their typical heights differ by more than a tenth of
            the highest, and by more than a hundredth of the CH2 scissor band.

    Raises
    ------
    ValueError
        If a parameter is not as described above.

    See Also
    --------
    fetch_oil_adulteration : Measured spectra of adulterated olive oils.

    Notes
    -----
    Band positions are taken from [1]_ to [3]_, those of carotenoids from [4]_; the shares of fatty
    acids lie in the ranges of the Codex Alimentarius standards CXS 33-1981 and CXS 210-1999.
    Heights and widths are our own rounded estimates.

    References
    ----------
    .. [1] Baeten, V., Meurens, M., Morales, M. T. and Aparicio, R. (1996). Detection of virgin
           olive oil adulteration by Fourier transform Raman spectroscopy. Journal of Agricultural
           and Food Chemistry 44, 2225-2230. :doi:`10.1021/jf9600115`
    .. [2] Zou, M.-Q. et al. (2009). Rapid authentication of olive oil adulteration by Raman
           spectrometry. Journal of Agricultural and Food Chemistry 57, 6001-6006.
           :doi:`10.1021/jf900217s`
    .. [3] Czamara, K. et al. (2015). Raman spectroscopy of lipids: a review. Journal of Raman
           Spectroscopy 46, 4-20. :doi:`10.1002/jrs.4607`
    .. [4] Eggertson, E. C. and Venturini, F. (2023). Resonant Raman spectroscopy of carotenoids in
           aging of extra virgin olive oil. Sensors 23, 7621. :doi:`10.3390/s23177621`

    Examples
    --------
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends = make_oil_blends(20, random_state=0)
    >>> blends.data.shape, blends.contributions.shape
    ((40, 701), (40, 13, 701))
    >>> blends.bands["C=C stretch"]
    (1638.0, 1672.0)
    >>> X, y = make_oil_blends(12, adulterant=None, random_state=0, return_X_y=True)
    >>> sorted(set(y.tolist()))
    ['corn', 'olive', 'palm', 'rapeseed', 'soybean', 'sunflower']
    """
    _check_counts(n_samples, n_replicates)
    _check_sizes(variation, fluorescence, scatter, shift, noise, cosmic_rays)
    percents = _check_percents(percent_range)
    pairs = _pairs(oil, adulterant)
    wavenumbers, bands = _axis_and_bands(x_axis)

    # The order of the random draws decides every number below.
    rng = check_random_state(random_state)
    percent, composition, names = _draw_blends(rng, n_samples, percents, pairs, variation)
    groups = np.repeat(np.arange(n_samples), n_replicates)
    factor = np.exp(scatter * rng.normal(size=len(groups)))
    heights = factor[:, None] * _heights(composition, bands)[groups]
    contributions = _draw_contributions(rng, wavenumbers, shift, heights, bands)
    background = _draw_background(rng, wavenumbers, groups, factor, fluorescence)
    # Summed from the float32 numbers that are returned, so that the parts add up exactly.
    expected = contributions.sum(axis=1, dtype=float) + background
    oil_names = names[groups]
    spectra = SpectraBunch(
        data=_draw_counts(rng, expected, noise, cosmic_rays),
        target=oil_names if adulterant is None else percent[groups],
        oil=oil_names,
        groups=groups,
        x_axis=wavenumbers,
        feature_names=[f"{value:.10g}" for value in wavenumbers],
        bands=bands,
        band_names=list(bands),
        contributions=contributions,
        background=background,
        marker_bands=_marker_bands(pairs, bands),
    )
    return (spectra.data, spectra.target) if return_X_y else spectra
