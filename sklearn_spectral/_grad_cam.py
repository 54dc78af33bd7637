"""From tensors to maps: one small function a method, and the way back to the spectrum's points.

Shi et al., Anal. Chem. 2023, 95, 9959, doi:10.1021/acs.analchem.3c01101.
"""

import torch
from torch import Tensor, nn


def one_d_grad_cam(features: Tensor, head_weight: Tensor) -> Tensor:
    r"""Return the 1D Grad-CAM map of every output, signed.

    .. math:: m_{ti} = \sum_k \frac{\partial z_t}{\partial A_{ki}} A_{ki}

    Neither an average of the gradient over positions nor a ReLU. Below a linear head the
    gradient is the head's weight, so no backward pass is needed and
    ``map.sum() + bias == output``.

    Parameters
    ----------
    features : tensor of shape (B, K, L)
    head_weight : tensor of shape (T, K, L)

    Returns
    -------
    maps : tensor of shape (B, T, L)
    """
    # L products (B, K) @ (K, T): one pass over the features serves all outputs. Only with the
    # channels last can they be computed in place; einsum would copy position by position.
    by_position = features.mT.contiguous().transpose(0, 1)  # (L, B, K)
    maps = torch.bmm(by_position, head_weight.permute(2, 1, 0).contiguous())  # (L, B, T)
    return maps.permute(1, 2, 0).contiguous()


def spread(maps: Tensor, n_points: int, stride: int) -> Tensor:
    """Spread maps from feature-map positions to the points of the spectrum, sum conserved.

    Position i stands for points ``stride * i`` to ``stride * i + stride - 1``. Its contribution
    goes to these and their neighbours with weights that fall linearly from the centre of the
    cell to the centres of the cells beside it and add up to one.

    Parameters
    ----------
    maps : tensor of shape (..., L)
    n_points : int
    stride : int

    Returns
    -------
    maps : tensor of shape (..., n_points)
    """
    n_positions = maps.shape[-1]
    # How much every position hands out when it gives each point the interpolated value.
    points = torch.arange(n_points, device=maps.device)
    coordinate = ((points - (stride - 1) / 2) / stride).clamp(0, n_positions - 1)
    left = coordinate.long()
    to_right = (coordinate - left).to(maps.dtype)
    handed_out = torch.zeros(n_positions, dtype=maps.dtype, device=maps.device)
    handed_out.index_add_(0, left, 1 - to_right)
    handed_out.index_add_(0, (left + 1).clamp(max=n_positions - 1), to_right)
    per_point = (maps / handed_out).reshape(-1, 1, n_positions)
    spread_out = nn.functional.interpolate(per_point, scale_factor=stride, mode="linear")
    return spread_out[..., :n_points].reshape(*maps.shape[:-1], n_points)
