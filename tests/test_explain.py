"""Whole models: pipelines, searches, transformed targets, and the axis on its way through."""

import numpy as np
import pandas as pd
import pytest
from chemotools.baseline import AirPls
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from chemotools.scatter import StandardNormalVariate
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingRegressor, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, explain
from sklearn_spectral.preprocessing import CosmicRayRemover

FEW = {"max_epochs": 3, "random_state": 0}
# Fast, where it does not matter how good the model is.
QUICK = {**FEW, "shortcut": False}
PREPROCESSINGS = {
    "cosmic rays": lambda x: [CosmicRayRemover()],
    "snv": lambda x: [StandardNormalVariate()],
    "derivative": lambda x: [SavitzkyGolay(window_length=9, polyorder=2, deriv=1)],
    "baseline": lambda x: [AirPls(), StandardScaler()],
    "range": lambda x: [RangeCut(start=1000, end=1500, x_axis=x), StandardNormalVariate()],
    "best": lambda x: [SelectKBest(f_regression, k=30), VarianceThreshold()],
    "passthrough": lambda x: ["passthrough"],
    "nested": lambda x: [
        make_pipeline(StandardScaler(), make_pipeline(RangeCut(start=1000, end=1500, x_axis=x)))
    ],
}


def pipeline(steps, model=None):
    return make_pipeline(*steps, model or ResNet1DRegressor(**FEW))


