"""The site: its code runs, it builds without a warning, links resolve, and nothing is missing."""

import inspect
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import is_dataclass
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import matplotlib
import matplotlib.pyplot as plt
import pytest

from helpers import public_names

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
BUILT = ("_build", "gallery", "generated")  # by `make docs`, and not part of the sources
CODE = re.compile(r"^```(?:python|\{code-cell\})\n(?::tags:.*\n)?(.*?)^```", flags=re.S | re.M)
PAGES = sorted(
    page
    for page in DOCS.rglob("*.md")
    if page.relative_to(DOCS).parts[0] not in BUILT
    and CODE.search(page.read_text(encoding="utf-8"))
)
PUBLIC = public_names()
PHONE = {"width": 390, "height": 844}


EXAMPLES = sorted((REPOSITORY / "examples").rglob("plot_*.py"))
WIDTH = 79  # columns of code that a page shows without cutting it
ANY_CODE = re.compile(r"^( *)```(?:python|bash|\{code-\w+\}[^\n]*)\n(.*?)^\1```", flags=re.S | re.M)


def test_code_of_pages_and_examples_fits_the_page():
    shown = [
        (page.name, line.removeprefix(indent))
        for page in DOCS.rglob("*.md")
        if page.relative_to(DOCS).parts[0] not in BUILT
        for indent, code in ANY_CODE.findall(page.read_text(encoding="utf-8"))
        for line in code.splitlines()
    ]
    shown += [
        (path.name, line)
        for path in EXAMPLES
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len({name for name, _ in shown}) > 35
    assert [(name, line) for name, line in shown if len(line) > WIDTH] == []


def test_guide_and_gallery_link_to_each_other():
    guide = {
        page.stem: set(re.findall(r"\(\.\./gallery/(\w+/\w+)\)", page.read_text(encoding="utf-8")))
        for page in (DOCS / "user_guide").glob("*.md")
        if page.stem != "index"
    }
    examples = {f"{path.parent.name}/{path.stem}": path for path in EXAMPLES}
    assert [page for page, linked in guide.items() if not linked] == []
    assert set(examples) == set().union(*guide.values())
    for name, path in examples.items():
        opening = path.read_text(encoding="utf-8").split('"""')[1]
        pages = re.findall(r"/user_guide/(\w+)", opening)
        assert pages and set(pages) <= set(guide), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_code_of_a_page_runs(page, tmp_path, monkeypatch):
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in CODE.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, str(page), "exec"), namespace)
    plt.close("all")


# ---------------------------------------------------------------------- docstrings

# What numpydoc would have and we do without: an extended summary, "See Also" and an example for
# every method (test_package.py asks every public name for one); unnamed return values; the
# description and the type of what another docstring or the type itself describes.
NOT_ASKED = {"ES01", "SA01", "EX01", "RT02", "RT03", "RT04", "PR04", "PR07"}


def _full_names():
    """Return the full names of public objects, and of their own methods and properties."""
    names = []
    for module, name in PUBLIC:
        thing = getattr(module, name)
        names.append(f"{module.__name__}.{name}")
        for attribute, value in inspect.getmembers(thing) if inspect.isclass(thing) else ():
            function = getattr(value, "fget", value)
            ours = str(getattr(function, "__module__", "")).startswith("sklearn_spectral")
            if ours and not attribute.startswith("_"):
                names.append(f"{module.__name__}.{name}.{attribute}")
    return names


@pytest.mark.parametrize("name", _full_names())
def test_docstring_is_numpydoc(name):
    validate = pytest.importorskip("numpydoc.validate").validate
    asked = [error for error in validate(name)["errors"] if error[0] not in NOT_ASKED]
    module, _, last = name.rpartition(".")
    if is_dataclass(getattr(sys.modules.get(module), last, None)):
        # Their fields are documented once, as attributes.
        asked = [error for error in asked if error[0] != "PR01"]
    assert not asked


