"""The interactive view: what is in the figure, and what a browser makes of it."""

import base64
import io
import pickle
import shutil
import sys
import types
from dataclasses import replace

import matplotlib as mpl
import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_spectral import Explanation
from sklearn_spectral._figures import interactive as _interactive

plotly = pytest.importorskip("plotly")
pytest.importorskip("plotly.io")

EVIL = "</script><script>document.title = 'taken over'</script>"
CLASSES = np.array(["oil", "fat & wax", EVIL], dtype=object)
N_SAMPLES = 4
x = np.arange(800.0, 1802.0, 2.0)  # 501 points


@pytest.fixture(scope="module")
def explanation():
    """Every class has one band of its own; every sample and class another height of it."""
    bands = np.exp(-0.5 * ((x[:, None] - [1000, 1300, 1600]) / 25) ** 2)  # (n_points, n_classes)
    bands[bands < 1e-9] = 0
    heights = np.array([1.0, 2.0, 3.0, -4.0])[:, None] * [1.0, 0.5, -0.25]
    maps = bands * heights[:, None, :]
    base_values = np.full((N_SAMPLES, 3), 0.5)
    return Explanation(
        maps=maps,
        outputs=maps.sum(axis=1) + base_values,
        base_values=base_values,
        targets=CLASSES,
        x_axis=x,
        spectra=np.arange(10.0, 10 + N_SAMPLES)[:, None] * bands.sum(axis=1),
        output_name="logit",
        is_class=True,
    )


@pytest.fixture(scope="module")
def predicted(explanation):
    """The same spectra, each explained for a class of its own."""
    rows, columns = np.arange(N_SAMPLES), np.array([0, 1, 2, 0])
    return replace(
        explanation,
        maps=explanation.maps[rows, :, columns],
        outputs=explanation.outputs[rows, columns],
        base_values=explanation.base_values[rows, columns],
        targets=CLASSES[columns],
    )


def decoded(numbers):
    return np.frombuffer(base64.b64decode(numbers["bdata"]), numbers["dtype"])


def labels(figure):
    return [[button.label for button in menu.buttons] for menu in figure.layout.updatemenus]


def test_traces_and_menus_hold_spectra_and_maps(explanation):
    figure = explanation.plot_interactive([1, 3])
    assert labels(figure)[0] == ["Spectrum 1", "Spectrum 3"]
    assert labels(figure)[1][:2] == ["oil", "fat &amp; wax"]
    assert [trace.visible for trace in figure.data[1:]] == [True, False, False]
    for sample, button in zip([1, 3], figure.layout.updatemenus[0].buttons, strict=True):
        curves = [decoded(numbers) for numbers in button.args[0]["y"]]
        np.testing.assert_allclose(curves[0], explanation.spectra[sample], rtol=1e-6)
        maps = explanation.maps[sample].T
        np.testing.assert_allclose(curves[1:], maps, rtol=1e-6)
    for trace, numbers in zip(
        figure.data, figure.layout.updatemenus[0].buttons[0].args[0]["y"], strict=True
    ):
        np.testing.assert_array_equal(decoded(trace.y), decoded(numbers))


def test_one_spectrum_of_one_target_needs_no_menu(predicted):
    assert labels(predicted.plot_interactive(2)) == []


def test_spectra_of_their_own_class_are_called_so(predicted):
    assert labels(predicted.plot_interactive([0, 1])) == [
        ["Spectrum 0: oil", "Spectrum 1: fat &amp; wax"]
    ]


