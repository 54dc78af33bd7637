"""The public surface."""

import doctest
import inspect
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
from helpers import public_names
from sklearn_spectral import preprocessing

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
MODULES = {"datasets", "hyperspectral", "metrics", "preprocessing"}
PUBLIC = [getattr(module, name) for module, name in public_names()]
# pytest collects them in the files of classes, but not of those whose public place is another.
METHODS = {
    f"{kind.__qualname__}.{name}": inspect.unwrap(getattr(member, "fget", member))
    for kind in PUBLIC
    if inspect.isclass(kind)
    for name, member in vars(kind).items()
    if not name.startswith("_") and ">>>" in str(member.__doc__)
}


def test_all_is_exactly_what_is_visible():
    for module in (sklearn_spectral, preprocessing):
        visible = {name for name in vars(module) if not name.startswith("_")}
        assert module.__all__ == sorted(module.__all__)
        assert visible - MODULES == set(module.__all__)


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: f"{thing.__module__}.{thing.__name__}")
def test_everything_public_is_documented(thing):
    assert ">>>" in thing.__doc__, "has no example"
    assert "See Also\n" in thing.__doc__, "has no See Also"


@pytest.mark.parametrize("name", METHODS)
def test_examples_of_methods_run(name):
    function = METHODS[name]
    (examples,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    report = io.StringIO()
    assert runner.run(examples, out=report.write).failed == 0, report.getvalue()


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


def test_every_place_tells_the_same_version():
    for name, line in (
        ("CITATION.cff", r"^version: (.+)$"),
        ("conda/recipe.yaml", r'^  version: "(.+)"$'),
        ("CHANGELOG.md", r"^## \[(\d.*)\] - "),  # the newest comes first
    ):
        found = re.search(line, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        assert found and found[1] == sklearn_spectral.__version__, name


def test_the_conda_recipe_has_the_bounds_of_pyproject():
    recipe = (ROOT / "conda/recipe.yaml").read_text(encoding="utf-8")
    extras = PROJECT["optional-dependencies"]
    of_users = set(extras) - {"dev", "docs", "test"}
    wanted = PROJECT["dependencies"] + [each for name in of_users for each in extras[name]]
    bounds = {re.split(r"[\[>]", each)[0]: each.split(">=")[1] for each in wanted}
    names = {"torch": "pytorch", "matplotlib": "matplotlib-base", "dask": "dask-core"}
    found = dict(re.findall(r"^    - (\S+) >=([\d.]+)$", recipe, re.MULTILINE))
    assert f"setuptools>={found.pop('setuptools')}" in PYPROJECT["build-system"]["requires"]
    assert found == {names.get(name, name): bound for name, bound in bounds.items()}


def test_what_others_run_for_us_the_makefile_runs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    files = [*ROOT.glob(".github/workflows/*.yml"), ROOT / ".readthedocs.yaml"]
    for path in [*files, ROOT / ".pre-commit-config.yaml"]:
        text = path.read_text(encoding="utf-8")
        commands = re.findall(r"(?:run: |entry: |^    - )make ([\w-]+)", text, re.MULTILINE)
        assert commands and set(commands) <= targets, path
        assert text.count(" run: ") + text.count("entry: ") <= len(commands), path


def test_every_extra_that_a_message_or_page_names_exists_and_is_named_alike():
    extras = set(PROJECT["optional-dependencies"])
    for pattern in ("sklearn_spectral/**/*.py", "docs/**/*.md", "examples/**/*.py", "*.md"):
        for path in ROOT.glob(pattern):
            text = path.read_text(encoding="utf-8")
            named = re.findall(r"sklearn-spectral\[([\w,]+)\]", text)
            assert set(",".join(named).split(",")) - {""} <= extras, path
            installs = re.findall(r"pip install (?:-\S+ )*(\S*sklearn-spectral\[\S+)", text)
            assert [each for each in installs if each.lstrip("\\")[0] != '"'] == [], path


def test_messages_name_extras_that_exist():
    source = "".join(p.read_text(encoding="utf-8") for p in ROOT.glob("sklearn_spectral/**/*.py"))
    named = re.findall(r'optional\("[\w.]+", "(\w+)"', source)
    assert len(named) == source.count("optional(") - 1  # its definition
    assert set(named) <= set(PROJECT["optional-dependencies"])
