"""Figures: what is in them, not how they look."""

import io
from dataclasses import replace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes._secondary_axes import SecondaryAxis
from matplotlib.axis import Axis
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgb
from matplotlib.transforms import Bbox
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_spectral import (
    Explanation,
    ExplanationDisplay,
    LinearityDisplay,
    PurityDisplay,
    ResNet1DClassifier,
    ResNet1DRegressor,
    WaterfallDisplay,
    explain,
)
from sklearn_spectral._figures.axes import COLOUR_MAP, NEGATIVE, POSITIVE

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


def filled(axis, colour):
    """Return how high an axis is filled with a colour, at the x of the vertices."""
    (fill,) = [each for each in axis.collections if to_hex(each.get_facecolor()[0]) == colour]
    return np.unique(fill.get_paths()[0].vertices, axis=0)


def test_a_spectrum_stands_above_its_contributions(regressor, mixtures, wavenumbers):
    X = pd.DataFrame(mixtures[0][:1], columns=wavenumbers, index=["S007"])
    model = make_pipeline(StandardScaler().fit(mixtures[0]), regressor)
    explanation = explain(model, X).with_y([7.25])
    display = explanation.plot(technique="ftir", output_label="fat (g/L)", bands=None)
    top, bottom = display.ax_
    np.testing.assert_array_equal(top.get_lines()[0].get_ydata(), mixtures[0][0])  # as measured
    assert top.get_ylabel() == "Measured\nintensity"
    predicted = f"{explanation.outputs[0]:.3g}"
    assert top.get_title(loc="left") == f"S007: predicted {predicted} g/L, reference 7.25 g/L"
    (m,) = explanation.maps
    np.testing.assert_array_equal(bottom.get_lines()[0].get_ydata(), m)
    assert filled(bottom, POSITIVE)[:, 1].max() == m.max()
    assert filled(bottom, NEGATIVE)[:, 1].min() == m.min()
    low, high = bottom.get_xlim()
    assert low > high and top.get_xlim() == (low, high)  # FTIR runs from high to low
    assert bottom.get_xlabel() == "Wavenumber (cm$^{-1}$)" and top.get_xlabel() == ""
    assert bottom.get_ylabel() == "Contribution to fat\n(g/L)"
    (top, _) = explanation.plot(preprocessed=True, intensity_label="SNV absorbance").ax_
    np.testing.assert_array_equal(top.get_lines()[0].get_ydata(), explanation.spectra[0])
    assert top.get_ylabel() == "SNV absorbance"
    assert regressor.explain(X).plot().ax_[0].get_ylabel() == "Intensity seen\nby the model"


def names_on_top(display):
    return [
        [label.get_text() for label in child.get_xticklabels()]
        for axis in display.ax_
        for child in axis.child_axes
        if isinstance(child, SecondaryAxis)
    ]


def test_bands_are_marked_and_named(regressor, mixtures, wavenumbers):
    explanation = regressor.explain(mixtures[0][:2], x_axis=wavenumbers)
    bands = {"fat 1200": (1180, 1220), "wax": (1600, 1650)}
    display = explanation.plot(bands=bands)
    assert names_on_top(display) == [["fat 1200", "wax"]]  # once, above all
    for axis in display.ax_:
        shaded = [patch.get_x() for patch in axis.patches]
        assert shaded == [1180, 1600]
    # The weaker of two that would be written one upon the other is left out.
    explanation = replace(explanation, maps=np.where(wavenumbers == 1210, 5.0, explanation.maps))
    near = {"weak": (1190, 1200), "strong": (1210, 1220)}
    assert names_on_top(explanation.plot(bands=near)) == [["strong"]]
    assert names_on_top(explanation.plot(bands=None)) == []
    shaded = [patch.get_x() for patch in explanation.plot(bands=4).ax_[0].patches]
    assert shaded == [800, 1300]  # every second one: they leave no gaps
    # Of a table without the positions, which the axis tells.
    names = names_on_top(explanation.plot(bands="raman-lipids"))
    assert "CH2 twist" in names[0]
    maps = np.zeros((2, 100))
    maps[:, [20, 60]] = 1, -1
    assert names_on_top(replace(explanation, maps=maps).plot()) == [["1000", "1400"]]


