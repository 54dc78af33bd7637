"""Further methods of fitted estimators: comparison with the training spectra, PyTorch module."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .. import _network
from .._lazy import torch
from .._spectra.views import views
from .._work import own_settings


class InspectedModel:
    """Methods that compare spectra with the training spectra, or export the fitted model."""

    @own_settings()
    def applicability(self, X: ArrayLike) -> pd.DataFrame:
        r"""Detect preprocessed spectra that are unlike the training spectra of the estimator.

        The function :func:`sklearn_spectral.applicability` does this for a whole pipeline, from
        spectra before preprocessing. This method takes **preprocessed** spectra.

        A principal component analysis of the training spectra gives the two distances that are
        used in process monitoring. The analysis is of what the network receives: the spectrum
        and its two derivatives, scaled at every wavelength. Hotelling's T2 is the distance from
        the centre within the latent variables, and Q is the squared residual:

        .. math:: T^2 = \sum_a t_a^2 / \lambda_a, \qquad Q = \lVert x - \sum_a t_a p_a \rVert^2

        with the scores t, their variances :math:`\lambda` and the loadings p. A large T2 means
        extrapolation: more or less of something that the training spectra contain. A large Q means
        something that the training spectra did not contain, such as another substance, baseline,
        instrument or a fault. The number of latent variables is the one that explains 99 % of the
        variance, at most 20 and at most one for every five spectra. Of these, the last ones are
        dropped if left-out spectra vary less than 0.7 times as much along them as the training
        spectra do, because they describe noise.

        One in twenty spectra that are like the training spectra exceeds one or both of the limits.
        To find the limits, each training spectrum was left out, with its group if `fit` was given
        groups, and scaled and scored by a model of the others. If the training spectra reach
        further in their own model, that is the limit. No distribution is assumed. After
        `partial_fit` or `warm_start` the training spectra are those of the first call, which
        determined the scaling.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_points)
            Spectra, preprocessed like those that the estimator was fitted on.

        Returns
        -------
        scores : DataFrame of shape (n_samples, 3)
            ``hotelling_t2`` and ``q_residual``, each divided by its limit, and ``inside``, which is
            True if neither is above 1. It has the index of X if X is a DataFrame.

        Raises
        ------
        ValueError
            X does not fit the training spectra, or there were fewer than five training spectra or
            groups.

        See Also
        --------
        sklearn_spectral.applicability : Takes spectra before preprocessing, for a whole pipeline.
        sklearn_spectral.explain_applicability : Shows which bands put a spectrum outside.

        Notes
        -----
        A spectrum inside the limits can still be predicted wrongly, because y may depend on
        something that spectra do not show. With fewer than 19 training spectra the limits are the
        largest values that were found, and more than one in twenty spectra exceeds them.

        References
        ----------
        Jackson and Mudholkar, Technometrics 1979, 21, 341,
        :doi:`10.1080/00401706.1979.10489779`; Westerhuis, Gurden and Smilde, Chemom. Intell. Lab.
        Syst. 2000, 51, 95, :doi:`10.1016/S0169-7439(00)00062-9`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> blends = make_oil_blends(60, n_replicates=1, random_state=0)
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(blends.data, blends.target)
        >>> bool(model.applicability(blends.data)["inside"].mean() > 0.9)
        True
        >>> foreign = 5000 * np.exp(-(((blends.x_axis - 1200) / 12) ** 2))  # counts, at 1200 cm-1
        >>> bool(model.applicability(blends.data + foreign)["inside"].any())
        False
        """
        model: Any = self  # the estimator
        index = X.index if isinstance(X, pd.DataFrame) else None
        spectra = model._check_spectra(X)
        model._domain.check_limits()
        ratios = np.empty((len(spectra), 2))

        def compute(rows):
            ratios[rows] = model._domain.ratios(model._view_scaler.transform(views(spectra[rows])))

        _network.fitted.in_chunks(
            compute, spectra, "comparing with the training spectra", model.verbose
        )
        scores = pd.DataFrame(ratios, columns=["hotelling_t2", "q_residual"], index=index)
        return scores.assign(inside=np.asarray((ratios <= 1).all(axis=1)))

    def to_module(self) -> torch.nn.Module:
        """Return a copy of the fitted model as a PyTorch module, for tools such as captum or SHAP.

        The module takes preprocessed spectra as a tensor of shape (n_samples, n_points), float64
        or float32. It returns a float64 tensor of shape (n_samples, n_outputs): the logits of all
        classes, whose softmax is `predict_proba`, or the predictions in the unit of y. Gradients
        with respect to the spectra are available. There is no check for NaN and infinity.

        Returns
        -------
        module : torch.nn.Module
            In evaluation mode, on the device of the networks (the CPU for "mps", which has no
            float64). For methods that use layers, ``module.views(spectra)`` returns the three
            scaled views that are the input of ``module.networks``. ``module.double()``
            computes the networks in float64 as well.

        See Also
        --------
        explain : The contributions of wavelengths by the package's own methods.

        Notes
        -----
        Use ``mean_spectrum_``, not zeros, as the baseline of a method. The derivatives are
        normalized, so that on the way from zeros to a spectrum they jump at the start and are then
        constant.

        Examples
        --------
        >>> import numpy as np, torch
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> from sklearn_spectral.datasets import make_oil_blends
        >>> X, y = make_oil_blends(20, n_replicates=1, random_state=0, return_X_y=True)
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, y)  # y in %
        >>> spectra = torch.tensor(X, requires_grad=True)
        >>> outputs = model.to_module()(spectra)
        >>> bool(np.allclose(outputs[:, 0].detach(), model.predict(X)))
        True
        >>> outputs.sum().backward()
        >>> spectra.grad.shape  # in % per count
        torch.Size([20, 701])
        """
        model: Any = self  # the estimator
        check_is_fitted(model)
        return _network.module.SpectraModule(model._network, model.n_features_in_)
