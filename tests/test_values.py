"""The values of models, as JSON and arrays in a file."""

import json

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy

from sklearn_spectral._files.values import decode, encode

VALUES = [
    None,
    -1,
    10**30,
    0.1,
    np.inf,
    -np.inf,
    "text",
    [1, [2.5, "a"]],
    (1, ("b", None)),
    {"a": {"b": (np.float64(0.1), True)}, 3: np.int8(4), np.str_("c"): 1e-300},
    np.float32(0.1),
    np.bool_(True),
    np.zeros((0, 3)),
    np.array(5),
    np.array("word"),
    np.arange(6.0).reshape(2, 3).T,
    np.arange(3, dtype=">i2"),
    np.array([[True], [False]]),
    np.array([["a", "Öl🛢"], ["", "cc"]]),
    np.array(["a", 1, True, None, 2.5, np.float64(3)], dtype=object),
    np.array([(1, 2), [3]], dtype=object),
    np.array([np.nan, np.inf]),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:40])
def test_values(value):
    tensors = {}
    text = json.dumps(encode(value, "it", tensors), allow_nan=False)
    tensors = safetensors.numpy.load(safetensors.numpy.save(tensors))
    decoded = decode(json.loads(text), {name: array.copy() for name, array in tensors.items()})
    np.testing.assert_equal(decoded, value)
    assert type(decoded) is type(value)
    if isinstance(value, dict):
        assert [type(key) for key in decoded] == [type(key) for key in value]
        assert type(decoded["a"]["b"]) is tuple and type(decoded["a"]["b"][0]) is np.float64
    if isinstance(value, np.ndarray):
        assert decoded.dtype == value.dtype.newbyteorder("=")
        assert [type(v) for v in decoded.flat] == [type(v) for v in value.flat]


def test_nan_is_not_none():
    assert np.isnan(decode(json.loads(json.dumps(encode(np.nan, "it", {}))), {}))


@pytest.mark.parametrize(
    "value",
    [1j, b"bytes", {1}, np.array([1j]), np.ma.array([1.0]), pd.Timestamp(0), print, object()],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match="(?s)it is .* but a file can contain only numbers"):
        encode(value, "it", {})
