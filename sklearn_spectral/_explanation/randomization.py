"""Comparison of maps with those of networks whose weights are permuted."""

from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._lazy import torch
from .._pipelines.explain import explain
from .._pipelines.unwrap import unwrap
from .._record.cancellation import without_warning
from .._spectra.checks import check_number, own_random_state
from .._spectra.training_set import TrainingSet
from .._work import own_settings


def randomization_check(
    estimator: Any,
    X: ArrayLike,
    *,
    n_repeats: int = 5,
    random_state: Any = None,
    **explain_params: Any,
) -> np.ndarray:
    """Compare maps before and after randomizing the weights of the network.

    A map that does not change depends on the spectrum only and not on the model, so that it
    explains nothing.

    Parameters
    ----------
    estimator : fitted estimator
        A ResNet1DClassifier or ResNet1DRegressor, alone or at the end of a Pipeline or a search. It
        is not changed.
    X : array-like of shape (n_samples, n_features)
        Spectra as `estimator` takes them.
    n_repeats : int, default=5
        Number of randomized copies. In each copy the weights of every layer are permuted; the mean
        features and the correction of maps are computed again from `X`.
    random_state : int, RandomState or None, default=None
        Seed of the permutations.
    **explain_params
        Parameters of :func:`~sklearn_spectral.explain`, such as ``method``.

    Returns
    -------
    correlations : ndarray of shape (n_repeats, n_samples)
        Correlation of the absolute maps of all targets with those of the randomized copies. It is
        near 0 for maps that depend on the model, and 1 for maps that do not.

    Raises
    ------
    TypeError
        `estimator` does not end in an estimator of this package.
    ValueError
        `n_repeats` is not a positive integer.

    See Also
    --------
    stability : Compares the maps of models that differ in seed or training spectra.

    References
    ----------
    Adebayo, J. et al. (2018). Sanity checks for saliency maps.
    :doi:`10.48550/arXiv.1810.03292`

    Examples
    --------
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.metrics import randomization_check
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> correlations = randomization_check(model, blends.data, n_repeats=2, random_state=0)
    >>> correlations.shape, bool(correlations.mean() < 0.5)
    ((2, 30), True)
    """
    unwrap(estimator)  # raises before anything is copied
    check_number("n_repeats", n_repeats, "a positive integer", lambda n: n > 0, whole=True)
    seeds = own_random_state(random_state)
    explain_params = {"target": "all", **explain_params}

    real = explain(estimator, X, **explain_params)
    copies = (_randomized(estimator, real.spectra, seeds) for _ in range(n_repeats))

    def explained(scrambled):
        with without_warning():  # nobody reads such maps
            return explain(scrambled, X, **explain_params)

    others = (explained(each) for each in copies)
    sizes = (np.abs(each.maps).reshape(len(each), -1) for each in (real, *others))
    first = next(sizes)
    return np.array([row_correlation(first, each) for each in sizes])


@own_settings()
def _randomized(estimator, spectra, seeds):
    """Return a copy of a model, the entries of every parameter of its networks permuted.

    The mean features and the correction of maps depend on the weights, so they are computed again
    from `spectra`, which are preprocessed.
    """
    estimator = deepcopy(estimator)
    last = unwrap(estimator).last
    with torch.no_grad():
        for module in last._network.modules:
            for parameter in module.parameters():
                order = torch.from_numpy(seeds.permutation(parameter.numel())).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].reshape(parameter.shape))
        last._centre(TrainingSet.of(spectra, None, np.ones(len(spectra)), None))
    return estimator


@own_settings()
def row_correlation(one, other):
    """Return the correlation of each row of two arrays; 0 where a row does not vary."""
    # The mean of equal numbers may differ from them by rounding: look before centring.
    varies = (np.ptp(one, axis=1) > 0) & (np.ptp(other, axis=1) > 0)
    one, other = (each.astype(np.float64) for each in (one, other))
    one, other = (each - each.mean(axis=1, keepdims=True) for each in (one, other))
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.divide((one * other).sum(axis=1), size, out=np.zeros(len(one)), where=varies)
