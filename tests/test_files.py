"""Models as files: what is saved is what is loaded."""

import copy
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors
import torch
from sklearn.exceptions import NotFittedError
from skorch.callbacks import EpochScoring
from torch.utils.data import DataLoader

from helpers import SMALL, assert_same, blends, signed, two_kinds
from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor

DATA = Path(__file__).parent / "data"
FEW = {"max_epochs": 2, "random_state": 0}


@pytest.mark.parametrize(
    "labels",
    [
        ["oil", "fat"],
        [3, 1],
        [True, False],
        [5.0, -2.0],
        np.array(["Öl 🛢", "fat"], dtype=object),
        np.array([2, 1], dtype=np.int8),
    ],
    ids=str,
)
def test_classifier_of_any_labels(tmp_path, labels):
    X, amounts = blends()
    y = np.asarray(labels)[(amounts > 1).astype(int)]
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    loaded = ResNet1DClassifier.load(tmp_path / "model.safetensors")
    assert_same(loaded, model, X)
    assert [type(c) for c in loaded.classes_.tolist()] == [type(c) for c in model.classes_.tolist()]


@pytest.mark.parametrize(
    ("estimator", "n_points", "n_outputs"),
    [
        (ResNet1DRegressor(**FEW), 40, 1),
        (ResNet1DRegressor(**SMALL), 24, 2),
        (ResNet1DRegressor(**SMALL), 1500, 1),  # averaged over two points
        (ResNet1DRegressor(**SMALL, early_stopping=True, lr=np.float32(0.01)), 24, 1),
        (ResNet1DRegressor(max_epochs=np.int64(0), batch_size=7), 2, 1),
        (
            ResNet1DRegressor(
                **FEW,
                shortcut=False,
                net_params={"module__pooling": True, "optimizer__betas": (0.8, 0.99)},
            ),
            24,
            2,
        ),
        (ResNet1DRegressor(**FEW, net_params={"optimizer__amsgrad": True}), 24, 1),
    ],
)
def test_regressor(tmp_path, estimator, n_points, n_outputs):
    X, y = blends(n_points, n_outputs)
    model = estimator.fit(X, y)
    model.save(tmp_path / "model")
    assert_same(ResNet1DRegressor.load(tmp_path / "model"), model, X)


@pytest.mark.parametrize(
    "columns", [[str(w) for w in range(800, 1040, 10)], np.arange(800.0, 1040.0, 10.0)]
)
def test_names_and_axis(tmp_path, columns):
    X, amounts = blends(n_outputs=2)
    X = pd.DataFrame(X, columns=columns)
    model = ResNet1DRegressor(**SMALL).fit(X, pd.DataFrame(amounts, columns=["fat", 3]))
    model.save(tmp_path / "model")
    loaded = ResNet1DRegressor.load(tmp_path / "model")
    assert_same(loaded, model, X)
    assert loaded.explain(X, target="fat").x_axis[-1] == 1030
    np.testing.assert_equal(
        getattr(loaded, "feature_names_in_", None), getattr(model, "feature_names_in_", None)
    )


def test_training_goes_on_as_it_would_have(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL, warm_start=True, class_weight={"oil": 2, "fat": 1.5})
    model.fit(X, y).save(tmp_path / "model")
    loaded = ResNet1DClassifier.load(tmp_path / "model")
    losses = model.nets_[0].history[:, "train_loss"]
    assert loaded.nets_[0].history[:, "train_loss"] == losses
    for each in (loaded, model):
        each.partial_fit(X, y)
    assert_same(loaded, model, X)
    loaded.save(tmp_path / "again")
    loaded = ResNet1DClassifier.load(tmp_path / "again")
    for each in (loaded, model):
        each.set_params(lr=0.01).fit(X, y)
    assert_same(loaded, model, X)
    assert len(loaded.nets_[0].history) == 5


