"""What the network starts from: calibrations in closed form."""
