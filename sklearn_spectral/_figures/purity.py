"""The figure of a classification's purities, or of its margins."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._record.tables import groups_of, margin, purity
from .axes import GREY, Display, figure_size, given_axes, pyplot, wrong_predictions

# What each kind of value is computed by, the label of its axis, and the value of a spectrum whose
# predicted class has no lead over the next one.
KINDS = {
    "purity": (purity, "Purity of the map", 0.5),
    "margin": (margin, "Margin to the second class", 0.0),
}
# Points of one class are spread over this share of the distance between classes. Neighbours in
# value are moved by the golden ratio of it, so that they do not hide each other.
SPREAD, GOLDEN = 0.6, 0.618034


class PurityDisplay(Display):
    """Purity of the map, or margin of the prediction, of every spectrum by class.

    Parameters
    ----------
    explanation : Explanation
        Of a classifier, of all classes (``target="all"``). For the purity take the plain map,
        ``method="1d-grad-cam"``: purities of corrected maps differ less between spectra.

    Attributes
    ----------
    values_ : ndarray of shape (n_samples,)
        The purity or the margin of every spectrum, after :meth:`plot`.
    ax_ : ndarray of matplotlib Axes
        The one panel, after :meth:`plot`.
    figure_ : matplotlib Figure

    See Also
    --------
    Explanation.purity : The purities as an array.
    Explanation.with_y : Adds the true classes, which tell right from wrong predictions.

    Examples
    --------
    >>> from sklearn_spectral import PurityDisplay, ResNet1DClassifier
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> oils = make_oil_blends(36, adulterant=None, n_replicates=1, random_state=0)
    >>> model = ResNet1DClassifier(max_epochs=1, random_state=0).fit(oils.data, oils.target)
    >>> explanation = model.explain(oils.data, target="all", method="1d-grad-cam")
    >>> display = PurityDisplay.from_explanation(explanation, oils.target)
    >>> [label.get_text() for label in display.ax_[0].get_yticklabels()][:3]
    ['corn, 6', 'olive, 6', 'palm, 6']
    """

    values_: np.ndarray

    def plot(
        self, kind: str = "purity", *, by: ArrayLike | str | None = None, ax: Any = None
    ) -> Self:
        """Draw one point for each spectrum, in one row for each class, and the median of each row.

        Circles are right predictions, crosses wrong ones; without true classes all are circles.
        The dashed line is at a purity of 0.5, or a margin of 0, where two classes draw.

        Parameters
        ----------
        kind : {"purity", "margin"}, default="purity"
            :meth:`Explanation.purity`, or the difference of the two highest logits (or decision
            values), which is the logarithm of the ratio of their probabilities.
        by : array-like of shape (n_samples,), "y", "predicted" or None, default=None
            Groups of the spectra. None takes the true classes ("y") where the explanation has
            them, else the predicted ones.
        ax : matplotlib Axes or None, default=None
            None makes a figure.

        Returns
        -------
        self : PurityDisplay

        Raises
        ------
        ValueError
            The explanation is not of a classifier or does not have the logits of all classes,
            `kind` is unknown, or `by` does not have one value for each spectrum.
        """
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r}; expected one of {list(KINDS)}.")
        explanation = self.explanation
        if not explanation.is_class:
            raise ValueError(
                "This explanation is of a regressor; purity and margin are of a classification. "
                "For a calibration use LinearityDisplay."
            )
        values_of, label, drawn_match = KINDS[kind]
        self.values_ = values_of(explanation)
        if by is None:
            by = "predicted" if explanation.y is None else "y"
        groups = groups_of(explanation, by)
        known = [] if explanation._of_classes is None else explanation._of_classes[0].tolist()
        groups.sort(key=lambda each: (*known, each[0]["group"]).index(each[0]["group"]))
        if ax is None:
            size = figure_size(1.2 + 0.45 * len(groups))
            ax = pyplot().subplots(figsize=size, layout="constrained")[1]
        self.ax_ = given_axes(ax, 1)
        (axis,) = self.ax_
        wrong = wrong_predictions(explanation)
        wrong = np.zeros(len(explanation), dtype=bool) if wrong is None else wrong
        _draw(axis, self.values_, [rows for _, rows in groups], wrong)
        axis.axvline(drawn_match, color=GREY, linewidth=1, linestyle="--", zorder=1)
        names = [f"{group['group']}, {rows.sum()}" for group, rows in groups]
        axis.set_yticks(range(len(groups)), names)
        unit = "" if kind == "purity" else f" ({explanation.output_name})"
        axis.set(xlabel=label + unit, ylim=(len(groups) - 0.5, -0.5))
        self.figure_ = axis.figure
        return self


def _draw(axis, values, groups, wrong):
    """Draw the spectra of every group in a row of its own, wrong predictions as crosses."""
    rows, ink = np.empty(len(values)), pyplot().rcParams["text.color"]
    for row, members in enumerate(groups):
        ranks = values[members].argsort().argsort()
        rows[members] = row + SPREAD * (ranks * GOLDEN % 1 - 0.5)
        ends = row - SPREAD / 2, row + SPREAD / 2
        axis.vlines(np.median(values[members]), *ends, color=ink)
    axis.plot(
        values[~wrong], rows[~wrong], "o", markersize=4, alpha=0.6, label=f"right, {(~wrong).sum()}"
    )
    if wrong.any():
        label = f"wrong, {wrong.sum()}"
        axis.plot(values[wrong], rows[wrong], "X", color=ink, markersize=6, label=label)
        above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2}
        axis.legend(fontsize="small", frameon=False, handlelength=1, **above)
