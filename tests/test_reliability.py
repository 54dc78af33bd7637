"""Fits that are interrupted, that diverge, and that go on at once."""

import os
import signal
import subprocess
import sys
import threading
import traceback
import warnings

import numpy as np
import pytest
import torch
from ikpls.numpy import PLS
from joblib import parallel_config
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from skorch.callbacks import Callback
from torch.optim.lr_scheduler import OneCycleLR

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor
from sklearn_spectral._pls import _kernel_pls
from sklearn_spectral._threads import checking
from sklearn_spectral._training import one_cycle_rate

FEW = {"max_epochs": 2, "random_state": 0}


@pytest.fixture(autouse=True)
def hears_ctrl_c():
    """A shell lets the jobs that it runs in the background ignore Ctrl-C: these tests, perhaps."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# What a process of its own does; it says "ready" where the signal should come.
SESSION = """
import hashlib, os, signal, sys, time, warnings
import numpy as np
import torch
torch.set_num_threads(1)
from skorch.callbacks import Callback
from sklearn_spectral import ResNet1DRegressor, _estimators
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs are born deaf to it
rng = np.random.RandomState(0)
X = rng.normal(size=(40, 30)).cumsum(axis=1)
y = X[:, 10] + rng.normal(size=40)

def wait(word="ready"):
    print(word, flush=True)
    time.sleep(60)

class At(Callback):
    def __init__(self, batch, then=0):
        self.batch, self.then = batch, then
    def on_batch_end(self, net, training=False, **kwargs):
        self.batch -= training
        if self.batch == 0:
            wait()
    def on_train_end(self, net, **kwargs):
        if self.then:
            wait()

class StopAfter(Callback):
    def __init__(self, epochs):
        self.epochs = epochs
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epochs:
            raise KeyboardInterrupt

def new(**params):
    return ResNet1DRegressor(**({"max_epochs": 5, "random_state": 0} | params))

def interrupted(batch, epochs, **params):
    before = signal.getsignal(signal.SIGINT)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = new(callbacks=[At(batch)], **params).fit(X, y)
    (warning,) = caught
    assert warning.category.__name__ == "ConvergenceWarning"
    assert warning.filename == "<string>"
    assert f"interrupted after {epochs} of 5 epochs" in str(warning.message), warning.message
    assert signal.getsignal(signal.SIGINT) is before
    whole = model.explain(X)
    total = whole.maps.sum(axis=1) + whole.base_values
    np.testing.assert_allclose(total, model.predict(X), rtol=1e-4)
    net = model.nets_[0]
    assert [len(row["batches"]) > 1 for row in net.history] == [True] * epochs
    assert [group["lr"] for group in net.optimizer_.param_groups] == [model.lr] * 2
    return model.predict(X)

def ends(fit):
    try:
        fit()
    except KeyboardInterrupt:
        return True

def ctrl_c_leaves_the_model_of_the_whole_epochs():
    np.testing.assert_array_equal(interrupted(1, 0), new(max_epochs=0).fit(X, y).predict(X))
    # A callback that stops after as many whole epochs leaves the same, and no warning.
    stopped = new(callbacks=[StopAfter(2)]).fit(X, y).predict(X)
    np.testing.assert_array_equal(interrupted(5, 2), stopped)

def ctrl_c_while_early_stopping_leaves_the_best_epoch():
    params = {"early_stopping": True, "lr": 0.02, "n_iter_no_change": 100}
    full = new(callbacks=[StopAfter(3)], **params).fit(X, y)
    losses = full.nets_[0].history[:, "valid_loss"]
    assert np.argmin(losses) < 2, losses  # or else the best would be the last
    np.testing.assert_array_equal(interrupted(8, 3, **params), full.predict(X))

def ctrl_c_outside_training_leaves_the_model_of_before():
    model = new(max_epochs=1, warm_start=True).fit(X, y)
    before = model.predict(X)
    for name in ("calibrate", "train"):
        original = getattr(_estimators, name)
        def waits(*args, **kwargs):
            original(*args, **kwargs)
            wait()
        setattr(_estimators, name, waits)
        assert ends(lambda: model.set_params(warm_start=name == "train").fit(X, y))
        setattr(_estimators, name, original)
        np.testing.assert_array_equal(model.predict(X), before)

