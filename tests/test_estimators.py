"""The estimators: what goes in, what comes out, and what reaches skorch."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EpochScoring
from skorch.dataset import ValidSplit

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor

FEW = {"max_epochs": 4, "random_state": 0}
# Fast, where it does not matter how good the model is.
QUICK = {**FEW, "shortcut": False}


@pytest.mark.parametrize(
    "encode",
    [
        lambda y: y,
        lambda y: np.unique(y, return_inverse=True)[1] + 7,
        lambda y: y == "oil",
        lambda y: y.astype(object),
        lambda y: pd.Series(y, dtype="category"),
    ],
    ids=["strings", "integers", "booleans", "objects", "categories"],
)
def test_any_label_type(kinds, encode):
    X, y = kinds
    y = encode(y)
    model = ResNet1DClassifier(**FEW).fit(X, y)
    assert model.score(X, y) == 1
    assert set(model.predict(X)) == set(y)


def test_logits_probabilities_and_classes_agree(kinds, classifier):
    X = kinds[0]
    logits, probabilities = classifier.decision_function(X), classifier.predict_proba(X)
    exponential = np.exp(logits)
    np.testing.assert_allclose(
        probabilities, exponential / exponential.sum(axis=1, keepdims=True), rtol=1e-6
    )
    classes = classifier.classes_[logits.argmax(axis=1)]
    np.testing.assert_array_equal(classifier.predict(X), classes)
    # To the rounding of float32.
    np.testing.assert_allclose(logits.sum(axis=1), 0, atol=1e-6 * np.abs(logits).max())


def test_two_classes_have_one_decision_value(kinds):
    X, y = kinds
    y = y == "oil"
    model = ResNet1DClassifier(**FEW).fit(X, y)
    decision = model.decision_function(X)
    assert decision.shape == (60,)
    np.testing.assert_allclose(1 / (1 + np.exp(-decision)), model.predict_proba(X)[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(decision > 0, model.predict(X))


@pytest.mark.parametrize("columns", [0, [0], [0, 1, 2]], ids=["1-D", "one column", "three"])
def test_regression_returns_y_as_it_came(mixtures, columns):
    X, amounts = mixtures
    y = amounts[:, columns]
    model = ResNet1DRegressor(**FEW).fit(X[:40], y[:40])
    assert model.predict(X).shape == y.shape
    assert model.score(X[40:], y[40:]) > 0.97


@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X.astype(np.float32),
        np.asfortranarray,
        lambda X: X.tolist(),
        lambda X: pd.DataFrame(X, columns=np.arange(X.shape[1]) * 4.0 + 600),
        lambda X: pd.DataFrame(X, columns=[str(i) for i in range(X.shape[1])]),
        lambda X: pl.DataFrame(X, schema=[str(i) for i in range(X.shape[1])]),
    ],
    ids=["float32", "fortran", "list", "float columns", "string columns", "polars"],
)
def test_any_container(mixtures, regressor, convert):
    X, y = mixtures[0], mixtures[1][:, 0]
    converted = convert(X)
    predicted = clone(regressor).fit(converted, y).predict(converted)
    np.testing.assert_allclose(predicted, regressor.predict(X), atol=2e-4)


def test_one_spectrum_equals_the_batch(kinds, classifier):
    X, model = kinds[0], classifier
    batch, maps = model.decision_function(X), model.explain(X, target="all").maps
    for row in (0, 30):
        one = X[row : row + 1]
        np.testing.assert_allclose(model.decision_function(one)[0], batch[row], atol=1e-5)
        scale = np.abs(maps[row]).sum(axis=0)
        np.testing.assert_allclose(
            model.explain(one, target="all").maps[0] / scale, maps[row] / scale, atol=1e-6
        )


# ---------------------------------------------------------------------- units and constants


def test_unit_of_y_does_not_matter(mixtures, regressor):
    X, y = mixtures[0], mixtures[1][:, 0]
    large = clone(regressor).fit(X, 1e4 * y - 3e5).predict(X)
    np.testing.assert_allclose(large, 1e4 * regressor.predict(X) - 3e5, rtol=1e-4)


@pytest.mark.parametrize("size", [1e30, 1e-30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_units_do_not_matter(mixtures, regressor, size, dtype):
    X, y = mixtures[0], mixtures[1][:, 0]
    model = clone(regressor).fit((X * size).astype(dtype), y * size)
    predicted = model.predict((X * size).astype(dtype)) / size
    np.testing.assert_allclose(predicted, regressor.predict(X), atol=0.01)


@pytest.mark.parametrize("model", [ResNet1DClassifier, ResNet1DRegressor])
def test_constant_spectra_columns_and_y_are_no_division_by_zero(kinds, model):
    X, y = kinds
    X = X.copy()
    X[4] = 1.0
    X[:, 10:20] = 0.5
    y = y if model is ResNet1DClassifier else np.full(60, 3.0)
    fitted = model(**FEW).fit(X, y)
    maps = fitted.explain(X).maps
    assert np.isfinite(maps).all()
    if model is ResNet1DRegressor:
        np.testing.assert_allclose(fitted.predict(X), 3.0, atol=1e-3)


@pytest.mark.parametrize("level", [1.0, 0.3])
def test_flat_spectra_have_no_slopes(level):
    """Their derivative is rounding: blown up to coefficients of 1e15 it once was a calibration."""
    X = np.full((4, 40), level)
    X[1] = 0
    y = np.array([0.0, 9.9, -2.6, -9.3])
    model = ResNet1DRegressor(max_epochs=0, random_state=0).fit(X, y)
    assert np.abs(model.explain(X).maps).max() < 10
    assert np.ptp(model.predict(X * (1 + 1e-9))) < 10


def test_a_constant_with_weights_is_predicted_without_a_warning():
    X = np.random.RandomState(0).normal(size=(9, 40))
    model = ResNet1DRegressor(max_epochs=0).fit(X, np.ones(9), sample_weight=np.full(9, 1.7e308))
    np.testing.assert_allclose(model.predict(X), 1)


# ---------------------------------------------------------------------- parameters


def test_numpy_integers_are_integers(mixtures):
    ResNet1DRegressor(max_epochs=np.int64(2), batch_size=np.int32(8), shortcut=False).fit(*mixtures)


def test_parameters_may_change_between_calls(mixtures):
    model = ResNet1DRegressor(**QUICK).partial_fit(*mixtures)
    model.set_params(lr=1e-5, batch_size=7).partial_fit(*mixtures)
    (net,) = model.nets_
    assert net.optimizer_.param_groups[0]["lr"] == 1e-5
    assert net.history[-1, "train_batch_count"] == 9  # 60 spectra in batches of at most 7


def test_callbacks_and_net_params_reach_skorch(mixtures):
    X, amounts = mixtures
    scoring = EpochScoring("r2", on_train=True, name="r2", lower_is_better=False)
    model = ResNet1DRegressor(
        **QUICK,
        callbacks=[scoring],
        net_params={"optimizer": torch.optim.SGD, "optimizer__momentum": 0.5},
    ).fit(X, amounts[:, 0])
    (net,) = model.nets_
    assert isinstance(net.optimizer_, torch.optim.SGD)
    assert len(net.history[:, ("train_loss", "r2")]) == 4
    assert not hasattr(scoring, "best_score_")  # the caller's own callback is as it was


def test_net_params_are_kept(mixtures):
    X, amounts = mixtures
    split = ValidSplit(0.2)
    model = ResNet1DRegressor(**QUICK, net_params={"train_split": split}).fit(X, amounts)
    assert len(model.nets_[0].history[:, "valid_loss"]) == 4
    model.partial_fit(X, amounts)
    assert len(model.nets_[0].history[:, "valid_loss"]) == 5


def test_metadata_routing(mixtures):
    X, amounts = mixtures
    groups = np.repeat(np.arange(20), 3)
    with config_context(enable_metadata_routing=True):
        model = ResNet1DRegressor(**FEW, early_stopping=True)
        model.set_fit_request(sample_weight=True, groups=True)
        scores = cross_validate(
            make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model),
            X,
            amounts[:, 0],
            cv=GroupKFold(3),
            scoring=make_scorer(r2_score).set_score_request(sample_weight=False),
            params={"groups": groups, "sample_weight": np.ones(60)},
            error_score="raise",
        )
    assert scores["test_score"].min() > 0.5
