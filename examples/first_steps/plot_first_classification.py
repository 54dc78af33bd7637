"""
First classification: origin of coffee
======================================

chemotools includes sixty ATR-FTIR spectra of coffee from several countries.
This example fits a classifier on some of them, predicts the country of the
others, and shows which points of each spectrum support the prediction. See
also :doc:`/user_guide/fitting` and :doc:`/user_guide/explaining`.
"""

# %%
# The spectra are a DataFrame with one spectrum per row. The labels are the
# countries. A quarter of the spectra, with the same share of every country, is
# set aside for the test and is not used for any choice below.
import matplotlib.pyplot as plt
from chemotools.datasets import load_coffee
from chemotools.scatter import StandardNormalVariate
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DClassifier, explain

X, labels = load_coffee()
y = labels["labels"].to_numpy().astype(str)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)
print(f"{len(X_train)} training spectra, {len(X_test)} test spectra")
print(f"{X.shape[1]} points per spectrum")

# %%
# The model is a scikit-learn pipeline. SNV (standard normal variate) removes
# differences in overall intensity. The classifier works with its default
# parameters.
model = make_pipeline(
    StandardNormalVariate(), ResNet1DClassifier(random_state=0)
)
model.fit(X_train, y_train)
print(f"Accuracy on the spectra set aside: {model.score(X_test, y_test):.2f}")

# %%
# Rows are the true countries, columns the predicted ones. The data set does
# not say whether several spectra belong to the same coffee. If some do, they
# should be on the same side of the split; otherwise the accuracy is too
# optimistic. :doc:`/gallery/validation/plot_replicates_and_groups` shows how
# large this effect can be.
figure, axis = plt.subplots(figsize=(6, 4.2), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_test, model.predict(X_test), ax=axis, cmap="Blues", colorbar=False
)

# %%
# ``explain`` returns the contribution of every point to the logit of the
# predicted class. The figure shows the first test spectrum of each country:
# red points support the predicted country, blue points contradict it. This
# data set has no wavenumbers, so the points are numbered.
explanation = explain(model, X_test)
first_of_each = [
    int((y_test == country).argmax()) for country in model.classes_
]
plt.rc("figure", figsize=(4.9, 4))  # narrow: one column of spectra
explanation.plot(samples=first_of_each)

# %%
# The same as a table: the three bands with the largest contributions to each
# of these logits. The contributions of all bands of a spectrum and the base
# value add up to its logit.
bands = explanation.contributions().query("sample in @first_of_each")
bands = (
    bands.sort_values("contribution", key=abs, ascending=False)
    .groupby("sample")
    .head(3)
)
print(bands.sort_values("sample").to_string(index=False, float_format="%.2f"))
plt.show()
