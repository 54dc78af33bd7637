"""Textbook band assignments of Raman and mid-infrared spectra, in cm-1; none of NIR in nm."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd


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
        or the same with ``"ftir-"``. NIR in nm is not covered: pass bands of your own as a dict.

    Returns
    -------
    table : DataFrame
        A row for every band: columns ``band`` (assignment and typical position), ``start`` and
        ``end`` in cm-1 (ours: wide enough for the usual shifts), and ``source``.

    Raises
    ------
    ValueError
        There is no such table.

    See Also
    --------
    Explanation.contributions : Takes the name of a table, or bands of your own.

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
            f"{name!r} is none of the tables of bands: {list(tables)}. Pass bands of your "
            "own as a dict, {'C=O stretch': (1730, 1760)}."
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
            f"No band of {name!r} ({table['start'].min():g} to {table['end'].max():g} cm-1) covers "
            f"a point: the axis runs from {np.min(x_axis):g} to {np.max(x_axis):g}. The tables are "
            "in wavenumbers; pass x_axis to explain, or bands of your own."
        )
    return covered
