"""
An interactive view: what does the network see at this wavenumber?
==================================================================

A printed figure shows one spectrum and one class. In a notebook, or in any browser, a view that is
moved through with the pointer shows more (``pip install "sklearn-spectral[interactive]"``): which
intensity, which contribution and which band are at this wavenumber, in this spectrum, for this
class?
"""

# %%
# A model that tells which oil a Raman spectrum is of.
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DClassifier, explain
from sklearn_spectral.datasets import make_oil_blends

names = ["olive", "palm", "sunflower"]
oils = make_oil_blends(60, oil=names, adulterant=None, random_state=0)
model = make_pipeline(
    ArPls(), StandardNormalVariate(), ResNet1DClassifier(max_epochs=20, random_state=0)
)
model.fit(oils.data, oils.target)

# %%
# One new spectrum of each, explained for all classes. An explanation shows what it holds.
new = make_oil_blends(3, oil=names, adulterant=None, n_replicates=1, random_state=1)
explanation = explain(model, new.data, target="all", x_axis=new.x_axis)
explanation

# %%
# The view. Red speaks for the class that is chosen on the right, blue against it; textbook bands of
# lipids are shaded, and named under the pointer. Drag to zoom, double-click to go back, choose a
# spectrum on the left.
view = explanation.plot_interactive(bands="raman-lipids", technique="raman")
# sphinx_gallery_thumbnail_path = "images/interactive.png"
view

# %%
# For a colleague without Python: ``view.write_html("explanation.html")`` writes one file that opens
# in any browser, offline.
