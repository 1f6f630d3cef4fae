"""Build the web book from the stored outputs of the notebooks: `make book`.

Nothing is run and nothing is fetched. Sphinx reads a copy of the pages in
`build/book_source`, laid out as the repository, so that links between files hold.
"""

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from emoface_lib.config import REPOSITORY

BUILD = REPOSITORY / "build"
SETTINGS = REPOSITORY / "book"  # conf.py, and what is only in the book
FILES = (
    "*.md",
    "LICENSE",
    "CITATION.cff",
    "docs/*",
    "figures/*",
    "notebooks/*.ipynb",
    "benchmarks/results.csv",
)

INDEX = """
The library
===========

What each module of ``emoface_lib`` offers, with shapes, units, and the equation or the
notebook that it comes from. Each is short enough to be read from top to bottom.
"""
PACKAGE = """
{0}
{1}

.. autosummary::

"""
MODULE = """:orphan:

{0}
{1}

.. automodule:: {0}
"""


def collect(source: Path) -> None:
    """Copy pages and what they link to into `source`, which is made anew."""
    shutil.rmtree(source, ignore_errors=True)
    for path in sorted(path for name in FILES for path in REPOSITORY.glob(name)):
        copy_into(source, path, REPOSITORY)
    for path in SETTINGS.glob("*.md"):
        copy_into(source, path, SETTINGS)
    document_modules(source / "api.rst")


def copy_into(source: Path, path: Path, root: Path) -> None:
    """Copy `path` to the same place below `source` as it has below `root`.

    It keeps its time: Sphinx reads again what is newer than the last book.
    """
    copy = source / path.relative_to(root)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, copy)


def document_modules(index: Path) -> None:
    """Write the page `index` of the library's modules, and beside it a page for each.

    Only the index is in the table of contents, which would be too long otherwise.
    """
    pages = index.with_suffix("")
    pages.mkdir()
    text = INDEX
    for start in sorted(REPOSITORY.glob("emoface_lib/**/__init__.py")):
        package = ".".join(start.parent.relative_to(REPOSITORY).parts)
        text += PACKAGE.format(package, "-" * len(package))
        for path in sorted(start.parent.glob("[!_]*.py")):
            name = f"{package}.{path.stem}"
            text += f"   {name}\n"
            (pages / f"{name}.rst").write_text(MODULE.format(name, "=" * len(name)))
            shutil.copystat(path, pages / f"{name}.rst")
    index.write_text(text)


def build(source: Path, book: Path, *options: str) -> int:
    """Build `book` from `source`; options : of sphinx-build. Returns its exit code."""
    kept = f"--doctree-dir={source.with_name(f'{source.name}_read')}"
    settings = f"--conf-dir={SETTINGS}"
    return build_main([kept, settings, *options, str(source), str(book)])


def main() -> int:
    """Build the book of this repository, and say where it is."""
    source, book = BUILD / "book_source", BUILD / "book"
    collect(source)
    if code := build(source, book, "--quiet", *sys.argv[1:]):
        return code
    print(f"Open {book / 'index.html'} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
