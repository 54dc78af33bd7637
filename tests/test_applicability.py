"""Whether spectra lie within what a model was trained on."""

import numpy as np
import pandas as pd
import pytest
from chemotools.feature_selection import RangeCut
from chemotools.outliers import HotellingT2, QResiduals
from chemotools.scatter import StandardNormalVariate
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_spectral import (
    ApplicabilityDisplay,
    ResNet1DClassifier,
    ResNet1DRegressor,
    applicability,
    explain_applicability,
)
from sklearn_spectral._calibration.domain import _joint_limits
from sklearn_spectral._spectra.views import views

WAVENUMBERS = np.arange(800.0, 1800.0, 10.0)


def band(centre):
    return np.exp(-0.5 * ((WAVENUMBERS - centre) / 25) ** 2)


def spectra(n_samples, seed, high=10.0):
    rng = np.random.RandomState(seed)
    amounts = rng.uniform(0, high, (n_samples, 3))
    pure = np.array([band(1200), band(1350), band(1600)])
    return amounts @ pure + rng.normal(0, 0.05, (n_samples, 100)), amounts[:, 0]


def regressor(**params):
    return ResNet1DRegressor(**{"max_epochs": 0, "shortcut": False, "random_state": 0, **params})


@pytest.fixture(scope="module")
def model():
    return regressor().fit(*spectra(100, 0))


def scaled_views(model, X):
    return model._view_scaler.transform(views(X)).reshape(len(X), -1).astype(float)


def left_out(X, n_folds, n_components):
    """Return shares of variance, T2 and Q of spectra by the scale and PCA of others."""
    X = views(X)
    shares, statistics = np.empty((len(X), n_components)), np.empty((len(X), 2))
    folds = GroupKFold(n_folds, shuffle=True, random_state=0)
    for train, test in folds.split(X, groups=np.arange(len(X))):
        variance = X[train].var(axis=0)
        scale = np.sqrt(variance + 0.1 * variance.mean(axis=1, keepdims=True))
        scaled = ((X - X[train].mean(axis=0)) / scale).astype(np.float32).reshape(len(X), -1)
        pca = PCA(n_components, svd_solver="full").fit(scaled[train].astype(float))
        one = scaled[test].astype(float)
        shares[test] = pca.transform(one) ** 2 / pca.explained_variance_
        rest = ((one - pca.inverse_transform(pca.transform(one))) ** 2).sum(axis=1)
        statistics[test] = np.column_stack([shares[test].sum(axis=1), rest])
    return shares.mean(axis=0), statistics


def test_t2_and_q_are_those_of_chemotools(model):
    X, new = scaled_views(model, spectra(100, 0)[0]), scaled_views(model, spectra(50, 1)[0])
    shares = np.cumsum(PCA().fit(X).explained_variance_ratio_)
    enough = min(int((shares < 0.99).sum()) + 1, 20)
    found, _ = left_out(spectra(100, 0)[0], 10, enough)
    n_components = np.flatnonzero(found >= 0.7)[-1] + 1
    pca = PCA(n_components, svd_solver="full").fit(X)
    scores = applicability(model, spectra(50, 1)[0])
    for column, limit, ours in zip(
        (HotellingT2(pca).fit(X), QResiduals(pca).fit(X)),
        model._domain.limits_,
        (scores["hotelling_t2"], scores["q_residual"]),
        strict=True,
    ):
        np.testing.assert_allclose(ours * limit, column.predict_residuals(new), rtol=1e-6)


def test_limits_are_those_of_spectra_left_out_one_by_one():
    X, y = spectra(10, 0)  # as many folds as spectra
    model = regressor().fit(X, y)
    # One latent variable for five spectra. Of ten spectra the largest value is the limit, and
    # none exceeds both.
    _, statistics = left_out(X, 10, 2)
    np.testing.assert_allclose(model._domain.limits_, np.max(statistics, axis=0), rtol=1e-5)


@pytest.mark.parametrize(("n_samples", "n_points", "noise"), [(30, 1000, 0.05), (100, 500, 0.1)])
def test_noise_of_many_points_is_inside(n_samples, n_points, noise):
    inside = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        amounts = rng.uniform(size=n_samples + 300)
        one = np.exp(-(((np.linspace(500, 1500, n_points) - 900) / 40) ** 2))
        X = np.outer(amounts, one) + rng.normal(0, noise, (n_samples + 300, n_points))
        model = regressor().fit(X[:n_samples], amounts[:n_samples])
        assert len(model._domain.variances_) == 1  # there is one substance
        inside.append(
            [model.applicability(part)["inside"].mean() for part in (X[:n_samples], X[n_samples:])]
        )
    assert (np.mean(inside, axis=0) >= 0.95).all()


def test_either_limit_is_exceeded_by_one_in_twenty():
    statistics = np.random.RandomState(0).chisquare(3, size=(199, 2))
    outside = (statistics > _joint_limits(statistics)).any(axis=1)
    assert outside.sum() == 9  # the 190th of 199, and of 200 with the next one, is the limit


