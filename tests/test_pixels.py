"""Images as instruments write them: whole numbers, pixels without data, coordinates."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from chemotools.scatter import StandardNormalVariate
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cross_decomposition import PLSRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from helpers import blends, two_kinds
from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral import explain as explain_table

da = pytest.importorskip("dask.array")
from sklearn_spectral import hyperspectral  # noqa: E402

TINY = {"max_epochs": 1, "random_state": 0, "net_params": {"module__width": 4}}
X, Y = blends()
X = np.round(50 * (X - X.min())) + 1  # 1 to 120: whole numbers that int8 holds
AXIS = np.arange(1000.0, 1000 + 10 * X.shape[1], 10)
CUBE = X.reshape(5, 6, -1)


class Above(TransformerMixin, BaseEstimator):
    """Take spectra above a threshold only."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        if X.max() < 20:
            raise ValueError("Nothing is above the threshold of 20.")
        return X


STEPS = {
    "none": [],
    "SNV": [StandardNormalVariate()],
    "scaler": [StandardScaler()],
    "differences": [FunctionTransformer(np.diff)],
    "logarithm": [FunctionTransformer(np.log10)],
    "threshold": [Above()],
}


def fitted(*steps, estimator=None):
    return make_pipeline(*steps, estimator or ResNet1DRegressor(**TINY)).fit(X, Y)


@pytest.fixture(scope="module")
def behind_snv():
    return fitted(StandardNormalVariate())


def image(cube, **where):
    return da.from_array(cube, chunks=(2, 4, 7), **where)


@pytest.mark.parametrize("steps", STEPS)
def test_whole_numbers_of_every_type_are_the_same_numbers_as_float64(steps):
    model = fitted(*STEPS[steps])
    right, maps = model.predict(X), explain_table(model, X).maps
    for dtype in (*"bhilBHIL", "float32", "float64", "longdouble", ">f4", ">i2"):
        lazy = hyperspectral.predict(model, image(CUBE.astype(dtype)))
        np.testing.assert_allclose(lazy.compute().ravel(), right, rtol=1e-5, atol=1e-5)
    lazy = hyperspectral.explain(model, image(CUBE.astype(np.uint8))).maps
    np.testing.assert_allclose(lazy.compute().reshape(maps.shape), maps, atol=1e-5)


def without_data(kind):
    """Return the image and which of its pixels have no data."""
    cube, gone = CUBE.copy(), np.zeros((5, 6), dtype=bool)
    gone[2:4, 1:] = gone[0, 0] = True
    if kind == "masked":
        return np.ma.masked_array(cube, mask=np.broadcast_to(gone[..., None], cube.shape)), gone
    if kind == "one NaN":
        cube[gone, 3] = np.nan
    else:
        cube[gone] = kind
    return cube, gone


@pytest.mark.parametrize("kind", [np.nan, np.inf, "one NaN", "masked", 0.0, -9999.0])
def test_pixels_without_data_are_missing_and_the_others_as_ever(behind_snv, kind):
    cube, gone = without_data(kind)
    lazy = hyperspectral.explain(behind_snv, image(cube))
    right = explain_table(behind_snv, X)
    found = hyperspectral.predict(behind_snv, image(cube)).compute(), lazy.maps.compute()
    for answer, whole in zip(found, (right.outputs, right.maps), strict=True):
        assert np.isnan(answer[gone]).all()
        np.testing.assert_allclose(answer[~gone], whole[~gone.ravel()], rtol=1e-5, atol=1e-5)
    for name in ("outputs", "base_values"):
        np.testing.assert_array_equal(np.isnan(getattr(lazy, name).compute()), gone)


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        (["fat", "oil"], ""),
        ([b"fat", b"oil"], b""),
        ([0, 1], -1),
        ([-1, 1], np.iinfo(int).min),
        (np.array([0, 1], dtype=np.uint8), 255),
        ([False, True], -1),
        ([0.0, 1.0], np.nan),
        (np.array(["fat", "oil"], dtype=object), None),
    ],
)
def test_missing_labels_fit_the_type_of_the_classes(labels, missing):
    labels = np.asarray(labels)
    y = labels[(two_kinds()[1] == "oil").astype(int)]
    model = sklearn.neighbors.KNeighborsClassifier() if labels.dtype.kind in "Sf" else None
    model = (model or ResNet1DClassifier(**TINY)).fit(X, y)
    cube, gone = without_data(np.nan)
    found = hyperspectral.predict(model, image(cube)).compute()
    expected = np.full(gone.shape, missing, dtype=found.dtype)
    np.testing.assert_array_equal(found[gone], expected[gone])
    np.testing.assert_array_equal(found[~gone], model.predict(X)[~gone.ravel()])
    assert np.isnan(hyperspectral.predict_proba(model, image(cube)).compute()[gone]).all()
    assert hyperspectral.predict(model, image(CUBE), no_data="raise").dtype == labels.dtype


