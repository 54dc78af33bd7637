"""The estimators: input, output, training, state and errors."""

import pickle
import random

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from chemotools.scatter import StandardNormalVariate
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EpochScoring
from skorch.dataset import ValidSplit

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor

FEW = {"max_epochs": 4, "random_state": 0}


# ------------------------------------------------------------------ input and output


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
    model = ResNet1DClassifier(random_state=0, max_epochs=20).fit(X, y)
    assert model.score(X, y) == 1
    assert set(model.predict(X)) == set(y)


def test_logits_probabilities_and_classes_agree(kinds):
    X, y = kinds
    model = ResNet1DClassifier(**FEW).fit(X, y)
    logits, probabilities = model.decision_function(X), model.predict_proba(X)
    exponential = np.exp(logits)
    np.testing.assert_allclose(
        probabilities, exponential / exponential.sum(axis=1, keepdims=True), rtol=1e-6
    )
    np.testing.assert_array_equal(model.predict(X), model.classes_[logits.argmax(axis=1)])
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
    model = ResNet1DRegressor(max_epochs=20, random_state=0).fit(X[:40], y[:40])
    assert model.predict(X).shape == y.shape
    assert model.score(X[40:], y[40:]) > 0.97


def test_unit_of_y_does_not_matter(mixtures):
    X, amounts = mixtures
    y = amounts[:, 0]
    small, large = (
        ResNet1DRegressor(**FEW).fit(X, factor * y + shift).predict(X)
        for factor, shift in ((1, 0), (1e4, -3e5))
    )
    np.testing.assert_allclose(large, 1e4 * small - 3e5, rtol=1e-4)


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
def test_any_container(mixtures, convert):
    X, amounts = mixtures
    y = amounts[:, 0]
    expected = ResNet1DRegressor(**FEW).fit(X, y).predict(X)
    converted = convert(X)
    predicted = ResNet1DRegressor(**FEW).fit(converted, y).predict(converted)
    np.testing.assert_allclose(predicted, expected, atol=2e-4)


def test_one_spectrum_equals_the_batch(kinds):
    X, y = kinds
    model = ResNet1DClassifier(**FEW).fit(X, y)
    batch, maps = model.decision_function(X), model.explain(X, target="all").maps
    for row in (0, 30):
        one = X[row : row + 1]
        np.testing.assert_allclose(model.decision_function(one)[0], batch[row], atol=1e-5)
        scale = np.abs(maps[row]).sum(axis=0)
        np.testing.assert_allclose(
            model.explain(one, target="all").maps[0] / scale, maps[row] / scale, atol=1e-6
        )


def test_inputs_are_not_changed(mixtures):
    X, amounts = (array.copy() for array in mixtures)
    weight = np.ones(60)
    for array in (X, amounts, weight):
        array.flags.writeable = False
    model = ResNet1DRegressor(**FEW).fit(X, amounts, sample_weight=weight)
    model.predict(X)
    model.explain(X)
    np.testing.assert_array_equal(X, mixtures[0])


# ------------------------------------------------------------------------- explaining


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("target", [None, "all", "fat", "each"])
def test_classifier_maps_add_up(kinds, target, shortcut):
    X, y = kinds
    model = ResNet1DClassifier(**FEW, shortcut=shortcut).fit(X, y)
    explanation = model.explain(
        X, target=y if isinstance(target, str) and target == "each" else target
    )
    total = explanation.maps.sum(axis=1) + explanation.base_values
    scale = np.abs(explanation.outputs).max()
    np.testing.assert_allclose(total / scale, explanation.outputs / scale, rtol=0, atol=1e-5)
    logits = model.decision_function(X)
    if target == "all":
        assert explanation.maps.shape == (60, 100, 3)
        np.testing.assert_array_equal(explanation.outputs, logits)
        np.testing.assert_array_equal(explanation.targets, model.classes_)
    else:
        expected = {None: model.predict(X), "fat": np.full(60, "fat"), "each": y}[target]
        np.testing.assert_array_equal(explanation.targets, expected)
        column = np.searchsorted(model.classes_, expected)
        np.testing.assert_array_equal(explanation.outputs, logits[np.arange(60), column])


