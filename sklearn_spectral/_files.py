"""Models as files that hold numbers and text, never code.

A file is one safetensors file: arrays are its tensors, everything else is JSON in its header.
Nothing in it is imported, evaluated or unpickled: the estimator is made by its constructor and
the network by `make_net`, as in `fit`, from numbers that were checked.
"""

import hashlib
import json
import math
import os
import platform
import re
import secrets
from importlib import import_module

import numpy as np
import safetensors.numpy
import sklearn
import skorch
import torch
from sklearn.base import BaseEstimator
from skorch.history import History

from ._calibration import HOTTEST
from ._resnet1d import KERNEL_SIZE, STEM_SIZE, STRIDE
from ._training import resolve_device
from ._values import decode, encode, set_attribute
from ._version import __version__
from ._views import N_VIEWS, bin_size

FORMAT = 1
# The last tensor of a file is the SHA-256 of all bytes before it, in every format to come.
CHECKSUM = "~sha256"  # sorted last: other names begin with a digit, and no type is smaller
N_CHECKSUM = 32
MAX_BYTES = 2**30  # many times the largest network that makes sense
MAX_HEADER = 2**24  # a million column names
# What `net_params` may hold: numbers for skorch. Its other parameters are code, or start code.
NET_PARAMS = re.compile(r"(module|optimizer|criterion)__\w+|lr|batch_size|max_epochs|verbose")
OPTIMIZER_STATE = {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}  # AdamW's
# Where chemotools' transformers are, and what those that smooth hold besides numbers.
CHEMOTOOLS = (
    ("adaptation", "augmentation", "baseline", "derivative", "feature_selection", "physics")
    + ("projection", "scale", "scatter", "smooth")
)  # fmt: skip
SOLVERS = [f"chemotools.utils._whittaker_solvers.{name}Solver" for name in ("Banded", "Sparse")]


# -------------------------------------------------------------------------------- networks


def _numpy(tensors):
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def net_state(net):
    """Return what a skorch net is made of, as plain values and arrays."""
    module = net.module_
    names = ("n_points", "n_outputs", "n_views", "width", "shortcut", "pooling")
    own = {"n_blocks": len(module.blocks), "seed": net.module__seed}
    _, key, position, *_ = net.iterator_train__random_state.get_state()
    return {
        "module": {name: getattr(module, name) for name in names} | own,
        "weights": _numpy(module.state_dict()),
        "optimizer": {
            index: _numpy(state) for index, state in net.optimizer_.state_dict()["state"].items()
        },
        "shuffling": (key, position),
        # What happened batch by batch would be longer than the weights.
        "history": [{**epoch, "batches": []} for epoch in net.history],
    }


def n_weights(n_points, n_outputs, n_views, width, n_blocks, shortcut, pooling):
    """Return how many numbers the `state_dict` of a `ResNet1D` holds."""
    n_positions = math.ceil(n_points / STRIDE)
    n_features = width + (n_views * STRIDE if shortcut else 0)
    stem = width * (n_views * STEM_SIZE + 1)
    blocks = n_blocks * 2 * width * (width * KERNEL_SIZE + 1)
    head = n_outputs * (n_features * (1 if pooling else n_positions) + 1)
    return stem + blocks + head + n_features * n_positions


def _net_from(estimator, state):
    """Return the skorch net of `net_state`, made by the estimator."""
    module, weights = dict(state["module"]), state["weights"]
    least = {"shortcut": False, "pooling": False, "n_blocks": 0, "seed": 0}  # 1 of all others
    for name, value in module.items():
        if type(value) is not type(least.get(name, 1)) or not least.get(name, 1) <= value < 2**63:
            raise ValueError(f"{name}={value!r:.80} of a network")
    seed = module.pop("seed")
    # Before memory is taken: as many numbers as there are.
    if n_weights(**module) != sum(array.size for array in weights.values()):
        raise ValueError("the network's size and its weights do not fit each other")
    key, position = state["shuffling"]
    if not 0 <= position <= 624:  # NumPy reads where it says
        raise ValueError(f"the random state is at {position!r:.80}")
    shuffling = np.random.RandomState()
    shuffling.set_state(("MT19937", key, position))
    own = estimator.net_params or {}
    net = estimator._make_net(
        {**module, "seed": seed},
        shuffling,
        # The network is as it was made, whatever set_params was told since.
        {name: value for name, value in own.items() if not name.startswith("module__")},
    )
    _fill(net.module_.state_dict(), weights, "weights")
    net.module_.load_state_dict({name: torch.from_numpy(a) for name, a in weights.items()})
    optimizer = net.optimizer_.state_dict()
    parameters = [p for group in net.optimizer_.param_groups for p in group["params"]]
    for index, moments in state["optimizer"].items():
        like = {n: parameters[index].new_empty(() if n == "step" else parameters[index].shape)
                for n in OPTIMIZER_STATE & moments.keys()}  # fmt: skip
        _fill(like, moments, "optimizer")
        optimizer["state"][index] = {n: torch.from_numpy(a) for n, a in moments.items()}
    net.optimizer_.load_state_dict(optimizer)
    net.history_ = History(state["history"])
    return net


