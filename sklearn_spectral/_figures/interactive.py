"""The interactive view of an explanation; plotly is imported inside."""

from base64 import b64encode
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import numpy as np

from .._record.arrays import OVER_TARGETS
from .._record.per_target import per_target
from .._record.tables import bands_of, groups_of, parts_of
from .._spectra.bands import Bands
from .._spectra.names import name_and_unit
from .._work import optional
from .axes import (
    GREY,
    NEGATIVE,
    POSITIVE,
    axis_style,
    check_technique,
    chosen_groups,
    intensities,
    rows_to_draw,
    says,
    titles,
)
from .html import explanation_html

# A longer menu cannot be used.
MAX_SPECTRA = 50
# Spectra and maps in the page: 4 bytes each, a third more as text, so about 5 MB, as much as
# plotly itself.
MAX_NUMBERS = 1_000_000
# Notebooks do not say whether they are dark: grey is read on both, on no background.
CLEAR, SHADE = "rgba(0, 0, 0, 0)", "rgba(123, 123, 123, 0.2)"
# Menus and the label under the pointer lie over the curves: a background and text of their own.
PANEL, INK = "#f2f2f2", "#222222"


def interactive_figure(
    explanation,
    samples=None,
    bands=None,
    *,
    by=None,
    technique=None,
    x_label=None,
    output_label=None,
    intensity_label=None,
    preprocessed=False,
):
    """Return a plotly figure of `Explanation.plot_interactive`."""
    check_technique(technique)
    html = explanation_html(explanation)
    spectra, default_label = intensities(explanation, preprocessed)
    explanation = replace(explanation, spectra=spectra, measured=None)
    go = optional("plotly.graph_objects", "interactive", "Interactive views")
    x = explanation.x_axis
    shaded = Bands([], [], x) if bands is None else bands_of(explanation, bands)
    groups = None
    if by is not None:
        explanation, groups = _means(explanation, rows_to_draw(explanation, samples), by)
        samples = None
    samples, n_left = _shown(explanation, samples)
    shown = explanation[samples]
    names = groups[: len(samples)] if groups else [_text(name) for name in titles(shown, samples)]
    states = [_state(shown, row, output_label) for row in range(len(samples))]

    limit = float(np.abs(shown.maps).max(initial=0)) or 1.0
    figure = go.Figure([go.Scatter(each) for each in _traces(x, states[0], shaded, limit)])
    for low, high in shaded.ends:
        # On paper, because add_vrect would shade the upper panel alone.
        figure.add_shape(
            x0=low, x1=high, yref="paper", y0=0, y1=1, fillcolor=SHADE, line_width=0, layer="below"
        )
    figure.update_layout(
        updatemenus=_menus(names, states, shown),
        **_layout(explanation, technique, x_label, output_label),
        yaxis_title_text=_text(intensity_label or default_label).replace("\n", "<br>"),
    )
    if n_left:
        figure.update_layout(
            title_text=f"The first {len(samples)} of {len(explanation)} "
            f"{'spectra' if groups is None else 'groups'}; choose others with samples="
        )
    figure._ipython_display_ = partial(_display, figure, html)
    return figure


def _display(figure, html):
    """Show a figure in a notebook, and leave a table where no script runs, as in exported ones."""
    bundle = figure._repr_mimebundle_()
    if not bundle:  # plotly was told to show figures elsewhere
        return type(figure)._ipython_display_(figure)
    show = optional("IPython.display", "interactive", "Notebooks").display
    return show({"text/html": html, **bundle}, raw=True)


def _means(explanation, rows, by):
    """Return the mean explanation of every group, of every target that is its own, and names."""
    chosen, by = explanation[rows], chosen_groups(explanation, by, rows)
    shared = chosen.maps.ndim == 3
    parts = [(group["group"], part[:, 0]) for _, group, part in parts_of(chosen, by)]
    if shared:
        parts = [(group["group"], part) for group, part in groups_of(chosen, by)]
    arrays: Any = {
        name: np.stack([getattr(chosen, name)[part].mean(axis=0) for _, part in parts])
        for name in (*OVER_TARGETS, "spectra")
    }
    if not shared:
        arrays["targets"] = chosen.targets[[part.argmax() for _, part in parts]]
    unknown = {"sample_names": None, "y": None, "classes": None, "class_outputs": None}
    return replace(chosen, **arrays, **unknown, members=()), [
        _text(f"{group}, mean of {part.sum()}") for group, part in parts
    ]


def _traces(x, state, shaded, limit):
    """Yield what is drawn: a spectrum, then its map of every target, of which one is shown."""
    yield {
        "x": x,
        "y": state["y"][0],
        "customdata": _band_of_points(shaded),
        "line": {"color": GREY, "width": 1.5, "simplify": False},
        "hovertemplate": "intensity %{y:.4g}%{customdata}<extra></extra>",
        "showlegend": False,
    }
    two_colours = [[0, NEGATIVE], [0.5, NEGATIVE], [0.5, POSITIVE], [1, POSITIVE]]
    filled = {"type": "vertical", "start": -limit, "stop": limit, "colorscale": two_colours}
    for column in range(1, len(state["y"])):
        yield {
            "x": x,
            **{name: values[column] for name, values in state.items()},
            "yaxis": "y2",
            "visible": column == 1,
            "line": {"color": GREY, "width": 0.7, "simplify": False},
            "fill": "tozeroy",
            "fillgradient": filled,
            "hovertemplate": "contribution %{y:+.3g} %{meta}<extra></extra>",
        }