def test_constant_spectra_are_predicted_where_the_model_takes_them():
    model = ResNet1DRegressor(**TINY).fit(X, Y)
    cube, _ = without_data(0.0)
    found = hyperspectral.predict(model, image(cube)).compute().ravel()
    np.testing.assert_allclose(found, model.predict(cube.reshape(30, -1)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("ask", [hyperspectral.predict, hyperspectral.explain])
def test_errors_name_the_pixel_of_the_image(behind_snv, ask):
    def compute(cube, **how):
        lazy = ask(behind_snv, image(cube), **how)
        return getattr(lazy, "maps", lazy).compute()

    cube = CUBE.copy()
    cube[3, 5] = np.nan
    with pytest.raises(ValueError, match=r"pixel at \(3, 5\) of X has no data.*1 of 4 pixels"):
        compute(cube, no_data="raise")
    with pytest.raises(ValueError, match="no_data='zero'; expected 'nan' or 'raise'"):
        compute(cube, no_data="zero")


def test_errors_of_a_step_name_the_pixel_of_the_image():
    cube = CUBE.copy()
    cube[3, 5, 2] = -1.0
    lazy = hyperspectral.predict(fitted(FunctionTransformer(_logarithm)), image(cube))
    with pytest.raises(ValueError, match=r"pixel at \(3, 5\) of X is refused: .*NaN"):
        lazy.compute()


def _logarithm(X):
    with np.errstate(invalid="ignore"):
        return np.log10(X)


def test_blocks_of_no_rows_are_empty_answers(behind_snv):
    chosen = da.from_array(X, chunks=(10, -1))[da.from_array(np.arange(30) < 5, chunks=10)]
    chosen.compute_chunk_sizes()
    assert chosen.chunks[0] == (5, 0, 0)
    found = hyperspectral.predict(behind_snv, chosen).compute()
    np.testing.assert_allclose(found, behind_snv.predict(X[:5]), rtol=1e-5)
    assert hyperspectral.explain(behind_snv, chosen).maps.compute().shape == (5, X.shape[1])


@pytest.mark.parametrize("names", [AXIS, AXIS.astype(str)])
@pytest.mark.parametrize("steps", [[], [StandardNormalVariate()]], ids=["alone", "SNV"])
def test_models_of_tables_do_not_warn(names, steps):
    model = make_pipeline(*steps, ResNet1DRegressor(**TINY)).fit(pd.DataFrame(X, columns=names), Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = hyperspectral.predict(model, image(CUBE)).compute(scheduler="sync")
        explained = hyperspectral.explain(model, image(CUBE))
        explained.maps.compute(scheduler="sync")
    assert found.shape == (5, 6)
    if isinstance(names[0], str):
        np.testing.assert_array_equal(explained.x_axis, AXIS)


def test_models_that_are_not_ours_take_images_too():
    model = PLSRegression(n_components=2).fit(X, Y)
    cube, gone = without_data(np.nan)
    found = hyperspectral.predict(model, image(cube)).compute()
    np.testing.assert_array_equal(np.isnan(found), gone)


# ------------------------------------------------------------------------- xarray


def data_array(cube=CUBE, dims=("y", "x", "shift"), lazy=True, **coords):
    xarray = pytest.importorskip("xarray")
    return xarray.DataArray(image(cube) if lazy else cube, dims=dims, coords=coords)


@pytest.mark.parametrize("lazy", [True, False], ids=["Dask", "memory"])
def test_wavelengths_are_those_of_the_coordinate(behind_snv, lazy):
    X = data_array(lazy=lazy, shift=AXIS, y=np.arange(5) * 2.0)
    np.testing.assert_array_equal(hyperspectral.explain(behind_snv, X).x_axis, AXIS)
    other = hyperspectral.explain(behind_snv, X, x_axis=AXIS + 1)
    np.testing.assert_array_equal(other.x_axis, AXIS + 1)
    found = hyperspectral.predict(behind_snv, X)
    np.testing.assert_allclose(found.values.ravel(), behind_snv.predict(CUBE.reshape(30, -1)), 1e-5)
    np.testing.assert_array_equal(found.coords["y"], np.arange(5) * 2.0)


def test_bands_by_number_are_no_wavelengths_and_one_beside_them_is(behind_snv):
    count = np.arange(1, X.shape[1] + 1)
    lazy = hyperspectral.explain(behind_snv, data_array(shift=count))
    np.testing.assert_array_equal(lazy.x_axis, count - 1)
    beside = data_array(shift=count, wavelength=("shift", AXIS), fwhm=("shift", AXIS % 70))
    np.testing.assert_array_equal(hyperspectral.explain(behind_snv, beside).x_axis, AXIS)


@pytest.mark.parametrize("steps", [[], [StandardNormalVariate()]], ids=["alone", "SNV"])
@pytest.mark.parametrize("ask", [hyperspectral.predict, hyperspectral.explain])
def test_images_on_another_axis_are_refused(steps, ask):
    table = pd.DataFrame(X, columns=AXIS.astype(str))
    model = make_pipeline(*steps, ResNet1DRegressor(**TINY)).fit(table, Y)
    ask(model, data_array(shift=AXIS))
    for other in (AXIS[::-1], AXIS + 500):
        with pytest.raises(ValueError, match=r"run .* from 1000 .*isel\(shift=slice"):
            ask(model, data_array(shift=other))


def test_images_in_another_unit_are_refused():
    xarray = pytest.importorskip("xarray")
    model = ResNet1DRegressor(**TINY).fit(pd.DataFrame(X, columns=[f"{x} nm" for x in AXIS]), Y)
    for unit in ("nm", "cm-1"):
        coordinate = xarray.Variable("shift", AXIS, {"units": unit})
        cube = data_array(shift=coordinate)
        if unit == "nm":
            np.testing.assert_array_equal(hyperspectral.explain(model, cube).x_axis, AXIS)
        else:
            with pytest.raises(ValueError, match="from 1000 .* cm-1, .* another unit"):
                hyperspectral.predict(model, cube)


def test_bands_first_are_refused_with_what_to_do(behind_snv):
    first = np.moveaxis(CUBE, -1, 0)
    with pytest.raises(ValueError, match=r"moveaxis\(X, 0, -1\)"):
        hyperspectral.predict(behind_snv, da.from_array(first))
    square = data_array(np.zeros((24, 5, 24)), dims=("band", "y", "x"))
    with pytest.raises(ValueError, match=r"transpose\(\.\.\., 'band'\)"):
        hyperspectral.predict(behind_snv, square)
