"""Export of models to ONNX files, which compute predictions and maps without Python."""

import json
from os import PathLike

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .. import _network
from .._explanation.grad_cam import spreading
from .._network.sizes import STRIDE
from .._pipelines.unwrap import linear_inverse, unwrap
from .._spectra import views as _views
from .._spectra.axis import Axis, resolve_axis
from .._version import __version__
from .._work import optional, own_settings
from .models import write
from .onnx_steps import add_affine, add_step, root_mean_square

# The lowest version of the operators that has all of them as they are used here, and the version
# of the file's format that came with it: what reads ONNX 1.8 (2020) reads the file.
OPSET = 13
IR_VERSION = 7


@own_settings()
def export_onnx(
    estimator: BaseEstimator,
    path: str | PathLike,
    *,
    explain: bool = True,
    x_axis: ArrayLike | None = None,
) -> None:
    """Write a fitted model to an ONNX file that computes predictions and maps.

    The file takes the same spectra as `estimator`, because it includes the preprocessing. Since 1D
    Grad-CAM needs no backward pass with a linear head, the maps are outputs of the graph, and any
    software that runs ONNX models can compute them without Python. This function needs the extra
    ``sklearn-spectral[onnx]``.

    The input is ``spectra`` (n_samples, n_features), float64, for any number of spectra. As in
    Python, preprocessing and derivatives are computed in float64, because in float32 bands on a
    high background would be lost; the network is computed in float32. The outputs are:

    ================= ============================== ==============================================
    ``prediction``    (n_samples[, n_outputs])       a regressor's ``predict``, float64
    ``label``         (n_samples,)                   a classifier's ``predict``: strings, int64,
                                                     float64 or bool, as its labels are
    ``probabilities`` (n_samples, n_classes)         its ``predict_proba``, float64
    ``logits``        (n_samples, n_classes)         float64
    ``maps``          (n_samples, n_points           contributions to every target, float32; with a
                      [, n_targets])                 last axis if there are several targets
    ``base_values``   (n_targets,)                   ``maps.sum(axis=1) + base_values`` is
                                                     ``prediction``, or ``logits``
    ================= ============================== ==============================================

    The metadata of the file contain, as JSON, ``x_axis`` (of the maps), ``targets`` (class labels,
    or the names of the outputs), ``output_name``, ``preprocessing`` (class names), ``opset`` and
    ``sklearn_spectral_version``.

    A graph cannot raise errors. For a spectrum that Python would refuse (NaN, infinity, or constant
    before StandardNormalVariate), the prediction, the logits and the probabilities are not finite,
    and the label has no meaning.

    Parameters
    ----------
    estimator : fitted estimator
        A ResNet1DClassifier or ResNet1DRegressor, alone or inside a Pipeline, a search such as
        GridSearchCV or a TransformedTargetRegressor with a linear transformer, nested in any way.
        Preprocessing steps can be exported if they treat every spectrum alike and in closed form:
        scalers, scatter corrections, filters, derivatives and range cuts of chemotools and
        scikit-learn.
    path : str or path-like
        Path of the file. An existing file is replaced only if there is no error.
    explain : bool, default=True
        Whether the file has the outputs ``maps`` and ``base_values``.
    x_axis : array-like of shape (n_features,) or (n_points,), default=None
        Wavelengths or wavenumbers of the columns of X, or of the points that the last step
        receives. None takes them from the column names of the training spectra, if these are text,
        or from a step that knows them; without these, points are counted from 0.

    Raises
    ------
    ImportError
        The extra is not installed.
    TypeError
        A preprocessing step cannot be exported (the message lists the steps that can), or
        `estimator` does not end in an estimator of this package. The members of an ensemble must be
        exported one by one.
    ValueError
        `estimator` transforms y by a function that is not linear, or `x_axis` does not fit.

    See Also
    --------
    explain : Computes the same maps in Python.
    ResNet1DRegressor.save : Saves a model for Python.
    skops_types : Saving whole pipelines for Python.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, onnxruntime
    >>> from chemotools.scatter import StandardNormalVariate
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_spectral import ResNet1DRegressor, export_onnx
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> X, y = make_oil_blends(20, n_replicates=1, random_state=0, return_X_y=True)  # y in %
    >>> model = make_pipeline(
    ...     StandardNormalVariate(), ResNet1DRegressor(max_epochs=1, random_state=0)
    ... ).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.onnx"
    ...     export_onnx(model, path)
    ...     session = onnxruntime.InferenceSession(path)
    >>> prediction, maps, base_values = session.run(None, {"spectra": X})
    >>> maps.shape
    (20, 701)
    >>> bool(np.allclose(maps.sum(axis=1) + base_values, prediction, atol=1e-3))
    True
    >>> bool(np.allclose(prediction, model.predict(X), atol=1e-3))
    True
    """
    graph = _Graph(optional("onnx", "onnx", "ONNX files"))
    model = unwrap(estimator)
    network = model.last._network
    fitted = [*(step for _, step in model.steps), model.last]
    # Steps that know no number of features (FunctionTransformer) leave it as it is.
    n_features = next(step.n_features_in_ for step in fitted if hasattr(step, "n_features_in_"))
    axis = Axis.of(None, x_axis, n_features)
    x, n_points = graph.input("spectra", np.float64, ["n_samples", n_features]), n_features
    for name, step in model.steps:
        axis = axis.after(step)
        x, n_points = add_step(graph, x, n_points, name, step)
    x = _add_views(graph, x, n_points, network.scaler)
    matrix, offset, labels = _unit(model, network)
    cells, base_values = _add_networks(graph, x, network)
    base_values = base_values @ matrix + offset
    outputs = graph("ReduceSum", graph.cast(cells, np.float64), [2], keepdims=0)
    outputs = graph("Add", graph("MatMul", outputs, matrix), base_values)  # (B, n_targets)
    if hasattr(model.last, "classes_"):
        _add_class_outputs(graph, outputs, labels)
    elif model.y_ndim == 1:
        graph.output("prediction", graph("Squeeze", outputs, [1]), np.float64, ["n_samples"])
    else:
        graph.output("prediction", outputs, np.float64, ["n_samples", len(labels)])
    if explain:
        cells = _add_correction(graph, cells, model.last._map_correction)
        cells = _add_unit(graph, cells, matrix, network.n_positions)
        _add_maps(graph, cells, network, n_points, labels, model.y_ndim)
        graph.output("base_values", base_values, np.float64, [len(labels)])
    last_axis = resolve_axis(model.last, None, axis.of_last_step(model.last))["x_axis"]
    metadata = {
        "x_axis": json.dumps(last_axis.tolist()),
        "targets": json.dumps(labels.tolist(), default=str),
        "output_name": model.last._named_outputs[1],
        "preprocessing": json.dumps([type(step).__name__ for step in fitted[:-1]]),
        "opset": str(OPSET),
        "sklearn_spectral_version": __version__,
    }
    write(path, graph.model(metadata).SerializeToString())


