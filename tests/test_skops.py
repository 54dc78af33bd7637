"""Whole pipelines and searches as files of skops."""

import copy

import numpy as np
import pytest
import skops.io
from chemotools.baseline import AirPls
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from chemotools.scatter import MultiplicativeScatterCorrection, StandardNormalVariate
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import EpochScoring

from helpers import SMALL, assert_same, blends, two_kinds
from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, skops_types
from sklearn_spectral.preprocessing import CosmicRayRemover


def skops_round_trip(model, path, *more_types):
    skops.io.dump(model, path)
    trusted = [*skops_types(), *more_types]
    assert set(skops.io.get_untrusted_types(file=path)) <= set(trusted)
    return skops.io.load(path, trusted=trusted)


@pytest.mark.parametrize(
    "steps",
    [
        [StandardNormalVariate(), SavitzkyGolay(window_length=5, polyorder=2)],
        [CosmicRayRemover(), RangeCut(start=2, end=22), MultiplicativeScatterCorrection()],
        [AirPls()],
        [],
    ],
)
def test_pipelines_by_skops(tmp_path, steps):
    X, y = two_kinds()
    model = make_pipeline(*steps, ResNet1DClassifier(**SMALL)).fit(X, y)
    loaded = skops_round_trip(model, tmp_path / "model.skops")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert_same(loaded[-1], model[-1], model[:-1].transform(X) if steps else X)
    for each in (loaded, model):
        each[-1].partial_fit(model[:-1].transform(X) if steps else X, y)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_searches_by_skops(tmp_path):
    X, y = blends()
    search = GridSearchCV(
        TransformedTargetRegressor(ResNet1DRegressor(**SMALL)),
        {"regressor__lr": [0.001, 0.01]},
        cv=2,
    ).fit(X, y)
    # scikit-learn's own types that skops does not know, of its oldest and newest release.
    types = [
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
    ]
    loaded = skops_round_trip(search, tmp_path / "model.skops", *types)
    np.testing.assert_array_equal(loaded.predict(X), search.predict(X))
    assert not hasattr(loaded.estimator.regressor, "nets_")


def test_skops_checks_what_load_checks(tmp_path):
    X, y = two_kinds()
    model = ResNet1DClassifier(**SMALL).fit(X, y)
    content = bytearray(skops.io.dumps(model))
    content[content.index(b"mean_spectrum_")] ^= 1
    content = bytes(content)
    with pytest.raises(Exception, match="CRC"):  # of the zip
        skops.io.loads(content, trusted=skops_types())
    state = model.__getstate__()
    state["file"] = state["file"][:-1] + b"?"
    with pytest.raises(ValueError, match="skops file's model cannot be loaded: its checksum"):
        ResNet1DClassifier().__setstate__(state)
    with pytest.raises(ValueError, match="callbacks"):
        skops.io.dumps(copy.deepcopy(model).set_params(callbacks=[EpochScoring("r2")]))
