"""Figures of an explanation; matplotlib is imported inside."""

import warnings
from numbers import Number
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._pipelines.explain import explain
from .._record.arrays import ExplanationArrays, chosen_rows, per_target
from .._record.tables import contributions, groups_of, linearity, parts_of
from .._spectra.bands import BandsLike
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
# More panels than this cannot be read on a page: means are drawn instead.
MAX_PANELS = 6
# Its middle is a light grey that still shows on white; blue and red are colour-blind safe.
COLOUR_MAP = "coolwarm"
MARKERS = "osD^vP"  # of bands: as many as MAX_PANELS
# The colour scale ends where this share of the contributions lies within it.
COLOURED_SHARE = 0.99


class _Display:
    """What both displays share: what they are of, and how they print."""

    explanation: ExplanationArrays
    ax_: np.ndarray

    def __repr__(self):
        drawn = f"{len(self.ax_)} panels" if hasattr(self, "ax_") else "not drawn yet, call plot()"
        return f"{type(self).__name__}({self.explanation!r}; {drawn})"


class ExplanationDisplay(_Display):
    """Spectra coloured by the signed contribution of every point.

    Parameters
    ----------
    explanation : Explanation
        What to draw.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes
        The panels, after :meth:`plot`.
    figure_ : matplotlib Figure

    See Also
    --------
    Explanation.plot : The same in one call.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ExplanationDisplay, ResNet1DRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> y = X[:, 20:25].sum(axis=1)
    >>> model = ResNet1DRegressor(max_epochs=5, random_state=0).fit(X, y)
    >>> shift = np.arange(1000, 1500, 10)
    >>> display = ExplanationDisplay.from_estimator(model, X[:2], x_axis=shift, technique="raman")
    >>> len(display.ax_)
    2
    """

    def __init__(self, explanation: ExplanationArrays) -> None:
        self.explanation = explanation

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        *,
        target: Any = None,
        x_axis: ArrayLike | None = None,
        **plot_params: Any,
    ) -> Self:
        """Explain spectra and draw the result.

        Parameters
        ----------
        estimator : fitted estimator
            Anything :func:`sklearn_spectral.explain` takes.
        X : array-like of shape (n_samples, n_features)
            Spectra as `estimator` takes them.
        target, x_axis
            As for :func:`sklearn_spectral.explain`.
        **plot_params
            Passed to :meth:`plot`.

        Returns
        -------
        display : ExplanationDisplay
        """
        return cls(explain(estimator, X, target=target, x_axis=x_axis)).plot(**plot_params)

    def plot(
        self,
        ax: Any = None,
        *,
        samples: Any = None,
        by: ArrayLike | None = None,
        technique: str | None = None,
        x_label: str | None = None,
        output_label: str | None = None,
    ) -> Self:
        """Draw one panel a spectrum and target, up to six.

        More than six are drawn together, a panel a target: the mean spectrum of every class, or
        for quantification all maps, sorted by output, one under another. Colour is the
        contribution of every point, red for more and blue for less of the output, on one scale
        for all panels, centred at zero.

        Parameters
        ----------
        ax : matplotlib Axes, sequence of Axes or None, default=None
            One for every panel; None makes a figure.
        samples : int, slice, sequence of int, mask, name, sequence of names or None, default=None
            Spectra to draw: rows, or names of `sample_names`; None draws all.
        by : array-like of shape (n_samples,) or None, default=None
            Groups of all spectra, such as true classes or series: with it the spectra of every
            target and group are drawn together, however few they are.
        technique : {"ftir", "raman", "nir", "uv-vis"} or None, default=None
            Labels the axis and gives it the direction usual in the field: wavenumbers from high
            to low for FTIR. None draws it in the order of the data. Where the axis is not known
            or in another unit it is left aside, with a warning.
        x_label : str or None, default=None
            Label of the wavelength axis, with its unit.
        output_label : str or None, default=None
            Name and unit of the output, such as "glucose (g/L)".

        Returns
        -------
        self : ExplanationDisplay

        Raises
        ------
        ValueError
            `technique` is unknown, `by` does not have one value for each spectrum, or `ax` are not
            as many as the panels.
        IndexError
            `samples` are no rows of the explanation, nor names that occur once.
        """
        check_technique(technique)
        plt = _pyplot()
        samples = rows_to_draw(self.explanation, samples)
        explanation = self.explanation[samples]
        panels = _panels(explanation, samples, chosen_groups(self.explanation, by, samples))
        axes = _axes(ax, len(panels), 1.2 + 1.9 * len(panels), sharex=True)
        limit, clipped = _limit(panels)
        norm = plt.Normalize(-limit, limit)
        for axis, (title, spectrum, values) in zip(axes, panels, strict=True):
            if values.ndim == 1:
                _coloured_line(axis, explanation.x_axis, spectrum, values, norm)
                axis.set_ylabel("Intensity")
            else:
                ranks = np.arange(1, len(values) + 1)
                # An image also in vector files: a path for every point would be megabytes.
                axis.pcolormesh(
                    explanation.x_axis, ranks, values, cmap=COLOUR_MAP, norm=norm, rasterized=True
                )
                axis.set_ylabel("Spectra, by\nrising output")
            axis.set_title(title, loc="left", fontsize="medium")
        label, limits = axis_style(explanation, technique)
        axes[-1].set_xlabel(x_label or label)
        for axis in axes:
            axis.set_xlim(*limits)
        output = output_label or explanation.output_name
        _colour_bar(
            plt.cm.ScalarMappable(norm, COLOUR_MAP),
            ax=list(axes),
            label=f"Contribution of a point\nto {output}",
            extend="both" if clipped else "neither",
            pad=0.02,
        )
        self.ax_, self.figure_ = axes, axes[0].figure
        return self


