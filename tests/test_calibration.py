"""The calibration to start from, beside PLS and kernel ridge of scikit-learn and PLS of ikpls."""

import warnings

import numpy as np
import pytest
from scipy.signal import savgol_filter
from sklearn.cross_decomposition import PLSRegression
from sklearn.kernel_ridge import KernelRidge

from sklearn_spectral._calibration import blend as _calibration
from sklearn_spectral._calibration import folds as _folds
from sklearn_spectral._calibration import pls as _pls
from sklearn_spectral._calibration import probabilities as _probabilities
from sklearn_spectral._calibration import ridge as _ridge
from sklearn_spectral._spectra.training_set import TrainingSet
from sklearn_spectral._spectra.views import ViewScaler, derivative, derivative_adjoint, views

ONES = np.ones(60)


@pytest.fixture(scope="module")
def folds():
    return _folds.folds_of(np.arange(60), None, np.random.RandomState(0))


@pytest.fixture(scope="module")
def features(mixtures):
    """Something that bends: the network's part is played by squares."""
    X, _ = mixtures
    return ((X - X.mean(0)) ** 2).astype(np.float32)


@pytest.mark.parametrize("n_points", [100, 40])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_path_is_scikit_learns_pls(mixtures, scaled, n_points):
    X, amounts = mixtures
    X = X[:, -n_points:]
    of_rows = _pls._moments(X, amounts, ONES)
    coefficients, intercepts, _ = _pls._pls_path(of_rows, scaled, np.ones(n_points), 4)
    Z = X / X.std(axis=0) if scaled else X
    for n_components in (1, 4):
        reference = PLSRegression(n_components, scale=False, tol=1e-22, max_iter=100_000)
        expected = reference.fit(Z, amounts).predict(Z)
        predicted = X @ coefficients[n_components - 1] + intercepts[n_components - 1]
        np.testing.assert_allclose(predicted, expected, atol=1e-6)


def test_emphasis_multiplies_the_scaled_spectra(mixtures):
    X, amounts = mixtures
    emphasis = np.linspace(0.1, 1, 100)
    of_rows = _pls._moments(X, amounts[:, :1], ONES)
    coefficients, intercepts, _ = _pls._pls_path(of_rows, True, emphasis, 2)
    Z = (X - X.mean(0)) / X.std(axis=0) * emphasis
    expected = PLSRegression(2, scale=False).fit(Z, amounts[:, :1]).predict(Z)
    np.testing.assert_allclose(X @ coefficients[1] + intercepts[1], expected.reshape(60, 1))


def test_reweighting_finds_the_band(mixtures, folds):
    """The first component has its band at 1200 cm-1, point 40."""
    X, amounts = mixtures
    candidates = list(_pls.pls_candidates(X, amounts[:, :1], ONES, folds))
    assert len(candidates) == 2 + _pls.N_REWEIGHTINGS
    share = []
    for _, coefficients, _ in (candidates[1], candidates[-1]):
        size = np.abs(coefficients[:, 0]) * X.std(axis=0)
        share.append(size[30:50].sum() / size.sum())
    assert share[1] > 0.9 > share[0]


def test_left_out_rows_are_not_seen(mixtures, folds):
    """A left-out reference that is wrong changes what is predicted for others only."""
    X, amounts = mixtures
    y = amounts[:, :1].copy()
    before = next(_pls.pls_candidates(X, y, ONES, folds))[0]
    train, test = folds[0]
    y[test] += np.random.RandomState(0).normal(0, 1e-6, (len(test), 1))
    after = next(_pls.pls_candidates(X, y, ONES, folds))[0]
    np.testing.assert_array_equal(before[test], after[test])
    assert not np.array_equal(before[train], after[train])


