"""What stays as it was: inputs, random states, copies, and models after an error."""

import copy
import pickle
import random

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from skorch.callbacks import EpochScoring

from helpers import SMALL, two_kinds
from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor

FEW = {"max_epochs": 4, "random_state": 0}


def test_inputs_are_not_changed(mixtures):
    X, amounts = (array.copy() for array in mixtures)
    weight = np.ones(60)
    for array in (X, amounts, weight):
        array.flags.writeable = False
    model = ResNet1DRegressor(**FEW).fit(X, amounts, sample_weight=weight)
    model.predict(X)
    model.explain(X)
    np.testing.assert_array_equal(X, mixtures[0])


def test_labels_weights_and_groups_are_not_changed(kinds):
    X, y = kinds
    X, weight, groups = X.astype(np.float32), np.arange(60.0), np.arange(60) // 2
    kept = [array.copy() for array in (X, y, weight, groups)]
    for array in (X, y, weight, groups):
        array.flags.writeable = False
    model = ResNet1DClassifier(max_epochs=2, random_state=0, early_stopping=True)
    model.fit(X, y, sample_weight=weight, groups=groups).explain(X, target="all", reference="mean")
    for array, before in zip((X, y, weight, groups), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_same_seed_same_bits_and_global_state_is_left(kinds):
    X, y = kinds
    np.random.seed(3)
    random.seed(3)
    torch.manual_seed(3)
    state = np.random.get_state()[1].copy(), random.getstate(), torch.random.get_rng_state()
    first = ResNet1DClassifier(**FEW, early_stopping=True).fit(X, y).predict_proba(X)
    ResNet1DClassifier(max_epochs=2).fit(X, y)
    np.testing.assert_array_equal(np.random.get_state()[1], state[0])
    assert random.getstate() == state[1]
    assert torch.equal(torch.random.get_rng_state(), state[2])
    again = ResNet1DClassifier(**FEW, early_stopping=True).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(first, again)
    other = clone(ResNet1DClassifier(max_epochs=4, random_state=1)).fit(X, y).predict_proba(X)
    assert not np.array_equal(first, other)


def test_a_failed_fit_leaves_the_model_unfitted(kinds):
    model = ResNet1DClassifier(**FEW)
    with pytest.raises(ValueError, match="1 class"):
        model.fit(kinds[0], np.full(60, "oil"))
    with pytest.raises(NotFittedError):
        model.predict(kinds[0])


def test_a_failed_refit_leaves_the_model_as_it_was(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(**FEW, warm_start=True).fit(X, amounts)
    before = model.predict(X)
    for lr, warm_start in ((1e9, False), (1e9, True)):
        with pytest.raises(ValueError, match="diverged"):
            model.set_params(lr=lr, warm_start=warm_start).fit(X[:, :], amounts)
        np.testing.assert_array_equal(model.predict(X), before)
    with pytest.raises(ValueError, match="NaN"):
        model.set_params(warm_start=False).fit(X[:, :50], amounts * np.nan)
    np.testing.assert_array_equal(model.predict(X), before)


# ---------------------------------------------------------------------- copies


@pytest.mark.parametrize("dump", ["pickle", "joblib"])
def test_round_trips(kinds, tmp_path, dump):
    X, y = kinds
    model = ResNet1DClassifier(**FEW, early_stopping=True).fit(X, y)

    def round_trip(model):
        if dump == "pickle":
            return pickle.loads(pickle.dumps(model))
        joblib.dump(model, tmp_path / "model.joblib")
        return joblib.load(tmp_path / "model.joblib")

    loaded = round_trip(model)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    for each in (loaded, model):
        each.partial_fit(X, y)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(round_trip(loaded).predict_proba(X), model.predict_proba(X))


def test_copies_keep_attributes_that_files_refuse():
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL, callbacks=[EpochScoring("accuracy", name="a")]).fit(X, y)
    model.note = print
    for other in (copy.copy(model), copy.deepcopy(model)):
        assert other.note is print
        assert isinstance(other.callbacks[0], EpochScoring)
        np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    assert copy.copy(model).nets_ is model.nets_
    assert copy.deepcopy(model).nets_[0] is not model.nets_[0]
