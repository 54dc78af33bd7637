"""What the defaults promise, on the real spectra that come with chemotools."""

import numpy as np
import pytest
from chemotools.datasets import load_coffee, load_fermentation_train
from chemotools.scatter import StandardNormalVariate
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor


def _predictions(Model, X, y, folds):
    pipeline = make_pipeline(StandardNormalVariate(), Model(random_state=0))
    return cross_val_predict(pipeline, X, y, cv=folds(3, shuffle=True, random_state=0))


@pytest.fixture(scope="module")
def coffee():
    X, labels = load_coffee()
    return X.to_numpy(), labels["labels"].to_numpy()


@pytest.fixture(scope="module")
def fermentation():
    X, y = load_fermentation_train()
    return X.to_numpy(), y["glucose"].to_numpy()


def _shuffled(y):
    return [np.random.RandomState(seed).permutation(y) for seed in range(2)]


def test_shuffled_classes_are_not_recognized(coffee):
    X, y = coffee
    predicted = _predictions(ResNet1DClassifier, X, y, StratifiedKFold)
    assert balanced_accuracy_score(y, predicted) > 0.95
    found = [
        balanced_accuracy_score(y, _predictions(ResNet1DClassifier, X, y, StratifiedKFold))
        for y in _shuffled(y)
    ]
    # Chance, and three standard deviations of a mean over so many predictions.
    chance = 1 / len(np.unique(y))
    assert np.mean(found) < chance + 3 * np.sqrt(chance * (1 - chance) / (2 * len(y)))


def test_shuffled_references_are_not_predicted(fermentation):
    X, y = fermentation
    assert r2_score(y, _predictions(ResNet1DRegressor, X, y, KFold)) > 0.9
    found = [r2_score(y, _predictions(ResNet1DRegressor, X, y, KFold)) for y in _shuffled(y)]
    assert np.mean(found) < 0


def test_long_noisy_and_saturated_spectra():
    """Raman of 5700 points: fluorescence, noise, cosmic rays, some rows cut off at the top."""
    rng = np.random.RandomState(0)
    x = np.linspace(200, 3400, 5700)
    amount = rng.uniform(0, 1, 80)
    band = np.exp(-0.5 * ((x - 1450) / 8) ** 2)
    fluorescence = rng.uniform(5, 50, (80, 1)) * np.exp(-((x - 200) / 2000))
    X = fluorescence + amount[:, None] * 5 * band + rng.normal(0, 0.3, (80, 5700))
    X[rng.randint(80, size=40), rng.randint(5700, size=40)] += 500
    X[:3] = np.minimum(X[:3], np.quantile(X[:3], 0.6, axis=1, keepdims=True))
    model = ResNet1DRegressor(random_state=0).fit(X[:60], amount[:60])
    # A spike on the band spoils the prediction of its spectrum, but of no other.
    error = np.median(np.abs(model.predict(X[60:]) - amount[60:]))
    assert error < 0.2 * np.std(amount[60:])
    explanation = model.explain(X[60:])
    total = explanation.maps.sum(axis=1) + explanation.base_values
    np.testing.assert_allclose(total, explanation.outputs, atol=1e-5)