@pytest.mark.parametrize("shortcut", [True, False])
def test_regressor_maps_add_up_in_the_unit_of_y(mixtures, shortcut):
    X, amounts = mixtures
    y = 1000 * amounts - 5000
    model = ResNet1DRegressor(**FEW, shortcut=shortcut).fit(X, y)
    explanation = model.explain(X)
    assert explanation.maps.shape == (60, 100, 3)
    np.testing.assert_array_equal(explanation.outputs, model.predict(X))
    total = explanation.maps.sum(axis=1) + explanation.base_values
    scale = np.abs(explanation.outputs).max()
    np.testing.assert_allclose(total / scale, explanation.outputs / scale, rtol=0, atol=1e-5)


def test_the_map_finds_the_band(mixtures, wavenumbers):
    """The amount of the first component can be read at 1200 cm-1 and nowhere else."""
    X, amounts = mixtures
    model = ResNet1DRegressor(random_state=0).fit(X, amounts[:, 0])
    explanation = model.explain(X, x_axis=wavenumbers)
    table = explanation.contributions({"own": (1140, 1260), "other": (1540, 1660)})
    share = table["share"].abs().groupby(table["band"]).mean()
    assert share["own"] > 0.5 > 0.2 > share["other"]


def test_binary_logits_are_the_halves_of_the_margin(kinds):
    X, y = kinds
    model = ResNet1DClassifier(**FEW).fit(X, y == "oil")
    explanation = model.explain(X, target="all")
    np.testing.assert_allclose(
        explanation.outputs[:, 1] - explanation.outputs[:, 0], model.decision_function(X)
    )
    scale = np.abs(explanation.maps).max()
    np.testing.assert_allclose(explanation.maps.sum(axis=2) / scale, 0, atol=1e-6)


def test_outputs_are_named_after_y(mixtures):
    X, amounts = mixtures
    y = pd.DataFrame(amounts, columns=["fat", "water", "salt"])
    model = ResNet1DRegressor(**FEW).fit(X, y)
    explanation = model.explain(X, target="water")
    assert explanation.targets.tolist() == ["water"] * 60
    # One output's products are summed in another order than those of all: float32's last digits.
    every = model.explain(X).maps[:, :, 1]
    np.testing.assert_allclose(explanation.maps, every, atol=1e-6 * np.abs(every).max())
    np.testing.assert_array_equal(model.explain(X, target=1).maps, explanation.maps)
    assert ResNet1DRegressor(**FEW).fit(X, y["fat"]).explain(X).output_name == "fat"


@pytest.mark.parametrize("names", ["strings", "floats", "given", "index"])
def test_wavelength_axis(mixtures, wavenumbers, names):
    X, amounts = mixtures
    frame = {
        "strings": pd.DataFrame(X, columns=wavenumbers.astype(str)),
        "floats": pd.DataFrame(X, columns=wavenumbers),
    }.get(names, X)
    model = ResNet1DRegressor(**FEW).fit(frame, amounts[:, 0])
    given = wavenumbers if names == "given" else None
    expected = np.arange(100) if names == "index" else wavenumbers
    np.testing.assert_array_equal(model.explain(frame, x_axis=given).x_axis, expected)


# --------------------------------------------------------------------------- training


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


def test_early_stopping_keeps_groups_together_and_the_best_weights(mixtures, monkeypatch):
    X, amounts = mixtures
    groups = np.repeat(np.arange(20), 3)
    seen = {}
    original = ResNet1DRegressor._validation_split

    def spy(self, *args):
        seen["split"] = original(self, *args)
        return seen["split"]

    monkeypatch.setattr(ResNet1DRegressor, "_validation_split", spy)
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
    with pytest.raises(ValueError, match=r"\['wax'\] have one sample"):
        model.fit(X[:41], y[:41])


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
    with pytest.raises(ValueError, match="does not know"):
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


