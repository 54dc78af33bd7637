"""Spectra, their wavelength axis, and checks of both."""
