"""The first step that keeps and checks the axis."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from chemotools.scatter import StandardNormalVariate
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline

from sklearn_spectral import (
    ResNet1DRegressor,
    applicability,
    cross_explain,
    explain,
    export_onnx,
    skops_types,
)
from sklearn_spectral.preprocessing import WavelengthAxis

xr = pytest.importorskip("xarray")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

QUICK = {"max_epochs": 0, "random_state": 0, "net_params": {"module__width": 4}}
N = 24
X_AXIS = 1000.0 + 5 * np.arange(N)
X = np.random.default_rng(0).normal(size=(20, N))
Y = X[:, 3]
FRAME = pd.DataFrame(X, columns=X_AXIS)
TEXT = FRAME.set_axis([f"{x:g}" for x in X_AXIS], axis=1)
TABLES = {
    "numbers": FRAME,
    "text": TEXT,
    "unit": FRAME.set_axis([f"{x:g} cm-1" for x in X_AXIS], axis=1),
    "levels": FRAME.set_axis(pd.MultiIndex.from_product([["a"], X_AXIS]), axis=1),
    "polars": pl.DataFrame(X, schema=list(TEXT)),
    "xarray": xr.DataArray(X, dims=("y", "x"), coords={"x": X_AXIS}),
}


def pipeline(*steps, axis=None):
    return make_pipeline(
        WavelengthAxis(axis), *(steps or [StandardNormalVariate()]), ResNet1DRegressor(**QUICK)
    )


@pytest.mark.parametrize("asked", TABLES)
@pytest.mark.parametrize("fitted", TABLES)
def test_one_axis_however_it_is_written(fitted, asked):
    model = pipeline().fit(TABLES[fitted], Y)
    expected = make_pipeline(StandardNormalVariate(), ResNet1DRegressor(**QUICK)).fit(X, Y)
    table = TABLES[asked]
    np.testing.assert_array_equal(model.predict(table), expected.predict(X))
    np.testing.assert_array_equal(explain(model, table).x_axis, X_AXIS)
    assert applicability(model, table)["inside"].dtype == bool


OTHER = {
    "turned round": (FRAME.iloc[:, ::-1], "They run the other way"),
    "shifted": (FRAME.set_axis(X_AXIS + 100, axis=1), "column 0 is at 1100, and was at 1000"),
    "shifted, text": (FRAME.set_axis((X_AXIS + 100).astype(str), axis=1), "was at 1000"),
    "stray": (TEXT.assign(temperature=20.0), r"X.drop\(columns=\['temperature'\]\)"),
    "text": (FRAME.assign(id="S001"), "'id'; the other 24 run from 1000 to 1115"),
    "unsorted": (FRAME.iloc[:, np.random.default_rng(0).permutation(N)], "out of order"),
    "components": (FRAME.set_axis([f"PC{i}" for i in range(N)], axis=1), "named 'PC0' to 'PC23'"),
    "fewer": (FRAME.iloc[:, 1:], "23 features, from 1005 to 1115, but 24"),
}


@pytest.mark.parametrize("kind", OTHER)
@pytest.mark.parametrize("fitted", [FRAME, TEXT], ids=["numbers", "text"])
@pytest.mark.parametrize("call", [lambda m, t: m.predict(t), explain, applicability])
def test_other_columns_are_refused(fitted, kind, call):
    table, message = OTHER[kind]
    with pytest.raises(ValueError, match=message):
        call(pipeline().fit(fitted, Y), table)


def test_stray_columns_are_refused_in_fit_and_before_fits():
    table = TEXT.assign(Replicate=1.0)
    for call in (pipeline().fit, lambda X, y: cross_explain(pipeline(), X, y, cv=2)):
        with pytest.raises(ValueError, match="'Replicate'"):
            call(table, Y)


def test_an_axis_for_arrays():
    model = pipeline(axis=X_AXIS).fit(X, Y)
    explanation = explain(model, X)
    assert explanation.axis_known
    np.testing.assert_array_equal(explanation.x_axis, X_AXIS)
    np.testing.assert_array_equal(model.predict(FRAME), model.predict(X))
    with pytest.raises(ValueError, match="the other way"):
        model.predict(FRAME.iloc[:, ::-1])
    with pytest.raises(ValueError, match="the other way"):
        pipeline(axis=X_AXIS).fit(FRAME.iloc[:, ::-1], Y)
    with pytest.raises(ValueError, match="x_axis has shape"):
        pipeline(axis=X_AXIS[1:]).fit(X, Y)
    np.testing.assert_array_equal(explain(model, X, x_axis=X_AXIS + 1).x_axis, X_AXIS + 1)


def test_an_axis_that_nobody_told_stays_unknown():
    model = pipeline().fit(X, Y)
    assert model[0].x_axis_ is None
    assert not explain(model, X).axis_known
    np.testing.assert_array_equal(model[0].transform(X), X)


def test_later_steps_get_the_axis():
    model = pipeline(
        RangeCut(start=1020, end=1100, x_axis=X_AXIS), SavitzkyGolay(window_length=5, polyorder=2)
    ).fit(FRAME, Y)
    assert model[1].feature_names_in_[0] == "1000.0"
    np.testing.assert_array_equal(explain(model, FRAME).x_axis, X_AXIS[4:20])


@pytest.mark.parametrize("container", ["default", "pandas", "polars"])
@pytest.mark.parametrize("kind", TABLES)
def test_output_is_what_went_in_in_the_container_that_was_asked_for(kind, container):
    table = TABLES[kind]
    with config_context(transform_output=container):
        step = WavelengthAxis().fit(table)
        out = step.transform(table)
    assert isinstance(out, pl.DataFrame if container == "polars" else pd.DataFrame)
    np.testing.assert_array_equal(out.to_numpy(), X)
    assert list(out.columns) == list(step.get_feature_names_out())
    assert all(isinstance(name, str) for name in out.columns)
    kept = clone(WavelengthAxis().set_output(transform=container)).fit(table).transform(table)
    assert isinstance(kept, type(out))


def test_rows_keep_their_names_and_numbers_their_type():
    table = FRAME.set_axis([f"S{i}" for i in range(20)]).astype(np.float32)
    out = WavelengthAxis().fit_transform(table)
    assert list(out.index) == list(table.index)
    assert set(out.dtypes) == {np.dtype(np.float32)}


def test_it_works_in_searches_and_cross_validation():
    search = GridSearchCV(pipeline(), {"resnet1dregressor__lr": [1e-3]}, cv=2).fit(FRAME, Y)
    np.testing.assert_array_equal(explain(search, FRAME).x_axis, X_AXIS)
    assert cross_val_predict(pipeline(), FRAME, Y, cv=2).shape == (20,)
    explanation = cross_explain(pipeline(), FRAME, Y, cv=2)
    np.testing.assert_array_equal(explanation.x_axis, X_AXIS)


def test_it_is_kept_in_files(tmp_path):
    model = pipeline().fit(TABLES["unit"], Y)
    skops.io.dump(model, tmp_path / "model.skops")
    loaded = skops.io.load(tmp_path / "model.skops", trusted=skops_types())
    np.testing.assert_array_equal(loaded.predict(FRAME), model.predict(FRAME))
    assert explain(loaded, FRAME).axis_unit == "cm-1"
    with pytest.raises(ValueError, match="the other way"):
        loaded.predict(FRAME.iloc[:, ::-1])
    export_onnx(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    np.testing.assert_allclose(
        session.run(["prediction"], {"spectra": X})[0], model.predict(FRAME), rtol=1e-4, atol=1e-5
    )
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["x_axis"]) == X_AXIS.tolist()
