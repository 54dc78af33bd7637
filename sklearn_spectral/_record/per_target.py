"""The arrays of an explanation with an axis of targets, whether there is one target or many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .arrays import ExplanationArrays


@dataclass(frozen=True, eq=False)
class PerTarget:
    """The arrays of an explanation with an axis of targets, be they one or many.

    Attributes
    ----------
    maps : ndarray of shape (n_samples, n_points, n_targets)
    labels, outputs, base_values : ndarray of shape (n_samples, n_targets)
        The target, the output and the base value of every map.
    """

    maps: np.ndarray
    labels: np.ndarray
    outputs: np.ndarray
    base_values: np.ndarray


def per_target(explanation: ExplanationArrays) -> PerTarget:
    """Return views of the arrays of an explanation, with an axis of targets."""
    maps, labels = explanation.maps, explanation.targets
    outputs, base_values = explanation.outputs, explanation.base_values
    if maps.ndim == 3:
        labels = np.broadcast_to(labels, (len(maps), len(labels)))
        return PerTarget(maps, labels, outputs, base_values)
    return PerTarget(maps[:, :, None], labels[:, None], outputs[:, None], base_values[:, None])