def test_changed_parameters_do_not_change_the_network(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    model.set_params(shortcut=False, net_params={"module__width": 8})
    model.save(tmp_path / "model")
    assert_same(ResNet1DClassifier.load(tmp_path / "model"), model, X)


def test_several_networks(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    model.nets_ += ResNet1DClassifier(**{**SMALL, "random_state": 1}).fit(X, y).nets_
    model.save(tmp_path / "model")
    loaded = ResNet1DClassifier.load(tmp_path / "model")
    assert_same(loaded, model, X)
    assert len(loaded.nets_) == 2


def test_the_device_is_chosen_when_loading(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    model.set_params(device="cuda").save(tmp_path / "model")
    loaded = ResNet1DClassifier.load(tmp_path / "model")
    assert (loaded.device, loaded.nets_[0].device) == ("cpu", "cpu")
    assert_same(loaded, model.set_params(device="cpu"), X)
    assert ResNet1DClassifier.load(tmp_path / "model", device="auto").device == "auto"


def test_saving_leaves_all_as_it_was(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    np.random.seed(0)
    torch.manual_seed(0)
    model.save(tmp_path / "model")
    ResNet1DClassifier.load(tmp_path / "model")
    assert np.random.randint(2**31) == np.random.RandomState(0).randint(2**31)
    assert torch.rand(1) == torch.rand(1, generator=torch.Generator().manual_seed(0))
    first = (tmp_path / "model").read_bytes()
    model.save(tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == first
    assert os.listdir(tmp_path) == ["model"]


def test_a_file_is_safetensors_and_json(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL, device="cpu").fit(X, y)
    model.save(str(tmp_path / "model"))
    with safetensors.safe_open(tmp_path / "model", "np") as file:
        about = json.loads(file.metadata()["model"])
        mean = next(name for name in file.keys() if name.endswith(" mean_spectrum_"))  # noqa: SIM118
        np.testing.assert_array_equal(file.get_tensor(mean), model.mean_spectrum_)
    assert about["format"] == 1
    assert about["versions"]["torch"] == torch.__version__
    data = (tmp_path / "model").read_bytes()
    assert data == signed(data)


def test_a_link_stays_a_link(tmp_path):
    X, y = two_kinds()
    (tmp_path / "real").write_text("old", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    ResNet1DClassifier(**SMALL).fit(X, y).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    ResNet1DClassifier.load(tmp_path / "real")


def test_what_cannot_be_saved(tmp_path):
    X, y = two_kinds()
    path = tmp_path / "model"
    with pytest.raises(NotFittedError):
        ResNet1DClassifier().save(path)
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    for params, message in [
        ({"callbacks": [EpochScoring("r2")]}, r"parameter callbacks\[0\] is .*EpochScoring"),
        ({"callbacks": [("print_log", None)]}, "callbacks are code"),
        ({"net_params": {"optimizer": torch.optim.SGD}}, r"net_params\['optimizer'\] is .*SGD"),
        ({"net_params": {"compile": True}}, r"net_params\['compile'\] is none of those"),
        (
            {"net_params": {"module__width": 4, "lr": 1}},
            r"net_params\['lr'\] .* Set the parameter lr",
        ),
        ({"random_state": np.random.RandomState(0)}, "random_state .*set it to one of these or to"),
        ({"lr": -1}, "lr=-1; expected a positive number"),
    ]:
        with pytest.raises(ValueError, match=message):
            copy.deepcopy(model).set_params(**params).save(path)
    for name, choice in [("optimizer", torch.optim.LBFGS), ("iterator_train", DataLoader)]:
        other = ResNet1DClassifier(max_epochs=1, net_params={name: choice}).fit(X, y)
        with pytest.raises(ValueError, match=rf"net_params\['{name}'\] is .*{choice.__name__}"):
            other.save(path)
    model.note = lambda: None
    with pytest.raises(ValueError, match="note is .* of type function"):
        model.save(path)
    del model.note
    model.predict = "instead of the method"
    with pytest.raises(ValueError, match="cannot be saved: 'predict' is no attribute that a file"):
        model.save(path)
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------------- files of the first release


# Written by 0.1.0, by `ResNet1DClassifier(**SMALL).fit(*two_kinds())` and
# `ResNet1DRegressor(**SMALL).fit(*blends(n_outputs=2))`, and never to be written anew: every
# later version has to load them.
FIRST = {
    "labels": ["oil", "oil", "oil"],
    "logits": [0.00629, 6.00223, 6.03014],
    "amounts": [1.0266, 1.84734, 1.90995],
    "applicability": [[0.00048, 0.60407], [0.42392, 0.3846], [0.65898, 0.58142]],
}


def test_files_of_the_first_release():
    X, _ = blends()
    classifier = ResNet1DClassifier.load(DATA / "classifier-v1.safetensors")
    regressor = ResNet1DRegressor.load(DATA / "regressor-v1.safetensors")
    assert classifier.predict(X[:3]).tolist() == FIRST["labels"]
    logits = classifier.decision_function(X[:3])
    np.testing.assert_allclose(logits, FIRST["logits"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(regressor.predict(X[:3]), FIRST["amounts"], rtol=0, atol=1e-5)
    assert classifier.explain(X).residuals.max() < 1e-5
    scores = regressor.applicability(X[:3])[["hotelling_t2", "q_residual"]]
    np.testing.assert_allclose(scores, FIRST["applicability"], atol=1e-4)
    classifier.partial_fit(*two_kinds())