def test_titles_tell_right_from_wrong(classifier, kinds):
    X, y = kinds
    explanation = classifier.explain(X[[0, 40]], target="all").with_y(["oil", "fat"])
    sure = classifier.predict_proba(X[[0, 40]]).max(axis=1)
    expected = [
        f"Spectrum 0: predicted oil ({sure[0]:.2f}), right",
        f"Spectrum 1: predicted wax ({sure[1]:.2f}), wrong: fat",
    ]
    for each, n_panels in ((explanation, 4), (explanation.pick("fat"), 2)):
        axes = each.plot().ax_
        assert [axis.get_title(loc="left") for axis in axes[::n_panels]] == expected
        assert axes[1].get_ylabel() == "Contribution to\nlogit of fat"
        assert len(axes) == 2 * n_panels


def test_several_spectra_have_their_own_numbers_and_one_scale(classifier, kinds):
    display = classifier.explain(kinds[0]).plot(samples=[3, 40])
    titles = [axis.get_title(loc="left") for axis in display.ax_[::2]]
    assert titles[0].startswith("Spectrum 3: predicted oil (")
    assert titles[1].startswith("Spectrum 40: predicted wax (")
    assert display.ax_[1].get_ylim() == display.ax_[3].get_ylim()


def test_titles_and_menus_are_names(regressor, mixtures):
    for index, expected in (("S%d", "S3: "), (range(60, 120), "Sample 63: ")):
        names = [index % row for row in range(60)] if isinstance(index, str) else index
        explanation = regressor.explain(pd.DataFrame(mixtures[0], index=names))
        for samples in (3, [names[3]] if isinstance(index, str) else [3]):
            (axis, *_) = explanation.plot(samples=samples).ax_
            assert axis.get_title(loc="left").startswith(expected)


def test_every_class_of_one_spectrum(classifier, kinds):
    display = ExplanationDisplay.from_estimator(classifier, kinds[0][:1], target="all")
    labels = [axis.get_ylabel().split()[-1] for axis in display.ax_]
    assert labels == ["intensity", "fat", "oil", "wax"]


def test_many_spectra_are_means_of_classes_or_a_heat_map(classifier, regressor, kinds, mixtures):
    X, y = kinds
    predicted = classifier.explain(X).with_y(y)
    for explanation in (predicted, classifier.explain(X, target="all").with_y(y)):
        display = explanation.plot()
        titles = [axis.get_title(loc="left") for axis in display.ax_[::2]]
        n_wrong = [(y[predicted.predicted == each] != each).sum() for each in ("fat", "oil", "wax")]
        assert sorted(titles) == [
            f"{each}: mean of {(predicted.predicted == each).sum()} spectra, {n} wrong"
            for each, n in zip(("fat", "oil", "wax"), n_wrong, strict=True)
        ]
        row = titles.index([title for title in titles if title.startswith("oil")][0])
        of_oil = predicted.maps[predicted.predicted == "oil"]
        mean = display.ax_[2 * row + 1].get_lines()[0].get_ydata()
        np.testing.assert_allclose(mean, of_oil.mean(axis=0), atol=1e-6)
        spread = display.ax_[2 * row + 1].collections[0].get_paths()[0].vertices[:, 1]
        high = (of_oil.mean(axis=0) + of_oil.std(axis=0, ddof=1)).max()
        np.testing.assert_allclose(spread.max(), high, rtol=1e-5)
    explanation = regressor.explain(mixtures[0]).with_y(mixtures[1][:, 0])
    top, heat = explanation.plot(output_label="fat (%)").ax_
    (mesh,) = collections([heat], QuadMesh)
    np.testing.assert_allclose(mesh.get_array()[-1], explanation.maps[explanation.outputs.argmax()])
    np.testing.assert_allclose(top.get_lines()[0].get_ydata(), mixtures[0].mean(axis=0))
    beside = heat.child_axes[0]
    line, dots = beside.get_lines()
    order = np.argsort(explanation.outputs)
    np.testing.assert_array_equal(line.get_xdata(), explanation.outputs[order])
    np.testing.assert_array_equal(dots.get_xdata(), explanation.y[order])
    assert beside.get_xlabel() == "predicted (line)\nreference (dots)\n%"


