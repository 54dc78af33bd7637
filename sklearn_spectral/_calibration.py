"""The calibration that the network starts from, solved in closed form.

PLS calibrations of each view of the spectra, and ridge calibrations on the network's own, still
untrained features, are fitted; what each predicts for left-out spectra decides how many latent
variables or how much penalty it gets and how much it counts in their blend. Each is linear in what
the network's head sees, and so is the blend: it becomes the head's weights.
"""

import math
import warnings
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
from scipy.optimize import brentq, lsq_linear, minimize_scalar
from scipy.special import entr, log_softmax, softmax
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from ._pls import pls_candidates
from ._progress import progress
from ._ridge import (
    CONSTANT,
    MAX_ROWS,
    MAX_ROWS_TO_CHOOSE,
    PENALTIES,
    SHARES,
    errors_of_settings,
    gram,
    ridge_candidate,
)
from ._threads import checking
from ._views import MIN_POINTS_OF_DERIVATIVE, N_VIEWS, derivative, derivative_adjoint, rounding

N_FOLDS = 10
# Shares are averaged over this many resamplings of the left-out rows.
N_RESAMPLINGS = 20
FEATURES_AT_ONCE = 512
# Logits per unit of class membership.
LOGITS_RANGE = (1.0, 30.0)
# Divided by this, logits say nothing.
HOTTEST = 100.0


@dataclass
class Calibration:
    """``sum of slopes * scaled views + sum of weights * features + constant``.

    Attributes
    ----------
    slopes : ndarray of shape (n_outputs, 3, n_bins)
    weights : ndarray of shape (n_outputs, n_features)
    constant : ndarray of shape (n_outputs,)
    left_out : ndarray of shape (n_samples, n_outputs)
        What calibrations with the same settings predict for spectra they were not fitted on.
    """

    slopes: np.ndarray
    weights: np.ndarray
    constant: np.ndarray
    left_out: np.ndarray

    def __mul__(self, share):
        return Calibration(*(share * part for part in vars(self).values()))

    def __add__(self, other):
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Calibration(*(one + two for one, two in pairs))


def calibrate(
    views, scaler, features, Y, sample_weight, groups, random_state, *, jointly, verbose=0
):
    """Fit the blend of calibrations that predicts left-out spectra best.

    Parameters
    ----------
    views : ndarray of shape (n_samples, 3, n_bins)
        Views of the spectra, not scaled.
    scaler : ViewScaler
        Fitted on them.
    features : ndarray of shape (n_samples, n_features)
        What the network makes of the scaled views.
    Y : ndarray of shape (n_samples, n_outputs)
        Outputs.
    sample_weight : ndarray of shape (n_samples,)
    groups : ndarray of shape (n_samples,) or None
        Rows of one group stay in one fold.
    random_state : numpy.random.RandomState
        Deals the rows, or the groups, to the folds.
    jointly : bool
        Whether all outputs share their choices (as memberships in classes do), or each has
        calibrations of its own.
    verbose : int, default=0
        Whether to draw a progress bar.

    Returns
    -------
    calibration : Calibration
        A constant where there are too few rows to leave any out.
    """
    units = _units(len(views), groups)
    folds = _folds(units, Y.argmax(axis=1) if jointly else None, random_state)
    sample_weight = sample_weight / sample_weight.mean()
    if min((len(train) for train, _ in folds), default=0) < 2:
        return constant_calibration(views, features.shape[1], Y, sample_weight)
    ridge = None
    if len(views) <= MAX_ROWS:
        few = _few_rows(units, random_state)
        scaled = scaler.transform(views)
        ridge = _Ridge(scaled, features, Y, sample_weight, folds, few)
    columns = [slice(None)] if jointly else [slice(t, t + 1) for t in range(Y.shape[1])]
    blends = []
    for column in columns:
        candidates = chain(
            _pls(views, scaler, features.shape[1], Y[:, column], sample_weight, folds),
            ridge.calibrations(column) if ridge else (),
        )
        candidates = list(progress(candidates, "calibrating", verbose=verbose))
        left_out = np.array([candidate.left_out for candidate in candidates])
        shares = _shares(left_out, Y[:, column], sample_weight, units, random_state)
        blended = [candidate * share for candidate, share in zip(candidates, shares, strict=True)]
        blends.append(sum(blended[1:], start=blended[0]))
    return Calibration(
        *(np.concatenate([getattr(b, name) for b in blends]) for name in ("slopes", "weights")),
        np.concatenate([blend.constant for blend in blends]),
        np.concatenate([blend.left_out for blend in blends], axis=1),
    )


