"""Models as files that hold numbers and text, never code.

A file is one safetensors file: arrays are its tensors, everything else is JSON in its header.
Nothing in it is imported, evaluated or unpickled: the estimator is constructed by its class and the
network by `make_net`, as in `fit`, from numbers that were checked.
"""

import copyreg
import hashlib
import json
import os
import platform
import re
import secrets
from importlib import import_module
from typing import Self

import numpy as np
import safetensors.numpy
import sklearn
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .. import _network
from .._calibration.probabilities import HOTTEST
from .._lazy import skorch, torch
from .._spectra.names import UNITS
from .._spectra.parameters import check_parameters
from .._spectra.views import N_VIEWS, bin_size
from .._version import __version__
from .._work import own_settings
from .nets import check_like, net_from, net_state
from .values import decode, encode, set_attribute

FORMAT = 1
# The last tensor of a file is the SHA-256 of all bytes before it, in every format to come.
CHECKSUM = "~sha256"  # sorted last: other names begin with a digit, and no type is smaller
N_CHECKSUM = 32
MAX_BYTES = 2**30  # many times the largest network that makes sense
MAX_HEADER = 2**24  # a million column names
MAX_EXPONENT = 2**14  # of weights: those of classes, and of spectra, are float64
# Names in `net_params` that files may contain: numbers for skorch. Its other parameters are code.
NET_PARAMS = re.compile(r"(module|optimizer|criterion)__\w+")
# Where chemotools' transformers are, and what those that smooth hold besides numbers.
CHEMOTOOLS = (
    ("adaptation", "augmentation", "baseline", "derivative", "feature_selection", "physics")
    + ("projection", "scale", "scatter", "smooth")
)  # fmt: skip
OURS = ("sklearn_spectral", "sklearn_spectral.preprocessing")
SOLVERS = [f"chemotools.utils._whittaker_solvers.{name}Solver" for name in ("Banded", "Sparse")]


class SavedModel:
    """Methods that save and load an estimator, by own files, skops and pickle."""

    def save(self, path: str | os.PathLike) -> None:
        """Write the fitted model to a file that contains numbers and text, but no code.

        The file is a safetensors file. Its tensors are the arrays, the weights and the state of the
        optimizer; its header contains parameters, other attributes and versions as JSON; and it
        ends with a SHA-256 checksum. The same model always gives the same bytes. The file replaces
        an existing one only after all of it is on disk, so that a full disk or a killed process
        leaves the existing file unchanged (a killed process may leave a ``.tmp`` file).

        Parameters
        ----------
        path : str or path-like
            Path of the file, such as ``model.safetensors``. An existing file is replaced.

        Raises
        ------
        ValueError
            A parameter or an attribute cannot be written, because it is not a number, text or an
            array of these, such as a callback or an optimizer class. The message says which one
            and what to do.
        OSError
            The file cannot be written.
        NotFittedError
            The model is not fitted.

        See Also
        --------
        load : Reads the file.
        skops_types : Saving whole pipelines by skops.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> X, y = make_oil_blends(20, n_replicates=1, random_state=0, return_X_y=True)  # y in %
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "model.safetensors")
        ...     model.save(path)
        ...     loaded = ResNet1DRegressor.load(path)
        >>> bool((loaded.predict(X) == model.predict(X)).all())
        True
        """
        check_is_fitted(self)
        write(path, _to_bytes(self))

    @classmethod
    def load(cls, path: str | os.PathLike, *, device: str = "cpu") -> Self:
        """Return the model that `save` wrote to a file.

        The model predicts and explains the same bit for bit, and `partial_fit` and `warm_start`
        continue as they would have before. No code is run from the file, even if the file is
        malicious. The contents are checked: sizes before memory is allocated, shapes, names, and
        that weights are finite. The checksum detects damage, but does not identify the author.

        Parameters
        ----------
        path : str or path-like
            Path of the file.
        device : str, default="cpu"
            PyTorch device of the network, or "auto". The device is not stored in the file.

        Returns
        -------
        estimator : object
            A fitted estimator of this class.

        Raises
        ------
        ValueError
            The file is damaged, incomplete or too large, or it was not written by `save` of this
            class and of this or an earlier version.
        OSError
            The file cannot be read.

        See Also
        --------
        save : Writes the file; its example also loads it.
        """
        return _from_bytes(cls, read(path), path, device)

    # skops asks for the state; pickle, joblib and copy get the attributes as they are, which
    # may hold what no file does, such as callbacks.

    def __getstate__(self):
        return {"file": _to_bytes(self)}

    def __setstate__(self, state):
        if state.keys() == {"file"}:
            state = vars(_from_bytes(type(self), state["file"], "The skops file's model"))
        vars(self).update(state)

    def __reduce_ex__(self, protocol):
        return copyreg.__newobj__, (type(self),), vars(self).copy()  # type: ignore[attr-defined]


