"""The wavelength axis: read, compared, and carried through the steps of a model."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import _safe_indexing

from .._work import warnings_lock
from .checks import as_numbers, listed
from .names import AMBIGUOUS, column_names, counts, in_order, read_name

TURNED = (
    "The columns of X are named by numbers from the last one down to 0, which are default names in "
    "reverse order. Name them by their wavelengths: X.columns = [...]."
)
# Spectra that try out whether a step keeps points in their places: by chance a step that changes
# their order passes one in 2 ** (n_points / 2).
N_TRIALS = 2
# Axes are the same where no point is further off than this share of the step to its neighbour:
# names are rounded, and what is shifted by less changes no spectrum.
SAME_STEP = 0.1


@dataclass(frozen=True, eq=False)
class Wavelengths:
    """Wavelengths or wavenumbers in strict order, and their unit where it is known.

    Attributes
    ----------
    values : ndarray of shape (n_points,)
    unit : str or None
        A key of `names.UNITS`.
    """

    values: np.ndarray
    unit: str | None = None

    def __len__(self):
        return len(self.values)

    def __str__(self):
        unit = "" if self.unit is None else f" {self.unit}"
        return f"from {self.values[0]:g} to {self.values[-1]:g}{unit}"


def check_x_axis(x_axis, n_points):
    """Return `x_axis` as floats; raise unless it has `n_points` values in strict order."""
    x_axis = as_numbers(x_axis, "x_axis", "numbers")
    if x_axis.shape != (n_points,):
        raise ValueError(
            f"x_axis has shape {x_axis.shape}, but the spectra have {n_points} points. Pass one "
            "wavelength or wavenumber per point."
        )
    if not np.isfinite(x_axis).all():
        raise ValueError("x_axis contains NaN or infinity. Pass a number for every point.")
    if not in_order(x_axis):
        first = _first_out_of_order(x_axis)
        raise ValueError(
            f"x_axis is not strictly ascending or descending: {x_axis[first]:g} is followed by "
            f"{x_axis[first + 1]:g} at point {first + 1}. Sort it, and the columns of X with it, "
            "and drop duplicates."
        )
    return x_axis


def _first_out_of_order(values):
    """Return the place of the first number that the next one does not follow in order."""
    steps = np.diff(values)
    return int(np.flatnonzero(steps * np.sign(np.median(steps)) <= 0)[0])


def given_axis(x_axis, n_points):
    """Return what a user passed as `x_axis`, numbers or names; raise unless it is an axis."""
    values, unit = _numbers_and_unit(x_axis)
    return Wavelengths(check_x_axis(values, n_points), unit)


def _numbers_and_unit(x_axis):
    if isinstance(x_axis, Wavelengths):
        return x_axis.values, x_axis.unit
    if isinstance(x_axis, (list, tuple, np.ndarray, pd.Index, pd.Series)):
        read = [read_name(name) for name in x_axis if isinstance(name, str)]
        if read and len(read) == len(x_axis) and np.isfinite([each.value for each in read]).all():
            return [each.value for each in read], next((r.unit for r in read if r.unit), None)
    return as_numbers(x_axis, "x_axis", "numbers"), None


def axis_from_names(names):
    """Return the axis that names of columns are, or None where they are no wavelengths.

    Parameters
    ----------
    names : sequence of str, number or tuple, or None

    Returns
    -------
    axis : Wavelengths or None
        None also for names that count columns.

    Raises
    ------
    ValueError
        Most names are wavelengths and some are not, or they are not sorted, repeated, or in
        several units.
    """
    names = [] if names is None else list(names)
    read = [read_name(name) for name in names]
    values = np.array([each.value for each in read], dtype=float)
    odd = np.flatnonzero(~np.isfinite(values))
    if 2 * len(odd) >= len(names) or counts(values):
        return None
    units = dict.fromkeys(each.unit for each in read if each.unit)
    problem = _problem(names, values, odd.tolist(), list(units))
    if problem is None:
        return Wavelengths(values, next(iter(units), None))
    if any(each.prefixed for each in read):  # put together like this by a step, on purpose
        return None
    raise ValueError(problem)


def _problem(names, values, odd, units):
    """Return why names of which most are wavelengths are no axis, and what to do, or None."""
    if odd:
        strange = [names[place] for place in odd]
        axis = Wavelengths(np.delete(values, odd))
        return (
            f"X has columns whose names are no wavelengths: {listed([repr(n) for n in strange])}; "
            f"the other {len(axis)} run {axis}. A network would treat these columns as points of "
            f"the spectrum. Drop them: X = X.drop(columns={strange!r:.300})."
        )
    if len(units) > 1:
        return (
            f"Column names of X are in several units: {', '.join(units)}. Convert all spectra to "
            "one axis in one unit."
        )
    text = [name for name in names if isinstance(name, str) and "," in name]
    if text and units != ["um"] and all(AMBIGUOUS.fullmatch(name) for name in text):
        return (
            f"Column {text[0]!r} of X can be read with a decimal comma or with a comma between "
            "thousands. Rename the columns, as numbers: X.columns = [...]."
        )
    return _problem_of_order(names, values)


def _problem_of_order(names, values):
    """Return why wavelengths are not in strict order, and what to do, or None."""
    if in_order(values):
        turned = values[-1] == 0 and counts(values[::-1])
        return TURNED if turned else None
    order = np.argsort(values, kind="stable")
    repeated = np.flatnonzero(np.diff(values[order]) == 0)
    if len(repeated):
        one, other = names[order[repeated[0]]], names[order[repeated[0] + 1]]
        return (
            f"Columns {one!r} and {other!r} of X are one wavelength ({len(repeated)} repeated in "
            "all); expected a different one for every point. Drop or average repeated columns, by "
            f"X = X.drop(columns={other!r}) or X = X.loc[:, ~X.columns.duplicated()]."
        )
    place = _first_out_of_order(values)
    return (
        f"The columns of X are wavelengths out of order: {names[place]!r} is followed by "
        f"{names[place + 1]!r} (were they sorted as text?). A network uses neighbouring points. "
        "Sort the columns by their numbers: X = X[sorted(X.columns, key=float)]."
    )


def known_by(model):
    """Return the axis of the spectra that a fitted step or estimator was trained on, or None."""
    n_points = getattr(model, "n_features_in_", None)
    for name in ("x_axis_", "x_axis"):  # chemotools' x_axis_ may be that of fewer points
        x_axis: Any = getattr(model, name, None)
        if x_axis is not None and np.shape(x_axis) == (n_points,):
            try:
                axis = given_axis(x_axis, n_points)
            except (TypeError, ValueError):
                continue
            return replace(axis, unit=getattr(model, "_axis_unit", axis.unit))
    return axis_from_names(getattr(model, "feature_names_in_", None))


def check_same_axis(axis, trained):
    """Raise where spectra are on another axis than those that were trained on; None is unknown."""
    if axis is None or trained is None:
        return
    if len(axis) != len(trained):
        raise ValueError(
            f"X has {len(axis)} features, {axis}, but {len(trained)} features are expected, those "
            f"of the training spectra, {trained}. Interpolate the spectra to one axis, for "
            "example with chemotools."
        )
    if axis.unit and trained.unit and axis.unit != trained.unit:
        problem = "are in another unit than those of the training spectra"
        what_to_do = "Convert them to one unit"
    else:
        steps = np.abs(np.diff(trained.values, prepend=np.nan, append=np.nan))
        step = np.fmin(steps[:-1], steps[1:])  # the smaller one of either side
        off = np.abs(axis.values - trained.values) > SAME_STEP * step
        if not off.any():
            return
        place = int(off.argmax())
        problem = (
            f"differ from those of the training spectra: column {place} is at "
            f"{axis.values[place]:.8g}, and was at {trained.values[place]:.8g}"
        )
        what_to_do = "Interpolate the spectra to one axis, for example with chemotools"
        if (np.abs(axis.values[::-1] - trained.values) <= SAME_STEP * step).all():
            what_to_do = "They run the other way. Reverse them by X = X.iloc[:, ::-1]"
    raise ValueError(
        f"The columns of X run {axis}, those of the training spectra {trained}; they {problem}. "
        f"{what_to_do}."
    )


def _or_known(axis, trained):
    """Return an axis, completed from the axis of the training spectra if it has the same length."""
    if axis is None or trained is None or len(axis) != len(trained):
        return trained if axis is None else axis
    return Wavelengths(axis.values, axis.unit or trained.unit)


def on_trained_axis(model, X):
    """Return spectra under the names that a fitted step or estimator knows, or raise.

    Names may be numbers or text, rounded or not: scikit-learn would compare the letters.
    """
    names = column_names(X)
    axis, trained = axis_from_names(names), known_by(model)
    check_same_axis(axis, trained)
    if axis is None or trained is None or len(axis) != len(trained):
        return X
    known = getattr(model, "feature_names_in_", None)
    if known is None and isinstance(names[0], str):
        known = range(len(names))  # scikit-learn warns of names that it was not fitted with
    if known is None or list(known) == names:
        return X
    if isinstance(X, pd.DataFrame):
        return X.set_axis(known, axis=1)
    return pd.DataFrame(np.asarray(X), columns=known)


def resolve_axis(model, names, x_axis):
    """Return the attributes of an explanation that describe the axis a fitted estimator sees.

    It is `x_axis` where that is given; else that of the column names, here or in `fit`; else the
    number of each point, and unknown.
    """
    n_points = model.n_features_in_
    axis = given_axis(x_axis, n_points) if x_axis is not None else axis_from_names(names)
    if x_axis is None:
        axis = _or_known(axis, known_by(model))
    known = axis is not None
    return {
        "x_axis": axis.values.copy() if known else np.arange(n_points, dtype=float),
        "axis_known": known,
        "axis_unit": axis.unit if known else None,
    }


@dataclass(frozen=True, eq=False)
class Axis:
    """The wavelength axis on its way through the steps of a model.

    Attributes
    ----------
    seen : Wavelengths or None
        The axis of the spectra where they are now; None is unknown.
    n_points : int or None
        Number of their points, where it is known.
    n_given : int
        How many values the user gave as `x_axis`; 0 is none.
    last : array-like or None
        `x_axis` as the user gave it for the points that the last step sees.
    unnamed_step, changed_step : fitted step or None
        A step without names of its output features, and a step that makes other features.
    given : array-like or None
        The spectra as they came, where they are asked for.
    columns : ndarray of shape (n_points,) or None
        Which columns of these the points are; None where that is lost.
    """

    seen: Wavelengths | None
    n_points: int | None
    n_given: int = 0
    last: Any = None
    unnamed_step: Any = None
    changed_step: Any = None
    given: Any = None
    columns: np.ndarray | None = None

    @classmethod
    def of(cls, names, x_axis, n_columns, given=None):
        """Return the axis before the first step, from names and from `x_axis` of the user."""
        columns = None if n_columns is None else np.arange(n_columns)
        spectra: Any = {"given": given, "columns": columns}
        named = axis_from_names(names)
        if x_axis is None:
            return cls(named, n_columns, **spectra)
        n_given = np.size(_numbers_and_unit(x_axis)[0])
        if n_given != n_columns:
            return cls(named, n_columns, n_given, last=x_axis, **spectra)
        return cls(given_axis(x_axis, n_columns), n_columns, n_given, **spectra)

    def measured(self, spectra):
        """Return the spectra as they came where they are these, the points where they are now."""
        if self.given is None or self.columns is None:
            return None
        table = self.given if hasattr(self.given, "shape") else np.asarray(self.given)
        whole = np.array_equal(self.columns, np.arange(table.shape[1]))  # a plain copy is faster
        found = table if whole else _safe_indexing(table, self.columns, axis=1)
        found = as_numbers(found, "X", "numbers")
        if np.array_equal(found, spectra):
            return spectra
        return found.copy() if whole else found  # X stays the caller's

    def compare(self, model):
        """Raise where a step or estimator was trained on another axis than the table's."""
        if self.n_given == 0 or self.last is not None:  # else the user's word counts
            check_same_axis(self.seen, known_by(model))

    def after(self, step, X=None):
        """Return the axis behind a fitted step; raise where that was trained on another one.

        X are spectra as the step takes them, to try out a step that tells no names.
        """
        self.compare(step)
        names = getattr(step, "feature_names_in_", None)
        if names is None:
            n_points = getattr(step, "n_features_in_", self.n_points)
            names = [f"x{place}" for place in range(n_points or 0)]
        if self.n_points is not None and len(names) != self.n_points:
            return self  # the step says so
        told = _names_after(step, list(names))
        if told is None and X is not None and keeps_places(step, X):
            told = list(names)
        places = None if told is None else _places(told, list(names))
        is_given = self.n_given and self.last is None and self.seen is not None
        seen = self.seen if is_given else _or_known(self.seen, known_by(step))
        if told is not None and places is not None and in_order(places):
            kept = None if seen is None else Wavelengths(seen.values[places], seen.unit)
            columns = None if self.columns is None else self.columns[places]
            now = replace(self, seen=kept, n_points=len(told), columns=columns)
        elif told is None:
            now = replace(self, seen=None, n_points=None, unnamed_step=step, columns=None)
        else:
            now = replace(self, seen=None, n_points=len(told), changed_step=step, columns=None)
        own = getattr(step, "x_axis_", getattr(step, "common_x_axis_", None))
        if now.seen is None and own is not None and np.ndim(own) == 1 and len(own) == now.n_points:
            return replace(
                now, seen=given_axis(own, now.n_points), unnamed_step=None, changed_step=None
            )
        return now

    def of_last_step(self, model):
        """Return the wavelengths that the last step receives, or None if they are not known."""
        n_points = getattr(model, "n_features_in_", None)
        columns = f"x_axis has {self.n_given} values"
        if self.n_given and self.changed_step is not None:
            raise ValueError(
                f"{columns}, but {type(self.changed_step).__name__} makes other features of the "
                "columns of X, or changes their order, so that they have no wavelengths. Leave "
                "x_axis out."
            )
        if self.n_given and self.unnamed_step is not None and self.last is None:
            raise ValueError(
                f"{columns}, the columns of X, but the last step receives {n_points} points. The "
                f"{type(self.unnamed_step).__name__} before it has no get_feature_names_out that "
                "says which points these are, and it does not change every point by itself. Give "
                "it this method (for a FunctionTransformer that keeps every point in its place: "
                "feature_names_out='one-to-one'), or explain the last step with the x_axis of its "
                "points: model[-1].explain(model[:-1].transform(X), x_axis=...)."
            )
        self.compare(model)
        if self.last is not None:
            return self.last
        return self.seen if self.n_given else _or_known(self.seen, known_by(model))


