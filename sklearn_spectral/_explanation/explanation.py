"""What an explanation is: frozen arrays on the wavelength axis, with tables and figures of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .._figures.html import explanation_html, explanation_text
from .._figures.interactive import interactive_figure
from .._figures.plot import ExplanationDisplay
from .._figures.waterfall import WaterfallDisplay
from .._record import tables as _tables
from .._record.arrays import ExplanationArrays
from .._record.cancellation import cancellation
from .._spectra.bands import BandsLike
from .._work import own_settings


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(ExplanationArrays):
    """Contribution of every wavelength to every output, signed, in the unit of the output.

    ``maps.sum(axis=1) + base_values + residuals == outputs``, where the residuals of 1D Grad-CAM
    at the last layer are nothing but float32 rounding.

    Made by :func:`sklearn_spectral.explain` and the estimators' ``explain``.

    Attributes
    ----------
    maps : ndarray of shape (n_samples, n_points) or (n_samples, n_points, n_targets)
        1D Grad-CAM maps, or those of a linear model, in the unit of the output: logits (decision
        values of a linear model), or the unit of y.
    outputs : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Logits (of a classifier) or predictions (of a regressor).
    base_values : ndarray of shape (n_samples,) or (n_samples, n_targets)
        The part of the outputs to which no wavelength contributes: the mean output over the
        training spectra, or the output of the reference; see ``reference`` of
        :func:`sklearn_spectral.explain`.
    targets : ndarray of shape (n_samples,) or (n_targets,)
        What is explained: one label for every spectrum, or those of the last axis of `maps`.
    x_axis : ndarray of shape (n_points,)
        Wavelengths or wavenumbers as the model sees them; the point's index where unknown.
    spectra : ndarray of shape (n_samples, n_points)
        The spectra as they came to the estimator, after preprocessing.
    output_name : str
        What the output is, for labels: ``"logit"``, ``"decision value"``, or the name of y.
    method, layer : str
        How the maps were made, and at which layer of the network; ``"linear"`` at ``"input"`` for
        linear models.
    members : tuple of Explanation
        The explanations of which this is the mean: one for each repeat of
        :func:`~sklearn_spectral.cross_explain`, or for each member of an ensemble; else empty.
    is_class : bool
        Whether the outputs are logits of classes, or differences of them; False for a regressor.
    axis_known : bool
        Whether `x_axis` are wavelengths or wavenumbers; False where it counts points.
    axis_unit : str or None
        Its unit, ``"cm-1"``, ``"nm"``, ``"um"`` or ``"m"``, where names of columns tell it.
    sample_names : ndarray of shape (n_samples,) or None
        The index of X, where X was a DataFrame with another than pandas' default, 0, 1, 2. Tables
        and figures call the spectra by it, and names choose them: ``explanation["S001"]``,
        ``explanation.plot(samples=["S001", "S007"])``. Whole numbers always count rows from 0, also
        where names are whole numbers.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets), or None
        Reference values or true classes, where :func:`cross_explain` or :meth:`with_y` got them.
    measured : ndarray of shape (n_samples, n_points) or None
        The spectra as they came to the pipeline, before preprocessing, at the points of `x_axis`:
        what :meth:`plot` draws. None where steps mix points, such as PCA or interpolation, where
        maps were written to ``out``, and of an estimator that was asked itself.
    classes, class_outputs : ndarray of shape (n_classes,), and (n_samples, n_classes), or None
        All classes and their logits where each spectrum is explained for one of them.

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
    >>> list(explanation.contributions({"band": (1200, 1240)}).columns[2:])
    ['band', 'start', 'end', 'contribution', 'share', 'cancellation']

    The index of a DataFrame names the samples:

    >>> import pandas as pd
    >>> table = pd.DataFrame(X, index=[f"S{number:03}" for number in range(30)])
    >>> model.explain(table)[["S007", "S001"]].contributions(1)["sample"].tolist()
    ['S007', 'S001']
    """

    def __repr__(self) -> str:
        return explanation_text(self)

    def _repr_html_(self) -> str:
        return explanation_html(self)

    @property
    @own_settings()
    def residuals(self) -> np.ndarray:
        """The part of the outputs that is not in the maps, (n_samples[, n_targets]).

        ``outputs - base_values - maps.sum(axis=1)``: rounding for 1D Grad-CAM at the last layer,
        of any size for other methods and layers.
        """
        return self.outputs - self.base_values - self.maps.sum(axis=1, dtype=np.float64)

    @property
    @own_settings()
    def cancellation(self) -> np.ndarray:
        r"""How much of each map cancels, (n_samples[, n_targets]).

        .. math:: \sum_i |m_i| \,/\, |\sum_i m_i|

        1 where all wavelengths contribute with one sign, 3 where they add twice as much as they
        take away or the other way round, infinite where they add up to nothing. Above 10 a map
        must not be read band by band: an error of a tenth in one band is as large as the answer.
        """
        return cancellation(self.maps)

    @property
    @own_settings()
    def density(self) -> np.ndarray:
        r"""Contribution per unit of `x_axis` (such as g/L per cm-1), shaped as `maps`, float64.

        .. math:: m_i / w_i, \qquad w_i = |x_{i+1} - x_{i-1}| \,/\, 2

        What a point contributes grows with the piece of the axis that it stands for: densities
        compare instruments, or parts of an uneven axis, that are sampled differently. The integral
        of the density, :math:`\sum_i w_i d_i` with ``w = abs(numpy.gradient(x_axis))``, is the
        contribution. Width at either end is the distance to the one neighbour.
        """
        widths = np.abs(np.gradient(self.x_axis))
        return (self.maps.swapaxes(1, -1) / widths).swapaxes(1, -1)

    @property
    @own_settings()
    def maps_std(self) -> np.ndarray:
        """Standard deviation of the maps over `members`, shaped as `maps`."""
        # In float64: squares of large and small maps are beyond float32.
        maps = [member.maps for member in _tables.several_members(self)]
        return np.std(maps, axis=0, ddof=1, dtype=np.float64).astype(maps[0].dtype)

    @own_settings()
    def contributions(self, bands: BandsLike = "peaks") -> pd.DataFrame:
        r"""Return contribution score and share of bands.

        The contribution score of band B is the sum of the map over its points,
        :math:`c_B = \sum_{i \in B} m_i`, in the unit of the output. Its share is
        :math:`c_B / \sum_i |m_i|`, between -1 and 1. Both are our reading of the feature
        contribution of Shi et al. 2023 (doi:10.1021/acs.analchem.3c01101).

        Parameters
        ----------
        bands : dict, str or int, default="peaks"
            Named bands, ``{"C=O stretch": (1730, 1760)}``, in the unit of `x_axis`, both ends
            included, or by the numbers of their points, ``{"marker": range(20, 25)}``; the
            name of a table of textbook bands, such as ``"raman-lipids"`` (:func:`band_table` lists
            them); a number of bands of equal width; or ``"peaks"``, a
            band for every peak of the mean absolute map, bounded by the minima between peaks.
            Bands that were not named cover the axis: their contributions add up to
            ``outputs - base_values``.

        Returns
        -------
        contributions : DataFrame
            A row for every sample, target and band: columns ``sample``, ``target``, ``band``,
            ``start``, ``end``, ``contribution``, ``share``, and ``cancellation`` of the whole map.

        Raises
        ------
        ValueError
            A band covers no point of the axis, or `bands` is none of the above, or wavelengths
            are asked for where those of the points are not known (`axis_known`).
        """
        return _tables.contributions(self, bands)

    @own_settings()
    def purity(self) -> np.ndarray:
        r"""Return the fraction of the map that supports the predicted class.

        .. math:: \frac{\sum_i \max(d_i, 0)}{\sum_i |d_i|}

        of the difference d between the predicted class and its rival (of :meth:`difference`, if
        this is an explanation of all classes; else of the maps as they are): 1 if every
        wavelength supports the predicted class, 0.5 if the contributions for and against it are
        of the same size. Our reading of the purity of Shi et al. 2023
        (doi:10.1021/acs.analchem.3c01101). Take the plain map, ``method="1d-grad-cam"``: that of
        corrected maps differs less between spectra.

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

    @own_settings()
    def linearity(
        self,
        y: ArrayLike | None = None,
        bands: BandsLike | None = None,
        by: ArrayLike | None = None,
    ) -> pd.DataFrame:
        r"""Return a linear fit of the contributions of every point or band against y.

        A least-squares line of the contribution of every wavelength, or band, against y over the
        spectra: its slope and R2. Slopes add up over the axis to that of the prediction, which is
        1 for a perfect calibration. A calibration rests on the bands with a large slope and a
        high R2. Take the plain map, ``method="1d-grad-cam"``: contributions of corrected maps
        follow the output closely by construction. Our reading of the linearity of Shi et al. 2023
        (doi:10.1021/acs.analchem.3c01101).

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_targets), or None, default=None
            Reference values, one column for each target; None takes those that it has (`with_y`).
        bands : dict, str, int or None, default=None
            As for :meth:`contributions`; None takes every point.
        by : array-like of shape (n_samples,) or None, default=None
            Groups of the spectra, such as adulterants, each with lines of its own: one line
            through all of them hides that the bands of one behave differently.

        Returns
        -------
        linearity : DataFrame
            A row for every target, group (with `by`) and band (or point), and one, called
            ``"all"``, for the sum of the map: columns ``target``, ``group``, ``band``, ``start``,
            ``end``, ``slope``, ``slope_error``, its standard error (NaN of two spectra), and
            ``r2``. R2 is 0 for a contribution that never changes.

        Raises
        ------
        ValueError
            This is a classifier's explanation, or `y` does not fit it, or does not vary (in a
            group), or `by` does not have one value for each spectrum.
        """
        return _tables.linearity(self, y, bands, by)

    @own_settings()
    def summary(self, bands: BandsLike | None = None, by: ArrayLike | None = None) -> pd.DataFrame:
        """Summarize all spectra: mean map, its standard deviation and the share of every band.

        Parameters
        ----------
        bands : dict, str, int or None, default=None
            As for :meth:`contributions`; None takes every point: the mean map.
        by : array-like of shape (n_samples,) or None, default=None
            Groups of the spectra, such as their true classes; None takes all spectra that are
            explained for the same target (such as the predicted class) together.

        Returns
        -------
        summary : DataFrame
            A row for every target, group (with `by`) and band: columns ``target``, ``group``,
            ``band``, ``start``, ``end``, ``mean`` and ``std`` of the contributions over the
            spectra, ``share``, the mean absolute contribution over that of all points, and
            ``cancellation`` of the median map.

        Raises
        ------
        ValueError
            `by` does not have one value for each spectrum.
        """
        return _tables.summary(self, bands, by)

    @own_settings()
    def stability(self, bands: BandsLike = "peaks", by: ArrayLike | None = None) -> pd.DataFrame:
        """Return the agreement of band contributions across models.

        Of an explanation with `members`: by :func:`cross_explain` with repeats, or of an ensemble.

        Parameters
        ----------
        bands : dict, str or int, default="peaks"
            As for :meth:`contributions`.
        by : array-like of shape (n_samples,) or None, default=None
            Groups of the spectra, as for :meth:`summary`.

        Returns
        -------
        stability : DataFrame
            A row for every target, group (with `by`) and band, sorted by `contribution` within
            each target and group: columns ``target``, ``group``, ``band``, ``start``, ``end``;
            ``contribution``, the mean over members, and ``std``, the standard deviation between
            them, both as root mean square over the spectra; ``sign_agreement``, the share of
            members that give the band the sign of the mean; and ``stable``, whether
            `contribution` is at least twice `std`.

        Raises
        ------
        ValueError
            This explanation is of one model, or `by` does not have one value for each spectrum.

        See Also
        --------
        metrics.stability : Correlation of whole maps between models, for each spectrum.
        """
        return _tables.stability(self, bands, by)

    @own_settings()
    def predictions(self) -> pd.DataFrame:
        """Return what the model says of every spectrum, beside the maps that say why.

        Of :func:`cross_explain` they are out of fold.

        Returns
        -------
        predictions : DataFrame
            A row for every spectrum, called by `sample_names` where they are known. For classes
            ``predicted``, the class with the highest logit, whose map is in ``pick(None)``, and
            ``probability``, the softmax of its logit over all classes, as in `predict_proba`. Of
            several models (`members`) logits are averaged, not probabilities. For a regressor
            ``predicted``, or, of several outputs, a column for each, called by its label. And
            ``y``, where it is known and one for each spectrum.

        Raises
        ------
        ValueError
            The logits of other classes than those explained are not known.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_spectral import ResNet1DClassifier, cross_explain
        >>> X = np.random.default_rng(0).normal(size=(30, 50))
        >>> y = np.where(X[:, 20] > 0, "oil", "fat")
        >>> model = ResNet1DClassifier(max_epochs=1)
        >>> explanation = cross_explain(model, X, y, cv=3, target="all", random_state=0)
        >>> list(explanation.predictions().columns)
        ['predicted', 'probability', 'y']
        >>> explanation.pick(None).maps.shape
        (30, 50)
        """
        return _tables.predictions(self)

    @own_settings()
    def to_frame(self) -> pd.DataFrame:
        """Return everything as one tidy table.

        Returns
        -------
        frame : DataFrame
            A row for every sample, target and point: columns ``sample``, ``target``,
            ``x_axis``, ``intensity``, ``contribution``.
        """
        return _tables.to_frame(self)

    def plot(self, ax: Any = None, **plot_params: Any) -> Any:
        """Draw spectra above the signed contributions of their points.

        Parameters
        ----------
        ax : sequence of matplotlib Axes or None, default=None
            As for :meth:`ExplanationDisplay.plot`; None makes a figure.
        **plot_params
            ``samples``, ``by``, ``bands``, ``beside``, ``technique``, ``x_label``,
            ``output_label``, ``intensity_label``, ``preprocessed``, as for
            :meth:`ExplanationDisplay.plot`.

        Returns
        -------
        display : ExplanationDisplay
        """
        return ExplanationDisplay(self).plot(ax, **plot_params)

    def plot_waterfall(
        self, sample: Any = 0, bands: BandsLike = "peaks", **plot_params: Any
    ) -> WaterfallDisplay:
        """Draw how the contributions of bands lead from the base value to one prediction.

        Parameters
        ----------
        sample : int or name, default=0
            The spectrum, as for :meth:`plot`.
        bands : dict, str or int, default="peaks"
            As for :meth:`contributions`.
        **plot_params
            ``target``, ``ax``, ``output_label``, as for :meth:`WaterfallDisplay.plot`.

        Returns
        -------
        display : WaterfallDisplay
        """
        return WaterfallDisplay(self).plot(sample, bands, **plot_params)

    def plot_interactive(
        self, samples: Any = None, bands: BandsLike | None = None, **plot_params: Any
    ) -> Any:
        """Return a view for the browser: hover, zoom, and switch spectra and targets.

        Two panels share the wavelength axis: the spectrum and its contributions. A label at the
        pointer shows wavelength, intensity, contribution and band; two menus choose the spectrum
        and the target; dragging zooms, a double click shows everything again. Needs plotly
        (``pip install "sklearn-spectral[interactive]"``).

        Parameters
        ----------
        samples : int, slice, sequence of int, mask, name, sequence of names or None, default=None
            Spectra to put into the view: rows, or names of `sample_names`; None takes the first
            ones, as many as it can hold.
        bands : dict, str, int or None, default=None
            Bands to shade, and to name at the pointer, as for :meth:`contributions`; None shades
            no band.
        **plot_params
            ``by``, ``technique``, ``x_label``, ``output_label``, ``intensity_label``,
            ``preprocessed``, as for :meth:`ExplanationDisplay.plot`: with `by` the menu has,
            instead of spectra, the mean spectrum and mean map of every group (and target, where
            each spectrum has its own).

        Returns
        -------
        figure : plotly.graph_objects.Figure
            Shows itself in a notebook, dark or light, and as the explanation's table where no
            script runs, as in exported notebooks. ``figure.write_html("explanation.html")``
            writes a page that works offline; with ``include_plotlyjs="cdn"`` it is smaller by the
            5 MB of plotly, and needs the network.

        Raises
        ------
        ValueError
            More samples were asked for than the view holds, `bands` or `technique` are unknown, or
            `by` does not have one value for each spectrum.
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
        >>> figure = explanation.plot_interactive(by=["a"] * 10 + ["b"] * 20)
        >>> [button.label for button in figure.layout.updatemenus[0].buttons]
        ['a, mean of 10', 'b, mean of 20']
        """
        return interactive_figure(self, samples, bands, **plot_params)


ExplanationArrays._kind = Explanation
