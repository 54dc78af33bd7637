"""Fixtures that all tests share."""

import numpy as np
import pandas as pd
import pytest

pytest.register_assert_rewrite("helpers")  # its failed assertions show values, as in tests


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small networks gain nothing from a second thread, and lose much on a busy machine."""
    import torch  # here, as the process of pytest-xdist that only hands out tests has no use for it

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def wavenumbers():
    return np.arange(800.0, 1800.0, 10.0)  # 100 points


def _bands(x, centres, width=25.0):
    return np.exp(-0.5 * ((x - np.asarray(centres)[:, None]) / width) ** 2)


@pytest.fixture(scope="session")
def mixtures(wavenumbers):
    """Spectra of three components and their amounts; the first has its band at 1200 cm-1."""
    rng = np.random.RandomState(0)
    amounts = rng.uniform(0, 10, size=(60, 3))
    X = amounts @ _bands(wavenumbers, [1200, 1350, 1600]) + rng.normal(0, 0.05, (60, 100))
    return X, amounts


@pytest.fixture(scope="session")
def kinds(wavenumbers):
    """Spectra of three kinds, each with a band of its own beside two common ones."""
    rng = np.random.RandomState(1)
    y = np.repeat(["oil", "fat", "wax"], 20)
    own = _bands(wavenumbers, [1000, 1300, 1650])
    common = rng.uniform(0, 3, (60, 2)) @ _bands(wavenumbers, [1100, 1450])
    X = common + np.repeat(own, 20, axis=0) * rng.uniform(0.6, 1.4, (60, 1))
    return X + rng.normal(0, 0.05, X.shape), y


@pytest.fixture(scope="session")
def mixtures_frame(mixtures, wavenumbers):
    X, amounts = mixtures
    return pd.DataFrame(X, columns=wavenumbers.astype(str)), pd.Series(amounts[:, 0], name="fat")


# ---------------------------------------------------------------------- models that are fitted once


def _fitted(name, X, y):
    """Yield a fitted model, and look afterwards whether a test that shares it has changed it."""
    import sklearn_spectral

    model = getattr(sklearn_spectral, name)(max_epochs=2, random_state=0).fit(X, y)
    parameters, outputs = model.get_params(), model.predict(X)
    yield model
    assert model.get_params() == parameters
    np.testing.assert_array_equal(model.predict(X), outputs)


@pytest.fixture(scope="session")
def classifier(kinds):
    """Return a classifier of `kinds`; a test that changes it has to copy it first."""
    yield from _fitted("ResNet1DClassifier", *kinds)


@pytest.fixture(scope="session")
def regressor(mixtures):
    """Return a regressor of the first amount; a test that changes it has to copy it first."""
    X, amounts = mixtures
    yield from _fitted("ResNet1DRegressor", X, amounts[:, 0])
