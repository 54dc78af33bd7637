"""The arrays of an explanation, and methods that return other explanations."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from .._spectra.checks import as_numbers, naming_argument
from .._work import own_settings
from .alike import check_alike
from .samples import chosen_rows
from .targets import TargetChoice, same

# Arrays with an axis of targets, and arrays with a row for every spectrum.
OVER_TARGETS = ("maps", "outputs", "base_values")
OVER_MEMBERS = (*OVER_TARGETS, "spectra", "class_outputs")  # what differs between models
OVER_SAMPLES = (*OVER_MEMBERS, "measured", "y", "sample_names")


@dataclass(frozen=True, eq=False, repr=False)
class ExplanationArrays:
    """The arrays of an `Explanation`, described there, and the methods that rearrange them."""

    maps: np.ndarray
    outputs: np.ndarray
    base_values: np.ndarray
    targets: np.ndarray
    x_axis: np.ndarray
    spectra: np.ndarray
    output_name: str = "output"
    method: str = "corrected-1d-grad-cam"
    layer: str = "features"
    members: tuple = ()
    is_class: bool = False
    axis_known: bool = True
    axis_unit: str | None = None
    sample_names: np.ndarray | None = None
    y: np.ndarray | None = None
    measured: np.ndarray | None = None
    classes: np.ndarray | None = None
    class_outputs: np.ndarray | None = None
    # The class `Explanation`, for modules that it imports and that cannot import it.
    _kind: ClassVar[Any] = None

    def __post_init__(self) -> None:
        for name in (*OVER_SAMPLES, "targets", "x_axis", "classes"):
            if getattr(self, name) is not None:
                view = getattr(self, name).view()  # the array itself stays writeable for the caller
                view.flags.writeable = False
                object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, samples: Any) -> Self:
        """Return the explanation of chosen spectra: rows, a slice, a mask, or names of samples."""
        rows = chosen_rows(len(self), samples, self.sample_names)
        samples = samples if isinstance(samples, slice) else rows  # of a slice come views
        return self._with(
            lambda name: getattr(self, name)[samples],
            targets=self.targets if self.maps.ndim == 3 else self.targets[samples],
            members=tuple(member[samples] for member in self.members),
        )

    @own_settings()
    def difference(self, target: object = None, rival: object = None) -> Self:
        r"""Return the contributions to the difference between the outputs of two classes.

        .. math:: d_i = m_{target,i} - m_{rival,i}

        The contributions add up to the difference between the two outputs minus the difference
        between their base values. This follows the difference of Shi et al. 2023
        (doi:10.1021/acs.analchem.3c01101), whose abstract does not define it exactly.

        Parameters
        ----------
        target, rival : label or None, default=None
            Two classes. For `target`, None takes the class with the highest logit of each spectrum
            (except `rival`); for `rival`, None takes the class with the highest other logit.

        Returns
        -------
        difference : Explanation
            An explanation of one target for each spectrum, named ``"target - rival"``.

        Raises
        ------
        ValueError
            The maps are not of all classes, or a label is unknown.

        See Also
        --------
        pick : The explanation of one class alone.
        Explanation.purity : The fraction of the difference that supports the predicted class.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DClassifier
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> oils = make_oil_blends(
        ...     24, oil=["olive", "palm"], adulterant=None, n_replicates=1, random_state=0
        ... )
        >>> model = ResNet1DClassifier(max_epochs=1, random_state=0).fit(oils.data, oils.target)
        >>> explanation = model.explain(oils.data, target="all")
        >>> difference = explanation.difference("palm", "olive")
        >>> difference.targets[0], difference.output_name
        ('palm - olive', 'logit difference')
        """
        if self.maps.ndim != 3 or not self.is_class:
            raise ValueError(
                "A difference needs the maps of all classes of a classifier: explain(..., "
                "target='all'). For a regressor, pass a reference to explain instead."
            )
        labels = self.targets.tolist()
        rows = np.arange(len(self))

        def columns_of(label):
            found = [column for column, known in enumerate(labels) if same(known, label)]
            if not found:
                raise ValueError(f"{label!r} is not one of the classes {labels}.")
            return np.full(len(self), found[0])

        def highest_but(columns):
            outputs = self.outputs.copy()
            if columns is not None:
                outputs[rows, columns] = -np.inf
            return outputs.argmax(axis=1)

        one = None if target is None else columns_of(target)
        other = None if rival is None else columns_of(rival)
        if target is not None and same(target, rival):
            raise ValueError(f"target and rival are both {target!r}; name two classes.")
        one = highest_but(other) if one is None else one
        other = highest_but(one) if other is None else other
        names = [f"{labels[a]} - {labels[b]}" for a, b in zip(one, other, strict=True)]
        return self._over_targets(
            lambda array: array[rows, ..., one] - array[rows, ..., other],
            targets=np.array(names, dtype=object),
            output_name=f"{self.output_name} difference",
        )

    @own_settings()
    def pick(self, target: object) -> Self:
        """Return the explanation of one target for each spectrum from that of all targets.

        Parameters
        ----------
        target : None, label, array-like of shape (n_samples,) or "all"
            For a classifier: the class with the highest logit (None), one class, or one class for
            each spectrum. For a regressor: an output by its number or its name.

        Returns
        -------
        explanation : Explanation
            An explanation without a target axis. It is unchanged for "all", and for None if a
            regressor has several outputs.

        Raises
        ------
        ValueError
            The maps are not of all targets, or `target` is not one of them.

        See Also
        --------
        difference : The contributions to the difference between two classes.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DClassifier
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> oils = make_oil_blends(
        ...     24, oil=["olive", "palm"], adulterant=None, n_replicates=1, random_state=0
        ... )
        >>> model = ResNet1DClassifier(max_epochs=1, random_state=0).fit(oils.data, oils.target)
        >>> explanation = model.explain(oils.data, target="all")
        >>> explanation.maps.shape, explanation.pick("palm").maps.shape
        ((24, 701, 2), (24, 701))
        """
        self._check_all_targets("pick")
        choice = TargetChoice(target, self.targets, len(self), highest=self.is_class)
        if not choice.single:
            return self
        rows = np.arange(len(self))
        columns = choice.columns(slice(None), self.outputs)[:, 0]
        return self._over_targets(
            lambda array: array[rows, ..., columns], targets=self.targets[columns]
        )

    @own_settings()
    def through(self, matrix: ArrayLike, offset: ArrayLike) -> Self:
        r"""Return the explanation of a linear transformation of the outputs.

        .. math:: z'_t = \sum_s z_s M_{st} + b_t, \qquad m'_{it} = \sum_s m_{is} M_{st}

        Base values are transformed like the outputs z, so that maps and base values still add up to
        the outputs. :func:`explain` does this for a TransformedTargetRegressor.

        Parameters
        ----------
        matrix : array-like of shape (n_targets, n_new_targets)
            The weight of each present output in every new one.
        offset : array-like of shape (n_new_targets,)
            The constant that is added to every new output, in its unit.

        Returns
        -------
        explanation : Explanation
            The explanation of the new outputs. They keep the labels of the present ones if their
            number is the same, and are numbered otherwise.

        Raises
        ------
        ValueError
            The maps are not of all targets, or `matrix` or `offset` do not fit them.

        See Also
        --------
        explain : Explains a TransformedTargetRegressor in the unit of y.

        Examples
        --------
        From the percentage of sunflower oil to that of olive oil:

        >>> import numpy as np
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> X, y = make_oil_blends(20, n_replicates=1, random_state=0, return_X_y=True)
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, y)
        >>> olive = model.explain(X, target="all").through([[-1]], [100])
        >>> bool(np.allclose(olive.outputs[:, 0], 100 - model.predict(X)))
        True
        """
        self._check_all_targets("through")
        factors = as_numbers(matrix, "matrix", "numbers")
        added = as_numbers(offset, "offset", "numbers")
        n_targets = self.maps.shape[2]
        if factors.ndim != 2 or len(factors) != n_targets or added.shape != factors.shape[1:]:
            raise ValueError(
                f"matrix has shape {factors.shape} and offset {added.shape}; expected "
                f"({n_targets}, n_new_targets) and (n_new_targets,)."
            )
        return replace(
            self,
            maps=self.maps @ factors.astype(self.maps.dtype),
            outputs=self.outputs @ factors + added,
            base_values=self.base_values @ factors + added,
            y=None if self.y is None else self.y @ factors + added,
            targets=self.targets if len(added) == n_targets else np.arange(len(added)),
            members=tuple(member.through(factors, added) for member in self.members),
        )

    @own_settings()
    def averaged(self, others: Iterable[Self], weights: ArrayLike | None = None) -> Self:
        """Return the mean of this and other explanations of the same spectra.

        Parameters
        ----------
        others : sequence of Explanation
            Explanations by other models, of the same spectra, targets and wavelengths.
        weights : array-like of shape (1 + n_others,) or None, default=None
            Weights of the mean, that of this explanation first; None weights all equally.

        Returns
        -------
        explanation : Explanation
            The means of maps, outputs, base values and spectra. Its ``members`` are the averaged
            explanations, this one first.

        Raises
        ------
        TypeError
            `others` is not a sequence of explanations.
        ValueError
            The explanations are of different spectra, targets or wavelengths, or there is not one
            weight for each.

        See Also
        --------
        Explanation.stability : Shows the bands on which the averaged models agree.
        joined : Combines explanations of different spectra.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> X, y = make_oil_blends(20, n_replicates=1, random_state=0, return_X_y=True)
        >>> first, second = (
        ...     ResNet1DRegressor(max_epochs=1, random_state=seed).fit(X, y).explain(X)
        ...     for seed in range(2)
        ... )
        >>> mean = first.averaged([second])
        >>> len(mean.members), mean.maps_std.shape
        (2, (20, 701))
        """
        members = _all_of(self, others)
        check_alike(members)
        shares = None if weights is None else np.asarray(weights)
        if shares is not None and shares.shape != (len(members),):
            raise ValueError(
                f"weights has shape {shares.shape}; expected ({len(members)},), one weight for "
                "each explanation."
            )

        def mean(arrays):
            return np.average(arrays, axis=0, weights=shares).astype(arrays[0].dtype)

        return self._with(lambda name: _of_all(members, name, mean), OVER_MEMBERS, members=members)

    @own_settings()
    def joined(self, others: Iterable[Self], rows: ArrayLike | None = None) -> Self:
        """Return one explanation of the spectra of this and of other explanations.

        Parameters
        ----------
        others : sequence of Explanation
            Explanations of other spectra, for the same targets on the same wavelengths.
        rows : array-like of shape (n_samples_in_all,) or None, default=None
            The number of every spectrum, those of this explanation first. The spectra are sorted
            by these numbers; None keeps their order.

        Returns
        -------
        explanation : Explanation
            The explanation of all spectra, without ``members``.

        Raises
        ------
        TypeError
            `others` is not a sequence of explanations.
        ValueError
            The explanations are of different targets or wavelengths, or there is not one number in
            `rows` for each spectrum.

        See Also
        --------
        averaged : Combines explanations of the same spectra.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> X, y = make_oil_blends(20, n_replicates=1, random_state=0, return_X_y=True)
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, y)
        >>> odd, even = model.explain(X[1::2]), model.explain(X[::2])
        >>> whole = odd.joined([even], rows=[*range(1, 20, 2), *range(0, 20, 2)])
        >>> bool(np.allclose(whole.outputs, model.predict(X)))
        True
        """
        parts = _all_of(self, others)
        check_alike(parts, same_spectra=False)

        def joined(name):
            return _of_all(parts, name, np.concatenate)

        # Labels of a target axis are shared; those of single targets belong to the spectra.
        targets = self.targets if self.maps.ndim == 3 else joined("targets")
        whole = self._with(joined, targets=targets, members=())
        if rows is None:
            return whole
        if np.shape(rows) != (len(whole),):
            raise ValueError(
                f"rows has shape {np.shape(rows)}; expected ({len(whole)},), one number for each "
                "spectrum."
            )
        return whole[np.argsort(rows, kind="stable")]

    def with_y(self, y: ArrayLike) -> Self:
        """Return this explanation with reference values or true classes, for figures and tables.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            The true class of every spectrum, or its reference values, in the shape of `outputs`.

        Returns
        -------
        explanation : Explanation
            A copy with the references in its attribute ``y``.

        Raises
        ------
        ValueError
            `y` does not have one value for every spectrum (and every target of a regressor).

        See Also
        --------
        Explanation.predictions : The predictions beside the references.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> X, y = make_oil_blends(20, n_replicates=1, random_state=0, return_X_y=True)
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, y)
        >>> list(model.explain(X).with_y(y).predictions().columns)
        ['predicted', 'y']
        """
        shape = (len(self),) if self.is_class else self.outputs.shape
        with naming_argument("y", "labels, all numbers or all text"):
            values = np.asarray(y) if self.is_class else as_numbers(y, "y", "numbers")
        if values.shape[:1] != shape[:1] or values.size != np.prod(shape):
            raise ValueError(
                f"y has shape {values.shape}; expected {shape}, one reference for every spectrum "
                "of the explanation."
            )
        return replace(self, y=values.reshape(shape).copy())

    @property
    def predicted(self) -> np.ndarray | None:
        """The predicted classes, (n_samples,), or `outputs` of a regressor.

        The predicted class is the one with the highest logit; for several models it is the one with
        the highest mean logit. None if not all logits are known, for example if an explanation was
        constructed by hand.
        """
        if not self.is_class:
            return self.outputs
        known = self._of_classes
        return None if known is None else known[0][known[1].argmax(axis=1)]

    @property
    @own_settings()
    def probabilities(self) -> np.ndarray | None:
        """The softmax of the logits of all classes, (n_samples, n_classes), as in `predict_proba`.

        None for a regressor, and if not all logits are known. Columns are in the order of the
        model's ``classes_``; these are in `classes`, or in `targets` if all classes are explained.
        """
        known = self._of_classes
        return None if known is None else softmax(known[1], axis=1)

    @property
    def _of_classes(self):
        """The labels and the outputs of all classes, or None where these are not known."""
        if self.maps.ndim == 3:
            return (self.targets, self.outputs) if self.is_class else None
        return None if self.class_outputs is None else (self.classes, self.class_outputs)

    def _check_all_targets(self, method):
        if self.maps.ndim != 3:
            raise ValueError(f"{method} needs the maps of all targets: explain(..., target='all').")

    def _over_targets(self, function: Callable[[np.ndarray], np.ndarray], **changes: Any) -> Self:
        """Apply a function to every array with a target axis, also of the members."""
        names = OVER_TARGETS if self.is_class else (*OVER_TARGETS, "y")
        classes, class_outputs = self._of_classes or (None, None)
        return self._with(
            lambda name: function(getattr(self, name)),
            names,
            members=tuple(member._over_targets(function, **changes) for member in self.members),
            classes=classes,
            class_outputs=class_outputs,
            **changes,
        )

    def _with(
        self, function: Callable[[str], np.ndarray], names: tuple = OVER_SAMPLES, **changes: Any
    ) -> Self:
        """Replace arrays by what a function makes of their names, and other fields as given."""
        known = [name for name in names if getattr(self, name) is not None]
        arrays: dict[str, Any] = {name: function(name) for name in known}
        return replace(self, **arrays, **changes)

    def _named(self, names: np.ndarray | None) -> Self:
        """Return the same with names of the samples, also of the members."""
        members = tuple(member._named(names) for member in self.members)
        return replace(self, sample_names=names, members=members)


def _of_all(explanations, name, function):
    """Return what a function makes of the arrays of a name; None where not all have one."""
    arrays = [getattr(each, name) for each in explanations]
    return None if any(array is None for array in arrays) else function(arrays)


def _all_of(first, others):
    """Return explanations as one tuple; raise where `others` are no list of them."""
    kind = ExplanationArrays
    if isinstance(others, kind) or not all(isinstance(each, kind) for each in others):
        raise TypeError(f"others={others!r}; expected a list of explanations.")
    return (first, *others)
