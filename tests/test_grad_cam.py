"""Maps, methods, layers and references, beside captum and figures worked out by hand."""

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradCam, LayerGradientXActivation
from sklearn.base import clone

from helpers import randomise
from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral._explanation.grad_cam import (
    METHODS,
    POINTS_AT_ONCE,
    Spreader,
    one_d_grad_cam,
    spreading,
)
from sklearn_spectral._network.resnet1d import STRIDE, ResNet1D
from sklearn_spectral._spectra.views import views

FEW = {"max_epochs": 3, "random_state": 0}
POOLED = {"shortcut": False, "net_params": {"module__pooling": True}}


@pytest.fixture(scope="module")
def regressor(mixtures):
    X, amounts = mixtures
    return ResNet1DRegressor(**FEW).fit(X, amounts[:, 0])


@pytest.fixture(scope="module")
def classifier(kinds):
    return ResNet1DClassifier(**FEW).fit(*kinds)


# ---------------------------------------------------------------------- from features to maps


def test_map_by_hand():
    features = torch.tensor([[[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]]])  # one spectrum, K=2, L=3
    weight = torch.tensor([[[1.0, 1.0, -1.0], [2.0, 2.0, 2.0]], [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
    expected = torch.tensor([[[1.0, 0.0, -1.0], [0.0, -1.0, 3.0]]])
    torch.testing.assert_close(one_d_grad_cam(features, weight), expected)


def test_methods_by_hand():
    """One spectrum, one target, K=2, L=2: gradient means are 2 and -1.

    1D Grad-CAM: 1*1 + 0*1 = 1 and 3*2 - 2*3 = 0. Averaged: 2*1 - 1*1 = 1 and 2*2 - 1*3 = 1.
    With the signs of the features of position 1 changed, the latter are 1 and -1, and 1 and 0.
    """
    features = torch.tensor([[[1.0, 2.0], [1.0, 3.0]]])
    gradient = torch.tensor([[[1.0, 3.0], [0.0, -2.0]]])
    changed = features * torch.tensor([1.0, -1.0])
    for each in (gradient, gradient[None]):  # the same for all spectra, and one a spectrum
        assert METHODS["1d-grad-cam"](features, each).tolist() == [[[1, 0]]]
        assert METHODS["grad-cam-signed"](features, each).tolist() == [[[1, 1]]]
        assert METHODS["grad-cam-signed"](changed, each).tolist() == [[[1, -1]]]
        assert METHODS["grad-cam"](changed, each).tolist() == [[[1, 0]]]


class _Elsewhere(torch.Tensor):
    """What a GPU's tensors are to the code: not on the CPU."""

    is_cpu = False


def test_maps_are_the_same_off_the_cpu():
    """Two spectra, one target, K=2, L=2; the first is worked out in `test_methods_by_hand`.

    Off the CPU the code takes another path, which does not use NumPy.
    """
    features = torch.tensor([[[1.0, 2.0], [1.0, 3.0]], [[2.0, 4.0], [2.0, 6.0]]])
    gradient = torch.tensor([[[1.0, 3.0], [0.0, -2.0]]])
    for each in (gradient, torch.stack([gradient, 3 * gradient])):
        maps = one_d_grad_cam(features.as_subclass(_Elsewhere), each.as_subclass(_Elsewhere))
        assert type(maps) is _Elsewhere
        assert maps.tolist() == [[[1, 0]], [[2 if each is gradient else 6, 0]]]


# ---------------------------------------------------------------------- from cells to points


def test_spread_by_hand():
    """Two cells of two points: their centres lie at 0.5 and 2.5.

    A quarter of cell 0 goes to cell 1: of 8, 6 and 2. Points 0 and 3 lie outside the centres and
    belong to one cell alone; points 1 and 2 are a quarter of the way between them: 3/4 and 1/4. So
    cell 0 gives its 6 as 3, 9/4, 3/4, 0 and cell 1 its 2 as 0, 1/4, 3/4, 1.
    """
    expected = torch.tensor([3.0, 2.5, 1.5, 1.0])
    torch.testing.assert_close(torch.tensor([8.0, 0.0]) @ spreading(2, 4, 2), expected)


def test_spread_of_inner_and_outer_cells_by_hand():
    """Four cells of one point: half stays, a quarter goes to either side, or stays at an end."""
    expected = [[0.75, 0.25, 0, 0], [0.25, 0.5, 0.25, 0], [0, 0.25, 0.5, 0.25], [0, 0, 0.25, 0.75]]
    assert spreading(4, 4, 1).tolist() == expected
    assert spreading(1, 2, 4).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(("n_points", "stride"), [(12, 4), (13, 4), (3, 4), (2, 4), (1000, 8)])
def test_spread_conserves_the_sum(n_points, stride):
    weights = spreading(-(-n_points // stride), n_points, stride)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(weights)))


def test_spread_of_constant_is_constant():
    torch.testing.assert_close(torch.ones(25) @ spreading(25, 100, 4), torch.full((100,), 0.25))


def test_blocks_of_points_take_the_cells_around_them_only():
    """Points 64 to 127 lie at 15.6 to 31.4 cells of four: 15 to 32, and one more on either side."""
    blocks = Spreader(40, 160, 4).blocks
    assert POINTS_AT_ONCE == 64
    assert [points for _, points, _ in blocks] == [slice(0, 64), slice(64, 128), slice(128, 160)]
    assert [cells for cells, _, _ in blocks] == [slice(0, 18), slice(14, 34), slice(30, 40)]


@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("contiguous", [True, False])
def test_spreading_in_blocks_is_spreading(n_targets, dtype, contiguous):
    maps = torch.randn(2, n_targets, 33, generator=torch.Generator().manual_seed(0))
    out = torch.full((2, n_targets, 130), 7.0, dtype=dtype)
    if not contiguous:
        out = torch.full((2, 130, n_targets), 7.0, dtype=dtype).transpose(1, 2)
    Spreader(33, 130, 4).spread(maps, out)
    torch.testing.assert_close(out, (maps @ spreading(33, 130, 4)).to(dtype))


# ---------------------------------------------------------------------- beside captum


def test_integrated_gradients_of_spectra_add_up(classifier, kinds):
    """From the mean spectrum to each one, through binning, derivatives and normalization."""
    module = classifier.to_module().double()
    X = torch.from_numpy(kinds[0][::6])
    baseline = torch.from_numpy(classifier.mean_spectrum_)[None]
    target = torch.arange(len(X)) % 3
    maps = IntegratedGradients(module).attribute(X, baseline, target=target, n_steps=100)
    assert maps.shape == X.shape
    with torch.no_grad():
        differences = (module(X) - module(baseline)).gather(1, target[:, None])[:, 0]
    scale = differences.abs().max()
    torch.testing.assert_close(maps.sum(dim=1), differences, rtol=0, atol=1e-3 * scale)


class _Features(torch.nn.Module):
    """The features as a layer, for captum to hook."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network.forward_features(x)


class _Split(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.features = _Features(network)

    def forward(self, x):
        return self.network.forward_head(self.features(x))


@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize("target", [0, 2])
def test_map_equals_captum(shortcut, target):
    network = randomise(ResNet1D(203, 3, shortcut=shortcut))
    x = torch.randn(6, 3, 203, generator=torch.Generator().manual_seed(1))
    split = _Split(network)
    reference = LayerGradientXActivation(split, split.features).attribute(x, target=target)
    with torch.no_grad():
        ours = one_d_grad_cam(network.forward_features(x), network.head_weight)[:, target]
    scale = reference.sum(dim=1).abs().max()
    torch.testing.assert_close(ours / scale, reference.sum(dim=1) / scale, rtol=0, atol=1e-6)


class _From(torch.nn.Module):
    """The rest of the network behind a layer, with the layer's feature maps for captum to hook."""

    def __init__(self, module, layer):
        super().__init__()
        self.maps = torch.nn.Identity()
        self.module, self.layer = module, layer

    def forward(self, x):
        return self.module.forward_from(
            self.maps(self.module.forward_to(x, self.layer)), self.layer
        )


@pytest.mark.parametrize("layer", ["stem", "block1", "block2", "features"])
@pytest.mark.parametrize("target", ["oil", "wax"])
def test_methods_equal_captum_at_every_layer(classifier, kinds, layer, target):
    X = kinds[0][:8]
    net = classifier.nets_[0].module_
    x = torch.from_numpy(classifier._view_scaler.transform(views(X)))
    split = _From(net, layer)
    column = classifier.classes_.tolist().index(target)
    gradient_x_activation = LayerGradientXActivation(split, split.maps).attribute(x, target=column)
    averaged = LayerGradCam(split, split.maps).attribute(x, target=column)
    references = {
        "1d-grad-cam": gradient_x_activation.sum(dim=1),
        "grad-cam-signed": averaged[:, 0],
        "grad-cam": averaged[:, 0].relu(),
    }
    for method, reference in references.items():
        expected = (reference.detach() @ spreading(25, 100, STRIDE)).numpy()
        ours = classifier.explain(X, target=target, method=method, layer=layer)
        np.testing.assert_allclose(ours.maps, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
        assert (ours.method, ours.layer) == (method, layer)
        np.testing.assert_allclose(
            ours.maps.sum(axis=1) + ours.base_values + ours.residuals, ours.outputs, atol=1e-6
        )


def test_integrated_gradients_agree_on_the_total(regressor, mixtures):
    """Two explanations of one difference: from another principle, the same sum."""
    X = mixtures[0][:4]
    module = regressor.nets_[0].module_
    x, mean = (
        torch.from_numpy(regressor._view_scaler.transform(views(each)))
        for each in (X, regressor.mean_spectrum_[None])
    )
    total = IntegratedGradients(module).attribute(x, baselines=mean, n_steps=50).sum(dim=(1, 2))
    ours = regressor.explain(X, reference="mean").maps.sum(axis=1)
    np.testing.assert_allclose(ours, total.numpy() * regressor._y_scaler.scale_, rtol=1e-2)


# ---------------------------------------------------------------------- base values and references


def test_base_value_is_the_mean_output_of_the_training_spectra(mixtures, kinds):
    X, amounts = mixtures
    weight = np.arange(1.0, 61.0)
    for shortcut in (True, False):
        model = ResNet1DRegressor(shortcut=shortcut, **FEW).fit(X, amounts, sample_weight=weight)
        expected = np.average(model.predict(X), axis=0, weights=weight)
        np.testing.assert_allclose(model.explain(X[:1]).base_values[0], expected, rtol=1e-4)
    X, y = kinds
    model = ResNet1DClassifier(**FEW).fit(X, y)
    explanation = model.explain(X, target="all")
    np.testing.assert_allclose(explanation.base_values[0], explanation.outputs.mean(0), atol=1e-4)
    assert np.abs(explanation.maps.mean(axis=0)).max() < 1e-5 * np.abs(explanation.maps).max()


def test_partial_fit_keeps_the_feature_means_of_the_first_call(mixtures):
    X, amounts = mixtures
    model = ResNet1DRegressor(random_state=0).partial_fit(X, amounts[:, 0])
    centre = model.nets_[0].module_.feature_mean.clone()
    assert centre.abs().max() > 0
    model.partial_fit(X[:1], amounts[:1, 0])
    assert torch.equal(model.nets_[0].module_.feature_mean, centre)


@pytest.mark.parametrize("reference", ["mean", "spectrum"])
def test_maps_against_a_reference_add_up_to_the_difference(regressor, mixtures, reference):
    X = mixtures[0]
    spectrum = regressor.mean_spectrum_ if reference == "mean" else X[7]
    explanation = regressor.explain(X, reference="mean" if reference == "mean" else spectrum)
    outputs = regressor.predict(X) - regressor.predict(spectrum[None])
    np.testing.assert_allclose(explanation.base_values, regressor.predict(spectrum[None])[0])
    np.testing.assert_allclose(explanation.maps.sum(axis=1), outputs, atol=1e-4)
    if reference != "mean":
        assert np.abs(explanation.maps[7]).max() < 1e-6


def test_reference_and_plain_maps_differ_by_one_map(regressor, mixtures):
    X = mixtures[0]
    difference = regressor.explain(X).maps - regressor.explain(X, reference=X[3]).maps
    np.testing.assert_allclose(difference - difference[0], 0, atol=1e-5)


def test_mean_spectrum_is_weighted(mixtures):
    X, amounts = mixtures
    weight = np.arange(60.0)
    model = ResNet1DRegressor(**FEW).fit(X, amounts, sample_weight=weight)
    np.testing.assert_allclose(model.mean_spectrum_, weight @ X / weight.sum())


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_a_warm_start_compares_with_the_spectra_of_the_last_fit(
    mixtures, kinds, name, early_stopping, request
):
    fitted, X = request.getfixturevalue(name), {"classifier": kinds, "regressor": mixtures}[name][0]
    y = kinds[1] if name == "classifier" else X[:, 40]
    first, last = slice(None, None, 2), slice(None, None, 3)  # every third: 20 others, shifted
    how = {"warm_start": True, "early_stopping": early_stopping, "validation_fraction": 0.3}
    model = clone(fitted).set_params(**how).fit(X[first], y[first])
    weight = np.linspace(1, 2, 20)
    model.fit(X[last] + 0.5, y[last], sample_weight=weight)
    if not early_stopping:  # else nobody outside knows which spectra were set aside
        expected = weight @ (X[last] + 0.5) / weight.sum()
        np.testing.assert_allclose(model.mean_spectrum_, expected, rtol=1e-12)
        outputs = model.explain(X[last] + 0.5, target="all").outputs
        base = model.explain(X, target="all").base_values
        np.testing.assert_allclose(base[0], weight @ outputs / weight.sum(), rtol=1e-4, atol=1e-5)
    assert np.abs(model.mean_spectrum_ - X.mean(axis=0) - 0.5).mean() < 0.2
    at_mean = model.explain(model.mean_spectrum_[None], target="all").outputs[0]
    maps = model.explain(X, target="all", reference="mean")
    np.testing.assert_allclose(maps.base_values[0], at_mean, rtol=1e-4, atol=1e-5)
    of_fit = model.mean_spectrum_
    model.partial_fit(X[:9] * 2, y[:9])
    np.testing.assert_array_equal(model.mean_spectrum_, of_fit)


def test_mean_of_centred_spectra_is_zero(mixtures):
    """Its rounding, 1e-16, is no spectrum: a normalized derivative would make it one."""
    X, amounts = mixtures
    centred = X - X.mean(axis=0)
    model = ResNet1DRegressor(**FEW).fit(centred, amounts[:, 0])
    assert not model.mean_spectrum_.any()
    base = model.explain(centred, reference="mean").base_values
    np.testing.assert_allclose(base, model.predict(np.zeros((1, 100)))[0])


# ---------------------------------------------------------------------- average pooling


def test_with_average_pooling_cam_equals_1d_grad_cam_and_grad_cam(kinds):
    X, y = kinds
    model = ResNet1DClassifier(**{**FEW, "max_epochs": 30}, **POOLED).fit(X, y)
    maps = {method: model.explain(X, method=method) for method in METHODS}
    np.testing.assert_allclose(maps["cam"].residuals, 0, atol=1e-5)
    scale = np.abs(maps["cam"].maps).max()
    for method in ("1d-grad-cam", "grad-cam-signed"):
        np.testing.assert_allclose(maps[method].maps, maps["cam"].maps, atol=1e-5 * scale)
    weight = model.nets_[0].module_.head.weight.detach()  # (n_classes, K): no position
    assert weight.shape == (3, model.nets_[0].module_.width)


def test_cam_needs_average_pooling(classifier, kinds):
    with pytest.raises(ValueError, match=r"shortcut=False and net_params=\{'module__pooling'"):
        classifier.explain(kinds[0], method="cam")
    pooled = clone(classifier).set_params(**POOLED).fit(*kinds)
    with pytest.raises(ValueError, match="CAM needs a head that averages"):
        pooled.explain(kinds[0], method="cam", layer="stem")
    with pytest.raises(ValueError, match="Pass shortcut=False"):
        clone(classifier).set_params(net_params=POOLED["net_params"]).fit(*kinds)


# ---------------------------------------------------------------------- arguments and state


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "gradcam"}, "expected one of .*1d-grad-cam"),
        ({"layer": "head"}, "expected one of .*stem"),
        ({"reference": "median"}, "expected None, 'mean' or a spectrum"),
        ({"reference": np.ones(5)}, r"shape \(5,\); expected one spectrum of 100"),
        ({"reference": np.full(100, np.nan)}, "reference contains NaN"),
    ],
)
def test_bad_arguments_are_refused(regressor, mixtures, arguments, message):
    with pytest.raises(ValueError, match=message):
        regressor.explain(mixtures[0], **arguments)


def test_explaining_leaves_the_model_as_it_was(regressor, mixtures):
    module = regressor.nets_[0].module_
    before = {name: value.clone() for name, value in module.state_dict().items()}
    training = module.training
    regressor.explain(mixtures[0], layer="stem")
    assert module.training == training
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
