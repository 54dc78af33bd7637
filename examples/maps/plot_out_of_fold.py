"""
Stable bands by cross-validation
================================

The map of a training spectrum also shows what the model has memorized, and a
network that was trained on other samples has another map. ``cross_explain``
solves both problems: every spectrum is explained by several models that have
not seen it. See also :doc:`/user_guide/out_of_fold`.
"""

# %%
# The data are forty samples of sunflower oil in olive oil, with two replicates
# each. Replicates stay together in the folds and inside ``fit``. There are
# three repeats, with other folds and other networks.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, cross_explain, explain
from sklearn_spectral.datasets import make_oil_blends
from sklearn_spectral.metrics import stability

blends = make_oil_blends(40, cosmic_rays=0, random_state=0)
X, y = blends.data, blends.target
model = make_pipeline(
    ArPls(), StandardNormalVariate(), ResNet1DRegressor(random_state=0)
)
params = {"resnet1dregressor__groups": blends.groups}
left_out = cross_explain(
    model,
    X,
    y,
    cv=4,
    groups=blends.groups,
    params=params,
    n_repeats=3,
    x_axis=blends.x_axis,
    random_state=0,
)

# %%
# If the same spectra are explained by a model that has seen them all, the
# errors are too optimistic.
seen = explain(clone(model).fit(X, y, **params), X, x_axis=blends.x_axis)
for name, each in {"seen in training": seen, "out of fold": left_out}.items():
    rmse = np.sqrt(np.mean((each.outputs - y) ** 2))
    print(f"RMSE, {name}: {rmse:.1f} % sunflower oil")

# %%
# The figure shows the spectrum with the highest prediction: the mean map over
# the repeats, and two standard deviations between the repeats. Where the
# shaded area reaches zero, another model might have the opposite sign.
row = int(left_out.outputs.argmax())
mean, spread = left_out.maps[row], left_out.maps_std[row]
figure, axis = plt.subplots(figsize=(6.5, 4), layout="constrained")
axis.axhline(0, color="0.6", linewidth=0.6)
axis.fill_between(
    left_out.x_axis,
    mean - 2 * spread,
    mean + 2 * spread,
    alpha=0.35,
    label="two standard deviations",
)
axis.plot(left_out.x_axis, mean, label="mean of three repeats, out of fold")
axis.plot(
    seen.x_axis,
    seen.maps[row],
    "--",
    linewidth=1,
    label="model trained on this spectrum",
)
axis.set(
    xlabel="Raman shift (cm$^{-1}$)",
    ylabel="Contribution of a point\n(% sunflower oil)",
    xlim=left_out.x_axis[[0, -1]],
)
axis.legend()

# %%
# The same for bands, over all spectra. Report the bands that are called
# stable.
table = left_out.stability(blends.bands).drop(
    columns=["target", "start", "end"]
)
print(table.to_string(index=False, float_format="%.2f"))

# %%
# The next figure shows the correlation between the maps of two repeats for
# each spectrum. It is lowest for spectra near the mean, whose maps are nearly
# empty.
agreement = stability(left_out).per_spectrum
figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
axis.plot(left_out.outputs, agreement, "o", alpha=0.7)
axis.set(
    xlabel="Predicted sunflower oil, out of fold (%)",
    ylabel="Correlation of maps\nbetween repeats",
)
plt.show()
