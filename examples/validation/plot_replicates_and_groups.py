"""
Replicates: what leaks where they are divided?
==============================================

Two spectra of one sample are not two samples. Where one is trained on and the other tested, the
model need only recognize the sample. The proof is a property that nothing can predict.
"""

# %%
# Tissue of thirty patients, five spots each: 25 Raman bands whose heights differ from patient to
# patient, and less so from spot to spot. And a number for every patient that has nothing to do with
# it, drawn at random: no honest evaluation finds a relation.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.scatter import StandardNormalVariate
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, cross_explain

rng = np.random.default_rng(0)
x_axis = np.arange(600.0, 1800.0, 3.0)
patient = np.repeat(np.arange(30), 5)
heights = rng.uniform(2, 8, (30, 25))[patient] + 0.5 * rng.normal(
    size=(150, 25)
)
X = heights @ np.exp(
    -(((x_axis - np.linspace(640, 1760, 25)[:, None]) / 12) ** 2)
)
X += 0.2 * rng.normal(size=X.shape)
nonsense = rng.normal(size=30)[patient]
model = make_pipeline(
    StandardNormalVariate(), ResNet1DRegressor(random_state=0)
)

# %%
# Once the folds divide the spots of a patient, and ``fit``, which is told of no groups, warns; once
# they keep them together. ``params`` hands the groups to the network as well, which chooses by a
# cross-validation of its own what it starts from.
results = {
    "patients divided": cross_explain(
        model, X, nonsense, cv=KFold(5, shuffle=True, random_state=0)
    ),
    "patients kept together": cross_explain(
        model,
        X,
        nonsense,
        cv=GroupKFold(5, shuffle=True, random_state=0),
        groups=patient,
        params={"resnet1dregressor__groups": patient},
    ),
}

# %%
# On the left a calibration that would be published, on the right what it is worth. The lines are
# where a prediction is right; a negative R2 means that the mean would have predicted better.
figure, axes = plt.subplots(
    1, 2, figsize=(8, 4), sharex=True, sharey=True, layout="constrained"
)
for axis, (name, explanation) in zip(axes, results.items(), strict=True):
    r2 = r2_score(nonsense, explanation.outputs)
    print(f"{name}: R2 of cross-validation {r2:.2f}")
    axis.axline((0, 0), slope=1, color="0.6", linewidth=1)
    axis.plot(nonsense, explanation.outputs, "o", alpha=0.5)
    axis.set_title(f"{name}: R$^2$ {r2:.2f}", fontsize="medium")
    axis.set(xlabel="Random number of the patient", box_aspect=1)
axes[0].set(ylabel="Predicted, out of fold")

# %%
# The same holds for whatever else spectra have in common: the sample, the batch, the field, the day
# of measurement. Name it in ``groups`` wherever there is a choice to make: in the folds
# (``cross_explain``, ``GroupKFold``), in a search (``search.fit(..., groups=...)``) and in the
# estimators (``fit(X, y, groups=...)``), for early stopping and for what the network starts from.
plt.show()
