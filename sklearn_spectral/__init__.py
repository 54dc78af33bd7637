"""ResNets for 1D spectra that show which wavelengths produced each prediction.

To read the package, take the folders in the order of the data: `_spectra` (checks, the wavelength
axis, bands, the views that the network receives), `_calibration` (the closed-form start of the
network), `_network` (the network, its training, and its outputs in their unit), `_pipelines`
(whole scikit-learn models), `_record` (the frozen arrays of an explanation, and tables of them),
`_figures`, `_explanation` (from features to maps), `_files` (save, load, ONNX) and `_estimators`
(fit, predict, explain). `metrics` (how good is a map), `datasets`, `hyperspectral` (images, by
Dask) and `preprocessing` (what chemotools lacks) are public. docs/architecture.md has a map.
"""

from importlib import import_module as _import_module

from ._estimators.classifier import ResNet1DClassifier
from ._estimators.regressor import ResNet1DRegressor
from ._explanation.explanation import Explanation
from ._figures.linearity import LinearityDisplay
from ._figures.plot import ExplanationDisplay
from ._figures.purity import PurityDisplay
from ._figures.validation import ApplicabilityDisplay, PredictionDisplay
from ._figures.waterfall import WaterfallDisplay
from ._files.models import skops_types
from ._files.onnx import export_onnx
from ._pickles import PARTS as _PARTS
from ._pipelines.applicability import applicability, explain_applicability
from ._pipelines.cross_explain import cross_explain
from ._pipelines.explain import explain
from ._record.intervals import prediction_interval
from ._record.validation import validation_report
from ._spectra.bands import band_table
from ._version import __version__ as __version__

__all__ = [
    "ApplicabilityDisplay",
    "Explanation",
    "ExplanationDisplay",
    "LinearityDisplay",
    "PredictionDisplay",
    "PurityDisplay",
    "ResNet1DClassifier",
    "ResNet1DRegressor",
    "WaterfallDisplay",
    "applicability",
    "band_table",
    "cross_explain",
    "explain",
    "explain_applicability",
    "export_onnx",
    "prediction_interval",
    "skops_types",
    "validation_report",
]

for _name in __all__:
    # Pickles, and messages, name the public place of a class and not the file it is in.
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = __name__


def __getattr__(name: str) -> type:
    """Return a private class that a pickled model names."""
    if name not in _PARTS and name.lstrip("_")[:1].isupper():
        _import_module("._network.module", __name__)  # has parts, as have the files that it imports
    if name in _PARTS:
        return _PARTS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
