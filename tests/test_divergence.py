"""Training that diverges, and training that a callback ends by an error or in mid-epoch."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor

FEW = {"max_epochs": 2, "random_state": 0}


@pytest.mark.parametrize("Model", [ResNet1DClassifier, ResNet1DRegressor])
def test_diverging_training_is_done_again_with_smaller_steps(mixtures, Model):
    X, amounts = mixtures
    y = amounts[:, 0] if Model is ResNet1DRegressor else amounts[:, 0] > 5
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch 1 .*with lr=0.\d+ it did not"):
        model = Model(**FEW, lr=10).fit(X, y)
    expected = Model(**FEW, lr=10 / 100).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    assert len(model.nets_[0].history) == 2
    # Another pass starts where these ended, not from what came to nothing.
    model.set_params(lr=0.001).partial_fit(X, y)
    expected.set_params(lr=0.001).partial_fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_training_that_diverges_whatever_the_steps_is_an_error(mixtures):
    with pytest.raises(ValueError, match=r"lr=1e\+09, in epoch 1 .*lr=1e\+07. Lower lr further"):
        ResNet1DRegressor(**FEW, lr=1e9).fit(*mixtures)


def test_a_pass_that_diverges_leaves_the_model_of_before(mixtures):
    X, y = mixtures[0], mixtures[1][:, 0]
    model = ResNet1DRegressor(**FEW).partial_fit(X, y)
    copy = ResNet1DRegressor(**FEW).partial_fit(X, y)
    with pytest.raises(ValueError, match="diverged"):
        model.set_params(lr=1e9).partial_fit(X, y)
    # In all that matters, moments of the optimizer and the next shuffle as well.
    model.set_params(lr=0.001).partial_fit(X, y)
    np.testing.assert_array_equal(model.predict(X), copy.partial_fit(X, y).predict(X))


def test_an_error_in_a_callback_leaves_the_model_of_before(mixtures):
    class Fails(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 3:
                raise RuntimeError("full disk")

    X, y = mixtures[0], mixtures[1][:, 0]
    model = ResNet1DRegressor(**FEW, callbacks=[Fails()], warm_start=True).fit(X, y)
    before = model.predict(X)
    with pytest.raises(RuntimeError, match="full disk"):
        model.fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)


def test_an_epoch_that_a_callback_cut_short_does_not_stop_the_next(mixtures):
    class Stop(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    model = ResNet1DRegressor(**FEW, callbacks=[Stop()]).fit(*mixtures)
    assert len(model.partial_fit(*mixtures).nets_[0].history) == 3
