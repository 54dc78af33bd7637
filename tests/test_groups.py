"""Groups: they stay together, leave enough to train on, and reach fit."""

import numpy as np
import pytest
import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, cross_explain
from sklearn_spectral._calibration.folds import set_aside, units_of
from sklearn_spectral._pipelines.unwrap import argument_of_groups
from sklearn_spectral._spectra.training_set import TrainingSet

START = {"max_epochs": 0, "random_state": 0}


def _data(groups, y=None):
    y = np.zeros(len(groups)) if y is None else y
    return TrainingSet.of(np.zeros((len(groups), 3)), y, np.ones(len(groups)), groups)


@pytest.mark.parametrize(
    ("sizes", "n_units"),
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
def test_units_leave_enough_to_train_on(sizes, n_units):
    units = units_of(_data(np.repeat(np.arange(len(sizes)), sizes)))
    assert np.unique(units).tolist() == list(range(n_units))


@pytest.mark.parametrize("sizes", [[59, 1], [58, 1, 1], [57, 3], [1, 50, 9]])
@pytest.mark.parametrize("estimator", [ResNet1DRegressor, ResNet1DClassifier])
def test_a_dominating_group_does_not_take_the_calibration_away(mixtures, sizes, estimator):
    X, amounts = mixtures
    y = amounts[:, 0] if estimator is ResNet1DRegressor else amounts[:, 0] > 5
    groups = np.repeat(np.arange(len(sizes)), sizes)
    with pytest.warns(UserWarning, match="One of the groups holds so many spectra"):
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
