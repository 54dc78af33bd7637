"""Text of an explanation for the console, and a small table with a curve for notebooks."""

from html import escape

import numpy as np

from .._record.arrays import ExplanationArrays
from .._record.cancellation import LIMIT, median_cancellation
from .._record.per_target import per_target
from .._record.samples import labels_of_samples
from .._spectra.bands import mean_absolute_map, resolve_bands

# Printing computes from at most this many maps, which takes milliseconds, however many there are.
PRINTED_MAPS = 1000
# Maps are complete when no residual is above this share of the largest output.
COMPLETENESS_TOLERANCE = 1e-3
# What fits on a screen without scrolling; `to_frame` and `contributions` have all of it.
N_SPECTRA, N_TARGETS, N_BANDS = 5, 3, 3
# Longer labels are cut: the page must stay small whatever the names of classes are.
LABEL_LENGTH = 60
# The curve is drawn about 600 pixels wide: two pixels a point.
N_CURVE_POINTS = 300
CURVE_HEIGHT = 60


def sample_of(explanation: ExplanationArrays) -> ExplanationArrays:
    """Return evenly spaced spectra of an explanation, few enough for printing."""
    n_spectra = max(1, PRINTED_MAPS // max(1, per_target(explanation).maps.shape[2]))
    return explanation[:: max(1, -(-len(explanation) // n_spectra))]


def left_over(explanation) -> float:
    """Return the largest residual, or 0 where it is nothing but rounding."""
    size = np.abs(explanation.outputs - explanation.base_values).max(initial=0)
    largest = np.abs(explanation.residuals).max(initial=0)
    rounding = largest <= COMPLETENESS_TOLERANCE * size  # False for NaN
    return 0.0 if rounding else largest


def explanation_text(explanation) -> str:
    """Return an explanation as one line of text."""
    x_axis = explanation.x_axis
    n_samples, n_points, n_targets = per_target(explanation).maps.shape
    text = (
        f"Explanation of {n_samples} spectra, {n_targets} target(s) each, "
        f"{n_points} points from {x_axis[0]:g} to {x_axis[-1]:g}"
    )
    if (explanation.method, explanation.layer) != ("corrected-1d-grad-cam", "features"):
        text += f", {explanation.method} at {explanation.layer}"
    sample = sample_of(explanation)
    middle = median_cancellation(sample.maps)
    if middle > LIMIT:
        text += f", contributions cancel {middle:.3g} times over in the median map"
    missing = left_over(sample)
    if missing:
        text += (
            f", incomplete: up to {missing:.3g} of {explanation.output_name} is in no contribution"
        )
    return text


def explanation_html(explanation) -> str:
    """Return an explanation as HTML: no script, no colours of its own, of bounded size and cost."""
    parts = [f"<strong>{escape(explanation_text(explanation))}</strong>"]
    if len(explanation) > 0:
        sample = sample_of(explanation)
        facts = f"{explanation.method} at {explanation.layer}, in the unit of the output"
        facts = f"{_text(facts)} ({_text(explanation.output_name)})"
        if not left_over(sample):  # else the first line names what is missing
            facts += "; complete: contributions and base value add up to the output"
        facts += f"; cancellation {median_cancellation(sample.maps):.3g} in the median map"
        if len(sample) < len(explanation):
            facts += f" ({len(sample)} spectra looked at)"
        parts += [
            facts,
            _table(explanation, sample),
            _curve(sample),
        ]
    return "<div>" + "".join(f"<div>{part}</div>" for part in parts) + "</div>"


def _text(value):
    text = str(value)
    return escape(text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…")


def _table(explanation, sample):
    """Return the first spectra and targets: outputs, base values and strongest bands."""
    shown = explanation[:N_SPECTRA]
    bands = resolve_bands("peaks", sample.x_axis, per_target(sample).maps)
    arrays, names = per_target(shown), labels_of_samples(shown)
    scores = bands.sums(arrays.maps)[:, :N_TARGETS]  # (n_shown, n_targets, n_bands)
    header = ["Spectrum", "Target", "Output", "Base value", "Strongest bands"]
    lines = ["<tr>" + "".join(f"<th>{name}</th>" for name in header) + "</tr>"]
    for row, column in np.ndindex(scores.shape[:2]):
        values = scores[row, column]
        strongest = np.argsort(-np.abs(values), kind="stable")[:N_BANDS]
        cells = [
            _text(names[row]),
            _text(arrays.labels[row, column]),
            f"{arrays.outputs[row, column]:.3g}",
            f"{arrays.base_values[row, column]:.3g}",
            ", ".join(f"{_text(bands.names[band])}: {values[band]:+.3g}" for band in strongest),
        ]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    more = []
    if len(explanation) > len(shown):
        more.append(f"{len(explanation) - len(shown)} more spectra")
    n_targets = arrays.labels.shape[1]
    if n_targets > N_TARGETS:
        more.append(f"{n_targets - N_TARGETS} more targets each")
    not_shown = f"<div>… and {', '.join(more)}</div>" if more else ""
    return f"<table>{''.join(lines)}</table>{not_shown}"


def _curve(sample):
    """Return the mean absolute map as a line in the colour of the text."""
    profile = mean_absolute_map(per_target(sample).maps)
    x_axis = sample.x_axis
    step = -(-len(profile) // N_CURVE_POINTS)
    # The highest of every few points: a narrow band must not fall between two that are drawn.
    starts = np.arange(0, len(profile), step)
    heights = np.maximum.reduceat(profile, starts)
    y = CURVE_HEIGHT * (1 - heights / (heights.max() or 1))
    x = 600 * (x_axis[starts] - x_axis[0]) / ((x_axis[-1] - x_axis[0]) or 1)
    points = " ".join(f"{left:.0f},{top:.1f}" for left, top in zip(x, y, strict=True))
    caption = f"Mean size of the contribution of a point, {x_axis[0]:g} to {x_axis[-1]:g}"
    return (
        f'<svg width="600" height="{CURVE_HEIGHT + 4}" viewBox="-2 -2 604 {CURVE_HEIGHT + 4}" '
        f'role="img" aria-label="{caption}" style="max-width: 100%">'
        f'<polyline points="{points}" fill="none" stroke="currentColor"/></svg>'
        f"<div><small>{caption}</small></div>"
    )