class _Graph:
    """An ONNX graph that grows node by node, in the order in which it is computed."""

    def __init__(self, onnx):
        self.onnx = onnx
        self._nodes, self._constants, self._inputs, self._outputs = [], [], [], []

    def __call__(self, operator, *inputs, **attributes):
        """Add a node and return the name of its output; inputs that are no names are constants."""
        names = [each if isinstance(each, str) else self._constant(each) for each in inputs]
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(self.onnx.helper.make_node(operator, names, [output], **attributes))
        return output

    def _constant(self, array):
        name = f"constant_{len(self._constants)}"
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        self._constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def _type(self, dtype):
        return self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def cast(self, x, dtype):
        """Add a change of type."""
        return self("Cast", x, to=self._type(dtype))

    def input(self, name, dtype, shape):
        """Add an input of the model and return its name."""
        info = self.onnx.helper.make_tensor_value_info(name, self._type(dtype), shape)
        self._inputs.append(info)
        return name

    def output(self, name, x, dtype, shape):
        """Make `x`, a node's output or a constant, an output of the model."""
        x = x if isinstance(x, str) else self._constant(x)
        self._nodes.append(self.onnx.helper.make_node("Identity", [x], [name]))
        info = self.onnx.helper.make_tensor_value_info(name, self._type(dtype), shape)
        self._outputs.append(info)

    def model(self, metadata):
        """Return the whole as a checked ONNX model."""
        helper = self.onnx.helper
        graph = helper.make_graph(
            self._nodes, "sklearn_spectral", self._inputs, self._outputs, self._constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="sklearn-spectral",
            producer_version=__version__,
        )
        helper.set_model_props(model, metadata)
        self.onnx.checker.check_model(model, full_check=True)
        return model


