"""Checkpoints: a file from which a fit that was cut short goes on to the same end."""

import copy
import os

import joblib
import numpy as np

from ._files import from_bytes, net_state, read, to_bytes, write
from ._training import learning_rates, restore, state_of
from ._version import __version__

# Parameters that change nothing in a fit but where and how it is done.
WITHOUT_EFFECT = {"checkpoint", "device", "verbose"}


class Checkpoint:
    """Where one fit keeps what it takes to go on.

    The file is that of ``save``, with one attribute more. What comes before training is computed
    again, from the same seed.

    Parameters
    ----------
    estimator : estimator
        With the path in its parameter `checkpoint`.
    X, y, sample_weight, groups : ndarray
        What it is fitted on; a file of other data, parameters or versions is an error.
    nets : list of skorch nets
        What it goes on from (`warm_start`).

    Attributes
    ----------
    seed : int
        For a fit without `random_state`.
    progress : dict or None
        What `train` saved, where there is a file.
    """

    def __init__(self, estimator, X, y, sample_weight, groups, nets):
        self._estimator = estimator
        self._path = estimator.checkpoint
        params = estimator.get_params(deep=False).items()
        # joblib tells arrays of other strides, and strings of other objects, from each other.
        self._fingerprint = joblib.hash(
            (
                *(type(estimator).__name__, __version__),
                {name: value for name, value in params if name not in WITHOUT_EFFECT},
                *(np.ascontiguousarray(X), y.tolist(), sample_weight, groups),
                [net_state(net) for net in nets],
            )
        )
        self.seed, self.progress = int(np.random.RandomState().randint(2**31 - 1)), None
        if os.path.exists(self._path):
            saved = from_bytes(type(estimator), read(self._path), self._path)
            kept = getattr(saved, "_checkpoint", {})
            if kept.get("fingerprint") != self._fingerprint:
                raise ValueError(
                    f"checkpoint={str(self._path)!r} is a file of another fit: of other spectra, "
                    "references, weights, groups or parameters, or by another version. Delete it, "
                    "or name another file; fits that go on at once, or one after the other as in "
                    "a search, cannot share one."
                )
            self.seed, self.progress, self._net = kept["seed"], kept["progress"], saved.nets_[0]

    def resume(self, net):
        """Put a net into the state of the file."""
        weights, optimizer, shuffling, *_ = state_of(self._net)
        net.history_ = copy.copy(self._net.history_)
        state = weights, optimizer, shuffling, learning_rates(net), len(net.history)
        restore(net, state)

    def save(self, progress):
        """Write the estimator as it is, and how far its training is."""
        model = copy.copy(self._estimator)
        model.random_state = None  # a generator is in the fingerprint, as it was
        model._checkpoint = {
            "fingerprint": self._fingerprint,
            "seed": self.seed,
            "progress": progress,
        }
        write(self._path, to_bytes(model))

    def remove(self):
        """Remove the file of a fit that is done."""
        if os.path.exists(self._path):
            os.unlink(self._path)