def watched_rates():
    """Return a list, and a callback that adds the learning rate of every step to it."""
    rates = []

    class Watch(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    return rates, Watch()


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


def test_warm_start_goes_on(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(**FEW, warm_start=True, shortcut=False).fit(X, amounts[:, 0])
    before = model.score(X, amounts[:, 0])
    for _ in range(5):
        model.fit(X, amounts[:, 0])
    assert len(model.nets_[0].history) == 24
    assert model.score(X, amounts[:, 0]) > before


def test_learning_rate_follows_one_cycle_and_is_left_as_it_was(mixtures):
    rates, watch = watched_rates()
    model = ResNet1DRegressor(max_epochs=10, lr=0.002, random_state=0, callbacks=[watch])
    model.fit(*mixtures)
    assert max(rates) == pytest.approx(0.002, rel=0.05)
    assert rates[0] < 0.0002 and rates[-1] < 0.0002
    assert [g["lr"] for g in model.nets_[0].optimizer_.param_groups] == [0.002, 0.002]


def test_one_step_is_not_lost_in_the_cycle(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(
        max_epochs=1, batch_size=100, shortcut=False, warm_start=True, random_state=0
    )
    for _ in range(60):
        model.fit(X, amounts)
    assert model.score(X, amounts) > 0.5


def test_numpy_integers_are_integers(mixtures):
    ResNet1DRegressor(max_epochs=np.int64(2), batch_size=np.int32(8)).fit(*mixtures)


def test_parameters_may_change_between_calls(mixtures):
    model = ResNet1DRegressor(**FEW).partial_fit(*mixtures)
    model.set_params(lr=1e-5, batch_size=7).partial_fit(*mixtures)
    (net,) = model.nets_
    assert net.optimizer_.param_groups[0]["lr"] == 1e-5
    assert net.history[-1, "train_batch_count"] == 9  # 60 spectra in batches of at most 7


def test_one_group_is_no_group(mixtures):
    X, amounts = mixtures
    groups = np.zeros(60)
    assert ResNet1DRegressor(**FEW).fit(X, amounts, groups=groups).score(X, amounts) > 0.97


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.75])
def test_classifier_sets_aside_the_share_asked_for(fraction):
    y = np.repeat([0, 1, 2], [28, 28, 4])
    model = ResNet1DClassifier(validation_fraction=fraction)
    model.classes_ = np.arange(3)
    training, validation = model._split(np.zeros((60, 2)), y, None, np.random.RandomState(0))
    assert len(validation) / 60 == pytest.approx(fraction, abs=0.05)
    assert sorted([*training, *validation]) == list(range(60))


def test_default_column_names_are_no_axis(mixtures, wavenumbers):
    X, amounts = mixtures
    model = ResNet1DRegressor(**FEW).fit(pd.DataFrame(X, columns=wavenumbers), amounts)
    np.testing.assert_array_equal(model.explain(pd.DataFrame(X)).x_axis, wavenumbers)


def test_another_axis_than_in_training_is_refused(mixtures, wavenumbers):
    X, amounts = mixtures
    frame = pd.DataFrame(X, columns=wavenumbers)
    model = ResNet1DRegressor(**FEW).fit(frame, amounts)
    with pytest.raises(ValueError, match="from 1790 to 800, those of the training .* 800 to 1790"):
        model.predict(frame.iloc[:, ::-1])


def test_skorch_stays_in_reach(mixtures):
    X, amounts = mixtures
    scoring = EpochScoring("r2", on_train=True, name="r2", lower_is_better=False)
    model = ResNet1DRegressor(
        **FEW,
        callbacks=[scoring],
        net_params={"optimizer": torch.optim.SGD, "optimizer__momentum": 0.5},
    ).fit(X, amounts[:, 0])
    (net,) = model.nets_
    assert isinstance(net.optimizer_, torch.optim.SGD)
    assert len(net.history[:, ("train_loss", "r2")]) == 4
    assert not hasattr(scoring, "best_score_")  # the caller's own callback is as it was


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


# ------------------------------------------------------------------------- bad input


def test_net_params_are_kept(mixtures):
    X, amounts = mixtures
    split = ValidSplit(0.2)
    model = ResNet1DRegressor(**FEW, net_params={"train_split": split}).fit(X, amounts)
    assert len(model.nets_[0].history[:, "valid_loss"]) == 4
    model.partial_fit(X, amounts)
    assert len(model.nets_[0].history[:, "valid_loss"]) == 5


def with_nan(X, value=np.nan):
    X = X.copy()
    X[3, 7] = X[5, 7] = value
    return X


def constant_after_snv(X):
    X = X.copy()
    X[4] = 1.0
    with pytest.warns(UserWarning, match="flat signal"), np.errstate(invalid="ignore"):
        return StandardNormalVariate().fit_transform(X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_nan, r"contains NaN in rows 3, 5 and columns 7; .*Drop or impute"),
        (lambda X: with_nan(X, np.inf), r"contains infinity \(inf\) in rows 3, 5 and columns 7"),
        (constant_after_snv, r"NaN in rows 4 and columns 0, 1, .*constant spectrum"),
        (lambda X: scipy.sparse.csr_array(X), "dense"),
        (lambda X: X[0], "Expected 2D array"),
        (lambda X: X[:1], "1 sample|inconsistent"),
        (lambda X: X[:, :1], r"1 feature\(s\).*at least 2 points"),
        (lambda X: X[:, :0], r"0 feature\(s\)"),
    ],
)
def test_bad_spectra_in_fit(mixtures, change, message):
    X, amounts = mixtures
    bad = change(X)
    y = amounts[: bad.shape[0] if bad.ndim == 2 else 60, 0]
    with pytest.raises((ValueError, TypeError), match=message):
        ResNet1DRegressor(**FEW).fit(bad, y)


