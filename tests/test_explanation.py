"""Contributions and tables, with figures worked out by hand."""

import doctest
import pickle
from dataclasses import replace
from html import escape

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler

from sklearn_spectral import Explanation, ResNet1DRegressor, explain
from sklearn_spectral._figures.html import PRINTED_MAPS, left_over, sample_of
from sklearn_spectral._spectra.axis import check_x_axis


def average(members, weights=None):
    return members[0].averaged(members[1:], weights)


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
        is_class=True,
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
    assert table["cancellation"].tolist() == [8 / 6, 8 / 6, 1, 1]
    small = replace(explanation, maps=explanation.maps / 64)
    assert small.contributions(2)["share"].tolist() == [3 / 8, 3 / 8, 0, 0]


def test_bands_of_several_targets_by_hand(two_targets):
    table = two_targets.contributions({"low": (1000, 1010), "high": (1020, 1040)})
    assert table.drop(columns=["start", "end"]).to_numpy().tolist() == [
        [0, "a", "low", 3, 3 / 8, 8 / 6],
        [0, "a", "high", 3, 3 / 8, 8 / 6],
        [0, "b", "low", 6, 3 / 8, 8 / 6],
        [0, "b", "high", 6, 3 / 8, 8 / 6],
        [1, "a", "low", 0, 0, 1],
        [1, "a", "high", 0, 0, 1],
        [1, "b", "low", 0, 0, 1],
        [1, "b", "high", 0, 0, 1],
    ]


@pytest.mark.parametrize(
    ("x_axis", "widths"),
    [
        ([0.0, 1, 2, 3, 4], [1, 1, 1, 1, 1]),
        ([1000.0, 1010, 1020, 1030, 1040], [10, 10, 10, 10, 10]),
        ([2.0, 3, 7, 8, 16], [1, 2.5, 2.5, 4.5, 8]),
        ([16.0, 8, 7, 3, 2], [8, 4.5, 2.5, 2.5, 1]),
    ],
)
def test_density_by_hand(explanation, two_targets, x_axis, widths):
    for each in (explanation, two_targets, replace(two_targets, maps=two_targets.maps[:, :, :1])):
        density = replace(each, x_axis=np.array(x_axis)).density
        assert density.shape == each.maps.shape
        for maps, densities in zip(each.maps, density, strict=True):  # of a spectrum, by point
            expected = [point / width for point, width in zip(maps, widths, strict=True)]
            np.testing.assert_array_equal(densities, expected)
            np.testing.assert_allclose(widths @ densities, maps.sum(axis=0), rtol=1e-15)


def test_contributions_are_float64_whatever_the_maps(explanation):
    single = replace(explanation, maps=explanation.maps.astype(np.float32))
    assert single.contributions(2)["contribution"].dtype == np.float64
    assert average([single, single]).maps.dtype == np.float32


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
    for table in (left, right):
        assert table[["start", "end"]].to_numpy().tolist()[:2] == [[1000, 1020], [1020, 1040]]


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


def test_equal_bands_without_a_point_are_left_out(explanation):
    """Thirds of 0 to 99: nothing lies between 33 and 66, and 99 is in the last third."""
    uneven = replace(explanation, x_axis=np.array([0.0, 1.0, 2.0, 66.0, 99.0]))
    table = uneven.contributions(np.int64(3))
    assert table["band"].tolist()[:2] == ["0-2", "66-99"]
    assert table["contribution"].tolist()[:2] == [2, 4]
    point = replace(explanation, maps=explanation.maps[:, :1], x_axis=explanation.x_axis[:1])
    assert point.contributions(1)["band"].tolist() == ["1000-1000"] * 2


def test_peaks_by_hand(explanation):
    """The mean absolute map is 0.5, 1, 0.5, 0, 2: peaks at 1010 and 1040, divided at 1030."""
    table = explanation.contributions("peaks")
    assert table["band"].tolist()[:2] == ["1010", "1040"]
    assert table["contribution"].tolist()[:2] == [2, 4]


