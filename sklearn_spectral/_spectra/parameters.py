"""Parameters of the estimators: what is expected of each."""

from collections.abc import Iterable, Iterator, Mapping
from numbers import Real

import numpy as np
import torch

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


# Words, what must hold, and whether it is a whole number.
NUMBERS = {
    "max_epochs": ("an integer, 0 or more", lambda value: value >= 0, True),
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
    "early_stopping": ("True or False", _is_bool),
    "shortcut": ("True or False", _is_bool),
    "warm_start": ("True or False", _is_bool),
    "callbacks": ("a list of callbacks or None", _is_list),
    "net_params": ("a dict or None", lambda value: value is None or isinstance(value, Mapping)),
    "verbose": ("0, 1 or 2", lambda value: isinstance(value, Real)),
    "device": ("a device of PyTorch such as 'cpu', or 'auto'", _is_device),
}


def check_parameters(estimator):
    """Raise where a parameter of an estimator is not what `fit` expects."""
    for name, (expected, holds, whole) in NUMBERS.items():
        check_number(name, getattr(estimator, name), expected, holds, whole=whole)
    for name, (expected, holds) in OTHERS.items():
        value = getattr(estimator, name)
        if not holds(value):
            raise ValueError(f"{name}={value!r}; expected {expected}.")
