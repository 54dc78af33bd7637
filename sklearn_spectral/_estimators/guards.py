"""Restore the estimator if a fit fails, and give the warnings of a fit."""

import warnings
from contextlib import contextmanager

from sklearn.exceptions import ConvergenceWarning

from .. import _network

# By how much of the spread of y the network may differ from the calibration it is started from:
# ordinary ones differ by a millionth.
MAX_DEVIATION = 1e-3


@contextmanager
def restored_on_error(estimator):
    """Put the attributes of an estimator, and its nets, back where a fit fails."""
    before = vars(estimator).copy()
    states = [(net, _network.net.state_of(net)) for net in before.get("nets_", [])]
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        for net, state in states:
            _network.net.restore(net, state)
        raise


def warn_of_training(messages, stacklevel):
    """Give the warnings that training returned, at the line `stacklevel` frames up from here."""
    for message in messages:
        warnings.warn(message, stacklevel=stacklevel)


def warning_of_rounding(deviation):
    """Return the warning of a start that is not the calibration it came from."""
    return ConvergenceWarning(
        f"In the network's float32 numbers the closed-form start differs from its calibration by "
        f"{deviation:.2g} of the spread of y, so training starts from the mean of y instead. This "
        "happens if points of X, or the differences between its spectra, are only rounding "
        "errors. Cut or bin such points."
    )