@pytest.mark.parametrize("size", [1, 100])
def test_peaks_count_from_a_twentieth_of_the_highest(explanation, size):
    """Peaks at both ends, whatever their height; 0.46 rises above 0.4 by more than 0.9 / 20."""
    maps = size * np.array([[-0.9, 0.4, 0.46, 0.0, 0.3]])
    table = replace(explanation, maps=maps, targets=explanation.targets[:1]).contributions()
    assert table["band"].tolist() == ["1000", "1020", "1040"]
    assert table[["start", "end"]].to_numpy().tolist() == [[1000, 1000], [1010, 1020], [1030, 1040]]
    lower = maps - size * np.array([0, 0, 0.03, 0, 0])
    table = replace(explanation, maps=lower, targets=explanation.targets[:1]).contributions()
    assert table["band"].tolist() == ["1000", "1040"]


def test_a_map_without_peaks_is_one_band(explanation):
    table = explanation[1].contributions("peaks")
    assert table[["band", "start", "end", "contribution"]].to_numpy().tolist() == [
        ["1000", 1000, 1040, 0]
    ]


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


def test_rows_of_to_frame_by_hand(two_targets):
    frame = two_targets.to_frame()
    assert frame["sample"].tolist() == [0] * 10 + [1] * 10
    assert frame["target"].tolist() == (["a"] * 5 + ["b"] * 5) * 2
    assert frame["x_axis"].tolist() == [1000, 1010, 1020, 1030, 1040] * 4
    assert frame["intensity"].tolist() == [0, 1, 2, 3, 4] * 2 + [5, 6, 7, 8, 9] * 2
    assert frame["contribution"].tolist() == [1, 2, -1, 0, 4, 2, 4, -2, 0, 8] + [0] * 10


def test_rows_can_be_picked(explanation, two_targets):
    for row in (1, np.int64(1), [False, True], np.array([False, True])):
        one = explanation[row]
        assert one.targets.tolist() == ["b"] and one.maps.tolist() == [[0] * 5]
        assert one.outputs.tolist() == one.base_values.tolist() == [1]
        assert one.spectra.tolist() == [[5, 6, 7, 8, 9]]
    assert explanation[[1, 0]].outputs.tolist() == [1, 7]
    assert two_targets[1:].maps.shape == (1, 5, 2)
    assert two_targets[1].targets.tolist() == ["a", "b"]
    assert len(two_targets[1:]) == 1


NAMES = {
    "text": ["S001", "S002"],
    "tuples": [("S001", 1), ("S001", 2)],
    "times": [pd.Timestamp("2026-01-31"), pd.Timestamp("2026-02-01")],
    "numbers": [0.5, 1.5],
}


def with_names(explanation, names):
    index = pd.Index(names).to_numpy(dtype=object)
    return replace(explanation, sample_names=index)


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_samples_are_chosen_by_name_or_place(explanation, two_targets, names):
    named = with_names(explanation, names)
    for second in (
        1,
        -1,
        [1],
        slice(1, 2),
        [False, True],
        names[1],
        [names[1]],
        pd.Index(names[1:]),
    ):
        chosen = named[second]
        np.testing.assert_array_equal(chosen.spectra, explanation.spectra[[1]])
        assert chosen.sample_names.tolist() == names[1:]
    assert named[names[::-1]].sample_names.tolist() == names[::-1]
    with pytest.raises(IndexError, match="'other' is none of .*or rows, counted from 0"):
        named[["other"]]
    assert named.contributions(1)["sample"].tolist() == names
    assert with_names(two_targets, names).to_frame()["sample"].tolist() == [
        name for name in names for _ in range(10)
    ]
    assert escape(str(names[1])) in named._repr_html_()
    back = pickle.loads(pickle.dumps(named))
    assert back.sample_names.tolist() == names


def test_whole_numbers_are_rows_whatever_the_names(explanation):
    named = with_names(explanation, [1, 0])
    assert named[0].sample_names.tolist() == [1]
    with pytest.raises(IndexError, match="rows of 2: pass the number"):
        named[2]


def test_the_name_of_a_sample_chooses_all_its_replicates(explanation):
    named = with_names(explanation, ["S001", "S001"])
    np.testing.assert_array_equal(named["S001"].maps, explanation.maps)
    np.testing.assert_array_equal(named[["S001"]].maps, explanation.maps)
    with pytest.raises(IndexError, match="chooses 2 spectra; choose one"):
        named.plot_waterfall("S001", {"all": (-np.inf, np.inf)})
    with pytest.raises(IndexError, match="Names of samples can be passed where X was a DataFrame"):
        explanation["S001"]


