"""PCA of the training spectra, with limits of T2 and Q for new spectra."""

import numpy as np
from scipy.linalg import eigh
from scipy.stats import rankdata
from sklearn.model_selection import GroupKFold

from .._pickles import part_of_models
from .._spectra.views import ViewScaler
from .._work import warnings_lock
from .folds import undominated_groups

# Of more training spectra than this, as many are taken in even steps.
MAX_ROWS = 500
# Latent variables: this share of the variance, at most so many, with so many spectra to each.
VARIANCE_SHARE = 0.99
MAX_COMPONENTS = 20
ROWS_PER_COMPONENT = 5
# Latent variables count up to the last one along which left-out spectra have at least this share
# of the variance of the training spectra. One that fits noise has less.
REAL_SHARE = 0.7
N_FOLDS = 10
# Share of spectra like those of the training that may count as strange.
FALSE_ALARMS = 0.05
# Fewer spectra, or groups, say nothing about the spread of the next.
MIN_GROUPS = 5
# Mean square of scaled views that is rounding.
ROUNDING = 1e-10


@part_of_models
class Domain:
    """Latent variables of the training spectra, with limits from spectra left out of them.

    The limits of textbooks follow from normal distributions and from the residuals of the very
    spectra that the latent variables were fitted on, which are too small where spectra have more
    points than there are spectra. Here each spectrum is left out once, with its group, and scaled
    and measured by the others.

    Attributes
    ----------
    mean_ : ndarray of shape (n_dimensions,)
    loadings_ : ndarray of shape (n_dimensions, n_components)
    variances_ : ndarray of shape (n_components,)
        Of the scores.
    n_groups_ : int
        Spectra, or groups of them, that the limits come from.
    limits_ : ndarray of shape (2,)
        Of T2 and Q; NaN where `n_groups_` is less than `MIN_GROUPS`.
    """

    def fit(self, data, scaler):
        """Learn from training spectra; rows of one group are left out together.

        Parameters
        ----------
        data : TrainingSet
        scaler : ViewScaler
            Fitted on its views.

        Returns
        -------
        self : object
        """
        data = data.thinned(MAX_ROWS)
        groups = undominated_groups(data)
        X = _scaled(data, scaler)
        self.mean_ = X.mean(axis=0)
        X -= self.mean_
        loadings, variances = _latent_variables(X)
        total = (X**2).sum(axis=1)
        wanted = VARIANCE_SHARE * total.sum() / max(len(X) - 1, 1)
        enough = np.searchsorted(np.cumsum(variances), wanted) + 1
        most = max(len(X) // ROWS_PER_COMPONENT, 1)
        n_components = min(enough, most, len(variances))
        # One group alone counts as one, although its rows are left out one by one.
        self.n_groups_ = min(len(np.unique(data.row_groups)), len(np.unique(groups)))
        self.limits_ = np.full(2, np.nan)
        if self.n_groups_ >= MIN_GROUPS:
            scores, sizes, of_left_out = _out_of_fold(data, groups, n_components)
            n_components = _count_real(scores**2 / sizes)
            left_out = _t2_and_q(scores[:, :n_components], sizes[:, :n_components], of_left_out)
            seen = _t2_and_q(X @ loadings[:, :n_components], variances[:n_components], total)
            limits = np.maximum(_joint_limits(left_out), _joint_limits(seen))
            self.limits_ = np.maximum(limits, [ROUNDING, ROUNDING * X.shape[1]])
        self.loadings_, self.variances_ = loadings[:, :n_components], variances[:n_components]
        return self

    def ratios(self, scaled):
        """Return Hotelling's T2 and Q of scaled views, divided by their limits, (n_samples, 2)."""
        X = scaled.reshape(len(scaled), -1) - self.mean_
        total = (X**2).sum(axis=1)
        return _t2_and_q(X @ self.loadings_, self.variances_, total) / self.limits_

    def contributions(self, scaled):
        """Return what every position of scaled views adds to T2 and Q, (n_samples, n_bins, 2).

        Divided by the limits: over the positions they add up to `ratios`.
        """
        X = scaled.reshape(len(scaled), -1) - self.mean_
        scores = X @ self.loadings_
        t2 = X * (scores / self.variances_ @ self.loadings_.T)
        q = (X - scores @ self.loadings_.T) ** 2
        parts = np.stack([t2, q], axis=-1) / self.limits_
        return parts.reshape(*scaled.shape, 2).sum(axis=1)

    def check_limits(self):
        """Raise where too few spectra were left out for limits."""
        if self.n_groups_ < MIN_GROUPS:
            raise ValueError(
                "The limits of applicability are computed in fit by leaving out spectra, or whole "
                f"groups, but there were {self.n_groups_}; at least {MIN_GROUPS} are needed, and "
                f"{round(1 / FALSE_ALARMS) - 1} for reliable limits. Fit on more spectra or groups "
                "(for partial_fit, in its first call)."
            )


def _scaled(data, scaler):
    """Return the scaled views of spectra, (n_samples, n_dimensions)."""
    return scaler.transform(data.views).reshape(len(data), -1).astype(np.float64)


def _latent_variables(X):
    """Return loadings (n_dimensions, n) and variances (n,) of centred spectra, largest first."""
    sizes, loadings = principal_directions(X, MAX_COMPONENTS, ROUNDING * X.size)
    return loadings, sizes / max(len(X) - 1, 1)


def principal_directions(X, n_most, smallest=0.0):
    """Return the principal directions of centred rows, at most `n_most`, the largest first.

    Those that hold no more than `smallest`, or than a share of the first that is rounding, are
    left out.

    Returns
    -------
    sizes : ndarray of shape (n_directions,)
        Sums of squares of the rows along each.
    directions : ndarray of shape (n_dimensions, n_directions)
        Orthonormal.
    """
    n_rows = len(X)
    gram = X @ X.T  # smaller than a covariance of wavelengths
    first = max(n_rows - n_most, 0)
    sizes, vectors = eigh(gram, subset_by_index=[first, n_rows - 1])
    sizes, vectors = sizes[::-1], vectors[:, ::-1]
    real = sizes > max(smallest, 1e-10 * sizes[0])
    return sizes[real], X.T @ (vectors[:, real] / np.sqrt(sizes[real]))


def _t2_and_q(scores, variances, total):
    """Return T2 and Q of spectra with these sums of squares in all, (n_samples, 2)."""
    t2 = (scores**2 / variances).sum(axis=1)
    return np.column_stack([t2, np.maximum(total - (scores**2).sum(axis=1), 0)])


def _out_of_fold(data, groups, n_components):
    """Measure every spectrum by the scale and the latent variables of others.

    Returns
    -------
    scores, variances : ndarray of shape (n_samples, n_components)
        The score of each spectrum, and the variance of those of the others.
    total : ndarray of shape (n_samples,)
        Sum of squares of each spectrum less the mean of the others.
    """
    scores, variances = np.zeros((2, len(data), n_components))
    total = np.empty(len(data))
    rounding = data.rounding
    # A seed of its own: the estimator's random state goes on as without.
    folds = GroupKFold(min(N_FOLDS, len(np.unique(groups))), shuffle=True, random_state=0)
    with warnings_lock:
        folds = list(folds.split(groups, groups=groups))
    for train, test in folds:
        others = data[train]
        scaler = ViewScaler().fit(others.views, others.sample_weight, rounding)
        X, left_out = _scaled(others, scaler), _scaled(data[test], scaler)
        mean = X.mean(axis=0)
        loadings, of_others = (each[..., :n_components] for each in _latent_variables(X - mean))
        left_out -= mean
        scores[test, : len(of_others)] = left_out @ loadings
        variances[test] = np.pad(
            of_others, (0, n_components - len(of_others)), constant_values=np.inf
        )
        total[test] = (left_out**2).sum(axis=1)
    return scores, variances, total


def _count_real(shares):
    """Return the number of latent variables that also describe left-out spectra.

    Parameters
    ----------
    shares : ndarray of shape (n_samples, n_components)
        Squares of the scores of left-out spectra, divided by the variance of those of others.
    """
    real = np.flatnonzero(shares.mean(axis=0) >= REAL_SHARE)
    return real[-1] + 1 if len(real) else min(shares.shape[1], 1)


def _joint_limits(statistics):
    """Return limits of T2 and Q that one spectrum in twenty exceeds, by either or both.

    Each is exceeded by as many, however far the values of one and of the other reach.
    """
    n_samples = len(statistics)
    # Of n + 1 exchangeable spectra every rank is equally likely (conformal prediction).
    n_inside = min(int(np.ceil((n_samples + 1) * (1 - FALSE_ALARMS))), n_samples)
    # T2 at even numbers and Q at odd ones: no two spectra have the same largest one.
    ranks = 2 * rankdata(statistics, method="ordinal", axis=0).astype(int) + [0, 1]
    highest = np.sort(ranks.max(axis=1))[n_inside - 1]
    return np.sort(statistics, axis=0)[(highest - [0, 1]) // 2 - 1, [0, 1]]
