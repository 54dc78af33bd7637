"""Training spectra with all that belongs to them, row by row."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .views import rounding_of_views, views


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Spectra, references, weights and groups; chosen rows of it are one as well.

    Attributes
    ----------
    spectra : ndarray of shape (n_samples, n_points)
    views : ndarray of shape (n_samples, 3, n_bins)
        The views that the network receives, not scaled.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Numbers of classes, or values.
    sample_weight : ndarray of shape (n_samples,)
        Near one; as they were given they are ``2**exponent`` times as large.
    groups : ndarray of shape (n_samples,) or None
        Rows of one group are never divided.
    exponent : int
    """

    spectra: np.ndarray
    views: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray
    groups: np.ndarray | None
    exponent: int = 0

    @classmethod
    def of(cls, spectra, y, sample_weight, groups, exponent=0) -> TrainingSet:
        """Make the views of the spectra."""
        return cls(spectra, views(spectra), y, sample_weight, groups, exponent)

    def __len__(self) -> int:
        return len(self.spectra)

    def __getitem__(self, rows) -> TrainingSet:
        arrays = {k: array for k, array in vars(self).items() if isinstance(array, np.ndarray)}
        return replace(self, **{name: array[rows] for name, array in arrays.items()})

    def thinned(self, n_rows) -> TrainingSet:
        """Return at most `n_rows` of the rows, in even steps."""
        if len(self) <= n_rows:
            return self
        return self[np.linspace(0, len(self) - 1, n_rows).astype(int)]

    @property
    def row_groups(self) -> np.ndarray:
        """A number for each row, the same for rows that must stay together."""
        return np.arange(len(self)) if self.groups is None else self.groups

    @property
    def rounding(self) -> np.ndarray:
        """How much of each view is the rounding of the spectra, (3,)."""
        return rounding_of_views(self.spectra)

    @property
    def mean_spectrum(self) -> np.ndarray:
        """The weighted mean of the spectra, (n_points,)."""
        mean = np.average(self.spectra, axis=0, weights=self.sample_weight)
        # Of centred spectra it is rounding; its normalized derivatives would look like a spectrum.
        return np.where(np.abs(mean) < 1e-6 * np.abs(self.spectra).max(axis=0), 0.0, mean)

    @property
    def mean_weight(self) -> tuple[float, int]:
        """The mean of the weights, and their exponent."""
        return float(self.sample_weight.mean()), self.exponent

    def weighted(self) -> TrainingSet:
        """Return the rows whose weight is not zero; `class_weight` may have made some so."""
        if not self.sample_weight.any():
            raise ValueError(
                "All training spectra have weight zero. Give at least one class in y a positive "
                "class_weight."
            )
        return self[self.sample_weight > 0]

    def with_y(self, y) -> TrainingSet:
        """Return the same spectra with other references."""
        return replace(self, y=y)
