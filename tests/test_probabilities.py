"""Probabilities: logits are divided by a temperature, so that they are not overconfident."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss

from sklearn_spectral import ResNet1DClassifier

FEW = {"max_epochs": 2, "random_state": 0}


@pytest.mark.parametrize("max_epochs", [0, 20])
@pytest.mark.parametrize("seed", range(2))
def test_probabilities_for_noise_are_no_worse_than_class_frequencies(seed, max_epochs):
    """The log loss of other spectra is about that of the frequencies of the classes, or lower."""
    rng = np.random.RandomState(seed)
    X, y = rng.normal(size=(300, 200)), rng.permutation(np.arange(300) % 3)
    if seed:
        X = X.cumsum(axis=1)  # smooth, as spectra are
    model = ResNet1DClassifier(max_epochs=max_epochs, random_state=0).fit(X[:150], y[:150])
    assert log_loss(y[150:], model.predict_proba(X[150:])) < np.log(3) + 0.05


def test_temperature_undoes_the_growth_of_logits_in_training(monkeypatch):
    rng = np.random.RandomState(0)
    y = np.repeat(["a", "b", "c"], 40)
    X = rng.normal(size=(120, 100)) + 0.4 * (np.arange(100) > 60) * (y == "a")[:, None]

    def entropy(model):
        p = model.predict_proba(X)
        return -np.mean(np.sum(p * np.log(p), axis=1))

    start = ResNet1DClassifier(max_epochs=0, random_state=0).fit(X, y)
    model = ResNet1DClassifier(random_state=0).fit(X, y)
    assert entropy(model) == pytest.approx(entropy(start), rel=1e-4)
    monkeypatch.setattr("sklearn_spectral._estimators.classifier.temperature", lambda *_: 1.0)
    hot = ResNet1DClassifier(random_state=0).fit(X, y)
    assert entropy(hot) < 0.95 * entropy(start)
    ratio = hot.decision_function(X) / model.decision_function(X)
    np.testing.assert_allclose(ratio, np.median(ratio), rtol=1e-3)
    np.testing.assert_array_equal(hot.predict(X), model.predict(X))
    temperature = np.median(ratio)
    monkeypatch.undo()
    # Training that goes on does so from the logits before their division, and divides anew.
    hot.set_params(warm_start=True, max_epochs=2).fit(X, y).partial_fit(X, y)
    model.set_params(warm_start=True, max_epochs=2).fit(X, y).partial_fit(X, y)
    ratio = hot.decision_function(X) / model.decision_function(X)
    np.testing.assert_allclose(ratio, temperature, rtol=0.01)
    assert clone(model).set_params(shortcut=False).fit(X, y)._temperature == 1  # nothing left out


def test_temperature_is_computed_from_the_weighted_training_spectra(monkeypatch):
    """Early stopping sets a quarter aside, and class weights are taken into account."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(60, 40)), np.arange(60) % 2
    seen = []

    def looks(logits, entropy, sample_weight):
        seen.append((len(logits), sorted(set(sample_weight))))
        return 1.0

    monkeypatch.setattr("sklearn_spectral._estimators.classifier.temperature", looks)
    model = ResNet1DClassifier(
        **FEW, early_stopping=True, validation_fraction=0.25, class_weight={0: 1, 1: 3}
    )
    model.fit(X, y)
    ((n_spectra, (light, heavy)),) = seen
    assert n_spectra == 45 and heavy == pytest.approx(3 * light)
