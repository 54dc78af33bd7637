"""Preprocessing steps as nodes of an ONNX graph."""

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack

from .._pipelines.unwrap import LINEARITY_TOLERANCE

# Unit spectra that are transformed at a time: together they are a matrix of all points by all
# points.
BLOCK_SIZE = 256
# An affine map whose outputs see at most so many points is stored point by point, else as a
# matrix: a Savitzky-Golay window is narrow, Whittaker's smoother sees every point.
MAX_GATHERED = 64


def add_step(graph, x, n_points, name, step):
    """Add a fitted preprocessing step; return the name and the number of points of its output."""
    # The class itself is required, because a derived class may do something else.
    kind = f"{type(step).__module__.split('.')[0]}.{type(step).__name__}"
    if kind in AFFINE:
        x, n_points, holds = add_affine(graph, x, n_points, lambda X: _transform(step, X))
        if holds:
            return x, n_points
        problem = "does not add up points with fixed weights, set as it is"
    elif kind in BY_SPECTRUM:
        return BY_SPECTRUM[kind](graph, x, step), n_points
    elif kind in UNCHANGED or (kind == "sklearn.FunctionTransformer" and step.func is None):
        return x, n_points
    else:
        problem = "cannot be expressed in ONNX"
    known = ", ".join(sorted([*AFFINE, *BY_SPECTRUM, *UNCHANGED]))
    raise TypeError(
        f"Step {name!r}, {step!r}, {problem}. Steps that can: {known}. Use one of these, or apply "
        "this step before and export the steps after it: pipeline[1:]."
    )


def _transform(step, X):
    names = getattr(step, "feature_names_in_", None)
    X = X if names is None else pd.DataFrame(X, columns=names)
    return np.asarray(step.transform(X), dtype=float)


def add_affine(graph, x, n_points, function):
    """Add ``function(x)``, an affine map of single spectra, from its results for unit spectra.

    Returns
    -------
    x : str
    n_points : int
    holds : bool
        Whether the added map agrees with `function` for other spectra.
    """
    offset = function(np.zeros((1, n_points)))[0]
    starts = range(0, n_points, BLOCK_SIZE)
    blocks = [np.eye(min(BLOCK_SIZE, n_points - start), n_points, start) for start in starts]
    weights = vstack([csr_array(function(block) - offset) for block in blocks]).tocsc()
    # Small and large, positive and negative: what clips or weighs by size shows.
    spectra = (
        np.random.RandomState(0).normal(size=(10, n_points)) * 10.0 ** np.arange(-3, 7)[:, None]
    )
    expected, given = function(spectra), spectra @ weights + offset
    tolerance = LINEARITY_TOLERANCE * np.abs(expected).max(axis=1, keepdims=True)
    holds = bool((np.abs(given - expected) <= tolerance).all())

    counts = np.diff(weights.indptr)  # of the points that each output sees
    size = counts.max(initial=1)
    if size > MAX_GATHERED:
        x = graph("MatMul", x, weights.toarray())
    else:
        column = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(weights.nnz) - np.repeat(weights.indptr[:-1], counts)
        points, values = np.zeros((2, len(counts), size))
        points[column, place], values[column, place] = weights.indices, weights.data
        x = graph("Gather", x, points.astype(np.int64), axis=1)  # (B, n_outputs, size)
        x = graph("ReduceSum", graph("Mul", x, values), [2], keepdims=0)
    return graph("Add", x, offset), len(offset), holds


def _snv(graph, x, step):
    x = graph("Sub", x, graph("ReduceMean", x, axes=[1]))
    return graph("Div", x, root_mean_square(graph, x))


def root_mean_square(graph, x):
    return graph("Sqrt", graph("ReduceMean", graph("Mul", x, x), axes=[1]))


def _msc(graph, x, step):
    slope, intercept = (step.pinv_A_ * step.weights_)[:, :, None]  # each (n_points, 1)
    rest = graph("Sub", x, graph("MatMul", x, intercept))
    return graph("Div", rest, graph("MatMul", x, slope))


def _emsc(graph, x, step):
    coefficients = np.linalg.pinv(step.WA_).T * step.weights_.reshape(-1, 1)
    reference = step.order + 1  # its place, between polynomials and interferents
    others = graph("MatMul", x, np.delete(coefficients, reference, axis=1))
    rest = graph("Sub", x, graph("MatMul", others, np.delete(step.A_, reference, axis=1).T))
    return graph("Div", rest, graph("MatMul", x, coefficients[:, [reference]]))


def _norm(graph, x, order):
    # By hand: runtimes that are a few years old have no ReduceL1 and ReduceL2 of float64.
    if order == "max":
        return graph("ReduceMax", graph("Abs", x), axes=[1])
    order = float({"l1": 1, "l2": 2}.get(order, order))
    sums = graph("ReduceSum", graph("Pow", graph("Abs", x), order), [1])
    return graph("Pow", sums, 1 / order)


def _norm_scaler(graph, x, step):
    return graph("Div", x, _norm(graph, x, step.l_norm))


def _normalizer(graph, x, step):
    norm = _norm(graph, x, step.norm)
    return graph("Div", x, graph("Where", graph("Equal", norm, 0.0), 1.0, norm))


def _min_max_scaler(graph, x, step):
    highest = graph("ReduceMax", x, axes=[1])
    if not step.use_min:
        return graph("Div", x, highest)
    lowest = graph("ReduceMin", x, axes=[1])
    return graph("Div", graph("Sub", x, lowest), graph("Sub", highest, lowest))


def _point_scaler(graph, x, step):
    return graph("Div", x, graph("Gather", x, np.array([step.point_index_]), axis=1))


# Steps that leave spectra as they are:
UNCHANGED = ("sklearn_spectral.WavelengthAxis",)
# By package and name: to import them all would cost every user of the package a third of a second.
# Steps that add up the points of a spectrum with fixed weights, and maybe a constant:
AFFINE = (
    "chemotools.ConstantBaselineCorrection",
    "chemotools.IndexSelector",
    "chemotools.LinearCorrection",
    "chemotools.MeanFilter",
    "chemotools.ModifiedSincFilter",
    "chemotools.NorrisWilliams",
    "chemotools.ParetoScaler",
    "chemotools.PolynomialCorrection",
    "chemotools.RangeCut",
    "chemotools.SavitzkyGolay",
    "chemotools.SavitzkyGolayFilter",
    "chemotools.SubtractReference",
    "chemotools.WhittakerSmooth",
    "sklearn.MaxAbsScaler",
    "sklearn.MinMaxScaler",
    "sklearn.RobustScaler",
    "sklearn.StandardScaler",
)
# Steps that scale each spectrum by something of its own:
BY_SPECTRUM = {
    "chemotools.ExtendedMultiplicativeScatterCorrection": _emsc,
    "chemotools.MinMaxScaler": _min_max_scaler,
    "chemotools.MultiplicativeScatterCorrection": _msc,
    "chemotools.NormScaler": _norm_scaler,
    "chemotools.PointScaler": _point_scaler,
    "chemotools.StandardNormalVariate": _snv,
    "sklearn.Normalizer": _normalizer,
}
