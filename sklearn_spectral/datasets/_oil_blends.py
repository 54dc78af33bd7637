"""Simulated Raman spectra of vegetable oils, in which the part of every band is known."""

from collections.abc import Iterable

import numpy as np
from sklearn.utils import Bunch, check_random_state

from .._axis import check_x_axis
from .._checks import check_number

# Shares of saturated acids, oleic, linoleic and linolenic acid, typical of what Codex Alimentarius
# allows; carotenoids relative to olive oil, ours: refining removes most of them.
OILS = {
    "olive": (0.14, 0.75, 0.10, 0.01, 1.00),
    "sunflower": (0.11, 0.24, 0.65, 0.00, 0.10),
    "rapeseed": (0.07, 0.63, 0.20, 0.10, 0.25),
    "soybean": (0.15, 0.24, 0.54, 0.07, 0.15),
    "palm": (0.50, 0.40, 0.10, 0.00, 0.30),
    "corn": (0.13, 0.28, 0.58, 0.01, 0.40),
}
# What gives a band its intensity, in each of the five constituents above: numbers per chain.
GROUPS = {
    "double bonds": (0, 1, 2, 3, 0),
    "methylene": (1, 1, 12 / 14, 10 / 14, 0),  # palmitic and oleic acid have 14 CH2 groups
    "ester": (1, 1, 1, 1, 0),
    "saturated": (1, 0, 0, 0, 0),
    "carotenoids": (0, 0, 0, 0, 1),
}
# Position and full width at half maximum in cm-1, counts for one unit of the group. Positions are
# published, counts make spectra look as measured ones do with a laser in the near infrared.
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
SHARE_SD = 0.02  # how much the share of an acid varies between samples of one oil
CAROTENOID_SD = 0.3  # and its carotenoids, logarithm


def _check_count(name, value):
    """Raise unless `value` is a whole number from 1 on."""
    check_number(name, value, "a whole number from 1 on", lambda count: count >= 1, whole=True)


def _check_size(name, value, largest):
    """Raise unless `value` is a number from 0 to `largest`."""
    expected = f"a number from 0 on, up to {largest:g}"
    check_number(name, value, expected, lambda size: 0 <= size <= largest)


def _check_oils(name, oils):
    """Return one name or several as a list of known oils."""
    oils = list(oils) if isinstance(oils, Iterable) and not isinstance(oils, str) else [oils]
    unknown = [oil for oil in oils if not isinstance(oil, str) or oil not in OILS]
    if unknown or not oils or len(set(oils)) < len(oils):
        raise ValueError(f"{name}={oils!r}; expected one or more different ones of {list(OILS)}.")
    return oils


def _compositions(rng, oils, variation):
    """Return the composition of one sample of each oil, (n_samples, 5): acids and carotenoids."""
    composition = np.array([OILS[oil] for oil in oils])
    shares = composition[:, :4] + variation * SHARE_SD * rng.normal(size=(len(oils), 4))
    shares = shares.clip(0)
    composition[:, :4] = shares / shares.sum(axis=1, keepdims=True)
    composition[:, 4] *= np.exp(variation * CAROTENOID_SD * rng.normal(size=len(oils)))
    return composition


def _heights(composition, names):
    """Return the counts of bands, (n_samples, n_bands): linear in the composition."""
    per_unit = [np.multiply(GROUPS[group], counts) for _, _, counts, group in map(BANDS.get, names)]
    return composition @ np.transpose(per_unit)


