"""Figures: what is in them, not how they look."""

import io
from dataclasses import replace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import to_rgb

from sklearn_spectral import (
    ExplanationDisplay,
    LinearityDisplay,
    ResNet1DClassifier,
    ResNet1DRegressor,
)
from sklearn_spectral._figures.plot import COLOUR_MAP

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
    display = classifier.explain(kinds[0]).plot(samples=[3, 40])
    titles = [axis.get_title(loc="left") for axis in display.ax_]
    assert titles[0].startswith("Spectrum 3: oil") and titles[1].startswith("Spectrum 40: wax")


def test_titles_and_menus_are_names(regressor, mixtures):
    for index, expected in (("S%d", "S3: "), (range(60, 120), "Sample 63: ")):
        names = [index % row for row in range(60)] if isinstance(index, str) else index
        explanation = regressor.explain(pd.DataFrame(mixtures[0], index=names))
        for samples in (3, [names[3]] if isinstance(index, str) else [3]):
            (axis, *_) = explanation.plot(samples=samples).ax_
            assert axis.get_title(loc="left").startswith(expected)


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


def test_groups_have_panels_of_their_own(classifier, regressor, kinds, mixtures):
    explanation = classifier.explain(kinds[0], target="oil")
    series = np.array(["a", "b"] * 30)
    display = explanation.plot(by=series)
    titles = [axis.get_title(loc="left") for axis in display.ax_]
    assert titles == ["oil, a: mean of 30 spectra", "oil, b: mean of 30 spectra"]
    lines = collections(display.ax_, LineCollection)
    for line, name in zip(lines, "ab", strict=True):
        mean = explanation.maps[series == name].mean(axis=0)
        np.testing.assert_allclose(line.get_array(), (mean[:-1] + mean[1:]) / 2, atol=1e-6)
    display = regressor.explain(mixtures[0]).plot(samples=[5, 0, 1], by=series)
    titles = [axis.get_title(loc="left") for axis in display.ax_]
    assert titles == ["2 spectra: b", "1 spectra: a"]
    with pytest.raises(ValueError, match="by has shape"):
        explanation.plot(samples=[0, 1], by=["a", "b"])


def test_lines_of_groups_have_panels_of_their_own(regressor, mixtures):
    X, amounts = mixtures
    y, series = amounts[:, 0], np.array(["a", "b", "b"] * 20)
    explanation = regressor.explain(X)
    display = LinearityDisplay(explanation, y).plot(4, by=series)
    tops, bottoms = display.ax_[::2], display.ax_[1::2]
    titles = [axis.get_title(loc="left") for axis in display.ax_]
    assert titles == ["a: 20 spectra", "", "b: 40 spectra", ""]
    for panels in (tops, bottoms):
        assert len({(axis.get_xlim(), axis.get_ylim()) for axis in panels}) == 1
    points = explanation.linearity(y, by=series)
    table = explanation.linearity(y, 4, by=series).set_index(["group", "band"])
    for name, top, bottom in zip("ab", tops, bottoms, strict=True):
        slopes = points[points["group"] == name]["slope"].to_numpy()[:-1]
        np.testing.assert_array_equal(top.get_lines()[-1].get_ydata(), slopes)
        legend = [text.get_text() for text in bottom.get_legend().get_texts()]
        assert len(legend) == 4
        for text, dots, line in zip(
            legend, bottom.get_lines()[::2], bottom.get_lines()[1::2], strict=True
        ):
            band, r2 = text.split(": R$^2$ ")
            row = table.loc[(name, band)]
            np.testing.assert_array_equal(dots.get_xdata(), y[series == name])
            rise = np.polyfit(line.get_xdata(), line.get_ydata(), 1)[0]
            np.testing.assert_allclose(rise, row["slope"], rtol=1e-6, atol=1e-9)
            assert float(r2) == round(row["r2"], 2)
    legends = [
        [t.get_text().split(":")[0] for t in axis.get_legend().get_texts()] for axis in bottoms
    ]
    assert legends[0] == legends[1]
    with pytest.raises(ValueError, match="2 axes, but 4 panels"):
        LinearityDisplay(explanation, y).plot(4, by=series, ax=tops)
    with pytest.raises(ValueError, match="by has shape"):
        LinearityDisplay(explanation, y).plot(by=["a", "b"])


def test_a_regression_called_logit_is_no_classification(regressor, mixtures):
    explanation = replace(regressor.explain(mixtures[0]), output_name="logit of fraction")
    (axis,) = explanation.plot().ax_
    assert axis.get_title(loc="left") == "60 spectra"  # a heat map, not the mean of a class
    (axis,) = explanation.plot(samples=0).ax_
    assert axis.get_title(loc="left") == f"Spectrum 0: {explanation.outputs[0]:.3g}"


