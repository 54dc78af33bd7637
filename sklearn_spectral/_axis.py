"""The wavelength axis: from the names of columns, through the steps of a model, to the last one."""

import numpy as np

from ._checks import as_numbers


def check_x_axis(x_axis, n_points):
    """Return `x_axis` as floats; raise unless it has `n_points` values in strict order."""
    x_axis = as_numbers(x_axis, "x_axis", "numbers")
    if x_axis.shape != (n_points,):
        raise ValueError(
            f"x_axis has shape {x_axis.shape}, but the spectra have {n_points} points. Pass one "
            "wavelength or wavenumber per point."
        )
    if not np.isfinite(x_axis).all():
        raise ValueError("x_axis holds NaN or infinity. Pass a number for every point.")
    steps = np.diff(x_axis)
    if not ((steps > 0).all() or (steps < 0).all()):
        first = int(np.flatnonzero(steps * np.sign(np.median(steps)) <= 0)[0])
        raise ValueError(
            f"x_axis is not strictly ascending or descending: {x_axis[first]:g} is followed by "
            f"{x_axis[first + 1]:g} at point {first + 1}. Sort it, and the columns of X with it, "
            "and drop duplicates."
        )
    return x_axis


def axis_from_names(names):
    """Return feature names as a wavelength axis, or None where they are not one."""
    if names is None:
        return None
    try:
        return check_x_axis([float(name) for name in names], len(names))
    except (TypeError, ValueError):
        return None


def names_after(step, names):
    """Return the feature names after a fitted step, or None where the step tells none.

    Names that scikit-learn dropped because they are numbers go through as strings.
    """
    names = None if names is None else [str(name) for name in names]
    known = getattr(step, "feature_names_in_", names)
    try:
        after = step.get_feature_names_out(known)
    except (AttributeError, TypeError, ValueError):
        return None
    if names is not None and known is not None:
        # The step names its features as it knew them in fit; what they are called now may say more.
        now = dict(zip(known, names, strict=True))
        after = [now.get(name, name) for name in after]
    if axis_from_names(after) is None and getattr(step, "x_axis_", None) is not None:
        return np.asarray(step.x_axis_).tolist()
    return list(after)
