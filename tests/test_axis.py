"""The axis is a thing with an identity: read from names, compared everywhere, or unknown."""

import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from chemotools.feature_selection import RangeCut
from chemotools.scatter import StandardNormalVariate
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_spectral import (
    LinearityDisplay,
    ResNet1DClassifier,
    ResNet1DRegressor,
    applicability,
    band_table,
    cross_explain,
    explain,
)
from sklearn_spectral._spectra.axis import axis_from_names
from sklearn_spectral._spectra.names import column_names
from sklearn_spectral.metrics import localization

xr = pytest.importorskip("xarray")

QUICK = {
    "max_epochs": 0,
    "random_state": 0,
    "shortcut": False,
    "net_params": {"module__width": 4, "module__n_blocks": 1},
}
N = 24
X_AXIS = 1000.0 + 5 * np.arange(N)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, N))
Y = X[:, 3]
FRAME = pd.DataFrame(X, columns=X_AXIS)


def regressor(**params):
    return ResNet1DRegressor(**QUICK | params)


# ------------------------------------------------------------------------------ reading names

AXES = {
    "numbers": ([1000.0, 1010, np.float32(1020.5)], [1000, 1010, 1020.5], None),
    "descending": ([4000, 3998, 3996], [4000, 3998, 3996], None),
    "text": (["1000", "1010.5", " 1020 "], [1000, 1010.5, 1020], None),
    "exponents": (["4e-7", "5E-07", "6e-07"], [4e-7, 5e-7, 6e-7], None),
    "below zero": (["-100", "0", "100"], [-100, 0, 100], None),
    "decimal comma": (["1000,5", "1001,5", "1002"], [1000.5, 1001.5, 1002], None),
    "comma and thousands": (["1,000.5", "1,001.5", "998.5"][:2], [1000.5, 1001.5], None),
    "thousands, German": (["1.000,5", "1.001,5"], [1000.5, 1001.5], None),
    "cm-1": (["1000 cm-1", "1002 cm-1"], [1000, 1002], "cm-1"),
    "cm⁻¹": (["1000 cm⁻¹", "1002 cm⁻¹"], [1000, 1002], "cm-1"),
    "cm^-1": (["1000 cm^-1", "1002cm^{-1}"], [1000, 1002], "cm-1"),
    "1/cm": (["1000 1/cm", "1002 [1/cm]"], [1000, 1002], "cm-1"),
    "minus sign": (["1000 cm\u22121", "1002 (cm-1)"], [1000, 1002], "cm-1"),
    "nm": (["400nm", "402_nm"], [400, 402], "nm"),
    "micro": (["1.1 \u00b5m", "1.2 \u00b5m"], [1.1, 1.2], "um"),
    "Greek mu": (["1,101 \u03bcm", "1,102 um"], [1.101, 1.102], "um"),
    "unit told once": (["400 nm", "402", "404"], [400, 402, 404], "nm"),
    "prefix": (["snv__1000.0", "snv__1002.0"], [1000, 1002], None),
    "prefixes": (["a__b__1000 nm", "c__1002 nm"], [1000, 1002], "nm"),
    "levels": ([("a", "1000"), ("b", "1002")], [1000, 1002], None),
    "from ten on, one by one": (range(10, 20), range(10, 20), None),
}


@pytest.mark.parametrize("kind", AXES)
def test_names_are_read_as_people_write_them(kind):
    names, values, unit = AXES[kind]
    axis = axis_from_names(names)
    assert axis.values.tolist() == list(values)
    assert axis.unit == unit


NO_AXES = {
    "none": None,
    "empty": [],
    "components": ["PC1", "PC2", "PC3"],
    "words": ["fat", "water"],
    "counted": [0, 1, 2],
    "counted, text": ["0", "1", "2"],
    "counted without the first": [1, 2, 3],
    "scikit-learn's": ["x0", "x3", "x7"],
    "dates": ["2020-01-01", "2020-01-02"],
    "truth": [True, False],
    "not numbers": ["nan", "inf", "1.2.3"],
    "mostly words": ["a", "b", "1000"],
    "order changed by a step": ["a__1010", "b__1000", "b__1005"],
    "doubled by a step": ["a__1000", "a__1005", "b__1000", "b__1005"],
    "beside components": ["pca__pca0", "rest__1000", "rest__1005"],
}