def assert_adds_up(explanation):
    total = explanation.maps.sum(axis=1) + explanation.base_values
    scale = np.abs(explanation.outputs).max()
    np.testing.assert_allclose(total / scale, explanation.outputs / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize("steps", PREPROCESSINGS)
def test_pipeline_is_the_estimator_on_preprocessed_spectra(mixtures_frame, wavenumbers, steps):
    X, y = mixtures_frame
    model = pipeline(PREPROCESSINGS[steps](wavenumbers)).fit(X, y)
    explanation = explain(model, X)
    direct = model[-1].explain(model[:-1].transform(X))
    np.testing.assert_array_equal(explanation.maps, direct.maps)
    np.testing.assert_array_equal(explanation.outputs, model.predict(X))
    assert_adds_up(explanation)


@pytest.mark.parametrize("names", ["strings", "floats", "given"])
@pytest.mark.parametrize("steps", PREPROCESSINGS)
def test_axis_goes_through(mixtures_frame, wavenumbers, steps, names):
    X, y = mixtures_frame
    if names == "floats":
        X = X.set_axis(wavenumbers, axis=1)
    elif names == "given":
        X = X.to_numpy()
    model = pipeline(PREPROCESSINGS[steps](wavenumbers), ResNet1DRegressor(**QUICK)).fit(X, y)
    axis = explain(model, X, x_axis=wavenumbers if names == "given" else None).x_axis
    expected = {
        "range": wavenumbers[(wavenumbers >= 1000) & (wavenumbers < 1500)],
        "nested": wavenumbers[(wavenumbers >= 1000) & (wavenumbers < 1500)],
    }.get(steps, wavenumbers)
    if steps == "best":
        expected = wavenumbers[model[0].get_support()]
    np.testing.assert_array_equal(axis, expected)


def test_axis_of_arrays(mixtures, wavenumbers):
    """Without names RangeCut still knows its wavenumbers; else the points are counted."""
    X, amounts = mixtures
    y = amounts[:, 0]
    cut = pipeline(PREPROCESSINGS["range"](wavenumbers), ResNet1DRegressor(**QUICK)).fit(X, y)
    kept = wavenumbers[(wavenumbers >= 1000) & (wavenumbers < 1500)]
    np.testing.assert_array_equal(explain(cut, X).x_axis, kept)
    np.testing.assert_array_equal(explain(cut, X, x_axis=kept).x_axis, kept)
    plain = pipeline([StandardNormalVariate()], ResNet1DRegressor(**QUICK)).fit(X, y)
    np.testing.assert_array_equal(explain(plain, X).x_axis, np.arange(100))
    with pytest.raises(ValueError, match=r"shape \(7,\), but the spectra have 50 points"):
        explain(cut, X, x_axis=np.arange(7))


@pytest.mark.parametrize("fitted_on", ["other names", "wavenumbers", "array"])
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_given_axis_counts_whatever_the_model_was_fitted_on(
    mixtures, wavenumbers, fitted_on, output
):
    X, amounts = mixtures
    X = {
        "other names": pd.DataFrame(X, columns=[f"wl{i}" for i in range(100)]),
        "wavenumbers": pd.DataFrame(X, columns=wavenumbers),
        "array": X,
    }[fitted_on]
    steps = [RangeCut(start=1000, end=1500, x_axis=wavenumbers), StandardScaler()]
    model = (
        pipeline(steps, ResNet1DRegressor(**QUICK))
        .set_output(transform=output)
        .fit(X, amounts[:, 0])
    )
    kept = wavenumbers[(wavenumbers >= 1000) & (wavenumbers < 1500)]
    np.testing.assert_array_equal(explain(model, X, x_axis=wavenumbers).x_axis, kept)
    np.testing.assert_array_equal(explain(model, X, x_axis=wavenumbers + 1).x_axis, kept + 1)


def test_given_axis_and_a_step_without_names(mixtures, wavenumbers):
    X, amounts = mixtures
    same = pipeline([FunctionTransformer(np.abs)], ResNet1DRegressor(**QUICK)).fit(X, amounts[:, 0])
    np.testing.assert_array_equal(explain(same, X, x_axis=wavenumbers).x_axis, wavenumbers)
    fewer = pipeline([FunctionTransformer(lambda X: X[:, :60])], ResNet1DRegressor(**QUICK)).fit(
        X, amounts[:, 0]
    )
    with pytest.raises(ValueError, match="100 values.*receives 60 points.*get_feature_names_out"):
        explain(fewer, X, x_axis=wavenumbers)


def test_components_are_not_wavelengths(mixtures_frame):
    X, y = mixtures_frame
    model = pipeline([PCA(10)]).fit(X, y)
    np.testing.assert_array_equal(explain(model, X).x_axis, np.arange(10))


def test_pandas_output_keeps_the_axis(mixtures_frame, wavenumbers):
    X, y = mixtures_frame
    steps = PREPROCESSINGS["range"](wavenumbers)
    model = pipeline(steps, ResNet1DRegressor(**QUICK)).set_output(transform="pandas").fit(X, y)
    assert explain(model, X).x_axis[0] == 1000


@pytest.mark.parametrize("search", ["grid", "random", "halving"])
def test_searches(mixtures_frame, search):
    X, y = mixtures_frame
    model = pipeline([StandardNormalVariate()], ResNet1DRegressor(**QUICK))
    grid = {"resnet1dregressor__lr": [1e-4, 1e-3]}
    searches = {
        "grid": lambda: GridSearchCV(model, grid, cv=2),
        "random": lambda: RandomizedSearchCV(model, grid, n_iter=2, cv=2, random_state=0),
        "halving": lambda: HalvingGridSearchCV(model, grid, cv=2, random_state=0),
    }
    fitted = searches[search]().fit(X, y)
    np.testing.assert_array_equal(explain(fitted, X).maps, explain(fitted.best_estimator_, X).maps)


def test_grid_search_in_two_processes_is_reproducible(kinds):
    X, y = kinds
    model = make_pipeline(StandardNormalVariate(), ResNet1DClassifier(random_state=0))
    grid = {
        "resnet1dclassifier__max_epochs": [2, 4],
        "standardnormalvariate": [StandardNormalVariate(), "passthrough"],
    }
    searches = [GridSearchCV(model, grid, cv=2, n_jobs=n_jobs).fit(X, y) for n_jobs in (2, 2, 1)]
    for search in searches:
        np.testing.assert_array_equal(
            search.cv_results_["mean_test_score"], searches[0].cv_results_["mean_test_score"]
        )
        np.testing.assert_array_equal(search.predict_proba(X), searches[0].predict_proba(X))
    assert_adds_up(explain(searches[0], X))


def test_search_inside_pipeline_inside_search(mixtures_frame):
    X, y = mixtures_frame
    inner = GridSearchCV(ResNet1DRegressor(**QUICK), {"lr": [1e-3]}, cv=2)
    outer = GridSearchCV(
        pipeline([StandardScaler()], inner), {"standardscaler": ["passthrough"]}, cv=2
    )
    assert_adds_up(explain(outer.fit(X, y), X))


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        MinMaxScaler((-1, 1)),
        FunctionTransformer(lambda y: y * 3, inverse_func=lambda y: y / 3),
    ],
)
def test_linear_target_transformation(mixtures_frame, transformer):
    X, y = mixtures_frame
    y = 500 * y + 20
    model = TransformedTargetRegressor(
        pipeline([StandardNormalVariate()]), transformer=transformer
    ).fit(X, y)
    explanation = explain(model, X)
    np.testing.assert_allclose(explanation.outputs, model.predict(X), rtol=1e-10)
    assert explanation.maps.shape == (60, 100)
    assert_adds_up(explanation)


