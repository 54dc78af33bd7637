"""Models as files: save, load, hostile and damaged files, and skops."""

import copy
import hashlib
import inspect
import itertools
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors
import safetensors.numpy
import skops.io
import torch
from chemotools.baseline import AirPls
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from chemotools.scatter import MultiplicativeScatterCorrection, StandardNormalVariate
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import EpochScoring

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, skops_types
from sklearn_spectral._files import n_weights
from sklearn_spectral._resnet1d import ResNet1D
from sklearn_spectral._values import decode, encode
from sklearn_spectral.preprocessing import CosmicRayRemover

DATA = Path(__file__).parent / "data"
FEW = {"max_epochs": 2, "random_state": 0}
# Little enough for a file of some kilobytes.
SMALL = {**FEW, "net_params": {"module__width": 4, "module__n_blocks": 1}}


def blends(n_points=24, n_outputs=1):
    """Return spectra and amounts without random numbers, which NumPy may change one day."""
    t = np.arange(30.0)
    amounts = 1 + np.sin(np.outer(t, [1.0, 2.3]))  # (30, 2)
    x = np.linspace(-3, 3, n_points)
    pure = np.exp(-((x - np.array([[-1.0], [1.5]])) ** 2))
    X = amounts @ pure + 0.02 * np.cos(np.outer(7 * t, np.arange(n_points) + 1.0))
    return X, amounts[:, 0] if n_outputs == 1 else amounts


def two_kinds():
    X, amounts = blends()
    return X, np.where(amounts > 1, "oil", "fat")


def rewritten(path, change):
    """Write a file of ours anew, with a checksum that fits, after `change(model, tensors)`."""
    with safetensors.safe_open(path, "np") as file:
        model = json.loads(file.metadata()["model"])
    tensors = safetensors.numpy.load_file(path)
    change(model, tensors)
    path.write_bytes(signed(safetensors.numpy.save(tensors, {"model": json.dumps(model)})))


def signed(data):
    return data[:-32] + hashlib.sha256(data[:-32]).digest()


