"""Everything that knows skorch: how one network is made and trained."""

import copy
import math
import signal
import threading
import warnings
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback, EarlyStopping, EpochScoring
from skorch.dataset import Dataset
from skorch.helper import predefined_split

from ._pickles import part_of_models
from ._progress import progress
from ._resnet1d import ResNet1D
from ._threads import checking

WEIGHT_DECAY = 0.01
# The one-cycle rate: where it begins, of its highest value, where it ends, of its first one, and
# the share of the steps for which it rises.
FIRST_RATE, LAST_RATE, RISE = 1 / 25, 1e-4, 0.3
# Steps until Adam's estimates can be trusted, two of its memories: 2 / (1 - 0.999). Before that
# it moves all weights alike, which ruins a calibration in one step.
WARM_UP = 2000
# A model that knows no more than the mean has a loss of about one. Training that is so many times
# as far off does not come back, though its loss may be finite.
RUNAWAY = 100.0
# Shares of lr that are tried in turn where training diverges. More than 100 times too large, lr
# is a mistake to tell about and not to mend.
RESCUES = (1.0, 0.1, 0.01)


@part_of_models
class ShuffledBatches:
    """Iterate over a skorch dataset in whole batches, reshuffled every epoch.

    PyTorch's own loader fetches row by row, which for spectra costs more than the network, and
    shuffles by the global random state. Batches differ in size by one at most: a remainder of
    one or two spectra would take a full step on hardly any evidence.
    """

    def __init__(self, dataset, batch_size, random_state=None):
        self.dataset = dataset
        self.batch_size = batch_size
        self.random_state = random_state

    def __len__(self):
        return n_batches(len(self.dataset), self.batch_size)

    def __iter__(self):
        order = np.arange(len(self.dataset))
        if self.random_state is not None:
            self.random_state.shuffle(order)
        for batch in np.array_split(order, len(self)):
            yield self.dataset[batch.tolist()]


