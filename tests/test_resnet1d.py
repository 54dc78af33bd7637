"""The network: its geometry, its start and its head."""

import numpy as np
import pytest
import torch

from helpers import randomise
from sklearn_spectral._network.resnet1d import STRIDE, ResNet1D


@pytest.mark.parametrize("n_points", [2, 3, 7, 100, 101, 1024])
def test_any_length_gives_one_output_per_target(n_points):
    module = ResNet1D(n_points, 3)
    assert module(torch.randn(2, 3, n_points)).shape == (2, 3)
    assert module.n_positions == -(-n_points // STRIDE)


def test_output_is_zero_before_training_and_what_the_head_is_started_with_then():
    module = ResNet1D(10, 2)
    x = torch.randn(5, 3, 10)
    assert module(x).abs().max() == 0
    slopes, weights, bias = torch.randn(2, 3, 10), torch.randn(2, module.width, 3), torch.randn(2)
    module.start(slopes, weights, bias)
    features = module.forward_features(x)[:, : module.width]
    expected = torch.einsum("nvp,tvp->nt", x, slopes) + bias
    expected += torch.einsum("nkl,tkl->nt", features, weights)
    torch.testing.assert_close(module(x), expected)


def test_untrained_features_see_the_stem_only():
    """Branches start at zero: a feature is GELU of one convolution, worked out for one cell."""
    module = ResNet1D(64, 1)
    x = torch.randn(1, 3, 64)
    cell = 8  # points 32 to 35; the stem sees six more on either side
    seen = x[0, :, 26:42]
    kernel, bias = module.stem.weight[3], module.stem.bias[3]
    expected = torch.nn.functional.gelu((kernel * seen).sum() + bias) * module.feature_scale
    torch.testing.assert_close(module.forward_features(x)[0, 3, cell], expected)


def test_features_do_not_drift_along_the_axis():
    """The response to an impulse in the middle of a cell is centred on that cell.

    Worked out for a linear network: with all kernels constant, position i sees a window that is
    symmetric around its cell, so mirroring the spectrum mirrors the features.
    """
    module = ResNet1D(64, 1, shortcut=False)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(0.05)
    module.double()
    x = torch.randn(3, 3, 64, dtype=torch.float64)
    mirrored = module.forward_features(x.flip(2))
    torch.testing.assert_close(mirrored, module.forward_features(x).flip(2))


def test_head_weight_is_the_gradient():
    module = randomise(ResNet1D(50, 2))
    features = module.forward_features(torch.randn(4, 3, 50)).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(module.forward_head(features)[:, 1].sum(), features)
    torch.testing.assert_close(gradient, module.head_weight[1].expand(4, -1, -1))


def test_centred_outputs_add_up_to_zero_and_keep_the_probabilities():
    module = randomise(ResNet1D(50, 3))
    x = torch.randn(4, 3, 50)
    before = module(x).softmax(dim=1)
    module.centre_outputs()
    np.testing.assert_allclose(module(x).sum(dim=1).detach(), 0, atol=1e-5)
    torch.testing.assert_close(module(x).softmax(dim=1), before)


def test_seed_decides_the_weights_and_the_global_state_is_left_alone():
    before = torch.random.get_rng_state()
    first, second, other = (ResNet1D(50, 2, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    x = torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first.forward_features(x), second.forward_features(x))
    assert not torch.equal(first.forward_features(x), other.forward_features(x))
