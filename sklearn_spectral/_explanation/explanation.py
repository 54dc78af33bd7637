"""The class `Explanation`: frozen arrays on the wavelength axis, with their tables and figures."""

from dataclasses import dataclass
from typing import Any

from .._figures.html import explanation_html, explanation_text
from .._figures.interactive import interactive_figure
from .._figures.plot import ExplanationDisplay
from .._figures.waterfall import WaterfallDisplay
from .._record.arrays import ExplanationArrays
from .._spectra.bands import BandsLike
from .tabled import ExplanationTables


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(ExplanationTables):
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
