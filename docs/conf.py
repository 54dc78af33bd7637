"""The site: `make docs`.

Nothing is fetched while it is read, nor while it is built, but for the real spectra of
`examples/studies/plot_oil_study.py`. Without a network, simulated ones take their place.
"""

import os
from html import escape
from pathlib import Path

import plotly.io
from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from plotly.io.base_renderers import MimetypeRenderer
from sphinx.util.logging import getLogger
from sphinx_gallery.sorting import ExplicitOrder

import sklearn_spectral

logger = getLogger(__name__)

project = "sklearn-spectral"
author = "The sklearn-spectral developers"
release = sklearn_spectral.__version__
copyright = f"{author}. Version {release}, BSD 3-Clause licence"

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
# The notebooks of the gallery are there to be downloaded.
exclude_patterns = ["_build", "jupyter_execute", "gallery/**.ipynb"]

# Every reference must resolve, to what is on this site.
nitpicky = True
nitpick_ignore_regex = [
    # No inventories of other projects: they would have to be downloaded at every build.
    ("py:.*", r"(sklearn|skorch|torch|matplotlib|numpy|pandas|dask|xarray)\..*"),
]

# Quickstart and user guide are run in the build, each in a kernel and a folder of its own, and show
# their outputs and figures. `make docs` in a clean checkout takes a minute for them.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # seconds for one cell
nb_merge_streams = True
os.environ.pop("MPLBACKEND", None)  # kernels draw into the page; the gallery sets its own

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_update_mathjax = False  # formulas are MathML, see below

extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings say types and shapes; annotations would fill the page
autodoc_default_options = {
    # scikit-learn makes these, and its own guide explains them.
    "exclude-members": "get_metadata_routing, set_fit_request, set_output, "
    "set_partial_fit_request, set_score_request"
}
numpydoc_show_class_members = False  # the templates list them, with their docstrings
add_module_names = False

# The sections of the gallery, and the examples of each, in the order of reading.
GALLERY = {
    "first_steps": ["first_regression", "first_classification", "reading_a_map", "file_formats"],
    "validation": [
        "replicates_and_groups",
        "pipeline_and_grid_search",
        "small_data",
        "class_imbalance",
    ],
    "maps": ["named_bands", "interactive", "out_of_fold", "linearity", "purity", "faithful"],
    "compare": ["better_than_pls", "pls_beside", "pls_coefficients_and_vip", "cam_methods"],
    "practice": [
        "applicability",
        "another_instrument",
        "onnx",
        "hyperspectral_map",
        "skorch_and_gpu",
    ],
    "studies": ["oil_study"],
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"demo\.py|__init__\.py",
    "subsection_order": ExplicitOrder([*(f"../examples/{section}" for section in GALLERY), "*"]),
    "within_subsection_order": ExplicitOrder(
        [*(f"plot_{name}.py" for names in GALLERY.values() for name in names), "*"]
    ),
    "backreferences_dir": "generated/examples",
    "doc_module": ("sklearn_spectral",),
    # Tables are shown; what a plotting call returns is not.
    "capture_repr": ("_repr_html_",),
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    # Seconds to run differ from machine to machine; no page of them.
    "write_computation_times": False,
    "min_reported_time": 1e9,
}


class _View(MimetypeRenderer):
    """Interactive views load plotly.js from this site; plotly's own renderers load it elsewhere."""

    def to_mimebundle(self, figure):
        view = plotly.io.to_html(
            figure,
            full_html=False,
            include_plotlyjs="../../_static/plotly.min.js",  # as seen from a section of the gallery
            # A view measures its width before the theme has laid out the page.
            post_script="window.addEventListener('load', () => Plotly.Plots.resize('{plot_id}'));",
        )
        return {"text/html": view}


plotly.io.renderers["site"] = _View()
plotly.io.renderers.default = "site"
PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"

html_theme = "pydata_sphinx_theme"
html_title = "sklearn-spectral"
html_favicon = "_static/icon.svg"
html_context = {"default_mode": "auto"}  # light or dark as the reader's system is
html_static_path = ["_static", str(PLOTLY_JS)]
html_css_files = ["site.css"]
html_sidebars = {"index": []}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
}
html_math_renderer = "mathml"


def _mathml(writer, node):
    """Write a formula as MathML, which browsers draw themselves: no script from elsewhere."""
    block = isinstance(node, nodes.math_block)
    try:
        formula = tex2mathml(node.astext(), as_block=block)
    except MathError as error:
        logger.warning("%s: %s", error, node.astext(), location=node)
        formula = ""
    label = f' aria-label="{escape(node.astext())}"'
    tag = "div" if block else "span"
    writer.body.append(f'<{tag} class="math"{label}>{formula}</{tag}>')
    raise nodes.SkipNode


def setup(app):
    """Register the renderer of formulas."""
    app.add_html_math_renderer("mathml", (_mathml, None), (_mathml, None))
