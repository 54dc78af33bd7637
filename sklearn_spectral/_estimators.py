"""The estimators: one private base, two leaves with few hooks."""

import copyreg
import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import contextmanager, nullcontext

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import GroupShuffleSplit
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ._axis import axis_from_names, check_x_axis
from ._calibration import (
    calibrate,
    constant_calibration,
    logits_per_membership,
    mean_entropy,
    stratified_folds,
    temperature,
)
from ._checks import (
    as_numbers,
    check_classes,
    check_complete,
    check_finite,
    check_outputs,
    check_table,
    check_values,
    column_names,
    comparable,
    group_codes,
    reading,
)
from ._domain import FALSE_ALARMS, MIN_UNITS, Domain
from ._explanation import Explanation
from ._files import from_bytes, read, to_bytes, write
from ._grad_cam import METHODS, Spreader
from ._progress import progress
from ._resnet1d import FEATURES, STRIDE
from ._targets import TargetChoice
from ._threads import checking, for_each, one_thread
from ._training import (
    WeightedClassifier,
    WeightedRegressor,
    make_net,
    restore,
    skorchs_verbose,
    state_of,
    train,
)
from ._views import ViewScaler, bin_size, views

# Points of the spectra per pass through the network in predict and explain: memory stays bounded,
# and larger chunks are slower, since their feature maps leave the processor's cache.
CHUNK_POINTS = 2**16
# A spectrum of one point has no neighbours to convolve.
MIN_POINTS = 2


def _own_random_state(random_state):
    """Return a RandomState; without a seed a fresh one, so the global state stays as it is."""
    return np.random.RandomState() if random_state is None else check_random_state(random_state)


def _mean_spectrum(X, sample_weight):
    """Return the weighted mean of spectra."""
    mean = np.average(X, axis=0, weights=sample_weight)
    # Of centred spectra it is rounding, whose normalized derivatives would look like a spectrum.
    return np.where(np.abs(mean) < 1e-6 * np.abs(X).max(axis=0), 0.0, mean)


def _chunks(X):
    """Return slices that cut the rows of spectra, or of their views, into chunks."""
    n_points = X.shape[-1] // bin_size(X.shape[-1])
    size = max(1, CHUNK_POINTS // n_points)
    return [slice(start, start + size) for start in range(0, len(X), size)]


def check_out(out, choice, X):
    """Return an array for the maps, (n_samples, n_targets, n_points): a view of `out` if given."""
    if out is None:
        return np.empty((len(X), choice.n_targets, X.shape[1]), dtype=np.float32)
    shape = X.shape if choice.single else (*X.shape, choice.n_targets)
    # Only what is in the machine's order of bytes equals these.
    if not isinstance(out, np.ndarray) or out.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"out is a {type(out).__name__} of {getattr(out, 'dtype', 'no dtype')}; expected a "
            "NumPy array or memmap of float32 or float64. For Zarr and other files use "
            "sklearn_spectral.hyperspectral."
        )
    if out.shape != shape or not out.flags.writeable:
        raise ValueError(
            f"out has shape {out.shape}{'' if out.flags.writeable else ' and is read-only'}; "
            f"expected a writeable array of shape {shape} for these maps."
        )
    if np.shares_memory(out, X):
        raise ValueError("out shares memory with X: maps would overwrite spectra. Pass another.")
    if min(out.strides) < 0:
        raise ValueError(
            f"out runs backwards (strides {out.strides}), which PyTorch cannot. Pass it forwards, "
            "and turn the maps afterwards."
        )
    return out[:, None] if choice.single else np.moveaxis(out, 2, 1)


def _gradient(module, feature_maps, layer):
    """Return the gradient of the outputs by feature maps: (T, K, L), or (B, T, K, L)."""
    if layer == FEATURES:
        return module.head_weight.detach()
    feature_maps = feature_maps.detach().requires_grad_()
    outputs = module.forward_from(feature_maps, layer)  # (B, T)
    gradients = [
        torch.autograd.grad(outputs[:, t].sum(), feature_maps, retain_graph=True)[0]
        for t in range(outputs.shape[1])
    ]
    return torch.stack(gradients, dim=1)


@contextmanager
def _nothing_on_error(estimator):
    """Put the attributes of an estimator, and its nets, back where a fit fails."""
    before = vars(estimator).copy()
    states = [(net, state_of(net)) for net in before.get("nets_", [])]
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        for net, state in states:
            restore(net, state)
        raise


def _weighty(sample_weight):
    """Return which weights are not zero; `class_weight` may have made some so."""
    if not sample_weight.any():
        raise ValueError(
            "All spectra to train on have weight zero. Give at least one class in y a positive "
            "class_weight."
        )
    return sample_weight > 0