def test_a_difference_is_drawn_by_class(classifier, kinds):
    X, y = kinds
    explanation = classifier.explain(X, target="all").difference("oil", "fat")
    display = explanation.plot(by="predicted")
    drawn = {
        axis.get_title(loc="left").split(":")[0]: below.get_lines()[0].get_ydata()
        for axis, below in zip(display.ax_[::2], display.ax_[1::2], strict=True)
    }
    assert sorted(drawn) == ["fat", "oil", "wax"]
    for name, mean in drawn.items():
        of_class = explanation.maps[explanation.predicted == name].mean(axis=0)
        np.testing.assert_allclose(mean, of_class, atol=1e-6)
    assert len(explanation.plot().ax_) == 6  # so without being asked
    with pytest.raises(ValueError, match="are not known: pass y to with_y"):
        explanation.plot(by="y")
    assert len(explanation.with_y(y).plot(by="y").ax_) == 6


def test_groups_have_panels_of_their_own(classifier, regressor, kinds, mixtures):
    explanation = classifier.explain(kinds[0], target="oil")
    series = np.array(["a", "b"] * 30)
    display = explanation.plot(by=series)
    titles = [axis.get_title(loc="left") for axis in display.ax_[::2]]
    assert titles == ["oil, a: mean of 30 spectra", "oil, b: mean of 30 spectra"]
    for axis, name in zip(display.ax_[1::2], "ab", strict=True):
        mean = explanation.maps[series == name].mean(axis=0)
        np.testing.assert_allclose(axis.get_lines()[0].get_ydata(), mean, atol=1e-6)
    display = regressor.explain(mixtures[0]).plot(samples=[5, 0, 1], by=series)
    titles = [axis.get_title(loc="left") for axis in display.ax_[::2]]
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
        of_points = points[points["group"] == name].iloc[:-1]
        np.testing.assert_array_equal(top.get_lines()[1].get_ydata(), of_points["slope"])
        spread = top.collections[0].get_paths()[0].vertices[:, 1]
        assert spread.max() == (of_points["slope"] + of_points["slope_error"]).max()
        legend = [text.get_text() for text in bottom.get_legend().get_texts()]
        assert len(legend) == (table["r2"].groupby("band").max() >= 0.1)[:-1].sum()
        drawn = zip(legend, bottom.containers, bottom.get_lines()[1::2], strict=True)
        for text, dots, line in drawn:
            band, slope, _, error, _, r2 = text.replace(": ", " ").replace(",", "").split()
            row = table.loc[(name, band)]
            np.testing.assert_array_equal(dots.lines[0].get_xdata(), y[series == name])
            rise = np.polyfit(line.get_xdata(), line.get_ydata(), 1)[0]
            np.testing.assert_allclose(rise, row["slope"], rtol=1e-6, atol=1e-9)
            assert float(r2) == round(row["r2"], 2)
            np.testing.assert_allclose(float(slope), row["slope"], atol=row["slope_error"] / 2)
            np.testing.assert_allclose(float(error), row["slope_error"], rtol=0.05)
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
    axis, _ = explanation.plot().ax_
    assert axis.get_title(loc="left") == "60 spectra"  # a heat map, not the mean of a class
    axis, _ = explanation.plot(samples=0).ax_
    assert axis.get_title(loc="left") == f"Spectrum 0: predicted {explanation.outputs[0]:.3g}"


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
    with pytest.warns(UserWarning, match="the axis is in nm. Pass x_axis in cm-1 to explain"):
        display = explanation.plot(technique="raman")
    assert display.ax_[-1].get_xlabel() == "Wavelength (nm)"
    given = regressor.explain(mixtures[0][:1], x_axis=np.arange(100))  # what was given is known
    assert given.plot(technique="raman").ax_[-1].get_xlabel() == "Raman shift (cm$^{-1}$)"


