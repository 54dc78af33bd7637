"""Figures of a validation: predicted against measured values, and T2 against Q."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._pipelines.applicability import applicability
from .._record.tables import groups_of
from .._record.validation import checked, part_of, validation_report
from .axes import Shown, given_axes, pyplot

# So many spectra outside are named, and a name takes this share of the axes.
MOST_NAMES = 10
NAME = np.array([0.2, 0.07])
# Width of a column in a journal, and height with title and labels, in inches.
COLUMN = 3.3, 3.9
MARKERS = "osD^vPX*"


class PredictionDisplay(Shown):
    """Predicted against measured values, with their statistics.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or dict
        Reference values; of predictions of different spectra a dict with the names of `predicted`.
    predicted : array-like of shape (n_samples,), Explanation, DataFrame or dict of these
        Predicted values. A dict contains several predictions by name; each has a panel.
    groups : array-like of shape (n_samples,) or dict, default=None
        Sample of each spectrum, for the test of the bias.
    by : array-like of shape (n_samples,) or dict, default=None
        Series, which are drawn with different markers and colours.

    Attributes
    ----------
    report_ : DataFrame
        The statistics, as :func:`validation_report` returns them.
    ax_ : ndarray of matplotlib Axes
        The panels, after :meth:`plot`.
    figure_ : matplotlib Figure

    See Also
    --------
    validation_report : The statistics as a table.
    sklearn.metrics.ConfusionMatrixDisplay : The figure for a classification.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import PredictionDisplay, ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends, new = (make_oil_blends(20, n_replicates=1, random_state=seed) for seed in range(2))
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> display = PredictionDisplay.from_estimator(
    ...     model, new.data, new.target, output_label="sunflower oil (%)"
    ... )
    >>> display.ax_[0].get_ylabel()
    'Predicted sunflower oil (%)'
    """

    def __init__(
        self, y: Any, predicted: Any, *, groups: Any = None, by: ArrayLike | None = None
    ) -> None:
        self.y = y
        self.predicted = predicted if isinstance(predicted, Mapping) else {"predicted": predicted}
        self.by = by
        self.report_ = validation_report(y, predicted, groups=groups)
        if "slope" not in self.report_:
            raise ValueError(
                "y and predicted are classes (text or whole numbers), but predicted against "
                "measured needs values (floats). For classes use "
                "sklearn.metrics.ConfusionMatrixDisplay."
            )

    @classmethod
    def from_predictions(
        cls,
        y: Any,
        predicted: Any,
        *,
        groups: Any = None,
        by: ArrayLike | None = None,
        **plot_params: Any,
    ) -> Self:
        """Draw predictions of any model.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or dict
            Reference values.
        predicted : array-like of shape (n_samples,), Explanation, DataFrame or dict of these
            Predicted values; each entry of a dict has a panel.
        groups : array-like of shape (n_samples,) or dict, default=None
            Sample of each spectrum, for the test of the bias.
        by : array-like of shape (n_samples,) or dict, default=None
            Series, which are drawn with different markers and colours.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        display : PredictionDisplay
        """
        return cls(y, predicted, groups=groups, by=by).plot(**plot_params)

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, X: ArrayLike, y: ArrayLike, **params: Any
    ) -> Self:
        """Predict with a fitted regressor and draw the predictions.

        Parameters
        ----------
        estimator : fitted estimator
            Any fitted regressor.
        X : array-like of shape (n_samples, n_features)
            Spectra that `estimator` was not fitted on.
        y : array-like of shape (n_samples,)
            Reference values.
        **params
            Parameters of :meth:`from_predictions` and :meth:`plot`.

        Returns
        -------
        display : PredictionDisplay
        """
        model: Any = estimator
        return cls.from_predictions(y, model.predict(X), **params)

    def plot(self, ax: Any = None, *, output_label: str | None = None) -> Self:
        """Draw a panel for each prediction, with the line of equality and the fitted line.

        Parameters
        ----------
        ax : matplotlib Axes, sequence of Axes or None, default=None
            One of the axes for every panel; None makes a figure.
        output_label : str or None, default=None
            Name and unit of the output, such as "glucose (g/L)".

        Returns
        -------
        self : PredictionDisplay
        """
        self.ax_ = _axes(ax, len(self.predicted))
        pairs = [
            checked(name, part_of(self.y, name), given)[:2]
            for name, given in self.predicted.items()
        ]
        values = np.concatenate([each for pair in pairs for each in pair])
        margin = 0.05 * (np.ptp(values) or 1.0)
        ends = np.array([values.min() - margin, values.max() + margin])
        for axis, name, pair in zip(self.ax_, self.predicted, pairs, strict=True):
            title = [str(name)] if len(pairs) > 1 else []
            _draw_pair(axis, pair, part_of(self.by, name), ends, self.report_.loc[name], title)
            axis.set(xlim=ends, ylim=ends, box_aspect=1)
            ticks = axis.get_xticks()  # of both
            axis.set(xticks=ticks, yticks=ticks, xlim=ends, ylim=ends)
            axis.set_xlabel(f"Measured {output_label or ''}".rstrip())
        self.ax_[0].set_ylabel(f"Predicted {output_label or ''}".rstrip())
        self.figure_ = self.ax_[0].figure
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.predicted))})"


class ApplicabilityDisplay(Shown):
    """Q against T2 of spectra, with the limits and the names of spectra outside.

    Parameters
    ----------
    scores : DataFrame
        A table as :func:`applicability` returns it. Its index contains the names of the spectra.

    Attributes
    ----------
    ax_ : matplotlib Axes
        After :meth:`plot`.
    figure_ : matplotlib Figure

    See Also
    --------
    applicability : Computes the scores.
    explain_applicability : Shows which bands put a spectrum outside.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ApplicabilityDisplay, ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends, new = (make_oil_blends(40, n_replicates=1, random_state=seed) for seed in range(2))
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> foreign = 5000 * np.exp(-(((new.x_axis - 1200) / 12) ** 2))  # counts, at 1200 cm-1
    >>> X = np.vstack([new.data, new.data[0] + foreign])
    >>> display = ApplicabilityDisplay.from_estimator(model, X)
    >>> bool(display.scores["inside"].iloc[-1])
    False
    """

    def __init__(self, scores: pd.DataFrame) -> None:
        self.scores = scores

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, X: ArrayLike, *, params: Any = None, **plot_params: Any
    ) -> Self:
        """Compute the scores of spectra and draw them.

        Parameters
        ----------
        estimator : fitted estimator
            A ResNet1DClassifier or ResNet1DRegressor, alone or inside a Pipeline or a search.
        X : array-like of shape (n_samples, n_features)
            Spectra as `estimator` takes them, before preprocessing.
        params : dict or None, default=None
            Metadata that steps take in addition to the spectra, see :func:`applicability`.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        display : ApplicabilityDisplay
        """
        return cls(applicability(estimator, X, params=params)).plot(**plot_params)

    def plot(self, ax: Any = None) -> Self:
        """Draw a point for each spectrum, on logarithmic axes.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            None makes a figure.

        Returns
        -------
        self : ApplicabilityDisplay
        """
        (self.ax_,) = _axes(ax, 1)
        scores = self.scores[["hotelling_t2", "q_residual"]].to_numpy()
        # A score of zero has no logarithm.
        places = np.maximum(scores, 1e-3 * np.minimum(1, scores[scores > 0].min(initial=1)))
        inside = self.scores["inside"].to_numpy()
        for rows, style in ((inside, "o"), (~inside, "D")):
            label = f"{'inside' if style == 'o' else 'outside'}, {rows.sum()}"
            self.ax_.plot(*places[rows].T, style, markersize=4, alpha=0.7, label=label)
        for draw in (self.ax_.axhline, self.ax_.axvline):
            draw(1, color="0.5", linestyle="--", linewidth=1, zorder=1)
        # Room for the limits and for names, and a power of ten to read the scale by.
        ends = np.column_stack(
            [places.min(axis=0, initial=0.2) / 2, places.max(axis=0, initial=1) * 3]
        )
        self.ax_.set(xscale="log", yscale="log", xlim=ends[0], ylim=ends[1], box_aspect=1)
        self.ax_.set(xlabel="T$^2$ / limit", ylabel="Q / limit")
        for axis in (self.ax_.xaxis, self.ax_.yaxis):
            axis.set_minor_formatter("")
        self._name(places[~inside], self.scores.index[~inside])
        above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2}
        self.ax_.legend(fontsize="small", frameon=False, handlelength=1, **above)
        self.figure_ = self.ax_.figure
        return self

    def _name(self, places, names):
        """Write names beside the farthest places, where none is written yet."""
        across = (self.ax_.transData + self.ax_.transAxes.inverted()).transform(places)
        written: list[np.ndarray] = []
        for row in np.argsort(-places.max(axis=1))[:MOST_NAMES]:
            if all((np.abs(across[row] - other) > NAME).any() for other in written):
                written.append(across[row])
                how = {"textcoords": "offset points", "fontsize": "small"}
                self.ax_.annotate(str(names[row]), places[row], xytext=(4, 2), **how)

    def __repr__(self) -> str:
        n_outside = int((~self.scores["inside"]).sum())
        return f"{type(self).__name__}({len(self.scores)} spectra, {n_outside} outside)"


def _axes(ax, n_panels):
    """Return the axes that were passed, one for each panel, or those of a new figure, in a row."""
    if ax is None:
        size = COLUMN[0] * n_panels, COLUMN[1]
        ax = pyplot().subplots(1, n_panels, figsize=size, layout="constrained")[1]
    return given_axes(ax, n_panels)


def _draw_pair(axis, pair, by, ends, found, title):
    """Draw one set of predictions; `found` are its statistics."""
    y, predicted = pair
    p = found["bias_p"]
    chance = f"p = {p:.2g}" if not p < 0.001 else "p < 0.001"
    text = [
        f"RMSE {found['rmse']:.3g}, bias {found['bias']:.2g} ({chance}), SEP {found['sep']:.3g}",
        f"slope {found['slope']:.3g}, R$^2$ {found['r2']:.3g}, RPD {found['rpd']:.2g}, "
        f"n = {len(y)}",
    ]
    axis.set_title("\n".join(title + text), loc="left", fontsize="small")
    lines = {"equality": (0.0, 1.0), "fit": (found["intercept"], found["slope"])}
    for (label, (intercept, slope)), style in zip(lines.items(), ("--", "-"), strict=True):
        line = intercept + slope * ends
        axis.plot(ends, line, style, color="0.5", linewidth=1, zorder=1, label=label)
    for number, (group, rows) in enumerate(groups_of(y, by)):
        series = str(group["group"]) if group else None
        marker = MARKERS[number % len(MARKERS)]
        axis.plot(y[rows], predicted[rows], marker, markersize=4, alpha=0.7, label=series)
    # Where a calibration that is any good has no points.
    axis.legend(loc="lower right", fontsize="small", frameon=False, handlelength=1.2)
