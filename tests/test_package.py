"""The public surface."""

import io
import pickle

import joblib
import pytest
import skops.io
from sklearn.pipeline import make_pipeline

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


@pytest.mark.parametrize(
    "dump",
    [
        lambda model: pickle.dumps(model),
        lambda model: _to_stream(joblib.dump, model),
        lambda model: skops.io.dumps(model),
    ],
    ids=["pickle", "joblib", "skops"],
)
def test_files_name_no_private_place(kinds, dump):
    # Such files outlive every move of a class from one private file to another.
    X, y = kinds
    model = make_pipeline(
        preprocessing.CosmicRayRemover(),
        sklearn_spectral.ResNet1DClassifier(max_epochs=1, random_state=0),
    ).fit(X, y)
    content = dump(model)
    assert b"sklearn_spectral" in content and b"sklearn_spectral._" not in content
    assert b"preprocessing._" not in content


def _to_stream(dump, model):
    stream = io.BytesIO()
    dump(model, stream)
    return stream.getvalue()


def test_the_package_has_no_other_names():
    with pytest.raises(AttributeError, match="has no attribute 'ResNet2D'"):
        sklearn_spectral.ResNet2D  # noqa: B018