def test_names_are_joined_where_all_have_them(explanation):
    first, second = with_names(explanation, ["a", "b"]), with_names(explanation, ["c", "d"])
    whole = first.joined([second], rows=[1, 3, 0, 2])
    assert whole.sample_names.tolist() == ["c", "a", "d", "b"]
    assert first.joined([explanation]).sample_names is None
    assert first.averaged([second]).sample_names.tolist() == ["a", "b"]


def test_predicted_and_probabilities_by_hand(three_classes):
    outputs = np.log([[1.0, 2.0, 5.0], [6.0, 1.0, 1.0]])
    everything = replace(three_classes, outputs=outputs, targets=np.array(["a", "b", "c"]))
    whole = everything.with_y(["c", "b"])
    for each in (whole, whole.pick("b"), whole.difference("a", "b"), whole.joined([whole])[:2]):
        assert each.predicted.tolist() == ["c", "a"]
        np.testing.assert_allclose(
            each.probabilities, [[1 / 8, 2 / 8, 5 / 8], [6 / 8, 1 / 8, 1 / 8]]
        )
        assert each.predictions()["y"].tolist() == ["c", "b"]
    assert whole.pick("b")[1:].predicted.tolist() == ["a"]
    other = replace(everything, outputs=np.log([[5.0, 2.0, 5.0], [1.0, 6.0, 1.0]])).pick("b")
    mean = everything.pick("b").averaged([other], weights=[1, 3])
    np.testing.assert_allclose(np.exp(mean.class_outputs[1]), [6**0.25, 6**0.75, 1])
    assert mean.predicted.tolist() == ["c", "b"]


def test_references_follow_their_outputs(two_targets):
    y = [[7.0, 14.0], [2.0, 3.0]]
    whole = two_targets.with_y(y)
    assert whole.pick("b").y.tolist() == [14, 3]
    assert whole.pick(["b", "a"])[1:].y.tolist() == [2]
    assert whole.through([[2.0], [1.0]], [1.0]).y.tolist() == [[29], [8]]
    assert whole.averaged([two_targets]).y.tolist() == y
    assert two_targets.joined([whole]).y is None
    assert whole.predictions().columns.tolist() == ["a", "b"]
    one = two_targets.pick("a").with_y([[7.0], [2.0]])
    assert one.y.tolist() == [7, 2] and one.predicted.tolist() == [7, 1]
    assert one.probabilities is None
    with pytest.raises(ValueError, match=r"y has shape \(2,\); expected \(2, 2\)"):
        two_targets.with_y([1, 2])
    with pytest.raises(ValueError, match="y cannot be read as"):
        two_targets.with_y([["a", 2], [3, 4]])


def test_explanation_is_frozen_and_says_what_it_is(explanation):
    with pytest.raises(AttributeError):
        explanation.maps = None
    assert repr(explanation) == (
        "Explanation of 2 spectra, 1 target(s) each, 5 points from 1000 to 1040"
    )


def test_printing_says_how_many_targets_and_which_method(two_targets):
    assert repr(two_targets[:1]) == (
        "Explanation of 1 spectra, 2 target(s) each, 5 points from 1000 to 1040"
    )
    assert repr(replace(two_targets, method="cam")).endswith("1040, cam at features")
    assert repr(replace(two_targets, layer="stem")).endswith("1040, corrected-1d-grad-cam at stem")


@pytest.mark.parametrize(
    ("n_samples", "n_targets", "step"),
    [(0, 1, 1), (1000, 1, 1), (1001, 1, 2), (999, 3, 3), (1000, 3, 4), (2, 2000, 2), (2, 0, 1)],
)
def test_printing_looks_at_a_thousand_maps_spread_over_all(n_samples, n_targets, step):
    assert PRINTED_MAPS == 1000
    shape = (n_samples, n_targets)
    large = Explanation(
        maps=np.zeros((n_samples, 1, n_targets)),
        outputs=np.arange(n_samples * n_targets).reshape(shape),
        base_values=np.zeros(shape),
        targets=np.arange(n_targets),
        x_axis=np.zeros(1),
        spectra=np.zeros((n_samples, 1)),
    )
    np.testing.assert_array_equal(sample_of(large).outputs, large.outputs[::step])