def two_quick_ctrl_c_end_the_fit():
    model = new(callbacks=[At(1, then=1)])
    assert ends(lambda: model.fit(X, y)) and not hasattr(model, "nets_")

def a_handler_that_does_not_raise_does_not_stop():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    expected = new().fit(X, y).predict(X)
    class Kill(Callback):
        def on_batch_end(self, net, **kwargs):
            os.kill(os.getpid(), signal.SIGINT)
    np.testing.assert_array_equal(new(callbacks=[Kill()]).fit(X, y).predict(X), expected)
    assert len(seen) == 10
    signal.signal(signal.SIGINT, before)

def bits():
    model = new().fit(X, y)
    return hashlib.sha256(model.predict(X).tobytes() + model.explain(X).maps.tobytes()).hexdigest()

def the_same_bits_in_every_process():
    assert bits() == bits() == sys.argv[1]

for name in TESTS:
    try:
        globals()[name]()
        print("passed", name, flush=True)
    except Exception as error:
        print("failed", name, repr(error), flush=True)
"""
IN_A_PROCESS = [
    "ctrl_c_leaves_the_model_of_the_whole_epochs",
    "ctrl_c_while_early_stopping_leaves_the_best_epoch",
    "ctrl_c_outside_training_leaves_the_model_of_before",
    "two_quick_ctrl_c_end_the_fit",
    "a_handler_that_does_not_raise_does_not_stop",
    "the_same_bits_in_every_process",
]


@pytest.fixture(scope="module")
def session():
    """Run all of it in one process, which takes long to start, and interrupt it where it says."""
    here = {}
    exec(SESSION.replace("TESTS", "[]"), here)
    process = subprocess.Popen(
        [
            *[sys.executable, "-W", "error", "-c"],
            *[SESSION.replace("TESTS", repr(IN_A_PROCESS)), here["bits"]()],
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    lines = []
    with process:
        for line in process.stdout:
            lines.append(line)
            if line == "ready\n":
                process.send_signal(signal.SIGINT)
    assert process.returncode == 0
    return lines


@pytest.mark.parametrize("name", IN_A_PROCESS)
def test_in_a_process(session, name):
    assert f"passed {name}\n" in session, "".join(session)


def test_a_callback_that_stops_is_no_interruption(mixtures):
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    model = ResNet1DRegressor(**FEW, callbacks=[Stop()]).fit(*mixtures)  # warnings are errors
    assert len(model.nets_[0].history) == 1


# --------------------------------------------------------------------------- diverging


@pytest.mark.parametrize("Model", [ResNet1DClassifier, ResNet1DRegressor])
def test_diverging_training_is_done_again_with_smaller_steps(mixtures, Model):
    X, amounts = mixtures
    y = amounts[:, 0] if Model is ResNet1DRegressor else amounts[:, 0] > 5
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch 1 .*with lr=0.\d+ it did not"):
        model = Model(**FEW, lr=10).fit(X, y)
    expected = Model(**FEW, lr=10 / 100).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    assert len(model.nets_[0].history) == 2
    # Another pass starts where these ended, not from what came to nothing.
    model.set_params(lr=0.001).partial_fit(X, y)
    expected.set_params(lr=0.001).partial_fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_training_that_diverges_whatever_the_steps_is_an_error(mixtures):
    with pytest.raises(ValueError, match=r"lr=1e\+09, in epoch 1 .*lr=1e\+07. Lower lr further"):
        ResNet1DRegressor(**FEW, lr=1e9).fit(*mixtures)


def test_a_pass_that_diverges_leaves_the_model_of_before(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    model = ResNet1DRegressor(**FEW).partial_fit(X, y)
    copy = ResNet1DRegressor(**FEW).partial_fit(X, y)
    with pytest.raises(ValueError, match="diverged"):
        model.set_params(lr=1e9).partial_fit(X, y)
    # In all that matters, moments of the optimizer and the next shuffle as well.
    model.set_params(lr=0.001).partial_fit(X, y)
    np.testing.assert_array_equal(model.predict(X), copy.partial_fit(X, y).predict(X))


def test_an_error_in_a_callback_leaves_the_model_of_before(mixtures):
    class Fails(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 3:
                raise RuntimeError("full disk")

    X, y = mixtures[0], mixtures[1][:, 0]
    model = ResNet1DRegressor(**FEW, callbacks=[Fails()], warm_start=True).fit(X, y)
    before = model.predict(X)
    with pytest.raises(RuntimeError, match="full disk"):
        model.fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("n_steps", [2, 7, 40])
def test_one_cycle_is_that_of_torch(n_steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=n_steps, cycle_momentum=False)
    for step in range(n_steps):
        assert one_cycle_rate(step, n_steps) == pytest.approx(schedule.get_last_lr()[0])
        if step < n_steps - 1:
            optimizer.step()
            schedule.step()


@pytest.mark.parametrize("size", [1e30, 1e-30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_units_do_not_matter(mixtures, size, dtype):
    X, y = mixtures[0], mixtures[1][:, 0]
    expected = ResNet1DRegressor(**FEW).fit(X, y).predict(X)
    model = ResNet1DRegressor(**FEW).fit((X * size).astype(dtype), y * size)
    np.testing.assert_allclose(model.predict((X * size).astype(dtype)) / size, expected, atol=0.01)


@pytest.mark.parametrize("level", [1.0, 0.3])
def test_flat_spectra_have_no_slopes(level):
    """Their derivative is rounding: blown up to coefficients of 1e15 it once was a calibration."""
    X = np.full((4, 40), level)
    X[1] = 0
    y = np.array([0.0, 9.9, -2.6, -9.3])
    model = ResNet1DRegressor(max_epochs=0, random_state=0).fit(X, y)
    assert np.abs(model.explain(X).maps).max() < 10
    assert np.ptp(model.predict(X * (1 + 1e-9))) < 10


def test_a_constant_with_weights_is_predicted_without_a_warning():
    X = np.random.RandomState(0).normal(size=(9, 40))
    model = ResNet1DRegressor(max_epochs=0).fit(X, np.ones(9), sample_weight=np.full(9, 1.7e308))
    np.testing.assert_allclose(model.predict(X), 1)


@pytest.mark.parametrize("max_epochs", [0, 20])
@pytest.mark.parametrize("seed", range(2))
def test_noise_claims_nothing(seed, max_epochs):
    """Probabilities of other spectra are worth no less than the frequencies of the classes."""
    rng = np.random.RandomState(seed)
    X, y = rng.normal(size=(300, 200)), rng.permutation(np.arange(300) % 3)
    if seed:
        X = X.cumsum(axis=1)  # smooth, as spectra are
    model = ResNet1DClassifier(max_epochs=max_epochs, random_state=0).fit(X[:150], y[:150])
    assert log_loss(y[150:], model.predict_proba(X[150:])) < np.log(3) + 0.05


def test_training_moves_logits_but_makes_them_no_larger(monkeypatch):
    rng = np.random.RandomState(0)
    y = np.repeat(["a", "b", "c"], 40)
    X = rng.normal(size=(120, 100)) + 0.4 * (np.arange(100) > 60) * (y == "a")[:, None]

    def entropy(model):
        p = model.predict_proba(X)
        return -np.mean(np.sum(p * np.log(p), axis=1))

    start = ResNet1DClassifier(max_epochs=0, random_state=0).fit(X, y)
    model = ResNet1DClassifier(random_state=0).fit(X, y)
    assert entropy(model) == pytest.approx(entropy(start), rel=1e-4)
    monkeypatch.setattr("sklearn_spectral._estimators.temperature", lambda *_: 1.0)
    hot = ResNet1DClassifier(random_state=0).fit(X, y)
    assert entropy(hot) < 0.95 * entropy(start)
    ratio = hot.decision_function(X) / model.decision_function(X)
    np.testing.assert_allclose(ratio, np.median(ratio), rtol=1e-3)
    np.testing.assert_array_equal(hot.predict(X), model.predict(X))
    temperature = np.median(ratio)
    monkeypatch.undo()
    # Training that goes on does so from the logits before their division, and divides anew.
    hot.set_params(warm_start=True, max_epochs=2).fit(X, y).partial_fit(X, y)
    model.set_params(warm_start=True, max_epochs=2).fit(X, y).partial_fit(X, y)
    ratio = hot.decision_function(X) / model.decision_function(X)
    np.testing.assert_allclose(ratio, temperature, rtol=0.01)
    assert clone(model).set_params(shortcut=False).fit(X, y)._temperature == 1  # nothing left out


def test_temperature_is_that_of_the_spectra_that_train(monkeypatch):
    """Of those that early stopping leaves to it, and by their weights."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(60, 40)), np.arange(60) % 2
    seen = []

    def looks(logits, entropy, sample_weight):
        seen.append((len(logits), sorted(set(sample_weight))))
        return 1.0

    monkeypatch.setattr("sklearn_spectral._estimators.temperature", looks)
    model = ResNet1DClassifier(
        **FEW, early_stopping=True, validation_fraction=0.25, class_weight={0: 1, 1: 3}
    )
    model.fit(X, y)
    ((n_spectra, (light, heavy)),) = seen
    assert n_spectra == 45 and heavy == pytest.approx(3 * light)


