"""
Deploy with ONNX
================

A model is fitted in Python, but it is often deployed on the computer of an
instrument, without Python packages. ``export_onnx`` writes the model as one
ONNX file (``pip install "sklearn-spectral[onnx]"``). Its input is raw spectra,
its outputs are predictions and 1D Grad-CAM maps, and any software with an ONNX
runtime can use it. In this example a model from the laboratory monitors a
fermentation. See also :doc:`/user_guide/deploying`.
"""

# %%
# In the laboratory, glucose is calibrated on 21 mixtures that imitate a broth.
# The baseline of the real broth is different, so the derivative is important,
# and cross-validation among the mixtures cannot choose it. It is chosen on
# every third HPLC value of the fermentation. The errors below are those of the
# other values. Range cut and derivative are part of the exported file.
import tempfile
from pathlib import Path

import numpy as np
from chemotools.datasets import load_fermentation_test, load_fermentation_train
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, export_onnx

X, reference = load_fermentation_train()
wavenumbers = X.columns.to_numpy()
measured, hplc = load_fermentation_test()
hours = np.arange(len(measured)) * 1.25 / 60
choice = np.arange(len(hplc)) % 3 == 0


def rmse(prediction, chosen):
    """Return the error against some of the HPLC values."""
    errors = np.interp(hplc["time"], hours, prediction) - hplc["glucose"]
    return np.sqrt(np.mean(errors[chosen] ** 2))


models, errors = {}, {}
for deriv in (1, 2):
    model = make_pipeline(
        RangeCut(start=950, end=1500, x_axis=wavenumbers),
        SavitzkyGolay(window_length=21, polyorder=2, deriv=deriv),
        ResNet1DRegressor(random_state=0),
    )
    models[deriv] = model.fit(X, reference["glucose"])
    errors[deriv] = rmse(model.predict(measured.to_numpy()), choice)
    print(f"Derivative {deriv}: RMSE {errors[deriv]:.1f} g/L")
model = models[min(errors, key=errors.get)]

path = Path(tempfile.mkdtemp()) / "glucose.onnx"
export_onnx(model, path, x_axis=wavenumbers)
print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")

# %%
# At the fermenter, only the file and onnxruntime are used. The probe measures
# a spectrum every 1.25 minutes. The metadata of the file contain the
# wavenumbers of the maps.
import json  # noqa: E402

import onnxruntime  # noqa: E402

spectra = measured.to_numpy()
session = onnxruntime.InferenceSession(path)
metadata = session.get_modelmeta().custom_metadata_map
x_axis = np.array(json.loads(metadata["x_axis"]))
prediction, maps, base_values = session.run(None, {"spectra": spectra})

# %%
# The maps and the base value add up to the prediction. Software that shows a
# map can check this for every spectrum.
error = np.abs(maps.sum(axis=1) + base_values - prediction).max()
print(f"Largest difference between sum and prediction: {error:.0e} g/L")
print(f"RMSE of the other HPLC values: {rmse(prediction, ~choice):.1f} g/L")

# %%
# The upper panel is what the instrument can show for one spectrum: the colour
# of its points is their contribution, relative to the mean of the calibration.
# The lower panel is the whole fermentation, with the HPLC values of the
# laboratory.
import matplotlib.pyplot as plt  # noqa: E402

now = 480
first = np.searchsorted(wavenumbers, x_axis[0])
shown = spectra[now, first : first + len(x_axis)]
limit = np.abs(maps[now]).max()
figure, (top, bottom) = plt.subplots(2, figsize=(6.5, 7), layout="constrained")
top.plot(x_axis, shown, color="0.8", linewidth=1, zorder=1)
points = top.scatter(
    x_axis, shown, 12, maps[now], cmap="coolwarm", vmin=-limit, vmax=limit
)
figure.colorbar(points, ax=top, label="Contribution (g/L per point)")
top.set(
    xlabel="Wavenumber (cm$^{-1}$)",
    ylabel="Absorbance",
    title=f"{hours[now]:.0f} h: {base_values[0]:.1f} {maps[now].sum():+.1f}"
    f" = {prediction[now]:.1f} g/L glucose",
)
top.invert_xaxis()
bottom.plot(hours, prediction, linewidth=1, label="ONNX file")
bottom.plot(hplc["time"], hplc["glucose"], "ko", markersize=4, label="HPLC")
bottom.axvline(hours[now], color="0.6", linestyle=":")
bottom.set(
    xlabel="Time (h)", ylabel="Glucose (g/L)", title="The whole fermentation"
)
bottom.legend()
plt.show()
