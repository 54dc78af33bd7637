"""The network: a small 1D ResNet whose head knows position.

- the spectrum is cut into cells of `stride` points; every feature-map position is one cell
- stem: one convolution; then residual blocks, pre-activated, GELU, no normalisation
- features: the blocks' channels and, as the shortcut, the points of the cell themselves
- head: flatten, then one linear layer, so that ``output = bias + sum over cells`` exactly
- branches and head start at zero: training begins from the simplest model, a constant or,
  when the shortcut is started from one, a linear calibration

Torch only: no scikit-learn, no skorch, no NumPy.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

KERNEL_SIZE = 5
WIDTHS = (16, 32, 64)
# Positions beyond this many cost time without making maps finer than bands are wide.
MAX_POSITIONS = 256


def cell_size(n_points: int) -> int:
    """Return how many neighbouring points share one feature-map position.

    Four, the resolution of a map that is still finer than a band, and doubled until the
    spectrum has at most `MAX_POSITIONS` cells, so that a spectrum of 6000 points costs about
    what one of 1000 does.
    """
    size = 4
    while n_points > MAX_POSITIONS * size:
        size *= 2
    return size


class _Convolution(nn.Module):
    """A convolution whose output position i is centred on input cell i.

    A kernel of ``KERNEL_SIZE - 1 + stride`` points with the same padding at both ends sees cell
    i, points ``stride * i`` to ``stride * i + stride - 1``, and as much on its left as on its
    right: maps do not drift along the axis from stage to stage.
    """

    def __init__(self, n_in: int, n_out: int, stride: int = 1) -> None:
        super().__init__()
        # skip_init: PyTorch's own initialisation would draw from the global random state.
        self.convolution = skip_init(
            nn.Conv1d,
            n_in,
            n_out,
            KERNEL_SIZE - 1 + stride,
            stride=stride,
            padding=(KERNEL_SIZE - 1) // 2,
        )

    def reset_parameters(self, generator: torch.Generator, gain: float) -> None:
        weight = self.convolution.weight
        fan_in = weight.shape[1] * weight.shape[2]
        nn.init.normal_(weight, std=gain / math.sqrt(fan_in), generator=generator)
        nn.init.zeros_(self.convolution.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x)  # (B, n_in, L) -> (B, n_out, L / stride)


class _ResidualBlock(nn.Module):
    """``skip(x) + branch(x)``, with the branch zero at the start."""

    def __init__(self, n_in: int, n_out: int, stride: int = 1) -> None:
        super().__init__()
        self.first = _Convolution(n_in, n_out, stride)
        self.second = _Convolution(n_out, n_out)
        self.pool = nn.AvgPool1d(stride) if stride > 1 else nn.Identity()
        self.project = (
            skip_init(nn.Conv1d, n_in, n_out, 1, bias=False) if n_in != n_out else nn.Identity()
        )

    def reset_parameters(self, generator: torch.Generator) -> None:
        self.first.reset_parameters(generator, gain=math.sqrt(2))
        self.second.reset_parameters(generator, gain=0.0)
        if isinstance(self.project, nn.Conv1d):
            fan_in = self.project.weight.shape[1]
            nn.init.normal_(self.project.weight, std=1 / math.sqrt(fan_in), generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.first(nn.functional.gelu(x))  # (B, n_out, L / stride)
        branch = self.second(nn.functional.gelu(branch))
        return self.project(self.pool(x)) + branch


class ResNet1D(nn.Module):
    """A 1D residual network with a position-aware linear head.

    Parameters
    ----------
    n_points : int
        Points per spectrum.
    n_outputs : int
        Number of logits or of regression outputs.
    widths : sequence of int, default=(16, 32, 64)
        Channels of each stage. The second stage halves the resolution that the stem has.
    shortcut : bool, default=True
        Whether the points of the spectrum are features as well, so that the head contains a
        linear model of the spectrum.
    seed : int, default=0
        Seed of the initial weights; the global random state is not touched.

    Attributes
    ----------
    stride : int
        Points per feature-map position.
    n_positions : int
        Feature-map positions, ``ceil(n_points / stride)``.
    """

    def __init__(
        self,
        n_points: int,
        n_outputs: int,
        *,
        widths: Sequence[int] = WIDTHS,
        shortcut: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_points = n_points
        self.n_outputs = n_outputs
        self.shortcut = shortcut
        self.stride = cell_size(n_points)
        self.n_positions = math.ceil(n_points / self.stride)

        self.stem = _Convolution(1, widths[0], self.stride // 2)
        n_in = [widths[0], *widths[:-1]]
        strides = [2 if stage == 1 else 1 for stage in range(len(widths))]
        self.stages = nn.Sequential(*map(_ResidualBlock, n_in, widths, strides))
        n_features = widths[-1] + (self.stride if shortcut else 0)
        self.head = skip_init(nn.Linear, n_features * self.n_positions, n_outputs)
        # Adam moves every weight by about the learning rate, whatever the gradient: without
        # these scales one step of a head with thousands of weights would change the output by
        # many times its range.
        self.feature_scale = 1 / math.sqrt(widths[-1] * self.n_positions)
        self.cell_scale = 1 / math.sqrt(n_points)
        self.reset_parameters(torch.Generator().manual_seed(seed))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the initial weights from `generator`."""
        self.stem.reset_parameters(generator, gain=1.0)
        for stage in self.stages.children():
            assert isinstance(stage, _ResidualBlock)
            stage.reset_parameters(generator)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        """Map spectra (B, n_points) to the features (B, K, n_positions) that the head sees."""
        missing = self.n_positions * self.stride - self.n_points
        x = nn.functional.pad(x, (0, missing))  # (B, n_positions * stride); 0 is the mean spectrum
        features = self.stem(x[:, None])  # (B, widths[0], 2 * n_positions)
        features = self.stages(features)  # (B, widths[-1], n_positions)
        features = nn.functional.gelu(features) * self.feature_scale
        if not self.shortcut:
            return features
        cells = x.unflatten(1, (self.n_positions, self.stride)).mT  # (B, stride, n_positions)
        return torch.cat([features, cells * self.cell_scale], dim=1)

    def forward_head(self, features: Tensor) -> Tensor:
        """Map features (B, K, n_positions) to outputs (B, n_outputs)."""
        return self.head(features.flatten(1))

    def forward(self, x: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Map spectra (B, n_points) to outputs (B, n_outputs).

        `sample_weight` is not used here: skorch hands everything that belongs to a batch to the
        module, and the loss picks it up.
        """
        return self.forward_head(self.forward_features(x))

    @property
    def head_weight(self) -> Tensor:
        """The head's weight as (n_outputs, K, n_positions)."""
        return self.head.weight.unflatten(1, (-1, self.n_positions))

    @torch.no_grad()
    def start(self, coefficients: Tensor, bias: Tensor) -> None:
        """Make an untrained network compute ``x @ coefficients + bias``.

        `coefficients` are (n_points, n_outputs), and zero without shortcut; `bias` (n_outputs,).
        """
        self.head.bias.copy_(bias)
        if self.shortcut:
            missing = self.n_positions * self.stride - self.n_points
            padded = nn.functional.pad(coefficients.mT, (0, missing))
            cells = padded.unflatten(1, (self.n_positions, self.stride)).mT
            self.head_weight[:, -self.stride :].copy_(cells / self.cell_scale)

    @torch.no_grad()
    def centre_outputs(self) -> None:
        """Make the outputs of every spectrum add up to zero.

        Softmax does not see what all logits have in common, so training leaves it to chance;
        without it a logit, and its map, says what sets its class apart from the others.
        """
        self.head.weight -= self.head.weight.mean(dim=0)
        self.head.bias -= self.head.bias.mean()
