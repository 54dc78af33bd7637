"""
Reading a map: what do its sign, its unit and its sum mean?
===========================================================

A map has one number for every wavenumber of a spectrum: what this point adds to the prediction, in
the unit of the prediction. Here that is per cent of sunflower oil in olive oil.
"""

# %%
# A model of Raman spectra, two replicates a sample; whole samples are kept for the reading.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, explain
from sklearn_spectral.datasets import make_oil_blends

blends = make_oil_blends(80, cosmic_rays=0, random_state=0)
splitter = GroupShuffleSplit(1, test_size=0.3, random_state=0)
train, test = next(splitter.split(blends.data, groups=blends.groups))
model = make_pipeline(
    ArPls(), StandardNormalVariate(), ResNet1DRegressor(random_state=0)
)
model.fit(
    blends.data[train],
    blends.target[train],
    resnet1dregressor__groups=blends.groups[train],
)
explanation = explain(model, blends.data[test], x_axis=blends.x_axis)

# %%
# **Sign.** Three spectra: the lowest prediction, the one closest to the mean of the training
# spectra, and the highest. Red points raise the prediction, blue ones lower it; grey ones leave it
# as it is. A blue peak does not say that a band is absent: it is lower, or higher, than in the mean
# spectrum in a way that speaks for less sunflower oil. The map of the spectrum in the middle is
# nearly empty: there is little to explain about a spectrum that is average.
distance = explanation.outputs - explanation.base_values
chosen = [
    int(distance.argmin()),
    int(np.abs(distance).argmin()),
    int(distance.argmax()),
]
explanation.plot(
    samples=chosen, technique="raman", output_label="sunflower oil (%)"
)

# %%
# **Unit.** The base value is the mean prediction over the training spectra, in per cent. From
# there every point adds its contribution, in per cent as well.
#
# **Completeness.** Summed from one end of the axis to the other, contributions go from the base
# value to the prediction, with nothing left over. Steps in the line are the bands that matter.
figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
for row in chosen:
    line = explanation.base_values[row] + np.cumsum(
        explanation.maps[row], dtype=float
    )
    axis.plot(
        explanation.x_axis,
        line,
        label=f"true: {blends.target[test][row]:.0f} %",
    )
    axis.plot(
        explanation.x_axis[-1],
        explanation.outputs[row],
        "k>",
        clip_on=False,
        zorder=3,
    )
axis.axhline(
    explanation.base_values[0], color="0.6", linewidth=1, label="base value"
)
axis.set(
    xlabel="Raman shift (cm$^{-1}$)",
    ylabel="Base value and contributions so far\n(% sunflower oil); triangle: prediction",
    xlim=explanation.x_axis[[0, -1]],
)
axis.legend()

# %%
# What is left over is rounding of 32-bit numbers:
print(
    f"Largest residual: {np.abs(explanation.residuals).max():.0e} % sunflower oil"
)

# %%
# **What a map is not.** It shows what this model uses, right or wrong: the sum is the prediction,
# not the truth.
error = explanation.outputs - blends.target[test]
print(
    f"Largest error of a prediction: {np.abs(error).max():.1f} % sunflower oil"
)
plt.show()