def test_a_thousandth_is_called_rounding(explanation):
    """Of outputs 1000 above base, 1 may be missing."""
    for total, missing in [(999.0, 0), (998.0, 2), (1002.0, 2), (np.nan, np.nan)]:
        maps = np.array([[total, 0, 0, 0, 0], [0] * 5])
        each = replace(
            explanation,
            maps=maps,
            outputs=np.array([2000.0, 1.0]),
            base_values=np.array([1000.0, 1.0]),
        )
        np.testing.assert_equal(left_over(each), missing)
    small = replace(explanation, maps=explanation.maps / 1024, outputs=np.array([1 + 5 / 1024, 1]))
    assert left_over(small) == 1 / 1024
    assert left_over(explanation[:0]) == 0


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
        is_class=True,
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


def test_difference_whatever_the_order_of_classes(three_classes):
    """Columns c, b, a, with the outputs (-1, 2, 3) and, changed, (5, 0.5, 1)."""
    outputs = three_classes.outputs[:, ::-1].copy()
    outputs[1] = 5, 0.5, 1
    turned = replace(
        three_classes,
        maps=three_classes.maps[:, :, ::-1],
        outputs=outputs,
        base_values=three_classes.base_values[:, ::-1],
        targets=three_classes.targets[::-1],
    )
    difference = turned.difference()
    assert difference.targets.tolist() == ["a - b", "c - a"]
    assert difference.targets.dtype == object
    assert difference.output_name == "logit difference" and difference.is_class
    assert difference.outputs.tolist() == [1, 4]
    assert turned.difference("b", "c").targets.tolist() == ["b - c"] * 2
    assert turned.difference("b").targets.tolist() == ["b - a", "b - c"]
    with pytest.raises(ValueError, match="target='all'"):
        replace(three_classes[:1], maps=three_classes.maps[:1, :, 0]).difference()


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
    # Squares of what is left: 0, 0, 6 of (1, -2, 1), and 6 of the sum; over one, and 8 of y.
    np.testing.assert_allclose(table["slope_error"], [0, 0, (6 / 8) ** 0.5, (6 / 8) ** 0.5])
    assert calibration[:2].linearity([10, 12])["slope_error"].isna().all()
    small = replace(calibration, maps=calibration.maps / 64).linearity(np.array([10, 12, 14]) / 64)
    assert small["slope"].tolist() == [0.5, 0, 0, 0.5]
    assert small["r2"].tolist() == [1, 0, 0, 0.25]
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


@pytest.mark.parametrize("n_targets", [1, 2])
def test_linearity_of_groups_shows_what_pooling_hides(n_targets):
    """Two oils whose one band rises by 1, or falls by 1, for each per cent: pooled, nothing.

    The second band is 2 for every spectrum of one oil and 5 for the other; a second output is the
    first, tripled.
    """
    oils, y = np.array(["palm", "corn"] * 3), np.array([0.0, 0, 1, 1, 2, 2])
    maps = np.column_stack([[0.0, 2, 1, 1, 2, 0], [2, 5] * 3])
    targets, base = np.zeros(6, dtype=int), np.zeros(6)
    if n_targets == 2:
        maps, y = np.stack([maps, 3 * maps], axis=2), np.column_stack([y, y])
        targets, base = np.array(["fat", "wax"]), np.zeros((6, 2))
    outputs, x_axis = maps.sum(axis=1), np.array([1000.0, 1010.0])
    explanation = Explanation(maps, outputs, base, targets, x_axis, np.ones((6, 2)))
    pooled = explanation.linearity(y)
    assert not pooled[["slope", "r2"]].to_numpy().any() and "group" not in pooled
    table = explanation.linearity(y, by=oils)
    assert list(table.columns[:3]) == ["target", "group", "band"]
    assert table.index.tolist() == list(range(6 * n_targets))
    assert table["target"].tolist() == np.repeat([0] if n_targets == 1 else targets, 6).tolist()
    assert table["group"].tolist() == (["palm"] * 3 + ["corn"] * 3) * n_targets
    assert table["band"].tolist() == ["1000", "1010", "all"] * 2 * n_targets
    slopes = [1, 0, 1, -1, 0, -1]
    assert table["slope"].tolist() == [*slopes, *(3 * slope for slope in slopes)][: 6 * n_targets]
    assert table["r2"].tolist() == [1, 0, 1] * 2 * n_targets
    y[oils == "corn"] = 1
    with pytest.raises(ValueError, match="y does not vary in group corn:.*Leave"):
        explanation.linearity(y, by=oils)
    for divided in (explanation.linearity, average([explanation] * 2).stability):
        with pytest.raises(ValueError, match=r"by has shape \(2,\); expected \(6,\), a value for"):
            divided(y if divided == explanation.linearity else 1, by=["palm", "corn"])


