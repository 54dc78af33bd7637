"""Models as files that hold numbers and text, never code.

A file is one safetensors file: arrays are its tensors, everything else is JSON in its header.
Nothing in it is imported, evaluated or unpickled: the estimator is made by its constructor and
the network by `make_net`, as in `fit`, from numbers that were checked.
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
# What `net_params` may hold: numbers for skorch. Its other parameters are code, or start code.
NET_PARAMS = re.compile(r"(module|optimizer|criterion)__\w+")
# Where chemotools' transformers are, and what those that smooth hold besides numbers.
CHEMOTOOLS = (
    ("adaptation", "augmentation", "baseline", "derivative", "feature_selection", "physics")
    + ("projection", "scale", "scatter", "smooth")
)  # fmt: skip
OURS = ("sklearn_spectral", "sklearn_spectral.preprocessing")
SOLVERS = [f"chemotools.utils._whittaker_solvers.{name}Solver" for name in ("Banded", "Sparse")]


class SavedModel:
    """How an estimator of ours goes to files and comes back: its own, skops' and pickles."""

    def save(self, path: str | os.PathLike) -> None:
        """Write the fitted model to a file that holds numbers and text, never code.

        One safetensors file: arrays, weights and the optimizer's state are its tensors,
        parameters and other attributes JSON in its header, with format and package versions;
        a SHA-256 over all of it comes last. The same model makes the same bytes. The file takes
        its place at once when all of it is on disk, so that a full disk or a killed process
        leaves what was there before (a killed one may leave a ``.tmp`` beside it).

        Parameters
        ----------
        path : str or path-like
            Where to; ``model.safetensors``, say. What is there is replaced.

        Raises
        ------
        ValueError
            A parameter or an attribute is neither number nor text nor an array of them, such as
            a callback or an optimizer class; the message says which and what to do.
        OSError
            The file cannot be written.
        NotFittedError
            There is nothing to save yet.

        See Also
        --------
        skops_types : Whole pipelines, by `skops`.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from sklearn.datasets import make_regression
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> X, y = make_regression(n_features=100, random_state=0)
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

        It predicts and explains bit for bit as before, and `partial_fit` and `warm_start` go on
        as they would have. Nothing in the file is run, whoever made it, and what it holds is
        checked: sizes before memory is taken, shapes, names, finite weights. The checksum tells
        damage, not who wrote the file.

        Parameters
        ----------
        path : str or path-like
        device : str, default="cpu"
            PyTorch device to put the network on, or "auto"; the file does not choose one.

        Returns
        -------
        estimator : object
            A fitted estimator of this class.

        Raises
        ------
        ValueError
            The file is damaged, cut short, too large, made by other means, by a newer version
            or by another estimator.
        OSError
            The file cannot be read.
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
        raise ValueError(f"This model cannot be saved: {error}.") from error
    return data


def _from_bytes(cls, data, name, device="cpu"):
    """Return the estimator in `data`, which came from `name`."""
    torch.empty(
        0, device=_network.net.resolve_device(device)
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


@own_settings()
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
            f"{os.fspath(given)!r} cannot be written: there is no folder {folder!r}. Make it, "
            f"by os.makedirs.{_home(given)}"
        )
    if os.path.isdir(path):
        raise IsADirectoryError(f"{os.fspath(given)!r} is a folder; expected the name of a file.")
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
    """Return the bytes of a file that is not too large to be one of ours."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"{os.fspath(path)!r} is not there to be read.{_home(path)}")
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise ValueError(f"{path} has {size} bytes; at most {MAX_BYTES} are read.")
        return file.read(size)


def skops_types() -> list[str]:
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
    names = [*(f"chemotools.{name}" for name in CHEMOTOOLS), *OURS]
    modules = [import_module(name) for name in names]
    public = [getattr(module, name) for module in modules for name in module.__all__]
    types = {t for t in public if isinstance(t, type) and issubclass(t, BaseEstimator)}
    return sorted([f"{t.__module__}.{t.__qualname__}" for t in types] + SOLVERS)