class _BaseResNet1D(BaseEstimator, ABC):
    """What both estimators share: validation, scaling, training, outputs and maps."""

    # ---------------------------------------------------------------- fitting

    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra, one a row. The columns of a DataFrame may be named after the wavelengths or
            wavenumbers, as strings or numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, or the values to predict (several columns for a regressor only).
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each spectrum; rows of weight zero are left out.
        groups : array-like of shape (n_samples,), default=None
            Which rows belong together, replicates of one sample for instance. They are never
            divided between training and the validation of `early_stopping`, nor between the
            folds that choose what the network starts from.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            X, y, weights, groups or a parameter are not as described; the message says which
            and what to do. Or training diverges, with smaller steps than `lr` as well: the
            message names the epoch.

        Warns
        -----
        ConvergenceWarning
            Training diverged at `lr`, but not with smaller steps. Or Ctrl-C was pressed while it
            went on: the model is then that of the whole epochs until then, and can be used as
            any other. At another time, or twice, Ctrl-C ends `fit`; an earlier model stays.
        """
        with _nothing_on_error(self), one_thread():
            return self._fit(X, y, sample_weight, groups)

    def _fit(self, X, y, sample_weight, groups):
        self._check_parameters()
        continues = self.warm_start and hasattr(self, "nets_")
        with checking:
            X, y, sample_weight, groups = self._check_training_data(
                X, y, sample_weight, groups, reset=not continues, min_samples=2
            )
        random_state = _own_random_state(self.random_state)
        if not continues:
            self._remember_labels(y)
        y = self._encode(y)
        stack = views(X)  # (n_samples, 3, n_bins)
        training = np.arange(len(X))
        validation = None
        if self.early_stopping:
            training, validation = self._split(X, y, groups, random_state)
        if not continues:
            self._start(
                stack[training],
                y[training],
                sample_weight[training],
                None if groups is None else groups[training],
                random_state,
            )
            self.mean_spectrum_ = _mean_spectrum(X[training], sample_weight[training])
        with nullcontext() if continues else self._first_training(stack, sample_weight, training):
            self._train(
                *(stack, y, sample_weight, training, validation), max_epochs=self.max_epochs
            )
        self._centre(stack[training], sample_weight[training])
        return self

    def _partial_fit(self, X, y, sample_weight, classes=None):
        """Make one pass over some spectra; the first call starts the network."""
        with _nothing_on_error(self), one_thread():
            return self._one_pass(X, y, sample_weight, classes)

    def _one_pass(self, X, y, sample_weight, classes):
        self._check_parameters()
        first = not hasattr(self, "nets_")
        with checking:
            X, y, sample_weight, _ = self._check_training_data(
                X, y, sample_weight, None, reset=first, min_samples=1
            )
        if first:
            self._remember_labels(y if classes is None else classes)
        y = self._encode(y)
        stack = views(X)
        training = np.arange(len(X))
        if first:
            random_state = _own_random_state(self.random_state)
            self._start(stack, y, sample_weight, None, random_state)
            self.mean_spectrum_ = _mean_spectrum(X, sample_weight)
        # From a calibration there is something to lose, from a constant there is not.
        schedule = "warm-up" if self._calibrated else "constant"
        self._train(stack, y, sample_weight, training, None, max_epochs=1, schedule=schedule)
        if first:
            self._centre(stack, sample_weight)
        return self

    def _check_parameters(self):
        def is_integer(value):
            return isinstance(value, numbers.Integral) and not isinstance(value, bool)

        def is_number(value):
            return isinstance(value, numbers.Real) and not isinstance(value, bool)

        def is_iterable(value):
            return isinstance(value, Iterable) and not isinstance(value, str)

        def is_device(value):
            try:
                return value == "auto" or bool(torch.device(value))
            except (RuntimeError, TypeError):
                return False

        expected = {
            "max_epochs": ("an integer, 0 or more", lambda v: is_integer(v) and v >= 0),
            "lr": ("a positive number", lambda v: is_number(v) and 0 < v < np.inf),
            "batch_size": ("a positive integer", lambda v: is_integer(v) and v > 0),
            "validation_fraction": (
                "a number between 0 and 1, both excluded",
                lambda v: is_number(v) and 0 < v < 1,
            ),
            "n_iter_no_change": ("a positive integer", lambda v: is_integer(v) and v > 0),
            "early_stopping": ("True or False", lambda v: isinstance(v, (bool, np.bool_))),
            "shortcut": ("True or False", lambda v: isinstance(v, (bool, np.bool_))),
            "warm_start": ("True or False", lambda v: isinstance(v, (bool, np.bool_))),
            "callbacks": ("a list of callbacks or None", lambda v: v is None or is_iterable(v)),
            "net_params": ("a dict or None", lambda v: v is None or isinstance(v, Mapping)),
            "verbose": ("0, 1 or 2", lambda v: isinstance(v, numbers.Real)),
            "device": ("a device of PyTorch such as 'cpu', or 'auto'", is_device),
        }
        for name, (words, holds) in expected.items():
            if not holds(getattr(self, name)):
                raise ValueError(f"{name}={getattr(self, name)!r}; expected {words}.")

    def _check_training_data(self, X, y, sample_weight, groups, *, reset, min_samples):
        names = column_names(X)
        output_names = column_names(y)
        if getattr(y, "name", None) is not None:
            output_names = [y.name]
        y = check_complete(y)
        with reading("X or y", "an array of numbers, and one label or value per spectrum"):
            X, y = validate_data(
                self,
                check_table(X),
                y,
                reset=reset,
                dtype=[np.float64, np.float32],
                ensure_all_finite=False,
                ensure_min_samples=min_samples,
                **self._y_checks,
            )
        if X.shape[1] < MIN_POINTS:
            raise ValueError(
                f"X has {X.shape[1]} feature(s) (shape={X.shape}), but a spectrum needs at least "
                f"{MIN_POINTS} points for the network's convolutions. Is X transposed?"
            )
        check_finite(X, fits=reset)
        y = self._check_y(y)
        with reading("sample_weight", "one number per spectrum"):
            sample_weight = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        sample_weight = comparable(sample_weight)
        if groups is not None:
            groups = group_codes(groups, len(X))
        kept = sample_weight > 0
        if not kept.all():
            if kept.sum() < min_samples:
                raise ValueError(
                    f"sample_weight is positive for {kept.sum()} sample(s), or negligible beside "
                    f"the largest; at least {min_samples} are needed to fit."
                )
            X, y, sample_weight = X[kept], y[kept], sample_weight[kept]
            groups = None if groups is None else groups[kept]
        if reset:
            # validate_data forgets names that are numbers, which wavenumbers often are.
            self.x_axis_ = axis_from_names(names)
            self._output_names = output_names
        return X, y, sample_weight, groups

    def _split(self, X, y, groups, random_state):
        """Set rows aside for `early_stopping`, whole groups of them."""
        units = np.arange(len(X)) if groups is None else groups
        n_units = len(np.unique(units))
        if n_units < 2:
            raise ValueError(
                "early_stopping sets groups aside for validation, but groups holds one group "
                "only. Fit without early_stopping or without groups."
            )
        return self._validation_split(X, y, units, n_units, random_state)

    def _start(self, stack, y, sample_weight, groups, random_state):
        """Fit the scalers, make a network and start it from a calibration."""
        weighty = _weighty(sample_weight)
        stack, y, sample_weight = stack[weighty], y[weighty], sample_weight[weighty]
        groups = None if groups is None else groups[weighty]
        self._view_scaler = ViewScaler().fit(stack, sample_weight)
        self._domain = Domain().fit(stack, self._view_scaler, groups)
        targets = self._start_y(y, sample_weight)  # (n_samples, n_outputs)
        seed = int(random_state.randint(2**31 - 1))
        shuffling = np.random.RandomState(random_state.randint(2**31 - 1))
        module_params = {
            "n_points": stack.shape[2],
            "n_outputs": targets.shape[1],
            "shortcut": self.shortcut,
            "seed": seed,
        }
        net = self._make_net(module_params, shuffling, self.net_params)
        self.nets_ = [net]
        width = net.module_.width
        if self.shortcut:
            calibration = calibrate(
                stack,
                self._view_scaler,
                self._untrained_features(stack),
                targets,
                sample_weight,
                groups,
                random_state,
                jointly=self._starts_jointly,
                verbose=self.verbose,
            )
        else:
            n_features = width * net.module_.n_positions
            calibration = constant_calibration(stack, n_features, targets, sample_weight)
        # Whether there is more to start from than a constant, and what outputs are divided by.
        self._calibrated = bool(calibration.slopes.any() or calibration.weights.any())
        self._temperature = 1.0
        calibration = self._start_outputs(calibration, targets, sample_weight)
        slopes, weights, constant = map(
            torch.from_numpy, (calibration.slopes, calibration.weights, calibration.constant)
        )
        net.module_.start(slopes, weights.unflatten(1, (width, -1)), constant)

    def _make_net(self, module_params, shuffling, net_params):
        return make_net(
            self._net_class,
            self._criterion,
            module_params,
            lr=self.lr,
            batch_size=self.batch_size,
            device=self.device,
            callbacks=self.callbacks,
            verbose=self.verbose,
            net_params=net_params,
            random_state=shuffling,
        )

    def _centre(self, stack, sample_weight):
        """Take the mean features of the training spectra off: base values are mean outputs."""
        sums = [0.0 for _ in self.nets_]
        for rows in _chunks(stack):
            for i, features in enumerate(self._feature_maps(stack[rows], FEATURES)):  # (B, K, L)
                weight = torch.from_numpy(sample_weight[rows]).to(features)
                sums[i] += torch.einsum("b,bkl->kl", weight, features)
        for net, total in zip(self.nets_, sums, strict=True):
            net.module_.centre_features(total / sample_weight.sum())
            if not torch.isfinite(net.module_.head.bias).all():
                raise ValueError(
                    "Training diverged: the network's outputs are more than float32 holds. Lower "
                    f"lr (it is {self.lr:g}), and look for outliers in X, y and sample_weight."
                )

    def _untrained_features(self, stack):
        """Return what the network makes of the views, without the views: (n, width * L)."""
        width = self.nets_[0].module_.width
        chunks = []
        for rows in _chunks(stack):
            (features,) = self._feature_maps(stack[rows], FEATURES)
            chunks.append(features[:, :width].flatten(1).cpu().numpy())
        return np.concatenate(chunks)

    def _train(
        self,
        stack,
        y,
        sample_weight,
        training,
        validation,
        *,
        max_epochs,
        schedule="one-cycle",
    ):
        """Train all nets."""
        _weighty(sample_weight[training])
        X = self._view_scaler.transform(stack)
        y = self._scale_y(y)
        # Weights of mean one leave the meaning of lr alone.
        sample_weight = sample_weight / sample_weight[training].mean()
        for net in self.nets_:
            # They may have changed since the network was made.
            current = {
                "lr": self.lr,
                "batch_size": int(self.batch_size),
                "verbose": skorchs_verbose(self.verbose),
            }
            own = self.net_params or {}
            net.set_params(**{name: value for name, value in current.items() if name not in own})
            # Training goes on from the outputs it left: features and head must not drift apart.
            net.module_.scale_outputs(self._temperature)
            train(
                net,
                (X[training], y[training], sample_weight[training]),
                None
                if validation is None
                else (X[validation], y[validation], sample_weight[validation]),
                max_epochs=max_epochs,
                patience=self.n_iter_no_change,
                schedule=schedule,
                verbose=self.verbose,
            )
            self._after_training(net.module_)
            net.module_.scale_outputs(1 / self._temperature)

    # ----------------------------------------------------------------- files

    def save(self, path):
        """Write the fitted model to a file that holds numbers and text, never code.

        One safetensors file: arrays, weights and the optimizer's state are its tensors,
        parameters and other attributes JSON in its header, with format and package versions;
        a SHA-256 over all of it comes last. The same model makes the same bytes. The file takes
        its place at once when all of it is on disk, so that a full disk or a killed process
        leaves what was there before (a killed one may leave a ``.tmp`` beside it).

        Parameters
        ----------
        path : str or path-like
            Where to; ``model.safetensors``, say. What is there is replaced.

        Raises
        ------
        ValueError
            A parameter or an attribute is neither number nor text nor an array of them, such as
            a callback or an optimizer class; the message says which and what to do.
        OSError
            The file cannot be written.
        NotFittedError
            There is nothing to save yet.

        See Also
        --------
        skops_types : Whole pipelines, by `skops`.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from sklearn.datasets import make_regression
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> X, y = make_regression(n_features=100, random_state=0)
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "model.safetensors")
        ...     model.save(path)
        ...     loaded = ResNet1DRegressor.load(path)
        >>> bool((loaded.predict(X) == model.predict(X)).all())
        True
        """
        check_is_fitted(self)
        write(path, to_bytes(self))

    @classmethod
    def load(cls, path, *, device="cpu"):
        """Return the model that `save` wrote to a file.

        It predicts and explains bit for bit as before, and `partial_fit` and `warm_start` go on
        as they would have. Nothing in the file is run, whoever made it, and what it holds is
        checked: sizes before memory is taken, shapes, names, finite weights. The checksum tells
        damage, not who wrote the file.

        Parameters
        ----------
        path : str or path-like
        device : str, default="cpu"
            PyTorch device to put the network on, or "auto"; the file does not choose one.

        Returns
        -------
        estimator : object
            A fitted estimator of this class.

        Raises
        ------
        ValueError
            The file is damaged, cut short, too large, made by other means, by a newer version
            or by another estimator.
        OSError
            The file cannot be read.
        """
        return from_bytes(cls, read(path), path, device)

    # skops asks for the state; pickle, joblib and copy get the attributes as they are, which
    # may hold what no file does, such as callbacks.

    def __getstate__(self):
        return {"file": to_bytes(self)}

    def __setstate__(self, state):
        if state.keys() == {"file"}:
            state = vars(from_bytes(type(self), state["file"], "The skops file's model"))
        vars(self).update(state)

    def __reduce_ex__(self, protocol):
        return copyreg.__newobj__, (type(self),), vars(self).copy()

    # ------------------------------------------------- outputs and explanations

    def __sklearn_is_fitted__(self):
        # A fit that failed leaves other attributes behind.
        return hasattr(self, "nets_")

    def _check_spectra(self, X):
        check_is_fitted(self)
        x_axis = axis_from_names(column_names(X))
        if x_axis is not None and self.x_axis_ is not None and len(x_axis) == len(self.x_axis_):
            # scikit-learn compares names that are strings only.
            if not np.allclose(x_axis, self.x_axis_):
                raise ValueError(
                    f"The columns of X run from {x_axis[0]:g} to {x_axis[-1]:g}, those of the "
                    f"training spectra from {self.x_axis_[0]:g} to {self.x_axis_[-1]:g}. Bring the "
                    "spectra onto one axis, with chemotools' interpolation for instance."
                )
        with checking, reading("X", "an array of numbers"):
            X = validate_data(
                self,
                check_table(X),
                reset=False,
                dtype=[np.float64, np.float32],
                ensure_all_finite=False,
            )
        check_finite(X)
        return X

    def _outputs(self, X):
        """Return logits or predictions of every output, (n_samples, n_outputs)."""
        X = self._check_spectra(X)
        outputs = np.empty((len(X), self.nets_[0].module_.n_outputs))

        def compute(rows):
            outputs[rows] = self._outputs_from(
                self._feature_maps(views(X[rows]), FEATURES), FEATURES
            )

        self._in_chunks(compute, X, "predicting")
        check_outputs(outputs)
        return outputs

    def _in_chunks(self, compute, X, description):
        """Call `compute` with slices of the rows of X, on as many threads as are allowed."""
        chunks = _chunks(X)
        with one_thread() as n_threads:
            done = for_each(compute, chunks, n_threads)
            for _ in progress(done, description, total=len(chunks), verbose=self.verbose):
                pass

    def explain(
        self,
        X,
        *,
        target=None,
        x_axis=None,
        method="1d-grad-cam",
        layer="features",
        reference=None,
        out=None,
    ):
        r"""Show which wavelengths made the outputs: 1D Grad-CAM, signed and complete.

        .. math:: m_i = \sum_k \frac{\partial z}{\partial A_{ki}} A_{ki}

        with the feature maps A before the head, less their mean over the training spectra, and the
        output z: a logit, or a prediction in the unit of y. No average of gradients over
        positions, no ReLU (Shi et al. 2023, doi:10.1021/acs.analchem.3c01101). Since the head is
        linear, the map and the base value, which is the mean output over the training spectra,
        add up to the output. Each position's share is spread over the points it stands for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra, preprocessed as those the estimator was fitted on.
        target : None, label, array-like of shape (n_samples,) or "all", default=None
            What to explain: for a classifier the predicted class (None), one class, one class
            per spectrum, or every class; for a regressor every output (None, "all"), or one by
            its number or its name.
        x_axis : array-like of shape (n_points,), default=None
            Wavelengths or wavenumbers; None takes them from the column names of X, else from
            those of the training spectra, else counts points.
        method : {"1d-grad-cam", "grad-cam-signed", "grad-cam", "cam"}, default="1d-grad-cam"
            ``"grad-cam-signed"`` averages the gradient over positions, ``"grad-cam"`` sets what is
            negative then to zero as well: the methods made for pictures, to compare with.
            ``"cam"`` needs a network whose head averages over positions:
            ``shortcut=False, net_params={"module__pooling": True}``.
        layer : {"features", "stem", "block1", "block2"}, default="features"
            Which feature maps A: those before the head, or those after the stem or a block. At the
            latter the rest of the network is not linear and maps do not add up;
            ``Explanation.residuals`` says what is missing.
        reference : None, "mean" or array-like of shape (n_points,), default=None
            A spectrum to compare with, or the mean of the training spectra: gradients times
            A - A_reference. At the last layer these difference maps add up to the difference of
            the outputs, and the base value is the reference's output.
        out : ndarray of the shape of the maps, default=None
            Where to write the maps: a float array, such as a ``numpy.memmap`` of more spectra than
            fit into memory; ``explanation.maps`` is then this array. X may be a memmap as well: it
            is read chunk by chunk.

        Returns
        -------
        explanation : Explanation

        Raises
        ------
        ValueError
            X or the reference is not as the training spectra were, `target`, `method` or `layer`
            is unknown or not possible, `x_axis` is not one sorted number per point, or `out` has
            another shape than the maps.
        """
        names = column_names(X)
        X = self._check_spectra(X)
        x_axis = self._resolve_x_axis(names, x_axis)
        self._check_method(method, layer)
        choice = self._choose(target, len(X))
        reference = self._check_reference(reference)
        return self._explain(X, choice, x_axis, method, layer, reference, check_out(out, choice, X))

    def _choose(self, target, n_samples):
        return TargetChoice(target, self._labels, n_samples, highest=self._explains_highest)

    def _check_method(self, method, layer):
        if not isinstance(method, str) or method not in METHODS:
            raise ValueError(f"method={method!r}; expected one of {list(METHODS)}.")
        for net in self.nets_:
            if layer not in net.module_.layers:
                raise ValueError(f"layer={layer!r}; expected one of {net.module_.layers}.")
            if method == "cam" and not (net.module_.pooling and layer == FEATURES):
                raise ValueError(
                    "CAM needs a head that averages over positions, and its last layer "
                    f"({FEATURES!r}). Fit with shortcut=False and net_params={{'module__pooling': "
                    "True}, or use '1d-grad-cam', which is CAM without that restriction."
                )

    def _check_reference(self, reference):
        """Return a reference spectrum, (1, n_points), or None."""
        if reference is None:
            return None
        if isinstance(reference, str):
            if reference != "mean":
                raise ValueError(f"reference={reference!r}; expected None, 'mean' or a spectrum.")
            return self.mean_spectrum_[None]
        reference = as_numbers(reference, "reference", "a spectrum: numbers")
        if reference.shape not in ((self.n_features_in_,), (1, self.n_features_in_)):
            raise ValueError(
                f"reference has shape {reference.shape}; expected one spectrum of "
                f"{self.n_features_in_} points."
            )
        reference = reference.reshape(1, -1)
        if not np.isfinite(reference).all():
            raise ValueError("reference holds NaN or infinity. Pass a whole spectrum.")
        check_finite(reference)
        return reference

    def _explain(self, X, choice, x_axis, method, layer, reference, maps):
        """Explain checked spectra."""
        if reference is None:
            offsets = [None for _ in self.nets_]
            base = np.mean(
                [net.module_.head.bias.detach().cpu().double().numpy() for net in self.nets_],
                axis=0,
            )
            base = self._to_unit(base)  # (n_outputs,)
        else:
            offsets = self._feature_maps(views(reference), layer)  # [tensor (1, K, L) a net]
            base = self._outputs_from(offsets, layer)[0]
        n_samples, n_points = X.shape
        outputs = np.empty((n_samples, choice.n_targets))
        columns = np.empty((n_samples, choice.n_targets), dtype=int)
        points = STRIDE * bin_size(n_points)  # of a position
        spreader = Spreader(self.nets_[0].module_.n_positions, n_points, points)

        def compute(rows):
            feature_maps = self._feature_maps(views(X[rows]), layer)
            all_outputs = self._outputs_from(feature_maps, layer)  # (B, n_outputs)
            columns[rows] = choice.columns(rows, all_outputs)
            outputs[rows] = np.take_along_axis(all_outputs, columns[rows], axis=1)
            with np.errstate(over="ignore", invalid="ignore"):  # see check_outputs
                cells = self._cells(feature_maps, offsets, columns[rows], method, layer)
            # Maps are float32 in the unit of y; outputs, which are not, may be finite all the same.
            outputs[rows][~torch.isfinite(cells.sum(dim=-1)).numpy()] = np.nan
            spreader.spread(cells, torch.from_numpy(maps[rows]))

        self._in_chunks(compute, X, "explaining")
        check_outputs(outputs + base.sum())
        return Explanation(
            maps=maps[:, 0] if choice.single else np.moveaxis(maps, 1, 2),
            outputs=outputs[:, 0] if choice.single else outputs,
            base_values=base[columns[:, 0]] if choice.single else base[columns],
            targets=self._labels[columns[:, 0] if choice.single else columns[0]],
            x_axis=x_axis,
            spectra=X,
            output_name=self._output_name,
            method=method,
            layer=layer,
            is_class=hasattr(self, "classes_"),
        )

    def _feature_maps(self, stack, layer):
        """Return the feature maps of a layer, [tensor (B, K, L) a net]."""
        x = torch.from_numpy(self._view_scaler.transform(stack))
        # Gradients by feature maps of other layers may follow.
        with torch.inference_mode() if layer == FEATURES else torch.no_grad():
            return [net.module_.forward_to(x.to(net.device), layer) for net in self.nets_]

    @torch.no_grad()
    def _outputs_from(self, feature_maps, layer):
        """Average the nets' outputs, in the unit of the output: float64 (B, n_outputs)."""
        outputs = [
            net.module_.forward_from(each, layer).cpu().double().numpy()
            for net, each in zip(self.nets_, feature_maps, strict=True)
        ]
        return self._to_unit(np.mean(outputs, axis=0))

    def _cells(self, feature_maps, offsets, columns, method, layer):
        """Average the nets' maps of the outputs in `columns`: tensor (B, n_targets, L)."""
        unit = self._output_scale / len(self.nets_)  # (n_outputs,)
        some = columns.shape[1] < len(unit)  # else all, in their order
        total = None
        for net, each, offset in zip(self.nets_, feature_maps, offsets, strict=True):
            gradient = _gradient(net.module_, each, layer)  # (T, K, L) or (B, T, K, L)
            if some:
                rows = np.arange(len(columns))[:, None]
                gradient = gradient[columns] if gradient.ndim == 3 else gradient[rows, columns]
            cells = METHODS[method](each if offset is None else each - offset, gradient)
            total = cells if total is None else total.add_(cells)
        unit = unit[columns] if some else unit
        return total.cpu().mul_(torch.from_numpy(unit).float()[..., None])

    def _resolve_x_axis(self, names, x_axis):
        if x_axis is not None:
            return check_x_axis(x_axis, self.n_features_in_)
        for candidate in (names, getattr(self, "feature_names_in_", None)):
            axis = axis_from_names(candidate)
            if axis is not None:
                return axis
        return np.arange(self.n_features_in_, dtype=float) if self.x_axis_ is None else self.x_axis_

    def applicability(self, X):
        r"""Tell whether spectra lie within what the estimator was trained on.

        A principal component analysis of the training spectra, as the network sees them (the
        spectrum and its two derivatives, scaled per wavelength), gives the two distances of
        process monitoring. Hotelling's T2 is that from the centre within the latent variables, Q
        what these leave over:

        .. math:: T^2 = \sum_a t_a^2 / \lambda_a, \qquad Q = \lVert x - \sum_a t_a p_a \rVert^2

        with scores t, their variances and loadings p. A large T2 means more or less of what is
        known, extrapolation; a large Q means what the training spectra did not have: another
        substance, baseline, instrument or fault. The latent variables are those that hold 99 % of
        the variance, at most 20 and one for five spectra.

        The limits are such that one in twenty spectra exceeds either or both that is like those of
        the training: each of these was left out, with its group where `fit` was given groups, and
        measured by the others. No distribution is assumed. Within `partial_fit` and `warm_start`
        the training spectra are those of the first call, which set the scaling.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra, preprocessed as those the estimator was fitted on.

        Returns
        -------
        scores : DataFrame of shape (n_samples, 3)
            ``hotelling_t2`` and ``q_residual``, each divided by its limit, and ``inside``, whether
            neither is above 1. The index is that of X, where it has one.

        Raises
        ------
        ValueError
            X is not as the training spectra were, or these were fewer than five, or of fewer than
            five groups.

        Notes
        -----
        Inside is not right: a prediction errs all the same where y depends on what spectra do not
        show. Below 19 training spectra the limits are the largest values found, and more than one
        in twenty exceeds them.

        References
        ----------
        Jackson and Mudholkar, Technometrics 1979, 21, 341,
        :doi:`10.1080/00401706.1979.10489779`; Westerhuis, Gurden and Smilde, Chemom. Intell. Lab.
        Syst. 2000, 51, 95, :doi:`10.1016/S0169-7439(00)00062-9`.
        """
        index = X.index if isinstance(X, pd.DataFrame) else None
        X = self._check_spectra(X)
        if self._domain.n_units_ < MIN_UNITS:
            raise ValueError(
                f"The limits of applicability come from spectra left out in fit, whole groups at a "
                f"time, but it was given {self._domain.n_units_}; at least {MIN_UNITS} are needed, "
                f"and {round(1 / FALSE_ALARMS) - 1} for limits that hold. Fit on more spectra or "
                "groups (the first call to partial_fit counts)."
            )
        ratios = np.empty((len(X), 2))

        def compute(rows):
            scaled = self._view_scaler.transform(views(X[rows]))
            ratios[rows] = self._domain.statistics(scaled) / self._domain.limits_

        self._in_chunks(compute, X, "comparing with the training spectra")
        scores = pd.DataFrame(ratios, columns=["hotelling_t2", "q_residual"], index=index)
        scores["inside"] = (ratios <= 1).all(axis=1)
        return scores

    # ------------------------------------------------------------- the leaves' part

    @property
    @abstractmethod
    def _y_checks(self):
        """Arguments of validate_data for y."""

    @abstractmethod
    def _check_y(self, y):
        """Return y checked, as the other hooks take it."""

    @abstractmethod
    def _remember_labels(self, y):
        """Set what names the outputs."""

    @abstractmethod
    def _encode(self, y):
        """Return y as numbers, the rows along the first axis."""

    @abstractmethod
    def _validation_split(self, X, y, units, n_units, random_state):
        """Return the rows to train on and the rows to set aside."""

    @abstractmethod
    def _start_y(self, y, sample_weight):
        """Fit the scaling of y; return what is calibrated, (n_samples, n_outputs)."""

    @abstractmethod
    def _start_outputs(self, calibration, targets, sample_weight):
        """Return the calibration of the outputs, from that of what `_start_y` returned."""

    @abstractmethod
    def _scale_y(self, y):
        """Return y as the criterion takes it."""

    @abstractmethod
    def _to_unit(self, outputs):
        """Return network outputs (..., n_outputs) in the unit of the output."""

    @abstractmethod
    def _after_training(self, module):
        """Tidy up a trained network."""

    def _first_training(self, stack, sample_weight, training):
        """Return the context of training from the start, for what is compared before and after."""
        return nullcontext()


