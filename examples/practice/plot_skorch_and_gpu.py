"""
Training history, skorch callbacks and GPU
==========================================

The estimators contain a `skorch <https://skorch.readthedocs.io>`_ net, so you
can use the history, the callbacks and the parameters of skorch, and the
devices of PyTorch. This example plots the loss of the training and of a
validation set, uses callbacks, and trains on a GPU if there is one. See also
:doc:`/user_guide/fitting`.
"""

# %%
# The data are synthetic Raman spectra of six vegetable oils, with two
# replicates per sample. Early stopping sets aside whole samples, and keeps the
# weights of the epoch with the lowest validation loss.
import matplotlib.pyplot as plt
import numpy as np
import torch
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback, GradientNormClipping

from sklearn_spectral import ResNet1DClassifier
from sklearn_spectral.datasets import make_oil_blends

oils = make_oil_blends(120, adulterant=None, cosmic_rays=0, random_state=0)
spectra = make_pipeline(ArPls(), StandardNormalVariate()).fit_transform(
    oils.data
)


# %%
# The following class is a callback of your own. It records how far the
# training has moved the weights of the head from their start. skorch calls it
# after every epoch, and the recorded value becomes part of the history. It is
# used together with a callback of skorch, which clips the gradient.
class Movement(Callback):
    """Record the distance of the weights of the head from their start."""

    def on_train_begin(self, net, **kwargs):
        """Remember the start."""
        self.start_ = net.module_.head_weight.detach().clone()

    def on_epoch_end(self, net, **kwargs):
        """Record the distance."""
        weight = net.module_.head_weight.detach()
        distance = (weight - self.start_).norm().item()
        net.history.record("movement", distance)


models = {}
for name, shortcut in {"standard start": True, "random start": False}.items():
    model = ResNet1DClassifier(
        shortcut=shortcut,
        max_epochs=60,
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=20,
        device="auto",
        callbacks=[
            ("movement", Movement()),
            ("clip", GradientNormClipping(1.0)),
        ],
        random_state=0,
    )
    models[name] = model.fit(spectra, oils.target, groups=oils.groups)

# %%
# ``device="auto"`` uses a GPU if there is one, and ``"cuda"`` requires one.
# The results differ from those of a CPU by rounding. A few hundred spectra, as
# here, train in seconds on a CPU.
print(f"Trained on: {model.nets_[0].module_.head_weight.device}")

# %%
# The history has one row per epoch. The losses are cross-entropies. With
# ``shortcut=False`` the network starts from random weights: its validation
# loss decreases for about twenty epochs and then increases, because the
# network begins to overfit. The standard network starts from PLS and ridge
# calibrations. Its validation loss is lower from the first epoch on, and
# training improves it only a little. Early stopping keeps the weights at the
# minimum.
figure, (top, bottom) = plt.subplots(
    2, figsize=(6.5, 6), sharex=True, layout="constrained"
)
for color, (name, model) in zip(["C0", "C1"], models.items(), strict=True):
    history = model.nets_[0].history
    epochs, loss = history[:, "epoch"], history[:, "valid_loss"]
    best = int(np.argmin(loss))
    print(
        f"{name}: {len(epochs)} epochs; validation loss {loss[0]:.2f} in "
        f"the first, {loss[best]:.2f} in epoch {epochs[best]}"
    )
    top.plot(epochs, loss, color=color, label=f"validation, {name}")
    top.plot(epochs[best], loss[best], "o", color=color)
    top.plot(epochs, history[:, "train_loss"], ":", color=color)
    bottom.plot(epochs, history[:, "movement"], color=color, label=name)
top.plot([], [], ":", color="0.4", label="training")
top.plot([], [], "o", color="0.4", label="weights that are kept")
top.set(ylabel="Loss", ylim=(0, None))
top.legend()
bottom.set(
    xlabel="Epoch", ylabel="Distance of the head\nweights from the start"
)

# %%
# All other parameters are passed to skorch by ``net_params``, for example
# another optimizer.
sgd = ResNet1DClassifier(
    lr=1e-3,
    net_params={"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9},
    random_state=0,
)
sgd.fit(spectra, oils.target, groups=oils.groups)
print(type(sgd.nets_[0].optimizer_).__name__)
plt.show()
