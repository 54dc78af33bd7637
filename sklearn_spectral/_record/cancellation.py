"""The cancellation of maps, and the warning if it is too strong to interpret them."""

import threading
import warnings
from contextlib import contextmanager
from functools import wraps

import numpy as np

# Above it, a tenth of the contributions is as large as their sum, so that an error of 10 % in one
# band is as large as the output.
LIMIT = 10.0
# So many spectra, evenly spaced, are looked at for the warning, at least.
SPECTRA = 100

_inside = threading.local()


def cancellation(maps):
    """Return the sum of sizes of maps (n_samples, n_points, ...) over the size of their sum."""
    sizes = np.abs(maps).sum(axis=1, dtype=np.float64)
    sums = np.abs(maps.sum(axis=1, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sizes > 0, sizes / sums, 1.0)


def median_cancellation(maps):
    """Return the cancellation of the median map; 1 without any."""
    return np.median(cancellation(maps)) if len(maps) else 1.0


@contextmanager
def without_warning():
    """Leave the warning to an outer call; yield whether this call is the outermost one."""
    outermost = not getattr(_inside, "call", False)
    _inside.call = True
    try:
        yield outermost
    finally:
        _inside.call = not outermost


def warns_of_cancellation(explain):
    """Let a function that returns an Explanation warn where its maps cancel."""

    @wraps(explain)
    def warning(*args, **params):
        with without_warning() as outermost:
            explanation = explain(*args, **params)
        # About a hundred spectra are enough, because there may be a million.
        maps = explanation.maps[:: max(1, len(explanation) // SPECTRA)]
        middle = median_cancellation(maps)
        if outermost and middle > LIMIT:
            warnings.warn(
                "The contributions cancel: in the median map the sum of their absolute values is "
                f"{middle:.3g} times the absolute value of their sum. Such a map adds up to the "
                "output, but must not be interpreted band by band. Preprocess the spectra (SNV, "
                "derivatives), sum over wide bands, or use the default method, which removes the "
                "contributions that cancel in the training spectra.",
                UserWarning,
                stacklevel=2,
            )
        return explanation

    return warning
