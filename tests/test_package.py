"""The public surface."""

import doctest
import inspect
import io
import pickle

import joblib
import pytest
import skops.io
from sklearn.pipeline import make_pipeline

import sklearn_spectral
from sklearn_spectral import datasets, hyperspectral, metrics, preprocessing

MODULES = {"datasets", "hyperspectral", "metrics", "preprocessing"}
PUBLIC = [
    getattr(module, name)
    for module in (sklearn_spectral, datasets, hyperspectral, metrics, preprocessing)
    for name in module.__all__
]
# pytest collects them in the files of classes, but not of those whose public place is another.
METHODS = {
    f"{kind.__qualname__}.{name}": inspect.unwrap(getattr(member, "fget", member))
    for kind in PUBLIC
    if inspect.isclass(kind)
    for name, member in vars(kind).items()
    if not name.startswith("_") and ">>>" in str(member.__doc__)
}


def test_all_is_exactly_what_is_visible():
    for module in (sklearn_spectral, preprocessing):
        visible = {name for name in vars(module) if not name.startswith("_")}
        assert module.__all__ == sorted(module.__all__)
        assert visible - MODULES == set(module.__all__)


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: f"{thing.__module__}.{thing.__name__}")
def test_everything_public_is_documented(thing):
    assert ">>>" in thing.__doc__, "has no example"
    assert "See Also\n" in thing.__doc__, "has no See Also"


@pytest.mark.parametrize("name", METHODS)
def test_examples_of_methods_run(name):
    function = METHODS[name]
    (examples,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    report = io.StringIO()
    assert runner.run(examples, out=report.write).failed == 0, report.getvalue()


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