def test_one_in_twenty_new_spectra_of_the_kind_is_outside():
    shares = []
    for seed in range(5):
        model = regressor().fit(*spectra(100, seed))
        shares.append(1 - model.applicability(spectra(400, 100 + seed)[0])["inside"].mean())
    assert 0.03 < np.mean(shares) < 0.07


def test_replicates_left_out_together_widen_the_limits():
    X, y = spectra(12, 0)
    groups = np.repeat(np.arange(12), 10)
    noise = np.random.RandomState(0).normal(0, 0.05, (120, 100))
    X, y = X[groups] + noise, y[groups]
    new = spectra(300, 1)[0]
    together = regressor().fit(X, y, groups=groups).applicability(new)["inside"].mean()
    with pytest.warns(UserWarning, match="look like replicates"):
        apart = regressor().fit(X, y).applicability(new)["inside"].mean()
    assert apart < 0.8 < together


def test_many_spectra_are_thinned_out_and_judged_alike():
    model = regressor().fit(*spectra(1500, 0))
    assert model._domain.n_groups_ == 500
    assert 0.03 < 1 - model.applicability(spectra(1000, 1)[0])["inside"].mean() < 0.07


def test_what_the_training_spectra_did_not_have_is_outside(model):
    X, _ = spectra(50, 1)
    new_band = applicability(model, X + 0.5 * band(1000))
    assert not new_band["inside"].any()
    assert (new_band["q_residual"] > 1).all()
    ten_times = applicability(model, 10 * X)
    assert (ten_times["hotelling_t2"] > 1).mean() > 0.9


def test_preprocessing_is_applied_on_the_way():
    X, y = spectra(60, 0)
    new = pd.DataFrame(spectra(20, 1)[0], index=[f"sample {i}" for i in range(20)])
    snv = StandardNormalVariate()
    alone = regressor().fit(snv.fit_transform(X), y)
    expected = alone.applicability(snv.transform(new.to_numpy()))
    pipeline = make_pipeline(StandardNormalVariate(), "passthrough", regressor())
    for whole in (
        pipeline,
        TransformedTargetRegressor(pipeline, transformer=StandardScaler()),
        GridSearchCV(pipeline, {"resnet1dregressor__lr": [0.001]}, cv=2),
    ):
        scores = applicability(whole.fit(X, y), new)
        np.testing.assert_allclose(scores.to_numpy(float), expected.to_numpy(float), rtol=1e-6)
        assert list(scores.index) == list(new.index)
    assert list(expected.columns) == ["hotelling_t2", "q_residual", "inside"]
    assert expected["inside"].dtype == bool


def test_spectra_without_weight_do_not_count(model):
    X, y = spectra(100, 0)
    strange = X[:20] + 5 * band(1000)
    weights = np.repeat([1.0, 0.0], [100, 20])
    labels = np.repeat(["low", "high"], 60)
    with_them = regressor().fit(np.vstack([X, strange]), np.append(y, y[:20]), weights)
    np.testing.assert_allclose(with_them._domain.limits_, model._domain.limits_)
    classifier = ResNet1DClassifier(max_epochs=0, shortcut=False, random_state=0)
    classifier.fit(np.vstack([X, strange]), labels, weights)
    assert not classifier.applicability(strange)["inside"].any()


def test_it_stays_that_of_the_first_spectra():
    X, y = spectra(60, 0)
    new = spectra(20, 1)[0]
    model = regressor(warm_start=True, lr=1e-5).fit(X, y)
    before = model.applicability(new)
    model.fit(X + 5 * band(1000), y)
    model.partial_fit(X + 5 * band(1000), y)
    pd.testing.assert_frame_equal(model.applicability(new), before)


def test_asking_leaves_all_as_it_was(model):
    X = spectra(20, 1)[0]
    copy, state = X.copy(), np.random.get_state()[1].copy()
    names = set(vars(model))
    first = model.applicability(X)
    pd.testing.assert_frame_equal(model.applicability(X), first)
    np.testing.assert_array_equal(X, copy)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert set(vars(model)) == names


def test_it_is_saved_with_the_model(model, tmp_path):
    X, _ = spectra(20, 1)
    model.save(tmp_path / "model")
    loaded = ResNet1DRegressor.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.applicability(X), model.applicability(X))
    few = regressor().fit(X[:3], np.arange(3.0))
    few.save(tmp_path / "few")
    with pytest.raises(ValueError, match="there were 3"):
        ResNet1DRegressor.load(tmp_path / "few").applicability(X)


def test_equal_spectra_are_inside_and_others_not():
    model = regressor().fit(np.ones((6, 40)), np.arange(6.0))
    assert model.applicability(np.ones((2, 40)))["inside"].all()
    assert not model.applicability(np.full((2, 40), 1.1))["inside"].any()


# ------------------------------------------------------- which bands put a spectrum outside


