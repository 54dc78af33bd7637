"""
PLS coefficients, VIP and maps
==============================

The usual tools to interpret a PLS model are its regression coefficients and
the variable importance in projection (VIP). This example compares both with
the mean map of the network, on spectra with known bands. See also
:doc:`/faq_pls` and :doc:`/user_guide/explaining`.
"""

# %%
# The spectra are simulated: ten bands of the same shape on a sloping
# background. Three bands increase with the concentration, the others vary
# independently. There are two replicates per sample, and whole samples are set
# aside for the test.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.metrics import roc_auc_score, root_mean_squared_error
from sklearn.model_selection import GridSearchCV, GroupKFold, GroupShuffleSplit

from sklearn_spectral import ResNet1DRegressor
from sklearn_spectral.metrics import vip

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
train, test = next(
    GroupShuffleSplit(1, test_size=0.3, random_state=0).split(X, groups=sample)
)

# %%
# The number of latent variables of PLS is chosen by cross-validation on whole
# training samples.
search = GridSearchCV(
    PLSRegression(scale=False),
    {"n_components": range(1, 11)},
    cv=GroupKFold(5),
    scoring="neg_root_mean_squared_error",
)
search.fit(X[train], concentration[train], groups=sample[train])
network = ResNet1DRegressor(random_state=0)
network.fit(X[train], concentration[train], groups=sample[train])
for name, model in {"PLS": search, "ResNet": network}.items():
    error = root_mean_squared_error(
        concentration[test], model.predict(X[test])
    )
    print(f"{name}: RMSE on other samples {error:.2f} g/L")

# %%
# VIP is computed from the squared weights of every latent variable and the
# variance of y that this variable explains. A wavenumber with VIP above 1 is
# usually called important.
pls = search.best_estimator_

# %%
# Coefficients have a sign, and the unit of y per unit of intensity. Only their
# product with a spectrum is a contribution. VIP has neither a sign nor a unit.
# Both are one curve for the whole model. Maps are one curve per spectrum, in
# the unit of the prediction; the figure shows their mean absolute value over
# the test spectra. On spectra as linear as these, all three find the bands,
# and PLS predicts as well as the network.
explanation = network.explain(X[test], x_axis=x_axis)
curves = {
    "PLS coefficients": (np.ravel(pls.coef_), "g/L per unit"),
    f"VIP ({pls.n_components} latent variables)": (vip(search), "VIP"),
    "1D Grad-CAM, mean absolute value": (
        np.abs(explanation.maps).mean(axis=0),
        "g/L per point",
    ),
}
known = (np.abs(x_axis[:, None] - positions[markers]) <= 20).any(axis=1)
figure, axes = plt.subplots(
    3, figsize=(6.5, 6), sharex=True, layout="constrained"
)
for axis, (name, (curve, unit)) in zip(axes, curves.items(), strict=True):
    for position in positions[markers]:
        axis.axvspan(position - 20, position + 20, color="0.9", zorder=0)
    axis.axhline(1 if unit == "VIP" else 0, color="0.6", linewidth=0.6)
    axis.plot(x_axis, curve)
    area = roc_auc_score(known, np.abs(curve))
    axis.set_title(
        f"{name}: ROC area {area:.2f}", loc="left", fontsize="medium"
    )
    axis.set(ylabel=unit)
axes[-1].set(
    xlabel="Raman shift (cm$^{-1}$); grey: the three bands",
    xlim=x_axis[[0, -1]],
)

# %%
# The area under the ROC curve is the probability that a point in one of the
# three bands has a larger absolute value than a point outside. The next table
# shows the contributions of the three bands to a single spectrum. Coefficients
# alone cannot show that.
row = int(concentration[test].argmax())
bands = {f"{at:.0f}": (at - 20, at + 20) for at in positions[markers]}
table = explanation[[row]].contributions(bands)
print(
    table[["band", "contribution"]].to_string(index=False, float_format="%.2f")
)
plt.show()
