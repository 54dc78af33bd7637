"""
Linearity of bands
==================

In a calibration, the prediction should increase linearly with the reference
value. This is possible even if the single bands do not. ``linearity`` fits a
line to the contributions of each band. See also :doc:`/user_guide/explaining`.
"""

# %%
# The spectra are simulated, so the answer is known: an acid in a solvent. Its
# molecules form pairs, and the fraction of pairs increases with the
# concentration (the concentration is m + 2 K m\ :sup:`2`, where m is the
# concentration of single molecules). Therefore the C=O band of single
# molecules increases more and more slowly, and the C=O band of pairs faster
# and faster. The C-H band belongs to both and follows the concentration. A
# band of the solvent varies independently.
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
# Every spectrum is explained by a model that has not seen it. The method is
# the plain map, because contributions of the corrected map follow the output
# by construction.
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
# The table has the slope of the contribution of each band against the
# concentration, and the R2 of this line. The last row is the prediction, whose
# slope is the sum of the slopes of all points.
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
# The upper panel shows the slope of every point; a darker colour means a
# higher R2. The lower panel shows the contributions of the bands. The curve of
# single molecules bends down and that of pairs bends up: neither is linear,
# but their sum is. The contribution of the solvent is constant. A calibration
# that uses only the band of pairs would be wrong at low concentrations, even
# if its R2 is high.
LinearityDisplay(explanation, concentration).plot(
    bands, technique="ftir", output_label="acid (mmol/L)"
)
plt.show()
