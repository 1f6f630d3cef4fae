"""Files appear whole, are read with suspicion, and names stay where they belong."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from emoface_lib.core.checkpoints import load_state, read_weights, write_weights
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import (
    is_confined,
    read_array,
    read_json,
    read_npz,
    read_or_set_aside,
    read_parquet,
    reading,
    write_beside,
    write_json,
    write_npz,
    write_parquet,
)
from emoface_lib.core.landmarks import WEIGHTS
from emoface_lib.runs.cli import sentence


@pytest.mark.parametrize(
    ("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)]
)
def test_the_umask_says_who_may_read(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        for name, (write, _) in WRITERS.items():
            write(tmp_path / "new" / name)
    finally:
        os.umask(before)
    written = {path.name: path.stat() for path in (tmp_path / "new").iterdir()}
    assert {name: it.st_mode & 0o777 for name, it in written.items()} == (
        dict.fromkeys(WRITERS, mode)
    )


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def stopped() -> None:
        with write_beside(path) as beside:
            beside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [one.name for one in tmp_path.iterdir()] == ["file.txt"]
    assert path.read_text() == "old"


def write_table(path: Path) -> None:
    value = np.random.default_rng(0).normal(size=9999)
    write_parquet(path, pd.DataFrame({"clip": "a", "value": value}))


WRITERS: dict[str, tuple[Callable[[Path], None], Callable[[Path], object]]] = {
    "a.npz": (lambda path: write_npz(path, a=np.arange(999)), read_npz),
    "a.json": (lambda path: write_json(path, list(range(99))), read_json),
    "a.parquet": (write_table, read_parquet),
    "a.safetensors": (lambda p: write_weights(p, {"a": torch.ones(99)}), read_weights),
}


def halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def other(content: bytes) -> bytes:
    return b"\xff\xfenothing of this kind"


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(8) + content[middle + 8 :]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("damage", [halved, other, flipped, lambda content: b""])
def test_damage_is_a_sentence_that_names_the_file(
    tmp_path: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    write, read = WRITERS[name]
    write(tmp_path / name)
    read(tmp_path / name)
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(InputError, match=rf"{name} is damaged or cut short: remove it"):
        read(tmp_path / name)


SHIPPED = sorted(WEIGHTS.rglob("*.safetensors"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_is_shipped_has_checksums(path: Path, tmp_path: Path) -> None:
    read_weights(path)
    copy = tmp_path / path.name
    content = path.read_bytes()
    copy.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    with pytest.raises(InputError, match="is damaged"):
        read_weights(copy)
    with pytest.raises(InputError, match="install emoface again"), reading(path):
        raise ValueError


def test_what_lacks_is_damage_too(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", a=np.arange(9))
    write_table(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.npz is damaged"):
        read_array(tmp_path / "a.npz", "b")
    with pytest.raises(InputError, match=r"a\.parquet is damaged"):
        read_parquet(tmp_path / "a.parquet", "clip", "problem")
    with pytest.raises(InputError, match=r"There is no file .*none\.npz"):
        read_npz(tmp_path / "none.npz")


def test_models_of_nan_are_refused(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.safetensors", {"a": torch.tensor([1, torch.nan])})
    with pytest.raises(InputError, match="not finite"):
        read_weights(tmp_path / "a.safetensors")


def test_what_can_be_made_again_is_set_aside_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state.pt"
    assert load_state(path, "") is None
    path.write_bytes(b"garbage")
    assert load_state(path, "") is None
    assert "state.pt is damaged: it is made again" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["state.pt.damaged"]
    assert read_or_set_aside(read_json, path) is None
    assert capsys.readouterr().err == ""


def test_leftovers_go_but_not_what_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / f"{'long' * 60}.txt"
    torn = tmp_path / f".{path.stem[:40]}.0123abcd.txt"
    torn.touch()
    with write_beside(path) as beside:
        beside.write_text("a")
        with write_beside(path) as another:
            another.write_text("b")
        assert beside.exists()
        assert not torn.exists()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_command_that_is_asked_to_end_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import time, emoface_lib.runs.cli as cli\n"
        "from emoface_lib.core.files import write_beside\n"
        "def wait():\n"
        f"    with write_beside(cli.Path({str(tmp_path)!r}) / 'a.mp4'):\n"
        "        time.sleep(60)\n"
        "cli.settle()\n"
        "wait()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    while not any(tmp_path.iterdir()):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


INTERRUPTED = """
import os, runpy, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == "MODULE":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
sys.argv[1:] = ["info"]
runpy.run_module("emoface_lib", run_name="__main__")
"""


# while the command is imported, and what it needs
@pytest.mark.parametrize("module", ["typer", "emoface_lib.runs.about"])
def test_interrupted_at_once_it_says_no_more_than_that(module: str) -> None:
    code = INTERRUPTED.replace("MODULE", module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "emoface: stopped.\n")


@pytest.mark.parametrize("name", ["a", "a/b.npz", "..a", "a..b/c", "é"])
def test_names_below_a_folder_are_confined(name: str) -> None:
    assert is_confined(name)


@pytest.mark.parametrize(
    "name", ["", ".", "/a", "..", "../a", "a/../../b", "a\0b", "a\nb"]
)
def test_names_that_lead_out_are_not(name: str) -> None:
    assert not is_confined(name)


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (OSError(28, "No space left on device", "/a"), "/a: No space .*: make room"),
        (PermissionError(13, "Permission denied", "/a"), "EMOFACE_RUNS="),
        (OSError(36, "File name too long", "/a"), "choose another place or name"),
        (MemoryError(), "too little memory"),
    ],
)
def test_the_machines_limits_are_a_sentence(error: Exception, cure: str) -> None:
    with pytest.raises(InputError, match=cure):
        raise InputError(sentence(error))
