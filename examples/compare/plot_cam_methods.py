"""
CAM, Grad-CAM or 1D Grad-CAM: which finds the bands?
====================================================

CAM and Grad-CAM were made for pictures, in which a cat is a cat wherever it sits. In a spectrum the
position is the answer. Here it is known which bands hold it, and each method is checked.
"""

# %%
# Ten bands of the same shape. Three rise with the concentration, the others vary each on its own,
# over a sloping background. Two replicates a sample; whole samples are kept for the comparison.
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
# CAM needs a network whose head averages over positions; it has no shortcut to start from and is
# trained for longer. The other methods explain the network as it is.
whole = ResNet1DRegressor(random_state=0)
pooled = ResNet1DRegressor(
    shortcut=False,
    max_epochs=100,
    net_params={"module__pooling": True},
    random_state=0,
)
for name, model in {
    "As it is": whole,
    "Head averages over positions": pooled,
}.items():
    model.fit(X[train], concentration[train], groups=sample[train])
    error = model.predict(X[test]) - concentration[test]
    print(
        f"{name}: RMSE on other samples {np.sqrt(np.mean(error**2)):.2f} g/L"
    )

# %%
# Three maps of every spectrum. The area under the ROC curve says how well the absolute map tells
# points in the three bands from all others: 1 is perfect, 0.5 is chance. The residual is the part
# of the prediction that is on no wavenumber.
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
# The spectrum of the highest concentration, by each method; the three bands are grey. CAM explains
# a network that is blind to position and cannot predict this. Grad-CAM averages the gradient over
# all positions and drops what is negative: bands that say nothing light up as well, and the scale
# means nothing. 1D Grad-CAM keeps the gradient of each position and its sign: the three bands, in
# g/L, and no other.
row = int(concentration[test].argmax())
explanations["1D Grad-CAM"].plot(
    samples=row,
    bands=bands,
    beside={name: explanations[name] for name in ("Grad-CAM", "CAM")},
    technique="raman",
    output_label="marker (g/L)",
)
plt.show()