def test_linearity_of_two_spectra_and_of_any_numbers(calibration):
    two = calibration[:2]
    assert two.linearity(np.array([10, 12], dtype=object), 1)["slope"].tolist() == [-1, -1]
    with pytest.raises(ValueError, match="at least two spectra"):
        calibration[:1].linearity([10])


def test_linearity_needs_every_output_to_vary(calibration):
    maps = np.stack([calibration.maps] * 2, axis=2)
    outputs = np.stack([calibration.outputs] * 2, axis=1)
    both = replace(calibration, maps=maps, outputs=outputs, targets=np.array(["fat", "water"]))
    with pytest.raises(ValueError, match="does not vary"):
        both.linearity(np.column_stack([[10, 12, 14], [1, 1, 1]]))


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


def test_a_regression_may_be_called_logit(mixtures):
    """The logit of a proportion is often fitted: its name must not make classes of it."""
    X, amounts = mixtures
    y = pd.Series(amounts[:, 0], name="logit of fraction")
    model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, y)
    explanation = model.explain(X)
    assert explanation.output_name == "logit of fraction" and not explanation.is_class
    assert explanation.linearity(y, 2)["band"].tolist()[-1] == "all"
    outer = TransformedTargetRegressor(model, transformer=StandardScaler()).fit(X, y)
    assert explain(outer, X, target=0).maps.shape == X.shape  # an output by its number


def test_summary_by_hand(calibration, explanation):
    """Absolute maps add up to 7, 7 and 7."""
    table = calibration.summary()
    assert table["mean"].tolist() == [0, 5, 0]
    assert table["std"].tolist() == [1, 0, 3**0.5]
    np.testing.assert_allclose(table["share"], [2 / 21, 15 / 21, 4 / 21])
    assert table["cancellation"].tolist() == [7 / 5] * 3  # of 7 / 5, 7 / 3 and 7 / 7
    grouped = calibration.summary({"first": (1000, 1010)}, by=["low", "low", "high"])
    assert grouped["group"].tolist() == ["low", "high"]
    assert grouped["mean"].tolist() == [4.5, 6]
    np.testing.assert_allclose(grouped["share"], [4.5 / 7, 6 / 7])
    np.testing.assert_allclose(grouped["cancellation"], [(7 / 5 + 7 / 3) / 2, 1])
    unknown = calibration.summary(1, by=[np.nan, np.nan, 1.0])
    assert unknown["mean"].tolist() == [4, 7]  # of 5 and 3; of 7
    classes = explanation.summary(1)
    assert classes["target"].tolist() == ["a", "b"]
    assert classes["share"].tolist() == [6 / 8, 0]
    with pytest.raises(ValueError, match="a value for every spectrum"):
        calibration.summary(by=["low"])


@pytest.mark.parametrize("unit", [1e30, 1e-30])
def test_spreads_in_any_unit(calibration, unit):
    """Maps are float32, whose squares would be infinite or nothing."""
    maps = (calibration.maps * unit).astype(np.float32)
    other = replace(calibration, maps=maps)
    np.testing.assert_allclose(other.summary()["std"], [unit, 0, unit * 3**0.5], rtol=1e-6)
    members = average([other, replace(other, maps=2 * maps)])
    np.testing.assert_allclose(members.maps_std, np.abs(maps) / 2**0.5, rtol=1e-6)