def _fill(tensors, arrays, what):
    """Check that arrays are what they replace: names, shapes, types; and finite."""
    if tensors.keys() != arrays.keys():
        raise ValueError(f"the {what} have other names than the network's")
    for name, tensor in tensors.items():
        array = arrays[name]
        if array.shape != tuple(tensor.shape) or torch.from_numpy(array).dtype != tensor.dtype:
            raise ValueError(
                f"{name} of the {what} is {array.dtype} {array.shape}, but the network has "
                f"{tensor.dtype} {tuple(tensor.shape)}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} of the {what} holds NaN or infinity")


# ------------------------------------------------------------------------ whole estimators


def to_bytes(estimator):
    """Return the file of an estimator, fitted or not."""
    tensors = {}
    attributes = dict(vars(estimator))
    # Those who load a model say which device it is put on.
    params = {n: attributes.pop(n) for n in estimator.get_params(deep=False)} | {"device": "cpu"}
    nets = [net_state(net) for net in attributes.pop("nets_", [])]
    packages = [np, sklearn, skorch, torch]
    model = {
        "format": FORMAT,
        "versions": {"sklearn_spectral": __version__, "python": platform.python_version()}
        | {package.__name__: str(package.__version__) for package in packages},
        "estimator": type(estimator).__name__,
        "params": {n: encode(value, f"parameter {n}", tensors) for n, value in params.items()},
        "attributes": {n: encode(value, n, tensors) for n, value in attributes.items()},
        "nets": encode(nets, "nets_", tensors),
    }
    tensors[CHECKSUM] = np.zeros(N_CHECKSUM, dtype=np.uint8)
    data = safetensors.numpy.save(tensors, {"model": json.dumps(model, allow_nan=False)})
    data = data[:-N_CHECKSUM] + hashlib.sha256(data[:-N_CHECKSUM]).digest()
    try:
        _read(type(estimator), data, "cpu")  # nothing is written that cannot be read
    except Exception as error:
        raise ValueError(f"This model cannot be saved: {error}.") from error
    return data


def from_bytes(cls, data, name, device="cpu"):
    """Return the estimator in `data`, which came from `name`."""
    torch.empty(
        0, device=resolve_device(device)
    )  # a device that is not there is not the file's fault
    try:
        return _read(cls, data, device)
    # What can be wrong with a hostile file has no end, and all of it means: not a good file.
    except Exception as error:
        reason = str(error) if isinstance(error, ValueError) else repr(error)
        raise ValueError(
            f"{name} cannot be loaded: {reason:.1000}. Get a good copy of it, or fit and save the "
            "model anew."
        ) from error


def _read(cls, data, device):
    if hashlib.sha256(data[:-N_CHECKSUM]).digest() != data[-N_CHECKSUM:]:
        raise ValueError(
            "its checksum does not fit, so it was damaged, cut short or not made by save()"
        )
    n_header = int.from_bytes(data[:8], "little")
    if n_header > MAX_HEADER:
        raise ValueError(f"its header has {n_header} bytes; at most {MAX_HEADER} are read")
    tensors = {name: array.copy() for name, array in safetensors.numpy.load(data).items()}
    model = json.loads(json.loads(data[8 : 8 + n_header])["__metadata__"]["model"])
    if model["format"] != FORMAT:
        raise ValueError(
            f"it has format {model['format']!r:.20} of sklearn_spectral "
            f"{model['versions']['sklearn_spectral']!r:.20}, but this is sklearn_spectral "
            f"{__version__}, which reads format {FORMAT}. Upgrade sklearn-spectral"
        )
    if model["estimator"] != cls.__name__:
        raise ValueError(
            f"it holds a {model['estimator']!s:.80}, but {cls.__name__}.load was asked to read "
            "it. Call load of that class"
        )
    del tensors[CHECKSUM]
    params = {name: decode(code, tensors) for name, code in model["params"].items()}
    estimator = cls(**params | {"device": device})
    _check_params(estimator)
    for name, code in model["attributes"].items():
        if name in params or name == "nets_":
            raise ValueError(f"{name!r:.80} is no attribute, but has a place of its own")
        set_attribute(estimator, name, decode(code, tensors))
    nets = decode(model["nets"], tensors)
    if tensors:
        raise ValueError(f"nothing uses its tensor {min(tensors)!r:.80}")
    if nets:
        estimator.nets_ = [_net_from(estimator, state) for state in nets]
        _check_attributes(estimator)
    return estimator


