"""The correction of maps, and how much of a map cancels."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, cross_explain, explain
from sklearn_spectral._explanation import correction as _correction
from sklearn_spectral._explanation.correction import MapCorrection
from sklearn_spectral._record.cancellation import LIMIT

PLAIN = "1d-grad-cam"


@pytest.fixture(scope="module")
def scattered():
    """Spectra with a small marker around point 35, under backgrounds that are far higher."""
    rng = np.random.RandomState(0)
    x = np.linspace(-1, 1, 120)
    y = rng.uniform(0, 1, 150)
    marker = np.exp(-(((np.arange(120) - 35) / 3) ** 2))
    background = rng.uniform(0, 20, (150, 1)) + rng.normal(0, 20, (150, 1)) * x
    X = background + np.outer(y, marker) + rng.normal(0, 0.01, (150, 120))
    return X, y


@pytest.fixture(scope="module")
def model(scattered):
    X, y = scattered
    return ResNet1DRegressor(max_epochs=2, random_state=0).fit(X[:100], y[:100])


# ---------------------------------------------------------------------- by hand


def two_movements(n_samples=8):
    """Features (n, 1, 3) that rise with the output at point 0, and move from 0 to 1 without it."""
    output = np.resize([1.0, 1.0, -1.0, -1.0], n_samples)
    moved = np.resize([2.0, -2.0], n_samples)
    features = np.outer(output, [1, 0, 0]) + np.outer(moved, [1, -1, 0])
    return features[:, None], output


def test_what_moves_no_output_is_left_out():
    features, output = two_movements()
    correction = MapCorrection().fit(features, np.ones((1, 1, 3)))
    # (1, 0, 0) without its share of the direction (1, -1, 0) / sqrt(2) is (1/2, 1/2, 0).
    np.testing.assert_allclose(correction.shapes_, [[0.5, 0.5, 0]], atol=1e-6)
    maps = features.copy()
    correction.apply(maps, np.zeros((8, 1), dtype=int))
    np.testing.assert_allclose(maps[:, 0], np.outer(output, [0.5, 0.5, 0]), atol=1e-6)
    new = np.array([[[1.0, 0.0, 0.0]], [[0.0, 0.0, 6.0]]])  # known, and never seen
    correction.apply(new, np.zeros((2, 1), dtype=int))
    np.testing.assert_allclose(new[0, 0], [0.5, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(new[1, 0], [0, 0, 6], atol=1e-5)


def test_directions_are_those_of_orthogonal_projections(monkeypatch):
    rng = np.random.default_rng(0)
    features, weights = rng.normal(size=(40, 2, 5)), rng.normal(size=(2, 2, 5))
    F, W = features.reshape(40, 10), weights.reshape(2, 10)
    Z = F @ W.T
    orthogonal = F - LinearRegression(fit_intercept=False).fit(Z, F).predict(Z)
    expected = np.linalg.svd(orthogonal)[2][:3]
    monkeypatch.setattr(_correction, "MAX_OF_FEATURES", 3)
    found = _correction._nuisance(F, Z, W)
    assert subspace_angles(found.T, expected.T).max() < 1e-6
    np.testing.assert_allclose(found @ W.T, 0, atol=1e-12)


def test_maps_lose_their_principal_components_at_equal_output():
    rng = np.random.default_rng(0)
    features, weights = rng.normal(size=(200, 2, 60)), rng.normal(size=(1, 2, 60))
    correction = MapCorrection().fit(features, weights)
    maps = (features * weights).sum(axis=1)
    rest = maps - np.outer(maps.sum(axis=1), correction.shapes_[0])
    pca = PCA(_correction.MAX_OF_MAPS, svd_solver="full").fit(np.vstack([rest, -rest]))
    corrected = maps[:, None].copy()
    correction.apply(corrected, np.zeros((200, 1), dtype=int))
    expected = maps - rest @ pca.components_.T @ pca.components_
    np.testing.assert_allclose(corrected[:, 0], expected, atol=1e-4)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 600])
def test_any_number_of_spectra(n_samples):
    features, _ = two_movements(n_samples)
    weights = np.stack([np.ones((1, 3)), np.zeros((1, 3))])  # the second output is constant
    correction = MapCorrection().fit(features, weights)
    maps = np.repeat(features, 2, axis=1) * weights[:, 0]
    before = maps.sum(axis=2)
    correction.apply(maps, np.tile([0, 1], (n_samples, 1)))
    np.testing.assert_allclose(maps.sum(axis=2), before, atol=1e-6)
    assert np.isfinite(maps).all() and not maps[:, 1].any()


# ---------------------------------------------------------------------- of models


@pytest.mark.filterwarnings("ignore:The contributions cancel")
def test_corrected_maps_add_up_and_do_not_cancel(model, scattered):
    X, _ = scattered
    corrected, plain = model.explain(X[100:]), model.explain(X[100:], method=PLAIN)
    assert corrected.method == "corrected-1d-grad-cam"
    np.testing.assert_allclose(corrected.outputs, plain.outputs)
    assert np.abs(corrected.residuals).max() < 1e-4 * np.ptp(corrected.outputs)
    assert np.median(corrected.cancellation) < 2 < 3 * 2 < np.median(plain.cancellation)
    shares = [np.abs(e.maps[:, 28:43]).sum() / np.abs(e.maps).sum() for e in (corrected, plain)]
    assert shares[0] > 0.6 and shares[1] < 0.45


@pytest.mark.parametrize("reference", ["mean", 3])
def test_with_a_reference(model, scattered, reference):
    X, _ = scattered
    row = reference if reference == "mean" else X[reference]
    explanation = model.explain(X[100:], reference=row)
    of_reference = model.predict(model.mean_spectrum_[None] if reference == "mean" else row[None])
    np.testing.assert_allclose(explanation.base_values, of_reference[0], rtol=1e-5)
    assert np.abs(explanation.residuals).max() < 1e-4


def test_every_class_every_target_and_further_training(kinds, mixtures):
    X, y = kinds
    classifier = ResNet1DClassifier(max_epochs=2, random_state=0).fit(X, y)
    X, amounts = mixtures
    regressor = ResNet1DRegressor(max_epochs=2, random_state=0).fit(X, amounts)
    for one, labels, spectra in ((classifier, y, kinds[0]), (regressor, amounts, X)):
        for _ in range(2):
            explanation = one.explain(spectra, target="all")
            assert np.abs(explanation.residuals).max() < 1e-4
            one.partial_fit(spectra, labels)
    chosen = classifier.explain(kinds[0], target=y)
    every = classifier.explain(kinds[0], target="all").maps
    place = np.searchsorted(classifier.classes_, y)
    np.testing.assert_allclose(chosen.maps, every[np.arange(60), :, place], atol=1e-5)


@pytest.mark.filterwarnings("ignore:The contributions cancel")
def test_other_layers_are_not_corrected(model, scattered):
    X, _ = scattered
    assert model.explain(X[:3], layer="stem").method == PLAIN
    with pytest.raises(
        ValueError, match="available for the last layer .*Pass method='1d-grad-cam'"
    ):
        model.explain(X[:3], layer="stem", method="corrected-1d-grad-cam")


# ---------------------------------------------------------------------- importances


def test_importances_find_the_marker(model, scattered):
    X, y = scattered
    importances = model.feature_importances_
    assert importances.shape == (120,) and (importances >= 0).all()
    np.testing.assert_allclose(importances.sum(), 1)
    assert importances[28:43].sum() > 0.6
    chosen = SelectFromModel(model, threshold=-np.inf, max_features=12, prefit=True)
    support = chosen.get_support()
    assert support.sum() == 12 and support[28:43].sum() >= 10
    selection = make_pipeline(SelectFromModel(model, max_features=12), LinearRegression())
    assert selection.fit(X[:100], y[:100]).score(X[100:], y[100:]) > 0.9


def test_importances_serve_recursive_elimination(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(max_epochs=0, random_state=0)
    support = RFE(model, n_features_to_select=25, step=0.5).fit(X, amounts[:, 0]).support_
    assert support[35:46].any()  # 1200 cm-1


def test_importances_of_an_output_that_never_changes():
    X = np.random.default_rng(0).normal(size=(20, 40))
    model = ResNet1DRegressor(max_epochs=0, random_state=0).fit(X, np.ones(20))
    np.testing.assert_allclose(model.feature_importances_, 1 / 40)


# ---------------------------------------------------------------------- cancellation


def test_cancellation_by_hand(model, scattered):
    explanation = model.explain(scattered[0][:4])
    maps = np.zeros((4, 120), dtype=np.float32)
    maps[0, :3] = [1, 2, 3]
    maps[1, :3] = [1, -2, 3]  # 6 / 2
    maps[2, :2] = [1, -1]
    by_hand = type(explanation)(**{**vars(explanation), "maps": maps})
    assert by_hand.cancellation.tolist() == [1.0, 3.0, np.inf, 1.0]


def test_maps_that_cancel_are_told(model, scattered):
    X, _ = scattered
    frame = pd.DataFrame(X[100:])
    behind = make_pipeline(StandardScaler(with_std=False), model).fit(X[:100], scattered[1][:100])
    for call in (model.explain, lambda X, **how: explain(behind, X, **how)):
        with pytest.warns(UserWarning, match="must not be interpreted band by band") as caught:
            explanation = call(frame, method=PLAIN)
        assert len(caught) == 1 and caught[0].filename == __file__
        middle = np.median(explanation.cancellation)
        assert middle > LIMIT
        assert f"cancel {middle:.3g} times over" in repr(explanation)
        assert f"cancellation {middle:.3g} in the median" in explanation._repr_html_()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert "cancel" not in repr(call(frame))


def test_out_of_fold_maps_warn_once(scattered):
    X, y = scattered
    model = ResNet1DRegressor(max_epochs=0, random_state=0)
    with pytest.warns(UserWarning, match="contributions cancel") as caught:
        cross_explain(model, X, y, cv=3, method=PLAIN)
    assert len(caught) == 1 and caught[0].filename == __file__
