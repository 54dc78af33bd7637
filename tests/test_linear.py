"""Linear models of scikit-learn, explained: maps worked out from their coefficients."""

import numpy as np
import pandas as pd
import pytest
from chemotools.feature_selection import RangeCut
from chemotools.scatter import StandardNormalVariate
from sklearn import linear_model as lm
from sklearn import svm
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import CCA, PLSCanonical, PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, VotingClassifier, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, KFold, LeaveOneOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_spectral import (
    ExplanationDisplay,
    LinearityDisplay,
    ResNet1DRegressor,
    applicability,
    cross_explain,
    explain,
    hyperspectral,
)

# Those of PLS and least squares do cancel.
pytestmark = pytest.mark.filterwarnings("ignore:The contributions cancel")

SEED = {"random_state": 0}
OF_PLS = [
    PLSRegression(3),
    PLSRegression(2, scale=False),
    PLSRegression(1),
    PLSCanonical(1),
    CCA(1),
]
REGRESSORS = [
    *OF_PLS,
    lm.Ridge(0.1),
    lm.Ridge(fit_intercept=False),
    lm.RidgeCV([0.1, 1.0]),
    lm.LinearRegression(),
    lm.Lasso(0.1),
    lm.Lasso(1e6),  # a constant
    lm.ElasticNet(0.1),
    lm.BayesianRidge(),
    lm.QuantileRegressor(alpha=0.01),
    lm.SGDRegressor(eta0=1e-4, **SEED),
    svm.LinearSVR(max_iter=100_000, **SEED),
    svm.SVR(kernel="linear"),
]
OF_SEVERAL = [PLSRegression(3), PLSCanonical(2), lm.Ridge(), lm.LinearRegression(), lm.Lasso(0.1)]
CLASSIFIERS = [
    lm.LogisticRegression(max_iter=1000),
    lm.SGDClassifier(**SEED),
    lm.Perceptron(**SEED),
    lm.RidgeClassifier(),
    svm.LinearSVC(**SEED),
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1),
]


def named(models):
    return pytest.mark.parametrize("model", models, ids=lambda model: str(model)[:40])


def assert_adds_up(explanation):
    size = np.abs(explanation.outputs).max()
    assert np.abs(explanation.residuals).max() <= 1e-12 * max(size, 1)


def by_hand(model, X, mean):
    """Return the contributions by their definition, one spectrum and target after another."""
    coefficients = np.reshape(model.coef_, (-1, X.shape[1]))
    return np.array([[(x - mean) * b for b in coefficients] for x in X]).transpose(0, 2, 1)


# ------------------------------------------------------------------------------------ single models


@named(REGRESSORS)
def test_map_of_a_regressor_is_coefficient_times_centred_spectrum(mixtures, model):
    X, y = mixtures[0], mixtures[1][:, 0]
    model = clone(model).fit(X, y)
    mean = X.mean(axis=0) if model.__class__ in map(type, OF_PLS) else X[:7].mean(axis=0)
    explanation = explain(model, X[:7])
    np.testing.assert_allclose(explanation.maps, by_hand(model, X[:7], mean)[..., 0], atol=1e-10)
    np.testing.assert_allclose(explanation.outputs, model.predict(X[:7]).ravel(), rtol=1e-12)
    np.testing.assert_allclose(explanation.base_values, model.predict(mean[None]).item())
    assert_adds_up(explanation)
    assert (explanation.method, explanation.layer) == ("linear", "input")
    assert (explanation.output_name, explanation.is_class) == ("prediction", False)
    assert explanation.targets.tolist() == [0] * 7


@named(OF_SEVERAL)
def test_several_targets(mixtures, model):
    X, Y = mixtures
    model = clone(model).fit(X, Y)
    explanation = explain(model, X)
    maps = by_hand(model, X, X.mean(axis=0))
    np.testing.assert_allclose(explanation.maps, maps, atol=1e-10)
    np.testing.assert_allclose(explanation.outputs, model.predict(X))
    assert_adds_up(explanation)
    np.testing.assert_array_equal(explain(model, X, target=2).maps, explanation.maps[..., 2])


