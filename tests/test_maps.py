"""Maps of the estimators: they add up to the output, and name targets and wavelengths."""

import numpy as np
import pandas as pd
import pytest

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor

FEW = {"max_epochs": 4, "random_state": 0}
# As fast as can be, where maps do not matter.
AT_ONCE = {"max_epochs": 0, "random_state": 0, "shortcut": False}


@pytest.fixture(scope="module")
def without_shortcut(kinds):
    return ResNet1DClassifier(**FEW, shortcut=False).fit(*kinds)


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("target", [None, "all", "fat", "each"])
def test_classifier_maps_add_up(kinds, classifier, without_shortcut, target, shortcut):
    X, y = kinds
    model = classifier if shortcut else without_shortcut
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


# ---------------------------------------------------------------------- targets


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


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("glass", r"target='glass' is not one of .*\['fat', 'oil', 'wax'\]"),
        (["oil", "fat"], r"target has shape \(2,\), but X has 60 spectra"),
        (np.full(60, "glass"), "target='glass' is not one"),
        (1, "target=1 is not one"),
    ],
)
def test_unknown_targets(kinds, classifier, target, message):
    with pytest.raises(ValueError, match=message):
        classifier.explain(kinds[0], target=target)


# ---------------------------------------------------------------------- wavelengths


@pytest.mark.parametrize("names", ["strings", "floats", "given", "index"])
def test_wavelength_axis(mixtures, wavenumbers, names):
    X, amounts = mixtures
    frame = {
        "strings": pd.DataFrame(X, columns=wavenumbers.astype(str)),
        "floats": pd.DataFrame(X, columns=wavenumbers),
    }.get(names, X)
    model = ResNet1DRegressor(**AT_ONCE).fit(frame, amounts[:, 0])
    given = wavenumbers if names == "given" else None
    expected = np.arange(100) if names == "index" else wavenumbers
    np.testing.assert_array_equal(model.explain(frame, x_axis=given).x_axis, expected)


def test_default_column_names_are_not_taken_for_an_axis(mixtures, wavenumbers):
    X, amounts = mixtures
    model = ResNet1DRegressor(**AT_ONCE).fit(pd.DataFrame(X, columns=wavenumbers), amounts)
    np.testing.assert_array_equal(model.explain(pd.DataFrame(X)).x_axis, wavenumbers)


def test_another_axis_than_in_training_is_refused(mixtures, wavenumbers):
    X, amounts = mixtures
    frame = pd.DataFrame(X, columns=wavenumbers)
    model = ResNet1DRegressor(**AT_ONCE).fit(frame, amounts)
    with pytest.raises(ValueError, match="from 1790 to 800, those of the training .* 800 to 1790"):
        model.predict(frame.iloc[:, ::-1])


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
def test_bad_axes(mixtures, regressor, x_axis, message):
    with pytest.raises(ValueError, match=message):
        regressor.explain(mixtures[0], x_axis=x_axis)
