"""The calibration from which the training of the network starts, solved in closed form.

PLS calibrations of each view of the spectra, and ridge calibrations on the network's own, still
untrained features, are fitted; what each predicts for left-out spectra decides how many latent
variables or how much penalty it gets and how much it counts in their blend. Each is linear in what
the network's head sees, and so is the blend: it becomes the head's weights.
"""

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np
from scipy.optimize import lsq_linear

from .._spectra.views import (
    MIN_POINTS_OF_DERIVATIVE,
    N_VIEWS,
    averaged,
    bin_widths,
    derivative,
    derivative_adjoint,
    gain,
    rounding,
    without_rounding,
)
from .._work import progress
from .folds import divided_in_rare_classes, folds_of, sample_rows, undominated_groups
from .pls import pls_candidates
from .ridge import (
    INTERCEPT_KERNEL,
    MAX_ROWS,
    MAX_ROWS_TO_CHOOSE,
    NONLINEAR_SHARES,
    PENALTIES,
    errors_of_settings,
    gram,
    ridge_candidate,
)

# Shares are averaged over this many resamplings of the left-out rows.
N_RESAMPLINGS = 20
# This part of the shares falls with a power of the error alone, and least squares gives the other:
# it makes the most of errors that go together, and too much of those that do so by chance. Errors
# of memberships in classes, most of which are far from any limit, are best left to it alone.
POWER_SHARE, POWER = 0.5, 8
# PLS looks at the average of each of so many bands as well, a hundred times as fast.
N_BANDS = 64
FEATURES_AT_ONCE = 512
# Mean square of scaled views that are constant but for rounding.
CONSTANT_VIEW = 1e-10
# Mean rounding error of a number in the network, as a share of the number.
FLOAT32_ERROR = np.finfo(np.float32).eps / 4
OF_OUTPUTS = ("slopes", "weights", "constant")  # arrays whose first axis is that of the outputs


@dataclass
class Calibration:
    """``sum of slopes * scaled views + sum of weights * features + constant``.

    Attributes
    ----------
    slopes : ndarray of shape (n_outputs, 3, n_bins)
    weights : ndarray of shape (n_outputs, n_features)
    constant : ndarray of shape (n_outputs,)
    out_of_fold : ndarray of shape (n_samples, n_outputs)
        Predictions by calibrations with the same settings for spectra they were not fitted on.
    """

    slopes: np.ndarray
    weights: np.ndarray
    constant: np.ndarray
    out_of_fold: np.ndarray

    def predict(self, scaled, features):
        """Return the predictions for scaled views and features, in float64."""
        of_views = np.einsum("nvp,tvp->nt", scaled.astype(np.float64), self.slopes)
        return of_views + features @ self.weights.T + self.constant

    def __mul__(self, share):
        return Calibration(*(share * part for part in vars(self).values()))

    def __add__(self, other):
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Calibration(*(one + two for one, two in pairs))


def calibrate(data, scaler, features, random_state, *, jointly, verbose=0):
    """Fit the blend of calibrations that predicts left-out spectra best.

    Parameters
    ----------
    data : TrainingSet
        Whose y are the outputs, (n_samples, n_outputs).
    scaler : ViewScaler
        Fitted on its views.
    features : ndarray of shape (n_samples, n_features)
        Features that the network computes from the scaled views.
    random_state : numpy.random.RandomState
        Deals the rows, or the groups, to the folds.
    jointly : bool
        Whether the outputs are memberships in classes and share their choices, or each has
        calibrations of its own.
    verbose : int, default=0
        Whether to draw a progress bar.

    Returns
    -------
    calibration : Calibration
        A constant where there are too few rows to leave any out.
    """
    data = replace(data, sample_weight=data.sample_weight / data.sample_weight.mean())
    groups = undominated_groups(data)
    labels = data.y.argmax(axis=1) if jointly else None
    fit = partial(_blend, data, scaler, features, labels, random_state, verbose)
    calibration = fit(groups)
    divided = divided_in_rare_classes(groups, labels) if jointly else groups
    if divided.max() > groups.max():
        # How far predictions of new groups can be trusted is still what whole groups say.
        calibration = replace(fit(divided), out_of_fold=calibration.out_of_fold)
    return calibration


