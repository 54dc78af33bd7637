"""Contributions and tables, with figures worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_spectral import Explanation
from sklearn_spectral._explanation import average


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


@pytest.fixture
def three_classes():
    """Two spectra, two points, logits of a, b and c; base values 1, 0 and -1."""
    maps = np.array([[[3.0, 1.0, 0.0], [-1.0, 1.0, 0.0]], [[0.0, 0.0, 2.0], [0.0, 0.5, -1.0]]])
    base = np.array([[1.0, 0.0, -1.0]] * 2)
    return Explanation(
        maps=maps,
        outputs=maps.sum(axis=1) + base,  # (3, 2, -1) and (1, 0.5, 0)
        base_values=base,
        targets=np.array(["a", "b", "c"]),
        x_axis=np.array([1000.0, 1010.0]),
        spectra=np.ones((2, 2)),
        output_name="logit",
    )


def test_difference_and_purity_by_hand(three_classes):
    """The predicted class is a, its rival b: maps (2, -2) and (0, -0.5), margins 1 and 0.5."""
    difference = three_classes.difference()
    assert difference.targets.tolist() == ["a - b", "a - b"]
    assert difference.maps.tolist() == [[2, -2], [0, -0.5]]
    assert difference.outputs.tolist() == [1, 0.5]
    assert difference.base_values.tolist() == [1, 1]
    assert difference.residuals.tolist() == [0, 0]
    assert difference.purity().tolist() == three_classes.purity().tolist() == [0.5, 0]


def test_difference_of_named_classes(three_classes):
    named = three_classes.difference("c", "a")
    assert named.targets.tolist() == ["c - a"] * 2
    assert named.maps.tolist() == [[-3, 1], [2, -1]]
    assert named.outputs.tolist() == [-4, -1]
    assert named.purity().tolist() == [0.25, 2 / 3]
    assert three_classes.difference("b").targets.tolist() == ["b - a"] * 2
    assert three_classes.difference(rival="a").targets.tolist() == ["b - a"] * 2
    assert three_classes.difference(rival="b").targets.tolist() == ["a - b"] * 2


def test_purity_of_an_empty_map_is_one_half(explanation):
    assert explanation.purity().tolist() == [7 / 8, 0.5]


@pytest.mark.parametrize(
    ("arguments", "message"), [(("d",), "none of the classes"), (("a", "a"), "name two classes")]
)
def test_bad_differences_are_refused(three_classes, arguments, message):
    with pytest.raises(ValueError, match=message):
        three_classes.difference(*arguments)


def test_difference_needs_all_classes(explanation, two_targets):
    for each in (explanation, two_targets):
        with pytest.raises(ValueError, match="target='all'"):
            each.difference()
    with pytest.raises(ValueError, match="target='all'"):
        two_targets.purity()


@pytest.fixture
def calibration():
    """Three spectra: one point rises with y, one is constant, one is (1, -2, 1), as y is not."""
    return Explanation(
        maps=np.array([[-1.0, 5.0, 1.0], [0.0, 5.0, -2.0], [1.0, 5.0, 1.0]]),
        outputs=np.array([5.0, 3.0, 7.0]),
        base_values=np.zeros(3),
        targets=np.zeros(3, dtype=int),
        x_axis=np.array([1000.0, 1010.0, 1020.0]),
        spectra=np.ones((3, 3)),
    )


def test_linearity_by_hand(calibration):
    """Against y = 10, 12, 14 the first point has slope 1/2; the sum 5, 3, 7 has slope 1/2 too.

    Of the sum, R2 = (sum of products 4)^2 / (8 * 8) = 1/4.
    """
    table = calibration.linearity([10, 12, 14])
    assert table["band"].tolist() == ["1000", "1010", "1020", "all"]
    assert table["slope"].tolist() == [0.5, 0, 0, 0.5]
    assert table["r2"].tolist() == [1, 0, 0, 0.25]
    bands = calibration.linearity([10, 12, 14], {"two": (1000, 1010)})
    assert bands[["band", "start", "end", "slope", "r2"]].to_numpy().tolist() == [
        ["two", 1000, 1010, 0.5, 1],
        ["all", 1000, 1020, 0.5, 0.25],
    ]


def test_linearity_of_several_outputs(calibration):
    both = replace(
        calibration,
        maps=np.stack([calibration.maps, -2 * calibration.maps], axis=2),
        outputs=np.stack([calibration.outputs, -2 * calibration.outputs], axis=1),
        base_values=np.zeros((3, 2)),
        targets=np.array(["fat", "water"]),
    )
    y = np.column_stack([[10, 12, 14], [1, 2, 3]])
    table = both.linearity(y)
    assert table["target"].tolist() == ["fat"] * 4 + ["water"] * 4
    assert table["slope"].tolist() == [0.5, 0, 0, 0.5, -2, 0, 0, -2]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, 2], r"shape \(2,\); expected \(3,\)"),
        ([1, 1, 1], "does not vary"),
        ([[1], [2], [3]], r"shape \(3, 1\)"),
    ],
)
def test_bad_references_are_refused(calibration, y, message):
    with pytest.raises(ValueError, match=message):
        calibration.linearity(y)


def test_linearity_is_not_of_classes(explanation):
    with pytest.raises(ValueError, match="purity"):
        explanation.linearity([1, 2])


def test_summary_by_hand(calibration, explanation):
    """Absolute maps add up to 7, 7 and 7."""
    table = calibration.summary()
    assert table["mean"].tolist() == [0, 5, 0]
    assert table["std"].tolist() == [1, 0, 3**0.5]
    np.testing.assert_allclose(table["share"], [2 / 21, 15 / 21, 4 / 21])
    grouped = calibration.summary({"first": (1000, 1010)}, by=["low", "low", "high"])
    assert grouped["group"].tolist() == ["low", "high"]
    assert grouped["mean"].tolist() == [4.5, 6]
    np.testing.assert_allclose(grouped["share"], [4.5 / 7, 6 / 7])
    unknown = calibration.summary(1, by=[np.nan, np.nan, 1.0])
    assert unknown["mean"].tolist() == [4, 7]  # of 5 and 3; of 7
    classes = explanation.summary(1)
    assert classes["target"].tolist() == ["a", "b"]
    assert classes["share"].tolist() == [6 / 8, 0]
    with pytest.raises(ValueError, match="a value for every spectrum"):
        calibration.summary(by=["low"])


def test_stability_by_hand(calibration):
    """Two models, whose maps at the points are 1 and 3 times, 0 and 2 times, 1 and -1 times."""
    factors = np.array([[1.0, 0.0, 1.0], [3.0, 2.0, -1.0]])
    members = [replace(calibration, maps=calibration.maps * factor) for factor in factors]
    mean = average(members)
    assert mean.members == tuple(members)
    np.testing.assert_array_equal(mean.maps, calibration.maps * [2, 1, 0])
    np.testing.assert_allclose(mean.maps_std, np.abs(calibration.maps) * 2**0.5)
    table = mean.stability({"one": (1000, 1000), "two": (1010, 1010), "three": (1020, 1020)})
    assert table["band"].tolist() == ["two", "one", "three"]
    np.testing.assert_allclose(table["contribution"], [5, 2 * (2 / 3) ** 0.5, 0])
    np.testing.assert_allclose(table["std"], [50**0.5, (4 / 3) ** 0.5, 2])
    # 0 has no sign: it agrees with the mean of the middle spectrum of band one, which is 0, not
    # with that of band two.
    np.testing.assert_allclose(table["sign_agreement"], [0.5, 1, 0])
    assert table["stable"].tolist() == [False, False, False]
    steady = average([calibration, replace(calibration, maps=calibration.maps * 1.5)])
    assert steady.stability(3)["stable"].all()
    assert average(members, [3, 1]).maps[0].tolist() == [-1.5, 2.5, 0.5]


def test_stability_needs_several_models(explanation):
    with pytest.raises(ValueError, match="n_repeats of 2 or more"):
        explanation.stability()
    with pytest.raises(ValueError, match="n_repeats of 2 or more"):
        _ = explanation.maps_std


def test_members_follow_rows_and_differences(three_classes):
    mean = average([three_classes, three_classes])
    assert [len(member) for member in mean[:1].members] == [1, 1]
    assert mean.difference().members[1].maps.tolist() == three_classes.difference().maps.tolist()


def test_explanations_of_different_things_are_not_averaged(three_classes):
    with pytest.raises(ValueError, match="do not know the same targets"):
        average([three_classes, replace(three_classes, targets=np.array(["a", "b", "d"]))])
    with pytest.raises(ValueError, match="different wavelengths"):
        average([three_classes, replace(three_classes, x_axis=np.array([1.0, 2.0]))])


def test_incomplete_maps_say_so(explanation):
    half = replace(explanation, maps=explanation.maps / 2, method="grad-cam", layer="stem")
    assert half.residuals.tolist() == [3, 0]
    assert repr(half).endswith("grad-cam at stem, incomplete: up to 3 of logit is on no wavelength")
