"""The tables of an explanation: contributions of bands, and what they are over many spectra."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .._spectra.bands import Bands, BandsLike, every_point, resolve_bands
from .._spectra.checks import LARGEST, SMALLEST, as_numbers, naming_argument
from .arrays import ExplanationArrays, per_target

# A band is stable if its contribution is at least so many standard deviations between models.
STABLE = 2.0


def bands_of(explanation: ExplanationArrays, bands: BandsLike | None) -> Bands:
    """Return the bands of an explanation that a user asks for; None is every point."""
    if bands is None:
        return every_point(explanation.x_axis)
    return resolve_bands(
        bands,
        explanation.x_axis,
        per_target(explanation).maps,
        known=explanation.axis_known,
        unit=explanation.axis_unit,
    )


def contributions(explanation: ExplanationArrays, bands: BandsLike) -> pd.DataFrame:
    """Return the contribution and the share of every band for every map."""
    arrays = per_target(explanation)
    resolved = bands_of(explanation, bands)
    scores = resolved.sums(arrays.maps)  # (n_samples, n_targets, n_bands)
    total = np.abs(arrays.maps).sum(axis=1)[:, :, None]  # (n_samples, n_targets, 1)
    shares = np.divide(scores, total, out=np.zeros_like(scores), where=total > 0)
    n_samples, n_targets, n_bands = scores.shape
    table = _band_frame(arrays.labels.ravel(), resolved, contribution=scores, share=shares)
    table.insert(0, "sample", np.repeat(np.arange(n_samples), n_targets * n_bands))
    return table


def to_frame(explanation: ExplanationArrays) -> pd.DataFrame:
    """Return a row for every sample, target and point."""
    arrays = per_target(explanation)
    n_samples, n_points, n_targets = arrays.maps.shape
    return pd.DataFrame(
        {
            "sample": np.repeat(np.arange(n_samples), n_targets * n_points),
            "target": np.repeat(arrays.labels.ravel(), n_points),
            "x_axis": np.tile(explanation.x_axis, n_samples * n_targets),
            "intensity": np.repeat(explanation.spectra, n_targets, axis=0).ravel(),
            "contribution": np.moveaxis(arrays.maps, 2, 1).ravel(),
        }
    )


def linearity(
    explanation: ExplanationArrays, y: ArrayLike, bands: BandsLike | None
) -> pd.DataFrame:
    """Return slope and R2 of the contributions of bands, or of points, against y."""
    if explanation.is_class:
        raise ValueError(
            "linearity is of quantification; for a classifier look at difference() and purity()."
        )
    references = _check_references(y, explanation.outputs.shape)
    centred = (references - references.mean(axis=0)).reshape(len(references), -1)
    maps = per_target(explanation).maps
    resolved = bands_of(explanation, bands)
    whole = bands_of(explanation, 1)
    # (n_samples, n_targets, n_bands + 1)
    scores = np.concatenate([resolved.sums(maps), whole.sums(maps)], axis=2).astype(float)
    scores -= scores.mean(axis=0)
    covariance = np.einsum("ntb,nt->tb", scores, centred)  # (n_targets, n_bands + 1)
    squares = (centred**2).sum(axis=0)[:, None]
    size = (scores**2).sum(axis=0) * squares
    r2 = np.divide(covariance**2, size, out=np.zeros_like(size), where=size > 0)
    labels = explanation.targets if explanation.maps.ndim == 3 else explanation.targets[:1]
    both = Bands([*resolved.names, "all"], [*resolved.points, *whole.points], resolved.x_axis)
    return _band_frame(labels.astype(object), both, slope=covariance / squares, r2=r2)


def _check_references(y, shape):
    """Return reference values as numbers; raise unless they have this shape and vary."""
    y = as_numbers(y, "y", "numbers")
    if y.shape != shape or len(y) < 2:
        raise ValueError(
            f"y has shape {y.shape}; expected {shape}, a reference value for each of at least two "
            "spectra and every target."
        )
    if not (np.abs(y) <= LARGEST).all():  # nor is NaN
        raise ValueError(
            f"y holds NaN or numbers above {LARGEST:g}. Leave out the spectra without reference "
            "value (explanation[rows])."
        )
    if not (np.ptp(y, axis=0) > SMALLEST).all():
        raise ValueError("y does not vary: there is no line to fit.")
    return y


def summary(
    explanation: ExplanationArrays, bands: BandsLike | None, by: ArrayLike | None
) -> pd.DataFrame:
    """Return mean, spread and share of bands, or of points, for every target and group."""
    n_samples = len(explanation)
    if n_samples == 0:
        raise ValueError("This explanation is of 0 spectra: there is nothing to sum up.")
    grouped = by is not None
    with naming_argument("by", "one value per spectrum"):
        values = np.asarray(by) if grouped else np.zeros(n_samples, dtype=int)
    if values.shape != (n_samples,):
        raise ValueError(
            f"by has shape {values.shape}; expected ({n_samples},), a value for every spectrum."
        )
    places, groups = pd.factorize(values, use_na_sentinel=False)  # NaN is a group, too
    arrays = per_target(explanation)
    resolved = bands_of(explanation, bands)
    scores = resolved.sums(arrays.maps)  # (n_samples, n_targets, n_bands)
    size = np.abs(arrays.maps).sum(axis=1)  # (n_samples, n_targets)
    tables = []
    for label in dict.fromkeys(arrays.labels.ravel().tolist()):
        for place, group in enumerate(groups):
            rows, columns = np.nonzero((arrays.labels == label) & (places == place)[:, None])
            if len(rows) == 0:
                continue
            chosen = scores[rows, columns].astype(np.float64)  # (n_chosen, n_bands)
            table = _band_frame(
                np.array([label], dtype=object),
                resolved,
                mean=chosen.mean(axis=0),
                std=chosen.std(axis=0, ddof=min(1, len(rows) - 1)),
                share=np.abs(chosen).mean(axis=0) / (size[rows, columns].mean() or 1.0),
            )
            if grouped:
                table.insert(1, "group", group)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def stability(explanation: ExplanationArrays, bands: BandsLike) -> pd.DataFrame:
    """Return how far the members of an explanation agree on the contribution of every band."""
    arrays = per_target(explanation)
    resolved = bands_of(explanation, bands)
    # (n_members, n_samples, n_targets, n_bands)
    scores = np.stack(
        [resolved.sums(per_target(member).maps) for member in several_members(explanation)]
    )
    mean, std = scores.mean(axis=0), scores.std(axis=0, ddof=1)
    agree = (np.sign(scores) == np.sign(mean)).mean(axis=0)
    tables = []
    for label in dict.fromkeys(arrays.labels.ravel().tolist()):
        chosen = arrays.labels == label
        contribution = np.sqrt((mean[chosen] ** 2).mean(axis=0))
        spread = np.sqrt((std[chosen] ** 2).mean(axis=0))
        table = _band_frame(
            np.array([label], dtype=object),
            resolved,
            contribution=contribution,
            std=spread,
            sign_agreement=agree[chosen].mean(axis=0),
            stable=contribution >= STABLE * spread,
        )
        tables.append(table.sort_values("contribution", ascending=False))
    return pd.concat(tables, ignore_index=True)


def several_members(explanation: ExplanationArrays) -> tuple:
    """Return the members of an explanation; raise where it is of one model."""
    if len(explanation.members) < 2:
        raise ValueError(
            "This explanation is of one model, so there is no spread. Use cross_explain with "
            "n_repeats of 2 or more, or explain an ensemble."
        )
    return explanation.members


def _band_frame(labels, bands, **columns):
    """Return a table with a row for every label and band; columns are (n_labels, n_bands)."""
    n_labels, n_bands = len(labels), len(bands.names)
    return pd.DataFrame(
        {
            "target": np.repeat(labels, n_bands),
            "band": np.tile(np.array(bands.names, dtype=object), n_labels),
            "start": np.tile(bands.ends[:, 0], n_labels),
            "end": np.tile(bands.ends[:, 1], n_labels),
            **{name: values.ravel() for name, values in columns.items()},
        }
    )