def test_other_methods_stand_beside_on_scales_of_their_own(regressor, mixtures):
    own = regressor.explain(mixtures[0])
    large = replace(own, maps=100 * own.maps)
    display = own.plot(samples=[5, 2], beside={"Grad-CAM": large})
    assert len(display.ax_) == 6
    for start, row in ((0, 5), (3, 2)):
        _, first, second = display.ax_[start:][:3]
        np.testing.assert_allclose(
            second.get_lines()[0].get_ydata(), 100 * own.maps[row], rtol=1e-6
        )
        assert second.get_ylabel() == "Grad-CAM"
        np.testing.assert_allclose(second.get_ylim(), 100 * np.array(first.get_ylim()), rtol=1e-6)
    with pytest.raises(ValueError, match="one target for each of the same spectra"):
        own.plot(samples=[0], beside={"other": own[:3]})
    with pytest.raises(ValueError, match="up to 6 maps, and without by"):
        own.plot(beside={"other": large})


def test_spread_between_models_is_drawn(regressor, mixtures):
    one = regressor.explain(mixtures[0][:2])
    mean = one.averaged([replace(one, maps=3 * one.maps)], weights=[3, 1])
    axis = mean.plot(samples=1).ax_[1]
    np.testing.assert_allclose(axis.get_lines()[0].get_ydata(), 1.5 * one.maps[1], rtol=1e-5)
    spread = axis.collections[0].get_paths()[0].vertices[:, 1]
    highest = (1.5 * one.maps[1] + mean.maps_std[1]).max()
    np.testing.assert_allclose(spread.max(), highest, rtol=1e-5)


def test_own_axes_are_used_and_counted(regressor, mixtures):
    explanation = regressor.explain(mixtures[0][:2])
    figure, axes = plt.subplots(2, 2)
    assert explanation.plot(axes.T).figure_ is figure
    assert [axis.get_title(loc="left")[:10] for axis in axes[0]] == ["Spectrum 0", "Spectrum 1"]
    with pytest.raises(ValueError, match="2 axes, but 4 panels"):
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


@pytest.fixture(params=["few", "linearity", "heat map", "purity"])
def make_display(request, regressor, mixtures, classifier, kinds):
    explanation = regressor.explain(mixtures[0])
    return {
        "few": lambda: explanation.plot(samples=[0, 1]),
        "linearity": lambda: LinearityDisplay(explanation, mixtures[1][:, 0]).plot(),
        "heat map": explanation.plot,
        "purity": lambda: PurityDisplay.from_explanation(
            classifier.explain(kinds[0], target="all"), np.roll(kinds[1], 3)
        ),
    }[request.param], request.param


def test_figures_are_paths_in_vector_files(make_display):
    make, kind = make_display
    svg = drawn(make())
    # The heat map alone is an image: 60 spectra of 100 points would be 6000 paths.
    assert svg.count("<image") == (kind == "heat map")
    assert len(svg) < 300_000


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
            assert contrast(lines[0].get_color(), background) > 4.5
            for colour in (NEGATIVE, POSITIVE):
                assert contrast(colour, background) > 3


@pytest.mark.parametrize("width", [3.3, 6.4])
def test_text_stays_on_the_page_and_off_other_text(classifier, regressor, kinds, mixtures, width):
    size = {"figure.figsize": (width, 2.5), "font.size": 7 if width < 5 else 10}
    quantity = regressor.explain(mixtures[0]).with_y(mixtures[1][:, 0])
    with plt.rc_context(size):
        for display in (
            quantity.plot(samples=[0, 1], output_label="fat (g/L)"),
            quantity.plot(output_label="fat (g/L)"),
            classifier.explain(kinds[0]).with_y(kinds[1]).plot(),
            LinearityDisplay(quantity).plot(4, output_label="fat (g/L)"),
            quantity.plot_waterfall(output_label="fat (g/L)"),
            PurityDisplay(classifier.explain(kinds[0], target="all").with_y(kinds[1])).plot(),
        ):
            figure = display.figure_
            figure.canvas.draw()
            page = figure.bbox.padded(2)
            beyond = [  # labels of ticks outside of their axes, which are not drawn
                label
                for one in figure.findobj(Axis)
                for tick in one.get_major_ticks()
                for label in (tick.label1, tick.label2)
                if not min(one.get_view_interval())
                <= tick.get_loc()
                <= max(one.get_view_interval())
                or not label.get_visible()
            ]
            texts = [
                text.get_window_extent()
                for text in figure.findobj(plt.Text)
                if text.get_text() and text not in beyond and text.get_window_extent().width
            ]
            for place, box in enumerate(texts):
                assert page.x0 <= box.x0 and box.x1 <= page.x1
                assert page.y0 <= box.y0 and box.y1 <= page.y1
                for other in texts[place + 1 :]:
                    both = Bbox.intersection(box, other)
                    assert both is None or min(both.width, both.height) < 1


