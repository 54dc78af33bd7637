"""
CAM, Grad-CAM and 1D Grad-CAM
=============================

CAM and Grad-CAM were made for photographs, in which the position of an object
does not matter. In a spectrum the position is the information. This example
compares the methods on spectra with known bands. The formulas are in
:doc:`/how_it_works`; see also :doc:`/user_guide/map_quality` and
:doc:`/user_guide/explaining`.
"""

# %%
# The spectra are simulated: ten bands of the same shape on a sloping
# background. Three bands increase with the concentration, the others vary
# independently. There are two replicates per sample, and whole samples are set
# aside for the comparison.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from sklearn_spectral import ResNet1DRegressor
from sklearn_spectral.metrics import localization

rng = np.random.default_rng(0)
x_axis = np.arange(600.0, 1800.0, 2.5)
positions, markers = np.linspace(650, 1750, 10), [2, 5, 6]
sample = np.repeat(np.arange(80), 2)
concentration = rng.uniform(0, 10, 80)[sample]
heights = rng.uniform(2, 8, size=(80, 10))[sample]
heights[:, markers] = 2 + 0.6 * concentration[:, None]
X = heights @ np.exp(-(((x_axis - positions[:, None]) / 15) ** 2))
X += rng.uniform(0, 10, 80)[sample, None] * np.linspace(1, 0, len(x_axis))
X += 0.2 * rng.normal(size=X.shape)
bands = {
    f"{positions[i]:.0f}": (positions[i] - 20, positions[i] + 20)
    for i in markers
}
train, test = next(
    GroupShuffleSplit(1, test_size=0.3, random_state=0).split(X, groups=sample)
)

# %%
# CAM needs a network whose head averages over positions. Such a network cannot
# start from a linear calibration, so it is trained for longer. The other
# methods explain the standard network.
whole = ResNet1DRegressor(random_state=0)
pooled = ResNet1DRegressor(
    shortcut=False,
    max_epochs=100,
    net_params={"module__pooling": True},
    random_state=0,
)
for name, model in {
    "Standard": whole,
    "Head averages over positions": pooled,
}.items():
    model.fit(X[train], concentration[train], groups=sample[train])
    error = model.predict(X[test]) - concentration[test]
    print(f"{name}: RMSE {np.sqrt(np.mean(error**2)):.2f} g/L")

# %%
# Each spectrum gets three maps. The area under the ROC curve measures how well
# the absolute map separates the points in the three bands from all others: 1
# is perfect, 0.5 is chance. The residual is the part of the prediction that is
# not assigned to any wavenumber.
explanations = {
    "CAM": pooled.explain(X[test], method="cam", x_axis=x_axis),
    "Grad-CAM": whole.explain(X[test], method="grad-cam", x_axis=x_axis),
    "1D Grad-CAM": whole.explain(X[test], x_axis=x_axis),
}
for name, each in explanations.items():
    area = localization(each, bands)["roc_area"].mean()
    residual = np.abs(each.residuals).mean()
    print(f"{name}: area {area:.2f}, mean residual {residual:.2g} g/L")

# %%
# The figure shows the spectrum with the highest concentration; the three bands
# are grey. CAM explains a network that ignores positions and cannot predict
# this concentration. Grad-CAM averages the gradient over all positions and
# removes negative values: bands that are not related to the concentration are
# marked too, and the scale has no meaning. 1D Grad-CAM keeps the gradient of
# each position and its sign: it marks only the three bands, in g/L.
row = int(concentration[test].argmax())
explanations["1D Grad-CAM"].plot(
    samples=row,
    bands=bands,
    beside={name: explanations[name] for name in ("Grad-CAM", "CAM")},
    technique="raman",
    output_label="marker (g/L)",
)
plt.show()
