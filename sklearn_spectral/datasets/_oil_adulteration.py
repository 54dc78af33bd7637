"""Measured spectra of adulterated olive oils, downloaded when they are first asked for."""

import hashlib
import re
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.datasets import fetch_file, get_data_home
from sklearn.utils import Bunch

from .._spectra.axis import check_x_axis
from .._spectra.checks import check_number
from .._work import optional, own_settings

SOURCE = "https://raw.githubusercontent.com/DNMalavi/ML_Oil_Fraud_Project/ff2870520521/"
# File, sheet, number of columns before the spectra (the last of them is the percentage of
# adulterant), and unit of the axis.
TECHNIQUES: dict[str, tuple[str, int | str, int, str]] = {
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
# The files spell names in several ways; the beginnings of words identify the oils.
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
    """Return the path of a file of the source; download it if it is missing or damaged."""
    path, url = folder / name, SOURCE + name
    if not download_if_missing:
        if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[name]:
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
            # The retries of fetch_file cover neither a broken connection nor a wrong checksum.
            return fetch_file(
                url, folder=folder, local_filename=name, sha256=SHA256[name], n_retries=0
            )
        except (OSError, HTTPException) as error:
            if isinstance(error, HTTPError):
                error.close()  # this error is the response, and keeps the connection open
            reason = error
    raise OSError(
        f"Could not download {url} in {n_retries + 1} attempt(s): {reason} Connect to the internet "
        f"and call again, or download it by other means and put it at {path}."
    ) from reason


def _groups(data):
    """Return the group of each row: samples of three rows, merged where they share a spectrum."""
    sample = np.arange(len(data)) // 3
    spectrum = np.unique(data, axis=0, return_inverse=True)[1].ravel()
    # Samples and spectra are the nodes of a graph; each row is an edge between the two.
    edges = (np.ones(len(data)), (sample, sample.max() + 1 + spectrum))
    n_nodes = sample.max() + spectrum.max() + 2
    graph = coo_array(edges, shape=(n_nodes, n_nodes))
    return connected_components(graph, directed=False)[1][sample]


def _sample_names(labels):
    """Return the column of labels that names samples: most of its entries mention an oil."""
    pattern = "(?i)olive|evo|" + "|".join(OTHER_OILS)
    columns = [labels[name] for name in labels]
    names = max(columns, key=lambda column: (column.str.contains(pattern).sum(), column.nunique()))
    return names.str.strip().to_numpy(dtype=str)


def _oil(label, percent):
    """Return the name of the oil that a sample contains beside olive oil."""
    if percent == 0:
        return "olive"
    found = re.search("|".join(OTHER_OILS), label.lower())
    return OTHER_OILS[found[0]] if found else "unknown"


@own_settings()
def fetch_oil_adulteration(
    technique: str = "raman",
    *,
    data_home: Any = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    return_X_y: bool = False,
) -> Any:
    """Load measured spectra of olive oils, other oils and blends; download them the first time.

    The 183 spectra of 61 samples by Malavi et al. [1]_, three replicates each, come in the same
    order for every technique: olive oils, their blends with up to 20 per cent of another oil, and
    these other oils. The files need openpyxl: ``pip install 'sklearn-spectral[datasets]'``.

    Parameters
    ----------
    technique : {"raman", "ftir", "nir", "uv-vis"}, default="raman"
        Raman, 500 to 1900 cm-1, 1401 points; FTIR, 471 to 4000 cm-1, 916 points; near-infrared
        hyperspectral imaging, 939 to 1726 nm, 224 points; UV-Vis, 200 to 800 nm, 121 points.
    data_home : str, path-like or None, default=None
        Folder in which files are kept, in a subfolder ``oil_adulteration``; None is scikit-learn's
        folder, see :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        If False, raise OSError instead of downloading.
    n_retries : int, default=3
        Number of further attempts after a download that failed or whose file is damaged.
    delay : float, default=1.0
        Seconds between attempts.
    return_X_y : bool, default=False
        Return ``(data, target)`` only.

    Returns
    -------
    spectra : Bunch
        data : ndarray of shape (183, n_points)
            Spectra as in the file.
        target : ndarray of shape (183,)
            Percentage of adulterant: 0 is olive oil, 100 another oil.
        sample_names : ndarray of shape (183,)
            Names of the samples as in the file.
        oil : ndarray of shape (183,)
            ``"olive"``, or the other oil in the sample, or ``"unknown"`` where no label names it.
        groups : ndarray of shape (183,)
            Number of the sample, for cross-validation. Samples that share a spectrum under
            different names count as one sample, so that groups depend on the technique.
        x_axis, feature_names : ndarray of shape (n_points,), list of str
            Wavenumbers in cm-1 or wavelengths in nm.
        DESCR : str
            Description and source of the data.

    Raises
    ------
    ImportError
        If openpyxl is not installed.
    OSError
        If the file is missing and cannot be downloaded; the message names the place where to put
        it by hand.
    ValueError
        If a parameter is not as described above.

    Notes
    -----
    The source, github.com/DNMalavi/ML_Oil_Fraud_Project, states no licence: the data are downloaded
    from there and are not part of this package. Files are checked by SHA-256.

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
    optional("openpyxl", "datasets", "The data, which come as .xlsx files,")
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
    texts = labels.agg(" ".join, axis=1)
    span = {"n": len(data), "start": x_axis[0], "end": x_axis[-1], "unit": unit}
    return Bunch(
        data=data,
        target=target,
        sample_names=_sample_names(labels),
        oil=np.array([_oil(text, p) for text, p in zip(texts, target, strict=True)]),
        groups=_groups(data),
        x_axis=x_axis,
        feature_names=[f"{value:.10g}" for value in x_axis],
        DESCR=DESCR.format(technique=technique, url=SOURCE + name, **span),
    )
