"""From tensors to maps: one function for each method, and spreading over the spectrum's points.

Shi et al., Anal. Chem. 2023, 95, 9959, doi:10.1021/acs.analchem.3c01101.
"""

from __future__ import annotations

import numpy as np

from .._lazy import torch


def _contract(how, one, other):
    """Multiply and sum as einsum does; on the CPU by NumPy, which makes no copies."""
    if one.is_cpu:
        return torch.from_numpy(np.einsum(how, one.numpy(), other.numpy()))
    return torch.einsum(how, one, other)


def _products(one, other):
    """Multiply many small matrices; on the CPU by NumPy, which is five times as fast there."""
    if one.is_cpu:
        return torch.from_numpy(np.matmul(one.numpy(), other.numpy()))
    return torch.bmm(one, other)


def one_d_grad_cam(features: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    r"""Return the 1D Grad-CAM map of every output, signed.

    .. math:: m_{ti} = \sum_k \frac{\partial z_t}{\partial A_{ki}} A_{ki}

    Neither an average of the gradient over positions nor a ReLU. Below a linear head the
    gradient is the head's weight, so no backward pass is needed and
    ``map.sum() + bias == output``.

    Parameters
    ----------
    features : tensor of shape (B, K, L)
    gradient : tensor of shape (T, K, L), or (B, T, K, L) where it differs between spectra

    Returns
    -------
    maps : tensor of shape (B, T, L)
    """
    if gradient.ndim == 4:
        return _contract("bkl,btkl->btl", features, gradient)
    # L products (B, K) @ (K, T): one pass over the features is enough for all outputs. They are
    # fast only if the factors are contiguous in memory.
    by_position = features.permute(2, 0, 1).contiguous()  # (L, B, K)
    maps = _products(by_position, gradient.permute(2, 1, 0).contiguous())  # (L, B, T)
    return maps.permute(1, 2, 0).contiguous()


def grad_cam_signed(features: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    r"""Return the Grad-CAM map before its ReLU: the gradient averaged over positions.

    .. math:: m_{ti} = \sum_k A_{ki} \frac{1}{L} \sum_j \frac{\partial z_t}{\partial A_{kj}}

    Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74; shapes as in `one_d_grad_cam`.
    """
    averaged = gradient.mean(dim=-1, keepdim=True).expand_as(gradient)
    return one_d_grad_cam(features, averaged)


def grad_cam(features: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return the Grad-CAM map as published: `grad_cam_signed`, negative values set to zero."""
    return grad_cam_signed(features, gradient).relu()


# Number of points to which maps are spread at a time.
POINTS_AT_ONCE = 64

# The default: 1D Grad-CAM, from which `MapCorrection` takes what varies at equal output.
CORRECTED = "corrected-1d-grad-cam"

METHODS = {
    CORRECTED: one_d_grad_cam,
    "1d-grad-cam": one_d_grad_cam,
    "grad-cam": grad_cam,
    "grad-cam-signed": grad_cam_signed,
    # w_tk sum_i A_ki / L of a network whose head averages over positions, as `maps` checks (Zhou
    # et al. 2016, doi:10.1109/CVPR.2016.319): there the gradient is w_tk / L at every position.
    "cam": one_d_grad_cam,
}


def spreading(n_positions: int, n_points: int, stride: int) -> torch.Tensor:
    """Return the weights that spread maps from feature-map positions to the spectrum's points.

    Position i is the cell of points ``stride * i`` to ``stride * i + stride - 1``, but the stem
    and the derivatives take in two more cells on either side. Therefore a quarter of its
    contribution is moved to each of the two neighbouring cells. The contribution of every cell is
    then divided among its points and their neighbours, with weights that fall linearly to the
    centres of the next cells. All weights of a position add up to one. Contributions of opposite
    sign in neighbouring cells cancel, as those of derivatives do at every band.

    Parameters
    ----------
    n_positions, n_points, stride : int

    Returns
    -------
    weights : tensor of shape (n_positions, n_points)
        Rows add up to one: ``maps @ weights`` conserves the sum.
    """
    # At both ends one neighbour is missing: its quarter stays in the cell itself.
    neighbours = torch.eye(n_positions).roll(1, 0) + torch.eye(n_positions).roll(-1, 0)
    neighbours[[0, -1], [-1, 0]] -= 1
    neighbours[[0, -1], [0, -1]] += 1
    beside = 0.5 * torch.eye(n_positions) + 0.25 * neighbours  # (L, L)
    # The share of each cell for each point, by linear interpolation between the cells' centres.
    points = torch.arange(n_points)
    coordinate = ((points - (stride - 1) / 2) / stride).clamp(0, n_positions - 1)
    distance = (coordinate - torch.arange(n_positions)[:, None]).abs()  # (L, n_points)
    interpolation = (1 - distance).clamp(min=0)
    return beside @ (interpolation / interpolation.sum(dim=1, keepdim=True))


class Spreader:
    """Spread maps from feature-map positions to the spectrum's points, with `spreading` weights.

    Only weights near the diagonal are not zero: a block of points depends on the cells around it.
    """

    def __init__(self, n_positions: int, n_points: int, stride: int) -> None:
        weights = spreading(n_positions, n_points, stride)
        self.blocks = []
        for start in range(0, n_points, POINTS_AT_ONCE):
            points = slice(start, min(start + POINTS_AT_ONCE, n_points))
            used = weights[:, points].any(dim=1).nonzero().flatten().tolist()
            cells = slice(used[0], used[-1] + 1)
            self.blocks.append((cells, points, weights[cells, points]))

    def spread(self, maps: torch.Tensor, out: torch.Tensor) -> None:
        """Spread `maps` (..., n_positions) into `out` (..., n_points)."""
        in_place = out.is_contiguous() and out.dtype == maps.dtype
        spread = (out if in_place else out.new_empty(out.shape, dtype=maps.dtype)).flatten(0, -2)
        for cells, points, weights in self.blocks:
            # Written directly to `out`: neither the cells nor the points are copied.
            torch.mm(maps.flatten(0, -2)[:, cells], weights, out=spread[:, points])
        if not in_place:
            out.copy_(spread.view(out.shape))
