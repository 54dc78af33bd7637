"""Rows that are left out: groups as a whole, and classes in their shares."""

import math
import warnings

import numpy as np
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, StratifiedGroupKFold

from .._work import warnings_lock

N_FOLDS = 10
# If a group is left out, at least this share and this number of rows must remain for training.
LEAST_SHARE = 0.25
LEAST_ROWS = 10
# Groups of a class of which one may be left out.
ENOUGH_GROUPS = 6
# Number of random choices of groups for validation, and the limit of their total size.
N_CHOICES = 300
GROUPS_OF_CHOICES = 30_000
# Rows that follow each other with equal y look like replicates where there are so many runs of
# them, each of another y, no longer than this on average and with at least this share of all rows,
# and where so often two rows of one run are nearer to each other than two between which y changes.
LEAST_RUNS = 10
MAX_REPLICATES = 10
SHARE_IN_RUNS = 0.5
NEARER = 0.8


def undominated_groups(data):
    """Return whole numbers from 0 on for the rows of a training set, the same for one group.

    A group without which too little would be left to train on is divided into its rows.
    """
    return _with_divided(data.row_groups, in_dominating_group(data))


def divided_in_rare_classes(groups, labels):
    """Return the groups, those of classes that have few of them divided into their rows.

    A group that is left out takes a large part of such a class away, and calibrations that are
    chosen without it are more cautious than those of all groups ought to be.
    """
    counts = np.array(
        [len(np.unique(groups[labels == label])) for label in range(labels.max() + 1)]
    )
    return _with_divided(groups, np.isin(groups, groups[(counts < ENOUGH_GROUPS)[labels]]))


def _with_divided(groups, rows):
    """Return whole numbers from 0 on for groups, each of some `rows` a group of its own."""
    groups = groups.copy()
    groups[rows] = groups.max() + 1 + np.arange(rows.sum())
    return np.unique(groups, return_inverse=True)[1]


def warnings_of_groups(data):
    """Return the warning for the user if one of the groups has to be divided."""
    alone = in_dominating_group(data)
    if alone.all() or not alone.any():
        return []
    return [
        UserWarning(
            "One of the groups contains so many spectra that too few are left to train on "
            "without it. Therefore the spectra of this group were left out one by one to "
            "compute the start of the network, which may predict new groups worse than "
            "expected. Add spectra of other groups."
        )
    ]


def warnings_of_replicates(data):
    """Return the warning for the user if there seem to be replicates without groups.

    Equal labels of classes are no evidence, and the spectra alone none either: replicates may
    differ by more than samples do. Where spectra drift, rows are near to each other whatever y is.
    """
    if data.groups is not None or data.y.ndim == 1:
        return []
    same = (data.y[1:] == data.y[:-1]).all(axis=1)
    ends = np.append(np.flatnonzero(~same), len(same))
    starts = np.append(0, ends[:-1] + 1)
    starts, ends = starts[starts < ends], ends[starts < ends]
    n_rows = int(np.sum(ends - starts + 1))
    n_runs = len(np.unique(data.y[starts], axis=0))
    enough = n_runs >= LEAST_RUNS and n_rows >= SHARE_IN_RUNS * len(data)
    if not enough or n_rows > MAX_REPLICATES * len(starts):
        return []
    view = data.views[:, int(data.views[:, 1].any())]  # a derivative, if there are points enough
    distances = np.linalg.norm(np.diff(view, axis=0), axis=1)
    nearer = np.searchsorted(np.sort(distances[same]), distances[~same]) / same.sum()
    if nearer.mean() < NEARER:
        return []
    runs = ", ".join(f"{start}-{end}" for start, end in zip(starts[:3], ends[:3], strict=True))
    return [
        UserWarning(
            f"Rows {runs}, ... ({n_rows} of {len(data)} spectra with a weight) look like "
            "replicates: their y is equal, and they are more similar to each other than to the "
            "next rows. If folds divide replicates, errors are underestimated, also by fit when it "
            "computes the start of the network. Pass the sample of every spectrum as groups to fit "
            "(resnet1dregressor__groups= for a pipeline) and to cross-validation. If there are no "
            "replicates, pass groups=range(len(X))."
        )
    ]


def in_dominating_group(data):
    """Return which rows are of a group without which too few rows are left to train on."""
    if data.groups is None:
        return np.zeros(len(data), dtype=bool)
    sizes = np.bincount(data.groups)
    enough = max(LEAST_SHARE * len(data), min(LEAST_ROWS, len(data) / 2))
    return (sizes.max() > len(data) - enough) & (data.groups == sizes.argmax())


def folds_of(groups, labels, random_state):
    """Return rows to train on and rows to leave out, dealt at random, groups kept together.

    Where there are labels, every fold gets its share of each: a class that a fold leaves out as a
    whole would be unknown to its calibrations.
    """
    n_folds = min(N_FOLDS, groups.max() + 1)
    if n_folds < 2:
        return []
    if labels is None or np.bincount(labels).max() < n_folds:  # too few to share out
        shuffled = random_state.permutation(groups.max() + 1)[groups]
        with warnings_lock:
            return list(GroupKFold(n_folds).split(shuffled, groups=shuffled))
    folds = stratified_folds(labels, groups, n_folds, random_state)
    return [(train, test) for train, test in folds if len(test)]