@pytest.mark.parametrize("method", ["predict", "explain"])
@pytest.mark.parametrize(
    ("change", "message"),
    [(with_nan, "NaN in rows 3, 5"), (lambda X: X[:, :99], "99 features, .* expecting 100")],
)
def test_bad_spectra_afterwards(mixtures, method, change, message):
    X, amounts = mixtures
    model = ResNet1DRegressor(**FEW).fit(X, amounts[:, 0])
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(change(X))


def test_bad_y(mixtures, kinds):
    X, amounts = mixtures
    y = amounts.copy()
    y[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"Input y contains NaN .* in rows 2; every"):
        ResNet1DRegressor(**FEW).fit(X, y)
    with pytest.raises(ValueError, match="1 class, 'oil'; a classifier needs at least two"):
        ResNet1DClassifier(**FEW).fit(kinds[0], np.full(60, "oil"))
    with pytest.raises(ValueError, match="Unknown label type"):
        ResNet1DClassifier(**FEW).fit(X, amounts[:, 0])
    model = ResNet1DRegressor(**FEW, warm_start=True).fit(X, amounts)
    with pytest.raises(ValueError, match=r"1 column\(s\), but the model was fitted on 3"):
        model.fit(X, amounts[:, 0])


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


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("glass", r"target='glass' is none of .*\['fat', 'oil', 'wax'\]"),
        (["oil", "fat"], r"target has shape \(2,\), but X has 60 spectra"),
        (np.full(60, "glass"), "target='glass' is none"),
        (1, "target=1 is none"),
    ],
)
def test_unknown_targets(kinds, target, message):
    X, y = kinds
    with pytest.raises(ValueError, match=message):
        ResNet1DClassifier(**FEW).fit(X, y).explain(X, target=target)


