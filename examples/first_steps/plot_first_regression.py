"""
First regression: how much glucose is in the broth?
===================================================

ATR-FTIR spectra of 21 mixtures that imitate a fermentation come with chemotools, with the glucose
of each in g/L. How well is it predicted, and from which wavenumbers?
"""

# %%
# The column names of the DataFrame are the wavenumbers. The pipeline keeps the region where sugars
# absorb and takes the first derivative, in which a constant baseline is gone.
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
# Twenty-one spectra are too few to set some aside for good. In cross-validation each is predicted,
# and explained, by a model that has not seen it: ``cross_explain`` does both at once.
explanation = cross_explain(
    model, X, glucose, cv=KFold(7, shuffle=True, random_state=0)
)
rmse = np.sqrt(np.mean((explanation.outputs - glucose) ** 2))
print(
    f"RMSE of cross-validation: {rmse:.2f} g/L; standard deviation: {glucose.std():.2f} g/L"
)

# %%
# On the line a prediction is right. These are mixtures made in a laboratory: how the model does in
# a real fermentation, whose broth holds much else, no cross-validation among them can tell.
figure, axis = plt.subplots(figsize=(6, 4.5), layout="constrained")
axis.axline((0, 0), slope=1, color="0.6", linewidth=1)
axis.plot(glucose, explanation.outputs, "o")
axis.set(
    xlabel="Glucose by HPLC (g/L)",
    ylabel="Predicted glucose, out of fold (g/L)",
)

# %%
# Which wavenumbers said so? The maps of the mixtures with least and most glucose, in g/L a point:
# red adds glucose, blue takes away. The line is the first derivative, as the network sees it, and
# the axis runs from high to low, as usual for FTIR.
extremes = [int(glucose.argmin()), int(glucose.argmax())]
explanation.plot(
    samples=extremes, technique="ftir", output_label="glucose (g/L)"
)

# %%
# In numbers: what the region of the C-O and C-C stretch vibrations contributes, and all other
# points. With the base value, the mean of the training mixtures, they add up to the prediction.
region = explanation.contributions({"C-O, C-C": (980, 1180)})[
    "contribution"
].to_numpy()
everything = explanation.maps.sum(axis=1)
for row in extremes:
    print(
        f"HPLC {glucose[row]:5.1f} g/L: base value {explanation.base_values[row]:.1f}, "
        f"C-O and C-C {region[row]:+.1f}, elsewhere {everything[row] - region[row]:+.1f}, "
        f"prediction {explanation.outputs[row]:.1f}"
    )
plt.show()
