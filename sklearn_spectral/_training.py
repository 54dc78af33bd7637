"""Everything that knows skorch: how one network is made and trained."""

import copy

import numpy as np
import torch
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch.optim.lr_scheduler import OneCycleLR

from ._progress import progress
from ._resnet1d import ResNet1D

WEIGHT_DECAY = 0.01


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


class WeightedClassifier(_SampleWeights, NeuralNetClassifier):
    """skorch's classifier with sample weights."""


class WeightedRegressor(_SampleWeights, NeuralNetRegressor):
    """skorch's regressor with sample weights."""


class OneCycle(Callback):
    """Let the learning rate rise to its value and fall to nothing (arXiv:1708.07120), once a run.

    Unlike skorch's scheduler it starts anew whenever training goes on, and leaves the optimizer's
    learning rates as they were.
    """

    def __init__(self, n_steps):
        self.n_steps = n_steps

    def on_train_begin(self, net, **kwargs):
        self.lrs_ = [group["lr"] for group in net.optimizer_.param_groups]
        self.schedule_ = OneCycleLR(
            net.optimizer_, max_lr=self.lrs_, total_steps=self.n_steps, cycle_momentum=False
        )
        self.steps_left_ = self.n_steps - 1  # the schedule takes its first step when it is made

    def on_batch_end(self, net, training=False, **kwargs):
        if training and self.steps_left_:
            self.schedule_.step()
            self.steps_left_ -= 1

    def on_train_end(self, net, **kwargs):
        for group, lr in zip(net.optimizer_.param_groups, self.lrs_, strict=True):
            group["lr"] = lr


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


def train(net, training, validation=None, *, max_epochs, patience=None, one_cycle=True, verbose=0):
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
    one_cycle : bool
        Whether the learning rate follows `OneCycle` or stays at ``lr``.
    verbose : int
        1 draws a progress bar.
    """
    if max_epochs == 0:
        return net
    callbacks = {}
    dataset = _as_dataset(*training)
    steps = int(max_epochs) * n_batches(len(dataset), net.batch_size)
    if one_cycle and steps > 1:  # the first step of a cycle is too small to be the only one
        callbacks["one_cycle"] = OneCycle(steps)
    if validation is not None:
        callbacks["early_stopping"] = EarlyStopping(patience=patience, load_best=True, sink=_silent)
    bar = progress(None, "training", total=int(max_epochs), verbose=verbose == 1)
    if verbose == 1:
        callbacks["epochs"] = _Epochs(bar)
    before = copy.deepcopy((net.module_.state_dict(), net.optimizer_.state_dict()))
    own = [(name, callback.initialize()) for name, callback in callbacks.items()]
    kept, kept_split = net.callbacks_, net.train_split
    net.callbacks_ = [*kept, *own]
    if validation is not None:
        net.set_params(train_split=predefined_split(_as_dataset(*validation)))
    try:
        with bar:
            net.partial_fit(dataset, epochs=int(max_epochs))
    finally:
        net.callbacks_ = kept
        net.set_params(train_split=kept_split)
    if not all(torch.isfinite(parameter).all() for parameter in net.module_.parameters()):
        net.module_.load_state_dict(before[0])
        net.optimizer_.load_state_dict(before[1])
        raise ValueError(
            f"Training diverged: after {len(net.history)} epochs weights are NaN or infinite. "
            f"Lower lr (it is {net.lr:g}), and look for outliers in X and sample_weight."
        )
    return net


def _silent(*_):
    """Take what skorch would print."""
