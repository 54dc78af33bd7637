"""The validation report: statistics by hand, and beside SciPy's and scikit-learn's."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress, ttest_1samp
from sklearn.cross_decomposition import PLSRegression
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, log_loss, recall_score
from sklearn.model_selection import cross_val_predict

from sklearn_spectral import PredictionDisplay, cross_explain, validation_report

# Two measurements of each of three samples: 0, 1 and 2 %.
Y = np.array([0.0, 0, 1, 1, 2, 2])
PREDICTED = np.array([0.1, -0.1, 1.2, 1.0, 2.1, 1.9])
SAMPLES = ["a", "a", "b", "b", "c", "c"]


def many(seed=0):
    rng = np.random.default_rng(seed)
    y = rng.uniform(0, 20, 60)
    return y, 0.5 + 0.9 * y + rng.normal(0, 1, 60)


def labels(seed=0):
    rng = np.random.default_rng(seed)
    y = rng.choice(["canola", "olive", "sesame"], 200)
    probabilities = rng.dirichlet([1, 1, 1], 200)
    right = rng.uniform(size=200) < 0.6
    probabilities[right] += 2 * (y[right, None] == np.unique(y))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return y, np.unique(y)[probabilities.argmax(axis=1)], probabilities


def test_values_by_hand():
    report = validation_report(Y, PREDICTED, groups=SAMPLES).loc["predicted"]
    # Errors are 0.1, -0.1, 0.2, 0, 0.1, -0.1; less their mean, 1/30, the squares add up to 0.22/3.
    # Line: slope 1, intercept 1/30, so that its residuals are the errors less their mean.
    # Means of samples are off by 0, 0.1, 0: t = 1 with 2 degrees of freedom.
    expected = {
        "n": 6,
        "rmse": np.sqrt(0.08 / 6),
        "bias": 0.2 / 6,
        "bias_p": 1 - 1 / np.sqrt(3),
        "sep": np.sqrt(0.22 / 3 / 5),
        "slope": 1.0,
        "intercept": 0.2 / 6,
        "r2": 1 - 0.08 / 4,
        "rpd": np.sqrt(4 / 5) / np.sqrt(0.22 / 3 / 5),
        "rer": 2 / np.sqrt(0.22 / 3 / 5),
        "repeatability": np.sqrt(0.06 / 3),
        "detection_limit": 3.3 * np.sqrt(0.22 / 3 / 4),
        "quantification_limit": 10 * np.sqrt(0.22 / 3 / 4),
    }
    assert list(report.index) == list(expected)
    np.testing.assert_allclose(report.to_numpy(), list(expected.values()), rtol=1e-12)


def test_values_are_those_of_scipy():
    y, predicted = many()
    report = validation_report(y, predicted).loc["predicted"]
    line = linregress(y, predicted)
    np.testing.assert_allclose(report["bias_p"], ttest_1samp(predicted - y, 0).pvalue)
    np.testing.assert_allclose(report["sep"], np.std(predicted - y, ddof=1))
    np.testing.assert_allclose(report[["slope", "intercept"]].tolist(), line[:2])
    # The standard error of a slope is that of the residuals over the spread of x.
    residual = line.stderr * np.sqrt(((y - y.mean()) ** 2).sum())
    np.testing.assert_allclose(report["detection_limit"], 3.3 * residual / line.slope)
    assert np.isnan(report["repeatability"])


def test_classes_by_hand():
    y, predicted = [1, 2, 2, 3], [1, 2, 3, 3]
    probabilities = [[1, 0, 0], [0.1, 0.8, 0.1], [0, 0.4, 0.6], [0.05, 0.05, 0.9]]
    report = validation_report(y, predicted, probabilities=probabilities, groups=[0, 1, 1, 2]).loc[
        "predicted"
    ]
    assert report["accuracy"] == 0.75
    assert report["balanced_accuracy"] == 2.5 / 3
    assert report.filter(like="sensitivity").tolist() == [1, 0.5, 1]
    assert report.filter(like="specificity").tolist() == [1, 1, 2 / 3]
    assert list(report.filter(like="sensitivity").index)[0] == "sensitivity 1"
    assert report["repeatability"] == 0  # of the one sample measured twice
    expected = [-np.log([0.8, 0.4, 0.9]).sum() / 4, (0.06 + 0.72 + 0.015) / 4]
    np.testing.assert_allclose(report[["log_loss", "brier"]].tolist(), expected)
    # 0.9 and 1 share the last interval, and are both right; 0.6 is wrong.
    np.testing.assert_allclose(report["calibration_error"], (0.2 + 0.6 + 0.1) / 4)


def test_classes_are_those_of_scikit_learn():
    y, predicted, probabilities = labels()
    report = validation_report(y, predicted, probabilities=probabilities).loc["predicted"]
    np.testing.assert_allclose(report["balanced_accuracy"], balanced_accuracy_score(y, predicted))
    recalls = recall_score(y, predicted, average=None)
    np.testing.assert_allclose(report.filter(like="sensitivity").tolist(), recalls)
    for label in np.unique(y):
        specificity = recall_score(y != label, predicted != label)
        np.testing.assert_allclose(report[f"specificity {label}"], specificity)
    np.testing.assert_allclose(report["log_loss"], log_loss(y, probabilities))
    brier = brier_score_loss(y, probabilities, scale_by_half=False)
    np.testing.assert_allclose(report["brier"], brier)
    highest, error = probabilities.max(axis=1), 0.0
    for low in np.arange(10) / 10:
        rows = (low <= highest) & (highest < low + 0.1)
        if rows.any():
            error += rows.mean() * abs(highest[rows].mean() - (predicted == y)[rows].mean())
    np.testing.assert_allclose(report["calibration_error"], error)


def test_columns_of_other_classes_are_called_by_them():
    y, predicted, probabilities = labels()
    table = pd.DataFrame(probabilities, columns=np.unique(y)).assign(argan=0.0)
    report = validation_report(y, predicted, probabilities=table).loc["predicted"]
    assert np.isnan(report["sensitivity argan"])
    np.testing.assert_allclose(report["log_loss"], log_loss(y, probabilities))


def test_levels_and_series_have_rows_of_their_own():
    y, predicted = many()
    report = validation_report({"a": y, "b": y[:9]}, {"a": predicted, "b": predicted[:9]})
    assert list(report.index) == ["a", "b"]
    assert report["n"].tolist() == [60, 9]
    series = np.repeat(["x", "y", "z"], 20)
    report = validation_report(y, {"a": predicted, "b": y}, by=series)
    assert list(report.index)[:4] == [("a", "all"), ("a", "x"), ("a", "y"), ("a", "z")]
    pd.testing.assert_series_equal(
        report.loc[("a", "y")],
        validation_report(y[20:40], predicted[20:40]).loc["predicted"],
        check_names=False,
    )
    levels = validation_report(Y, PREDICTED, by=Y).loc["predicted"]
    # Of blanks: the standard deviation of what they are predicted as.
    np.testing.assert_allclose(levels.loc[0.0, "sep"], np.std([0.1, -0.1], ddof=1))
    assert levels.loc[0.0, ["slope", "r2", "rpd", "detection_limit"]].isna().all()
    alone = validation_report([1.0], [1.5]).loc["predicted"]
    assert (alone["n"], alone["bias"]) == (1, 0.5)
    assert alone.drop(["n", "bias", "rmse"]).isna().all()


def test_explanations_and_cross_validated_pls_in_one_call(regressor, classifier, mixtures, kinds):
    X, y = mixtures[0], mixtures[1][:, 0]
    ours = cross_explain(regressor, X, y, cv=3, random_state=0)
    pls = cross_val_predict(PLSRegression(3), X, y.reshape(-1, 1), cv=3)
    report = validation_report(y, {"ours": ours, "table": ours.predictions(), "PLS": pls})
    error = np.sqrt(np.mean((ours.outputs - y) ** 2))
    np.testing.assert_allclose(report.loc[["ours", "table"], "rmse"], error)
    np.testing.assert_allclose(report.loc["PLS", "rmse"], np.sqrt(np.mean((pls.ravel() - y) ** 2)))
    X, y = kinds
    for target in ("all", None):  # maps of all classes, or of the predicted ones
        report = validation_report(y, classifier.explain(X, target=target)).loc["predicted"]
        np.testing.assert_allclose(
            report["log_loss"], log_loss(y, classifier.predict_proba(X)), rtol=1e-6
        )
    logits = replace(classifier.explain(X), class_outputs=None)
    with pytest.raises(ValueError, match="target='all'"):
        validation_report(y, logits)


@pytest.mark.parametrize(
    ("arguments", "how", "message"),
    [
        ((Y, PREDICTED[1:]), {}, r"y has 6 values, but predicted \(predicted\) 5"),
        ((Y, {"PLS": [np.nan, *PREDICTED[1:]]}), {}, r"predicted \(PLS\) is missing .* in rows 0"),
        (([*Y[1:], np.inf], PREDICTED), {}, "y is missing or infinite in rows 5"),
        ((["a", "b", None], ["a", "b", "b"]), {}, "y is missing or infinite in rows 2"),
        ((np.ma.masked_equal(Y, 1), PREDICTED), {}, "y is missing or infinite in rows 2, 3"),
        ((Y, np.column_stack([PREDICTED, PREDICTED])), {}, "one at a time"),
        ((Y, ["low"] * 6), {}, "predicted .* cannot be read as numbers"),
        (([0, 1], ["a", "b"]), {}, "labels, all numbers or all text"),
        ((Y, PREDICTED), {"probabilities": np.eye(6)}, "probabilities are for classes"),
        ((["a", "b"], ["b", "a"]), {"probabilities": np.eye(3)[:2]}, "a DataFrame whose columns"),
        ((["a", "b"], ["b", "a"]), {"probabilities": np.ones((2, 2))}, "do not add up to 1"),
        (({"a": Y}, {"b": Y}), {}, r"predicted contains 'b', but another argument only \['a'\]"),
        ((Y, {}), {}, "empty dict"),
        ((Y, PREDICTED), {"by": [1]}, "by has shape"),
        ((Y, PREDICTED), {"groups": [1]}, "groups has shape"),
    ],
)
def test_errors(arguments, how, message):
    with pytest.raises((TypeError, ValueError), match=message):
        validation_report(*arguments, **how)


# ---------------------------------------------------------------------------- in notebooks


def cells(html, tag):
    return re.findall(f"<{tag}[^>]*>(.*?)</{tag}>", html, flags=re.S)


def test_notebooks_show_units_standards_and_three_digits():
    y, predicted = pd.Series(1000 * Y, name="iron <Fe> (mg/L)"), 1000 * PREDICTED
    report = validation_report(y, predicted, groups=SAMPLES)
    html = report._repr_html_()
    (caption,) = cells(html, "caption")
    assert caption.startswith("<strong>Validation of iron &lt;Fe&gt;.</strong>")
    assert "ICH Q2(R1)" in caption and "ISO 5725-2" in caption
    in_unit = ["rmse", "bias", "sep", "intercept", "repeatability", "detection_limit"]
    shown = [f"{name} (mg/L)" for name in [*in_unit, "quantification_limit"]]
    assert [name for name in cells(html, "th") if "mg/L" in name] == shown
    expected = ["6", "115", "33.3", "0.423", "121", "1.00", "33.3", "0.980", "7.39", "16.5"]
    assert cells(html, "td") == [*expected, "141", "447", "1354"]
    # A table as any other, whatever is done with it.
    assert type(report.T) is type(report[["rmse"]]) is pd.DataFrame
    assert pickle.loads(pickle.dumps(report))._repr_html_() == html
    assert b"_record" not in pickle.dumps(report)
    other = validation_report(Y, PREDICTED, output_label="fat (%)")
    assert "rmse (%)" in other._repr_html_() and "rmse" in repr(other)
    assert "Validation.</strong>" in validation_report(Y, PREDICTED)._repr_html_()


def test_notebooks_say_what_the_statistics_of_classes_are():
    y, predicted, probabilities = labels()
    html = validation_report(y, predicted)._repr_html_()
    assert "against all others" in html and "Guo" not in html and "ICH" not in html
    html = validation_report(y, predicted, probabilities=probabilities, by=y)._repr_html_()
    assert "Guo et al. (2017)" in html and "olive" in cells(html, "th")


# ---------------------------------------------------------------------------- the figure


def test_figure_has_points_lines_and_statistics(regressor, mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    display = PredictionDisplay.from_estimator(regressor, X, y, output_label="fat (%)")
    assert display._repr_html_() == ""  # notebooks show the figure by themselves
    assert PredictionDisplay(y, y)._repr_html_() is None
    (axis,) = display.ax_
    report = validation_report(y, regressor.predict(X)).loc["predicted"]
    assert axis.get_xlabel() == "Measured fat (%)"
    assert axis.get_ylabel() == "Predicted fat (%)"
    equality, fit, points = axis.get_lines()
    np.testing.assert_array_equal(points.get_xydata(), np.column_stack([y, regressor.predict(X)]))
    np.testing.assert_array_equal(equality.get_xdata(), equality.get_ydata())
    (start, end), line = axis.get_xlim(), fit.get_ydata()
    np.testing.assert_allclose((line[1] - line[0]) / (end - start), report["slope"])
    title = axis.get_title(loc="left")
    for name, value in {
        "RMSE": report["rmse"],
        "SEP": report["sep"],
        "R$^2$": report["r2"],
    }.items():
        assert f"{name} {value:.3g}" in title
    assert "n = 60" in title


def test_predictions_have_panels_and_series_have_markers():
    y, predicted = many()
    given = {"ours": predicted, "PLS": predicted[:30]}
    series = {"ours": ["a", "b"] * 30, "PLS": ["a"] * 30}
    display = PredictionDisplay.from_predictions({"ours": y, "PLS": y[:30]}, given, by=series)
    left, right = display.ax_
    assert [axis.get_title(loc="left").split("\n")[0] for axis in display.ax_] == ["ours", "PLS"]
    assert left.get_xlim() == left.get_ylim() == right.get_xlim() == right.get_ylim()
    legend = [text.get_text() for text in left.get_legend().get_texts()]
    assert legend == ["equality", "fit", "a", "b"]
    _, _, a, b = left.get_lines()
    assert a.get_marker() != b.get_marker()
    np.testing.assert_array_equal(b.get_xdata(), y[1::2])
    assert repr(display) == "PredictionDisplay(ours, PLS)"
    with pytest.raises(ValueError, match="ax has 1 axes, but 2 panels"):
        display.plot(left)
    assert display.plot([left, right]).ax_.tolist() == [left, right]


def test_figure_of_classes_is_that_of_scikit_learn():
    with pytest.raises(ValueError, match="ConfusionMatrixDisplay"):
        PredictionDisplay(["a", "b"], ["a", "b"])
