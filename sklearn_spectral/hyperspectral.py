"""Maps of whole samples: predictions and explanations of images larger than memory, by Dask.

Everything is lazy and goes block by block: nothing is computed before ``compute()``,
``to_zarr(...)`` or the like, on this machine or on a cluster, and each block is gone before the
next ones fill the memory. Models are any that :func:`sklearn_spectral.explain` takes, or for
predictions any fitted scikit-learn estimator. Needs the extra ``sklearn-spectral[dask]``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._explain import explain as explain_array

__all__ = ["LazyExplanation", "explain", "predict", "predict_proba"]


@dataclass(frozen=True, eq=False)
class LazyExplanation:
    """An explanation whose arrays are Dask's: shaped as the image, computed when asked for.

    Arrays that are asked for together (``dask.compute(lazy.maps, lazy.outputs)``) are computed in
    one pass.

    Attributes
    ----------
    maps : dask array of shape (..., n_points) or (..., n_points, n_targets)
        Contributions, float32; ``...`` stands for the axes of the image.
    outputs, base_values : dask array of shape (...) or (..., n_targets)
    targets : dask array of shape (...), or ndarray of shape (n_targets,)
        What is explained: a label a spectrum, or those of the last axis of `maps`.
    x_axis : ndarray of shape (n_points,)
        Wavelengths or wavenumbers as the last step of the model sees them.
    """

    maps: Any
    outputs: Any
    base_values: Any
    targets: Any
    x_axis: np.ndarray


def predict(model, X):
    """Predict every spectrum of an image.

    Parameters
    ----------
    model : fitted estimator
    X : dask array or xarray DataArray over one, of shape (..., n_features)
        Spectra along the last axis, such as (rows, columns, n_features).

    Returns
    -------
    y : dask array (or DataArray) of shape (...) or (..., n_outputs)
        As ``model.predict`` gives them.

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


def predict_proba(model, X):
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


def explain(model, X, **explain_params):
    """Explain every spectrum of an image.

    Parameters
    ----------
    model : fitted estimator
        As for :func:`sklearn_spectral.explain`.
    X : dask array or xarray DataArray over one, of shape (..., n_features)
    **explain_params
        `target`, `x_axis`, `method`, `layer`, `reference`, as for
        :func:`sklearn_spectral.explain`; not a target for each spectrum.

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
    >>> band = explain(model, image).maps[..., 18:23].sum(axis=-1)  # one picture of one band
    >>> band.compute().shape
    (8, 6)
    """
    da, delayed = _dask()
    X = _as_dask(da, X.data if hasattr(X, "dims") else X)
    target = explain_params.get("target")
    if np.ndim(target):
        raise ValueError(
            f"target has shape {np.shape(target)}; expected one for all spectra: None, a label or "
            "'all'."
        )
    # What comes back for one spectrum tells shapes and types.
    probe = explain_array(model, _probe(model, X), **explain_params)
    shared = delayed(model)
    n_axes = X.ndim - 1
    names = ["maps", "outputs", "base_values"] + ["targets"] * (probe.maps.ndim == 2)
    grids = {name: np.empty(X.numblocks[:n_axes], dtype=object) for name in names}
    for index, block in zip(np.ndindex(*X.numblocks), X.to_delayed().ravel(), strict=True):
        parts = delayed(_explain_block)(shared, block, explain_params, names)
        shape = tuple(X.chunks[axis][index[axis]] for axis in range(n_axes))
        for place, name in enumerate(names):
            like = getattr(probe, name)
            grids[name][index[:n_axes]] = da.from_delayed(
                parts[place], shape=shape + like.shape[1:], dtype=like.dtype
            )
    arrays = {name: _join(da, grid) for name, grid in grids.items()}
    arrays.setdefault("targets", probe.targets)
    return LazyExplanation(**arrays, x_axis=probe.x_axis)


def _predictions(model, X, method):
    da, delayed = _dask()
    if hasattr(X, "dims"):  # xarray: rows and columns keep their names and coordinates
        return _predict_xarray(model, X, method)
    X = _as_dask(da, X)
    probe = getattr(model, method)(_probe(model, X))
    last = [probe.shape[1]] if probe.ndim == 2 else []
    return da.map_blocks(
        _predict_block,
        X,
        # One key of the graph: each worker gets the model once, whatever the number of blocks.
        delayed(model),
        method,
        dtype=probe.dtype,
        chunks=X.chunks[:-1] + tuple((size,) for size in last),
        drop_axis=[] if last else [X.ndim - 1],
        meta=np.empty((0,) * (X.ndim - 1 + len(last)), dtype=probe.dtype),
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
    """Join a grid of blocks along their first axes; da.block would take the last."""
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


def _probe(model, X):
    """Return one made-up spectrum, to see what the model gives back."""
    # Neither constant nor alike: SNV and derivatives of it are finite.
    return np.random.RandomState(0).uniform(1, 2, size=(1, X.shape[-1])).astype(X.dtype)


def _dask():
    try:
        import dask.array
        from dask import delayed
    except ImportError as error:
        raise ImportError(
            "Images larger than memory need Dask: pip install 'sklearn-spectral[dask]'."
        ) from error
    return dask.array, delayed
