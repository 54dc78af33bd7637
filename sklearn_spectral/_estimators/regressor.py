"""The regressor: one output, in the unit of y, for every column of y."""

from contextlib import nullcontext
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.preprocessing import StandardScaler

from .._spectra.checks import check_values
from .._work import warnings_lock
from .base import BaseResNet1D


class ResNet1DRegressor(RegressorMixin, BaseResNet1D):
    r"""Quantify from spectra with a 1D residual network that explains itself.

    The network computes the outputs from a spectrum x, scaled per wavelength:

    .. math:: y_t(x) = b_t + \sum_i \sum_k w_{tki} A_{ki}(x)

    with K features A at every position i: the channels of a small ResNet and, with `shortcut`,
    the spectrum itself. Predictions and maps come back in the unit of y.

    `fit` starts in closed form. The network sees the spectrum and its normalized first and second
    derivatives, each scaled per wavelength. PLS of these views, with bands reweighted, and
    ridge regressions on the network's own untrained features, are blended by what they predict for
    left-out spectra (left out with their group, where `groups` are given); all of it is linear in
    the features, so that the blend becomes the weights w. Training then refines features and
    weights together. Spectra of more than 1024 points are first averaged over 2, 4, 8, ...
    neighbouring points, and ridge's settings are chosen on 600 spectra, so that long spectra and
    large sets take seconds, not minutes, before training; above 4000 spectra there is no ridge.

    Parameters
    ----------
    max_epochs : int or "auto", default="auto"
        Passes over the training spectra; 0 leaves the network as it was started. "auto" makes ten
        over up to 500 spectra and fewer over more, so that the steps grow with the root of their
        number, and then goes half of the way back to the start, unless `early_stopping` or
        `net_params` say how to train, or `shortcut` is False.
    lr : float, default=0.001
        Highest learning rate of the one-cycle schedule.
    batch_size : int, default=32
        Spectra per optimization step.
    early_stopping : bool, default=False
        Whether to set spectra aside and stop when their loss no longer falls; the best weights
        are kept.
    validation_fraction : float, default=0.1
        Share of the spectra set aside by `early_stopping`; where `fit` is given groups, whole
        groups that hold about this share.
    n_iter_no_change : int, default=10
        Epochs without progress after which `early_stopping` stops.
    shortcut : bool, default=True
        Whether the spectrum itself is among the features and the network starts in closed form;
        without, it is a plain ResNet that starts from a constant, and needs more epochs.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit (same points and outputs).
    device : str, default="cpu"
        PyTorch device of the network, such as "cuda"; "auto" takes a GPU where there is one. On
        the CPU the network computes on one thread, whatever ``torch.set_num_threads`` says.
    callbacks : list of skorch callbacks or None, default=None
        Copied before use; the fitted ones are in ``nets_[0].callbacks_``.
    net_params : dict or None, default=None
        Any further parameter of skorch's net, such as
        ``{"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}``; copied before use. What the
        estimator has a parameter for, such as `lr`, is set by that one. A criterion
        that returns one number, and not one loss per spectrum, takes no weights.
    verbose : int, default=0
        1 draws progress bars of whatever takes longer than a second: `fit`, `predict`, `explain`.
        2 prints loss and time of every epoch as well.
    random_state : int, RandomState or None, default=None
        Seed of initial weights, batches and splits; with an int, results are the same bit for
        bit on one machine.

    Attributes
    ----------
    nets_ : list of skorch nets
        The trained networks: ``nets_[0].module_``, ``nets_[0].history``.
    n_outputs_ : int
        Columns of y.
    mean_spectrum_ : ndarray of shape (n_points,)
        Mean of the training spectra of the last `fit`, or the first `partial_fit` without one,
        weighted as they were.
    feature_importances_ : ndarray of shape (n_points,)
        Mean absolute corrected maps of the training spectra (of more than 500, 500 of them), of sum
        one, averaged over the outputs.
    n_features_in_ : int
        Points per spectrum.
    feature_names_in_ : ndarray of shape (n_points,)
        Column names of the training spectra, where all are strings.
    x_axis_ : ndarray of shape (n_points,) or None
        Wavelengths or wavenumbers from the column names of the training spectra.

    See Also
    --------
    ResNet1DClassifier : The same for classification.
    explain : The maps of a whole pipeline.

    References
    ----------
    Shi et al., Anal. Chem. 2023, 95, 9959, :doi:`10.1021/acs.analchem.3c01101`.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> X, y = make_regression(n_features=100, random_state=0)
    >>> model = ResNet1DRegressor(max_epochs=5, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Make one pass over some spectra.

        The first call sets the scaling of X and y and starts the network: let it have a fair
        sample of what will come. With `shortcut` the learning rate rises to `lr` over the
        first 2000 steps of the network, 1 / 2000 of it at each (Ma & Yarats 2021,
        arXiv:1910.04209), so that the calibration it starts from is not lost; without, every step
        is taken at `lr`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Values to predict.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each spectrum; rows of weight zero are left out. The mean weight of the first
            call (or of the last `fit`) counts as one, so that a spectrum of twice that weight
            counts twice in its step. Adam takes steps relative to those of its last thousand:
            that counts beside calls of other weights, not where all that follow have the same.

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the predicted values, in the unit of y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As y was in `fit`.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if self._y_was_1d else outputs

    # ------------------------------------------------------------------ hooks

    def _check_y(self, y):
        return check_values(y)

    def _learn_outputs(self, y):
        self._y_was_1d = y.ndim == 1
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]

    def _encode(self, y):
        y = y.reshape(len(y), -1)
        if y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y.shape[1]} column(s), but the model was fitted on {self.n_outputs_}. "
                "Pass as many, or fit anew."
            )
        return y

    def _calibrate(self, data, calibration_of):
        # The weighted variance of a constant may be below zero by rounding; its scale is one.
        with warnings_lock, np.errstate(invalid="ignore"):
            self._y_scaler = StandardScaler().fit(data.y, sample_weight=data.sample_weight)
            scaled = self._y_scaler.transform(data.y)
        return calibration_of(scaled)

    def _around_training(self, training, first, whole):
        return nullcontext()

    @property
    def _unit(self):
        return self._y_scaler.scale_, self._y_scaler.mean_

    @property
    def _named_outputs(self):
        names, n_outputs = self._output_names, self.n_outputs_
        if names is None or len(names) != n_outputs:
            return np.arange(n_outputs), "prediction"
        labels = np.empty(n_outputs, dtype=object)  # names may be tuples
        labels[:] = names
        return labels, str(names[0]) if n_outputs == 1 else "prediction"
