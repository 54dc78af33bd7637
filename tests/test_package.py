"""The public surface."""

import pytest

import sklearn_spectral
from sklearn_spectral import datasets, hyperspectral, metrics, preprocessing

MODULES = {"datasets", "hyperspectral", "metrics", "preprocessing"}
# What is downloaded, and what functions return.
WITHOUT_EXAMPLE = {"LazyExplanation", "MaskingCurve", "fetch_oil_adulteration"}


def test_all_is_exactly_what_is_visible():
    for module in (sklearn_spectral, preprocessing):
        visible = {name for name in vars(module) if not name.startswith("_")}
        assert module.__all__ == sorted(module.__all__)
        assert visible - MODULES == set(module.__all__)


@pytest.mark.parametrize(
    "module", [sklearn_spectral, datasets, hyperspectral, metrics, preprocessing]
)
def test_everything_public_is_documented(module):
    for name in set(module.__all__) - WITHOUT_EXAMPLE:
        thing = getattr(module, name)
        assert thing.__doc__ and ">>>" in thing.__doc__, f"{name} has no example"
