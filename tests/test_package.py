"""The public surface."""

import pytest

import sklearn_spectral
from sklearn_spectral import datasets, metrics, preprocessing

MODULES = {"datasets", "metrics", "preprocessing"}


def test_all_is_exactly_what_is_visible():
    for module in (sklearn_spectral, preprocessing):
        visible = {name for name in vars(module) if not name.startswith("_")}
        assert module.__all__ == sorted(module.__all__)
        assert visible - MODULES == set(module.__all__)


@pytest.mark.parametrize("module", [sklearn_spectral, datasets, metrics, preprocessing])
def test_everything_public_is_documented(module):
    """What is downloaded, and what other functions return, has no example of its own."""
    for name in set(module.__all__) - {"fetch_oil_adulteration", "MaskingCurve"}:
        thing = getattr(module, name)
        assert thing.__doc__ and ">>>" in thing.__doc__, f"{name} has no example"
