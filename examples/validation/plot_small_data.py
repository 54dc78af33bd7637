"""
Small data: how many samples does it take?
==========================================

Deep learning is said to need thousands of spectra. This network starts from PLS and ridge
calibrations, and learns what these miss. What is it worth on ten samples, or on eighty?
"""

# %%
# Two spectra each of 10, 20, 40 and 80 samples to train on, three draws, and 40 samples to test
# on, always the same. Beside it PLS, with its latent variables chosen on whole training samples.
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
maps = {size: [] for size in SIZES}  # one explanation a draw
for draw in range(DRAWS):
    pool = make_oil_blends(max(SIZES), cosmic_rays=0, random_state=draw)
    spectra = preprocessing.fit_transform(
        pool.data
    )  # row by row: nothing leaks
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
# Lines join the means of the draws. Where the draws of both methods overlap, neither is better.
# These spectra are nearly linear, so that PLS has all it needs: the point is that the network,
# which starts from it, loses little or nothing on few samples.
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
for name, colour, marker in [
    ("PLS", "tab:orange", "s"),
    ("ResNet", "tab:blue", "o"),
]:
    axis.plot(SIZES, errors[name].mean(axis=1), color=colour, label=name)
    axis.plot(SIZES, errors[name], marker, color=colour, alpha=0.6)
    print(
        name,
        "mean RMSE:",
        ", ".join(f"{error:.1f}" for error in errors[name].mean(axis=1)),
    )
axis.set_xscale("log", base=2)
axis.set_xticks(SIZES, [str(size) for size in SIZES])
axis.set(
    xlabel="Samples to train on, two spectra each",
    ylabel="RMSE of the test (% sunflower oil)",
)
axis.legend()

# %%
# And when can the maps be trusted? Mean absolute maps of the test spectra, a line a draw: the more
# samples, the more the draws agree. The number is the mean correlation of the maps of a spectrum
# between two draws.
figure, axes = plt.subplots(
    len(SIZES), figsize=(8, 6.5), sharex=True, layout="constrained"
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
    "Mean absolute contribution of a point (% sunflower oil)",
    fontsize="medium",
)
plt.show()