def assert_same(loaded, model, X):
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.predict(X).dtype == model.predict(X).dtype
    ours, theirs = loaded.explain(X, target="all"), model.explain(X, target="all")
    for name in ("maps", "outputs", "base_values", "x_axis"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.targets.tolist() == theirs.targets.tolist()
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.get_params() == model.get_params()


# -------------------------------------------------------------------------- round trips


@pytest.mark.parametrize(
    "labels",
    [
        ["oil", "fat"],
        [3, 1],
        [True, False],
        [5.0, -2.0],
        np.array(["Öl 🛢", "fat"], dtype=object),
        np.array([2, 1], dtype=np.int8),
    ],
    ids=str,
)
def test_classifier_of_any_labels(tmp_path, labels):
    X, amounts = blends()
    y = np.asarray(labels)[(amounts > 1).astype(int)]
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    loaded = ResNet1DClassifier.load(tmp_path / "model.safetensors")
    assert_same(loaded, model, X)
    assert [type(c) for c in loaded.classes_.tolist()] == [type(c) for c in model.classes_.tolist()]


@pytest.mark.parametrize(
    ("estimator", "n_points", "n_outputs"),
    [
        (ResNet1DRegressor(**FEW), 40, 1),
        (ResNet1DRegressor(**SMALL), 24, 2),
        (ResNet1DRegressor(**SMALL), 1500, 1),  # averaged over two points
        (ResNet1DRegressor(**SMALL, early_stopping=True, lr=np.float32(0.01)), 24, 1),
        (ResNet1DRegressor(max_epochs=np.int64(0), batch_size=7), 2, 1),
        (
            ResNet1DRegressor(
                **FEW,
                shortcut=False,
                net_params={"module__pooling": True, "optimizer__betas": (0.8, 0.99)},
            ),
            24,
            2,
        ),
        (ResNet1DRegressor(**FEW, net_params={"optimizer__amsgrad": True}), 24, 1),
    ],
)
def test_regressor(tmp_path, estimator, n_points, n_outputs):
    X, y = blends(n_points, n_outputs)
    model = estimator.fit(X, y)
    model.save(tmp_path / "model")
    assert_same(ResNet1DRegressor.load(tmp_path / "model"), model, X)


@pytest.mark.parametrize(
    "columns", [[str(w) for w in range(800, 1040, 10)], np.arange(800.0, 1040.0, 10.0)]
)
def test_names_and_axis(tmp_path, columns):
    X, amounts = blends(n_outputs=2)
    X = pd.DataFrame(X, columns=columns)
    model = ResNet1DRegressor(**SMALL).fit(X, pd.DataFrame(amounts, columns=["fat", 3]))
    model.save(tmp_path / "model")
    loaded = ResNet1DRegressor.load(tmp_path / "model")
    assert_same(loaded, model, X)
    assert loaded.explain(X, target="fat").x_axis[-1] == 1030
    np.testing.assert_equal(
        getattr(loaded, "feature_names_in_", None), getattr(model, "feature_names_in_", None)
    )


def test_training_goes_on_as_it_would_have(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL, warm_start=True, class_weight={"oil": 2, "fat": 1.5})
    model.fit(X, y).save(tmp_path / "model")
    loaded = ResNet1DClassifier.load(tmp_path / "model")
    losses = model.nets_[0].history[:, "train_loss"]
    assert loaded.nets_[0].history[:, "train_loss"] == losses
    for each in (loaded, model):
        each.partial_fit(X, y)
    assert_same(loaded, model, X)
    loaded.save(tmp_path / "again")
    loaded = ResNet1DClassifier.load(tmp_path / "again")
    for each in (loaded, model):
        each.set_params(lr=0.01).fit(X, y)
    assert_same(loaded, model, X)
    assert len(loaded.nets_[0].history) == 5


def test_changed_parameters_do_not_change_the_network(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    model.set_params(shortcut=False, net_params={"module__width": 8})
    model.save(tmp_path / "model")
    assert_same(ResNet1DClassifier.load(tmp_path / "model"), model, X)


def test_several_networks(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    model.nets_ += ResNet1DClassifier(**{**SMALL, "random_state": 1}).fit(X, y).nets_
    model.save(tmp_path / "model")
    loaded = ResNet1DClassifier.load(tmp_path / "model")
    assert_same(loaded, model, X)
    assert len(loaded.nets_) == 2


def test_the_device_is_for_those_who_load(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    model.set_params(device="cuda").save(tmp_path / "model")
    loaded = ResNet1DClassifier.load(tmp_path / "model")
    assert (loaded.device, loaded.nets_[0].device) == ("cpu", "cpu")
    assert_same(loaded, model.set_params(device="cpu"), X)
    assert ResNet1DClassifier.load(tmp_path / "model", device="auto").device == "auto"


def test_saving_leaves_all_as_it_was(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    np.random.seed(0)
    torch.manual_seed(0)
    model.save(tmp_path / "model")
    ResNet1DClassifier.load(tmp_path / "model")
    assert np.random.randint(2**31) == np.random.RandomState(0).randint(2**31)
    assert torch.rand(1) == torch.rand(1, generator=torch.Generator().manual_seed(0))
    first = (tmp_path / "model").read_bytes()
    model.save(tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == first
    assert os.listdir(tmp_path) == ["model"]


def test_a_file_is_safetensors_and_json(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL, device="cpu").fit(X, y)
    model.save(str(tmp_path / "model"))
    with safetensors.safe_open(tmp_path / "model", "np") as file:
        about = json.loads(file.metadata()["model"])
        mean = next(name for name in file.keys() if name.endswith(" mean_spectrum_"))  # noqa: SIM118
        np.testing.assert_array_equal(file.get_tensor(mean), model.mean_spectrum_)
    assert about["format"] == 1
    assert about["versions"]["torch"] == torch.__version__
    data = (tmp_path / "model").read_bytes()
    assert data == signed(data)


def test_a_link_stays_a_link(tmp_path):
    X, y = two_kinds()
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    ResNet1DClassifier(**SMALL).fit(X, y).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    ResNet1DClassifier.load(tmp_path / "real")


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
    ids=str,
)
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match="(?s)it is .* but a file holds numbers, text"):
        encode(value, "it", {})


def test_what_cannot_be_saved(tmp_path):
    X, y = two_kinds()
    path = tmp_path / "model"
    with pytest.raises(NotFittedError):
        ResNet1DClassifier().save(path)
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    for params, message in [
        ({"callbacks": [EpochScoring("r2")]}, r"parameter callbacks\[0\] is .*EpochScoring"),
        ({"callbacks": [("print_log", None)]}, "callbacks are code"),
        ({"net_params": {"optimizer": torch.optim.SGD}}, r"net_params\['optimizer'\] is .*SGD"),
        ({"net_params": {"compile": True}}, r"net_params\['compile'\] is none of those"),
        ({"random_state": np.random.RandomState(0)}, "random_state .*set it to one of these or to"),
        ({"lr": -1}, "lr=-1; expected a positive number"),
    ]:
        with pytest.raises(ValueError, match=message):
            copy.deepcopy(model).set_params(**params).save(path)
    model.note = lambda: None
    with pytest.raises(ValueError, match="note is .* of type function"):
        model.save(path)
    del model.note
    model.predict = "instead of the method"
    with pytest.raises(ValueError, match="cannot be saved: 'predict' is no attribute that a file"):
        model.save(path)
    assert os.listdir(tmp_path) == []


# ----------------------------------------------------------------- damaged and hostile files


@pytest.fixture
def saved(tmp_path):
    X, y = two_kinds()
    ResNet1DClassifier(**SMALL).fit(X, y).save(tmp_path / "model")
    return tmp_path / "model"


def mutations(data, n, seed=0):
    """Yield data changed at one place, half of them in the header: flipped, cut, longer."""
    rng = np.random.RandomState(seed)
    n_header = 8 + int.from_bytes(data[:8], "little")
    for i in range(n):
        at = rng.randint(n_header if i % 2 else len(data))
        some = rng.bytes(rng.randint(1, 9))
        kind = i // 2 % 5
        if kind == 0:
            yield data[:at] + bytes([data[at] ^ (1 << rng.randint(8))]) + data[at + 1 :]
        elif kind == 1:
            yield data[:at]
        elif kind == 2:
            yield data[:at] + some + data[at:]
        elif kind == 3:
            yield data[:at] + data[at + len(some) :]
        else:
            # One that parses more often.
            yield data[:at] + bytes([data[rng.randint(n_header)]]) + data[at + 1 :]


def test_a_thousand_damaged_files(saved):
    data = saved.read_bytes()
    n = 0
    for changed in mutations(data, 1200):
        if changed == data:
            continue
        saved.write_bytes(changed)
        with pytest.raises(ValueError, match="model cannot be loaded: its checksum does not fit"):
            ResNet1DClassifier.load(saved)
        n += 1
    assert n >= 1000


def test_a_thousand_damaged_files_with_a_checksum_that_fits(saved):
    data = saved.read_bytes()
    n_header = 8 + int.from_bytes(data[:8], "little")
    n_loaded = 0
    for changed in mutations(data, 1000, seed=1):
        saved.write_bytes(signed(changed) if len(changed) > n_header else changed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")  # not "error", which load would catch
            try:
                model = ResNet1DClassifier.load(saved)
            except ValueError as error:
                assert str(saved) in str(error)
            else:
                n_loaded += 1  # another number, say
                assert model.explain(two_kinds()[0]).maps.shape == (30, 24)
        assert not caught
    assert 0 < n_loaded < 1000


def nested(model, tensors):
    code = 1
    for _ in range(50):
        code = [code]
    model["attributes"]["deep_"] = code


def the_same_array_twice(model, tensors):
    model["attributes"]["mean_"] = model["attributes"]["mean_spectrum_"]


def net(model):
    """Return the first network's parts, as they are in the JSON, by name."""
    return dict(model["nets"][0]["dict"])


def size(name, value):
    def change(model, tensors):
        sizes = net(model)["module"]["dict"]
        next(pair for pair in sizes if pair[0] == name)[1] = value

    return change


def tensor(name, change):
    def change_tensor(model, tensors):
        (full,) = [each for each in tensors if each.endswith(name)]
        tensors[full] = np.ascontiguousarray(change(tensors[full]))

    return change_tensor


def attribute(name, value):
    return lambda model, tensors: model["attributes"].update({name: value})


def param(name, value):
    return lambda model, tensors: model["params"].update({name: value})


HOSTILE = {
    "another class": (lambda m, t: m.update(estimator="ResNet1DRegressor"), "holds a ResNet1DReg"),
    "any class": (lambda m, t: m.update(estimator="os.system"), "it holds a os.system, but"),
    "newer": (
        lambda m, t: m.update(format=2, versions={"sklearn_spectral": "9.1"}),
        "format 2 of sklearn_spectral '9.1', but this is sklearn_spectral .* reads format 1. Up",
    ),
    "no format": (lambda m, t: m.pop("format"), "KeyError"),
    "no parameters": (lambda m, t: m.pop("params"), "KeyError"),
    "a list": (lambda m, t: m.update(attributes=[1]), "AttributeError"),
    "unknown parameter": (param("alpha", 1), "alpha"),
    "bad parameter": (param("lr", -1), "lr=-1"),
    "text as a number": (param("batch_size", "32"), "batch_size='32'"),
    "callbacks": (param("callbacks", ["os.system"]), "callbacks are code"),
    "optimizer": (param("net_params", {"dict": [["optimizer", "SGD"]]}), "'optimizer'"),
    "compile": (param("net_params", {"dict": [["compile", True]]}), "'compile'"),
    "bad net_params": (param("net_params", {"dict": [["optimizer__betas", "ab"]]}), "TypeError"),
    "method": (attribute("predict", 1), "'predict' is no attribute that a file may set"),
    "class attribute": (attribute("_net_class", 1), "'_net_class' is no attribute"),
    "property": (attribute("_labels", 1), "'_labels' is no attribute"),
    "dunder": (attribute("__class__", 1), "'__class__' is no attribute"),
    "path": (attribute("../../etc/passwd", 1), "is no attribute"),
    "long name": (attribute("a" * 10**6, 1), "is no attribute"),
    "parameter as attribute": (attribute("lr", 1), "has a place of its own"),
    "networks as attribute": (attribute("nets_", [1]), "has a place of its own"),
    "unknown kind": (attribute("a_", {"pickle": "gASV"}), "'pickle' is no kind of value"),
    "two kinds": (attribute("a_", {"float": "nan", "list": []}), "too many values"),
    "unknown object": (attribute("a_", {"object": ["Popen", {}]}), "KeyError"),
    "method of an object": (
        attribute("_view_scaler", {"object": ["ViewScaler", {"transform": 1}]}),
        "'transform' is no attribute",
    ),
    "unknown scalar": (attribute("a_", {"scalar": ["object", 1]}), "KeyError"),
    "unhashable key": (attribute("a_", {"dict": [[[1], 1]]}), "TypeError"),
    "no array": (attribute("a_", {"array": "missing"}), "KeyError"),
    "deep": (nested, "nested more than"),
    "array twice": (the_same_array_twice, "KeyError"),
    "unused": (lambda m, t: t.update(extra=np.zeros(3)), "nothing uses its tensor 'extra'"),
    "missing": (lambda m, t: m["attributes"].pop("x_axis_"), "x_axis_"),
    "no points": (attribute("n_features_in_", 0), "does not fit|shape"),
    "endless points": (attribute("n_features_in_", {"float": "inf"}), "no integers"),
    "negative width": (size("width", -4), "width=-4 of a network"),
    "huge width": (size("width", 10**9), "size and its weights do not fit"),
    "huge depth": (size("n_blocks", 10**9), "size and its weights do not fit"),
    "huge outputs": (size("n_outputs", 10**12), "size and its weights do not fit"),
    "huge points": (size("n_points", 10**12), "size and its weights do not fit"),
    "points without end": (size("n_points", 10**400), "n_points=1000"),
    "blocks without channels": (
        lambda m, t: (size("width", 0)(m, t), size("n_blocks", 10**12)(m, t)),
        "width=0 of a network",
    ),
    "true width": (size("width", True), "width=True of a network"),
    "other points": (size("n_points", 23), "does not fit the model's"),
    "text as size": (size("n_views", "3"), "n_views='3' of a network"),
    "pooling": (size("pooling", True), "do not fit|pooling"),
    "bad seed": (size("seed", -1), "seed=-1"),
    "shape": (
        tensor("['stem.weight']", lambda a: a.reshape(3, 4, 16)),
        r"stem.weight of the weights is float32 \(3, 4, 16\), but the network has torch.float32",
    ),
    "type": (tensor("['stem.weight']", np.float64), "stem.weight of the weights is float64"),
    "NaN": (tensor("['head.bias']", lambda a: a * np.nan), "head.bias of the weights holds NaN"),
    "random position": (
        lambda m, t: net(m)["shuffling"]["tuple"].__setitem__(1, 10**6),
        "random state is at 1000000",
    ),
    "random key": (tensor("['shuffling'][0]", lambda a: a[:5]), "size 5|624"),
    "moment": (
        tensor("['optimizer'][0]['exp_avg']", lambda a: a[:0]),
        "exp_avg of the optimizer is float32",
    ),
    "scale": (tensor("_view_scaler.scale_", lambda a: a[:2]), "_view_scaler.scale_ has shape"),
    "infinite mean": (tensor("mean_spectrum_", lambda a: a / 0), "mean_spectrum_ holds NaN or inf"),
    "cold": (attribute("_temperature", 0.5), "_temperature is 0.5"),
    "text as temperature": (attribute("_temperature", "1"), "_temperature is '1'"),
    "number as a choice": (attribute("_calibrated", 1), "_calibrated is 1"),
    "classes": (tensor("classes_", lambda a: a[:1]), r"scale has shape \(1,\); expected \(2,\)"),
    "letters": (tensor("classes_", lambda a: a + np.uint32(2**21)), "other values than letters"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(saved, name):
    change, message = HOSTILE[name]
    with np.errstate(all="ignore"):
        rewritten(saved, change)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match=message) as error:
            ResNet1DClassifier.load(saved)
    assert not caught
    assert str(error.value).startswith(f"{saved} cannot be loaded: ")
    assert len(str(error.value)) < 2000


def test_rewriting_without_change_loads(saved):
    """Otherwise the hostile files would be refused for another reason than theirs."""
    rewritten(saved, lambda model, tensors: None)
    ResNet1DClassifier.load(saved)


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 10**6,
        b'{"__metadata__":{"model":"' + b"[" * 10**6 + b'"}}',
        b'{"a":{"dtype":"F64","shape":[1000000000000],"data_offsets":[0,8000000000000]}}',
        b'{"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,32]}}',
        b'{"a":{"dtype":"U8","shape":[32],"data_offsets":[0,32]}}',
        b"",
    ],
    ids=["deep", "deep model", "huge", "type", "no model", "empty"],
)
def test_hostile_headers(tmp_path, header):
    data = len(header).to_bytes(8, "little") + header + bytes(32)
    (tmp_path / "model").write_bytes(signed(data))
    with pytest.raises(ValueError, match="model cannot be loaded"):
        ResNet1DClassifier.load(tmp_path / "model")


def test_sizes_are_limited(saved):
    data = saved.read_bytes()
    saved.write_bytes(signed((2**62).to_bytes(8, "little") + data[8:]))
    with pytest.raises(ValueError, match=f"header has {2**62} bytes; at most"):
        ResNet1DClassifier.load(saved)
    with open(saved, "wb") as file:
        file.truncate(2**30 + 1)  # takes no place on the disk
    with pytest.raises(ValueError, match=f"has {2**30 + 1} bytes; at most {2**30} are read"):
        ResNet1DClassifier.load(saved)
    saved.write_bytes(b"")
    with pytest.raises(ValueError, match="checksum"):
        ResNet1DClassifier.load(saved)


def test_other_errors_are_not_the_files(saved, tmp_path):
    with pytest.raises(FileNotFoundError):
        ResNet1DClassifier.load(tmp_path / "missing")
    with pytest.raises(RuntimeError, match="nowhere"):
        ResNet1DClassifier.load(saved, device="nowhere")
    with pytest.raises(ValueError, match="ResNet1DClassifier, but ResNet1DRegressor.load was"):
        ResNet1DRegressor.load(saved)


@pytest.mark.parametrize("shortcut", [True, False])
def test_n_weights(shortcut):
    for n_points, n_outputs, n_views, width, n_blocks, pooling in itertools.product(
        [2, 7, 40], [1, 3], [1, 3], [1, 8], [0, 2], [False] if shortcut else [False, True]
    ):
        sizes = {"n_views": n_views, "width": width, "n_blocks": n_blocks, "pooling": pooling}
        module = ResNet1D(n_points, n_outputs, shortcut=shortcut, **sizes)
        expected = sum(t.numel() for t in module.state_dict().values())
        assert n_weights(n_points, n_outputs, shortcut=shortcut, **sizes) == expected


# --------------------------------------------------------------------------- interrupted

# Saves one model, then tries to put another in its place, in children that never get to it.
INTERRUPTED = (
    inspect.getsource(blends)
    + """
import os, resource, sys, time
import numpy as np, torch
from sklearn_spectral import ResNet1DRegressor

torch.set_num_threads(1)
path = sys.argv[1]
X, y = blends()
old, new = [ResNet1DRegressor(max_epochs=0, random_state=i).fit(X, y) for i in (1, 2)]
old.save(path)
before = open(path, "rb").read()

def in_a_child(interrupted):
    child = os.fork()
    if not child:
        interrupted()
        os._exit(0)
    return child

# Dies before each of the lines that write, in turn, until none is left.
def killed_at(line):
    def trace(frame, event, arg):
        nonlocal line
        if frame.f_code.co_name != "write":
            return None
        line -= event == "line"
        if line == 0:
            os.kill(os.getpid(), 9)
        return trace

    sys.settrace(trace)
    new.save(path)

line = 1
while os.waitpid(in_a_child(lambda: killed_at(line)), 0)[1] == 9:
    is_old = open(path, "rb").read() == before
    assert is_old or ResNet1DRegressor.load(path).random_state == 2
    if line == 1:
        assert is_old
    line += 1
assert line > 8 and open(path, "rb").read() != before

# Saves again and again, until killed from outside.
def for_ever():
    while True:
        for model in (old, new):
            model.save(path)
        os.write(done, b".")

for i in range(10):
    ready, done = os.pipe()
    child = in_a_child(for_ever)
    os.read(ready, 1)
    time.sleep(0.003 * i)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert ResNet1DRegressor.load(path).random_state in (1, 2)

# The operating system lets no file grow beyond half of what is needed.
old.save(path)
for name in os.listdir(os.path.dirname(path)):
    if name.endswith(".tmp"):
        os.unlink(os.path.join(os.path.dirname(path), name))

def full_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2,) * 2)
    try:
        new.save(path)
    except OSError:
        os._exit(7)

assert os.waitstatus_to_exitcode(os.waitpid(in_a_child(full_disk), 0)[1]) == 7
assert open(path, "rb").read() == before
assert os.listdir(os.path.dirname(path)) == ["model"]
"""
)


@pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")
def test_interrupted_saving_keeps_the_old_file(tmp_path):
    command = [sys.executable, "-c", INTERRUPTED, tmp_path / "model"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------- files of the first release, and skops

# Written by 0.1.0, by `ResNet1DClassifier(**SMALL).fit(*two_kinds())` and
# `ResNet1DRegressor(**SMALL).fit(*blends(n_outputs=2))`, and never to be written anew: every
# later version has to load them.
FIRST = {
    "labels": ["oil", "oil", "oil"],
    "logits": [0.006291370838880539, 6.006820201873779, 6.034755706787109],
    "amounts": [
        [1.0265081781220375, 1.0284390914257169],
        [1.8472311239740358, 1.754158812254152],
        [1.9098576457072922, 0.009686403592899184],
    ],
    "applicability": [[0.00048, 0.62579], [0.42414, 0.39842], [0.65931, 0.60233]],
}


def test_files_of_the_first_release():
    X, _ = blends()
    classifier = ResNet1DClassifier.load(DATA / "classifier-v1.safetensors")
    regressor = ResNet1DRegressor.load(DATA / "regressor-v1.safetensors")
    assert classifier.predict(X[:3]).tolist() == FIRST["labels"]
    logits = classifier.decision_function(X[:3])
    np.testing.assert_allclose(logits, FIRST["logits"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(regressor.predict(X[:3]), FIRST["amounts"], rtol=0, atol=1e-5)
    assert classifier.explain(X).residuals.max() < 1e-5
    scores = regressor.applicability(X[:3])[["hotelling_t2", "q_residual"]]
    np.testing.assert_allclose(scores, FIRST["applicability"], atol=1e-4)
    classifier.partial_fit(*two_kinds())


def skops_round_trip(model, path, *more_types):
    skops.io.dump(model, path)
    trusted = [*skops_types(), *more_types]
    assert set(skops.io.get_untrusted_types(file=path)) <= set(trusted)
    return skops.io.load(path, trusted=trusted)


@pytest.mark.parametrize(
    "steps",
    [
        [StandardNormalVariate(), SavitzkyGolay(window_length=5, polyorder=2)],
        [CosmicRayRemover(), RangeCut(start=2, end=22), MultiplicativeScatterCorrection()],
        [AirPls()],
        [],
    ],
)
def test_pipelines_by_skops(tmp_path, steps):
    X, y = two_kinds()
    model = make_pipeline(*steps, ResNet1DClassifier(**SMALL)).fit(X, y)
    loaded = skops_round_trip(model, tmp_path / "model.skops")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert_same(loaded[-1], model[-1], model[:-1].transform(X) if steps else X)
    for each in (loaded, model):
        each[-1].partial_fit(model[:-1].transform(X) if steps else X, y)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_searches_by_skops(tmp_path):
    X, y = blends()
    search = GridSearchCV(
        TransformedTargetRegressor(ResNet1DRegressor(**SMALL)),
        {"regressor__lr": [0.001, 0.01]},
        cv=2,
    ).fit(X, y)
    # scikit-learn's own types that skops does not know, of its oldest and newest release.
    types = [
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
    ]
    loaded = skops_round_trip(search, tmp_path / "model.skops", *types)
    np.testing.assert_array_equal(loaded.predict(X), search.predict(X))
    assert not hasattr(loaded.estimator.regressor, "nets_")


def test_skops_checks_what_load_checks(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    content = bytearray(skops.io.dumps(model))
    content[content.index(b"mean_spectrum_")] ^= 1
    content = bytes(content)
    with pytest.raises(Exception, match="CRC"):  # of the zip
        skops.io.loads(content, trusted=skops_types())
    state = model.__getstate__()
    state["file"] = state["file"][:-1] + b"?"
    with pytest.raises(ValueError, match="skops file's model cannot be loaded: its checksum"):
        ResNet1DClassifier().__setstate__(state)
    with pytest.raises(ValueError, match="callbacks"):
        skops.io.dumps(copy.deepcopy(model).set_params(callbacks=[EpochScoring("r2")]))


def test_copies_keep_what_no_file_holds():
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL, callbacks=[EpochScoring("accuracy", name="a")]).fit(X, y)
    model.note = print
    for other in (copy.copy(model), copy.deepcopy(model)):
        assert other.note is print
        assert isinstance(other.callbacks[0], EpochScoring)
        np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    assert copy.copy(model).nets_ is model.nets_
    assert copy.deepcopy(model).nets_[0] is not model.nets_[0]
