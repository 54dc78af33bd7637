"""The container of a data set, which prints shapes instead of numbers."""

from sklearn.utils import Bunch


class SpectraBunch(Bunch):
    """A Bunch of spectra and what belongs to them, of which consoles and notebooks show shapes."""

    def __repr__(self) -> str:
        lines = [f"{name}: {_described(value)}" for name, value in self.items()]
        return "\n".join([type(self).__name__, *lines])

    def __reduce__(self):
        return Bunch, (), None, None, iter(self.items())  # files name no private place


def _described(value):
    """Return type and size of a value, or the value if it is a short text."""
    if isinstance(value, str) and "\n" not in value:
        return repr(value)
    size = f"shape {value.shape}" if hasattr(value, "shape") else f"length {len(value)}"
    return f"{type(value).__name__}, {size}"
