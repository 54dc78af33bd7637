"""The figure of one prediction, band by band."""

from typing import Any, Self

import numpy as np

from .._record.per_target import per_target
from .._record.tables import bands_of
from .._spectra.bands import BandsLike
from .._spectra.names import name_and_unit
from .axes import (
    GREY,
    NEGATIVE,
    POSITIVE,
    Display,
    figure_size,
    pyplot,
    rows_to_draw,
    says,
    titles,
)

# Bars of bands; the weaker ones are drawn as one.
MAX_BARS = 10


class WaterfallDisplay(Display):
    """The contributions of bands to one prediction, as bars from the base value to the prediction.

    Parameters
    ----------
    explanation : Explanation
        What to draw.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes
        The one panel, after :meth:`plot`.
    figure_ : matplotlib Figure

    See Also
    --------
    Explanation.plot_waterfall : Draws the same figure in one call.
    Explanation.contributions : The same numbers as a table.

    Examples
    --------
    >>> from sklearn_spectral import ResNet1DRegressor, WaterfallDisplay
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
    >>> display = WaterfallDisplay.from_explanation(
    ...     explanation, blends.target, bands={"C=C stretch": (1638, 1672)}
    ... )
    >>> [label.get_text() for label in display.ax_[0].get_yticklabels()]
    ['base value', 'C=C stretch', 'all other points', 'predicted', 'reference']
    """

    def plot(
        self,
        sample: Any = 0,
        bands: BandsLike = "peaks",
        *,
        target: Any = None,
        ax: Any = None,
        output_label: str | None = None,
    ) -> Self:
        """Draw a bar for the base value, every band, all other points, and the prediction.

        Parameters
        ----------
        sample : int or name, default=0
            The spectrum: its row, or its name in `sample_names`.
        bands : dict, str or int, default="peaks"
            Bands in any form that :meth:`Explanation.contributions` takes. Of more than ten bands,
            the weakest are combined into one bar.
        target : label or None, default=None
            The target, if the explanation is of several; None takes the predicted class, or the
            first output of a regressor.
        ax : matplotlib Axes or None, default=None
            None makes a figure.
        output_label : str or None, default=None
            Name and unit of the output, such as "glucose (g/L)".

        Returns
        -------
        self : WaterfallDisplay

        Raises
        ------
        ValueError
            The bands overlap, so that their contributions cannot be added, or a band does not
            exist.
        IndexError
            `sample` does not select one spectrum.
        """
        rows = rows_to_draw(self.explanation, sample)
        if len(rows) != 1:
            raise IndexError(f"sample={sample!r} selects {len(rows)} spectra; expected one.")
        explanation = self.explanation[rows]
        found = bands_of(self.explanation, bands)
        if (np.bincount(np.concatenate(found.points)) > 1).any():
            raise ValueError(
                "The bands overlap, so the points that they share would be added twice. Pass bands "
                "that do not overlap."
            )
        if explanation.maps.ndim == 3:
            target = 0 if target is None and not explanation.is_class else target
            explanation = explanation.pick(target)
        bars = _bars(explanation, found)
        name, unit = name_and_unit(output_label or explanation.output_name)
        if ax is None:
            size = figure_size(1.3 + 0.3 * len(bars))
            ax = pyplot().subplots(figsize=size, layout="constrained")[1]
        _draw(ax, bars)
        label = f"{name} of {explanation.targets[0]}" if explanation.is_class else name
        ax.set_xlabel(f"{label} ({unit})" if unit else label)
        told = says(explanation, 0, 0, unit)
        (title,) = titles(explanation, rows)
        ax.set_title(": ".join(filter(None, (title, told))), loc="left", fontsize="medium")
        self.ax_, self.figure_ = np.array([ax], dtype=object), ax.figure
        return self


def _bars(explanation, bands):
    """Return name, start, end and whether it is a level, not a step, of every bar."""
    arrays = per_target(explanation)
    scores = bands.sums(arrays.maps)[0, 0]
    shown = np.sort(np.argsort(-np.abs(scores), kind="stable")[:MAX_BARS])
    base, output = float(arrays.base_values[0, 0]), float(arrays.outputs[0, 0])
    steps = [(bands.names[band], float(scores[band])) for band in shown]
    if len(shown) < len(scores):
        steps.append(("other bands", float(scores.sum() - scores[shown].sum())))
    if len(np.unique(np.concatenate(bands.points))) < len(bands.x_axis):
        steps.append(("all other points", float(arrays.maps[0, :, 0].sum() - scores.sum())))
    missing = float(explanation.residuals.ravel()[0])
    if abs(missing) > 1e-3 * np.abs(arrays.maps).sum():
        steps.append(("on no point", missing))
    bars, level = [("base value", 0.0, base, True)], base
    for name, step in steps:
        bars.append((name, level, level + step, False))
        level += step
    bars.append(("predicted", 0.0, output, True))
    if explanation.y is not None and not explanation.is_class:
        bars.append(("reference", 0.0, float(explanation.y.ravel()[0]), True))
    return bars


def _draw(axis, bars):
    ink = pyplot().rcParams["text.color"]
    largest = max(abs(each) for _, *ends, _ in bars for each in ends)
    digits = max(0, 2 - int(np.floor(np.log10(largest or 1.0))))  # of all alike, to be added up
    for row, (_, start, end, level) in enumerate(bars):
        colour = GREY if level else POSITIVE if end > start else NEGATIVE
        axis.barh(row, end - start, left=start, color=colour, height=0.66)
        text = f"{end:.{digits}f}" if level else f"{end - start:+.{digits}f}"
        # Outside of the bar, on the side where it ends.
        right = end >= start
        axis.annotate(
            text.replace("-", "\N{MINUS SIGN}"),
            (end, row),
            xytext=(3 if right else -3, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
            fontsize="small",
        )
        if row + 1 < len(bars) and not bars[row + 1][3]:
            axis.plot([end, end], [row - 0.33, row + 1.33], color=ink, linewidth=0.6)
    axis.axvline(0, color=ink, linewidth=0.6)
    axis.set_yticks(range(len(bars)), [name for name, *_ in bars])
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.spines[["top", "right"]].set_visible(False)
