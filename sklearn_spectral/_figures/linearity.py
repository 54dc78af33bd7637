"""The figure of a calibration's linearity."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .._record.arrays import ExplanationArrays
from .._record.tables import contributions, groups_of, linearity
from .._spectra.bands import BandsLike
from .axes import (
    GREY,
    Display,
    axis_style,
    check_technique,
    figure_size,
    given_axes,
    mark_bands,
    marked_bands,
    pyplot,
)

# Lines of bands with a lower R2 are not drawn, because their contributions do not depend on y.
LEAST_R2 = 0.1
MARKERS = "osD^vP"  # of as many bands as can be told apart


class LinearityDisplay(Display):
    """Linearity of contributions against the reference values: slopes of points, lines of bands.

    Parameters
    ----------
    explanation : Explanation
        Of one output of a regressor. Use ``method="1d-grad-cam"``, because contributions of
        corrected maps follow the output by construction.
    y : array-like of shape (n_samples,) or None, default=None
        Reference values; None takes those that the explanation contains.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes
        The two panels, or two for each group, after :meth:`plot`.
    figure_ : matplotlib Figure

    See Also
    --------
    Explanation.linearity : The same numbers as a table.
    PredictionDisplay : Predicted against measured values.

    Examples
    --------
    >>> from sklearn_spectral import LinearityDisplay, ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
    >>> display = LinearityDisplay(explanation, blends.target)
    >>> display = display.plot({"C=C stretch": (1638, 1672)}, output_label="sunflower oil (%)")
    >>> display.ax_[1].get_ylabel()
    'Contribution to sunflower oil (%)'
    """

    def __init__(self, explanation: ExplanationArrays, y: ArrayLike | None = None) -> None:
        super().__init__(explanation)
        self.y = explanation.y if y is None else y

    def plot(
        self,
        bands: BandsLike = "peaks",
        *,
        by: ArrayLike | None = None,
        ax: Any = None,
        technique: str | None = None,
        x_label: str | None = None,
        output_label: str | None = None,
    ) -> Self:
        """Draw the slope of every point with its error, and the contributions of bands against y.

        If values of y repeat, as levels of a series do, the means and standard deviations of the
        spectra of each level are drawn.

        Parameters
        ----------
        bands : dict, str or int, default="peaks"
            Bands in any form that :meth:`Explanation.contributions` takes. Of the bands with an R2
            of at least 0.1 (in a group) the six with the steepest lines are drawn.
        by : array-like of shape (n_samples,) or None, default=None
            Groups of the spectra, such as adulterants. Each group has two panels, with the same
            bands and on the same scales.
        ax : sequence of matplotlib Axes or None, default=None
            Two axes, or with `by` two for each group; None makes a figure.
        technique : {"ftir", "raman", "nir", "uv-vis"} or None, default=None
            Labels the wavelength axis and draws it in the usual direction of this technique.
        x_label : str or None, default=None
            Label of the wavelength axis, with its unit.
        output_label : str or None, default=None
            Name and unit of the output, such as "glucose (g/L)".

        Returns
        -------
        self : LinearityDisplay

        Raises
        ------
        ValueError
            The explanation is of several outputs, `y` or `by` do not fit it, `y` is not known or
            does not vary (in a group), or there is not one of `ax` for each panel.
        """
        explanation = self.explanation
        if explanation.maps.ndim == 3:
            raise ValueError(
                "The figure is of one output: explain(..., target=its number or name)."
            )
        check_technique(technique)
        groups = groups_of(explanation, by)
        points, table = (linearity(explanation, self.y, each, by) for each in (None, bands))
        lines = table[["slope", "slope_error", "r2"]].to_numpy()
        lines = lines.reshape(len(groups), -1, 3)[:, :-1]  # all but the whole map
        drawn = _bands_to_draw(lines)
        y = np.asarray(self.y, dtype=float)
        # By name alone, bands may be called alike: by place.
        scores = contributions(explanation, bands)["contribution"].to_numpy().reshape(len(y), -1)
        names = table["band"].to_numpy()[drawn]
        if ax is None:
            size = figure_size(7 * len(groups))
            ax = pyplot().subplots(2 * len(groups), figsize=size, layout="constrained")[1]
        axes = given_axes(ax, 2 * len(groups))
        output = output_label or explanation.output_name
        label, limits = axis_style(explanation, technique)
        marked = marked_bands(explanation, bands)
        n_rows = len(points) // len(groups)  # one more than there are points
        for place, (group, rows) in enumerate(groups):
            top, bottom = axes[2 * place :][:2]
            _draw_slopes(top, explanation.x_axis, points.iloc[place * n_rows :][: n_rows - 1])
            top.set(xlim=limits, xlabel=x_label or label, ylabel="Slope against reference")
            mark_bands([top], marked, named=True)
            for name in group.values():
                top.set_title(f"{name}: {rows.sum()} spectra", loc="left", fontsize="medium")
            _draw_bands(bottom, y[rows], scores[rows][:, drawn], names, lines[place, drawn])
            bottom.set(xlabel=f"Reference, {output}", ylabel=f"Contribution to {output}")
        if len(groups) > 1:
            _on_one_scale(axes)
        self.ax_, self.figure_ = axes, axes[0].figure
        return self


def _bands_to_draw(lines):
    """Return the places of the steepest of the bands whose lines are straight in a group."""
    straight = np.flatnonzero(lines[..., 2].max(axis=0) >= LEAST_R2)
    steep = np.argsort(-np.abs(lines[:, straight, 0]).max(axis=0), kind="stable")
    return straight[steep[: len(MARKERS)]]


def _on_one_scale(axes):
    """Let the upper panels of all groups end alike, and the lower ones."""
    for first, ends in ((0, "ylim"), (1, "xlim"), (1, "ylim")):
        found = [getattr(axis, f"get_{ends}")() for axis in axes[first::2]]
        pyplot().setp(axes[first::2], ends, (np.min(found), np.max(found)))


def _draw_slopes(axis, x, table):
    """Draw the slope of every point, and its standard error."""
    slope, error = table["slope"].to_numpy(), table["slope_error"].to_numpy()
    axis.axhline(0, color=GREY, linewidth=0.6)
    axis.fill_between(x, slope - error, slope + error, color=GREY, alpha=0.4, linewidth=0)
    axis.plot(x, slope, color=pyplot().rcParams["text.color"], linewidth=0.9)


def _draw_bands(axis, y, scores, names, lines):
    """Draw contributions of bands (n_samples, n_bands) against y, with their lines."""
    from matplotlib.transforms import ScaledTranslation

    ends = np.array([y.min(), y.max()])
    repeated = len(np.unique(y)) < len(y)
    for score, name, (slope, error, r2), marker in zip(
        scores.T, names, lines, MARKERS, strict=False
    ):
        digits = max(0, 1 - int(np.floor(np.log10(error)))) if error > 0 else 3
        text = f"{name}: {slope:.{digits}f} ± {error:.{digits}f}, R$^2$ {r2:.2f}"
        style = {
            "fmt": marker,
            "markersize": 0.35 * pyplot().rcParams["font.size"],
            "elinewidth": 0.8,
            "capsize": 2,
            "label": text,
        }
        if repeated:
            levels = pd.Series(score).groupby(y).agg(["mean", "std"]).fillna(0).reset_index()
            drawn = axis.errorbar(*levels.to_numpy().T, **style)
        else:
            drawn = axis.errorbar(y, score, alpha=0.7, **style)
        colour = drawn.lines[0].get_color()
        axis.plot(ends, score.mean() + slope * (ends - y.mean()), color=colour, linewidth=1)
    if len(names):
        # Below the label of the axis, whatever the size of the panel.
        below = ScaledTranslation(
            0, -pyplot().rcParams["font.size"] / 18, axis.figure.dpi_scale_trans
        )
        where = {"loc": "upper left", "bbox_to_anchor": (0, 0), "borderaxespad": 0}
        how = {"frameon": False, "fontsize": "small", "title": "Slope of each band"}
        axis.legend(**where, **how, alignment="left", bbox_transform=axis.transAxes + below)