def test_a_technique_that_does_not_fit_the_axis_is_left_aside_with_a_warning(
    regressor, mixtures, wavenumbers
):
    explanation = regressor.explain(mixtures[0][:1])
    assert explanation.plot().ax_[-1].get_xlabel() == "Point"
    with pytest.warns(UserWarning, match="the axis is not known.*Pass x_axis") as caught:
        display = explanation.plot(technique="ftir")
    assert caught[0].filename == __file__
    assert display.ax_[-1].get_xlabel() == "Point"
    explanation = regressor.explain(mixtures[0][:1], x_axis=[f"{x} nm" for x in wavenumbers])
    for technique in ("nir", "uv-vis"):
        label = explanation.plot(technique=technique).ax_[-1].get_xlabel()
        assert label == "Wavelength (nm)"
    with pytest.warns(UserWarning, match="the axis is in nm. Pass x_axis to explain in cm-1"):
        display = explanation.plot(technique="raman")
    assert display.ax_[-1].get_xlabel() == "Wavelength (nm)"
    given = regressor.explain(mixtures[0][:1], x_axis=np.arange(100))  # what was given is known
    assert given.plot(technique="raman").ax_[-1].get_xlabel() == "Raman shift (cm$^{-1}$)"


def test_own_axes_are_used_and_counted(regressor, mixtures):
    explanation = regressor.explain(mixtures[0][:2])
    figure, axes = plt.subplots(2)
    assert explanation.plot(axes).figure_ is figure
    with pytest.raises(ValueError, match="1 axes, but 2 panels"):
        explanation.plot(axes[0])


def test_unknown_technique_is_refused(regressor, mixtures):
    with pytest.raises(ValueError, match="expected one of"):
        regressor.explain(mixtures[0][:2]).plot(technique="xrd")


# How colours look without one kind of cone, in linear RGB: Machado et al. (2009), IEEE Trans. Vis.
# Comput. Graph. 15, 1291-1298, doi:10.1109/TVCG.2009.113, severity 1.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(colour, other):
    """Return the contrast ratio of WCAG 2."""
    low, high = sorted(linear(c) @ TO_XYZ[1] for c in (colour, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    """Return linear RGB in CIE L*a*b*, whose distances are those of the eye."""
    x, y, z = np.cbrt(np.maximum(TO_XYZ @ rgb / TO_XYZ.sum(axis=1), 0.009))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("matrix", BLINDNESS.values(), ids=BLINDNESS)
@pytest.mark.parametrize("size", [0.25, 0.5, 0.75, 1])
def test_more_and_less_are_told_apart_by_everybody(matrix, size):
    colours = plt.get_cmap(COLOUR_MAP)([0.5 - size / 2, 0.5 + size / 2])[:, :3]
    less, more = (lab(np.array(matrix) @ linear(colour)) for colour in colours)
    # Ten is a clear difference in print. By hue: which of the two is darker says nothing.
    assert np.linalg.norm(less[1:] - more[1:]) > 10


def drawn(display):
    """Return the SVG of a figure."""
    file = io.StringIO()
    display.figure_.savefig(file, format="svg")
    return file.getvalue()


@pytest.fixture(params=["few", "linearity", "heat map"])
def make_display(request, regressor, mixtures):
    explanation = regressor.explain(mixtures[0])
    return {
        "few": lambda: explanation.plot(samples=[0, 1]),
        "linearity": lambda: LinearityDisplay(explanation, mixtures[1][:, 0]).plot(),
        "heat map": explanation.plot,
    }[request.param], request.param


def test_figures_are_paths_in_vector_files(make_display):
    make, kind = make_display
    svg = drawn(make())
    # The heat map alone is an image: 60 spectra of 100 points would be 6000 paths.
    assert svg.count("<image") == (kind == "heat map")
    assert len(svg) < 300_000
    if kind == "few":
        assert svg.count("<path") > 2 * 99  # a path from every point to the next


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_figures_are_read_in_light_and_dark(make_display, style):
    with plt.style.context(style):
        display = make_display[0]()
        figure = display.figure_
        background = figure.get_facecolor()
        texts = [text for text in figure.findobj(plt.Text) if text.get_text()]
        assert min(contrast(text.get_color(), background) for text in texts) > 4.5
        lines = [line for axis in display.ax_ for line in axis.get_lines()]
        assert all(contrast(line.get_color(), background) > 2 for line in lines)
        if make_display[1] == "few":
            assert contrast(lines[0].get_color(), background) > 4.5  # the edge of pale colours


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_straight_bands_stand_out_from_the_background(regressor, mixtures, style):
    with plt.style.context(style):
        display = LinearityDisplay(regressor.explain(mixtures[0]), mixtures[1][:, 0]).plot()
        (line,) = collections(display.ax_, LineCollection)
        background = display.figure_.get_facecolor()
        curved, straight = (contrast(line.cmap(r2), background) for r2 in (0.0, 1.0))
    assert straight > 10 > 2 > curved


def test_edge_lies_under_the_colours(regressor, mixtures):
    (axis,) = regressor.explain(mixtures[0][:1]).plot().ax_
    (edge,), (line,) = axis.get_lines(), collections([axis], LineCollection)
    assert edge.get_linewidth() > line.get_linewidth()[0]
    children = axis.get_children()
    order = [(artist.get_zorder(), children.index(artist)) for artist in (edge, line)]
    assert order == sorted(order)


def test_displays_say_what_they_are(regressor, mixtures):
    explanation = regressor.explain(mixtures[0][:2])
    display = ExplanationDisplay(explanation)
    assert repr(display) == f"ExplanationDisplay({explanation!r}; not drawn yet, call plot())"
    assert repr(display.plot()) == f"ExplanationDisplay({explanation!r}; 2 panels)"
    assert repr(LinearityDisplay(explanation, [0, 1])).startswith("LinearityDisplay(Explanation of")
