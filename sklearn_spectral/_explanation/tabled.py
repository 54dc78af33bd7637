"""Tables and numbers that an explanation is summarized by, as methods."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .._record import tables as _tables
from .._record.arrays import ExplanationArrays
from .._record.cancellation import cancellation
from .._spectra.bands import BandsLike
from .._work import own_settings


class ExplanationTables(ExplanationArrays):
    """The methods of `Explanation` that return numbers and tables."""

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
        ...     24,
        ...     oil=["olive", "palm"],
        ...     adulterant=None,
        ...     n_replicates=1,
        ...     fluorescence=0,  # the maps of spectra with a background cancel
        ...     random_state=0,
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
