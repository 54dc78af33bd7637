"""
Which bands carry the calibration in a straight line?
=====================================================

The prediction of a calibration should rise in a straight line with the reference. It can do so
while the bands behind it do not. ``linearity`` looks at each of them.
"""

# %%
# Spectra whose answer is known: an acid in a solvent. Its molecules form pairs, the more the higher
# the concentration (m + 2 K m\ :sup:`2`, with m single ones), so that the C=O band of single
# molecules rises ever more slowly, that of pairs ever faster. The C-H band is of both and follows
# the concentration; a band of the solvent varies on its own.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_spectral import LinearityDisplay, ResNet1DRegressor, cross_explain

rng = np.random.default_rng(0)
x_axis = np.arange(1250.0, 1850.0, 1.5)
concentration = rng.uniform(0, 10, 80)  # mmol/L
single = (np.sqrt(1 + 8 * 0.3 * concentration) - 1) / (
    4 * 0.3
)  # K = 0.3 L/mmol
heights = {
    1760: 0.20 * single,
    1712: 0.15 * (concentration - single),
    1410: 0.03 * concentration,
    1550: rng.uniform(0, 0.5, 80),
}
X = sum(
    np.outer(height, np.exp(-(((x_axis - at) / 12) ** 2)))
    for at, height in heights.items()
)
X += 0.01 * rng.normal(size=X.shape)

# %%
# Every spectrum is explained by a model that has not seen it, by the plain map: contributions of
# the corrected one follow the output by construction.
explanation = cross_explain(
    ResNet1DRegressor(random_state=0),
    X,
    concentration,
    x_axis=x_axis,
    method="1d-grad-cam",
    random_state=0,
)
rmse = np.sqrt(np.mean((explanation.outputs - concentration) ** 2))
print(f"RMSE of cross-validation: {rmse:.2f} mmol/L")

# %%
# For every band the slope of its contribution against the concentration, and the R2 of that line.
# The last row is the prediction, whose slope is the sum of the slopes of all points.
bands = {
    "C=O, single": (1735, 1785),
    "C=O, pairs": (1687, 1735),
    "C-H": (1385, 1435),
    "solvent": (1525, 1575),
}
table = explanation.linearity(concentration, bands)
print(
    table[["band", "slope", "r2"]].to_string(index=False, float_format="%.2f")
)

# %%
# Above, the slope of every point, darker where its line is straighter; below, the contributions of
# the bands. The band of single molecules bends down and that of pairs bends up: neither is straight
# by itself, their sum is. The solvent's is flat. A calibration on the pairs alone would go wrong at
# low concentrations, whatever its R2 says.
LinearityDisplay(explanation, concentration).plot(
    bands, technique="ftir", output_label="acid (mmol/L)"
)
plt.show()
