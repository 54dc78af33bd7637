"""Rounding is not signal: spectra of low rank, or of single precision, are no better for it."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, cross_val_predict

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral._calibration import pls
from sklearn_spectral._calibration.blend import Calibration
from sklearn_spectral._spectra.views import (
    ViewScaler,
    rounding,
    rounding_of_views,
    views,
    without_rounding,
)

AXIS = np.linspace(0, 1, 200)
ONE, TWO = (np.exp(-(((AXIS - centre) / width) ** 2)) for centre, width in ((0.3, 0.1), (0.6, 0.2)))


def _spectra(kind):
    """Return spectra without noise of their own, and values that bend with their amounts."""
    amounts = np.random.default_rng(0).uniform(size=(40, 2))
    X = amounts @ [ONE, TWO]
    y = amounts[:, 0] + 0.3 * np.sin(6 * amounts[:, 1])
    if kind == "offsets":
        X = ONE + amounts[:, :1]
    elif kind == "factors":
        X = ONE * (1 + amounts[:, :1])
    elif kind == "derivative":
        X = np.gradient(X, axis=1)
    elif kind == "short":
        X = X[:, ::10]
    elif kind == "background":
        X = X + 1e4
    elif kind == "nearly":  # as a simulation with hardly any noise
        X = X + 1e-8 * np.random.default_rng(1).normal(size=X.shape)
    return X, y


KINDS = ["rank two", "offsets", "factors", "derivative", "short", "background", "nearly"]


@pytest.mark.filterwarnings("ignore:The contributions cancel")  # of two overlapping bands
@pytest.mark.parametrize("held", ["float64", "float32", "float32 as float64", "normalized"])
@pytest.mark.parametrize("kind", KINDS)
def test_left_out_spectra_and_those_alone_are_predicted_as_well(kind, held):
    """About as well as by PLS of two latent variables, and alone as among others."""
    X, y = _spectra(kind)
    if held != "float64":
        X = X.astype(np.float32)
    if held.endswith("float64"):
        X = X.astype(np.float64)
    if held == "normalized":
        X = X.astype(np.float64)
        X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    model = ResNet1DRegressor(max_epochs=0, random_state=0)
    # Twice: where there is nothing to predict, one division of the spectra says little.
    folds = [KFold(4, shuffle=True, random_state=seed) for seed in range(2)]
    errors = [
        np.mean(
            [
                np.sqrt(np.mean((cross_val_predict(each, X, y, cv=cv).ravel() - y) ** 2))
                for cv in folds
            ]
        )
        for each in (model, PLSRegression(2))
    ]
    assert errors[0] < 1.3 * min(errors[1], y.std())
    together = model.fit(X, y).predict(X)
    alone = np.concatenate([model.predict(X[[row]]) for row in range(len(X))])
    np.testing.assert_allclose(alone, together, atol=1e-4 * y.std())
    assert np.abs(model.explain(X).residuals).max() < 1e-4 * y.std()
    kinds = ResNet1DClassifier(max_epochs=2, random_state=0).fit(X, y > np.median(y))
    assert kinds.score(X, y > np.median(y)) > 0.5


def test_precision_of_spectra_by_hand():
    """Float64 may hold single precision: whole numbers, halves, what was float32 before."""
    X = np.array([[1.0, -4.0], [0.1, 4.0], np.float32([0.1, 4.0]), [1e-60, 4.0]])
    np.testing.assert_allclose(rounding(X), [2.4e-7, 4e-12, 2.4e-7, 4e-12])
    np.testing.assert_allclose(rounding(X.astype(np.float32)), 2.4e-7)


def test_rounding_of_views_is_that_of_spectra_written_in_single_precision():
    """What float32 changes of the views is at most what is said of it, and not much less."""
    exact = 1 + np.outer(np.linspace(1, 2, 50), ONE) + 0.1 * np.sin(np.outer(np.arange(50), AXIS))
    single = exact.astype(np.float32)
    changed = np.sqrt(np.mean((views(single) - views(exact)) ** 2, axis=(0, 2)))
    said = rounding_of_views(single)
    assert (changed < said).all() and (changed > said / 20).all()


def test_straight_lines_of_single_precision_have_no_derivative():
    lines = np.linspace([0.1, 0.3], [0.2, 0.9], 300).T.astype(np.float32)
    assert not views(lines)[:, 1:].any()
    assert not views(lines.astype(float))[:, 1:].any()


def test_views_that_vary_by_rounding_are_not_blown_up():
    """All derivatives are alike but for rounding; the spectra themselves are not."""
    X = (ONE + np.arange(20.0)[:, None]).astype(np.float32)
    stack = views(X)
    scaled = ViewScaler().fit(stack, np.ones(20), rounding_of_views(X)).transform(stack)
    spread = scaled.std(axis=(0, 2))
    assert spread[0] == pytest.approx(1, abs=0.1) and spread[1:].max() < 1e-5
    assert ViewScaler().fit(stack, np.ones(20)).transform(stack).std(axis=(0, 2)).min() > 0.5


def test_wavelengths_that_vary_by_rounding_by_hand():
    Z = np.array([[1.0, 1.0, 5.0], [1.0, 1.2, 5.2]])  # deviations 0, 0.1 and 0.1
    np.testing.assert_array_equal(without_rounding(Z, np.ones(2), 0.0), Z * [0, 1, 1])
    np.testing.assert_array_equal(without_rounding(Z, np.ones(2), 0.04), 0 * Z)  # 3 x 0.04 > 0.1


def test_latent_variables_that_float32_cannot_hold_are_not_tried():
    """The second has coefficients of 1e6: an error of 1e-6 in the spectra moves y by its range."""
    rng = np.random.RandomState(0)
    scores = rng.normal(size=(40, 2))
    Z, Y = scores * [1, 1e-6], scores[:, :1] + scores[:, 1:]
    folds = [(np.arange(20), np.arange(20, 40)), (np.arange(20, 40), np.arange(20))]
    free = next(pls.pls_candidates(Z, Y, np.ones(40), folds))
    held = next(pls.pls_candidates(Z, Y, np.ones(40), folds, rounding=1e-7))
    assert np.abs(free[1]).max() == pytest.approx(1e6, rel=0.01)
    assert np.abs(held[1]).max() < 2
    assert not list(pls.pls_candidates(Z, Y, np.ones(40), folds, rounding=1.0))


@pytest.mark.parametrize("estimator", [ResNet1DRegressor, ResNet1DClassifier])
def test_a_start_that_is_not_its_calibration_is_not_trained_from(mixtures, monkeypatch, estimator):
    X, amounts = mixtures
    y = amounts[:, 0] if estimator is ResNet1DRegressor else amounts[:, 0] > 5
    predict = Calibration.predict
    monkeypatch.setattr(Calibration, "predict", lambda *args: predict(*args) + 0.01)
    with pytest.warns(
        ConvergenceWarning, match=r"calibration by 0\.01 .* starts from the mean of y"
    ):
        model = estimator(max_epochs=0, random_state=0).fit(X, y)
    assert not model._calibrated and np.ptp(model._outputs(X), axis=0).max() < 1e-6
