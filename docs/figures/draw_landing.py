"""The figure of the landing page: a spectrum, what it contributes, and how that adds up.

python docs/figures/draw_landing.py    # writes docs/images/landing_{light,dark}.png
"""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from chemotools.datasets import load_fermentation_train
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from matplotlib.collections import LineCollection
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, explain

IMAGES = Path(__file__).parents[1] / "images"
BANDS = "ftir-carbohydrates"
STYLES = {"light": {}, "dark": "dark_background"}
BACKGROUND = {"light": "white", "dark": "#14181e"}  # as the pages of the theme
COLOUR_MAP = "coolwarm"  # its grey middle shows on both


def explain_one():
    """Return a left-out mixture: its cut spectrum, its explanation and its measured value."""
    X, y = load_fermentation_train()
    order = np.argsort(y["glucose"].to_numpy())
    left_out = order[-3]  # rich in glucose, and not the richest, so that nothing is extrapolated
    others = np.setdiff1d(order, left_out)
    model = make_pipeline(
        RangeCut(start=950, end=1500, x_axis=X.columns),
        SavitzkyGolay(window_length=15, polyorder=2, deriv=1),
        ResNet1DRegressor(random_state=0),
    ).fit(X.iloc[others], y["glucose"].iloc[others])
    one = X.iloc[[left_out]]
    return model[0].transform(one)[0], explain(model, one), float(y["glucose"].iloc[left_out])


def draw(spectrum, explanation, measured, style):
    """Draw the coloured spectrum above the bars that lead from the mean to the prediction."""
    x, contributions = explanation.x_axis, explanation.maps[0]
    table = explanation.contributions(BANDS)
    ink = "white" if style == "dark" else "0.15"
    figure, (top, bottom) = plt.subplots(
        2, figsize=(6.4, 6.2), layout="constrained", height_ratios=(1, 1.05)
    )
    figure.set_facecolor(BACKGROUND[style])
    limit = np.quantile(np.abs(contributions), 0.99)
    norm, colours = plt.Normalize(-limit, limit), plt.get_cmap(COLOUR_MAP)
    points = np.column_stack([x, spectrum])
    segments = np.stack([points[:-1], points[1:]], axis=1)
    top.add_collection(
        LineCollection(
            segments,
            array=contributions[:-1],
            cmap=colours,
            norm=norm,
            linewidth=4,
            capstyle="round",
        )
    )
    height = np.ptp(spectrum)
    top.set(
        xlim=(x.max(), x.min()),
        ylim=(spectrum.min() - 0.08 * height, spectrum.max() + 0.8 * height),
        ylabel="Absorbance",
        xlabel="Wavenumber (cm$^{-1}$)",
    )
    top.set_title("One spectrum: what each wavenumber adds to the glucose", loc="left", fontsize=11)
    for band in table.itertuples():
        top.axvspan(band.start, band.end, color=ink, alpha=0.07, linewidth=0)
        top.annotate(
            band.band.rsplit(" ", 1)[0],
            ((band.start + band.end) / 2, 0.98),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            rotation=90,
            fontsize=8,
            color=ink,
        )
    bar = figure.colorbar(plt.cm.ScalarMappable(norm, colours), ax=top, pad=0.01, extend="both")
    bar.set_label("g/L a point")

    base, output = float(explanation.base_values[0]), float(explanation.outputs[0])
    rows = [("mean of the calibration", 0.0, base)]
    level = base
    for band in table.itertuples():
        rows.append((band.band, level, band.contribution))
        level += band.contribution
    rows.append(("all other wavenumbers", level, output - level))
    rows += [("predicted", 0.0, output), ("measured", 0.0, measured)]
    for row, (_, start, width) in enumerate(rows):
        total = start == 0.0
        colour = "0.55" if total else colours(0.9 if width > 0 else 0.1)
        bottom.barh(row, width, left=start, color=colour, height=0.66)
        end = max(start, start + width)
        text = f"{width:.1f}" if total else f"{width:+.1f}"
        bottom.text(end + 0.5, row, text, va="center", fontsize=9, color=ink)
    bottom.set_yticks(range(len(rows)), [name for name, _, _ in rows], fontsize=9)
    bottom.invert_yaxis()
    bottom.set(xlabel="Glucose (g/L)", xlim=(0, 1.14 * max(base, measured, output)))
    bottom.set_title("The same, band by band: it adds up", loc="left", fontsize=11)
    for axis in (top, bottom):
        axis.set_facecolor(BACKGROUND[style])
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(IMAGES / f"landing_{style}.png", dpi=160)
    plt.close(figure)


if __name__ == "__main__":
    matplotlib.use("agg")
    parts = explain_one()
    for name, sheet in STYLES.items():
        with plt.style.context(sheet):
            draw(*parts, name)
