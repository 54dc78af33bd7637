"""Preprocessing steps that chemotools does not have."""

from ._cosmic_rays import CosmicRayRemover
from ._wavelength_axis import WavelengthAxis

__all__ = ["CosmicRayRemover", "WavelengthAxis"]

for public in (CosmicRayRemover, WavelengthAxis):
    public.__module__ = __name__  # see `sklearn_spectral.__init__`
del public