def test_linear_transformation_of_several_targets(mixtures):
    X, amounts = mixtures
    model = TransformedTargetRegressor(ResNet1DRegressor(**QUICK), transformer=PCA())
    explanation = explain(model.fit(X, amounts), X)
    np.testing.assert_allclose(explanation.outputs, model.predict(X), rtol=1e-6)
    assert_adds_up(explanation)
    one = explain(model, X, target=2)
    np.testing.assert_array_equal(one.maps, explanation.maps[:, :, 2])
    assert one.targets.tolist() == [2] * 60


def test_target_transformation_that_changes_the_number_of_targets(mixtures):
    X, amounts = mixtures
    model = TransformedTargetRegressor(
        ResNet1DRegressor(**QUICK), transformer=PCA(2), check_inverse=False
    )
    explanation = explain(model.fit(X, amounts), X)
    assert explanation.targets.tolist() == [0, 1, 2]
    assert explanation.maps.shape == (60, 100, 3)
    assert_adds_up(explanation)


def test_target_transformation_that_is_not_linear_is_refused(mixtures_frame):
    X, y = mixtures_frame
    model = TransformedTargetRegressor(
        ResNet1DRegressor(**QUICK), func=np.log1p, inverse_func=np.expm1
    ).fit(X, y)
    with pytest.raises(ValueError, match="is not linear.*do not add up.*StandardScaler"):
        explain(model, X)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (make_pipeline(StandardScaler(), KNeighborsRegressor()), "KNeighborsRegressor inside Pip"),
        (KNeighborsRegressor(), "expected ResNet1DClassifier, ResNet1DRegressor or a linear model"),
        (make_pipeline(StandardScaler(), "passthrough"), "'passthrough' inside Pipeline"),
    ],
)
def test_models_that_cannot_be_explained(mixtures_frame, model, message):
    X, y = mixtures_frame
    with pytest.raises(TypeError, match=message):
        explain(model.fit(X, y), X)


def test_searches_without_refit_and_unfitted_models(mixtures_frame):
    X, y = mixtures_frame
    search = GridSearchCV(ResNet1DRegressor(**QUICK), {"lr": [1e-3]}, cv=2, refit=False).fit(X, y)
    with pytest.raises(ValueError, match="refit=True"):
        explain(search, X)
    for model in (ResNet1DRegressor(), pipeline([StandardScaler()]), GridSearchCV(search, {})):
        with pytest.raises(NotFittedError):
            explain(model, X)


def test_targets_reach_the_classifier(kinds):
    X, y = kinds
    model = make_pipeline(StandardNormalVariate(), ResNet1DClassifier(**FEW)).fit(X, y)
    explanation = explain(model, pd.DataFrame(X), target="wax")
    assert explanation.targets.tolist() == ["wax"] * 60
    np.testing.assert_array_equal(explanation.outputs, model.decision_function(X)[:, 2])


def test_reference_goes_through_the_pipeline(mixtures_frame, wavenumbers):
    X, y = mixtures_frame
    model = pipeline(PREPROCESSINGS["range"](wavenumbers)).fit(X, y)
    for reference in (X.iloc[4], X.iloc[[4]], X.iloc[4].tolist()):
        explanation = explain(model, X, reference=reference)
        np.testing.assert_allclose(explanation.base_values, model.predict(X.iloc[[4]])[0])
        assert_adds_up(explanation)
    table = X.iloc[[4, 9, 20]]
    several = explain(model, X, reference=table)
    mean = model[:-1].transform(table).mean(axis=0)
    direct = model[-1].explain(model[:-1].transform(X), reference=mean)
    np.testing.assert_allclose(several.maps, direct.maps, atol=1e-6)
    with pytest.raises(ValueError, match="reference has 50 values, but X has 100 columns"):
        explain(model, X, reference=X.iloc[4, :50])


