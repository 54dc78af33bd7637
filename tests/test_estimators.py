"""The estimators: what goes in, what comes out, and what reaches skorch."""

import copy
import functools
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EpochScoring
from skorch.dataset import Dataset, ValidSplit
from torch.utils.data import DataLoader

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


# ---------------------------------------------------------------------- as a module of torch

# Below 30 points there are no derivatives, above 1024 points are averaged.
LENGTHS = [20, 100, 1100]


def walks(n_points):
    """Return spectra of any length, values of two outputs, and labels of three classes."""
    X = np.random.RandomState(0).normal(size=(30, n_points)).cumsum(axis=1)
    Y = X[:, [n_points // 3, n_points // 2]] * [1, 100] + [0, 1e3]
    return X, Y, np.digitize(Y[:, 0], np.quantile(Y[:, 0], [1 / 3, 2 / 3]))


@pytest.mark.parametrize("n_points", LENGTHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_modules_compute_what_the_estimator_does(n_points, dtype):
    X, Y, labels = walks(n_points)
    X = X.astype(dtype)
    regressors = [ResNet1DRegressor(**FEW).fit(X, y) for y in (Y, Y[:, 0])]
    two, three = (ResNet1DClassifier(**FEW).fit(X, y) for y in (labels == 0, labels))
    found = [model.to_module()(torch.from_numpy(X)).detach() for model in (*regressors, two, three)]
    expected = [*(each.predict(X) for each in regressors), three.decision_function(X)]
    margins = two.decision_function(X)
    np.testing.assert_allclose(
        found[2][:, 1] - found[2][:, 0], margins, atol=1e-6 * np.ptp(margins), rtol=0
    )
    for given, outputs in zip([found[0], found[1][:, 0], found[3]], expected, strict=True):
        assert given.dtype == torch.float64
        np.testing.assert_allclose(given, outputs, atol=1e-6 * np.ptp(outputs, axis=0).min())


@pytest.mark.parametrize("n_points", LENGTHS)
def test_gradients_of_modules_are_differences_of_outputs(n_points):
    X, Y, _ = walks(n_points)
    model = ResNet1DRegressor(**FEW).fit(X, Y)
    module = model.to_module().double()
    x = torch.tensor(X[:3])
    jacobian = torch.autograd.functional.jacobian(module, x)
    points = [0, n_points // 3, n_points // 2, n_points - 1]
    for row, point in [(row, point) for row in range(3) for point in points]:
        step = torch.zeros_like(x)
        step[row, point] = 1e-5
        slope = (module(x + step) - module(x - step)) / 2e-5
        scale = jacobian[:, :, row].abs().amax()
        torch.testing.assert_close(slope, jacobian[:, :, row, point], rtol=0, atol=1e-6 * scale)


def test_modules_are_copies_that_can_be_copied(mixtures, regressor):
    X = torch.from_numpy(mixtures[0])
    module = regressor.to_module()
    assert not module.training
    expected = module(X)
    for copied in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(copied(X), expected, rtol=0, atol=0)
    for copied in (copy.deepcopy(regressor), pickle.loads(pickle.dumps(regressor))):
        torch.testing.assert_close(copied.to_module()(X), expected, rtol=0, atol=0)
    predicted = regressor.predict(mixtures[0])
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            tensor.fill_(1.0)
    np.testing.assert_array_equal(regressor.predict(mixtures[0]), predicted)
    assert not torch.isclose(module(X), expected).any()


def test_modules_take_spectra_of_the_training(regressor):
    with pytest.raises(ValueError, match=r"shape \(2, 99\); expected \(n_samples, 100\)"):
        regressor.to_module()(torch.zeros(2, 99))
    with pytest.raises(NotFittedError):
        ResNet1DRegressor().to_module()


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


# ---------------------------------------------------------------------- what skorch takes

UNFIT = {"SparseAdam", "Muon"}
OPTIMIZERS = [
    each
    for each in vars(torch.optim).values()
    if isinstance(each, type) and issubclass(each, torch.optim.Optimizer)
    if each is not torch.optim.Optimizer and each.__name__ not in UNFIT
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_of_torch_trains(mixtures, optimizer):
    X, amounts = mixtures
    model = ResNet1DRegressor(
        **QUICK, lr=0.01, warm_start=True, early_stopping=True, net_params={"optimizer": optimizer}
    )
    model.fit(X, amounts[:, 0]).fit(X, amounts[:, 0]).partial_fit(X, amounts[:, 0])
    (net,) = model.nets_
    losses = net.history[:, "train_loss"]
    assert type(net.optimizer_) is optimizer
    assert losses[-1] < losses[0]
    groups = net.optimizer_.param_groups
    assert [group["lr"] for group in groups] == [0.01] * len(groups)
    # Where there is weight decay, biases have none.
    assert [group.get("weight_decay", 0.0) for group in groups[::-1]][1:] in ([], [0.0])


class Squared(torch.nn.Module):
    """A loss for each element, without options."""

    def forward(self, predicted, true):
        return (predicted - true) ** 2


class SquaredOfRow(Squared):
    def forward(self, predicted, true):
        return super().forward(predicted, true).mean(dim=1)


class MeanSquared(Squared):
    def forward(self, predicted, true):
        return super().forward(predicted, true).mean()


class AnyOption(torch.nn.MSELoss):
    def __init__(self, **options):
        super().__init__(**options)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("criterion", "can_be_weighed"),
    [
        (Squared, True),
        (Squared(), True),
        (SquaredOfRow, True),
        (AnyOption, True),
        (torch.nn.MSELoss(reduction="none"), True),
        (MeanSquared, False),
        (lambda: torch.nn.functional.mse_loss, False),
        (functools.partial(torch.nn.MSELoss, reduction="mean"), False),
        (torch.nn.MSELoss(), False),
    ],
)
def test_criteria_are_weighed_or_say_that_they_cannot_be(
    mixtures, criterion, can_be_weighed, weighted
):
    X, amounts = mixtures
    weight = np.linspace(0.5, 2, 60) if weighted else None
    model = ResNet1DRegressor(**QUICK, net_params={"criterion": criterion})
    if weighted and not can_be_weighed:
        with pytest.raises(ValueError, match="criterion .* one loss per spectrum, which sample_w"):
            model.fit(X, amounts, sample_weight=weight)
        model.fit(X, amounts, sample_weight=np.full(60, 0.3))  # weights that weigh nothing
        return
    predicted = model.fit(X, amounts, sample_weight=weight).predict(X)
    expected = ResNet1DRegressor(**QUICK).fit(X, amounts, sample_weight=weight).predict(X)
    np.testing.assert_allclose(predicted, expected, atol=1e-4)


@pytest.mark.parametrize(
    "criterion", [torch.nn.HuberLoss(delta=0.1), functools.partial(torch.nn.HuberLoss, delta=0.1)]
)
def test_options_of_a_criterion_are_kept(mixtures, criterion):
    X, amounts = mixtures
    params = {"criterion": torch.nn.HuberLoss, "criterion__delta": 0.1}
    predicted, expected, other = (
        ResNet1DRegressor(**QUICK, net_params=net_params).fit(X, amounts).predict(X)
        for net_params in (
            {"criterion": criterion},
            params,
            {"criterion": torch.nn.HuberLoss},
        )
    )
    np.testing.assert_allclose(predicted, expected, atol=1e-4)
    assert np.abs(predicted - other).max() > 1e-3


def test_class_weight_needs_a_loss_for_each_spectrum(kinds):
    X, y = kinds
    params = {"criterion__reduction": "mean"}
    model = ResNet1DClassifier(**QUICK, net_params=params).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="one loss per spectrum, which sample_weight and class_w"):
        model.set_params(class_weight={"oil": 3, "fat": 1, "wax": 1}).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


class Fives:
    """An iterator of others: it takes no random state, and does not know its length."""

    def __init__(self, dataset, batch_size):
        self.dataset = dataset

    def __iter__(self):
        for rows in np.arange(len(self.dataset)).reshape(-1, 5):
            yield self.dataset[rows.tolist()]


@pytest.mark.parametrize(
    ("net_params", "n_batches"),
    [
        ({"iterator_train": DataLoader}, 3),
        ({"iterator_train": DataLoader, "iterator_train__shuffle": True}, 3),
        ({"iterator_train": DataLoader, "iterator_train__drop_last": True}, 2),
        ({"iterator_train": DataLoader, "iterator_valid": DataLoader}, 3),
        ({"iterator_train": Fives}, 12),
        ({"train_split": ValidSplit(3)}, 2),
    ],
)
def test_rates_follow_the_batches_that_are_made(mixtures, net_params, n_batches):
    X, amounts = mixtures
    rates = {}

    class Watch(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            if training:
                rates.setdefault(len(net.history), []).append(net.optimizer_.param_groups[0]["lr"])

    params = {**QUICK, "batch_size": 25, "callbacks": [Watch()], "warm_start": True}
    model = ResNet1DRegressor(**params, net_params=net_params).fit(X, amounts)
    assert [len(rates[epoch]) for epoch in range(1, 5)] == [n_batches] * 4
    if net_params.get("iterator_train") is not Fives:  # else nobody knows when training ends
        assert rates[4][-1] == pytest.approx(0.001 / 25 * 1e-4)
    model.fit(X, amounts).partial_fit(X, amounts)
    assert len(model.nets_[0].history) == 9


def test_an_iterator_without_batches(mixtures):
    net_params = {"iterator_train": DataLoader, "iterator_train__drop_last": True}
    model = ResNet1DRegressor(**QUICK, batch_size=61, net_params=net_params)
    with pytest.raises(ValueError, match=r"no batch of 60 spectra.*Lower batch_size \(it is 61\)"):
        model.fit(*mixtures)


def test_a_dataset_of_others_is_used(mixtures):
    class Doubled(Dataset):
        def transform(self, X, y):
            return super().transform(X, 2 * y)

    X, amounts = mixtures
    model = ResNet1DRegressor(
        max_epochs=60, lr=0.01, random_state=0, net_params={"dataset": Doubled}
    )
    slope = np.polyfit(amounts[:, 0], model.fit(X, amounts[:, 0]).predict(X), 1)[0]
    assert slope == pytest.approx(2, abs=0.2)


def test_rates_of_groups_stay_shares_of_lr(mixtures):
    groups = [("*bias", {"lr": 1e-5}), ("head*", {"lr": 0.002})]
    model = ResNet1DRegressor(**QUICK, net_params={"optimizer__param_groups": groups})
    model.set_params(warm_start=True).fit(*mixtures).fit(*mixtures)

    def rates():
        return [group["lr"] for group in model.nets_[0].optimizer_.param_groups]

    np.testing.assert_allclose(rates(), [1e-5, 0.002, 0.001], rtol=1e-12)
    with pytest.raises(ValueError, match="diverged"):
        model.set_params(lr=1e12).fit(*mixtures)
    model.set_params(lr=0.0005).partial_fit(*mixtures)
    np.testing.assert_allclose(rates(), [5e-6, 0.001, 0.0005], rtol=1e-12)


@pytest.mark.parametrize(
    ("net_params", "message"),
    [
        *(
            (
                {name: value},
                rf"net_params\['{name}'\] .* Set the parameter {name} of the estimator instead",
            )
            for name, value in ResNet1DRegressor().get_params().items()
            if name != "callbacks"
        ),
        ({"optimizer__lr": 1}, "Set the parameter lr of the estimator instead"),
        (
            {"iterator_train__batch_size": 3},
            "Set the parameter batch_size of the estimator instead",
        ),
        (
            {"iterator_train__random_state": 3},
            "Set the parameter random_state of the estimator instead",
        ),
        ({"module__seed": 3}, "Set the parameter random_state of the estimator instead"),
        ({"module__shortcut": False}, "Set the parameter shortcut of the estimator instead"),
        ({"module": torch.nn.Linear}, "follows from X and y.*module__width"),
        ({"module__n_points": 3}, "follows from X and y.*module__width"),
        (
            {"train_split": ValidSplit(2)},
            "early_stopping both set spectra aside",
        ),
        ({"optimizer": "SGD"}, "'SGD'; expected a class, as torch.optim.SGD is"),
        ({"dataset": Dataset([1])}, "expected a class"),
        ({"optimizer": torch.optim.SparseAdam}, "SparseAdam, which takes sparse gradients only"),
        *(
            ({"optimizer": each}, "Muon, which takes matrices only")
            for name, each in vars(torch.optim).items()
            if name == "Muon"  # torch 2.9
        ),
        ({"criterion": torch.nn.NLLLoss()}, "NLLLoss, which takes logarithms of probabilities"),
    ],
)
def test_what_net_params_cannot_set_is_refused_with_the_place_that_can(
    mixtures, net_params, message
):
    model = ResNet1DRegressor(early_stopping=True, net_params=net_params)
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=message):
            fit(*mixtures)


def test_what_the_caller_passes_stays_as_it_was(mixtures):
    X, amounts = mixtures

    class Keeps(Callback):
        n_trainings = 0

        def on_train_begin(self, net, **kwargs):
            self.n_trainings += 1

    class Learned(torch.nn.MSELoss):
        def __init__(self):
            super().__init__()
            self.factor = torch.nn.Parameter(torch.ones(1))

        def forward(self, predicted, true):
            return self.factor * super().forward(predicted, true)

    plain, named, timer, criterion = Keeps(), Keeps(), Keeps(), Learned()
    third = Keeps()
    net_params = {"criterion": criterion, "callbacks__epoch_timer": timer}
    net_params["callbacks"] = [("c", third)]  # beside those of the estimator
    model = ResNet1DRegressor(**QUICK, callbacks=(plain, ("b", named)), net_params=net_params)
    nets = [model.fit(X, amounts).nets_[0], model.fit(X, amounts).nets_[0]]
    assert [each.n_trainings for each in (plain, named, timer, third)] == [0, 0, 0, 0]
    assert criterion.factor == 1 and net_params == model.get_params()["net_params"]
    for name in ("Keeps", "b", "c", "epoch_timer"):
        one, other = (dict(net.callbacks_)[name] for net in nets)
        assert one is not other
        assert one.n_trainings == other.n_trainings == 1
    assert nets[0].criterion_ is not nets[1].criterion_
    assert nets[0].criterion_.factor != 1


def test_net_params_can_be_searched(mixtures):
    X, amounts = mixtures
    choices = [None, {"optimizer": torch.optim.Rprop}, {"criterion": torch.nn.L1Loss()}]
    model = ResNet1DRegressor(**QUICK)
    search = GridSearchCV(model, {"net_params": choices}, cv=2, error_score="raise")
    search.fit(X, amounts)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    copied = clone(model.set_params(net_params=choices[2]))
    assert copied.net_params["criterion"] is not choices[2]["criterion"]
    np.testing.assert_array_equal(
        copied.fit(X, amounts).predict(X), model.fit(X, amounts).predict(X)
    )