def test_summary_of_groups_and_targets(explanation, two_targets):
    """Groups without a spectrum of a class are left out; one spectrum has no spread."""
    table = explanation.summary(1, by=["x", "y"])
    assert list(table.columns[:3]) == ["target", "group", "band"]
    assert table.index.tolist() == [0, 1]
    assert table[["target", "group", "mean", "std"]].to_numpy().tolist() == [
        ["a", "x", 6, 0],
        ["b", "y", 0, 0],
    ]
    both = two_targets.summary({"end": (1040, 1040)})
    assert both[["target", "mean", "std", "share"]].to_numpy().tolist() == [
        ["a", 2, 8**0.5, 0.5],
        ["b", 4, 32**0.5, 0.5],
    ]


def test_two_standard_deviations_are_stable(calibration):
    """Contributions of 1, 2 and 3 times 5: mean 10, standard deviation 5."""
    members = [replace(calibration, maps=calibration.maps * k) for k in (1, 2, 3)]
    table = average(members).stability({"one": (1000, 1000), "two": (1010, 1010)})
    assert table["band"].tolist() == ["two", "one"]
    assert table.index.tolist() == [0, 1]
    assert table[["contribution", "std", "stable"]].to_numpy().tolist()[0] == [10, 5, True]


def test_stability_is_sorted_within_each_target(three_classes):
    """Of the first spectrum alone: contributions 3 and -1 for a, 1 and 1 for b, none for c."""
    table = average([three_classes[:1]] * 2).stability({"left": (1000,) * 2, "right": (1010,) * 2})
    assert table["target"].tolist() == ["a", "a", "b", "b", "c", "c"]
    assert table["contribution"].tolist() == [3, 1, 1, 1, 0, 0]
    assert table["band"].tolist()[:2] == ["left", "right"]
    assert table["start"].tolist()[:2] == [1000, 1010]


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


def test_stability_of_groups_by_hand(calibration):
    """Of the first point, -1, 0 and 1: models that take it 1 and 3 times, or the last one 1 and -1.

    Contributions of the first group, -2 and 0, are of size 2**0.5, the standard deviation between
    models is 2**0.5 and 0: 1 as a root mean square. In the second group they cancel.
    """
    factors = np.array([[1.0, 1, 1], [3, 3, -1]])[:, :, None]
    members = average([replace(calibration, maps=calibration.maps * factor) for factor in factors])
    table = members.stability({"one": (1000, 1000)}, by=["a", "a", "b"])
    assert list(table.columns[:3]) == ["target", "group", "band"]
    assert table["group"].tolist() == ["a", "b"] and table.index.tolist() == [0, 1]
    np.testing.assert_allclose(table["contribution"], [2**0.5, 0])
    np.testing.assert_allclose(table["std"], [1, 2**0.5])
    assert table["sign_agreement"].tolist() == [1, 0]


def test_stability_needs_several_models(explanation):
    with pytest.raises(ValueError, match="n_repeats of 2 or more"):
        explanation.stability()
    with pytest.raises(ValueError, match="n_repeats of 2 or more"):
        _ = explanation.maps_std


def test_members_follow_rows_and_differences(three_classes):
    mean = average([three_classes, three_classes])
    assert [len(member) for member in mean[:1].members] == [1, 1]
    member, difference = mean.difference().members[1], three_classes.difference()
    assert member.maps.tolist() == difference.maps.tolist()
    assert member.targets.tolist() == difference.targets.tolist()


def test_explanations_of_different_things_are_not_averaged(three_classes):
    with pytest.raises(ValueError, match="do not know the same targets"):
        average([three_classes, replace(three_classes, targets=np.array(["a", "b", "d"]))])
    with pytest.raises(ValueError, match="different wavelengths.*2 points from 1000 and 2 from 1"):
        average([three_classes, replace(three_classes, x_axis=np.array([1.0, 2.0]))])
    with pytest.raises(ValueError, match="different wavelengths"):
        average([three_classes] * 2 + [replace(three_classes, x_axis=np.array([1.0, 2.0]))])