@pytest.mark.parametrize("weights", [ONES, np.linspace(0.5, 2, 60)])
def test_ridge_is_scikit_learns_kernel_ridge(mixtures, features, weights):
    X, amounts = mixtures
    linear, _ = _ridge.gram([X - X.mean(0)])
    nonlinear, _ = _ridge.gram([features - features.mean(0)])
    products = _ridge._mix(linear, nonlinear, 0.5)
    chosen = _ridge.PENALTIES[10]
    reference = KernelRidge(alpha=chosen, kernel="precomputed").fit(products, amounts, weights)
    folds = [np.arange(40), np.arange(40, 60)]
    left_out, duals = _ridge.ridge_candidate(
        linear, nonlinear, amounts, weights, folds, share=0.5, penalty=chosen
    )
    np.testing.assert_allclose(duals, reference.dual_coef_, rtol=1e-6)
    errors = _ridge._errors(products, amounts, weights, folds, _ridge.PENALTIES)
    for penalty, error in zip(_ridge.PENALTIES, errors, strict=True):
        expected = np.empty_like(amounts)
        for rows, others in (folds, folds[::-1]):
            reference = KernelRidge(alpha=penalty, kernel="precomputed")
            reference.fit(products[np.ix_(others, others)], amounts[others], weights[others])
            expected[rows] = reference.predict(products[np.ix_(rows, others)])
        np.testing.assert_allclose(error, weights @ (expected - amounts) ** 2, rtol=1e-4)
        if penalty == chosen:
            np.testing.assert_allclose(left_out, expected, rtol=1e-6)


def test_gram_in_blocks_is_gram_at_once(features):
    at_once, size = _ridge.gram([features])
    in_blocks, same_size = _ridge.gram([features[:, :30], features[:, 30:]])
    np.testing.assert_allclose(in_blocks, at_once, rtol=1e-12)
    assert np.trace(at_once) / 60 == pytest.approx(1) and size == pytest.approx(same_size)


def test_shares_by_hand(monkeypatch):
    """Errors (1, 0), (0, 1) and (5, 5): half of each of the first two, nothing of the third.

    With one weight four times the other the least squares are 4 : 1, and the mean squares 1 : 4,
    of which the fourth power counts; that of the third is 25 by then.
    """
    monkeypatch.setattr(_calibration, "N_RESAMPLINGS", 1)

    class AllOnce:
        def multinomial(self, n, shares):
            return np.ones(n, dtype=int)

    def shares(weights):
        errors = np.array([[[1.0], [0.0]], [[0.0], [1.0]], [[5.0], [5.0]]])
        return _calibration._shares(errors, weights, np.arange(2), AllOnce(), power_share)

    power_share = 0.0
    np.testing.assert_allclose(shares(np.ones(2)), [0.5, 0.5, 0], atol=1e-12)
    np.testing.assert_allclose(shares(np.array([1.0, 4.0])), [0.8, 0.2, 0], atol=1e-12)
    power_share = 0.5
    hopeless = 50.0**-4 / (2 + 50.0**-4)  # of the half that falls with the error
    expected = [0.5 - hopeless / 4, 0.5 - hopeless / 4, hopeless / 2]
    np.testing.assert_allclose(shares(np.ones(2)), expected, atol=1e-12)
    by_size = np.array([1, 4.0**-4, 125.0**-4])
    expected = (np.array([0.8, 0.2, 0]) + by_size / by_size.sum()) / 2
    np.testing.assert_allclose(shares(np.array([1.0, 4.0])), expected, atol=1e-12)


def test_shares_are_found_where_candidates_are_all_but_alike():
    rng = np.random.RandomState(0)
    groups = np.arange(40)
    for _ in range(50):
        spread = 10.0 ** -rng.randint(5, 16)
        alike = rng.normal(size=(1, 40, 1)) + spread * rng.normal(size=(7, 40, 1))
        shares = _calibration._shares(alike, np.ones(40), groups, rng, 0.5)
        assert shares.min() > -1e-12 and shares.sum() == pytest.approx(1)


def test_folds_keep_groups_together_and_use_every_row_once():
    groups = np.repeat(np.arange(7), 3)
    folds = _folds.folds_of(groups, None, np.random.RandomState(0))
    assert len(folds) == 7
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(21))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])


def test_groups_of_classes_with_few_of_them_are_divided():
    """Six groups of class 0, two of class 1, of which one holds class 0 as well."""
    groups = np.repeat(np.arange(7), 2)
    labels = np.array([0] * 10 + [0, 1, 1, 1])
    divided = _folds.divided_in_rare_classes(groups, labels)
    assert divided.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8]
    assert _folds.divided_in_rare_classes(groups, np.zeros(14, int)).tolist() == groups.tolist()


