"""Errors name what the user gave, before anything takes long."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from helpers import assert_same, blends, two_kinds
from sklearn_spectral import (
    ResNet1DClassifier,
    ResNet1DRegressor,
    cross_explain,
    explain,
    export_onnx,
)

TINY = {"max_epochs": 0, "random_state": 0, "net_params": {"module__width": 4}}
X, Y = blends()


@pytest.fixture(scope="module")
def model():
    return ResNet1DRegressor(**TINY).fit(X, Y)


def table(X=X):
    return pd.DataFrame(X, columns=[f"{800 + 2 * i} nm" for i in range(X.shape[1])])


def with_entry(frame, value, column=3):
    frame = frame.astype(object)
    frame.iloc[[4, 7], column] = value
    return frame


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "shape", [lambda y: y, lambda y: pd.DataFrame(y), lambda y: y.astype(bool)]
)
def test_a_classifier_takes_one_hot_labels_by_argmax(method, shape):
    y = (two_kinds()[1] == "oil").astype(int)
    one_hot = shape(np.eye(2)[y])
    more = {"classes": [0, 1]} if method == "partial_fit" else {}
    with pytest.raises(ValueError, match=r"y has shape \(30, 2\).*y\.argmax\(axis=1\)"):
        getattr(ResNet1DClassifier(**TINY), method)(X, one_hot, **more)
    getattr(ResNet1DClassifier(**TINY), method)(X, np.asarray(one_hot).argmax(axis=1), **more)


@pytest.mark.parametrize(
    ("change", "shape"),
    [
        (lambda X: X[:, None], r"\(30, 1, 24\).*X\[:, 0\]"),
        (lambda X: X[:, None].tolist(), r"\(30, 1, 24\)"),
        (lambda X: torch.from_numpy(X[:, None]), r"\(30, 1, 24\)"),
        (lambda X: X.reshape(5, 6, 24), r"\(5, 6, 24\).*X.reshape\(-1, .*hyperspectral"),
        (lambda X: X.reshape(1, 5, 6, 24), r"\(1, 5, 6, 24\)"),
    ],
)
@pytest.mark.parametrize("how", ["fit", "predict", "explain", "explain of a model"])
def test_more_than_two_axes_are_told_with_what_to_do(model, change, shape, how):
    calls = {
        "fit": lambda X: ResNet1DRegressor(**TINY).fit(X, Y),
        "explain of a model": lambda X: explain(model, X),
    }
    with pytest.raises(ValueError, match=f"X has shape {shape}"):
        calls.get(how, getattr(model, how, None))(change(X))


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (with_entry(table(), "n.d."), Y, "X cannot .*'n.d.', in rows 4 and columns '806 nm'"),
        (with_entry(table(), "0,5"), Y, "X cannot .* columns '806 nm'.* decimal=','"),
        (with_entry(pd.DataFrame(X), "n.d.").to_numpy(), Y, "X cannot .*rows 4 and columns 3"),
        (pl.DataFrame(X, schema=[f"p{i}" for i in range(24)]).with_columns(p3=pl.lit("n.d.")), Y,
         "X cannot .*rows 0 and columns 'p3'"),
        (with_entry(table(), np.nan), Y, "X contains NaN in rows 4, 7 and columns '806 nm'"),
        (with_entry(table(), pd.NA).convert_dtypes(), Y, "X contains NaN in .* columns '806 nm'"),
        (with_entry(table(), -np.inf), Y, "X contains infinity .* columns '806 nm'"),
        (with_entry(table(), 1e200), Y, r"X contains .*1e\+200 in rows 4, 7 and columns '806 nm'"),
        (table(), with_entry(pd.DataFrame({"fat": Y, "salt": Y}), "n.d.", 1),
         "y cannot .*'n.d.', in rows 4 and columns 'salt'"),
        (table(), with_entry(pd.DataFrame({"fat": Y}), "1,5", 0).squeeze(), "y .*'1,5', in rows 4"),
        (table(), ["n.d."] * 30, "y cannot .*in rows 0"),
        (table(), with_entry(pd.DataFrame({"fat": Y, "salt": Y}), None, 1),
         "y contains NaN .* in rows 4, 7 and columns 'salt'"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_told_with_its_place(X, y, message):
    with pytest.raises(ValueError, match=message):
        ResNet1DRegressor(**TINY).fit(X, y)


@pytest.mark.parametrize("draw", ["plot", "plot_interactive"])
@pytest.mark.parametrize(
    "samples", ["S001", ["S001"], [0, "S001"], 30, [-31], 1.5, [[0, 1]], [True, False], {1: 2}]
)
def test_samples_that_are_no_rows_are_told_with_what_to_do(model, draw, samples):
    pytest.importorskip("plotly")
    explanation = model.explain(X)
    for choose in (explanation.__getitem__, lambda s: getattr(explanation, draw)(samples=s)):
        with pytest.raises(
            IndexError, match="does not choose rows of 30: .*DataFrame with these names"
        ):
            choose(samples)


@pytest.mark.parametrize("draw", ["plot", "plot_interactive"])
def test_samples_may_be_a_slice_and_are_not_none_at_all(model, draw):
    pytest.importorskip("plotly")
    explanation = model.explain(X)
    for samples in (slice(1, 3), [1, 2], pd.Index([1, 2]), np.isin(np.arange(30), [1, 2])):
        drawn = getattr(explanation, draw)(samples=samples)
        if draw == "plot":
            titles = [axis.get_title(loc="left") for axis in drawn.ax_[::2]]
        else:
            titles = [button.label for button in drawn.layout.updatemenus[0].buttons]
        assert [title[:10] for title in titles] == ["Spectrum 1", "Spectrum 2"]
    for nothing in (lambda: getattr(explanation, draw)(samples=[]), getattr(explanation[:0], draw)):
        with pytest.raises(ValueError, match="no spectrum, so there is nothing to draw"):
            nothing()
    assert np.shares_memory(explanation[1:3].maps, explanation.maps)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        (pd.Timestamp("2020-01-31"), "2020-01-31 00:00:00"),
        (np.datetime64("2020-01-31"), "2020-01-31"),
        (b"fat", "b'fat'"),
        (pd.Interval(0, 1), "(0, 1]"),
        (("fat", pd.Timestamp("2020-01-31")), ("fat", "2020-01-31 00:00:00")),
        (("fat", 1), ("fat", 1)),
        (np.float32(0.5), 0.5),
        (np.longdouble(0.5), "0.5"),
        ("fat", "fat"),
    ],
)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_y_of_any_name_goes_to_files(tmp_path, name, known, n_outputs):
    y = pd.Series(Y, name=name)
    y = y if n_outputs == 1 else pd.concat([y, y.rename("salt")], axis=1)
    model = ResNet1DRegressor(**TINY).fit(X, y)
    labels = model.explain(X, target="all").targets.tolist()
    assert labels == [known, "salt"][:n_outputs]
    assert n_outputs == 2 or model.explain(X).output_name == str(known)
    model.save(tmp_path / "model.safetensors")
    assert_same(ResNet1DRegressor.load(tmp_path / "model.safetensors"), model, X)
    pytest.importorskip("onnx")
    export_onnx(model, tmp_path / "model.onnx")


@pytest.mark.parametrize("path", ["no/such/model.file", "~/no/model.file"])
def test_a_missing_file_is_told_with_the_path_that_was_given(path):
    with pytest.raises(FileNotFoundError, match=f"^The file '{path}' does not exist") as e:
        ResNet1DRegressor.load(path)
    assert ("expanduser" in str(e.value)) == (path[0] == "~")


@pytest.mark.parametrize("path", ["no/folder/model.file", "~/no/model.file"])
@pytest.mark.parametrize("how", ["save", "onnx"])
def test_a_missing_folder_is_told_with_the_path_that_was_given(model, how, path):
    if how == "onnx":
        pytest.importorskip("onnx")
    with pytest.raises(FileNotFoundError, match=f"^'{path}' cannot be written") as e:
        model.save(path) if how == "save" else export_onnx(model, path)
    assert ".tmp" not in str(e.value) and ("expanduser" in str(e.value)) == (path[0] == "~")


def test_a_folder_is_no_file(model, tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        model.save(tmp_path)


THIRDS = np.split(np.arange(30), 3)
FOLDS = {
    "rows": [(np.setdiff1d(np.arange(30), test), test) for test in THIRDS],
    "lists": [(np.setdiff1d(np.arange(30), test).tolist(), test.tolist()) for test in THIRDS],
    "masks": [(~np.isin(np.arange(30), test), np.isin(np.arange(30), test)) for test in THIRDS],
    "from the end": [(np.setdiff1d(np.arange(30), test) - 30, test - 30) for test in THIRDS],
    # Sorted by these numbers, the rows of the second fold would come first.
    "one from the end": [
        (np.setdiff1d(np.arange(30), test), test - 30 * (test[0] == 10)) for test in THIRDS
    ],
}


@pytest.mark.parametrize("folds", FOLDS)
def test_rows_of_folds_may_be_written_in_any_way(folds):
    model = ResNet1DRegressor(**TINY)
    plain = cross_explain(model, X, Y, cv=FOLDS["rows"], random_state=0)
    other = cross_explain(model, X, Y, cv=FOLDS[folds], random_state=0)
    np.testing.assert_array_equal(other.maps, plain.maps)
    np.testing.assert_array_equal(other.spectra, X)


@pytest.mark.parametrize(
    "rows", [[0, 30], [-31], [0.0, 1.0], ["S001"], np.ones(29, bool), [[0, 1]]]
)
def test_rows_that_are_not_there_are_told(rows):
    for fold in ((rows, np.arange(30)), (np.arange(30), rows)):
        with pytest.raises(ValueError, match="cv contains a fold .* does not choose rows of 30"):
            cross_explain(ResNet1DRegressor(**TINY), X, Y, cv=[fold])


@pytest.mark.parametrize("folds", FOLDS)
def test_a_class_that_a_fold_lacks_is_told_before_the_fits(folds):
    class Unfitted(ResNet1DClassifier):
        def fit(self, *args, **params):
            raise AssertionError("fitted")

    labels = two_kinds()[1]
    labels[:2] = "wax"
    groups = np.r_[0, 0, np.arange(1, len(labels) - 1)]
    with pytest.raises(ValueError, match="training spectra of fold 0 contain none of class 'wax'"):
        cross_explain(Unfitted(), X, labels, groups=groups, cv=FOLDS[folds])


def test_a_generator_is_no_list_of_callbacks():
    with pytest.raises(ValueError, match="callbacks=.*expected a list"):
        ResNet1DRegressor(**TINY, callbacks=(each for each in [])).fit(X, Y)
