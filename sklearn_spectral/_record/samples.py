"""Which samples: chosen by their rows or by their names."""

from numbers import Integral
from textwrap import shorten
from typing import Any

import numpy as np

from .targets import same


def labels_of_samples(explanation: Any) -> np.ndarray:
    """Return what tables call the spectra: their names, or numbers where they have none."""
    names = explanation.sample_names
    return np.arange(len(explanation)) if names is None else names


def chosen_rows(n_samples: int, samples: Any, names: np.ndarray | None = None) -> np.ndarray:
    """Return the numbers of chosen rows: of one, a slice, a list, a mask or names; or raise.

    Whole numbers are always those of rows, also where names are whole numbers.
    """
    samples = samples if names is None else _rows_named(samples, names)
    try:
        chosen: Any = samples if isinstance(samples, slice) else np.atleast_1d(samples)
        if np.size(chosen) == 0:
            chosen = chosen.astype(int)  # an empty list is of floats
        rows = np.arange(n_samples)[chosen]
    except (IndexError, TypeError, ValueError):
        rows = None
    if rows is None or rows.ndim != 1:
        raise IndexError(
            f"{shorten(repr(samples), 100)} does not choose rows of {n_samples}: pass the number "
            "of one, a slice, a list of numbers or a mask. Names of samples can be passed where X "
            "was a DataFrame whose index holds them."
        )
    return rows


def _rows_named(samples, names):
    """Return all rows of samples that are chosen by names, else what came; or raise."""
    if isinstance(samples, slice):
        return samples
    names = names.tolist()
    is_name = isinstance(samples, str) or (isinstance(samples, tuple) and samples in names)
    asked = [samples] if is_name or not np.iterable(samples) else list(samples)
    if all(isinstance(each, Integral | np.bool_) for each in asked):
        return samples
    rows = []
    for name in asked:
        found = [row for row, known in enumerate(names) if same(known, name)]
        if not found:
            shown = shorten(", ".join(map(repr, names)), 100, placeholder=" ...")
            raise IndexError(
                f"{name!r} is none of {shown}. samples= takes names of X.index, each for all its "
                "spectra, or rows, counted from 0: the number of one, a slice, a list or a mask."
            )
        rows += found
    return rows