class ResNet1DClassifier(ClassifierMixin, _BaseResNet1D):
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
    weights together, and at its end the logits are divided by a temperature (arXiv:1706.04599),
    so that the training spectra are no more certain than they were at the start. Spectra of
    more than 1024 points are first averaged over 2, 4, 8, ... neighbouring points, and ridge's
    settings are chosen on 600 spectra, so that long spectra and large sets take seconds, not
    minutes, before training; above 4000 spectra there is no ridge.

    Parameters
    ----------
    max_epochs : int, default=20
        Passes over the training spectra; 0 leaves the network as it was started.
    lr : float, default=0.001
        Highest learning rate of the one-cycle schedule.
    batch_size : int, default=32
        Spectra per optimization step.
    early_stopping : bool, default=False
        Whether to set spectra aside and stop when their loss no longer falls; the best weights
        are kept.
    validation_fraction : float, default=0.1
        Share of the spectra (of the groups, when `fit` is given groups) set aside by
        `early_stopping`.
    n_iter_no_change : int, default=10
        Epochs without progress after which `early_stopping` stops.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes: ``{label: weight}``, or inversely proportional to their
        frequencies.
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
        ``{"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}``.
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
        Mean of the training spectra, weighted as they were.
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

    _net_class = WeightedClassifier
    _criterion = torch.nn.CrossEntropyLoss
    _y_checks = {}
    _explains_highest = True
    _output_name = "logit"
    _starts_jointly = True

    def __init__(
        self,
        *,
        max_epochs=20,
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
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.shortcut = shortcut
        self.warm_start = warm_start
        self.device = device
        self.callbacks = callbacks
        self.net_params = net_params
        self.verbose = verbose
        self.random_state = random_state

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Make one pass over some spectra.

        The first call sets the scaling per wavelength and starts the network: let it have a
        fair sample of what will come. With `shortcut` the learning rate rises to `lr` over the
        first 2000 steps of the network, 1 / 2000 of it at each (Ma & Yarats 2021,
        arXiv:1910.04209), so that the calibration it starts from is not lost; without, every step
        is taken at `lr`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call only.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each spectrum.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            The first call has no `classes`, or later ones differ.
        """
        if classes is not None:
            classes = check_classes(classes)
        if not hasattr(self, "nets_"):
            if classes is None:
                raise ValueError(
                    "The first call to partial_fit needs classes, all labels that will ever come."
                )
        elif classes is not None and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"classes={classes.tolist()} differ from those of the first call to "
                f"partial_fit, {self.classes_.tolist()}. Leave classes out, or fit anew."
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def decision_function(self, X):
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

    def predict_proba(self, X):
        """Return the probability of every class.

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

    def predict(self, X):
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

    @property
    def _labels(self):
        return self.classes_

    @property
    def _output_scale(self):
        return np.ones(len(self.classes_))

    def _check_training_data(self, X, y, sample_weight, groups, **checks):
        X, y, sample_weight, groups = super()._check_training_data(
            X, y, sample_weight, groups, **checks
        )
        try:
            class_weight = compute_sample_weight(self.class_weight, y)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"class_weight={self.class_weight!r}; expected None, 'balanced' or "
                f"{{label: weight}} with a weight for every class in y. {error}"
            ) from error
        if not (np.isfinite(class_weight) & (class_weight >= 0)).all():
            raise ValueError(
                f"class_weight={self.class_weight!r}; expected finite weights from 0 on."
            )
        return X, y, comparable(sample_weight * comparable(class_weight)), groups

    def _check_y(self, y):
        with reading("y", "labels, all numbers or all text"):
            check_classification_targets(y)
            np.unique(y)
        return y

    def _remember_labels(self, y):
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

    def _validation_split(self, X, y, units, n_units, random_state):
        rare = [
            label
            for index, label in enumerate(self.classes_.tolist())
            if len(np.unique(units[y == index])) < 2
        ]
        if rare:
            raise ValueError(
                f"early_stopping sets spectra of every class aside, but {rare} have one sample "
                "(or one group) only. Fit without early_stopping, or add samples."
            )
        # Folds of the smaller part, which is the one to train on where that is wanted.
        smaller = min(self.validation_fraction, 1 - self.validation_fraction)
        n_splits = min(max(2, round(1 / smaller)), np.bincount(y).max(), n_units)
        large, small = stratified_folds(y, units, n_splits, random_state)[0]
        training, validation = (
            (large, small) if smaller == self.validation_fraction else (small, large)
        )
        missing = np.setdiff1d(y, y[training])
        if len(missing):
            raise ValueError(
                f"early_stopping left no spectra of {self.classes_[missing].tolist()} to train on: "
                "they are in few groups. Fit without early_stopping, or with another random_state."
            )
        return training, validation

    def _start_y(self, y, sample_weight):
        return np.eye(len(self.classes_))[y]  # membership

    def _start_outputs(self, calibration, targets, sample_weight):
        frequencies = np.average(targets, axis=0, weights=sample_weight)
        # A class that is yet to come (partial_fit) counts as half a spectrum.
        chance = np.log(np.maximum(frequencies, 0.5 / len(targets)))
        slope = logits_per_membership(
            calibration.left_out - frequencies, chance, targets, sample_weight
        )
        calibration = calibration * slope
        calibration.constant += chance - slope * frequencies
        return calibration

    def _scale_y(self, y):
        return y

    def _to_unit(self, outputs):
        return outputs

    def _after_training(self, module):
        module.centre_outputs()

    @contextmanager
    def _first_training(self, stack, sample_weight, training):
        """Let training move the logits, but not make them larger than left-out spectra bear out.

        Training raises the probabilities of the spectra that it sees, without end and whatever
        there is to learn. Those of the calibration it starts from are what spectra left out
        showed them to be. So the logits are divided by a temperature, 1 or more, at which the
        training spectra have no less entropy than before.
        """
        if not self._calibrated:  # nothing was left out
            yield
            return
        stack, sample_weight = stack[training], sample_weight[training]

        def logits():
            maps = (self._feature_maps(stack[rows], FEATURES) for rows in _chunks(stack))
            return np.concatenate([self._outputs_from(each, FEATURES) for each in maps])

        before = mean_entropy(logits(), sample_weight)
        yield
        after = logits()
        if np.isfinite(after).all():  # else `_centre` says so
            self._temperature = temperature(after, before, sample_weight)
            for net in self.nets_:
                net.module_.scale_outputs(1 / self._temperature)


class ResNet1DRegressor(RegressorMixin, _BaseResNet1D):
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
    max_epochs : int, default=20
        Passes over the training spectra; 0 leaves the network as it was started.
    lr : float, default=0.001
        Highest learning rate of the one-cycle schedule.
    batch_size : int, default=32
        Spectra per optimization step.
    early_stopping : bool, default=False
        Whether to set spectra aside and stop when their loss no longer falls; the best weights
        are kept.
    validation_fraction : float, default=0.1
        Share of the spectra (of the groups, when `fit` is given groups) set aside by
        `early_stopping`.
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
        ``{"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}``.
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
        Mean of the training spectra, weighted as they were.
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

    _net_class = WeightedRegressor
    _criterion = torch.nn.MSELoss
    _y_checks = {"multi_output": True, "y_numeric": True}
    _explains_highest = False
    _starts_jointly = False

    def __init__(
        self,
        *,
        max_epochs=20,
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def partial_fit(self, X, y, sample_weight=None):
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
            Weight of each spectrum.

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
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

    @property
    def _labels(self):
        if self._output_names is not None and len(self._output_names) == self.n_outputs_:
            labels = np.empty(self.n_outputs_, dtype=object)  # names may be tuples
            labels[:] = self._output_names
            return labels
        return np.arange(self.n_outputs_)

    @property
    def _output_name(self):
        names = self._output_names
        return str(names[0]) if names is not None and len(names) == 1 else "prediction"

    @property
    def _output_scale(self):
        return self._y_scaler.scale_

    def _check_y(self, y):
        return check_values(y)

    def _remember_labels(self, y):
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

    def _validation_split(self, X, y, units, n_units, random_state):
        splitter = GroupShuffleSplit(
            1, test_size=self.validation_fraction, random_state=random_state
        )
        try:
            with checking:
                return next(splitter.split(X, y, units))
        except ValueError as error:
            raise ValueError(
                f"early_stopping cannot divide {n_units} spectra (or groups) with "
                f"validation_fraction={self.validation_fraction:g}: one part would be empty. Bring "
                "it nearer to 0.5, or fit without early_stopping."
            ) from error

    def _start_y(self, y, sample_weight):
        # The weighted variance of a constant may be below zero by rounding; its scale is one.
        with checking, np.errstate(invalid="ignore"):
            self._y_scaler = StandardScaler().fit(y, sample_weight=sample_weight)
            return self._y_scaler.transform(y)

    def _start_outputs(self, calibration, targets, sample_weight):
        return calibration

    def _scale_y(self, y):
        with checking, np.errstate(over="ignore"):  # training says that it diverged
            return self._y_scaler.transform(y).astype(np.float32)

    def _to_unit(self, outputs):
        return outputs * self._y_scaler.scale_ + self._y_scaler.mean_

    def _after_training(self, module):
        """Leave the network as it is: outputs have a unit, and nothing in common to remove."""
