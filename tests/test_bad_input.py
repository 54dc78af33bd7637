"""Bad input to the estimators: errors that say what came and what to do."""

import numpy as np
import pytest
import scipy.sparse
from chemotools.scatter import StandardNormalVariate
from sklearn.exceptions import NotFittedError

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor

FEW = {"max_epochs": 4, "random_state": 0}


def with_nan(X, value=np.nan):
    X = X.copy()
    X[3, 7] = X[5, 7] = value
    return X


def constant_after_snv(X):
    X = X.copy()
    X[4] = 1.0
    with pytest.warns(UserWarning, match="flat signal"), np.errstate(invalid="ignore"):
        return StandardNormalVariate().fit_transform(X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_nan, r"contains NaN in rows 3, 5 and columns 7; .*Drop or impute"),
        (lambda X: with_nan(X, np.inf), r"contains infinity \(inf\) in rows 3, 5 and columns 7"),
        (constant_after_snv, r"NaN in rows 4 and columns 0, 1, .*constant spectrum"),
        (lambda X: scipy.sparse.csr_array(X), "dense"),
        (lambda X: X[0], "Expected 2D array"),
        (lambda X: X[:1], "1 sample|inconsistent"),
        (lambda X: X[:, :1], r"1 feature\(s\).*at least 2 points"),
        (lambda X: X[:, :0], r"0 feature\(s\)"),
    ],
)
def test_bad_spectra_in_fit(mixtures, change, message):
    X, amounts = mixtures
    bad = change(X)
    y = amounts[: bad.shape[0] if bad.ndim == 2 else 60, 0]
    with pytest.raises((ValueError, TypeError), match=message):
        ResNet1DRegressor(**FEW).fit(bad, y)


@pytest.mark.parametrize("method", ["predict", "explain"])
@pytest.mark.parametrize(
    ("change", "message"),
    [(with_nan, "NaN in rows 3, 5"), (lambda X: X[:, :99], "99 features, .* expecting 100")],
)
def test_bad_spectra_afterwards(mixtures, regressor, method, change, message):
    with pytest.raises(ValueError, match=message):
        getattr(regressor, method)(change(mixtures[0]))


def test_bad_y(mixtures, kinds):
    X, amounts = mixtures
    y = amounts.copy()
    y[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"Input y contains NaN .* in rows 2 and columns 1; every"):
        ResNet1DRegressor(**FEW).fit(X, y)
    with pytest.raises(ValueError, match="1 class, 'oil'; a classifier needs at least two"):
        ResNet1DClassifier(**FEW).fit(kinds[0], np.full(60, "oil"))
    with pytest.raises(ValueError, match="Unknown label type"):
        ResNet1DClassifier(**FEW).fit(X, amounts[:, 0])
    model = ResNet1DRegressor(**FEW, warm_start=True, shortcut=False).fit(X, amounts)
    with pytest.raises(ValueError, match=r"1 column\(s\), but the model was fitted on 3"):
        model.fit(X, amounts[:, 0])


def test_bad_weights_and_groups(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(**FEW)
    with pytest.raises(ValueError, match=r"groups has shape \(3,\), but X has 60 rows"):
        model.fit(X, amounts, groups=[1, 2, 3])
    with pytest.raises(ValueError, match="at least one non-zero|positive, .* for 0 sample"):
        model.fit(X, amounts, sample_weight=np.zeros(60))
    with pytest.raises(ValueError, match="sample_weight is positive, .* for 1 sample"):
        model.fit(X, amounts, sample_weight=np.eye(60)[0])
    with pytest.raises(ValueError, match="one group"):
        model.set_params(early_stopping=True).fit(X, amounts, groups=np.zeros(60))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_epochs": -1}, "max_epochs=-1; expected an integer, 0 or more"),
        ({"lr": -1}, "lr=-1; expected a positive number"),
        ({"validation_fraction": 1}, "between 0 and 1"),
        ({"batch_size": 2.5}, "batch_size=2.5"),
        ({"n_iter_no_change": True}, "n_iter_no_change=True"),
    ],
)
def test_bad_parameters(mixtures, parameters, message):
    with pytest.raises(ValueError, match=message):
        ResNet1DRegressor(**parameters).fit(mixtures[0], mixtures[1])


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "explain"])
def test_unfitted(kinds, method):
    with pytest.raises(NotFittedError):
        getattr(ResNet1DClassifier(), method)(kinds[0])
