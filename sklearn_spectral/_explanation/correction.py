"""The correction of maps: variation at equal output is removed from them.

Scatter and background vary most in spectra, but are not related to y, and every calibration must
compensate for them. In a map this compensation shows as large contributions that cancel. Orthogonal
projections to latent structures (Trygg and Wold 2002, doi:10.1002/cem.695) find such variation in
the training spectra. The removed contributions add up to zero, so that corrected maps are as
complete as others.
"""

import numpy as np

from .._calibration.domain import principal_directions
from .._pickles import part_of_models

# Of more training spectra than this, as many are taken in even steps.
MAX_ROWS = 500
# Directions of the features that no output goes with, and of the maps at equal output.
MAX_OF_FEATURES, MAX_OF_MAPS = 30, 40


@part_of_models
class MapCorrection:
    """The variation of maps of the training spectra at equal output.

    The map of an output z, which adds up to z, is separated into ``z * shape`` and a rest, which
    adds up to zero. The part of the rest that varies in the training spectra is removed; a part
    that is new in a spectrum is kept.

    Attributes
    ----------
    shapes_ : ndarray of shape (n_outputs, n_positions)
        The contributions that go with each output, of sum one (zero for a constant output).
    directions_ : ndarray of shape (n_outputs, n_directions, n_positions)
        Orthonormal, each of sum zero.
    """

    def fit(self, features, weights):
        """Learn from training spectra.

        Parameters
        ----------
        features : ndarray of shape (n_samples, K, n_positions)
            Centred, and multiplied by the roots of the sample weights.
        weights : ndarray of shape (n_outputs, K, n_positions)
            Of the head.

        Returns
        -------
        self : object
        """
        F, W = features.reshape(len(features), -1), weights.reshape(len(weights), -1)
        outputs = F @ W.T  # (n_samples, n_outputs)
        nuisance = _nuisance(F, outputs, W)  # (n_directions, K * n_positions)
        size = (outputs**2).sum(axis=0)[:, None]
        along = np.divide(outputs.T @ F, size, out=np.zeros_like(W), where=size > 0)
        along -= (along @ nuisance.T) @ nuisance  # the outputs are as before
        self.shapes_ = (along.reshape(weights.shape) * weights).sum(axis=1)
        maps = np.einsum("nkl,tkl->tnl", features, weights, optimize=True)
        self.directions_ = np.zeros((len(weights), MAX_OF_MAPS, weights.shape[2]))
        for each, z, shape, directions in zip(
            maps, outputs.T, self.shapes_, self.directions_, strict=True
        ):
            _, found = principal_directions(each - z[:, None] * shape, MAX_OF_MAPS)
            found = found.T
            directions[: len(found)] = found - found.mean(axis=1, keepdims=True)
        self.shapes_ = self.shapes_.astype(np.float32)
        used = self.directions_.any(axis=(0, 2))
        # Products have the same bits only where numbers lie alike, as they do in files.
        self.directions_ = np.ascontiguousarray(self.directions_[:, used], dtype=np.float32)
        return self

    def apply(self, maps, outputs):
        """Correct maps in place.

        Parameters
        ----------
        maps : ndarray of shape (n_samples, n_targets, n_positions)
        outputs : ndarray of shape (n_samples, n_targets)
            The number of the output that each map is of.
        """
        for column, numbers in zip(maps.transpose(1, 0, 2), outputs.T, strict=True):
            for output in np.unique(numbers):
                rows = numbers == output
                rows = slice(None) if rows.all() else rows  # a view
                column[rows] -= self._known(column[rows], output)

    def _known(self, maps, output):
        """Return the part to leave out of maps (n_samples, n_positions) of one output."""
        directions = self.directions_[output]
        of_shape = directions @ self.shapes_[output]
        scores = maps @ directions.T - np.outer(maps.sum(axis=1), of_shape)
        return scores @ directions


def _nuisance(F, outputs, W):
    """Return directions of the features along which they vary and no output does, orthonormal."""
    explained, *_ = np.linalg.lstsq(outputs, F, rcond=1e-6)
    _, found = principal_directions(F - outputs @ explained, MAX_OF_FEATURES)
    moves, *_ = np.linalg.lstsq(W.T, found, rcond=1e-6)  # by rounding
    return found.T - moves.T @ W
