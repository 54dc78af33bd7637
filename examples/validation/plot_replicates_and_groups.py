"""
Replicates and data leakage
===========================

Two spectra of one sample are not two samples. If one of them is in the
training set and the other in the test set, the model only has to recognize the
sample. This data leakage is demonstrated here with a property that nothing can
predict. The user guide explains how to pass groups:
:doc:`/user_guide/fitting`.
"""

# %%
# The spectra are simulated: tissue of thirty patients, with five spots each.
# The heights of 25 Raman bands differ between patients, and less between the
# spots of one patient. The property is a random number for each patient. It is
# independent of the spectra, so a correct validation must find no relation.
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
# The first validation splits the spots of a patient between folds. ``fit``
# gets no groups and warns. The second validation keeps them together.
# ``params`` passes the groups to the network as well, which chooses its start
# by an inner cross-validation.
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
# The left panel looks like a good calibration, and the right panel shows its
# true value. The lines mark correct predictions. A negative R2 means that the
# mean is a better prediction.
figure, axes = plt.subplots(
    1,
    2,
    figsize=(6.5, 3.6),
    sharex=True,
    sharey=True,
    layout="constrained",
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
# The same effect occurs with everything else that spectra have in common: the
# sample, the batch, the field, the day of measurement. Pass it as ``groups``
# in every place where a choice is made: in the folds (``cross_explain``,
# ``GroupKFold``), in a search (``search.fit(..., groups=...)``), and in the
# estimators (``fit(X, y, groups=...)``), which need it for early stopping and
# for the start of the network.
plt.show()