def constant_calibration(views, n_features, Y, sample_weight):
    """Return the calibration that knows no more than the mean of the outputs."""
    mean = np.average(Y, axis=0, weights=sample_weight)
    return Calibration(
        np.zeros((Y.shape[1], *views.shape[1:])),
        np.zeros((Y.shape[1], n_features)),
        mean,
        np.tile(mean, (len(Y), 1)),
    )


def logits_per_membership(left_out, chance, memberships, sample_weight):
    """Return the factor that makes logits of predicted memberships, from left-out spectra.

    A calibration predicts class membership, 0 or 1: as logits its values would leave every
    probability near chance. This factor gives left-out spectra the highest likelihood.

    Parameters
    ----------
    left_out : ndarray of shape (n_samples, n_classes)
        Predicted memberships of left-out spectra, less the frequencies of the classes.
    chance : ndarray of shape (n_classes,)
        Logits of the frequencies.
    memberships : ndarray of shape (n_samples, n_classes)
    sample_weight : ndarray of shape (n_samples,)

    Returns
    -------
    factor : float
    """
    # As if one more spectrum had been of no class in particular (Platt 1999, "Probabilistic
    # outputs for support vector machines"): classes that separate fully are not certain.
    doubt = 1 / (len(memberships) + 1)
    wanted = (1 - doubt) * memberships + doubt * softmax(chance)

    def misfit(log_factor):
        logits = chance + np.exp(log_factor) * left_out
        return -sample_weight @ (log_softmax(logits, axis=1) * wanted).sum(axis=1)

    bounds = np.log(LOGITS_RANGE)
    return float(np.exp(minimize_scalar(misfit, bounds=bounds, method="bounded").x))


def mean_entropy(logits, sample_weight):
    """Return the mean entropy of the probabilities of some spectra, in nats."""
    return np.average(entr(softmax(logits, axis=1)).sum(axis=1), weights=sample_weight)


def temperature(logits, entropy, sample_weight):
    """Return what to divide logits by so that their mean entropy is at least `entropy`.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
    entropy : float
    sample_weight : ndarray of shape (n_samples,)

    Returns
    -------
    temperature : float
        At least 1, at most `HOTTEST`.
    """

    def excess(log_temperature):
        return mean_entropy(logits / np.exp(log_temperature), sample_weight) - entropy

    hottest = np.log(HOTTEST)
    if excess(0.0) >= 0:
        return 1.0
    if excess(hottest) <= 0:
        return HOTTEST
    return float(np.exp(brentq(excess, 0.0, hottest)))


def _units(n_samples, groups):
    """Return a number for each row, the same for rows that must stay together."""
    # One group alone cannot be left out: its rows then are.
    together = groups is not None and len(np.unique(groups)) > 1
    return np.unique(groups if together else np.arange(n_samples), return_inverse=True)[1]


def _folds(units, labels, random_state):
    """Return rows to train on and rows to leave out, dealt at random, units kept together.

    Where there are labels, every fold gets its share of each: a class that a fold leaves out as a
    whole would be unknown to its calibrations.
    """
    n_folds = min(N_FOLDS, units.max() + 1)
    if n_folds < 2:
        return []
    if labels is None or np.bincount(labels).max() < n_folds:  # too few to share out
        shuffled = random_state.permutation(units.max() + 1)[units]
        with checking:
            return list(GroupKFold(n_folds).split(shuffled, groups=shuffled))
    folds = stratified_folds(labels, units, n_folds, random_state)
    return [(train, test) for train, test in folds if len(test)]


def stratified_folds(labels, units, n_folds, random_state):
    """Deal units to folds so that each has its share of every class: (train, test) rows.

    scikit-learn warns of classes that are rarer than the folds are many. To silence it changes
    settings of the whole process, which is done for one thread at a time.
    """
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
    with checking, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        return list(splitter.split(labels, labels, units))


def _few_rows(units, random_state):
    """Return about `MAX_ROWS_TO_CHOOSE` rows, or all: those of some of the units."""
    n_units = units.max() + 1
    wanted = math.ceil(n_units * MAX_ROWS_TO_CHOOSE / len(units))
    # More than one fold holds: something is left to train on.
    n_kept = max(wanted, math.ceil(n_units / N_FOLDS) + 1)
    rows = np.flatnonzero((random_state.permutation(n_units) < n_kept)[units])
    if len(rows) > MAX_ROWS_TO_CHOOSE:  # a kept group may be large
        rows = np.sort(random_state.choice(rows, MAX_ROWS_TO_CHOOSE, replace=False))
    return rows


