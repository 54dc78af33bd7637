"""The classifier: one output, a logit, for every class."""

from contextlib import contextmanager
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from .._calibration.probabilities import logits_of_memberships, mean_entropy, temperature
from .._spectra.checks import check_classes, naming_argument
from .base import BaseResNet1D

# Fewer spectra than this in a call of `partial_fit` are not enough to determine a temperature: it
# is then a mean over the last calls.
ENOUGH = 100


class ResNet1DClassifier(ClassifierMixin, BaseResNet1D):
    r"""Classify spectra with a 1D residual network, and explain each prediction by wavelength.

    The network computes one logit for each class from a spectrum x, which is scaled at every
    wavelength:

    .. math:: z_t(x) = b_t + \sum_i \sum_k w_{tki} A_{ki}(x)

    There are K features A at every position i: the channels of a small ResNet and, with
    `shortcut`, the spectrum itself. The logits of a spectrum add up to zero, and their softmax
    gives the probabilities.

    `fit` first computes a start in closed form. The network receives the spectrum and its
    normalized first and second derivatives, each scaled at every wavelength. PLS-DA models of these
    views, with reweighted bands, and ridge classifiers on the untrained features of the network are
    combined with the weights that best predict left-out spectra. Where `groups` are given, whole
    groups are left out. All these models are linear in the features, so their combination becomes
    the weights w. Training then refines features and weights together. At the end of each training
    the logits are divided by a temperature (arXiv:1706.04599), so that the predictions for training
    spectra are on average no more certain than at the start.

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
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, ``{label: weight}``. "balanced" makes them inversely proportional to
        the sums of the sample weights of the classes in the call, as in scikit-learn's
        LogisticRegression; a spectrum of weight 2 counts as two.
    shortcut : bool, default=True
        Whether the spectrum itself is among the features, so that the network can start in closed
        form. With False the model is a plain ResNet that starts from a constant and needs more
        epochs.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last fit. The points of the spectra and the
        classes must be the same.
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
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    nets_ : list of skorch nets
        The trained networks, with the PyTorch module in ``nets_[0].module_`` and the losses of all
        epochs in ``nets_[0].history``.
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
    ResNet1DRegressor : Predicts continuous properties instead of classes.
    explain : Explains a whole pipeline that ends in this estimator.
    cross_explain : Explains each spectrum by a model that was not trained on it.

    References
    ----------
    Shi et al., Anal. Chem. 2023, 95, 9959, :doi:`10.1021/acs.analchem.3c01101`.

    Examples
    --------
    Raman spectra of olive and of palm oil, 500 to 1900 cm-1:

    >>> from chemotools.scatter import StandardNormalVariate
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_spectral import ResNet1DClassifier
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> pure = {"oil": ["olive", "palm"], "adulterant": None, "n_replicates": 1}
    >>> oils, new = (make_oil_blends(20, **pure, random_state=seed) for seed in range(2))
    >>> model = make_pipeline(
    ...     StandardNormalVariate(), ResNet1DClassifier(max_epochs=1, random_state=0)
    ... ).fit(oils.data, oils.target)
    >>> model.predict(new.data[:3])
    array(['olive', 'palm', 'olive'], dtype='<U5')
    >>> model.predict_proba(new.data[:1]).round(1)  # of olive and of palm oil
    array([[1., 0.]])
    """

    def __init__(
        self,
        *,
        max_epochs="auto",
        lr=0.001,
        batch_size=32,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        class_weight=None,
        shortcut=True,
        warm_start=False,
        device="cpu",
        callbacks=None,
        net_params=None,
        verbose=0,
        random_state=None,
    ):
        super().__init__(
            max_epochs=max_epochs,
            lr=lr,
            batch_size=batch_size,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            shortcut=shortcut,
            warm_start=warm_start,
            device=device,
            callbacks=callbacks,
            net_params=net_params,
            verbose=verbose,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train the network by one pass over some spectra.

        The first call determines the scaling at every wavelength and the start of the network, so
        it should get a representative sample of the spectra that follow. With `shortcut` the
        learning rate rises linearly to `lr` over the first 2000 steps of the network (Ma & Yarats
        2021, arXiv:1910.04209), so that training does not destroy the calibration that the network
        starts from. Without `shortcut` all steps are taken at `lr`.

        Each call updates the temperature of the probabilities from its own spectra. A call with
        fewer than 100 spectra changes it only in part, so that it is a mean over the last calls.
        See `predict_proba` for the limits of this.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All labels of this and all later calls; required in the first call only.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each spectrum; rows of weight zero are left out. Weights, multiplied by
            `class_weight`, are relative to the mean weight of the first call (or of the last
            `fit`): a spectrum of twice that weight counts twice in its step. Because the Adam
            optimizer scales its steps by the gradients of the last thousand steps, this has an
            effect if calls differ in their weights, and none if all later calls have the same.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            The first call has no `classes`, or those of a later call differ.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DClassifier
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> oils = make_oil_blends(
        ...     40, oil=["olive", "palm"], adulterant=None, n_replicates=1, random_state=0
        ... )
        >>> model = ResNet1DClassifier(random_state=0)
        >>> model = model.partial_fit(oils.data[:30], oils.target[:30], classes=["olive", "palm"])
        >>> model.partial_fit(oils.data[30:36], oils.target[30:36]).score(
        ...     oils.data[36:], oils.target[36:]
        ... )
        1.0
        """
        labels = None if classes is None else check_classes(classes)
        if not hasattr(self, "nets_"):
            if labels is None:
                raise ValueError(
                    "The first call to partial_fit needs classes: all labels of this and of all "
                    "later calls."
                )
        elif labels is not None and not np.array_equal(labels, self.classes_):
            raise ValueError(
                f"classes={labels.tolist()} differ from those of the first call to "
                f"partial_fit, {self.classes_.tolist()}. Leave classes out, or fit anew."
            )
        return self._partial_fit(X, y, sample_weight, labels)

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the logits of every class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            Logits; for two classes the logit of ``classes_[1]`` minus that of ``classes_[0]``.
        """
        logits = self._outputs(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probability of every class.

        After each training the predictions for the training spectra are on average no more certain
        than those of the calibration that the network started from. The certainty of that
        calibration was fitted to left-out spectra. If `partial_fit` has since received many more
        spectra than in its first call, more certainty could be justified; call `fit` again to get
        it. Without such a calibration (``shortcut=False``, or too few spectra to leave any
        out) the probabilities are not limited and become overconfident with longer training.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            One column for each class, in the order of ``classes_``.
        """
        return softmax(self._outputs(X), axis=1)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The label of the highest logit of each spectrum.
        """
        most_probable = self._outputs(X).argmax(axis=1)
        return self.classes_[most_probable]

    # ------------------------------------------------------------------ hooks

    def _check_y(self, y):
        with naming_argument("y", "labels, all numbers or all text"):
            check_classification_targets(y)
            np.unique(y)
        return y

    def _learn_outputs(self, y):
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError(
                f"y contains 1 class, {classes.tolist()[0]!r}; a classifier needs at least two. "
                "Add spectra of another class (and check that y is not constant in this training "
                "fold)."
            )
        self.classes_ = classes

    def _encode(self, y):
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y contains {unknown.tolist()}, but the classes of the model are "
                f"{self.classes_.tolist()}. Name all classes in the first call to partial_fit, or "
                "fit anew."
            )
        return np.searchsorted(self.classes_, y)

    def _calibrate(self, data, calibration_of):
        memberships = np.eye(len(self.classes_))[data.y]
        self._temperature = 1.0
        calibration = calibration_of(memberships)
        return logits_of_memberships(calibration, memberships, data.sample_weight)

    @contextmanager
    def _around_training(self, training, first, whole):
        """Train, then divide the logits by a temperature, so that they are not overconfident.

        Training keeps raising the probabilities of the training spectra, even if there is nothing
        to learn. The probabilities of the calibration that training starts from were fitted to
        left-out spectra. Therefore every training ends with a temperature of at least 1 at which
        the mean entropy of the training spectra is not lower than by that calibration.
        """
        network = self._network
        if first:  # of a constant nothing was left out
            self._start_weights = network.weights if self._calibrated else None
        # Training goes on from the outputs it left: features and head must not drift apart.
        network.scale_outputs(self._temperature)
        yield
        # Softmax does not see what all logits have in common.
        network.centre_outputs()
        if self._start_weights:
            start = network.with_weights(self._start_weights).outputs_of_views(training.views)
            logits = network.outputs_of_views(training.views)
            if np.isfinite(logits).all():  # else `_centre` says so
                entropy = mean_entropy(start, training.sample_weight)
                found = temperature(logits, entropy, training.sample_weight)
                share = 1.0 if whole else min(1.0, len(training) / ENOUGH)
                self._temperature **= 1 - share
                self._temperature *= found**share
        network.scale_outputs(1 / self._temperature)

    @property
    def _unit(self):
        n_classes = len(self.classes_)
        return np.ones(n_classes), np.zeros(n_classes)

    @property
    def _named_outputs(self):
        return self.classes_, "logit"
