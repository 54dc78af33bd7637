"""
Small data sets: number of samples
==================================

Deep learning usually needs thousands of spectra. This network starts from PLS
and ridge calibrations and learns only the remaining differences. This example
compares it with PLS on 10 to 80 training samples. The start of the network is
described in :doc:`/user_guide/fitting`.
"""

# %%
# The training sets have 10, 20, 40 and 80 samples with two spectra each, and
# each size is drawn three times. The test set always has the same 40 samples.
# The number of latent variables of PLS is chosen by cross-validation on whole
# training samples.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.cross_decomposition import PLSRegression
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, explain
from sklearn_spectral.datasets import make_oil_blends
from sklearn_spectral.metrics import stability

SIZES, DRAWS = [10, 20, 40, 80], 3
preprocessing = make_pipeline(ArPls(), StandardNormalVariate())
test = make_oil_blends(40, cosmic_rays=0, random_state=100)
test_spectra = preprocessing.fit_transform(test.data)
errors = {
    "PLS": np.empty((len(SIZES), DRAWS)),
    "ResNet": np.empty((len(SIZES), DRAWS)),
}
maps = {size: [] for size in SIZES}  # one explanation per draw
for draw in range(DRAWS):
    pool = make_oil_blends(max(SIZES), cosmic_rays=0, random_state=draw)
    spectra = preprocessing.fit_transform(
        pool.data
    )  # each spectrum on its own: no leakage
    for place, size in enumerate(SIZES):
        rows = pool.groups < size
        X, y, groups = spectra[rows], pool.target[rows], pool.groups[rows]
        pls = GridSearchCV(
            PLSRegression(scale=False),
            {"n_components": range(1, 8)},
            cv=GroupKFold(5),
            scoring="neg_root_mean_squared_error",
        ).fit(X, y, groups=groups)
        network = ResNet1DRegressor(random_state=0).fit(X, y, groups=groups)
        for name, model in {"PLS": pls, "ResNet": network}.items():
            error = root_mean_squared_error(
                test.target, model.predict(test_spectra)
            )
            errors[name][place, draw] = error
        maps[size].append(explain(network, test_spectra, x_axis=test.x_axis))

# %%
# The lines connect the means of the draws. If the draws of the two methods
# overlap, neither method is better. These spectra are nearly linear, which is
# ideal for PLS. The result to note is that the network, which starts from PLS,
# loses little or nothing with few samples.
figure, axis = plt.subplots(figsize=(6.5, 4), layout="constrained")
for name, colour, marker in [
    ("PLS", "tab:orange", "s"),
    ("ResNet", "tab:blue", "o"),
]:
    axis.plot(SIZES, errors[name].mean(axis=1), color=colour, label=name)
    axis.plot(SIZES, errors[name], marker, color=colour, alpha=0.6)
    means = ", ".join(f"{error:.1f}" for error in errors[name].mean(axis=1))
    print(f"{name}, mean RMSE: {means} %")
axis.set_xscale("log", base=2)
axis.set_xticks(SIZES, [str(size) for size in SIZES])
axis.set(
    xlabel="Training samples (two spectra each)",
    ylabel="RMSE of prediction (% sunflower oil)",
)
axis.legend()

# %%
# The next figure shows when maps are reliable. Each line is the mean absolute
# map of the test spectra for one draw: with more samples, the draws agree
# better. The number is the mean correlation between the maps of two draws for
# the same spectrum.
figure, axes = plt.subplots(
    len(SIZES), figsize=(6.5, 6.5), sharex=True, layout="constrained"
)
for axis, (size, explanations) in zip(axes, maps.items(), strict=True):
    for explanation in explanations:
        axis.plot(
            explanation.x_axis,
            np.abs(explanation.maps).mean(axis=0),
            linewidth=1,
        )
    agreement = stability(explanations).per_spectrum.mean()
    axis.set_title(
        f"{size} samples: correlation {agreement:.2f}",
        loc="left",
        fontsize="medium",
    )
axes[-1].set(xlabel="Raman shift (cm$^{-1}$)", xlim=test.x_axis[[0, -1]])
figure.supylabel(
    "Mean absolute contribution of a point (%)", fontsize="medium"
)
plt.show()
