"""Values as JSON and arrays, and back, without running anything that a file names."""

import math
import re

import numpy as np
from sklearn.preprocessing import StandardScaler

from .._calibration.domain import Domain
from .._explanation.correction import MapCorrection
from .._spectra.views import ViewScaler

# Classes that attributes may have besides plain values. Each is written as its own attributes.
CLASSES = {each.__name__: each for each in (Domain, MapCorrection, StandardScaler, ViewScaler)}
SCALARS = {np.dtype(code).name: np.dtype(code).type for code in "?bhilqBHILQefd"} | {"str": np.str_}
ATTRIBUTE = re.compile(r"_?[a-z][a-z0-9_]{0,60}")
MAX_DEPTH = 16


def encode(value, where, tensors):
    """Return a value as JSON; its arrays go to `tensors`."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.generic):
        name = "str" if isinstance(value, np.str_) else value.dtype.name
        if name in SCALARS:
            return {"scalar": [name, encode(value.item(), where, tensors)]}
    if type(value) is np.ndarray and (value.dtype.kind in "bU" or value.dtype.name in SCALARS):
        name = f"{len(tensors)} {where}"
        value = np.asarray(value, dtype=value.dtype.newbyteorder("="), order="C")
        kind, view = {"b": ("bools", np.uint8), "U": ("strings", np.uint32)}.get(
            value.dtype.kind, ("array", value.dtype)
        )
        # The letters of a string are numbers along one more axis.
        tensors[name] = value[..., None].view(view) if kind == "strings" else value.view(view)
        return {kind: name}
    if type(value) is np.ndarray and value.dtype == object and value.ndim == 1:
        return {"objects": encode(value.tolist(), where, tensors)}
    if type(value) in (list, tuple):
        items = [encode(item, f"{where}[{i}]", tensors) for i, item in enumerate(value)]
        return items if type(value) is list else {"tuple": items}
    if type(value) is dict:
        return {
            "dict": [
                [encode(key, where, tensors), encode(item, f"{where}[{key!r}]", tensors)]
                for key, item in value.items()
            ]
        }
    if CLASSES.get(type(value).__name__) is type(value):
        attributes = {
            name: encode(item, f"{where}.{name}", tensors) for name, item in vars(value).items()
        }
        return {"object": [type(value).__name__, attributes]}
    raise ValueError(
        f"{where} is {value!r:.80}, of type {type(value).__name__}, but a file can contain only "
        "numbers, text and arrays of these. If it is a parameter, set it to one of these or to "
        "None (set_params) before saving. Otherwise use joblib, if only trusted people can change "
        "the file."
    )


def decode(code, tensors, depth=0):
    """Return the value behind what `encode` returned."""
    if depth > MAX_DEPTH:
        raise ValueError(f"values are nested more than {MAX_DEPTH} deep")
    if not isinstance(code, list | dict):
        return code

    def inner(code):
        return decode(code, tensors, depth + 1)

    if isinstance(code, list):
        return [inner(item) for item in code]
    ((kind, content),) = code.items()
    match kind:
        case "float":
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]
        case "scalar":
            name, value = content
            return SCALARS[name](inner(value))
        case "array":
            return tensors.pop(content)  # once: many names for one array would fill the memory
        case "bools":
            array = tensors.pop(content)
            if array.dtype != np.uint8 or (array > 1).any():
                raise ValueError(f"{content!r} holds other values than 0 and 1")
            return array.view(bool)
        case "strings":
            array = tensors.pop(content)
            if array.dtype != np.uint32 or (array > 0x10FFFF).any():
                raise ValueError(f"{content!r} holds other values than letters")
            return array.view(f"U{array.shape[-1]}")[..., 0]
        case "objects":
            items = inner(content)
            array = np.empty(len(items), dtype=object)
            array[:] = items
            return array
        case "tuple":
            return tuple(inner(content))
        case "dict":
            return {inner(key): inner(item) for key, item in content}
        case "object":
            name, attributes = content
            instance = CLASSES[name]()
            for name, item in attributes.items():
                set_attribute(instance, name, inner(item))
            return instance
    raise ValueError(f"{kind!r:.80} is no kind of value")


def set_attribute(thing, name, value):
    """Set an attribute, but nothing that the class itself has, such as a method."""
    if not ATTRIBUTE.fullmatch(name) or hasattr(type(thing), name):
        raise ValueError(f"{name!r:.80} is no attribute that a file may set")
    vars(thing)[name] = value
