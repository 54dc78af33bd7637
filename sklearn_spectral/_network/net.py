"""One skorch net: made, saved and restored."""

import copy
from functools import partial
from inspect import signature

import numpy as np
import torch
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EpochScoring, LRScheduler

from .._pickles import part_of_models
from .._work import warnings_lock
from .resnet1d import ResNet1D

NETWORK = ResNet1D  # what every net is made around
WEIGHT_DECAY = 0.01


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


class _SampleWeights(NeuralNet):
    """A net that weighs the loss of each spectrum by ``X["sample_weight"]``."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X, training)
        weight = X["sample_weight"].to(loss.device)
        if loss.shape[:1] == weight.shape:  # (B,) or (B, n_outputs)
            loss = loss if loss.ndim == 1 else loss.flatten(1).mean(dim=1)
            return (loss * weight).mean()
        if loss.numel() == 1 and torch.allclose(weight, torch.ones_like(weight)):
            return loss.sum()
        raise ValueError(
            f"The criterion of net_params returned a loss of shape {tuple(loss.shape)} for "
            f"{len(weight)} spectra; expected one loss per spectrum, which sample_weight and "
            "class_weight can multiply. Return such losses (criterion__reduction='none' for the "
            "criteria of torch), or return one number and do not pass weights."
        )


@part_of_models
class _Accuracy(EpochScoring):
    """skorch's score of a classifier, by scikit-learn and its checks."""

    def _scoring(self, net, X_test, y_test):
        with warnings_lock:
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


# skorch net and criterion, by whether it classifies.
LEARNERS = {
    True: (WeightedClassifier, torch.nn.CrossEntropyLoss),
    False: (WeightedRegressor, torch.nn.MSELoss),
}


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
    shuffling = getattr(net, "iterator_train__random_state", None)  # others' iterators have none
    copied = copy.deepcopy((net.module_.state_dict(), optimizer, shuffling))
    return *copied, net.lr, learning_rates(net), len(net.history)


def restore(net, state):
    """Put a net back into an earlier `state_of` it."""
    # The optimizer takes the tensors it is given as its own.
    weights, optimizer, shuffling, net.lr, lrs, n_epochs = copy.deepcopy(state)
    net.module_.load_state_dict(weights)
    groups = net.optimizer_.state_dict()["param_groups"]
    net.optimizer_.load_state_dict({"state": optimizer, "param_groups": groups})
    set_learning_rates(net, lrs)
    net.iterator_train__random_state = shuffling
    del net.history[n_epochs:]


def all_finite(net):
    """Return whether no weight is NaN or infinite."""
    return all(torch.isfinite(parameter).all() for parameter in net.module_.parameters())


def resolve_device(device):
    """Return what `device` means here: "auto" is a GPU where there is one, else the CPU."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def accepts(component, name):
    """Return whether a class or function takes an argument, also through its **kwargs to a base."""
    if isinstance(component, partial):  # whose own arguments are the caller's choice
        return name not in component.keywords and accepts(component.func, name)
    classes = component.__mro__ if isinstance(component, type) else ()
    for each in [vars(c)["__init__"] for c in classes if "__init__" in vars(c)] or [component]:
        parameters = signature(each).parameters
        if name in parameters:
            return True
        if all(parameter.kind != parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return False


def make_net(params, module_params, random_state, *, classifies):
    """Make and initialize a skorch net around one `NETWORK`.

    Parameters
    ----------
    params : dict
        Those of the estimator. Its `net_params` go to skorch last, so that everything that skorch
        offers can be set. Defaults are passed only to components that accept them.
    module_params : dict
        Of the `NETWORK`.
    random_state : RandomState
        Shuffles the batches.
    classifies : bool

    Returns
    -------
    net : skorch net
    """
    net_class, criterion = LEARNERS[classifies]
    # Callbacks and others keep state: the caller's own stay as they are.
    callbacks, own = copy.deepcopy((list(params["callbacks"] or []), params["net_params"] or {}))
    params = {
        "optimizer": torch.optim.AdamW,
        "criterion": criterion,
        "iterator_train": ShuffledBatches,
        "iterator_valid": ShuffledBatches,
        **changing_params(params),
        "device": resolve_device(params["device"]),
        "train_split": None,
        **{f"module__{name}": value for name, value in module_params.items()},
        **own,
        "callbacks": [*callbacks, *(own.get("callbacks") or [])],
    }
    defaults = {
        "optimizer__weight_decay": WEIGHT_DECAY,
        "criterion__reduction": "none",
        "iterator_train__random_state": random_state,
    }
    for name, value in defaults.items():
        component, _, argument = name.partition("__")
        if accepts(params[component], argument):
            params.setdefault(name, value)
    if "optimizer__weight_decay" in params:
        # Biases are offsets: weight decay must not pull them to zero.
        params.setdefault("optimizer__param_groups", [("*bias", {"weight_decay": 0.0})])
    net = net_class(NETWORK, **params).initialize()
    if any(isinstance(callback, LRScheduler) for _, callback in net.callbacks_):
        raise ValueError(
            "callbacks contains an LRScheduler, but fit (one cycle up to lr) and partial_fit "
            "(warm-up) set the learning rate of every step. Leave it out, and set lr instead."
        )
    return net


def changing_params(params):
    """Return the parameters of a net that may change between one training and the next."""
    return {
        "lr": params["lr"],
        "batch_size": int(params["batch_size"]),  # torch takes no NumPy integers
        # From 2 on, skorch prints its table of the epochs; for 1 this package draws a bar.
        "verbose": max(0, int(params["verbose"]) - 1),
    }


def change_params(net, params):
    """Give a net the parameters of the estimator that have changed since its last training."""
    # Rates that net_params gave to groups of weights stay the same shares of lr.
    shares = [lr / net.lr for lr in learning_rates(net)]
    net.set_params(**changing_params(params))
    set_learning_rates(net, [share * net.lr for share in shares])


def as_dataset(net, scaled, y, sample_weight):
    """Return scaled views, outputs and weights as a dataset of skorch."""
    views = torch.from_numpy(np.ascontiguousarray(scaled, dtype=np.float32))
    weight = torch.from_numpy(np.asarray(sample_weight, dtype=np.float32))
    return net.get_dataset({"x": views, "sample_weight": weight}, torch.from_numpy(y))