def _pls(views, scaler, n_features, Y, sample_weight, folds):
    """Yield PLS calibrations of the spectra, their first derivative, and the other views."""
    spectra = views[:, 0]
    no_weights = np.zeros((Y.shape[1], n_features))

    def as_it_is(coefficients):
        return coefficients

    inputs = [(spectra, 0, as_it_is)]
    if spectra.shape[1] >= MIN_POINTS_OF_DERIVATIVE:
        to_spectra = partial(derivative_adjoint, order=1)
        slopes = derivative(spectra, order=1)
        slopes[np.abs(slopes).max(axis=1) <= rounding(spectra)] = 0.0  # no spectrum of its own
        inputs.append((slopes, 0, to_spectra))
        inputs += [(views[:, view], view, as_it_is) for view in range(1, N_VIEWS)]
    for Z, view, to_view in inputs:
        for left_out, coefficients, intercept in pls_candidates(Z, Y, sample_weight, folds):
            slopes = np.zeros((Y.shape[1], *views.shape[1:]))
            slopes[:, view] = to_view(coefficients).T
            constant = intercept + np.einsum("tvp,vp->t", slopes, scaler.mean_)
            yield Calibration(slopes * scaler.scale_, no_weights, constant, left_out)


class _Ridge:
    """The ridge calibrations: what outputs have in common is computed once."""

    def __init__(self, scaled, features, Y, sample_weight, folds, few):
        self.scaled = scaled  # (n_samples, 3, n_bins)
        self.features = features
        self.mean = np.average(Y, axis=0, weights=sample_weight)
        self.centred = Y - self.mean
        self.sample_weight = sample_weight
        self.folds = [test for _, test in folds]
        self.feature_means = np.average(features, axis=0, weights=sample_weight)
        self.nonlinear, self.feature_size = gram(block for _, block in self._centred_features())
        # By view that varies: its products, what they were divided by, and the errors of all
        # settings, (n_shares, n_penalties, n_outputs).
        self.views = {}
        few_folds = [np.flatnonzero(np.isin(few, test)) for test in self.folds]
        few_nonlinear = self.nonlinear[np.ix_(few, few)]
        for view, spectra in enumerate(np.moveaxis(scaled, 1, 0)):
            if spectra.any():
                linear, size = gram([spectra])
                errors = errors_of_settings(
                    linear[np.ix_(few, few)],
                    few_nonlinear,
                    self.centred[few],
                    sample_weight[few],
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
            share, penalty = SHARES[best[0]], PENALTIES[best[1]]
            left_out, duals = ridge_candidate(
                linear, self.nonlinear, Y, self.sample_weight, self.folds, share, penalty
            )
            slopes = np.zeros((Y.shape[1], *self.scaled.shape[1:]))
            slopes[:, view] = (1 - share) / size * (duals.T @ self.scaled[:, view])
            weights = np.zeros((Y.shape[1], self.features.shape[1]))
            if share:
                for columns, centred in self._centred_features():
                    weights[:, columns] = share / self.feature_size * (duals.T @ centred)
            constant = mean + CONSTANT * duals.sum(axis=0) - weights @ self.feature_means
            yield Calibration(slopes, weights, constant, left_out + mean)


def _shares(left_out, Y, sample_weight, units, random_state):
    """Return the non-negative shares, of sum one, whose blend predicts left-out rows best.

    They are the mean over resamplings of the rows: with few rows one best blend hangs on some of
    them.

    Parameters
    ----------
    left_out : ndarray of shape (n_candidates, n_samples, n_outputs)
    Y : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,)
    units : ndarray of shape (n_samples,)
        Rows that are drawn together.
    random_state : numpy.random.RandomState

    Returns
    -------
    shares : ndarray of shape (n_candidates,)
    """
    # With shares that add up to one, the error of the blend is the blend of the errors. Those of
    # the best candidate are about one: that is what the tolerance of the solver is meant for.
    errors = left_out - Y
    best = np.sqrt(np.mean(errors**2, axis=(1, 2))).min()
    errors = np.moveaxis(errors / (best or np.abs(errors).max() or 1.0), 0, -1)  # (n, T, n_cand.)
    n_units = units.max() + 1
    shares = np.zeros(len(left_out))
    for _ in range(N_RESAMPLINGS):
        drawn = random_state.multinomial(n_units, np.full(n_units, 1 / n_units))[units]
        root = np.sqrt(drawn * sample_weight)[:, None, None]
        # Minimise |errors s| for sum(s) = 1: the solution for a constant target, rescaled.
        triangle = np.linalg.qr((errors * root).reshape(-1, len(left_out)), mode="r")
        system = np.vstack([triangle, np.ones(len(left_out))])
        # SciPy's own nnls gives up on some of these systems, whose columns may be all alike.
        target = np.append(np.zeros(len(triangle)), 1.0)
        solution = lsq_linear(system, target, bounds=(0, np.inf), method="bvls").x
        shares += solution / solution.sum()
    return shares / N_RESAMPLINGS
