"""The network: a small 1D ResNet with a position-dependent linear head.

- the input is a stack of views of the spectrum, cut into cells of `STRIDE` points; every
  feature-map position is one cell
- stem: one convolution; then residual blocks, pre-activated, GELU, no normalisation
- features: the last block's channels and, as the shortcut, the points of the cell themselves
  less their mean over the training spectra
- head: flatten, then one linear layer, so that ``output = bias + sum over cells`` exactly, and the
  bias is the mean output
- branches and head start at zero; `ResNet1D.start` then gives the head the weights of a
  calibration on these very features, so that training begins from there

Torch only: no scikit-learn, no skorch, no NumPy.
"""

import math
import numbers

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from .._pickles import part_of_models
from .sizes import FEATURES, KERNEL_SIZE, STEM_SIZE, STRIDE

WIDTH = 32
N_BLOCKS = 2
# Biases of the stem are drawn with these standard deviations, from the first channel to the last:
# where the bias is small a channel bends at the mean spectrum, where it is large far from it, so
# that features from the strongly to the hardly nonlinear are at hand.
BIAS_RANGE = (0.3, 3.0)


def _convolution(n_in: int, n_out: int, size: int, stride: int = 1) -> nn.Conv1d:
    """Return a convolution centred on its output positions: maps do not drift along the axis."""
    # skip_init: PyTorch's own initialisation would draw from the global random state.
    return skip_init(nn.Conv1d, n_in, n_out, size, stride=stride, padding=(size - stride) // 2)


def _draw(layer: nn.Conv1d, generator: torch.Generator, gain: float) -> None:
    fan_in = layer.weight.shape[1] * layer.weight.shape[2]
    nn.init.normal_(layer.weight, std=gain / math.sqrt(fan_in), generator=generator)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)


