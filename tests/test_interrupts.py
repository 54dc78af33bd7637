"""Fits that Ctrl-C or a callback interrupts."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor

FEW = {"max_epochs": 2, "random_state": 0}


@pytest.fixture(autouse=True)
def ctrl_c_raises():
    """Let Ctrl-C raise KeyboardInterrupt: jobs that a shell runs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# What a process of its own runs; it prints "ready" where Ctrl-C should come.
SESSION = """
import hashlib, os, signal, sys, time, warnings
import numpy as np
import torch
torch.set_num_threads(1)
from skorch.callbacks import Callback
from sklearn_spectral import ResNet1DRegressor
from sklearn_spectral._estimators import base as _base
from sklearn_spectral._network import fitted as _fitted
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
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
    for place, name in ((_base, "calibrate"), (_fitted, "train")):
        original = getattr(place, name)
        def waits(*args, **kwargs):
            original(*args, **kwargs)
            wait()
        setattr(place, name, waits)
        assert ends(lambda: model.set_params(warm_start=name == "train").fit(X, y))
        setattr(place, name, original)
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
    """Run all of it in one process, since starting takes long; send Ctrl-C after each "ready"."""
    if sys.platform == "win32":
        pytest.skip("Windows sends Ctrl-C to a console, not to a process")
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
def test_interrupts_in_a_process_of_its_own(session, name):
    assert f"passed {name}\n" in session, "".join(session)


def test_a_callback_that_stops_is_no_interruption(mixtures):
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    model = ResNet1DRegressor(**FEW, callbacks=[Stop()]).fit(*mixtures)  # warnings are errors
    assert len(model.nets_[0].history) == 1


@pytest.mark.parametrize("new", [ResNet1DClassifier, ResNet1DRegressor])
def test_warnings_of_fit_point_to_the_line_that_called_it(new):
    class CtrlC(Callback):
        def on_epoch_end(self, net, **kwargs):
            signal.raise_signal(signal.SIGINT)

    X, y = np.random.RandomState(0).normal(size=(40, 30)), np.arange(40) % 2
    with pytest.warns(ConvergenceWarning, match="interrupted") as caught:
        new(**FEW, callbacks=[CtrlC()]).fit(X, y)
    assert caught[0].filename == __file__
