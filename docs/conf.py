"""The site, as Sphinx builds it (`make site`). Its source folder is the repository's root, so that
links between the files lead to the same places here as in the repository."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "extensions")]

import fermodels  # noqa: E402

project = "fermodels"
copyright = "the authors of fermodels"
version = release = fermodels.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "formulas",
    "image_alt",
    "notebook_links",
    "room",
]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "docs/**",
    "notebooks/*.ipynb",
    "data/README.md",
    "data_prep/README.md",
    "weights/*/README.md",
]
exclude_patterns = [".*", "runs", "build", "fermodels", "tests", "**/.ipynb_checkpoints"]
# Roles must lead somewhere. Types in signatures may be of other libraries, or inside a room.
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r"(?!fermodels\.)[\w.\[]+"),
    ("py:class", r"fermodels\.\w+\.\w+\.\w+"),
]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
# The notebooks are shown as they were committed.
nb_execution_mode = "off"
nb_ipywidgets_js = {}

autosummary_generate = False
default_role = "literal"
autodoc_inherit_docstrings = False
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
python_maximum_signature_line_length = 88

toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "fermodels"
# The first page lies in docs/; who opens the site's folder is sent there.
html_additional_pages = {"index": "to_docs.html"}
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
