"""What an explanation is: frozen arrays on the wavelength axis."""

from dataclasses import dataclass, replace

import numpy as np

from . import _tables
from ._checks import as_numbers
from ._html import explanation_html, explanation_text
from ._interactive import interactive_figure
from ._plot import ExplanationDisplay
from ._tables import several_members
from ._targets import TargetChoice, same


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Contribution of every wavelength to every output, signed, in the unit of the output.

    ``maps.sum(axis=1) + base_values + residuals == outputs``, where the residuals of 1D Grad-CAM
    at the last layer are nothing but float32 rounding.

    Made by :func:`sklearn_spectral.explain` and the estimators' ``explain``.

    Attributes
    ----------
    maps : ndarray of shape (n_samples, n_points) or (n_samples, n_points, n_targets)
        1D Grad-CAM maps, in the unit of the output: logits, or the unit of y.
    outputs : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Logits (of a classifier) or predictions (of a regressor).
    base_values : ndarray of shape (n_samples,) or (n_samples, n_targets)
        What no wavelength contributes: the mean output over the training spectra, or the output
        of the reference.
    targets : ndarray of shape (n_samples,) or (n_targets,)
        What is explained: one label for every spectrum, or those of the last axis of `maps`.
    x_axis : ndarray of shape (n_points,)
        Wavelengths or wavenumbers as the network sees them; the point's index where unknown.
    spectra : ndarray of shape (n_samples, n_points)
        The spectra as they came to the estimator, after preprocessing.
    output_name : str
        What the output is, for labels: ``"logit"``, or the name of y.
    method, layer : str
        How the maps were made, and at which layer of the network.
    members : tuple of Explanation
        The explanations whose mean this is: one a repeat of
        :func:`~sklearn_spectral.cross_explain`, or one a member of an ensemble; else empty.
    is_class : bool
        Whether the outputs are logits of classes, or differences of them; False for a regressor.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 50))
    >>> y = X[:, 20:25].sum(axis=1)
    >>> model = ResNet1DRegressor(max_epochs=10, random_state=0).fit(X, y)
    >>> explanation = model.explain(X, x_axis=np.arange(1000, 1500, 10))
    >>> explanation.maps.shape
    (30, 50)
    >>> total = explanation.maps.sum(axis=1) + explanation.base_values
    >>> bool(np.allclose(total, explanation.outputs, atol=1e-5))
    True
    >>> list(explanation.contributions({"band": (1200, 1240)}).columns)
    ['sample', 'target', 'band', 'start', 'end', 'contribution', 'share']
    """

    maps: np.ndarray
    outputs: np.ndarray
    base_values: np.ndarray
    targets: np.ndarray
    x_axis: np.ndarray
    spectra: np.ndarray
    output_name: str = "output"
    method: str = "1d-grad-cam"
    layer: str = "features"
    members: tuple = ()
    is_class: bool = False

    def __repr__(self):
        return explanation_text(self)

    def _repr_html_(self):
        return explanation_html(self)

    @property
    def residuals(self):
        """What the maps leave out of the outputs, (n_samples[, n_targets]).

        ``outputs - base_values - maps.sum(axis=1)``: rounding for 1D Grad-CAM at the last layer,
        anything for other methods and layers.
        """
        return self.outputs - self.base_values - self.maps.sum(axis=1, dtype=np.float64)

    @property
    def maps_std(self):
        """Standard deviation of the maps over `members`, shaped as `maps`."""
        # In float64: squares of large and small maps are beyond float32.
        maps = [member.maps for member in several_members(self)]
        return np.std(maps, axis=0, ddof=1, dtype=np.float64).astype(maps[0].dtype)

    def contributions(self, bands="peaks"):
        r"""Return contribution score and share of bands.

        The contribution score of band B is the sum of the map over its points,
        :math:`c_B = \sum_{i \in B} m_i`, in the unit of the output. Its share is
        :math:`c_B / \sum_i |m_i|`, between -1 and 1. Both are our reading of the feature
        contribution of Shi et al. 2023 (doi:10.1021/acs.analchem.3c01101).

        Parameters
        ----------
        bands : dict, str or int, default="peaks"
            Named bands, ``{"C=O stretch": (1730, 1760)}``, in the unit of `x_axis`, both ends
            included; the name of a table of textbook bands, such as ``"raman-lipids"``
            (:func:`band_table` lists them); a number of bands of equal width; or ``"peaks"``, a
            band for every peak of the mean absolute map, bounded by the minima between peaks.
            Bands that were not named cover the axis: their contributions add up to
            ``outputs - base_values``.

        Returns
        -------
        contributions : DataFrame
            A row for every sample, target and band: columns ``sample``, ``target``, ``band``,
            ``start``, ``end``, ``contribution``, ``share``.

        Raises
        ------
        ValueError
            A band covers no point of the axis, or `bands` is none of the above.
        """
        return _tables.contributions(self, bands)

    def difference(self, target=None, rival=None):
        r"""Return the difference of two classes: what speaks for one against the other.

        .. math:: d_i = m_{target,i} - m_{rival,i}

        It adds up to the margin between the two logits, less that of the base values. Our reading
        of the difference of Shi et al. 2023 (doi:10.1021/acs.analchem.3c01101).

        Parameters
        ----------
        target, rival : label or None, default=None
            Two classes. None takes for `target` the highest logit of each spectrum (of those
            other than `rival`), and for `rival` the highest of the others.

        Returns
        -------
        difference : Explanation
            Of one target a spectrum, called ``"target - rival"``.

        Raises
        ------
        ValueError
            The maps are not of all classes, or a label is unknown.
        """
        if self.maps.ndim != 3 or not self.is_class:
            raise ValueError(
                "A difference needs the maps of the classes: explain(..., target='all'), of a "
                "classifier. For regression, explain against a reference."
            )
        labels = self.targets.tolist()

        def column(label):
            found = [column for column, known in enumerate(labels) if same(known, label)]
            if not found:
                raise ValueError(f"{label!r} is none of the classes, {labels}.")
            return np.full(len(self), found[0])

        def highest_but(columns):
            outputs = self.outputs.copy()
            if columns is not None:
                outputs[rows, columns] = -np.inf
            return outputs.argmax(axis=1)

        rows = np.arange(len(self))
        one = None if target is None else column(target)
        other = None if rival is None else column(rival)
        if target is not None and same(target, rival):
            raise ValueError(f"target and rival are both {target!r}; name two classes.")
        one = highest_but(other) if one is None else one
        other = highest_but(one) if other is None else other
        names = [f"{labels[a]} - {labels[b]}" for a, b in zip(one, other, strict=True)]
        return self._over_targets(
            lambda array: array[rows, ..., one] - array[rows, ..., other],
            targets=np.array(names, dtype=object),
            output_name="logit difference",
        )

    def pick(self, target):
        """Return the explanation of one target for each spectrum, out of that of all targets.

        Parameters
        ----------
        target : None, label, array-like of shape (n_samples,) or "all"
            As for :func:`explain`: for a classifier the class with the highest logit (None), one
            class, or one class per spectrum; for a regressor an output by its number or its name.

        Returns
        -------
        explanation : Explanation
            Of one target for each spectrum, without a target axis; unchanged for "all", and for
            None of a regressor with several outputs.

        Raises
        ------
        ValueError
            The maps are not of all targets, or `target` is none of them.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_spectral import ResNet1DClassifier
        >>> X = np.random.default_rng(0).normal(size=(30, 50))
        >>> model = ResNet1DClassifier(max_epochs=1, random_state=0).fit(X, X[:, 20] > 0)
        >>> explanation = model.explain(X, target="all")
        >>> explanation.maps.shape, explanation.pick(True).maps.shape
        ((30, 50, 2), (30, 50))
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

    def _check_all_targets(self, what):
        if self.maps.ndim != 3:
            raise ValueError(f"{what} needs the maps of all targets: explain(..., target='all').")

    def through(self, matrix, offset):
        r"""Return the explanation of outputs that are a linear transformation of these.

        .. math:: z'_t = \sum_s z_s M_{st} + b_t, \qquad m'_{it} = \sum_s m_{is} M_{st}

        Base values are transformed as the outputs z are, so that maps and base values still add
        up to the outputs. :func:`explain` does this for a TransformedTargetRegressor.

        Parameters
        ----------
        matrix : array-like of shape (n_targets, n_new_targets)
            What every new output takes of each of the present ones.
        offset : array-like of shape (n_new_targets,)
            What is added to every new output, in its unit.

        Returns
        -------
        explanation : Explanation
            Of the new outputs, which keep their labels where they are as many as the present
            ones, and are numbered otherwise.

        Raises
        ------
        ValueError
            The maps are not of all targets, or `matrix` or `offset` do not fit them.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> X = np.random.default_rng(0).normal(size=(30, 50))
        >>> celsius = X[:, 20]
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, celsius)
        >>> fahrenheit = model.explain(X, target="all").through([[1.8]], [32])
        >>> bool(np.allclose(fahrenheit.outputs[:, 0], 1.8 * model.predict(X) + 32))
        True
        """
        self._check_all_targets("through")
        matrix = as_numbers(matrix, "matrix", "numbers")
        offset = as_numbers(offset, "offset", "numbers")
        n_targets = self.maps.shape[2]
        if matrix.ndim != 2 or len(matrix) != n_targets or offset.shape != matrix.shape[1:]:
            raise ValueError(
                f"matrix has shape {matrix.shape} and offset {offset.shape}; expected "
                f"({n_targets}, n_new_targets) and (n_new_targets,)."
            )
        return replace(
            self,
            maps=self.maps @ matrix.astype(self.maps.dtype),
            outputs=self.outputs @ matrix + offset,
            base_values=self.base_values @ matrix + offset,
            targets=self.targets if len(offset) == n_targets else np.arange(len(offset)),
        )

    def averaged(self, others, weights=None):
        """Return the mean of this and other explanations of the same spectra.

        Parameters
        ----------
        others : sequence of Explanation
            Explanations by other models, of the same spectra, targets and wavelengths.
        weights : array-like of shape (1 + n_others,) or None, default=None
            Weights of the mean, that of this explanation first; None weighs all alike.

        Returns
        -------
        explanation : Explanation
            Means of maps, outputs, base values and spectra; the explanations that were averaged,
            this one first, are its ``members``.

        Raises
        ------
        TypeError
            `others` is no sequence of explanations.
        ValueError
            The explanations are of other spectra, targets or wavelengths, or `weights` are not
            one for each.

        See Also
        --------
        stability : Which bands the averaged models agree on.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> X = np.random.default_rng(0).normal(size=(30, 50))
        >>> first, second = (
        ...     ResNet1DRegressor(max_epochs=1, random_state=seed).fit(X, X[:, 20]).explain(X)
        ...     for seed in range(2)
        ... )
        >>> mean = first.averaged([second])
        >>> len(mean.members), mean.maps_std.shape
        (2, (30, 50))
        """
        members = _all_of(self, others)
        check_alike(members)
        if weights is not None and np.shape(weights) != (len(members),):
            raise ValueError(
                f"weights have shape {np.shape(weights)}; expected ({len(members)},), one for each "
                "explanation."
            )

        def mean(name):
            arrays = [getattr(member, name) for member in members]
            return np.average(arrays, axis=0, weights=weights).astype(arrays[0].dtype)

        names = ("maps", "outputs", "base_values", "spectra")
        return replace(self, **{name: mean(name) for name in names}, members=members)

    def joined(self, others, rows=None):
        """Return one explanation of the spectra of this one and of others.

        Parameters
        ----------
        others : sequence of Explanation
            Explanations of other spectra, for the same targets on the same wavelengths.
        rows : array-like of shape (n_samples_in_all,) or None, default=None
            The number of every spectrum, those of this explanation first: the spectra are brought
            into the order of these numbers. None keeps them one behind another.

        Returns
        -------
        explanation : Explanation
            Of all spectra, without ``members``.

        Raises
        ------
        TypeError
            `others` is no sequence of explanations.
        ValueError
            The explanations are of other targets or wavelengths, or `rows` are not one for each
            spectrum.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> X = np.random.default_rng(0).normal(size=(30, 50))
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, X[:, 20])
        >>> odd, even = model.explain(X[1::2]), model.explain(X[::2])
        >>> whole = odd.joined([even], rows=[*range(1, 30, 2), *range(0, 30, 2)])
        >>> bool(np.allclose(whole.outputs, model.predict(X)))
        True
        """
        parts = _all_of(self, others)
        check_alike(parts, same_spectra=False)
        # Labels on the target axis are shared; those of single targets belong to the spectra.
        own = ["targets"] * (self.maps.ndim == 2)
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ["maps", "outputs", "base_values", "spectra", *own]
        }
        whole = replace(self, **arrays, members=())
        if rows is None:
            return whole
        if np.shape(rows) != (len(whole),):
            raise ValueError(
                f"rows has shape {np.shape(rows)}; expected ({len(whole)},), a number for each "
                "spectrum."
            )
        return whole[np.argsort(rows, kind="stable")]

    def _over_targets(self, function, **changes):
        """Return this with `function` of all that has a target axis, of the members as well."""
        return replace(
            self,
            maps=function(self.maps),
            outputs=function(self.outputs),
            base_values=function(self.base_values),
            members=tuple(member._over_targets(function, **changes) for member in self.members),
            **changes,
        )

    def purity(self):
        r"""Return how much of what is said speaks for the output.

        .. math:: \frac{\sum_i \max(d_i, 0)}{\sum_i |d_i|}

        of the difference d between the predicted class and its rival (of :meth:`difference`, where
        this is an explanation of all classes; else of the maps as they are): 1 where every
        wavelength speaks for the predicted class, 0.5 where for and against weigh the same. Our
        reading of the purity of Shi et al. 2023 (doi:10.1021/acs.analchem.3c01101).

        Returns
        -------
        purity : ndarray of shape (n_samples,)
            0.5 for a map that is zero everywhere.

        Raises
        ------
        ValueError
            This is an explanation of several regression outputs.
        """
        maps = self.difference().maps if self.maps.ndim == 3 else self.maps
        size = np.abs(maps).sum(axis=1)
        positive = np.maximum(maps, 0).sum(axis=1)
        return np.divide(positive, size, out=np.full(len(maps), 0.5), where=size > 0)

    def linearity(self, y, bands=None):
        r"""Return how straight the contributions rise with the reference values.

        A least-squares line of the contribution of every wavelength, or band, against y over the
        spectra: its slope and R2. Slopes add up over the axis to that of the prediction, which is
        1 for a perfect calibration. Bands with a steep straight line carry the calibration; a
        curved or flat one does not. Our reading of the linearity of Shi et al. 2023
        (doi:10.1021/acs.analchem.3c01101).

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Reference values, one column a target.
        bands : dict, str, int or None, default=None
            As for :meth:`contributions`; None takes every point.

        Returns
        -------
        linearity : DataFrame
            A row for every target and band (or point), and one, called ``"all"``, for the sum of
            the map: columns ``target``, ``band``, ``start``, ``end``, ``slope``, ``r2``. R2 is 0
            for a contribution that never changes.

        Raises
        ------
        ValueError
            This is a classifier's explanation, or `y` does not fit it, or does not vary.
        """
        return _tables.linearity(self, y, bands)

    def summary(self, bands=None, by=None):
        """Sum up a whole set: mean map, its spread and the share of every band.

        Parameters
        ----------
        bands : dict, str, int or None, default=None
            As for :meth:`contributions`; None takes every point: the mean map.
        by : array-like of shape (n_samples,) or None, default=None
            What divides the spectra, such as their true classes; None takes all spectra that are
            explained for the same target together (the predicted classes).

        Returns
        -------
        summary : DataFrame
            A row for every target, group (with `by`) and band: columns ``target``, ``group``,
            ``band``, ``start``, ``end``, ``mean`` and ``std`` of the contributions over the
            spectra, and ``share``, the mean absolute contribution over that of all points.

        Raises
        ------
        ValueError
            `by` has not one value a spectrum.
        """
        return _tables.summary(self, bands, by)

    def stability(self, bands="peaks"):
        """Return which bands say the same whatever the model: those to trust.

        Of an explanation with `members`: by :func:`cross_explain` with repeats, or of an ensemble.

        Parameters
        ----------
        bands : dict, str or int, default="peaks"
            As for :meth:`contributions`.

        Returns
        -------
        stability : DataFrame
            A row for every target and band, sorted by `contribution` within each target: columns
            ``target``, ``band``, ``start``, ``end``; ``contribution``, the mean over members, and
            ``std``, the standard deviation between them, both as root mean square over the
            spectra; ``sign_agreement``, the share of members that give the band the sign of the
            mean; and ``stable``, whether `contribution` is at least twice `std`.

        Raises
        ------
        ValueError
            This explanation is of one model.
        """
        return _tables.stability(self, bands)

    def to_frame(self):
        """Return everything as one tidy table.

        Returns
        -------
        frame : DataFrame
            A row for every sample, target and point: columns ``sample``, ``target``,
            ``x_axis``, ``intensity``, ``contribution``.
        """
        return _tables.to_frame(self)

    def plot(self, ax=None, **plot_params):
        """Draw the spectra coloured by contribution.

        Parameters
        ----------
        ax : matplotlib Axes, sequence of Axes or None, default=None
            One for every panel; None makes a figure.
        **plot_params
            ``samples``, ``technique``, ``x_label``, ``output_label``, as for
            :meth:`ExplanationDisplay.plot`.

        Returns
        -------
        display : ExplanationDisplay
        """
        return ExplanationDisplay(self).plot(ax, **plot_params)

    def plot_interactive(self, samples=None, bands=None, **plot_params):
        """Return a view for the browser: hover, zoom, and switch spectra and targets.

        Two panels share the wavelength axis, the spectrum and its contributions. The pointer
        reads wavelength, intensity, contribution and band; two menus choose the spectrum and the
        target; dragging zooms, a double click shows all again. Needs plotly
        (``pip install 'sklearn-spectral[interactive]'``).

        Parameters
        ----------
        samples : int, sequence of int or None, default=None
            Rows to put into the view; None takes the first ones, as many as it can hold.
        bands : dict, str, int or None, default=None
            Bands to shade and to name under the pointer, as for :meth:`contributions`; None names
            none.
        **plot_params
            ``technique``, ``x_label``, ``output_label``, as for :meth:`ExplanationDisplay.plot`.

        Returns
        -------
        figure : plotly.graph_objects.Figure
            Shows itself in a notebook, dark or light. ``figure.write_html("explanation.html")``
            writes a page that works offline; with ``include_plotlyjs="cdn"`` it is smaller by the
            5 MB of plotly, and needs the network.

        Raises
        ------
        ValueError
            More samples were asked for than the view holds, or `bands` or `technique` are unknown.
        ImportError
            plotly is missing.

        See Also
        --------
        plot : A figure for print.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(30, 50))
        >>> y = X[:, 20:25].sum(axis=1)
        >>> model = ResNet1DRegressor(max_epochs=5, random_state=0).fit(X, y)
        >>> explanation = model.explain(X, x_axis=np.arange(1000, 1500, 10))
        >>> figure = explanation.plot_interactive([0, 3], {"marker": (1200, 1240)})
        >>> [button.label for button in figure.layout.updatemenus[0].buttons]
        ['Spectrum 0', 'Spectrum 3']
        """
        return interactive_figure(self, samples, bands, **plot_params)

    def __len__(self):
        return len(self.maps)

    def __getitem__(self, samples):
        """Return the explanation of some of the spectra: a row, a slice, a list or a mask."""
        if isinstance(samples, (int, np.integer)):
            samples = [samples]
        if np.arange(len(self))[samples].ndim != 1:
            raise IndexError(f"{samples!r} does not choose rows: pass one, a slice, list or mask.")
        return replace(
            self,
            maps=self.maps[samples],
            outputs=self.outputs[samples],
            base_values=self.base_values[samples],
            targets=self.targets if self.maps.ndim == 3 else self.targets[samples],
            spectra=self.spectra[samples],
            members=tuple(member[samples] for member in self.members),
        )