def test_groups_are_means_in_the_menu(explanation, predicted):
    series = ["a", EVIL, "a", "a"]
    figure = explanation.plot_interactive([3, 1, 0], by=series)  # of heights -4, 2 and 1
    name = "&lt;/script&gt;&lt;script&gt;document.title = 'taken over'&lt;/script&gt;"
    assert labels(figure)[0] == ["a, mean of 2", f"{name}, mean of 1"]
    assert labels(figure)[1][0] == "oil"
    for button, spectrum, height in zip(
        figure.layout.updatemenus[0].buttons, [11.5, 11], [-1.5, 2], strict=True
    ):
        curves = [decoded(numbers).max() for numbers in button.args[0]["y"][:1]]
        assert curves == [spectrum]
        maps = [decoded(numbers) for numbers in button.args[0]["y"][1:]]
        np.testing.assert_allclose(maps, height * explanation.maps[0].T, rtol=1e-6)
    figure = predicted.plot_interactive(by=["a", "b", "b", "a"])  # of classes 0, 1, 2, 0
    assert [label.split(":")[0] for label in labels(figure)[0]] == [
        *("a, mean of 2", "b, mean of 1", "b, mean of 1")
    ]
    # -1.5 * 25 sqrt(2 pi) / 2 + 0.5
    assert figure.data[1].name == "logit of oil = -46.5 (base value 0.5)"
    with pytest.raises(ValueError, match=r"by has shape \(1,\); expected \(4,\)"):
        explanation.plot_interactive(0, by=["a"])


@pytest.mark.parametrize("technique", ["ftir", "raman", None])
@pytest.mark.parametrize("order", [1, -1])
def test_axis_runs_as_in_figures(predicted, technique, order):
    turned = replace(predicted, x_axis=x[::order])
    axis, _ = turned.plot(samples=0, technique=technique).ax_
    layout = turned.plot_interactive(0, technique=technique).layout
    assert layout.xaxis.range == axis.get_xlim()
    plt.close("all")


def test_menus_name_the_samples_as_text(predicted):
    named = replace(predicted, sample_names=np.array(["S1", "<b>", "S3", 4], dtype=object))
    assert labels(named.plot_interactive(["S3", "<b>"]))[0][1] == "&lt;b&gt;: fat &amp; wax"
    assert labels(named.plot_interactive([3])) == []
    assert labels(named.plot_interactive([2, 3]))[0][1] == "Sample 4: oil"


def test_colours_are_those_of_figures():
    colours = mpl.colormaps["coolwarm"]([0.1, 0.9])
    assert [mpl.colors.to_hex(c) for c in colours] == [_interactive.NEGATIVE, _interactive.POSITIVE]


def test_names_and_units_are_told(explanation):
    figure = explanation.plot_interactive(
        0, {"own": (990, 1010)}, x_label="Raman shift", output_label="score"
    )
    assert figure.layout.xaxis.title.text == "Raman shift"
    assert figure.layout.yaxis2.title.text.endswith("to score")
    assert figure.data[1].name == "score of oil = 31.8 (base value 0.5)"  # 25 sqrt(2 pi) / 2 + 0.5
    named = x[np.array(figure.data[0].customdata) == "<br>own"]
    np.testing.assert_array_equal(named, x[(x >= 990) & (x <= 1010)])
    shape = figure.layout.shapes[0]
    assert (shape.x0, shape.x1) == (990, 1010)


def test_units_and_references_are_told(explanation):
    amounts = replace(explanation, is_class=False, output_name="fat").pick(0)
    amounts = replace(amounts, axis_unit="cm-1").with_y([30.0, 60, 90, -120])
    figure = amounts.plot_interactive([1, 0], output_label="fat (%)", intensity_label="SNV")
    # 2 * 25 sqrt(2 pi) / 2 + 0.5
    assert figure.data[1].name == "fat = 63.2 % (base value 0.5); reference 60 %"
    assert figure.data[1].meta == "% to fat"
    assert figure.layout.xaxis.ticksuffix == " cm<sup>-1</sup>"
    assert figure.layout.yaxis.title.text == "SNV"
    right = explanation.with_y(["oil", "oil", "fat & wax", EVIL]).plot_interactive([0, 3])
    names = [button.args[0]["name"][1] for button in right.layout.updatemenus[0].buttons]
    assert "; predicted oil (" in names[0] and names[0].endswith(", right")
    assert names[1].endswith(", right")


def test_spectra_are_as_measured(explanation):
    known = replace(explanation, measured=explanation.spectra + 1)
    for preprocessed, title in (
        (False, "Measured<br>intensity"),
        (True, "Intensity seen<br>by the model"),
    ):
        figure = known.plot_interactive(2, preprocessed=preprocessed)
        expected = explanation.spectra[2] + (not preprocessed)
        np.testing.assert_allclose(decoded(figure.data[0].y), expected, rtol=1e-6)
        assert figure.layout.yaxis.title.text == title


