"""Preprocessing of spectra: only what chemotools lacks."""

from ._cosmic_rays import CosmicRayRemover

__all__ = ["CosmicRayRemover"]