def test_probabilities_of_rare_groups_are_as_sure_as_whole_groups_bear_out(mixtures, features):
    """Three groups a class: the settings are those of rows, the left-out predictions of groups."""
    X, amounts = mixtures
    memberships = np.eye(2)[(amounts[:, 0] > np.median(amounts[:, 0])).astype(int)]
    groups = memberships.argmax(axis=1) * 3 + np.arange(60) % 3
    data = TrainingSet.of(X, memberships, ONES, groups)
    scaler = ViewScaler().fit(data.views, ONES)

    def fitted(groups, jointly=True):
        of_groups = TrainingSet.of(X, memberships, ONES, groups)
        rng = np.random.RandomState(0)
        return _calibration.calibrate(of_groups, scaler, features, rng, jointly=jointly)

    both = fitted(groups)
    of_groups = _calibration._blend(
        data, scaler, features, memberships.argmax(axis=1), np.random.RandomState(0), 0, groups
    )
    np.testing.assert_allclose(both.out_of_fold, of_groups.out_of_fold)
    assert not np.allclose(both.slopes, of_groups.slopes)
    assert np.abs(both.out_of_fold - fitted(None).out_of_fold).max() > 0.01


def test_folds_of_classes_leave_a_share_of_each_out():
    labels, groups = np.repeat([0, 1, 1], 20), np.repeat(np.arange(30), 2)
    folds = _folds.folds_of(groups, labels, np.random.RandomState(0))
    assert len(folds) == 10
    for train, test in folds:
        assert np.bincount(labels[test]).tolist() == [2, 4]
        assert not set(groups[train]) & set(groups[test])


def test_choices_are_made_on_some_of_many_rows():
    groups = np.repeat(np.arange(20), 3)
    rows = _folds.sample_rows(groups, 30, np.random.RandomState(0))
    assert len(rows) == 30 and np.unique(np.unique(groups[rows], return_counts=True)[1]) == [3]


def _calibrate(X, features, Y, jointly=True):
    data = TrainingSet.of(X, Y, np.ones(len(X)), None)
    scaler = ViewScaler().fit(data.views, data.sample_weight)
    calibration = _calibration.calibrate(
        data, scaler, features, np.random.RandomState(0), jointly=jointly
    )
    return calibration, scaler


def _predict(calibration, scaler, X, features):
    scaled = (views(X) - scaler.mean_) / scaler.scale_
    linear = np.einsum("nvp,tvp->nt", scaled, calibration.slopes)
    return linear + features @ calibration.weights.T + calibration.constant


def test_slopes_of_the_derivative_are_slopes_of_the_spectra(mixtures):
    X, amounts = mixtures
    coefficients = np.random.RandomState(0).normal(size=(90, 2))
    slopes = derivative_adjoint(coefficients, 1)
    smooth = savgol_filter(X, 11, 2, deriv=1, axis=1)[:, 5:-5]
    np.testing.assert_allclose(derivative(X, 1), smooth, atol=1e-12)
    np.testing.assert_allclose(X @ slopes, smooth @ coefficients, atol=1e-10)


def test_each_pls_calibration_predicts_what_it_was_fitted_to(mixtures, folds):
    """Slopes of scaled views and constant fit y better than left-out rows."""
    X, amounts = mixtures
    data = TrainingSet.of(X, amounts, ONES, None)
    scaler = ViewScaler().fit(data.views, ONES)
    candidates = list(_calibration._pls(data, scaler, 7, folds))
    assert len(candidates) == 2 * 4 * (2 + _pls.N_REWEIGHTINGS)  # by points and by bands
    for candidate in candidates:
        fitted = _predict(candidate, scaler, X, np.zeros((60, 7)))
        out_of_fold = np.mean((candidate.out_of_fold - amounts) ** 2)
        assert np.mean((fitted - amounts) ** 2) < out_of_fold


