"""Devices: `device="auto"`, and the same results on a GPU."""

import copy
import pickle

import numpy as np
import pytest
import torch

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral._network.net import resolve_device

FEW = {"max_epochs": 2, "random_state": 0}


def test_auto_is_a_gpu_where_there_is_one(monkeypatch):
    for available, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert resolve_device("auto") == device
    assert resolve_device("cuda:1") == "cuda:1"


def test_auto_fits(mixtures):
    model = ResNet1DRegressor(device="auto", **FEW).fit(mixtures[0], mixtures[1][:, 0])
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert model.nets_[0].device == expected


def test_a_module_of_a_network_on_mps_is_on_the_cpu_which_has_float64(regressor, mixtures):
    model = copy.deepcopy(regressor)
    model.nets_[0].device = "mps"  # to where nothing can be moved here
    X = torch.tensor(mixtures[0][:3])
    outputs = model.to_module()(X).detach()[:, 0]
    np.testing.assert_allclose(outputs, regressor.predict(mixtures[0][:3]), rtol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same(kinds):
    X, y = kinds
    on_cpu = ResNet1DClassifier(**FEW).fit(X, y)
    on_gpu = ResNet1DClassifier(device="cuda", **FEW).fit(X, y)
    moved = pickle.loads(pickle.dumps(on_gpu))
    for model in (on_gpu, moved):
        np.testing.assert_allclose(
            model.predict_proba(X), on_cpu.predict_proba(X), rtol=1e-4, atol=1e-4
        )
        maps = model.explain(X, target="all").maps
        np.testing.assert_allclose(maps, on_cpu.explain(X, target="all").maps, atol=1e-4)