def _to_bytes(estimator):
    """Return the file of an estimator, fitted or not."""
    tensors: dict[str, np.ndarray] = {}
    attributes = dict(vars(estimator))
    # Those who load a model say which device it is put on.
    params = {n: attributes.pop(n) for n in estimator.get_params(deep=False)} | {"device": "cpu"}
    nets = attributes.pop("nets_", [])
    packages = [np, sklearn, skorch, torch]
    model = {
        "format": FORMAT,
        "versions": {"sklearn_spectral": __version__, "python": platform.python_version()}
        | {package.__name__: str(package.__version__) for package in packages},
        "estimator": type(estimator).__name__,
        "params": {n: encode(value, f"parameter {n}", tensors) for n, value in params.items()},
        "attributes": {n: encode(value, n, tensors) for n, value in attributes.items()},
        # Last: only of what was let through so far is the state known.
        "nets": encode([net_state(net) for net in nets], "nets_", tensors),
    }
    tensors[CHECKSUM] = np.zeros(N_CHECKSUM, dtype=np.uint8)
    data = safetensors.numpy.save(tensors, {"model": json.dumps(model, allow_nan=False)})
    data = data[:-N_CHECKSUM] + hashlib.sha256(data[:-N_CHECKSUM]).digest()
    try:
        _read(type(estimator), data, "cpu")  # nothing is written that cannot be read
    except Exception as error:
        raise ValueError(f"This model cannot be saved: {str(error).rstrip('.')}.") from error
    return data


def _from_bytes(cls, data, name, device="cpu"):
    """Return the estimator in `data`, which came from `name`."""
    torch.empty(
        0, device=_network.net.resolve_device(device)
    )  # a device that is not there is not the file's fault
    try:
        return _read(cls, data, device)
    # A hostile file may cause any error, and all errors mean that the file cannot be used.
    except Exception as error:
        reason = str(error) if isinstance(error, ValueError) else repr(error)
        raise ValueError(
            f"{name} cannot be loaded: {reason:.1000}. Get an intact copy of the file, or fit and "
            "save the model again."
        ) from error


@own_settings()
def _read(cls, data, device):
    if hashlib.sha256(data[:-N_CHECKSUM]).digest() != data[-N_CHECKSUM:]:
        raise ValueError(
            "its checksum is wrong, so it is damaged, incomplete or was not written by save()"
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
            f"it contains a {model['estimator']!s:.80}, but was read by {cls.__name__}.load. Call "
            "load of that class"
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
        estimator.nets_ = [net_from(estimator, state) for state in nets]
        _check_attributes(estimator)
    return estimator


def _check_params(estimator):
    """Check what `fit` takes on trust, because a caller may pass code and a file may not."""
    check_parameters(estimator)
    if estimator.callbacks:
        raise ValueError("callbacks are code")
    for name in estimator.net_params or {}:
        if not NET_PARAMS.fullmatch(name):
            raise ValueError(f"net_params[{name!r:.80}] is none of those that a file may hold")


def _check_attributes(estimator):
    """Check that a fitted estimator has the attributes of its methods, in consistent shapes."""
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
        "the outputs' scale": (estimator._unit[0], (n_outputs,)),
    }
    names = {"the labels": (estimator._named_outputs[0], (n_outputs,))}
    domain = estimator._domain
    n_components = len(domain.variances_)
    numbers["_domain.mean_"] = (domain.mean_, (N_VIEWS * n_bins,))
    numbers["_domain.loadings_"] = (domain.loadings_, (N_VIEWS * n_bins, n_components))
    numbers["_domain.variances_"] = (domain.variances_, (n_components,))
    names["_domain.limits_"] = (domain.limits_, (2,))  # NaN of few spectra
    correction, n_positions = estimator._map_correction, estimator._network.n_positions
    of_directions = (n_outputs, correction.directions_.shape[1], n_positions)
    numbers["_map_correction.shapes_"] = (correction.shapes_, (n_outputs, n_positions))
    numbers["_map_correction.directions_"] = (correction.directions_, of_directions)
    numbers["feature_importances_"] = (estimator.feature_importances_, (n_points,))
    if estimator.x_axis_ is not None:
        numbers["x_axis_"] = (estimator.x_axis_, (n_points,))
    if hasattr(estimator, "feature_names_in_"):
        names["feature_names_in_"] = (estimator.feature_names_in_, (n_points,))
    for name, (array, shape) in (numbers | names).items():
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}; expected {shape}")
        if name in numbers and not np.isfinite(array).all():
            raise ValueError(f"{name} holds NaN or infinity")
    _check_settings(estimator)


