"""Results are the same, bit for bit, whatever the process was told of NumPy, pandas or torch."""

import warnings
from contextlib import ExitStack, contextmanager
from functools import cache

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from chemotools.scatter import StandardNormalVariate
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import blends, two_kinds
from sklearn_spectral import (
    ResNet1DClassifier,
    ResNet1DRegressor,
    applicability,
    cross_explain,
    explain,
    export_onnx,
    metrics,
)
from sklearn_spectral.datasets import make_oil_blends
from sklearn_spectral.preprocessing import CosmicRayRemover

TINY = {"max_epochs": 2, "random_state": 0, "net_params": {"module__width": 4}}
X, Y = blends(n_outputs=2)
Y = Y * 1e-30  # squares of maps in this unit vanish in float32
NAMED = pd.DataFrame(X, columns=[f"{1000 + 10 * i}" for i in range(X.shape[1])])
LABELS = two_kinds()[1]


@contextmanager
def torch_state(get, set_, value):
    before = get()
    set_(value)
    try:
        yield
    finally:
        set_(before)


@contextmanager
def pandas_option(name, value):
    with warnings.catch_warnings():  # options that came and will go
        warnings.simplefilter("ignore")
        context = pd.option_context(name, value)
        context.__enter__()
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context.__exit__(None, None, None)


SETTINGS = {
    **{
        f"scikit-learn: {name}={value}": lambda name=name, value=value: sklearn.config_context(
            **{name: value}
        )
        for name, value in [
            ("transform_output", "pandas"),
            ("transform_output", "polars"),
            ("assume_finite", True),
            ("enable_metadata_routing", True),
            ("array_api_dispatch", True),
            ("skip_parameter_validation", True),
        ]
    },
    "torch: float64": lambda: torch_state(
        torch.get_default_dtype, torch.set_default_dtype, torch.float64
    ),
    "torch: device": lambda: torch_state(lambda: None, torch.set_default_device, "meta"),
    "torch: inference_mode": torch.inference_mode,
    "torch: no_grad": torch.no_grad,
    "torch: autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "torch: deterministic": lambda: torch_state(
        torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True
    ),
    "torch: matmul precision": lambda: torch_state(
        torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "medium"
    ),
    "NumPy: raise": lambda: np.errstate(all="raise"),
    **{
        f"pandas: {name}={value}": lambda name=name, value=value: pandas_option(name, value)
        for name, value in [
            ("future.infer_string", False),
            ("mode.string_storage", "python"),
            ("mode.copy_on_write", False),
            ("mode.chained_assignment", "raise"),
        ]
    },
}


def parts(explanation):
    names = ("maps", "outputs", "base_values", "x_axis", "targets", "spectra")
    return [getattr(explanation, name) for name in names]


def networks():
    net = ResNet1DRegressor(early_stopping=True, **TINY).fit(X, Y)
    kinds = ResNet1DClassifier(class_weight="balanced", **TINY).fit(X, LABELS)
    return [net.predict(X), net.applicability(X), net.fit(X, Y).predict(X), kinds.predict_proba(X)]


def going_on():
    net = ResNet1DRegressor(warm_start=True, **TINY).fit(X, Y[:, 0]).fit(X, Y[:, 0])
    kinds = ResNet1DClassifier(**TINY).partial_fit(NAMED, pd.Series(LABELS), classes=["fat", "oil"])
    return [net.predict(X), kinds.partial_fit(NAMED, LABELS).predict_proba(NAMED)]


def maps_of_layers():
    net = fitted()
    asked = [("1d-grad-cam", "features"), ("1d-grad-cam", "stem"), ("grad-cam", "block1")]
    maps = [parts(net.explain(X, method=method, layer=layer)) for method, layer in asked]
    return [*maps, parts(net.explain(X, reference="mean"))]


def around():
    scaled = TransformedTargetRegressor(ResNet1DRegressor(**TINY), transformer=StandardScaler())
    models = [
        (make_pipeline(StandardNormalVariate(), scaled), Y[:, 0]),
        (VotingRegressor([("one", ResNet1DRegressor(**TINY))]), Y[:, 0]),
    ]
    answers = []
    for model, y in models:
        model.fit(NAMED, y)
        answers += [model.predict(NAMED), *parts(explain(model, NAMED))]
    return [*answers, applicability(models[0][0], NAMED)]


def left_out():
    model = make_pipeline(StandardNormalVariate(), ResNet1DClassifier(**TINY))
    explanation = cross_explain(model, X, LABELS, cv=2, n_repeats=2, random_state=0)
    return [*parts(explanation), explanation.maps_std, explanation.stability(3)]


