"""Maps against figures worked out by hand and against captum."""

import pytest
import torch
from captum.attr import LayerGradientXActivation
from test_resnet1d import randomise

from sklearn_spectral._grad_cam import POINTS_AT_ONCE, Spreader, one_d_grad_cam, spreading
from sklearn_spectral._resnet1d import ResNet1D


def test_map_by_hand():
    features = torch.tensor([[[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]]])  # one spectrum, K=2, L=3
    weight = torch.tensor([[[1.0, 1.0, -1.0], [2.0, 2.0, 2.0]], [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
    expected = torch.tensor([[[1.0, 0.0, -1.0], [0.0, -1.0, 3.0]]])
    torch.testing.assert_close(one_d_grad_cam(features, weight), expected)


class _Elsewhere(torch.Tensor):
    """What a GPU's tensors are to the code: not on the CPU."""

    is_cpu = False


def test_maps_are_the_same_off_the_cpu():
    """Two spectra, one target, K=2, L=2, by hand in test_methods.py: NumPy is not used here."""
    features = torch.tensor([[[1.0, 2.0], [1.0, 3.0]], [[2.0, 4.0], [2.0, 6.0]]])
    gradient = torch.tensor([[[1.0, 3.0], [0.0, -2.0]]])
    for each in (gradient, torch.stack([gradient, 3 * gradient])):
        maps = one_d_grad_cam(features.as_subclass(_Elsewhere), each.as_subclass(_Elsewhere))
        assert type(maps) is _Elsewhere
        assert maps.tolist() == [[[1, 0]], [[2 if each is gradient else 6, 0]]]


def test_spread_by_hand():
    """Two cells of two points: their centres lie at 0.5 and 2.5.

    A quarter of cell 0 goes to cell 1: of 8, 6 and 2. Points 0 and 3 lie outside the centres and
    belong to one cell alone; points 1 and 2 are a quarter of the way between them: 3/4 and 1/4. So
    cell 0 gives its 6 as 3, 9/4, 3/4, 0 and cell 1 its 2 as 0, 1/4, 3/4, 1.
    """
    expected = torch.tensor([3.0, 2.5, 1.5, 1.0])
    torch.testing.assert_close(torch.tensor([8.0, 0.0]) @ spreading(2, 4, 2), expected)


def test_spread_of_inner_and_outer_cells_by_hand():
    """Four cells of one point: half stays, a quarter goes to either side, or stays at an end."""
    expected = [[0.75, 0.25, 0, 0], [0.25, 0.5, 0.25, 0], [0, 0.25, 0.5, 0.25], [0, 0, 0.25, 0.75]]
    assert spreading(4, 4, 1).tolist() == expected
    assert spreading(1, 2, 4).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(("n_points", "stride"), [(12, 4), (13, 4), (3, 4), (2, 4), (1000, 8)])
def test_spread_conserves_the_sum(n_points, stride):
    weights = spreading(-(-n_points // stride), n_points, stride)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(weights)))


def test_spread_of_constant_is_constant():
    torch.testing.assert_close(torch.ones(25) @ spreading(25, 100, 4), torch.full((100,), 0.25))


def test_blocks_of_points_take_the_cells_around_them_only():
    """Points 64 to 127 lie at 15.6 to 31.4 cells of four: 15 to 32, and one more on either side."""
    blocks = Spreader(40, 160, 4).blocks
    assert POINTS_AT_ONCE == 64
    assert [points for _, points, _ in blocks] == [slice(0, 64), slice(64, 128), slice(128, 160)]
    assert [cells for cells, _, _ in blocks] == [slice(0, 18), slice(14, 34), slice(30, 40)]


@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("contiguous", [True, False])
def test_spreading_in_blocks_is_spreading(n_targets, dtype, contiguous):
    maps = torch.randn(2, n_targets, 33, generator=torch.Generator().manual_seed(0))
    out = torch.full((2, n_targets, 130), 7.0, dtype=dtype)
    if not contiguous:
        out = torch.full((2, 130, n_targets), 7.0, dtype=dtype).transpose(1, 2)
    Spreader(33, 130, 4).spread(maps, out)
    torch.testing.assert_close(out, (maps @ spreading(33, 130, 4)).to(dtype))


class _Features(torch.nn.Module):
    """The features as a layer, for captum to hook."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network.forward_features(x)


class _Split(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.features = _Features(network)

    def forward(self, x):
        return self.network.forward_head(self.features(x))


@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize("target", [0, 2])
def test_map_equals_captum(shortcut, target):
    network = randomise(ResNet1D(203, 3, shortcut=shortcut))
    x = torch.randn(6, 3, 203, generator=torch.Generator().manual_seed(1))
    split = _Split(network)
    reference = LayerGradientXActivation(split, split.features).attribute(x, target=target)
    with torch.no_grad():
        ours = one_d_grad_cam(network.forward_features(x), network.head_weight)[:, target]
    scale = reference.sum(dim=1).abs().max()
    torch.testing.assert_close(ours / scale, reference.sum(dim=1) / scale, rtol=0, atol=1e-6)
