"""The frozen arrays of an explanation, and tables of them."""