def test_a_waterfall_adds_up(regressor, mixtures):
    explanation = regressor.explain(pd.DataFrame(mixtures[0], index=[f"S{i}" for i in range(60)]))
    explanation = explanation.with_y(mixtures[1][:, 0])
    bands = {"own": range(30, 50), "other": range(60, 70)}
    display = explanation.plot_waterfall("S4", bands, output_label="fat (g/L)")
    (axis,) = display.ax_
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names == ["base value", "own", "other", "all other points", "predicted", "reference"]
    starts, widths = np.array([(bar.get_x(), bar.get_width()) for bar in axis.patches]).T
    m = explanation.maps[4].astype(float)
    steps = [m[30:50].sum(), m[60:70].sum(), np.delete(m, np.r_[30:50, 60:70]).sum()]
    base, output = explanation.base_values[4], explanation.outputs[4]
    np.testing.assert_allclose(widths, [base, *steps, output, explanation.y[4]], rtol=1e-5)
    np.testing.assert_allclose(starts[1:4], base + np.cumsum([0, *steps[:2]]), rtol=1e-5)
    np.testing.assert_allclose(starts[3] + widths[3], output, rtol=1e-5)
    assert axis.get_xlabel() == "fat (g/L)" and axis.get_title(loc="left").startswith(
        "S4: predicted"
    )
    total = sum(bar.get_width() for bar in explanation.plot_waterfall(4, 30).ax_[0].patches[:-2])
    np.testing.assert_allclose(total, output, rtol=1e-5)  # the weaker bands are one
    with pytest.raises(ValueError, match="overlap"):
        explanation.plot_waterfall(0, {"a": range(10), "b": range(9, 12)})
    with pytest.raises(IndexError, match="selects 2 spectra"):
        explanation.plot_waterfall([0, 1])


def test_a_waterfall_is_of_the_predicted_class(classifier, kinds):
    everything = classifier.explain(kinds[0], target="all")
    for each in (everything, everything.pick(None)):
        (axis,) = each.plot_waterfall(0).ax_
        assert axis.get_xlabel() == "logit of oil"
        assert axis.patches[-1].get_width() == everything.outputs[0].max()
    (axis,) = everything.plot_waterfall(0, target="fat").ax_
    assert axis.get_xlabel() == "logit of fat"
    shallow = classifier.explain(kinds[0], layer="stem")
    names = [label.get_text() for label in shallow.plot_waterfall(0).ax_[0].get_yticklabels()]
    assert "on no point" in names


@pytest.mark.parametrize("kind", [ExplanationDisplay, LinearityDisplay, WaterfallDisplay])
def test_displays_are_made_of_explanations_and_shown_once(regressor, mixtures, kind):
    X, y = mixtures[0], mixtures[1][:, 0]
    display = kind.from_explanation(regressor.explain(X), y, bands=5)
    assert display.explanation.y.tolist() == y.tolist()
    assert display._repr_html_() == "" and "panels)" in repr(display)
    assert kind(display.explanation)._repr_html_() is None


@pytest.fixture
def four_spectra():
    """Logits of oil, fat and wax; the maps are against the second class, on two points."""
    maps = np.zeros((4, 2, 3))
    maps[0, :, 0] = 3, 1  # oil: all of the difference supports it
    maps[1, :, 0] = 3, -1  # oil: three quarters do
    maps[2, :, 2] = 2, -2 / 3  # wax: three quarters as well
    maps[3, :, 1] = 1, -1  # oil, by its base value: half
    base_values = np.array([[1.0, 0, -9], [1, 0, -9], [-9, 0, 1], [1, 0, -9]])
    return Explanation(
        maps=maps,
        outputs=base_values + maps.sum(axis=1),
        base_values=base_values,
        targets=np.array(["oil", "fat", "wax"]),
        x_axis=np.array([1000.0, 1010.0]),
        spectra=np.ones((4, 2)),
        output_name="logit",
        is_class=True,
    )


