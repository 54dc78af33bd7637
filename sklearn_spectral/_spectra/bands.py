"""Bands of the wavelength axis: textbook assignments, and the points of each band."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import find_peaks

# A peak of the mean absolute map counts if its prominence is at least this share of the largest
# value.
PEAK_PROMINENCE = 0.05

# Types of the parameter `bands`.
BandsLike = Mapping[str, Iterable[float]] | str | int


@dataclass(frozen=True, eq=False)
class Bands:
    """Bands of a wavelength axis.

    Attributes
    ----------
    names : list of str
    points : list of ndarray
        The numbers of the points that belong to each band, ascending.
    x_axis : ndarray of shape (n_points,)
        Wavelengths or wavenumbers of all points.
    every_point : bool
        Whether every point of the axis is a band of its own.
    """

    names: list[str]
    points: list[np.ndarray]
    x_axis: np.ndarray
    every_point: bool = False

    @cached_property
    def ends(self) -> np.ndarray:
        """The lowest and the highest wavelength of every band, (n_bands, 2)."""
        return np.array([np.sort(self.x_axis[points[[0, -1]]]) for points in self.points])

    def sums(self, maps: np.ndarray) -> np.ndarray:
        """Return the contribution of every band, (n_samples, n_targets, n_bands).

        `maps` have shape (n_samples, n_points, n_targets).
        """
        if self.every_point:
            return np.moveaxis(maps, 1, 2)
        belongs = np.zeros((len(self.points), len(self.x_axis)), dtype=maps.dtype)
        for row, points in zip(belongs, self.points, strict=True):
            row[points] = 1
        # As float64, because tables would print the rounding of float32.
        return np.einsum("npt,bp->ntb", maps, belongs).astype(np.float64)


def every_point(x_axis: np.ndarray) -> Bands:
    """Return every point of an axis as a band of its own."""
    points = list(np.arange(len(x_axis))[:, None])
    return Bands([f"{x:g}" for x in x_axis], points, x_axis, every_point=True)


def resolve_bands(
    bands: BandsLike,
    x_axis: np.ndarray,
    maps: np.ndarray,
    *,
    known: bool = True,
    unit: str | None = None,
) -> Bands:
    """Return the bands that a user asks for.

    Parameters
    ----------
    bands : dict, str or int
        Named bands, the name of a table, "peaks", or a number of bands of equal width, as for
        `Explanation.contributions`.
    x_axis : ndarray of shape (n_points,)
    maps : ndarray of shape (n_samples, n_points, n_targets)
        The maps whose peaks are meant by "peaks".
    known : bool
        Whether `x_axis` are wavelengths, not numbers of points.
    unit : str or None
        Its unit, where it is known.

    Returns
    -------
    bands : Bands

    Raises
    ------
    ValueError
        A band covers no point, or `bands` is none of the above, or in wavelengths of an axis that
        is not known.
    """
    if isinstance(bands, str) and bands in textbook_tables():
        _check_known(bands, known)
        _check_unit(bands, unit)
        bands = named_bands(bands, x_axis)
    if isinstance(bands, Mapping) and bands:
        if not all(isinstance(limits, range) for limits in bands.values()):
            _check_known(bands, known)
        points = [
            _points_numbered(name, limits, len(x_axis))
            if isinstance(limits, range)
            else _points_between(name, limits, x_axis)
            for name, limits in bands.items()
        ]
        return Bands(list(bands), points, x_axis)
    if isinstance(bands, str) and bands == "peaks":
        peaks, points = _peaks(maps)
        return Bands([f"{x_axis[peak]:g}" for peak in peaks], points, x_axis)
    if isinstance(bands, (int, np.integer)) and 1 <= bands <= len(x_axis):
        points = _intervals(int(bands), x_axis)
        names = [f"{x_axis[each].min():g}-{x_axis[each].max():g}" for each in points]
        return Bands(names, points, x_axis)
    raise ValueError(
        f"bands={bands!r}; expected a dict such as {{'C=O stretch': (1730, 1760)}} or, by the "
        "numbers of points, {'marker': range(20, 25)}; a number of bands between 1 and "
        f"{len(x_axis)} (the points); 'peaks'; or a table of textbook bands, one of "
        f"{list(textbook_tables())}."
    )


def _check_known(bands, known):
    if not known:
        raise ValueError(
            f"bands={bands!r:.200} are in wavelengths, but the wavelengths of the points are not "
            "known. Pass x_axis to explain, or name the columns of X by their wavelengths. Or pass "
            "numbers of points from 0, {'marker': range(20, 25)}, a number of bands, or 'peaks'."
        )


def _check_unit(name, unit):
    """Raise if a table is in another unit than the axis."""
    expected = textbook_tables()[name]["unit"][0]
    if unit not in (None, expected):
        raise ValueError(
            f"The bands of {name!r} are in {expected}, the axis is in {unit}. Pass x_axis in "
            f"{expected} to explain, or bands of your own as a dict."
        )


def _points_numbered(name, numbers, n_points):
    """Return the points of a band that counts them, ascending."""
    points = np.unique(np.array(numbers, dtype=int))
    if len(points) == 0 or points[0] < 0 or points[-1] >= n_points:
        raise ValueError(
            f"Band {name!r} is {numbers!r}; expected numbers of points from 0 to {n_points - 1}."
        )
    return points


def _points_between(name, limits, x_axis):
    """Return the points of a named band."""
    try:
        start, end = sorted(float(limit) for limit in limits)
    except (TypeError, ValueError):
        raise ValueError(
            f"Band {name!r} is {limits!r}; expected its two ends, such as (1730, 1760)."
        ) from None
    points = np.flatnonzero((start <= x_axis) & (x_axis <= end))
    if len(points) == 0:
        raise ValueError(
            f"Band {name!r}, {start:g} to {end:g}, covers no point: the axis runs from "
            f"{x_axis[0]:g} to {x_axis[-1]:g}. Give its ends in the unit of the "
            "axis, or pass x_axis to explain."
        )
    return points


def _intervals(n_bands, x_axis):
    """Return the points in each interval of equal width that holds any."""
    low, high = sorted(x_axis[[0, -1]])
    width = (high - low) / n_bands or 1.0
    interval = np.minimum((x_axis - low) // width, n_bands - 1)  # the last point in the last one
    points = [np.flatnonzero(interval == number) for number in range(n_bands)]
    return [each for each in points if len(each)]


def mean_absolute_map(maps: np.ndarray) -> np.ndarray:
    """Return the mean absolute contribution of every point, (n_points,), of maps with targets."""
    return np.abs(maps).mean(axis=(0, 2))


def _peaks(maps):
    """Return the peaks of the mean absolute map, and the points from minimum to minimum."""
    if len(maps) == 0:
        raise ValueError("This explanation has 0 spectra, so there are no peaks. Name the bands.")
    profile = mean_absolute_map(maps)
    padded = np.concatenate([[0.0], profile, [0.0]])  # peaks at either end count as well
    peaks = find_peaks(padded, prominence=PEAK_PROMINENCE * profile.max())[0] - 1
    if len(peaks) == 0:
        peaks = np.array([int(profile.argmax())])
    minima = [
        left + int(profile[left:right].argmin())
        for left, right in zip(peaks, peaks[1:], strict=False)
    ]
    return peaks, np.split(np.arange(len(profile)), minima)


@cache
def textbook_tables() -> dict[str, pd.DataFrame]:
    """Return the tables of textbook bands by name, as `band_table` shows them."""
    bands = pd.read_csv(Path(__file__).with_name("bands.csv"), dtype={"start": float, "end": float})
    return {
        str(name): table.drop(columns="table").reset_index(drop=True)
        for name, table in bands.groupby("table")
    }


def band_table(name: str) -> pd.DataFrame:
    """Return a table of textbook band assignments.

    Parameters
    ----------
    name : str
        ``"raman-lipids"``, ``"raman-proteins"``, ``"raman-carbohydrates"``, ``"raman-polymers"``,
        the same names with ``"ftir-"``, or ``"nir"`` for overtones and combinations.

    Returns
    -------
    table : DataFrame
        A row for every band: columns ``band`` (assignment and typical position), ``start`` and
        ``end``, their ``unit`` (``"cm-1"``, or ``"nm"`` for NIR), and ``source``. The limits were
        chosen for this package, wide enough for the usual shifts.

    Raises
    ------
    ValueError
        There is no such table.

    See Also
    --------
    Explanation.contributions : Takes the name of a table, or bands of your own.
    metrics.localization : Compares maps with the bands of a table.

    Examples
    --------
    >>> from sklearn_spectral import band_table
    >>> table = band_table("raman-lipids")
    >>> table.loc[table["band"] == "C=C stretch 1655", ["start", "end"]].to_numpy().tolist()
    [[1635.0, 1675.0]]
    """
    tables = textbook_tables()
    if not isinstance(name, str) or name not in tables:
        raise ValueError(
            f"{name!r} is not one of the tables of bands, {list(tables)}. Pass your own bands as a "
            "dict, {'C=O stretch': (1730, 1760)}."
        )
    return tables[name].copy()


def named_bands(name, x_axis):
    """Return the bands of a table that lie on an axis: {band: (start, end)}."""
    table, x_axis = band_table(name), np.asarray(x_axis)
    covered = {
        band: (start, end)
        for band, start, end in table[["band", "start", "end"]].itertuples(index=False)
        if ((start <= x_axis) & (x_axis <= end)).any()
    }
    if not covered:
        raise ValueError(
            f"No band of {name!r} ({table['start'].min():g} to {table['end'].max():g} "
            f"{table['unit'][0]}) covers a point: the axis runs from {np.min(x_axis):g} to "
            f"{np.max(x_axis):g}. Pass x_axis in the unit of the table to explain, or bands of "
            "your own."
        )
    return covered
