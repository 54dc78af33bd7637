"""What comes in: spectra, their axis, and checks of both."""
