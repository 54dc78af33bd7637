"""How good predictions are: the statistics of a validation report, one row a set of predictions."""

from collections.abc import Mapping
from functools import partial
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import linregress
from scipy.stats import t as student
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    multilabel_confusion_matrix,
    r2_score,
    root_mean_squared_error,
)

from .._pickles import part_of_models
from .._spectra.checks import as_numbers, group_codes, listed, naming_argument
from .._spectra.names import name_and_unit
from .._work import own_settings
from .arrays import ExplanationArrays
from .tables import groups_of, predictions

# Limits of detection and quantification, in standard deviations over the slope (ICH Q2).
DETECTION, QUANTIFICATION = 3.3, 10.0
# Number of equal intervals of the highest probability (Guo et al. 2017).
N_BINS = 10
# Probabilities of a spectrum add up to one within this.
TOLERANCE = 1e-3
# Statistics in the unit of y; the others have none.
IN_UNIT = ("rmse", "bias", "sep", "intercept", "repeatability") + (
    "detection_limit",
    "quantification_limit",
)
CAPTIONS = {
    "rmse": "Limits of detection and quantification are those of ICH Q2(R1): 3.3 and 10 standard "
    "deviations of the residuals over the slope. Repeatability is that of ISO 5725-2.",
    "calibration_error": "The calibration error is that of Guo et al. (2017), in ten intervals.",
    "accuracy": "Sensitivity and specificity are those of each class against all others.",
}


@part_of_models  # pickles must not name this file
class ValidationReport(pd.DataFrame):
    """The table that `validation_report` returns; notebooks show it with a caption and units."""

    def _repr_html_(self) -> str:
        name, unit = name_and_unit(self.attrs.get("output_label") or "")
        caption = " ".join(text for key, text in CAPTIONS.items() if key in self)
        title = escape(f"Validation of {name}" if name else "Validation")
        table = self.rename(columns={key: f"{key} ({unit})" for key in IN_UNIT} if unit else {})
        html = table.to_html(float_format=_rounded, na_rep="", border=0)
        caption = f"<strong>{title}.</strong> {caption}</caption>"
        caption = f'<caption style="caption-side: top; text-align: left">{caption}'
        return html.replace("<thead>", f"{caption}<thead>", 1)


def _rounded(value):
    """Return a number with three significant digits."""
    return f"{value:#.3g}".rstrip(".") if abs(value) < 1000 else f"{value:.0f}"


