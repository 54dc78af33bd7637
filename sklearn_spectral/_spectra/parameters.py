"""Checks of the parameters of the estimators."""

from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral, Real

import numpy as np

from .._lazy import torch
from .checks import check_number


def _is_bool(value):
    return isinstance(value, (bool, np.bool_))


def _is_list(value):
    # A generator would be empty at the second fit.
    return value is None or isinstance(value, Iterable) and not isinstance(value, (str, Iterator))


def _is_device(value):
    try:
        return value == "auto" or bool(torch.device(value))
    except (RuntimeError, TypeError):
        return False


def _is_epochs(value):
    if isinstance(value, str):
        return value == "auto"
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 0


# Words, what must hold, and whether it is a whole number.
NUMBERS = {
    "lr": ("a positive number", lambda value: value > 0, False),
    "batch_size": ("a positive integer", lambda value: value > 0, True),
    "validation_fraction": (
        "a number between 0 and 1, both excluded",
        lambda value: 0 < value < 1,
        False,
    ),
    "n_iter_no_change": ("a positive integer", lambda value: value > 0, True),
}
OTHERS = {
    "max_epochs": ("an integer, 0 or more, or 'auto'", _is_epochs),
    "early_stopping": ("True or False", _is_bool),
    "shortcut": ("True or False", _is_bool),
    "warm_start": ("True or False", _is_bool),
    "callbacks": ("a list of callbacks or None", _is_list),
    "net_params": ("a dict or None", lambda value: value is None or isinstance(value, Mapping)),
    "verbose": ("0, 1 or 2", lambda value: isinstance(value, Real)),
    "device": ("a device of PyTorch such as 'cpu', or 'auto'", _is_device),
}
# Parameters of skorch that are set by a parameter of the estimator with another name.
SET_BY = {
    "optimizer__lr": "lr",
    "iterator_train__batch_size": "batch_size",
    "iterator_train__random_state": "random_state",
    "module__shortcut": "shortcut",
    "module__seed": "random_state",
}
FROM_DATA = "module", "module__n_points", "module__n_outputs", "module__n_views"
CLASSES = "optimizer", "criterion", "iterator_train", "iterator_valid", "dataset"
# Classes of torch that cannot train the network, with the reason.
UNFIT = {
    "SparseAdam": "takes sparse gradients only, and those of the network are dense",
    "Muon": "takes matrices only, and most weights of the network are none",
    "NLLLoss": "takes logarithms of probabilities, and the network makes logits",
}


def check_parameters(estimator):
    """Raise where a parameter of an estimator is not what `fit` expects."""
    for name, (expected, holds, whole) in NUMBERS.items():
        check_number(name, getattr(estimator, name), expected, holds, whole=whole)
    for name, (expected, holds) in OTHERS.items():
        value = getattr(estimator, name)
        if not holds(value):
            raise ValueError(f"{name}={value!r}; expected {expected}.")
    _check_net_params(estimator)


def _check_net_params(estimator):
    """Raise if skorch would not receive an entry of `net_params`, or could not train with it."""
    for name, value in (estimator.net_params or {}).items():
        kind, own = getattr(value, "__name__", type(value).__name__), SET_BY.get(name, name)
        if own != "callbacks" and own in estimator.get_params(deep=False):
            problem = f"is set by the estimator. Set the parameter {own} of the estimator instead"
        elif name in FROM_DATA:
            problem = "follows from X and y. Leave it out; set module__width or module__n_blocks"
        elif name == "train_split" and value is not None and estimator.early_stopping:
            problem = "and early_stopping both set spectra aside. Leave one of them out"
        elif name in CLASSES and not callable(value):
            problem = f"is {value!r:.80}; expected a class, as torch.optim.SGD is for optimizer"
        elif name in CLASSES and kind in UNFIT:
            problem = f"is {kind}, which {UNFIT[kind]}. Use another one"
        else:
            continue
        raise ValueError(f"net_params[{name!r}] {problem}.")
