"""The dial in a real browser: JupyterLab and Voila, a slider dragged, a video played.

Needs Debian's chromium, and the smoke profile's products. Screenshots are kept in
`runs/smoke/browser`.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, sync_playwright

from emoface_lib.core.settings import PRODUCTS, REPOSITORY, Run, load_settings

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
NOTEBOOK = "08_emotion_space"
SETTLED = """() => {
    const now = document.querySelector('img.emoface-picture').src;
    if (window.seen !== now) [window.seen, window.since] = [now, Date.now()];
    return Date.now() - window.since > 2000;
}"""
PATIENCE = 300_000  # ms; other work may share the cores
RUN = Run(load_settings("smoke"))
READY = """async () => {
    const app = window.jupyterapp; await app.restored;
    const panel = app.shell.currentWidget;
    await panel.context.ready; await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info; }"""
RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"

pytestmark = [
    pytest.mark.skipif(
        not Path(CHROMIUM).exists(),
        reason=f"{CHROMIUM} is missing: apt-get install chromium",
    ),
    pytest.mark.skipif(
        not RUN.path(PRODUCTS["06_image_translation"]).exists(),
        reason="no models: emoface reproduce --profile smoke",
    ),
]


class Watched:
    """A page, and what went wrong on it."""

    def __init__(self, page: Page, port: int) -> None:
        self.page, self.own = page, f"http://127.0.0.1:{port}"
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self._look(request.url))
        page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _look(self, url: str) -> None:
        local = self.own, self.own.replace("http", "ws"), "data:", "blob:"
        if not url.startswith(local):
            self.outside.append(url)


@contextmanager
def served(command: list[str], folder: Path, port: int, path: str) -> Iterator[Watched]:
    """A page of a server that is started for it, in settings of its own."""
    own = {
        f"{name}_DIR": str(folder / name.lower())
        for name in (
            "JUPYTER_CONFIG",
            "JUPYTER_DATA",
            "JUPYTER_RUNTIME",
            "JUPYTERLAB_SETTINGS",
            "JUPYTERLAB_WORKSPACES",
        )
    }
    (folder / "jupyter_config" / "labconfig").mkdir(parents=True)
    news = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": 1}}
    page_config = folder / "jupyter_config" / "labconfig" / "page_config.json"
    page_config.write_text(json.dumps(news))
    environment = os.environ | own | {"IPYTHONDIR": str(folder / "ipython")}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _await(f"http://127.0.0.1:{port}{path}", server, folder / "log")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=ARGUMENTS
            )
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            page.set_default_timeout(PATIENCE)
            monitored = Watched(page, port)
            page.goto(f"http://127.0.0.1:{port}{path}")
            yield monitored
            browser.close()
    finally:
        server.terminate()
        server.wait(30)


def _await(url: str, server: subprocess.Popen, log: Path) -> None:
    """Until the server answers; Voila's first answer takes as long as the notebook."""
    for _ in range(PATIENCE // 250):
        assert server.poll() is None, log.read_text()
        try:
            with socket.create_connection(("127.0.0.1", int(url.split(":")[2][:5])), 1):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(log.read_text())


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def screenshot(page: Page, name: str) -> None:
    folder = RUN.path("browser")
    folder.mkdir(exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def turn_and_play(monitored: Watched, name: str) -> None:
    """Drag a slider, see another picture; play, and see the video run to its end."""
    page = monitored.page
    picture = page.locator("img.emoface-picture")
    picture.wait_for()
    page.locator(".widget-slider").first.scroll_into_view_if_needed()
    picture.scroll_into_view_if_needed()
    before = picture.get_attribute("src")
    slider = page.locator(".widget-slider", has_text="PC1").first
    handle = slider.locator(".noUi-handle").bounding_box()
    bar = slider.locator(".noUi-target").bounding_box()
    assert handle
    assert bar
    middle = handle["y"] + handle["height"] / 2
    page.mouse.move(handle["x"] + handle["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(bar["x"] + bar["width"] * 0.9, middle, steps=10)
    page.mouse.up()
    assert float(slider.locator(".widget-readout").inner_text()) > 2
    page.wait_for_function(
        "before => document.querySelector('img.emoface-picture').src != before",
        arg=before,
    )
    page.wait_for_function(SETTLED)  # the slider's last places may come late
    screenshot(page, f"{name}_turned")
    page.locator("button.emoface-play").click()
    played = "document.querySelector('video.emoface-video')"
    page.locator("video.emoface-video").wait_for()
    page.wait_for_function(f"() => {played}.currentTime > 0.5")
    screenshot(page, f"{name}_plays")
    length = page.evaluate(f"() => {played}.duration")
    assert length > 1
    sounds = f"() => {played}.webkitAudioDecodedByteCount > 0"
    page.wait_for_function(sounds)
    assert monitored.outside == []
    assert monitored.errors == []


def test_the_dial_in_jupyterlab(tmp_path: Path) -> None:
    book = nbformat.read(REPOSITORY / "notebooks" / f"{NOTEBOOK}.ipynb", 4)
    (parameters,) = [
        c for c in book.cells if "parameters" in c.metadata.get("tags", ())
    ]
    parameters.source = parameters.source.replace('"tutorial"', '"smoke"')
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(book, tmp_path / f"{NOTEBOOK}.ipynb")
    port, token = free_port(), secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
        f"--ServerApp.port={port}",
        "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={tmp_path}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        "--ServerApp.terminals_enabled=False",
    ]
    path = f"/lab/tree/{NOTEBOOK}.ipynb?token={token}&reset"
    with served(command, tmp_path / "lab", port, path) as monitored:
        monitored.page.wait_for_selector(".jp-Notebook .jp-Cell")
        monitored.page.evaluate(READY)
        monitored.page.evaluate(RUN_ALL)
        turn_and_play(monitored, "lab")
        stderr = monitored.page.locator("[data-mime-type*=stderr], .jp-RenderedError")
        assert stderr.count() == 0


def test_the_dial_as_an_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "smoke").symlink_to(RUN.folder)  # the best run there is
    monkeypatch.setenv("EMOFACE_RUNS", str(runs))
    port, token = free_port(), secrets.token_hex(16)
    options = ["--no-browser", f"--port={port}", f"--Voila.token={token}"]
    command = [sys.executable, "-m", "tools.app", *options]
    with served(command, tmp_path / "voila", port, f"/?token={token}") as monitored:
        turn_and_play(monitored, "app")