def _shown(explanation, samples):
    """Return the rows of the view, and how many had to be left out."""
    rows = rows_to_draw(explanation, samples)
    n_points, n_targets = per_target(explanation).maps.shape[1:]
    room = min(MAX_SPECTRA, MAX_NUMBERS // (n_points * (n_targets + 1)))
    if room == 0:
        raise ValueError(
            f"{n_targets} targets of {n_points} points are too many for one page. Explain fewer "
            "targets: explain(..., target=)."
        )
    if samples is None:
        return rows[:room], len(rows[room:])
    if len(rows) > room:
        raise ValueError(
            f"samples selects {len(rows)} spectra, but the view can contain {room} spectra of "
            f"{n_points} points and {n_targets} target(s). Select fewer."
        )
    return rows, 0


def _state(shown, row, output_label):
    """Return what the traces draw and say for a spectrum: it, then its map of every target."""
    output, unit = name_and_unit(output_label or shown.output_name)
    arrays = per_target(shown)
    named = shown.is_class or shown.maps.ndim == 3
    labels = [
        _text(f"{output} of {label}" if named else output) for label in arrays.labels[row].tolist()
    ]
    known = shown.y is not None  # else the menu or the name tells what is predicted
    told = [
        f"{label} = {value:.3g}{_text(' ' + unit if unit else '')} (base value {base:.3g})"
        + (f"; {_text(_beside(shown, row, column, unit))}" if known else "")
        for column, (label, value, base) in enumerate(
            zip(labels, arrays.outputs[row], arrays.base_values[row], strict=True)
        )
    ]
    labels = [_text(f"{unit} to " if unit else "to ") + label for label in labels]
    curves = [shown.spectra[row], *arrays.maps[row].T]
    return {
        "y": [_encoded(curve) for curve in curves],
        "name": ["", *told],
        "meta": ["", *labels],
    }


def _beside(shown, row, column, unit):
    """Return what is true beside what is predicted."""
    text = says(shown, row, column, unit)
    return text if shown.is_class else text.split(", ")[-1]


def _menus(names, states, shown):
    """Return two menus that do not undo each other: one redraws all traces, one shows another."""
    targets = per_target(shown).labels
    n_maps = targets.shape[1]
    of_its_own = shown.is_class and shown.maps.ndim == 2  # such as the predicted class
    spectra = [
        {
            "label": name + (f": {_text(target)}" if of_its_own else ""),
            "method": "restyle",
            "args": [state],
        }
        for name, state, target in zip(names, states, targets[:, 0].tolist(), strict=True)
    ]
    labels = [_text(label) for label in targets[0].tolist()] if n_maps > 1 else []
    visible = np.eye(n_maps, dtype=bool).tolist()
    maps = list(range(1, n_maps + 1))
    chosen = [
        {"label": label, "method": "restyle", "args": [{"visible": row}, maps]}
        for label, row in zip(labels, visible, strict=False)
    ]
    style = {"bgcolor": PANEL, "font": {"color": INK}, "yanchor": "bottom", "y": 1.02}
    return [
        {"buttons": buttons, "x": x, "xanchor": side, **style}
        for buttons, x, side in [(spectra, 0, "left"), (chosen, 1, "right")]
        if len(buttons) > 1
    ]


def _layout(explanation, technique, x_label, output_label):
    """Return axes, legend and colours."""
    label, limits = axis_style(explanation, technique)
    label = _text(x_label or label).replace("$^{-1}$", "<sup>-1</sup>")
    unit = name_and_unit(label)[1]
    axis = {"gridcolor": SHADE, "zerolinecolor": GREY, "linecolor": GREY, "automargin": True}
    output = _text(output_label or explanation.output_name)
    return {
        "template": "none",
        "margin": {"t": 90, "r": 20},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"color": GREY},
        "modebar": {
            "bgcolor": CLEAR,
            "color": GREY,
            "activecolor": POSITIVE,
            # plotly's default, from 7 on; spectra must not be a click from a stranger's server.
            "remove": "sendChartToCloud",
        },
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverlabel": {"bgcolor": PANEL, "font": {"color": INK}},
        "xaxis": {
            **axis,
            "title": {"text": label},
            # The label under the pointer has the unit always, of the axis only the first tick.
            "ticksuffix": f" {unit}" if unit else "",
            "showticksuffix": "first",
            "range": limits.tolist(),
            "anchor": "y2",
            "hoverformat": ".6~g",
            "spikecolor": GREY,
            "spikethickness": 1,
        },
        "yaxis": {**axis, "domain": [0.55, 1]},
        "yaxis2": {
            **axis,
            "title": {"text": f"Contribution of a point<br>to {output}"},
            "domain": [0, 0.42],
        },
        "legend": {"x": 0, "y": 0.43, "yanchor": "bottom", "itemclick": False, "bgcolor": CLEAR},
        "showlegend": True,
    }


def _band_of_points(bands):
    """Return the line of the hover label that names the band, or the bands, of every point."""
    found = [""] * len(bands.x_axis)
    for name, points in zip(bands.names, bands.points, strict=True):
        for point in points:
            found[point] += f"<br>{_text(name)}"
    return found


def _encoded(curve):
    """Return numbers as plotly.js takes them; by itself plotly writes those of menus as text."""
    numbers = np.ascontiguousarray(curve, dtype="<f4")
    return {"dtype": "f4", "bdata": b64encode(numbers.tobytes()).decode("ascii")}


def _text(value):
    """Return a label as plotly shows it, not as its HTML."""
    return escape(str(value), quote=False)
