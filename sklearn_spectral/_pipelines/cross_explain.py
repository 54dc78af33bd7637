"""Explain every spectrum by models that were not trained on it."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.parallel import Parallel, delayed

from .._record.cancellation import warns_of_cancellation, without_warning
from .._record.samples import chosen_rows
from .._spectra.axis import Axis
from .._spectra.checks import (
    check_number,
    group_codes,
    listed,
    naming_argument,
    own_random_state,
)
from .._spectra.names import column_names, row_names
from .._work import progress
from .explain import columns_seen, explain, rests_on_X
from .unwrap import argument_of_groups, naming_metadata

N_FOLDS = 5  # scikit-learn's default


@warns_of_cancellation
def cross_explain(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    *,
    cv: Any = None,
    groups: ArrayLike | None = None,
    n_jobs: int | None = None,
    n_repeats: int = 1,
    target: Any = None,
    x_axis: ArrayLike | None = None,
    method: str | None = None,
    layer: str = "features",
    reference: ArrayLike | str | None = None,
    params: Mapping[str, Any] | None = None,
    verbose: int = 0,
    random_state: int | np.random.RandomState | None = None,
) -> Any:
    """Explain every spectrum by models that were not trained on it, like cross_val_predict.

    The map of a training spectrum also shows what the model has memorized. Here every map is of a
    left-out spectrum. With `n_repeats` it is the mean over models that were fitted on different
    folds with different seeds; the spread between these shows which bands are reliable
    (:meth:`Explanation.stability`).

    Parameters
    ----------
    estimator : estimator
        Any estimator that :func:`explain` takes. It is cloned and remains unfitted.
    X : array-like of shape (n_samples, n_features)
        Spectra.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Class labels or values.
    cv : int, splitter, iterable of (train, test) or None, default=None
        Folds in any form that scikit-learn's ``cross_val_predict`` takes; every spectrum must be
        left out exactly once. A number of folds (None: 5) makes shuffled folds, stratified for a
        classifier, which never divide `groups`.
    groups : array-like of shape (n_samples,), default=None
        Group of each spectrum, such as the sample of which it is a replicate. Groups are also
        passed to the ``fit`` of the last step.
    n_jobs : int or None, default=None
        Number of fits in parallel, as in joblib.
    n_repeats : int, default=1
        Number of repeats, each with different seeds for the folds and the estimators.
    target : None, label, array-like of shape (n_samples,) or "all", default=None
        The output to explain. For a classifier: the predicted class (None), which has the highest
        mean logit, one class, one class for each spectrum, or all classes ("all"). For a regressor:
        all outputs (None, "all"), or one output by its number or its name.
    x_axis : array-like of shape (n_features,) or (n_points,), default=None
        Wavelengths or wavenumbers of the columns of `X`, or of the points that the last step
        receives. None takes them from column names or from a step, see :func:`explain`.
    method : str or None, default=None
        Method of the maps of a network, such as ``"1d-grad-cam"``; None takes
        ``"corrected-1d-grad-cam"``, see :meth:`ResNet1DClassifier.explain`.
    layer : str, default="features"
        Layer of the network whose feature maps are used, see :meth:`ResNet1DClassifier.explain`.
    reference : None, "mean" or array-like of shape ([n_references, ]n_features), default=None
        The spectrum to compare with, of several spectra their mean, or "mean" for the mean of the
        training spectra. Without a reference, linear models are compared with the mean of the
        spectra that they were fitted on.
    params : dict or None, default=None
        Further arguments of ``fit``. Those with one value per spectrum are divided with the
        spectra: ``{"resnet1dclassifier__sample_weight": weights}``. With
        ``{"resnet1dclassifier__groups": None}`` `groups` are not passed to the last step. With
        scikit-learn's metadata routing, steps that request metadata also get those of the left-out
        spectra.
    verbose : int, default=0
        Whether to draw a progress bar of the fits.
    random_state : int, RandomState or None, default=None
        Seed of the folds and of the estimators without a ``random_state``; with several repeats it
        is the seed of all estimators.

    Returns
    -------
    explanation : Explanation
        An explanation with the rows of `X`. Its ``outputs`` are the out-of-fold predictions or
        logits, and its base values are those of the models that explain each spectrum. With several
        repeats it is the mean of its ``members``, one explanation for each repeat, and ``maps_std``
        is their standard deviation.

    Raises
    ------
    ValueError
        The folds do not leave every spectrum out exactly once, a class is missing from a training
        fold, or the models receive different wavelengths.

    See Also
    --------
    explain : Explains the predictions of a model that is fitted already.
    validation_report : Statistics of the errors of the out-of-fold predictions.
    prediction_interval : Intervals from the out-of-fold predictions.

    Examples
    --------
    >>> from sklearn_spectral import ResNet1DRegressor, cross_explain
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
    >>> explanation = cross_explain(
    ...     ResNet1DRegressor(max_epochs=1),
    ...     blends.data,
    ...     blends.target,
    ...     cv=3,
    ...     x_axis=blends.x_axis,  # cm-1
    ...     random_state=0,
    ... )
    >>> explanation.maps.shape
    (30, 701)
    >>> list(explanation.predictions().columns)  # out of fold
    ['predicted', 'y']
    """
    check_number("n_repeats", n_repeats, "a positive integer", lambda n: n > 0, whole=True)
    data = checked_data(estimator, X, y, groups, params)
    Axis.of(column_names(X), x_axis, np.shape(X)[-1] if np.ndim(X) == 2 else None)  # or raise
    cv = readable_cv(cv)
    seeds = own_random_state(random_state)
    params = with_groups(params or {}, estimator, data[2])
    repeats = []  # of (model, train, test), one for each fold
    for _ in range(n_repeats):
        folds = folds_of(cv, data, is_classifier(estimator), seeds)
        if is_classifier(estimator):
            _check_classes(folds, data[1])
        model = seeded(estimator, seeds, anew=n_repeats > 1)
        repeats.append([(clone(model), train, test) for train, test in folds])
    how = {"x_axis": x_axis, "method": method, "layer": layer, "reference": reference}
    fits = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_fit_and_explain)(*data[:2], *job, params, how) for job in chain(*repeats)
    )
    n_fits = sum(map(len, repeats))
    found = list(progress(fits, "fitting", total=n_fits, verbose=verbose))
    _check_same_columns([columns for _, columns in found])
    explanations = iter([explanation for explanation, _ in found])
    joined = [_in_order(explanations, [test for *_, test in folds]) for folds in repeats]
    explanation = joined[0] if n_repeats == 1 else joined[0].averaged(joined[1:])
    return explanation._named(row_names(X)).with_y(y).pick(target)


def checked_data(estimator, X, y, groups, params):
    """Return spectra, references and groups that can be divided, or raise."""
    if y is None:
        raise ValueError("y is None; expected one label or value for each spectrum.")
    if params is not None and not isinstance(params, Mapping):
        raise TypeError(f"params={params!r}; expected a dict of arguments of fit, or None.")
    if not hasattr(estimator, "get_params") or isinstance(estimator, type):
        raise TypeError(f"estimator={estimator!r}; expected an estimator such as those of explain.")
    X, y, groups = indexable(X, y, groups)
    if X is None or len(y) == 0:
        raise ValueError("X is None, or y has no value: there is no spectrum to explain.")
    return X, y, None if groups is None else group_codes(groups, len(y))


def with_groups(params, estimator, groups):
    """Return arguments of fit, with the groups for the last step where it takes them."""
    name = None if groups is None else argument_of_groups(estimator)
    told = any(given.split("__")[-1] == "groups" for given in params)
    return params if name is None or told else {**params, name: groups}


def readable_cv(cv):
    """Return `cv`; pairs of rows, which may come only once, as a list."""
    if cv is None or isinstance(cv, (int, np.integer)) or hasattr(cv, "split"):
        return cv
    with naming_argument("cv", "a number of folds, a splitter, or pairs of rows (train, test)"):
        return [tuple(map(np.atleast_1d, fold)) for fold in cv]


def _in_order(explanations, tests):
    """Join the next explanations, one for each test fold, in the order of the spectra."""
    first, *others = (next(explanations) for _ in tests)
    return first.joined(others, np.concatenate(tests))


def folds_of(cv, data, classifier, seeds):
    """Return the folds (train, test) of one repeat, which leave every spectrum out once."""
    X, y, groups = data
    if cv is not None and not isinstance(cv, (int, np.integer)):
        splitter = check_cv(cv, y, classifier=classifier)
    else:
        kinds = {
            (False, False): KFold,
            (False, True): StratifiedKFold,
            (True, False): GroupKFold,
            (True, True): StratifiedGroupKFold,
        }
        n_folds, seed = N_FOLDS if cv is None else int(cv), seeds.randint(2**31 - 1)
        kind = kinds[groups is not None, classifier]
        splitter = kind(n_folds, shuffle=True, random_state=seed)
    try:
        folds = [[chosen_rows(len(y), rows) for rows in f] for f in splitter.split(X, y, groups)]
    except IndexError as error:
        raise ValueError(f"cv contains a fold whose rows are not in X: {error}") from error
    times = np.zeros(len(y), dtype=int)
    for _, test in folds:
        times += np.bincount(test, minlength=len(y))
    if (times != 1).any():
        row = int(np.flatnonzero(times != 1)[0])
        raise ValueError(
            f"cv leaves spectrum {row} out {times[row]} times; every spectrum must be left out "
            "exactly once. Use a splitter such as KFold or GroupKFold, and n_repeats for repeats."
        )
    return folds


def seeded(estimator, seeds, *, anew=False):
    """Return a clone; it and all it holds get seeds where they have none, or all of them `anew`."""
    model = clone(estimator)
    params = model.get_params()
    names = [name for name in sorted(params) if name.split("__")[-1] == "random_state"]
    drawn = {name: int(seeds.randint(2**31 - 1)) for name in names}
    return model.set_params(**{name: drawn[name] for name in names if anew or params[name] is None})


def _check_same_columns(columns):
    """Raise unless the points of all models are the same columns of X, where these are known."""
    if any(not np.array_equal(each, columns[0]) for each in columns):
        raise ValueError(
            "The models see different wavelengths after their preprocessing: columns "
            f"{listed(columns[0])} of X, and others. Their maps cannot be joined. Use "
            "preprocessing that selects the same columns in all folds."
        )


def _check_classes(folds, y):
    """Raise before any fit where a class is missing from the training spectra of a fold."""
    with naming_argument("y", "labels, all numbers or all text"):
        labels = np.asarray(y)
        known = np.unique(labels)
    for number, (train, _) in enumerate(folds):
        missing = np.setdiff1d(known, labels[train])
        if len(missing):
            raise ValueError(
                "The models of all folds do not know the same targets: the training spectra of "
                f"fold {number} contain none of class {missing.tolist()[0]!r}, because all of them "
                "are left out together. Use other folds, add spectra or groups of this class, or "
                "leave the class out."
            )


def fit_on(X, y, model, rows, params):
    """Fit a model on some rows, and return it; what has a value per spectrum is divided, too."""
    with naming_metadata(model, params):
        given = _params_of(params, rows, len(y))
        return model.fit(_safe_indexing(X, rows), _safe_indexing(y, rows), **given)


def _params_of(params, rows, n_samples):
    return {
        name: _safe_indexing(value, rows)
        if hasattr(value, "__len__") and not isinstance(value, str) and len(value) == n_samples
        else value
        for name, value in params.items()
    }


def _fit_and_explain(X, y, model, train, test, params, how):
    """Fit on some rows and explain others, all targets; return which columns of X that is of."""
    model = fit_on(X, y, model, train, params)
    taken = get_routing_for_object(model).consumes("predict", params.keys())
    given = _params_of(params, test, len(y))
    passed = {name: value for name, value in given.items() if name in taken}
    if isinstance(how["reference"], str | None) and rests_on_X(model):
        how = how | {"reference": _safe_indexing(X, train)}  # left-out spectra may be one a fold
    X = _safe_indexing(X, test)
    with without_warning():  # of all folds together it comes from `cross_explain`
        explanation = explain(model, X, target="all", params=passed, **how)
    # Where wavelengths are known, they are compared.
    return explanation, [] if explanation.axis_known else columns_seen(model, X)
