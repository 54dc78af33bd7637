"""Progress bars: in a terminal, a notebook and a log file, and none unless asked for."""

import sys

from tqdm.auto import tqdm

# Seconds until a bar appears: what is done by then needs none.
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


def progress(iterable, description, *, total=None, verbose):
    """Return `iterable`, with a progress bar on the standard error stream if `verbose`.

    Parameters
    ----------
    iterable : iterable
    description : str
        What is going on, in a word or two.
    total : int or None, default=None
        How many items there are, where `iterable` does not know.
    verbose : int or bool
    """
    how = {"desc": description, "total": total, "disable": not verbose, "delay": DELAY}
    in_notebook = tqdm.__module__ == "tqdm.notebook"
    if in_notebook or sys.stderr.isatty():
        return tqdm(iterable, **how)
    # miniters: only the clock decides when there is a line
    return tqdm(iterable, **how, file=_Lines(sys.stderr), mininterval=LOG_INTERVAL, miniters=1)