def stratified_folds(labels, groups, n_folds, random_state):
    """Deal groups to folds so that each has its share of every class: (train, test) rows.

    scikit-learn warns of classes that are rarer than the folds are many. To silence it changes
    settings of the whole process, which is done for one thread at a time.
    """
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
    with warnings_lock, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        return list(splitter.split(labels, labels, groups))


def sample_rows(groups, n_wanted, random_state):
    """Return about `n_wanted` rows, or all: those of some of the groups."""
    n_groups = groups.max() + 1
    wanted = math.ceil(n_groups * n_wanted / len(groups))
    # More than one fold holds: something is left to train on.
    n_kept = max(wanted, math.ceil(n_groups / N_FOLDS) + 1)
    rows = np.flatnonzero((random_state.permutation(n_groups) < n_kept)[groups])
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
        Share of the spectra for validation; groups are not divided.
    random_state : RandomState
    classes : ndarray of shape (n_classes,) or None
        Labels; each then has its share in both parts.
    """
    n_groups = len(np.unique(data.row_groups))
    if n_groups < 2:
        raise ValueError(
            "early_stopping sets groups aside for validation, but groups holds one group "
            "only. Fit without early_stopping or without groups."
        )
    if classes is not None:
        _check_groups_of_classes(data, classes)
    # Groups of unlike size are chosen for how many spectra they hold.
    if data.groups is not None and np.ptp(np.bincount(data.groups)[np.unique(data.groups)]):
        training, validation = _groups_near(data, fraction, random_state, classes)
    elif classes is not None:
        training, validation = _shares_of_classes(data, n_groups, fraction, random_state)
    else:
        training, validation = _share(data, n_groups, fraction, random_state)
    if classes is not None:
        missing = np.setdiff1d(data.y, data.y[training])
        if len(missing):
            raise ValueError(
                f"early_stopping left no spectra of {classes[missing].tolist()} to train on, "
                "because they are in few groups. Fit without early_stopping, or with "
                "another random_state."
            )
    return training, validation


def _groups_near(data, fraction, random_state, classes):
    """Divide groups of any size at random, so that validation holds nearly its share of rows.

    Of some random choices the one is taken whose share, and that of each class, is the nearest.
    """
    groups = np.unique(data.groups, return_inverse=True)[1]
    labels = np.zeros(len(data), dtype=int) if classes is None else data.y
    counts = np.zeros((groups.max() + 1, labels.max() + 1))
    np.add.at(counts, (groups, labels), 1)
    counts = np.column_stack([counts.sum(axis=1), counts[:, counts.any(axis=0)]])
    wanted = fraction * len(data)
    best = np.inf
    for _ in range(max(10, min(N_CHOICES, GROUPS_OF_CHOICES // len(counts)))):
        order = random_state.permutation(len(counts))
        aside = counts[order[:-1]].cumsum(axis=0)  # at least one group is left to train on
        n_aside = np.abs(aside[:, 0] - wanted).argmin()
        shares = aside[n_aside] / counts.sum(axis=0)
        without = np.sum(shares == 0) + np.sum(shares == 1)
        distance = without + np.abs(shares - fraction).max()
        if distance < best:
            best, chosen = distance, order[: n_aside + 1]
    validation = np.isin(groups, chosen)
    return np.flatnonzero(~validation), np.flatnonzero(validation)


def _share(data, n_groups, fraction, random_state):
    splitter = GroupShuffleSplit(1, test_size=fraction, random_state=random_state)
    try:
        with warnings_lock:
            return next(splitter.split(data.spectra, data.y, data.row_groups))
    except ValueError as error:
        raise ValueError(
            f"early_stopping cannot divide {n_groups} spectra (or groups) with "
            f"validation_fraction={fraction:g}, because one part would be empty. Choose a value "
            "closer to 0.5, or fit without early_stopping."
        ) from error


def _check_groups_of_classes(data, classes):
    rare = [
        label
        for index, label in enumerate(classes.tolist())
        if len(np.unique(data.row_groups[data.y == index])) < 2
    ]
    if rare:
        raise ValueError(
            f"early_stopping sets spectra of every class aside, but {rare} have only one sample "
            "(or one group). Fit without early_stopping, or add samples."
        )


def _shares_of_classes(data, n_groups, fraction, random_state):
    # Folds of the smaller part, which is the one to train on where that is wanted.
    smaller = min(fraction, 1 - fraction)
    n_splits = min(max(2, round(1 / smaller)), np.bincount(data.y).max(), n_groups)
    large, small = stratified_folds(data.y, data.row_groups, n_splits, random_state)[0]
    return (large, small) if smaller == fraction else (small, large)
