"""How good is a map: figures worked out by hand, and models whose answer is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSCanonical, PLSRegression
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_spectral import Explanation, ResNet1DClassifier, ResNet1DRegressor, explain
from sklearn_spectral.metrics import (
    _target_outputs,
    completeness_residual,
    deletion_curve,
    insertion_curve,
    localization,
    randomization_check,
    region_control,
    shift_sensitivity,
    stability,
    vip,
)

WEIGHTS = np.array([7.0, 2.0, 1.0])


class Sum(ResNet1DRegressor):
    """Predict the weighted sum of three points."""

    def __init__(self):
        super().__init__()
        self.nets_ = []
        self.mean_spectrum_ = np.zeros(3)
        self.n_outputs_, self._output_names = 1, None

    def predict(self, X):
        return X @ WEIGHTS


class Sigmoid(ResNet1DClassifier):
    """Say yes with a probability that rises with the sum of three points."""

    def __init__(self):
        super().__init__()
        self.nets_ = []
        self.mean_spectrum_ = np.zeros(3)
        self.classes_ = np.array(["no", "yes"])

    def predict_proba(self, X):
        yes = (X @ WEIGHTS) / 10
        return np.column_stack([1 - yes, yes])


def explanation_of(spectra, maps, targets=0):
    spectra, maps = np.array(spectra, dtype=float), np.array(maps, dtype=float)
    return Explanation(
        maps=maps,
        outputs=maps.sum(axis=1),
        base_values=np.zeros(len(maps)),
        targets=np.broadcast_to(np.array(targets), len(maps)),
        x_axis=np.arange(3.0),
        spectra=spectra,
    )


def test_regression_curves_by_hand():
    """Of 10 are left 3 without the first point, 1 without the second, 0 without the third.

    Areas: (1 + 0.3) / 6 + (0.3 + 0.1) / 6 + 0.1 / 6 = 0.3, and 0.7 the other way round.
    """
    right = explanation_of([[1, 1, 1]], [[7, 2, 1]])
    deletion = deletion_curve(Sum(), right, n_steps=3)
    np.testing.assert_allclose(deletion.fractions, [0, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(deletion.scores, [[1, 0.3, 0.1, 0]], atol=1e-15)
    np.testing.assert_allclose(deletion.area, [0.3])
    insertion = insertion_curve(Sum(), right, n_steps=3)
    np.testing.assert_allclose(insertion.scores, [[0, 0.7, 0.9, 1]], atol=1e-15)
    np.testing.assert_allclose(insertion.area, [0.7])
    wrong = replace(right, maps=np.array([[1.0, 2.0, -7.0]]))  # the last point first
    np.testing.assert_allclose(
        deletion_curve(Sum(), wrong, n_steps=3).scores, [[1, 0.9, 0.7, 0]], atol=1e-15
    )


def test_steps_are_of_whole_points():
    """Half of three points are two; 50 steps are the default, of which one takes a point."""
    one = explanation_of([[1, 1, 1]], [[7, 2, 1]])
    curve = deletion_curve(Sum(), one, n_steps=np.int64(2))
    np.testing.assert_allclose(curve.fractions, [0, 2 / 3, 1])
    np.testing.assert_allclose(curve.scores, [[1, 0.1, 0]], atol=1e-15)
    for function in (deletion_curve, insertion_curve):
        curve = function(Sum(), one)
        assert curve.scores.shape == (1, 51) and set(curve.fractions * 3) == {0, 1, 2, 3}
        again = function(Sum(), one, n_steps=50, random_state=0)
        np.testing.assert_array_equal(curve.random_area, again.random_area)


def test_equal_contributions_go_from_left_to_right():
    """Of 400 points every other has a contribution; the right half has all the weight."""
    model, n_points = Sum(), 400
    model.mean_spectrum_ = np.zeros(n_points)
    model.predict = lambda X: X[:, 200:].sum(axis=1)
    ones = np.ones((1, n_points))
    maps = ones * (np.arange(n_points) % 2)
    equal = replace(explanation_of([[1] * 3], [[1] * 3]), maps=maps, spectra=ones)
    curve = deletion_curve(model, equal, n_steps=4)
    np.testing.assert_allclose(curve.scores, [[1, 1, 0.5, 0.5, 0]])


def test_a_model_that_says_the_same_of_everything():
    """Nothing is lost by masking, and nothing is to reach."""
    model, one = Sum(), explanation_of([[1, 1, 1]], [[7, 2, 1]])
    model.predict = lambda X: np.full(len(X), 4.0)
    assert deletion_curve(model, one, n_steps=1).scores.tolist() == [[0, 0]]
    assert insertion_curve(model, one, n_steps=1).scores.tolist() == [[1, 1]]


def test_a_transformer_may_change_the_number_of_outputs():
    class Twice:
        def inverse_transform(self, outputs):
            return np.column_stack([outputs, 2 * outputs])

    X = np.array([[1.0, 1, 1], [0, 1, 0]])
    assert _target_outputs(Sum(), [Twice()], X, [1, 0]).tolist() == [20, 2]
    with pytest.raises(ValueError, match=r"is 2, but those of the model are \[0, 1\]"):
        _target_outputs(Sum(), [Twice()], X, [1, 2])


def test_spectra_count_by_their_distance_from_the_baseline():
    """Outputs 10 and 2 from a baseline of -10 are 20 and 12 away, 16 on average."""
    both = explanation_of([[1, 1, 1], [0, 1, 0]], [[7, 2, 1], [7, 2, 1]])
    curve = deletion_curve(Sum(), both, n_steps=1, baseline=[-1, -1, -1])
    np.testing.assert_allclose(curve.scores, [[20 / 16, 0], [12 / 16, 0]])
    np.testing.assert_allclose(
        insertion_curve(Sum(), both, n_steps=1, baseline=[-1] * 3).scores,
        [[1 - 20 / 16, 1], [1 - 12 / 16, 1]],
    )


def test_classification_curves_by_hand():
    """What speaks for the class goes first, not what speaks against it."""
    mixed = explanation_of([[0.5, 1, 1], [0.5, 1, 1]], [[1, 2, -7], [-3, -2, -1]], ["yes", "no"])
    deletion = deletion_curve(Sigmoid(), mixed, n_steps=3)
    # yes: 0.65, then without the second point, without the first, without the third.
    # no: 0.35, then without the third, the second, the first.
    np.testing.assert_allclose(deletion.scores, [[0.65, 0.45, 0.1, 0], [0.35, 0.45, 0.65, 1]])
    insertion = insertion_curve(Sigmoid(), mixed, n_steps=3)
    np.testing.assert_allclose(insertion.scores, [[0, 0.2, 0.55, 0.65], [1, 0.9, 0.7, 0.35]])


def test_random_orders_are_the_mean_of_many():
    """Over all orders the three points come equally often first, second and third.

    Each is then gone after k of 3 steps with probability k/3: the mean curve is a straight line.
    """
    many = explanation_of([[1, 1, 1]] * 2000, [[7, 2, 1]] * 2000)
    curve = deletion_curve(Sum(), many, n_steps=3)
    assert abs(curve.random_area.mean() - 0.5) < 0.01
    assert curve.random_area.shape == (2000,) and np.ptp(curve.random_area) > 0
    again = deletion_curve(Sum(), many, n_steps=3)
    np.testing.assert_array_equal(again.random_area, curve.random_area)


def test_random_area_is_the_mean_of_three_orders():
    """Drawn here in the same way; one step for each of three points."""
    one = explanation_of([[1, 1, 1]], [[7, 2, 1]])
    rng = np.random.RandomState(5)
    areas = []
    for _ in range(3):
        left = 1 - np.cumsum(WEIGHTS[np.argsort(rng.uniform(size=(1, 3))[0])]) / 10
        areas.append((1 + 2 * left[0] + 2 * left[1]) / 6)
    assert len(set(np.round(areas, 6))) > 1
    curve = deletion_curve(Sum(), one, n_steps=3, random_state=5)
    np.testing.assert_allclose(curve.random_area, [np.mean(areas)])


def test_ties_go_in_the_order_of_the_axis_and_steps_may_outnumber_points():
    tied = explanation_of([[1, 1, 1]], [[1, 1, -1]])
    curve = deletion_curve(Sum(), tied, n_steps=6)
    # 0, 0.5, 1, 1.5, 2, 2.5 and 3 points, halves to even numbers.
    np.testing.assert_allclose(curve.fractions * 3, [0, 0, 1, 2, 2, 2, 3])
    np.testing.assert_allclose(curve.scores, [[1, 1, 0.3, 0.1, 0.1, 0.1, 0]], atol=1e-15)


def test_the_baseline_is_the_mean_of_the_training_spectra():
    """From 10 to the 5 of the mean: the first point takes 3.5 of 5, the second 1 more."""
    model = Sum()
    model.mean_spectrum_ = np.full(3, 0.5)
    model.predict = lambda X: (X @ WEIGHTS) ** 2  # so that the baseline matters
    one = explanation_of([[1, 1, 1]], [[7, 2, 1]])
    # 100, 6.5^2, 5.5^2, 25, less 25, of 75.
    np.testing.assert_allclose(
        deletion_curve(model, one, n_steps=3).scores, [[1, 17.25 / 75, 5.25 / 75, 0]]
    )


def test_column_names_and_global_random_state_are_left_alone(mixtures_frame):
    X, y = mixtures_frame
    model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, y)
    before = np.random.get_state()[1].copy(), np.random.get_state()[2]
    explanation = model.explain(X)
    curve = deletion_curve(model, explanation, n_steps=2, random_state=None)
    assert curve.scores[:, 0].mean() == pytest.approx(1)
    randomization_check(model, X, n_repeats=1)
    after = np.random.get_state()
    assert np.array_equal(before[0], after[1]) and before[1] == after[2]


def test_scores_are_of_the_explained_output_behind_a_transformer_that_mixes(mixtures):
    X, amounts = mixtures
    model = TransformedTargetRegressor(
        make_pipeline(
            StandardScaler(with_mean=False), ResNet1DRegressor(max_epochs=1, random_state=0)
        ),
        transformer=PCA(),
    )
    model.fit(X, amounts)
    curve = deletion_curve(model, explain(model, X, target=2), n_steps=1)
    # The mean of the scaled spectra is the scaled mean. Were it centred, it would be rounding,
    # of which the network's normalized derivatives make something.
    distance = np.abs(model.predict(X) - model.predict(X.mean(axis=0, keepdims=True)))[:, 2]
    np.testing.assert_allclose(curve.scores[:, 0], distance / distance.mean(), rtol=1e-3, atol=1e-4)


def test_masking_through_pipelines(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    steps = make_pipeline(StandardScaler(), ResNet1DRegressor(max_epochs=3, random_state=0))
    search = GridSearchCV(steps, {"resnet1dregressor__lr": [1e-3]}, cv=2).fit(X, y)
    explanation = explain(search, X)
    spectra, maps = explanation.spectra.copy(), explanation.maps.copy()
    curve = deletion_curve(search, explanation, n_steps=20)
    last = search.best_estimator_[-1]
    direct = deletion_curve(last, explanation, n_steps=20)
    np.testing.assert_array_equal(curve.scores, direct.scores)
    assert curve.area.mean() < 0.6 * curve.random_area.mean()
    best = insertion_curve(search, explanation, n_steps=20)
    assert best.area.mean() > best.random_area.mean() + 0.1
    np.testing.assert_array_equal(explanation.spectra, spectra)
    np.testing.assert_array_equal(explanation.maps, maps)


def test_models_of_named_columns_do_not_warn(mixtures_frame):
    X, y = mixtures_frame
    model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, y)
    assert deletion_curve(model, model.explain(X), n_steps=2).scores.shape == (60, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_steps": 0}, "n_steps=0"),
        ({"n_steps": 2.0}, "n_steps=2.0"),
        ({"n_steps": True}, "n_steps=True; expected a positive integer"),
        ({"baseline": [1, 2]}, r"shape \(2,\); expected \(3,\)"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        deletion_curve(Sum(), explanation_of([[1, 1, 1]], [[7, 2, 1]]), **arguments)


def test_explanations_that_do_not_fit_are_refused():
    one = explanation_of([[1, 1, 1]], [[7, 2, 1]])
    with pytest.raises(ValueError, match=r"maps have shape \(1, 2\), the spectra \(1, 3\)"):
        deletion_curve(Sum(), replace(one, maps=one.maps[:, :2]))
    with pytest.raises(
        ValueError, match=r"is 'yes - no', but those of the model are \['no', 'yes'\]"
    ):
        deletion_curve(Sigmoid(), replace(one, targets=np.array(["yes - no"])))


def test_one_target_and_one_model_are_needed(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, amounts)
    with pytest.raises(ValueError, match="3 targets for each spectrum; expected one"):
        deletion_curve(model, model.explain(X))
    curve = deletion_curve(model, model.explain(X, target=1), n_steps=2)
    assert curve.scores[:, 0].mean() == pytest.approx(1)
    bagging = BaggingRegressor(model, n_estimators=2).fit(X, amounts[:, 0])
    with pytest.raises(TypeError, match="its members one by one"):
        deletion_curve(bagging, explain(bagging, X))


def test_localization_by_hand():
    """Band points hold 3 and 1, the others 2, 0 and 0.5.

    Of the 6 pairs, 3 beats all three and 1 beats two: 5/6. Precision is 1 at the first hit and
    2/3 at the second, the third in order: (1 + 2/3) / 2.
    """
    maps = np.array([[-3.0, 1, 2, 0, 0.5], [0, 0, -1, 0, 0]])
    explanation = Explanation(
        maps, np.zeros(2), np.zeros(2), np.array(["a", "b"]), np.arange(1000.0, 1050, 10), maps
    )
    table = localization(explanation, {"known": (1000, 1010)})
    assert table["target"].tolist() == ["a", "b"]
    np.testing.assert_allclose(table["roc_area"], [5 / 6, 1 / 3])
    assert table["average_precision"][0] == pytest.approx(5 / 6)
    assert table["pointing"].tolist() == [True, False]
    mask = np.array([[True, True, False, False, False], [False, False, True, False, False]])
    assert localization(explanation, mask)["pointing"].tolist() == [True, True]
    assert localization(explanation, mask)["roc_area"][1] == 1
    np.testing.assert_allclose(localization(explanation, mask[0])["roc_area"], table["roc_area"])


def test_localization_of_several_targets():
    maps = np.array([[[1.0, -9.0], [2.0, 3.0], [3.0, 3.5]], [[5.0, 0.0], [4.0, 1.0], [0.0, 2.0]]])
    both = replace(
        explanation_of(np.zeros((2, 3)), np.zeros((2, 3))), maps=maps, targets=np.array(["a", "b"])
    )
    table = localization(both, {"left": (0, 0)})
    assert list(table.columns) == ["sample", "target", "roc_area", "average_precision", "pointing"]
    assert table.to_numpy().tolist() == [
        [0, "a", 0, 1 / 3, False],  # the last of three
        [0, "b", 1, 1, True],
        [1, "a", 1, 1, True],
        [1, "b", 0, 1 / 3, False],
    ]


@pytest.mark.parametrize("value", [True, False])
def test_bands_must_tell_points_apart(value):
    explanation = explanation_of([[1, 1, 1]], [[7, 2, 1]])
    with pytest.raises(ValueError, match="no point, or all"):
        localization(explanation, np.full(3, value))
    with pytest.raises(ValueError, match="expected booleans"):
        localization(explanation, np.array([1, 0, 0]))
    with pytest.raises(ValueError, match=r"of bool, shape \(2,\); expected booleans, \(3,\)"):
        localization(explanation, np.array([True, False]))
    two = explanation_of([[1, 1, 1]] * 2, [[7, 2, 1]] * 2)
    with pytest.raises(ValueError, match="no point, or all"):
        localization(two, np.array([[True, False, False], [value] * 3]))


def test_completeness_residual_by_hand():
    """Maps add up to 3 and 1 where outputs are 4 and -2 above base: 1 and 3 missing, of 4."""
    explanation = Explanation(
        maps=np.array([[1.0, 2.0], [0.5, 0.5]]),
        outputs=np.array([5.0, -1.0]),
        base_values=np.ones(2),
        targets=np.zeros(2),
        x_axis=np.arange(2.0),
        spectra=np.zeros((2, 2)),
    )
    assert completeness_residual(explanation).tolist() == [1 / 4, 3 / 4]
    nothing = replace(explanation, maps=np.zeros((2, 2)), outputs=np.ones(2))
    assert completeness_residual(nothing).tolist() == [0, 0]
    # Where no output differs from its base value, residuals are as they are: 3 and 1.
    unmoved = replace(explanation, outputs=np.ones(2))
    assert completeness_residual(unmoved).tolist() == [3, 1]
    small = replace(explanation, outputs=np.array([1.5, 1.0]))  # 2.5 and 1 too much, of 0.5
    assert completeness_residual(small).tolist() == [5, 2]
    with pytest.raises(ValueError, match="has 0 spectra"):
        completeness_residual(explanation[:0])
    # A second output in a unit 1000 times as large is judged by itself: 0 missing.
    both = replace(
        explanation,
        maps=np.stack([explanation.maps, [[2000.0, 2000], [-1000, -1000]]], axis=2),
        outputs=np.array([[5.0, 4001], [-1, -1999]]),
        base_values=np.ones((2, 2)),
        targets=np.array([0, 1]),
    )
    assert completeness_residual(both).tolist() == [[1 / 4, 0], [3 / 4, 0]]


def test_stability_by_hand():
    """Correlations with (1, 2, 3): 1 of (2, 4, 6), -1 of (3, 2, 1), 0 of (1, 4, 1).

    The same holds between (2, 4, 6) and the third; (3, 2, 1) and (1, 4, 1) have 0.
    """
    spectra = [[0, 0, 0]]
    one, twice, back, peak = (
        explanation_of(spectra, [maps]) for maps in ([1, 2, 3], [2, 4, 6], [3, 2, 1], [1, 4, 1])
    )
    assert stability([one, twice]).per_spectrum == pytest.approx(1)
    assert stability([one, back]).per_spectrum == pytest.approx(-1)
    assert stability([one, twice, back]).per_spectrum == pytest.approx(-1 / 3)
    assert stability([one, peak]).per_spectrum == pytest.approx(0)
    # Of mean absolute maps the sign is lost.
    opposite = replace(one, maps=-one.maps)
    assert stability([one, opposite]).per_spectrum == pytest.approx(-1)
    assert stability([one, opposite]).mean_map == pytest.approx(1)
    assert stability(replace(one, members=(one, twice))).mean_map == pytest.approx(1)


def test_stability_of_several_spectra_and_targets():
    """Spectrum by spectrum over all targets: 1 and -1; the mean absolute map has lost the signs."""
    maps = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]], [[2.0, 1.0], [0.0, 5.0], [1.0, 1.0]]])
    one = replace(explanation_of(np.zeros((2, 3)), np.zeros((2, 3))), maps=maps)
    other = replace(one, maps=np.stack([2 * maps[0], -maps[1]]))
    result = stability([one, other])
    np.testing.assert_allclose(result.per_spectrum, [1, -1])
    means = [np.abs(each.maps).sum(axis=0).ravel() for each in (one, other)]
    assert result.mean_map == pytest.approx(np.corrcoef(*means)[0, 1])
    # Correlations of pairs, by NumPy: 1, and twice that of the first with the third.
    third = replace(one, maps=maps[:, ::-1])
    mixed = [
        np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(maps, maps[:, ::-1], strict=True)
    ]
    expected = [(1 + 2 * mixed[0]) / 3, (-1 + mixed[1] - mixed[1]) / 3]
    np.testing.assert_allclose(stability([one, other, third]).per_spectrum, expected)


def test_flat_maps_correlate_with_nothing_and_tiny_ones_as_others_do():
    """The mean of 1001 times 0.1 is not 0.1, and squares of 1e-25 are 0 in float32."""
    rising = replace(
        explanation_of([[0, 0, 0]], [[0, 0, 0]]),
        maps=np.arange(1001.0)[None],
        x_axis=np.arange(1001.0),
    )
    for dtype in (np.float32, np.float64):
        flat = replace(rising, maps=np.full((1, 1001), 0.1, dtype))
        for other in (flat, replace(flat, maps=3 * flat.maps), rising):
            assert stability(each for each in (flat, other)).per_spectrum.tolist() == [0]
            assert stability([other, flat]).per_spectrum.tolist() == [0]
        both = [
            replace(rising, maps=np.concatenate([a.maps, b.maps]))
            for a, b in ((flat, rising), (rising, rising))
        ]
        for pair in (both, both[::-1]):
            np.testing.assert_allclose(stability(pair).per_spectrum, [0, 1])
    tiny = replace(rising, maps=(1e-25 * rising.maps).astype(np.float32))
    assert stability([rising, tiny]).per_spectrum == pytest.approx(1)


def test_stability_needs_the_same_things():
    one = explanation_of([[0, 0, 0]], [[1, 2, 3]])
    with pytest.raises(ValueError, match="two or more"):
        stability([one])
    with pytest.raises(ValueError, match="two or more"):
        stability([one, explanation_of([[0, 0, 0]] * 2, [[1, 2, 3]] * 2)])
    with pytest.raises(ValueError, match="different targets"):
        stability([one, replace(one, targets=np.array([1]))])
    with pytest.raises(ValueError, match="different targets"):
        stability([one, one, replace(one, targets=np.array([1]))])
    with pytest.raises(ValueError, match="different wavelengths"):
        stability([one, replace(one, x_axis=one.x_axis[::-1])])
    with pytest.raises(ValueError, match="different wavelengths"):
        stability([one, one, replace(one, x_axis=one.x_axis[::-1])])


def test_maps_of_scrambled_weights_give_no_warning(mixtures, monkeypatch):
    """Nobody reads them, and so nobody can act on it."""
    model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(mixtures[0], mixtures[1][:, 0])
    monkeypatch.setattr("sklearn_spectral._record.cancellation.LIMIT", 0.5)  # of any map
    with pytest.warns(UserWarning, match="contributions cancel") as warned:
        randomization_check(model, mixtures[0], n_repeats=2, random_state=0)
    assert len(warned) == 1  # of the model itself


def test_maps_do_not_survive_scrambled_weights(kinds):
    X, y = kinds
    model = make_pipeline(StandardScaler(), ResNet1DClassifier(random_state=0)).fit(X, y)
    before = {k: v.clone() for k, v in model[-1].nets_[0].module_.state_dict().items()}
    state = torch.random.get_rng_state()
    correlations = randomization_check(model, X, n_repeats=3, random_state=0)
    assert correlations.shape == (3, 60)
    assert correlations.mean() < 0.3
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, value in model[-1].nets_[0].module_.state_dict().items():
        assert torch.equal(value, before[name])
    first, again, other = (
        randomization_check(model, X[:5], n_repeats=1, random_state=seed) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    every = randomization_check(model, X[:5], n_repeats=1, random_state=0, target="all")
    assert np.array_equal(first, every)
    one = randomization_check(model, X[:5], n_repeats=np.int64(1), random_state=0, target="oil")
    assert not np.array_equal(first, one)
    assert randomization_check(model, X[:2]).shape == (5, 2)
    with pytest.raises(ValueError, match="n_repeats=0"):
        randomization_check(model, X, n_repeats=0)


def test_maps_that_ignore_the_model_are_found_out(mixtures):
    """A model that explains every spectrum by itself correlates perfectly with its scrambled self.

    The spectrum is its own map.
    """

    class Spectrum(ResNet1DRegressor):
        def explain(self, X, **params):
            return replace(super().explain(X, **params), maps=X[:, :, None])

    X, y = mixtures[0], mixtures[1][:, 0]
    model = Spectrum(max_epochs=1, random_state=0).fit(X, y)
    np.testing.assert_allclose(randomization_check(model, X, n_repeats=2), 1)


# ---------------------------------------------------------------------------------------------- VIP


def vip_by_definition(X, Y, n_components):
    """Return the VIP of Chong and Jun 2005, point by point, of PLS by its definition."""
    X, Y = ((each - each.mean(axis=0)) / each.std(axis=0, ddof=1) for each in (X, Y))
    total, sums = 0.0, np.zeros(X.shape[1])
    for _ in range(n_components):
        w = np.linalg.svd(X.T @ Y)[0][:, 0]  # what its iteration tends to
        t = X @ w
        q = Y.T @ t / (t @ t)
        explained = (q @ q) * (t @ t)
        total += explained
        for point in range(X.shape[1]):
            sums[point] += explained * w[point] ** 2
        X = X - np.outer(t, X.T @ t / (t @ t))
        Y = Y - np.outer(t, q)
    return np.sqrt(X.shape[1] * sums / total)


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("n_components", [1, 3])
def test_vip_is_that_of_the_definition(mixtures, n_targets, n_components):
    X, Y = mixtures[0], mixtures[1][:, :n_targets]
    expected = vip_by_definition(X, Y, n_components)
    pls = PLSRegression(n_components, tol=1e-24, max_iter=50_000)
    np.testing.assert_allclose(vip(pls.fit(X, Y)), expected, rtol=1e-6)


def test_vip_of_one_latent_variable_by_hand():
    # Scores are w = (3, 4) / 5 times the spectra: VIP is the root of two times (0.36, 0.64).
    X = np.array([[3.0, 4.0], [-3.0, -4.0], [4.0, -3.0], [-4.0, 3.0]])
    pls = PLSRegression(1, scale=False).fit(X, X @ [3.0, 4.0])
    np.testing.assert_allclose(vip(pls), [0.6 * np.sqrt(2), 0.8 * np.sqrt(2)])


def test_vip_of_whole_models(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    pipeline = make_pipeline(StandardScaler(), PLSRegression(2))
    search = GridSearchCV(pipeline, {"plsregression__n_components": [2]}, cv=2)
    models = [pipeline, search, TransformedTargetRegressor(search, transformer=StandardScaler())]
    for model in models:
        np.testing.assert_allclose(vip(model.fit(X, y)), vip(PLSRegression(2).fit(X, y)))


@pytest.mark.parametrize(
    "model",
    [PLSCanonical(1), make_pipeline(StandardScaler(), ResNet1DRegressor(max_epochs=0))],
)
def test_vip_is_of_pls_only(mixtures, model):
    X, y = mixtures[0], mixtures[1][:, 0]
    with pytest.raises(
        TypeError, match="VIP is defined for PLS, but the model ends in .*PLSRegression"
    ):
        vip(model.fit(X, y))


# ---------------------------------------------------------------------- negative controls


@pytest.fixture
def noise():
    """Spectra of noise; y is the sum of three points, and the labels are its sign."""
    X = np.random.RandomState(0).normal(size=(90, 30))
    y = X[:, 10:13].sum(axis=1)
    return X, y, np.where(y > 0, "more", "less")


BANDS = {"marker": range(10, 13), "silent": range(20, 30)}


@pytest.mark.parametrize("scoring", [None, "neg_root_mean_squared_error"])
def test_regions_are_scored_as_cross_val_score_does(noise, scoring):
    X, y, _ = noise
    model, folds = make_pipeline(StandardScaler(), Ridge(0.1)), KFold(3)
    table = region_control(model, X, y, BANDS, cv=folds, scoring=scoring)
    names = ["band", "start", "end", "all", "alone", "without", "chance"]
    assert list(table.columns) == names
    assert table[names[:3]].to_numpy().tolist() == [["marker", 10, 12], ["silent", 20, 29]]

    def score(estimator, columns):
        return cross_val_score(estimator, X[:, columns], y, cv=folds, scoring=scoring).mean()

    for row, points in zip(table.itertuples(), BANDS.values(), strict=True):
        others = [point for point in range(30) if point not in points]
        assert row.all == pytest.approx(score(model, range(30)))
        assert row.alone == pytest.approx(score(model, points))
        assert row.without == pytest.approx(score(model, others))
        assert row.chance == pytest.approx(score(DummyRegressor(), range(30)))
    marker, silent = table.iloc[0], table.iloc[1]
    if scoring is None:  # what is known: R2 of 1 with the marker, and none without it
        assert min(marker["all"], marker["alone"], silent["without"]) > 0.99
        assert max(marker["without"], silent["alone"]) < 0.05 and silent["chance"] <= 0


def test_regions_of_classes_in_wavelengths(noise):
    X, _, labels = noise
    table = pd.DataFrame(X, columns=np.arange(1000.0, 1300.0, 10))
    bands = {"marker": (1100, 1120), "silent": (1200, 1290)}
    folds = StratifiedKFold(3)
    how = {"cv": folds, "scoring": "balanced_accuracy"}
    scores = region_control(LogisticRegression(), table, labels, bands, **how)
    given = region_control(LogisticRegression(), X, labels, bands, x_axis=table.columns, **how)
    pd.testing.assert_frame_equal(scores, given)
    assert scores["start"].tolist() == [1100, 1200] and scores["chance"].tolist() == [0.5, 0.5]
    assert scores["alone"][0] > 0.9 and abs(scores["alone"][1] - 0.5) < 0.15
    assert scores["without"][1] > 0.8 and abs(scores["without"][0] - 0.5) < 0.15
    accuracy = region_control(LogisticRegression(), table, labels, bands, cv=folds)
    majority = DummyClassifier(strategy="most_frequent")
    assert accuracy["chance"][0] == cross_val_score(majority, X, labels, cv=folds).mean()


def test_a_silent_region_that_tells_the_day_is_found(noise):
    """Samples with more of the analyte were measured on days of more CO2."""
    X, y, _ = noise
    X = X.copy()
    X[:, 20:25] += y[:, None]
    model = make_pipeline(ResNet1DRegressor(max_epochs=1, random_state=0))
    table = region_control(model, X, y, {"CO2": range(20, 25)}, cv=2, random_state=0)
    assert table["alone"][0] > 0.6 > 0.1 > table["chance"][0]


def test_groups_of_regions_are_left_out_together_and_told(noise):
    X, y, _ = noise
    groups, seen = np.repeat(np.arange(30), 3), []

    class Recorded(Ridge):
        def fit(self, X, y, groups=None):
            seen.append((X.shape[1], groups))
            return super().fit(X, y)

    region_control(make_pipeline(Recorded()), X, y, BANDS, groups=groups, cv=GroupKFold(3))
    assert [n for n, _ in seen] == [30] * 3 + [3] * 3 + [27] * 3 + [10] * 3 + [20] * 3
    for _, told in seen:
        assert len(told) == 60 and set(np.bincount(told)) <= {0, 3}
    tables = [region_control(Ridge(), X, y, BANDS, groups=groups, random_state=0) for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ({"whole": range(30)}, "'whole' covers all points"),
        ({"CO2": (2280, 2400)}, "wavelengths, but the wavelengths of the points are not known"),
        ("peaks", "pass the regions"),
    ],
)
def test_regions_must_leave_something_and_be_known(noise, bands, message):
    with pytest.raises(ValueError, match=message):
        region_control(Ridge(), noise[0], noise[1], bands)


@pytest.mark.parametrize("turned", [False, True])
def test_shifts_of_parabolas_by_hand(turned):
    """a x^2 moved up by s reads a (x - s)^2; its central difference, 4 a x, falls by 4 a s.

    Splines are exact for parabolas. At x = 5 and s = 1 the first output falls from 25 a to 16 a;
    with a of 1 and 7 the root mean square of a is 5. Below its ends the axis stays as it is: the
    third output, at 0, is 0 for s = 2, and 4 a for s = -2.
    """
    x = np.arange(0.0, 11.0)
    X = np.outer([1, 7], x**2)
    weights = np.zeros((11, 3))
    weights[5, 0] = weights[6, 1] = weights[0, 2] = 1
    weights[4, 1] = -1
    if turned:
        x, X, weights = x[::-1], X[:, ::-1], weights[::-1]
    model = LinearRegression(fit_intercept=False).fit(np.eye(11), weights)
    table = shift_sensitivity(model, X, x_axis=x, shifts=[1, -2])
    assert table["shift"].tolist() == [1] * 3 + [-2] * 3
    assert table["target"].tolist() == [0, 1, 2] * 2
    expected = [5 * 9, 5 * 4, 0, 5 * (49 - 25), 5 * 8, 5 * 4]
    np.testing.assert_allclose(table["change"], expected, atol=1e-9)
    # In another unit, by the names of the columns.
    named = pd.DataFrame(X, columns=1000 + 4 * x)
    table = shift_sensitivity(model, named, shifts=[4, -8])
    np.testing.assert_allclose(table["change"], expected, atol=1e-9)


def test_shifts_of_classes_are_of_probabilities():
    """Points 1, 2, 3 times 1, 0, 0 weighed by 7, 2, 1: moved by a point down, 2, 3, 3 give 23."""
    model = Sigmoid()
    X = np.array([[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
    table = shift_sensitivity(model, X, shifts=-1)
    assert table["target"].tolist() == ["no", "yes"]
    change = (0.2 * 7 + 0.3 * 2 + 0.3 - 0.1 * 7 - 0.2 * 2 - 0.3) / 10
    np.testing.assert_allclose(table["change"], [change / 2**0.5] * 2)


def test_shifts_leave_tables_their_names(mixtures_frame):
    X, y = mixtures_frame
    model = make_pipeline(
        FunctionTransformer(feature_names_out="one-to-one"),
        ResNet1DRegressor(max_epochs=1, random_state=0),
    ).fit(X, y)
    changes = shift_sensitivity(model, X, shifts=[0, 1, 10])["change"]
    assert changes[0] < 1e-6 < changes[1] < changes[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shifts": 2}, "smaller than its length, 2"),
        ({"shifts": [[0.1]]}, "expected numbers"),
        ({"shifts": np.nan}, "expected numbers"),
        ({"x_axis": [1, 2]}, "x_axis has shape"),
    ],
)
def test_shifts_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        shift_sensitivity(Sigmoid(), np.eye(3), **arguments)
