"""Training: weights, early stopping, learning rates, and fits that go on."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback, LRScheduler
from torch.nn.utils import parameters_to_vector
from torch.optim.lr_scheduler import OneCycleLR

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral._calibration.folds import set_aside
from sklearn_spectral._estimators import base as _base
from sklearn_spectral._network.training import n_epochs, one_cycle_rate
from sklearn_spectral._spectra.checks import check_class_weight
from sklearn_spectral._spectra.training_set import TrainingSet

FEW = {"max_epochs": 4, "random_state": 0}


@pytest.mark.parametrize("Model", [ResNet1DClassifier, ResNet1DRegressor])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_no_epochs_leave_the_calibration_that_training_starts_from(kinds, Model, early_stopping):
    X, y = kinds
    y = y if Model is ResNet1DClassifier else X[:, 20]
    model = Model(max_epochs=0, early_stopping=early_stopping, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.9
    assert len(model.nets_[0].history) == 0


# ---------------------------------------------------------------------- weights


def test_weight_zero_is_as_if_the_row_were_not_there(mixtures):
    X, amounts = mixtures
    y = amounts[:, 0]
    weight = np.ones(60)
    weight[::3] = 0
    kept = weight > 0
    weighted = ResNet1DRegressor(**FEW).fit(X, y, sample_weight=weight).predict(X)
    np.testing.assert_array_equal(
        ResNet1DRegressor(**FEW).fit(X[kept], y[kept]).predict(X), weighted
    )


@pytest.mark.parametrize("shortcut", [True, False])
def test_weights_pull_the_fit(mixtures, shortcut):
    """Half of the rows have a wrong y: the fit follows whichever half weighs more."""
    X, amounts = mixtures
    y = amounts[:, 0].copy()
    y[::2] += 10
    weight = np.where(np.arange(60) % 2, 1.0, 1e-3)
    model = ResNet1DRegressor(max_epochs=30, random_state=0, shortcut=shortcut)
    predicted = model.fit(X, y, sample_weight=weight).predict(X)
    assert np.abs(predicted - amounts[:, 0]).mean() < 2


def test_class_weight(kinds):
    X, y = kinds
    noise = np.random.RandomState(0).normal(size=X.shape)  # nothing to learn but frequencies
    rare = np.where(np.arange(60) < 6, "rare", "common")
    plain, balanced, named = (
        ResNet1DClassifier(**FEW, shortcut=False, class_weight=weight)
        .fit(noise, rare)
        .predict_proba(noise * 0)[0, 1]
        for weight in (None, "balanced", {"rare": 9.0, "common": 1.0})
    )
    assert plain == pytest.approx(0.1, abs=0.05)
    assert balanced == pytest.approx(0.5, abs=0.05)
    assert named == pytest.approx(balanced, abs=1e-3)


@pytest.mark.parametrize("labels", [["fat", "oil", "wax"], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("class_weight", ["balanced", None])
def test_class_weights_of_whole_numbers_are_those_of_repeated_rows(labels, class_weight):
    """A row of weight 2 counts as that row twice; by hand, 7 rows of 3 classes with 1, 4 and 2."""
    y = np.array(labels)[[0, 1, 1, 2]]
    counts = np.array([1.0, 1.0, 3.0, 2.0])
    weights, exponent = check_class_weight(class_weight, y, counts, 0)
    repeated = y.repeat(counts.astype(int))
    of_rows, exponent_of_rows = check_class_weight(class_weight, repeated, np.ones(7), 0)
    of_class = dict(zip(repeated, np.ldexp(of_rows, exponent_of_rows), strict=True))
    expected = [of_class[label] for label in y] * counts
    np.testing.assert_array_equal(np.ldexp(weights, exponent), expected)
    if class_weight:
        assert list(of_class.values()) == [7 / 3, 7 / 12, 7 / 6]


def steps(Model, X, y, weights, scale=1.0, **params):
    """Return the change of all weights of a network in a call after the first, one step of SGD."""
    sgd = {"optimizer": torch.optim.SGD, "optimizer__weight_decay": 0.0}
    model = Model(shortcut=False, batch_size=100, random_state=0, net_params=sgd, lr=1e-4)
    classes = {"classes": np.unique(y)} if Model is ResNet1DClassifier else {}
    model.partial_fit(X, y, sample_weight=np.full(len(X), scale), **classes)
    before = parameters_to_vector(model.nets_[0].module_.parameters()).detach().clone()
    model.set_params(**params).partial_fit(
        X[:9], y[:9], sample_weight=scale * np.resize(weights, 9)
    )
    return (parameters_to_vector(model.nets_[0].module_.parameters()) - before).detach().numpy()


@pytest.mark.parametrize("Model", [ResNet1DClassifier, ResNet1DRegressor])
@pytest.mark.parametrize("scale", [1.0, 2.0**-9, 2.0**700])
def test_weights_count_between_calls_of_partial_fit(kinds, Model, scale):
    """Without momentum a step is proportional to the weights; their unit is that of the first."""
    X, labels = kinds
    y = labels if Model is ResNet1DClassifier else X[:, 20]
    once, twice = (steps(Model, X, y, weights, scale) for weights in ([1.0], [2.0]))
    assert np.abs(once).max() > 0
    np.testing.assert_allclose(twice, 2 * once, rtol=0, atol=1e-3 * np.abs(once).max())
    mixed = steps(Model, X, y, [1.0, 2.0, 3.0], scale)  # of mean 2
    assert not np.allclose(mixed, twice, rtol=0, atol=1e-3 * np.abs(once).max())
    np.testing.assert_array_equal(steps(Model, X, y, [1.0]), steps(Model, X, y, [1.0], scale))


def test_weights_of_classes_count_between_calls_of_partial_fit(kinds):
    X, y = kinds  # the first nine are oil
    once, twice = (steps(ResNet1DClassifier, X, y, [weight]) for weight in (1.0, 2.0))
    heavy = {"oil": 2.0, "fat": 1.0, "wax": 1.0}
    assert not np.array_equal(once, twice)
    named = steps(ResNet1DClassifier, X, y, [1.0], class_weight=heavy)
    np.testing.assert_array_equal(named, twice)
    balanced = steps(ResNet1DClassifier, X, y, [1.0], class_weight="balanced")
    np.testing.assert_array_equal(balanced, once)  # of the one class in the call


def test_weights_of_calls_beyond_float32(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(**FEW).partial_fit(X, amounts, sample_weight=np.full(60, 1e300))
    model.partial_fit(X, amounts, sample_weight=np.full(60, 1e-300))  # hardly count
    assert np.isfinite(model.predict(X)).all()
    for few in (1e-30, 1e-300):
        model = ResNet1DRegressor(**FEW).partial_fit(X, amounts, sample_weight=np.full(60, few))
        with pytest.raises(ValueError, match="diverged .* look for outliers in .* sample_weight"):
            model.partial_fit(X, amounts, sample_weight=np.full(60, 1e300))


def test_each_fit_has_a_unit_of_weights_of_its_own(mixtures):
    X, amounts = mixtures
    one, other = (
        ResNet1DRegressor(**FEW, warm_start=True)
        .fit(X, amounts)
        .fit(X, amounts, sample_weight=np.full(60, weight))
        .partial_fit(X, amounts, sample_weight=np.full(60, 2 * weight))
        for weight in (1.0, 4.0)
    )
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


def test_classes_of_weight_zero_are_known_but_not_calibrated(kinds):
    """A class of weight zero is in `classes_`, and spectra of the others are not assigned to it."""
    X, y = kinds
    model = ResNet1DClassifier(**FEW, class_weight={"oil": 0, "fat": 1, "wax": 1}).fit(X, y)
    assert model.classes_.tolist() == ["fat", "oil", "wax"]
    assert model.score(X[y != "oil"], y[y != "oil"]) == 1
    lonely = np.where(np.arange(60) == 3, "oil", "fat")
    ResNet1DClassifier(**FEW, class_weight={"oil": 1, "fat": 0}).fit(X, lonely)


def test_classes_all_of_weight_zero(kinds):
    with pytest.raises(ValueError, match="All training spectra have weight zero"):
        ResNet1DClassifier(class_weight=dict.fromkeys(["oil", "fat", "wax"], 0)).fit(*kinds)
    X, y = kinds
    model = ResNet1DClassifier(**FEW, warm_start=True, class_weight={"oil": 0}).fit(X, y)
    with pytest.raises(ValueError, match="All training spectra have weight zero"):
        model.fit(X[y == "oil"], y[y == "oil"])


# ---------------------------------------------------------------------- early stopping


def test_early_stopping_keeps_groups_together_and_the_best_weights(mixtures, monkeypatch):
    X, amounts = mixtures
    groups = np.repeat(np.arange(20), 3)
    seen = {}
    original = _base.set_aside

    def spy(*args, **how):
        seen["split"] = original(*args, **how)
        return seen["split"]

    monkeypatch.setattr(_base, "set_aside", spy)
    model = ResNet1DRegressor(
        max_epochs=300, early_stopping=True, n_iter_no_change=3, random_state=0
    )
    model.fit(X, amounts[:, 0], groups=groups)
    training, validation = seen["split"]
    assert not set(groups[training]) & set(groups[validation])
    history = model.nets_[0].history
    assert len(history) < 300
    # The weights are those of the best epoch: their loss is the lowest that was seen.
    residual = (model.predict(X[validation]) - amounts[validation, 0]) / amounts[training, 0].std()
    assert np.mean(residual**2) == pytest.approx(min(history[:, "valid_loss"]), rel=1e-3)


def test_classifier_sets_aside_every_class(kinds):
    X, y = kinds
    model = ResNet1DClassifier(**FEW, early_stopping=True).fit(X, y)
    assert len(model.nets_[0].history[:, "valid_loss"]) > 0
    with pytest.raises(ValueError, match=r"\['wax'\] have only one sample"):
        model.fit(X[:41], y[:41])


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.75])
def test_classifier_sets_aside_the_share_asked_for(fraction):
    y = np.repeat([0, 1, 2], [28, 28, 4])
    data = TrainingSet.of(np.zeros((60, 2)), y, np.ones(60), None)
    rng = np.random.RandomState(0)
    training, validation = set_aside(data, fraction, rng, classes=np.arange(3))
    assert len(validation) / 60 == pytest.approx(fraction, abs=0.05)
    assert sorted([*training, *validation]) == list(range(60))


def test_a_single_group_is_allowed_without_early_stopping(mixtures):
    X, amounts = mixtures
    groups = np.zeros(60)
    assert ResNet1DRegressor(**FEW).fit(X, amounts, groups=groups).score(X, amounts) > 0.97


# ---------------------------------------------------------------------- learning rates


@pytest.mark.parametrize("n_steps", [2, 7, 40])
def test_one_cycle_rates_are_those_of_torch(n_steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=n_steps, cycle_momentum=False)
    for step in range(n_steps):
        assert one_cycle_rate(step, n_steps) == pytest.approx(schedule.get_last_lr()[0])
        if step < n_steps - 1:
            optimizer.step()
            schedule.step()


def watched_rates():
    """Return a list, and a callback that adds the learning rate of every step to it."""
    rates = []

    class Watch(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    return rates, Watch()


def test_learning_rate_follows_one_cycle_and_is_left_as_it_was(mixtures):
    rates, watch = watched_rates()
    model = ResNet1DRegressor(max_epochs=10, lr=0.002, random_state=0, callbacks=[watch])
    model.fit(*mixtures)
    assert max(rates) == pytest.approx(0.002, rel=0.05)
    assert rates[0] < 0.0002 and rates[-1] < 0.0002
    assert [g["lr"] for g in model.nets_[0].optimizer_.param_groups] == [0.002, 0.002]


def test_fits_of_a_single_step_learn(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(
        max_epochs=1, batch_size=100, shortcut=False, warm_start=True, random_state=0
    )
    for _ in range(60):
        model.fit(X, amounts)
    assert model.score(X, amounts) > 0.5


def test_rate_of_partial_fit_rises_over_2000_steps(mixtures):
    rates, watch = watched_rates()
    X, amounts = mixtures  # 60 spectra: two steps a pass
    model = ResNet1DRegressor(lr=0.002, random_state=0, callbacks=[watch])
    model.partial_fit(X, amounts).partial_fit(X, amounts)
    np.testing.assert_allclose(rates, [1e-6, 2e-6, 3e-6, 4e-6])
    assert [g["lr"] for g in model.nets_[0].optimizer_.param_groups] == [0.002, 0.002]
    model.nets_[0].history[-1]["train_batch_count"] = 5000
    model.partial_fit(X, amounts)
    assert rates[4:] == [0.002, 0.002]
    clone(model).set_params(shortcut=False).partial_fit(X, amounts)
    assert rates[6:] == [0.002, 0.002]
    clone(model).partial_fit(X[:1], amounts[:1]).partial_fit(X, amounts)  # nothing to start from
    assert rates[8:] == [0.002] * 3


@pytest.mark.parametrize(
    "given",
    [
        {"callbacks": [LRScheduler("StepLR", step_size=1)]},
        {"callbacks": [("mine", LRScheduler)]},
        {"net_params": {"callbacks__epoch_timer": LRScheduler()}},
    ],
)
def test_a_scheduler_that_would_be_overruled_is_refused(mixtures, given):
    model = ResNet1DRegressor(**FEW, **given)
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=r"LRScheduler.* Leave it out, and set lr instead\."):
            fit(*mixtures)


# ---------------------------------------------------------------------- fits that go on


def test_partial_fit_learns_in_small_portions(kinds):
    X, y = kinds
    model = ResNet1DClassifier(random_state=0, shortcut=False, lr=0.003)
    with pytest.raises(ValueError, match="first call to partial_fit needs classes"):
        model.partial_fit(X, y)
    order = np.random.RandomState(0).permutation(60)
    for epoch in range(20):
        for rows in np.array_split(order, 3):
            model.partial_fit(X[rows], y[rows], classes=np.unique(y) if epoch == 0 else None)
    assert model.score(X, y) > 0.9
    with pytest.raises(ValueError, match="but the classes of the model are"):
        model.partial_fit(X[:1], ["glass"])
    assert len(model.nets_[0].history) == 60


def test_partial_fit_keeps_the_calibration_it_starts_from():
    # Few wavelengths need large weights, which one step at the full rate throws off.
    rng = np.random.default_rng(0)
    heights = rng.random((500, 4))
    bands = np.exp(-((np.linspace(0, 1, 16) - np.c_[[0.2, 0.45, 0.6, 0.85]]) ** 2) / 0.03)
    X, y = heights @ bands + 0.002 * rng.standard_normal((500, 16)), heights[:, 0] ** 1.5
    start = ResNet1DRegressor(random_state=0, max_epochs=0).fit(X[:200], y[:200])
    model = ResNet1DRegressor(random_state=0).partial_fit(X[:200], y[:200])
    assert 1 - model.score(X[200:], y[200:]) < 1.2 * (1 - start.score(X[200:], y[200:]))


def test_warm_start_goes_on(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(**FEW, warm_start=True, shortcut=False).fit(X, amounts[:, 0])
    before = model.score(X, amounts[:, 0])
    for _ in range(5):
        model.fit(X, amounts[:, 0])
    assert len(model.nets_[0].history) == 24
    assert model.score(X, amounts[:, 0]) > before


@pytest.mark.parametrize("Model", [ResNet1DRegressor, ResNet1DClassifier])
def test_the_default_goes_half_of_the_way_back(Model, monkeypatch, mixtures, kinds):
    """Of weights that do not depend on temperatures: those before the head."""
    X, y = (mixtures[0], mixtures[1][:, 0]) if Model is ResNet1DRegressor else kinds[:2]

    def stem(**params):
        return Model(random_state=0, **params).fit(X, y).nets_[0].module_.stem.weight.detach()

    start, trained, default = stem(max_epochs=0), stem(max_epochs=10), stem()
    assert not torch.allclose(start, trained)
    torch.testing.assert_close(default, (start + trained) / 2)
    torch.testing.assert_close(stem(net_params={"optimizer__weight_decay": 0.01}), trained)


def test_epochs_grow_less_than_spectra():
    """Ten up to 500 spectra; of four times as many half, at least one."""
    assert [n_epochs("auto", n) for n in (2, 500, 2000, 10**7)] == [10, 10, 5, 1]
    assert n_epochs(np.int64(3), 10**7) == 3