@named(CLASSIFIERS)
def test_map_of_a_classifier_is_that_of_its_decision_values(kinds, model):
    X, y = kinds
    model = clone(model).fit(X, y)
    everything = explain(model, X, target="all")
    np.testing.assert_allclose(everything.outputs, model.decision_function(X))
    np.testing.assert_allclose(
        everything.maps, by_hand(model, X, X.mean(axis=0)), atol=1e-10 * np.abs(X).max()
    )
    assert everything.targets.tolist() == ["fat", "oil", "wax"]
    assert (everything.output_name, everything.is_class) == ("decision value", True)
    assert_adds_up(everything)
    predicted = explain(model, X)
    assert predicted.targets.tolist() == model.predict(X).tolist()
    assert explain(model, X, target="wax").targets.tolist() == ["wax"] * len(X)
    assert everything.difference().output_name == "decision value difference"


@named([*CLASSIFIERS, svm.SVC(kernel="linear")])
def test_margin_of_two_classes_is_the_decision_value(kinds, model):
    X, y = kinds[0], kinds[1] == "wax"
    model = clone(model).fit(X, y)
    everything = explain(model, X, target="all")
    decision = model.decision_function(X)
    np.testing.assert_allclose(everything.outputs, np.column_stack([-decision, decision]) / 2)
    margin = everything.difference(True, False)
    np.testing.assert_allclose(margin.outputs, decision)
    np.testing.assert_allclose(margin.maps, by_hand(model, X, X.mean(axis=0))[..., 0], atol=1e-9)
    assert_adds_up(margin)
    assert explain(model, X).targets.tolist() == model.predict(X).tolist()


def test_outputs_of_two_classes_have_the_probabilities_of_logistic_regression(kinds):
    X, y = kinds[0], kinds[1] == "wax"
    model = lm.LogisticRegression().fit(X, y)
    odds = np.exp(explain(model, X, target="all").outputs)
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), model.predict_proba(X))


# ---------------------------------------------------------------------------- what they are held to


@pytest.mark.parametrize("model", [lm.Ridge(), PLSRegression(2)])
def test_references(mixtures, model):
    X, y = mixtures[0], mixtures[1][:, 0]
    model.fit(X, y)
    cases = {"mean": X, "one": X[3], "row": X[[3]], "several": X[5:20]}
    for name, reference in cases.items():
        explanation = explain(model, X, reference="mean" if name == "mean" else reference)
        mean = np.atleast_2d(reference).mean(axis=0)
        np.testing.assert_allclose(
            explanation.maps, by_hand(model, X, mean)[..., 0], atol=1e-10, err_msg=name
        )
        assert_adds_up(explanation)
    # With the spectra of training, every linear model is as PLS.
    one = explain(model, X[:1], reference=X)
    np.testing.assert_allclose(one.maps, explain(model, X).maps[:1], atol=1e-10)


def test_mean_of_several_references_is_taken_as_the_last_step_sees_them(mixtures):
    X, y = mixtures[0] + 1, mixtures[1][:, 0]
    model = make_pipeline(StandardNormalVariate(), PLSRegression(2)).fit(X, y)
    ours = explain(model, X[:5], reference=X)
    np.testing.assert_allclose(ours.maps, explain(model, X[:5]).maps, atol=1e-10)


