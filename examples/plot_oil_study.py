"""
The oil study: which oil, how much adulterant, and why.
=======================================================

Shi et al. (Anal. Chem. 2023, 95, 9959, doi:10.1021/acs.analchem.3c01101) let a ResNet say from
Raman spectra which vegetable oil they see and how much of it is adulterated, and made 1D Grad-CAM
to see why. Their spectra are not public. Here the same questions are asked of spectra that are made
from published band positions, so that it is known which bands carry the answer, and of real ones
where they can be downloaded.

Every figure and number is out of fold: no spectrum is explained by a model that has seen it, or a
replicate of it.
"""

# %%
# Which oil is it?
# ----------------
# Six pure oils, samples of each with their own natural composition, two replicates a sample. Cosmic
# rays and fluorescence go first; then SNV.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from sklearn_spectral import (
    LinearityDisplay,
    ResNet1DClassifier,
    ResNet1DRegressor,
    cross_explain,
    explain,
)
from sklearn_spectral.datasets import fetch_oil_adulteration, make_oil_blends
from sklearn_spectral.preprocessing import CosmicRayRemover

oils = make_oil_blends(120, adulterant=None, random_state=0)


def behind_preprocessing(model):
    """Return a pipeline that cleans spectra before the model sees them."""
    return make_pipeline(CosmicRayRemover(), ArPls(), StandardNormalVariate(), model)


explanation = cross_explain(
    behind_preprocessing(ResNet1DClassifier()),
    oils.data,
    oils.target,
    groups=oils.groups,
    params={"resnet1dclassifier__groups": oils.groups},
    target="all",
    x_axis=oils.x_axis,
    random_state=0,
)
predicted = explanation.targets[explanation.outputs.argmax(axis=1)]
right = predicted == oils.target
print(f"Balanced accuracy, out of fold: {balanced_accuracy_score(oils.target, predicted):.3f}")

# %%
# **Purity** says how much of a map speaks for the predicted oil against its closest rival. Wrong
# predictions have less of it, and it tells them from right ones at least as well as the probability
# does.
purity = explanation.purity()
print(
    f"Purity of right predictions {purity[right].mean():.2f}, of wrong {purity[~right].mean():.2f}"
)
print(f"Area under the ROC curve, right against wrong: {roc_auc_score(right, purity):.2f}")

# %%
# What speaks for olive and against sunflower oil, and the bands that say so?
difference = explanation.difference("olive", "sunflower")
of_interest = np.isin(oils.target, ["olive", "sunflower"])
print(
    difference[of_interest]
    .summary(oils.bands, by=oils.target[of_interest])
    .drop(columns=["target", "start", "end"])
    .round(2)
    .to_string(index=False)
)

# %%
# CAM, Grad-CAM and 1D Grad-CAM side by side
# ------------------------------------------
# CAM adds up to the logit, but needs a network whose head averages over positions, which cannot
# tell bands by where they are and is less accurate. Grad-CAM averages the gradient and drops what
# is negative: what it shows is not on the bands, and adds up to nothing. 1D Grad-CAM explains the
# accurate network and adds up. Sunflower's C=C band speaks against sunflower here: beside soybean
# oil, which has more double bonds still.
splitter = GroupShuffleSplit(1, test_size=0.3, random_state=0)
train, test = next(splitter.split(oils.data, oils.target, oils.groups))
ours = behind_preprocessing(ResNet1DClassifier(random_state=0))
pooled = behind_preprocessing(
    ResNet1DClassifier(
        shortcut=False, max_epochs=60, net_params={"module__pooling": True}, random_state=0
    )
)
for model in (ours, pooled):
    model.fit(oils.data[train], oils.target[train])
    print(f"Accuracy on other samples: {model.score(oils.data[test], oils.target[test]):.3f}")