def test_reference_and_transformed_target(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    model = TransformedTargetRegressor(ResNet1DRegressor(**FEW), transformer=StandardScaler())
    explanation = explain(model.fit(X, y), X, reference="mean")
    mean = model.predict(X.mean(axis=0, keepdims=True))
    np.testing.assert_allclose(explanation.base_values, mean[0], rtol=1e-5)
    assert_adds_up(explanation)


@pytest.mark.filterwarnings("ignore:The contributions cancel")
@pytest.mark.parametrize("last", [ResNet1DRegressor(**QUICK), PLSRegression(2)])
@pytest.mark.parametrize(
    ("index", "known"),
    [
        (None, False),
        (pd.RangeIndex(60), False),
        (pd.RangeIndex(60, 120), True),
        (range(1, 61), True),
    ],
)
def test_the_index_names_the_samples(mixtures_frame, last, index, known):
    X, y = mixtures_frame
    X = X if index is None else X.set_axis(index)
    expected = list(X.index) if known else None
    for model in (clone(last), make_pipeline(StandardNormalVariate(), clone(last))):
        names = explain(model.fit(X, y), X).sample_names
        assert (names if names is None else names.tolist()) == expected
    X = X.to_numpy()
    assert explain(model.fit(X, y), X).sample_names is None


def test_the_index_names_the_samples_of_an_estimator(mixtures_frame, regressor):
    X = mixtures_frame[0].to_numpy()
    names = [f"S{row}" for row in range(60)]
    assert regressor.explain(pd.DataFrame(X, index=names)).sample_names.tolist() == names
    assert regressor.explain(pd.DataFrame(X)).sample_names is None


@pytest.mark.parametrize("steps", PREPROCESSINGS)
@pytest.mark.parametrize("last", [ResNet1DRegressor(**QUICK), PLSRegression(2)])
@pytest.mark.filterwarnings("ignore:The contributions cancel")
def test_measured_spectra_are_at_the_points_of_the_map(mixtures_frame, wavenumbers, steps, last):
    X, y = mixtures_frame
    model = pipeline(PREPROCESSINGS[steps](wavenumbers), clone(last)).fit(X, y)
    explanation = explain(model, X)
    points = np.searchsorted(wavenumbers, explanation.x_axis)
    np.testing.assert_array_equal(explanation.measured, X.to_numpy()[:, points])
    if steps != "best":  # whose names are all that tells which
        model.fit(X.to_numpy(), y)
        np.testing.assert_array_equal(explain(model, X.to_numpy()).measured, explanation.measured)
    assert explanation[[3]].measured.tolist() == explanation.measured[[3]].tolist()
    X = X if steps == "best" else X.to_numpy()
    assert explain(model, X, out=np.empty_like(explanation.maps)).measured is None


def test_no_measured_spectra_where_steps_mix_points(mixtures_frame):
    X, y = mixtures_frame
    assert explain(pipeline([PCA(5)]).fit(X, y), X).measured is None


def test_measured_spectra_of_ensembles(mixtures_frame, wavenumbers):
    X, y = mixtures_frame
    member = pipeline(PREPROCESSINGS["range"](wavenumbers), ResNet1DRegressor(**QUICK))
    for model in (VotingRegressor([("a", member)]), BaggingRegressor(member, 2, random_state=0)):
        explanation = explain(model.fit(X, y), X)
        points = np.searchsorted(wavenumbers, explanation.x_axis)
        np.testing.assert_array_equal(explanation.measured, X.to_numpy()[:, points])


@pytest.mark.parametrize("shape", [(100,), (1, 60, 100)])
def test_the_first_step_says_what_is_no_table(mixtures_frame, shape):
    X, y = mixtures_frame
    model = pipeline(["passthrough", StandardScaler()], ResNet1DRegressor(**QUICK))
    model.fit(X.to_numpy(), y)
    with pytest.raises(ValueError, match="Expected 2D array|Found array with dim 3"):
        explain(model, X.to_numpy().reshape(-1)[: np.prod(shape)].reshape(shape))