@pytest.mark.parametrize("new", [ResNet1DClassifier, ResNet1DRegressor])
def test_warnings_of_fit_point_to_the_line_that_called_it(new):
    class CtrlC(Callback):
        def on_epoch_end(self, net, **kwargs):
            signal.raise_signal(signal.SIGINT)

    X, y = np.random.RandomState(0).normal(size=(40, 30)), np.arange(40) % 2
    with pytest.warns(ConvergenceWarning, match="interrupted") as caught:
        new(**FEW, callbacks=[CtrlC()]).fit(X, y)
    assert caught[0].filename == __file__


def test_an_epoch_that_a_callback_cut_short_does_not_stop_the_next(mixtures):
    class Stop(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    model = ResNet1DRegressor(**FEW, callbacks=[Stop()]).fit(*mixtures)
    assert len(model.partial_fit(*mixtures).nets_[0].history) == 3


# ------------------------------------------------------------------------ reproducible


def _bits(X, y):
    model = ResNet1DRegressor(**FEW).fit(X, y)
    return model.predict(X).tobytes() + model.explain(X).maps.tobytes()


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_the_same_bits_whatever_the_backend(kinds, backend):
    X, y = kinds
    model = ResNet1DClassifier(**FEW)
    alone = cross_val_predict(model, X, y, cv=2, method="predict_proba")
    with parallel_config(backend, n_jobs=2):
        parallel = cross_val_predict(model, X, y, cv=2, method="predict_proba")
    np.testing.assert_array_equal(parallel, alone)


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
            if not checking._is_owned():
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


def test_inputs_are_never_changed(kinds):
    X, y = kinds
    X, weight, groups = X.astype(np.float32), np.arange(60.0), np.arange(60) // 2
    kept = [array.copy() for array in (X, y, weight, groups)]
    for array in (X, y, weight, groups):
        array.flags.writeable = False
    model = ResNet1DClassifier(**FEW, early_stopping=True)
    model.fit(X, y, sample_weight=weight, groups=groups).explain(X, target="all", reference="mean")
    for array, copy in zip((X, y, weight, groups), kept, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(("n_outputs", "rank"), [(1, 12), (3, 12), (1, 4), (3, 4)])
def test_pls_is_that_of_ikpls(n_outputs, rank):
    rng = np.random.RandomState(0)
    X, Y = rng.randn(30, rank) @ rng.randn(rank, 50), rng.randn(30, n_outputs)
    weight = rng.uniform(0.5, 2, 30)
    X -= np.average(X, axis=0, weights=weight)
    pls = PLS(scale_X=False, scale_Y=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # beyond the rank
        pls.fit(X, Y, 12, weight)
    np.testing.assert_allclose(_kernel_pls(X, Y, weight, 12), pls.B, atol=1e-10)
