"""The class `Explanation`: frozen arrays on the wavelength axis, with their tables and figures."""

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
    """Signed contribution of every wavelength to every output, in the unit of the output.

    ``maps.sum(axis=1) + base_values + residuals == outputs``. The residuals of 1D Grad-CAM at the
    last layer are only float32 rounding.

    Explanations are returned by :func:`sklearn_spectral.explain`,
    :func:`sklearn_spectral.cross_explain` and the method ``explain`` of the estimators. Indexing
    selects spectra by row or by name.

    Attributes
    ----------
    maps : ndarray of shape (n_samples, n_points) or (n_samples, n_points, n_targets)
        The contributions, in the unit of the output: logits of a network, decision values of a
        linear classifier, or the unit of y.
    outputs : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Logits of a classifier, or predictions of a regressor.
    base_values : ndarray of shape (n_samples,) or (n_samples, n_targets)
        The part of the outputs to which no wavelength contributes: the mean output over the
        training spectra, or the output of the reference (see ``reference`` of
        :func:`sklearn_spectral.explain`).
    targets : ndarray of shape (n_samples,) or (n_targets,)
        Labels of the explained outputs: one for every spectrum, or those of the last axis of
        `maps`.
    x_axis : ndarray of shape (n_points,)
        Wavelengths or wavenumbers of the points that the model receives; numbers of points from 0
        if they are not known.
    spectra : ndarray of shape (n_samples, n_points)
        The preprocessed spectra that the estimator received.
    output_name : str
        Name of the output for labels: ``"logit"``, ``"decision value"``, or the name of y.
    method, layer : str
        The method of the maps and the layer of the network; ``"linear"`` and ``"input"`` for linear
        models.
    members : tuple of Explanation
        The explanations of which this one is the mean: one for each repeat of
        :func:`~sklearn_spectral.cross_explain`, or one for each member of an ensemble. Otherwise it
        is empty.
    is_class : bool
        True if the outputs are logits of classes or differences of them, False for a regressor.
    axis_known : bool
        False if `x_axis` only counts the points.
    axis_unit : str or None
        Unit of `x_axis`, ``"cm-1"``, ``"nm"``, ``"um"`` or ``"m"``, if the names of the columns
        contain it.
    sample_names : ndarray of shape (n_samples,) or None
        The index of X, if X was a DataFrame with an index other than the default 0, 1, 2. Tables
        and figures use these names, and spectra can be selected by them: ``explanation["S001"]``,
        ``explanation.plot(samples=["S001", "S007"])``. Whole numbers always select rows, counted
        from 0, even if the names are whole numbers.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets), or None
        Reference values or true classes, if they were passed to :func:`cross_explain` or
        :meth:`with_y`.
    measured : ndarray of shape (n_samples, n_points) or None
        The spectra before preprocessing, at the points of `x_axis`, which :meth:`plot` draws. None
        if a step mixes points, as PCA or interpolation do, if the maps were written to ``out``,
        and if the method ``explain`` of an estimator was called.
    classes, class_outputs : ndarray of shape (n_classes,), and (n_samples, n_classes), or None
        All classes and their logits, if each spectrum is explained for one class.

    See Also
    --------
    explain : Explains the predictions of a fitted model.
    cross_explain : Explains left-out spectra.
    ExplanationDisplay : Draws spectra and maps.

    Examples
    --------
    The percentage of sunflower oil in olive oil, from Raman spectra:

    >>> import numpy as np
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)
    >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
    >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
    >>> explanation
    Explanation of 30 spectra, 1 target(s) each, 701 points from 500 to 1900
    >>> total = explanation.maps.sum(axis=1) + explanation.base_values
    >>> bool(np.allclose(total, explanation.outputs, atol=1e-3))
    True
    >>> table = explanation.contributions({"C=C stretch": (1638, 1672)})
    >>> list(table.columns[2:])
    ['band', 'start', 'end', 'contribution', 'share', 'cancellation']

    The index of a DataFrame names the samples:

    >>> import pandas as pd
    >>> table = pd.DataFrame(blends.data, index=[f"S{number:03}" for number in range(30)])
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

        It is ``outputs - base_values - maps.sum(axis=1)``: only rounding for 1D Grad-CAM at the
        last layer, of any size for other methods and layers.
        """
        return self.outputs - self.base_values - self.maps.sum(axis=1, dtype=np.float64)

    @property
    @own_settings()
    def cancellation(self) -> np.ndarray:
        r"""The degree to which contributions cancel in each map, (n_samples[, n_targets]).

        .. math:: \sum_i |m_i| \,/\, |\sum_i m_i|

        The value is 1 if all contributions have the same sign, 3 if the positive ones are twice as
        large as the negative ones or the other way round, and infinite if they add up to zero. A
        map with a value above 10 must not be interpreted band by band, because an error of 10 % in
        the contributions is then as large as their sum.
        """
        return cancellation(self.maps)

    @property
    @own_settings()
    def density(self) -> np.ndarray:
        r"""Contribution per unit of `x_axis` (such as g/L per cm-1), shaped as `maps`, float64.

        .. math:: m_i / w_i, \qquad w_i = |x_{i+1} - x_{i-1}| \,/\, 2

        The contribution of a point grows with the interval of the axis that the point represents.
        Use densities to compare instruments, or parts of an uneven axis, with different sampling.
        The integral of the density, :math:`\sum_i w_i d_i` with
        ``w = abs(numpy.gradient(x_axis))``, is the contribution. At either end the width is the
        distance to the only neighbour.
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
        r"""Return the contribution and the share of every band for every spectrum.

        The contribution of band B is the sum of the map over its points,
        :math:`c_B = \sum_{i \in B} m_i`, in the unit of the output. Its share is
        :math:`c_B / \sum_i |m_i|`, between -1 and 1. Both follow the feature contribution of Shi et
        al. 2023 (doi:10.1021/acs.analchem.3c01101), whose abstract does not define it exactly.

        Parameters
        ----------
        bands : dict, str or int, default="peaks"
            Named bands, ``{"C=O stretch": (1730, 1760)}``, in the unit of `x_axis`, both ends
            included, or by the numbers of their points, ``{"marker": range(20, 25)}``; the
            name of a table of textbook bands, such as ``"raman-lipids"`` (see
            :func:`band_table`); a number of bands of equal width; or ``"peaks"``, one band for
            every peak of the mean absolute map, bounded by the minima between the peaks. Bands of
            equal width and peaks cover the whole axis, so that their contributions add up to
            ``outputs - base_values``.

        Returns
        -------
        contributions : DataFrame
            A row for every sample, target and band: columns ``sample``, ``target``, ``band``,
            ``start``, ``end``, ``contribution``, ``share``, and ``cancellation`` of the whole map.

        Raises
        ------
        ValueError
            A band covers no point of the axis, `bands` is none of the above, or the bands are in
            wavelengths although the wavelengths of the points are not known (`axis_known`).

        See Also
        --------
        summary : Means of the contributions over many spectra.
        plot_waterfall : The contributions to one prediction as a figure.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
        >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
        >>> bands = {"C=C stretch": (1638, 1672), "CH2 scissor": (1410, 1470)}
        >>> table = explanation[:1].contributions(bands)
        >>> table[["band", "start", "end", "contribution", "share"]].round(1)  # contribution in %
                  band   start     end  contribution  share
        0  C=C stretch  1638.0  1672.0          -2.0   -0.3
        1  CH2 scissor  1410.0  1470.0          -1.1   -0.2
        """
        return _tables.contributions(self, bands)

    @own_settings()
    def purity(self) -> np.ndarray:
        r"""Return the fraction of the map that supports the predicted class.

        .. math:: \frac{\sum_i \max(d_i, 0)}{\sum_i |d_i|}

        Here d is the difference between the maps of the predicted class and of the class with the
        second highest logit (see :meth:`difference`); for an explanation of one class per spectrum
        it is the map itself. The purity is 1 if every wavelength supports the predicted class, and
        0.5 if the contributions for and against it are of the same size. It follows the purity of
        Shi et al. 2023 (doi:10.1021/acs.analchem.3c01101), whose abstract does not define it
        exactly. Use the plain maps, ``method="1d-grad-cam"``: the purities of corrected maps differ
        less between spectra.

        Returns
        -------
        purity : ndarray of shape (n_samples,)
            0.5 for a map that is zero everywhere.

        Raises
        ------
        ValueError
            This is an explanation of several regression outputs.

        See Also
        --------
        PurityDisplay : Draws the purities by class.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DClassifier
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> oils = make_oil_blends(
        ...     24, oil=["olive", "palm"], adulterant=None, n_replicates=1, random_state=0
        ... )
        >>> model = ResNet1DClassifier(max_epochs=1, random_state=0).fit(oils.data, oils.target)
        >>> explanation = model.explain(oils.data, target="all", x_axis=oils.x_axis)  # cm-1
        >>> plain = model.explain(oils.data, target="all", method="1d-grad-cam")
        >>> purity = plain.purity()
        >>> purity.shape, bool((purity > 0.5).all())
        ((24,), True)
        """
        return _tables.purity(self)

    @own_settings()
    def linearity(
        self,
        y: ArrayLike | None = None,
        bands: BandsLike | None = None,
        by: ArrayLike | None = None,
    ) -> pd.DataFrame:
        r"""Return a linear fit of the contributions of every point or band against y.

        The result contains the slope and the R2 of the least-squares line of the contributions
        against y over the spectra. The slopes of all points add up to the slope of the prediction
        against y, which is 1 for a perfect calibration. The calibration uses the bands with a large
        slope and a high R2. Use the plain maps, ``method="1d-grad-cam"``: contributions of
        corrected maps follow the output closely by construction. This follows the linearity of Shi
        et al. 2023 (doi:10.1021/acs.analchem.3c01101), whose abstract does not define it exactly.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_targets), or None, default=None
            Reference values, one column for each target; None takes those of the explanation
            (:meth:`with_y`).
        bands : dict, str, int or None, default=None
            Bands in any form that :meth:`contributions` takes; None takes every point.
        by : array-like of shape (n_samples,) or None, default=None
            Groups of the spectra, such as adulterants. Each group gets its own lines, because one
            line through all groups hides differences between them.

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
            This is an explanation of a classifier, `y` does not fit it or does not vary (in a
            group), or `by` does not have one value for each spectrum.

        See Also
        --------
        LinearityDisplay : Draws the slopes and the bands.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
        >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
        >>> lines = explanation.linearity(blends.target, {"C=C stretch": (1638, 1672)})
        >>> lines[["band", "slope", "r2"]].round(1)  # slopes in % per %
                  band  slope   r2
        0  C=C stretch    0.3  1.0
        1          all    1.0  1.0
        """
        return _tables.linearity(self, y, bands, by)

    @own_settings()
    def summary(self, bands: BandsLike | None = None, by: ArrayLike | None = None) -> pd.DataFrame:
        """Return mean, standard deviation and share of every band over all spectra.

        Parameters
        ----------
        bands : dict, str, int or None, default=None
            Bands in any form that :meth:`contributions` takes; None takes every point, which gives
            the mean map.
        by : array-like of shape (n_samples,) or None, default=None
            Groups of the spectra, such as their true classes. None combines all spectra that are
            explained for the same target, such as the predicted class.

        Returns
        -------
        summary : DataFrame
            A row for every target, group (with `by`) and band: columns ``target``, ``group``,
            ``band``, ``start``, ``end``, ``mean`` and ``std`` of the contributions over the
            spectra, ``share``, the mean absolute contribution divided by that of all points, and
            ``cancellation`` of the median map.

        Raises
        ------
        ValueError
            `by` does not have one value for each spectrum.

        See Also
        --------
        contributions : The contributions for each spectrum.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
        >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
        >>> table = explanation.summary({"C=C stretch": (1638, 1672), "CH2 twist": (1280, 1320)})
        >>> table[["band", "std", "share"]].round(1)  # std in %
                  band  std  share
        0  C=C stretch  9.1    0.3
        1    CH2 twist  1.2    0.0
        """
        return _tables.summary(self, bands, by)

    @own_settings()
    def stability(self, bands: BandsLike = "peaks", by: ArrayLike | None = None) -> pd.DataFrame:
        """Return the agreement of the contributions of bands between several models.

        The explanation must have `members`: it must come from :func:`cross_explain` with repeats,
        or from an ensemble. The function :func:`sklearn_spectral.metrics.stability` compares whole
        maps instead of bands.

        Parameters
        ----------
        bands : dict, str or int, default="peaks"
            Bands in any form that :meth:`contributions` takes.
        by : array-like of shape (n_samples,) or None, default=None
            Groups of the spectra, such as their true classes. None combines all spectra that are
            explained for the same target.

        Returns
        -------
        stability : DataFrame
            A row for every target, group (with `by`) and band, sorted by ``contribution`` within
            each target and group. The columns are ``target``, ``group``, ``band``, ``start``,
            ``end``; ``contribution``, the mean over the members, and ``std``, the standard
            deviation between the members, both as root mean square over the spectra;
            ``sign_agreement``, the share of members whose contribution has the sign of the mean;
            and ``stable``, which is True if ``contribution`` is at least twice ``std``.

        Raises
        ------
        ValueError
            This explanation is of one model, or `by` does not have one value for each spectrum.

        See Also
        --------
        metrics.stability : Correlation of whole maps between models, for each spectrum.
        maps_std : Standard deviation of the maps between the models, for each point.

        Examples
        --------
        Two models that were trained on different halves of the spectra:

        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(60, n_replicates=1, random_state=0)  # % sunflower oil
        >>> first, second = (
        ...     ResNet1DRegressor(max_epochs=1, random_state=0)
        ...     .fit(blends.data[half::2], blends.target[half::2])
        ...     .explain(blends.data, x_axis=blends.x_axis)
        ...     for half in range(2)
        ... )
        >>> table = first.averaged([second]).stability({"C=C stretch": (1638, 1672)})
        >>> table[["band", "sign_agreement", "stable"]].round(1)
                  band  sign_agreement  stable
        0  C=C stretch             0.9    True
        """
        return _tables.stability(self, bands, by)

    @own_settings()
    def predictions(self) -> pd.DataFrame:
        """Return the predictions that are explained, as a table.

        The predictions in an explanation by :func:`cross_explain` are out of fold.

        Returns
        -------
        predictions : DataFrame
            A row for every spectrum, named by `sample_names` if they are known. For a classifier
            the columns are ``predicted``, the class with the highest logit, whose map is in
            ``pick(None)``, and ``probability``, the softmax of that logit over all classes, as in
            `predict_proba`. For several models (`members`) the logits are averaged, not the
            probabilities. For a regressor the column is ``predicted``, or there is one column for
            each of several outputs, named by its label. A column ``y`` is added if there is one
            reference for each spectrum.

        Raises
        ------
        ValueError
            The logits of the classes that are not explained are not known.

        See Also
        --------
        validation_report : Statistics of the errors of predictions.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DClassifier
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> oils = make_oil_blends(
        ...     24, oil=["olive", "palm"], adulterant=None, n_replicates=1, random_state=0
        ... )
        >>> model = ResNet1DClassifier(max_epochs=1, random_state=0).fit(oils.data, oils.target)
        >>> explanation = model.explain(oils.data, target="all", x_axis=oils.x_axis)  # cm-1
        >>> explanation.with_y(oils.target).predictions().head(2).round(1)
          predicted  probability      y
        0     olive          1.0  olive
        1      palm          1.0   palm
        """
        return _tables.predictions(self)

    @own_settings()
    def to_frame(self) -> pd.DataFrame:
        """Return spectra and maps as one table in long form.

        Returns
        -------
        frame : DataFrame
            A row for every sample, target and point: columns ``sample``, ``target``,
            ``x_axis``, ``intensity`` (of `spectra`), ``contribution``.

        See Also
        --------
        contributions : The contributions of bands instead of points.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
        >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
        >>> explanation.to_frame()[["sample", "x_axis"]].tail(1)  # the last point of the last one
               sample  x_axis
        21029      29  1900.0
        """
        return _tables.to_frame(self)

    def plot(self, ax: Any = None, **plot_params: Any) -> Any:
        """Draw spectra above the signed contributions of their points.

        Up to six maps are drawn one by one. Of more, the means of every predicted class are drawn,
        or for a regressor a heat map of all maps, sorted by the predicted value.

        Parameters
        ----------
        ax : sequence of matplotlib Axes or None, default=None
            Two axes for each spectrum or group, and one more for each further target. None makes a
            figure.
        **plot_params
            ``samples``, ``by``, ``bands``, ``beside``, ``technique``, ``x_label``,
            ``output_label``, ``intensity_label`` and ``preprocessed``; they are the parameters of
            :meth:`ExplanationDisplay.plot`.

        Returns
        -------
        display : ExplanationDisplay

        See Also
        --------
        plot_waterfall : One prediction, band by band.
        plot_interactive : A view for the browser.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
        >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
        >>> display = explanation.plot(samples=[0], technique="raman", output_label="sunflower (%)")
        >>> display.ax_[1].get_xlabel()
        'Raman shift (cm$^{-1}$)'
        """
        return ExplanationDisplay(self).plot(ax, **plot_params)

    def plot_waterfall(
        self, sample: Any = 0, bands: BandsLike = "peaks", **plot_params: Any
    ) -> WaterfallDisplay:
        """Draw the contributions of bands to one prediction, starting from the base value.

        Parameters
        ----------
        sample : int or name, default=0
            The spectrum: its row, or its name in `sample_names`.
        bands : dict, str or int, default="peaks"
            Bands in any form that :meth:`contributions` takes.
        **plot_params
            ``target``, ``ax`` and ``output_label``; they are the parameters of
            :meth:`WaterfallDisplay.plot`.

        Returns
        -------
        display : WaterfallDisplay

        See Also
        --------
        contributions : The same numbers as a table.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
        >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
        >>> display = explanation.plot_waterfall(
        ...     0, {"C=C stretch": (1638, 1672)}, output_label="sunflower oil (%)"
        ... )
        >>> [label.get_text() for label in display.ax_[0].get_yticklabels()]
        ['base value', 'C=C stretch', 'all other points', 'predicted']
        """
        return WaterfallDisplay(self).plot(sample, bands, **plot_params)

    def plot_interactive(
        self, samples: Any = None, bands: BandsLike | None = None, **plot_params: Any
    ) -> Any:
        """Return an interactive view for the browser, with menus for spectra and targets.

        Two panels share the wavelength axis: the spectrum and its contributions. A label at the
        pointer shows wavelength, intensity, contribution and band. Two menus select the spectrum
        and the target. Dragging zooms in, and a double click zooms out. The view needs plotly
        (``pip install "sklearn-spectral[interactive]"``).

        Parameters
        ----------
        samples : int, slice, sequence of int, mask, name, sequence of names or None, default=None
            Spectra to put into the view: rows, or names of `sample_names`. None takes the first
            spectra, as many as the view can contain.
        bands : dict, str, int or None, default=None
            Bands to shade, and to name at the pointer, in any form that :meth:`contributions`
            takes; None shades no band.
        **plot_params
            ``by``, ``technique``, ``x_label``, ``output_label``, ``intensity_label`` and
            ``preprocessed``; they are parameters of :meth:`ExplanationDisplay.plot`. With ``by``
            the menu contains the mean spectrum and the mean map of every group instead of spectra
            (and of every target, if each spectrum has its own).

        Returns
        -------
        figure : plotly.graph_objects.Figure
            A notebook shows the figure, dark or light; where no script runs, as in exported
            notebooks, it shows the table of the explanation. ``figure.write_html("view.html")``
            writes a page that works offline. With ``include_plotlyjs="cdn"`` the page is 5 MB
            smaller, but loads plotly from the network.

        Raises
        ------
        ValueError
            There are more samples than the view can contain, `bands` or `technique` are unknown, or
            `by` does not have one value for each spectrum.
        ImportError
            plotly is not installed.

        See Also
        --------
        plot : A figure for print.

        Examples
        --------
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(30, n_replicates=1, random_state=0)  # % sunflower oil
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
        >>> explanation = model.explain(blends.data, x_axis=blends.x_axis)  # cm-1
        >>> figure = explanation.plot_interactive([0, 3], {"C=C stretch": (1638, 1672)})
        >>> [button.label for button in figure.layout.updatemenus[0].buttons]
        ['Spectrum 0', 'Spectrum 3']
        >>> figure = explanation.plot_interactive(by=["a"] * 10 + ["b"] * 20)
        >>> [button.label for button in figure.layout.updatemenus[0].buttons]
        ['a, mean of 10', 'b, mean of 20']
        """
        return interactive_figure(self, samples, bands, **plot_params)


ExplanationArrays._kind = Explanation
