"""Calibrations in closed form, from which the training of the network starts."""
