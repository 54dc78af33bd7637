"""PyTorch and skorch, imported when they are first used: they take longer than all else together.

Files of `_network`, which define classes by them, import them as usual; `_network` is lazy itself.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING


class _Lazy(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name):
        return getattr(import_module(self.__name__), name)


if TYPE_CHECKING:
    import skorch as skorch
    import torch as torch
else:
    torch, skorch = _Lazy("torch"), _Lazy("skorch")
