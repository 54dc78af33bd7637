"""
Chemical images
===============

A Raman image has one spectrum per pixel, and is often larger than the memory.
With Dask (``pip install "sklearn-spectral[dask]"``) a model predicts and
explains the image block by block, and keeps only the results that you ask for.
This example makes two images: the predicted percentage, and the contribution
of one band. See also :doc:`/user_guide/images` and
:doc:`/user_guide/clusters`.
"""

# %%
# The model is a calibration on simulated blends of olive and sunflower oil.
import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor
from sklearn_spectral.datasets import make_oil_blends
from sklearn_spectral.hyperspectral import explain

blends = make_oil_blends(80, random_state=0)
model = make_pipeline(
    ArPls(), StandardNormalVariate(), ResNet1DRegressor(random_state=0)
)
model.fit(blends.data, blends.target, resnet1dregressor__groups=blends.groups)

# %%
# The simulated sample contains drops of sunflower oil in olive oil. The
# spectrum of each pixel is a mixture of the spectra of the two oils, with its
# own scatter and noise.
rng = np.random.default_rng(0)
row, column = np.mgrid[0:48, 0:64]
truth = np.zeros((48, 64))
for _ in range(9):
    centre, size = rng.uniform((0, 0), (48, 64)), rng.uniform(3, 9)
    distance = np.hypot(row - centre[0], column - centre[1])
    truth = np.maximum(truth, 100 / (1 + np.exp(distance - size)))
olive, sunflower = (
    make_oil_blends(
        1,
        percent_range=(percent, percent),
        n_replicates=1,
        noise=0,
        cosmic_rays=0,
        random_state=5,
    ).data[0]
    for percent in (0, 100)
)
spectra = (1 - truth[..., None] / 100) * olive + truth[
    ..., None
] / 100 * sunflower
spectra *= np.exp(0.1 * rng.normal(size=(48, 64, 1)))
spectra += np.sqrt(spectra) * rng.normal(size=spectra.shape)

# %%
# The following code works for a file of any size:
# ``dask.array.from_zarr(path)``. Nothing is computed until the two images are
# asked for, and the spectra are read only once for both. With a
# ``distributed.Client`` the same code runs on a cluster.
image = da.from_array(spectra, chunks=(16, 64, -1))
explanation = explain(model, image, x_axis=blends.x_axis)
start, end = blends.bands["C=C stretch"]
in_band = (start <= explanation.x_axis) & (explanation.x_axis <= end)
predicted, band = dask.compute(
    explanation.outputs, explanation.maps[..., in_band].sum(axis=-1)
)
rmse = np.sqrt(np.mean((predicted - truth) ** 2))
print(f"RMSE over all pixels: {rmse:.1f} % sunflower oil")

# %%
# The figure shows the true percentage and both images. The contribution of the
# C=C band is highest in the drops, because sunflower oil has more double bonds
# than olive oil.
figure, axes = plt.subplots(3, figsize=(5, 9), layout="constrained")
limit = np.abs(band).max()
for axis, picture, title, style in [
    (axes[0], truth, "True (%)", {"cmap": "viridis", "vmin": 0, "vmax": 100}),
    (
        axes[1],
        predicted,
        "Predicted (%)",
        {"cmap": "viridis", "vmin": 0, "vmax": 100},
    ),
    (
        axes[2],
        band,
        "Contribution of C=C at 1655 cm$^{-1}$ (%)",
        {"cmap": "coolwarm", "vmin": -limit, "vmax": limit},
    ),
]:
    drawn = axis.imshow(picture, **style)
    axis.set_title(title, fontsize="medium")
    axis.set(xticks=[], yticks=[])
    figure.colorbar(drawn, ax=axis)
plt.show()
