"""Figures of maps: spectra above their contributions, heat maps, and waterfalls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from textwrap import fill
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._pipelines.explain import explain
from .._record.arrays import ExplanationArrays
from .._record.per_target import per_target
from .._record.tables import parts_of
from .._spectra.bands import BandsLike
from .._spectra.names import name_and_unit
from .axes import (
    COLOUR_MAP,
    GREY,
    NEGATIVE,
    POSITIVE,
    Display,
    axis_style,
    check_technique,
    chosen_groups,
    figure_size,
    given_axes,
    intensities,
    mark_bands,
    marked_bands,
    pyplot,
    rows_to_draw,
    says,
    titles,
    wrong_predictions,
)

# More maps than this cannot be read on a page: means are drawn instead.
MAX_PANELS = 6
# The colour scale of heat maps ends where this share of the contributions lies within it: a few
# points far above all others would leave the rest without colour.
COLOURED_SHARE = 0.995
# Two columns need a figure of so many inches; labels of panels have so many letters a line.
WIDE, LABEL_WIDTH = 5.0, 19


class ExplanationDisplay(Display):
    """Spectra above the signed contributions of their points, on one wavelength axis.

    Parameters
    ----------
    explanation : Explanation
        What to draw.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes
        The panels, after :meth:`plot`: for every spectrum or group the spectrum, then the
        contributions to each target.
    figure_ : matplotlib Figure

    See Also
    --------
    Explanation.plot : Draws the same figure in one call.
    WaterfallDisplay : One prediction, band by band.

    Examples
    --------
    >>> from sklearn_spectral import ExplanationDisplay, ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> display = ExplanationDisplay.from_estimator(
    ...     model,
    ...     blends.data[:2],
    ...     blends.target[:2],
    ...     x_axis=blends.x_axis,
    ...     technique="raman",
    ...     output_label="sunflower oil (%)",
    ... )
    >>> len(display.ax_), display.ax_[-1].get_xlabel()
    (4, 'Raman shift (cm$^{-1}$)')
    """

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        target: Any = None,
        x_axis: ArrayLike | None = None,
        **plot_params: Any,
    ) -> Self:
        """Explain spectra and draw the result.

        Parameters
        ----------
        estimator : fitted estimator
            Any model that :func:`sklearn_spectral.explain` takes.
        X : array-like of shape (n_samples, n_features)
            Spectra as `estimator` takes them.
        y : array-like or None, default=None
            Reference values or true classes, one for each spectrum.
        target : None, label, array-like of shape (n_samples,) or "all", default=None
            The output to explain: of a classifier the predicted class (None), of a regressor all
            outputs (None), or another choice, see :func:`sklearn_spectral.explain`.
        x_axis : array-like of shape (n_features,) or (n_points,), default=None
            Wavelengths or wavenumbers; None takes them from column names or from a step.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        display : ExplanationDisplay
        """
        explanation = explain(estimator, X, target=target, x_axis=x_axis)
        return cls.from_explanation(explanation, y, **plot_params)

    def plot(
        self,
        ax: Any = None,
        *,
        samples: Any = None,
        by: ArrayLike | str | None = None,
        bands: BandsLike | None = "peaks",
        beside: Mapping[str, ExplanationArrays] | None = None,
        technique: str | None = None,
        x_label: str | None = None,
        output_label: str | None = None,
        intensity_label: str | None = None,
        preprocessed: bool = False,
    ) -> Self:
        """Draw spectra above the signed contributions of their points.

        Up to six maps are drawn one by one. If the explanation is the mean of several models
        (`members`), the standard deviation between the models is drawn as well.

        If there are more maps, a classifier's spectra and maps are drawn as means with standard
        deviations for every predicted class (of maps of all classes, those of the predicted class
        are used). For a regressor the mean spectrum is drawn above a heat map of all maps, sorted
        by the predicted value, beside the predicted and the reference values.

        All contributions are on one scale. Contributions above the zero line increase the output,
        those below decrease it.

        Parameters
        ----------
        ax : sequence of matplotlib Axes or None, default=None
            Two axes for each spectrum or group, and one more for each further target. None makes a
            figure.
        samples : int, slice, sequence of int, mask, name, sequence of names or None, default=None
            Spectra to draw: rows, or names of `sample_names`; None draws all.
        by : array-like of shape (n_samples,), "y", "predicted" or None, default=None
            Groups of all spectra, such as series, or the true ("y") or predicted classes. The
            spectra of every target and group are then drawn together, even if they are few.
        bands : dict, str, int or None, default="peaks"
            Bands to mark and to name, in any form that :meth:`Explanation.contributions` takes.
            "peaks" marks the eight highest peaks and names them by their position. If there is no
            room for all names, those of the weaker bands are left out. None marks nothing.
        beside : dict of Explanation or None, default=None
            Further explanations of the same spectra, by name, such as those of other methods or
            models. Each has one target and is drawn in a panel of its own below the contributions,
            on a scale of its own. This is possible for up to six spectra.
        technique : {"ftir", "raman", "nir", "uv-vis"} or None, default=None
            Labels the wavelength axis and draws it in the usual direction of this technique, which
            is from high to low wavenumbers for FTIR. None draws it in the order of the data. If the
            axis is not known or in another unit, `technique` is ignored with a warning.
        x_label : str or None, default=None
            Label of the wavelength axis, with its unit.
        output_label : str or None, default=None
            Name and unit of the output, such as "glucose (g/L)".
        intensity_label : str or None, default=None
            Label of the intensity axis, such as "Absorbance".
        preprocessed : bool, default=False
            Whether to draw the preprocessed spectra that the model receives, even if the measured
            spectra are known (`measured`).

        Returns
        -------
        self : ExplanationDisplay

        Raises
        ------
        ValueError
            `technique` or `bands` are unknown, `by` does not have one value for each spectrum,
            `beside` are of other spectra or of several targets, or there is not one of `ax` for
            each panel.
        IndexError
            `samples` are neither rows of the explanation nor names of samples.
        """
        check_technique(technique)
        rows = rows_to_draw(self.explanation, samples)
        explanation = self.explanation[rows]
        spectra, default_label = intensities(explanation, preprocessed)
        by = chosen_groups(self.explanation, by, rows)
        others = _checked(self.explanation, beside or {}, rows, by)
        blocks = _blocks(explanation, spectra, rows, by, output_label, others)
        marked = marked_bands(explanation, bands)
        longest = max(map(len, marked[0].names), default=0)
        if ax is None:
            ax = _axes_of_blocks(blocks, longest)
        axes = given_axes(ax, sum(1 + len(block.maps) for block in blocks))
        label, limits = axis_style(explanation, technique)
        ends = _ends(blocks, shared=not others)
        n_columns, start = _n_columns(blocks), 0
        for place, block in enumerate(blocks):
            panels = axes[start:][: 1 + len(block.maps)]
            start += len(panels)
            pyplot().setp(panels, xlim=limits)
            block.draw(panels, explanation.x_axis, ends)
            mark_bands(panels[: 1 if block.heat else None], marked, named=place < n_columns)
            panels[0].set_ylabel(intensity_label or default_label)
            panels[0].set_title(block.title, loc="left", fontsize="medium")
            if place >= len(blocks) - n_columns:
                panels[-1].set_xlabel(x_label or label)
        axes[0].figure.align_ylabels(axes)
        self.ax_, self.figure_ = axes, axes[0].figure
        return self


@dataclass
class _Block:
    """Spectra that are drawn together, and their maps.

    Attributes
    ----------
    title : str
    spectra : ndarray of shape (n_samples, n_points)
    maps : list of ndarray of shape (n_samples, n_points)
        One for each target.
    labels : list of str
        Of the axes of contributions.
    heat : bool
        Whether the maps are drawn one under another, in their order, beside these values:
    values : dict of ndarray of shape (n_samples,)
        By name, in this unit:
    unit : str
    """

    title: str
    spectra: np.ndarray
    maps: list[np.ndarray]
    labels: list[str]
    heat: bool = False
    values: dict[str, np.ndarray] = field(default_factory=dict)
    unit: str = ""

    def draw(self, axes, x, ends):
        """Draw into axes, the first of which is for the spectra; the others run to `ends`."""
        top, *others = axes
        _draw_mean(top, x, self.spectra, pyplot().rcParams["text.color"])
        for axis, maps, label, limits in zip(others, self.maps, self.labels, ends, strict=True):
            if self.heat:
                self._draw_heat(axis, x, label)
                continue
            mean = _draw_mean(axis, x, maps, GREY)
            axis.axhline(0, color=pyplot().rcParams["text.color"], linewidth=0.6)
            for colour, part in ((POSITIVE, np.maximum(mean, 0)), (NEGATIVE, np.minimum(mean, 0))):
                axis.fill_between(x, part, color=colour, linewidth=0)
            axis.set(ylim=limits, ylabel=label)
        for axis in axes[:-1]:
            axis.tick_params(labelbottom=False)

    def _draw_heat(self, axis, x, label):
        """Draw all maps, one under another, beside the values that they are sorted by."""
        (maps,) = self.maps
        sizes, ranks = np.abs(maps), np.arange(1, len(maps) + 1)
        limit = np.quantile(sizes, COLOURED_SHARE) or sizes.max() or 1.0
        norm = pyplot().Normalize(-limit, limit)
        # An image also in vector files: a path for every point would be megabytes.
        drawn = axis.pcolormesh(x, ranks, maps, cmap=COLOUR_MAP, norm=norm, rasterized=True)
        axis.set(ylabel="Spectra, by\npredicted value", yticks=[])
        beside = axis.inset_axes([1.02, 0, 0.13, 1], sharey=axis)
        ink = pyplot().rcParams["text.color"]
        for values, style in zip(self.values.values(), ("-", "."), strict=False):
            beside.plot(values, ranks, style, color=ink, markersize=3, linewidth=1.2)
        beside.tick_params(labelleft=False, left=False)
        told = [
            f"{name} ({style})" for name, style in zip(self.values, ("line", "dots"), strict=False)
        ]
        beside.set_xlabel("\n".join([*told, self.unit]), loc="left", fontsize="small")
        scale = axis.inset_axes([1.19, 0, 0.025, 1])
        bar = axis.figure.colorbar(drawn, cax=scale, label=label, extendfrac=0.03)
        bar.solids.set(rasterized=False, edgecolor="face")  # paths in vector files, too


def _draw_mean(axis, x, curves, colour):
    """Draw one curve, or the mean of several and their standard deviation; return it."""
    mean = curves.mean(axis=0)
    if len(curves) > 1:
        spread = curves.std(axis=0, ddof=1)
        axis.fill_between(x, mean - spread, mean + spread, color=GREY, alpha=0.35, linewidth=0)
    axis.plot(x, mean, color=colour, linewidth=0.9)
    return mean


def _checked(explanation, beside, rows, by):
    """Return the chosen spectra of other explanations, or raise where they are of other spectra."""
    if beside and (by is not None or per_target(explanation[rows]).labels.size > MAX_PANELS):
        raise ValueError(
            f"beside is possible for up to {MAX_PANELS} maps, and without by. Pass fewer samples."
        )
    for name, each in beside.items():
        if each.maps.ndim == 3 or each.maps.shape != explanation.maps.shape[:2]:
            raise ValueError(
                f"beside[{name!r}] has maps of shape {each.maps.shape}; expected "
                f"{explanation.maps.shape[:2]}, of one target for each of the same spectra."
            )
    return {name: each[rows] for name, each in beside.items()}


def _curves(explanation, row, column=0):
    """Return the map of a spectrum, (1, n_points); of several models theirs, around their mean."""
    curve = per_target(explanation).maps[row, :, column]
    if len(explanation.members) < 2:
        return curve[None]
    members = np.stack([per_target(each).maps[row, :, column] for each in explanation.members])
    return members - members.mean(axis=0) + curve  # a mean may have weights


def _blocks(explanation, spectra, rows, by, output_label, others):
    """Return what is drawn together: single spectra, or groups of them where there are more."""
    arrays = per_target(explanation)
    name, unit = name_and_unit(output_label or explanation.output_name)
    output = output_label or explanation.output_name
    if by is None and arrays.labels.size <= MAX_PANELS:
        blocks = []
        for row, title in enumerate(titles(explanation, rows)):
            labels = [_label(explanation, output, each) for each in arrays.labels[row]]
            if len(labels) == 1 or explanation.is_class:
                title = ": ".join(filter(None, (title, says(explanation, row, 0, unit))))
            maps = [_curves(explanation, row, column) for column in range(len(labels))]
            maps += [_curves(other, row) for other in others.values()]
            blocks.append(_Block(title, spectra[[row]], maps, [*labels, *others]))
        return blocks
    if explanation.is_class and explanation.maps.ndim == 3:
        explanation = explanation.pick(None)  # that of another class would cancel in the mean
        arrays = per_target(explanation)
    by = "predicted" if by is None and explanation.predicted is not None else by
    if not explanation.is_class:
        by = None if isinstance(by, str) and by == "predicted" else by
    return [
        _group(explanation, spectra, label, group, part, output)
        for label, group, part in parts_of(explanation, by)
    ]


def _group(explanation, spectra, label, group, part, output):
    """Return the block of the spectra of one target and group."""
    arrays = per_target(explanation)
    maps, chosen = np.moveaxis(arrays.maps, 2, 1)[part], np.nonzero(part)[0]
    named = explanation.is_class or explanation.maps.ndim == 3
    if explanation.classes is not None and label not in explanation.classes:
        named = False  # a difference, which the axis names
    names = dict.fromkeys(([str(label)] if named else []) + [str(each) for each in group.values()])
    name = ", ".join(names)
    if explanation.is_class:
        title = f"{name}: mean of {len(maps)} spectra"
        wrong = wrong_predictions(explanation)
        if wrong is not None:
            title += f", {wrong[chosen].sum()} wrong"
        return _Block(title, spectra[chosen], [maps], [_label(explanation, output, label)])
    title = f"{len(maps)} spectra" + (f": {name}" if name else "")
    order = np.argsort(arrays.outputs[part], kind="stable")
    values = {"predicted": arrays.outputs[part][order]}
    if explanation.y is not None:
        values["reference"] = explanation.y.reshape(arrays.outputs.shape)[part][order]
    label = f"Contribution of a point\nto {output}"
    how = {"heat": True, "values": values, "unit": name_and_unit(output)[1]}
    return _Block(title, spectra[chosen], [maps[order]], [label], **how)


def _label(explanation, output, label):
    """Return the label of an axis of contributions."""
    # A single output of a regressor needs no name beside its unit.
    named = explanation.is_class or explanation.maps.ndim == 3
    return fill(f"Contribution to {output}" + (f" of {label}" if named else ""), LABEL_WIDTH)


def _n_columns(blocks):
    return 1 if len(blocks) < 3 or figure_size(1)[0] < WIDE else 2


def _axes_of_blocks(blocks, longest):
    """Return the axes of a new figure, panels of one block under another, in one or two columns.

    `longest` is the number of letters of the longest name of a band.
    """
    n_columns, n_panels = _n_columns(blocks), 1 + len(blocks[0].maps)
    n_rows = -(-len(blocks) // n_columns)
    heat = blocks[0].heat
    ratios = [1.0, 1.6] if heat else [1.0] * n_panels
    height = 0.5 + 0.08 * longest + n_rows * (0.5 + 1.3 * sum(ratios))
    width, height = figure_size(height)
    size = width * (1 + n_columns) / 2, height
    figure = pyplot().figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(n_rows * n_panels, n_columns, height_ratios=ratios * n_rows)
    axes: list[Any] = []
    for place, panel in product(range(len(blocks)), range(n_panels)):
        row, column = divmod(place, n_columns)
        cell = grid[row * n_panels + panel, column]
        axes.append(figure.add_subplot(cell, sharex=axes[0] if axes else None))
    return np.array(axes, dtype=object)


def _ends(blocks, *, shared):
    """Return where the axes of contributions end: a little beyond the means and their spread.

    All on one scale if it is `shared`, else each panel of a block on that of its like in others.
    """
    n_panels = len(blocks[0].maps)
    curves: list[list[np.ndarray]] = [[] for _ in range(n_panels)]
    for block, place in product(blocks, range(n_panels)):
        maps = block.maps[place]
        spread = maps.std(axis=0, ddof=1) if len(maps) > 1 else 0
        curves[0 if shared else place] += [maps.mean(axis=0) - spread, maps.mean(axis=0) + spread]
    ends = []
    for each in curves[:1] * n_panels if shared else curves:
        low, high = min(0.0, np.min(each)), max(0.0, np.max(each))
        margin = 0.05 * (high - low) or 1.0
        ends.append((low - margin, high + margin))
    return ends
