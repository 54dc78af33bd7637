"""Functions that figures share: axes and labels, spectra by name, marked bands."""

import re
import warnings
from dataclasses import replace
from numbers import Number
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._record.arrays import ExplanationArrays
from .._record.samples import chosen_rows
from .._record.tables import bands_of, groups_of
from .._spectra.bands import Bands, mean_absolute_map
from .._work import optional

# How an axis in each unit of `names.UNITS` is called.
LABELS = {
    "cm-1": "Wavenumber (cm$^{-1}$)",
    "nm": "Wavelength (nm)",
    "um": "Wavelength (µm)",
    "m": "Wavelength (m)",
}
# How spectroscopists draw their axis: label, unit, and whether it runs from high to low.
TECHNIQUES = {
    "ftir": (LABELS["cm-1"], "cm-1", True),
    "raman": ("Raman shift (cm$^{-1}$)", "cm-1", False),
    "nir": (LABELS["nm"], "nm", False),
    "uv-vis": (LABELS["nm"], "nm", False),
}
# Its middle is a light grey that still shows on white; blue and red are colour-blind safe.
COLOUR_MAP = "coolwarm"
# Its colours at 0.1 and 0.9: both reach a contrast of 4 to a white page and to a black one. Grey is
# read on both.
NEGATIVE, POSITIVE, GREY = "#5977e3", "#d65244", "#7b7b7b"
# So many of the strongest peaks are marked; more cannot be read.
MARKED_PEAKS = 8


class Shown:
    """Base class of all displays: notebooks show their figure, and do not print them above it."""

    def _repr_html_(self):
        return "" if hasattr(self, "ax_") else None


class Display(Shown):
    """Base class of displays of an explanation.

    Parameters
    ----------
    explanation : Explanation
        What to draw.
    """

    explanation: ExplanationArrays
    ax_: np.ndarray
    plot: Any

    def __init__(self, explanation: ExplanationArrays) -> None:
        self.explanation = explanation

    @classmethod
    def from_explanation(
        cls, explanation: ExplanationArrays, y: ArrayLike | None = None, **plot_params: Any
    ) -> Self:
        """Draw an explanation.

        Parameters
        ----------
        explanation : Explanation
            Spectra, maps and outputs to draw.
        y : array-like or None, default=None
            Reference values or true classes, one for each spectrum (:meth:`Explanation.with_y`).
            None takes those that the explanation contains.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        display : object
            A display of this class, with the figure.
        """
        return cls(explanation if y is None else explanation.with_y(y)).plot(**plot_params)

    def __repr__(self):
        drawn = f"{len(self.ax_)} panels" if hasattr(self, "ax_") else "not drawn yet, call plot()"
        return f"{type(self).__name__}({self.explanation!r}; {drawn})"


def pyplot():
    """Return matplotlib.pyplot, or raise with what to install."""
    return optional("matplotlib.pyplot", "plot", "Plots")


def figure_size(height):
    """Return the size of a new figure: as wide as matplotlib is told, with room for its text.

    The height is that of text of 10 points.
    """
    params = pyplot().rcParams
    return params["figure.figsize"][0], height * params["font.size"] / 10


def given_axes(ax, n_panels):
    """Return the axes that were passed, one for each panel, or raise."""
    axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(axes) != n_panels:
        raise ValueError(
            f"ax has {len(axes)} axes, but {n_panels} panels are drawn. Pass one for each panel."
        )
    return axes


def check_technique(technique):
    """Raise unless a technique is one of `TECHNIQUES`, or None."""
    if technique is not None and technique not in TECHNIQUES:
        raise ValueError(f"technique={technique!r}; expected one of {sorted(TECHNIQUES)}.")


def axis_style(explanation, technique):
    """Return the label of the wavelength axis and its two ends in the direction of the field."""
    x_axis, unit = explanation.x_axis, explanation.axis_unit
    ends = np.sort(x_axis[[0, -1]])
    as_told = LABELS.get(unit, "Wavelength or wavenumber"), unit, x_axis[0] > x_axis[-1]
    label, expected, high_to_low = TECHNIQUES.get(technique, as_told)
    if technique is not None and not (explanation.axis_known and unit in (None, expected)):
        axis = f"is in {unit}" if explanation.axis_known else "is not known and only counts points"
        warnings.warn(
            f"technique={technique!r} is ignored, because the axis {axis}. Pass x_axis in "
            f"{expected} to explain, or name the columns of X by their values in {expected}.",
            UserWarning,
            stacklevel=4,
        )
        label, _, high_to_low = as_told
    if not explanation.axis_known:
        return "Point", ends
    return label, ends[::-1] if high_to_low else ends


