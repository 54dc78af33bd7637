"""Out-of-fold maps and ensembles of models."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from chemotools.feature_selection import RangeCut
from chemotools.scatter import StandardNormalVariate
from sklearn.base import clone
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    ShuffleSplit,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, cross_explain, explain

FEW = {"max_epochs": 2, "random_state": 0}
# Fast, where it does not matter how good the model is.
QUICK = {**FEW, "shortcut": False}


@pytest.fixture
def regressor():
    return make_pipeline(StandardNormalVariate(), ResNet1DRegressor(**FEW))


@pytest.fixture
def quick():
    return make_pipeline(StandardNormalVariate(), ResNet1DRegressor(**QUICK))


def test_out_of_fold_maps_are_those_of_cross_val_predict(regressor, mixtures_frame, wavenumbers):
    X, y = mixtures_frame
    folds = KFold(3)
    explanation = cross_explain(regressor, X, y, cv=folds)
    np.testing.assert_allclose(explanation.outputs, cross_val_predict(regressor, X, y, cv=folds))
    np.testing.assert_array_equal(explanation.x_axis, wavenumbers)
    np.testing.assert_allclose(explanation.residuals, 0, atol=1e-4)
    train, test = next(folds.split(X))
    model = clone(regressor).fit(X.iloc[train], y.iloc[train])
    np.testing.assert_array_equal(explanation.maps[test], explain(model, X.iloc[test]).maps)
    assert explanation.members == ()


@pytest.mark.parametrize("n_repeats", [1, 2])
def test_samples_keep_their_names_in_the_order_of_the_spectra(quick, mixtures_frame, n_repeats):
    X, y = mixtures_frame
    assert cross_explain(quick, X, y, cv=2, n_repeats=n_repeats).sample_names is None
    named = X.set_axis([f"S{row}" for row in range(60)])
    explanation = cross_explain(quick, named, y, cv=2, n_repeats=n_repeats)
    for each in (explanation, *explanation.members):
        assert each.sample_names.tolist() == named.index.tolist()
    assert explanation.predictions().index.tolist() == named.index.tolist()


def test_groups_stay_together_and_parameters_are_divided(mixtures):
    X, amounts = mixtures
    groups = np.repeat(np.arange(20), 3)
    seen = []

    class Recorded(ResNet1DRegressor):
        def fit(self, X, y, sample_weight=None, groups=None):
            seen.append(groups)
            return super().fit(X, y, sample_weight, groups)

    model = Recorded(**QUICK)
    params = {"groups": groups, "sample_weight": np.arange(1, 61)}
    cross_explain(model, X, amounts[:, 0], cv=4, groups=groups, params=params, random_state=0)
    assert [len(set(each)) for each in seen] == [15] * 4
    left_out = [set(range(20)) - set(each.tolist()) for each in seen]
    assert set.union(*left_out) == set(range(20)) and sum(map(len, left_out)) == 20
    once = cross_explain(model, X, amounts[:, 0], cv=KFold(2).split(X), n_repeats=2)
    assert len(once.members) == 2
    by_group = cross_explain(model, X, amounts[:, 0], cv=LeaveOneGroupOut(), groups=groups // 5)
    assert len(by_group) == 60


def test_repeats_have_seeds_of_their_own_and_are_reproducible(regressor, quick, mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    first, second = (
        cross_explain(regressor, X, y, cv=2, n_repeats=2, n_jobs=n_jobs, random_state=1)
        for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(first.maps, second.maps)
    one, other = first.members
    assert np.abs(one.maps - other.maps).max() > 0
    np.testing.assert_allclose(first.maps, (one.maps + other.maps) / 2, atol=1e-6)
    # The same folds with other seeds of the network.
    fixed = cross_explain(regressor, X, y, cv=KFold(2), n_repeats=2, random_state=1)
    assert np.abs(fixed.members[0].maps - fixed.members[1].maps).max() > 0
    unseeded = clone(quick).set_params(resnet1dregressor__random_state=None)
    one, other = (cross_explain(unseeded, X, y, cv=2, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(one.maps, other.maps)
    assert unseeded[-1].random_state is None
    assert regressor[-1].random_state == 0
    assert not hasattr(regressor[-1], "nets_")


def test_global_random_state_is_left_alone(quick, mixtures):
    before = np.random.get_state()[1].copy()
    cross_explain(quick, mixtures[0], mixtures[1][:, 0], cv=2, n_repeats=2)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_classes(kinds):
    X, y = kinds
    model = ResNet1DClassifier(**FEW)
    everything = cross_explain(model, X, y, cv=2, n_repeats=2, target="all", random_state=0)
    predicted = cross_explain(model, X, y, cv=2, n_repeats=2, random_state=0)
    np.testing.assert_array_equal(
        predicted.targets, everything.targets[everything.outputs.argmax(axis=1)]
    )
    assert (predicted.targets == y).mean() > 0.9
    model.set_params(shortcut=False)  # fast; its targets are given
    own = cross_explain(model, X, y, cv=2, n_repeats=2, target=y, random_state=0)
    assert own.targets.tolist() == y.tolist()
    assert everything.difference().members[0].maps.shape == (60, 100)


@pytest.mark.parametrize("encode", [lambda y: y, lambda y: y == "oil"], ids=["three", "two"])
def test_predictions_are_those_of_cross_val_predict(kinds, encode):
    X, y = kinds[0], encode(kinds[1])
    model = make_pipeline(StandardNormalVariate(), ResNet1DClassifier(**FEW))
    folds = list(KFold(3, shuffle=True, random_state=0).split(X))
    explanation = cross_explain(model, X, y, cv=folds, target="all")
    table = explanation.predictions()
    assert list(table.columns) == ["predicted", "probability", "y"] and len(table) == len(X)
    np.testing.assert_array_equal(table["y"], y)
    predicted = cross_val_predict(model, X, y, cv=folds)
    np.testing.assert_array_equal(table["predicted"], predicted)
    probabilities = cross_val_predict(model, X, y, cv=folds, method="predict_proba")
    np.testing.assert_allclose(table["probability"], probabilities.max(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(explanation.pick(None).targets, predicted)
    np.testing.assert_allclose(explanation.probabilities, probabilities, rtol=1e-6)
    for one in (explanation.pick(None), explanation.difference()):
        pd.testing.assert_frame_equal(one.predictions(), table)
        with pytest.raises(ValueError, match="target='all'"):
            replace(one, class_outputs=None).predictions()


@pytest.mark.parametrize("names", [["fat"], ["fat", "wax"]], ids=["one", "two"])
def test_predictions_of_quantification(quick, mixtures, names):
    y = pd.DataFrame(mixtures[1][:, : len(names)], columns=names)
    table = cross_explain(quick, mixtures[0], y, cv=KFold(2)).predictions()
    assert list(table.columns) == (names if len(names) > 1 else ["predicted", "y"])
    predicted = table.drop(columns="y", errors="ignore").to_numpy()
    expected = cross_val_predict(quick, mixtures[0], y, cv=KFold(2)).reshape(60, -1)
    np.testing.assert_allclose(predicted, expected)


def test_folds_must_leave_every_spectrum_out_once(regressor, mixtures):
    with pytest.raises(ValueError, match="every spectrum must be left out exactly once"):
        cross_explain(regressor, mixtures[0], mixtures[1][:, 0], cv=ShuffleSplit(3, random_state=0))


def test_missing_classes_and_wavelengths_that_differ_are_refused(kinds, mixtures):
    X, y = kinds
    with pytest.raises(ValueError, match="do not know the same targets"):
        cross_explain(ResNet1DClassifier(**QUICK), X, y, cv=GroupKFold(3), groups=y)
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 100))
    model = make_pipeline(SelectKBest(f_regression, k=40), ResNet1DRegressor(**QUICK))
    with pytest.raises(ValueError, match="different wavelengths"):
        cross_explain(model, X, mixtures[1][:, 0], cv=3, x_axis=np.arange(100))


@pytest.mark.parametrize("n_repeats", [0, 1.5])
def test_number_of_repeats_is_checked(regressor, mixtures, n_repeats):
    with pytest.raises(ValueError, match="n_repeats"):
        cross_explain(regressor, mixtures[0], mixtures[1][:, 0], n_repeats=n_repeats)


# ---------------------------------------------------------------- ensembles


def test_bagging_regressor(quick, mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    model = BaggingRegressor(quick, n_estimators=3, random_state=0).fit(X, y)
    explanation = explain(model, X, reference=X[2])
    np.testing.assert_allclose(explanation.outputs, model.predict(X))
    np.testing.assert_allclose(explanation.base_values, model.predict(X[2:3])[0])
    np.testing.assert_allclose(explanation.residuals, 0, atol=1e-4)
    maps = [explain(member, X, reference=X[2]).maps for member in model.estimators_]
    np.testing.assert_allclose(explanation.maps, np.mean(maps, axis=0), atol=1e-6)
    np.testing.assert_allclose(explanation.maps_std, np.std(maps, axis=0, ddof=1), atol=1e-6)


def test_voting_regressor_weighs_its_members(regressor, mixtures_frame, wavenumbers):
    X, y = mixtures_frame
    members = [("snv", regressor), ("raw", ResNet1DRegressor(**FEW)), ("none", "drop")]
    model = VotingRegressor(members, weights=[1, 3, 5]).fit(X, y)
    explanation = explain(model, X)
    np.testing.assert_allclose(explanation.outputs, model.predict(X))
    np.testing.assert_array_equal(explanation.x_axis, wavenumbers)


def test_classifying_ensembles(kinds):
    X, y = kinds
    one = ResNet1DClassifier(**FEW)
    bagging = BaggingClassifier(one, n_estimators=3, random_state=0)
    voting = VotingClassifier(
        [("raw", one), ("snv", make_pipeline(StandardNormalVariate(), one))], voting="soft"
    )
    for model in (bagging.fit(X, y), voting.fit(X, y)):
        explanation = explain(model, X)
        np.testing.assert_array_equal(explanation.targets, model.predict(X))
        np.testing.assert_allclose(explanation.residuals, 0, atol=1e-4)
        everything = explain(model, X, target="all")
        assert everything.targets.tolist() == ["fat", "oil", "wax"]
        logits = np.mean([member.outputs for member in everything.members], axis=0)
        np.testing.assert_allclose(everything.outputs, logits)


def test_ensembles_that_cannot_be_explained(kinds, mixtures, wavenumbers):
    X, y = kinds
    hard = VotingClassifier([("a", ResNet1DClassifier(**QUICK))], voting="hard").fit(X, y)
    with pytest.raises(ValueError, match="voting='soft'"):
        explain(hard, X)
    X, amounts = mixtures
    some = BaggingRegressor(
        ResNet1DRegressor(**QUICK), n_estimators=2, max_features=0.5, random_state=0
    ).fit(X, amounts[:, 0])
    with pytest.raises(ValueError, match=r"Use max_features=1.0"):
        explain(some, X)
    whole = ResNet1DRegressor(**QUICK)
    cut = make_pipeline(RangeCut(start=900, end=1500, x_axis=wavenumbers), clone(whole))
    two = VotingRegressor([("cut", cut), ("whole", whole)]).fit(X, amounts[:, 0])
    with pytest.raises(ValueError, match="different wavelengths"):
        explain(two, X, x_axis=wavenumbers)
