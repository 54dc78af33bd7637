"""
Class imbalance: what if hardly any sample is adulterated?
==========================================================

One oil in ten holds other oil. A classifier that calls every oil pure is right nine times out of
ten, and worthless. What do class weights change, in the predictions and in the maps?
"""

# %%
# Pure olive oil, and olive oil with 10 to 30 % of sunflower oil: many samples of the first, few of
# the second, two replicates each.
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
# The same classifier without weights and with ``class_weight="balanced"``, which gives both classes
# the same weight. Folds keep replicates together and share out the rare class.
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
# Accuracy tells little here; the recall of each class, and their mean, the balanced accuracy, tell
# what is missed. The area under the ROC curve does not depend on where the line between the
# classes is drawn: if it stays the same, weights have moved the line and learnt nothing new.
recalls = {}
for name, explanation in explanations.items():
    predicted = explanation.targets[explanation.outputs.argmax(axis=1)]
    recalls[name] = recall_score(
        y, predicted, labels=["pure", "adulterated"], average=None
    )
    area = roc_auc_score(
        y == "adulterated",
        explanation.outputs[:, 0] - explanation.outputs[:, 1],
    )
    print(
        f"{name}: accuracy {accuracy_score(y, predicted):.2f}, balanced accuracy "
        f"{balanced_accuracy_score(y, predicted):.2f}, ROC area {area:.2f}"
    )
figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
for place, (name, values) in enumerate(recalls.items()):
    axis.bar(np.arange(2) + 0.4 * place, values, width=0.38, label=name)
axis.set_xticks([0.2, 1.2], ["pure", "adulterated"])
axis.set(ylabel="Recall, out of fold", ylim=(0, 1.15))
axis.legend(ncols=2, loc="upper right")

# %%
# The maps say the same. The base value is the part of the margin between the two logits that no
# wavenumber contributes. Without weights it is far below zero, and the bands of an adulterated oil
# have to lift it from there; with weights it starts near the middle.
for name, explanation in explanations.items():
    difference = explanation.difference("adulterated", "pure")[
        y == "adulterated"
    ]
    print(
        f"{name}: base value {difference.base_values.mean():+.1f}, wavenumbers of an adulterated "
        f"oil {difference.maps.sum(axis=1).mean():+.1f}"
    )
plt.show()
