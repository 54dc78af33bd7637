"""
An instrument PC without Python packages: one file that says why.
=================================================================

A model is made by whoever has Python, and used where the instrument is. ``export_onnx`` writes it
as one ONNX file that takes raw spectra and returns predictions and 1D Grad-CAM maps; any software
with an ONNX runtime reads it. Here a model made in the laboratory watches a fermentation
(``pip install "sklearn-spectral[onnx]"``).
"""

# %%
# In the laboratory: a calibration of glucose on 21 mixtures that imitate a broth. Range cut and
# derivative go into the file with the network. It is the second derivative because the baseline of
# the real broth is another one: with the first the errors below are twice as large.
import tempfile
from pathlib import Path

from chemotools.datasets import load_fermentation_test, load_fermentation_train
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, export_onnx

X, reference = load_fermentation_train()
wavenumbers = X.columns.to_numpy()
model = make_pipeline(
    RangeCut(start=950, end=1500, x_axis=wavenumbers),
    SavitzkyGolay(window_length=21, polyorder=2, deriv=2),
    ResNet1DRegressor(random_state=0),
)
model.fit(X, reference["glucose"])

path = Path(tempfile.mkdtemp()) / "glucose.onnx"
export_onnx(model, path, x_axis=wavenumbers)
print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")

# %%
# At the fermenter: from here on nothing but the file and onnxruntime is used. The probe measures a
# spectrum every 1.25 minutes, and the file holds the wavenumbers of the maps.
import json  # noqa: E402

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402

measured, hplc = load_fermentation_test()
spectra = measured.to_numpy()
hours = np.arange(len(spectra)) * 1.25 / 60

session = onnxruntime.InferenceSession(path)
metadata = session.get_modelmeta().custom_metadata_map
x_axis = np.array(json.loads(metadata["x_axis"]))
prediction, maps, base_values = session.run(None, {"spectra": spectra})

# %%
# Maps and base value add up to the prediction: software that shows a map can check it on the spot.
error = np.abs(maps.sum(axis=1) + base_values - prediction).max()
print(f"Maps add up to the prediction but for {error:.0e} g/L")
rmse = np.sqrt(np.mean((np.interp(hplc["time"], hours, prediction) - hplc["glucose"]) ** 2))
print(f"RMSE against HPLC, of a real fermentation it has never seen: {rmse:.1f} g/L")

# %%
# Left: what the instrument shows for one spectrum, its points coloured by what they add to or take
# from the mean of the calibration. Right: the whole fermentation, beside the laboratory's HPLC.
import matplotlib.pyplot as plt  # noqa: E402

now = 480
first = np.searchsorted(wavenumbers, x_axis[0])
shown = spectra[now, first : first + len(x_axis)]
limit = np.abs(maps[now]).max()
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
left.plot(x_axis, shown, color="0.8", linewidth=1, zorder=1)
points = left.scatter(x_axis, shown, 12, maps[now], cmap="coolwarm", vmin=-limit, vmax=limit)
figure.colorbar(points, ax=left, label="Contribution (g/L a point)")
left.set(
    xlabel="Wavenumber (cm$^{-1}$)",
    ylabel="Absorbance",
    title=f"{hours[now]:.0f} h: {base_values[0]:.1f} {maps[now].sum():+.1f}"
    f" = {prediction[now]:.1f} g/L glucose",
)
left.invert_xaxis()
right.plot(hours, prediction, linewidth=1, label="ONNX file")
right.plot(hplc["time"], hplc["glucose"], "o", color="black", markersize=4, label="HPLC")
right.axvline(hours[now], color="0.6", linestyle=":")
right.set(xlabel="Time (h)", ylabel="Glucose (g/L)", title="The whole fermentation")
right.legend()
plt.show()
