"""
How do I watch the training, and run it on a GPU?
=================================================

The estimators hold a `skorch <https://skorch.readthedocs.io>`_ net, and all that skorch offers
stays in reach: its history, its callbacks, its parameters, and PyTorch's devices.
"""

# %%
# Sunflower oil in olive oil, two replicates a sample. Early stopping sets whole samples aside and
# keeps the weights with which their loss was lowest.
import matplotlib.pyplot as plt
import numpy as np
import torch
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback, GradientNormClipping

from sklearn_spectral import ResNet1DRegressor
from sklearn_spectral.datasets import make_oil_blends

blends = make_oil_blends(60, cosmic_rays=0, random_state=0)


# %%
# A callback of one's own: how far the training has moved the head of the network from where the
# closed-form start had put it. skorch calls it after every epoch; what it records lands in the
# history. skorch's own callbacks go beside it, such as one that clips the gradient.
class Movement(Callback):
    """Record how far the head's weights are from where they started."""

    def on_train_begin(self, net, **kwargs):
        """Remember the start."""
        self.start_ = net.module_.head_weight.detach().clone()

    def on_epoch_end(self, net, **kwargs):
        """Record the relative distance."""
        moved = (
            net.module_.head_weight.detach() - self.start_
        ).norm() / self.start_.norm()
        net.history.record("movement", moved.item())


model = make_pipeline(
    ArPls(),
    StandardNormalVariate(),
    ResNet1DRegressor(
        max_epochs=40,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=15,
        device="auto",
        callbacks=[
            ("movement", Movement()),
            ("clip", GradientNormClipping(1.0)),
        ],
        random_state=0,
    ),
)
model.fit(blends.data, blends.target, resnet1dregressor__groups=blends.groups)

# %%
# ``device="auto"`` takes a GPU where there is one, ``"cuda"`` asks for it. Results differ from
# those of a CPU by rounding. A hundred spectra as here train in seconds on a CPU.
print(f"Trained on: {model[-1].nets_[0].module_.head_weight.device}")

# %%
# The history is skorch's: a row an epoch. Losses are mean squared errors of y scaled to unit
# variance. Where the loss on the samples set aside has its minimum, the training ended in effect.
net = model[-1].nets_[0]
epochs = net.history[:, "epoch"]
best = int(np.argmin(net.history[:, "valid_loss"]))
print(f"{len(epochs)} epochs; kept are the weights of epoch {epochs[best]}")
figure, (top, bottom) = plt.subplots(
    2, figsize=(7, 5.5), sharex=True, layout="constrained"
)
for name, label, style in [
    ("train_loss", "training", "-"),
    ("valid_loss", "set aside", "--"),
]:
    top.plot(epochs, net.history[:, name], style, label=label)
top.axvline(epochs[best], color="0.6", linewidth=1, label="kept")
top.set(ylabel="Loss", yscale="log")
top.legend()
bottom.plot(epochs, net.history[:, "movement"])
bottom.set(
    xlabel="Epoch",
    ylabel="Distance of the head's weights\nfrom the start (relative)",
)

# %%
# Everything else goes to skorch through ``net_params``: another optimizer, for instance.
sgd = ResNet1DRegressor(
    lr=1e-3,
    net_params={"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9},
    random_state=0,
)
sgd.fit(model[:-1].transform(blends.data), blends.target, groups=blends.groups)
print(type(sgd.nets_[0].optimizer_).__name__)
plt.show()
