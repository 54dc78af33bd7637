"""Errors name what the user gave, before anything takes long."""

import numpy as np
import pytest

from helpers import blends, two_kinds
from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, cross_explain, export_onnx

TINY = {"max_epochs": 0, "random_state": 0, "net_params": {"module__width": 4}}
X, Y = blends()


@pytest.fixture(scope="module")
def model():
    return ResNet1DRegressor(**TINY).fit(X, Y)


@pytest.mark.parametrize("path", ["no/folder/model.file", "~/no/model.file"])
@pytest.mark.parametrize("how", ["save", "onnx"])
def test_a_missing_folder_is_told_with_the_path_that_was_given(model, how, path):
    if how == "onnx":
        pytest.importorskip("onnx")
    with pytest.raises(FileNotFoundError, match=f"^'{path}' cannot be written") as e:
        model.save(path) if how == "save" else export_onnx(model, path)
    assert ".tmp" not in str(e.value) and ("expanduser" in str(e.value)) == (path[0] == "~")


def test_a_folder_is_no_file(model, tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        model.save(tmp_path)


def test_a_class_that_a_fold_lacks_is_told_before_the_fits():
    class Unfitted(ResNet1DClassifier):
        def fit(self, *args, **params):
            raise AssertionError("fitted")

    labels = two_kinds()[1]
    labels[:2] = "wax"
    groups = np.r_[0, 0, np.arange(1, len(labels) - 1)]
    folds = [(np.setdiff1d(np.arange(30), test), test) for test in np.split(np.arange(30), 3)]
    with pytest.raises(ValueError, match="training of fold 0 holds no spectrum of class 'wax'"):
        cross_explain(Unfitted(), X, labels, groups=groups, cv=folds)


def test_a_generator_is_no_list_of_callbacks():
    with pytest.raises(ValueError, match="callbacks=.*expected a list"):
        ResNet1DRegressor(**TINY, callbacks=(each for each in [])).fit(X, Y)
