"""Ray as the engine: two workers on this machine, one of them killed half-way.

They prepare a corpus, and they train as one.

Ray is an extra: `make test-ray` makes an environment with it and runs this.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from emoface_lib.core import ray_engine
from emoface_lib.core.checkpoints import load_state
from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.video import write_video
from emoface_lib.corpora import prepare
from emoface_lib.corpora.index import read_corpus
from emoface_lib.corpora.prepare_run import prepare_corpus
from emoface_lib.evaluation.train_rows import train_run

Talking = tuple[list[np.ndarray], np.ndarray]
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


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


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


@pytest.fixture(scope="module")
def prepared(
    talking: Talking, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Settings]:
    """A speaker with two videos of two clips, and settings to train on them."""
    root, run = (tmp_path_factory.mktemp(name) for name in ("drawn", "run"))
    for video in ("abc", "def"):
        for number in range(2):
            path = root / "dev" / "mp4" / "id00012" / video / f"{number}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_video(path, talking[0][number:], talking[1])
    settings = load_settings(
        "smoke",
        corpus=str(run),
        recogniser="drawn",
        precision="float32",
        crop_frames=20,
        content_batch=4,
        style_batch=2,
        content_steps=10,
        style_steps=5,
    )
    prepare_corpus(root, run, settings, workers=1)
    return run, settings


def trained(
    prepared: tuple[Path, Settings], folder: Path, engine: str, workers: int | None
) -> dict[str, pd.DataFrame]:
    """The logs of steps 1 and 2 in a copy of the prepared run."""
    shutil.copytree(prepared[0], folder, symlinks=True)
    settings = prepared[1].changed(corpus=str(folder))
    paths = train_run(settings, engine, workers)
    assert all(path.exists() for path in paths)
    logs = {path.parent.name: path.with_name("log.csv") for path in paths}
    return {
        name: pd.read_csv(log).drop(columns="seconds") for name, log in logs.items()
    }


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_one_worker_trains_to_the_numbers_of_none_and_two_nearly(
    prepared: tuple[Path, Settings], tmp_path: Path
) -> None:
    here = trained(prepared, tmp_path / "here", "local", None)
    alone = trained(prepared, tmp_path / "one", "ray", 1)
    both = trained(prepared, tmp_path / "two", "ray", 2)
    assert list(here) == [
        "content",
        "style_without_emotion",
        "style_without_identity",
        "style",
        "style_improved",
    ]
    for name, log in here.items():
        pd.testing.assert_frame_equal(alone[name], log, check_exact=True)
        assert both[name]["loss"].tolist() == pytest.approx(
            log["loss"].tolist(),
            rel=0.1,  # other dropout
        )
    assert not list(tmp_path.rglob("ray"))


def test_a_worker_trains_on_a_gpu_or_on_a_core() -> None:
    cluster = {"CPU": 8.0, "GPU": 2.0}
    assert ray_engine._places(cluster, None) == (2, True)
    assert ray_engine._places({"CPU": 8.0}, None) == (1, False)
    assert ray_engine._places({"CPU": 8.0}, 4) == (4, False)
    assert ray_engine._places(cluster, 4, use=False) == (4, False)
    with pytest.raises(InputError, match=r"3 workers need as many GPUs.*has 2"):
        ray_engine._places(cluster, 3)


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_training_goes_on_after_a_worker_was_killed(
    prepared: tuple[Path, Settings], tmp_path: Path
) -> None:
    longer = prepared[1].changed(content_steps=300)
    state, killed = tmp_path / "run" / "content" / "state.pt", []

    def kill_half_way() -> None:
        while not killed:
            time.sleep(0.02)
            if state.exists():
                killed.extend(workers_of_mine("ray::RayTrainWorker")[:1])
                for process in killed:
                    os.kill(process, signal.SIGKILL)

    threading.Thread(target=kill_half_way, daemon=True).start()
    logs = trained((prepared[0], longer), tmp_path / "run", "ray", 2)
    assert killed
    assert logs["content"]["step"].tolist() == list(range(300))
    assert load_state(state, "") is None


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_what_a_user_gets_wrong_comes_out_as_a_sentence(
    prepared: tuple[Path, Settings], tmp_path: Path
) -> None:
    odd = prepared[1].changed(content_batch=3)
    with pytest.raises(InputError, match=r"batch of 3 can't be shared.*2 workers"):
        trained((prepared[0], odd), tmp_path / "run", "ray", 2)


@pytest.mark.skipif(
    not needs_ray.args[0], reason="Ray is installed: the sentence can't be seen"
)
def test_without_ray_one_is_told_what_to_install(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pip install 'emoface\[ray\]'"):
        run(corpus, tmp_path, "ray")


@pytest.mark.slow
def test_ray_is_not_imported_unless_asked_for() -> None:
    modules = "sys, emoface_lib.cli, emoface_lib.corpora.prepare_run"
    code = f"import {modules}; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "emoface_lib.corpora.prepare" in output.stdout.split()
    assert not {"ray", "emoface_lib.core.ray_engine"} & set(output.stdout.split())