@own_settings()
def validation_report(
    y: Any,
    predicted: Any,
    *,
    probabilities: Any = None,
    groups: Any = None,
    by: Any = None,
    output_label: str | None = None,
) -> pd.DataFrame:
    r"""Return the statistics by which a calibration or a classification is validated.

    Pass a dict to compare several predictions in one call, such as those of calibration,
    cross-validation and an independent set, or those of a network and of PLS.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or dict
        Reference values or true classes. If the predictions are of different spectra, pass a dict
        with the names of `predicted`.
    predicted : array-like of shape (n_samples,), Explanation, DataFrame or dict of these
        Predictions by ``predict`` or ``cross_val_predict``, or an explanation (for example by
        :func:`cross_explain`; of all classes for a classifier), or its ``predictions()``. If `y` or
        the predictions are floats, the statistics are those of a quantification; if both are text
        or whole numbers, they are those of a classification.
    probabilities : array-like of shape (n_samples, n_classes), DataFrame or dict, default=None
        Probabilities of the classes in sorted order, as ``predict_proba`` returns them, or a table
        whose columns are named by the classes. They are not needed for an explanation.
    groups : array-like of shape (n_samples,) or dict, default=None
        Sample of each spectrum, if there are replicates.
    by : array-like of shape (n_samples,) or dict, default=None
        Series, or levels (``by=y``). Each gets a row of its own below that of all spectra.
    output_label : str or None, default=None
        Name and unit of the output, such as "glucose (g/L)", for the table that notebooks show;
        None takes the name of `y` where it is a Series.

    Returns
    -------
    report : DataFrame
        A row for each prediction (and group of `by`, after ``"all"``). ``report.T`` reads best;
        notebooks show the report with three significant digits, units and the standards cited.
        Values that cannot be computed, such as a slope at one level, are NaN. Columns of a
        quantification:

        - ``n``: number of spectra;
        - ``rmse``: root mean square error of prediction in the unit of y, which is also the unit of
          ``bias``, ``sep``, ``intercept``, ``repeatability``, ``detection_limit`` and
          ``quantification_limit``;
        - ``bias``: mean difference between predicted and measured values; ``bias_p``: p value of a
          paired t test for no bias, over the means of the samples if there are `groups`;
        - ``sep``: standard error of prediction, which is the standard deviation of the errors after
          subtraction of the bias;
        - ``slope``, ``intercept``: least-squares line of predicted on measured values;
        - ``r2``: coefficient of determination, 1 minus the mean squared error over the variance;
        - ``rpd``, ``rer``: standard deviation and range of y, divided by ``sep``;
        - ``repeatability``: standard deviation of predictions within `groups`, pooled
          (ISO 5725-2);
        - ``detection_limit``, ``quantification_limit``: limits of detection and quantification.

        Columns of a classification:

        - ``n``, ``accuracy``, ``balanced_accuracy`` (mean of the sensitivities);
        - ``sensitivity CLASS``: share of the spectra of a class that are predicted as this class;
          ``specificity CLASS``: share of all other spectra that are not predicted as this class;
        - ``repeatability``: share of the samples with several spectra for which all spectra are
          predicted as the same class;
        - with `probabilities`, ``log_loss``; ``brier``, the Brier score summed over the classes,
          between 0 and 2; ``calibration_error``, the expected calibration error, which is the mean
          distance between the highest probability and the share of right predictions in ten bins.

    Raises
    ------
    ValueError
        Lengths differ, values are missing or infinite, or an argument is not as described.

    See Also
    --------
    PredictionDisplay : Predicted against measured values with these statistics.
    prediction_interval : Intervals around the predictions of new spectra.
    sklearn.metrics.ConfusionMatrixDisplay : The figure for a classification.

    Notes
    -----
    Limits are those of ICH Q2(R1), 6.3 and 7.3,

    .. math:: x_D = 3.3 \, s / b, \qquad x_Q = 10 \, s / b

    with the slope b of predicted on measured values and the standard deviation s of the residuals
    from this line (n - 2 degrees of freedom). The guideline requires samples near the limit, so
    leave out high values. It also allows the standard deviation of blanks for s; with ``by=y`` this
    is ``sep`` in the row of level 0.

    If errors are not small, the regression of predicted on measured values has a slope below one
    even for a perfect calibration. A slope below one is therefore not sufficient evidence that the
    calibration needs a slope correction.

    References
    ----------
    ICH Q2(R1), Validation of analytical procedures: text and methodology (2005); for RPD
    Williams, P. and Sobering, D., J. Near Infrared Spectrosc. 1993, 1, 25-32; for the calibration
    error Guo et al. 2017, :doi:`10.48550/arXiv.1706.04599`.

    Examples
    --------
    >>> from sklearn.cross_decomposition import PLSRegression
    >>> from sklearn.model_selection import GroupKFold, cross_val_predict
    >>> from sklearn_spectral import validation_report
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends = make_oil_blends(20, n_replicates=2, random_state=0)
    >>> pls = PLSRegression(4)  # of % sunflower oil
    >>> report = validation_report(
    ...     blends.target,
    ...     {
    ...         "calibration": pls.fit(blends.data, blends.target).predict(blends.data),
    ...         "cross-validation": cross_val_predict(
    ...             pls, blends.data, blends.target, groups=blends.groups, cv=GroupKFold(5)
    ...         ),
    ...     },
    ...     groups=blends.groups,
    ... )
    >>> report[["rmse", "sep", "r2", "rpd", "repeatability"]].round(2)
                       rmse    sep    r2   rpd  repeatability
    prediction
    calibration       10.53  10.67  0.85  2.62           9.14
    cross-validation  14.28  14.31  0.73  1.95           8.67
    """
    named = predicted if isinstance(predicted, Mapping) else {"predicted": predicted}
    if len(named) == 0:
        raise ValueError("predicted is an empty dict; expected one or more named predictions.")
    tables = [
        _rows(name, *(part_of(each, name) for each in (y, given, probabilities, groups, by)))
        for name, given in named.items()
    ]
    report = ValidationReport(pd.concat(tables))
    report.attrs["output_label"] = output_label or getattr(y, "name", None)
    return report