def test_only_explanations_of_the_same_spectra_are_averaged(three_classes, explanation):
    with pytest.raises(ValueError, match="of 2 and 1 spectra; expected the same spectra"):
        three_classes.averaged([three_classes[:1]])
    # The labels are equal, but those of one belong to the target axis and of the other to spectra.
    two = replace(three_classes, maps=three_classes.maps[:, :, :2], targets=np.array(["a", "b"]))
    one = replace(explanation, maps=explanation.maps[:, :2], x_axis=two.x_axis)
    with pytest.raises(ValueError, match="do not know the same targets"):
        two.averaged([one])
    for others in (explanation, [explanation, 3]):
        with pytest.raises(TypeError, match="expected a list of explanations"):
            explanation.averaged(others)
    with pytest.raises(ValueError, match=r"weights have shape \(3,\); expected \(2,\)"):
        explanation.averaged([explanation], [1, 2, 3])


def test_joined_by_hand(three_classes, two_targets, explanation):
    """Rows 2 and 0 of one, 1 of another: they come as 0, 1, 2."""
    other = replace(two_targets[:1], outputs=np.array([[5.0, 6.0]]))
    whole = two_targets.joined([other], [2, 0, 1])
    assert whole.outputs.tolist() == [[1, 1], [5, 6], [7, 13]]
    assert whole.spectra[:, 0].tolist() == [5, 0, 0]
    assert whole.maps[:, 0].tolist() == [[0, 0], [1, 2], [1, 2]]
    assert whole.base_values.shape == (3, 2) and whole.targets.tolist() == ["a", "b"]
    assert two_targets.joined([other]).outputs.tolist() == [[7, 13], [1, 1], [5, 6]]
    # Labels of single targets are joined with their spectra; members are not kept.
    single = average([explanation, explanation]).joined([explanation[1]], [0, 2, 1])
    assert single.targets.tolist() == ["a", "b", "b"] and single.members == ()
    assert single.outputs.tolist() == [7, 1, 1] and single.is_class


def test_explanations_of_different_things_are_not_joined(three_classes, two_targets, explanation):
    with pytest.raises(ValueError, match="do not know the same targets"):
        three_classes.joined([two_targets])
    with pytest.raises(ValueError, match="do not know the same targets"):
        two_targets.joined([explanation])
    with pytest.raises(ValueError, match="different wavelengths"):
        explanation.joined([replace(explanation[:1], x_axis=explanation.x_axis[::-1])])
    with pytest.raises(ValueError, match=r"rows has shape \(2,\); expected \(4,\)"):
        explanation.joined([explanation], [0, 1])
    with pytest.raises(TypeError, match="expected a list of explanations"):
        explanation.joined(explanation)


def test_pick_by_hand(three_classes, two_targets):
    """The logits are (3, 2, -1) and (1, 0.5, 0)."""
    highest = three_classes.pick(None)
    assert highest.targets.tolist() == ["a", "a"] and highest.outputs.tolist() == [3, 1]
    assert highest.maps.tolist() == [[3, -1], [0, 0]]
    assert three_classes.pick("c").base_values.tolist() == [-1, -1]
    assert three_classes.pick(["b", "c"]).outputs.tolist() == [2, 0]
    assert three_classes.pick("all") is three_classes
    assert two_targets.pick(None) is two_targets  # of a regressor
    assert two_targets.pick(1).targets.tolist() == ["b", "b"]  # by its number
    with pytest.raises(ValueError, match="none of the model's targets"):
        three_classes.pick(1)
    with pytest.raises(ValueError, match="pick needs the maps of all targets"):
        highest.pick("a")


def test_through_by_hand(two_targets):
    """Outputs (7, 13) and (1, 1) become z1 - z2 and 2 z1 + 10, base values (1, 1) 0 and 12."""
    new = two_targets.through([[1, 2], [-1, 0]], [0, 10])
    assert new.outputs.tolist() == [[-6, 24], [0, 12]]
    assert new.base_values.tolist() == [[0, 12]] * 2
    assert new.maps[0].tolist() == [[-1, 2], [-2, 4], [1, -2], [0, 0], [-4, 8]]
    assert new.residuals.tolist() == [[0, 0], [0, 0]] and new.targets.tolist() == ["a", "b"]
    one = two_targets.through([[1], [1]], [0.5])
    assert one.outputs.tolist() == [[20.5], [2.5]] and one.targets.tolist() == [0]
    single = replace(two_targets, maps=two_targets.maps.astype(np.float32))
    assert single.through([[1], [1]], [0]).maps.dtype == np.float32


