"""Preprocessing of spectra: only what chemotools lacks."""

from ._cosmic_rays import CosmicRayRemover

__all__ = ["CosmicRayRemover"]

CosmicRayRemover.__module__ = __name__  # see `sklearn_spectral.__init__`
