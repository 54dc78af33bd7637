"""The public surface."""

import sklearn_spectral
from sklearn_spectral import preprocessing


def test_all_is_exactly_what_is_visible():
    for module in (sklearn_spectral, preprocessing):
        visible = {name for name in vars(module) if not name.startswith("_")}
        assert module.__all__ == sorted(module.__all__)
        assert visible - {"preprocessing"} == set(module.__all__)


def test_everything_public_is_documented():
    for name in sklearn_spectral.__all__:
        thing = getattr(sklearn_spectral, name)
        assert thing.__doc__ and ">>>" in thing.__doc__, f"{name} has no example"