def make_oil_blends(
    n_samples=150,
    *,
    oil=None,
    adulterant="sunflower",
    percent_range=(0, 100),
    n_replicates=2,
    x_axis=None,
    variation=1.0,
    fluorescence=1.0,
    scatter=0.1,
    shift=0.3,
    noise=1.0,
    cosmic_rays=0.02,
    random_state=None,
    return_X_y=False,
):
    r"""Make Raman spectra of vegetable oils or blends, with the part of every band known.

    Row r, with scatter factor :math:`s_r` and wavenumber shift :math:`d_r`, is

    .. math:: x_r(v) = s_r \left[\sum_b h_b \, p_b(v - d_r) + f_r(v)\right] + noise + rays

    The height :math:`h_b` of a band is linear in the composition: C=C and =C-H bands follow the
    double bonds per chain, CH2 bands the methylene groups, the C=O band the ester groups, two C-C
    bands the saturated acids, and three the carotenoids. :math:`p_b` is half Gaussian, half
    Lorentzian, :math:`f_r` a broad fluorescence background that knows nothing of the target.

    Parameters
    ----------
    n_samples : int, default=150
        Number of samples.
    oil : str, sequence of str or None, default=None
        ``"olive"``, ``"sunflower"``, ``"rapeseed"``, ``"soybean"``, ``"palm"``, ``"corn"``; of
        several, the samples take turns. None is olive oil, and without `adulterant` all six.
    adulterant : str, sequence of str or None, default="sunflower"
        What is blended into `oil`; of several, the samples take turns. None makes pure oils, to be
        told apart by name.
    percent_range : pair of float, default=(0, 100)
        Lowest and highest percentage of adulterant; uniform in between.
    n_replicates : int, default=2
        Spectra of each sample: same composition; scatter, shift, noise and rays of their own, and
        fluorescence that differs by 5 per cent.
    x_axis : array-like of shape (n_points,) or None, default=None
        Wavenumbers in cm-1; None is 500 to 1900 in steps of 2. Bands that it misses are left out.
    variation : float, default=1.0
        How much samples of one oil differ; 1 is a standard deviation of 2 percentage points in
        the share of a fatty acid and of about 30 per cent in the carotenoids.
    fluorescence : float, default=1.0
        Typical height of the background, in heights of the CH2 scissor band (10000 counts). It
        varies between samples with a standard deviation of 0.5 in its logarithm.
    scatter : float, default=0.1
        Standard deviation of the logarithm of the factor that multiplies a spectrum.
    shift : float, default=0.3
        Standard deviation, in cm-1, of the error of the wavenumber axis of a spectrum.
    noise : float, default=1.0
        Standard deviation of the noise, in square roots of counts; 1 is pure shot noise.
    cosmic_rays : float, default=0.02
        Share of spectra that a cosmic ray hits: a spike two points wide, the second one lower.
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
            Per cent adulterant; the name of the oil where `adulterant` is None.
        oil : ndarray of shape (n_samples * n_replicates,)
            Name of the adulterant; of the oil itself where there is none in it.
        groups : ndarray of shape (n_samples * n_replicates,)
            Number of the sample, for cross-validation that keeps replicates together.
        x_axis, feature_names : ndarray of shape (n_points,), list of str
            Wavenumbers in cm-1.
        bands : dict
            Name of a band and its range in cm-1, position plus and minus one full width.
        band_names : list of str
            Order of the bands in `contributions`.
        contributions : ndarray of shape (n_samples * n_replicates, n_bands, n_points)
            Counts that each band adds to each spectrum, scatter included; float32.
        background : ndarray of shape (n_samples * n_replicates, n_points)
            Fluorescence, scatter included. Contributions summed over the bands in float64, plus
            background, are `data` without noise and rays.
        marker_bands : list of str
            Bands that tell the oils apart: their typical heights differ by more than a tenth of
            the highest, and by more than a hundredth of the CH2 scissor band.

    Raises
    ------
    ValueError
        A parameter is not as described.

    Notes
    -----
    Band positions follow [1]_ to [3]_, those of carotenoids [4]_; fatty acids the ranges of Codex
    Alimentarius standards CXS 33-1981 and CXS 210-1999. Heights and widths are ours, rounded.

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
    _check_count("n_samples", n_samples)
    _check_count("n_replicates", n_replicates)
    # Above these limits the numbers that are drawn leave the range of float32.
    _check_size("variation", variation, 10)
    _check_size("fluorescence", fluorescence, 1e6)
    _check_size("scatter", scatter, 10)
    _check_size("shift", shift, 1e6)
    _check_size("noise", noise, 1e6)
    expected = "a share of spectra from 0 to 1"
    check_number("cosmic_rays", cosmic_rays, expected, lambda share: 0 <= share <= 1)
    try:
        low, high = (float(percent) for percent in percent_range)
    except (TypeError, ValueError):
        low = high = np.nan
    if not 0 <= low <= high <= 100:
        raise ValueError(f"percent_range={percent_range!r}; expected two per cents: (0, 100).")
    pure = adulterant is None
    oils = _check_oils("oil", oil if oil is not None else list(OILS) if pure else "olive")
    adulterants = [] if pure else _check_oils("adulterant", adulterant)
    if common := [name for name in oils if name in adulterants]:
        raise ValueError(f"{common} are both oil and adulterant. Blend different oils.")
    x_axis = np.arange(500.0, 1901.0, 2.0) if x_axis is None else x_axis
    x_axis = check_x_axis(x_axis, np.size(x_axis))
    bands = {
        name: (float(position - width), float(position + width))
        for name, (position, width, _, _) in BANDS.items()
        if ((position - width <= x_axis) & (x_axis <= position + width)).any()
    }
    names = list(bands)
    if not names or np.abs(x_axis).max() > MAX_WAVENUMBER:
        given = f"from {x_axis[0]:g} to {x_axis[-1]:g}" if len(x_axis) else "nowhere"
        raise ValueError(
            f"x_axis runs {given}; expected wavenumbers in cm-1, up to {MAX_WAVENUMBER:g}, some of "
            "them on a band (848 to 1771)."
        )

    rng = check_random_state(random_state)
    sample = np.arange(n_samples)
    first = np.array(oils, dtype=object)[sample // max(1, len(adulterants)) % len(oils)]
    second = first if pure else np.array(adulterants, dtype=object)[sample % len(adulterants)]
    percent = rng.uniform(low, high, n_samples) * (not pure)
    share = percent[:, None] / 100
    composition = (1 - share) * _compositions(rng, first, variation)
    composition += share * _compositions(rng, second, variation)
    groups = np.repeat(sample, n_replicates)
    n_rows = len(groups)
    factor = np.exp(scatter * rng.normal(size=n_rows))
    wavenumber = x_axis - shift * rng.normal(size=(n_rows, 1))  # what truly falls on a pixel

    heights = factor[:, None] * _heights(composition, names)[groups]
    contributions = np.empty((n_rows, len(names), len(x_axis)), dtype=np.float32)
    for band, name in enumerate(names):
        position, width, _, _ = BANDS[name]
        distance = (wavenumber - position) / width
        shape = (np.exp(-4 * np.log(2) * distance**2) + 1 / (1 + 4 * distance**2)) / 2
        contributions[:, band] = heights[:, [band]] * shape

    centre = rng.uniform(300, 1100, n_samples)[groups, None]
    width = rng.uniform(900, 1800, n_samples)[groups, None]
    size = np.exp(0.5 * rng.normal(size=n_samples))[groups]
    size = factor * size * np.exp(0.05 * rng.normal(size=n_rows))  # bleaching between replicates
    background = np.exp(-(((x_axis - centre) / width) ** 2))
    background *= fluorescence * SCISSOR * size[:, None]

    # From what is returned as float32, so that the parts add up to the last digit.
    data = contributions.sum(axis=1, dtype=float) + background
    data += noise * np.sqrt(data) * rng.normal(size=data.shape)
    hit = np.flatnonzero(rng.uniform(size=n_rows) < cosmic_rays)
    point = rng.randint(len(x_axis), size=n_rows)[hit]
    ray = SCISSOR * np.exp(rng.uniform(np.log(0.2), np.log(3), size=n_rows))[hit]
    data[hit, point] += ray
    # The second point takes from nothing to all; there is none past the end of the axis.
    inside = point + 1 < len(x_axis)
    second_part = ray * rng.uniform(size=n_rows)[hit]
    data[hit[inside], point[inside] + 1] += second_part[inside]

    oil_names = np.where(percent > 0, second, first).astype(str)[groups]
    target = oil_names if pure else percent[groups]
    if return_X_y:
        return data, target
    typical = _heights(np.array([OILS[name] for name in oils + adulterants]), names)
    differ = np.ptp(typical, axis=0) > np.maximum(typical.max(axis=0) / 10, SCISSOR / 100)
    return Bunch(
        data=data,
        target=target,
        oil=oil_names,
        groups=groups,
        x_axis=x_axis,
        feature_names=[f"{value:.10g}" for value in x_axis],
        bands=bands,
        band_names=names,
        contributions=contributions,
        background=background,
        marker_bands=[name for name, differs in zip(names, differ, strict=True) if differs],
    )
