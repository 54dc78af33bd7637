"""Checks of arguments that all public functions share.

scikit-learn checks shapes. The checks here cover what scikit-learn leaves to NumPy, whose messages
do not name the argument, and the requirements of spectra and of float32.
"""

import numbers
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.validation import _check_sample_weight, validate_data

from .._work import warnings_lock
from .names import column_names

# Squares of larger numbers, summed over a set of spectra, overflow; those of smaller ones vanish.
LARGEST, SMALLEST = 1e100, 1e-100
# Maps are float32 numbers in the unit of y.
LARGEST_Y, SMALLEST_Y = 1e35, 1e-35
# A weight below this share of the largest is lost in the rounding of float32.
NEGLIGIBLE = 1e-12
# Numbers that are looked at a time: they are still in the processor's cache at the second look.
LOOK = 2**18
# What Python, NumPy and pandas say where they cannot read something.
BARE = (
    "argument must be",
    "boolean value of NA",
    "Cannot cast",
    "could not convert",
    "is not iterable",
    "must be a number",
    "not supported between",
    "sequence",
    "unhashable",
)
# A spectrum of one point has no neighbours to convolve.
MIN_POINTS = 2


def own_random_state(random_state):
    """Return a RandomState; without a seed a fresh one, so the global state stays as it is."""
    return np.random.RandomState() if random_state is None else check_random_state(random_state)


def listed(indices):
    """Write out the first few of many indices."""
    shown = ", ".join(str(index) for index in indices[:5])
    return shown + (f", ... ({len(indices)} in all)" if len(indices) > 5 else "")


def check_number(name, value, expected, holds, *, whole=False):
    """Raise unless `value` is a finite number that `holds`; True and False are none."""
    known = isinstance(value, numbers.Integral if whole else numbers.Real)
    if not known or isinstance(value, bool) or not (-np.inf < value < np.inf and holds(value)):
        raise ValueError(f"{name}={value!r}; expected {expected}.")


