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

# Bands whose contributions do not rise with y say nothing: their lines are left out below this R2.
LEAST_R2 = 0.1
MARKERS = "osD^vP"  # of as many bands as can be told apart


class LinearityDisplay(Display):
    """How straight contributions rise with the reference values: slopes, and bands against y.

    Parameters
    ----------
    explanation : Explanation
        Of one output of a regressor, by ``method="1d-grad-cam"`` (:meth:`Explanation.linearity`).
    y : array-like of shape (n_samples,) or None, default=None
        Reference values; None takes those that the explanation has.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes
        The two panels, or two of each group, after :meth:`plot`.
    figure_ : matplotlib Figure

    See Also
    --------
    Explanation.linearity : The figures as a table.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import LinearityDisplay, ResNet1DRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> y = X[:, 20:25].sum(axis=1)
    >>> model = ResNet1DRegressor(max_epochs=5, random_state=0).fit(X, y)
    >>> display = LinearityDisplay(model.explain(X), y).plot({"marker": range(20, 25)})
    >>> len(display.ax_)
    2
    >>> series = ["first"] * 15 + ["second"] * 15
    >>> len(LinearityDisplay(model.explain(X), y).plot(4, by=series).ax_)
    4
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
        """Draw the slope of every point with its error, and the contribution of bands against y.

        Where values of y repeat, as levels of a series do, means and standard deviations of the
        spectra of a level are drawn.

        Parameters
        ----------
        bands : dict, str or int, default="peaks"
            As for :meth:`Explanation.contributions`; of those with an R2 of at least 0.1 (in a
            group) the six with the steepest lines are drawn.
        by : array-like of shape (n_samples,) or None, default=None
            Groups of the spectra, such as adulterants, as for :meth:`Explanation.linearity`: each
            has two panels of its own, of the same bands and on the same scales.
        ax : sequence of matplotlib Axes or None, default=None
            Two, or with `by` two for each group; None makes a figure.
        technique, x_label, output_label
            As for :meth:`ExplanationDisplay.plot`.

        Returns
        -------
        self : LinearityDisplay

        Raises
        ------
        ValueError
            The explanation is of several outputs, `y` or `by` do not fit it, `y` is not known, or
            does not vary (in a group), or `ax` are not as many as the panels.
        """
        explanation = self.explanation
        if explanation.maps.ndim == 3:
            raise ValueError("Draw one output at a time: explain(..., target=its number or name).")
        check_technique(technique)
        groups = groups_of(explanation, by)
        points, table = (linearity(explanation, self.y, each, by) for each in (None, bands))
        lines = table[["slope", "slope_error", "r2"]].to_numpy()
        lines = lines.reshape(len(groups), -1, 3)[:, :-1]  # all but the whole map
        drawn = np.flatnonzero(lines[..., 2].max(axis=0) >= LEAST_R2)
        steep = np.argsort(-np.abs(lines[:, drawn, 0]).max(axis=0), kind="stable")
        drawn = drawn[steep[: len(MARKERS)]]
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
            of_group = points.iloc[place * n_rows :][: n_rows - 1]
            _draw_slopes(top, explanation.x_axis, of_group)
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
