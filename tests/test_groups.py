"""Groups: they stay together, leave enough to train on, and reach fit."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, cross_explain
from sklearn_spectral._calibration.folds import (
    set_aside,
    undominated_groups,
    warnings_of_replicates,
)
from sklearn_spectral._pipelines.unwrap import argument_of_groups
from sklearn_spectral._spectra.training_set import TrainingSet

START = {"max_epochs": 0, "random_state": 0}


def _data(groups, y=None):
    y = np.zeros(len(groups)) if y is None else y
    return TrainingSet.of(np.zeros((len(groups), 3)), y, np.ones(len(groups)), groups)


@pytest.mark.parametrize(
    ("sizes", "n_groups"),
    [
        ([20, 20, 20], 3),
        ([30, 30], 2),
        ([45, 15], 2),  # a quarter is left
        ([46, 14], 47),
        ([58, 1, 1], 60),
        ([60], 60),
        ([3, 3], 2),
        ([11, 9], 12),  # nine are less than ten
        ([300, 100], 2),
    ],
)
def test_units_leave_enough_to_train_on(sizes, n_groups):
    groups = undominated_groups(_data(np.repeat(np.arange(len(sizes)), sizes)))
    assert np.unique(groups).tolist() == list(range(n_groups))


@pytest.mark.parametrize("sizes", [[59, 1], [58, 1, 1], [57, 3], [1, 50, 9]])
@pytest.mark.parametrize("estimator", [ResNet1DRegressor, ResNet1DClassifier])
def test_a_dominating_group_does_not_take_the_calibration_away(mixtures, sizes, estimator):
    X, amounts = mixtures
    y = amounts[:, 0] if estimator is ResNet1DRegressor else amounts[:, 0] > 5
    groups = np.repeat(np.arange(len(sizes)), sizes)
    with pytest.warns(UserWarning, match="One of the groups contains so many spectra"):
        model = estimator(**START).fit(X, y, groups=groups)
    assert model.score(X, y) > 0.95


def test_early_stopping_sets_groups_aside_at_random_near_the_share_asked_for():
    """One group holds 40 of 100 spectra: the others have what is wanted, 10."""
    groups = np.repeat(np.arange(21), [40] + [3] * 20)
    y = (np.arange(21) % 2)[groups]
    for classes, labels in ((np.arange(2), y), (None, y.astype(float))):
        chosen = set()
        for seed in range(20):
            data = _data(groups, labels)
            rows = set_aside(data, 0.1, np.random.RandomState(seed), classes=classes)
            training, validation = rows
            assert sorted(np.concatenate(rows)) == list(range(100))
            assert not set(groups[training]) & set(groups[validation])
            assert len(validation) in (9, 12)
            assert classes is None or set(y[validation]) == {0, 1}
            chosen |= set(groups[validation])
        assert len(chosen) > 15 and 0 not in chosen


def test_early_stopping_sets_both_classes_aside_where_groups_are_of_one_class():
    """Groups of 1 to 30 spectra: it was one class only in more than half of such sets."""
    for seed in range(50):
        rng = np.random.RandomState(seed)
        n_groups = rng.randint(8, 25)
        groups = np.repeat(np.arange(n_groups), rng.choice([1, 2, 3, 10, 30], n_groups))
        y = (np.arange(n_groups) % 2)[groups]
        training, validation = set_aside(_data(groups, y), 0.1, rng, classes=np.arange(2))
        assert set(y[validation]) == set(y[training]) == {0, 1}


def _models():
    net = ResNet1DRegressor(**START)
    pipeline = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), net))
    name = "pipeline__resnet1dregressor__groups"
    return [
        (net, "groups"),
        (pipeline, name),
        (TransformedTargetRegressor(pipeline), name),
        (GridSearchCV(pipeline, {}), name),
        (GridSearchCV(net, {}), None),  # it hands them to its folds
        (BaggingRegressor(net), None),
        (TransformedTargetRegressor(), None),
    ]


@pytest.mark.parametrize(("model", "name"), _models())
def test_argument_by_which_groups_reach_the_last_step(model, name):
    assert argument_of_groups(model) == name


@pytest.mark.parametrize("told", [None, {"groups": None}, {"pipeline__resnet__groups": None}])
def test_cross_explain_tells_fit_of_groups_unless_told_otherwise(mixtures, told):
    X, amounts = mixtures
    groups = np.repeat(np.arange(20), 3)
    seen = []

    class Recorded(ResNet1DRegressor):
        def fit(self, X, y, sample_weight=None, groups=None):
            seen.append(groups)
            return super().fit(X, y, sample_weight, groups)

    model = Recorded(**START)
    if told is None or "groups" not in told:
        model = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), model))
        model.steps[1][1].steps[1] = ("resnet", model.steps[1][1].steps[1][1])
    cross_explain(model, X, amounts[:, 0], cv=4, groups=groups, params=told, random_state=0)
    if told is None:
        assert [len(set(each)) for each in seen] == [15] * 4
    else:
        assert seen == [None] * 4


def test_groups_go_where_metadata_routing_sends_them(mixtures):
    X, amounts = mixtures
    groups = np.repeat(np.arange(20), 3)
    net = ResNet1DRegressor(**START)
    plain = cross_explain(net, X, amounts[:, 0], cv=4, groups=groups, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        asked = make_pipeline(ResNet1DRegressor(**START).set_fit_request(groups=True))
        routed = cross_explain(asked, X, amounts[:, 0], cv=4, groups=groups, random_state=0)
        not_asked = make_pipeline(ResNet1DRegressor(**START).set_fit_request(groups=False))
        other = cross_explain(not_asked, X, amounts[:, 0], cv=4, groups=groups, random_state=0)
    np.testing.assert_array_equal(routed.outputs, plain.outputs)
    assert not np.array_equal(other.outputs, plain.outputs)


# ---------------------------------------------------------------- replicates without groups


def _mixtures(amounts, rng, n_points=100):
    """Return spectra of components, with a sloping baseline and noise of their own each."""
    x = np.arange(n_points)
    pure = np.exp(-0.5 * ((x - np.linspace(10, 90, amounts.shape[1])[:, None]) / 6) ** 2)
    slopes = 0.3 * rng.normal(size=(len(amounts), 1)) * x / n_points
    return amounts @ pure + slopes + 0.01 * rng.normal(size=(len(amounts), n_points))


def _replicates(rng, rows, columns=0):
    """Return amounts in the spectra of some rows, those of the same sample alike, and their y."""
    amounts = rng.uniform(0, 10, (60, 3))[rows]
    return amounts + 0.2 * rng.normal(size=amounts.shape), amounts[:, columns]


N = np.arange(60)
WITH_REPLICATES = {
    "two": lambda rng: _replicates(rng, N // 2),
    "three": lambda rng: _replicates(rng, N // 3),
    "five": lambda rng: _replicates(rng, N // 5),
    "of half the samples": lambda rng: _replicates(rng, np.where(N < 30, N // 3, N)),
    "some of them dropped": lambda rng: _replicates(rng, N[N % 7 > 0] // 3),
    "two values": lambda rng: _replicates(rng, N // 3, columns=[0, 1]),
}


def _random(rng):
    return rng.uniform(0, 10, (60, 3))


def _walk(rng):
    return np.cumsum(rng.normal(size=(60, 3)), axis=0)


def _sorted(rng):
    return np.sort(_random(rng), axis=0) * [1, 0, 0] + _random(rng) * [0, 1, 1]


def _levels(rng, levels):
    return np.column_stack([levels, _random(rng)[: len(levels), 1:]])


def _with_y(make, y_of):
    return lambda rng: ((amounts := make(rng)), y_of(amounts[:, 0]))


WITHOUT = {
    "samples": _with_y(_random, lambda y: y),
    "rounded values": _with_y(_random, lambda y: y.round(0)),
    "a constant": _with_y(_random, np.ones_like),
    "many zeros": _with_y(_random, lambda y: np.where(y < 6, 0, y)),
    "sorted": _with_y(_sorted, lambda y: y),
    "sorted and rounded": _with_y(_sorted, lambda y: (2 * y).round(0)),
    "a walk": _with_y(_walk, lambda y: y),
    "a rounded walk": _with_y(_walk, lambda y: y.round(0)),
    "every third value of a walk": _with_y(_walk, lambda y: y[N // 3 * 3]),
    "two levels": _with_y(lambda rng: _levels(rng, N % 2 * 9), lambda y: y),
    "two levels in order": _with_y(lambda rng: _levels(rng, N // 30 * 9), lambda y: y),
    "two levels by chance": _with_y(lambda rng: _levels(rng, rng.choice(2, 60) * 99), lambda y: y),
    "twelve levels": _with_y(lambda rng: _levels(rng, N // 5), lambda y: y),
    "levels in batches": _with_y(lambda rng: _levels(rng, N // 3 % 5), lambda y: y),
    "shuffled replicates": lambda rng: _replicates(rng, rng.permutation(N // 3)),
    "bootstrap": lambda rng: _replicates(rng, rng.choice(60, 60)),
}


def _warned(amounts, y, rng, groups=None):
    y = np.reshape(y, (len(amounts), -1)).astype(float)
    X = _mixtures(amounts, rng)
    return warnings_of_replicates(TrainingSet.of(X, y, np.ones(len(X)), groups))


@pytest.mark.parametrize("kind", WITH_REPLICATES)
def test_replicates_are_seen(kind):
    for seed in range(20):
        rng = np.random.RandomState(seed)
        assert len(_warned(*WITH_REPLICATES[kind](rng), rng)) == 1, seed


@pytest.mark.parametrize("kind", WITHOUT)
def test_no_replicates_are_seen_where_there_are_none_to_see(kind):
    for seed in range(20):
        rng = np.random.RandomState(seed)
        assert _warned(*WITHOUT[kind](rng), rng) == [], seed


def test_long_runs_are_no_replicates():
    rng = np.random.RandomState(0)
    amounts = rng.uniform(0, 10, (12, 3))[np.arange(240) // 20]
    assert _warned(amounts, amounts[:, 0], rng) == []


def test_fit_says_which_rows_look_like_replicates(mixtures):
    X, amounts = mixtures
    rows = np.repeat(np.arange(20), 3)
    X = pd.DataFrame(X[rows] + 0.001 * X[::-1])
    y = amounts[rows, 0]
    model = ResNet1DRegressor(**START, shortcut=False)
    said = r"^Rows 0-2, 3-5, 6-8, \.\.\. \(60 of 60 spectra.*Pass the sample of every spectrum"
    for params in ({}, {"early_stopping": True}):
        with pytest.warns(UserWarning, match=said) as record:
            model.set_params(**params).fit(X, y)
        assert len(record) == 1 and record[0].filename == __file__
    model.set_params(warm_start=True).fit(X, y)  # it was said when the model was new
    outputs = ResNet1DRegressor(**START).fit(X, y, groups=range(60)).predict(X)
    with pytest.warns(UserWarning, match=said):
        np.testing.assert_array_equal(ResNet1DRegressor(**START).fit(X, y).predict(X), outputs)
    ResNet1DRegressor(**START).fit(X, y, groups=rows)
    labels = np.where(y > 5, "oil", "fat")
    ResNet1DClassifier(**START, shortcut=False).fit(X, labels)
    ResNet1DRegressor(**START, shortcut=False).partial_fit(X, y)


def test_bootstrap_samples_of_an_ensemble_are_no_replicates(mixtures):
    X, amounts = mixtures
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = ResNet1DRegressor(**START, shortcut=False)
        BaggingRegressor(net, n_estimators=5, random_state=0).fit(X, amounts[:, 0])
