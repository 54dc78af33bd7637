"""The calibration to start from, beside scikit-learn's PLS."""

import numpy as np
import pytest
from scipy.signal import savgol_filter
from sklearn.cross_decomposition import PLSRegression

from sklearn_spectral import _pls


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("derivative", [False, True])
def test_every_variant_is_scikit_learns_pls(mixtures, derivative, scaled):
    X, amounts = mixtures
    Z = savgol_filter(X, 11, 2, deriv=1, axis=1)[:, 5:-5] if derivative else X
    path = _pls._pls_path(X, amounts, np.ones(60), derivative, scaled, 4)
    for n_components in (1, 4):
        if scaled:
            Z = Z / Z.std(axis=0)
        reference = PLSRegression(n_components, scale=False, tol=1e-22, max_iter=100_000)
        expected = reference.fit(Z, amounts).predict(Z)
        np.testing.assert_allclose(path[n_components - 1].predict(X), expected, atol=1e-6)


def test_shares_by_hand():
    """Errors (1, 0), (0, 1) and (5, 5): half of each of the first two, nothing of the third."""
    left_out = np.array([[[1.0], [0.0]], [[0.0], [1.0]], [[5.0], [5.0]]])
    shares = _pls._shares(left_out, np.zeros((2, 1)), np.ones(2))
    np.testing.assert_allclose(shares, [0.5, 0.5, 0], atol=1e-12)
    shares = _pls._shares(left_out, np.zeros((2, 1)), np.array([1.0, 4.0]))
    np.testing.assert_allclose(shares, [0.8, 0.2, 0], atol=1e-12)


def test_folds_keep_groups_together_and_use_every_row_once():
    groups = np.repeat(np.arange(7), 3)
    folds = _pls._folds(21, groups, np.random.RandomState(0))
    assert len(folds) == 5
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(21))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize("jointly", [True, False])
def test_the_blend_predicts_new_spectra(mixtures, jointly):
    X, amounts = mixtures
    model = _pls.start_model(
        X[:40], amounts[:40], np.ones(40), None, np.random.RandomState(0), jointly=jointly
    )
    error = np.abs(model.predict(X[40:]) - amounts[40:]).mean()
    assert error < 0.05  # the noise of one point is 0.05, and a band has many


@pytest.mark.parametrize("n_samples", [1, 2])
def test_too_few_rows_for_anything_but_a_constant(mixtures, n_samples):
    X, amounts = mixtures
    model = _pls.start_model(
        X[:n_samples],
        amounts[:n_samples],
        np.ones(n_samples),
        None,
        np.random.RandomState(0),
        jointly=True,
    )
    np.testing.assert_allclose(model.predict(X[:5]), np.tile(amounts[:n_samples].mean(0), (5, 1)))