@contextmanager
def naming_argument(name, expected, **tables):
    """Say which argument it was where NumPy cannot read one; too large numbers become infinite.

    The first of some `tables`, by name, that holds what is no number is told with the place of it.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except (TypeError, ValueError) as error:
        if not any(text in str(error) for text in BARE):
            raise
        places = {given: _no_number(values) for given, values in tables.items()}
        odd, place = next((each for each in places.items() if each[1]), ("", ""))
        name, expected = (odd, "numbers") if odd else (name, expected)
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} cannot be read as {expected}: {error}{place}") from error


def _no_number(values):
    """Write out where the first entry of an array or table is that is no number, if any."""
    try:
        array = np.asarray(values, dtype=object)
    except ValueError:  # arrays of several shapes
        return ""
    for place, value in np.ndenumerate(array if 1 <= array.ndim <= 2 else np.empty(0)):
        try:
            float(value)
        except (TypeError, ValueError):
            wrong = np.zeros(array.shape, dtype=bool)
            wrong[place] = True
            return (
                f", {_where(wrong, values)}. Drop what is no number there, such as names of "
                "samples; read files with decimal commas with decimal=','."
            )
    return ""


def _where(wrong, given):
    """Write out in which rows of an array or table, and in which of its columns, an entry is so."""
    rows = f"in rows {listed(np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1)))}"
    if wrong.ndim == 1:
        return rows
    names, columns = column_names(given), np.flatnonzero(wrong.any(axis=0))
    return f"{rows} and columns {listed([repr(names[i]) for i in columns] if names else columns)}"


def _unmasked(values: Any) -> Any:
    """Return a masked array with NaN in place of its masked entries, anything else as it is."""
    # A mask would be dropped, and what is under it taken for intensities.
    return np.ma.filled(values.astype(float), np.nan) if np.ma.isMaskedArray(values) else values


def as_numbers(values, name, expected):
    """Return `values` as a float64 array; masked entries are NaN."""
    values = _unmasked(values)
    with naming_argument(name, expected, **{name: values}):
        array = np.asarray(values)
        if array.dtype.kind in "cMm":
            raise TypeError(f"{name} is of {array.dtype}; expected {expected}.")
        return array.astype(float, copy=False)


def check_table(X):
    """Return X as scikit-learn can check it; raise where scikit-learn would misread it."""
    X = _unmasked(X)
    shape = np.shape(X[:1]) if isinstance(X, (list, tuple)) else getattr(X, "shape", ())
    if len(shape) > 2:
        raise ValueError(
            f"X has shape {(len(X), *shape[1:])}; expected is (n_samples, n_points), a spectrum a "
            "row. If there is an axis of channels, as in PyTorch, pass X[:, 0]. To fit on the "
            "pixels of an image, pass X.reshape(-1, X.shape[-1]); to predict or explain them, use "
            "sklearn_spectral.hyperspectral."
        )
    columns = column_names(X)
    if columns is not None:
        names = pd.Series([str(name) for name in columns], dtype=object)
        if names.duplicated().any():
            twice = names[names.duplicated()].unique().tolist()
            raise ValueError(
                f"X has several columns called {listed(twice)}; expected a different name for "
                "every point. Rename or drop the others."
            )
    dtypes: Any = getattr(X, "dtypes", getattr(X, "dtype", None))
    for dtype in np.atleast_1d(dtypes):
        is_time = getattr(dtype, "is_temporal", None)  # of polars
        if getattr(dtype, "kind", None) in ("M", "m") or (callable(is_time) and is_time()):
            raise TypeError(f"X contains {dtype}, but spectra are numbers. Drop such columns.")
    return X


def _largest(X):
    """Return the largest size of a number in an array, NaN where one is."""
    rows = max(1, LOOK // X.shape[1])
    parts = [X[start : start + rows] for start in range(0, len(X), rows)]
    return float(np.max([[part.max(), -part.min()] for part in parts]))


def check_finite(X, given=None, *, fits=False):
    """Raise with rows and columns where spectra hold NaN, infinity or what cannot be squared.

    Where a model `fits` them they must not all vanish when squared either. Columns are called as in
    the table that was `given`.
    """
    largest = _largest(X)
    if largest <= LARGEST and (largest >= SMALLEST or largest == 0 or not fits):
        return
    if largest < SMALLEST:
        raise ValueError(
            f"The largest number of X is {largest:g}; squares of such small numbers are zero. "
            f"Expected intensities above {SMALLEST:g}. Convert them to another unit."
        )
    kind = "NaN" if np.isnan(X).any() else "infinity (inf)" if np.isinf(X).any() else None
    # Comparisons with NaN are false.
    wrong = ~np.isfinite(X) if kind else ~(np.abs(X) <= LARGEST)
    where = _where(wrong, given)
    if kind is None:
        raise ValueError(
            f"Input X contains numbers up to {largest:g} {where}, whose squares overflow. Expected "
            f"intensities up to {LARGEST:g}. Convert them to another unit, or drop these rows."
        )
    raise ValueError(
        f"Input X contains {kind} {where}; finite numbers are expected. Drop or impute them. A row "
        "that is NaN as a whole is often a constant spectrum (saturated, or an empty measurement) "
        "after StandardNormalVariate or a scaler."
    )


def check_reference(reference, mean_spectrum):
    """Return what spectra are compared with, (1, n_points), or None.

    "mean" is `mean_spectrum`, and of several spectra it is their mean.
    """
    if reference is None:
        return None
    if isinstance(reference, str):
        if reference != "mean":
            raise ValueError(f"reference={reference!r}; expected None, 'mean' or a spectrum.")
        return mean_spectrum[None]
    reference = as_numbers(reference, "reference", "a spectrum: numbers")
    rows = np.atleast_2d(reference)
    if rows.shape != (max(1, len(rows)), len(mean_spectrum)):
        raise ValueError(
            f"reference has shape {reference.shape}; expected one spectrum of "
            f"{len(mean_spectrum)} points, or several, one in each row."
        )
    if not np.isfinite(rows).all():
        raise ValueError("reference contains NaN or infinity; expected finite numbers.")
    check_finite(rows)
    return rows.mean(axis=0, keepdims=True)


def like_table(rows, X):
    """Return rows of numbers as a table with the column names of X, where X is one."""
    return pd.DataFrame(rows, columns=list(X.columns)) if hasattr(X, "columns") else rows


def validated(estimator, X, *y, reset, fits=False, **checks):
    """Return X, or X and y, checked as scikit-learn does it and as spectra need it, or raise.

    Parameters
    ----------
    estimator : estimator
        Learns the number and the names of the columns, or is held to them.
    X : array-like
    *y : array-like
        The references, where there are any.
    reset : bool
        Whether the estimator learns them.
    fits : bool
        Whether a model is fitted to X.
    **checks
        Further arguments of scikit-learn's `validate_data`.
    """
    what, expected, tables = "X", "an array of numbers", {"X": X}
    if y:
        what, expected = "X or y", f"{expected}, and one label or value per spectrum"
        tables |= {"y": y[0]} if checks.get("y_numeric") else {}
    with warnings_lock, naming_argument(what, expected, **tables):
        checked = validate_data(
            estimator,
            check_table(X),
            *y,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite=False,
            **checks,
        )
    check_finite(checked[0] if y else checked, X, fits=fits)
    return checked


def check_n_points(X):
    """Raise unless spectra have points enough for a convolution."""
    if X.shape[1] < MIN_POINTS:
        raise ValueError(
            f"X has {X.shape[1]} feature(s) (shape={X.shape}), but a spectrum needs at "
            f"least {MIN_POINTS} points for the network's convolutions. Is X transposed, "
            "or was it read with the wrong separator (sep=';')?"
        )


def copy_unless_memmap(array, given):
    """Return an array that shares no memory with `given`; what is on disk is not copied."""
    base = array
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    own = array.base is None and array is not given
    return array if own or base is not None else array.copy()


def check_outputs(outputs):
    """Raise with the rows whose outputs are more than float32 holds."""
    rows = np.flatnonzero(~np.isfinite(outputs).all(axis=-1))
    if len(rows):
        raise ValueError(
            f"The spectra in rows {listed(rows)} (or the reference) are so far from the training "
            "spectra that the network's float32 numbers overflow. Preprocess them in the same way "
            "as the training spectra, and use the same unit."
        )


def check_out(out, shape):
    """Raise unless maps of a shape can be written to an array that the user passed."""
    # Only what is in the machine's order of bytes equals these.
    if not isinstance(out, np.ndarray) or out.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"out is a {type(out).__name__} of {getattr(out, 'dtype', 'no dtype')}; expected a "
            "NumPy array or memmap of float32 or float64. For Zarr and other files use "
            "sklearn_spectral.hyperspectral."
        )
    if out.shape != shape or not out.flags.writeable:
        raise ValueError(
            f"out has shape {out.shape}{'' if out.flags.writeable else ' and is read-only'}; "
            f"expected {shape}, a writeable array for these maps."
        )


def check_complete(y, *, one_column=False):
    """Return y, with masked entries as NaN; raise with the rows where it is missing.

    A classifier takes `one_column`.
    """
    masked = np.ma.getmask(y)
    y = np.ma.getdata(y) if np.ma.isMaskedArray(y) else y
    with naming_argument("y", "one label or value per spectrum"):
        array = np.asarray(y)
    if array.ndim == 0 or array.size == 0:
        return y  # scikit-learn says more
    if one_column and array.ndim == 2 and array.shape[1] > 1:
        raise ValueError(
            f"y has shape {array.shape}; a classifier takes one label per spectrum, so expected is "
            f"({len(array)},). If there is a column per class, 1 for that of the spectrum, else 0 "
            "(one-hot), pass y.argmax(axis=1), or y.idxmax(axis=1) of a table; otherwise pass one "
            "column."
        )
    missing: Any = pd.isna(array) | masked | (np.isinf(array) if array.dtype.kind == "f" else False)
    if np.any(missing):
        raise ValueError(
            f"Input y contains NaN or infinity (inf) {_where(missing, y)}; every spectrum needs "
            "its reference. Drop these rows, or measure their reference again."
        )
    return y


def check_values(y):
    """Return the values that a regressor learns, float64; raise where float32 cannot hold them."""
    y = as_numbers(y, "y", "numbers")
    largest = np.abs(y).max(initial=0)
    spread: Any = np.ptp(y, axis=0) if largest <= LARGEST_Y else np.inf
    if not largest <= LARGEST_Y or ((0 < spread) & (spread < SMALLEST_Y)).any():
        raise ValueError(
            f"The largest y is {largest:g} and y varies by {np.min(spread):g}. Since maps are "
            f"float32 numbers in the unit of y, expected are values up to {LARGEST_Y:g} that vary "
            f"by {SMALLEST_Y:g} or more, or not at all. Convert y to another unit."
        )
    return y


def _relative(weights):
    """Bring weights near one by a power of two, which rounds nothing; the negligible are zero.

    Weights were two to the `exponent`, which comes second, times what comes first.
    """
    exponent = int(np.frexp(weights.max(initial=0.0))[1]) - 1
    weights = np.ldexp(weights, -exponent)
    return np.where(weights < NEGLIGIBLE, 0.0, weights), exponent


def check_sample_weight(sample_weight, X, min_samples):
    """Return relative weights of spectra, (n_samples,), and their exponent, or raise."""
    with naming_argument("sample_weight", "one number per spectrum"):
        sample_weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
    weights, exponent = _relative(sample_weight)
    n_positive = (weights > 0).sum()
    if n_positive < min_samples:
        raise ValueError(
            f"sample_weight is positive, and not negligible compared with the largest, for "
            f"{n_positive} sample(s); at least {min_samples} are needed to fit."
        )
    return weights, exponent


def check_class_weight(class_weight, y, sample_weight, exponent):
    """Return the weights of spectra times those of their classes, and their exponent, or raise."""
    classes, numbers_of_classes = np.unique(y, return_inverse=True)
    try:
        of_classes = compute_class_weight(
            class_weight, classes=classes, y=y, sample_weight=sample_weight
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"class_weight={class_weight!r}; expected None, 'balanced' or "
            f"{{label: weight}} with a weight for every class in y. {error}"
        ) from error
    if not (np.isfinite(of_classes) & (of_classes >= 0)).all():
        raise ValueError(f"class_weight={class_weight!r}; expected finite weights from 0 on.")
    of_spectra, exponent_of_classes = _relative(of_classes[numbers_of_classes])
    weights, exponent_of_product = _relative(sample_weight * of_spectra)
    return weights, exponent + exponent_of_classes + exponent_of_product


def group_codes(groups, n_samples):
    """Return `groups` as whole numbers, or raise."""
    with naming_argument("groups", "one group per spectrum"):
        groups = np.asarray(groups)
        if groups.shape != (n_samples,):
            raise ValueError(
                f"groups has shape {groups.shape}, but X has {n_samples} rows. Pass one group per "
                "spectrum."
            )
        rows = np.flatnonzero(pd.isna(groups))
        if len(rows):
            raise ValueError(
                f"groups is missing in rows {listed(rows)}. Give every spectrum a group; a "
                "spectrum without replicates is a group of its own."
            )
        return np.unique(groups, return_inverse=True)[1]


def check_classes(classes):
    """Return the labels that `partial_fit` is told of, sorted, or raise."""
    with naming_argument("classes", "a list of labels, all numbers or all text"):
        classes = np.asarray(classes)
        if classes.ndim != 1 or len(classes) == 0 or np.any(pd.isna(classes)):
            raise ValueError(
                f"classes={classes.tolist()!r}; expected a list of the labels of all calls, "
                "without missing values."
            )
        return np.unique(classes)
