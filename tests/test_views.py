"""What the network sees, beside SciPy, chemotools and figures worked out by hand."""

import numpy as np
import pytest
import torch
from chemotools.scatter import StandardNormalVariate
from scipy.signal import savgol_filter

from sklearn_spectral._network import module
from sklearn_spectral._spectra.views import ViewScaler, average_bins, bin_size, views


@pytest.mark.parametrize(("order", "window", "degree"), [(1, 11, 2), (2, 15, 3)])
def test_views_are_the_spectra_and_their_normalized_derivatives(mixtures, order, window, degree):
    X, _ = mixtures
    stack = views(X)
    np.testing.assert_array_equal(stack[:, 0], X)
    inner = slice(window // 2, -(window // 2))
    slopes = savgol_filter(X, window, degree, deriv=order, axis=1)[:, inner]
    expected = StandardNormalVariate().fit_transform(slopes)
    np.testing.assert_allclose(stack[:, order, inner], expected, atol=1e-8)
    assert not stack[:, order, : window // 2].any() and not stack[:, order, -(window // 2) :].any()


def test_normalized_views_do_not_see_offset_and_factor(mixtures):
    X, _ = mixtures
    np.testing.assert_allclose(views(3 * X + 7)[:, 1:], views(X)[:, 1:], atol=1e-8)


@pytest.mark.parametrize("X", [np.ones((2, 50)), np.arange(100.0).reshape(2, 50), np.eye(5)])
def test_nothing_to_normalize_is_zero(X):
    """Constant, straight and very short spectra."""
    assert not views(X)[:, 1:].any()


@pytest.mark.parametrize("n_points", [2, 29, 30, 100, 1025, 2050])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_views_with_gradients_are_the_same(n_points, dtype):
    """Of a walk, constant and straight spectra, which are zero but for rounding, and zeros."""
    X = np.random.default_rng(0).normal(size=(6, n_points)).cumsum(axis=1)
    X[0], X[1], X[2] = 0.3, 0.1 * np.arange(n_points) + 5, 0
    X = X.astype(dtype)
    x = torch.tensor(X, requires_grad=True)
    found = module.views(x)
    expected = views(X)
    np.testing.assert_allclose(found.detach(), expected, atol=1e-10 * np.abs(expected).max())
    found.square().sum().backward()
    assert torch.isfinite(x.grad).all()


def test_bins_by_hand():
    assert [bin_size(n) for n in (100, 1024, 1025, 2048, 2049, 6000)] == [1, 1, 2, 2, 4, 8]
    X = np.arange(1025.0)[None]
    np.testing.assert_allclose(average_bins(X)[0, [0, 1, -1]], [0.5, 2.5, 1024])


def test_scaling_by_hand():
    """Variances 1 and 9: a tenth of their mean, 0.5, is added to each."""
    stack = np.array([[[0.0, 0.0]], [[2.0, 6.0]]])
    scaler = ViewScaler().fit(stack, np.ones(2))
    np.testing.assert_allclose(scaler.scale_, np.sqrt([[1.5, 9.5]]))
    np.testing.assert_allclose(scaler.transform(stack)[1], [[1.5**-0.5, 3 * 9.5**-0.5]], rtol=1e-6)
    weighted = ViewScaler().fit(stack, np.array([3.0, 1.0]))
    np.testing.assert_allclose(weighted.mean_, [[0.5, 1.5]])


def test_constant_wavelengths_are_left_at_zero():
    scaler = ViewScaler().fit(np.full((3, 2, 4), 5.0), np.ones(3))
    assert not scaler.transform(np.full((1, 2, 4), 5.0)).any()