@pytest.mark.parametrize(
    ("kind", "values", "label", "line"),
    [
        ("purity", [1, 0.75, 0.75, 0.5], "Purity of the map", 0.5),
        ("margin", [5, 3, 1 + 4 / 3, 1], "Margin to the second class (logit)", 0),
    ],
)
def test_purities_stand_by_class_and_wrong_predictions_apart(
    four_spectra, kind, values, label, line
):
    display = PurityDisplay.from_explanation(four_spectra, ["oil", "fat", "wax", "oil"], kind=kind)
    (axis,) = display.ax_
    np.testing.assert_allclose(display.values_, values)
    right, wrong, drawn_match = axis.get_lines()
    np.testing.assert_allclose(right.get_xdata(), np.take(values, [0, 2, 3]))
    np.testing.assert_allclose(wrong.get_xdata(), values[1:2])
    assert right.get_marker() != wrong.get_marker()
    assert drawn_match.get_xdata() == [line, line]
    # In the order of the model's classes, each spectrum in the row of its true one.
    names = [text.get_text() for text in axis.get_yticklabels()]
    assert names == ["oil, 2", "fat, 1", "wax, 1"]
    np.testing.assert_array_equal(np.round(right.get_ydata()), [0, 2, 0])
    np.testing.assert_array_equal(np.round(wrong.get_ydata()), [1])
    medians = np.ravel([each.get_segments() for each in axis.collections])[::4]
    np.testing.assert_allclose(medians, [(values[0] + values[3]) / 2, *values[1:3]])
    legend = [text.get_text() for text in axis.get_legend().get_texts()]
    assert legend == ["right, 3", "wrong, 1"]
    assert axis.get_xlabel() == label


def test_purities_without_truth_stand_by_the_predicted_class_or_by_series(four_spectra):
    (axis,) = PurityDisplay(four_spectra).plot().ax_
    assert [text.get_text() for text in axis.get_yticklabels()] == ["oil, 3", "wax, 1"]
    assert axis.get_legend() is None and len(axis.get_lines()) == 2
    (other,) = PurityDisplay(four_spectra).plot("margin", by=[1, 1, 2, 2]).ax_
    assert [text.get_text() for text in other.get_yticklabels()] == ["1, 2", "2, 2"]
    assert PurityDisplay(four_spectra).plot(ax=axis).ax_.tolist() == [axis]


def test_purities_of_other_explanations_are_refused(four_spectra, regressor, mixtures):
    with pytest.raises(ValueError, match="of a regressor.* use LinearityDisplay"):
        PurityDisplay(regressor.explain(mixtures[0])).plot()
    with pytest.raises(ValueError, match=r"kind='pure'; expected one of \['purity', 'margin'\]"):
        PurityDisplay(four_spectra).plot("pure")
    one = replace(four_spectra.pick("oil"), class_outputs=None, classes=None)
    with pytest.raises(ValueError, match="needs the logits of all classes"):
        PurityDisplay(one).plot("margin", by=[0, 0, 1, 1])


def test_levels_are_means_with_their_spread(regressor, mixtures):
    y = np.repeat([1.0, 2, 4], 20)
    explanation = regressor.explain(mixtures[0][np.argsort(mixtures[1][:, 0])])
    _, axis = LinearityDisplay(explanation, y).plot({"own": range(30, 50)}).ax_
    (drawn,) = axis.containers
    sums = explanation.maps[:, 30:50].sum(axis=1, dtype=float).reshape(3, 20)
    np.testing.assert_array_equal(drawn.lines[0].get_xdata(), [1, 2, 4])
    np.testing.assert_allclose(drawn.lines[0].get_ydata(), sums.mean(axis=1))
    low, high = np.array(drawn.lines[2][0].get_segments())[:, :, 1].T
    np.testing.assert_allclose(high - low, 2 * sums.std(axis=1, ddof=1))


def test_displays_say_what_they_are(regressor, mixtures):
    explanation = regressor.explain(mixtures[0][:2])
    display = ExplanationDisplay(explanation)
    assert repr(display) == f"ExplanationDisplay({explanation!r}; not drawn yet, call plot())"
    assert repr(display.plot()) == f"ExplanationDisplay({explanation!r}; 4 panels)"
    assert repr(LinearityDisplay(explanation, [0, 1])).startswith("LinearityDisplay(Explanation of")