def test_a_table_is_left_where_no_script_runs(explanation, monkeypatch):
    shown = []
    module = types.SimpleNamespace(display=lambda bundle, raw: shown.append(bundle))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")
    figure = explanation.plot_interactive()
    figure._ipython_display_()
    assert set(shown[0]) == {"text/html", "application/vnd.plotly.v1+json"}
    assert shown[0]["text/html"] == explanation._repr_html_()
    assert len(pickle.loads(pickle.dumps(figure)).data) == 4


def many(explanation, n_samples):
    return explanation[np.arange(n_samples) % N_SAMPLES]


def test_view_holds_the_first_and_says_so(predicted):
    figure = many(predicted, 60).plot_interactive()
    assert len(figure.layout.updatemenus[0].buttons) == _interactive.MAX_SPECTRA
    assert "first 50 of 60" in figure.layout.title.text
    assert predicted.plot_interactive().layout.title.text is None


def test_more_than_it_holds_is_refused(predicted, explanation, monkeypatch):
    with pytest.raises(ValueError, match="samples selects 51 spectra, but the view can contain 50"):
        many(predicted, 60).plot_interactive(range(51))
    monkeypatch.setattr(_interactive, "MAX_NUMBERS", 2 * 501 * 4)
    assert len(explanation.plot_interactive().layout.updatemenus[0].buttons) == 2
    monkeypatch.setattr(_interactive, "MAX_NUMBERS", 501 * 4 - 1)
    with pytest.raises(ValueError, match="3 targets of 501 points are too many"):
        explanation.plot_interactive(0)
    with pytest.raises(ValueError, match="no spectrum"):
        explanation[:0].plot_interactive()


def test_unknown_technique_is_refused(explanation):
    with pytest.raises(ValueError, match="expected one of"):
        explanation.plot_interactive(technique="xrd")


def test_without_plotly_it_says_what_to_install(explanation, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-spectral\[interactive\]"'):
        explanation.plot_interactive()


def test_page_is_small(explanation):
    html = many(explanation, 20).plot_interactive().to_html(include_plotlyjs=False)
    n_numbers = 20 * 501 * (1 + 3)
    assert len(html) < 5.4 * n_numbers + 60_000  # 4 bytes each, in base 64; and the rest


# In a browser

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# Nothing but the page: no sandbox as root, no calls home.
OPTIONS = """--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking
--disable-component-update --disable-sync""".split()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(explanation, tmp_path_factory):
    path = tmp_path_factory.mktemp("view") / "view.html"
    figure = explanation.plot_interactive(bands={"second": (1290, 1310), "third": (1595, 1605)})
    figure.write_html(path)
    return path


@pytest.fixture
def view(browser, file):
    """The open page; whatever it complains about, or wants from the network, fails the test."""
    page = browser.new_page(viewport={"width": 1000, "height": 600})
    page.set_default_timeout(120_000)  # of a busy machine
    trouble = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda call: call.url.startswith("file:") or trouble.append(call.url))
    page.goto(file.as_uri())
    page.wait_for_selector(".updatemenu-header")
    yield page
    page.close()
    assert not trouble


def place(page, at):
    """Return where a wavenumber is on the screen, in the panel of contributions."""
    return page.evaluate(
        """at => {
            const plot = document.querySelector(".js-plotly-plot");
            const {left, top} = plot.getBoundingClientRect();
            const {xaxis, yaxis2} = plot._fullLayout;
            return [left + xaxis._offset + xaxis.d2p(at), top + yaxis2._offset + 30];
        }""",
        at,
    )


def read(page, at):
    """Return what the view tells under the pointer."""
    right, down = place(page, at)
    page.mouse.move(right - 50, down)
    page.mouse.move(right, down)
    page.wait_for_function(
        "at => document.querySelector('.hoverlayer').textContent.startsWith(at)", arg=str(at)
    )
    return page.locator(".hoverlayer").text_content().replace("\N{MINUS SIGN}", "-")


