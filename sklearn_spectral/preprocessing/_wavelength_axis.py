"""A first step that keeps the wavelength axis of the training spectra."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_is_fitted

from .._spectra.axis import axis_from_names, check_same_axis, given_axis, on_trained_axis
from .._spectra.checks import validated
from .._spectra.names import column_names


class WavelengthAxis(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Store the wavelength axis of the training spectra, and reject spectra on another axis.

    Use it as the first step of a pipeline. The steps of scikit-learn drop column names that are
    numbers, as wavenumbers often are. A pipeline without this step therefore predicts spectra whose
    columns are shifted or in reverse order without an error. The spectra are returned unchanged.

    Parameters
    ----------
    x_axis : array-like of shape (n_points,) or None, default=None
        Wavelengths or wavenumbers of the columns, if the spectra are arrays; None takes them from
        the column names of the training spectra.

    Attributes
    ----------
    x_axis_ : ndarray of shape (n_points,) or None
        The axis of the training spectra; None if neither the names nor `x_axis` contain it.
    n_features_in_ : int
        Number of points of the spectra seen in `fit`.
    feature_names_in_ : ndarray of shape (n_points,)
        Names of the points, if all columns of `X` had names that are strings.

    Raises
    ------
    ValueError
        In `fit` and `transform`, if the names of some columns are not wavelengths
        (``Unnamed: 0``, ``Replicate``), if columns are not sorted or are repeated, or if X contains
        NaN or infinity; in `transform`, if the columns are not those of the training spectra.

    See Also
    --------
    CosmicRayRemover : The other step of this package, against spikes.
    sklearn_spectral.explain : Explains a pipeline on this axis.

    Notes
    -----
    Two axes are considered equal if no point differs by more than a tenth of the step to its
    neighbour. Names may therefore be numbers or text, and rounded. Arrays have no names, so only
    their number of points is compared.

    The output is a DataFrame whose column names are text, which later steps of scikit-learn
    compare; it is an array if the axis is not known. ``set_output`` selects another container.

    Examples
    --------
    >>> import pandas as pd
    >>> from chemotools.scatter import StandardNormalVariate
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_spectral import ResNet1DRegressor
    >>> from sklearn_spectral.datasets import make_oil_blends
    >>> from sklearn_spectral.preprocessing import WavelengthAxis
    >>> blends = make_oil_blends(20, n_replicates=1, random_state=0)  # % sunflower oil
    >>> table = pd.DataFrame(blends.data, columns=blends.x_axis)  # cm-1
    >>> model = make_pipeline(
    ...     WavelengthAxis(), StandardNormalVariate(), ResNet1DRegressor(max_epochs=1)
    ... ).fit(table, blends.target)
    >>> model[0].x_axis_[:3]
    array([500., 502., 504.])
    >>> try:
    ...     model.predict(table.iloc[:, ::-1])
    ... except ValueError as error:
    ...     print(str(error)[:37])
    The columns of X run from 1900 to 500
    """

    def __init__(self, x_axis: ArrayLike | None = None):
        self.x_axis = x_axis

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Store the axis of the training spectra.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.
        y : None
            Ignored.

        Returns
        -------
        self : object
        """
        names = column_names(X)
        axis = axis_from_names(names)
        n_points = validated(self, X, reset=True).shape[1]
        if self.x_axis is not None:
            given = given_axis(self.x_axis, n_points)
            check_same_axis(axis, given)
            axis, names = given, names if axis is not None else given.values.tolist()
        self.x_axis_ = None if axis is None else axis.values
        self._axis_unit = None if axis is None else axis.unit
        self._names: np.ndarray | None = None
        if axis is not None:
            last = [name[-1] if isinstance(name, tuple) else name for name in names]
            self._names = np.array([str(name) for name in last], dtype=object)
        return self

    def transform(self, X: ArrayLike) -> Any:
        """Return the spectra unchanged; raise an error if they are on another axis.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_points)
            The same numbers, with column names if the axis is known.
        """
        check_is_fitted(self, "n_features_in_")
        names = column_names(X)
        if names is not None and self.x_axis_ is not None and axis_from_names(names) is None:
            raise ValueError(
                f"The columns of X are named {names[0]!r} to {names[-1]!r}, but those of the "
                f"training spectra are named by wavelengths from {self.x_axis_[0]:g} to "
                f"{self.x_axis_[-1]:g}. Name the columns by their wavelengths, or pass an array."
            )
        values = validated(self, on_trained_axis(self, X), reset=False)
        if self._names is None or _get_output_config("transform", self)["dense"] != "default":
            return values
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(values, columns=self._names, index=index)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the points as strings.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names for points whose axis is not known.

        Returns
        -------
        names : ndarray of shape (n_points,)
        """
        check_is_fitted(self, "n_features_in_")
        if self._names is None or hasattr(self, "feature_names_in_"):
            return super().get_feature_names_out(input_features)
        return self._names

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
