"""The web book: built from the stored notebooks, and walked in a real browser.

Needs Debian's chromium.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import nbformat
import pytest
from playwright.sync_api import Request, sync_playwright

from course.make_book import BUILD, build
from emoface_lib import __version__
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.notebooks import find_notebooks
from tests.course.test_browser import ARGUMENTS, CHROMIUM, Watched
from tools.store_notebooks import LANGUAGE

pytestmark = pytest.mark.skipif(
    not Path(CHROMIUM).exists(),
    reason=f"{CHROMIUM} is missing: apt-get install chromium",
)

BOOK = BUILD / "book"
STRICT = ("--fresh-env", "--fail-on-warning", "--keep-going", "--quiet")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1366, "height": 768}
PARTS = {
    "I Data and features": ["00", "01", "02", "03"],
    "II Networks and losses": ["04", "05", "06"],
    "III Evaluation": ["07", "08"],
    "IV Using it": ["09", "10"],
}
READ = """async () => {
    await window.MathJax?.startup?.promise;
    const all = (s) => [...document.querySelectorAll(s)];
    const lazy = all('img').map(i => { i.loading = 'eager'; return i.decode(); });
    await Promise.allSettled(lazy);
    return {
        links: all('[href], [src]')
            .map(t => t.getAttribute('href') ?? t.getAttribute('src')),
        anchors: all('[id]').map(t => t.id),
        nameless: all('img').filter(i => !i.alt.trim()).map(i => i.src),
        missing: all('img').filter(i => !i.naturalWidth).map(i => i.src),
        unset: all('.math').filter(m => !m.querySelector('mjx-container'))
            .map(m => m.textContent),
        wrong: all('mjx-merror, [data-mjx-error]').map(m => m.textContent),
        foot: document.querySelector('footer.bd-footer-content')?.innerText ?? '',
    };
}"""
WIDE = """() => {
    const edge = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= edge) return [];
    const cut = (t) => t && (getComputedStyle(t).overflowX !== 'visible'
        || cut(t.parentElement));
    return [...document.querySelectorAll('article *')]
        .filter(t => t.getBoundingClientRect().right > edge && !cut(t.parentElement))
        .map(t => t.outerHTML.slice(0, 120)).concat('too wide');
}"""
PLAY = """async (video) => {
    video.muted = true; await video.play();
    while (video.currentTime <= 0) await new Promise(r => setTimeout(r, 20));
    video.pause(); return video.duration;
}"""


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that prints nothing."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A page in a browser on a book that was built anew; a warning fails the build."""
    command = [sys.executable, "-m", "course.make_book", *STRICT]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=BOOK)) as server,
        sync_playwright() as playwright,
    ):
        Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield Watched(browser.new_page(viewport=DESKTOP), server.server_port)
        browser.close()
        server.shutdown()


@pytest.fixture(scope="module")
def walked(reader: Watched) -> dict[str, dict[str, Any]]:
    """What is on each page, by its address in the book, after walking all of them."""
    page, found = reader.page, {}
    page.on("requestfailed", lambda request: reader.errors.append(_failed(request)))
    paths = [path.relative_to(BOOK) for path in sorted(BOOK.rglob("*.html"))]
    for name in (path.as_posix() for path in paths if path.parts[0] != "_static"):
        before = len(reader.errors), len(reader.outside)
        page.goto(f"{reader.own}/{name}")
        found[name] = page.evaluate(READ)
        page.set_viewport_size(PHONE)
        found[name]["wide"] = page.evaluate(WIDE)
        page.set_viewport_size(DESKTOP)
        found[name]["errors"] = reader.errors[before[0] :]
        found[name]["outside"] = reader.outside[before[1] :]
    return found


def _failed(request: Request) -> str:
    return f"{request.url}: {request.failure}"


def gather(walked: dict[str, dict[str, Any]], what: str) -> dict[str, Any]:
    return {name: page[what] for name, page in walked.items() if page[what]}


@pytest.mark.parametrize(
    "what", ["errors", "outside", "nameless", "missing", "unset", "wrong", "wide"]
)
def test_every_page_is_whole(walked: dict[str, dict[str, Any]], what: str) -> None:
    """No console error, request to another machine, picture without alt text, ..."""
    assert len(walked) > 20
    assert gather(walked, what) == {}


def test_github_pages_shows_folders_that_begin_with_a_line(reader: Watched) -> None:
    assert (BOOK / ".nojekyll").is_file()


def test_links_lead_somewhere(walked: dict[str, dict[str, Any]]) -> None:
    broken, outside = [], set()
    for name, page in walked.items():
        for link in page["links"]:
            target = urlsplit(urljoin(f"http://book/{name}", link))
            if target.scheme in ("data", "blob", "mailto"):
                continue
            if target.netloc != "book":
                outside.add(target.geturl())
                continue
            path = unquote(target.path).lstrip("/") or "index.html"
            anchor = unquote(target.fragment)
            there = (BOOK / path).is_file()
            if there and anchor and path in walked:
                there = anchor in walked[path]["anchors"]
            if not there:
                broken.append(f"{name}: {link}")
    print("\n".join(["links to the outside, not opened:", *sorted(outside)]))
    assert broken == []
    assert all(urlsplit(link).scheme == "https" for link in outside)


