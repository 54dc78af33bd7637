"""
Read a map: sign, unit and sum
==============================

A map has one number for every wavenumber of a spectrum: the contribution of
this point to the prediction, in the unit of the prediction. In this example
the unit is per cent of sunflower oil in olive oil. The page
:doc:`/user_guide/explaining` of the user guide describes all parts of an
explanation.
"""

# %%
# The model is fitted on Raman spectra, with two replicates per sample. Whole
# samples are set aside, and their maps are shown below.
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
# **Sign.** The figure shows three spectra: the one with the lowest prediction,
# the one closest to the mean of the training spectra, and the one with the
# highest prediction. Red points increase the prediction, blue points decrease
# it, and grey points have no effect. A blue peak does not mean that a band is
# absent: the band is lower, or higher, than in the mean spectrum, and this
# difference indicates less sunflower oil. The map of the middle spectrum is
# nearly empty, because there is little to explain about an average spectrum.
distance = explanation.outputs - explanation.base_values
chosen = [
    int(distance.argmin()),
    int(np.abs(distance).argmin()),
    int(distance.argmax()),
]
plt.rc("figure", figsize=(4.9, 4))  # narrow: one column of spectra
explanation.plot(
    samples=chosen, technique="raman", output_label="sunflower oil (%)"
)

# %%
# **Unit.** The base value is the mean prediction over the training spectra, in
# per cent. Each point adds its contribution to it, also in per cent.
#
# **Sum.** If contributions are added up from one end of the axis to the other,
# the result goes from the base value to the prediction, and nothing is left
# over. The steps of the lines are the important bands.
figure, axis = plt.subplots(figsize=(6.5, 4), layout="constrained")
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
        label="prediction" if row == chosen[-1] else None,
        clip_on=False,
        zorder=3,
    )
axis.axhline(
    explanation.base_values[0], color="0.6", linewidth=1, label="base value"
)
axis.set(
    xlabel="Raman shift (cm$^{-1}$)",
    ylabel="Base value and sum of contributions\n(% sunflower oil)",
    xlim=explanation.x_axis[[0, -1]],
)
axis.legend()

# %%
# The difference that is left is the rounding error of 32-bit numbers:
residual = np.abs(explanation.residuals).max()
print(f"Largest residual: {residual:.0e} % sunflower oil")

# %%
# **Limits of a map.** A map shows what this model uses, whether the model is
# right or wrong. It adds up to the prediction, not to the true value.
error = explanation.outputs - blends.target[test]
print(f"Largest error of prediction: {np.abs(error).max():.1f} %")
plt.show()