def _check_params(estimator):
    """Check what `fit` takes on trust, because a caller may pass code and a file may not."""
    estimator._check_parameters()
    if estimator.callbacks:
        raise ValueError("callbacks are code")
    for name in estimator.net_params or {}:
        if not NET_PARAMS.fullmatch(name):
            raise ValueError(f"net_params[{name!r:.80}] is none of those that a file may hold")


def _check_attributes(estimator):
    """Check that a fitted estimator has what its methods need, in shapes that fit each other."""
    n_points = estimator.n_features_in_
    n_outputs = getattr(estimator, "n_outputs_", estimator.nets_[0].module_.n_outputs)
    if not type(n_points) is type(n_outputs) is int:
        raise ValueError("n_features_in_ and n_outputs_ are no integers")
    n_bins = -(-n_points // bin_size(n_points))
    for net in estimator.nets_:
        module = net.module_
        sizes = (module.n_views, module.n_points, module.n_outputs)
        if sizes != (N_VIEWS, n_bins, n_outputs):
            raise ValueError(
                f"a network of {sizes} views, points and outputs does not fit the model's "
                f"{(N_VIEWS, n_bins, n_outputs)}"
            )
    numbers = {
        "mean_spectrum_": (estimator.mean_spectrum_, (n_points,)),
        "_view_scaler.mean_": (estimator._view_scaler.mean_, (N_VIEWS, n_bins)),
        "_view_scaler.scale_": (estimator._view_scaler.scale_, (N_VIEWS, n_bins)),
        "the outputs' scale": (estimator._output_scale, (n_outputs,)),
    }
    names = {"the labels": (estimator._labels, (n_outputs,))}
    if hasattr(estimator, "_domain"):
        domain = estimator._domain
        n_components = len(domain.variances_)
        numbers["_domain.mean_"] = (domain.mean_, (N_VIEWS * n_bins,))
        numbers["_domain.loadings_"] = (domain.loadings_, (N_VIEWS * n_bins, n_components))
        numbers["_domain.variances_"] = (domain.variances_, (n_components,))
        names["_domain.limits_"] = (domain.limits_, (2,))  # NaN of few spectra
    temperature, calibrated = estimator._temperature, estimator._calibrated
    if type(temperature) is not float or not 1 <= temperature <= HOTTEST:
        raise ValueError(f"_temperature is {temperature!r:.80}")
    if type(calibrated) is not bool:
        raise ValueError(f"_calibrated is {calibrated!r:.80}")
    if estimator.x_axis_ is not None:
        numbers["x_axis_"] = (estimator.x_axis_, (n_points,))
    if hasattr(estimator, "feature_names_in_"):
        names["feature_names_in_"] = (estimator.feature_names_in_, (n_points,))
    for name, (array, shape) in (numbers | names).items():
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}; expected {shape}")
        if name in numbers and not np.isfinite(array).all():
            raise ValueError(f"{name} holds NaN or infinity")


def write(path, data):
    """Write a whole file or nothing: what was there stays until all of the new one is on disk."""
    path = os.path.realpath(path)  # of a link, what it points to
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def read(path):
    """Return the bytes of a file that is not too large to be one of ours."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise ValueError(f"{path} has {size} bytes; at most {MAX_BYTES} are read.")
        return file.read(size)


def skops_types():
    """Name the types to trust when `skops` loads a pipeline with one of our estimators.

    `skops` has no register of types: it trusts scikit-learn's, and those it is told. Ours are
    restored from a file like that of ``save`` within skops' own, with all its checks, and
    chemotools' are scikit-learn transformers, whose attributes skops restores.

    Returns
    -------
    types : list of str
        Full names of this package's estimators and transformers, and of chemotools'.

    Examples
    --------
    >>> import io
    >>> import skops.io
    >>> from chemotools.scatter import StandardNormalVariate
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_spectral import ResNet1DClassifier, skops_types
    >>> X, y = make_classification(n_features=100, random_state=0)
    >>> model = make_pipeline(StandardNormalVariate(), ResNet1DClassifier(max_epochs=1)).fit(X, y)
    >>> file = io.BytesIO()  # or a path
    >>> skops.io.dump(model, file)
    >>> loaded = skops.io.load(file, trusted=skops_types())
    >>> bool((loaded.predict(X) == model.predict(X)).all())
    True
    """
    modules = [import_module(f"chemotools.{name}") for name in CHEMOTOOLS]
    modules += [import_module(__package__), import_module(f"{__package__}.preprocessing")]
    public = [getattr(module, name) for module in modules for name in module.__all__]
    types = {t for t in public if isinstance(t, type) and issubclass(t, BaseEstimator)}
    return sorted([f"{t.__module__}.{t.__qualname__}" for t in types] + SOLVERS)
