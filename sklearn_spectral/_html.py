"""How an explanation shows itself in a notebook: a few lines, a small table and a curve."""

from html import escape

import numpy as np

# What fits on a screen without scrolling; `to_frame` and `contributions` have all of it.
N_SPECTRA, N_TARGETS, N_BANDS = 5, 3, 3
# Longer labels are cut: the page must stay small whatever the names of classes are.
LABEL_LENGTH = 60
# The curve is drawn about 600 pixels wide: two pixels a point.
N_CURVE_POINTS = 300
CURVE_HEIGHT = 60


def explanation_html(explanation):
    """Return an explanation as HTML: no script, no colours of its own, of bounded size and cost."""
    parts = [f"<strong>{escape(repr(explanation))}</strong>"]
    if len(explanation) > 0:
        sample = explanation._sample()
        facts = f"{explanation.method} at {explanation.layer}, in the unit of the output"
        facts = f"{_text(facts)} ({_text(explanation.output_name)})"
        if not sample._left_over():  # else the first line has said so
            facts += "; complete: contributions and base value add up to the output"
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
    names, members = sample._bands("peaks")
    scores = shown._scores(members)[:, :N_TARGETS]  # (n_shown, n_targets, n_bands)
    outputs = shown.outputs.reshape(len(shown), -1)
    base_values = shown.base_values.reshape(len(shown), -1)
    header = ["Spectrum", "Target", "Output", "Base value", "Strongest bands"]
    lines = ["<tr>" + "".join(f"<th>{name}</th>" for name in header) + "</tr>"]
    for row, column in np.ndindex(scores.shape[:2]):
        values = scores[row, column]
        strongest = np.argsort(-np.abs(values), kind="stable")[:N_BANDS]
        cells = [
            str(row),
            _text(shown._targets_2d[row, column]),
            f"{outputs[row, column]:.3g}",
            f"{base_values[row, column]:.3g}",
            ", ".join(f"{_text(names[band])}: {values[band]:+.3g}" for band in strongest),
        ]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    more = []
    if len(explanation) > len(shown):
        more.append(f"{len(explanation) - len(shown)} more spectra")
    if outputs.shape[1] > N_TARGETS:
        more.append(f"{outputs.shape[1] - N_TARGETS} more targets each")
    left_out = f"<div>… and {', '.join(more)}</div>" if more else ""
    return f"<table>{''.join(lines)}</table>{left_out}"


def _curve(sample):
    """Return the mean absolute map as a line in the colour of the text."""
    profile = np.abs(sample._maps_3d).mean(axis=(0, 2))
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
