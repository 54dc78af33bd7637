"""A fitted network whose outputs are in the unit of the predictions."""

import copy
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._spectra.checks import check_outputs
from .._spectra.views import ViewScaler, bin_size, views
from .._work import for_each, one_thread, progress
from .net import as_dataset, change_params
from .sizes import FEATURES, STRIDE
from .training import train

# Points of the spectra per pass through the network in predict and explain: memory stays bounded,
# and larger chunks are slower, since their feature maps leave the processor's cache.
CHUNK_POINTS = 2**16


def chunks(X):
    """Return slices that cut the rows of spectra, or of their views, into chunks."""
    n_points = X.shape[-1] // bin_size(X.shape[-1])
    size = max(1, CHUNK_POINTS // n_points)
    return [slice(start, start + size) for start in range(0, len(X), size)]


def in_chunks(compute, X, description, verbose):
    """Call `compute` with slices of the rows of X, on as many threads as are allowed."""
    slices = chunks(X)
    with one_thread() as n_threads:
        done = for_each(compute, slices, n_threads)
        for _ in progress(done, description, total=len(slices), verbose=verbose):
            pass


@dataclass(frozen=True, eq=False)
class FittedNetwork:
    """The nets of an estimator, which are averaged, with the scales of views and outputs.

    Only this class knows that there may be several nets.

    Attributes
    ----------
    nets : list of skorch nets
    scaler : ViewScaler
        Of the views that the networks see.
    scale, offset : ndarray of shape (n_outputs,)
        ``scale * outputs of the networks + offset`` has the unit of the outputs.
    verbose : int
        Whether to draw progress bars.
    """

    nets: list
    scaler: ViewScaler
    scale: np.ndarray
    offset: np.ndarray
    verbose: int

    @property
    def modules(self):
        """The networks themselves."""
        return [net.module_ for net in self.nets]

    @property
    def weights(self) -> list[dict[str, np.ndarray]]:
        """A copy of what training changes in each network, by name."""
        states = [copy.deepcopy(module.state_dict()) for module in self.modules]
        return [{name: t.cpu().numpy() for name, t in state.items()} for state in states]

    def with_weights(self, weights):
        """Return the same networks with other `weights`, to compute outputs and no more."""
        nets: list[Any] = []
        for net, arrays in zip(self.nets, weights, strict=False):
            module = copy.deepcopy(net.module_)
            module.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})
            nets.append(SimpleNamespace(module_=module, device=net.device))
        return replace(self, nets=nets)

    @property
    def layers(self):
        """Names of the layers at which feature maps can be looked at."""
        return self.modules[0].layers

    @property
    def n_positions(self):
        """Positions of the feature maps."""
        return self.modules[0].n_positions

    @property
    def base_values(self):
        """The outputs of the mean training spectrum, (n_outputs,)."""
        biases = [module.head.bias.detach().cpu().double().numpy() for module in self.modules]
        return self.in_unit(np.mean(biases, axis=0))

    def in_unit(self, outputs):
        """Return outputs of the networks, (..., n_outputs), in the unit of the outputs."""
        return outputs * self.scale + self.offset

    def feature_maps(self, stack, layer=FEATURES) -> list[Tensor]:
        """Return the feature maps of a layer for views: a tensor (B, K, L) from each net."""
        x = torch.from_numpy(self.scaler.transform(stack))
        # Gradients by feature maps of other layers may follow.
        with torch.inference_mode() if layer == FEATURES else torch.no_grad():
            return [net.module_.forward_to(x.to(net.device), layer) for net in self.nets]

    @torch.no_grad()
    def outputs_from(self, feature_maps, layer=FEATURES):
        """Return the mean outputs for the feature maps of each net: float64 (B, n_outputs)."""
        outputs = [
            module.forward_from(each, layer).cpu().double().numpy()
            for module, each in zip(self.modules, feature_maps, strict=True)
        ]
        return self.in_unit(np.mean(outputs, axis=0))

    def outputs(self, X):
        """Return logits or predictions for spectra, (n_samples, n_outputs); raise on overflow."""
        outputs = np.empty((len(X), len(self.scale)))

        def compute(rows):
            outputs[rows] = self.outputs_from(self.feature_maps(views(X[rows])))

        in_chunks(compute, X, "predicting", self.verbose)
        check_outputs(outputs)
        return outputs

    def outputs_of_views(self, stack):
        """Return logits or predictions for views, whatever they are, (n_samples, n_outputs)."""
        return np.concatenate(
            [self.outputs_from(self.feature_maps(stack[rows])) for rows in chunks(stack)]
        )

    def features_and_weights(self, stack):
        """Return features (n, K, L) of views and the head's weights (n_outputs, K, L), float64.

        Those of several networks are stacked, so that their mean outputs are the products.
        """
        parts = [self.feature_maps(stack[rows]) for rows in chunks(stack)]
        nets = [torch.cat(each).cpu().double().numpy() for each in zip(*parts, strict=True)]
        weights = [module.head_weight.detach().cpu().double().numpy() for module in self.modules]
        return np.concatenate(nets, axis=1), np.concatenate(weights, axis=1) / len(nets)

    def points_per_position(self, n_points):
        """Return how many points of a spectrum a position of the feature maps stands for."""
        return STRIDE * bin_size(n_points)

    def untrained_features(self, stack):
        """Return the features of the first network without the views themselves: (n, width * L)."""
        width = self.modules[0].width
        parts = []
        for rows in chunks(stack):
            features = self.feature_maps(stack[rows])[0]
            parts.append(features[:, :width].flatten(1).cpu().numpy())
        return np.concatenate(parts)

    def start(self, calibration):
        """Let the networks compute a calibration on their untrained features."""
        slopes, weights, constant = map(
            torch.from_numpy, (calibration.slopes, calibration.weights, calibration.constant)
        )
        for module in self.modules:
            module.start(slopes, weights.unflatten(1, (module.width, -1)), constant)

    @torch.no_grad()
    def deviation(self, calibration, stack):
        """Return by how much the started network, at most, differs from its calibration."""
        module, largest = self.modules[0], 0.0
        for rows in chunks(stack):
            features = self.feature_maps(stack[rows])[0]
            untrained = features[:, : module.width].flatten(1).cpu().numpy()
            expected = calibration.predict(self.scaler.transform(stack[rows]), untrained)
            outputs = module.forward_head(features).cpu().double().numpy()
            largest = np.fmax(largest, np.abs(outputs - expected).max())
        return largest

    @property
    def n_untrained_features(self):
        """How many numbers `untrained_features` returns for a spectrum."""
        return self.modules[0].width * self.n_positions

    def train(self, training, validation, params, schedule, mean_weight):
        """Train every net in place, from its present weights; return warnings for the user.

        Parameters
        ----------
        training : TrainingSet
        validation : TrainingSet or None
            For early stopping.
        params : dict
            Those of the estimator; some may have changed since the nets were made.
        schedule : str
            Of the learning rate, see `train`.
        mean_weight : (float, int)
            The weight that is treated as one, with its exponent, see `TrainingSet`.
        """
        mean, exponent = mean_weight

        def dataset(net, data):
            # Numbers of classes, of one axis, have no unit.
            y = data.y if data.y.ndim == 1 else self._without_unit(data.y)
            scaled = self.scaler.transform(data.views)
            with np.errstate(over="ignore", divide="ignore"):  # training says that it diverged
                weight = data.sample_weight / np.ldexp(mean, exponent - data.exponent)
                return as_dataset(net, scaled, y, weight)

        messages = []
        for net in self.nets:
            change_params(net, params)
            messages += train(
                net,
                dataset(net, training),
                None if validation is None else dataset(net, validation),
                max_epochs=params["max_epochs"],
                patience=params["n_iter_no_change"],
                schedule=schedule,
                verbose=self.verbose,
            )
        return messages

    @torch.no_grad()
    def step_back(self, weights, share):
        """Move every weight by a share of the way back to earlier `weights`."""
        for module, before in zip(self.modules, weights, strict=True):
            for name, parameter in module.named_parameters():
                parameter.lerp_(torch.from_numpy(before[name]).to(parameter), share)

    def _without_unit(self, y):
        with np.errstate(over="ignore"):  # training says that it diverged
            return ((y - self.offset) / self.scale).astype(np.float32)

    def centre_features(self, data) -> bool:
        """Take the mean features of training spectra off, so that base values are mean outputs.

        Returns
        -------
        finite : bool
            Whether float32 holds the base values.
        """
        sums: list[Any] = [0.0 for _ in self.nets]
        for rows in chunks(data.views):
            for i, features in enumerate(self.feature_maps(data.views[rows])):  # (B, K, L)
                weight = torch.from_numpy(data.sample_weight[rows]).to(features)
                sums[i] += torch.einsum("b,bkl->kl", weight, features)
        for module, total in zip(self.modules, sums, strict=True):
            module.centre_features(total / data.sample_weight.sum())
        return all(bool(torch.isfinite(module.head.bias).all()) for module in self.modules)

    def centre_outputs(self):
        """Make the outputs of every spectrum add up to zero."""
        for module in self.modules:
            module.centre_outputs()

    def scale_outputs(self, factor):
        """Multiply the outputs by a factor."""
        for module in self.modules:
            module.scale_outputs(factor)