def part_of(given, name):
    """Return the entry of a dict for the predictions of this name; anything else as it is."""
    if not isinstance(given, Mapping):
        return given
    if name not in given:
        raise ValueError(
            f"predicted contains {name!r}, but another argument only {list(given)}. Pass dicts "
            "with the same names."
        )
    return given[name]


def _rows(name, y, predicted, probabilities, groups, by):
    """Return the rows of one set of predictions: of all spectra, and of each group of `by`."""
    y, predicted, probabilities = checked(name, y, predicted, probabilities)
    given = {"groups": None if groups is None else group_codes(groups, len(y))}
    given |= {"y": y, "predicted": predicted}
    statistics_of = _of_values
    if y.dtype.kind != "f":
        labels, given["probabilities"] = _labels(y, predicted, probabilities)
        statistics_of = partial(_of_classes, labels)
    parts = [({"group": "all"}, slice(None))] if by is not None else []
    rows = []
    for group, part in parts + groups_of(y, by):
        here = {key: None if each is None else each[part] for key, each in given.items()}
        rows.append({"prediction": name, **group} | statistics_of(**here))
    return pd.DataFrame(rows).set_index(["prediction", "group"] if parts else "prediction")


def checked(name, y, predicted, probabilities=None):
    """Return values or labels, measured and predicted, (n_samples,), and probabilities, or raise.

    Values are floats.
    """
    predicted, probabilities = _unpacked(predicted, probabilities)
    y, predicted = _column(y, "y"), _column(predicted, f"predicted ({name})")
    if len(y) != len(predicted):
        raise ValueError(
            f"y has {len(y)} values, but predicted ({name}) {len(predicted)}; expected one for "
            "each spectrum, in the same order. If predictions are of different spectra, pass y as "
            "a dict."
        )
    if "f" not in y.dtype.kind + predicted.dtype.kind:
        return y, predicted, probabilities
    if probabilities is not None:
        raise ValueError(
            "probabilities are for classes, but y or predicted are floats. Leave probabilities "
            "out, or pass class labels."
        )
    predicted = as_numbers(predicted, f"predicted ({name})", "numbers")
    return as_numbers(y, "y", "numbers"), predicted, None


def _unpacked(predicted, probabilities):
    """Return labels or values, and probabilities, of what may be an explanation or its table."""
    if isinstance(predicted, ExplanationArrays):
        explanation, predicted = predicted, predictions(predicted)
        if probabilities is None and explanation.is_class:
            labels = explanation.targets if explanation.classes is None else explanation.classes
            probabilities = pd.DataFrame(explanation.probabilities, columns=labels)
    if isinstance(predicted, pd.DataFrame) and "predicted" in predicted:
        predicted = predicted["predicted"]
    return predicted, probabilities


def _column(values, name):
    """Return one value or label for each spectrum, (n_samples,), or raise."""
    with naming_argument(name, "one value or label for each spectrum"):
        column, masked = np.asarray(values), np.ravel(np.ma.getmask(values))
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]  # of PLSRegression
    if column.ndim != 1 or len(column) == 0:
        raise ValueError(
            f"{name} has shape {column.shape}; expected (n_samples,), one value or label for each "
            "spectrum. If there are several outputs, report one at a time."
        )
    infinite = np.isinf(column) if column.dtype.kind == "f" else False
    missing = np.flatnonzero(pd.isna(column) | infinite | masked)
    if len(missing):
        raise ValueError(
            f"{name} is missing or infinite in rows {listed(missing)}; leave these spectra out."
        )
    return column


