"""
Imbalanced classes and class weights
====================================

In this data set one oil in ten is adulterated. A classifier that calls every
oil pure is correct nine times out of ten, but useless. This example shows how
class weights change the predictions and the maps for imbalanced classes. See
also :doc:`/user_guide/fitting`.
"""

# %%
# The data are pure olive oil, and olive oil with 10 to 30 % of sunflower oil:
# many samples of the first class, few of the second, and two replicates per
# sample.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    recall_score,
    roc_auc_score,
)
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DClassifier, cross_explain
from sklearn_spectral.datasets import make_oil_blends

pure = make_oil_blends(72, percent_range=(0, 0), cosmic_rays=0, random_state=0)
blended = make_oil_blends(
    8, percent_range=(10, 30), cosmic_rays=0, random_state=1
)
X = np.concatenate([pure.data, blended.data])
y = np.repeat(["pure", "adulterated"], [len(pure.data), len(blended.data)])
groups = np.concatenate([pure.groups, 1000 + blended.groups])

# %%
# The same classifier is fitted without weights and with
# ``class_weight="balanced"``, which gives both classes the same total weight.
# The folds keep replicates together and contain the rare class in equal
# shares.
explanations = {}
for name, class_weight in {"no weights": None, "balanced": "balanced"}.items():
    model = make_pipeline(
        ArPls(),
        StandardNormalVariate(),
        ResNet1DClassifier(class_weight=class_weight, random_state=0),
    )
    explanations[name] = cross_explain(
        model,
        X,
        y,
        cv=4,
        groups=groups,
        params={"resnet1dclassifier__groups": groups},
        target="all",
        x_axis=pure.x_axis,
        random_state=0,
    )

# %%
# Accuracy gives little information here. The recall of each class, and the
# mean of both, the balanced accuracy, show which errors are made. The area
# under the ROC curve does not depend on the threshold between the classes. If
# it does not change, then the weights have only moved the threshold, and the
# model has learnt nothing new.
recalls = {}
for name, explanation in explanations.items():
    predicted = explanation.targets[explanation.outputs.argmax(axis=1)]
    recalls[name] = recall_score(
        y, predicted, labels=["pure", "adulterated"], average=None
    )
    margin = explanation.outputs[:, 0] - explanation.outputs[:, 1]
    area = roc_auc_score(y == "adulterated", margin)
    print(
        f"{name}: accuracy {accuracy_score(y, predicted):.2f}, "
        f"balanced accuracy {balanced_accuracy_score(y, predicted):.2f}, "
        f"ROC area {area:.2f}"
    )
figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
for place, (name, values) in enumerate(recalls.items()):
    axis.bar(np.arange(2) + 0.4 * place, values, width=0.38, label=name)
axis.set_xticks([0.2, 1.2], ["pure", "adulterated"])
axis.set(ylabel="Recall, out of fold", ylim=(0, 1.15))
axis.legend(ncols=2, loc="upper right")

# %%
# The maps show the same. The base value is the part of the margin between the
# two logits that no wavenumber contributes. Without weights it is far below
# zero, and the bands of an adulterated oil have to compensate that. With
# weights it is near zero.
for name, explanation in explanations.items():
    difference = explanation.difference("adulterated", "pure")
    difference = difference[y == "adulterated"]
    contributions = difference.maps.sum(axis=1).mean()
    print(
        f"{name}: base value {difference.base_values.mean():+.1f}, "
        f"contributions in an adulterated oil {contributions:+.1f}"
    )
plt.show()
