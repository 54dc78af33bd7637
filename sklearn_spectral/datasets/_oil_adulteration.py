"""Measured spectra of adulterated olive oils, downloaded when they are first asked for."""

import hashlib
import re
import time
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.datasets import fetch_file, get_data_home
from sklearn.utils import Bunch

from .._axis import check_x_axis
from .._checks import check_number

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
    check_number("n_retries", n_retries, "a whole number from 0 on", lambda n: n >= 0, whole=True)
    check_number("delay", delay, "seconds, from 0 on", lambda seconds: seconds >= 0)
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
