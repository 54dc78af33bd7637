"""Models in ONNX files, run by onnxruntime, beside Python."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from chemotools.baseline import (
    ArPls,
    ConstantBaselineCorrection,
    LinearCorrection,
    PolynomialCorrection,
    SubtractReference,
)
from chemotools.datasets import load_coffee, load_fermentation_train
from chemotools.derivative import NorrisWilliams, SavitzkyGolay
from chemotools.feature_selection import IndexSelector, RangeCut
from chemotools.scale import MinMaxScaler, NormScaler, ParetoScaler, PointScaler
from chemotools.scatter import (
    ExtendedMultiplicativeScatterCorrection,
    MultiplicativeScatterCorrection,
    RobustNormalVariate,
    StandardNormalVariate,
)
from chemotools.smooth import MeanFilter, ModifiedSincFilter, SavitzkyGolayFilter, WhittakerSmooth
from sklearn import preprocessing
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

import sklearn_spectral
from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, explain, export_onnx
from sklearn_spectral._files.onnx_steps import AFFINE, BY_SPECTRUM
from sklearn_spectral._network.resnet1d import ResNet1D
from sklearn_spectral.preprocessing import CosmicRayRemover

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

FEW = {"max_epochs": 2, "random_state": 0}
AT_ONCE = {"max_epochs": 0, "random_state": 0}


@pytest.fixture(scope="module")
def coffee():
    spectra, labels = load_coffee()
    spectra.columns = spectra.columns.astype(str)
    return spectra, labels.to_numpy().ravel()


@pytest.fixture(scope="module")
def fermentation():
    """Spectra, their wavenumbers and glucose in g/L."""
    spectra, glucose = load_fermentation_train()
    return spectra.to_numpy(), spectra.columns.to_numpy(float), glucose.to_numpy().ravel()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


def run(path, X):
    """Return the outputs of a file by name, by a runtime that sees nothing but the file."""
    session = onnxruntime.InferenceSession(path)
    names = [each.name for each in session.get_outputs()]
    X = np.asarray(X, dtype=float)
    return dict(zip(names, session.run(None, {"spectra": X}), strict=True))


def metadata(path):
    return onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map


def assert_close(given, expected):
    """Compare to 1e-4 of the range; rounding is a hundred times smaller."""
    assert given.shape == expected.shape
    assert np.abs(given - expected).max() < 1e-4 * np.ptp(expected)


def assert_same(path, model, X):
    """Compare everything that a file says with what Python says."""
    outputs = run(path, X)
    explanation = explain(model, X, target="all")
    is_class = hasattr(model, "classes_")
    if is_class:
        assert outputs["label"].tolist() == model.predict(X).tolist()
        assert_close(outputs["probabilities"], model.predict_proba(X))
        assert_close(outputs["logits"], explanation.outputs)
    else:
        assert_close(outputs["prediction"], model.predict(X))
    one_axis = not is_class and outputs["prediction"].ndim == 1
    assert_close(outputs["maps"], explanation.maps[..., 0] if one_axis else explanation.maps)
    np.testing.assert_allclose(outputs["base_values"], explanation.base_values[0], rtol=1e-6)
    # What the file says adds up by itself.
    sums = outputs["maps"].sum(axis=1) + outputs["base_values"]
    assert_close(sums, outputs["logits" if is_class else "prediction"])
    return outputs


def test_classifier_behind_preprocessing(coffee, path):
    X, y = coffee
    X = X.iloc[:, :1101]  # more than the network sees: neighbours are averaged, the last alone
    model = make_pipeline(
        SavitzkyGolay(window_length=9, polyorder=2),
        StandardNormalVariate(),
        ResNet1DClassifier(**FEW),
    ).fit(X, y)
    export_onnx(model, path)
    outputs = assert_same(path, model, X)
    assert set(outputs["label"]) == set(y)
    assert metadata(path)["output_name"] == "logit"
    assert json.loads(metadata(path)["targets"]) == model.classes_.tolist()
    assert json.loads(metadata(path)["x_axis"]) == X.columns.astype(float).tolist()


def test_regressor_behind_a_range_cut(fermentation, path):
    X, wavenumbers, glucose = fermentation
    y = pd.Series(glucose, name="glucose (g/L)")
    model = make_pipeline(
        RangeCut(start=950, end=1500, x_axis=wavenumbers),
        preprocessing.StandardScaler(),
        ResNet1DRegressor(**FEW),
    ).fit(X, y)
    export_onnx(model, path)
    outputs = assert_same(path, model, X)
    assert outputs["prediction"].ndim == 1
    said = metadata(path)
    axis = json.loads(said["x_axis"])
    assert axis == explain(model, X).x_axis.tolist()
    assert axis[0] == 950.0
    assert said["output_name"] == "glucose (g/L)"
    assert said["targets"] == '["glucose (g/L)"]'
    assert said["preprocessing"] == '["RangeCut", "StandardScaler"]'
    assert said["sklearn_spectral_version"] == sklearn_spectral.__version__
    file = onnx.load(path)
    assert said["opset"] == str(file.opset_import[0].version)
    assert file.ir_version == 7


def test_any_number_of_spectra(fermentation, path):
    X, _, y = fermentation
    model = ResNet1DRegressor(**AT_ONCE).fit(X, y)
    export_onnx(model, path)
    for rows in ([3], np.random.default_rng(0).integers(len(X), size=100)):
        outputs = run(path, X[rows])
        error = np.abs(outputs["prediction"] - model.predict(X[rows]))
        assert len(error) == len(rows)
        assert error.max() < 1e-4 * np.ptp(y)
        assert_close(outputs["maps"], explain(model, X[rows]).maps)
    assert run(path, X[:0])["maps"].shape == (0, X.shape[1])


STEPS = [
    ConstantBaselineCorrection(start=10, end=20),
    ConstantBaselineCorrection(start=10, end=200),
    LinearCorrection(),
    PolynomialCorrection(order=2, indices=[0, 50, 100, 150, 290]),
    SubtractReference(reference=np.linspace(0, 1, 300)),
    SubtractReference(reference=np.linspace(0, 1, 300), scale_reference=True),
    NorrisWilliams(window_length=5, gap_size=3),
    *(
        SavitzkyGolay(window_length=11, polyorder=2, deriv=2, mode=mode)
        for mode in ["mirror", "constant", "nearest", "wrap", "interp"]
    ),
    IndexSelector(features=np.arange(0, 300, 2)),
    RangeCut(start=40, end=260),
    MinMaxScaler(),
    MinMaxScaler(use_min=False),
    NormScaler(),
    NormScaler(l_norm=1),
    NormScaler(l_norm=3),
    ParetoScaler(),
    PointScaler(point=7),
    ExtendedMultiplicativeScatterCorrection(order=2),
    MultiplicativeScatterCorrection(),
    MultiplicativeScatterCorrection(method="median", weights=np.linspace(1, 2, 300)),
    StandardNormalVariate(),
    MeanFilter(window_length=5),
    ModifiedSincFilter(window_length=21),
    *(
        SavitzkyGolayFilter(window_length=11, polyorder=2, mode=mode)
        for mode in ["mirror", "constant", "nearest", "wrap", "interp"]
    ),
    WhittakerSmooth(lam=100),
    preprocessing.MaxAbsScaler(),
    preprocessing.MinMaxScaler(),
    preprocessing.RobustScaler(),
    preprocessing.StandardScaler(with_std=False),
    preprocessing.Normalizer(),
    preprocessing.Normalizer("l1"),
    preprocessing.Normalizer("max"),
    preprocessing.FunctionTransformer(),
    "passthrough",
]


@pytest.fixture(scope="module")
def cut(fermentation):
    X, _, y = fermentation
    return X[:, 400:700], y


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_steps(cut, step, path):
    X, y = cut
    model = make_pipeline(step, ResNet1DRegressor(**FEW, shortcut=False))  # fast
    model.fit(X, y)
    export_onnx(model, path)
    # Other spectra than those of the fit, on another scale.
    assert_same(path, model, 1.3 * X[::-1] + 0.2 * np.sin(np.arange(300) / 40) + 0.1)


def test_normalizer_leaves_empty_spectra(cut, path):
    model = make_pipeline(preprocessing.Normalizer(), ResNet1DRegressor(**AT_ONCE)).fit(*cut)
    export_onnx(model, path)
    assert_same(path, model, np.vstack([np.zeros(300), cut[0]]))


def test_every_step_that_is_said_to_be_expressible_is_tested():
    tested = {f"{type(step).__module__.split('.')[0]}.{type(step).__name__}" for step in STEPS}
    assert tested - {"builtins.str", "sklearn.FunctionTransformer"} == {*AFFINE, *BY_SPECTRUM}


@pytest.mark.parametrize(
    "step",
    [
        ArPls(),
        CosmicRayRemover(),
        RobustNormalVariate(),
        preprocessing.FunctionTransformer(np.sqrt),
        preprocessing.MinMaxScaler(clip=True),
        SavitzkyGolayFilter(axis=0),
        type("StandardNormalVariate", (StandardNormalVariate,), {})(),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:The contributions cancel")  # not preprocessed
def test_refuses_steps_by_name(cut, step, path):
    model = Pipeline([("mine", step), ("net", ResNet1DRegressor(**AT_ONCE))]).fit(*cut)
    with pytest.raises(TypeError, match=rf"'mine', {type(step).__name__}.*chemotools.RangeCut"):
        export_onnx(model, path)
    assert not path.exists()
    export_onnx(model[1:], path)  # as the message advises
    assert_same(path, model[1:], cut[0])


def test_pipelines_in_searches_in_pipelines(coffee, path):
    X, y = coffee
    X = X.iloc[:, 600:900]
    inner = make_pipeline(
        make_pipeline(None, StandardNormalVariate()), ResNet1DClassifier(**AT_ONCE)
    )
    search = GridSearchCV(inner, {"resnet1dclassifier__max_epochs": [0]}, cv=2)
    model = make_pipeline("passthrough", MeanFilter(), search).fit(X, y)
    export_onnx(model, path)
    assert_same(path, model, X)
    assert json.loads(metadata(path)["x_axis"]) == X.columns.astype(float).tolist()
    assert metadata(path)["preprocessing"] == '["MeanFilter", "StandardNormalVariate"]'


def test_several_outputs(mixtures, path):
    X, amounts = mixtures
    y = pd.DataFrame(amounts, columns=["fat", "water", "sugar"])
    model = ResNet1DRegressor(**FEW).fit(X, y)
    export_onnx(model, path)
    assert assert_same(path, model, X)["maps"].shape == (60, 100, 3)
    assert json.loads(metadata(path)["targets"]) == ["fat", "water", "sugar"]


def test_one_column_of_y(mixtures, path):
    X, amounts = mixtures
    model = ResNet1DRegressor(**AT_ONCE).fit(X, amounts[:, :1])
    export_onnx(model, path)
    assert assert_same(path, model, X)["prediction"].shape == (60, 1)


@pytest.mark.parametrize("n_columns", [0, 1, 3])
def test_transformed_targets(mixtures, path, n_columns):
    X, amounts = mixtures
    y = amounts[:, 0] if n_columns == 0 else amounts[:, :n_columns]
    inner = make_pipeline(StandardNormalVariate(), ResNet1DRegressor(**AT_ONCE))
    model = TransformedTargetRegressor(inner, transformer=preprocessing.MinMaxScaler())
    model.fit(X, 1e3 * y + 5e4)
    export_onnx(model, path)
    assert_same(path, model, X)


def test_targets_of_another_shape_inside(mixtures, path):
    """The network learns y twice; predictions are one column, as y was."""
    X, amounts = mixtures
    model = TransformedTargetRegressor(
        ResNet1DRegressor(**AT_ONCE),
        func=lambda y: np.hstack([y, -y]),
        inverse_func=lambda y: (y[:, :1] - y[:, 1:]) / 2,
    ).fit(X, amounts[:, 0])
    export_onnx(model, path)
    assert assert_same(path, model, X)["prediction"].shape == (60,)
    assert metadata(path)["targets"] == "[0]"


def test_refuses_targets_that_do_not_add_up(mixtures, path):
    X, amounts = mixtures
    model = TransformedTargetRegressor(
        ResNet1DRegressor(**AT_ONCE), func=np.log, inverse_func=np.exp
    ).fit(X, amounts[:, 0] + 1)
    with pytest.raises(ValueError, match="not linear"):
        export_onnx(model, path)


def test_refuses_ensembles_and_other_models(mixtures, path):
    X, amounts = mixtures
    ensemble = BaggingRegressor(ResNet1DRegressor(**AT_ONCE), n_estimators=2, random_state=0)
    with pytest.raises(TypeError, match="BaggingRegressor does not end in one"):
        export_onnx(ensemble.fit(X, amounts[:, 0]), path)
    with pytest.raises(NotFittedError):
        export_onnx(ResNet1DRegressor(), path)


def test_few_points_have_no_derivatives(mixtures, path):
    X, amounts = mixtures
    model = ResNet1DRegressor(**FEW).fit(X[:, 35:64], amounts[:, 0])
    export_onnx(model, path)
    assert_same(path, model, X[:, 35:64])


@pytest.mark.parametrize("pooling", [False, True])
def test_without_shortcut(kinds, path, pooling):
    X, y = kinds
    net_params = {"module__pooling": pooling, "module__n_blocks": 1}
    model = ResNet1DClassifier(**FEW, shortcut=False, net_params=net_params)
    model.fit(X[:, :99], y)  # the last cell is not full
    export_onnx(model, path)
    assert_same(path, model, X[:, :99])


class DilatedNet1D(ResNet1D):
    """A network of the same blocks that look 1, 2, ... positions far."""

    def __init__(self, n_points, n_outputs, **params):
        super().__init__(n_points, n_outputs, **params)
        for number, block in enumerate(self.blocks):
            for convolution in (block.first, block.second):
                convolution.dilation, convolution.padding = (2**number,), (2**number * 2,)


class BentNet1D(ResNet1D):
    """A network with features of its own."""

    def forward_features(self, x):
        return super().forward_features(x).tanh()


def test_other_networks_are_exported_as_they_are_or_refused(mixtures, path, monkeypatch):
    X, amounts = mixtures
    monkeypatch.setattr("sklearn_spectral._network.net.NETWORK", DilatedNet1D)
    model = ResNet1DRegressor(**FEW).fit(X, amounts)
    export_onnx(model, path)
    assert_same(path, model, X)
    monkeypatch.setattr("sklearn_spectral._network.net.NETWORK", BentNet1D)
    with pytest.warns(ConvergenceWarning, match="starts from the mean of y"):
        bent = ResNet1DRegressor(**FEW).fit(X, amounts)
    with pytest.raises(TypeError, match="BentNet1D, which computes its features in another way"):
        export_onnx(bent, path)


def test_several_nets(mixtures, path):
    X, amounts = mixtures
    model = ResNet1DRegressor(**FEW).fit(X, amounts[:, :2])
    model.nets_ += ResNet1DRegressor(max_epochs=1, random_state=1).fit(X, amounts[:, :2]).nets_
    export_onnx(model, path)
    assert_same(path, model, X)


@pytest.mark.parametrize(
    ("dtype", "written"),
    [(str, object), (object, object), (np.int32, np.int64), (np.float32, np.float64), (bool, bool)],
)
def test_labels_keep_their_type(kinds, path, dtype, written):
    X, y = kinds
    y = y.astype(dtype) if written is object else (y == "wax").astype(dtype)
    model = ResNet1DClassifier(**AT_ONCE).fit(X, y)
    export_onnx(model, path)
    assert assert_same(path, model, X)["label"].dtype == written


def test_spectra_on_a_high_background(cut, path):
    """In float32 nothing would be left of a band of 1e-2 on 1e6."""
    X, y = cut
    high = 1e6 + X
    model = ResNet1DRegressor(**FEW).fit(high, y)
    export_onnx(model, path)
    assert_same(path, model, high)


def test_straight_lines_have_no_derivative(cut, path):
    X, y = cut
    model = ResNet1DRegressor(**FEW).fit(X, y)
    export_onnx(model, path)
    lines = np.linspace([0.1, 0.3], [0.2, 0.9], 300).T
    assert_same(path, model, lines)
    assert_same(path, model, lines.astype(np.float32))  # rounded more, and still straight


def test_says_nan_where_python_raises(kinds, path):
    X, y = kinds
    model = make_pipeline(StandardNormalVariate(), ResNet1DClassifier(**AT_ONCE)).fit(X, y)
    export_onnx(model, path)
    X = X[:4].copy()
    X[1, 50], X[2] = np.nan, 3.0  # a hole, and a saturated detector
    X[3, 50] = np.inf
    for name, values in run(path, X).items():
        if name not in ("label", "base_values"):
            bad = np.isnan(values).reshape(4, -1).any(axis=1)
            assert bad.tolist() == [False, True, True, True], name


def test_without_maps(kinds, path):
    model = ResNet1DClassifier(**AT_ONCE).fit(*kinds)
    export_onnx(model, path, explain=False)
    assert list(run(path, kinds[0])) == ["label", "probabilities", "logits"]


def test_x_axis_can_be_given(fermentation, path):
    X, wavenumbers, y = fermentation
    model = make_pipeline(RangeCut(start=400, end=700), ResNet1DRegressor(**AT_ONCE)).fit(X, y)
    for x_axis in (wavenumbers, wavenumbers[400:700]):
        export_onnx(model, path, x_axis=x_axis)
        assert json.loads(metadata(path)["x_axis"]) == wavenumbers[400:700].tolist()
    export_onnx(model, path)
    assert json.loads(metadata(path)["x_axis"]) == list(range(300))
    with pytest.raises(ValueError, match=r"shape \(17,\)"):
        export_onnx(model, path, x_axis=wavenumbers[:17])


def test_an_error_leaves_the_old_file(mixtures, path, monkeypatch):
    X, amounts = mixtures
    model = ResNet1DRegressor(**AT_ONCE).fit(X, amounts[:, 0])
    path.write_bytes(b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        export_onnx(model, path)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
    monkeypatch.undo()
    export_onnx(model, str(path))
    assert_same(path, model, X)
    assert list(path.parent.iterdir()) == [path]


def test_says_which_extra_is_missing(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-spectral\[onnx\]"'):
        export_onnx(ResNet1DRegressor(), path)
