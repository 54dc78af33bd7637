"""Fixtures that all tests share."""

import numpy as np
import pandas as pd
import pytest
import torch

pytest.register_assert_rewrite("helpers")  # its failed assertions show values, as in tests


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small networks gain nothing from a second thread, and lose much on a busy machine."""
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
