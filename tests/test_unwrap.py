"""Models around ours: what they do to spectra and outputs counts, not what class they are."""

import numpy as np
import pytest
import sklearn
from chemotools.adaptation import XAxisInterpolator
from chemotools.scatter import StandardNormalVariate
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline

from helpers import blends, two_kinds
from sklearn_spectral import (
    ResNet1DClassifier,
    ResNet1DRegressor,
    applicability,
    cross_explain,
    explain,
    export_onnx,
    hyperspectral,
    metrics,
)

TINY = {"max_epochs": 1, "random_state": 0, "net_params": {"module__width": 4}}
X, Y = blends(n_outputs=2)
LABELS = two_kinds()[1]
AXIS = np.linspace(1000, 1600, X.shape[1])
COMMON = np.arange(1020.0, 1580.0, 20.0)


class Doubles(BaseEstimator):
    """A sampler, as those of imbalanced-learn."""

    def fit_resample(self, X, y):
        return np.vstack([X, X]), np.append(y, y)


class SamplingPipeline(Pipeline):
    """As imblearn.pipeline.Pipeline: samplers act in fit, and are left out of predict."""

    def fit(self, X, y):
        for _, step in self.steps[:-1]:
            samples = hasattr(step, "fit_resample")
            X, y = step.fit_resample(X, y) if samples else (step.fit_transform(X), y)
        self.steps[-1][1].fit(X, y)
        return self


