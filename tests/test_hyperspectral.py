"""Images as Dask arrays, on a real cluster of two worker processes."""

import os
import signal
import time

import numpy as np
import pytest
from chemotools.scatter import StandardNormalVariate
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import sklearn_spectral
from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, cross_explain

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
zarr = pytest.importorskip("zarr")
import dask.array as da  # noqa: E402

from sklearn_spectral import hyperspectral  # noqa: E402

FEW = {"max_epochs": 2, "random_state": 0}
# The interpreter closes sockets of worker processes, above all of killed ones, at any time.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def image(mixtures):
    """Seven rows and five columns of spectra, in blocks of 3 x 2, spectra cut in two."""
    rng = np.random.RandomState(1)
    spectra = mixtures[0][rng.randint(60, size=35)] + rng.normal(0, 0.05, (35, 100))
    return spectra.reshape(7, 5, 100)


@pytest.fixture(scope="module")
def regressor(mixtures):
    model = make_pipeline(StandardNormalVariate(), ResNet1DRegressor(**FEW))
    return model.fit(mixtures[0], mixtures[1][:, 0])


@pytest.fixture(scope="module")
def classifier(kinds):
    return ResNet1DClassifier(**FEW).fit(*kinds)


def blocks(image):
    return da.from_array(image, chunks=(3, 2, 50))