@part_of_models
class _ResidualBlock(nn.Module):
    """``x + branch(x)``, with the branch zero at the start."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width, KERNEL_SIZE)
        self.second = _convolution(width, width, KERNEL_SIZE)

    def reset_parameters(self, generator: torch.Generator) -> None:
        _draw(self.first, generator, gain=math.sqrt(2))
        _draw(self.second, generator, gain=0.0)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.first(nn.functional.gelu(x))  # (B, width, L)
        return x + self.second(nn.functional.gelu(branch))


@part_of_models
class ResNet1D(nn.Module):
    """A 1D residual network with a position-aware linear head.

    Parameters
    ----------
    n_points : int
        Points of each view.
    n_outputs : int
        Number of logits or of regression outputs.
    n_views : int, default=3
        Views of a spectrum.
    width : int, default=32
        Channels of stem and blocks.
    n_blocks : int, default=2
        Residual blocks.
    shortcut : bool, default=True
        Whether the points of the views are features as well, so that the head contains a
        linear model of them.
    pooling : bool, default=False
        Whether the head sees the mean of each channel over all positions, as in the textbook
        ResNet, instead of every position. Class activation mapping (CAM) needs it; such a
        network cannot distinguish bands by their positions. Only without `shortcut`.
    seed : int, default=0
        Seed of the initial weights; the global random state is not touched.

    Attributes
    ----------
    n_positions : int
        Feature-map positions, ``ceil(n_points / STRIDE)``.
    layers : list of str
        Where feature maps can be looked at: ``"stem"``, ``"block1"``, ... and ``"features"``.
    """

    def __init__(
        self,
        n_points: int,
        n_outputs: int,
        *,
        n_views: int = 3,
        width: int = WIDTH,
        n_blocks: int = N_BLOCKS,
        shortcut: bool = True,
        pooling: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value, least in (("width", width, 1), ("n_blocks", n_blocks, 0)):
            if not isinstance(value, numbers.Integral) or value < least:
                raise ValueError(f"{name}={value!r}; expected a whole number from {least} on.")
        if pooling and shortcut:
            raise ValueError(
                "pooling=True averages over positions, which the shortcut needs. Pass "
                "shortcut=False."
            )
        self.n_points = n_points
        self.n_outputs = n_outputs
        self.n_views = n_views
        self.width = width
        self.shortcut = shortcut
        self.pooling = pooling
        self.layers = ["stem", *(f"block{i}" for i in range(1, n_blocks + 1)), FEATURES]
        self.n_positions = math.ceil(n_points / STRIDE)

        self.stem = _convolution(n_views, width, STEM_SIZE, STRIDE)
        self.blocks = nn.Sequential(*(_ResidualBlock(width) for _ in range(n_blocks)))
        n_features = width + (n_views * STRIDE if shortcut else 0)
        n_inputs = n_features if pooling else n_features * self.n_positions
        self.head = skip_init(nn.Linear, n_inputs, n_outputs)
        self.feature_mean: Tensor
        self.register_buffer("feature_mean", torch.zeros(n_features, self.n_positions))
        # Adam moves every weight by about the learning rate, whatever the gradient: without
        # these scales one step of a head with thousands of weights would change the output by
        # many times its range.
        self.feature_scale = 1 / math.sqrt(width * self.n_positions)
        self.cell_scale = 1 / math.sqrt(n_points)
        self.reset_parameters(torch.Generator().manual_seed(seed))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the initial weights from `generator`."""
        _draw(self.stem, generator, gain=1.0)
        low, high = map(math.log, BIAS_RANGE)
        spread = torch.linspace(low, high, self.width).exp()
        assert self.stem.bias is not None
        with torch.no_grad():
            self.stem.bias.copy_(torch.randn(self.width, generator=generator) * spread)
        for block in self.blocks.children():
            assert isinstance(block, _ResidualBlock)
            block.reset_parameters(generator)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        """Map views (B, n_views, n_points) to the features (B, K, n_positions) of the head.

        `_add_features` in the file of ONNX export writes the same as a graph, and `n_weights` in
        that of saved networks counts the weights: a change here belongs there, too.
        """
        x = self._padded(x)
        return self._features(self.blocks(self.stem(x)), self._shortcut(x))

    def forward_to(self, x: Tensor, layer: str) -> Tensor:
        """Map views to the feature maps of a layer, (B, K, n_positions).

        With `shortcut`, the points of the cells, which go past the layer, are feature maps too.
        """
        if layer == FEATURES:
            return self.forward_features(x)
        x = self._padded(x)
        channels = self.blocks[: self.layers.index(layer)](self.stem(x))
        return torch.cat([channels, self._shortcut(x)], dim=1)

    def forward_from(self, feature_maps: Tensor, layer: str) -> Tensor:
        """Map the feature maps of a layer, as `forward_to` gives them, to outputs."""
        if layer == FEATURES:
            return self.forward_head(feature_maps)
        channels, cells = feature_maps[:, : self.width], feature_maps[:, self.width :]
        channels = self.blocks[self.layers.index(layer) :](channels)
        return self.forward_head(self._features(channels, cells))

    def _features(self, channels: Tensor, cells: Tensor) -> Tensor:
        channels = nn.functional.gelu(channels) * self.feature_scale
        return torch.cat([channels, cells], dim=1) - self.feature_mean

    def _shortcut(self, padded: Tensor) -> Tensor:
        """Return the points of the cells (B, n_views * STRIDE, n_positions), or no channels."""
        cells = self._cells(padded) * self.cell_scale
        return cells if self.shortcut else cells[:, :0]

    def _padded(self, x: Tensor) -> Tensor:
        """Fill the last cell: (..., n_points) -> (..., n_positions * STRIDE)."""
        missing = self.n_positions * STRIDE - self.n_points
        return nn.functional.pad(x, (0, missing))  # 0 is the mean spectrum

    def _cells(self, padded: Tensor) -> Tensor:
        """Make the points of a cell its channels: -> (..., n_views * STRIDE, n_positions)."""
        cells = padded.unflatten(2, (self.n_positions, STRIDE))  # (..., n_positions, STRIDE)
        return cells.movedim(3, 2).flatten(1, 2)

    def forward_head(self, features: Tensor) -> Tensor:
        """Map features (B, K, n_positions) to outputs (B, n_outputs)."""
        return self.head(features.mean(dim=2) if self.pooling else features.flatten(1))

    def forward(self, x: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Map views (B, n_views, n_points) to outputs (B, n_outputs).

        `sample_weight` is not used here: skorch hands everything that belongs to a batch to the
        module, and the loss picks it up.
        """
        return self.forward_head(self.forward_features(x))

    @property
    def head_weight(self) -> Tensor:
        """The gradient of the outputs by the features, (n_outputs, K, n_positions)."""
        if self.pooling:
            per_position = self.head.weight / self.n_positions  # (n_outputs, K)
            return per_position[:, :, None].expand(-1, -1, self.n_positions)
        return self.head.weight.unflatten(1, (-1, self.n_positions))

    @torch.no_grad()
    def start(self, slopes: Tensor, weights: Tensor, bias: Tensor) -> None:
        """Make the head compute ``slopes * x + weights * features + bias``, summed.

        `slopes` of the points are (n_outputs, n_views, n_points), `weights` of the channels
        (n_outputs, width, n_positions), and `bias` is (n_outputs,). A head behind `pooling`
        starts from the bias alone.
        """
        self.head.bias.copy_(bias)
        if self.pooling:
            return
        self.head_weight[:, : self.width].copy_(weights)
        if self.shortcut:
            cells = self._cells(self._padded(slopes))
            self.head_weight[:, self.width :].copy_(cells / self.cell_scale)

    @torch.no_grad()
    def centre_outputs(self) -> None:
        """Make the outputs of every spectrum add up to zero.

        Softmax does not depend on the mean of the logits, so training does not determine it.
        Without the mean, a logit and its map show what distinguishes a class from the others.
        """
        self.head.weight -= self.head.weight.mean(dim=0)
        self.head.bias -= self.head.bias.mean()

    @torch.no_grad()
    def scale_outputs(self, factor: float) -> None:
        """Multiply the outputs by a factor."""
        self.head.weight *= factor
        self.head.bias *= factor

    @torch.no_grad()
    def centre_features(self, mean: Tensor) -> None:
        """Subtract `mean` (K, n_positions) from the features; the bias keeps the outputs.

        Maps are then relative to the mean spectrum. Otherwise the contributions that all spectra
        share would hide the differences between them.
        """
        self.head.bias += (self.head_weight * mean).sum(dim=(1, 2))
        self.feature_mean += mean