def _of_values(y, predicted, groups):
    """Return the statistics of a quantification."""
    error = predicted - y
    groups = np.arange(len(y)) if groups is None else groups
    by_sample = pd.DataFrame({"error": error, "predicted": predicted}).groupby(groups)
    errors = by_sample["error"].mean()
    within = predicted - by_sample["predicted"].transform("mean").to_numpy()
    varies = np.ptp(y) > 0
    slope, intercept = linregress(y, predicted)[:2] if varies else (np.nan, np.nan)
    residual = predicted - intercept - slope * y
    with np.errstate(divide="ignore", invalid="ignore"):
        sep = _root_mean(error - error.mean(), 1)
        t = errors.mean() / (errors.std() / np.sqrt(len(errors)))
        limit = _root_mean(residual, 2) / slope if slope > 0 else np.nan
        return {
            "n": len(y),
            "rmse": root_mean_squared_error(y, predicted),
            "bias": error.mean(),
            "bias_p": 2 * student.sf(abs(t), len(errors) - 1),
            "sep": sep,
            "slope": slope,
            "intercept": intercept,
            "r2": r2_score(y, predicted) if varies else np.nan,
            "rpd": _root_mean(y - y.mean(), 1) / sep if varies else np.nan,
            "rer": np.ptp(y) / sep if varies else np.nan,
            "repeatability": _root_mean(within, len(errors)),
            "detection_limit": DETECTION * limit,
            "quantification_limit": QUANTIFICATION * limit,
        }


def _root_mean(residual, n_lost):
    """Return the root mean square of residuals with so many degrees of freedom fewer, or NaN."""
    n_free = len(residual) - n_lost
    return np.sqrt((residual**2).sum() / n_free) if n_free > 0 else np.nan


def _labels(y, predicted, probabilities):
    """Return the classes, sorted, and their probabilities, or raise."""
    known = probabilities.columns.tolist() if isinstance(probabilities, pd.DataFrame) else []
    with naming_argument("y or predicted", "labels, all numbers or all text"):
        # As objects: text would swallow the numbers.
        labels = np.unique(np.array([*y.tolist(), *predicted.tolist(), *known], dtype=object))
    labels = np.array(labels.tolist())
    if probabilities is None:
        return labels, None
    if known:
        probabilities = probabilities.reindex(columns=labels, fill_value=0.0)
    array = as_numbers(probabilities, "probabilities", "numbers")
    if array.shape != (len(y), len(labels)):
        raise ValueError(
            f"probabilities have shape {array.shape}; expected {(len(y), len(labels))}, a column "
            f"for each class, {labels.tolist()}. If the model has other classes, pass a DataFrame "
            "whose columns are named by the classes."
        )
    if not (array >= 0).all() or not np.allclose(array.sum(axis=1), 1, atol=TOLERANCE):
        raise ValueError("probabilities are not between 0 and 1, or do not add up to 1 in a row.")
    return labels, array / array.sum(axis=1, keepdims=True)


def _of_classes(labels, y, predicted, groups, probabilities):
    """Return the statistics of a classification."""
    counts = multilabel_confusion_matrix(y, predicted, labels=labels)  # (n_classes, 2, 2)
    with np.errstate(invalid="ignore"):
        specificity, sensitivity = (counts[:, i, i] / counts[:, i].sum(axis=1) for i in range(2))
    found = {"n": len(y), "accuracy": accuracy_score(y, predicted)}
    found["balanced_accuracy"] = np.nanmean(sensitivity)
    for label, *of_class in zip(labels, sensitivity, specificity, strict=True):
        found |= dict(zip((f"sensitivity {label}", f"specificity {label}"), of_class, strict=True))
    if groups is not None:
        told = pd.Series(predicted).groupby(groups).agg(["size", "nunique"])
        found["repeatability"] = (told["nunique"][told["size"] > 1] == 1).mean()
    if probabilities is not None:
        highest, right = probabilities.max(axis=1), labels[probabilities.argmax(axis=1)] == y
        interval = np.minimum(highest * N_BINS, N_BINS - 1).astype(int)
        found["log_loss"] = log_loss(y, probabilities, labels=labels)
        found["brier"] = ((probabilities - (y[:, None] == labels)) ** 2).sum(axis=1).mean()
        found["calibration_error"] = np.abs(np.bincount(interval, highest - right)).sum() / len(y)
    return found
