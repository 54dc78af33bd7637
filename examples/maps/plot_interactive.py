"""
Interactive figures
===================

An interactive figure shows the intensity, the contribution and the band at
each wavenumber, for every spectrum and class. You move the pointer over it in
a notebook or in any browser (``pip install "sklearn-spectral[interactive]"``).
See also :doc:`/user_guide/explaining`.
"""

# %%
# The model predicts the kind of oil from its Raman spectrum.
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DClassifier, explain
from sklearn_spectral.datasets import make_oil_blends

names = ["olive", "palm", "sunflower"]
oils = make_oil_blends(60, oil=names, adulterant=None, random_state=0)
model = make_pipeline(
    ArPls(),
    StandardNormalVariate(),
    ResNet1DClassifier(max_epochs=20, random_state=0),
)
model.fit(oils.data, oils.target)

# %%
# One new spectrum of each oil is explained for all classes. In a notebook, an
# explanation shows its content as a table.
new = make_oil_blends(
    3, oil=names, adulterant=None, n_replicates=1, random_state=1
)
explanation = explain(model, new.data, target="all", x_axis=new.x_axis)
explanation

# %%
# In the figure, red points support the class that is selected on the right,
# and blue points contradict it. Textbook bands of lipids are shaded, and their
# names appear under the pointer. Drag to zoom, double-click to reset, and
# select a spectrum on the left.
view = explanation.plot_interactive(bands="raman-lipids", technique="raman")
# sphinx_gallery_thumbnail_path = "images/interactive.png"
view

# %%
# To send the figure to somebody without Python, use
# ``view.write_html("explanation.html")``. It writes one file that opens in any
# browser without a network connection.
