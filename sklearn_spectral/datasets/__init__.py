"""Data sets for examples: simulated oils with known bands, and measured oils to download."""

from ._oil_adulteration import fetch_oil_adulteration
from ._oil_blends import make_oil_blends

__all__ = ["fetch_oil_adulteration", "make_oil_blends"]
