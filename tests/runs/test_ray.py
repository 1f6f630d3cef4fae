"""Ray as the engine: two workers on this machine, one of them killed half-way.

Ray is an extra: `make test-ray` makes an environment with it and runs this.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from emoface_lib.core import ray_engine
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import load_settings
from emoface_lib.core.video import write_video
from emoface_lib.corpora import prepare
from emoface_lib.corpora.index import read_corpus
from tests.core.test_faults import Talking, contents

CLIPS = 12
needs_ray = pytest.mark.skipif(
    shutil.which("ray", path=str(Path(sys.executable).parent)) is None,
    reason="Ray is not installed: run `make test-ray`",
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray on two cores of this machine, started once for all tests."""
    with ray_engine.cluster(2):
        yield


@pytest.fixture(scope="module")
def corpus(talking: Talking, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    folder = root / "mp4" / "id00012" / "abc"
    folder.mkdir(parents=True)
    write_video(folder / "000.mp4", *talking)
    for number in range(1, CLIPS):
        shutil.copy(folder / "000.mp4", folder / f"{number:03d}.mp4")
    (folder / "bad.mp4").write_bytes(b"no video")
    return root


def run(corpus: Path, folder: Path, engine: prepare.Engine) -> pd.DataFrame:
    settings = load_settings("smoke", recogniser="drawn", corpus="ray")
    workers = 2 if engine == "ray" else 1
    return prepare.prepare(
        read_corpus(corpus).index, corpus, folder, settings, workers, engine=engine
    )


def workers_of_mine(kind: str = "ray::Worker") -> list[int]:
    """Processes in which Ray does the work, started by this one."""
    children = psutil.Process().children(recursive=True)
    return [p.pid for p in children if kind in " ".join(p.cmdline()[:1])]


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_a_worker_killed_half_way_leaves_nothing_lost_and_nothing_double(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = run(corpus, tmp_path / "once", "local")
    rows, killed = [], []
    add = prepare.Journal.add

    def add_and_kill(journal: prepare.Journal, row: dict) -> None:
        rows.append(row["clip"])
        add(journal, row)
        if len(rows) == CLIPS // 2:
            killed.append(workers_of_mine()[0])
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(prepare.Journal, "add", add_and_kill)
    again = run(corpus, tmp_path / "ray", "ray")
    assert killed
    assert sorted(rows) == sorted(again["clip"])  # each once
    pd.testing.assert_frame_equal(again, once)
    assert contents(tmp_path / "ray") == contents(tmp_path / "once")
    assert run(corpus, tmp_path / "ray", "ray").equals(again)
    assert len(rows) == CLIPS + 1  # the second run had nothing to do


@pytest.mark.skipif(
    not needs_ray.args[0], reason="Ray is installed: the sentence can't be seen"
)
def test_without_ray_one_is_told_what_to_install(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pip install 'emoface\[ray\]'"):
        run(corpus, tmp_path, "ray")


@pytest.mark.slow
def test_ray_is_not_imported_unless_asked_for() -> None:
    modules = "sys, emoface_lib.runs.cli, emoface_lib.corpora.prepare"
    code = f"import {modules}; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "emoface_lib.corpora.prepare" in output.stdout.split()
    assert not {"ray", "emoface_lib.core.ray_engine"} & set(output.stdout.split())