def _all_of(first, others):
    """Return explanations as one tuple; raise where `others` are no list of them."""
    if isinstance(others, Explanation) or not all(isinstance(o, Explanation) for o in others):
        raise TypeError(f"others={others!r}; expected a list of explanations.")
    return (first, *others)


def check_alike(explanations, *, same_spectra=True):
    """Raise unless explanations are of the same targets on the same wavelengths.

    Without `same_spectra`, targets that belong to spectra, one each, may differ.
    """
    first = explanations[0]
    for each in explanations[1:]:
        several = each.maps.ndim == 3
        if several != (first.maps.ndim == 3) or (
            (several or same_spectra) and not np.array_equal(each.targets, first.targets)
        ):
            raise ValueError(
                f"The models do not know the same targets: {first.targets.tolist()} and "
                f"{each.targets.tolist()}. Each needs spectra of every class: use fewer folds or "
                "a stratified splitter, or larger bootstrap samples."
            )
        if same_spectra and len(each) != len(first):
            raise ValueError(
                f"The explanations are of {len(first)} and {len(each)} spectra; expected the same "
                "spectra in each."
            )
        if not np.array_equal(each.x_axis, first.x_axis):
            raise ValueError(
                "The models see different wavelengths after their preprocessing: "
                f"{len(first.x_axis)} points from {first.x_axis[0]:g} and {len(each.x_axis)} "
                f"from {each.x_axis[0]:g}. Their maps cannot be averaged; use preprocessing "
                "that keeps or chooses the same wavelengths for all."
            )
