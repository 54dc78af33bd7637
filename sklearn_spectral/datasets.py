"""Spectra to try things on: oils whose bands are known, and real ones to download."""

import hashlib
import numbers
import re
import time
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.datasets import fetch_file, get_data_home
from sklearn.utils import Bunch, check_random_state

from ._axis import check_x_axis

__all__ = ["fetch_oil_adulteration", "make_oil_blends"]

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

SOURCE = "https://raw.githubusercontent.com/DNMalavi/ML_Oil_Fraud_Project/ff2870520521/"
# File, sheet, columns before the spectra (the last one: per cent adulterant), unit of the axis.
TECHNIQUES = {
    "raman": ("Raman.xlsx", 0, 3, "cm-1"),
    "ftir": ("FTIR.xlsx", 0, 3, "cm-1"),
    "nir": ("HSI.xlsx", 0, 4, "nm"),
    "uv-vis": ("UVVIS.xlsx", "Uv-Vis Raw Data", 4, "nm"),
}
SHA256 = {
    "Raman.xlsx": "0a9516ce6533ccaabe31c04ca7666d8c37662364b2ed380ec0d8becbb339fab5",
    "FTIR.xlsx": "65a20edc56414ec5a25e039c96e9659ae47e1b833c46456137bb5b73bb0510a8",
    "HSI.xlsx": "a2f1ab8264c255bcc052c281a9fa51738f90ee79df7ca4e6056b897916129625",
    "UVVIS.xlsx": "fde9e0798ce695b92f324e078f38cd7eeddfc5470f3bb0c3a21ae695746cf9e5",
}
# Names are spelt in several ways; beginnings of words tell the oils apart.
OTHER_OILS = {
    "saff": "safflower",
    "sunf": "sunflower",
    "corn": "corn",
    "sesam": "sesame",
    "canol": "canola",
    "rape": "canola",
    "soy": "soybean",
}
DESCR = """Olive oils, other oils and blends: {n} {technique} spectra, {start:g} to {end:g} {unit}

Spectra of extra-virgin olive oils and of their blends with safflower, corn, soybean, canola,
sunflower and sesame oil (up to 20 per cent by mass), and of these oils themselves, three replicate
spectra a sample. The target is the percentage of adulterant.

Source: {url}
Malavi, D., Nikkhah, A., Raes, K. and Van Haute, S. (2023). Hyperspectral imaging and chemometrics
for authentication of extra virgin olive oil: a comparative approach with FTIR, UV-VIS, Raman, and
GC-MS. Foods 12(3), 429. doi:10.3390/foods12030429

The source states no licence: ask its authors before you pass the data on.
"""


def _check_number(name, value, expected, low, high=np.inf, kind=numbers.Real):
    """Raise unless `value` is a finite number from `low` to `high`."""
    known = isinstance(value, kind) and not isinstance(value, bool)
    if not known or not low <= value <= high or value == np.inf:
        raise ValueError(f"{name}={value!r}; expected {expected}.")


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
    for name, value in {"n_samples": n_samples, "n_replicates": n_replicates}.items():
        _check_number(name, value, "a whole number from 1 on", 1, kind=numbers.Integral)
    # Above these the numbers drawn leave the range of float32.
    sizes = {
        "variation": (variation, 10),
        "fluorescence": (fluorescence, 1e6),
        "scatter": (scatter, 10),
        "shift": (shift, 1e6),
        "noise": (noise, 1e6),
    }
    for name, (value, high) in sizes.items():
        _check_number(name, value, f"a number from 0 on, up to {high:g}", 0, high)
    _check_number("cosmic_rays", cosmic_rays, "a share of spectra from 0 to 1", 0, 1)
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