def _blend(data, scaler, features, labels, random_state, verbose, groups):
    """Fit the blend of calibrations that predicts left-out groups best."""
    folds = folds_of(groups, labels, random_state)
    if min((len(train) for train, _ in folds), default=0) < 2:
        return constant_calibration(data, features.shape[1])
    ridge = None
    if len(data) <= MAX_ROWS:
        few = sample_rows(groups, MAX_ROWS_TO_CHOOSE, random_state)
        ridge = _Ridge(data, scaler, features, [test for _, test in folds], few)
    n_outputs = data.y.shape[1]
    columns = [slice(t, t + 1) for t in range(n_outputs)] if labels is None else [slice(None)]
    power = POWER_SHARE if labels is None else 0.0
    blends = []
    for column in columns:
        outputs = data.with_y(data.y[:, column])
        fits = chain(
            [_mean_of_folds(outputs, features.shape[1], folds)],
            _pls(outputs, scaler, features.shape[1], folds),
            ridge.calibrations(column) if ridge else (),
        )
        candidates = list(progress(fits, "calibrating", verbose=verbose))
        out_of_fold = np.array([candidate.out_of_fold for candidate in candidates])
        errors = out_of_fold - outputs.y
        shares = _shares(errors, data.sample_weight, groups, random_state, power)
        blended = [candidate * share for candidate, share in zip(candidates, shares, strict=True)]
        blends.append(sum(blended[1:], start=blended[0]))
    return Calibration(
        **{name: np.concatenate([getattr(b, name) for b in blends]) for name in OF_OUTPUTS},
        out_of_fold=np.concatenate([blend.out_of_fold for blend in blends], axis=1),
    )


def constant_calibration(data, n_features):
    """Return the calibration that knows no more than the mean of the outputs."""
    mean = np.average(data.y, axis=0, weights=data.sample_weight)
    return Calibration(
        np.zeros((len(mean), *data.views.shape[1:])),
        np.zeros((len(mean), n_features)),
        mean,
        np.tile(mean, (len(data), 1)),
    )


def _mean_of_folds(data, n_features, folds):
    """Return the calibration that knows no more than the mean, where nothing is to be learned."""
    calibration = constant_calibration(data, n_features)
    for train, test in folds:
        mean = np.average(data.y[train], axis=0, weights=data.sample_weight[train])
        calibration.out_of_fold[test] = mean
    return calibration


def _pls(data, scaler, n_features, folds):
    """Yield PLS calibrations of the spectra, their first derivative, and the other views.

    Of each as it is, and averaged over bands: where noise or scatter is larger than what single
    points tell, fewer and smoother coefficients predict better.
    """
    views, Y, sample_weight = data.views, data.y, data.sample_weight
    no_weights = np.zeros((Y.shape[1], n_features))
    sizes = np.sqrt(np.average((views - scaler.mean_) ** 2, axis=0, weights=sample_weight))
    lost, rounded = FLOAT32_ERROR * sizes, data.rounding  # by the network, and before

    def as_it_is(coefficients):
        return coefficients

    inputs = [(views[:, 0], 0, as_it_is, lost[0], rounded[0])]
    if views.shape[2] >= MIN_POINTS_OF_DERIVATIVE:
        to_spectra = partial(derivative_adjoint, order=1)
        slopes = derivative(views[:, 0], order=1)
        slopes[np.abs(slopes).max(axis=1) <= rounding(data.spectra)] = 0.0  # no spectrum of its own
        lost_slopes = gain(1) * np.sqrt(np.mean(lost[0] ** 2))
        inputs.append((slopes, 0, to_spectra, lost_slopes, gain(1) * rounded[0]))
        inputs += [(views[:, v], v, as_it_is, lost[v], rounded[v]) for v in range(1, N_VIEWS)]
    inputs += [_in_bands(*each) for each in inputs if each[0].shape[1] > N_BANDS]
    for Z, view, to_view, lost_of_view, rounded_of_view in inputs:
        Z = without_rounding(Z, sample_weight, rounded_of_view)
        candidates = pls_candidates(Z, Y, sample_weight, folds, lost_of_view)
        for out_of_fold, coefficients, intercept in candidates:
            slopes = np.zeros((Y.shape[1], *views.shape[1:]))
            slopes[:, view] = to_view(coefficients).T
            constant = intercept + np.einsum("tvp,vp->t", slopes, scaler.mean_)
            yield Calibration(slopes * scaler.scale_, no_weights, constant, out_of_fold)


