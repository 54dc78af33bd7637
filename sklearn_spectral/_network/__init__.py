"""The network: made, trained, and fitted. Its files need PyTorch, and come when they are used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import fitted, module, net, resnet1d, training

__all__ = ["fitted", "module", "net", "resnet1d", "training"]


def __getattr__(name):
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