class OtherSearch(BaseEstimator):
    """A search that is no relative of scikit-learn's, as those of dask-ml and Optuna."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        self.best_estimator_ = self.estimator.fit(X, y)
        return self


def behind_snv():
    return make_pipeline(StandardNormalVariate(), ResNet1DClassifier(**TINY))


def test_samplers_are_passed_over(tmp_path):
    pytest.importorskip("onnx")
    steps = [("snv", StandardNormalVariate()), ("more", Doubles())]
    model = SamplingPipeline([*steps, ("net", ResNet1DClassifier(**TINY))]).fit(X, LABELS)
    within = model[0].transform(X)
    np.testing.assert_array_equal(explain(model, X).maps, model[-1].explain(within).maps)
    np.testing.assert_array_equal(applicability(model, X), model[-1].applicability(within))
    metrics.randomization_check(model, X, n_repeats=1, random_state=0)
    export_onnx(model, tmp_path / "model.onnx")
    assert len(cross_explain(model, X, LABELS, cv=2, random_state=0)) == len(X)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda: FrozenEstimator(behind_snv().fit(X, LABELS)),
        lambda: TunedThresholdClassifierCV(behind_snv(), cv=2),
        lambda: FixedThresholdClassifier(behind_snv(), threshold=0.9),
        lambda: OtherSearch(behind_snv()),
        lambda: OtherSearch(FrozenEstimator(OtherSearch(behind_snv()).fit(X, LABELS))),
        lambda: make_pipeline(
            FrozenEstimator(make_pipeline(StandardNormalVariate()).fit(X)),
            ResNet1DClassifier(**TINY),
        ),
    ],
)
def test_wrappers_that_leave_the_outputs_alone_are_followed(wrapped):
    right = explain(behind_snv().fit(X, LABELS), X, target="oil")
    model = wrapped().fit(X, LABELS)
    np.testing.assert_array_equal(explain(model, X, target="oil").maps, right.maps)
    assert len(applicability(model, X)) == len(X)


@pytest.mark.parametrize(
    ("model", "way"),
    [
        (CalibratedClassifierCV(behind_snv(), cv=2), ".calibrated_classifiers_[0].estimator"),
        (StackingClassifier([("one", behind_snv())], cv=2), ".estimators_[0]"),
        (OneVsRestClassifier(behind_snv()), ".estimators_[0]"),
        (MultiOutputRegressor(ResNet1DRegressor(**TINY)), ".estimators_[0]"),
    ],
)
def test_what_cannot_be_explained_says_what_can(model, way):
    model.fit(X, Y if isinstance(model, MultiOutputRegressor) else LABELS)
    with pytest.raises(TypeError) as error:
        explain(model, X)
    assert f"such as its {way}." in str(error.value)
    assert len(explain(eval(f"model{way}", {"model": model}), X)) == len(X)


def interpolated():
    step = XAxisInterpolator(COMMON).set_fit_request(x_axis=True).set_transform_request(x_axis=True)
    return make_pipeline(make_pipeline(step, StandardNormalVariate()), ResNet1DRegressor(**TINY))


def test_metadata_reach_the_steps_as_in_predict():
    params = {"x_axis": AXIS}
    with sklearn.config_context(enable_metadata_routing=True):
        model = interpolated().fit(X, Y[:, 0], **params)
        explanation = explain(model, X, params=params)
        np.testing.assert_allclose(explanation.outputs, model.predict(X, **params))
        assert explain(model, X, params=params, reference=X[0]).maps[0].max() < 1e-9
        assert len(applicability(model, X, params=params)) == len(X)
        metrics.randomization_check(model, X, n_repeats=1, random_state=0, params=params)
        left_out = cross_explain(interpolated(), X, Y[:, 0], cv=2, params=params, random_state=0)
        assert left_out.maps.shape == (len(X), len(COMMON))
    with pytest.raises(ValueError, match=r"\['x_axis'\].*enable_metadata_routing=True"):
        explain(model, X, params=params)


class Shift(TransformerMixin, BaseEstimator):
    """A step that cannot do without metadata, and leaves the message to Python."""

    def fit(self, X, y=None, shift=0):
        return self

    def transform(self, X, copy=True, *, shift):
        return X + shift

    def fit_transform(self, X, y=None, *, shift):
        return self.transform(X, shift=shift)


def shifted():
    step = Shift().set_fit_request(shift=True).set_transform_request(shift=True)
    return make_pipeline(StandardNormalVariate(), step, ResNet1DRegressor(**TINY))


@pytest.mark.parametrize(
    ("make", "params", "owner"),
    [
        (interpolated, {"x_axis": AXIS}, "XAxisInterpolator"),
        (shifted, {"shift": np.ones(X.shape[1])}, "Shift"),
    ],
)
@pytest.mark.parametrize("routing", [True, False])
@pytest.mark.parametrize(
    "ask",
    [
        explain,
        lambda model, X: explain(model, X, x_axis=AXIS),
        lambda model, X: explain(model, X, reference=X[0]),
        applicability,
        lambda model, X: metrics.randomization_check(model, X, n_repeats=1),
        lambda model, X: cross_explain(clone(model), X, Y[:, 0], cv=2),
        lambda model, X: hyperspectral.explain(model, pytest.importorskip("dask.array").asarray(X)),
    ],
)
def test_metadata_that_are_missing_are_named_with_the_way_to_pass_them(
    make, params, owner, routing, ask
):
    with sklearn.config_context(enable_metadata_routing=True):
        model = make().fit(X, Y[:, 0], **params)
    (name,) = params
    expected = (
        rf"{owner} needs {name} in addition to X.* explain\(model, X, params={{'{name}': ...}}\)"
    )
    with (
        sklearn.config_context(enable_metadata_routing=routing),
        pytest.raises(ValueError, match=expected),
    ):
        ask(model, X)


def test_other_errors_of_steps_are_left_alone():
    with sklearn.config_context(enable_metadata_routing=True):
        model = shifted().fit(X, Y[:, 0], shift=1.0)
        with pytest.raises(ValueError, match="^operands could not be broadcast"):
            explain(model, X, params={"shift": np.ones(3)})
        with pytest.raises(TypeError, match="not explicitly set as requested|unexpected"):
            explain(model, X, params={"shift": 1.0, "sift": 1.0})


def test_metadata_reach_the_steps_of_images():
    da = pytest.importorskip("dask.array")
    with sklearn.config_context(enable_metadata_routing=True):
        model = interpolated().fit(X, Y[:, 0], x_axis=AXIS)
        image = da.from_array(X.reshape(6, 5, -1), chunks=(3, 5, -1))
        maps = hyperspectral.explain(model, image, params={"x_axis": AXIS}).maps.compute()
        expected = explain(model, X, params={"x_axis": AXIS}).maps
        y = hyperspectral.predict(model, image, params={"x_axis": AXIS}).compute()
        np.testing.assert_allclose(y.ravel(), model.predict(X, x_axis=AXIS), atol=1e-6)
        model.steps[-1] = ("last", ResNet1DClassifier(**TINY))
        model.fit(X, LABELS, x_axis=AXIS)
        p = hyperspectral.predict_proba(model, image, params={"x_axis": AXIS}).compute()
        expected_p = model.predict_proba(X, x_axis=AXIS)
    np.testing.assert_allclose(maps.reshape(expected.shape), expected, atol=1e-6)
    np.testing.assert_allclose(p.reshape(expected_p.shape), expected_p, atol=1e-6)