def keeps_places(step, X):
    """Return whether a step without output names changes every point by itself, in its place.

    Points of a spectrum are changed, drawn at random: no others may change behind the step.
    """
    random_state = np.random.RandomState(0)
    with warnings_lock, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            row = _safe_indexing(X, [0])
            before = np.asarray(step.transform(row), dtype=float)
            for _ in range(N_TRIALS):
                chosen = random_state.uniform(size=np.shape(row)) < 0.5
                after = np.asarray(step.transform(row * np.where(chosen, 1.01, 1.0)), dtype=float)
                changed = (after != before) & ~(np.isnan(after) & np.isnan(before))
                if not changed.any() or (changed & ~chosen).any():
                    return False
        except Exception:  # whatever a step says of spectra that it was not meant for
            return False
    return True


def _names_after(step, names):
    """Return the names of the output features of a fitted step, or None if it has none."""
    if isinstance(step, OneToOneFeatureMixin):
        return names
    if isinstance(step, FunctionTransformer) and step.func is None:  # does nothing
        return names
    try:
        return list(step.get_feature_names_out(names))
    except (AttributeError, TypeError, ValueError):
        return None


def _places(told, names):
    """Return which of some names each name told is, whatever prefix it has, or None."""
    known = {str(name): place for place, name in enumerate(names)}
    places = []
    for name in map(str, told):
        while name not in known and "__" in name:
            name = name.partition("__")[2]
        if name not in known:
            return None
        places.append(known[name])
    return np.array(places, dtype=int)
