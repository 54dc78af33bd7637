"""Damaged and hostile files: refused with an error that names the file, or harmless."""

import itertools
import json
import warnings

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from helpers import SMALL, signed, two_kinds
from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral._files.nets import n_weights
from sklearn_spectral._network.resnet1d import ResNet1D


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Return the bytes of a file of ours."""
    path = tmp_path_factory.mktemp("good") / "model"
    ResNet1DClassifier(**SMALL).fit(*two_kinds()).save(path)
    return path.read_bytes()


@pytest.fixture
def saved(good, tmp_path):
    """Return the path of a file of ours, which each test may damage."""
    (tmp_path / "model").write_bytes(good)
    return tmp_path / "model"


def rewritten(path, change):
    """Write a file of ours anew, with a checksum that fits, after `change(model, tensors)`."""
    with safetensors.safe_open(path, "np") as file:
        model = json.loads(file.metadata()["model"])
    tensors = safetensors.numpy.load_file(path)
    change(model, tensors)
    path.write_bytes(signed(safetensors.numpy.save(tensors, {"model": json.dumps(model)})))


# ---------------------------------------------------------------------- damaged


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
        with pytest.raises(ValueError, match="model cannot be loaded: its checksum is wrong"):
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
                try:
                    assert model.explain(two_kinds()[0]).maps.shape == (30, 24)
                except ValueError as error:  # a weight near the end of float32
                    assert "overflow" in str(error)
        assert not caught
    assert 0 < n_loaded < 1000


# ---------------------------------------------------------------------- hostile


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
    "another class": (
        lambda m, t: m.update(estimator="ResNet1DRegressor"),
        "contains a ResNet1DReg",
    ),
    "any class": (lambda m, t: m.update(estimator="os.system"), "it contains a os.system, but"),
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
    "property": (attribute("_network", 1), "'_network' is no attribute"),
    "hook": (attribute("_encode", 1), "'_encode' is no attribute"),
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
        tensor("['weights']['stem.weight']", lambda a: a.reshape(3, 4, 16)),
        r"stem.weight of the weights is float32 \(3, 4, 16\), but the network has torch.float32",
    ),
    "type": (
        tensor("['weights']['stem.weight']", np.float64),
        "stem.weight of the weights is float64",
    ),
    "NaN": (
        tensor("['weights']['head.bias']", lambda a: a * np.nan),
        "head.bias of the weights holds NaN",
    ),
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
    "no weight": (attribute("_mean_weight", {"tuple": [0.0, 0]}), r"_mean_weight is \(0.0, 0\)"),
    "half an exponent": (attribute("_mean_weight", {"tuple": [1.0, 0.5]}), "_mean_weight is "),
    "beyond all weights": (attribute("_mean_weight", {"tuple": [1.0, 10**9]}), "_mean_weight is "),
    "start of another size": (
        tensor("_start_weights[0]['head.weight']", lambda a: a[:, :3]),
        r"head.weight of the start is float32 \(2, 3\)",
    ),
    "start that is not finite": (
        tensor("_start_weights[0]['head.bias']", lambda a: a * np.inf),
        "of the start",
    ),
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


def test_errors_that_the_file_did_not_cause(saved, tmp_path):
    with pytest.raises(FileNotFoundError):
        ResNet1DClassifier.load(tmp_path / "missing")
    with pytest.raises(RuntimeError, match="nowhere"):
        ResNet1DClassifier.load(saved, device="nowhere")
    with pytest.raises(
        ValueError, match="a ResNet1DClassifier, but was read by ResNet1DRegressor.load"
    ):
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
