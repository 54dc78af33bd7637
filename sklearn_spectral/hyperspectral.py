"""Predictions and explanations of images that are larger than memory, with Dask.

All results are lazy: nothing is computed before ``compute()``, ``to_zarr(...)`` or similar, on one
machine or on a cluster. Images are processed block by block, so that few blocks are in memory at a
time. Explanations need a model that :func:`sklearn_spectral.explain` accepts; predictions need any
fitted scikit-learn estimator. Install the extra ``sklearn-spectral[dask]``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._pipelines.explain import explain as explain_array

__all__ = ["LazyExplanation", "explain", "predict", "predict_proba"]


@dataclass(frozen=True, eq=False)
class LazyExplanation:
    """Explanation of an image, as Dask arrays that are computed on request.

    Arrays that are requested together, by ``dask.compute(lazy.maps, lazy.outputs)``, are computed
    in one pass over the image.

    Attributes
    ----------
    maps : dask array of shape (..., n_points) or (..., n_points, n_targets)
        Contributions, float32; ``...`` stands for the axes of the image.
    outputs, base_values : dask array of shape (...) or (..., n_targets)
    targets : dask array of shape (...), or ndarray of shape (n_targets,)
        Targets that are explained: one label for each spectrum, or those of the last axis of
        `maps`.
    x_axis : ndarray of shape (n_points,)
        Wavelengths or wavenumbers of the points that the last step of the model receives.
    axis_known : bool
        Whether they are known; else `x_axis` counts points.
    """

    maps: Any
    outputs: Any
    base_values: Any
    targets: Any
    x_axis: np.ndarray
    axis_known: bool = True


def predict(model: Any, X: Any) -> Any:
    """Predict every spectrum of an image.

    Parameters
    ----------
    model : fitted estimator
    X : dask array or xarray DataArray over one, of shape (..., n_features)
        Spectra along the last axis, such as (rows, columns, n_features).

    Returns
    -------
    y : dask array (or DataArray) of shape (...) or (..., n_outputs)
        Predictions as returned by ``model.predict``.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.hyperspectral import predict
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> model = ResNet1DRegressor(max_epochs=5, random_state=0).fit(X, X[:, 20])
    >>> image = da.from_array(rng.normal(size=(8, 6, 50)), chunks=(4, 6, 50))
    >>> predict(model, image).compute().shape
    (8, 6)
    """
    return _predictions(model, X, "predict")


def predict_proba(model: Any, X: Any) -> Any:
    """Return the probability of every class for every spectrum of an image.

    Parameters
    ----------
    model : fitted classifier
    X : dask array or xarray DataArray over one, of shape (..., n_features)

    Returns
    -------
    probabilities : dask array (or DataArray) of shape (..., n_classes)
        In the order of ``model.classes_``.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DClassifier
    >>> from sklearn_spectral.hyperspectral import predict_proba
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> model = ResNet1DClassifier(max_epochs=5, random_state=0).fit(X, X[:, 20] > 0)
    >>> image = da.from_array(rng.normal(size=(8, 6, 50)), chunks=(4, 6, 50))
    >>> predict_proba(model, image).shape
    (8, 6, 2)
    """
    return _predictions(model, X, "predict_proba")


def explain(model: Any, X: Any, **explain_params: Any) -> LazyExplanation:
    """Explain every spectrum of an image.

    Parameters
    ----------
    model : fitted estimator
        As for :func:`sklearn_spectral.explain`.
    X : dask array or xarray DataArray over one, of shape (..., n_features)
    **explain_params
        `target`, `x_axis`, `method`, `layer` and `reference`, as for
        :func:`sklearn_spectral.explain`, but with one `target` for all spectra.

    Returns
    -------
    explanation : LazyExplanation

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.hyperspectral import explain
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> model = ResNet1DRegressor(max_epochs=5, random_state=0).fit(X, X[:, 20])
    >>> image = da.from_array(rng.normal(size=(8, 6, 50)), chunks=(4, 6, 50))
    >>> band = explain(model, image).maps[..., 18:23].sum(axis=-1)  # image of one band
    >>> band.compute().shape
    (8, 6)
    """
    da, delayed = _dask()
    X = _as_dask(da, X.data if hasattr(X, "dims") else X)
    target: Any = explain_params.get("target")
    if np.ndim(target):
        raise ValueError(
            f"target has shape {np.shape(target)}; expected one for all spectra: None, a label or "
            "'all'."
        )
    probe = explain_array(model, _probe(X), **explain_params)
    shared_model = delayed(model)
    # With several targets, those are the same for all spectra.
    names = ["maps", "outputs", "base_values"] + ["targets"] * (probe.maps.ndim == 2)
    explain_block = delayed(_explain_block, nout=len(names))
    grids = {name: np.empty(X.numblocks[:-1], dtype=object) for name in names}
    # Blocks hold whole spectra: there is one block along the last axis.
    for index, block in np.ndenumerate(X.to_delayed()[..., 0]):
        parts = explain_block(shared_model, block, explain_params, names)
        shape = tuple(sizes[place] for sizes, place in zip(X.chunks[:-1], index, strict=True))
        for name, part in zip(names, parts, strict=True):
            like = getattr(probe, name)
            grids[name][index] = da.from_delayed(part, shape + like.shape[1:], dtype=like.dtype)
    arrays = {name: _join(da, grid) for name, grid in grids.items()}
    return LazyExplanation(
        **{"targets": probe.targets} | arrays, x_axis=probe.x_axis, axis_known=probe.axis_known
    )


def _predictions(model, X, method):
    """Return the predictions of a method of the model for every spectrum, lazily."""
    da, delayed = _dask()
    if hasattr(X, "dims"):  # of xarray: keep the names and coordinates of rows and columns
        return _predict_xarray(model, X, method)
    X = _as_dask(da, X)
    probe = getattr(model, method)(_probe(X))
    return da.map_blocks(
        _predict_block,
        X,
        # One key of the graph: each worker receives the model once, for any number of blocks.
        delayed(model),
        method,
        chunks=X.chunks[:-1] + tuple((size,) for size in probe.shape[1:]),
        drop_axis=[] if probe.ndim == 2 else [X.ndim - 1],
        meta=probe[:0],
    )


def _predict_xarray(model, X, method):
    import xarray as xr

    predictions = _predictions(model, X.data, method)
    dims = list(X.dims[:-1]) + ["output"] * (predictions.ndim - X.ndim + 1)
    coords = {name: X.coords[name] for name in X.coords if X.dims[-1] not in X.coords[name].dims}
    return xr.DataArray(predictions, dims=dims, coords=coords)


def _predict_block(block, model, method):
    predictions = getattr(model, method)(block.reshape(-1, block.shape[-1]))
    return predictions.reshape(*block.shape[:-1], *predictions.shape[1:])


def _explain_block(model, block, explain_params, names):
    explanation = explain_array(model, block.reshape(-1, block.shape[-1]), **explain_params)
    arrays = [getattr(explanation, name) for name in names]
    return tuple(each.reshape(*block.shape[:-1], *each.shape[1:]) for each in arrays)


def _join(da, grid):
    """Join a grid of blocks along the first axes of the blocks; da.block would take the last."""
    while grid.ndim:
        joined = np.empty(grid.shape[:-1], dtype=object)
        for index in np.ndindex(*joined.shape):
            joined[index] = da.concatenate(list(grid[index]), axis=joined.ndim)
        grid = joined
    return grid[()]


def _as_dask(da, X):
    """Return spectra as a Dask array whose blocks hold whole spectra."""
    if not isinstance(X, da.Array):
        raise TypeError(
            f"X is a {type(X).__name__}; expected a Dask array, such as dask.array.from_zarr(path) "
            "or dask.array.from_array(X, chunks=...). For arrays in memory use the model itself."
        )
    if X.ndim < 2 or any(np.isnan(size) for size in X.shape):
        raise ValueError(
            f"X has shape {X.shape}; expected at least two axes of known length, the last one "
            "along the spectra. Call X.compute_chunk_sizes() first."
        )
    return X.rechunk({X.ndim - 1: -1})


def _probe(X):
    """Return one simulated spectrum, to learn the shapes and types of what the model returns."""
    # It varies from point to point, so that SNV and derivatives of it are finite.
    return np.random.RandomState(0).uniform(1, 2, size=(1, X.shape[-1])).astype(X.dtype)


def _dask():
    """Return dask.array and dask.delayed, or raise if Dask is not installed."""
    try:
        import dask.array
        from dask import delayed
    except ImportError as error:
        raise ImportError(
            "Images larger than memory need Dask: pip install 'sklearn-spectral[dask]'."
        ) from error
    return dask.array, delayed
