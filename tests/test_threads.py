"""How cores are shared, and what is said about it meanwhile."""

import io
import sys
import threading

import numpy as np
import pytest
import torch
from chemotools.scatter import StandardNormalVariate
from joblib import parallel_config
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from sklearn_spectral import (
    ResNet1DClassifier,
    ResNet1DRegressor,
    _estimators,
    _progress,
    cross_explain,
    explain,
)
from sklearn_spectral._threads import for_each, one_thread
from sklearn_spectral._training import resolve_device

FEW = {"max_epochs": 2, "random_state": 0}


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def _threads():
    blas = {each["filepath"]: each["num_threads"] for each in threadpool_info()}
    return torch.get_num_threads(), blas


def test_threads_are_limited_inside_and_as_before_outside(two_threads):
    before = _threads()
    with one_thread() as allowed:
        assert allowed == 2
        with one_thread() as allowed_within:
            assert allowed_within == 2
        assert torch.get_num_threads() == 1
        assert all(
            each["num_threads"] == 1 for each in threadpool_info() if each["user_api"] == "blas"
        )
    assert _threads() == before


def test_the_last_one_out_restores_the_threads(two_threads):
    """One thread leaves while another is still inside, and neither finds one thread afterwards."""
    before, seen = _threads(), {}
    inside, may_leave = threading.Event(), threading.Event()

    def stay():
        with one_thread():
            inside.set()
            may_leave.wait(10)
            seen["inside"] = torch.get_num_threads()
        seen["after"] = torch.get_num_threads()

    thread = threading.Thread(target=stay)
    with one_thread():
        thread.start()
        inside.wait(10)
    assert torch.get_num_threads() == 2
    may_leave.set()
    thread.join()
    assert seen == {"inside": 1, "after": 2} and _threads() == before


def test_threads_are_restored_after_an_error(two_threads):
    before = _threads()
    with pytest.raises(ValueError, match="y holds 1 class"):
        ResNet1DClassifier().fit(np.eye(5), np.ones(5))
    assert _threads() == before


def test_for_each_uses_threads_of_one_thread_and_keeps_the_order(two_threads):
    meet = threading.Barrier(2, timeout=10)

    def task(i):
        if i < 2:
            meet.wait()  # passes only if two run at once
        return i, torch.get_num_threads()

    with one_thread() as n_threads:
        assert list(for_each(task, range(5), n_threads)) == [(i, 1) for i in range(5)]


def test_the_first_error_of_many_tasks_is_raised(two_threads):
    def task(i):
        raise KeyError(i)

    with pytest.raises(KeyError, match="0"):
        list(for_each(task, range(5), 2))


def test_the_same_bits_on_one_and_two_threads(mixtures, monkeypatch, two_threads):
    X, y = mixtures[0], mixtures[1][:, 0]
    monkeypatch.setattr(_estimators, "CHUNK_POINTS", 700)  # seven spectra a chunk
    before = _threads()
    model = ResNet1DRegressor(**FEW).fit(X, y)
    predicted, maps = model.predict(X), model.explain(X).maps
    assert _threads() == before
    torch.set_num_threads(1)
    alone = ResNet1DRegressor(**FEW).fit(X, y)
    np.testing.assert_array_equal(alone.predict(X), predicted)
    np.testing.assert_array_equal(alone.explain(X).maps, maps)


def test_searches_on_threads_are_those_on_one(mixtures, two_threads):
    X, y = mixtures[0], mixtures[1][:, 0]
    search = GridSearchCV(ResNet1DRegressor(**FEW), {"lr": [1e-3, 3e-3]}, cv=2)
    alone = search.fit(X, y).cv_results_["mean_test_score"]
    before = _threads()
    with parallel_config("threading", n_jobs=2):
        np.testing.assert_array_equal(search.fit(X, y).cv_results_["mean_test_score"], alone)
    assert _threads() == before


