"""
Maps of PLS and of the network
==============================

PLS and the network predict the same glucose concentrations. ``explain`` takes
both models, so their maps can be compared: on one axis, in one unit, and each
map adds up to its prediction. See also :doc:`/user_guide/explaining` and
:doc:`/faq_pls`.
"""

# %%
# The data are infrared spectra of a fermentation, from chemotools. Both models
# get the same scatter correction. The number of latent variables of PLS is
# chosen by cross-validation.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.datasets import load_fermentation_train
from chemotools.feature_selection import RangeCut
from chemotools.scatter import StandardNormalVariate
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, cross_explain
from sklearn_spectral.metrics import vip

X, y = load_fermentation_train()
glucose = y["glucose"].to_numpy()
steps = [
    RangeCut(start=950, end=1500, x_axis=X.columns),
    StandardNormalVariate(),
]
folds = KFold(5, shuffle=True, random_state=0)
pls = GridSearchCV(
    make_pipeline(*steps, PLSRegression(scale=False)),
    {"plsregression__n_components": range(1, 8)},
    cv=folds,
    scoring="neg_root_mean_squared_error",
)
network = make_pipeline(*steps, ResNet1DRegressor(random_state=0))

# %%
# Every spectrum is explained by models that have not seen it. A map is
# relative to the mean of the training spectra: it shows what a wavelength adds
# to, or subtracts from, the mean glucose concentration. The map of the network
# is the plain one, which includes the compensation of scatter and background,
# as the map of PLS does.
explanations = {
    "PLS": cross_explain(pls, X, glucose, cv=folds),
    "ResNet": cross_explain(
        network, X, glucose, cv=folds, method="1d-grad-cam"
    ),
}
for name, explanation in explanations.items():
    error = np.sqrt(np.mean((explanation.outputs - glucose) ** 2))
    left = np.abs(explanation.residuals).max()
    print(f"{name}: RMSE {error:.2f} g/L, largest residual {left:.0e} g/L")

# %%
# The panels show one line per spectrum, in a deeper red for more glucose. The
# C-O bands of sugar from 985 to 1100 cm\ :sup:`-1` are grey.
first, *_ = explanations.values()
figure, axes = plt.subplots(
    4, figsize=(6.5, 8.5), sharex=True, layout="constrained"
)
colours = plt.colormaps["coolwarm"](glucose / glucose.max())
curves = {"Spectra after SNV": (first.spectra, "intensity")}
curves |= {
    name: (each.maps, "g/L per point") for name, each in explanations.items()
}
for axis, (name, (lines, unit)) in zip(axes, curves.items(), strict=False):
    for line, colour in zip(lines, colours, strict=True):
        axis.plot(first.x_axis, line, color=colour, linewidth=0.8)
    axis.set_title(name, loc="left", fontsize="medium")
    axis.set(ylabel=unit)
pls.fit(X, glucose)
axes[-1].plot(first.x_axis, vip(pls), color="0.3")
axes[-1].set_title("VIP of PLS", loc="left", fontsize="medium")
axes[-1].set(xlabel="Wavenumber (cm$^{-1}$)", xlim=(1500, 950))
for axis in axes:
    axis.axhline(axis is axes[-1], color="0.6", linewidth=0.6)
    axis.axvspan(985, 1100, color="0.92", zorder=0)

# %%
# The table shows the slope of the contributions of a band against glucose, and
# the R2 of this line. The slopes add up to the slope of the prediction. Half
# of the slope of PLS comes from the noisy end of the spectra, but only a
# quarter of the slope of the network. Inside the bands of sugar, both models
# have contributions of opposite sign at neighbouring wavenumbers, which
# cancel. VIP is high in both regions and shows neither of these facts.
bands = {
    "noisy end": (950, 985),
    "C-O of sugar": (985, 1100),
    "other": (1100, 1500),
}
for name, explanation in explanations.items():
    table = explanation.linearity(glucose, bands)[["band", "slope", "r2"]]
    print(f"{name}\n{table.to_string(index=False, float_format='%.2f')}")

plt.show()
