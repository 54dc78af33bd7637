"""What else a fitted estimator can be asked: is a spectrum like those of training, and a module."""

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
    """How far spectra are from those of training, and the fitted model for other tools."""

    @own_settings()
    def applicability(self, X: ArrayLike) -> pd.DataFrame:
        r"""Tell whether spectra lie within what the estimator was trained on.

        A principal component analysis of the training spectra, as the network sees them (the
        spectrum and its two derivatives, scaled per wavelength), gives the two distances of
        process monitoring. Hotelling's T2 is that from the centre within the latent variables, Q
        what these leave over:

        .. math:: T^2 = \sum_a t_a^2 / \lambda_a, \qquad Q = \lVert x - \sum_a t_a p_a \rVert^2

        with scores t, their variances and loadings p. A large T2 means more or less of what is
        known, extrapolation; a large Q means what the training spectra did not have: another
        substance, baseline, instrument or fault. The latent variables are those that hold 99 % of
        the variance, at most 20 and one for five spectra, up to the last one along which spectra
        left out of the training vary at least 0.7 times as much as the others: the rest describe
        noise.

        The limits are such that one in twenty spectra that are like those of the training exceeds
        either or both: each of these was left out, with its group where `fit` was given groups,
        and scaled and measured by the others. Where the training spectra themselves reach
        further, they set the limit. No distribution is assumed. Within `partial_fit` and
        `warm_start` the training spectra are those of the first call, which set the scaling.

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
        """Return a copy of the fitted model as a PyTorch module, for captum, SHAP and the like.

        It takes spectra, preprocessed as those the estimator was fitted on, as a tensor of shape
        (n_samples, n_points), float64 or float32, and returns what `explain` calls outputs: logits
        of every class, whose softmax is `predict_proba`, or predictions in the unit of y, float64
        of shape (n_samples, n_outputs). Gradients go all the way back to the spectra. Nothing is
        checked for NaN and infinity.

        Returns
        -------
        module : torch.nn.Module
            In evaluation mode, on the device of the networks (the CPU for "mps", which has no
            float64). ``module.views(spectra)`` are the three scaled views that the
            ``module.networks`` see, for methods that look at layers.
            ``module.double()`` computes the networks in float64 as well.

        Notes
        -----
        As the baseline of a method take ``mean_spectrum_``, not zeros: derivatives are normalized,
        so that they do not change on the way from zeros to a spectrum but for a leap at its start.

        Examples
        --------
        >>> import numpy as np, torch
        >>> from sklearn_spectral import ResNet1DRegressor
        >>> X = np.random.default_rng(0).normal(size=(30, 50))
        >>> model = ResNet1DRegressor(max_epochs=1, random_state=0).fit(X, X[:, 20])
        >>> spectra = torch.tensor(X, requires_grad=True)
        >>> outputs = model.to_module()(spectra)
        >>> bool(np.allclose(outputs[:, 0].detach(), model.predict(X)))
        True
        >>> outputs.sum().backward()
        >>> spectra.grad.shape
        torch.Size([30, 50])
        """
        model: Any = self  # the estimator
        check_is_fitted(model)
        return _network.module.SpectraModule(model._network, model.n_features_in_)