@pytest.mark.parametrize("target", [None, "oil", "all"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_maps_go_to_a_memmap(kinds, tmp_path, target, dtype):
    X, y = kinds
    model = make_pipeline(StandardNormalVariate(), ResNet1DClassifier(**FEW)).fit(X, y)
    expected = explain(model, X, target=target).maps
    out = np.memmap(tmp_path / "maps", dtype, "w+", shape=expected.shape)
    explanation = explain(model, X, target=target, out=out)
    assert explanation.maps is out
    np.testing.assert_array_equal(out, expected)


def test_maps_behind_a_transformed_target_go_to_an_array(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    model = TransformedTargetRegressor(ResNet1DRegressor(**FEW), transformer=StandardScaler())
    expected = explain(model.fit(X, y), X).maps
    out = np.zeros(X.shape)
    assert explain(model, X, out=out).maps is out
    np.testing.assert_array_equal(out, expected)
    with pytest.raises(ValueError, match=r"out has shape \(1, 100\); expected \(60, 100\)"):
        explain(model, X, out=np.zeros((1, 100)))


def test_a_memmap_of_spectra_is_not_copied(mixtures, tmp_path):
    X = np.memmap(tmp_path / "X", np.float32, "w+", shape=mixtures[0].shape)
    X[:] = mixtures[0]
    model = ResNet1DRegressor(**FEW).fit(X, mixtures[1][:, 0])
    assert np.shares_memory(model.explain(X).spectra, X)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((60, 99)), ValueError, r"shape \(60, 99\).* \(60, 100\)"),
        (np.zeros((60, 100), int), TypeError, "ndarray of int64; expected"),
        ([0.0], TypeError, "out is a list of no dtype"),
        (np.broadcast_to(0.0, (60, 100)), ValueError, "read-only"),
    ],
)
def test_arrays_that_cannot_take_the_maps(mixtures, out, error, message):
    model = ResNet1DRegressor(**FEW).fit(mixtures[0], mixtures[1][:, 0])
    with pytest.raises(error, match=message):
        model.explain(mixtures[0], out=out)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "log file"])
def test_progress_is_shown_where_it_is_asked_for(mixtures, monkeypatch, stream):
    X, y = mixtures[0], mixtures[1][:, 0]
    monkeypatch.setattr(_progress, "DELAY", 0.0)
    monkeypatch.setattr(sys, "stderr", stream)
    model = ResNet1DRegressor(verbose=1, **FEW).fit(X, y)
    model.predict(X)
    model.explain(X)
    cross_explain(ResNet1DRegressor(**FEW), X, y, cv=2, verbose=1)
    text = stream.getvalue()
    for what in ("calibrating", "training", "predicting", "explaining", "fitting"):
        assert what in text
    assert "loss" in text and "2/2" in text
    if stream.isatty():
        assert "\r" in text
    else:  # every state is a line of its own
        assert "\r" not in text and "\n\n" not in text and text.endswith("\n")


def test_nothing_is_shown_by_default(mixtures, monkeypatch, capsys):
    monkeypatch.setattr(_progress, "DELAY", 0.0)
    model = ResNet1DRegressor(**FEW).fit(mixtures[0], mixtures[1][:, 0])
    model.predict(mixtures[0])
    assert capsys.readouterr() == ("", "")


def test_a_second_level_of_verbose_is_skorchs_table(mixtures, capsys):
    ResNet1DRegressor(**FEW, verbose=2).fit(mixtures[0], mixtures[1][:, 0])
    assert "train_loss" in capsys.readouterr().out


def test_auto_is_a_gpu_where_there_is_one(monkeypatch):
    for available, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert resolve_device("auto") == device
    assert resolve_device("cuda:1") == "cuda:1"


def test_auto_fits(mixtures):
    model = ResNet1DRegressor(device="auto", **FEW).fit(mixtures[0], mixtures[1][:, 0])
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert model.nets_[0].device == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same(kinds):
    import pickle

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
