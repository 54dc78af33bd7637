"""Whatever comes in, the answer is right or a clear error.

Hypothesis draws about 2200 calls, the same ones every time; `make fuzz` (the profile "fuzz") 50 000
others. Every call must leave its arguments and all global state as they are, warn of nothing but
what scikit-learn's conventions ask for, and return what the same numbers in a plain float64 array
give, bit for bit, or raise a ValueError or TypeError that says which argument it was.
"""

import copy
import os
import random
import re
import warnings
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_spectral import (
    Explanation,
    ResNet1DClassifier,
    ResNet1DRegressor,
    band_table,
    cross_explain,
    explain,
    hyperspectral,
    metrics,
)
from sklearn_spectral.datasets import make_oil_blends
from sklearn_spectral.preprocessing import CosmicRayRemover

try:
    import xarray as xr
except ImportError:  # it is optional
    xr = None
try:
    import dask.array as da
except ImportError:  # it is optional, too
    da = None

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
N_CASES = {"ci": 2200, "fuzz": 50_000}[PROFILE]
N_POINTS = 12
WAVENUMBERS = np.arange(800.0, 800.0 + 10 * N_POINTS, 10)
# Small networks, hardly trained: what is looked at does not depend on it.
TINY = {"random_state": 0, "net_params": {"module__width": 4, "module__n_blocks": 1}}
# An error names an argument, or numbers.
SAYS = re.compile(
    r"\d|\b(X|y|sample_weight|groups|classes|class_weight|target|x_axis|reference|bands|out|rival|"
    r"method|layer|baseline|explanations?|Explanation|LazyFrame|params|cv|estimator|oil|adulterant|"
    r"by|device|early_stopping|shortcut|callbacks|random_state|axis|Sparse)\b|"
    r"seed|=|expected|labels|Sample weights|feature names|linearity",
    re.IGNORECASE,
)
# What NumPy, PyTorch and pandas say of their own insides.
INSIDES = re.compile(
    r"mat1|cannot reshape|broadcast|out of bounds|core dimension|No objects|negative strides|"
    r"^could not convert|^setting an array|^unhashable|^float\(\) arg|^'.*' object|"
    r"tensor|^zero-size|^can only|^index|einsum|^x and y|^operands"
)
# Warnings on which a user can act, by scikit-learn's conventions.
DOCUMENTED = (
    "A column-vector y was passed",
    "The least populated class in y has only",
    "X has feature names, but",
    "X does not have valid feature names",
    "One of the groups contains so many spectra",
    "The contributions cancel",
)
pytestmark = [pytest.mark.filterwarnings(f"ignore:{text}") for text in DOCUMENTED]
counted = 0


