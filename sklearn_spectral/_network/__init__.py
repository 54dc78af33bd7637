"""The network: made, trained, and fitted."""
