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

# Fewer spectra than this, in `partial_fit`, do not show a temperature on their own: it is a mean
# over the last ones.
ENOUGH = 100


class ResNet1DClassifier(ClassifierMixin, BaseResNet1D):
    r"""Classify spectra with a 1D residual network that explains itself.

    The network computes one logit a class from a spectrum x, scaled per wavelength:

    .. math:: z_t(x) = b_t + \sum_i \sum_k w_{tki} A_{ki}(x)

    with K features A at every position i: the channels of a small ResNet and, with `shortcut`,
    the spectrum itself. The logits of a spectrum add up to zero; their softmax are the
    probabilities.

    `fit` starts in closed form. The network sees the spectrum and its normalized first and second
    derivatives, each scaled per wavelength. PLS-DA of these views, with bands reweighted, and
    ridge classifiers on the network's own untrained features, are blended by what they predict for
    left-out spectra (left out with their group, where `groups` are given); all of it is linear in
    the features, so that the blend becomes the weights w. Training then refines features and
    weights together, and each time it ends the logits are divided by a temperature
    (arXiv:1706.04599), so that the training spectra are no more certain than they would have been
    at the start. Spectra of more than 1024 points are first averaged over 2, 4, 8, ...
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
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes: ``{label: weight}``, or "balanced", inversely proportional to the
        sums of their sample weights in the call, as scikit-learn's LogisticRegression has it: a
        spectrum of weight 2 counts as two.
    shortcut : bool, default=True
        Whether the spectrum itself is among the features and the network starts in closed form;
        without, it is a plain ResNet that starts from a constant, and needs more epochs.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit (same points and classes).
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
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    nets_ : list of skorch nets
        The trained networks: ``nets_[0].module_``, ``nets_[0].history``.
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
    ResNet1DRegressor : The same for quantification.
    explain : The maps of a whole pipeline.

    References
    ----------
    Shi et al., Anal. Chem. 2023, 95, 9959, :doi:`10.1021/acs.analchem.3c01101`.

    Examples
    --------
    >>> from chemotools.scatter import StandardNormalVariate
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_spectral import ResNet1DClassifier
    >>> X, y = make_classification(n_features=100, class_sep=2, random_state=0)
    >>> model = make_pipeline(
    ...     StandardNormalVariate(), ResNet1DClassifier(max_epochs=5, random_state=0)
    ... )
    >>> model.fit(X, y).predict_proba(X[:2]).shape
    (2, 2)
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
        """Make one pass over some spectra.

        The first call sets the scaling per wavelength and starts the network: let it have a
        fair sample of what will come. With `shortcut` the learning rate rises to `lr` over the
        first 2000 steps of the network, 1 / 2000 of it at each (Ma & Yarats 2021,
        arXiv:1910.04209), so that the calibration it starts from is not lost; without, every step
        is taken at `lr`.

        Each call finds the temperature of the probabilities anew, from its own spectra; fewer than
        100 move it in part, so that it is a mean over the last calls. `predict_proba` says what
        that holds, and what not.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call only.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each spectrum; rows of weight zero are left out. Times `class_weight`, the
            mean weight of the first call (or of the last `fit`) counts as one, so that a spectrum
            of twice that weight counts twice in its step. Adam takes steps relative to those of
            its last thousand: that counts beside calls of other weights, not where all that
            follow have the same.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            The first call has no `classes`, or later ones differ.
        """
        labels = None if classes is None else check_classes(classes)
        if not hasattr(self, "nets_"):
            if labels is None:
                raise ValueError(
                    "The first call to partial_fit needs classes, all labels that will ever come."
                )
        elif labels is not None and not np.array_equal(labels, self.classes_):
            raise ValueError(
                f"classes={labels.tolist()} differ from those of the first call to "
                f"partial_fit, {self.classes_.tolist()}. Leave classes out, or fit anew."
            )
        return self._partial_fit(X, y, sample_weight, labels)

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the logits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            Logits; for two classes the margin of ``classes_[1]`` over ``classes_[0]``, the
            difference of their logits.
        """
        logits = self._outputs(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probability of every class.

        After each training, whether it goes on or not, the training spectra are on average no more
        certain than by the calibration that the network once started from, which is as certain as
        left-out spectra bore out. With many more spectra than in the first call to `partial_fit`
        one could be more certain: fit anew for that. Nothing holds the probabilities, which grow
        bolder as training goes on, where there was no calibration: with ``shortcut=False``, or
        fewer spectra at the start than can be left out.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
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
                f"y holds 1 class, {classes.tolist()[0]!r}; a classifier needs at least two. Add "
                "spectra of another class (and check that y is not constant in this training "
                "fold)."
            )
        self.classes_ = classes

    def _encode(self, y):
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y holds {unknown.tolist()}, which the model does not know: its classes are "
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
        """Train, then rescale the logits: no more certain than left-out spectra justify.

        Training raises the probabilities of the spectra that it sees, without end and whatever
        there is to learn. Those of the calibration it starts from are what spectra left out
        showed them to be. So every training ends with a temperature, 1 or more, that logits are
        divided by, at which the training spectra have no less entropy than by that calibration.
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
