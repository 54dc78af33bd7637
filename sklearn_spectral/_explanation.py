"""What an explanation is: frozen arrays on the wavelength axis."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import find_peaks

# A peak of the mean map counts from this share of the highest one on.
PEAK_PROMINENCE = 0.05


def check_x_axis(x_axis, n_points):
    """Return `x_axis` as floats; raise unless it has `n_points` values in strict order."""
    x_axis = np.asarray(x_axis, dtype=float)
    if x_axis.shape != (n_points,):
        raise ValueError(
            f"x_axis has shape {x_axis.shape}, but the spectra have {n_points} points. Pass one "
            "wavelength or wavenumber per point."
        )
    if not np.isfinite(x_axis).all():
        raise ValueError("x_axis holds NaN or infinity. Pass a number for every point.")
    steps = np.diff(x_axis)
    if not ((steps > 0).all() or (steps < 0).all()):
        first = int(np.flatnonzero(steps * np.sign(np.median(steps)) <= 0)[0])
        raise ValueError(
            f"x_axis is not strictly ascending or descending: {x_axis[first]:g} is followed by "
            f"{x_axis[first + 1]:g} at point {first + 1}. Sort it, and the columns of X with it, "
            "and drop duplicates."
        )
    return x_axis


def axis_from_names(names):
    """Return feature names as a wavelength axis, or None where they are not one."""
    if names is None:
        return None
    try:
        return check_x_axis([float(name) for name in names], len(names))
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Contribution of every wavelength to every output, signed, in the unit of the output.

    ``maps.sum(axis=1) + base_values == outputs``, to float32 rounding.

    Made by :func:`sklearn_spectral.explain` and the estimators' ``explain``.

    Attributes
    ----------
    maps : ndarray of shape (n_samples, n_points) or (n_samples, n_points, n_targets)
        1D Grad-CAM maps, in the unit of the output: logits, or the unit of y.
    outputs : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Logits (of a classifier) or predictions (of a regressor).
    base_values : ndarray of shape (n_samples,) or (n_samples, n_targets)
        What the model says whatever the spectrum: the part of the output that no wavelength
        contributes.
    targets : ndarray of shape (n_samples,) or (n_targets,)
        What is explained: one label for every spectrum, or those of the last axis of `maps`.
    x_axis : ndarray of shape (n_points,)
        Wavelengths or wavenumbers as the network sees them; the point's index where unknown.
    spectra : ndarray of shape (n_samples, n_points)
        The spectra as they came to the estimator, after preprocessing.
    output_name : str
        What the output is, for labels: ``"logit"``, or the name of y.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> y = X[:, 20:25].sum(axis=1)
    >>> model = ResNet1DRegressor(max_epochs=10, random_state=0).fit(X, y)
    >>> explanation = model.explain(X, x_axis=np.arange(1000, 1500, 10))
    >>> explanation.maps.shape
    (30, 50)
    >>> total = explanation.maps.sum(axis=1) + explanation.base_values
    >>> bool(np.allclose(total, explanation.outputs, atol=1e-5))
    True
    >>> list(explanation.contributions({"band": (1200, 1240)}).columns)
    ['sample', 'target', 'band', 'start', 'end', 'contribution', 'share']
    """

    maps: np.ndarray
    outputs: np.ndarray
    base_values: np.ndarray
    targets: np.ndarray
    x_axis: np.ndarray
    spectra: np.ndarray
    output_name: str = "output"

    def __repr__(self):
        unit = f"{self.x_axis[0]:g} to {self.x_axis[-1]:g}"
        n_targets = self._maps_3d.shape[2]
        return (
            f"Explanation of {len(self.maps)} spectra, {n_targets} target(s) each, "
            f"{self.maps.shape[1]} points from {unit}"
        )

    @property
    def _maps_3d(self):
        """Maps with their target axis, one target or many."""
        return self.maps if self.maps.ndim == 3 else self.maps[:, :, None]

    @property
    def _targets_2d(self):
        """The label of every map, (n_samples, n_targets)."""
        if self.maps.ndim == 3:
            return np.broadcast_to(self.targets, (len(self.maps), len(self.targets)))
        return self.targets[:, None]

    def contributions(self, bands="peaks"):
        r"""Return contribution score and share of bands.

        The contribution score of band B is the sum of the map over its points,
        :math:`c_B = \sum_{i \in B} m_i`, in the unit of the output. Its share is
        :math:`c_B / \sum_i |m_i|`, between -1 and 1. Both are our reading of the feature
        contribution of Shi et al. 2023 (doi:10.1021/acs.analchem.3c01101).

        Parameters
        ----------
        bands : dict, int or "peaks", default="peaks"
            Named bands, ``{"C=O stretch": (1730, 1760)}``, in the unit of `x_axis`, both ends
            included; a number of bands of equal width; or a band for every peak of the mean
            absolute map, bounded by the minima between peaks. Bands that were not named cover
            the axis: their contributions add up to ``outputs - base_values``.

        Returns
        -------
        contributions : DataFrame
            A row for every sample, target and band: columns ``sample``, ``target``, ``band``,
            ``start``, ``end``, ``contribution``, ``share``.

        Raises
        ------
        ValueError
            A band covers no point of the axis, or `bands` is none of the above.
        """
        names, members = self._bands(bands)  # members: (n_bands, n_points), boolean
        maps = self._maps_3d
        scores = np.einsum("npt,bp->ntb", maps, members.astype(maps.dtype))
        total = np.abs(maps).sum(axis=1)[:, :, None]  # (n_samples, n_targets, 1)
        shares = np.divide(scores, total, out=np.zeros_like(scores), where=total > 0)
        ends = [np.sort(self.x_axis[member][[0, -1]]) for member in members]
        n_samples, n_targets, n_bands = scores.shape
        n_maps = n_samples * n_targets
        return pd.DataFrame(
            {
                "sample": np.repeat(np.arange(n_samples), n_targets * n_bands),
                "target": np.repeat(self._targets_2d.ravel(), n_bands),
                "band": np.tile(np.array(names, dtype=object), n_maps),
                "start": np.tile([start for start, _ in ends], n_maps),
                "end": np.tile([end for _, end in ends], n_maps),
                "contribution": scores.ravel(),
                "share": shares.ravel(),
            }
        )

    def _bands(self, bands):
        """Return the names of the bands and which points belong to each."""
        if isinstance(bands, Mapping):
            return list(bands), self._named_bands(bands)
        if isinstance(bands, str) and bands == "peaks":
            edges, peaks = self._peak_edges()
            names = [f"{self.x_axis[peak]:g}" for peak in peaks]
        elif isinstance(bands, (int, np.integer)) and 1 <= bands <= len(self.x_axis):
            low, high = sorted(self.x_axis[[0, -1]])
            # Which of the equal intervals every point lies in; the last point in the last one.
            width = (high - low) / bands or 1.0
            interval = np.minimum((self.x_axis - low) // width, bands - 1)
            members = interval == np.arange(bands)[:, None]
            members = members[members.any(axis=1)]
            names = [f"{self.x_axis[m].min():g}-{self.x_axis[m].max():g}" for m in members]
            return names, members
        else:
            raise ValueError(
                f"bands={bands!r} is none of: a dict such as {{'C=O stretch': (1730, 1760)}}, a "
                f"number of bands between 1 and {len(self.x_axis)} (the points), or 'peaks'."
            )
        point = np.arange(len(self.x_axis))
        return names, np.array(
            [(start <= point) & (point < end) for start, end in zip(edges, edges[1:], strict=False)]
        )

    def _named_bands(self, bands):
        members = []
        for name, limits in bands.items():
            try:
                start, end = sorted(float(limit) for limit in limits)
            except (TypeError, ValueError):
                raise ValueError(
                    f"Band {name!r} is {limits!r}; expected its two ends, such as (1730, 1760)."
                ) from None
            member = (start <= self.x_axis) & (self.x_axis <= end)
            if not member.any():
                raise ValueError(
                    f"Band {name!r}, {start:g} to {end:g}, covers no point: the axis runs from "
                    f"{self.x_axis[0]:g} to {self.x_axis[-1]:g}. Give its ends in the unit of the "
                    "axis, or pass x_axis to explain."
                )
            members.append(member)
        return np.array(members, dtype=bool).reshape(len(members), len(self.x_axis))

    def _peak_edges(self):
        """Return the first point of every peak band (and the end), and the peaks themselves."""
        profile = np.abs(self._maps_3d).mean(axis=(0, 2))
        padded = np.concatenate([[0.0], profile, [0.0]])  # peaks at either end count as well
        peaks = find_peaks(padded, prominence=PEAK_PROMINENCE * profile.max())[0] - 1
        if len(peaks) == 0:
            peaks = np.array([int(profile.argmax())])
        inner = [
            left + int(profile[left:right].argmin())
            for left, right in zip(peaks, peaks[1:], strict=False)
        ]
        return [0, *inner, len(profile)], peaks

    def to_frame(self):
        """Return everything as one tidy table.

        Returns
        -------
        frame : DataFrame
            A row for every sample, target and point: columns ``sample``, ``target``,
            ``x_axis``, ``intensity``, ``contribution``.
        """
        n_samples, n_points, n_targets = self._maps_3d.shape
        return pd.DataFrame(
            {
                "sample": np.repeat(np.arange(n_samples), n_targets * n_points),
                "target": np.repeat(self._targets_2d.ravel(), n_points),
                "x_axis": np.tile(self.x_axis, n_samples * n_targets),
                "intensity": np.repeat(self.spectra, n_targets, axis=0).ravel(),
                "contribution": np.moveaxis(self._maps_3d, 2, 1).ravel(),
            }
        )

    def plot(self, ax=None, **plot_params):
        """Draw the spectra coloured by contribution.

        Parameters
        ----------
        ax : matplotlib Axes, sequence of Axes or None, default=None
            One for every panel; None makes a figure.
        **plot_params
            ``samples``, ``technique``, ``x_label``, ``output_label``, as for
            :meth:`ExplanationDisplay.plot`.

        Returns
        -------
        display : ExplanationDisplay
        """
        from ._plot import ExplanationDisplay  # here, because it imports this module in turn

        return ExplanationDisplay(self).plot(ax, **plot_params)

    def __len__(self):
        return len(self.maps)

    def __getitem__(self, samples):
        """Return the explanation of some of the spectra: a row, a slice, a list or a mask."""
        if isinstance(samples, (int, np.integer)):
            samples = [samples]
        return Explanation(
            maps=self.maps[samples],
            outputs=self.outputs[samples],
            base_values=self.base_values[samples],
            targets=self.targets if self.maps.ndim == 3 else self.targets[samples],
            x_axis=self.x_axis,
            spectra=self.spectra[samples],
            output_name=self.output_name,
        )
