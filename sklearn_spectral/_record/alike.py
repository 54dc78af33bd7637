"""Whether explanations can be compared and averaged: the same targets and wavelengths."""

from collections.abc import Sequence
from textwrap import shorten
from typing import Any

import numpy as np


def check_alike(explanations: Sequence[Any], *, same_spectra: bool = True) -> None:
    """Raise unless explanations are of the same targets on the same wavelengths.

    Without `same_spectra`, targets that belong to spectra, one each, may differ.
    """
    first = explanations[0]
    for each in explanations[1:]:
        several = each.maps.ndim == 3
        if several != (first.maps.ndim == 3) or (
            (several or same_spectra) and not np.array_equal(each.targets, first.targets)
        ):
            known, other = (shorten(str(e.targets.tolist()), 200) for e in (first, each))
            raise ValueError(
                "The models do not know the same targets, or are explained for different targets: "
                f"{known} and {other}. Explain with target='all' or with the same labels. Each "
                "model needs training spectra of every class: use fewer folds, a stratified "
                "splitter, or larger bootstrap samples."
            )
        if same_spectra and len(each) != len(first):
            raise ValueError(
                f"The explanations are of {len(first)} and {len(each)} spectra; expected the same "
                "spectra in each."
            )
        if not np.array_equal(each.x_axis, first.x_axis):
            raise ValueError(
                "The models see different wavelengths after their preprocessing: "
                f"{len(first.x_axis)} points from {first.x_axis[0]:g} and {len(each.x_axis)} "
                f"from {each.x_axis[0]:g}. Such maps cannot be averaged or compared; use "
                "preprocessing that keeps or chooses the same wavelengths for all, and explain "
                "with the same x_axis."
            )
