"""Probabilities: logits are divided by a temperature, so that they are not overconfident."""

import numpy as np
import pytest
from scipy.special import expit
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
    model = ResNet1DClassifier(max_epochs=40, random_state=0).fit(X, y)
    assert entropy(model) == pytest.approx(entropy(start), rel=1e-4)
    monkeypatch.setattr("sklearn_spectral._estimators.classifier.temperature", lambda *_: 1.0)
    hot = ResNet1DClassifier(max_epochs=40, random_state=0).fit(X, y)
    assert entropy(hot) < 0.95 * entropy(start)
    ratio = hot.decision_function(X) / model.decision_function(X)
    np.testing.assert_allclose(ratio, np.median(ratio), rtol=1e-3)
    np.testing.assert_array_equal(hot.predict(X), model.predict(X))
    monkeypatch.undo()
    # Training that goes on does so from the logits before their division, and divides anew.
    for each in (hot, model):
        each.set_params(warm_start=True, max_epochs=2).fit(X, y)
    for _ in range(2):
        scale = np.abs(hot.decision_function(X)).max()
        np.testing.assert_allclose(
            model.decision_function(X), hot.decision_function(X), rtol=0, atol=1e-3 * scale
        )
        assert entropy(model) == pytest.approx(entropy(start), rel=1e-4)
        for each in (hot, model):
            each.partial_fit(X, y)
    assert clone(model).set_params(shortcut=False).fit(X, y)._temperature == 1  # nothing left out


def passes(X, y, n_passes, n_rows, **params):
    """Fit a classifier of zeros and ones by `partial_fit`, after the first call in portions."""
    model = ResNet1DClassifier(**params, random_state=0).partial_fit(X, y, classes=[0, 1])
    for _ in range(n_passes):
        for start in range(0, len(X), n_rows):
            model.partial_fit(X[start : start + n_rows], y[start : start + n_rows])
    return model


def warm_starts(X, y, n_fits, **params):
    model = ResNet1DClassifier(warm_start=True, random_state=0, **params)
    for _ in range(n_fits):
        model.fit(X, y)
    return model


@pytest.mark.parametrize("difference", [0.0, 2.0], ids=["noise", "separable"])
@pytest.mark.parametrize(
    "train",
    [
        lambda X, y: warm_starts(X, y, 1, max_epochs=80),
        lambda X, y: warm_starts(X, y, 4),
        lambda X, y: passes(X, y, 40, 60, lr=0.02),
        lambda X, y: passes(X, y, 40, 20, lr=0.02),
    ],
    ids=["long", "warm starts", "passes", "portions"],
)
def test_more_training_does_not_make_probabilities_bolder(train, difference):
    """For other spectra they are nearly as good as any temperature, or the start, makes them."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(260, 60)), np.arange(260) % 2
    X[:, 20:26] += difference * y[:, None]
    start = ResNet1DClassifier(max_epochs=0, random_state=0).fit(X[:60], y[:60])
    model, X, y = train(X[:60], y[:60]), X[60:], y[60:]
    margins = model.decision_function(X)
    best = min(log_loss(y, expit(margins * scale)) for scale in np.geomspace(0.01, 100))
    # How sure the start is was drawn from left-out spectra, on noise by chance 0.06 too much.
    allowed = max(best, log_loss(y, start.predict_proba(X)))
    assert log_loss(y, model.predict_proba(X)) < allowed + 0.05


def test_new_spectra_are_no_surer_than_by_the_start():
    """The spectra of later calls are compared with what the start says of them, not of others."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(220, 60)), np.arange(220) % 2
    X[:, 20:26] += np.where(np.arange(220) < 60, 0.5, 2.0)[:, None] * y[:, None]
    start = ResNet1DClassifier(max_epochs=0, random_state=0).fit(X[:60], y[:60])
    model = passes(X[:60], y[:60], 0, 60, lr=0.01)
    for _ in range(60):
        model.partial_fit(X[60:], y[60:])

    def entropies(model):
        p = model.predict_proba(X)
        each = -np.sum(p * np.log(p), axis=1)
        return each[:60].mean(), each[60:].mean()

    (_, later), (first_of_start, later_of_start) = entropies(model), entropies(start)
    assert later == pytest.approx(later_of_start, rel=1e-3)
    assert later_of_start < 0.9 * first_of_start  # else any target would do


def test_temperature_of_portions_is_a_mean(monkeypatch):
    """100 spectra count as a whole: 25 of them move the temperature by the fourth root."""
    X = np.random.default_rng(0).normal(size=(120, 40))
    y = np.arange(120) % 2
    found = iter([3.0, 16.0, 5.0, 7.0])
    monkeypatch.setattr(
        "sklearn_spectral._estimators.classifier.temperature", lambda *_: next(found)
    )
    model = ResNet1DClassifier(**FEW, warm_start=True).partial_fit(X, y, classes=[0, 1])
    assert model._temperature == 3
    model.partial_fit(X[:25], y[:25])
    assert model._temperature == pytest.approx(3**0.75 * 2)
    model.fit(X[:25], y[:25])  # all there is to fit to
    assert model._temperature == 5
    model.partial_fit(X, y)
    assert model._temperature == 7


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
