"""
First classification: which country does this coffee come from?
===============================================================

Sixty ATR-FTIR spectra of coffee come with chemotools. A classifier is fitted on some of them, asked
about the others, and shows which points of each spectrum made it answer.
"""

# %%
# The spectra, as a DataFrame of one row a spectrum, and the country of each. A quarter of them, the
# same share of every country, is set aside: no choice below looks at it.
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
print(
    f"{len(X_train)} spectra to train on, {len(X_test)} to test, {X.shape[1]} points each"
)

# %%
# The model is a scikit-learn pipeline. SNV (standard normal variate) takes away that some spectra
# are stronger than others; the classifier needs no settings to begin with.
model = make_pipeline(
    StandardNormalVariate(), ResNet1DClassifier(random_state=0)
)
model.fit(X_train, y_train)
print(f"Accuracy on the spectra set aside: {model.score(X_test, y_test):.2f}")

# %%
# Rows are the true countries, columns the predicted ones. A caveat: the set does not say which
# spectra are of the same coffee. Where some are, they should stand together on one side of the
# split, or the accuracy is too good. :doc:`/gallery/validation/plot_replicates_and_groups` shows how much that can do.
figure, axis = plt.subplots(figsize=(6, 4.2), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_test, model.predict(X_test), ax=axis, cmap="Blues", colorbar=False
)

# %%
# Why does it say so? ``explain`` returns the contribution of every point to the logit of the
# predicted class. Here is the first test spectrum of each country: red points speak for the
# country, blue ones against it. This set comes without wavenumbers, so that points are counted.
explanation = explain(model, X_test)
first_of_each = [
    int((y_test == country).argmax()) for country in model.classes_
]
explanation.plot(samples=first_of_each)

# %%
# The same as a table: the three bands that moved each of these logits most. The bands of a spectrum
# and the base value add up to its logit.
bands = explanation.contributions().query("sample in @first_of_each")
bands = (
    bands.sort_values("contribution", key=abs, ascending=False)
    .groupby("sample")
    .head(3)
)
print(bands.sort_values("sample").to_string(index=False, float_format="%.2f"))
plt.show()