def test_notebooks_stand_in_their_parts(reader: Watched) -> None:
    reader.page.goto(f"{reader.own}/index.html")
    captions = reader.page.locator(".bd-links p.caption").all()
    parts = {
        caption.inner_text(): caption.locator("xpath=following-sibling::ul[1]/li/a")
        for caption in captions
    }
    found = {name: [x[:2] for x in parts[name].all_inner_texts()] for name in PARTS}
    assert found == PARTS
    assert sum(map(len, PARTS.values())) == len(find_notebooks())


def test_every_page_names_the_version(walked: dict[str, dict[str, Any]]) -> None:
    without = [
        n for n, p in walked.items() if f"emoface {__version__}" not in p["foot"]
    ]
    assert without == []


def test_films_and_sounds_play(reader: Watched) -> None:
    count = 0
    for path in find_notebooks():
        if "data:video" in path.read_text() or "data:audio" in path.read_text():
            reader.page.goto(f"{reader.own}/notebooks/{path.stem}.html")
            for video in reader.page.locator("video, audio").all():
                assert video.get_attribute("controls") is not None
                assert video.evaluate(PLAY) > 0.5
                count += 1
    assert count >= 3


def test_marks_of_tests_and_editions_stay_out(reader: Watched) -> None:
    marks = ("NBVAL_", "BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS")
    texts = [path.read_text() for path in (BOOK / "notebooks").glob("*.html")]
    assert len(texts) == len(find_notebooks())
    assert any("Show a solution" in text for text in texts)
    assert [mark for mark in marks if any(mark in text for text in texts)] == []


def test_search_finds_what_a_reader_asks_for(reader: Watched) -> None:
    reader.page.goto(f"{reader.own}/search.html?q=triplet")
    results = reader.page.locator("#search-results li a")
    results.first.wait_for()
    assert results.first.inner_text().startswith(
        "05 "
    )  # before the library's reference


def test_the_theme_turns_dark_and_light(reader: Watched) -> None:
    page = reader.page
    page.goto(f"{reader.own}/notebooks/00_overview.html")
    colours = []
    for mode in ("light", "dark"):
        page.locator(".theme-switch-button").click()
        page.locator(f".theme-change-button[data-mode={mode}]").click()
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] == "rgb(255, 255, 255)"
    assert max(map(int, re.findall(r"\d+", colours[1]))) < 50


def test_the_book_reads_from_its_folder_without_a_server(reader: Watched) -> None:
    page = reader.page
    page.goto((BOOK / "notebooks" / "04_content_encoder.html").as_uri())
    seen = page.evaluate(READ)
    assert seen["unset"] == []
    assert seen["missing"] == []
    page.goto(f"{(BOOK / 'search.html').as_uri()}?q=triplet")
    page.locator("#search-results li a").first.wait_for()


DETAILS = """# A lesson

<details><summary>Hint 1</summary>

Compare **both** distances, $d_{rs}$ and $d_{rp}$:

$$L = \\\\lambda d_{rs}$$

| a | table |
|---|---|
| 1 | 2 |

</details>

After it.
"""
WIDGET = {
    "application/vnd.jupyter.widget-view+json": {"model_id": "f00", "version_major": 2},
    "text/plain": "HBox(children=(FloatSlider(value=0.0),))",
}
DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)


def small_book(folder: Path, *outputs: dict[str, Any]) -> tuple[int, Path]:
    """A book of one notebook with hints, a folded cell and outputs; code and page."""
    v4 = nbformat.v4
    shown = [v4.new_output("display_data", data=data) for data in outputs]
    folded = v4.new_code_cell("answer = 42", metadata={"tags": ["hide-input"]})
    cells = [v4.new_markdown_cell(DETAILS), folded]
    cells.append(v4.new_code_cell("show()", outputs=shown))
    source = folder / "source"
    source.mkdir()
    notebook = v4.new_notebook(cells=cells, metadata={"language_info": LANGUAGE})
    nbformat.write(notebook, source / "index.ipynb")
    code = build(source, folder / "book", "--quiet", "--fail-on-warning")
    return code, folder / "book" / "index.html"


def test_hints_fold_and_widgets_leave_nothing(tmp_path: Path, reader: Watched) -> None:
    code, path = small_book(tmp_path, WIDGET)
    assert code == 0
    page = reader.page
    page.goto(path.as_uri())
    assert page.evaluate(READ)["unset"] == []
    hint = page.locator("details", has_text="Hint 1")
    inner = hint.locator("strong, table, mjx-container")
    assert inner.count() == 5  # bold, three formulas, a table
    answer = page.get_by_text("answer = 42")
    for folded in (inner.first, answer):
        assert not folded.is_visible()
    hint.locator("summary").click()
    page.locator("details.hide summary").click()
    for folded in (*inner.all(), answer):
        assert folded.is_visible()
    assert hint.get_by_text("After it.").count() == 0
    assert "FloatSlider" not in page.content()
    assert "f00" not in page.content()


@pytest.mark.parametrize(
    ("text", "code"), [("A dot.", 0), ("<Figure size 640x480 with 1 Axes>", 1)]
)
def test_a_picture_without_alt_text_fails(tmp_path: Path, text: str, code: int) -> None:
    data = {"image/png": DOT, "text/plain": text}
    assert small_book(tmp_path, data)[0] == code
