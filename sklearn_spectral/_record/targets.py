"""Choice of the outputs that an explanation is of."""

import numbers

import numpy as np

from .._spectra.checks import naming_argument


class TargetChoice:
    """The columns of the outputs that a user's `target` means, after checks.

    Parameters
    ----------
    target : None, label, array-like of shape (n_samples,) or "all"
    labels : ndarray of shape (n_outputs,)
        The label of every output.
    n_samples : int
    highest : bool
        Whether None means the highest output of each spectrum (a classifier's prediction)
        instead of every output.

    Attributes
    ----------
    single : bool
        Whether every spectrum has one target, so that arrays have no target axis.
    """

    def __init__(self, target, labels, n_samples, *, highest):
        n_outputs = len(labels)
        with naming_argument("target", "a label, or one per spectrum"):
            one_label = np.ndim(target) == 0
        self.single = True
        self._highest = False
        if isinstance(target, str) and target == "all":
            self.single = False
            columns = np.arange(n_outputs)
        elif target is None and highest:
            self._highest = True
            columns = np.zeros(1, dtype=int)
        elif target is None:
            self.single = n_outputs == 1
            columns = np.arange(n_outputs)
        elif one_label:
            columns = np.array([_column(target, labels, by_number=not highest)])
        else:
            with naming_argument("target", "a label, or one per spectrum"):
                target = np.asarray(target, dtype=object)
            if target.shape != (n_samples,):
                raise ValueError(
                    f"target has shape {target.shape}, but X has {n_samples} spectra. Pass one "
                    "label, one per spectrum, 'all' or None."
                )
            with naming_argument("target", "a label, or one per spectrum"):
                known = {
                    label: _column(label, labels, by_number=not highest)
                    for label in dict.fromkeys(target.tolist())
                }
            columns = np.array([known[label] for label in target.tolist()], dtype=int)[:, None]
        self._columns = np.broadcast_to(
            columns, (n_samples, columns.shape[-1])
        )  # (n_samples, n_targets)

    @property
    def n_targets(self):
        """Number of targets of every spectrum."""
        return self._columns.shape[1]

    def columns(self, rows, outputs):
        """Return the columns to explain, (B, n_targets), of given rows with their outputs."""
        if self._highest:
            return outputs.argmax(axis=1)[:, None]
        return self._columns[rows]


def _column(label, labels, *, by_number):
    """Return the column of the output with this label, or, with `by_number`, of this number."""
    found = np.flatnonzero([same(known, label) for known in labels.tolist()])
    if len(found) == 0 and by_number and isinstance(label, numbers.Integral):
        found = np.flatnonzero(np.arange(len(labels)) == label)
    if len(found) == 0:
        raise ValueError(
            f"target={label!r} is not one of the model's targets, {labels.tolist()}. Pass one of "
            "these, an array with one for each spectrum, 'all' or None."
        )
    return int(found[0])


def same(known, label):
    """Return whether two labels are equal; labels that cannot be compared (pandas.NA) are not."""
    try:
        return bool(known == label)
    except (TypeError, ValueError):
        return False
