"""Maps of many spectra, chunk by chunk: from the feature maps of a network to an Explanation."""

from typing import Any

import numpy as np

from .. import _network
from .._lazy import torch
from .._network.sizes import FEATURES
from .._spectra.checks import check_out, check_outputs
from .._spectra.views import views
from .correction import MAX_ROWS, MapCorrection
from .explanation import Explanation
from .grad_cam import CORRECTED, METHODS, Spreader, one_d_grad_cam


def learn_correction(network, data):
    """Learn from training spectra what to leave out of maps, and which points matter.

    Parameters
    ----------
    network : FittedNetwork
        Whose features are centred.
    data : TrainingSet

    Returns
    -------
    correction : MapCorrection
    importances : ndarray of shape (n_points,)
        Mean absolute corrected maps, of sum one, averaged over the outputs.
    """
    data = data.thinned(MAX_ROWS)
    roots = np.sqrt(data.sample_weight / data.sample_weight.mean())
    features, weights = network.features_and_weights(data.views)
    correction = MapCorrection().fit(features * roots[:, None, None], weights)
    maps = one_d_grad_cam(torch.from_numpy(features), torch.from_numpy(weights)).float().numpy()
    n_samples, n_outputs, n_points = *maps.shape[:2], data.spectra.shape[1]
    correction.apply(maps, np.broadcast_to(np.arange(n_outputs), (n_samples, n_outputs)))
    spread = np.empty((n_samples, n_outputs, n_points), dtype=np.float32)
    per_position = network.points_per_position(n_points)
    spreader = Spreader(network.n_positions, n_points, per_position)
    spreader.spread(torch.from_numpy(maps), torch.from_numpy(spread))
    sizes = np.average(np.abs(spread), axis=0, weights=roots**2)  # (n_outputs, n_points)
    sums = sizes.sum(axis=1, keepdims=True)
    even = np.full_like(sizes, 1 / n_points)  # of an output that never changes
    return correction, np.divide(sizes, sums, out=even, where=sums > 0).mean(axis=0)


def explanation_of(network, X, choice, *, method, layer, reference, out, correction, **described):
    """Explain checked spectra.

    Parameters
    ----------
    network : FittedNetwork
    X : ndarray of shape (n_samples, n_points)
    choice : TargetChoice
    method : str or None
        None is the corrected one where there is a correction, at the last layer.
    layer : str
    reference : ndarray of shape (1, n_points) or None
    out : ndarray or None
        Where to write the maps, as the user passed it.
    correction : MapCorrection
    **described
        Further attributes of the Explanation, and the `labels` of all outputs.
    """
    method = method or (CORRECTED if layer == FEATURES else "1d-grad-cam")
    _check_method(network, method, layer)
    maps = _check_out(out, choice, X)  # (n_samples, n_targets, n_points)
    if reference is None:
        offsets, base = [None for _ in network.nets], network.base_values
    else:
        offsets = network.feature_maps(views(reference), layer)  # [tensor (1, K, L) a net]
        base = network.outputs_from(offsets, layer)[0]  # (n_outputs,)
    n_samples, n_points = X.shape
    outputs = np.empty((n_samples, choice.n_targets))
    columns = np.empty((n_samples, choice.n_targets), dtype=int)
    of_classes = choice.single and described["is_class"]  # else `outputs` are those of all
    class_outputs = np.empty((n_samples, len(base))) if of_classes else None
    spreader = Spreader(network.n_positions, n_points, network.points_per_position(n_points))

    def compute(rows):
        feature_maps = network.feature_maps(views(X[rows]), layer)
        all_outputs = network.outputs_from(feature_maps, layer)  # (B, n_outputs)
        columns[rows] = choice.columns(rows, all_outputs)
        if class_outputs is not None:
            class_outputs[rows] = all_outputs
        outputs[rows] = np.take_along_axis(all_outputs, columns[rows], axis=1)
        with np.errstate(over="ignore", invalid="ignore"):  # see check_outputs
            cells = _cells(network, feature_maps, offsets, columns[rows], method, layer)
            if method == CORRECTED:
                correction.apply(cells.numpy(), columns[rows])
        # Maps are float32 in the unit of y; outputs, which are not, may be finite all the same.
        outputs[rows][~torch.isfinite(cells.sum(dim=-1)).numpy()] = np.nan
        spreader.spread(cells, torch.from_numpy(maps[rows]))

    _network.fitted.in_chunks(compute, X, "explaining", network.verbose)
    check_outputs(outputs + base.sum())
    labels = described.pop("labels")
    return Explanation(
        maps=maps[:, 0] if choice.single else np.moveaxis(maps, 1, 2),
        outputs=outputs[:, 0] if choice.single else outputs,
        base_values=base[columns[:, 0]] if choice.single else base[columns],
        targets=labels[columns[:, 0] if choice.single else columns[0]],
        spectra=X,
        method=method,
        layer=layer,
        classes=labels if of_classes else None,
        class_outputs=class_outputs,
        **described,
    )


