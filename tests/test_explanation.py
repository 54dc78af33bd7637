"""Contributions and tables, with figures worked out by hand."""

import numpy as np
import pytest

from sklearn_spectral import Explanation


@pytest.fixture
def explanation():
    return Explanation(
        maps=np.array([[1.0, 2.0, -1.0, 0.0, 4.0], [0.0, 0.0, 0.0, 0.0, 0.0]]),
        outputs=np.array([7.0, 1.0]),
        base_values=np.array([1.0, 1.0]),
        targets=np.array(["a", "b"]),
        x_axis=np.array([1000.0, 1010.0, 1020.0, 1030.0, 1040.0]),
        spectra=np.arange(10.0).reshape(2, 5),
        output_name="logit",
    )


@pytest.fixture
def two_targets(explanation):
    return Explanation(
        maps=np.stack([explanation.maps, 2 * explanation.maps], axis=2),
        outputs=np.array([[7.0, 13.0], [1.0, 1.0]]),
        base_values=np.ones((2, 2)),
        targets=np.array(["a", "b"]),
        x_axis=explanation.x_axis,
        spectra=explanation.spectra,
    )


def test_named_bands_by_hand(explanation):
    table = explanation.contributions({"low": (1010, 1000), "high": (1015, 1045)})
    assert table["sample"].tolist() == [0, 0, 1, 1]
    assert table["target"].tolist() == ["a", "a", "b", "b"]
    assert table["band"].tolist() == ["low", "high", "low", "high"]
    assert table["start"].tolist() == [1000, 1020, 1000, 1020]
    assert table["end"].tolist() == [1010, 1040, 1010, 1040]
    assert table["contribution"].tolist() == [3, 3, 0, 0]
    assert table["share"].tolist() == [3 / 8, 3 / 8, 0, 0]


def test_bands_may_overlap_and_run_against_a_descending_axis(explanation):
    descending = Explanation(
        maps=explanation.maps[:, ::-1],
        outputs=explanation.outputs,
        base_values=explanation.base_values,
        targets=explanation.targets,
        x_axis=explanation.x_axis[::-1],
        spectra=explanation.spectra[:, ::-1],
    )
    bands = {"one": (1000, 1020), "other": (1020, 1040)}
    left, right = explanation.contributions(bands), descending.contributions(bands)
    assert left["contribution"].tolist() == right["contribution"].tolist() == [2, 3, 0, 0]


@pytest.mark.parametrize("bands", [1, 2, 3, 5, "peaks"])
def test_unnamed_bands_cover_everything_once(explanation, two_targets, bands):
    for each in (explanation, two_targets):
        table = each.contributions(bands)
        total = table.groupby(["sample", "target"])["contribution"].sum().to_numpy()
        np.testing.assert_allclose(total, (each.outputs - each.base_values).ravel())


def test_equal_bands_by_hand(explanation):
    table = explanation.contributions(2)
    assert table["band"].tolist()[:2] == ["1000-1010", "1020-1040"]
    assert table["contribution"].tolist()[:2] == [3, 3]


def test_peaks_by_hand(explanation):
    """The mean absolute map is 0.5, 1, 0.5, 0, 2: peaks at 1010 and 1040, divided at 1030."""
    table = explanation.contributions("peaks")
    assert table["band"].tolist()[:2] == ["1010", "1040"]
    assert table["contribution"].tolist()[:2] == [2, 4]


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ({"none": (2000, 2100)}, "covers no point: the axis runs from 1000 to 1040"),
        ({"one": 1700}, "expected its two ends"),
        (0, "none of"),
        (6, "number of bands between 1 and 5"),
        ("peak", "none of"),
    ],
)
def test_bad_bands_are_refused(explanation, bands, message):
    with pytest.raises(ValueError, match=message):
        explanation.contributions(bands)


def test_to_frame_by_hand(two_targets):
    frame = two_targets.to_frame()
    assert len(frame) == 2 * 2 * 5
    row = frame[(frame["sample"] == 0) & (frame["target"] == "b") & (frame["x_axis"] == 1040)]
    assert row[["intensity", "contribution"]].to_numpy().tolist() == [[4, 8]]


def test_rows_can_be_picked(explanation, two_targets):
    assert explanation[1].targets.tolist() == ["b"]
    assert explanation[[1, 0]].outputs.tolist() == [1, 7]
    assert two_targets[1:].maps.shape == (1, 5, 2)
    assert len(two_targets[1:]) == 1


def test_explanation_is_frozen_and_says_what_it_is(explanation):
    with pytest.raises(AttributeError):
        explanation.maps = None
    assert repr(explanation) == (
        "Explanation of 2 spectra, 1 target(s) each, 5 points from 1000 to 1040"
    )