def test_members_go_through_transformations_as_well(two_targets):
    """Maps of m and 3 m have the standard deviation m sqrt(2), of which ten times is the new."""
    other = replace(two_targets, maps=3 * two_targets.maps)
    mean = average([two_targets, other]).through([[10], [0]], [5])
    assert mean.members[1].maps[0].tolist() == [[30], [60], [-30], [0], [120]]
    assert mean.members[0].outputs.tolist() == [[75], [15]]
    expected = 10 * 2**0.5 * np.abs(two_targets.maps[:, :, :1])
    np.testing.assert_allclose(mean.maps_std, expected)
    assert mean.stability({"two": (1000, 1010)})["contribution"].tolist() == [
        pytest.approx(60 / 2**0.5)  # sums of 60 and 0: their root mean square
    ]


@pytest.mark.parametrize(
    ("matrix", "offset", "message"),
    [
        ([[1]], [0], r"matrix has shape \(1, 1\) and offset \(1,\); expected \(2, n_new"),
        ([[1], [1]], [0, 0], r"offset \(2,\)"),
        ([1, 1], [0], r"shape \(2,\)"),
        ([["a"], ["b"]], [0], "matrix cannot be read as numbers"),
    ],
)
def test_transformations_that_do_not_fit_are_refused(two_targets, matrix, offset, message):
    with pytest.raises(ValueError, match=message):
        two_targets.through(matrix, offset)
    with pytest.raises(ValueError, match="through needs the maps of all targets"):
        two_targets.pick("a").through([[1]], [0])


def test_incomplete_maps_say_so(explanation):
    half = replace(explanation, maps=explanation.maps / 2, method="grad-cam", layer="stem")
    assert half.residuals.tolist() == [3, 0]
    assert repr(half).endswith("grad-cam at stem, incomplete: up to 3 of logit is on no wavelength")


@pytest.mark.parametrize(
    ("x_axis", "message"),
    [
        ([1, 2], r"shape \(2,\), but the spectra have 3 points"),
        ([[1, 2, 3]], r"shape \(1, 3\)"),
        ([1, np.inf, 3], "NaN or infinity"),
        ([1, 3, 3], "3 is followed by 3 at point 2"),
        ([1, 2, 1.5], "2 is followed by 1.5 at point 2"),
        ([3, 3, 1], "3 is followed by 3 at point 1"),
    ],
)
def test_bad_axes_are_refused(x_axis, message):
    with pytest.raises(ValueError, match=message):
        check_x_axis(x_axis, 3)


def test_axes_rise_or_fall():
    assert check_x_axis(["1", "2", "4"], 3).tolist() == [1, 2, 4]
    assert check_x_axis([4, 2, 1], 3).tolist() == [4, 2, 1]


def test_examples_of_methods_run():
    """pytest collects no examples of methods whose class names another place than its file."""
    runner = doctest.DocTestRunner()
    for name, method in vars(Explanation).items():
        for example in doctest.DocTestFinder().find(method, name, module=False, globs={}):
            runner.run(example)
    assert runner.tries > 5 and runner.failures == 0


def test_plots_are_of_this_explanation(explanation):
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, axes = plt.subplots(2)
    display = explanation.plot(axes, samples=[1], x_label="shift")
    assert display.explanation is explanation and display.ax_.tolist() == axes.tolist()
    assert axes[1].get_xlabel() == "shift"
    plt.close(figure)


def test_interactive_plots_are_of_what_is_asked_for(explanation):
    pytest.importorskip("plotly")
    figure = explanation.plot_interactive([1, 0], {"mark": (1010, 1020)}, x_label="shift")
    labels = [button.label for button in figure.layout.updatemenus[0].buttons]
    assert labels == ["Spectrum 1: b", "Spectrum 0: a"]
    assert "mark" in figure.to_json() and "shift" in figure.to_json()
