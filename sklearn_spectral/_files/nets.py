"""Networks as plain values and arrays, and back."""

import math
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from .. import _network
from .._lazy import skorch, torch
from .._network.sizes import KERNEL_SIZE, STEM_SIZE, STRIDE

OPTIMIZER_STATE = {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}  # AdamW's


def _numpy(tensors):
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def net_state(net):
    """Return what a skorch net is made of, as plain values and arrays."""
    module = net.module_
    names = ("n_points", "n_outputs", "n_views", "width", "shortcut", "pooling")
    own = {"n_blocks": len(module.blocks), "seed": net.module__seed}
    _, key, position, *_ = net.iterator_train__random_state.get_state()
    return {
        "module": {name: getattr(module, name) for name in names} | own,
        "weights": _numpy(module.state_dict()),
        "optimizer": {
            index: _numpy(state) for index, state in net.optimizer_.state_dict()["state"].items()
        },
        "shuffling": (key, position),
        # The history of all batches would be longer than the weights.
        "history": [{**epoch, "batches": []} for epoch in net.history],
    }


def n_weights(n_points, n_outputs, n_views, width, n_blocks, shortcut, pooling):
    """Return how many numbers the `state_dict` of a `ResNet1D` holds."""
    n_positions = math.ceil(n_points / STRIDE)
    n_features = width + (n_views * STRIDE if shortcut else 0)
    stem = width * (n_views * STEM_SIZE + 1)
    blocks = n_blocks * 2 * width * (width * KERNEL_SIZE + 1)
    head = n_outputs * (n_features * (1 if pooling else n_positions) + 1)
    return stem + blocks + head + n_features * n_positions


def net_from(estimator, state):
    """Return the skorch net of `net_state`, made by the estimator."""
    module, weights = dict(state["module"]), state["weights"]
    least = {"shortcut": False, "pooling": False, "n_blocks": 0, "seed": 0}  # 1 of all others
    for name, value in module.items():
        if type(value) is not type(least.get(name, 1)) or not least.get(name, 1) <= value < 2**63:
            raise ValueError(f"{name}={value!r:.80} of a network")
    seed = module.pop("seed")
    # Before memory is taken: as many numbers as there are.
    if n_weights(**module) != sum(array.size for array in weights.values()):
        raise ValueError("the network's size and its weights do not fit each other")
    key, position = state["shuffling"]
    if not 0 <= position <= 624:  # NumPy reads where it says
        raise ValueError(f"the random state is at {position!r:.80}")
    shuffling: Any = np.random.RandomState()
    shuffling.set_state(("MT19937", key, position))
    params = estimator.get_params(deep=False)
    own = params["net_params"] or {}
    # The network keeps its parameters, even if set_params has changed those of the estimator.
    params["net_params"] = {k: v for k, v in own.items() if not k.startswith("module__")}
    module["seed"] = seed
    net = _network.net.make_net(params, module, shuffling, classifies=is_classifier(estimator))
    check_like(net.module_.state_dict(), weights, "weights")
    net.module_.load_state_dict({name: torch.from_numpy(a) for name, a in weights.items()})
    optimizer = net.optimizer_.state_dict()
    parameters = [p for group in net.optimizer_.param_groups for p in group["params"]]
    for index, moments in state["optimizer"].items():
        like = {n: parameters[index].new_empty(() if n == "step" else parameters[index].shape)
                for n in OPTIMIZER_STATE & moments.keys()}  # fmt: skip
        check_like(like, moments, "optimizer")
        optimizer["state"][index] = {n: torch.from_numpy(a) for n, a in moments.items()}
    net.optimizer_.load_state_dict(optimizer)
    net.history_ = skorch.history.History(state["history"])
    return net


def check_like(tensors, arrays, what):
    """Check that arrays have the names, shapes and types of the tensors that they replace."""
    if tensors.keys() != arrays.keys():
        raise ValueError(f"the {what} have other names than the network's")
    for name, tensor in tensors.items():
        array = arrays[name]
        if array.shape != tuple(tensor.shape) or torch.from_numpy(array).dtype != tensor.dtype:
            raise ValueError(
                f"{name} of the {what} is {array.dtype} {array.shape}, but the network has "
                f"{tensor.dtype} {tuple(tensor.shape)}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} of the {what} holds NaN or infinity")
