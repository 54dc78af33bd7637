"""Tables of textbook bands."""

import numpy as np
import pytest

from sklearn_spectral import Explanation, band_table
from sklearn_spectral._spectra.bands import every_point, named_bands, resolve_bands, textbook_tables


def test_a_table_is_a_copy():
    table = band_table("raman-lipids")
    table.loc[0, "start"] = 0
    assert band_table("raman-lipids").loc[0, "start"] == 1050


@pytest.mark.parametrize("name", textbook_tables())
def test_bands_are_sound(name):
    table = band_table(name)
    assert len(table) >= 6
    assert table["band"].is_unique
    assert (table["start"] < table["end"]).all()
    assert table["start"].min() > 200 and table["end"].max() < 4000
    assert table["source"].str.contains("doi:10|ISBN").all()
    # The position in the name lies within the band.
    position = table["band"].str.extract(r"(\d+)$")[0].astype(float)
    assert ((table["start"] <= position) & (position <= table["end"])).all()
    assert position.is_monotonic_increasing


@pytest.mark.parametrize("name", textbook_tables())
def test_bands_do_not_overlap(name):
    table = band_table(name)
    assert (table["start"].to_numpy()[1:] > table["end"].to_numpy()[:-1]).all()


def test_carbonyls_of_pet_and_pmma_are_told_apart():
    assert list(named_bands("ftir-polymers", [1713.0])) == ["PET C=O stretch 1713"]
    assert list(named_bands("ftir-polymers", [1721.0])) == ["PMMA C=O stretch 1723"]


def test_only_bands_on_the_axis_are_used():
    axis = np.arange(1800.0, 1500.0, -2.0)
    assert list(named_bands("raman-lipids", axis)) == ["C=C stretch 1655", "C=O ester stretch 1745"]


def test_explanations_take_tables():
    axis = np.arange(1600.0, 1800.0, 10.0)
    maps = np.ones((1, 20))
    explanation = Explanation(maps, np.ones(1), np.ones(1), np.zeros(1), axis, maps)
    table = explanation.contributions("raman-lipids")
    # 1640, 1650, 1660, 1670 and 1730, 1740, 1750, 1760
    assert table["contribution"].tolist() == [4, 4]
    assert table["start"].tolist() == [1640, 1730]


def test_points_ends_and_sums_by_hand():
    """Two spectra, four points of a descending axis, one target."""
    axis = np.array([40.0, 30.0, 20.0, 10.0])
    maps = np.array([[1.0, 2, 4, 8], [0, -1, 0, 0]], dtype=np.float32)[:, :, None]
    bands = resolve_bands({"low": (5, 25), "high": (40, 28)}, axis, maps)
    assert bands.names == ["low", "high"]
    assert [points.tolist() for points in bands.points] == [[2, 3], [0, 1]]
    assert bands.ends.tolist() == [[10, 20], [30, 40]]
    assert bands.sums(maps).tolist() == [[[12, 3]], [[0, -1]]]
    assert bands.sums(maps).dtype == np.float64
    single = every_point(axis)
    assert single.names == ["40", "30", "20", "10"]
    assert single.ends.tolist() == [[40, 40], [30, 30], [20, 20], [10, 10]]
    assert single.sums(maps).tolist() == [[[1, 2, 4, 8]], [[0, -1, 0, 0]]]


def test_unknown_tables_and_other_units_are_refused():
    with pytest.raises(ValueError, match=r"none of the tables.*raman-lipids.*as a dict"):
        band_table("raman-fats")
    with pytest.raises(ValueError, match=r"1050 to 3030 cm-1.*the axis runs from 0 to 99"):
        named_bands("raman-lipids", np.arange(100.0))
