"""What notebooks show: small, safe and cheap, however large the explanation is."""

import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_spectral import Explanation, ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral._figures.html import N_CURVE_POINTS

LARGEST = 30_000  # characters


class Page(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data + " "


@pytest.fixture
def explanation():
    """Two spectra, each with contributions of 3 and -4 at two points of 1000 to 1400."""
    maps = np.zeros((2, 5))
    maps[:, 1], maps[:, 3] = 3.0, -4.0
    return Explanation(
        maps=maps,
        outputs=np.array([9.0, 9.0]),
        base_values=np.array([10.0, 10.0]),
        targets=np.array([0, 0]),
        x_axis=np.arange(1000.0, 1500.0, 100.0),
        spectra=np.zeros((2, 5)),
        output_name="fat",
    )


def many(explanation, n_samples):
    """The first spectrum over and over, without the memory of it."""
    row, column = explanation.maps.strides
    n_points = explanation.maps.shape[1]
    return replace(
        explanation,
        maps=as_strided(explanation.maps, (n_samples, n_points), (0, column)),
        spectra=as_strided(explanation.spectra, (n_samples, n_points), (0, column)),
        outputs=np.full(n_samples, explanation.outputs[0]),
        base_values=np.full(n_samples, explanation.base_values[0]),
        targets=np.zeros(n_samples, dtype=int),
    )


def test_html_says_what_is_in_it(explanation):
    page = Page(explanation._repr_html_())
    assert repr(explanation) in page.text
    assert "1d-grad-cam at features" in page.text and "complete" in page.text
    # The rows: spectrum, target, output, base value; bands by size, whatever their sign.
    assert page.text.count("9 10 1300: -4, 1100: +3") == 2


def test_curve_is_the_mean_size_of_the_map_as_it_is_drawn(explanation):
    points = re.search('points="([^"]+)"', explanation._repr_html_()).group(1).split()
    points = np.array([[float(number) for number in point.split(",")] for point in points])
    np.testing.assert_allclose(points[:, 0], [0, 150, 300, 450, 600])
    np.testing.assert_allclose(points[:, 1], [60, 15, 60, 0, 60])  # down is positive


def test_narrow_bands_stay_in_a_curve_of_few_points(explanation):
    maps = np.zeros((2, 10_000))
    maps[:, 4321] = 2.0
    large = replace(
        explanation,
        maps=maps,
        outputs=explanation.base_values + 2,
        x_axis=np.arange(10_000.0),
        spectra=maps,
    )
    html = large._repr_html_()
    points = re.search('points="([^"]+)"', html).group(1).split()
    assert len(points) <= N_CURVE_POINTS
    assert [point for point in points if point.endswith(",0.0")] == ["259,0.0"]
    assert len(html) < LARGEST


def test_html_takes_its_colours_from_the_page(explanation):
    html = explanation._repr_html_()
    assert 'stroke="currentColor"' in html
    assert not re.search(r"#[0-9a-fA-F]{3,6}\b|rgb\(|black|white", html)


def test_labels_cannot_inject(explanation):
    evil = "<script>alert(1)</script>" + "x" * 100_000
    html = replace(
        explanation,
        targets=np.array([evil, "<img src=x>"], dtype=object),
        output_name="<b>fat</b>",
        method="<i>",
        outputs=explanation.outputs + 5,  # incomplete, so that the unit is in the headline as well
    )._repr_html_()
    page = Page(html)
    assert not {"script", "img", "b", "i"} & set(page.tags)
    assert "<script>alert(1)</script>" in page.text and "<b>fat</b>" in page.text
    assert len(html) < LARGEST


def test_incomplete_maps_are_called_so(explanation):
    wrong = replace(explanation, outputs=explanation.outputs + 5)
    text = Page(wrong._repr_html_()).text
    assert "incomplete: up to 5 of fat is in no contribution" in text
    assert "add up to the output" not in text
    assert "incomplete: up to 5 of fat" in repr(wrong)


def test_a_million_spectra_cost_no_more_than_a_thousand(explanation):
    large = many(explanation, 1_000_000)
    start = time.process_time()
    html, text = large._repr_html_(), repr(large)
    assert time.process_time() - start < 0.2  # all of them take seconds
    assert len(html) < LARGEST
    assert "1000000 spectra" in text and "999995 more spectra" in html
    assert "(1000 spectra looked at)" in html


def test_spectra_looked_at_are_spread_over_all(explanation):
    large = many(explanation, 2000)
    outputs = large.outputs.copy()
    outputs[1998] += 5
    assert "incomplete" in repr(replace(large, outputs=outputs))


def test_many_targets_are_cut_to_a_few(explanation):
    n_targets = 5000
    everything = replace(
        explanation,
        maps=np.repeat(explanation.maps[:, :, None], n_targets, axis=2),
        outputs=np.full((2, n_targets), 9.0),
        base_values=np.full((2, n_targets), 10.0),
        targets=np.arange(n_targets),
    )
    html = everything._repr_html_()
    assert "4997 more targets each" in html and "more spectra" not in html
    assert Page(html).tags.count("tr") == 1 + 2 * 3
    assert len(html) < LARGEST


def test_nothing_and_not_a_number_are_shown_without_error(explanation):
    assert "0 spectra" in explanation[:0]._repr_html_()
    maps = np.full_like(explanation.maps, np.nan)
    assert "incomplete" in replace(explanation, maps=maps)._repr_html_()


@pytest.mark.parametrize("estimator", [ResNet1DClassifier(lr=0.02), ResNet1DRegressor(lr=0.02)])
def test_estimators_have_the_diagram_of_scikit_learn(estimator):
    html = make_pipeline(StandardScaler(), estimator)._repr_html_()
    text = Page(html).text
    assert type(estimator).__name__ in text
    assert re.search(r"lr\s+.*0\.02", text, re.DOTALL)
    # scikit-learn documents its own estimators only: a link to ours there would be dead.
    assert not [link for link in re.findall('href="([^"]+)"', html) if "sklearn_spectral" in link]
    assert not [link for link in re.findall('href="([^"]+)"', html) if "ResNet1D" in link]
