"""Names in pickled models: classes are found under the package, wherever their files are."""

PARTS: dict[str, type] = {}


def part_of_models(cls: type) -> type:
    """Let pickles name a private class ``sklearn_spectral.Name`` instead of its file.

    joblib and pickle write down where every class of a model is defined. Files of the package
    move, and saved models must survive that: `sklearn_spectral.__getattr__` finds these classes.
    """
    PARTS[cls.__name__] = cls
    cls.__module__ = __package__
    return cls
