"""The base class of both estimators: fit, outputs and explanations.

The classifier and the regressor define the methods at the end of the class.
"""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from .. import _network
from .._calibration.blend import calibrate, constant_calibration
from .._calibration.domain import Domain
from .._calibration.folds import set_aside, warnings_of_groups, warnings_of_replicates
from .._explanation.explanation import Explanation
from .._explanation.maps import explanation_of, learn_correction
from .._files.models import SavedModel
from .._record.cancellation import warns_of_cancellation
from .._record.targets import TargetChoice
from .._spectra.axis import axis_from_names, on_trained_axis, resolve_axis
from .._spectra.checks import (
    check_class_weight,
    check_complete,
    check_n_points,
    check_reference,
    check_sample_weight,
    copy_unless_memmap,
    group_codes,
    own_random_state,
    validated,
)
from .._spectra.names import column_names, output_names, row_names
from .._spectra.parameters import check_parameters
from .._spectra.training_set import TrainingSet
from .._spectra.views import ViewScaler
from .._work import own_settings, warnings_lock
from .guards import MAX_DEVIATION, restored_on_error, warn_of_training, warning_of_rounding
from .inspection import InspectedModel

# Share of the way that the weights move back to the start after training. The mean of the weights
# before and after training predicts better than either (Wortsman et al. 2022, arXiv:2109.01903).
STEP_BACK = 0.5


