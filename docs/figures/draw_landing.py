"""The figures of the landing page and of the README: mixtures that the model has not seen.

python docs/figures/draw_landing.py    # writes landing_{light,dark}.png and fermentation.png
"""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from chemotools.datasets import load_fermentation_train
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from sklearn.pipeline import make_pipeline

from sklearn_spectral import Explanation, ResNet1DRegressor, explain

IMAGES = Path(__file__).parents[1] / "images"
STYLES = {"light": {}, "dark": "dark_background"}
BACKGROUND = {"light": "white", "dark": "#14181e"}  # as the pages of the theme
OUTPUT = {"bands": "ftir-carbohydrates", "output_label": "glucose (g/L)"}
SPECTRA = {"technique": "ftir", "intensity_label": "Absorbance"}


def explain_left_out() -> Explanation:
    """Return the explanation of two left-out mixtures, one rich in glucose and one poor."""
    X, y = load_fermentation_train()
    glucose = y["glucose"].to_numpy()
    order = np.argsort(glucose)
    left_out = order[[-3, 2]]  # not at the ends, so that nothing is extrapolated
    others = np.setdiff1d(order, left_out)
    model = make_pipeline(
        RangeCut(start=950, end=1500, x_axis=X.columns),
        SavitzkyGolay(window_length=15, polyorder=2, deriv=1),
        ResNet1DRegressor(random_state=0),
    ).fit(X.iloc[others], glucose[others])
    left_out = X.iloc[left_out].set_axis(["Rich mixture", "Poor mixture"])
    return explain(model, left_out).with_y(glucose[order[[-3, 2]]])


def draw(explanation: Explanation, style: str) -> None:
    """Draw a spectrum above its contributions, and the bars that lead to the prediction."""
    figure, axes = plt.subplots(
        3, figsize=(6.4, 8), layout="constrained", height_ratios=(1, 1, 1.7)
    )
    explanation.plot(axes[:2], samples=0, **OUTPUT, **SPECTRA)
    explanation.plot_waterfall(0, ax=axes[2], **OUTPUT)
    axes[2].set_title("The same, band by band: it adds up", loc="left", fontsize="medium")
    for part in (figure, *axes):
        part.set_facecolor(BACKGROUND[style])
    figure.savefig(IMAGES / f"landing_{style}.png", dpi=160)
    plt.close(figure)


if __name__ == "__main__":
    matplotlib.use("agg")
    both = explain_left_out()
    for name, sheet in STYLES.items():
        with plt.style.context(sheet):
            draw(both, name)
    both.plot(**OUTPUT, **SPECTRA).figure_.savefig(IMAGES / "fermentation.png", dpi=120)
