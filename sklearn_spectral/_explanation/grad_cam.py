"""From tensors to maps: one small function a method, and the way back to the spectrum's points.

Shi et al., Anal. Chem. 2023, 95, 9959, doi:10.1021/acs.analchem.3c01101.
"""

import numpy as np
import torch
from torch import Tensor


def _contract(how, one, other):
    """Multiply and sum as einsum does: on the CPU by NumPy, whose loops need no copies."""
    if one.is_cpu:
        return torch.from_numpy(np.einsum(how, one.numpy(), other.numpy()))
    return torch.einsum(how, one, other)


def _products(one, other):
    """Multiply many small matrices: on the CPU by NumPy, five times as fast as PyTorch there."""
    if one.is_cpu:
        return torch.from_numpy(np.matmul(one.numpy(), other.numpy()))
    return torch.bmm(one, other)


def one_d_grad_cam(features: Tensor, gradient: Tensor) -> Tensor:
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
    # L products (B, K) @ (K, T): one pass over the features serves all outputs. Only where the
    # factors lie one behind the other are they fast.
    by_position = features.permute(2, 0, 1).contiguous()  # (L, B, K)
    maps = _products(by_position, gradient.permute(2, 1, 0).contiguous())  # (L, B, T)
    return maps.permute(1, 2, 0).contiguous()


def grad_cam_signed(features: Tensor, gradient: Tensor) -> Tensor:
    r"""Return the Grad-CAM map before its ReLU: the gradient averaged over positions.

    .. math:: m_{ti} = \sum_k A_{ki} \frac{1}{L} \sum_j \frac{\partial z_t}{\partial A_{kj}}

    Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74; shapes as in `one_d_grad_cam`.
    """
    averaged = gradient.mean(dim=-1, keepdim=True).expand_as(gradient)
    return one_d_grad_cam(features, averaged)


def grad_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Return the Grad-CAM map as published: `grad_cam_signed`, negative values set to zero."""
    return grad_cam_signed(features, gradient).relu()


def cam(features: Tensor, gradient: Tensor) -> Tensor:
    r"""Return the class activation map of a network whose head averages over positions.

    .. math:: m_{ti} = \frac{1}{L} \sum_k w_{tk} A_{ki}

    Zhou et al. 2016, doi:10.1109/CVPR.2016.319, over the number of positions, so that it adds up
    to the output. Behind average pooling the gradient is :math:`w_{tk} / L` at every position:
    there CAM is 1D Grad-CAM.
    """
    return one_d_grad_cam(features, gradient)


# Points that maps are spread to at a time.
POINTS_AT_ONCE = 64

METHODS = {
    "1d-grad-cam": one_d_grad_cam,
    "grad-cam": grad_cam,
    "grad-cam-signed": grad_cam_signed,
    "cam": cam,
}


def spreading(n_positions: int, n_points: int, stride: int) -> Tensor:
    """Return the weights that spread maps from feature-map positions to the spectrum's points.

    Position i stands for points ``stride * i`` to ``stride * i + stride - 1``, but the stem and
    the derivatives look at two such cells on either side. So a quarter of its contribution goes to
    each of the two cells beside it, and every cell's to its points and their neighbours, with
    weights that fall linearly to the centres of the next cells. All weights add up to one. What
    neighbouring cells say with opposite signs cancels: derivatives do that at every band.

    Parameters
    ----------
    n_positions, n_points, stride : int

    Returns
    -------
    weights : tensor of shape (n_positions, n_points)
        Rows add up to one: ``maps @ weights`` conserves the sum.
    """
    # At the ends the quarter that has no neighbour to go to stays where it is.
    neighbours = torch.eye(n_positions).roll(1, 0) + torch.eye(n_positions).roll(-1, 0)
    neighbours[[0, -1], [-1, 0]] -= 1
    neighbours[[0, -1], [0, -1]] += 1
    beside = 0.5 * torch.eye(n_positions) + 0.25 * neighbours  # (L, L)
    # What each point gets of each cell, by linear interpolation between the cells' centres.
    points = torch.arange(n_points)
    coordinate = ((points - (stride - 1) / 2) / stride).clamp(0, n_positions - 1)
    distance = (coordinate - torch.arange(n_positions)[:, None]).abs()  # (L, n_points)
    interpolation = (1 - distance).clamp(min=0)
    return beside @ (interpolation / interpolation.sum(dim=1, keepdim=True))


class Spreader:
    """Spread maps from feature-map positions to the spectrum's points, by the weights above.

    The weights are a band around the diagonal: a block of points needs the cells around it only.
    """

    def __init__(self, n_positions: int, n_points: int, stride: int) -> None:
        weights = spreading(n_positions, n_points, stride)
        self.blocks = []
        for start in range(0, n_points, POINTS_AT_ONCE):
            points = slice(start, min(start + POINTS_AT_ONCE, n_points))
            used = weights[:, points].any(dim=1).nonzero().flatten().tolist()
            cells = slice(used[0], used[-1] + 1)
            self.blocks.append((cells, points, weights[cells, points]))

    def spread(self, maps: Tensor, out: Tensor) -> None:
        """Spread `maps` (..., n_positions) into `out` (..., n_points)."""
        in_place = out.is_contiguous() and out.dtype == maps.dtype
        spread = (out if in_place else out.new_empty(out.shape, dtype=maps.dtype)).flatten(0, -2)
        for cells, points, weights in self.blocks:
            # Straight into its place: neither the cells nor the points are copied.
            torch.mm(maps.flatten(0, -2)[:, cells], weights, out=spread[:, points])
        if not in_place:
            out.copy_(spread.view(out.shape))
