"""
Choose preprocessing by grid search
===================================

The estimators are scikit-learn estimators, so ``GridSearchCV`` can tune the
preprocessing and the network together. The resulting model can be explained on
the wavenumbers that are left after preprocessing. See also
:doc:`/user_guide/preprocessing`.
"""

# %%
# The data are simulated Raman spectra of olive oil that contains sunflower
# oil, with two replicates per sample. They are in a DataFrame whose column
# names are the wavenumbers. Whole samples are set aside for the test.
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
# The pipeline has three preprocessing steps. The search chooses two of them:
# the scatter correction, if any, and the derivative.
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
# ``groups`` keeps the replicates of a sample in one fold of the search.
# ``network__groups`` passes the same groups to the network, which chooses its
# start by an inner cross-validation. The search uses only training spectra.
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
print(f"RMSE of the search: {-search.best_score_:.2f} %")
print(f"RMSE on the test samples: {np.sqrt(np.mean(error**2)):.2f} %")

# %%
# The figure shows all candidates, with the standard deviation over the folds.
# The differences are small compared with this standard deviation, because the
# network computes normalized derivatives itself. Which candidate is best
# depends mostly on chance, and its score is too optimistic, because it was
# selected as the best one. Therefore the test samples were set aside.
results = pd.DataFrame(search.cv_results_).sort_values("mean_test_score")
scatter = {StandardNormalVariate: "SNV", str: "none"}
names = [
    f"derivative {deriv}, {scatter.get(type(step), 'MSC')}"
    for deriv, step in zip(
        results["param_derivative__deriv"],
        results["param_scatter"],
        strict=True,
    )
]
figure, axis = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
axis.errorbar(
    -results["mean_test_score"],
    names,
    xerr=results["std_test_score"],
    fmt="o",
    capsize=3,
)
axis.set(xlabel="RMSE of cross-validation (% sunflower oil)")

# %%
# ``explain`` takes the search object directly. The wavenumbers come from the
# column names and pass through the range cut, so the axis of the maps begins
# where the spectra of the last step begin. The figure shows the test spectra
# with the least and the most sunflower oil:
explanation = explain(search, X.iloc[test])
first, last = explanation.x_axis[[0, -1]]
print(f"The network sees {first:g} to {last:g} cm-1")
explanation.plot(
    samples=[int(y[test].argmin()), int(y[test].argmax())],
    technique="raman",
    output_label="sunflower oil (%)",
)
plt.show()
