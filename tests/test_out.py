"""Arrays on disk: maps that are written to `out`, and spectra that are not copied."""

import numpy as np
import pandas as pd
import pytest
import torch
from chemotools.scatter import StandardNormalVariate
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, explain

FEW = {"max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def behind_snv(kinds):
    return make_pipeline(StandardNormalVariate(), ResNet1DClassifier(**FEW)).fit(*kinds)


@pytest.mark.parametrize("target", [None, "oil", "all"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_maps_go_to_a_memmap(kinds, behind_snv, tmp_path, target, dtype):
    X = kinds[0]
    expected = explain(behind_snv, X, target=target).maps
    out = np.memmap(tmp_path / "maps", dtype, "w+", shape=expected.shape)
    explanation = explain(behind_snv, X, target=target, out=out)
    assert np.shares_memory(explanation.maps, out) and isinstance(explanation.maps, np.memmap)
    np.testing.assert_array_equal(out, expected)


def test_maps_behind_a_transformed_target_go_to_an_array(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    model = TransformedTargetRegressor(ResNet1DRegressor(**FEW), transformer=StandardScaler())
    expected = explain(model.fit(X, y), X).maps
    out = np.zeros(X.shape)
    maps = explain(model, X, out=out).maps
    assert np.shares_memory(maps, out) and out.flags.writeable and not maps.flags.writeable
    np.testing.assert_array_equal(out, expected)
    with pytest.raises(ValueError, match=r"out has shape \(1, 100\); expected \(60, 100\)"):
        explain(model, X, out=np.zeros((1, 100)))


def test_a_memmap_of_spectra_is_not_copied(mixtures, tmp_path):
    X = np.memmap(tmp_path / "X", np.float32, "w+", shape=mixtures[0].shape)
    X[:] = mixtures[0]
    model = ResNet1DRegressor(**FEW).fit(X, mixtures[1][:, 0])
    assert np.shares_memory(model.explain(X).spectra, X)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((60, 99)), ValueError, r"shape \(60, 99\).* \(60, 100\)"),
        (np.zeros((60, 100), int), TypeError, "ndarray of int64; expected"),
        ([0.0], TypeError, "out is a list of no dtype"),
        (np.broadcast_to(0.0, (60, 100)), ValueError, "read-only"),
    ],
)
def test_arrays_that_cannot_take_the_maps(mixtures, regressor, out, error, message):
    with pytest.raises(error, match=message):
        regressor.explain(mixtures[0], out=out)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, pd.DataFrame, torch.from_numpy])
def test_explanations_are_frozen_and_do_not_change_with_the_spectra(kinds, kind, dtype):
    X, axis = kinds[0].astype(dtype), np.arange(100.0)
    model = ResNet1DClassifier(**FEW).fit(*kinds)
    given = kind(X)
    explanation = model.explain(given, target="all", x_axis=axis)
    before = X.copy()
    X *= 3
    axis += 1
    if isinstance(given, np.ndarray):
        given[:] = 0
    np.testing.assert_array_equal(explanation.spectra, before)
    np.testing.assert_array_equal(explanation.x_axis, np.arange(100.0))
    derived = [explanation[3:5], explanation.pick("oil"), explanation.difference()]
    derived += [explanation.averaged([explanation]), explanation.joined([explanation])]
    for each in [explanation, *derived, explanation.averaged([explanation]).members[0]]:
        for name in ("maps", "outputs", "base_values", "targets", "x_axis", "spectra"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(each, name)[0] = 0
