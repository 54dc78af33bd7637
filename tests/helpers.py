"""Spectra, models and comparisons that several test files use."""

import hashlib
import pkgutil
from importlib import import_module

import numpy as np
import torch

import sklearn_spectral

# Parameters of a network that is small enough for a file of some kilobytes.
SMALL = {
    "max_epochs": 2,
    "random_state": 0,
    "net_params": {"module__width": 4, "module__n_blocks": 1},
}


def public_names():
    """Return pairs of a public module and a name in it, of all that the package offers."""
    found = [module.name for module in pkgutil.iter_modules(sklearn_spectral.__path__)]
    modules = [f"sklearn_spectral.{name}" for name in found if not name.startswith("_")]
    modules = [sklearn_spectral, *map(import_module, modules)]
    return [(module, name) for module in modules for name in module.__all__]


def blends(n_points=24, n_outputs=1):
    """Return spectra and amounts without random numbers, which NumPy may change one day."""
    t = np.arange(30.0)
    amounts = 1 + np.sin(np.outer(t, [1.0, 2.3]))  # (30, 2)
    x = np.linspace(-3, 3, n_points)
    pure = np.exp(-((x - np.array([[-1.0], [1.5]])) ** 2))
    X = amounts @ pure + 0.02 * np.cos(np.outer(7 * t, np.arange(n_points) + 1.0))
    return X, amounts[:, 0] if n_outputs == 1 else amounts


def two_kinds():
    X, amounts = blends()
    return X, np.where(amounts > 1, "oil", "fat")


def signed(data):
    return data[:-32] + hashlib.sha256(data[:-32]).digest()


def assert_same(loaded, model, X):
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.predict(X).dtype == model.predict(X).dtype
    ours, theirs = loaded.explain(X, target="all"), model.explain(X, target="all")
    for name in ("maps", "outputs", "base_values", "x_axis"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.targets.tolist() == theirs.targets.tolist()
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.get_params() == model.get_params()


def randomise(module, seed=0):
    """Give the weights that start at zero other values, so that nothing is trivially zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return module