def n_batches(n_samples, batch_size):
    """Return the number of batches an epoch takes."""
    return max(1, -(-n_samples // batch_size))


class _SampleWeights:
    """Weigh the loss of each spectrum by ``X["sample_weight"]``."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X, training)  # (B,) or (B, n_outputs)
        if loss.ndim == 2:
            loss = loss.mean(dim=1)
        return (loss * X["sample_weight"].to(loss.device)).mean()


@part_of_models
class _Accuracy(EpochScoring):
    """skorch's score of a classifier, by scikit-learn and its checks."""

    def _scoring(self, net, X_test, y_test):
        with checking:
            return super()._scoring(net, X_test, y_test)


@part_of_models
class WeightedClassifier(_SampleWeights, NeuralNetClassifier):
    """skorch's classifier with sample weights."""

    @property
    def _default_callbacks(self):
        accuracy = _Accuracy("accuracy", name="valid_acc", lower_is_better=False)
        return list((dict(super()._default_callbacks) | {"valid_acc": accuracy}).items())


@part_of_models
class WeightedRegressor(_SampleWeights, NeuralNetRegressor):
    """skorch's regressor with sample weights."""


class LearningRate(Callback):
    """Set the learning rate of every step, and put it back after the last.

    Unlike skorch's scheduler it needs no state: the rate follows from the step alone.
    """

    def __init__(self, rate, scale, first_step):
        self.rate = rate  # maps a step to a share of the learning rate
        self.scale = scale
        self.first_step = first_step

    def on_train_begin(self, net, **kwargs):
        self.lrs_ = learning_rates(net)
        self.step_ = self.first_step

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            share = self.scale * self.rate(self.step_)
            set_learning_rates(net, [share * lr for lr in self.lrs_])
            self.step_ += 1


def one_cycle_rate(step, n_steps):
    """Return the rate at a step, 0 to n_steps - 1, as a share of the highest one.

    It rises and falls to nothing (arXiv:1708.07120), once a run. A single step is taken at the
    full rate: the first of a cycle is too small to be the only one.
    """
    if n_steps == 1:
        return 1.0
    peak = RISE * n_steps - 1
    if step <= peak:
        start, end, share = FIRST_RATE, 1.0, step / peak
    else:
        start, end, share = 1.0, FIRST_RATE * LAST_RATE, (step - peak) / (n_steps - 1 - peak)
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def warm_up_rate(step, n_steps):
    """Return the rate at a step of the network's life, which rises evenly (arXiv:1910.04209)."""
    return min(1.0, (step + 1) / WARM_UP)


def full_rate(step, n_steps):
    """Return the highest rate at every step."""
    return 1.0


SCHEDULES = {"one-cycle": one_cycle_rate, "warm-up": warm_up_rate, "constant": full_rate}


def learning_rates(net):
    """Return the learning rate of each of the optimizer's groups."""
    return [group["lr"] for group in net.optimizer_.param_groups]


def set_learning_rates(net, lrs):
    """Set the learning rate of each of the optimizer's groups."""
    for group, lr in zip(net.optimizer_.param_groups, lrs, strict=True):
        group["lr"] = lr


def state_of(net):
    """Copy what training changes in a net."""
    optimizer = net.optimizer_.state_dict()["state"]
    copied = copy.deepcopy((net.module_.state_dict(), optimizer, net.iterator_train__random_state))
    return *copied, learning_rates(net), len(net.history)


def restore(net, state):
    """Put a net back into an earlier `state_of` it."""
    # The optimizer takes the tensors it is given as its own.
    weights, optimizer, shuffling, lrs, n_epochs = copy.deepcopy(state)
    net.module_.load_state_dict(weights)
    groups = net.optimizer_.state_dict()["param_groups"]
    net.optimizer_.load_state_dict({"state": optimizer, "param_groups": groups})
    set_learning_rates(net, lrs)
    net.iterator_train__random_state = shuffling
    del net.history[n_epochs:]


class _Diverged(Exception):
    """Training that cannot come to anything; holds what to say about it."""


class _WholeEpochs(Callback):
    """Stop where training diverges, and go back to the last whole epoch where it is interrupted.

    Within an epoch the weights have seen some of the spectra once more than others, and within a
    step some weights are new and others not.
    """

    def __init__(self, interrupts, first):
        self.interrupts = interrupts
        self.first = first  # epoch of this training

    def on_train_begin(self, net, **kwargs):
        self.state_ = state_of(net)

    def on_epoch_end(self, net, **kwargs):
        loss = net.history[-1, "train_loss"]
        # The loss of the first batch is that of the model before training.
        limit = RUNAWAY * max(1.0, net.history[self.first, "batches", 0, "train_loss"])
        if not loss < limit or not all_finite(net):
            epoch = len(net.history) - self.first
            raise _Diverged(f"in epoch {epoch} (training loss {loss:.3g})")
        self.state_ = state_of(net)

    def on_train_end(self, net, **kwargs):
        if self.interrupts:
            restore(net, self.state_)
        elif not all_finite(net):  # a callback of the user's stopped before we could look
            raise _Diverged(f"in epoch {len(net.history) - self.first}")


def all_finite(net):
    """Return whether no weight is NaN or infinite."""
    return all(torch.isfinite(parameter).all() for parameter in net.module_.parameters())


@contextmanager
def _noting(interrupts):
    """Take note of Ctrl-C in a list.

    skorch takes every KeyboardInterrupt for the wish of a callback to stop. Those of the keyboard
    come through the handler of the signal, in the main thread only.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return

    def note(signum, frame):
        try:
            handler(signum, frame)
        except KeyboardInterrupt:
            interrupts.append(signum)
            raise

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


class _Epochs(Callback):
    """Draw a progress bar of the epochs, with the training loss."""

    def __init__(self, bar):
        self.bar = bar

    def on_epoch_end(self, net, **kwargs):
        self.bar.set_postfix_str(f"loss {net.history[-1, 'train_loss']:.3g}", refresh=False)
        self.bar.update()


def resolve_device(device):
    """Return what `device` means here: "auto" is a GPU where there is one, else the CPU."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def make_net(
    net_class,
    criterion,
    module_params,
    *,
    lr,
    batch_size,
    device,
    callbacks,
    verbose,
    net_params,
    random_state,
):
    """Make and initialize a skorch net around one `ResNet1D`.

    `net_params` go to skorch last, so that everything it offers stays in reach.
    """
    params = {
        "optimizer": torch.optim.AdamW,
        "optimizer__weight_decay": WEIGHT_DECAY,
        # Biases are offsets: weight decay must not pull them to zero.
        "optimizer__param_groups": [("*bias", {"weight_decay": 0.0})],
        "criterion": criterion,
        "criterion__reduction": "none",
        "iterator_train": ShuffledBatches,
        "iterator_train__random_state": random_state,
        "iterator_valid": ShuffledBatches,
        "lr": lr,
        "batch_size": int(batch_size),  # torch takes no NumPy integers
        "device": resolve_device(device),
        # Callbacks keep state: the caller's own stay as they are.
        "callbacks": copy.deepcopy(callbacks),
        "train_split": None,
        "verbose": skorchs_verbose(verbose),
        **(net_params or {}),
    }
    module_params = {f"module__{name}": value for name, value in module_params.items()}
    net = net_class(ResNet1D, **module_params, **params)
    return net.initialize()


def skorchs_verbose(verbose):
    """Return what skorch is to print: from 2 on its table of the epochs, below it a bar of ours."""
    return max(0, int(verbose) - 1)


def _as_dataset(X, y, sample_weight):
    spectra = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
    weight = torch.from_numpy(np.asarray(sample_weight, dtype=np.float32))
    return Dataset({"x": spectra, "sample_weight": weight}, torch.from_numpy(y))


def train(
    net,
    training,
    validation=None,
    *,
    max_epochs,
    patience=None,
    schedule="one-cycle",
    verbose=0,
):
    """Train an initialized net in place, from where it is.

    Parameters
    ----------
    net : skorch net from `make_net`
    training, validation : tuple (X, y, sample_weight)
        Scaled spectra and outputs; with `validation`, training stops when its loss has not
        fallen for `patience` epochs and the best weights are kept.
    max_epochs : int
        0 leaves the net as it is.
    patience : int or None
    schedule : {"one-cycle", "warm-up", "constant"}
        Of the learning rate: `one_cycle_rate`, `warm_up_rate`, or ``lr`` at every step.
    verbose : int
        1 draws a progress bar.

    Raises
    ------
    ValueError
        Training diverges at every learning rate of `RESCUES`; the net is as it was.

    Warns
    -----
    ConvergenceWarning
        A smaller learning rate was needed, or Ctrl-C stopped training: the net is then that of
        the whole epochs before.
    """
    if max_epochs == 0:
        return
    dataset = _as_dataset(*training)
    before = state_of(net)
    failures, interrupts = [], []
    kept_split = net.train_split
    if validation is not None:
        net.set_params(train_split=predefined_split(_as_dataset(*validation)))
    try:
        for scale in RESCUES:
            n_steps = int(max_epochs) * n_batches(len(dataset), net.batch_size)
            rate = partial(SCHEDULES[schedule], n_steps=n_steps)
            epochs = net.history if schedule == "warm-up" else []
            # An epoch that a callback cut short has no count.
            first_step = sum(epoch.get("train_batch_count", 0) for epoch in epochs)
            callbacks = [
                _WholeEpochs(interrupts, before[-1]),
                LearningRate(rate, scale, first_step),
            ]
            if validation is not None:
                best = EarlyStopping(patience=patience, load_best=True, sink=_silent)
                callbacks.append(best)
            try:
                with _noting(interrupts):
                    _run(net, dataset, int(max_epochs), callbacks, verbose)
                break
            except _Diverged as failure:
                failures.append(f"{failure} with lr={scale * net.lr:g}")
                restore(net, before)
    finally:
        net.set_params(train_split=kept_split)
    if len(failures) == len(RESCUES):
        raise ValueError(
            f"Training diverged {', '.join(failures)}. Lower lr further, and look for outliers in "
            "X, y and sample_weight."
        )
    if failures:
        warnings.warn(
            f"Training diverged {', '.join(failures)}; with lr={scale * net.lr:g} it did not. Set "
            "lr to this or less, and look for outliers in X, y and sample_weight.",
            ConvergenceWarning,
            stacklevel=5,
        )
    if interrupts:
        warnings.warn(
            f"Training was interrupted after {len(net.history) - before[-1]} of {max_epochs} "
            "epochs. The model is that of these epochs.",
            ConvergenceWarning,
            stacklevel=5,
        )


def _run(net, dataset, max_epochs, callbacks, verbose):
    """Train for some epochs, with some callbacks more."""
    kept, lrs = net.callbacks_, learning_rates(net)
    with progress(None, "training", total=max_epochs, verbose=verbose == 1) as bar:
        if verbose == 1:
            callbacks = [*callbacks, _Epochs(bar)]
        own = [(type(callback).__name__, callback.initialize()) for callback in callbacks]
        net.callbacks_ = [*kept, *own]
        try:
            net.partial_fit(dataset, epochs=max_epochs)
        finally:
            net.callbacks_ = kept
            set_learning_rates(net, lrs)


def _silent(*_):
    """Take what skorch would print."""