def _check_settings(estimator):
    """Check attributes that are no arrays, and the weights that training started from."""
    temperature = estimator._temperature if hasattr(estimator, "classes_") else 1.0
    mean, exponent = estimator._mean_weight
    held = {
        "_calibrated": type(estimator._calibrated) is bool,
        "_temperature": type(temperature) is float and 1 <= temperature <= HOTTEST,
        "_mean_weight": type(mean) is float
        and 0 < mean < np.inf
        and type(exponent) is int
        and abs(exponent) <= MAX_EXPONENT,
        "_axis_unit": estimator._axis_unit in (None, *UNITS),
    }
    for name, holds in held.items():
        if not holds:
            raise ValueError(f"{name} is {getattr(estimator, name)!r:.80}")
    start = getattr(estimator, "_start_weights", None) or []  # a regressor has none
    for net, weights in zip(estimator.nets_, start, strict=False):
        check_like(net.module_.state_dict(), weights, "start")


def write(path, data):
    """Write a whole file or nothing: what was there stays until all of the new one is on disk."""
    given, path = path, os.path.realpath(path)  # of a link, what it points to
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"{os.fspath(given)!r} cannot be written, because the folder {folder!r} does not "
            f"exist. Create it by os.makedirs.{_home(given)}"
        )
    if os.path.isdir(path):
        raise IsADirectoryError(f"{os.fspath(given)!r} is a folder; expected the path of a file.")
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


def _home(path):
    """Return what to do about a path that begins with ~, if it does."""
    home = " ~ is not expanded here: pass os.path.expanduser(path)."
    return home if str(path).startswith("~") else ""


def read(path):
    """Return the bytes of a file, unless it is too large to be written by `save`."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"The file {os.fspath(path)!r} does not exist.{_home(path)}")
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise ValueError(f"{path} has {size} bytes; at most {MAX_BYTES} are read.")
        return file.read(size)


def skops_types() -> list[str]:
    """Return the types that `skops` must trust to load a pipeline with our estimators.

    skops trusts the types of scikit-learn and those that are passed to it. Within the file of skops
    the estimators of this package are stored as ``save`` stores them, and are loaded with the same
    checks. The transformers of chemotools are scikit-learn transformers, whose attributes skops
    restores.

    Returns
    -------
    types : list of str
        Full names of the estimators and transformers of this package and of chemotools.

    See Also
    --------
    ResNet1DClassifier.save : Saves one estimator without skops.
    export_onnx : Writes a model for software without Python.

    Examples
    --------
    >>> import io
    >>> import skops.io
    >>> from chemotools.scatter import StandardNormalVariate
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_spectral import ResNet1DRegressor, skops_types
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> X, y = make_oil_blends(20, n_replicates=1, random_state=0, return_X_y=True)  # y in %
    >>> model = make_pipeline(StandardNormalVariate(), ResNet1DRegressor(max_epochs=1)).fit(X, y)
    >>> file = io.BytesIO()  # or a path
    >>> skops.io.dump(model, file)
    >>> loaded = skops.io.load(file, trusted=skops_types())
    >>> bool((loaded.predict(X) == model.predict(X)).all())
    True
    """
    names = [*(f"chemotools.{name}" for name in CHEMOTOOLS), *OURS]
    modules = [import_module(name) for name in names]
    public = [getattr(module, name) for module in modules for name in module.__all__]
    types = {t for t in public if isinstance(t, type) and issubclass(t, BaseEstimator)}
    return sorted([f"{t.__module__}.{t.__qualname__}" for t in types] + SOLVERS)
