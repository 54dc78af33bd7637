"""
First calibration: glucose by FTIR
==================================

chemotools includes ATR-FTIR spectra of 21 mixtures that imitate a
fermentation, with the glucose concentration of each mixture in g/L. This
example predicts glucose, and shows which wavenumbers contribute to the
predictions. The user guide has more about :doc:`data </user_guide/data>` and
:doc:`preprocessing </user_guide/preprocessing>`.
"""

# %%
# The column names of the DataFrame are the wavenumbers. The pipeline selects
# the region in which sugars absorb, and computes the first derivative, which
# removes a constant baseline.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.datasets import load_fermentation_train
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, cross_explain

X, reference = load_fermentation_train()
glucose = reference["glucose"]
model = make_pipeline(
    RangeCut(start=950, end=1500, x_axis=X.columns.to_numpy()),
    SavitzkyGolay(window_length=15, polyorder=2, deriv=1),
    ResNet1DRegressor(random_state=0),
)

# %%
# Twenty-one spectra are too few to set some of them aside permanently. In
# cross-validation each spectrum is predicted and explained by a model that has
# not seen it. ``cross_explain`` does both in one call.
explanation = cross_explain(
    model, X, glucose, cv=KFold(7, shuffle=True, random_state=0)
)
rmse = np.sqrt(np.mean((explanation.outputs - glucose) ** 2))
print(f"RMSE of cross-validation: {rmse:.2f} g/L")
print(f"Standard deviation of glucose: {glucose.std():.2f} g/L")

# %%
# The line marks correct predictions. These mixtures were made in a laboratory.
# The broth of a real fermentation contains many other substances, and
# cross-validation among the mixtures cannot estimate the error there.
figure, axis = plt.subplots(figsize=(6, 4.5), layout="constrained")
axis.axline((0, 0), slope=1, color="0.6", linewidth=1)
axis.plot(glucose, explanation.outputs, "o")
axis.set(
    xlabel="Glucose by HPLC (g/L)",
    ylabel="Predicted glucose, out of fold (g/L)",
)

# %%
# The maps show which wavenumbers contribute, for the mixtures with the lowest
# and the highest glucose concentration, in g/L per point. Red points increase
# the predicted glucose, blue points decrease it. The line is the measured
# spectrum, and the axis is descending, as usual for FTIR.
extremes = [int(glucose.argmin()), int(glucose.argmax())]
explanation.plot(
    samples=extremes, technique="ftir", output_label="glucose (g/L)"
)

# %%
# The same as numbers: the contribution of the region of the C-O and C-C
# stretching vibrations, and the contribution of all other points. Together
# with the base value, the mean of the training mixtures, they add up to the
# prediction.
region = explanation.contributions({"C-O, C-C": (980, 1180)})[
    "contribution"
].to_numpy()
everything = explanation.maps.sum(axis=1)
for row in extremes:
    elsewhere = everything[row] - region[row]
    print(
        f"HPLC {glucose[row]:5.1f} g/L: "
        f"base value {explanation.base_values[row]:.1f}, "
        f"C-O and C-C {region[row]:+.1f}, elsewhere {elsewhere:+.1f}, "
        f"prediction {explanation.outputs[row]:.1f}"
    )
plt.show()
