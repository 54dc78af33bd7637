"""Names of columns of any kind of table, and the wavelengths in them."""

import numbers
import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

# Notations of units after a number, by the name of the unit in messages.
UNITS = {
    "cm-1": r"cm\s*\^?[({]?[-\u2212\u2013\u207b][1\u00b9][)}]?|1?/\s*cm",
    "nm": r"nm",
    "um": r"[u\u00b5\u03bc]m",
    "m": r"m",
}
_UNIT = "|".join(f"(?P<u{place}>{text})" for place, text in enumerate(UNITS.values()))
# A name may have the prefix of a ColumnTransformer or FeatureUnion, and its unit in brackets.
_NAME = re.compile(
    r"\s*(?P<prefix>.*__)?\s*(?P<number>[+-]?[.,]?\d[\d.,]*(?:e[+-]?\d+)?)"
    rf"[\s_]*[(\[]?\s*(?:{_UNIT})?\s*[)\]]?\s*",
    re.IGNORECASE,
)
# Whole numbers one after another that begin below this count columns: pandas' default names, also
# of a table whose first columns, such as sample names, were taken away.
COUNTED_FROM = 10
# Decimal comma or thousands? Only other names can tell.
AMBIGUOUS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}(?![\d.]).*")


def column_names(X):
    """Return the names of the columns of a table, or None for an array.

    Of an xarray DataArray they are the coordinates of its last dimension, with their unit. Where
    these only count bands, or are words, another coordinate along it tells the wavelengths.
    """
    if hasattr(X, "collect_schema") and hasattr(X, "collect"):  # of polars
        raise TypeError(
            "Got a LazyFrame, which does not contain numbers yet. Pass the result of its collect()."
        )
    if hasattr(X, "dims") and hasattr(X, "coords"):
        return _coordinates(X)
    columns = getattr(X, "columns", None)
    return None if columns is None or _are_default_names(list(columns)) else list(columns)


def row_names(X):
    """Return the index of a table, (n_samples,), or None where it only counts rows from 0 on."""
    if not isinstance(X, pd.DataFrame) or X.index.equals(pd.RangeIndex(len(X))):
        return None
    return X.index.to_numpy(dtype=object, copy=True)


def name_and_unit(label):
    """Return the two parts of a label such as "glucose (g/L)"; the unit is empty without any."""
    match = re.fullmatch(r"(.*?)\s*\(([^()]*)\)\s*", str(label))
    return (match[1], match[2]) if match else (str(label), "")


def output_names(y):
    """Return the names of the columns of y, of its one column if it is a Series, or None."""
    name = getattr(y, "name", None)
    names = column_names(y) if name is None or name == "" else [name]
    # polars' for none is ""
    if names is None or "" in names or _are_default_names(names):
        return None
    return [_plain(each) for each in names]


def _plain(name):
    """Return a name as files can hold it: text, a number or a tuple of these, else as text."""
    if isinstance(name, tuple):
        return tuple(_plain(each) for each in name)
    name = name.item() if isinstance(name, np.generic) else name
    return name if type(name) in (str, bool, int, float) else str(name)


def _are_default_names(names):
    """Return whether names only count: pandas' default, 0, 1, 2, or scikit-learn's, x0, x1, x2."""
    return names in (list(range(len(names))), [f"x{i}" for i in range(len(names))])


def _coordinates(X):
    along = [each for each in X.coords.values() if X.dims and each.dims == X.dims[-1:]]
    along = [each for each in along if each.dtype.kind not in "mM"]  # times would be numbers
    own = [each for each in along if each.name == X.dims[-1]]
    # Another coordinate that is not in order is of another kind, such as widths.
    other = [each for each in along if each.name != X.dims[-1] and in_order(_read(each))]
    telling = [each for each in own if _tells(each)] or [each for each in other if _tells(each)]
    own = telling if len(telling) == 1 else own
    if not own:
        return None
    coordinate = own[0]
    values, unit = coordinate.values.tolist(), coordinate.attrs.get("units")
    known = read_name(f"0 {unit}").unit is not None
    return [f"{value!r} {unit}" for value in values] if known else values


def _read(coordinate):
    """Return the numbers of a coordinate, NaN where it has none."""
    return np.array([read_name(name).value for name in coordinate.values.tolist()], dtype=float)


def _tells(coordinate):
    """Return whether a coordinate may be wavelengths."""
    values = _read(coordinate)
    return bool(np.isfinite(values).any()) and not counts(values)


def counts(values):
    """Return whether numbers count columns, as pandas' default names do."""
    return 0 <= values[0] < COUNTED_FROM and bool((np.diff(values) == 1).all())


def in_order(values):
    """Return whether numbers strictly rise or strictly fall."""
    steps = np.diff(values)
    return bool((steps > 0).all() or (steps < 0).all())


class Reading(NamedTuple):
    """The content of a name: wavelength or NaN, unit, and whether a step has added a prefix."""

    value: float
    unit: str | None = None
    prefixed: bool = False


def read_name(name):
    """Return the content of the name of a column; of several levels, that of the last one."""
    name = name[-1] if isinstance(name, tuple) and name else name
    if isinstance(name, str):
        return _read_text(name)
    is_number = isinstance(name, numbers.Real) and not isinstance(name, (bool, np.bool_))
    return Reading(float(name) if is_number else np.nan)


@lru_cache(maxsize=2**15)
def _read_text(name):
    match = _NAME.fullmatch(name)
    if match is None:
        return Reading(np.nan, prefixed="__" in name)
    place = (match.lastgroup or "")[1:]  # of the unit
    unit = list(UNITS)[int(place)] if place.isdigit() else None
    return Reading(_number(match["number"]), unit, match["prefix"] is not None)


def _number(text):
    """Return a number with a decimal point or comma, or NaN where it is none, such as 1.2.3."""
    if "," in text:
        thousands = "." if text.rfind(",") > text.rfind(".") else ","
        text = text.replace(thousands, "").replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return np.nan
