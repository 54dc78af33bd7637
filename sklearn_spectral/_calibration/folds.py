"""Rows that are left out: groups as a whole, and classes in their shares."""

import math
import warnings

import numpy as np
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, StratifiedGroupKFold

from .._work import checking

N_FOLDS = 10


def units_of(data):
    """Return whole numbers from 0 on for the rows of a training set, the same for one group."""
    # One group alone cannot be left out: its rows then are.
    together = data.groups is not None and len(np.unique(data.groups)) > 1
    return np.unique(data.groups if together else np.arange(len(data)), return_inverse=True)[1]


def folds_of(units, labels, random_state):
    """Return rows to train on and rows to leave out, dealt at random, groups kept together.

    Where there are labels, every fold gets its share of each: a class that a fold leaves out as a
    whole would be unknown to its calibrations.
    """
    n_folds = min(N_FOLDS, units.max() + 1)
    if n_folds < 2:
        return []
    if labels is None or np.bincount(labels).max() < n_folds:  # too few to share out
        shuffled = random_state.permutation(units.max() + 1)[units]
        with checking:
            return list(GroupKFold(n_folds).split(shuffled, groups=shuffled))
    folds = stratified_folds(labels, units, n_folds, random_state)
    return [(train, test) for train, test in folds if len(test)]


def stratified_folds(labels, units, n_folds, random_state):
    """Deal groups to folds so that each has its share of every class: (train, test) rows.

    scikit-learn warns of classes that are rarer than the folds are many. To silence it changes
    settings of the whole process, which is done for one thread at a time.
    """
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
    with checking, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        return list(splitter.split(labels, labels, units))


def some_rows(units, n_wanted, random_state):
    """Return about `n_wanted` rows, or all: those of some of the groups."""
    n_units = units.max() + 1
    wanted = math.ceil(n_units * n_wanted / len(units))
    # More than one fold holds: something is left to train on.
    n_kept = max(wanted, math.ceil(n_units / N_FOLDS) + 1)
    rows = np.flatnonzero((random_state.permutation(n_units) < n_kept)[units])
    if len(rows) > n_wanted:  # a kept group may be large
        rows = np.sort(random_state.choice(rows, n_wanted, replace=False))
    return rows


def set_aside(data, fraction, random_state, *, classes=None):
    """Divide a training set for `early_stopping`: rows to train on and rows for validation.

    Parameters
    ----------
    data : TrainingSet
        Whose y are numbers of `classes`, where there are any.
    fraction : float
        Share of the spectra, or groups, for validation.
    random_state : RandomState
    classes : ndarray of shape (n_classes,) or None
        Labels; each then has its share in both parts.
    """
    n_units = len(np.unique(data.units))
    if n_units < 2:
        raise ValueError(
            "early_stopping sets groups aside for validation, but groups holds one group "
            "only. Fit without early_stopping or without groups."
        )
    if classes is not None:
        return _shares_of_classes(data, n_units, fraction, random_state, classes)
    splitter = GroupShuffleSplit(1, test_size=fraction, random_state=random_state)
    try:
        with checking:
            return next(splitter.split(data.spectra, data.y, data.units))
    except ValueError as error:
        raise ValueError(
            f"early_stopping cannot divide {n_units} spectra (or groups) with "
            f"validation_fraction={fraction:g}: one part would be empty. Bring "
            "it nearer to 0.5, or fit without early_stopping."
        ) from error


def _shares_of_classes(data, n_units, fraction, random_state, classes):
    y, units = data.y, data.units
    rare = [
        label
        for index, label in enumerate(classes.tolist())
        if len(np.unique(units[y == index])) < 2
    ]
    if rare:
        raise ValueError(
            f"early_stopping sets spectra of every class aside, but {rare} have one sample "
            "(or one group) only. Fit without early_stopping, or add samples."
        )
    # Folds of the smaller part, which is the one to train on where that is wanted.
    smaller = min(fraction, 1 - fraction)
    n_splits = min(max(2, round(1 / smaller)), np.bincount(y).max(), n_units)
    large, small = stratified_folds(y, units, n_splits, random_state)[0]
    training, validation = (large, small) if smaller == fraction else (small, large)
    missing = np.setdiff1d(y, y[training])
    if len(missing):
        raise ValueError(
            f"early_stopping left no spectra of {classes[missing].tolist()} to train on: "
            "they are in few groups. Fit without early_stopping, or with another random_state."
        )
    return training, validation
