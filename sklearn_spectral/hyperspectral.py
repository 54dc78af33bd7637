"""Predictions and explanations of images that are larger than memory, with Dask.

All results are lazy: they are computed by ``compute()``, ``to_zarr(...)`` or similar, on one
machine or on a cluster. Images are processed block by block, so that only a few blocks are in
memory at a time. Explanations need a model that :func:`sklearn_spectral.explain` accepts;
predictions work with any fitted estimator of scikit-learn. Install the extra
``sklearn-spectral[dask]``.

Images often contain pixels without data: spectra that contain NaN or infinity, that are masked, or
whose points are all equal if the model does not accept that (after StandardNormalVariate, for
example). The results for such pixels are missing values: NaN for numbers, ``""`` for labels that
are text and None for those that are objects. For labels that are whole numbers the missing value is
-1 (the largest number of an unsigned type; the smallest number if -1 is a class), and labels True
and False are converted to int8 with -1. With ``no_data="raise"`` such pixels raise an error that
names the first of them.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import sklearn

from ._pipelines.explain import explain as explain_array
from ._pipelines.unwrap import unwrap
from ._record.cancellation import without_warning
from ._spectra.axis import axis_from_names, check_same_axis, known_by
from ._spectra.names import column_names
from ._work import optional, warnings_lock

__all__ = ["LazyExplanation", "explain", "predict", "predict_proba"]

# Sizes of the test spectra that are tried; a model may have a threshold.
SIZES_OF_PROBE = (1.0, 1000.0, 0.01)
# Names of dimensions by which an image with the bands first is recognized.
PLACES = {"x", "y", "lat", "lon", "latitude", "longitude", "easting", "northing", "row", "column"}
SPECTRAL = {"band", "bands", "channel", "wavelength", "wavelengths", "wavenumber", "raman_shift"}


@dataclass(frozen=True, eq=False)
class LazyExplanation:
    """Explanation of an image, in Dask arrays that are computed on request.

    Compute several arrays together, by ``dask.compute(lazy.maps, lazy.outputs)``, to process the
    image only once.

    Attributes
    ----------
    maps : dask array of shape (..., n_points) or (..., n_points, n_targets)
        Contributions, float32; ``...`` stands for the axes of the image.
    outputs, base_values : dask array of shape (...) or (..., n_targets)
        Predictions or logits, and the part of them to which no wavelength contributes.
    targets : dask array of shape (...), or ndarray of shape (n_targets,)
        Labels of the explained outputs: one for each spectrum, or those of the last axis of `maps`.
    x_axis : ndarray of shape (n_points,)
        Wavelengths or wavenumbers of the points that the last step of the model receives.
    axis_known : bool
        False if `x_axis` only counts the points.

    See Also
    --------
    explain : Returns such an explanation.
    sklearn_spectral.Explanation : The explanation of spectra in memory.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.hyperspectral import explain
    >>> blends = make_oil_blends(48, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0)
    >>> model = model.fit(blends.data[:30], blends.target[:30])
    >>> image = da.from_array(blends.data.reshape(8, 6, -1), chunks=(4, 6, -1))
    >>> lazy = explain(model, image, x_axis=blends.x_axis)  # cm-1
    >>> maps, outputs = da.compute(lazy.maps, lazy.outputs)
    >>> maps.shape, outputs.shape
    ((8, 6, 701), (8, 6))
    """

    maps: Any
    outputs: Any
    base_values: Any
    targets: Any
    x_axis: np.ndarray
    axis_known: bool = True


def predict(
    model: Any, X: Any, *, no_data: str = "nan", params: Mapping[str, Any] | None = None
) -> Any:
    """Return the prediction for every spectrum of an image.

    Parameters
    ----------
    model : fitted estimator
        Any fitted regressor or classifier, such as a pipeline.
    X : dask array or xarray DataArray of shape (..., n_features)
        Spectra along the last axis, such as (rows, columns, n_features). A DataArray may be in
        memory; its coordinate along the last dimension is compared with the wavelengths of the
        model.
    no_data : {"nan", "raise"}, default="nan"
        The result for pixels without data: a missing value or an error. The description of the
        module :mod:`sklearn_spectral.hyperspectral` defines such pixels.
    params : dict or None, default=None
        Metadata that steps take in addition to the spectra, the same for all spectra; see
        :func:`sklearn_spectral.explain`.

    Returns
    -------
    y : dask array (or DataArray) of shape (...) or (..., n_outputs)
        Predictions as returned by ``model.predict``.

    See Also
    --------
    predict_proba : Probabilities of classes.
    explain : Contributions of wavelengths to the predictions.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.hyperspectral import predict
    >>> blends = make_oil_blends(48, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0)
    >>> model = model.fit(blends.data[:30], blends.target[:30])
    >>> image = da.from_array(blends.data.reshape(8, 6, -1), chunks=(4, 6, -1))
    >>> predict(model, image).compute().shape
    (8, 6)
    """
    return _predictions(model, X, "predict", no_data, params)


def predict_proba(
    model: Any, X: Any, *, no_data: str = "nan", params: Mapping[str, Any] | None = None
) -> Any:
    """Return the probability of every class for every spectrum of an image.

    Parameters
    ----------
    model : fitted classifier
        Any fitted classifier with ``predict_proba``.
    X : dask array or xarray DataArray of shape (..., n_features)
        Spectra along the last axis, such as (rows, columns, n_features).
    no_data : {"nan", "raise"}, default="nan"
        The result for pixels without data: NaN or an error.
    params : dict or None, default=None
        Metadata that steps take in addition to the spectra, the same for all spectra.

    Returns
    -------
    probabilities : dask array (or DataArray) of shape (..., n_classes)
        One column for each class, in the order of ``model.classes_``.

    See Also
    --------
    predict : The most probable class.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn_spectral import ResNet1DClassifier
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.hyperspectral import predict_proba
    >>> oils = make_oil_blends(
    ...     48, oil=["olive", "palm"], adulterant=None, n_replicates=1, random_state=0
    ... )
    >>> model = ResNet1DClassifier(max_epochs=1, random_state=0)
    >>> model = model.fit(oils.data[:24], oils.target[:24])
    >>> image = da.from_array(oils.data.reshape(8, 6, -1), chunks=(4, 6, -1))
    >>> predict_proba(model, image).compute().shape
    (8, 6, 2)
    """
    return _predictions(model, X, "predict_proba", no_data, params)


def explain(model: Any, X: Any, *, no_data: str = "nan", **explain_params: Any) -> LazyExplanation:
    """Return the contribution of every wavelength to the prediction for every pixel of an image.

    Parameters
    ----------
    model : fitted estimator
        Any model that :func:`sklearn_spectral.explain` takes.
    X : dask array or xarray DataArray of shape (..., n_features)
        Spectra along the last axis, such as (rows, columns, n_features).
    no_data : {"nan", "raise"}, default="nan"
        The result for pixels without data: NaN or an error.
    **explain_params
        Parameters of :func:`sklearn_spectral.explain`: ``target``, ``x_axis``, ``method``,
        ``layer``, ``reference`` and ``params``. There is one ``target``, and one ``params``, for
        all spectra. Without ``x_axis`` the coordinate of a DataArray along its last dimension is
        the axis.

    Returns
    -------
    explanation : LazyExplanation

    See Also
    --------
    sklearn_spectral.explain : Explains spectra in memory.
    predict : Predictions alone.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.hyperspectral import explain
    >>> blends = make_oil_blends(48, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0)
    >>> model = model.fit(blends.data[:30], blends.target[:30])
    >>> image = da.from_array(blends.data.reshape(8, 6, -1), chunks=(4, 6, -1))
    >>> lazy = explain(model, image, x_axis=blends.x_axis)  # cm-1
    >>> band = (1638 <= lazy.x_axis) & (lazy.x_axis <= 1672)  # the C=C stretch
    >>> lazy.maps[..., band].sum(axis=-1).compute().shape  # an image, in %
    (8, 6)
    """
    da, delayed = _dask()
    target: Any = explain_params.get("target")
    if np.ndim(target):
        raise ValueError(
            f"target has shape {np.shape(target)}; expected one for all spectra: None, a label or "
            "'all'."
        )
    X, axis = _as_dask(da, X, model)
    if explain_params.get("x_axis") is None:
        explain_params["x_axis"] = axis
    task, probe = _block_task(model, X, "explain", no_data, explain_params)
    # With several targets, those are the same for all spectra.
    names = ["maps", "outputs", "base_values"] + ["targets"] * (probe.maps.ndim == 2)
    task = task.with_outputs_like([getattr(probe, name) for name in names], model, names)
    shared_model = delayed(model)
    answer_block = delayed(_answer_block, nout=len(names))
    grids = {name: np.empty(X.numblocks[:-1], dtype=object) for name in names}
    starts = [np.cumsum((0, *sizes)) for sizes in X.chunks[:-1]]
    # Blocks hold whole spectra: there is one block along the last axis.
    for index, block in np.ndenumerate(X.to_delayed()[..., 0]):
        start = tuple(int(each[place]) for each, place in zip(starts, index, strict=True))
        parts = answer_block(block, shared_model, task, start)
        shape = tuple(sizes[place] for sizes, place in zip(X.chunks[:-1], index, strict=True))
        for name, part, like in zip(names, parts, task.outputs, strict=True):
            grids[name][index] = da.from_delayed(part, shape + like.shape, dtype=like.dtype)
    arrays = {name: _join(da, grid) for name, grid in grids.items()}
    return LazyExplanation(
        **{"targets": probe.targets} | arrays, x_axis=probe.x_axis, axis_known=probe.axis_known
    )


@dataclass(frozen=True)
class _Output:
    """An answer for one spectrum: its shape and type, and its value where there are no data."""

    shape: tuple
    dtype: np.dtype
    missing: Any


@dataclass(frozen=True)
class _BlockTask:
    """A method of a model to call for every spectrum of an image; it is sent to the workers.

    Attributes
    ----------
    method : str
        "predict", "predict_proba" or "explain".
    params : dict
        Arguments of the method.
    names : list
        Arrays of the explanation that are wanted.
    outputs : list of _Output
        Shape and type of the results for one spectrum.
    columns : list or None
        Names of the columns that the model knows.
    no_data : {"nan", "raise"}
    takes_constant : bool
        Whether the model takes spectra of equal points.
    config : dict
        scikit-learn's settings where the task was asked.
    """

    method: str
    params: dict
    columns: Any
    no_data: str
    config: dict
    takes_constant: bool = True
    names: Any = None
    outputs: Any = None

    def answer(self, model, spectra):
        """Return the result of the method for spectra (n_samples, n_points)."""
        if self.columns is not None:  # it was fitted on a table, and would warn
            spectra = pd.DataFrame(spectra, columns=self.columns)
        with sklearn.config_context(**self.config):
            if self.method == "explain":
                with without_warning():  # of every block
                    return explain_array(model, spectra, **self.params)
            return getattr(model, self.method)(spectra, **self.params)

    def arrays(self, model, spectra):
        """Return the arrays of the answer."""
        answer = self.answer(model, spectra)
        return [answer] if self.names is None else [getattr(answer, name) for name in self.names]

    def with_outputs_like(self, arrays, model, names=None):
        """Return the task with shapes and types, taken from the results for one spectrum."""
        outputs = [_like(array, model, self.no_data) for array in arrays]
        return replace(self, names=names, outputs=outputs)


def _block_task(model, X, method, no_data, params):
    """Return the task for every spectrum, and its result for a test spectrum."""
    if no_data not in ("nan", "raise"):
        raise ValueError(f"no_data={no_data!r}; expected 'nan' or 'raise'.")
    names = getattr(model, "feature_names_in_", None)
    task = _BlockTask(method, params, names, no_data, sklearn.get_config())
    dtype = _float_type(X.dtype)
    # It varies from point to point, so that SNV and derivatives of it are finite.
    spectrum = np.random.RandomState(0).uniform(1, 2, size=(1, X.shape[-1]))
    for size in SIZES_OF_PROBE:
        try:
            probe = task.answer(model, (size * spectrum).astype(dtype))
            break
        except ValueError as error:
            if size == SIZES_OF_PROBE[-1]:
                error.add_note(
                    "The error is about a test spectrum of numbers between 1 and 2, by which the "
                    "shapes of the results are determined. No spectrum of X was read yet."
                )
                raise
    with warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            task.answer(model, np.zeros_like(spectrum, dtype=dtype))
        except (ValueError, ArithmeticError):
            task = replace(task, takes_constant=False)
    return task, probe


def _predictions(model, X, method, no_data, params):
    """Return the predictions of a method of the model for every spectrum, lazily."""
    da, delayed = _dask()
    image, _ = _as_dask(da, X, model)
    task, probe = _block_task(model, image, method, no_data, params or {})
    task = task.with_outputs_like([probe], model)
    (like,) = task.outputs
    predictions = da.map_blocks(
        _predict_block,
        image,
        # One key of the graph: each worker receives the model once, for any number of blocks.
        delayed(model),
        task,
        chunks=image.chunks[:-1] + tuple((size,) for size in like.shape),
        drop_axis=[] if like.shape else [image.ndim - 1],
        meta=np.empty((0,) * (image.ndim - 1 + len(like.shape)), dtype=like.dtype),
    )
    return _named(predictions, X) if hasattr(X, "dims") else predictions


def _named(predictions, X):
    """Return predictions with the names and coordinates of the rows and columns of an image."""
    import xarray as xr

    dims = list(X.dims[:-1]) + ["output"] * (predictions.ndim - X.ndim + 1)
    coords = {name: X.coords[name] for name in X.coords if X.dims[-1] not in X.coords[name].dims}
    return xr.DataArray(predictions, dims=dims, coords=coords)


def _predict_block(block, model, task, block_info=None):
    start = [begin for begin, _ in block_info[0]["array-location"][:-1]]
    return _answer_block(block, model, task, start)[0]


def _answer_block(block, model, task, start):
    """Return the answers for a block whose first pixel is at `start`; missing without data."""
    shape = block.shape[:-1]
    spectra = np.ma.getdata(block).reshape(-1, block.shape[-1])
    spectra = spectra.astype(_float_type(block.dtype), copy=False)
    empty = ~np.isfinite(spectra).all(axis=1)
    if np.ma.isMaskedArray(block):
        empty |= np.ma.getmaskarray(block).reshape(spectra.shape).any(axis=1)
    if not task.takes_constant:
        empty |= (spectra == spectra[:, :1]).all(axis=1)

    def pixel(row):
        place = np.unravel_index(row, shape)
        return tuple(int(each + begin) for each, begin in zip(place, start, strict=True))

    if task.no_data == "raise" and empty.any():
        raise ValueError(
            f"The pixel at {pixel(empty.argmax())} of X has no data: NaN, infinity, a mask, or all "
            f"points equal ({empty.sum()} of {len(empty)} pixels of its block). Leave such pixels "
            "out, or use no_data='nan'."
        )
    answers = [np.full((len(spectra), *like.shape), like.missing, like.dtype)
               for like in task.outputs]  # fmt: skip
    if not empty.all():
        arrays = _arrays_or_pixel(model, task, spectra, np.flatnonzero(~empty), pixel)
        for answer, array in zip(answers, arrays, strict=True):
            answer[~empty] = array
    return tuple(answer.reshape(*shape, *answer.shape[1:]) for answer in answers)


def _arrays_or_pixel(model, task, spectra, rows, pixel):
    """Return the arrays of the answer for some rows, or raise with the pixel that is refused."""
    try:
        return task.arrays(model, spectra[rows])
    except ValueError as error:
        refused = error
        while len(rows) > 1:  # it is in the first half, or else in the second
            half = rows[: len(rows) // 2]
            try:
                task.arrays(model, spectra[half])
                rows = rows[len(half) :]
            except ValueError as reason:
                rows, refused = half, reason
        raise ValueError(f"The pixel at {pixel(rows[0])} of X is refused: {refused}") from refused


def _like(array, model, no_data):
    """Return shape, type and missing value of the results, from the result for one spectrum."""
    missing: Any = np.nan
    dtype = array.dtype
    if no_data == "raise":
        missing = np.zeros((), dtype)[()]
    elif dtype.kind == "b":
        dtype, missing = np.dtype(np.int8), -1
    elif dtype.kind == "u":
        missing = np.iinfo(dtype).max
    elif dtype.kind == "i":
        taken = -1 in np.asarray(getattr(model, "classes_", []))
        missing = np.iinfo(dtype).min if taken else -1
    elif dtype.kind in "UST":
        missing = "" if dtype.kind != "S" else b""
    elif dtype.kind == "O":
        missing = None
    return _Output(array.shape[1:], dtype, missing)


def _join(da, grid):
    """Join a grid of blocks along the first axes of the blocks; da.block would take the last."""
    while grid.ndim:
        joined = np.empty(grid.shape[:-1], dtype=object)
        for index in np.ndindex(*joined.shape):
            joined[index] = da.concatenate(list(grid[index]), axis=joined.ndim)
        grid = joined
    return grid[()]


def _as_dask(da, X, model):
    """Return spectra as a Dask array whose blocks hold whole spectra, and their axis or None."""
    axis, of_xarray = None, hasattr(X, "dims")
    if of_xarray:
        _check_last_dimension(X)
        axis = axis_from_names(column_names(X))
        _check_axis(model, axis, X.dims[-1])
        X = X.data
        if isinstance(X, np.ndarray):
            X = da.from_array(X, chunks=("auto",) * (X.ndim - 1) + (-1,))
    if not isinstance(X, da.Array):
        raise TypeError(
            f"X is a {type(X).__name__}; expected a Dask array, such as dask.array.from_zarr(path) "
            "or dask.array.from_array(X, chunks=(64, 64, -1)), or a DataArray of xarray."
        )
    if X.ndim < 2 or any(np.isnan(size) for size in X.shape):
        raise ValueError(
            f"X has shape {X.shape}; expected at least two axes of known length, the last one "
            "along the spectra. Call X.compute_chunk_sizes() first."
        )
    n_points = getattr(model, "n_features_in_", X.shape[-1])
    if X.shape[-1] != n_points:
        turn = ""
        if n_points in X.shape:
            turn = f": X = dask.array.moveaxis(X, {X.shape.index(n_points)}, -1)"
        raise ValueError(
            f"X has shape {X.shape}; the last axis must be that of the spectra, of the {n_points} "
            f"points that the model takes. Bring it there{turn}."
        )
    return X.rechunk({X.ndim - 1: -1}), axis


def _check_last_dimension(X):
    """Raise if the names of the dimensions show that the bands are not the last one."""
    bands = [name for name in X.dims[:-1] if str(name).lower() in SPECTRAL]
    if bands and str(X.dims[-1]).lower() in PLACES:
        raise ValueError(
            f"X has the dimensions {X.dims}; spectra lie along the last one, which is "
            f"{X.dims[-1]!r}. Bring the bands there: X = X.transpose(..., {bands[0]!r})."
        )


def _check_axis(model, axis, dimension):
    """Raise where an image is on another axis than the model, as far as both are known."""
    try:
        inner = unwrap(model, explainable=True)
        model = inner.steps[0][1] if inner.steps else inner.last
    except (TypeError, ValueError):
        pass  # not of ours, or not fitted
    try:
        check_same_axis(axis, known_by(model))
    except ValueError as error:
        raise ValueError(
            f"{error} (Of an image, columns are its coordinate along {dimension!r}; one that runs "
            f"the other way is turned by X.isel({dimension}=slice(None, None, -1)).)"
        ) from error


def _float_type(dtype):
    """Return the type in which a model is asked: whole numbers would overflow in its steps."""
    return dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)


def _dask():
    """Return dask.array and dask.delayed, or raise if Dask is not installed."""
    array = optional("dask.array", "dask", "Images larger than memory")
    return array, optional("dask", "dask", "Images larger than memory").delayed
