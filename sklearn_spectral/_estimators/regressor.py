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
    r"""Predict continuous properties from spectra, and explain each prediction by wavelength.

    A 1D residual network computes the outputs from a spectrum x, which is scaled at every
    wavelength:

    .. math:: y_t(x) = b_t + \sum_i \sum_k w_{tki} A_{ki}(x)

    There are K features A at every position i: the channels of a small ResNet and, with
    `shortcut`, the spectrum itself. Predictions and maps are in the unit of y.

    `fit` first computes a start in closed form. The network receives the spectrum and its
    normalized first and second derivatives, each scaled at every wavelength. PLS models of these
    views, with reweighted bands, and ridge regressions on the untrained features of the network are
    combined with the weights that best predict left-out spectra. Where `groups` are given, whole
    groups are left out. All these models are linear in the features, so their combination becomes
    the weights w. Training then refines features and weights together.

    Spectra of more than 1024 points are first averaged over 2, 4, 8, ... neighbouring points, and
    the settings of ridge are chosen on 600 spectra, so that the start takes seconds, not minutes,
    for long spectra and large sets. Above 4000 spectra ridge is not used.

    Parameters
    ----------
    max_epochs : int or "auto", default="auto"
        Number of passes over the training spectra; 0 keeps the closed-form start. "auto" makes ten
        passes over up to 500 spectra. Over more spectra it makes fewer passes, so that the number
        of steps grows with the square root of the number of spectra. It then moves the weights
        half of the way back to the start, unless `early_stopping` or `net_params` is set or
        `shortcut` is False.
    lr : float, default=0.001
        Highest learning rate of the one-cycle schedule.
    batch_size : int, default=32
        Number of spectra in each optimization step.
    early_stopping : bool, default=False
        Whether to set spectra aside for validation and to stop when their loss no longer falls.
        The weights with the lowest validation loss are kept.
    validation_fraction : float, default=0.1
        Share of the spectra that `early_stopping` sets aside. If `fit` is given groups, whole
        groups are set aside that hold about this share.
    n_iter_no_change : int, default=10
        Number of epochs without progress after which `early_stopping` stops.
    shortcut : bool, default=True
        Whether the spectrum itself is among the features, so that the network can start in closed
        form. With False the model is a plain ResNet that starts from a constant and needs more
        epochs.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last fit. The points of the spectra and the
        number of outputs must be the same.
    device : str, default="cpu"
        PyTorch device of the network, such as "cuda"; "auto" takes a GPU if there is one. On the
        CPU the network always computes on one thread, regardless of ``torch.set_num_threads``.
    callbacks : list of skorch callbacks or None, default=None
        Callbacks for the training. They are copied before use; the copies that were used are in
        ``nets_[0].callbacks_``.
    net_params : dict or None, default=None
        Further parameters of skorch's net, such as
        ``{"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}``. They are copied before use.
        Parameters that the estimator has itself, such as `lr`, cannot be set here. A criterion
        that returns one number instead of one loss per spectrum cannot be used with weights.
    verbose : int, default=0
        1 draws progress bars for calls of `fit`, `predict` and `explain` that take longer than a
        second; 2 also prints the loss and the time of every epoch.
    random_state : int, RandomState or None, default=None
        Seed of the initial weights, the batches and the splits. With an int the results are the
        same bit for bit on one machine.

    Attributes
    ----------
    nets_ : list of skorch nets
        The trained networks, with the PyTorch module in ``nets_[0].module_`` and the losses of all
        epochs in ``nets_[0].history``.
    n_outputs_ : int
        Number of columns of y.
    mean_spectrum_ : ndarray of shape (n_points,)
        Weighted mean of the training spectra of the last `fit`, or of the first `partial_fit` if
        `fit` was not called.
    feature_importances_ : ndarray of shape (n_points,)
        Mean absolute corrected map of the training spectra, divided by its sum and averaged over
        the outputs. Of more than 500 training spectra 500 are used.
    n_features_in_ : int
        Number of points of a spectrum.
    feature_names_in_ : ndarray of shape (n_points,)
        Column names of the training spectra, if all of them are strings.
    x_axis_ : ndarray of shape (n_points,) or None
        Wavelengths or wavenumbers from the column names of the training spectra; None if the names
        do not contain them.

    See Also
    --------
    ResNet1DClassifier : Predicts classes.
    explain : Explains a whole pipeline that ends in this estimator.
    cross_explain : Explains each spectrum by a model that was not trained on it.
    prediction_interval : Computes intervals around the predictions.

    References
    ----------
    Shi et al., Anal. Chem. 2023, 95, 9959, :doi:`10.1021/acs.analchem.3c01101`.

    Examples
    --------
    The percentage of sunflower oil in olive oil, from Raman spectra, 500 to 1900 cm-1:

    >>> from sklearn.metrics import root_mean_squared_error
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends, new = (make_oil_blends(40, n_replicates=1, random_state=seed) for seed in range(2))
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> rmse = root_mean_squared_error(new.target, model.predict(new.data))
    >>> print(f"RMSE of prediction {rmse:.0f} %, standard deviation {new.target.std():.0f} %")
    RMSE of prediction 5 %, standard deviation 30 %
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train the network by one pass over some spectra.

        The first call determines the scaling of X and y and the start of the network, so it should
        get a representative sample of the spectra that follow. With `shortcut` the learning rate
        rises linearly to `lr` over the first 2000 steps of the network (Ma & Yarats 2021,
        arXiv:1910.04209), so that training does not destroy the calibration that the network
        starts from. Without `shortcut` all steps are taken at `lr`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Values to predict.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each spectrum; rows of weight zero are left out. Weights are relative to the
            mean weight of the first call (or of the last `fit`): a spectrum of twice that weight
            counts twice in its step. Because the Adam optimizer scales its steps by the gradients
            of the last thousand steps, this has an effect if calls differ in their weights, and
            none if all later calls have the same.

        Returns
        -------
        self : object

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(40, n_replicates=1, random_state=0)
        >>> model = ResNet1DRegressor(random_state=0)
        >>> for rows in (slice(0, 30), slice(30, 40)):  # as they arrive
        ...     model = model.partial_fit(blends.data[rows], blends.target[rows])
        >>> len(model.nets_[0].history)  # passes
        2
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
            Of the shape that y had in `fit`.
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
