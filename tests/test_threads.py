"""Threads: how cores are shared, and that results do not depend on it."""

import signal
import threading
import traceback
import warnings

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV, cross_val_predict
from threadpoolctl import threadpool_info

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral._network import fitted as _fitted
from sklearn_spectral._work import for_each, one_thread, warnings_lock

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


def test_the_last_thread_to_leave_restores_the_number_of_threads(two_threads):
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
    with pytest.raises(ValueError, match="y contains 1 class"):
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


# ---------------------------------------------------------------------- the same results


def test_the_same_bits_on_one_and_two_threads(mixtures, monkeypatch, two_threads):
    X, y = mixtures[0], mixtures[1][:, 0]
    monkeypatch.setattr(_fitted, "CHUNK_POINTS", 700)  # seven spectra a chunk
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
    search = GridSearchCV(ResNet1DRegressor(**FEW), {"lr": [1e-3, 3e-3]}, cv=2, refit=False)
    alone = search.fit(X, y).cv_results_["mean_test_score"]
    before = _threads()
    with parallel_config("threading", n_jobs=2):
        np.testing.assert_array_equal(search.fit(X, y).cv_results_["mean_test_score"], alone)
    assert _threads() == before


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_the_same_bits_whatever_the_backend(kinds, backend):
    X, y = kinds
    model = ResNet1DClassifier(**FEW)
    alone = cross_val_predict(model, X, y, cv=2, method="predict_proba")
    with parallel_config(backend, n_jobs=2):
        parallel = cross_val_predict(model, X, y, cv=2, method="predict_proba")
    np.testing.assert_array_equal(parallel, alone)


def _bits(X, y):
    model = ResNet1DRegressor(**FEW).fit(X, y)
    return model.predict(X).tobytes() + model.explain(X).maps.tobytes()


def _global_state():
    return (
        np.random.get_state()[1].tobytes(),
        torch.get_rng_state().numpy().tobytes(),
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        np.geterr(),
        signal.getsignal(signal.SIGINT),
        id(warnings.filters),
        list(warnings.filters),
    )


def test_two_threads_that_fit_and_predict_disturb_neither_each_other_nor_global_state(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    alone = _bits(X, y)
    model = ResNet1DRegressor(**FEW).fit(X, y)
    predicted = model.predict(X)
    before = _global_state()
    found = []
    threads = [threading.Thread(target=lambda: found.append(_bits(X, y))) for _ in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        np.testing.assert_array_equal(model.predict(X), predicted)
    for thread in threads:
        thread.join()
    assert found == [alone, alone]
    assert _global_state() == before


@pytest.mark.parametrize("groups", [None, np.arange(60) // 2])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_filters_of_warnings_are_set_by_one_thread_at_a_time(
    kinds, mixtures, monkeypatch, early_stopping, groups
):
    elsewhere = set()

    class Watched(warnings.catch_warnings):
        def __enter__(self):
            if not warnings_lock._is_owned():
                elsewhere.add("".join(traceback.format_stack(limit=8)))
            return super().__enter__()

    params = FEW | {"early_stopping": early_stopping}
    y = kinds[1].copy()
    y[:3] = "rare"
    with monkeypatch.context() as patch:
        patch.setattr(warnings, "catch_warnings", Watched)
        model = ResNet1DClassifier(**params, class_weight="balanced")
        model.fit(kinds[0], y, groups=groups).explain(kinds[0])
        model = ResNet1DRegressor(**params).fit(*mixtures, groups=groups)
        model.predict(mixtures[0])
        model.partial_fit(*mixtures)
    assert not elsewhere, "\n".join(elsewhere)