@pytest.mark.parametrize("kind", NO_AXES)
def test_other_names_are_no_axis(kind):
    assert axis_from_names(NO_AXES[kind]) is None


WRONG = {
    "index": (["Unnamed: 0", "1000", "1005"], r"'Unnamed: 0'.*X.drop\(columns=\['Unnamed: 0'\]"),
    "two": ([1000, 1005, "Replicate", 1010, "T"], r"'Replicate', 'T'; the other 3 run from 1000 t"),
    "nothing": (["1000", "1005", np.nan], r"nan; the other 2"),
    "beside default names": (["id", 0, 1, 2], r"'id'; the other 3 run from 0 to 2"),
    "sorted as text": (["1000", "1005", "990", "995"], "'1005' is followed by '990'.*key=float"),
    "reversed in part": ([1000, 1010, 1005], "1010 is followed by 1005.*key=float"),
    "overlapping": ([1000, 1005, 1010, 1008, 1013], "1010 is followed by 1008"),
    "repeated": (["1000", "1000.0", "1005"], "'1000' and '1000.0' of X are one wavelength"),
    "repeated, sorted": (["1000", "1000", "1005"], r"~X.columns.duplicated\(\)"),
    "units": (["1000 cm-1", "1005 nm"], "in several units: cm-1, nm"),
    "thousands or decimals": (["1,000", "1,005"], "'1,000' of X can be read with a decimal comma"),
    "thousands": (["998", "999", "1,000"], "'1,000' of X can be read"),
    "default names turned round": ([3, 2, 1, 0], "reverse order"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_names_that_are_nearly_an_axis_say_what_to_do(kind):
    names, message = WRONG[kind]
    with pytest.raises(ValueError, match=message):
        axis_from_names(names)


def test_thousands_of_names_are_read_in_milliseconds():
    names = [f"{x:.3f} cm-1" for x in np.linspace(400, 4000, 10_000)]
    start = time.perf_counter()
    axis_from_names(names)
    assert time.perf_counter() - start < 2  # about 0.05 s


def data_array(axis=X_AXIS, **attributes):
    coordinates = {"wavelength": ("wavelength", axis, attributes)}
    return xr.DataArray(X, dims=("sample", "wavelength"), coords=coordinates)


@pytest.mark.parametrize(("units", "unit"), [("nm", "nm"), ("cm^-1", "cm-1"), ("furlong", None)])
def test_coordinates_are_names(units, unit):
    axis = axis_from_names(column_names(data_array(units=units)))
    np.testing.assert_array_equal(axis.values, X_AXIS)
    assert axis.unit == unit
    assert column_names(xr.DataArray(X)) is None


COUNT = np.arange(1.0, 1.0 + len(X_AXIS))
BESIDE = {  # coordinates along the last dimension, by name, and which of them are wavelengths
    "its own": ({"w": X_AXIS, "number": COUNT}, "w"),
    "its own beside another": ({"w": X_AXIS, "other": X_AXIS + 1}, "w"),
    "beside numbers of bands": ({"w": COUNT, "nm": X_AXIS}, "nm"),
    "beside words": ({"w": [f"band {n}" for n in COUNT], "nm": X_AXIS}, "nm"),
    "beside widths": ({"nm": X_AXIS, "width": X_AXIS % 7}, "nm"),
    "two others": ({"nm": X_AXIS, "other": X_AXIS + 1}, None),
    "dates": ({"w": X_AXIS.astype("datetime64[s]").astype("datetime64[ns]")}, None),
}


@pytest.mark.parametrize("kind", BESIDE)
def test_wavelengths_may_stand_beside_the_coordinate_of_the_dimension(kind):
    coordinates, right = BESIDE[kind]
    coordinates = {name: ("w", values) for name, values in coordinates.items()}
    table = xr.DataArray(X, dims=("sample", "w"), coords=coordinates)
    axis = axis_from_names(column_names(table))
    if right is None:
        assert axis is None
    else:
        np.testing.assert_array_equal(axis.values, table.coords[right])
        explanation = explain(regressor().fit(table, Y), table)
        np.testing.assert_array_equal(explanation.x_axis, table.coords[right])


TABLES = {
    "numbers": FRAME,
    "text": FRAME.set_axis(X_AXIS.astype(str), axis=1),
    "decimal comma": FRAME.set_axis([f"{x:.1f}".replace(".", ",") for x in X_AXIS], axis=1),
    "unit": FRAME.set_axis([f"{x:g} nm" for x in X_AXIS], axis=1),
    "levels": FRAME.set_axis(pd.MultiIndex.from_product([["a"], X_AXIS]), axis=1),
    "polars": pl.DataFrame(X, schema=[str(x) for x in X_AXIS]),
    "xarray": data_array(),
    "xarray with a unit": data_array(units="nm"),
}


@pytest.mark.parametrize("behind", [[], [StandardNormalVariate()]], ids=["alone", "behind SNV"])
@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_all_kinds_tell_their_axis(kind, behind):
    table = TABLES[kind]
    model = make_pipeline(*behind, regressor()).fit(table, Y)
    explanation = explain(model, table)
    np.testing.assert_array_equal(explanation.x_axis, X_AXIS)
    assert explanation.axis_known
    assert explanation.axis_unit == ("nm" if "unit" in kind else None)
    if not behind:
        assert applicability(model, table).shape == (20, 3)
        if not hasattr(model[-1], "feature_names_in_"):  # scikit-learn warns
            np.testing.assert_array_equal(explain(model, X).x_axis, X_AXIS)


# ------------------------------------------------------------------------- where tables come in

STRAY = pd.concat([pd.Series(np.arange(20.0), name="Replicate"), TABLES["text"]], axis=1)
SHUFFLED = TABLES["text"].sort_index(axis=1, key=lambda names: names.str[::-1])
ENTRIES = {
    "fit": lambda model, table: regressor().fit(table, Y),
    "fit of a classifier": lambda model, table: ResNet1DClassifier(**QUICK).fit(table, Y > 0),
    "partial_fit": lambda model, table: regressor().partial_fit(table, Y),
    "more partial_fit": lambda model, table: model.partial_fit(table, Y),
    "warm start": lambda model, table: model.set_params(warm_start=True).fit(table, Y),
    "predict": lambda model, table: model.predict(table),
    "score": lambda model, table: model.score(table, Y),
    "explain": lambda model, table: model.explain(table),
    "explain()": explain,
    "applicability": lambda model, table: model.applicability(table),
    "applicability()": applicability,
    "cross_explain": lambda model, table: cross_explain(regressor(), table, Y, cv=2),
    "explain behind SNV": lambda model, table: explain(BEHIND, table),
    "applicability behind SNV": lambda model, table: applicability(BEHIND, table),
    "cross_explain behind SNV": lambda model, table: cross_explain(BEHIND, table, Y, cv=2),
}
BEHIND = make_pipeline(StandardNormalVariate(), regressor()).fit(X, Y)


@pytest.mark.parametrize(
    ("table", "message"),
    [(STRAY, r"'Replicate'.*X.drop\(columns=\['Replicate'\]\)"), (SHUFFLED, "out of order")],
    ids=["stray column", "unsorted"],
)
@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_says_what_is_wrong_with_names(entry, table, message):
    with pytest.raises(ValueError, match=message):
        ENTRIES[entry](regressor().fit(FRAME, Y), table)


def test_no_model_is_fitted_before_it_is_said():
    class Never(ResNet1DRegressor):
        def fit(self, *args, **params):
            raise AssertionError

    with pytest.raises(ValueError, match="Replicate"):
        cross_explain(make_pipeline(StandardNormalVariate(), Never()), STRAY, Y, cv=2)


OTHER = {
    "turned round": (FRAME.iloc[:, ::-1], "They run the other way. Reverse them"),
    "shifted by 100": (FRAME.set_axis(X_AXIS + 100, axis=1), "column 0 is at 1100, and was at"),
    "shifted by half a step": (FRAME.set_axis(X_AXIS + 2.5, axis=1), "1002.5"),
    "stretched": (FRAME.set_axis(1000 + 1.01 * (X_AXIS - 1000), axis=1), "Interpolate"),
    "one point": (FRAME.rename(columns={1010.0: 1011.0}), "column 2 is at 1011, and was at 1010"),
    "other unit": (TABLES["unit"], "in nm, trained in cm-1"),
    "xarray": (data_array(X_AXIS[::-1]), "the other way"),
}
COMPARED = ["more partial_fit", "warm start", "predict", "score", "explain", "explain()"]
COMPARED += ["applicability", "applicability()"]


@pytest.mark.parametrize("kind", OTHER)
@pytest.mark.parametrize("entry", COMPARED)
def test_every_entry_compares_the_axis_with_that_of_training(entry, kind):
    table, message = OTHER[kind]
    trained = FRAME
    if kind == "other unit":
        trained = FRAME.set_axis([f"{x:g} cm-1" for x in X_AXIS], axis=1)
        message = "from 1000 to 1115 nm, those of the training spectra from 1000 to 1115 cm-1"
    model = regressor().fit(trained, Y)
    outputs = model.predict(X) if kind != "other unit" else None
    with pytest.raises(ValueError, match=message):
        ENTRIES[entry](model, table)
    assert outputs is None or np.array_equal(model.predict(X), outputs)


ROUNDED = FRAME.set_axis([f"{x + 0.001:.2f}" for x in X_AXIS], axis=1)


@pytest.mark.parametrize("trained", ["numbers", "text", "unit", "polars", "xarray"])
@pytest.mark.parametrize("table", [*TABLES.values(), ROUNDED, X], ids=[*TABLES, "rounded", "array"])
@pytest.mark.parametrize("entry", COMPARED)
def test_the_same_axis_may_be_written_otherwise(entry, trained, table):
    model = regressor().fit(TABLES[trained], Y)
    if table is X and hasattr(model, "feature_names_in_"):
        return  # scikit-learn warns
    ENTRIES[entry](model, table)
    np.testing.assert_array_equal(
        regressor().fit(TABLES[trained], Y).predict(table), regressor().fit(X, Y).predict(X)
    )


@pytest.mark.parametrize("scale", [1e-9, 1, 1e6])
def test_tolerance_is_a_share_of_the_step(scale):
    """An axis in metres, in nm, and in fm: half a nanometre of 5 is another axis."""
    model = regressor().fit(FRAME.set_axis(X_AXIS * scale, axis=1), Y)
    model.predict(FRAME.set_axis((X_AXIS + 0.4) * scale, axis=1))
    with pytest.raises(ValueError, match="to one axis"):
        model.predict(FRAME.set_axis((X_AXIS + 0.6) * scale, axis=1))


# ---------------------------------------------------------------------------- through steps

SHIFTED, TURNED = OTHER["shifted by 100"][0], OTHER["turned round"][0]
KNOWING = {
    "a step fitted on text": (
        make_pipeline(StandardNormalVariate(), regressor()).fit(TABLES["text"], Y)
    ),
    "x_axis of a step": make_pipeline(
        StandardScaler(), RangeCut(start=1020, end=1100, x_axis=X_AXIS), regressor()
    ).fit(FRAME, Y),
    "the last step": make_pipeline(FunctionTransformer(np.abs), regressor()).fit(FRAME, Y),
    "an ensemble": BaggingRegressor(regressor(), n_estimators=2, random_state=0).fit(
        TABLES["text"], Y
    ),
}


@pytest.mark.parametrize("table", [SHIFTED, TURNED], ids=["shifted", "turned round"])
@pytest.mark.parametrize("kind", KNOWING)
def test_what_any_step_knows_is_compared(kind, table):
    model = KNOWING[kind]
    with pytest.raises(ValueError, match="those of the training spectra from 1000 to 1115"):
        explain(model, table)
    if not isinstance(model, BaggingRegressor):
        with pytest.raises(ValueError, match="those of the training spectra from 1000 to 1115"):
            applicability(model, table)


def test_what_the_user_gives_counts():
    model = KNOWING["x_axis of a step"]
    np.testing.assert_array_equal(explain(model, FRAME, x_axis=X_AXIS + 1).x_axis, X_AXIS[4:20] + 1)
    wavelengths = [f"{1e7 / x:.6f} nm" for x in X_AXIS]
    explanation = explain(model, FRAME, x_axis=wavelengths)
    assert explanation.axis_unit == "nm"
    assert explanation.x_axis[0] == pytest.approx(1e7 / 1020)


REMADE = {
    "components": PCA(),
    "fewer components": PCA(5),
    "union": make_union(StandardNormalVariate(), "passthrough"),
    "components and points": make_union(PCA(3), "passthrough"),
    "another order": make_column_transformer(
        (StandardScaler(), list(range(12, 24))), remainder="passthrough"
    ),
    "turned round, untold": FunctionTransformer(lambda Z: Z[:, ::-1]),
    "a derivative, untold": FunctionTransformer(lambda Z: np.gradient(Z, axis=1)),
}


@pytest.mark.parametrize("step", REMADE.values(), ids=REMADE)
@pytest.mark.parametrize("table", [X, FRAME], ids=["array", "table"])
def test_what_is_no_point_of_the_spectrum_gets_no_wavelength(step, table):
    table = table if not isinstance(step, FunctionTransformer) else X
    model = make_pipeline(step, regressor()).fit(table, Y)
    explanation = explain(model, table)
    assert not explanation.axis_known
    n_points = model[-1].n_features_in_
    np.testing.assert_array_equal(explanation.x_axis, np.arange(n_points))
    for given in {n_points, N} if not isinstance(step, FunctionTransformer) else {N}:
        with pytest.raises(ValueError, match="x_axis has .* values, .*(no wavelengths|one-to-one)"):
            explain(model, table, x_axis=1000.0 + np.arange(given))
    by_hand = model[-1].explain(model[:-1].transform(X), x_axis=1000.0 + np.arange(n_points))
    assert by_hand.axis_known


KEEPS = {
    "untold, point by point": FunctionTransformer(np.abs),
    "told": FunctionTransformer(lambda Z: np.gradient(Z, axis=1), feature_names_out="one-to-one"),
    "nothing": FunctionTransformer(),
    "columns": make_column_transformer(
        (StandardScaler(), list(range(12))), remainder="passthrough"
    ),
}


@pytest.mark.parametrize("step", KEEPS.values(), ids=KEEPS)
def test_what_keeps_the_points_keeps_the_axis(step):
    model = make_pipeline(step, regressor()).fit(X, Y)
    explanation = explain(model, X, x_axis=X_AXIS)
    np.testing.assert_array_equal(explanation.x_axis, X_AXIS)
    assert explanation.axis_known


def test_a_step_that_tells_that_it_turns_spectra_round_turns_the_axis():
    turn = FunctionTransformer(lambda Z: Z[:, ::-1], feature_names_out=lambda _, names: names[::-1])
    model = make_pipeline(turn, regressor()).fit(X, Y)
    np.testing.assert_array_equal(explain(model, X, x_axis=X_AXIS).x_axis, X_AXIS[::-1])


# -------------------------------------------------------------------------- the unknown axis


@pytest.fixture(scope="module")
def unknown():
    return regressor().fit(X, Y).explain(X)


ASKING = {
    "contributions": lambda e, bands: e.contributions(bands),
    "summary": lambda e, bands: e.summary(bands),
    "linearity": lambda e, bands: e.linearity(Y, bands),
    "localization": localization,
    "figure": lambda e, bands: LinearityDisplay(e, Y).plot(bands),
    "view": lambda e, bands: e.plot_interactive([0], bands),
    "part": lambda e, bands: e[:5].contributions(bands),
    "target": lambda e, bands: (
        regressor().fit(X, Y).explain(X, target="all").pick(0).contributions(bands)
    ),
    "through": lambda e, bands: (
        regressor().fit(X, Y).explain(X, target="all").through([[2.0]], [1.0]).contributions(bands)
    ),
    "mean": lambda e, bands: e.averaged([e]).stability(bands),
    "joined": lambda e, bands: e.joined([e]).contributions(bands),
    "left out": lambda e, bands: cross_explain(regressor(), X, Y, cv=2).contributions(bands),
}


@pytest.mark.parametrize("bands", [{"marker": (2, 4)}, "raman-lipids"], ids=["dict", "table"])
@pytest.mark.parametrize("asking", ASKING)
def test_bands_in_wavelengths_need_an_axis(unknown, asking, bands):
    with pytest.raises(ValueError, match=r"not known. Pass x_axis .*range\(20, 25\)"):
        ASKING[asking](unknown, bands)


@pytest.mark.parametrize("asking", [name for name in ASKING if name != "localization"])
@pytest.mark.parametrize("bands", [3, "peaks", {"marker": range(2, 5)}])
def test_points_can_be_counted_all_the_same(unknown, asking, bands):
    ASKING[asking](unknown, bands)


def test_bands_by_the_numbers_of_points(unknown):
    """On any axis: points 2, 3 and 4."""
    known = regressor().fit(X, Y).explain(X, x_axis=X_AXIS[::-1])
    for explanation in (unknown, known):
        table = explanation.contributions({"marker": range(2, 5), "last": range(23, 22, -1)})
        expected = explanation.maps[:, [2, 3, 4]].sum(axis=1, dtype=float)
        np.testing.assert_allclose(table["contribution"][::2], expected, atol=1e-6)
    assert table.loc[0, ["start", "end"]].tolist() == [1095, 1105]
    mask = np.isin(np.arange(N), [2, 3, 4])
    pd.testing.assert_frame_equal(
        localization(unknown, {"marker": range(2, 5)}), localization(unknown, mask)
    )
    for wrong in (range(0), range(20, 25), range(-1, 2)):
        with pytest.raises(ValueError, match="expected numbers of points from 0 to 23"):
            unknown.contributions({"marker": wrong})


def test_folds_that_choose_other_columns_are_not_joined():
    """Points are counted alike, whatever columns they are."""
    chosen = make_pipeline(SelectKBest(f_regression, k=8), regressor())
    with pytest.raises(ValueError, match="see different wavelengths.*of X, and others"):
        cross_explain(chosen, X, Y, cv=2)
    same = make_pipeline(RangeCut(start=4, end=12), regressor())
    np.testing.assert_array_equal(cross_explain(same, X, Y, cv=2).x_axis, np.arange(8))


def test_tables_are_used_on_axes_of_their_own_unit_only():
    fitted = regressor().fit(X, Y)
    nanometres = fitted.explain(TABLES["xarray with a unit"])
    with pytest.raises(ValueError, match="'raman-lipids' are in cm-1, the axis is in nm. .* cm-1"):
        nanometres.contributions("raman-lipids")
    assert set(nanometres.contributions("nir")["band"]) <= set(band_table("nir")["band"])
    wavenumbers = fitted.explain(X, x_axis=[f"{x} cm-1" for x in X_AXIS])
    with pytest.raises(ValueError, match="'nir' are in nm, the axis is in cm-1. Pass x_axis in nm"):
        wavenumbers.contributions("nir")


def test_a_series_of_polars_without_a_name_names_no_output():
    for y in (pl.Series(Y), pl.DataFrame(pl.Series(Y)), pd.Series(Y, name="")):
        explanation = regressor().fit(X, y).explain(X)
        assert explanation.output_name == "prediction"
        assert explanation.targets[0] == 0
