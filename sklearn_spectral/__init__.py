"""ResNets for 1D spectra that show, wavelength by wavelength, why they say what they say.

To read the package, take the files in the order of the data: `_views` (what the network sees),
`_resnet1d` (the network), `_calibration` with `_pls` and `_ridge` (what it starts from), `_domain`
(what it was trained on), `_training` (skorch), `_estimators`, `_targets` and `_grad_cam` (from
features to maps), `_explanation` with `_bands`, `_explain` and `_applicability` (whole pipelines),
`_cross_explain`; `_plot`, `_interactive` and `_html` (figures, views for the browser, notebooks);
`_values` and `_files` (save and load), `_onnx` (for instruments); `metrics` (how good is a map),
`datasets`, `hyperspectral` (images, by Dask); and `preprocessing`, what chemotools lacks.
"""

from ._applicability import applicability
from ._bands import band_table
from ._classifier import ResNet1DClassifier
from ._cross_explain import cross_explain
from ._explain import explain
from ._explanation import Explanation
from ._files import skops_types
from ._onnx import export_onnx
from ._pickles import PARTS as _PARTS
from ._plot import ExplanationDisplay, LinearityDisplay
from ._regressor import ResNet1DRegressor
from ._version import __version__ as __version__

__all__ = [
    "Explanation",
    "ExplanationDisplay",
    "LinearityDisplay",
    "ResNet1DClassifier",
    "ResNet1DRegressor",
    "applicability",
    "band_table",
    "cross_explain",
    "explain",
    "export_onnx",
    "skops_types",
]

for _name in __all__:
    # Pickles, and messages, name the public place of a class and not the file it is in.
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = __name__


def __getattr__(name: str) -> type:
    """Return a private class that a pickled model names."""
    if name in _PARTS:
        return _PARTS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
