"""The tables of an explanation: contributions of bands, for each spectrum and over many spectra."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .._spectra.bands import Bands, BandsLike, every_point, resolve_bands
from .._spectra.checks import LARGEST, SMALLEST, as_numbers, naming_argument
from .arrays import ExplanationArrays
from .cancellation import cancellation
from .per_target import per_target
from .samples import labels_of_samples

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
    n_targets, n_bands = scores.shape[1:]
    table = _band_frame(arrays.labels.ravel(), resolved, contribution=scores, share=shares)
    samples = labels_of_samples(explanation)
    table.insert(0, "sample", np.repeat(samples, n_targets * n_bands))
    return table.assign(cancellation=np.repeat(cancellation(arrays.maps), n_bands))


def predictions(explanation: ExplanationArrays) -> pd.DataFrame:
    """Return the prediction for every spectrum."""
    y = explanation.y
    if explanation.is_class:
        probabilities = explanation.probabilities
        if probabilities is None:
            raise ValueError(
                "The explanation contains the logits of one class for each spectrum, which do not "
                "determine probabilities. Explain all classes, with target='all'; pick(None) then "
                "returns the maps of the predicted classes."
            )
        columns: Any = {"predicted": explanation.predicted}
        columns["probability"] = probabilities.max(axis=1)
    else:
        outputs, targets = per_target(explanation).outputs, explanation.targets
        several = outputs.shape[1] > 1
        columns = dict(zip(targets.tolist() if several else ["predicted"], outputs.T, strict=True))
        y = None if several or y is None else y.reshape(-1)
    columns = columns if y is None else {**columns, "y": y}
    return pd.DataFrame(columns, index=explanation.sample_names)


def to_frame(explanation: ExplanationArrays) -> pd.DataFrame:
    """Return a row for every sample, target and point."""
    arrays = per_target(explanation)
    n_samples, n_points, n_targets = arrays.maps.shape
    return pd.DataFrame(
        {
            "sample": np.repeat(labels_of_samples(explanation), n_targets * n_points),
            "target": np.repeat(arrays.labels.ravel(), n_points),
            "x_axis": np.tile(explanation.x_axis, n_samples * n_targets),
            "intensity": np.repeat(explanation.spectra, n_targets, axis=0).ravel(),
            "contribution": np.moveaxis(arrays.maps, 2, 1).ravel(),
        }
    )


def purity(explanation: ExplanationArrays) -> np.ndarray:
    """Return the fraction of every map that supports the predicted class, (n_samples,)."""
    maps = explanation.difference().maps if explanation.maps.ndim == 3 else explanation.maps
    size = np.abs(maps).sum(axis=1)
    positive = np.maximum(maps, 0).sum(axis=1)
    return np.divide(positive, size, out=np.full(len(maps), 0.5), where=size > 0)


def margin(explanation: ExplanationArrays) -> np.ndarray:
    """Return the difference of the two highest outputs of a classifier, (n_samples,)."""
    if explanation._of_classes is None:
        raise ValueError(
            "The margin needs the logits of all classes, of a classifier: explain(..., "
            "target='all')."
        )
    second, first = np.sort(explanation._of_classes[1], axis=1)[:, -2:].T
    return first - second


def linearity(
    explanation: ExplanationArrays,
    y: ArrayLike | None,
    bands: BandsLike | None,
    by: ArrayLike | None = None,
) -> pd.DataFrame:
    """Return slope and R2 of the contributions of bands, or of points, against y, by group."""
    if explanation.is_class:
        raise ValueError(
            "linearity needs the explanation of a regressor. For a classifier use difference() and "
            "purity()."
        )
    y = explanation.y if y is None else y
    if y is None:
        raise ValueError("y is None, and the explanation has no y: pass reference values.")
    references = _check_references(y, explanation.outputs.shape)
    maps = per_target(explanation).maps
    resolved = bands_of(explanation, bands)
    whole = bands_of(explanation, 1)
    # (n_samples, n_targets, n_bands + 1)
    scores = np.concatenate([resolved.sums(maps), whole.sums(maps)], axis=2).astype(float)
    labels = explanation.targets if explanation.maps.ndim == 3 else explanation.targets[:1]
    both = Bands([*resolved.names, "all"], [*resolved.points, *whole.points], resolved.x_axis)
    tables = []
    for group, rows in groups_of(explanation, by):
        lines = _lines(scores[rows], references[rows], group)
        tables.append(_band_frame(labels.astype(object), both, group, **lines))
    # Targets first, as in the other tables.
    n_rows, n_targets = len(both.names), len(labels)
    parts = [table[t * n_rows :][:n_rows] for t in range(n_targets) for table in tables]
    return pd.concat(parts, ignore_index=True)


def _lines(scores, references, group):
    """Return slope, its error and R2 of least-squares lines, (n_targets, n_bands) each."""
    where = "".join(f" in group {name}" for name in group.values())
    if not (np.ptp(references, axis=0) > SMALLEST).all():
        raise ValueError(
            f"y does not vary{where}, so no line can be fitted."
            + (" Leave these spectra out (explanation[rows])." if group else "")
        )
    centred = (references - references.mean(axis=0)).reshape(len(references), -1)
    scores = scores - scores.mean(axis=0)
    covariance = np.einsum("ntb,nt->tb", scores, centred)
    squares = (centred**2).sum(axis=0)[:, None]
    size = (scores**2).sum(axis=0) * squares
    r2 = np.divide(covariance**2, size, out=np.zeros_like(size), where=size > 0)
    slope, n_free = covariance / squares, len(references) - 2
    error = np.sqrt((scores**2).sum(axis=0) * (1 - r2).clip(0) / max(n_free, 1) / squares)
    return {"slope": slope, "slope_error": error if n_free else np.full_like(r2, np.nan), "r2": r2}


def _check_references(y, shape):
    """Return reference values as numbers; raise unless they have this shape."""
    y = as_numbers(y, "y", "numbers")
    if y.shape != shape or len(y) < 2:
        raise ValueError(
            f"y has shape {y.shape}; expected {shape}, one reference value for every target of "
            "each of at least two spectra."
        )
    if not (np.abs(y) <= LARGEST).all():  # nor is NaN
        raise ValueError(
            f"y contains NaN or numbers above {LARGEST:g}. Leave out the spectra without reference "
            "values (explanation[rows])."
        )
    return y


def groups_of(
    explanation: ExplanationArrays, by: ArrayLike | None
) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Return the column that names every group of spectra, and a mask of its rows.

    Without `by` there is one group of all spectra, which has no name.
    """
    n_samples = len(explanation)
    if by is None:
        return [({}, np.ones(n_samples, dtype=bool))]
    if isinstance(by, str) and by in ("y", "predicted"):
        by = getattr(explanation, by)
        if by is None:
            raise ValueError(
                "The true classes, or the predicted ones, are not known: pass y to with_y, or "
                "explain with target='all'."
            )
    with naming_argument("by", "one value per spectrum"):
        values = np.asarray(by)
    if values.shape != (n_samples,):
        raise ValueError(
            f"by has shape {values.shape}; expected ({n_samples},), one value for every spectrum."
        )
    places, groups = pd.factorize(values, use_na_sentinel=False)  # NaN is a group, too
    return [({"group": group}, places == place) for place, group in enumerate(groups)]


