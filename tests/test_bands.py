"""Tables of textbook bands."""

import numpy as np
import pytest

from sklearn_spectral import Explanation, band_table
from sklearn_spectral._spectra.bands import every_point, named_bands, resolve_bands, textbook_tables


def test_a_table_is_a_copy():
    table = band_table("raman-lipids")
    table.loc[0, "start"] = 0
    assert band_table("raman-lipids").loc[0, "start"] == 858


@pytest.mark.parametrize("name", textbook_tables())
def test_bands_are_sound(name):
    table = band_table(name)
    assert len(table) >= 6
    assert table["band"].is_unique
    assert (table["start"] < table["end"]).all()
    assert table["start"].min() > 200 and table["end"].max() < 4000
    assert (table["unit"] == ("nm" if name.startswith("nir") else "cm-1")).all()
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


@pytest.mark.parametrize("position", [868, 970, 1005, 1155, 1265, 1300, 1440, 1525, 1655, 1745])
def test_every_band_of_an_olive_oil_has_a_name(position):
    assert list(named_bands("raman-lipids", [float(position)]))[0].endswith(f" {position}")


@pytest.mark.parametrize(
    ("wavelength", "expected"),
    # Twice and three times 2930 cm-1, less about 1 and 3 per cent of anharmonicity; stretch and
    # bend of water, 3400 + 1640 cm-1, less 2 per cent; stretch and scissor of CH2, 2930 + 1460.
    [
        (1e7 / (2 * 2930 * 0.985), "CH2 first overtone"),
        (1e7 / (3 * 2930 * 0.96), "C-H second overtone"),
        (1e7 / ((3400 + 1640) * 1.02), "O-H combination (water)"),
        (1e7 / (2 * 3400 * 1.015), "O-H first overtone (water)"),
        (1e7 / ((2930 + 1460) * 0.985), "CH2 combination"),
    ],
)
def test_overtones_lie_where_the_fundamentals_say(wavelength, expected):
    assert list(named_bands("nir", [wavelength]))[0].startswith(expected)


def test_only_bands_on_the_axis_are_used():
    axis = np.arange(1800.0, 1500.0, -2.0)
    assert list(named_bands("raman-lipids", axis)) == [
        "carotenoid C=C stretch 1525",
        "C=C stretch 1655",
        "C=O ester stretch 1745",
    ]


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
    with pytest.raises(ValueError, match=r"not one of the tables.*raman-lipids.*as a dict"):
        band_table("raman-fats")
    with pytest.raises(ValueError, match=r"858 to 3030 cm-1.*the axis runs from 0 to 99"):
        named_bands("raman-lipids", np.arange(100.0))
    with pytest.raises(ValueError, match=r"895 to 2370 nm.*the axis runs from 0 to 99"):
        named_bands("nir", np.arange(100.0))