spectrum = test[oils.target[test] == "sunflower"][:1]
maps = {
    "CAM (of a network with average pooling)": explain(
        pooled, oils.data[spectrum], target="sunflower", method="cam", x_axis=oils.x_axis
    ),
    "Grad-CAM": explain(
        ours, oils.data[spectrum], target="sunflower", method="grad-cam", x_axis=oils.x_axis
    ),
    "1D Grad-CAM": explain(ours, oils.data[spectrum], target="sunflower", x_axis=oils.x_axis),
}
figure, axes = plt.subplots(3, figsize=(8, 7.5), sharex=True, layout="constrained")
for axis, (name, each) in zip(axes, maps.items(), strict=True):
    each.plot(ax=axis, technique="raman")
    left_out = f"{abs(each.residuals[0]):.1f} of {each.outputs[0]:.1f} logits are on no wavelength"
    axis.set_title(f"{name}: {left_out}", loc="left", fontsize="medium")
    axis.set_xlabel(None)
for band in oils.marker_bands:
    axes[-1].axvspan(*oils.bands[band], color="0.9", zorder=0)
axes[-1].set(xlabel="Raman shift (cm$^{-1}$); grey: bands that tell the oils apart")

# %%
# How much sunflower oil is in the olive oil?
# -------------------------------------------
# Blends from 0 to 100 %, two repeats: other folds and other networks each time.
blends = make_oil_blends(80, random_state=1)
explanation = cross_explain(
    behind_preprocessing(ResNet1DRegressor()),
    blends.data,
    blends.target,
    groups=blends.groups,
    params={"resnet1dregressor__groups": blends.groups},
    n_repeats=2,
    x_axis=blends.x_axis,
    random_state=0,
)
error = explanation.outputs - blends.target
print(f"RMSE of cross-validation: {np.sqrt(np.mean(error**2)):.1f} % sunflower oil")

# %%
# **Linearity**: the contribution of every band against the true percentage. The double bonds at
# 1265 and 1655 cm-1 carry the calibration; so do the CH2 bands, of which sunflower oil has less,
# and which shrink beside the others behind SNV. C=O, which all oils share, has next to no slope.
linearity = explanation.linearity(blends.target, blends.bands)
print(linearity[["band", "slope", "r2"]].round(3).to_string(index=False))
LinearityDisplay(explanation, blends.target).plot(
    blends.bands, technique="raman", output_label="sunflower oil (%)"
)

# %%
# **The bands that decide**, whatever the fold and the network: those to put into a report.
print(explanation.stability(blends.bands).drop(columns=["target"]).round(2).to_string(index=False))

# %%
# On real oils
# ------------
# 183 Raman spectra of olive oils, other oils and blends (Malavi et al., Foods 2023, 12, 429), where
# there is a network to download them. Replicates, and samples that share spectra, stay together.
# Which oil is blended into the olive oil, if any, and how much of it?
try:
    real = fetch_oil_adulteration("raman")
except (ImportError, OSError) as error:
    print(f"The real oils are left out: {error}")
else:
    names, n_samples = np.unique(
        np.unique(np.column_stack([real.oil, real.groups]), axis=0)[:, 0], return_counts=True
    )
    named = np.isin(real.oil, names[n_samples >= 5]) & (real.oil != "unknown")
    for model, chosen, y in [
        (ResNet1DClassifier(), named, real.oil),
        (ResNet1DRegressor(), real.target < 100, real.target),
    ]:
        model = behind_preprocessing(model)
        explanation = cross_explain(
            model,
            real.data[chosen],
            y[chosen],
            groups=real.groups[chosen],
            params={f"{model.steps[-1][0]}__groups": real.groups[chosen]},
            x_axis=real.x_axis,
            random_state=0,
        )
        if explanation.is_class:
            accuracy = balanced_accuracy_score(y[chosen], explanation.targets)
            print(f"Balanced accuracy, out of fold: {accuracy:.3f}")
            explanation.plot(technique="raman")
        else:
            error = explanation.outputs - y[chosen]
            print(f"RMSE of cross-validation: {np.sqrt(np.mean(error**2)):.1f} % adulterant")
            LinearityDisplay(explanation, y[chosen]).plot(
                "raman-lipids", technique="raman", output_label="adulterant (%)"
            )

plt.show()
