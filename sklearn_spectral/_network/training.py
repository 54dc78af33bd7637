"""Training of one skorch net, in whole epochs, from where it is."""

import math
import signal
import threading
from contextlib import contextmanager
from operator import length_hint

from skorch.callbacks import Callback, EarlyStopping
from skorch.helper import predefined_split

from .._work import progress
from .net import all_finite, learning_rates, n_batches, restore, set_learning_rates, state_of

# The one-cycle rate: where it begins, of its highest value, where it ends, of its first one, and
# the share of the steps for which it rises.
FIRST_RATE, LAST_RATE, RISE = 1 / 25, 1e-4, 0.3
# Steps until Adam's estimates can be trusted, two of its memories: 2 / (1 - 0.999). Before that
# it moves all weights alike, which ruins a calibration in one step.
WARM_UP = 2000
# A model that knows no more than the mean has a loss of about one. Training that is so many times
# as far off does not come back, though its loss may be finite.
RUNAWAY = 100.0
# Shares of lr that are tried in turn where training diverges. If lr is more than 100 times too
# large, it is an error.
RESCUES = (1.0, 0.1, 0.01)


# Passes over the spectra by default. More change nothing measurable, since the network begins at
# a calibration; beyond this many spectra, the steps grow with the root of their number.
N_EPOCHS, ENOUGH_FOR_ALL = 10, 500


def n_epochs(max_epochs, n_spectra):
    """Return `max_epochs`, or for "auto" how many passes over so many spectra to make."""
    if max_epochs != "auto":
        return int(max_epochs)
    return max(1, round(N_EPOCHS * min(1.0, math.sqrt(ENOUGH_FOR_ALL / n_spectra))))


class LearningRate(Callback):
    """Set the learning rate of every step, and put it back after the last.

    Unlike skorch's scheduler it needs no state: the rate follows from the step alone.
    """

    def __init__(self, rate, scale, max_epochs, first_step):
        self.rate = rate  # maps a step, and how many there are, to a share of the learning rate
        self.scale = scale
        self.max_epochs = max_epochs
        self.first_step = first_step

    def on_train_begin(self, net, **kwargs):
        self.lrs_ = learning_rates(net)
        self.step_ = self.first_step

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        # An iterator of others may make other batches, or not know how many.
        batches = net.get_iterator(dataset_train, training=True)
        default = n_batches(len(dataset_train), net.batch_size)
        self.n_steps_ = self.max_epochs * length_hint(batches, default)
        if self.n_steps_ == 0:
            raise ValueError(
                f"iterator_train of net_params makes no batch of {len(dataset_train)} spectra. "
                f"Lower batch_size (it is {net.batch_size}), or do not use drop_last."
            )

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            share = self.scale * self.rate(self.step_, self.n_steps_)
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


class _Diverged(Exception):
    """Training has diverged; the message says when."""


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


@contextmanager
def _recorded_interrupts(interrupts):
    """Record presses of Ctrl-C in a list.

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


def train(
    net, training, validation=None, *, max_epochs, patience=None, schedule="one-cycle", verbose=0
):
    """Train an initialized net in place, from where it is.

    Where training diverges, it is done again with smaller learning rates (`RESCUES`).

    Parameters
    ----------
    net : skorch net from `make_net`
    training, validation : skorch datasets from `as_dataset`
        With `validation`, training stops when its loss has not fallen for `patience` epochs, and
        the best weights are kept.
    max_epochs : int
        0 leaves the net as it is.
    patience : int or None
    schedule : {"one-cycle", "warm-up", "constant"}
        Of the learning rate: `one_cycle_rate`, `warm_up_rate`, or ``lr`` at every step.
    verbose : int
        1 draws a progress bar.

    Returns
    -------
    messages : list of str
        Warnings for the user: a smaller learning rate was needed, or Ctrl-C stopped
        training; the net is then that of the whole epochs before.

    Raises
    ------
    ValueError
        Training diverges at every learning rate of `RESCUES`; the net is as it was.
    """
    if max_epochs == 0:
        return []
    before = state_of(net)
    failures: list[str] = []
    interrupts: list[int] = []
    kept_split = net.train_split
    if validation is not None:
        net.set_params(train_split=predefined_split(validation))
    try:
        for share in RESCUES:
            callbacks = [
                _WholeEpochs(interrupts, before[-1]),
                _learning_rate(net, schedule, share, max_epochs),
            ]
            if validation is not None:
                callbacks.append(EarlyStopping(patience=patience, load_best=True, sink=_silent))
            try:
                with _recorded_interrupts(interrupts):
                    _run(net, training, max_epochs, callbacks, verbose)
                break
            except _Diverged as failure:
                failures.append(f"{failure} with lr={share * net.lr:g}")
                restore(net, before)
    finally:
        net.set_params(train_split=kept_split)
    if len(failures) == len(RESCUES):
        raise ValueError(
            f"Training diverged {', '.join(failures)}. Lower lr further, and look for outliers in "
            "X, y and sample_weight."
        )
    messages = []
    if failures:
        messages.append(
            f"Training diverged {', '.join(failures)}; with lr={share * net.lr:g} it did not. Set "
            "lr to this value or less, and look for outliers in X, y and sample_weight."
        )
    if interrupts:
        messages.append(
            f"Training was interrupted after {len(net.history) - before[-1]} of {max_epochs} "
            "epochs. The model is that after these epochs."
        )
    return messages


def _learning_rate(net, schedule, share, max_epochs):
    """Return the callback that sets the rate of every step, `share` of that of the schedule."""
    # The warm-up is over the life of a network. An epoch that a callback cut short has no count.
    epochs = net.history if schedule == "warm-up" else []
    first_step = sum(epoch.get("train_batch_count", 0) for epoch in epochs)
    return LearningRate(SCHEDULES[schedule], share, max_epochs, first_step)


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
