"""The public surface."""

import io
import pickle
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import joblib
import pytest
import skops.io
from sklearn.pipeline import make_pipeline

import sklearn_spectral
from sklearn_spectral import datasets, hyperspectral, metrics, preprocessing

MODULES = {"datasets", "hyperspectral", "metrics", "preprocessing"}
# What is downloaded, and what functions return.
WITHOUT_EXAMPLE = {"LazyExplanation", "MaskingCurve", "fetch_oil_adulteration"}


def test_all_is_exactly_what_is_visible():
    for module in (sklearn_spectral, preprocessing):
        visible = {name for name in vars(module) if not name.startswith("_")}
        assert module.__all__ == sorted(module.__all__)
        assert visible - MODULES == set(module.__all__)


@pytest.mark.parametrize(
    "module", [sklearn_spectral, datasets, hyperspectral, metrics, preprocessing]
)
def test_everything_public_is_documented(module):
    for name in set(module.__all__) - WITHOUT_EXAMPLE:
        thing = getattr(module, name)
        assert thing.__doc__ and ">>>" in thing.__doc__, f"{name} has no example"


@pytest.mark.parametrize(
    "dump",
    [
        lambda model: pickle.dumps(model),
        lambda model: _to_stream(joblib.dump, model),
        lambda model: skops.io.dumps(model),
    ],
    ids=["pickle", "joblib", "skops"],
)
def test_files_name_no_private_place(kinds, dump):
    # Such files outlive every move of a class from one private file to another.
    X, y = kinds
    model = make_pipeline(
        preprocessing.CosmicRayRemover(),
        sklearn_spectral.ResNet1DClassifier(max_epochs=1, random_state=0),
    ).fit(X, y)
    content = dump(model)
    assert b"sklearn_spectral" in content and b"sklearn_spectral._" not in content
    assert b"preprocessing._" not in content


def _to_stream(dump, model):
    stream = io.BytesIO()
    dump(model, stream)
    return stream.getvalue()


def test_the_package_has_no_other_names():
    for module in (sklearn_spectral, sklearn_spectral._network):
        with pytest.raises(AttributeError, match="has no attribute 'ResNet2D'"):
            module.ResNet2D  # noqa: B018


# What is not needed until a network is fitted, a figure drawn, or an image too large for memory.
HEAVY = {"torch", "skorch", "matplotlib", "plotly", "dask", "onnx", "ipywidgets", "tqdm.notebook"}
# A Jupyter kernel without ipywidgets, as tqdm asks for it.
KERNEL = """
import sys, types
sys.modules["ipywidgets"] = None
shell = types.SimpleNamespace(config={"IPKernelApp": {}})
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: shell)
"""


def run(code, *flags):
    """Run code where nothing is imported yet, warnings being errors; return what it printed."""
    command = [sys.executable, "-W", "error", *flags, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("before", ["", KERNEL], ids=["script", "notebook without ipywidgets"])
def test_import_takes_what_is_needed_and_gives_no_warning(before):
    modules = ", ".join(f"sklearn_spectral.{name}" for name in sorted(MODULES - {"hyperspectral"}))
    imports = f"import sys, sklearn_spectral, {modules}\nnew = set(sys.modules) - set(old)"
    printed, _ = run(f"{before}\nimport sys\nold = list(sys.modules)\n{imports}\nprint(*new)")
    assert HEAVY & set(printed.split()) == set()
    assert "sklearn_spectral._estimators.base" in printed


def test_a_pickle_is_the_first_that_needs_the_network(regressor, mixtures, tmp_path):
    X = mixtures[0][:2]
    joblib.dump((regressor, regressor.to_module(), X), tmp_path / "model")
    code = f"import joblib; model, _, X = joblib.load({str(tmp_path / 'model')!r})"
    printed, _ = run(f"{code}; print(model.predict(X).tolist())")
    assert printed == f"{regressor.predict(X).tolist()}\n"


def test_every_extra_that_a_message_or_page_names_exists_and_is_named_alike():
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    for folder, kind in (
        ("sklearn_spectral", "py"),
        ("docs", "md"),
        ("examples", "py"),
        (".", "md"),
    ):
        for path in (root / folder).glob(f"**/*.{kind}" if folder != "." else "*.md"):
            text = path.read_text(encoding="utf-8")
            named = re.findall(r"sklearn-spectral\[([\w,]+)\]", text)
            assert set(",".join(named).split(",")) - {""} <= extras | {"extra"}, path
            installs = re.findall(r"pip install (?:-\S+ )*(\S*sklearn-spectral\[\S+)", text)
            assert [each for each in installs if each[0] != '"'] == [], path