def _download(name, folder, download_if_missing, n_retries, delay):
    """Return the path of a file of the source, downloaded unless it is there undamaged."""
    path, url = folder / name, SOURCE + name
    if not download_if_missing:
        if path.exists():
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == SHA256[name]:
                    return path
        raise OSError(
            f"{path} is {'damaged' if path.exists() else 'missing'}. Pass "
            f"download_if_missing=True, or download {url} by other means and put it there."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for attempt in range(n_retries + 1):
        if attempt:
            time.sleep(delay)
        try:
            # Its own retries cover neither a broken connection nor a wrong checksum.
            return fetch_file(
                url, folder=folder, local_filename=name, sha256=SHA256[name], n_retries=0
            )
        except (OSError, HTTPException) as error:
            if isinstance(error, HTTPError):
                error.close()  # it is the response, and holds the connection
            reason = error
    raise OSError(
        f"Could not download {url} in {n_retries + 1} attempt(s): {reason} Connect to the internet "
        f"and call again, or download it by other means and put it at {path}."
    ) from reason


def _groups(data):
    """Return the group of each row: three rows in turn, samples that share a spectrum merged."""
    sample = np.arange(len(data)) // 3
    spectrum = np.unique(data, axis=0, return_inverse=True)[1].ravel()
    # Samples and spectra are the nodes of a graph; a row is an edge between its two.
    edges = (np.ones(len(data)), (sample, sample.max() + 1 + spectrum))
    n_nodes = sample.max() + spectrum.max() + 2
    graph = coo_array(edges, shape=(n_nodes, n_nodes))
    return connected_components(graph, directed=False)[1][sample]


def _oil(label, percent):
    """Return which oil is in a sample beside olive oil, by its labels."""
    if percent == 0:
        return "olive"
    found = re.search("|".join(OTHER_OILS), label.lower())
    return OTHER_OILS[found[0]] if found else "unknown"


def fetch_oil_adulteration(
    technique="raman",
    *,
    data_home=None,
    download_if_missing=True,
    n_retries=3,
    delay=1.0,
    return_X_y=False,
):
    """Load spectra of olive oils, other oils and blends, downloading them the first time.

    183 spectra of 61 samples, three replicates each, in the same order for every technique: olive
    oils, their blends with up to 20 per cent of another oil, and these oils, by Malavi et al. [1]_.
    Needs openpyxl: ``pip install 'sklearn-spectral[datasets]'``.

    Parameters
    ----------
    technique : {"raman", "ftir", "nir", "uv-vis"}, default="raman"
        Raman, 500 to 1900 cm-1, 1401 points; FTIR, 471 to 4000 cm-1, 916 points; near-infrared
        hyperspectral imaging, 939 to 1726 nm, 224 points; UV-Vis, 200 to 800 nm, 121 points.
    data_home : str, path-like or None, default=None
        Where files are kept, in the folder ``oil_adulteration``; None is scikit-learn's folder,
        see :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        Raise OSError instead of downloading where False.
    n_retries : int, default=3
        Further attempts after one that failed or brought a damaged file.
    delay : float, default=1.0
        Seconds between attempts.
    return_X_y : bool, default=False
        Return ``(data, target)`` only.

    Returns
    -------
    spectra : Bunch
        data : ndarray of shape (183, n_points)
            Spectra as they stand in the file.
        target : ndarray of shape (183,)
            Per cent adulterant: 0 is olive oil, 100 another oil.
        sample_names, oil : ndarray of shape (183,)
            Names as they stand in the file; ``"olive"`` or the other oil in the sample,
            ``"unknown"`` where its name does not say.
        groups : ndarray of shape (183,)
            Number of the sample, for cross-validation. Samples with a spectrum in common under
            different names count as one, so that groups depend on the technique.
        x_axis, feature_names : ndarray of shape (n_points,), list of str
            Wavenumbers in cm-1 or wavelengths in nm.
        DESCR : str
            Where the data come from.

    Raises
    ------
    ImportError
        openpyxl is not installed.
    OSError
        The file is neither there nor to be had; the message says where to put it by hand.
    ValueError
        A parameter is not as described.

    Notes
    -----
    The source, github.com/DNMalavi/ML_Oil_Fraud_Project, states no licence: the data are loaded
    from there and not part of this package. Files are checked by SHA-256.

    References
    ----------
    .. [1] Malavi, D., Nikkhah, A., Raes, K. and Van Haute, S. (2023). Hyperspectral imaging and
           chemometrics for authentication of extra virgin olive oil: a comparative approach with
           FTIR, UV-VIS, Raman, and GC-MS. Foods 12(3), 429. :doi:`10.3390/foods12030429`

    Examples
    --------
    >>> from sklearn_spectral.datasets import fetch_oil_adulteration
    >>> oils = fetch_oil_adulteration("raman")  # doctest: +SKIP
    >>> oils.data.shape  # doctest: +SKIP
    (183, 1401)
    """
    if technique not in TECHNIQUES:
        raise ValueError(f"technique={technique!r}; expected one of {list(TECHNIQUES)}.")
    _check_number("n_retries", n_retries, "a whole number from 0 on", 0, kind=numbers.Integral)
    _check_number("delay", delay, "seconds, from 0 on", 0)
    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "The data come as .xlsx files, and openpyxl, which reads them, is not installed: "
            "pip install 'sklearn-spectral[datasets]'"
        ) from error
    name, sheet, n_labels, unit = TECHNIQUES[technique]
    folder = Path(get_data_home(data_home)) / "oil_adulteration"
    path = _download(name, folder, download_if_missing, n_retries, delay)
    frame = pd.read_excel(path, sheet_name=sheet, engine="openpyxl")
    data = frame.iloc[:, n_labels:].to_numpy(dtype=float)
    target = frame.iloc[:, n_labels - 1].to_numpy(dtype=float)
    if return_X_y:
        return data, target
    x_axis = check_x_axis([float(column) for column in frame.columns[n_labels:]], data.shape[1])
    labels = frame.iloc[:, : n_labels - 1].astype(str)
    # Every file has its own columns of labels; names of samples are those that speak of oils.
    pattern = "(?i)olive|evo|" + "|".join(OTHER_OILS)
    telling = [(labels[c].str.contains(pattern).sum(), labels[c].nunique()) for c in labels]
    sample_names = labels.iloc[:, telling.index(max(telling))].str.strip().to_numpy(dtype=str)
    texts = labels.agg(" ".join, axis=1)
    span = {"n": len(data), "start": x_axis[0], "end": x_axis[-1], "unit": unit}
    return Bunch(
        data=data,
        target=target,
        sample_names=sample_names,
        oil=np.array([_oil(text, p) for text, p in zip(texts, target, strict=True)]),
        groups=_groups(data),
        x_axis=x_axis,
        feature_names=[f"{value:.10g}" for value in x_axis],
        DESCR=DESCR.format(technique=technique, url=SOURCE + name, **span),
    )