def _in_bands(Z, view, to_view, lost, rounded):
    """Return one of the inputs of `_pls` averaged over bands."""
    n_points = Z.shape[1]
    sizes = bin_widths(n_points, -(-n_points // N_BANDS))

    def to_points(coefficients):
        return to_view(np.repeat(coefficients / sizes[:, None], sizes, axis=0))

    def root_mean_square(errors):
        return np.sqrt(averaged(np.broadcast_to(errors, n_points) ** 2, sizes))

    # Rounding by the network differs from point to point; earlier rounding may be common to all.
    lost, rounded = root_mean_square(lost) / np.sqrt(sizes), root_mean_square(rounded)
    return averaged(Z, sizes), view, to_points, lost, rounded


class _Ridge:
    """The ridge calibrations: what outputs have in common is computed once."""

    def __init__(self, data, scaler, features, folds, few):
        self.scaled = scaler.transform(data.views)  # (n_samples, 3, n_bins)
        self.features = features
        self.sample_weight = data.sample_weight
        self.mean = np.average(data.y, axis=0, weights=data.sample_weight)
        self.centred = data.y - self.mean
        self.folds = folds
        self.feature_means = np.average(features, axis=0, weights=data.sample_weight)
        self.nonlinear, self.feature_size = gram(block for _, block in self._centred_features())
        # By view that varies: its products, what they were divided by, and the errors of all
        # settings, (n_shares, n_penalties, n_outputs).
        self.views = {}
        few_folds = [np.flatnonzero(np.isin(few, test)) for test in self.folds]
        few_nonlinear = self.nonlinear[np.ix_(few, few)]
        for view, spectra in enumerate(np.moveaxis(self.scaled, 1, 0)):
            if np.mean(spectra**2) > CONSTANT_VIEW:
                linear, size = gram([spectra])
                errors = errors_of_settings(
                    linear[np.ix_(few, few)],
                    few_nonlinear,
                    self.centred[few],
                    self.sample_weight[few],
                    few_folds,
                )
                self.views[view] = linear, size, errors

    def _centred_features(self):
        """Yield some columns of the features at a time: their slice, and them in float64."""
        for start in range(0, self.features.shape[1], FEATURES_AT_ONCE):
            columns = slice(start, start + FEATURES_AT_ONCE)
            yield columns, self.features[:, columns] - self.feature_means[columns]

    def calibrations(self, column):
        """Yield one calibration of some outputs for each view that varies."""
        Y, mean = self.centred[:, column], self.mean[column]
        for view, (linear, size, errors) in self.views.items():
            errors = errors[..., column].sum(axis=-1)
            best = np.unravel_index(np.argmin(errors), errors.shape)
            share, penalty = NONLINEAR_SHARES[best[0]], PENALTIES[best[1]]
            out_of_fold, duals = ridge_candidate(
                linear, self.nonlinear, Y, self.sample_weight, self.folds, share, penalty
            )
            slopes = np.zeros((Y.shape[1], *self.scaled.shape[1:]))
            slopes[:, view] = (1 - share) / size * (duals.T @ self.scaled[:, view])
            weights = np.zeros((Y.shape[1], self.features.shape[1]))
            if share:
                for columns, centred in self._centred_features():
                    weights[:, columns] = share / self.feature_size * (duals.T @ centred)
            constant = mean + INTERCEPT_KERNEL * duals.sum(axis=0) - weights @ self.feature_means
            yield Calibration(slopes, weights, constant, out_of_fold + mean)


def _shares(errors, sample_weight, groups, random_state, power_share):
    """Return the non-negative shares, of sum one, whose blend predicts left-out rows best.

    One part is the mean over resamplings of the rows of the shares with the least squared error:
    with few rows one best blend depends too much on a few of them. The other is proportional to
    ``error ** -POWER`` of each candidate.

    Parameters
    ----------
    errors : ndarray of shape (n_candidates, n_samples, n_outputs)
        Of the out-of-fold predictions.
    sample_weight : ndarray of shape (n_samples,)
    groups : ndarray of shape (n_samples,)
        Rows that are drawn together.
    random_state : numpy.random.RandomState
    power_share : float
        The other part.

    Returns
    -------
    shares : ndarray of shape (n_candidates,)
    """
    # With shares that add up to one, the error of the blend is the blend of the errors. Those of
    # the best candidate are about one: that is what the tolerance of the solver is meant for.
    sizes = np.sqrt(np.average(np.mean(errors**2, axis=2), axis=1, weights=sample_weight))
    best = sizes.min()
    errors = np.moveaxis(errors / (best or np.abs(errors).max() or 1.0), 0, -1)  # (n, T, n_cand.)
    by_size = (sizes == best) if best == 0 else (best / sizes) ** POWER
    n_groups = groups.max() + 1
    shares = np.zeros(errors.shape[-1])
    for _ in range(N_RESAMPLINGS):
        drawn = random_state.multinomial(n_groups, np.full(n_groups, 1 / n_groups))[groups]
        root = np.sqrt(drawn * sample_weight)[:, None, None]
        # Minimise |errors s| for sum(s) = 1: the solution for a constant target, rescaled.
        triangle = np.linalg.qr((errors * root).reshape(-1, len(shares)), mode="r")
        system = np.vstack([triangle, np.ones(len(shares))])
        # SciPy's own nnls gives up on some of these systems, whose columns may be all alike.
        target = np.append(np.zeros(len(triangle)), 1.0)
        solution = lsq_linear(system, target, bounds=(0, np.inf), method="bvls").x
        shares += solution / solution.sum()
    of_sizes = by_size / by_size.sum()
    return (1 - power_share) * shares / N_RESAMPLINGS + power_share * of_sizes