def test_contributions_are_those_of_a_pca_by_hand(model):
    X, new = scaled_views(model, spectra(100, 0)[0]), scaled_views(model, spectra(5, 1)[0])
    pca = PCA(len(model._domain.variances_), svd_solver="full").fit(X)
    centred, scores = new - pca.mean_, pca.transform(new)
    t2 = centred * ((scores / pca.explained_variance_) @ pca.components_)
    q = (new - pca.inverse_transform(scores)) ** 2
    explanation = explain_applicability(model, spectra(5, 1)[0])
    for target, expected in enumerate([t2, q]):
        of_points = expected.reshape(5, 3, 100).sum(axis=1) / model._domain.limits_[target]
        scale = np.abs(of_points).max()
        np.testing.assert_allclose(
            explanation.maps[:, :, target], of_points, rtol=1e-5, atol=1e-6 * scale
        )


@pytest.mark.parametrize("n_points", [100, 2500])  # 2500: three points are one for the network
def test_contributions_add_up_to_the_scores(n_points):
    X, y = (np.repeat(each, n_points // 100, axis=-1) for each in spectra(40, 0))
    model = regressor().fit(X, y[:: n_points // 100])
    new = X[:5] * 1.5 + 0.3
    scores = applicability(model, new)
    explanation = explain_applicability(model, new)
    assert explanation.maps.shape == (5, n_points, 2)
    for values in (explanation.maps.sum(axis=1), explanation.outputs):
        np.testing.assert_allclose(values, scores[["hotelling_t2", "q_residual"]], rtol=1e-9)
    assert explanation.targets.tolist() == ["hotelling_t2", "q_residual"]


def test_a_foreign_band_is_found_on_the_measured_axis():
    X, y = spectra(60, 0)
    cut = RangeCut(start=1000, end=1790, x_axis=WAVENUMBERS)
    model = make_pipeline(cut, regressor()).fit(pd.DataFrame(X, columns=WAVENUMBERS), y)
    new = pd.DataFrame(spectra(3, 1)[0] + [[0], [1], [0]] * band(1480), columns=WAVENUMBERS)
    explanation = explain_applicability(model, new, x_axis=WAVENUMBERS)
    assert explanation.x_axis[0] == 1000
    q = explanation.pick("q_residual")
    assert (q.outputs > 1).tolist() == [False, True, False]
    highest = np.argsort(-q.maps[1])[:5]
    assert (np.abs(q.x_axis[highest] - 1480) <= 30).all()
    table = q.contributions({"foreign": (1400, 1560)})
    assert table["share"][1] > 0.9


def test_more_of_what_is_known_is_found_by_t2(model):
    X, _ = spectra(50, 1)
    explanation = explain_applicability(model, X + 30 * band(1200), x_axis=WAVENUMBERS)
    t2 = explanation.pick("hotelling_t2")
    assert (t2.outputs > 1).all()
    near = np.abs(WAVENUMBERS - 1200) <= 75  # the band, and its derivatives
    assert (t2.maps[:, near].sum(axis=1) > 0.8 * t2.outputs).all()


def test_figure_shows_scores_limits_and_names(model):
    X = np.vstack([spectra(20, 1)[0], spectra(1, 2)[0] + band(1000), np.zeros((1, 100))])
    table = pd.DataFrame(X, index=[f"S{i:02}" for i in range(22)])
    display = ApplicabilityDisplay.from_estimator(model, table)
    scores = applicability(model, table)
    inside, outside, *limits = display.ax_.get_lines()
    for drawn, rows in ((inside, scores["inside"]), (outside, ~scores["inside"])):
        expected = scores.loc[rows, ["hotelling_t2", "q_residual"]]
        np.testing.assert_array_equal(drawn.get_xydata(), expected)
    assert [line.get_ydata()[0] for line in limits] == [1, 0]
    assert [line.get_xdata()[0] for line in limits] == [0, 1]
    names = {text.get_text() for text in display.ax_.texts}
    assert {"S20", "S21"} <= names <= set(scores.index[~scores["inside"]])
    n_outside = (~scores["inside"]).sum()
    assert display._repr_html_() == ""
    assert repr(display) == f"ApplicabilityDisplay(22 spectra, {n_outside} outside)"
    # Scores of zero have a place, too.
    same = pd.DataFrame({"hotelling_t2": [0.0], "q_residual": [0.0], "inside": [True]})
    assert (ApplicabilityDisplay(same).plot(display.ax_).ax_.get_lines()[-4].get_xydata() > 0).all()


def test_errors(model):
    X, y = spectra(20, 1)
    with pytest.raises(NotFittedError):
        regressor().applicability(X)
    with pytest.raises(NotFittedError):
        applicability(make_pipeline(StandardNormalVariate(), regressor()), X)
    with pytest.raises(ValueError, match="99 features"):
        model.applicability(X[:, 1:])
    with pytest.raises(TypeError, match="members one by one"):
        applicability(BaggingRegressor(regressor(), n_estimators=2).fit(X, y), X)
    with pytest.raises(ValueError, match="there were 4; at least 5"):
        regressor().fit(X[:4], y[:4]).applicability(X)
    with pytest.raises(ValueError, match="there were 4; at least 5"):
        explain_applicability(regressor().fit(X[:4], y[:4]), X)
    with pytest.raises(ValueError, match="there were 2; at least 5"):
        regressor().fit(X, y, groups=np.repeat([0, 1], 10)).applicability(X)
