"""The structure of the package: imports run one way, and all of them are at the top of a file."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import sklearn_spectral

PACKAGE = Path(sklearn_spectral.__file__).parent
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
IMPORTS = ast.Import | ast.ImportFrom


def modules_of(package):
    """Return the path of every module by its dotted name; `__init__.py` has that of its folder."""
    modules = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        modules[".".join(parts).removesuffix(".__init__")] = path
    return modules


def targets(node, name, modules):
    """Return the modules of the package that an import statement in the module `name` names."""
    if isinstance(node, ast.Import):
        found = {alias.name for alias in node.names}
    else:
        parts = name.split(".") if modules[name].stem == "__init__" else name.split(".")[:-1]
        parts = parts[: len(parts) - node.level + 1] if node.level else []
        source = ".".join([*parts, node.module] if node.module else parts)
        found = {f"{source}.{alias.name}" for alias in node.names}
        found = {each if each in modules else source for each in found}
    return found & set(modules) - {name}


def imports_of(package):
    """Return which modules each module imports, and the imports of own modules in functions."""
    modules = modules_of(package)
    graph, inner = {}, []
    for name, path in modules.items():
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        found = [targets(node, name, modules) for node in nodes if isinstance(node, IMPORTS)]
        graph[name] = set().union(*found)
        for function in (node for node in nodes if isinstance(node, FUNCTIONS)):
            for node in (node for node in ast.walk(function) if isinstance(node, IMPORTS)):
                inner += [f"{name}:{node.lineno} imports {t}" for t in targets(node, name, modules)]
    return graph, inner


def by_folder(graph, package):
    """Return the graph with all files of a folder as one; files of the top folder stay single.

    A circle of single files is therefore one of this graph as well.
    """
    folders = {
        name: name if path.parent == package else path.parent.relative_to(package.parent).as_posix()
        for name, path in modules_of(package).items()
    }
    merged = {folder: set() for folder in folders.values()}
    for name, found in graph.items():
        merged[folders[name]] |= {folders[each] for each in found} - {folders[name]}
    return merged


def circle(graph):
    """Return one circle of a graph, as a list whose first name is also its last, or none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_circle_of_files():
    assert circle(imports_of(PACKAGE)[0]) == []


def test_no_circle_of_folders():
    assert circle(by_folder(imports_of(PACKAGE)[0], PACKAGE)) == []


def test_no_own_module_is_imported_inside_a_function():
    assert imports_of(PACKAGE)[1] == []


# A package that is in order; each case changes one of its files.
FILES = {
    "__init__": "from ._maps import draw\nfrom ._net import train",
    "_numbers": "import numpy as np",
    "_maps/__init__": "from .draw import draw",
    "_maps/draw": "def draw():\n    import matplotlib\n    from package_of_others import _net",
    "_net/__init__": "",
    "_net/train": "from p import _numbers\nimport p._maps.draw\nfrom .layers import layer",
    "_net/layers": "from .._numbers import number",
}
LAYERS_AND_BACK = ["p._net.layers", "p._numbers"], ["p._numbers", "p/_net"]
IN_A_METHOD = "class A:\n async def f(self):\n  if self:\n   import p._maps.draw"


@pytest.mark.parametrize(
    ("name", "text", "files", "folders", "inner"),
    [
        ("_numbers", "import numpy", [], [], []),
        ("_numbers", "from ._net import layers", *LAYERS_AND_BACK, []),
        ("_numbers", "import p._net.layers as other", *LAYERS_AND_BACK, []),
        (
            *("_numbers", "def f():\n    from ._net.layers import layer", *LAYERS_AND_BACK),
            ["p._numbers:2 imports p._net.layers"],
        ),
        ("_numbers", IN_A_METHOD, [], [], ["p._numbers:4 imports p._maps.draw"]),
        # No circle of files, but train imports draw, and colours imports layers.
        ("_maps/colours", "from .._net.layers import layer", [], ["p/_maps", "p/_net"], []),
        ("_maps/draw", "from .. import _maps", ["p._maps", "p._maps.draw"], [], []),
        (
            *("_net/layers", "from .. import layer"),
            *(["p", "p._net.layers", "p._net.train"], ["p", "p/_net"], []),
        ),
    ],
)
def test_circles_and_inner_imports_are_found(tmp_path, name, text, files, folders, inner):
    package = tmp_path / "p"
    for each, content in (FILES | {name: text}).items():
        path = package / f"{each}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    graph, found = imports_of(package)
    assert sorted(set(circle(graph))) == files
    assert sorted(set(circle(by_folder(graph, package)))) == folders
    assert found == inner
