"""The wavelength axis: from the names of columns, through the steps of a model, to the last one."""

from dataclasses import dataclass, replace

import numpy as np

from .checks import as_numbers


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


def check_same_axis(x_axis, trained):
    """Raise where spectra are on another axis than those that were trained on; None is unknown."""
    if x_axis is None or trained is None or len(x_axis) != len(trained):
        return
    # scikit-learn compares names that are strings only.
    if not np.allclose(x_axis, trained):
        raise ValueError(
            f"The columns of X run from {x_axis[0]:g} to {x_axis[-1]:g}, those of the "
            f"training spectra from {trained[0]:g} to {trained[-1]:g}. Bring the "
            "spectra onto one axis, with chemotools' interpolation for instance."
        )


def resolve_axis(model, names, x_axis):
    """Return the axis that a fitted estimator of ours sees, (n_points,).

    It is `x_axis` where that is given; else that of the column names, here or in `fit`; else the
    number of each point.
    """
    if x_axis is not None:
        return check_x_axis(x_axis, model.n_features_in_)
    for candidate in (names, getattr(model, "feature_names_in_", None)):
        axis = axis_from_names(candidate)
        if axis is not None:
            return axis
    return np.arange(model.n_features_in_, dtype=float) if model.x_axis_ is None else model.x_axis_


@dataclass(frozen=True)
class Axis:
    """The wavelength axis on its way through the steps of a model.

    Attributes
    ----------
    names : list or None
        Names of the columns of the spectra, where they are now.
    given : ndarray or None
        The axis of the spectra as the user gave it, before all steps.
    last : ndarray or None
        The axis as the user gave it for the points that the last step sees.
    """

    names: list | None
    given: np.ndarray | None = None
    last: np.ndarray | None = None

    @classmethod
    def of(cls, names, x_axis, n_columns):
        """Begin with what the user gave for spectra of some columns."""
        if x_axis is None:
            return cls(names)
        x_axis = np.atleast_1d(as_numbers(x_axis, "x_axis", "numbers"))
        if len(x_axis) != n_columns:
            return cls(names, last=x_axis)
        given = check_x_axis(x_axis, n_columns)
        return cls(given.tolist(), given=given)

    def after(self, step):
        """Return the axis as it is behind a fitted step."""
        return replace(self, names=names_after(step, self.names))

    def of_last_step(self, model):
        """Return the wavelengths that the last step sees, or None where nothing tells them."""
        if self.last is not None:
            return self.last
        x_axis = axis_from_names(self.names)
        if x_axis is not None or self.given is None:
            return x_axis
        # Some step does not tell what becomes of its columns.
        if len(self.given) != getattr(model, "n_features_in_", len(self.given)):
            raise ValueError(
                f"x_axis has {len(self.given)} values, the columns of X, but the last step sees "
                f"{model.n_features_in_} points, and a step before it has no "
                "get_feature_names_out to tell which. Pass x_axis as the last step sees it."
            )
        return self.given
