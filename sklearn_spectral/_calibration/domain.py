"""What a model was trained on: latent variables of its training spectra, and how far is far."""

import numpy as np
from scipy.linalg import eigh
from sklearn.model_selection import GroupKFold

from .._pickles import part_of_models
from .._work import checking
from .folds import units_of

# Of more training spectra than this, as many are taken in even steps.
MAX_ROWS = 1000
# Latent variables: this share of the variance, at most so many, with so many spectra to each.
VARIANCE_SHARE = 0.99
MAX_COMPONENTS = 20
ROWS_PER_COMPONENT = 5
# Left-out spectra are compared in as many dimensions as matter for the latent variables of others.
MAX_DIMENSIONS = 100
N_FOLDS = 10
# Share of spectra like those of the training that may count as strange.
FALSE_ALARMS = 0.05
# Fewer spectra, or groups, say nothing about the spread of the next.
MIN_UNITS = 5
# Mean square of scaled views that is rounding.
ROUNDING = 1e-10


@part_of_models
class Domain:
    """Latent variables of the training spectra, with limits from spectra left out of them.

    The limits of textbooks follow from normal distributions and from the residuals of the very
    spectra that the latent variables were fitted on, which are too small where spectra have more
    points than there are spectra. Here each spectrum is left out once, with its group.

    Attributes
    ----------
    mean_ : ndarray of shape (n_dimensions,)
    loadings_ : ndarray of shape (n_dimensions, n_components)
    variances_ : ndarray of shape (n_components,)
        Of the scores.
    n_units_ : int
        Spectra, or groups of them, that the limits come from.
    limits_ : ndarray of shape (2,)
        Of T2 and Q; NaN where `n_units_` is less than `MIN_UNITS`.
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
        views, groups = data.views, units_of(data)
        if len(views) > MAX_ROWS:
            rows = np.linspace(0, len(views) - 1, MAX_ROWS).astype(int)
            views, groups = views[rows], groups[rows]
        n_samples = len(views)
        X = scaler.transform(views).reshape(n_samples, -1).astype(np.float64)
        self.mean_ = X.mean(axis=0)
        X -= self.mean_
        gram = X @ X.T  # smaller than a covariance of wavelengths
        total = np.trace(gram)
        first = max(n_samples - MAX_DIMENSIONS, 0)
        sizes, vectors = eigh(gram, subset_by_index=[first, n_samples - 1])
        sizes, vectors = sizes[::-1], vectors[:, ::-1]
        real = sizes > max(ROUNDING * X.size, 1e-10 * sizes[0])
        sizes, vectors = sizes[real], vectors[:, real]
        enough = np.searchsorted(np.cumsum(sizes), VARIANCE_SHARE * total) + 1
        most = max(n_samples // ROWS_PER_COMPONENT, 1)
        n_components = min(enough, most, MAX_COMPONENTS, len(sizes))
        self.loadings_ = X.T @ (vectors[:, :n_components] / np.sqrt(sizes[:n_components]))
        self.variances_ = sizes[:n_components] / max(n_samples - 1, 1)
        # One group alone counts as one, although its rows are left out one by one.
        self.n_units_ = min(len(np.unique(data.units)), len(np.unique(groups)))
        self.limits_ = np.full(2, np.nan)
        if self.n_units_ >= MIN_UNITS:
            scores = vectors * np.sqrt(sizes)
            outside = np.maximum(np.diag(gram) - (scores**2).sum(axis=1), 0)
            statistics = _out_of_fold(scores, groups, n_components)
            statistics[:, 1] += outside
            self.limits_ = np.maximum(_joint_limits(statistics), [ROUNDING, ROUNDING * X.shape[1]])
        return self

    def ratios(self, scaled):
        """Return Hotelling's T2 and Q of scaled views, divided by their limits, (n_samples, 2)."""
        X = scaled.reshape(len(scaled), -1) - self.mean_
        return _t2_and_q(X, self.loadings_, self.variances_) / self.limits_

    def check_limits(self):
        """Raise where too few spectra were left out for limits."""
        if self.n_units_ < MIN_UNITS:
            raise ValueError(
                "The limits of applicability come from spectra left out in fit, whole groups at a "
                f"time, but it was given {self.n_units_}; at least {MIN_UNITS} are needed, "
                f"and {round(1 / FALSE_ALARMS) - 1} for limits that hold. Fit on more spectra or "
                "groups (the first call to partial_fit counts)."
            )


def _t2_and_q(X, loadings, variances):
    """Return T2 and Q of centred spectra, (n_samples, 2)."""
    scores = X @ loadings
    t2 = (scores**2 / variances).sum(axis=1)
    q = (X**2).sum(axis=1) - (scores**2).sum(axis=1)
    return np.column_stack([t2, np.maximum(q, 0)])


def _out_of_fold(X, groups, n_components):
    """Return T2 and Q of every spectrum by the latent variables of others, (n_samples, 2)."""
    statistics = np.empty((len(X), 2))
    # A seed of its own: the estimator's random state goes on as without.
    folds = GroupKFold(min(N_FOLDS, len(np.unique(groups))), shuffle=True, random_state=0)
    with checking:
        folds = list(folds.split(X, groups=groups))
    for train, test in folds:
        mean = X[train].mean(axis=0)
        centred = X[train] - mean
        variances, loadings = np.linalg.eigh(centred.T @ centred / (len(train) - 1))
        real = variances > 1e-12 * variances[-1:]
        variances, loadings = variances[real], loadings[:, real]
        start = max(len(variances) - n_components, 0)
        statistics[test] = _t2_and_q(X[test] - mean, loadings[:, start:], variances[start:])
    return statistics


def _joint_limits(statistics):
    """Return limits of T2 and Q that one spectrum in twenty exceeds, by either or both."""
    each = np.array([_limit(column) for column in statistics.T])
    return each * _limit((statistics / np.where(each > 0, each, 1)).max(axis=1))


def _limit(values):
    """Return the value that the next one of its kind exceeds with probability `FALSE_ALARMS`."""
    # Of n + 1 alike each is as likely to be the largest: the rank of conformal prediction.
    rank = int(np.ceil((len(values) + 1) * (1 - FALSE_ALARMS)))
    return np.sort(values)[min(rank, len(values)) - 1]
