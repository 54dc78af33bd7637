"""One skorch net: made, put away and put back."""

import copy

import numpy as np
import torch
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EpochScoring
from skorch.dataset import Dataset

from .._pickles import part_of_models
from .._work import checking
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


def all_finite(net):
    """Return whether no weight is NaN or infinite."""
    return all(torch.isfinite(parameter).all() for parameter in net.module_.parameters())


def resolve_device(device):
    """Return what `device` means here: "auto" is a GPU where there is one, else the CPU."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def make_net(params, module_params, random_state, *, classifies):
    """Make and initialize a skorch net around one `NETWORK`.

    Parameters
    ----------
    params : dict
        Those of the estimator. Its `net_params` go to skorch last, so that everything that skorch
        offers stays in reach.
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
        **changing_params(params),
        "device": resolve_device(params["device"]),
        # Callbacks keep state: the caller's own stay as they are.
        "callbacks": copy.deepcopy(params["callbacks"]),
        "train_split": None,
        **(params["net_params"] or {}),
    }
    module_params = {f"module__{name}": value for name, value in module_params.items()}
    return net_class(NETWORK, **module_params, **params).initialize()


def changing_params(params):
    """Return the parameters of a net that may change between one training and the next."""
    return {
        "lr": params["lr"],
        "batch_size": int(params["batch_size"]),  # torch takes no NumPy integers
        # From 2 on skorch prints its table of the epochs; below it there is a bar of ours.
        "verbose": max(0, int(params["verbose"]) - 1),
    }


def as_dataset(scaled, y, sample_weight):
    """Return scaled views, outputs and weights as a dataset of skorch."""
    views = torch.from_numpy(np.ascontiguousarray(scaled, dtype=np.float32))
    weight = torch.from_numpy(np.asarray(sample_weight, dtype=np.float32))
    return Dataset({"x": views, "sample_weight": weight}, torch.from_numpy(y))
