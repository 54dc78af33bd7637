"""Settings, threads and progress bars of all computations.

The networks are small. PyTorch's threads, which wait for each other several times a layer, gain
little on an idle machine and may take a hundred times as long where another process holds a
core. So every computation is kept on one thread, which also gives the same bits whatever number
of threads is set; work that can be divided, spectra to predict or explain, goes to several
threads chunk by chunk.
"""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from importlib import import_module
from typing import Any, cast

import numpy as np
import sklearn
from threadpoolctl import ThreadpoolController
from tqdm.std import tqdm

from ._lazy import torch

# scikit-learn's checks of arrays set the filters of warnings, which belong to the process, and
# set them back (`warnings.catch_warnings`): of two threads, one would leave those of the other.
warnings_lock = threading.RLock()
_lock = threading.Lock()
_inside = 0  # computations that are going on, in all threads
_before: Any = None  # settings of the process, as the first of them found them
_depth = threading.local()  # of nested computations in this thread: a callback may predict
# Settings of scikit-learn that change its checks and transformers.
SKLEARN = {
    "array_api_dispatch": False,
    "assume_finite": False,
    "enable_metadata_routing": False,
    "skip_parameter_validation": False,
    "transform_output": "default",
}
# Kinds of devices on which torch may be told to compute in half precision.
AUTOCAST = ("cpu", "cuda", "mps", "xpu")


def _set_threads(n_threads):
    # The first look makes a new thread take over the number of the process, which else it would
    # do later, in place of this one.
    torch.get_num_threads()
    torch.set_num_threads(n_threads)


@cache
def _blas():
    return ThreadpoolController().select(user_api="blas")  # looking for it takes milliseconds


def _free_blas():
    """Let this thread set BLAS's threads, also where threadpoolctl (3.8) keeps it to another."""
    for library in _blas().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)


def _limit_blas():
    """Keep BLAS to one thread; return what undoes it, in whatever thread that is called."""
    _free_blas()
    limiter = _blas().limit(limits=1)

    def undo():
        _free_blas()
        limiter.restore_original_limits()
        _free_blas()

    return undo


def _keep_float32():
    """Let torch make numbers of float32 and multiply them as such; return what undoes it."""
    dtype, backends = torch.get_default_dtype(), cast(Any, torch.backends)
    # What torch.set_float32_matmul_precision lets round to half precision before it multiplies:
    # how to set it, what it is set to, and what does not round.
    switches: list[tuple[Callable, str, str]] = []
    if hasattr(backends.mkldnn, "matmul"):  # torch 2.9
        multiplying = backends.mkldnn.matmul, backends.mkldnn.conv, backends.cuda.matmul
        for each in multiplying:
            set_to = partial(setattr, each, "fp32_precision")
            switches.append((set_to, each.fp32_precision, "ieee"))
    else:
        before = torch.get_float32_matmul_precision()
        switches.append((torch.set_float32_matmul_precision, before, "highest"))
    switches = [each for each in switches if each[1] not in ("none", each[2])]
    torch.set_default_dtype(torch.float32)
    for switch, _, exact in switches:
        switch(exact)

    def undo():
        torch.set_default_dtype(dtype)
        for switch, before, _ in switches:
            switch(before)

    return undo


@contextmanager
def own_settings():
    """Put the caller's settings of NumPy, scikit-learn and torch aside, and keep to one thread.

    All computations of this package run in this context, so that results are the same bit for bit
    under all settings. Steps of pipelines and models that are not ours run outside, as the caller
    set them.

    Yields
    ------
    n_threads : int
        See `one_thread`.
    """
    with ExitStack() as stack:
        stack.enter_context(np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
        stack.enter_context(sklearn.config_context(**SKLEARN))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in AUTOCAST:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))  # what has another device names it
        yield stack.enter_context(one_thread())


@contextmanager
def one_thread():
    """Keep torch and BLAS on one thread, torch in float32, and leave the settings as they were.

    They belong to the process, so that computations in several threads must not restore them
    under each other's hands: the last one out does.

    Yields
    ------
    n_threads : int
        How many threads the caller allows, by ``torch.set_num_threads`` or ``OMP_NUM_THREADS``.
    """
    global _inside, _before
    with _lock:
        if _inside == 0:
            _before = torch.get_num_threads(), _limit_blas(), _keep_float32()
        _inside += 1
        n_threads = _before[0]
    _depth.value = getattr(_depth, "value", 0) + 1
    _set_threads(1)
    try:
        yield n_threads
    finally:
        _depth.value -= 1
        with _lock:
            _inside -= 1
            if _depth.value == 0:
                _set_threads(n_threads)  # torch keeps a number for every thread as well
            if _inside == 0:
                _before[1]()
                _before[2]()


def for_each(function, tasks, n_threads):
    """Call `function` with every task, on up to `n_threads` threads; yield as they are done.

    Inside `one_thread` each of these threads computes on its own. The first error is raised.
    """
    n_threads = min(n_threads, len(tasks))
    if n_threads < 2:
        yield from map(function, tasks)
        return
    with ThreadPoolExecutor(n_threads, initializer=_set_threads, initargs=(1,)) as pool:
        yield from pool.map(function, tasks)


# Seconds until a bar appears; shorter work needs no bar.
DELAY = 1.0
# Seconds between lines in a log file, where a bar cannot be drawn over.
LOG_INTERVAL = 15.0


class _Lines:
    """A stream that gets a line for every state of a bar, instead of one drawn over and over."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        text = text.strip("\r\n")
        if text:
            self._stream.write(text + "\n")

    def flush(self):
        self._stream.flush()


class _Log(tqdm):
    """A bar that always shows its last state: tqdm leaves it out where it would be the first."""

    def close(self):
        if not self.disable and self._time() > self.start_t + self.delay:
            self.last_print_t = self._time()
        super().close()


def _bar_of_notebook():
    """Return the class of bars for the notebook that runs here, or None."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if shell is None or "IPKernelApp" not in shell.config:
        return None
    notebook = import_module("tqdm.notebook")  # here, as it looks for ipywidgets
    return tqdm if notebook.IProgress is None else notebook.tqdm


def progress(iterable, description, *, total=None, verbose):
    """Return `iterable`, with a progress bar on the standard error stream if `verbose`.

    Parameters
    ----------
    iterable : iterable
    description : str
        The name of the work, in a word or two.
    total : int or None, default=None
        How many items there are, where `iterable` does not know.
    verbose : int or bool
    """
    how = {"desc": description, "total": total, "disable": not verbose, "delay": DELAY}
    bar = tqdm if not verbose or sys.stderr.isatty() else _bar_of_notebook()
    if bar:
        return bar(iterable, **how)
    # miniters: only the clock decides when there is a line
    return _Log(iterable, **how, file=_Lines(sys.stderr), mininterval=LOG_INTERVAL, miniters=1)


def optional(name: str, extra: str, what: str) -> Any:
    """Import a module that comes with an extra, or say how to install it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(
            f'{what} need {name.partition(".")[0]}: pip install "sklearn-spectral[{extra}]".'
        ) from error
