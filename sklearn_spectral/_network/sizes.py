"""Sizes and names of the network's layers, which others need before PyTorch is loaded."""

STRIDE = 4  # points of a cell: finer than a band
STEM_SIZE = 16  # points that the stem sees around a cell
KERNEL_SIZE = 5
FEATURES = "features"  # the layer that the head sees
