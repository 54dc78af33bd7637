"""Progress bars, and the levels of `verbose`."""

import io
import sys
import time
from types import SimpleNamespace

import pytest

from sklearn_spectral import ResNet1DRegressor, _work, cross_explain

FEW = {"max_epochs": 2, "random_state": 0}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "log file"])
def test_progress_is_shown_where_it_is_asked_for(mixtures, monkeypatch, stream):
    X, y = mixtures[0], mixtures[1][:, 0]
    monkeypatch.setattr(_work, "DELAY", 0.0)
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


def test_a_log_has_the_last_state_however_short_the_work(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(_work, "DELAY", 0.05)
    monkeypatch.setattr(sys, "stderr", stream)
    for seconds in (0.0, 0.1):  # less than DELAY, and more
        for _ in _work.progress(range(2), "waiting", verbose=1):
            time.sleep(seconds)
    assert stream.getvalue().startswith("waiting: 100%") and stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("widgets", [False, True])
def test_a_notebook_shows_a_bar_with_and_without_ipywidgets(monkeypatch, widgets):
    stream, drawn = io.StringIO(), []
    monkeypatch.setattr(_work, "DELAY", 0.0)
    monkeypatch.setattr(sys, "stderr", stream)
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    notebook = SimpleNamespace(
        IProgress=object if widgets else None, tqdm=lambda each, **how: drawn.append(how) or each
    )
    monkeypatch.setitem(sys.modules, "tqdm.notebook", notebook)
    assert list(_work.progress(range(2), "waiting", verbose=1)) == [0, 1]
    assert bool(drawn) == widgets
    # Without widgets it is the bar of terminals, which a kernel draws over as these do.
    assert ("\rwaiting: 100%" in stream.getvalue()) != widgets


def test_nothing_is_shown_by_default(mixtures, monkeypatch, capsys):
    monkeypatch.setattr(_work, "DELAY", 0.0)
    model = ResNet1DRegressor(**FEW).fit(mixtures[0], mixtures[1][:, 0])
    model.predict(mixtures[0])
    assert capsys.readouterr() == ("", "")


def test_a_second_level_of_verbose_is_skorchs_table(mixtures, capsys):
    ResNet1DRegressor(**FEW, verbose=2).fit(mixtures[0], mixtures[1][:, 0])
    assert "train_loss" in capsys.readouterr().out