def _unit(model, network):
    """Return the linear transformation from the outputs of the networks to the targets.

    Returns
    -------
    matrix : ndarray of shape (n_outputs, n_targets)
    offset : ndarray of shape (n_targets,)
        ``outputs @ matrix + offset`` has the unit of y.
    labels : ndarray of shape (n_targets,)
    """
    labels, _ = model.last._named_outputs
    matrix, offset = np.diag(network.scale), network.offset
    for transformer in model.y_transformers:
        # Predictions as they may come: the mean of y, and up to a few standard deviations off.
        outputs = np.random.RandomState(0).normal(size=(100, len(matrix))) @ matrix + offset
        each, constant = linear_inverse(transformer, outputs)
        matrix, offset = matrix @ each, offset @ each + constant
    return matrix, offset, labels if len(labels) == len(offset) else np.arange(len(offset))


# ------------------------------------------------------------------ views and networks


def _add_views(graph, x, n_points, scaler):
    """Add what `_views.views` and the fitted scaler of views compute: float32 (B, 3, n_bins)."""
    raw = x
    if _views.bin_size(n_points) > 1:
        x, n_points, _ = add_affine(graph, x, n_points, _views.average_bins)
    stack = [x] + [graph("Mul", x, 0.0)] * (_views.N_VIEWS - 1)
    if n_points >= _views.MIN_POINTS_OF_DERIVATIVE:
        rounding = _rounding(graph, raw)
        for order, (window, _) in _views.WINDOWS.items():
            slopes, _, _ = add_affine(
                graph, x, n_points, lambda X, order=order: _views.derivative(X, order)
            )
            slopes = graph("Sub", slopes, graph("ReduceMean", slopes, axes=[1]))
            size = root_mean_square(graph, slopes)
            size = graph("Where", graph("Greater", size, rounding), size, np.inf)
            margin = [0, window // 2]
            stack[order] = graph("Pad", graph("Div", slopes, size), margin * 2)
    stack = graph("Concat", *(graph("Unsqueeze", view, [1]) for view in stack), axis=1)
    stack = graph("Div", graph("Sub", stack, scaler.mean_), scaler.scale_)
    return graph.cast(stack, np.float32)


def _rounding(graph, x):
    """Add what `_views.rounding` computes: (B, 1)."""
    same = graph("Equal", x, graph.cast(graph.cast(x, np.float32), np.float64))
    all_same = graph("ReduceMin", graph.cast(same, np.float32), axes=[1])
    single = graph("Equal", all_same, np.float32(1))
    share = graph("Where", single, _views.ROUNDING_OF_SINGLE, _views.ROUNDING)
    return graph("Mul", share, graph("ReduceMax", graph("Abs", x), axes=[1]))


def _add_networks(graph, x, network):
    """Add the networks, averaged, up to what each position contributes to each output.

    Returns
    -------
    cells : str
        Of float32 (B, n_outputs, n_positions).
    base_values : ndarray of shape (n_outputs,)
    """
    cells, n_nets = [], len(network.modules)
    for module in network.modules:
        weights = _numpy(module.head_weight) / np.float32(n_nets)  # (n_outputs, K, L)
        features = graph("Transpose", _add_features(graph, x, module), perm=[2, 0, 1])
        cells.append(graph("MatMul", features, weights.transpose(2, 1, 0)))  # (L, B, n_outputs)
    biases = [_numpy(module.head.bias).astype(float) for module in network.modules]
    return graph("Transpose", graph("Sum", *cells), perm=[1, 2, 0]), np.mean(biases, axis=0)


def _add_correction(graph, cells, correction):
    """Add what `MapCorrection.apply` computes."""
    directions = correction.directions_  # (n_outputs, n_directions, n_positions)
    if directions.shape[1] == 0:
        return cells
    sums = graph("ReduceSum", cells, [2], keepdims=1)
    rest = graph("Sub", cells, graph("Mul", sums, correction.shapes_))
    rest = graph("Transpose", rest, perm=[1, 0, 2])  # (n_outputs, B, n_positions)
    known = graph("MatMul", graph("MatMul", rest, directions.transpose(0, 2, 1)), directions)
    return graph("Sub", cells, graph("Transpose", known, perm=[1, 0, 2]))


def _add_unit(graph, cells, matrix, n_positions):
    """Add contributions to targets, (B, n_targets, n_positions), of those to outputs."""
    # A matrix for each position: old runtimes cannot broadcast one to no spectra at all.
    matrices = np.tile(matrix.astype(np.float32), (n_positions, 1, 1))
    cells = graph("MatMul", graph("Transpose", cells, perm=[2, 0, 1]), matrices)
    return graph("Transpose", cells, perm=[1, 2, 0])


def _add_maps(graph, cells, network, n_points, labels, y_ndim):
    """Add what each point of the spectrum contributes to each target."""
    points = network.points_per_position(n_points)
    weights = spreading(network.n_positions, n_points, points).numpy()
    maps, shape = graph("MatMul", cells, weights), ["n_samples", n_points, len(labels)]
    if y_ndim == 1:
        maps, shape = graph("Squeeze", maps, [1]), shape[:2]
    else:
        maps = graph("Transpose", maps, perm=[0, 2, 1])
    graph.output("maps", maps, np.float32, shape)


def _add_features(graph, x, module):
    """Add what `ResNet1D.forward_features` computes, (B, K, L); changes there belong here, too."""
    if type(module).forward_features is not _network.resnet1d.ResNet1D.forward_features:
        raise TypeError(
            f"The network is a {type(module).__name__}, which computes its features in another way "
            "than ResNet1D; only ResNet1D can be exported to ONNX."
        )
    missing = module.n_positions * STRIDE - module.n_points
    x = graph("Pad", x, [0, 0, 0, 0, 0, missing])
    channels = _convolve(graph, x, module.stem)
    for block in module.blocks:
        branch = _convolve(graph, _gelu(graph, channels), block.first)
        branch = _convolve(graph, _gelu(graph, branch), block.second)
        channels = graph("Add", channels, branch)
    features = graph("Mul", _gelu(graph, channels), np.float32(module.feature_scale))
    if module.shortcut:
        shape = [0, module.n_views, module.n_positions, STRIDE]  # 0: as it is
        points = graph("Transpose", graph("Reshape", x, shape), perm=[0, 1, 3, 2])
        points = graph("Reshape", points, [0, module.n_views * STRIDE, module.n_positions])
        points = graph("Mul", points, np.float32(module.cell_scale))
        features = graph("Concat", features, points, axis=1)
    return graph("Sub", features, _numpy(module.feature_mean))


def _convolve(graph, x, layer):
    weight, bias = _numpy(layer.weight), _numpy(layer.bias)
    how = {"strides": layer.stride, "dilations": layer.dilation, "group": layer.groups}
    return graph("Conv", x, weight, bias, pads=layer.padding * 2, **how)


def _gelu(graph, x):
    # As its own operator it came with opset 20.
    bend = graph("Erf", graph("Mul", x, np.float32(np.sqrt(0.5))))
    return graph("Mul", graph("Mul", x, np.float32(0.5)), graph("Add", bend, np.float32(1)))


def _numpy(tensor):
    return tensor.detach().cpu().numpy()


def _add_class_outputs(graph, logits, labels):
    """Add labels, probabilities and logits of a classifier."""
    shape = ["n_samples", len(labels)]
    labels = np.asarray(labels.tolist())  # of ONNX's own types: int64, not int32
    if labels.dtype.kind == "U":
        labels = labels.astype(object)
    most_probable = graph("ArgMax", logits, axis=1, keepdims=0)
    graph.output("label", graph("Gather", labels, most_probable), labels.dtype, shape[:1])
    graph.output("probabilities", graph("Softmax", logits, axis=1), np.float64, shape)
    graph.output("logits", logits, np.float64, shape)