def _cells(network, feature_maps, offsets, columns, method, layer):
    """Average the nets' maps of the outputs in `columns`: tensor (B, n_targets, L)."""
    unit = network.scale / len(network.nets)  # (n_outputs,)
    chosen = columns.shape[1] < len(unit)  # else all, in their order
    total: Any = None
    for module, each, offset in zip(network.modules, feature_maps, offsets, strict=True):
        gradient = _gradient(module, each, layer)  # (T, K, L) or (B, T, K, L)
        if chosen:
            rows = np.arange(len(columns))[:, None]
            gradient = gradient[columns] if gradient.ndim == 3 else gradient[rows, columns]
        cells = METHODS[method](each if offset is None else each - offset, gradient)
        total = cells if total is None else total.add_(cells)
    unit = unit[columns] if chosen else unit
    return total.cpu().mul_(torch.from_numpy(unit).float()[..., None])


def _gradient(module, feature_maps, layer):
    """Return the gradient of the outputs by feature maps: (T, K, L), or (B, T, K, L)."""
    if layer == FEATURES:
        return module.head_weight.detach()
    feature_maps = feature_maps.detach().requires_grad_()
    outputs = module.forward_from(feature_maps, layer)  # (B, T)
    gradients = [
        torch.autograd.grad(outputs[:, t].sum(), feature_maps, retain_graph=True)[0]
        for t in range(outputs.shape[1])
    ]
    return torch.stack(gradients, dim=1)


def _check_method(network, method, layer):
    if not isinstance(method, str) or method not in METHODS:
        raise ValueError(f"method={method!r}; expected one of {list(METHODS)}.")
    if layer not in network.layers:
        raise ValueError(f"layer={layer!r}; expected one of {network.layers}.")
    if method == CORRECTED and layer != FEATURES:
        raise ValueError(
            f"method={CORRECTED!r} is available for the last layer ({FEATURES!r}) only, where the "
            "outputs are linear. Pass method='1d-grad-cam' for other layers."
        )
    pooled = all(module.pooling for module in network.modules)
    if method == "cam" and not (pooled and layer == FEATURES):
        raise ValueError(
            "CAM needs a head that averages over positions, and its last layer "
            f"({FEATURES!r}). Fit with shortcut=False and net_params={{'module__pooling': "
            "True}, or use '1d-grad-cam', which needs no such head."
        )


def _check_out(out, choice, X):
    """Return an array for the maps, (n_samples, n_targets, n_points): a view of `out` if given."""
    if out is None:
        return np.empty((len(X), choice.n_targets, X.shape[1]), dtype=np.float32)
    shape = X.shape if choice.single else (*X.shape, choice.n_targets)
    check_out(out, shape)
    if np.shares_memory(out, X):
        raise ValueError("out shares memory with X: maps would overwrite spectra. Pass another.")
    if min(out.strides) < 0:
        raise ValueError(
            f"out has negative strides, {out.strides}, which PyTorch does not support. Pass an "
            "array in forward order, and reverse the maps afterwards."
        )
    return out[:, None] if choice.single else np.moveaxis(out, 2, 1)
