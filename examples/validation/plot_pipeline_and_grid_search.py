"""
Which preprocessing? A whole pipeline in a grid search.
=======================================================

The estimators are scikit-learn estimators: preprocessing and network are tuned together by
``GridSearchCV``, and the model that comes out explains itself on the wavenumbers that are left
after preprocessing.
"""

# %%
# Raman spectra of olive oil with sunflower oil in it, two replicates a sample, as a DataFrame whose
# column names are the wavenumbers. Whole samples are set aside for the test.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from chemotools.scatter import (
    MultiplicativeScatterCorrection,
    StandardNormalVariate,
)
from sklearn.model_selection import GridSearchCV, GroupKFold, GroupShuffleSplit
from sklearn.pipeline import Pipeline

from sklearn_spectral import ResNet1DRegressor, explain
from sklearn_spectral.datasets import make_oil_blends

blends = make_oil_blends(60, cosmic_rays=0, random_state=0)
X, y, groups = (
    pd.DataFrame(blends.data, columns=blends.x_axis),
    blends.target,
    blends.groups,
)
splitter = GroupShuffleSplit(1, test_size=0.3, random_state=0)
train, test = next(splitter.split(X, y, groups))

# %%
# Three steps of preprocessing; two of them are to be chosen: which scatter correction, if any, and
# which derivative.
pipeline = Pipeline(
    [
        ("range", RangeCut(start=800, end=1800, x_axis=blends.x_axis)),
        ("derivative", SavitzkyGolay(window_length=11, polyorder=2)),
        ("scatter", StandardNormalVariate()),
        ("network", ResNet1DRegressor(random_state=0)),
    ]
)
grid = {
    "derivative__deriv": [0, 2],
    "scatter": [
        StandardNormalVariate(),
        MultiplicativeScatterCorrection(),
        "passthrough",
    ],
}

# %%
# ``groups`` keeps the replicates of a sample in one fold of the search; ``network__groups`` tells
# the network the same, which chooses by cross-validation what it starts from. The search sees
# training spectra only.
search = GridSearchCV(
    pipeline,
    grid,
    cv=GroupKFold(3),
    scoring="neg_root_mean_squared_error",
    error_score="raise",
)
search.fit(
    X.iloc[train],
    y[train],
    groups=groups[train],
    network__groups=groups[train],
)
error = search.predict(X.iloc[test]) - y[test]
print(f"Best: {search.best_params_}")
print(
    f"RMSE of the search {-search.best_score_:.2f} %, on the test samples ",
    end="",
)
print(f"{np.sqrt(np.mean(error**2)):.2f} %")

# %%
# Every candidate, with the spread over the folds. The differences are small beside the spread, as
# the network sees normalized derivatives of its own beside the spectrum: which one is best is
# mostly luck, and the best one's own score is chosen to look good. That is why the test samples
# were set aside.
results = pd.DataFrame(search.cv_results_).sort_values("mean_test_score")
names = [
    f"derivative {deriv}, {'none' if step == 'passthrough' else type(step).__name__}"
    for deriv, step in zip(
        results["param_derivative__deriv"],
        results["param_scatter"],
        strict=True,
    )
]
figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
axis.errorbar(
    -results["mean_test_score"],
    names,
    xerr=results["std_test_score"],
    fmt="o",
    capsize=3,
)
axis.set(xlabel="RMSE of cross-validation (% sunflower oil)")

# %%
# ``explain`` takes the search as it is. The wavenumbers come from the column names and went through
# the range cut: the axis of the maps begins where the last step's spectra begin. Least and most
# sunflower oil among the test spectra:
explanation = explain(search, X.iloc[test])
print(
    f"The network sees {explanation.x_axis[0]:g} to {explanation.x_axis[-1]:g} cm-1"
)
explanation.plot(
    samples=[int(y[test].argmin()), int(y[test].argmax())],
    technique="raman",
    output_label="sunflower oil (%)",
)
plt.show()