@pytest.mark.parametrize(
    ("x_axis", "message"),
    [
        (np.arange(99), r"shape \(99,\), but the spectra have 100 points"),
        (np.r_[0:50, 49:99], "not strictly .* 49 is followed by 49 at point 50.*duplicates"),
        (np.r_[50:100, 0:50], "99 is followed by 0 at point 50"),
        (np.r_[9, 0:99], "9 is followed by 0 at point 1"),
        (np.r_[0:99, np.nan], "NaN or infinity"),
    ],
)
def test_bad_axes(mixtures, x_axis, message):
    X, amounts = mixtures
    with pytest.raises(ValueError, match=message):
        ResNet1DRegressor(**FEW).fit(X, amounts[:, 0]).explain(X, x_axis=x_axis)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_epochs": -1}, "max_epochs=-1; expected an integer, 0 or more"),
        ({"lr": -1}, "lr=-1; expected a positive number"),
        ({"validation_fraction": 1}, "between 0 and 1"),
        ({"batch_size": 2.5}, "batch_size=2.5"),
        ({"n_iter_no_change": True}, "n_iter_no_change=True"),
    ],
)
def test_bad_parameters(mixtures, parameters, message):
    with pytest.raises(ValueError, match=message):
        ResNet1DRegressor(**parameters).fit(mixtures[0], mixtures[1])


def test_a_failed_fit_is_no_fit(kinds):
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


def test_bad_weights_and_groups(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(**FEW)
    with pytest.raises(ValueError, match=r"groups has shape \(3,\), but X has 60 rows"):
        model.fit(X, amounts, groups=[1, 2, 3])
    with pytest.raises(ValueError, match="at least one non-zero|positive for 0 sample"):
        model.fit(X, amounts, sample_weight=np.zeros(60))
    with pytest.raises(ValueError, match="sample_weight is positive for 1 sample"):
        model.fit(X, amounts, sample_weight=np.eye(60)[0])
    with pytest.raises(ValueError, match="one group"):
        model.set_params(early_stopping=True).fit(X, amounts, groups=np.zeros(60))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "explain"])
def test_unfitted(kinds, method):
    with pytest.raises(NotFittedError):
        getattr(ResNet1DClassifier(), method)(kinds[0])


@pytest.mark.parametrize("Model", [ResNet1DClassifier, ResNet1DRegressor])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_no_epochs_leave_the_calibration_that_training_starts_from(kinds, Model, early_stopping):
    X, y = kinds
    y = y if Model is ResNet1DClassifier else X[:, 20]
    model = Model(max_epochs=0, early_stopping=early_stopping, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.9
    assert len(model.nets_[0].history) == 0


def test_classes_of_weight_zero_start_nothing(kinds):
    """A class that counts for nothing is known, and no other is mistaken for it."""
    X, y = kinds
    model = ResNet1DClassifier(**FEW, class_weight={"oil": 0, "fat": 1, "wax": 1}).fit(X, y)
    assert model.classes_.tolist() == ["fat", "oil", "wax"]
    assert model.score(X[y != "oil"], y[y != "oil"]) == 1
    lonely = np.where(np.arange(60) == 3, "oil", "fat")
    ResNet1DClassifier(**FEW, class_weight={"oil": 1, "fat": 0}).fit(X, lonely)


def test_classes_all_of_weight_zero(kinds):
    with pytest.raises(ValueError, match="All spectra to train on have weight zero"):
        ResNet1DClassifier(class_weight=dict.fromkeys(["oil", "fat", "wax"], 0)).fit(*kinds)
    X, y = kinds
    model = ResNet1DClassifier(**FEW, warm_start=True, class_weight={"oil": 0}).fit(X, y)
    with pytest.raises(ValueError, match="All spectra to train on have weight zero"):
        model.fit(X[y == "oil"], y[y == "oil"])
