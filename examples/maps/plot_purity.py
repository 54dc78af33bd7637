"""
Purity of maps and wrong predictions
====================================

A classifier returns a class for every spectrum. The purity of a map measures
how much of the map supports the predicted class against the second class: 1 if
every wavenumber supports it, 0.5 if as much contradicts it as supports it.
This example compares purity with the probability as an indicator of wrong
predictions. See also :doc:`/user_guide/explaining` and
:doc:`/user_guide/outliers_and_uncertainty`.
"""

# %%
# The data are synthetic Raman spectra of six vegetable oils, with two
# replicates of every sample. Each spectrum is explained by a model that has
# seen neither it nor its replicate.
import matplotlib.pyplot as plt
import numpy as np
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from sklearn_spectral import PurityDisplay, ResNet1DClassifier, cross_explain
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
    method="1d-grad-cam",  # purities of corrected maps differ less
    x_axis=oils.x_axis,
    random_state=0,
)
predictions = explanation.predictions()  # label and probability, out of fold
right = (predictions["predicted"] == oils.target).to_numpy()
print(f"{(~right).sum()} of {len(right)} predictions are wrong")

# %%
# The figure shows the purity of correct and wrong predictions by class. The
# area under the ROC curve is the probability that a correct prediction has a
# higher purity than a wrong one. The same area is printed for the usual
# indicator, the probability of the predicted class.
purity = explanation.purity()
probability = predictions["probability"]
print(f"ROC area of purity: {roc_auc_score(right, purity):.2f}")
print(f"ROC area of the probability: {roc_auc_score(right, probability):.2f}")
PurityDisplay.from_explanation(explanation)

# %%
# The figure shows the correct prediction with the highest purity, and the
# wrong prediction with the lowest purity, each against the second class. Red
# points support the predicted oil, blue points the second one.
difference = explanation.difference()
purest = int(np.where(right, purity, -np.inf).argmax())
least = int(np.where(right, np.inf, purity).argmin())
for row in (purest, least):
    print(
        f"{difference.targets[row]} (predicted - second), "
        f"true {oils.target[row]}, purity {purity[row]:.2f}"
    )
difference.plot(samples=[purest, least], technique="raman")

# %%
# Measure a spectrum with low purity again. A wrong prediction with high purity
# is also possible: the composition of a sample of one oil may really be
# similar to that of another oil.
cautious = purity > np.quantile(purity, 0.2)
print(f"Correct, all spectra: {right.mean():.0%}")
print(f"Correct, without the lowest fifth: {right[cautious].mean():.0%}")
plt.show()
