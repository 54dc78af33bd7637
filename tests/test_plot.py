"""Figures: what is in them, not how they look."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, QuadMesh

from sklearn_spectral import (
    ExplanationDisplay,
    ResNet1DClassifier,
    ResNet1DRegressor,
)

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def classifier(kinds):
    return ResNet1DClassifier(max_epochs=3, random_state=0).fit(*kinds)


@pytest.fixture(scope="module")
def regressor(mixtures):
    X, amounts = mixtures
    return ResNet1DRegressor(max_epochs=3, random_state=0).fit(X, amounts[:, 0])


def collections(axes, kind):
    return [c for axis in axes for c in axis.collections if isinstance(c, kind)]


def test_one_spectrum_is_a_line_coloured_by_its_map(regressor, mixtures, wavenumbers):
    explanation = regressor.explain(mixtures[0][:1], x_axis=wavenumbers)
    display = explanation.plot(technique="ftir", output_label="fat (g/L)")
    (line,) = collections(display.ax_, LineCollection)
    middle = (explanation.maps[0, :-1] + explanation.maps[0, 1:]) / 2
    np.testing.assert_allclose(line.get_array(), middle)
    assert line.norm.vmin == -line.norm.vmax  # zero is the middle of the colours
    low, high = display.ax_[0].get_xlim()
    assert low > high  # FTIR runs from high to low
    assert "cm" in display.ax_[-1].get_xlabel()
    assert "fat (g/L)" in display.figure_.axes[-1].get_ylabel()


def test_several_spectra_have_their_own_numbers(classifier, kinds):
    display = classifier.explain(kinds[0]).plot(samples=[3, 40], technique="raman")
    titles = [axis.get_title(loc="left") for axis in display.ax_]
    assert titles[0].startswith("Spectrum 3: oil") and titles[1].startswith("Spectrum 40: wax")


def test_every_class_of_one_spectrum(classifier, kinds):
    display = ExplanationDisplay.from_estimator(classifier, kinds[0][:1], target="all")
    titles = [axis.get_title(loc="left") for axis in display.ax_]
    assert [title.split()[2] for title in titles] == ["fat,", "oil,", "wax,"]


def test_many_spectra_are_means_of_classes_or_a_heat_map(classifier, regressor, kinds, mixtures):
    display = classifier.explain(kinds[0]).plot()
    assert sum("mean of" in axis.get_title(loc="left") for axis in display.ax_) == 3
    explanation = regressor.explain(mixtures[0])
    display = explanation.plot()
    (mesh,) = collections(display.ax_, QuadMesh)
    np.testing.assert_allclose(mesh.get_array()[-1], explanation.maps[explanation.outputs.argmax()])


def test_without_wavelengths_the_axis_counts_points(regressor, mixtures):
    display = regressor.explain(mixtures[0][:1]).plot(technique="ftir")
    assert display.ax_[-1].get_xlabel() == "Point"


def test_own_axes_are_used_and_counted(regressor, mixtures):
    explanation = regressor.explain(mixtures[0][:2])
    figure, axes = plt.subplots(2)
    assert explanation.plot(axes).figure_ is figure
    with pytest.raises(ValueError, match="1 axes, but 2 panels"):
        explanation.plot(axes[0])


def test_unknown_technique_is_refused(regressor, mixtures):
    with pytest.raises(ValueError, match="expected one of"):
        regressor.explain(mixtures[0][:2]).plot(technique="xrd")