def parts_of(explanation: ExplanationArrays, by: ArrayLike | None) -> Iterator:
    """Yield label, column of the group and a mask, (n_samples, n_targets), of targets and groups.

    Groups without a spectrum that is explained for the target are left out.
    """
    labels, groups = per_target(explanation).labels, groups_of(explanation, by)
    for label in dict.fromkeys(labels.ravel().tolist()):
        for group, rows in groups:
            chosen = (labels == label) & rows[:, None]
            if chosen.any():
                yield label, group, chosen


def summary(
    explanation: ExplanationArrays, bands: BandsLike | None, by: ArrayLike | None
) -> pd.DataFrame:
    """Return mean, spread and share of bands, or of points, for every target and group."""
    if len(explanation) == 0:
        raise ValueError("This explanation has 0 spectra, so there is nothing to summarize.")
    maps = per_target(explanation).maps
    resolved = bands_of(explanation, bands)
    scores = resolved.sums(maps)  # (n_samples, n_targets, n_bands)
    size = np.abs(maps).sum(axis=1)  # (n_samples, n_targets)
    cancels = cancellation(maps)  # (n_samples, n_targets)
    tables = []
    for label, group, part in parts_of(explanation, by):
        chosen = scores[part].astype(np.float64)  # (n_chosen, n_bands)
        table = _band_frame(
            np.array([label], dtype=object),
            resolved,
            group,
            mean=chosen.mean(axis=0),
            std=chosen.std(axis=0, ddof=min(1, len(chosen) - 1)),
            share=np.abs(chosen).mean(axis=0) / (size[part].mean() or 1.0),
        )
        tables.append(table.assign(cancellation=np.median(cancels[part])))
    return pd.concat(tables, ignore_index=True)


def stability(
    explanation: ExplanationArrays, bands: BandsLike, by: ArrayLike | None
) -> pd.DataFrame:
    """Return how far the members of an explanation agree on the contribution of every band."""
    resolved = bands_of(explanation, bands)
    # (n_members, n_samples, n_targets, n_bands)
    scores = np.stack(
        [resolved.sums(per_target(member).maps) for member in several_members(explanation)]
    )
    mean, std = scores.mean(axis=0), scores.std(axis=0, ddof=1)
    agree = (np.sign(scores) == np.sign(mean)).mean(axis=0)
    tables = []
    for label, group, part in parts_of(explanation, by):
        contribution = np.sqrt((mean[part] ** 2).mean(axis=0))
        spread = np.sqrt((std[part] ** 2).mean(axis=0))
        table = _band_frame(
            np.array([label], dtype=object),
            resolved,
            group,
            contribution=contribution,
            std=spread,
            sign_agreement=agree[part].mean(axis=0),
            stable=contribution >= STABLE * spread,
        )
        tables.append(table.sort_values("contribution", ascending=False))
    return pd.concat(tables, ignore_index=True)


def several_members(explanation: ExplanationArrays) -> tuple:
    """Return the members of an explanation; raise where it is of one model."""
    if len(explanation.members) < 2:
        raise ValueError(
            "This explanation is of one model, so there is no spread between models. Use "
            "cross_explain with n_repeats of 2 or more, or explain an ensemble."
        )
    return explanation.members


def _band_frame(labels, bands, group=None, **columns):
    """Return a table with a row for every label and band; columns are (n_labels, n_bands)."""
    n_labels, n_bands = len(labels), len(bands.names)
    return pd.DataFrame(
        {
            "target": np.repeat(labels, n_bands),
            **(group or {}),
            "band": np.tile(np.array(bands.names, dtype=object), n_labels),
            "start": np.tile(bands.ends[:, 0], n_labels),
            "end": np.tile(bands.ends[:, 1], n_labels),
            **{name: values.ravel() for name, values in columns.items()},
        }
    )