def rows_to_draw(explanation, samples):
    """Return the numbers of the spectra to draw, None for all, or raise."""
    samples = slice(None) if samples is None else samples
    rows = chosen_rows(len(explanation), samples, explanation.sample_names)
    if len(rows) == 0:
        raise ValueError(
            "The explanation, or samples, contains no spectrum, so there is nothing to draw."
        )
    return rows


def titles(chosen, rows):
    """Return what the chosen spectra are called, of which `rows` are the numbers among all."""
    names = chosen.sample_names
    if names is None:
        return [f"Spectrum {row}" for row in rows]
    return [f"Sample {name}" if isinstance(name, Number) else str(name) for name in names]


def intensities(explanation, preprocessed):
    """Return the spectra to draw, measured ones where these are known, and what they are."""
    if preprocessed or explanation.measured is None:
        return explanation.spectra, "Intensity seen\nby the model"
    return explanation.measured, "Measured\nintensity"


def chosen_groups(explanation, by, samples):
    """Return the groups of chosen rows, None without any, or raise."""
    groups_of(explanation, by)
    return by if by is None or isinstance(by, str) else np.asarray(by)[samples]


def number(value, sign=""):
    """Return a number as figures show it."""
    text = f"{value:{sign}.3g}" if abs(value) < 1000 else f"{value:{sign}.0f}"
    return text.replace("-", "\N{MINUS SIGN}")


def wrong_predictions(explanation):
    """Return which spectra are predicted as another class than the true one, or None if unknown."""
    y, predicted = explanation.y, explanation.predicted
    return None if y is None or predicted is None else y != predicted


def says(explanation, row, column, unit):
    """Return what is predicted of a spectrum, and the reference or whether that is right."""
    y = explanation.y
    if not explanation.is_class:
        values = {"predicted": explanation.outputs} | ({} if y is None else {"reference": y})
        return ", ".join(
            f"{name} {number(each.reshape(len(explanation), -1)[row, column])} {unit}".rstrip()
            for name, each in values.items()
        )
    if explanation.predicted is None:
        return ""
    predicted, probability = explanation.predicted[row], explanation.probabilities[row].max()
    text = f"predicted {predicted} ({probability:.2f})"
    if y is None:
        return text
    return text + (", right" if y[row] == predicted else f", wrong: {y[row]}")


def marked_bands(explanation, bands):
    """Return bands to mark, and for each where to write its name and how strong it is.

    Of "peaks" the points are single: the peaks themselves.
    """
    if bands is None:
        return Bands([], [], explanation.x_axis), np.empty(0), np.empty(0)
    found, x = bands_of(explanation, bands), explanation.x_axis
    if isinstance(bands, str):  # the axis tells where the bands of a table are
        found = replace(found, names=[re.sub(r" \d+$", "", name) for name in found.names])
    profile = mean_absolute_map(np.atleast_3d(explanation.maps))
    if isinstance(bands, str) and bands == "peaks":
        points = [each[profile[each].argmax()] for each in found.points]
        strongest = sorted(np.argsort(-profile[points], kind="stable")[:MARKED_PEAKS])
        points = [np.array([points[band]]) for band in strongest]
        names = [f"{x[each[0]]:.0f}" if np.ptp(x) > 50 else f"{x[each[0]]:g}" for each in points]
        found = Bands(names, points, x)
    strength = np.array([profile[each].max() for each in found.points])
    return found, found.ends.mean(axis=1), strength


def mark_bands(axes, marked, *, named):
    """Shade bands, or draw lines at peaks; write the names of those that find room on top."""
    bands, centres, strength = marked
    # Of bands that leave nothing between them every second one, else all would be grey.
    step = 2 if sum(map(len, bands.points)) == len(bands.x_axis) else 1
    for low, high in bands.ends[::step] if len(centres) else ():
        for axis in axes:
            if low == high:
                axis.axvline(low, color=GREY, linewidth=0.6, linestyle=":", zorder=0)
            else:
                axis.axvspan(low, high, color=GREY, alpha=0.18, linewidth=0, zorder=0)
    if not named or not len(centres):
        return
    size = pyplot().rcParams["font.size"] * 0.8
    figure = axes[0].figure
    width = axes[0].get_position().width * figure.get_figwidth() * 72  # in points
    room = 1.4 * size / width * np.ptp(axes[0].get_xlim())
    written: list[int] = []
    for band in np.argsort(-strength, kind="stable"):
        if all(abs(centres[band] - centres[other]) >= room for other in written):
            written.append(int(band))
    top = axes[0].secondary_xaxis("top")
    top.set_xticks(centres[written], [bands.names[band] for band in written])
    top.tick_params(length=2, labelsize=size, labelrotation=90, pad=1)