def cases(share, **arguments):
    """Draw a share of all cases."""

    def decorate(test):
        drawn = settings(
            max_examples=round(N_CASES * share),
            derandomize=PROFILE == "ci",
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        return drawn(given(**arguments)(test))

    return decorate


def global_state():
    return (
        repr(np.random.get_state()),
        random.getstate(),
        torch.get_rng_state().numpy().tobytes(),
        torch.get_num_threads(),
        len(warnings.filters),
        np.geterr(),
        torch.is_grad_enabled(),
    )


def content(argument):
    """Return what an argument holds, to be compared with what it holds later."""
    if isinstance(argument, Explanation):
        return [content(getattr(argument, name)) for name in ("maps", "outputs", "spectra")]
    if isinstance(argument, np.ndarray) and argument.dtype != object:
        return type(argument), argument.dtype, argument.shape, argument.tobytes()
    if isinstance(argument, (pd.DataFrame, pl.DataFrame)):
        columns = argument.columns.tolist() if isinstance(argument, pd.DataFrame) else None
        return columns, repr(argument.dtypes), content(argument.to_numpy())
    if scipy.sparse.issparse(argument):
        return content(argument.toarray())
    return repr(argument)


def attempt(call, *arguments):
    """Return what a call returns and None, or None and its error; both are looked at."""
    global counted
    counted += 1
    before = [content(argument) for argument in arguments]
    with warnings.catch_warnings():
        state = global_state()
        try:
            result, error = call(), None
        except (ValueError, TypeError) as raised:
            result, error = None, raised
            text = str(raised)
            assert len(text) > 20 and SAYS.search(text) and not INSIDES.search(text), text
        assert global_state() == state
    assert [content(argument) for argument in arguments] == before, "an argument was changed"
    return result, error


# ----------------------------------------------------------------------------- spectra


def frame(X, names=None):
    return pd.DataFrame(X, columns=None if names is None else list(names)[: X.shape[1]])


def text_names(X):
    return [f"{800 + 10 * i}" for i in range(X.shape[1])]


def xarray_or_frame(X):
    names = np.array(text_names(X), dtype=float)
    if xr is None:
        return frame(X, names)
    return xr.DataArray(X, dims=("y", "x"), coords={"x": names})


def strided(X):
    wide = np.full((2 * X.shape[0], 3 * X.shape[1]), np.nan)
    wide[::2, ::3] = X
    return wide[::2, ::3]


def numbers_of_many_types(X):
    types = [
        float,
        np.float64,
        np.longdouble,
        Decimal,
        Fraction,
        lambda x: int(x) if x % 1 == 0 else x,
    ]
    cells = [types[i % len(types)](x) for i, x in enumerate(X.ravel().tolist())]
    objects = np.empty(X.size, dtype=object)
    objects[:] = cells
    return objects.reshape(X.shape)


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def memory_mapped(X):
    mapped = np.memmap(MEMMAP, dtype=np.float64, mode="w+", shape=X.shape)
    mapped[:] = X
    mapped.flags.writeable = False
    return mapped


MEMMAP = None  # a file of its own for every run


@pytest.fixture(autouse=True, scope="module")
def memmap_file(tmp_path_factory):
    global MEMMAP
    MEMMAP = tmp_path_factory.mktemp("fuzz") / "spectra"


# The same numbers in other clothes.
SAME = {
    "plain": lambda X: X,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "reversed": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "transposed twice": lambda X: X.T.copy().T,
    "read-only": read_only,
    "memory-mapped": memory_mapped,
    "other bytes": lambda X: X.astype(">f8"),
    "list": lambda X: X.tolist(),
    "tuple of arrays": lambda X: tuple(X),
    "objects": lambda X: X.astype(object),
    "objects of many types": numbers_of_many_types,
    "longdouble": lambda X: X.astype(np.longdouble),
    "no mask": lambda X: np.ma.masked_array(X, mask=False),
    "pandas": frame,
    "pandas Float64": lambda X: frame(X).astype("Float64"),
    "pandas objects": lambda X: frame(X).astype(object),
    "tensor": lambda X: torch.from_numpy(np.ascontiguousarray(X)),
}
# Named columns: what an estimator says of them depends on those it was fitted on.
NAMED = {
    "pandas text": lambda X: frame(X, text_names(X)),
    "pandas floats": lambda X: frame(X, map(float, text_names(X))),
    "polars": lambda X: pl.DataFrame(X, schema=text_names(X), orient="row"),
    "pandas unsorted": lambda X: frame(X, text_names(X)[1::2] + text_names(X)[::2]),
    "pandas descending": lambda X: frame(X, text_names(X)[::-1]),
    "pandas words": lambda X: frame(X, [f"point {i}" for i in range(X.shape[1])]),
    "pandas brackets": lambda X: frame(X, [f"{name}.0 (cm\u207b\u00b9)" for name in text_names(X)]),
    "pandas commas and units": lambda X: frame(X, [f"{name},0 1/cm" for name in text_names(X)]),
    "pandas metres": lambda X: frame(X, np.array(text_names(X), dtype=float) * 1e-9),
    "pandas several units": lambda X: frame(X, ["800 nm", *text_names(X)[1:-1], "910 cm-1"]),
    "pandas odd one out": lambda X: frame(X, [*text_names(X)[1:], "Replikat"]),
    "pandas thousands": lambda X: frame(X, [f"1,{name}" for name in text_names(X)]),
    "pandas column objects": lambda X: frame(X, pd.period_range("2020", periods=X.shape[1])),
    "polars units": lambda X: pl.DataFrame(
        X, schema=[f"{name} nm" for name in text_names(X)], orient="row"
    ),
    "pandas units": lambda X: frame(X, [f"{name} cm-1" for name in text_names(X)]),
    "pandas commas": lambda X: frame(X, [f"{name},0" for name in text_names(X)]),
    "pandas prefix": lambda X: frame(X, [f"snv__{name}.0" for name in text_names(X)]),
    "pandas stray": lambda X: frame(X, ["Unnamed: 0", *text_names(X)[1:]]),
    "pandas repeated": lambda X: frame(X, ["810.0", *text_names(X)[1:]]),
    "pandas other": lambda X: frame(X, (f"{int(name) + 1}" for name in text_names(X))),
    "xarray": xarray_or_frame,
    "pandas levels": lambda X: frame(
        X, pd.MultiIndex.from_tuples([("a", i) for i in range(X.shape[1])])
    ),
}
# Names that are nearly an axis: with few columns they may be one, or none.
NEARLY = {
    *("pandas unsorted", "pandas stray", "pandas repeated"),
    *("pandas several units", "pandas odd one out", "pandas thousands"),
}


def as_whole(X, dtype):
    """Return spectra as whole numbers that fill their type."""
    largest = np.abs(X).max(initial=0) or 1
    info = np.iinfo(dtype)
    X = X / largest if info.min else np.abs(X) / largest
    return (X * min(info.max, 2**62) * 0.99).astype(dtype)


WHOLE = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
# Other numbers, those that the type holds.
ROUNDED = {
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: (X / (np.abs(X).max(initial=0) or 1)).astype(np.float16),
    **{name: partial(as_whole, dtype=name) for name in WHOLE},
    "bool": lambda X: X > 0,
    "pandas Int64": lambda X: frame((X / (np.abs(X).max(initial=0) or 1) * 9).round()).astype(
        "Int64"
    ),
}


def with_cell(X, value, dtype=float):
    X = X.astype(dtype)
    if X.size:
        X[len(X) // 2, -1] = value
    return X


def lazy(X):
    return pl.DataFrame(X, schema=text_names(X), orient="row").lazy()


# None of these are spectra.
WRONG = {
    "NaN": lambda X: with_cell(X, np.nan),
    "infinity": lambda X: with_cell(X, -np.inf),
    "too large": lambda X: with_cell(X, 1e200),
    "None": lambda X: with_cell(X, None, object),
    "text": lambda X: with_cell(X, "x", object),
    "dict": lambda X: with_cell(X, {}, object),
    "masked": lambda X: np.ma.masked_array(X, mask=np.eye(*X.shape, dtype=bool)),
    "all NaN": lambda X: X * np.nan,
    "pandas NA": lambda X: frame(with_cell(X, pd.NA, object)).convert_dtypes(),
    "pandas duplicated": lambda X: frame(X, ["900"] * X.shape[1]),
    "pandas duplicated floats": lambda X: frame(X, [900.0] * X.shape[1]),
    "pandas mixed names": lambda X: frame(X, ["a", *range(1, X.shape[1])]),
    "pandas dates": lambda X: frame(X > 0).astype(int).astype("datetime64[s]"),
    "polars null": lambda X: pl.DataFrame(with_cell(X, None, object).tolist(), orient="row"),
    "polars text": lambda X: pl.DataFrame({f"{i}": ["x"] * len(X) for i in range(X.shape[1])}),
    "lazy": lazy,
    "complex": lambda X: X + 1j,
    "dates": lambda X: (X > 0).astype(int).astype("datetime64[s]"),
    "sparse": scipy.sparse.csr_array,
    "no rows": lambda X: X[:0],
    "no columns": lambda X: X[:, :0],
    "one column": lambda X: X[:, :1],
    "one spectrum, flat": lambda X: X[0],
    "a scalar": lambda X: 3.0,
    "three axes": lambda X: X[None],
    "nothing": lambda X: None,
    "a word": lambda X: "spectra",
    "a mapping": lambda X: {"a": 1},
    "ragged": lambda X: [[1.0, 2.0], [3.0]],
    "series": lambda X: pd.Series(X[0]),
    "records": lambda X: np.zeros(len(X), dtype=[("a", float), ("b", float)]),
}
VALUES = {
    "random": lambda rng, shape: rng.normal(size=shape),
    "positive": lambda rng, shape: rng.uniform(100, 4000, size=shape),
    "huge": lambda rng, shape: rng.normal(size=shape) * 1e30,
    "tiny": lambda rng, shape: rng.normal(size=shape) * 1e-30,
    "far off": lambda rng, shape: rng.normal(size=shape) + 1e9,
    "zero": lambda rng, shape: np.zeros(shape),
    "constant": lambda rng, shape: np.full(shape, 0.1),
    "constant spectra": lambda rng, shape: np.repeat(rng.normal(size=(shape[0], 1)), shape[1], 1),
    "equal spectra": lambda rng, shape: np.repeat(rng.normal(size=(1, shape[1])), shape[0], 0),
    "saturated": lambda rng, shape: rng.normal(size=shape).clip(-0.1, 0.1),
    "whole": lambda rng, shape: rng.integers(-5, 5, size=shape).astype(float),
    "one outlier": lambda rng, shape: (
        rng.normal(size=shape) * np.where(rng.random(shape) < 0.05, 1e20, 1)
    ),
    "one wavelength": lambda rng, shape: rng.normal(size=shape) * (np.arange(shape[1]) == 1),
    "negative zero": lambda rng, shape: -np.zeros(shape),
    "subnormal": lambda rng, shape: rng.normal(size=shape) * 1e-310,
}
KINDS = {**SAME, **NAMED, **ROUNDED}


@st.composite
def spectra(draw, n_points, n_samples, wrong=0.25):
    """Draw spectra as a user may have them, the kind, and what plain numbers they are."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = draw(st.sampled_from(sorted(VALUES)))
    shape = (draw(st.sampled_from(n_samples)), draw(st.sampled_from(n_points)))
    plain = VALUES[values](rng, shape)
    if rng.random() < wrong:
        kind = draw(st.sampled_from(sorted(WRONG)))
        return WRONG[kind](plain), kind, None
    kind = draw(st.sampled_from(sorted(KINDS)))
    given_ = KINDS[kind](plain)
    if kind in ROUNDED:
        plain = np.asarray(given_).astype(float)
    return given_, kind, plain


# ----------------------------------------------------------------------------- models


def fit_models():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10, N_POINTS))
    words, y = np.array(["oil", "fat"] * 5), X[:, :2] + 3
    three = np.arange(10) % 3
    named = pd.DataFrame(X, columns=[f"{x:g}" for x in WAVENUMBERS])
    floats = pd.DataFrame(X, columns=WAVENUMBERS)
    long = rng.normal(size=(10, 40))
    return {
        "words": ResNet1DClassifier(max_epochs=1, **TINY).fit(X, words),
        "numbers": ResNet1DClassifier(max_epochs=1, shortcut=False, **TINY).fit(X, three),
        "value": ResNet1DRegressor(max_epochs=1, **TINY).fit(X, y[:, 0]),
        "two values": ResNet1DRegressor(max_epochs=0, **TINY).fit(X, y),
        "named": ResNet1DRegressor(max_epochs=1, **TINY).fit(named, pd.Series(y[:, 0], name="fat")),
        "floats": ResNet1DClassifier(max_epochs=1, **TINY).fit(floats, words),
        "long": ResNet1DRegressor(max_epochs=1, shortcut=False, **TINY).fit(long, y[:, 0]),
        "constant": ResNet1DRegressor(max_epochs=1, **TINY).fit(X, np.ones(10)),
        "large y": ResNet1DRegressor(max_epochs=1, **TINY).fit(X, y[:, 0] * 1e30),
        "small y": ResNet1DRegressor(max_epochs=1, **TINY).fit(X, y[:, 0] * 1e-30),
    }


with torch.random.fork_rng(devices=[]):
    MODELS = fit_models()
MODEL = st.sampled_from(sorted(MODELS))


def n_points_of(model):
    return MODELS[model].n_features_in_


def as_fitted(model, plain):
    """Return plain spectra as the model was fitted on them, so that it does not warn."""
    names = getattr(model, "feature_names_in_", None)
    return plain if names is None else pd.DataFrame(plain, columns=names)


def may_refuse(model, kind):
    """Whether columns may be called otherwise than the model knows them, or not at all."""
    return kind in NAMED or hasattr(model, "feature_names_in_")


@st.composite
def model_and_spectra(draw, wrong=0.25):
    name = draw(MODEL)
    right = n_points_of(name)
    n_points = draw(st.sampled_from([right] * 8 + [right - 1, right + 1, 2]))
    X, kind, plain = draw(spectra([n_points], [1, 2, 5], wrong))
    return name, X, kind, plain


def check_complete(explanation):
    maps = explanation.maps if explanation.maps.ndim == 3 else explanation.maps[:, :, None]
    assert np.isfinite(maps).all() and np.isfinite(explanation.outputs).all()
    size = np.abs(maps.astype(float)).sum(axis=1).max(initial=0)
    outputs = max(np.abs(explanation.outputs).max(), np.abs(explanation.base_values).max())
    # Rounding of float32 in the maps and the network, of float64 in the unit of y.
    assert np.abs(explanation.residuals).max() <= 2e-5 * size + 1e-6 * outputs


# ----------------------------------------------------------------------------- properties

OUTPUTS = ["predict", "predict_proba", "decision_function"]


@cases(0.33, drawn=model_and_spectra(), method=st.sampled_from(OUTPUTS))
def test_outputs_are_those_of_the_plain_numbers_or_an_error(drawn, method):
    name, X, kind, plain = drawn
    model = MODELS[name]
    function = getattr(model, method, model.predict)
    outputs, error = attempt(lambda: function(X), X)
    if plain is None or plain.shape[1] != model.n_features_in_:
        assert error is not None, kind
    elif error is None:
        assert len(outputs) == len(plain)
        assert np.array_equal(outputs, function(as_fitted(model, plain)))
        assert outputs.dtype.kind != "f" or np.isfinite(outputs).all()
    else:
        far = np.abs(plain).max() > 1e20
        assert far or may_refuse(model, kind), error


TARGETS = st.sampled_from(
    [
        *[None] * 6,
        *["all"] * 4,
        *["oil", "fat", 0, 1, 2, 0.0, True, "1", b"oil", "zebra", -1, 99, np.nan, pd.NA, pd.NaT],
        *[np.datetime64("2020-01-01"), 1j, [], {}, {"oil"}, ["oil", "fat"], [0, 1], [[0, 1]]],
        *[("oil",) * 5, np.zeros(5, dtype=int), np.zeros(5), pd.Series(["fat"] * 5), [pd.NA] * 5],
        *[pl.Series(["oil"] * 5), [[0], [0, 1], 0, 0, 0], [None] * 5, ["all"] * 5, [{}] * 5],
    ]
)
AXES = st.sampled_from(
    [
        *[None] * 12,
        *[WAVENUMBERS, WAVENUMBERS[::-1], WAVENUMBERS.astype(str), WAVENUMBERS.tolist()],
        *[WAVENUMBERS[:-1], WAVENUMBERS[:, None], WAVENUMBERS * np.nan, WAVENUMBERS * 0],
        *[WAVENUMBERS * 1j, ["a"] * N_POINTS, [None] * N_POINTS, [pd.NA] * N_POINTS, "axis", 3, {}],
        *[np.append(WAVENUMBERS[:-1], 0), np.append(WAVENUMBERS[:-1], np.inf), [[1], [2, 3]], []],
        *[pd.Series(WAVENUMBERS), pd.Index(WAVENUMBERS), WAVENUMBERS.astype("datetime64[s]")],
        *[np.ma.masked_array(WAVENUMBERS, WAVENUMBERS > 850), WAVENUMBERS * 1e300, [True] * 12],
    ]
)
SPECTRUM = np.linspace(-1, 1, N_POINTS)
REFERENCES = st.sampled_from(
    [
        *[None] * 10,
        *["mean", "median", SPECTRUM, SPECTRUM[None], SPECTRUM.tolist(), SPECTRUM[:-1]],
        *[np.ones((2, N_POINTS)), SPECTRUM * np.nan, SPECTRUM * 1e39, SPECTRUM * 1e200, 1.0, True],
        *[SPECTRUM * 1j, ["a"] * N_POINTS, [None] * N_POINTS, {}, [], [[1], [2, 3]], SPECTRUM * 0],
        *[pd.Series(SPECTRUM), pd.DataFrame(SPECTRUM[None]), SPECTRUM[None, None]],
        *[np.ma.masked_array(SPECTRUM, SPECTRUM > 0), SPECTRUM.astype("datetime64[s]")],
    ]
)
METHODS = [
    *[*[None] * 6, *["1d-grad-cam"] * 3, "corrected-1d-grad-cam"],
    *["grad-cam", "grad-cam-signed", "cam", "CAM", 3, [], {}],
]
LAYERS = [*["features"] * 8, "stem", "block1", "block2", "nowhere", None, 3, []]
OUTS = {
    "none": lambda shape: None,
    "float32": lambda shape: np.zeros(shape, np.float32),
    "float64": np.zeros,
    "Fortran": lambda shape: np.zeros(shape, order="F"),
    "strided": lambda shape: np.zeros((shape[0], 2 * shape[1], *shape[2:]))[:, ::2],
    "backwards": lambda shape: np.zeros(shape)[::-1],
    "short": lambda shape: np.zeros((1, *shape[1:]))[:, 1:],
    "whole": lambda shape: np.zeros(shape, int),
    "other bytes": lambda shape: np.zeros(shape, ">f4"),
    "read-only": lambda shape: np.broadcast_to(np.float32(0), shape),
    "a list": lambda shape: np.zeros(shape).tolist(),
    "a table": lambda shape: pd.DataFrame([0.0]),
}
OUT = st.sampled_from([*["none"] * 20, *sorted(OUTS)])


@cases(
    0.25,
    drawn=model_and_spectra(wrong=0.1),
    target=TARGETS,
    x_axis=AXES,
    reference=REFERENCES,
    method=st.sampled_from(METHODS),
    layer=st.sampled_from(LAYERS),
    out=OUT,
    whole=st.booleans(),
)
def test_explanations_add_up_or_raise(drawn, target, x_axis, reference, method, layer, out, whole):
    name, X, kind, plain = drawn
    model = MODELS[name]
    if hasattr(model, "feature_names_in_") and plain is not None:
        X = plain = as_fitted(model, plain) if plain.shape[1] == model.n_features_in_ else plain
        kind = "plain"
        plain = np.asarray(plain)
    function = partial(explain, model) if whole else model.explain
    how = {"x_axis": x_axis, "reference": reference, "method": method, "layer": layer}
    n_targets = len(model._named_outputs[0])
    n_samples = 1 if plain is None else len(plain)
    shape = (n_samples, model.n_features_in_)
    if (isinstance(target, str) and target == "all") or (target is None and name == "two values"):
        shape = (*shape, n_targets)
    maps = OUTS[out](shape)
    explanation, error = attempt(
        lambda: function(X, target=target, out=maps, **how), X, target, x_axis, reference
    )
    if plain is None or plain.shape[1] != model.n_features_in_:
        assert error is not None, kind
    if error is not None:
        return
    assert explanation.maps.shape[:2] == plain.shape
    assert np.isfinite(explanation.maps).all()
    assert np.array_equal(explanation.spectra, plain)
    if maps is not None:
        assert np.shares_memory(explanation.maps, maps)
    if method in (None, "1d-grad-cam", "corrected-1d-grad-cam") and layer == "features":
        check_complete(explanation)
    again = function(as_fitted(model, plain), target=target, **how)
    assert np.array_equal(again.outputs, explanation.outputs)
    assert np.array_equal(again.maps, explanation.maps)
    if target is None and isinstance(model, ResNet1DClassifier):
        assert np.array_equal(explanation.targets, model.predict(as_fitted(model, plain)))


def some_y(n, classes):
    """Return what y may be for n spectra: those that are right, and those that are not."""
    words = np.array(["oil", "fat", "wax"])[np.arange(n) % 3]
    values = np.sin(np.arange(n) * 1.7)
    whole = np.arange(n) % 2
    dates = whole.astype("datetime64[D]")
    right = {
        "words": words,
        "whole": whole,
        "list": words.tolist(),
        "objects": words.astype(object),
        "categories": pd.Series(words, dtype="category"),
        "strings": pd.Series(words, dtype="string"),
        "polars": pl.Series(words),
        "bool": whole.astype(bool),
        "Int64": pd.Series(whole, dtype="Int64"),
        "boolean": pd.Series(whole.astype(bool), dtype="boolean"),
        "one member": (np.arange(n) == 0).astype(int),
        "all different": np.arange(n),
        "uint8": whole.astype(np.uint8),
        "no mask": np.ma.masked_array(whole, mask=False),
        "dates": dates,
        "far apart": whole * 2**62,
    }
    if not classes:
        right = {
            "values": values,
            "list": values.tolist(),
            "huge": values * 1e30,
            "tiny": values * 1e-30,
            "far off": values + 1e9,
            "constant": np.ones(n),
            "zero": np.zeros(n),
            "whole": whole,
            "bool": whole.astype(bool),
            "two": np.column_stack([values, whole]),
            "two, one constant": np.column_stack([values, np.ones(n)]),
            "three, units apart": np.column_stack([values, values * 1e20, values * 1e-20]),
            "Float64": pd.Series(values, dtype="Float64"),
            "series": pd.Series(values, name="fat"),
            "table": pd.DataFrame({"fat": values}),
            "polars": pl.Series("fat", values),
            "polars table": pl.DataFrame({"fat": values, "water": whole}),
            "float16": values.astype(np.float16),
            "longdouble": values.astype(np.longdouble),
            "objects": values.astype(object),
            "one outlier": np.where(np.arange(n) == 1, 1e30, values),
            "subnormal beside": np.column_stack([values, np.ones(n) * 1e-310]),
        }
    wrong = {
        "nothing": None,
        "short": whole[:-1],
        "long": np.append(whole, 0),
        "empty": [],
        "a scalar": 1,
        "a word": "y",
        "NaN": np.where(whole, np.nan, values),
        "None": np.where(whole, None, words),
        "NA": pd.Series(np.where(whole, pd.NA, 1), dtype="Int64"),
        "masked": np.ma.masked_array(whole, mask=whole),
        "infinity": np.where(whole, np.inf, values),
        "complex": values * 1j,
        "bytes": words.astype("S"),
        "ragged": [[1]] + [[1, 2]] * (n - 1),
        "three axes": whole[:, None, None],
        "no columns": whole[:, None][:, :0],
        "sparse": scipy.sparse.csr_array(whole[:, None].astype(float)),
        "mapping": {"y": 1},
        "dicts": [{}] * n,
        "mixed": np.array([1, "oil"] * n, dtype=object)[:n],
        **({"constant": np.ones(n), "real": values} if classes else {}),
        **({} if classes else {"beyond": values * 1e300, "vanishing": values * 1e-300}),
        **({} if classes else {"words": words, "dates": dates, "too large": values * 1e39}),
    }
    return right, wrong


WEIGHTS = {
    "none": (True, lambda n: None),
    "one": (True, lambda n: 1.0),
    "ones": (True, np.ones),
    "list": (True, lambda n: [2] * n),
    "varied": (True, lambda n: np.linspace(0.1, 3, n)),
    "some zero": (None, lambda n: (np.arange(n) % 3 > 0) * 1.0),
    "huge": (True, lambda n: np.full(n, 1e300)),
    "largest": (True, lambda n: np.full(n, 1.7e308)),
    "tiny": (True, lambda n: np.full(n, 5e-324)),
    "apart": (None, lambda n: np.where(np.arange(n) % 2, 1e-300, 1e300)),
    "float32": (True, lambda n: np.ones(n, np.float32)),
    "series": (True, lambda n: pd.Series(np.ones(n))),
    "negative": (False, lambda n: -np.ones(n)),
    "NaN": (False, lambda n: np.full(n, np.nan)),
    "infinity": (False, lambda n: np.full(n, np.inf)),
    "zero": (False, np.zeros),
    "short": (False, lambda n: np.ones(n + 1)),
    "two axes": (False, lambda n: np.ones((n, 1))),
    "words": (False, lambda n: ["a"] * n),
    "complex": (False, lambda n: np.ones(n) * 1j),
    "mapping": (False, lambda n: {}),
}
GROUPS = {
    "none": (True, lambda n: None),
    "pairs": (True, lambda n: np.arange(n) // 2),
    "words": (True, lambda n: [f"sample {i // 2}" for i in range(n)]),
    "one": (True, np.zeros),
    "objects": (True, lambda n: pd.Series([f"{i // 3}" for i in range(n)], dtype=object)),
    "polars": (True, lambda n: pl.Series(np.arange(n))),
    "one large": (True, lambda n: np.arange(n) == n - 1),
    "one large beside singles": (True, lambda n: np.maximum(np.arange(n) - n // 2, 0)),
    "each its own": (True, range),
    "categories": (True, lambda n: pd.Categorical([f"{i // 2}" for i in range(n)])),
    "strings": (True, lambda n: pd.Series([f"{i // 2}" for i in range(n)], dtype="string")),
    "dates": (True, lambda n: (np.arange(n) // 2).astype("datetime64[D]")),
    "far apart": (True, lambda n: np.arange(n) // 2 * 2**61),
    "missing text": (False, lambda n: ["a"] * (n - 1) + [None]),
    "missing category": (False, lambda n: pd.Categorical(["a"] * (n - 1) + [None])),
    "missing string": (False, lambda n: pd.Series(["a"] * (n - 1) + [pd.NA], dtype="string")),
    "NaT": (False, lambda n: np.array(["2020", "NaT"] * n, dtype="datetime64[D]")[:n]),
    "NaN": (False, lambda n: np.where(np.arange(n) % 2, np.nan, 1.0)),
    "None": (False, lambda n: [None] * n),
    "NA": (False, lambda n: pd.Series([pd.NA] * n, dtype="Int64")),
    "mixed": (False, lambda n: pd.Series([1, "a"] * n, dtype=object)[:n]),
    "short": (False, lambda n: np.arange(n - 1)),
    "two axes": (False, lambda n: np.ones((n, 1))),
    "ragged": (False, lambda n: [[1], [2, 3]] * n),
    "a scalar": (False, lambda n: 3),
}
WRONG_PARAMETERS = [
    *[("max_epochs", v) for v in (-1, 1.5, None, "x", True)],
    *[("lr", v) for v in (0, -1, np.nan, np.inf, "x", None)],
    *[("batch_size", v) for v in (0, 2.5, None)],
    *[("device", v) for v in ("toaster", 3.5, None, [])],
    *[("verbose", v) for v in ("x", None)],
    *[("early_stopping", v) for v in ("x", None)],
    *[("shortcut", v) for v in ("x", 3)],
    *[("callbacks", v) for v in (3, "x")],
    *[("net_params", v) for v in (3, {"nonsense": 1}, {"module__width": 0})],
    *[("random_state", v) for v in ("x", -1)],
    *[("validation_fraction", v) for v in (0, 1, "x")],
    *[("warm_start", v) for v in ("x", None)],
]
CLASS_WEIGHTS = [None, None, None, "balanced", "x", 3, {}, {"oil": -1}, {0: np.nan}, {1: 0}]
RIGHT_OR_NOT = st.sampled_from([True, True, True, True, False])


@st.composite
def some_of(draw, table, n, fine):
    names = [name for name, (right, _) in table.items() if right or not fine]
    name = draw(st.sampled_from(["none"] * len(names) + names))
    right, make = table[name]
    return right, make(n)


@st.composite
def training_sets(draw):
    """Draw an estimator and what to fit it on; whether all of that is right."""
    classifies = draw(st.booleans())
    fine = draw(st.booleans())
    # Half of the cases are right throughout, so that one wrong thing does not hide another.
    X, kind, plain = draw(spectra([2, 3, 8, 8, 8, 40], [2, 4, 6, 9], wrong=0.0 if fine else 0.3))
    n = 6 if plain is None else len(plain)
    right, wrong = some_y(n, classifies)
    y_right = fine or draw(st.booleans())
    y_name = draw(st.sampled_from(sorted(right if y_right else wrong)))
    y = (right if y_right else wrong)[y_name]
    weight_right, weight = draw(some_of(WEIGHTS, n=n, fine=fine))
    groups_right, groups = draw(some_of(GROUPS, n=n, fine=fine))
    params = {
        "max_epochs": draw(st.sampled_from([0, 1])),
        "shortcut": draw(st.sampled_from([False, False, False, True])),
        **TINY,
    }
    parameter_right = True
    if not fine and draw(st.integers(0, 5)) == 0:
        name, value = draw(st.sampled_from(WRONG_PARAMETERS))
        params[name] = value
        parameter_right = False
    early = draw(st.integers(0, 5)) == 0
    if early and "early_stopping" not in [name for name in params if not parameter_right]:
        params.setdefault("early_stopping", True)
        params.setdefault("validation_fraction", draw(st.sampled_from([0.1, 0.5, 0.99, 1e-9])))
    estimator = ResNet1DClassifier if classifies else ResNet1DRegressor
    if classifies and not fine:
        params["class_weight"] = draw(st.sampled_from(CLASS_WEIGHTS))
    verdicts = [plain is not None, y_right, weight_right, groups_right, parameter_right]
    wrong_throughout = False in verdicts
    right_throughout = all(verdicts) and not early and params.get("class_weight") is None
    return (
        estimator(**params),
        (X, kind, plain),
        y,
        weight,
        groups,
        right_throughout,
        wrong_throughout,
    )


def check_untouched(model, before, outputs):
    """Assert that an estimator is as it was."""
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())
    if outputs is not None:
        assert np.array_equal(model.predict(PROBE), outputs)


PROBE = np.random.default_rng(1).normal(size=(3, N_POINTS))
FITTED = ["words", "value", "two values"]


@cases(0.14, drawn=training_sets(), fitted=st.sampled_from([None, *FITTED]))
def test_fit_works_or_leaves_the_estimator_as_it_was(drawn, fitted):
    model, (X, kind, plain), y, weight, groups, right, wrong = drawn
    outputs = None
    if fitted is not None:
        params = {k: v for k, v in model.get_params().items() if k != "class_weight"}
        model = copy.deepcopy(MODELS[fitted])
        model.set_params(**params)
        right = wrong = None  # y may be that of another estimator
        outputs = model.predict(PROBE)
    before = vars(model).copy()
    result, error = attempt(
        lambda: model.fit(X, y, sample_weight=weight, groups=groups), X, y, weight, groups
    )
    if error is not None:
        assert not right or np.abs(plain).max() < 1e-100 or kind in NEARLY, error
        check_untouched(model, before, outputs)
        return
    assert not wrong, (kind, y, weight, groups)
    assert result is model
    fitted_on = as_fitted(model, plain)
    check_complete(model.explain(fitted_on))
    if kind in SAME and kind != "plain" and model.max_epochs == 0 and fitted is None:
        twin = type(model)(**model.get_params()).fit(plain, y, sample_weight=weight, groups=groups)
        assert np.array_equal(twin.predict(plain), model.predict(plain))


CLASSES = [
    *[["oil", "fat"], ["oil", "fat", "wax"], ["oil"], [], [0, 1], [np.nan, 1.0], [1, "oil"]],
    *[[["oil", "fat"]], "oil", ["oil", "oil", "fat"], [None, "oil"], {"oil": 1}, {"oil", "fat"}],
    *[3, pd.Series(["oil", "fat"]), np.array(["fat", "oil"]), [[1], [2, 3]], [{}, {}], None],
]


@cases(
    0.05,
    start=st.sampled_from([None, *FITTED]),
    drawn=spectra([N_POINTS] * 5 + [5], [1, 2, 6], wrong=0.15),
    y_seed=st.integers(0, 10**6),
    classes=st.sampled_from(CLASSES),
    weight=some_of(WEIGHTS, n=6, fine=False),
)
def test_partial_fit_works_or_leaves_the_estimator_as_it_was(start, drawn, y_seed, classes, weight):
    X, kind, plain = drawn
    n = 6 if plain is None else len(plain)
    classifies = start in (None, "words") and y_seed % 5 > 0
    choices = {name: y for each in some_y(n, classifies) for name, y in each.items()}
    y = choices[sorted(choices)[y_seed % len(choices)]]
    if start is None:
        kinds = ResNet1DClassifier if classifies else ResNet1DRegressor
        model = kinds(shortcut=False, **TINY)
        outputs = None
    else:
        model = copy.deepcopy(MODELS[start])
        outputs = model.predict(PROBE)
    more = {"classes": classes} if isinstance(model, ResNet1DClassifier) else {}
    more["sample_weight"] = weight[1]
    before = vars(model).copy()
    _, error = attempt(lambda: model.partial_fit(X, y, **more), X, y, classes, weight[1])
    if error is not None:
        check_untouched(model, before, outputs)
    else:
        assert plain is not None and weight[0] is not False
        explanation, _ = attempt(lambda: model.explain(as_fitted(model, plain)))
        if explanation is not None:  # one step on an outlier may throw it far away
            check_complete(explanation)


# ----------------------------------------------------------------------------- explanations

PLAIN = np.random.default_rng(2).normal(size=(6, N_POINTS))
EXPLANATIONS = {
    "value": MODELS["value"].explain(PLAIN, x_axis=WAVENUMBERS),
    "two values": MODELS["two values"].explain(PLAIN),
    "predicted": MODELS["words"].explain(PLAIN, x_axis=WAVENUMBERS[::-1]),
    "classes": MODELS["numbers"].explain(PLAIN, target="all"),
    "two classes": MODELS["words"].explain(PLAIN, target="all"),
    "constant": MODELS["constant"].explain(PLAIN),
    "large y": MODELS["large y"].explain(PLAIN),
    "small y": MODELS["small y"].explain(PLAIN),
    "one": MODELS["value"].explain(PLAIN[:1]),
    "none": MODELS["value"].explain(PLAIN)[:0],
    "repeated": cross_explain(
        ResNet1DRegressor(max_epochs=0, shortcut=False, **TINY),
        PLAIN,
        PLAIN[:, 0],
        cv=2,
        n_repeats=2,
        random_state=0,
    ),
}
EXPLANATION = st.sampled_from(sorted(EXPLANATIONS))
BANDS = st.one_of(
    st.integers(-3, 20),
    st.dictionaries(
        st.text(max_size=3), st.tuples(st.floats(-100, 1000), st.floats(-100, 1000)), max_size=3
    ),
    st.dictionaries(st.text(max_size=3), st.tuples(st.floats(), st.floats()), max_size=2),
    st.sampled_from(
        [
            *["peaks", "raman-lipids", "nonsense", None, 2.5, True, [], [1, 2], np.int64(3), {}],
            *[{"a": (5, 2)}, {"a": (1, 2, 3)}, {"a": "xy"}, {"a": 3}, {3: (1, 5)}, np.array([3])],
            *[{"a": (None, 3)}, {"a": (1j, 2)}, {"a": ("810", "900")}, {"a": (-np.inf, np.inf)}],
            *[np.arange(N_POINTS) < 4, np.ones(N_POINTS, bool), np.zeros((6, N_POINTS), bool)],
            *[np.arange(N_POINTS), {"whole": (-1e9, 1e9)}, max, 1e300, float("nan"), b"peaks"],
        ]
    ),
)
PER_SPECTRUM = [
    *[None, PLAIN[:, 0], PLAIN[:, :2], PLAIN[:, :1], PLAIN[:3, 0], [1] * 6, ["a", "b"] * 3],
    *[PLAIN[:, 0] * 1e200, PLAIN[:, 0] * 1e-200, PLAIN[:, 0] * np.nan, PLAIN[:, 0] * 1j, 3, "x"],
    *[[np.nan] * 6, [pd.NA] * 6, [None, 1] * 3, pd.Series(PLAIN[:, 0]), [[1], [2, 3]] * 3, {}, []],
    *[[np.inf] * 6, pd.Series(["a"] * 6, dtype="category"), PLAIN[:, 0] * 1e30],
]
LABELS = [None, None, "oil", "fat", 0, 1, 2, "zebra", np.nan, [0], {}, 1.0, pd.NA]


def bands_of(explanation, bands, per_spectrum, labels):
    return explanation.contributions(bands)


def summary_of(explanation, bands, per_spectrum, labels):
    return explanation.summary(bands, by=per_spectrum)


def linearity_of(explanation, bands, per_spectrum, labels):
    return explanation.linearity(per_spectrum, bands)


def stability_of(explanation, bands, per_spectrum, labels):
    return explanation.stability(bands)


def difference_of(explanation, bands, per_spectrum, labels):
    return explanation.difference(*labels)


def purity_of(explanation, bands, per_spectrum, labels):
    return explanation.purity()


def localization_of(explanation, bands, per_spectrum, labels):
    return metrics.localization(explanation, bands)


def table_of(explanation, bands, per_spectrum, labels):
    return band_table(bands)


CALLS = [
    *[bands_of, summary_of, linearity_of, stability_of, difference_of, purity_of],
    *[localization_of, table_of],
]


@cases(
    0.09,
    name=EXPLANATION,
    call=st.sampled_from(CALLS),
    bands=BANDS,
    per_spectrum=st.sampled_from(PER_SPECTRUM),
    labels=st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)),
)
def test_explanations_answer_or_raise(name, call, bands, per_spectrum, labels):
    explanation = EXPLANATIONS[name]
    result, error = attempt(
        lambda: call(explanation, bands, per_spectrum, labels), explanation, per_spectrum
    )
    if error is not None:
        return
    if isinstance(result, pd.DataFrame):
        numbers = result.select_dtypes("number").drop(columns="group", errors="ignore")
        assert np.isfinite(numbers.to_numpy(float)).all()
    elif call is purity_of:
        assert ((result >= 0) & (result <= 1 + 1e-6)).all()
    else:
        check_complete(result)
    if call is bands_of and (isinstance(bands, int) or bands == "peaks"):
        axes = ["sample", "target"]
        sums = result.groupby(axes, sort=False, observed=True)["contribution"].sum()
        maps = explanation.maps.sum(axis=1, dtype=float).ravel()
        size = np.abs(explanation.maps).sum(axis=1).max(initial=0)
        np.testing.assert_allclose(sums, maps, rtol=0, atol=1e-5 * float(size))


STEPS = [1, 2, 3, 50, 0, -1, 2.5, None, "x", True, np.int64(2)]
BASELINES = [
    *[None, None, SPECTRUM, SPECTRUM.tolist(), SPECTRUM[None], SPECTRUM[:-1], SPECTRUM * np.nan],
    *[SPECTRUM * 1e39, SPECTRUM * 1e200, ["a"] * N_POINTS, {}, 3, SPECTRUM * 1j, [[1], [2, 3]]],
]
THINGS = [None, 3, "model", ResNet1DRegressor(), ResNet1DRegressor, PLAIN]


@cases(
    0.05,
    model=MODEL,
    name=st.one_of(EXPLANATION, st.sampled_from([None, 3, PLAIN, [], {}])),
    call=st.sampled_from(["deletion", "insertion", "completeness", "stability", "randomization"]),
    n_steps=st.sampled_from(STEPS),
    baseline=st.sampled_from(BASELINES),
    seed=st.sampled_from([0, None, "x", -1, 2**32, 1.5]),
    thing=st.integers(0, 40),
)
def test_metrics_answer_or_raise(model, name, call, n_steps, baseline, seed, thing):
    estimator = THINGS[thing] if thing < len(THINGS) else MODELS[model]
    explanation = EXPLANATIONS[name] if isinstance(name, str) else name

    def measure():
        if call in ("deletion", "insertion"):
            curve = getattr(metrics, f"{call}_curve")
            how = {"baseline": baseline, "n_steps": n_steps, "random_state": seed}
            return curve(estimator, explanation, **how).area
        if call == "completeness":
            return metrics.completeness_residual(explanation)
        if call == "stability":
            several = explanation if thing % 2 else [explanation, explanation]
            return metrics.stability(several).per_spectrum
        n_repeats = 3 if n_steps == 50 else n_steps
        X = as_fitted(estimator, PLAIN[:2])
        return metrics.randomization_check(estimator, X, n_repeats=n_repeats, random_state=seed)

    result, error = attempt(measure, explanation, baseline)
    if error is None:
        assert np.isfinite(result).all()


# ----------------------------------------------------------------------------- the others

OIL_PARAMETERS = {
    "n_samples": [1, 2, 7, 0, -1, 2.5, True, None, "x"],
    "oil": [None, "olive", ["olive", "palm"], "diesel", 3, [], [[1]], ["olive", "olive"], {}],
    "adulterant": ["sunflower", None, ["corn", "palm"], "olive", "diesel", [3], 1.5],
    "percent_range": [(0, 100), (5, 5), (50, 10), (-1, 3), (0, np.nan), (1, 2, 3), None, "ab", 3],
    "n_replicates": [1, 3, 0, 1.5],
    "x_axis": [
        *[None, [900.0], [900.0, 901.0], WAVENUMBERS, WAVENUMBERS[::-1], [], ["a"], [np.nan]],
        *[
            [[900.0]],
            900.0,
            [1.0, 2.0],
            [900.0, 1e300],
            [1j],
            {},
            [900, 900],
            pd.Series([900, 950]),
        ],
    ],
    **{
        name: [1.0, 0, 1e-300, 10, -1, np.nan, np.inf, 1e300, "1", None, True]
        for name in ("variation", "fluorescence", "scatter", "shift", "noise", "cosmic_rays")
    },
    "random_state": [0, None, np.random.RandomState(3), "x", -1, 2**40],
    "return_X_y": [False, True],
}


@cases(
    0.05,
    changed=st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(values) for name, values in OIL_PARAMETERS.items()}
    ),
    few=st.integers(1, 3),
)
def test_oil_blends_are_made_or_refused(changed, few):
    names = sorted(changed)[:few]  # not so many that none is ever right
    changed = {name: changed[name] for name in names}
    changed.setdefault("n_samples", 3)
    changed.setdefault("x_axis", np.arange(850.0, 1000, 10))
    changed.setdefault("random_state", 0)
    if changed["random_state"] is None:  # scikit-learn's convention: the global state
        changed["random_state"] = 1
    blends, error = attempt(lambda: make_oil_blends(**changed), changed["x_axis"])
    if error is not None:
        return
    if changed.get("return_X_y"):
        data, target = blends
        assert len(data) == len(target)
    else:
        data = blends.data
        assert np.isfinite(blends.contributions).all() and np.isfinite(blends.background).all()
    assert np.isfinite(data).all() and len(data) >= 1


REMOVER = {
    "threshold": [4.0, 1e-300, 1e100, 1, 0, -1, np.nan, np.inf, "x", None],
    "max_width": [3, 1, 5, 0, 6, 2.0, None, "x"],
    "min_fwhm": [3.5, 6, 1e6, 1e300, 1, np.nan, None, "x"],
}


@cases(
    0.04,
    drawn=spectra([1, 2, 3, 8, 14, 40], [1, 2, 4], wrong=0.25),
    changed=st.fixed_dictionaries(
        {}, optional={name: st.sampled_from([v[0]] * 9 + v) for name, v in REMOVER.items()}
    ),
    spiked=st.booleans(),
)
def test_cosmic_rays_are_removed_or_the_spectra_refused(drawn, changed, spiked):
    X, kind, plain = drawn
    if spiked and plain is not None:
        plain = plain + np.eye(*plain.shape, k=7) * (np.abs(plain).max() or 1.0) * 9
        X, kind = plain, "plain"
    remover = CosmicRayRemover(**changed)
    cleaned, error = attempt(lambda: remover.fit_transform(X), X)
    if plain is None and getattr(X, "shape", ())[1:] != (1,):  # which is right here
        assert error is not None, kind
    if error is None and plain is not None:
        assert cleaned.shape == plain.shape and np.isfinite(cleaned).all()
        same = cleaned.astype(float) == plain
        # Constant spectra have no spikes.
        assert same.all() or np.ptp(plain, axis=1).max() > 0
        if kind in SAME:
            assert np.array_equal(cleaned, CosmicRayRemover(**changed).fit_transform(plain))
    if error is not None and not changed:
        assert plain is None or kind in NAMED, error


CVS = [2, 2, 2, 3, 1, 0, -1, 100, 2.5, "x", [], [(1, 2)], [(range(3), range(3, 6))], True, {}]


@cases(
    0.02,
    cv=st.sampled_from(CVS),
    n_repeats=st.sampled_from([1, 1, 1, 2, 0, -1, 2.5, None, "x"]),
    groups=some_of(GROUPS, n=6, fine=False),
    y=st.sampled_from([PLAIN[:, 0]] * 4 + PER_SPECTRUM),
    X=st.sampled_from([PLAIN] * 6 + [make(PLAIN) for make in WRONG.values()]),
    params=st.sampled_from([None, None, None, {}, 3, {"nonsense": 1}, {"groups": np.arange(4)}]),
    estimator=st.sampled_from([None] * 9 + THINGS[:3]),
)
def test_cross_explain_answers_or_raises(cv, n_repeats, groups, y, X, params, estimator):
    if estimator is None:
        estimator = ResNet1DRegressor(max_epochs=0, shortcut=False, **TINY)
    how = {"cv": cv, "n_repeats": n_repeats, "groups": groups[1], "params": params}
    explanation, error = attempt(
        lambda: cross_explain(estimator, X, y, random_state=0, **how), X, y, groups[1]
    )
    if error is None:
        assert len(explanation) == len(PLAIN)
        check_complete(explanation)


# ----------------------------------------------------------------------------- the process


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


SETTINGS = {
    "pandas out": lambda: sklearn.config_context(transform_output="pandas"),
    "polars out": lambda: sklearn.config_context(transform_output="polars"),
    "assume finite": lambda: sklearn.config_context(assume_finite=True),
    "unchecked parameters": lambda: sklearn.config_context(skip_parameter_validation=True),
    "routing": lambda: sklearn.config_context(enable_metadata_routing=True),
    "torch in float64": lambda: default_dtype(torch.float64),
    "torch in half": lambda: default_dtype(torch.float16),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu"),
    "NumPy raises": lambda: np.errstate(all="raise"),
    "pandas strings": lambda: pd.option_context("mode.string_storage", "python"),
}


def asked(call, model, X, n):
    """Return what is to be the same under all settings."""
    if call in ("fit", "start"):
        y = np.sin(np.arange(n) * 1.7)
        fitted = ResNet1DRegressor(max_epochs=1, shortcut=call == "start", **TINY).fit(X, y)
        return [
            fitted.mean_spectrum_,
            *map(np.asarray, fitted.nets_[0].module_.state_dict().values()),
        ]
    if call == "explain":
        explanation = explain(model, X)
        return [explanation.maps, explanation.outputs, explanation.x_axis]
    return [np.asarray(getattr(model, call)(X))]


@cases(
    0.06,
    drawn=model_and_spectra(wrong=0.1),
    names=st.lists(st.sampled_from(sorted(SETTINGS)), min_size=1, max_size=4, unique=True),
    call=st.sampled_from(["fit", "start", "explain", "predict", "applicability"]),
)
def test_settings_of_the_process_change_nothing(drawn, names, call):
    name, X, kind, numbers = drawn
    model, n = MODELS[name], 5 if numbers is None else len(numbers)
    plain, plain_error = attempt(lambda: asked(call, model, X, n), X)
    with ExitStack() as stack:
        for each in names:
            stack.enter_context(SETTINGS[each]())
        found, error = attempt(lambda: asked(call, model, X, n), X)
    assert repr(error) == repr(plain_error), kind
    for one, other in zip(found or [], plain or [], strict=True):
        np.testing.assert_array_equal(one, other)


# ----------------------------------------------------------------------------- images


def doubled(X):
    return X + X  # which whole numbers of few bits do not hold


with torch.random.fork_rng(devices=[]):
    behind = make_pipeline(
        FunctionTransformer(doubled, feature_names_out="one-to-one"),
        ResNet1DRegressor(max_epochs=0, **TINY),
    )
    behind.fit(PLAIN, PLAIN[:, 0])
MODELS_OF_IMAGES = {
    **{
        name: MODELS[name]
        for name in ("words", "numbers", "value", "two values", "named", "floats")
    },
    "behind a step": behind,
}
PIXELS = ["none", "none", "NaN", "infinity", "mask", "whole pixel masked", "all points equal"]
CUBE = (3, 4)


@st.composite
def images(draw):
    """Draw a cube, the numbers in it, which of its pixels have data, and the blocks it is in."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = draw(st.sampled_from(["random", "positive", "whole", "saturated", "far off"]))
    cube = VALUES[values](rng, (*CUBE, N_POINTS))
    dtype = draw(
        st.sampled_from([*WHOLE, "bool", "float16", "float32", ">f4", "float64", "float64"])
    )
    pixels = draw(st.sampled_from(PIXELS))
    if dtype in WHOLE:
        cube = as_whole(cube, dtype)
    elif dtype == "float16":
        cube = (cube / np.abs(cube).max()).astype(dtype)
    else:
        cube = cube.astype(dtype)
    gone = rng.random(CUBE) < draw(st.sampled_from([0.1, 0.5, 1.0]))
    if pixels == "none" or (pixels in ("NaN", "infinity") and cube.dtype.kind != "f"):
        gone[:] = False
    elif pixels in ("NaN", "infinity"):
        cube[gone, rng.integers(N_POINTS)] = np.nan if pixels == "NaN" else -np.inf
    elif pixels == "all points equal":  # which the models take
        cube[gone] = 1
        gone = np.zeros(CUBE, dtype=bool)
    else:
        points = slice(None) if pixels == "whole pixel masked" else rng.integers(N_POINTS)
        mask = np.zeros(cube.shape, dtype=bool)
        mask[gone, points] = True
        # Of float16, NumPy's own filling overflows when Dask joins blocks.
        cube = np.ma.masked_array(cube, mask, fill_value=1)
    rows = draw(st.sampled_from([(3,), (1, 2), (2, 0, 1), (0, 3), (1, 1, 1)]))
    points = draw(st.sampled_from([(N_POINTS,), (5, 7)]))
    return cube, gone, (rows, draw(st.sampled_from([(4,), (1, 3), (4, 0)])), points)


COORDINATES = {
    "none": (None, {}),
    "right": (WAVENUMBERS, {}),
    "right, with its unit": (WAVENUMBERS, {"units": "1/cm"}),
    "numbers of bands": (np.arange(N_POINTS), {}),
    "shifted": (WAVENUMBERS + 5, {}),
    "turned round": (WAVENUMBERS[::-1], {}),
}


@cases(
    0.06,
    name=st.sampled_from(sorted(MODELS_OF_IMAGES)),
    drawn=images(),
    call=st.sampled_from(["predict", "predict_proba", "explain"]),
    no_data=st.sampled_from(["nan", "nan", "nan", "raise", None]),
    coordinate=st.sampled_from([None, None, *COORDINATES]),
)
def test_images_are_answered_pixel_by_pixel(name, drawn, call, no_data, coordinate):
    if da is None or (xr is None and coordinate):
        return
    cube, gone, chunks = drawn
    model = MODELS_OF_IMAGES[name]
    image = da.from_array(cube, chunks=chunks)
    if coordinate:
        axis, attributes = COORDINATES[coordinate]
        coords = {} if axis is None else {"shift": xr.Variable("shift", axis, attributes)}
        image = xr.DataArray(image, dims=("row", "column", "shift"), coords=coords)
    spectra = as_fitted(model, np.ma.getdata(cube).reshape(-1, N_POINTS).astype(float))

    def ask():
        if call == "explain":
            lazy = hyperspectral.explain(model, image, no_data=no_data, target="all")
            return np.asarray(lazy.outputs.compute(scheduler="sync"))
        method = getattr(hyperspectral, call if hasattr(model, call) else "predict")
        return np.asarray(method(model, image, no_data=no_data).compute(scheduler="sync"))

    found, error = attempt(ask)
    off = coordinate in ("shifted", "turned round") and name in ("named", "floats")
    wrong = off or no_data is None or (no_data == "raise" and gone.any())
    assert (error is not None) == wrong, error
    if wrong:
        return
    data = ~gone.ravel()
    found = found.reshape(len(data), *found.shape[2:])
    if found.dtype.kind in "UOi":  # labels, which rounding may turn
        known = np.isin(found, model.classes_)
        np.testing.assert_array_equal(known, data)
        return
    numbers = found.reshape(len(data), -1)
    np.testing.assert_array_equal(
        np.isfinite(numbers), data[:, None] | np.zeros_like(numbers, bool)
    )
    if data.any():
        rows = spectra[data]
        right = {
            "explain": lambda: explain(model, rows, target="all").outputs,
            "predict_proba": lambda: getattr(model, "predict_proba", model.predict)(rows),
        }.get(call, lambda: model.predict(rows))()
        size = np.abs(right).max()
        np.testing.assert_allclose(found[data], right, rtol=0, atol=1e-3 * size)


def test_enough_cases_ran(request):
    if len(request.session.items) > 1 and counted:
        fuzzed = [item for item in request.session.items if item.path == request.path]
        if len(fuzzed) == 12:  # all of this file
            assert counted >= {"ci": 2000, "fuzz": 50_000}[PROFILE]