def files(folder):
    net = fitted()
    net.save(folder / "model.safetensors")
    loaded = ResNet1DRegressor.load(folder / "model.safetensors")
    model = make_pipeline(StandardNormalVariate(), ResNet1DRegressor(**TINY)).fit(X, Y)
    export_onnx(model, folder / "model.onnx")
    onnx = (folder / "model.onnx").read_bytes()
    answers = [loaded.predict(X), loaded.partial_fit(X, Y).predict(X)]
    return [*answers, onnx, (folder / "model.safetensors").read_bytes()]


def tables():
    explanation = fitted().explain(X)
    mean = explanation.averaged([explanation], weights=[1, 2])
    return [
        explanation.contributions(3),
        explanation.linearity(Y, 3),
        explanation.summary(3),
        explanation.residuals,
        explanation.to_frame(),
        mean.maps,
        mean.stability(3),
        fitted_classifier().explain(X).purity,
        *parts(fitted_classifier().explain(X, target="all").difference()),
        *parts(explanation.through([[1e-9], [1e-9]], [0])),
    ]


def judged():
    net, explanation = fitted_classifier(), fitted_classifier().explain(X)
    curves = [each(net, explanation, n_steps=3) for each in (metrics.deletion_curve,)]
    return [
        *(curve.scores for curve in curves),
        metrics.insertion_curve(fitted(), fitted().explain(X, target=0), n_steps=3).scores,
        metrics.completeness_residual(explanation),
        metrics.localization(explanation, {"band": range(3, 10)}),
        metrics.stability([explanation, explanation]).per_spectrum,
        metrics.randomization_check(net, X, n_repeats=1, random_state=0, layer="stem"),
    ]


def simulated():
    made = make_oil_blends(6, cosmic_rays=0.5, random_state=0)
    return [made.data, made.target, CosmicRayRemover().fit_transform(made.data)]


OPERATIONS = [
    networks,
    going_on,
    maps_of_layers,
    around,
    left_out,
    files,
    tables,
    judged,
    simulated,
]


@cache
def fitted():
    return ResNet1DRegressor(**TINY).fit(X, Y)


@cache
def fitted_classifier():
    return ResNet1DClassifier(**TINY).fit(X, LABELS)


def plain(result):
    """Return a result as numbers and text that can be compared."""
    if isinstance(result, (list, tuple)):
        return [plain(each) for each in result]
    if isinstance(result, bytes):
        return result
    if hasattr(result, "to_numpy"):  # a table, of pandas or polars
        result = result.to_numpy()
    return repr(np.asarray(result).tolist())  # in which NaN equals NaN


@cache
def expected(operation):
    return run(operation)


def run(operation):
    return plain(operation())


def enter(stack, setting):
    try:
        stack.enter_context(SETTINGS[setting]())
    except (ImportError, RuntimeError) as error:  # array_api_dispatch asks for more
        pytest.skip(str(error))


@pytest.fixture(scope="module", autouse=True)
def models_are_fitted_under_no_setting():
    fitted(), fitted_classifier()


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_settings_change_no_result(operation, setting, tmp_path):
    what = operation if operation is not files else lambda: files(tmp_path)
    right = expected(operation) if operation is not files else run(what)
    if operation is around and "polars" in setting:
        pytest.skip("scikit-learn's TransformedTargetRegressor takes no tables of polars")
    with ExitStack() as stack:
        enter(stack, setting)
        assert run(what) == right


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_are_left_as_they_were(setting):
    def state():
        return [
            sklearn.get_config(),
            np.geterr(),
            torch.get_default_dtype(),
            torch.empty(0).device,  # get_default_device of torch 2.5 fails after one was reset
            torch.is_inference_mode_enabled(),
            torch.is_grad_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.get_float32_matmul_precision(),
        ]

    with ExitStack() as stack:
        enter(stack, setting)
        before = state()
        fitted().predict(X)
        with pytest.raises(ValueError, match="NaN in rows 3 "):
            fitted().explain(np.where(np.arange(len(X))[:, None] == 3, np.nan, X))
        assert state() == before


@pytest.mark.parametrize("what", ["X", "y", "sample_weight"])
def test_assume_finite_lets_nothing_through(what):
    data = {"X": X.copy(), "y": Y[:, 0].copy(), "sample_weight": np.ones(len(X))}
    data[what][3] = np.nan
    with (
        sklearn.config_context(assume_finite=True),
        pytest.raises(ValueError, match=f"(?i){what}.* (NaN|missing)"),
    ):
        ResNet1DRegressor(**TINY).fit(**data)


def test_out_of_fold_maps_are_fitted_under_the_settings_of_the_caller_in_other_processes():
    model = ResNet1DRegressor(**TINY)
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(StandardNormalVariate(), model.set_fit_request(sample_weight=True))
        how = {"cv": 2, "random_state": 0, "params": {"sample_weight": np.arange(30.0) + 1}}
        one, two = (cross_explain(model, X, Y[:, 0], n_jobs=n, **how) for n in (1, 2))
    np.testing.assert_array_equal(one.maps, two.maps)
