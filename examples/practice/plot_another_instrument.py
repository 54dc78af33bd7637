"""
Calibration transfer to another instrument
==========================================

A calibration belongs to the instrument on which its spectra were measured.
Another instrument has a slightly different axis, resolution and response, and
the predictions are biased. This example shows how to detect that, and compares
recipes for a calibration transfer (instrument transfer) with a few samples
that are measured on both instruments. See also
:doc:`/user_guide/outliers_and_uncertainty`.
"""

# %%
# The data are synthetic Raman spectra of sunflower oil in olive oil, by a
# first instrument. The second instrument is simulated: its axis is shifted by
# a fifth of a point, its bands are wider, its detector has another response at
# long wavelengths, and there is stray light. Forty samples are used for the
# test.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from chemotools.adaptation import PiecewiseDirectStandardization
from chemotools.scatter import StandardNormalVariate
from scipy.ndimage import gaussian_filter1d
from sklearn.pipeline import make_pipeline

from sklearn_spectral import (
    ApplicabilityDisplay,
    PredictionDisplay,
    ResNet1DRegressor,
    applicability,
    explain_applicability,
    validation_report,
)
from sklearn_spectral.datasets import make_oil_blends

blends = make_oil_blends(100, n_replicates=1, fluorescence=0, random_state=0)
first, y, shift = blends.data, blends.target, blends.x_axis


def on_second_instrument(spectra):
    """Return what another instrument measures of the same samples."""
    moved = np.stack(
        [np.interp(shift - 0.4, shift, spectrum) for spectrum in spectra]
    )
    wider = gaussian_filter1d(moved, 1.5, axis=1)
    response = 0.9 - 0.15 * (shift - shift[0]) / np.ptp(shift)
    noise = np.random.default_rng(0).normal(
        0, 0.002 * spectra.max(), spectra.shape
    )
    return response * wider + 0.03 * spectra.max() + noise


second = on_second_instrument(first)
train, test = np.arange(60), np.arange(60, 100)
names = [f"S{number:03}" for number in test]


def new_model():
    """Return the model, not fitted."""
    return make_pipeline(
        StandardNormalVariate(), ResNet1DRegressor(random_state=0)
    )


model = new_model().fit(first[train], y[train])
predicted = {
    "first instrument": model.predict(first[test]),
    "second, as it is": model.predict(second[test]),
}
print(
    validation_report(y[test], predicted)[
        ["rmse", "bias", "sep", "slope"]
    ].round(2)
)

# %%
# The predictions alone do not show that something is wrong. ``applicability``
# does, before a reference value is known.
table = pd.DataFrame(second[test], index=[f"S{number:03}" for number in test])
ApplicabilityDisplay.from_estimator(model, table)

# %%
# The figure shows where the spectra differ from the training spectra, as
# shares of Q. The differences are on the flanks of bands, which is typical for
# a shifted axis and for wider bands. A foreign substance would show up at one
# band.
why = explain_applicability(model, second[test], x_axis=shift).pick(
    "q_residual"
)
figure, (top, bottom) = plt.subplots(
    2, sharex=True, figsize=(6.5, 4), layout="constrained"
)
top.plot(shift, why.spectra.mean(axis=0), color="0.3")
top.set_ylabel("SNV intensity")
bottom.fill_between(
    shift, 100 * why.maps.mean(axis=0) / why.outputs.mean(), color="tab:red"
)
bottom.set(
    xlabel="Raman shift (cm$^{-1}$)", ylabel="Share of Q\n(% per point)"
)

# %%
# Ten training samples, chosen to span the range of y, are also measured on the
# second instrument. There are three ways to use them:
#
# - Correct the predictions by a bias, or by a slope and a bias.
# - Transform the spectra of the second instrument to those of the first, by
#   piecewise direct standardization of chemotools.
# - Fit the model again with the spectra of both instruments. The spectra of
#   one sample are one group.
both = train[np.argsort(y[train])[np.linspace(0, 59, 10).astype(int)]]
of_both = model.predict(second[both])
slope, intercept = np.polyfit(of_both, y[both], 1)
predicted |= {
    "bias": predicted["second, as it is"] - np.mean(of_both - y[both]),
    "slope and bias": slope * predicted["second, as it is"] + intercept,
}
spectra = {"second, as it is": second}
for width, n_components in ((2, 1), (10, 2), (25, 2)):
    pds = PiecewiseDirectStandardization(width, n_components)
    name = f"standardized, {width}, {n_components}"
    spectra[name] = pds.fit(second[both], X_source=first[both]).transform(
        second
    )
    predicted[name] = model.predict(spectra[name][test])
refitted = new_model().fit(
    np.vstack([first[train], second[both]]),
    np.append(y[train], y[both]),
    resnet1dregressor__groups=np.append(train, both),
)
predicted["fitted with both"] = refitted.predict(second[test])
own = new_model().fit(second[train], y[train])
# A new calibration with all sixty samples:
predicted["own calibration"] = own.predict(second[test])

# %%
# A laboratory with ten samples does not know the errors of these recipes, but
# it knows the share of new spectra that are inside. If a standardization does
# harm, this share falls to zero.
report = validation_report(y[test], predicted)[
    ["rmse", "bias", "sep", "slope"]
]
inside = {
    name: applicability(model, each[test])["inside"].mean()
    for name, each in spectra.items()
}
inside["fitted with both"] = applicability(refitted, second[test])[
    "inside"
].mean()
print(report.assign(inside=pd.Series(inside)).round(2).to_string())

# %%
# Real instruments differ more. On corn and on tablets, each measured on two or
# three instruments, the new fit with the spectra of both instruments was the
# best recipe, or close to the best, with five samples as well as with twenty.
# The next best were a bias, or a narrow window with one latent variable. Wide
# windows with two latent variables, which do no harm here, made errors ten
# times as large on corn, and left no spectrum inside.
shown = {
    name: predicted[name] for name in ("second, as it is", "fitted with both")
}
PredictionDisplay.from_predictions(
    y[test], shown, output_label="sunflower oil (%)"
)
plt.show()