def colour(page, at, height):
    """Return the colour of the screen at a wavenumber and contribution."""
    right, _ = place(page, at)
    down = page.evaluate(
        """height => {
            const plot = document.querySelector(".js-plotly-plot");
            const {yaxis2} = plot._fullLayout;
            return plot.getBoundingClientRect().top + yaxis2._offset + yaxis2.d2p(height);
        }""",
        height,
    )
    pixels = mpl.image.imread(io.BytesIO(page.screenshot()))
    return mpl.colors.to_hex(pixels[round(down), round(right)])


def choose(page, menu, label):
    page.locator(".updatemenu-header").nth(menu).click()
    page.locator(".updatemenu-dropdown-button").get_by_text(label, exact=True).click()
    page.mouse.move(5, 5)
    page.wait_for_timeout(100)  # plotly closes the menu and draws


def shown_range(page):
    return page.evaluate("document.querySelector('.js-plotly-plot').layout.xaxis.range")


def test_pointer_reads_wavenumber_intensity_contribution_and_band(view):
    assert read(view, 1000) == "1000intensity 10.00contribution +1.00 to logit of oil"
    assert read(view, 1300) == "1300intensity 10.00secondcontribution +0.00 to logit of oil"
    # plotly 7 would offer to send the spectra to its maker.
    buttons = view.locator(".modebar-btn").evaluate_all("all => all.map(b => b.dataset.title)")
    assert "Zoom" in buttons and not [title for title in buttons if "Share" in title]


def test_every_point_is_drawn_in_the_whole_window(view):
    line = "document.querySelector('.scatterlayer .js-line').getAttribute('d')"
    assert len(view.evaluate(line).split("L")) == len(x)
    height = "document.querySelector('.js-plotly-plot').getBoundingClientRect().height"
    assert view.evaluate(height) == 600
    view.set_viewport_size({"width": 1000, "height": 900})
    view.wait_for_function(f"{height} == 900")


def test_menus_switch_spectrum_and_class_and_keep_each_other(view):
    choose(view, 1, "fat & wax")
    assert read(view, 1300) == "1300intensity 10.00secondcontribution +0.500 to logit of fat & wax"
    choose(view, 0, "Spectrum 3")
    assert read(view, 1300) == "1300intensity 13.00secondcontribution -2.00 to logit of fat & wax"
    choose(view, 1, EVIL)
    assert read(view, 1600) == f"1600intensity 13.00thirdcontribution +1.00 to logit of {EVIL}"
    choose(view, 0, "Spectrum 1")
    assert read(view, 1600) == f"1600intensity 11.00thirdcontribution -0.500 to logit of {EVIL}"
    # What is written over the panel follows.
    assert view.locator(".infolayer .legendtext").all_text_contents() == [
        f"logit of {EVIL} = -15.2 (base value 0.5)"  # -0.5 * 25 sqrt(2 pi) / 2 + 0.5
    ]
    assert view.title() != "taken over"


def test_contributions_for_and_against_are_red_and_blue(view):
    assert colour(view, 1000, 0.5) == _interactive.POSITIVE
    assert colour(view, 1000, 1.2) == "#ffffff"  # above the band of height 1
    choose(view, 0, "Spectrum 3")
    assert colour(view, 1000, -2) == _interactive.NEGATIVE


def test_dragging_zooms_and_a_double_click_shows_all(view):
    (left, down), (right, _) = place(view, 1200), place(view, 1400)
    view.mouse.move(left, down)
    view.mouse.down()
    view.mouse.move(right, down, steps=5)
    view.mouse.up()
    view.wait_for_timeout(100)
    np.testing.assert_allclose(shown_range(view), [1200, 1400], atol=3)
    choose(view, 0, "Spectrum 2")
    np.testing.assert_allclose(shown_range(view), [1200, 1400], atol=3)  # stays when switched
    view.mouse.dblclick(right - 200, down)
    view.wait_for_timeout(500)
    np.testing.assert_allclose(shown_range(view), [800, 1800])