def test_predictions_of_blocks_equal_those_of_the_whole_image(
    regressor, classifier, image, mixtures
):
    flat = image.reshape(-1, 100)
    lazy = hyperspectral.predict(regressor, blocks(image))
    assert isinstance(lazy, da.Array) and lazy.chunks == ((3, 3, 1), (2, 2, 1))
    np.testing.assert_allclose(lazy.compute().ravel(), regressor.predict(flat), rtol=1e-5)
    labels = hyperspectral.predict(classifier, blocks(image))
    assert labels.dtype == classifier.classes_.dtype
    np.testing.assert_array_equal(labels.compute().ravel(), classifier.predict(flat))
    probabilities = hyperspectral.predict_proba(classifier, blocks(image))
    assert probabilities.shape == (7, 5, 3)
    np.testing.assert_allclose(
        probabilities.compute().reshape(35, 3), classifier.predict_proba(flat), atol=1e-5
    )
    several = ResNet1DRegressor(**FEW).fit(*mixtures)
    lazy = hyperspectral.predict(several, da.from_array(flat, chunks=(10, 100)))
    np.testing.assert_allclose(lazy.compute(), several.predict(flat), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("target", [None, "oil", "all"])
def test_explanations_of_blocks_equal_those_of_the_whole_image(classifier, image, target):
    whole = classifier.explain(image.reshape(-1, 100), target=target)
    lazy = hyperspectral.explain(classifier, blocks(image), target=target)
    maps, outputs, base_values, targets = dask.compute(
        lazy.maps, lazy.outputs, lazy.base_values, lazy.targets
    )
    shape = (7, 5)
    assert lazy.maps.shape == maps.shape == shape + whole.maps.shape[1:]
    rounding = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(maps.reshape(whole.maps.shape), whole.maps, **rounding)
    np.testing.assert_allclose(outputs.reshape(whole.outputs.shape), whole.outputs, **rounding)
    np.testing.assert_allclose(
        maps.sum(axis=2) + base_values, outputs, atol=1e-5 * np.abs(outputs).max()
    )
    np.testing.assert_array_equal(np.ravel(targets), whole.targets)
    np.testing.assert_array_equal(lazy.x_axis, whole.x_axis)


def test_nothing_is_computed_before_it_is_requested(regressor, image):
    read = []

    def block(block_id):
        read.append(block_id)
        return image[:1, :1]

    lazy_image = da.map_blocks(
        lambda block_info=None: block(0), chunks=((1,), (1,), (100,)), dtype=float, meta=image[:0]
    )
    lazy = hyperspectral.explain(regressor, lazy_image)
    assert read == []
    dask.compute(lazy.maps, lazy.outputs, lazy.base_values, scheduler="synchronous")
    assert read == [0]  # maps and outputs in one pass


def test_from_and_to_zarr_on_the_cluster(client, regressor, image, tmp_path):
    da.from_array(image, chunks=(3, 2, 100)).to_zarr(str(tmp_path / "image.zarr"))
    X = da.from_zarr(str(tmp_path / "image.zarr"))
    lazy = hyperspectral.explain(regressor, X)
    lazy.maps.to_zarr(str(tmp_path / "maps.zarr"))
    maps = da.from_zarr(str(tmp_path / "maps.zarr")).compute()
    whole = sklearn_spectral.explain(regressor, image.reshape(-1, 100))
    np.testing.assert_allclose(maps.reshape(-1, 100), whole.maps, atol=1e-5)


class Counted(ResNet1DRegressor):
    """Count in each process how often a model arrives, and predict slowly enough to be killed."""

    n_arrived = 0

    def __setstate__(self, state):
        super().__setstate__(state)
        type(self).n_arrived += 1

    def predict(self, X):
        time.sleep(0.2)
        return super().predict(X)


def _arrived():
    return Counted.n_arrived


def test_each_worker_receives_the_model_once(client, mixtures, image):
    client.upload_file(__file__)
    model = Counted(**FEW).fit(mixtures[0], mixtures[1][:, 0])
    hyperspectral.predict(model, da.from_array(image, chunks=(1, 1, 100))).compute()
    assert max(client.run(_arrived).values()) <= 2  # once to the scheduler's graph, once moved


def test_results_survive_a_killed_worker(client, mixtures, image):
    client.upload_file(__file__)
    model = Counted(**FEW).fit(mixtures[0], mixtures[1][:, 0])
    future = client.compute(hyperspectral.predict(model, da.from_array(image, chunks=(1, 1, 100))))
    time.sleep(1.0)
    assert not future.done()
    kill = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has the second only
    os.kill(next(iter(client.run(os.getpid).values())), kill)
    result = future.result(timeout=60)
    np.testing.assert_allclose(
        result.ravel(), model.predict(image.reshape(-1, 100)), rtol=1e-5, atol=1e-5
    )


def test_searches_and_out_of_fold_maps_on_the_cluster(client, mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    search = GridSearchCV(ResNet1DRegressor(**FEW), {"lr": [1e-3, 3e-3]}, cv=2)
    alone = search.fit(X, y).cv_results_["mean_test_score"]
    maps = cross_explain(ResNet1DRegressor(**FEW), X, y, cv=2, random_state=0).maps
    with parallel_config("dask"):
        np.testing.assert_allclose(search.fit(X, y).cv_results_["mean_test_score"], alone)
        on_cluster = cross_explain(ResNet1DRegressor(**FEW), X, y, cv=2, random_state=0)
    np.testing.assert_array_equal(on_cluster.maps, maps)


def test_xarray_keeps_its_names(regressor, image):
    xarray = pytest.importorskip("xarray")
    X = xarray.DataArray(
        blocks(image), dims=("row", "column", "shift"), coords={"row": np.arange(7) * 2.0}
    )
    predictions = hyperspectral.predict(regressor, X)
    assert predictions.dims == ("row", "column")
    np.testing.assert_array_equal(predictions.coords["row"], np.arange(7) * 2.0)
    np.testing.assert_allclose(
        predictions.values.ravel(), regressor.predict(image.reshape(-1, 100)), rtol=1e-5
    )
    assert hyperspectral.explain(regressor, X).maps.shape == (7, 5, 100)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones((3, 100)), TypeError, r"X is a ndarray; expected a Dask array"),
        (da.ones(100), ValueError, "at least two axes"),
    ],
)
def test_bad_images_are_refused(regressor, X, error, message):
    for function in (hyperspectral.predict, hyperspectral.explain):
        with pytest.raises(error, match=message):
            function(regressor, X)
    with pytest.raises(ValueError, match="expected one for all spectra"):
        hyperspectral.explain(regressor, da.ones((2, 100)), target=[0, 0])
