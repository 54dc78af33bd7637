"""Names of columns: what they are for any kind of table, and which of them are wavelengths."""

import numbers
import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np

# What people write behind a number; the first is what messages call the unit.
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
# Decimal comma or thousands? Only other names can tell.
AMBIGUOUS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}(?![\d.]).*")


def column_names(X):
    """Return the names of the columns of a table, or None for an array.

    Of an xarray DataArray they are the coordinates of its last dimension, with their unit.
    """
    if hasattr(X, "collect_schema") and hasattr(X, "collect"):  # of polars
        raise TypeError("Got a LazyFrame, which holds no numbers yet. Pass what collect() returns.")
    if hasattr(X, "dims") and hasattr(X, "coords"):
        return _coordinates(X)
    columns = getattr(X, "columns", None)
    return None if columns is None or _count(list(columns)) else list(columns)


def output_names(y):
    """Return the names of the columns of y, of its one column if it is a Series, or None."""
    name = getattr(y, "name", None)
    names = column_names(y) if name is None or name == "" else [name]
    # polars' for none is ""
    return None if names is None or "" in names or _count(names) else [_plain(n) for n in names]


def _plain(name):
    """Return a name as files can hold it: text, a number or a tuple of these, else as text."""
    if isinstance(name, tuple):
        return tuple(_plain(each) for each in name)
    name = name.item() if isinstance(name, np.generic) else name
    return name if type(name) in (str, bool, int, float) else str(name)


def _count(names):
    """Return whether names only count: pandas' default, 0, 1, 2, or scikit-learn's, x0, x1, x2."""
    return names in (list(range(len(names))), [f"x{i}" for i in range(len(names))])


def _coordinates(X):
    if not X.dims or X.dims[-1] not in X.coords:
        return None
    coordinate = X.coords[X.dims[-1]]
    values, unit = coordinate.values.tolist(), coordinate.attrs.get("units")
    known = read_name(f"0 {unit}").unit is not None
    return [f"{value!r} {unit}" for value in values] if known else values


class Reading(NamedTuple):
    """What a name says: the wavelength or NaN, its unit, and whether a step named it anew."""

    value: float
    unit: str | None = None
    prefixed: bool = False


def read_name(name):
    """Return what the name of a column says; of several levels the last one counts."""
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