def test_one_spectrum_without_anything_to_compare_it_with(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    assert np.abs(explain(PLSRegression(2).fit(X, y), X[:1]).maps).max() > 0.05
    with pytest.raises(ValueError, match="Ridge does not store the mean.*reference=X_train"):
        explain(lm.Ridge().fit(X, y), X[:1])


# ------------------------------------------------------------------------------------- whole models


def in_search(model):
    return GridSearchCV(model, {}, cv=2)


@pytest.mark.parametrize(
    "around",
    [
        lambda pipeline: pipeline,
        in_search,
        lambda pipeline: make_pipeline("passthrough", in_search(pipeline)),
        lambda pipeline: BaggingRegressor(pipeline, 1, bootstrap=False),
        lambda pipeline: VotingRegressor([("one", pipeline), ("two", pipeline)]),
        lambda pipeline: TransformedTargetRegressor(pipeline, func=np.copy, inverse_func=np.copy),
    ],
)
def test_whole_models_are_followed(mixtures_frame, wavenumbers, around):
    X, y = mixtures_frame
    pipeline = make_pipeline(
        RangeCut(start=1000, end=1500, x_axis=wavenumbers), StandardNormalVariate(), lm.Ridge(0.1)
    )
    explanation = explain(around(pipeline).fit(X, y), X, x_axis=wavenumbers)
    inner = clone(pipeline).fit(X, y)
    spectra = np.asarray(inner[:-1].transform(X))
    expected = by_hand(inner[-1], spectra, spectra.mean(axis=0))[..., 0]
    np.testing.assert_allclose(explanation.maps, expected, atol=1e-9)
    np.testing.assert_allclose(explanation.outputs, inner.predict(X))
    assert explanation.x_axis[0] == 1000
    assert_adds_up(explanation)


def test_transformed_target_is_in_its_unit(mixtures):
    X, Y = mixtures
    model = TransformedTargetRegressor(PLSRegression(3), transformer=StandardScaler())
    explanation = explain(model.fit(X, 100 * Y), X)
    np.testing.assert_allclose(explanation.outputs, model.predict(X))
    scale = 100 * Y.std(axis=0)
    expected = by_hand(model.regressor_, X, X.mean(axis=0)) * scale
    np.testing.assert_allclose(explanation.maps, expected, atol=1e-8)


def test_ensembles_are_the_mean_of_their_members(mixtures, kinds):
    X, y = mixtures[0], mixtures[1][:, 0]
    both = VotingRegressor([("pls", PLSRegression(2)), ("ridge", lm.Ridge())]).fit(X, y)
    expected = np.mean([by_hand(each, X, X.mean(axis=0)) for each in both.estimators_], axis=0)
    explanation = explain(both, X)
    np.testing.assert_allclose(explanation.maps, expected[..., 0], atol=1e-10)
    np.testing.assert_allclose(explanation.outputs, both.predict(X))
    assert len(explanation.members) == 2
    X, y = kinds
    logistic = lm.LogisticRegression(C=0.1)
    for model in (
        BaggingClassifier(logistic, 3, **SEED),
        VotingClassifier([("one", logistic), ("two", LinearDiscriminantAnalysis())], voting="soft"),
    ):
        explanation = explain(model.fit(X, y), X, target="all")
        decisions = [each.decision_function(X) for each in model.estimators_]
        np.testing.assert_allclose(explanation.outputs, np.mean(decisions, axis=0))
        assert explanation.targets.tolist() == ["fat", "oil", "wax"]
        assert_adds_up(explanation)


def test_a_network_beside_a_linear_model(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    network = ResNet1DRegressor(max_epochs=1, random_state=0)
    both = VotingRegressor([("net", network), ("ridge", lm.Ridge())]).fit(X, y)
    explanation = explain(both, X)
    np.testing.assert_allclose(explanation.outputs, both.predict(X), rtol=1e-5)
    assert np.abs(explanation.residuals).max() < 1e-4


@pytest.mark.parametrize("cv", [KFold(3), LeaveOneOut()], ids=["folds", "leave one out"])
@pytest.mark.parametrize(
    "model", [lm.Ridge(0.1), PLSRegression(2), BaggingRegressor(lm.Ridge(), 2, **SEED)]
)
def test_left_out_spectra_are_compared_with_those_that_were_fitted(mixtures, model, cv):
    X, y = mixtures[0][:12], mixtures[1][:12, 0]
    explanation = cross_explain(model, X, y, cv=cv)
    for train, test in cv.split(X):
        fitted = clone(model).fit(X[train], y[train])
        mean = X[train].mean(axis=0)
        members = getattr(fitted, "estimators_", [fitted])
        if isinstance(model, BaggingRegressor):  # compared with all of the fold
            maps = np.mean([by_hand(each, X[test], mean) for each in members], axis=0)
        else:
            maps = by_hand(fitted, X[test], mean)
        np.testing.assert_allclose(explanation.maps[test], maps[..., 0], atol=1e-10)
        np.testing.assert_allclose(explanation.base_values[test], fitted.predict(mean[None]).item())
    assert_adds_up(explanation)


def test_repeats_of_a_classifier_behind_steps(kinds):
    X, y = kinds
    model = make_pipeline(StandardNormalVariate(), lm.LogisticRegression())
    explanation = cross_explain(model, X, y, cv=3, n_repeats=2, random_state=0)
    assert (explanation.targets == y).mean() > 0.9
    assert len(explanation.stability(5)) > 0
    assert_adds_up(explanation)


# ---------------------------------------------------------------- tables, types, figures and images


@pytest.mark.parametrize("fitted_on", ["text", "numbers", "array"])
@pytest.mark.parametrize("model", [lm.Ridge(), PLSRegression(2)])
def test_axis_comes_from_the_names(mixtures, wavenumbers, fitted_on, model):
    table = pd.DataFrame(mixtures[0], columns=wavenumbers)
    named = {"text": table.set_axis(wavenumbers.astype(str), axis=1), "numbers": table}
    y = mixtures[1][:, 0]
    model.fit(named.get(fitted_on, mixtures[0]), y)
    # scikit-learn warns of text where it knows no names.
    for X in named.values() if fitted_on == "text" else [table]:
        explanation = explain(model, X)
        np.testing.assert_array_equal(explanation.x_axis, wavenumbers)
        assert explanation.axis_known
    counted = explain(clone(model).fit(mixtures[0], y), mixtures[0])
    assert not counted.axis_known
    if fitted_on == "text":
        with pytest.raises(ValueError, match="differ from those of the training spectra"):
            explain(model, table.set_axis(wavenumbers + 5, axis=1))


def test_spectra_are_explained_in_float64_and_left_alone(mixtures):
    X, y = mixtures[0].astype(np.float32), mixtures[1][:, 0].astype(np.float32)
    model = lm.Ridge().fit(X, y)
    explanation = explain(model, X)
    assert_adds_up(explanation)
    np.testing.assert_allclose(explanation.outputs, model.predict(X), rtol=1e-4)
    X = mixtures[0].copy()
    explanation = explain(model, X)
    X[:] = 0
    np.testing.assert_array_equal(explanation.spectra, mixtures[0])


def test_maps_are_written_to_out(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    model, out = PLSRegression(2).fit(X, y), np.empty(mixtures[0].shape, dtype=np.float32)
    explanation = explain(model, X, out=out)
    assert np.shares_memory(explanation.maps, out)
    np.testing.assert_allclose(out, explain(model, X).maps, rtol=1e-6)
    with pytest.raises(ValueError, match=r"out has shape \(3,\)"):
        explain(model, X, out=np.empty(3))
    with pytest.raises(TypeError, match="out is .*int64.*float32 or float64"):
        explain(model, X, out=np.empty(X.shape, dtype=np.int64))


def test_prints_tables_and_figures(mixtures, wavenumbers):
    X, y = mixtures[0], mixtures[1][:, 0]
    explanation = explain(PLSRegression(3).fit(X, y), X, x_axis=wavenumbers)
    assert repr(explanation).endswith("100 points from 800 to 1790, linear at input")
    assert "complete: contributions and base value add up" in explanation._repr_html_()
    slope = explanation.linearity(y).iloc[-1]["slope"]
    assert slope == pytest.approx(np.polyfit(y, explanation.outputs, 1)[0])
    table = explanation.contributions({"band": (1150, 1250)})
    np.testing.assert_allclose(table["contribution"], explanation.maps[:, 35:46].sum(axis=1))
    explanation.plot(samples=[0])
    LinearityDisplay(explanation, y).plot()
    ExplanationDisplay.from_estimator(lm.RidgeClassifier().fit(X, y > 5), X)


def test_images(mixtures):
    da = pytest.importorskip("dask.array")
    X, y = mixtures[0], mixtures[1][:, 0]
    image = da.from_array(X.reshape(6, 10, -1), chunks=(3, 10, -1))
    ridge = lm.Ridge().fit(X, y)
    for model, reference in ((PLSRegression(2).fit(X, y), None), (ridge, X)):
        maps = hyperspectral.explain(model, image, reference=reference).maps.compute()
        np.testing.assert_allclose(maps.reshape(X.shape), explain(model, X).maps, atol=1e-10)
    with pytest.raises(ValueError, match="does not store the mean"):  # that of a block is chance
        hyperspectral.explain(ridge, image)


# ------------------------------------------------------------------------------------------- errors


def two_labels(X):
    return np.column_stack([X[:, 40] > X[:, 55], X[:, 20] > X[:, 55]]).astype(int)


@pytest.mark.parametrize(
    ("model", "references"),
    [
        (svm.SVC(kernel="linear"), None),  # coefficients of pairs of classes
        (svm.SVC(kernel="linear", decision_function_shape="ovo"), None),
        (lm.PoissonRegressor(), lambda X: np.abs(X[:, 40])),  # a logarithmic link
        (svm.OneClassSVM(kernel="linear"), lambda X: None),  # predicts 1 and -1
        (lm.RidgeClassifier(), two_labels),  # as many columns as classes
    ],
)
def test_coefficients_that_do_not_make_the_outputs(kinds, model, references):
    X, y = kinds
    model.fit(X, y if references is None else references(X))
    with pytest.raises(TypeError, match="cannot be explained: its predictions .* are not coef_"):
        explain(model, X)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (svm.SVC(), "SVC cannot be explained: expected .*a linear model"),
        (
            CalibratedClassifierCV(lm.RidgeClassifier(), cv=2),
            r"such as its .calibrated_classifiers_",
        ),
    ],
)
def test_models_without_coefficients(mixtures, model, says):
    X, y = mixtures[0], mixtures[1][:, 0]
    model.fit(X, y > 5)
    with pytest.raises(TypeError, match=says):
        explain(model, X)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"method": "grad-cam"}, "method='grad-cam'.*Ridge is a linear model. Leave them out"),
        ({"layer": "block1"}, "layer='block1'.*Ridge is a linear model"),
        ({"reference": "median"}, "expected None, 'mean' or a spectrum"),
        ({"reference": np.ones(5)}, "reference has 5 values, but X has 100 columns"),
        ({"reference": np.full(100, np.nan)}, "reference contains NaN"),
        ({"target": 3}, "target=3 is not one of the model's targets"),
        ({"x_axis": np.arange(7)}, "x_axis has shape"),
    ],
)
def test_arguments_that_do_not_fit(mixtures, arguments, says):
    X, y = mixtures[0], mixtures[1][:, 0]
    with pytest.raises(ValueError, match=says):
        explain(lm.Ridge().fit(X, y), X, **arguments)


def test_other_errors(mixtures, kinds):
    X, y = mixtures[0], mixtures[1][:, 0]
    with pytest.raises(NotFittedError):
        explain(lm.Ridge(), X)
    fitted = FrozenEstimator(lm.Ridge().fit(X, y))
    assert len(explain(fitted, X)) == len(X)
    with pytest.raises(TypeError, match="does not end in one ResNet1DClassifier"):
        applicability(fitted, X)
    with pytest.raises(ValueError, match="100 features"):
        explain(fitted, X[:, :7])
    votes = BaggingClassifier(svm.LinearSVC(**SEED), 2, **SEED).fit(*kinds)
    with pytest.raises(ValueError, match="BaggingClassifier counts the votes.*predict_proba"):
        explain(votes, kinds[0])
