"""Sphinx and its settings for the web book; `make book` builds it."""

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger

import emoface_lib
from emoface_lib.core.settings import REPOSITORY

logger = getLogger(__name__)

project = "emoface"
author = "the emoface authors"
version = release = emoface_lib.__version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.githubpages",  # .nojekyll: Pages would leave out _static and _images
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
]

# Notebooks are shown as they are stored. A widget needs a kernel: the static rows of
# pictures stand beside it, and nothing is left of the widget.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js: dict[str, Any] = {}
nb_code_prompt_show = "Show the {type}"
nb_code_prompt_hide = "Hide the {type}"
WIDGET = "application/vnd.jupyter.widget-view+json"

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist"]
myst_enable_extensions += ["dollarmath"]
myst_heading_anchors = 3

autosummary_generate = False
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
autodoc_mock_imports = ["ray"]
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries = False

html_theme = "sphinx_book_theme"
html_title = "emoface"
html_static_path = ["static"]
html_css_files = ["book.css"]
html_search_scorer = str(REPOSITORY / "course" / "book" / "scorer.js")
html_favicon = "static/favicon.svg"
html_copy_source = True
html_sourcelink_suffix = ""
html_show_sphinx = False
html_show_copyright = False
html_context = {"default_mode": "auto"}  # light or dark, as the system
html_theme_options = {
    "show_toc_level": 2,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "navbar_start": [],
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
    "extra_footer": f"emoface {version}",
    "footer_content_items": ["extra-footer.html"],
}
mathjax_path = "mathjax/tex-chtml-full.js"
# Its menu would fetch parts that are not vendored.
mathjax3_config = {"options": {"enableMenu": False}}


def describe_pictures(app: Sphinx, document: nodes.document) -> None:
    """Give pictures of notebooks their alt text; take widgets away.

    `emoface_lib.plots.show` writes the alt text as the output's plain text, too.
    """
    for bundle in list(document.findall(nodes.container)):
        if bundle.get("nb_element") == "mime_bundle":
            forms = {form["mime_type"]: form for form in bundle.children}
            if WIDGET in forms:
                bundle.parent.remove(bundle)
            for picture in bundle.findall(nodes.image):
                _describe(picture, forms["text/plain"].astext())


def _describe(picture: nodes.image, text: str) -> None:
    if text.startswith("<"):  # matplotlib's own, such as <Figure size 640x480>
        logger.warning("a picture has no alt text: use plots.show", location=picture)
    picture["alt"] = text


def plain_titles(app: Sphinx, env: BuildEnvironment) -> None:
    """Write formulas in titles as text: sidebars are on pages without MathJax, too."""
    for tree in (*env.titles.values(), *env.longtitles.values(), *env.tocs.values()):
        for formula in list(tree.findall(nodes.math)):
            text = formula.astext()
            formula.parent.replace(formula, nodes.emphasis(text, text))


def keep_texts(app: Sphinx, document: nodes.document) -> None:
    """Leave the text of links to what is in the repository and not in the book."""
    for link in list(document.findall(addnodes.pending_xref)):
        if link["reftype"] == "myst" and not link.get("refdomain"):
            place = REPOSITORY.joinpath(link["refdoc"]).parent / link["reftarget"]
            if place.exists():
                link.replace_self(link.children)


def as_rst(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Docstrings are plain text with `code` in backticks; indented parts are code."""
    parts = "\n".join(lines).split("\n\n")
    lines[:] = "\n\n".join(map(_part_as_rst, parts)).split("\n")


def _part_as_rst(part: str) -> str:
    if part.startswith(" "):
        return f"::\n\n{part}"
    marks = r"(?<!`)`([^`]+)`(?!`)|[*|\\]|(?<=\w)_(?!\w)"
    return re.sub(marks, lambda m: f"``{m[1]}``" if m[1] else f"\\{m[0]}", part)


def setup(app: Sphinx) -> None:
    """Connect them to the build."""
    app.connect("doctree-read", describe_pictures)
    app.connect("doctree-read", keep_texts)
    app.connect("env-updated", plain_titles)
    app.connect("autodoc-process-docstring", as_rst)
