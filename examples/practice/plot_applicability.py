"""
Outlier detection in use
========================

A model returns a prediction for any spectrum.
:func:`~sklearn_spectral.applicability` checks whether the spectrum is similar
to the training spectra, by Hotelling's T2 (more of the known variation) and by
Q residuals (unknown variation). The user guide has more about outliers:
:doc:`/user_guide/outliers_and_uncertainty`.
"""

# %%
# The data are ATR-FTIR spectra of a fermentation broth, from chemotools.
# Glucose is calibrated on 21 mixtures that were made in the laboratory. The
# model is used on spectra that were measured on-line every 75 seconds;
# reference values were measured once per hour.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.datasets import load_fermentation_test, load_fermentation_train
from chemotools.feature_selection import RangeCut
from chemotools.scatter import StandardNormalVariate
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, applicability

mixtures, glucose = load_fermentation_train()
glucose = glucose["glucose"].to_numpy()
online, reference = load_fermentation_test()
hours = np.arange(len(online)) * 1.25 / 60
recorded = online.std(axis=1) > 0  # the last spectra are empty
online, hours = online[recorded], hours[recorded]

model = make_pipeline(
    RangeCut(start=950, end=1500, x_axis=mixtures.columns.to_numpy()),
    StandardNormalVariate(),
    ResNet1DRegressor(random_state=0),
)


def rmse(errors):
    """Return the root mean square of errors."""
    return np.sqrt(np.mean(errors**2))


left_out, of_mixtures = np.empty(len(mixtures)), np.empty((len(mixtures), 2))
for train, test in KFold(5, shuffle=True, random_state=0).split(mixtures):
    model.fit(mixtures.iloc[train], glucose[train])
    left_out[test] = model.predict(mixtures.iloc[test])
    scores = applicability(model, mixtures.iloc[test])
    of_mixtures[test] = scores[["hotelling_t2", "q_residual"]]
print(
    f"Cross-validated among the mixtures: {rmse(left_out - glucose):.1f} g/L"
)

# %%
# The error of cross-validation is small, but it belongs to mixtures that were
# left out, and the on-line spectra differ from these mixtures. The prediction
# itself does not show that, but the scores do.
model.fit(mixtures, glucose)
scores = applicability(model, online)
errors = model.predict(online) - np.interp(
    hours, reference["time"], reference["glucose"]
)
print(f"On-line: {rmse(errors):.1f} g/L")
print(f"{scores['inside'].mean():.0%} of the on-line spectra are inside")

# %%
# Both scores are drawn in units of their limits: about nineteen in twenty
# spectra that are similar to the training spectra lie in the lower left
# rectangle. The mixtures were scored while they were left out; limits from 16
# spectra are not accurate.
figure, axis = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
drawn = axis.scatter(
    scores["hotelling_t2"],
    scores["q_residual"],
    c=np.abs(errors),
    s=8,
    label="On-line",
)
axis.scatter(
    *of_mixtures.T, marker="^", color="tab:red", label="Mixtures, left out"
)
axis.axhline(1, color="gray", linestyle="--")
axis.axvline(1, color="gray", linestyle="--")
axis.set(
    xscale="log",
    yscale="log",
    xlabel="Hotelling T2 / limit",
    ylabel="Q residual / limit",
)
axis.legend()
figure.colorbar(drawn, label="Absolute error (g/L)")
plt.show()

# %%
# To improve the model, measure some of the flagged samples by the reference
# method, and add them to the training spectra.
hourly = np.searchsorted(hours, reference["time"]).clip(max=len(hours) - 1)
added = hourly[::3]
spectra = np.vstack([mixtures, online.iloc[added]])
model.fit(spectra, np.append(glucose, reference["glucose"].iloc[::3]))
others = np.setdiff1d(np.arange(len(online)), added)
errors = model.predict(online.to_numpy())[others] - np.interp(
    hours[others], reference["time"], reference["glucose"]
)
inside = (
    applicability(model, online.to_numpy())["inside"].to_numpy()[others].mean()
)
print(f"With {len(added)} on-line samples added: {rmse(errors):.1f} g/L")
print(f"{inside:.0%} of the other on-line spectra are inside")