def test_the_mean_is_one_of_the_calibrations():
    """Left-out rows get the mean of the others, by hand; what is fitted is that of all."""
    data = TrainingSet.of(np.ones((4, 5)), np.array([[1.0], [2], [3], [6]]), np.ones(4), None)
    folds = [(np.array([2, 3]), np.array([0, 1])), (np.array([0, 1]), np.array([2, 3]))]
    calibration = _calibration._mean_of_folds(data, 2, folds)
    assert calibration.out_of_fold.ravel().tolist() == [4.5, 4.5, 1.5, 1.5]
    assert calibration.constant.tolist() == [3.0]
    assert not calibration.slopes.any() and not calibration.weights.any()


def test_calibrations_of_bands_are_scikit_learns_pls_of_averages(mixtures, folds):
    """100 points are 50 bands of two; slopes of both points of a band are half of its slope."""
    X, amounts = mixtures
    data = TrainingSet.of(X, amounts, ONES, None)
    scaler = ViewScaler().fit(data.views, ONES)
    candidates = list(_calibration._pls(data, scaler, 7, folds))
    candidate = candidates[len(candidates) // 2]  # the first of the bands: spectra, centred
    predicted = _predict(candidate, scaler, X, np.zeros((60, 7)))
    bands = X.reshape(60, 50, 2).mean(axis=2)
    fits = [PLSRegression(k, scale=False, tol=1e-22).fit(bands, amounts) for k in range(1, 21)]
    assert min(np.abs(fit.predict(bands) - predicted).max() for fit in fits) < 1e-6
    slopes = candidate.slopes / scaler.scale_
    np.testing.assert_allclose(slopes[:, 0, ::2], slopes[:, 0, 1::2], rtol=1e-9)


@pytest.mark.parametrize("jointly", [True, False])
def test_the_blend_predicts_new_spectra(mixtures, features, jointly):
    X, amounts = mixtures
    calibration, scaler = _calibrate(X[:40], features[:40], amounts[:40], jointly)
    predicted = _predict(calibration, scaler, X[40:], features[40:])
    assert np.abs(predicted - amounts[40:]).mean() < 0.05  # the noise of one point is 0.05
    assert np.abs(calibration.out_of_fold - amounts[:40]).mean() < 0.05


def test_what_bends_is_learned_from_the_features(mixtures, features):
    """y is the square of an amount: no line through the spectra, but one through the features."""
    X, amounts = mixtures
    y = amounts[:, :1] ** 2
    bent, scaler = _calibrate(X[:40], features[:40], y[:40])
    straight, _ = _calibrate(X[:40], np.zeros((40, 1)), y[:40])
    error = [
        np.sqrt(np.mean((_predict(calibration, scaler, X[40:], seen[40:]) - y[40:]) ** 2))
        for calibration, seen in ((bent, features), (straight, np.zeros((60, 1))))
    ]
    assert error[0] < 0.5 * error[1]


def test_many_rows_get_no_ridge(mixtures, features, monkeypatch):
    X, amounts = mixtures
    assert _calibrate(X, features, amounts[:, :1] ** 2)[0].weights.any()
    monkeypatch.setattr(_calibration, "MAX_ROWS", 59)
    calibration, _ = _calibrate(X, features, amounts[:, :1] ** 2)
    assert calibration.slopes.any() and not calibration.weights.any()


def test_choices_are_made_where_few_groups_hold_many_rows():
    groups = np.repeat(np.arange(15), 400)
    rows = _folds.sample_rows(groups, _ridge.MAX_ROWS_TO_CHOOSE, np.random.RandomState(0))
    assert len(rows) == _ridge.MAX_ROWS_TO_CHOOSE and len(np.unique(groups[rows])) > 2
    assert len(np.unique(rows)) == len(rows)


@pytest.mark.parametrize("size", [1e-30, 1e15])
def test_pls_does_not_depend_on_the_unit_of_the_spectra(mixtures, size):
    X, amounts = mixtures
    expected, coefficients = (
        _pls._pls_path(_pls._moments(spectra, amounts, ONES), False, np.ones(100), 3)[0]
        for spectra in (X, X * size)
    )
    np.testing.assert_allclose(coefficients * size, expected, rtol=1e-6)


@pytest.mark.parametrize("n_samples", [1, 2])
def test_too_few_rows_for_anything_but_a_constant(mixtures, features, n_samples):
    X, amounts = mixtures
    few = slice(n_samples)
    calibration, scaler = _calibrate(X[few], features[few], amounts[few])
    predicted = _predict(calibration, scaler, X[:5], features[:5])
    np.testing.assert_allclose(predicted, np.tile(amounts[few].mean(0), (5, 1)))


def test_memberships_become_the_likeliest_logits():
    """Left-out memberships that are right with certainty s want logits of their odds.

    Two classes, margin d = 1 in nine of ten cases and -1 in one, and an eleventh case in doubt: the
    likelihood is highest where sigma(factor * d) = 9.5 / 11, at the factor log(9.5 / 1.5).
    """
    y = np.eye(2)[[0] * 9 + [1]]
    left_out = np.tile([0.5, -0.5], (10, 1))
    factor = _probabilities.logits_per_membership(left_out, np.zeros(2), y, np.ones(10))
    assert factor == pytest.approx(np.log(9.5 / 1.5), rel=1e-3)


def test_temperature_by_hand():
    """Margins of 6 and 3, weighted 2 to 1, have the entropy of 2 and 1 at temperature 3."""
    logits, weights = np.array([[6.0, 0.0], [0.0, 3.0]]), np.array([2.0, 1.0])

    def entropy(margin):
        p = 1 / (1 + np.exp(-margin))
        return -p * np.log(p) - (1 - p) * np.log(1 - p)

    wanted = (2 * entropy(2) + entropy(1)) / 3
    assert _probabilities.mean_entropy(logits / 3, weights) == pytest.approx(wanted)
    assert _probabilities.temperature(logits, wanted, weights) == pytest.approx(3)
    assert _probabilities.temperature(logits / 4, wanted, weights) == 1  # doubts more already
    assert (
        _probabilities.temperature(logits, 1.0, weights) == _probabilities.HOTTEST
    )  # log 2 at most


@pytest.mark.parametrize(("n_outputs", "rank"), [(1, 12), (3, 12), (1, 4), (3, 4)])
def test_pls_coefficients_are_those_of_ikpls(n_outputs, rank):
    ikpls = pytest.importorskip("ikpls.numpy")  # not among the oldest versions
    rng = np.random.RandomState(0)
    X, Y = rng.randn(30, rank) @ rng.randn(rank, 50), rng.randn(30, n_outputs)
    weight = rng.uniform(0.5, 2, 30)
    X -= np.average(X, axis=0, weights=weight)
    pls = ikpls.PLS(scale_X=False, scale_Y=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # beyond the rank
        pls.fit(X, Y, 12, weight)
    of_rows = _pls._moments(X, Y, weight)
    coefficients = _pls._kernel_pls(of_rows.multiply, of_rows.covariance, 12)
    np.testing.assert_allclose(coefficients, pls.B, atol=1e-10)


@pytest.mark.parametrize("weight", [ONES, np.linspace(0.5, 2, 60)])
def test_moments_by_differences_are_those_of_the_rows(mixtures, folds, weight):
    """With more spectra than points; one point varies in rows only that a fold leaves out."""
    X, amounts = mixtures
    X = 100 + X[:, :50]
    X[:, 3] = 7.0
    X[folds[0][1], 3] += np.arange(len(folds[0][1]))
    rows = [*(train for train, _ in folds), np.arange(60)]
    found = _pls._moments_of_folds(X, amounts, weight, folds)
    assert len(found) == len(rows) and found[0].variance[3] == 0.0 < found[1].variance[3]
    along = np.random.RandomState(0).randn(50, 1)
    for of_rows, train in zip(found, rows, strict=True):
        expected = _pls._moments(X[train], amounts[train], weight[train])
        for name in ("z_mean", "y_mean", "variance", "covariance"):
            value = getattr(expected, name)
            np.testing.assert_allclose(getattr(of_rows, name), value, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(
            of_rows.multiply(along), expected.multiply(along), rtol=1e-9, atol=1e-11
        )