class LinearityDisplay(_Display):
    """How straight contributions rise with the reference values: slopes, and bands against y.

    Parameters
    ----------
    explanation : Explanation
        Of one output of a regressor, by ``method="1d-grad-cam"`` (:meth:`Explanation.linearity`).
    y : array-like of shape (n_samples,)
        Reference values.

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

    def __init__(self, explanation: ExplanationArrays, y: ArrayLike) -> None:
        self.explanation = explanation
        self.y = y

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
        """Draw the slope of every point, coloured by R2, and the contribution of bands against y.

        Parameters
        ----------
        bands : dict, str or int, default="peaks"
            As for :meth:`Explanation.contributions`; the six with the steepest lines are drawn.
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
            The explanation is of several outputs, `y` or `by` do not fit it, `y` does not vary (in
            a group), or `ax` are not as many as the panels.
        """
        explanation = self.explanation
        if explanation.maps.ndim == 3:
            raise ValueError("Draw one output at a time: explain(..., target=its number or name).")
        check_technique(technique)
        plt = _pyplot()
        groups = groups_of(explanation, by)
        table = linearity(explanation, self.y, bands, by)
        points, lines = (
            each[["slope", "r2"]].to_numpy().reshape(len(groups), -1, 2)[:, :-1]
            for each in (linearity(explanation, self.y, None, by), table)
        )  # (n_groups, n_points or n_bands, 2): all but the whole map
        steepest = np.argsort(-np.abs(lines[..., 0]).max(axis=0), kind="stable")[:MAX_PANELS]
        y = np.asarray(self.y, dtype=float)
        # By name alone, bands may be called alike: by place.
        values = contributions(explanation, bands)["contribution"].to_numpy()
        scores = values.reshape(len(y), -1)[:, steepest]
        names = table["band"].to_numpy()[steepest]
        axes = _axes(ax, 2 * len(groups), 6.4 * len(groups))
        output = output_label or explanation.output_name
        label, limits = axis_style(explanation, technique)
        for place, (group, rows) in enumerate(groups):
            top, bottom = axes[2 * place :][:2]
            _draw_slopes(top, explanation.x_axis, *points[place].T)
            ylabel = "Slope of contribution\nagainst reference"
            top.set(xlim=limits, xlabel=x_label or label, ylabel=ylabel)
            for name in group.values():
                top.set_title(f"{name}: {rows.sum()} spectra", loc="left", fontsize="medium")
            _draw_bands(bottom, y[rows], scores[rows], names, lines[place, steepest])
            bottom.set(xlabel=f"Reference, {output}", ylabel=f"Contribution of a band\nto {output}")
        if len(groups) > 1:
            for first, ends in ((0, "ylim"), (1, "xlim"), (1, "ylim")):
                found = [getattr(axis, f"get_{ends}")() for axis in axes[first::2]]
                plt.setp(axes[first::2], ends, (np.min(found), np.max(found)))
        self.ax_, self.figure_ = axes, axes[0].figure
        return self


def _draw_slopes(axis, x, slope, r2):
    """Draw the slope of every point, coloured by R2."""
    plt = _pyplot()
    axis.axhline(0, color="0.6", linewidth=0.6)
    # What is straight stands out from the background, dark or light.
    scale = plt.cm.ScalarMappable(
        plt.Normalize(0, 1), "viridis" if _on_dark(plt.rcParams["text.color"]) else "viridis_r"
    )
    _coloured_line(axis, x, slope, r2, scale.norm, scale.cmap)
    _colour_bar(scale, ax=[axis], label="R$^2$")


def _draw_bands(axis, y, scores, names, lines):
    """Draw contributions of bands (n_samples, n_bands) against y, with their lines."""
    order = np.argsort(y)
    for score, name, (slope, r2), marker in zip(scores.T, names, lines, MARKERS, strict=False):
        line = score.mean() + slope * (y - y.mean())
        text = f"{name}: R$^2$ {r2:.2f}"
        (drawn,) = axis.plot(y, score, marker, markersize=4, alpha=0.7, label=text)
        axis.plot(y[order], line[order], color=drawn.get_color(), linewidth=1)
    axis.legend(fontsize="small")


def check_technique(technique):
    """Raise unless a technique is one of `TECHNIQUES`, or None."""
    if technique is not None and technique not in TECHNIQUES:
        raise ValueError(f"technique={technique!r}; expected one of {sorted(TECHNIQUES)}.")


def _pyplot():
    return optional("matplotlib.pyplot", "plot", "Plots")


def _axes(ax, n_panels, height, **params):
    """Return the axes that were passed, one for each panel, or those of a new figure."""
    if ax is None:
        how = {"squeeze": False, "layout": "constrained", **params}
        return _pyplot().subplots(n_panels, figsize=(8, height), **how)[1][:, 0]
    axes = np.atleast_1d(np.asarray(ax, dtype=object))
    if len(axes) != n_panels:
        raise ValueError(f"ax has {len(axes)} axes, but {n_panels} panels are drawn.")
    return axes


def axis_style(explanation, technique):
    """Return the label of the wavelength axis and its two ends in the direction of the field."""
    x_axis, unit = explanation.x_axis, explanation.axis_unit
    ends = np.sort(x_axis[[0, -1]])
    as_told = LABELS.get(unit, "Wavelength or wavenumber"), unit, x_axis[0] > x_axis[-1]
    label, expected, high_to_low = TECHNIQUES.get(technique, as_told)
    if technique is not None and not (explanation.axis_known and unit in (None, expected)):
        axis = f"is in {unit}" if explanation.axis_known else "is not known, and counts points"
        warnings.warn(
            f"technique={technique!r} is left aside: the axis {axis}. Pass x_axis to explain in "
            f"{expected}, or name the columns of X by it.",
            UserWarning,
            stacklevel=4,
        )
        label, _, high_to_low = as_told
    if not explanation.axis_known:
        return "Point", ends
    return label, ends[::-1] if high_to_low else ends


def _limit(panels):
    """Return the end of the colour scale and whether some contributions lie beyond it.

    A few points far above all others would leave the rest of the spectrum without colour.
    """
    sizes = np.abs(np.concatenate([values.ravel() for _, _, values in panels]))
    highest = sizes.max()
    limit = np.quantile(sizes, COLOURED_SHARE) or highest or 1.0
    return limit, bool(limit < highest)


def rows_to_draw(explanation, samples):
    """Return the numbers of the spectra to draw, None for all, or raise."""
    samples = slice(None) if samples is None else samples
    rows = chosen_rows(len(explanation), samples, explanation.sample_names)
    if len(rows) == 0:
        raise ValueError(
            "The explanation, or samples, is of no spectrum: there is nothing to show."
        )
    return rows


def titles(chosen, rows):
    """Return what the chosen spectra are called, of which `rows` are the numbers among all."""
    names = chosen.sample_names
    if names is None:
        return [f"Spectrum {row}" for row in rows]
    return [f"Sample {name}" if isinstance(name, Number) else str(name) for name in names]


def chosen_groups(explanation, by, samples):
    """Return the groups of chosen rows, None without any, or raise."""
    if by is None:
        return None
    groups_of(explanation, by)
    return np.asarray(by)[samples]


def _panels(explanation, samples, by):
    """Return title, spectrum and map of every panel, or title, None and maps of a heat map."""
    arrays = per_target(explanation)
    maps = np.moveaxis(arrays.maps, 2, 1)  # (n_samples, n_targets, n_points)
    targets, outputs = arrays.labels, arrays.outputs  # (n_samples, n_targets)
    is_class = explanation.is_class
    if by is None and targets.size <= MAX_PANELS:
        # A single regression output needs no name beside that of the colour bar.
        named = is_class or explanation.maps.ndim == 3
        names = titles(explanation, samples)
        return [
            (
                f"{names[row]}: "
                + (f"{targets[row, column]}, " if named else "")
                + f"{outputs[row, column]:.3g}",
                explanation.spectra[row],
                maps[row, column],
            )
            for row, column in np.ndindex(*targets.shape)
        ]
    panels = []
    for label, group, part in parts_of(explanation, by):
        rows = np.nonzero(part)[0]
        names = [str(label)] if is_class or explanation.maps.ndim == 3 else []
        name = ", ".join(names + [str(each) for each in group.values()])
        if is_class:
            title = f"{name}: mean of {len(rows)} spectra"
            mean = explanation.spectra[rows].mean(axis=0)
            panels.append((title, mean, maps[part].mean(axis=0)))
        else:
            # The mean map of a calibration is nearly nothing: contributions rise with y.
            title = f"{len(rows)} spectra" + (f": {name}" if name else "")
            panels.append((title, None, maps[part][np.argsort(outputs[part])]))
    return panels


def _on_dark(text_colour):
    """Whether text of this colour is read on a dark background."""
    from matplotlib.colors import to_rgb

    return float(np.mean(to_rgb(text_colour))) > 0.5


def _colour_bar(scale, ax, **params):
    """Draw a colour bar that stays paths in vector files; matplotlib makes it an image."""
    figure = ax[0].figure
    figure.colorbar(scale, ax=ax, **params).solids.set(rasterized=False, edgecolor="face")


def _coloured_line(axis, x, spectrum, values, norm, colour_map=COLOUR_MAP):
    """Draw a spectrum whose colour is `values`, with an edge that shows it where they are 0."""
    from matplotlib import rcParams
    from matplotlib.collections import LineCollection

    points = np.column_stack([x, spectrum])
    segments = np.stack([points[:-1], points[1:]], axis=1)  # (n_points - 1, 2, 2)
    edge = {"color": rcParams["text.color"], "linewidth": 3.6, "solid_capstyle": "round"}
    axis.plot(x, spectrum, **edge)
    axis.add_collection(
        LineCollection(
            list(segments),
            array=(values[:-1] + values[1:]) / 2,
            cmap=colour_map,
            norm=norm,
            linewidth=3,
            capstyle="round",
        )
    )
