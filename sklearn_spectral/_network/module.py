"""Fitted networks as one PyTorch module, from spectra to outputs, for tools that need gradients."""

import copy
import math

import torch
from torch import Tensor, nn

from .._pickles import part_of_models
from .._spectra.views import (
    MIN_POINTS_OF_DERIVATIVE,
    N_VIEWS,
    ROUNDING,
    ROUNDING_OF_SINGLE,
    WINDOWS,
    bin_size,
    savitzky_golay,
)
from .._work import own_settings
from .fitted import FittedNetwork


def views(x: Tensor) -> Tensor:
    """Return the views of spectra as `_spectra.views.views` does, with gradients: float64."""
    x = x.double()
    smallest = _rounding(x)
    x = nn.functional.avg_pool1d(x[:, None], bin_size(x.shape[1]), ceil_mode=True)
    if x.shape[2] < MIN_POINTS_OF_DERIVATIVE:
        return nn.functional.pad(x, (0, 0, 0, N_VIEWS - 1))
    stack = [x]
    for order in WINDOWS:
        weights, margin = savitzky_golay(order)
        slopes = nn.functional.conv1d(x, x.new_tensor(weights)[None, None])
        slopes = slopes - slopes.mean(dim=2, keepdim=True)
        # Unlike the root of a mean square, a norm has a gradient where all is zero.
        size = torch.linalg.vector_norm(slopes, dim=2, keepdim=True) / math.sqrt(slopes.shape[2])
        size = torch.where(size > smallest, size, torch.inf)
        stack.append(nn.functional.pad(slopes / size, (margin, margin)))
    return torch.cat(stack, dim=1)


def _rounding(x: Tensor) -> Tensor:
    """Return what `_spectra.views.rounding` does, (n_samples, 1, 1)."""
    x = x.detach()
    single = (x == x.float()).all(dim=1)
    highest = x.abs().amax(dim=1)
    return torch.where(single, ROUNDING_OF_SINGLE * highest, ROUNDING * highest)[:, None, None]


@part_of_models
class SpectraModule(nn.Module):
    """A fitted estimator as a module: spectra (n_samples, n_points) to (n_samples, n_outputs).

    Parameters
    ----------
    network : FittedNetwork
        Copied.
    n_points : int
        Points of a spectrum.

    Attributes
    ----------
    networks : nn.ModuleList
        The networks, whose outputs for the views are averaged.
    """

    @own_settings()
    def __init__(self, network: FittedNetwork, n_points: int) -> None:
        super().__init__()
        self.n_points = n_points
        self.networks = nn.ModuleList(copy.deepcopy(network.modules))
        self.view_mean: Tensor
        self.view_scale: Tensor
        self.output_scale: Tensor
        self.output_offset: Tensor
        for name, array in (
            ("view_mean", network.scaler.mean_),
            ("view_scale", network.scaler.scale_),
            ("output_scale", network.scale),
            ("output_offset", network.offset),
        ):
            self.register_buffer(name, torch.tensor(array, dtype=torch.float64))
        device = torch.device(network.nets[0].device)
        self.to("cpu" if device.type == "mps" else device).eval()  # MPS has no float64

    def views(self, spectra: Tensor) -> Tensor:
        """Map spectra to the scaled views that the networks see, (n_samples, 3, n_bins)."""
        if spectra.ndim != 2 or spectra.shape[1] != self.n_points:
            raise ValueError(
                f"Got a tensor of shape {tuple(spectra.shape)}; expected (n_samples, "
                f"{self.n_points}), spectra preprocessed like those that the estimator was "
                "fitted on."
            )
        weights = next(self.networks.parameters())
        return ((views(spectra) - self.view_mean) / self.view_scale).to(weights.dtype)

    def forward(self, spectra: Tensor) -> Tensor:
        """Map spectra to logits, or to predictions in the unit of y: float64."""
        x = self.views(spectra)
        outputs = torch.stack([network(x) for network in self.networks]).double().mean(dim=0)
        return outputs * self.output_scale + self.output_offset
