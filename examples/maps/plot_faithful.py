"""
Tests of maps: deletion, insertion, randomization
=================================================

A map may look plausible and explain nothing. Two tests need no knowledge of
the bands. The first removes the points that the map marks as important, and
checks whether the prediction changes. The second scrambles the weights of the
network, and checks whether the map changes. See also
:doc:`/user_guide/map_quality`.
"""

# %%
# The data are synthetic Raman spectra of olive, palm and sunflower oil. Whole
# samples are set aside for the tests.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DClassifier, explain
from sklearn_spectral.datasets import make_oil_blends
from sklearn_spectral.metrics import (
    deletion_curve,
    insertion_curve,
    randomization_check,
)

oils = make_oil_blends(
    90,
    oil=["olive", "palm", "sunflower"],
    adulterant=None,
    cosmic_rays=0,
    random_state=0,
)
splitter = GroupShuffleSplit(1, test_size=0.3, random_state=0)
train, test = next(splitter.split(oils.data, groups=oils.groups))
model = make_pipeline(
    ArPls(), StandardNormalVariate(), ResNet1DClassifier(random_state=0)
)
model.fit(
    oils.data[train],
    oils.target[train],
    resnet1dclassifier__groups=oils.groups[train],
)
accuracy = model.score(oils.data[test], oils.target[test])
print(f"Accuracy on other samples: {accuracy:.2f}")

# %%
# **Deletion and insertion.** Points are replaced by those of the mean training
# spectrum, the most important first, and the probability of the class should
# decrease at once. For insertion, the test starts from the mean spectrum and
# puts points back, and the probability should increase at once. Points in
# random order show the level of chance.
explanations = {
    "1D Grad-CAM": explain(model, oils.data[test], x_axis=oils.x_axis),
    "Grad-CAM": explain(
        model, oils.data[test], method="grad-cam", x_axis=oils.x_axis
    ),
}
figure, axes = plt.subplots(
    1, 2, figsize=(6.5, 3.6), sharey=True, layout="constrained"
)
for axis, curve_of in zip(
    axes, (deletion_curve, insertion_curve), strict=True
):
    for (name, explanation), style in zip(
        explanations.items(), ("-", "--"), strict=True
    ):
        curve = curve_of(model, explanation, n_steps=25)
        axis.plot(
            100 * curve.fractions, curve.scores.mean(axis=0), style, label=name
        )
        print(
            f"{curve_of.__name__}, {name}: mean area {curve.area.mean():.2f}, "
            f"in random order {curve.random_area.mean():.2f}"
        )
axes[0].set(xlabel="Points masked (%)", ylabel="Probability of the class")
axes[1].set(xlabel="Points shown (%)")
axes[0].legend()

# %%
# **Randomization.** The weights in every layer of a copy of the network are
# scrambled. The correlation of the new maps with the real ones should be near
# zero: if a map does not change, it shows the spectrum and not the model. For
# Grad-CAM the correlation is near zero on average, but not for each map.
correlations = {
    name: randomization_check(
        model, oils.data[test], method=method, n_repeats=5, random_state=0
    ).ravel()
    for name, method in {
        "1D Grad-CAM": "1d-grad-cam",
        "Grad-CAM": "grad-cam",
    }.items()
}
figure, axis = plt.subplots(figsize=(6.5, 2.4), layout="constrained")
axis.boxplot(
    list(correlations.values()),
    orientation="horizontal",
    tick_labels=list(correlations),
)
axis.set(xlabel="Correlation with maps of scrambled networks", xlim=(-0.5, 1))
for name, values in correlations.items():
    print(f"{name}: median correlation {np.median(values):.2f}")
plt.show()