class BaseResNet1D(InspectedModel, SavedModel, BaseEstimator, ABC):
    """The base class of both estimators: validation, scaling, training, outputs and maps."""

    def __init__(
        self,
        *,
        max_epochs="auto",
        lr=0.001,
        batch_size=32,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        shortcut=True,
        warm_start=False,
        device="cpu",
        callbacks=None,
        net_params=None,
        verbose=0,
        random_state=None,
    ):
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.shortcut = shortcut
        self.warm_start = warm_start
        self.device = device
        self.callbacks = callbacks
        self.net_params = net_params
        self.verbose = verbose
        self.random_state = random_state

    # ---------------------------------------------------------------- fitting

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to spectra and their references.

        With `warm_start` the training continues from the last fit. The sample weights of each call
        are then relative to their own mean, and a classifier determines the temperature of its
        probabilities again.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra, one in each row. The columns of a DataFrame may be named by their wavelengths
            or wavenumbers, as text or numbers, with or without the unit. Then all columns must have
            such names and be sorted, and the names of later spectra are compared with these.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, or the values to predict (several columns for a regressor only).
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each spectrum; rows of weight zero are left out.
        groups : array-like of shape (n_samples,), default=None
            Group of each spectrum, such as the sample of which it is a replicate. Groups are never
            divided between training and the validation of `early_stopping`, nor between the folds
            that are used to compute the start of the network.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            X, y, the weights, the groups or a parameter are not as described, or the training
            diverges even with learning rates below `lr`. The message says what is wrong and what
            to do.

        Warns
        -----
        ConvergenceWarning
            Training diverged at `lr` and was repeated with a lower learning rate; or it was
            interrupted by Ctrl-C. The model is then that of the epochs that were completed and can
            be used. If Ctrl-C is pressed twice, or while the network is not being trained, `fit`
            raises KeyboardInterrupt and an earlier fitted model is kept.
        UserWarning
            One group contains nearly all spectra, so that it had to be divided to compute the
            start of the network; or no groups were given to a regressor, but consecutive rows
            look like replicates, because their y is equal and their spectra are similar.
        """
        with own_settings(), restored_on_error(self):
            check_parameters(self)
            goes_on = self.warm_start and hasattr(self, "nets_")
            data = self._training_set(X, y, sample_weight, groups, new=not goes_on, min_samples=2)
            random_state = own_random_state(self.random_state)
            training, validation = data, None
            if self.early_stopping:
                classes = getattr(self, "classes_", None)
                rows = set_aside(data, self.validation_fraction, random_state, classes=classes)
                training, validation = (data[each] for each in rows)
            messages = []
            if not goes_on:
                messages = warnings_of_replicates(data) + self._start(training, random_state)
            epochs = _network.training.n_epochs(self.max_epochs, len(training))
            messages += self._train(training, validation, max_epochs=epochs, first=not goes_on)
            self._centre(training)
            warn_of_training(messages, stacklevel=3)
        return self

    def _partial_fit(self, X, y, sample_weight, classes=None):
        """Train by one pass over some spectra; the first call computes the start."""
        with own_settings(), restored_on_error(self):
            check_parameters(self)
            new = not hasattr(self, "nets_")
            data = self._training_set(
                X, y, sample_weight, None, new=new, min_samples=1, classes=classes
            )
            messages = self._start(data, own_random_state(self.random_state)) if new else []
            # From a calibration there is something to lose, from a constant there is not.
            schedule = "warm-up" if self._calibrated else "constant"
            messages += self._train(data, max_epochs=1, schedule=schedule, first=new)
            if new:
                self._centre(data)
            warn_of_training(messages, stacklevel=4)
        return self

    def _training_set(self, X, y, sample_weight, groups, *, new, min_samples, classes=None):
        """Check the training data; set the attributes that a `new` model takes from them."""
        names_of_y = output_names(y)
        quantifies = not is_classifier(self)
        axis = axis_from_names(column_names(X)) if new else None
        with warnings_lock:
            X, y = validated(
                self,
                X if new else on_trained_axis(self, X),
                check_complete(y, one_column=not quantifies),
                reset=new,
                fits=new,
                ensure_min_samples=min_samples,
                multi_output=quantifies,
                y_numeric=quantifies,
            )
            check_n_points(X)
            y = self._check_y(y)
            sample_weight, exponent = check_sample_weight(sample_weight, X, min_samples)
            groups = None if groups is None else group_codes(groups, len(X))
            counts = sample_weight > 0
            if not counts.all():
                X, y, sample_weight = X[counts], y[counts], sample_weight[counts]
                groups = None if groups is None else groups[counts]
            if not quantifies:
                sample_weight, exponent = check_class_weight(
                    self.class_weight, y, sample_weight, exponent
                )
        if new:
            # validate_data forgets names that are numbers, which wavenumbers often are.
            self.x_axis_ = None if axis is None else axis.values
            self._axis_unit = None if axis is None else axis.unit
            self._output_names = names_of_y
            self._learn_outputs(y if classes is None else classes)
        return TrainingSet.of(X, self._encode(y), sample_weight, groups, exponent)

    def _start(self, training, random_state):
        """Start a network from a calibration; return the warnings to give to the user."""
        data = training.weighted()
        self._view_scaler = ViewScaler().fit(data.views, data.sample_weight, data.rounding)
        self._domain = Domain().fit(data, self._view_scaler)
        self.nets_ = [self._new_net(data.views.shape[2], random_state)]

        def calibration_of(Y):
            features = self._network.untrained_features(data.views)
            return calibrate(
                data.with_y(Y),
                self._view_scaler,
                features,
                random_state,
                jointly=is_classifier(self),
                verbose=self.verbose,
            )

        def constant_of(Y):
            return constant_calibration(data.with_y(Y), self._network.n_untrained_features)

        messages: list[Warning] = warnings_of_groups(data) if self.shortcut else []
        calibration = self._calibrate(data, calibration_of if self.shortcut else constant_of)
        self._network.start(calibration)
        deviation = self._network.deviation(calibration, data.views)
        if not deviation <= MAX_DEVIATION:
            messages.append(warning_of_rounding(deviation))
            calibration = self._calibrate(data, constant_of)
            self._network.start(calibration)
        # Whether there is more to start from than a constant.
        self._calibrated = bool(calibration.slopes.any() or calibration.weights.any())
        return messages

    def _new_net(self, n_points, random_state):
        """Make the skorch net of a new model; its seeds are the next numbers drawn."""
        seed = int(random_state.randint(2**31 - 1))
        shuffling = np.random.RandomState(random_state.randint(2**31 - 1))
        module_params = {
            "n_points": n_points,
            "n_outputs": len(self._named_outputs[0]),
            "shortcut": self.shortcut,
            "seed": seed,
        }
        params, classifies = self.get_params(deep=False), is_classifier(self)
        return _network.net.make_net(params, module_params, shuffling, classifies=classifies)

    def _train(self, training, validation=None, *, max_epochs, schedule="one-cycle", first=False):
        """Train the network; return the warnings to give to the user."""
        training.weighted()  # raises where there is no weight
        params = self.get_params(deep=False) | {"max_epochs": max_epochs}
        whole = schedule == "one-cycle"  # of `fit`, else some spectra of many
        if first or whole:
            # Weights of mean one leave the meaning of lr alone.
            self._mean_weight = training.mean_weight
        with self._around_training(training, first, whole):
            # Training that is chosen, by parameters or by spectra set aside, is left as it is.
            by_default = self.max_epochs == "auto" and validation is None and not self.net_params
            goes_back = whole and self._calibrated and by_default
            before = self._network.weights if goes_back else None
            messages = self._network.train(
                training, validation, params, schedule, self._mean_weight
            )
            if before:
                self._network.step_back(before, STEP_BACK)
        return [ConvergenceWarning(message) for message in messages]

    def _centre(self, training):
        """Subtract the mean training features, so that base values are mean outputs."""
        self.mean_spectrum_ = training.mean_spectrum
        if not self._network.centre_features(training):
            raise ValueError(
                "Training diverged: the network's outputs exceed the range of float32. Lower "
                f"lr (it is {self.lr:g}), and look for outliers in X, y and sample_weight."
            )
        self._map_correction, self.feature_importances_ = learn_correction(self._network, training)

    # ------------------------------------------------- outputs and explanations

    def __sklearn_is_fitted__(self):
        # A fit that failed leaves other attributes behind.
        return hasattr(self, "nets_")

    @property
    def _network(self):
        """The fitted network, in the unit of the outputs."""
        scale, offset = self._unit
        return _network.fitted.FittedNetwork(
            self.nets_, self._view_scaler, scale, offset, self.verbose
        )

    def _check_spectra(self, X):
        check_is_fitted(self)
        return validated(self, on_trained_axis(self, X), reset=False)

    @own_settings()
    def _outputs(self, X):
        """Return logits or predictions of every output, (n_samples, n_outputs)."""
        X = self._check_spectra(X)
        return self._network.outputs(X)

    @warns_of_cancellation
    @own_settings()
    def explain(
        self,
        X: ArrayLike,
        *,
        target: Any = None,
        x_axis: ArrayLike | None = None,
        method: str | None = None,
        layer: str = "features",
        reference: ArrayLike | str | None = None,
        out: np.ndarray | None = None,
    ) -> Explanation:
        r"""Return the contribution of every wavelength to the outputs for preprocessed spectra.

        The function :func:`sklearn_spectral.explain` explains a whole pipeline, from spectra before
        preprocessing. This method explains the estimator alone. The default is corrected 1D
        Grad-CAM, which is signed and adds up to the output:

        .. math:: m_i = \sum_k \frac{\partial z}{\partial A_{ki}} A_{ki}

        Here z is the output, a logit or a prediction in the unit of y, and A are the feature maps
        before the head minus their mean over the training spectra. Gradients are not averaged over
        positions, and there is no ReLU (Shi et al. 2023, doi:10.1021/acs.analchem.3c01101). Since
        the head is linear, the map and the base value add up to the output; the base value is the
        mean output over the training spectra. The contribution of each position of the feature
        maps is distributed over the points of the spectrum that belong to it.

        The correction is an addition of this package. It removes from each map the variation that
        maps of training spectra with equal outputs show, which is caused by scatter and background
        and by how the model compensates for them. What is removed adds up to zero, so that
        the corrected map adds up to the same output (see "How it works"). To see what was removed,
        subtract the corrected map from that of ``method="1d-grad-cam"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra, preprocessed like those that the estimator was fitted on.
        target : None, label, array-like of shape (n_samples,) or "all", default=None
            The output to explain. For a classifier: the predicted class (None), one class, one
            class for each spectrum, or all classes ("all"). For a regressor: all outputs (None,
            "all"), or one output by its number or its name.
        x_axis : array-like of shape (n_points,), default=None
            Wavelengths or wavenumbers of the points. None takes them from the column names of X,
            or from those of the training spectra; without either, points are counted from 0.
        method : str or None, default=None
            ``"corrected-1d-grad-cam"``, ``"1d-grad-cam"``, ``"grad-cam-signed"``, ``"grad-cam"`` or
            ``"cam"``.
            None takes the first one at the last layer, and ``"1d-grad-cam"``, the method of the
            paper without the correction, at other layers. For comparison with methods that were
            made for pictures, ``"grad-cam-signed"`` averages the gradient over positions, and
            ``"grad-cam"`` also sets negative contributions to zero. ``"cam"`` needs a network
            whose head averages over positions:
            ``shortcut=False, net_params={"module__pooling": True}``.
        layer : {"features", "stem", "block1", "block2"}, default="features"
            The layer whose feature maps A are used: the one before the head, the stem or a block.
            After the stem or a block the rest of the network is not linear, so the maps do not add
            up to the output; ``Explanation.residuals`` contains the difference.
        reference : None, "mean" or array-like of shape ([n_references, ]n_points), default=None
            The spectrum to compare with, of several spectra their mean, or "mean" for the mean of
            the training spectra. A is then replaced by its difference from the reference's A. At
            the last layer such maps add up to the difference between the two outputs, and the base
            value is the output of the reference.
        out : ndarray of the shape of the maps, default=None
            A float array to write the maps to, such as a ``numpy.memmap`` for more spectra than
            memory holds; ``explanation.maps`` is then a read-only view of it. X may be a memmap
            as well and is read in chunks.

        Returns
        -------
        explanation : Explanation
            Maps, outputs and base values, with methods for tables and figures.

        Raises
        ------
        ValueError
            X or the reference does not fit the training spectra, `target`, `method` or `layer` is
            unknown or not available, `x_axis` is not one sorted number per point, or `out` does
            not have the shape of the maps.

        Warns
        -----
        UserWarning
            The cancellation of the median map is above 10 (`Explanation.cancellation`).

        See Also
        --------
        sklearn_spectral.explain : Explains a whole pipeline, before preprocessing.
        sklearn_spectral.hyperspectral.explain : Explains images that are larger than memory.

        References
        ----------
        Trygg and Wold, J. Chemom. 2002, 16, 119, :doi:`10.1002/cem.695`.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
        >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
        >>> explanation.contributions(blends.bands).groupby("band")["share"].mean().abs().idxmax()
        'C=C stretch'
        """
        spectra = copy_unless_memmap(self._check_spectra(X), X)
        labels, output_name = self._named_outputs
        return explanation_of(
            self._network,
            spectra,
            TargetChoice(target, labels, len(spectra), highest=is_classifier(self)),
            method=method,
            layer=layer,
            reference=check_reference(reference, self.mean_spectrum_),
            out=out,
            labels=labels,
            correction=self._map_correction,
            **resolve_axis(self, column_names(X), x_axis),
            sample_names=row_names(X),
            output_name=output_name,
            is_class=is_classifier(self),
        )

    # ------------------------------- what the classifier and the regressor must define

    @abstractmethod
    def _check_y(self, y):
        """Return y checked, as the other hooks take it."""

    @abstractmethod
    def _learn_outputs(self, y):
        """Set what names and counts the outputs."""

    @abstractmethod
    def _encode(self, y):
        """Return y as numbers, the rows along the first axis."""

    @abstractmethod
    def _calibrate(self, data, calibration_of):
        """Return the calibration of the outputs that the network starts from.

        Parameters
        ----------
        data : TrainingSet
        calibration_of : callable
            Fits a calibration to numbers (n_samples, n_outputs), one row a spectrum of `data`.
        """

    @abstractmethod
    def _around_training(self, training, first, whole):
        """Return a context: what is done to the network before and after it is trained.

        Parameters
        ----------
        training : TrainingSet
        first : bool
            Whether the network is as it was started.
        whole : bool
            Whether `training` is all there is to train on, not one portion of it.
        """

    @property
    @abstractmethod
    def _unit(self) -> tuple[np.ndarray, np.ndarray]:
        """Scale and offset that take outputs of the networks to their unit, (n_outputs,) each."""

    @property
    @abstractmethod
    def _named_outputs(self) -> tuple[np.ndarray, str]:
        """Labels of the outputs, (n_outputs,), and what one of them is called."""
