"""Measured spectra of adulterated olive oils, downloaded when they are first asked for."""

import errno
import hashlib
import re
import time
from contextlib import suppress
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.datasets import fetch_file, get_data_home
from sklearn.utils import Bunch

from .._files.models import write
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
FATTY_ACIDS: tuple[str, str, int] = ("GC_MS.xlsx", "%FAs", 2)
SHA256 = {
    "Raman.xlsx": "0a9516ce6533ccaabe31c04ca7666d8c37662364b2ed380ec0d8becbb339fab5",
    "FTIR.xlsx": "65a20edc56414ec5a25e039c96e9659ae47e1b833c46456137bb5b73bb0510a8",
    "HSI.xlsx": "a2f1ab8264c255bcc052c281a9fa51738f90ee79df7ca4e6056b897916129625",
    "UVVIS.xlsx": "fde9e0798ce695b92f324e078f38cd7eeddfc5470f3bb0c3a21ae695746cf9e5",
    "GC_MS.xlsx": "e42e2ad68d34dd3fae187ac041d1766ed9e8fa699be7c52384462b0929845689",
}
# Errors that are not of the network, and what to do about them. Those of a network come wrapped,
# without a number.
LOCAL_ERRORS = {
    errno.EISDIR: "Move the directory away",
    errno.ENOTDIR: "Move away the file that is in the place of a folder",
    errno.EEXIST: "Move away the file that is in the place of a folder",
    errno.EACCES: "Give yourself the permission to read and write there",
    errno.EPERM: "Give yourself the permission to read and write there",
    errno.EROFS: "Nothing can be written there",
    errno.ENOSPC: "Make room on the disk",
    errno.EDQUOT: "Make room on the disk",
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

Known defects:{defects}
- Four of the 13 olive oils are flavoured, with garlic, basil, chilli and white truffle.
- The blends seem to share one base oil, and to have been measured series by series, apart from most
  olive oils. What tells blends from olive oils may be that oil or the day. Leave out whole series
  to see what a model says of new ones.

Source: {url}
Malavi, D., Nikkhah, A., Raes, K. and Van Haute, S. (2023). Hyperspectral imaging and chemometrics
for authentication of extra virgin olive oil: a comparative approach with FTIR, UV-VIS, Raman, and
GC-MS. Foods 12(3), 429. doi:10.3390/foods12030429

The source states no licence: ask its authors before you pass the data on.
"""


# What each file holds beside the chemistry, before what is true of all of them.
DEFECTS = {
    "raman": """
- The axis of rows 116 to 155 (from the last of 84/16 soybean to the first of 88/12 sunflower) is
  about 1.5 cm-1 off: canola and most of sunflower can be told by it alone. Row 65, a replicate of
  96/4 safflower, is off by 1 cm-1 the other way.
- The column of 1900 cm-1 is a copy of that of 500 cm-1.""",
    "ftir": """
- Sessions of measurement show: where oil has no band (1850 to 2280 and 2420 to 2650 cm-1), spectra
  tell olive oils from blends far above chance, also of series that were left out, and the band of
  CO2 (2280 to 2400 cm-1) tells the series apart.
- Eight rows are copies of others: all three of Fontana and Divella, and of garlic and basil; one of
  Spain and Borges; two replicates of 80/20 soybean.""",
    "nir": """
- The values are reflectances, which fall where oil absorbs (1210, 1400, 1720 nm). Take
  log10(1 / data) for absorbances.
- Sessions of measurement show: blends of 1 per cent are told from olive oils without an error, also
  of series that were left out, while calibrations cannot see less than about 6 per cent.
- Two replicates of 96/4 soybean are copies, and two of 80/20 sesame.""",
    "uv-vis": "",
}


def _located(name, data_home, *settings):
    """Return the path of a file of the source, or say what on this computer is in its way."""
    try:
        return _download(name, Path(get_data_home(data_home)) / "oil_adulteration", *settings)
    except OSError as error:
        if error.errno not in LOCAL_ERRORS:
            raise
        raise OSError(
            f"{name} cannot be kept in {data_home or 'the data folder of scikit-learn'}: {error}. "
            f"{LOCAL_ERRORS[error.errno]}, or pass another data_home."
        ) from error


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
            if getattr(error, "errno", None) in LOCAL_ERRORS:
                raise
            reason = error
    raise OSError(
        f"Could not download {url} in {n_retries + 1} attempt(s): {reason} Connect to the internet "
        f"and call again, or download it by other means and put it at {path}."
    ) from reason


def _parsed(path, sheet, n_labels):
    """Return labels, names and numbers of a sheet: from a copy, if there is one of this file."""
    copy = path.with_suffix(".npz")
    try:
        with np.load(BytesIO(copy.read_bytes())) as parts:  # it leaves damaged files open
            if parts["sha256"] == SHA256[path.name]:
                return parts["labels"], parts["names"], parts["numbers"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        pass  # none yet, or damaged
    frame = pd.read_excel(path, sheet_name=sheet, engine="openpyxl")
    parts = {
        "labels": frame.iloc[:, : n_labels - 1].astype(str).to_numpy(dtype=str),
        "names": frame.columns[n_labels - 1 :].to_numpy(dtype=str),
        "numbers": frame.iloc[:, n_labels - 1 :].to_numpy(dtype=float),
    }
    buffer = BytesIO()
    np.savez(buffer, sha256=SHA256[path.name], **parts)
    with suppress(OSError):  # it is parsed again next time
        write(copy, buffer.getvalue())
    return tuple(parts.values())


def _technique(name):
    """Return what a technique is called here, in any capitals or after the file of the source."""
    files = {Path(file).stem.lower(): technique for technique, (file, *_) in TECHNIQUES.items()}
    technique = files.get(str(name).lower(), str(name).lower())
    if technique not in TECHNIQUES:
        raise ValueError(f"technique={name!r}; expected one of {list(TECHNIQUES)}.")
    return technique


def _rows(labels, percent, data):
    """Return what each row is, by the names of the fields."""
    oil = np.array([_oil(" ".join(row), share) for row, share in zip(labels, percent, strict=True)])
    sample = np.arange(len(data)) // 3
    groups = _groups(data, sample)
    return {
        "kind": np.select([percent == 0, percent < 100], ["authentic", "adulterated"], "other"),
        "oil": oil,
        "sample": sample,
        "groups": groups,
        "series": np.where(percent == 0, [f"olive {group}" for group in groups], oil),
        "sample_names": _sample_names(labels),
    }


def _groups(data, sample):
    """Return the group of each row: its sample, merged with those that share a spectrum."""
    spectrum = np.unique(data, axis=0, return_inverse=True)[1].ravel()
    # Samples and spectra are the nodes of a graph; each row is an edge between the two.
    edges = (np.ones(len(data)), (sample, sample.max() + 1 + spectrum))
    n_nodes = sample.max() + spectrum.max() + 2
    graph = coo_array(edges, shape=(n_nodes, n_nodes))
    return connected_components(graph, directed=False)[1][sample]


def _sample_names(labels):
    """Return the column of labels that names samples: most of its entries mention an oil."""
    pattern = "(?i)olive|evo|" + "|".join(OTHER_OILS)
    columns = [pd.Series(column) for column in labels.T]
    names = max(columns, key=lambda column: (column.str.contains(pattern).sum(), column.nunique()))
    return names.str.strip().to_numpy(dtype=str)


def _oil(label, percent):
    """Return the name of the oil that a sample contains beside olive oil."""
    if percent == 0:
        return "olive"
    found = re.search("|".join(OTHER_OILS), label.lower())
    return OTHER_OILS[found[0]] if found else "unknown"


def _fatty_acids(table, oil, target):
    """Return the mean fatty acids of every oil at every percentage, for each row of the spectra."""
    _, names, numbers = table
    percent = numbers[:, 0]
    # The series have no names. They come in the order of the spectra, each from 1 to 20 per cent,
    # and before them the oils themselves, of each as many rows as of a blend of it.
    series = np.cumsum(np.diff(percent, prepend=percent[0]) < 0)
    blends = pd.Series(percent[series > 0]).groupby(series[series > 0])
    n_rows = blends.agg(lambda levels: (levels == levels.iloc[0]).sum())
    series[percent == 100] = np.repeat(n_rows.index, n_rows)
    order = np.array(["olive", *pd.unique(oil[(0 < target) & (target < 100)])])
    acids = pd.DataFrame(numbers[:, 1:], columns=[name.strip() for name in names[1:]])
    means = acids.groupby([order[series], percent]).mean()
    return means.reindex(pd.MultiIndex.from_arrays([oil, target])).reset_index(drop=True)


@own_settings()
def fetch_oil_adulteration(
    technique: str = "raman",
    *,
    data_home: Any = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    return_X_y: bool = False,
    as_frame: bool = False,
    fatty_acids: bool = False,
) -> Any:
    """Load measured spectra of olive oils, other oils and blends; download them the first time.

    The 183 spectra of 61 samples by Malavi et al. [1]_, three replicates each, come in the same
    order for every technique: olive oils, their blends with up to 20 per cent of another oil, and
    these other oils. The files need openpyxl: ``pip install "sklearn-spectral[datasets]"``.

    Parameters
    ----------
    technique : {"raman", "ftir", "nir", "uv-vis"}, default="raman"
        Raman, 500 to 1900 cm-1, 1401 points; FTIR, 471 to 4000 cm-1, 916 points; near-infrared
        hyperspectral imaging, 939 to 1726 nm, 224 points; UV-Vis, 200 to 800 nm, 121 points. In
        any capitals, or as the source names its file ("HSI", "UVVIS").
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
    as_frame : bool, default=False
        Return `data` as a DataFrame whose columns are `feature_names`, and `target` as a Series.
    fatty_acids : bool, default=False
        Download and return `fatty_acids` as well.

    Returns
    -------
    spectra : Bunch
        data : ndarray or DataFrame of shape (183, n_points)
            Spectra as in the file. Those of NIR are reflectances.
        target : ndarray or Series of shape (183,)
            Percentage of adulterant: 0 is olive oil, 100 another oil.
        kind : ndarray of shape (183,)
            ``"authentic"`` (olive oil), ``"adulterated"`` (a blend) or ``"other"`` (another oil).
        oil : ndarray of shape (183,)
            ``"olive"``, or the other oil in the sample, or ``"unknown"`` where no label names it.
            A blend of 1 per cent has the name of its adulterant.
        sample : ndarray of shape (183,)
            Number of the sample, the same for all techniques.
        groups : ndarray of shape (183,)
            `sample` for cross-validation: samples that share a spectrum under different names
            are one group, so that groups depend on the technique. This keeps replicates together,
            but samples of one series still share a base oil, an adulterant and a session.
        series : ndarray of shape (183,)
            What would be new in use, for cross-validation: the blends with one adulterant and the
            adulterant itself, under its name, or a group of olive oil, ``"olive 3"``. The files
            tell no more of what was measured together.
        sample_names : ndarray of shape (183,)
            Names of the samples as in the file. They differ between techniques: join techniques by
            row or by `sample`.
        fatty_acids : DataFrame of shape (183, 7)
            With ``fatty_acids=True``: per cent of fatty acids by GC-MS, for each row the mean of
            the oil or blend, not of the measured sample, see Notes.
        x_axis, feature_names : ndarray of shape (n_points,), list of str
            Wavenumbers in cm-1 or wavelengths in nm.
        unit : str
            Unit of `x_axis`, ``"cm-1"`` or ``"nm"``.
        DESCR : str
            Description, known defects and source of the data.

    Raises
    ------
    ImportError
        If openpyxl is not installed.
    OSError
        If the file is missing and cannot be downloaded, or cannot be read or written; the message
        names the place where to put it by hand, or what is in the way.
    ValueError
        If a parameter is not as described above.

    Notes
    -----
    The source, github.com/DNMalavi/ML_Oil_Fraud_Project, states no licence: the data are downloaded
    from there and are not part of this package. Files are checked by SHA-256. A parsed copy (.npz)
    is kept beside each, so that only the first call takes seconds.

    The data have defects that decide results; `DESCR` has them in full. Raman: in rows 116 to 155
    the axis is about 1.5 cm-1 off, which gives away canola and most of sunflower, and the column
    of 1900 cm-1 is a copy of that of 500. FTIR and NIR: sessions of measurement show, so that
    blends are told from olive oils by more than chemistry. NIR: reflectances, not absorbances. Four
    of the 13 olive oils are flavoured. So leave out whole `series`, and look at what models see.

    The fatty acids are from other vials than the spectra, in other numbers of replicates: 42 rows
    of olive oils without names, whose mean stands for every olive oil, and 3 or 6 of each other oil
    and blend. Their file names no oil: series are joined in the order of the spectra's, which the
    composition of the six pure oils bears out. They scatter: linoleic acid does not always rise
    with the percentage, and rows add up to 95 to 108.

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
    wanted = _technique(technique)
    check_number("n_retries", n_retries, "a whole number from 0 on", lambda n: n >= 0, whole=True)
    check_number("delay", delay, "seconds, from 0 on", lambda seconds: seconds >= 0)
    optional("openpyxl", "datasets", "The data, which come as .xlsx files,")
    file, sheet, n_labels, unit = TECHNIQUES[wanted]
    settings = data_home, download_if_missing, n_retries, delay
    labels, names, numbers = _parsed(_located(file, *settings), sheet, n_labels)
    target, data = numbers[:, 0], numbers[:, 1:]
    x_axis = check_x_axis(names[1:].astype(float), data.shape[1])
    feature_names = [f"{value:.10g}" for value in x_axis]
    rows = _rows(labels, target, data)
    if fatty_acids:
        file_of_acids, sheet, n_labels = FATTY_ACIDS
        acids = _parsed(_located(file_of_acids, *settings), sheet, n_labels)
        rows["fatty_acids"] = _fatty_acids(acids, rows["oil"], target)
    if as_frame:
        data = pd.DataFrame(data, columns=feature_names)
        target = pd.Series(target, name="adulterant (%)")
    if return_X_y:
        return data, target
    about = {"technique": wanted, "unit": unit, "url": SOURCE + file, "defects": DEFECTS[wanted]}
    return Bunch(
        data=data,
        target=target,
        **rows,
        x_axis=x_axis,
        feature_names=feature_names,
        unit=unit,
        DESCR=DESCR.format(n=len(data), start=x_axis[0], end=x_axis[-1], **about),
    )
