"""
Can a map tell that a prediction is wrong?
==========================================

A classifier always answers. The purity of a map says how much of it speaks for the answer and
against its closest rival: 1 where every wavenumber agrees, 0.5 where they are divided.
"""

# %%
# Six vegetable oils, two replicates of every sample, as synthetic Raman spectra. Each is explained
# by a model that has seen neither it nor its replicate.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DClassifier, cross_explain
from sklearn_spectral.datasets import make_oil_blends

oils = make_oil_blends(90, adulterant=None, cosmic_rays=0, random_state=0)
explanation = cross_explain(
    make_pipeline(
        ArPls(), StandardNormalVariate(), ResNet1DClassifier(random_state=0)
    ),
    oils.data,
    oils.target,
    cv=3,
    groups=oils.groups,
    params={"resnet1dclassifier__groups": oils.groups},
    target="all",
    method="1d-grad-cam",  # the plain map: purities of corrected ones differ less
    x_axis=oils.x_axis,
    random_state=0,
)
predictions = explanation.predictions()  # label and probability, out of fold
right = (predictions["predicted"] == oils.target).to_numpy()
print(f"{(~right).sum()} of {len(right)} spectra are taken for another oil")

# %%
# The purity of right and wrong predictions. The area under the ROC curve is the chance that a right
# prediction has a purer map than a wrong one; beside it that of the usual measure, the probability
# of the predicted class.
purity = explanation.purity()
probability = predictions["probability"]
print(
    f"Area under the ROC curve, purity: {roc_auc_score(right, purity):.2f}, ",
    end="",
)
print(f"probability: {roc_auc_score(right, probability):.2f}")
figure, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
edges = np.linspace(0.4, 1, 25)
for chosen, name, colour in [
    (right, "right", "tab:blue"),
    (~right, "wrong", "tab:orange"),
]:
    shares = np.full(chosen.sum(), 1 / chosen.sum())
    axis.hist(
        purity[chosen],
        edges,
        weights=shares,
        label=name,
        color=colour,
        alpha=0.6,
    )
axis.set(xlabel="Purity", ylabel="Share of right, or wrong, predictions")
axis.legend(title="Prediction")

# %%
# The right prediction of purest map and the wrong one of least pure map, against their rivals. Red
# speaks for the predicted oil, blue for the rival.
difference = explanation.difference()
purest = int(np.where(right, purity, -np.inf).argmax())
least = int(np.where(right, np.inf, purity).argmin())
for name, row in {"purest right": purest, "least pure wrong": least}.items():
    print(
        f"{name}: {difference.targets[row]}, in truth {oils.target[row]}, {purity[row]:.2f}"
    )
difference.plot(samples=[purest, least], technique="raman")

# %%
# A spectrum of low purity is one to measure again. A wrong prediction of a pure map is possible,
# too: a sample of one oil may truly be composed like another.
cautious = purity > np.quantile(purity, 0.2)
print(
    f"Right of all: {right.mean():.0%}; without the fifth of lowest purity: ",
    end="",
)
print(f"{right[cautious].mean():.0%}")
plt.show()