# ---------------------------------------------------------------------------- the site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site from a copy of its sources, without running gallery and pages."""
    pytest.importorskip("sphinx")
    copy, built = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("site")
    for folder in ("docs", "examples", "benchmarks"):
        ignored = shutil.ignore_patterns(*BUILT, "__pycache__")
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=ignored)
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(REPOSITORY / name, copy)
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [
            *build,
            "-D",
            "plot_gallery=0",
            "-D",
            "nb_execution_mode=off",
            str(copy / "docs"),
            str(built),
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return built


class _Page(HTMLParser):
    """The anchors of a page and what it refers to."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.references = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.add(attributes.get("id"))
        for name in ("href", "src"):
            if attributes.get(name):
                self.references.append(attributes[name])


def html_pages(site):
    """Return the pages of a site, without the templates that its theme keeps among the assets."""
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]


def broken_links(site):
    """Return (page, reference) of every internal reference that leads nowhere."""
    pages = {path: _Page(path) for path in html_pages(site)}
    broken = []
    for path, page in pages.items():
        for reference in page.references:
            parts = urlsplit(reference)
            if parts.scheme or parts.netloc:
                continue  # elsewhere, and there is no network here
            address, anchor = urldefrag(reference)
            target = path
            if address:
                target = (path.parent / unquote(urlsplit(address).path)).resolve()
            if not target.is_file() or (
                anchor and target in pages and unquote(anchor) not in pages[target].anchors
            ):
                broken.append((str(path.relative_to(site)), reference))
    return broken


def test_broken_links_are_found(tmp_path):
    (tmp_path / "one.html").write_text(
        '<p id="here"><a href="two.html#there">x</a><a href="#here">'
    )
    (tmp_path / "two.html").write_text(
        '<img src="no.png"><a href="one.html"><a href="https://x.y">'
    )
    assert broken_links(tmp_path) == [("one.html", "two.html#there"), ("two.html", "no.png")]


def test_every_internal_link_resolves(site):
    assert len(html_pages(site)) > 30
    assert broken_links(site) == []


def test_nothing_is_fetched_from_elsewhere(site):
    loaded = re.compile(
        r"<(?:script|img|iframe)[^>]*\ssrc=\"(?:https?:)?//|@import|<link[^>]*=\"http"
    )
    assert [
        path.name for path in html_pages(site) if loaded.search(path.read_text(encoding="utf-8"))
    ] == []


@pytest.mark.parametrize(
    "module, name", PUBLIC, ids=lambda value: getattr(value, "__name__", value)
)
def test_every_public_name_is_in_the_reference(site, module, name):
    full_name = f"{module.__name__}.{name}"
    page = site / "generated" / f"{full_name}.html"
    assert page.is_file(), f"{full_name} is not in docs/api.md"
    assert full_name in _Page(page).anchors
    assert f"generated/{full_name}.html#{full_name}" in _Page(site / "api.html").references


def test_members_of_classes_are_in_the_reference_in_the_order_of_use(site):
    members = [name for name in _full_names() if name.rsplit(".", 1)[0] in set(_full_names())]
    assert len(members) > 50
    for name in members:
        page = (site / "generated" / f"{name.rsplit('.', 1)[0]}.html").read_text()
        assert f'id="{name}"' in page and f'href="#{name}"' in page
    page = (site / "generated" / "sklearn_spectral.ResNet1DClassifier.html").read_text()
    used = ["fit", "predict", "predict_proba", "explain", "applicability", "partial_fit", "save"]
    places = [page.index(f'id="sklearn_spectral.ResNet1DClassifier.{name}"') for name in used]
    assert places == sorted(places)
    text = re.sub("<[^>]+>", "", page)
    assert "from sklearn_spectral import ResNet1DClassifier" in text


# -------------------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium, where there is one."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=found, args=flags)
        yield chromium
        chromium.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Print nothing."""


@contextmanager
def served(site):
    """Serve a site on this machine; give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


# Figures that are really there, by their width on the screen: pictures, and interactive views.
FIGURE_WIDTHS = """() => [...document.querySelectorAll("article img, article .js-plotly-plot")]
    .filter(each => each.naturalWidth || each.querySelector(".main-svg .trace"))
    .map(each => each.getBoundingClientRect().width)"""


def faults(browser, site, pages, with_figures=False):
    """Return what is wrong with pages, as a phone shows them: (page, what)."""
    found, name = [], None

    def note(what):
        found.append((name, what))

    with served(site) as address:
        page = browser.new_page(viewport=PHONE)
        page.on("console", lambda said: said.type == "error" and note(said.text))
        page.on("pageerror", lambda error: note(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((address, "data:", "blob:"))
                or note(f"asks elsewhere: {request.url}")
            ),
        )
        for path in pages:
            name = path.relative_to(site).as_posix()
            page.goto(f"{address}{name}")
            if page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
                note("wider than a phone")
            # What is narrower than that cannot be read.
            if with_figures and max(page.evaluate(FIGURE_WIDTHS), default=0) < 300:
                note("no figure")
        page.close()
    return found


def test_faults_of_a_page_are_found(tmp_path, browser):
    figure = '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"></svg>'
    (tmp_path / "figure.svg").write_text(figure, encoding="utf-8")
    phone = '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    pages = {
        "good": '<article><img style="width: 100%" src="figure.svg"></article>',
        "lost": '<article><img src="lost.svg"></article>',
        "wide": '<article><img style="width: 500px" src="figure.svg"></article>',
        "wrong": '<article><img src="figure.svg" width="320"></article><script>no()</script>',
        "elsewhere": '<script src="http://127.0.0.1:9/x.js"></script>',
    }
    for name, body in pages.items():
        (tmp_path / f"{name}.html").write_text(f"<!doctype html>{phone}{body}", encoding="utf-8")
    said = faults(browser, tmp_path, [tmp_path / f"{name}.html" for name in pages], True)
    assert [(page, what[:18]) for page, what in said] == [
        ("lost.html", "Failed to load res"),
        ("lost.html", "no figure"),
        ("wide.html", "wider than a phone"),
        ("wrong.html", "no is not defined"),
        ("elsewhere.html", "asks elsewhere: ht"),
        ("elsewhere.html", "Failed to load res"),
        ("elsewhere.html", "no figure"),
    ]


def test_pages_are_quiet_and_fit_a_phone(site, browser):
    assert faults(browser, site, html_pages(site)) == []


def test_gallery_has_its_figures(browser):
    """Of the site that `make docs` has built, if it has, examples and all."""
    built = DOCS / "_build"
    pages = sorted((built / "gallery").rglob("plot_*.html"))
    if not pages:
        pytest.skip("make docs has not been run")
    assert faults(browser, built, pages, with_figures=True) == []
