"""`reproduce`: skips what is up to date, resumes, refuses, and says what failed."""

import ast
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from typer.testing import CliRunner

from emoface_lib.core import fresh
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_json, write_parquet
from emoface_lib.core.parallel import CORES
from emoface_lib.runs import reproduce as module
from emoface_lib.runs.cli import app, read_parameter
from emoface_lib.runs.notebooks import (
    NotebookError,
    check_parameters,
    execute,
    read_notebook,
    read_source,
    source_hash,
)
from emoface_lib.runs.reproduce import reproduce

FIRST = 'profile = "tutorial"\nseed = 0\nstyle_margin = None\nscale = 1.0'
SECOND = 'profile = "tutorial"\nsteps = 3'


def write_notebook(path: Path, parameters: str, *cells: str) -> None:
    tagged = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    notebook = new_notebook(cells=[tagged, *map(new_code_cell, cells)])
    nbformat.write(notebook, path)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two notebooks, a library of one file, and runs in a folder of their own."""
    monkeypatch.setenv("EMOFACE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv(CORES, "1")  # one at a time, in this process
    library = tmp_path / "emoface_lib"
    library.mkdir()
    for name in ("module", "other"):
        (library / f"{name}.py").write_text("one = 1\n")
    monkeypatch.setattr(module, "LIBRARY", library)
    monkeypatch.setattr(fresh, "LIBRARY", library)
    monkeypatch.setattr(module, "FIGURES", tmp_path / "figures")
    (tmp_path / "figures").mkdir()
    fresh.code_hash.cache_clear()
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    uses = "if seed < 0:\n    import emoface_lib.module"
    write_notebook(
        notebooks / "00_first.ipynb", FIRST, uses, "style_margin, scale, seed"
    )
    write_notebook(notebooks / "01_second.ipynb", SECOND, "steps + 1")
    return notebooks


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the notebooks that ran, in place of running them."""
    names: list[str] = []

    def note(path: Path, output: Path, parameters: dict, share: int) -> None:
        names.append(path.stem)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text("executed")
        run = output.parents[1]
        (run / path.stem).mkdir(exist_ok=True)
        (run / path.stem / "model.safetensors").write_text("weights")
        (run.parents[1] / "figures" / f"{path.stem}.png").write_text("figure")
        (run / "shared").mkdir(exist_ok=True)
        (run / "shared" / "index.csv").write_text(path.stem)  # by both, one after other

    monkeypatch.setattr(module, "execute", note)
    monkeypatch.setitem(module.PRODUCTS, "00_first", "notebooks/00_first.ipynb")
    return names


def runs(folder: Path) -> Path:
    return folder.parent / "runs" / "smoke"


@pytest.mark.slow
def test_notebooks_run_with_their_parameters_and_leave_a_report(folder: Path) -> None:
    report = reproduce("smoke", overrides={"seed": 3, "margin": 4.0}, folder=folder)
    first = read_notebook(runs(folder) / "notebooks" / "00_first.ipynb")
    assert first.cells[-1].outputs[0].data["text/plain"] == "(4.0, 1.0, 3)"
    assert source_hash(first) == source_hash(read_notebook(folder / "00_first.ipynb"))
    second = read_notebook(runs(folder) / "notebooks" / "01_second.ipynb")
    injected = second.cells[1].source
    assert 'profile = "smoke"' in injected
    assert "margin" not in injected
    assert read_json(runs(folder) / "reproduce.json") == report
    assert set(report["minutes"]) == {"00_first", "01_second"}
    assert report["versions"]["papermill"]


@pytest.mark.slow
def test_kernel_is_this_interpreter_and_ignores_the_home(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder.parent / "home"
    startup = home / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("raise SystemExit")
    monkeypatch.setenv("HOME", str(home))
    names = '"HOME", "PYTHONHASHSEED", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"'
    show = f"import os, sys\n[sys.prefix, *map(os.environ.get, [{names}])]"
    write_notebook(folder / "00_first.ipynb", 'profile = "tutorial"', show)
    reproduce("smoke", only=["00"], folder=folder)
    executed = read_notebook(runs(folder) / "notebooks" / "00_first.ipynb")
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    expected = [sys.prefix, str(home), "0", threads, threads]
    shown = executed.cells[-1].outputs[0].data["text/plain"]
    assert ast.literal_eval(shown) == expected
    assert [path.name for path in home.iterdir()] == [".ipython"]


def test_second_time_nothing_runs(
    folder: Path, executed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    reproduce("smoke", folder=folder)
    reproduce("smoke", folder=folder)
    assert executed == ["00_first", "01_second"]
    last = capsys.readouterr().out.splitlines()[-2:]
    assert last == ["[1/2] 00_first: up to date", "[2/2] 01_second: up to date"]


def test_force_runs_again(folder: Path, executed: list[str]) -> None:
    reproduce("smoke", folder=folder)
    reproduce("smoke", only=["01_second"], force=True, folder=folder)
    assert executed == ["00_first", "01_second", "01_second"]


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "first cell": (
        lambda f: change(
            f / "00_first.ipynb", "style_margin, scale", "scale, style_margin"
        ),
        ["00_first", "01_second"],
    ),
    "second cell": (
        lambda f: change(f / "01_second.ipynb", "steps + 1", "steps + 2"),
        ["01_second"],
    ),
    "library": (
        lambda f: change(f.parent / "emoface_lib" / "module.py", "1", "2"),
        ["00_first", "01_second"],
    ),
    "code that neither imports": (
        lambda f: change(f.parent / "emoface_lib" / "other.py", "1", "2"),
        [],
    ),
    "model cut": (
        lambda f: (runs(f) / "00_first" / "model.safetensors").write_text("wei"),
        ["00_first"],
    ),
    "model emptied": (
        lambda f: (runs(f) / "00_first" / "model.safetensors").write_text(""),
        ["00_first"],
    ),
    "model swapped": (
        lambda f: (runs(f) / "01_second" / "model.safetensors").write_text("others!"),
        ["01_second"],
    ),
    "figure deleted": (
        lambda f: (f.parent / "figures" / "01_second.png").unlink(),
        ["01_second"],
    ),
    "weights": (
        lambda f: (
            (f.parent / "emoface_lib" / "weights").mkdir()
            or (f.parent / "emoface_lib" / "weights" / "a.npz").write_bytes(b"1")
        ),
        ["00_first", "01_second"],
    ),
    "product gone": (
        lambda f: (runs(f) / "notebooks" / "00_first.ipynb").unlink(),
        ["00_first"],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_runs_what_needs_it(
    name: str, folder: Path, executed: list[str]
) -> None:
    make, expected = CHANGES[name]
    reproduce("smoke", folder=folder)
    executed.clear()
    make(folder)
    fresh.code_hash.cache_clear()
    reproduce("smoke", folder=folder)
    assert executed == expected


def test_changed_setting_runs_the_notebook_and_those_after(
    folder: Path, executed: list[str]
) -> None:
    reproduce("smoke", folder=folder)
    executed.clear()
    reproduce("smoke", overrides={"steps": 4}, folder=folder)
    assert executed == ["01_second"]
    reproduce("smoke", overrides={"steps": 4, "scale": 2}, folder=folder)
    assert executed == ["01_second", "00_first", "01_second"]


def test_prose_may_change_freely(folder: Path, executed: list[str]) -> None:
    reproduce("smoke", folder=folder)
    path = folder / "00_first.ipynb"
    notebook = read_notebook(path)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("Why"))
    nbformat.write(notebook, path)
    reproduce("smoke", folder=folder)
    assert executed == ["00_first", "01_second"]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"test_speaker": 4}, "did you mean 'test_speakers'"),
        ({"stps": 4}, "did you mean 'steps'"),
        ({"learning_rate": 0.2}, "one of several: .*content.learning_rate"),
        ({"margin": 0.2, "style_margin": 0.3}, "style_margin is given twice"),
        ({"test_speakers": "4"}, r"Setting synthetic\.test_speakers = '4'"),
        ({"steps": 0.5}, "Parameter steps = 0.5: it should be of type int"),
    ],
)
def test_wrong_parameter_is_refused_before_a_kernel_starts(
    overrides: dict, sentence: str, folder: Path, executed: list[str]
) -> None:
    with pytest.raises(InputError, match=sentence):
        reproduce("smoke", overrides=overrides, folder=folder)
    assert executed == []
    assert not runs(folder).exists()


def test_a_setting_that_no_notebook_reads_is_taken_with_a_note(
    folder: Path, executed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    reproduce("smoke", overrides={"translator_width": 9}, folder=folder)
    assert executed == ["00_first", "01_second"]
    assert "translator.width is read by none of" in capsys.readouterr().err
    reproduce("smoke", overrides={"margin": 0.2}, folder=folder)
    assert "read by none" not in capsys.readouterr().err


READER = "settings = notebook_settings(globals())"


@pytest.mark.slow
def test_a_notebook_gets_the_settings_of_its_stages_and_where_to_train(
    folder: Path, executed: list[str]
) -> None:
    from_library = "from emoface_lib.core.settings import notebook_settings"
    show = "[settings.device, settings.features.kind, settings.profile]"
    cells = [from_library, READER, show]
    write_notebook(folder / "02_third.ipynb", 'profile = "tutorial"', *cells)
    given = {"device": "cpu", "features": "codes", "margin": 0.2}
    (third,) = [read_source(folder / "02_third.ipynb")]
    _, names = check_parameters([third], "smoke", given)
    assert third.taken(names) == {"device": "cpu", "features_kind": "codes"}
    execute(third.path, folder / "out" / "third.ipynb", third.taken(names))
    shown = read_notebook(folder / "out" / "third.ipynb").cells[-1].outputs[0].data
    assert shown["text/plain"] == "['cpu', 'codes', 'tutorial']"


def test_where_it_is_trained_does_not_make_a_notebook_run_again(
    folder: Path, executed: list[str]
) -> None:
    write_notebook(folder / "01_second.ipynb", SECOND + "\ndevice = None", "steps")
    reproduce("smoke", folder=folder)
    reproduce("smoke", overrides={"device": "cpu"}, folder=folder)
    assert executed == ["00_first", "01_second"]


def test_parameters_cell_with_more_than_literals_is_refused(folder: Path) -> None:
    write_notebook(folder / "01_second.ipynb", "steps = 3\nhome = open('x')")
    with pytest.raises(InputError, match=r"01_second.ipynb may only assign literals"):
        reproduce("smoke", folder=folder)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"only": ["01_secnd"]}, "did you mean '01_second'"),
        ({"through": "07"}, "There is no notebook '07'"),
        ({"only": ["01"], "through": "00"}, "None of 01 comes before 00_first"),
    ],
)
def test_bad_notebook_is_refused(arguments: dict, sentence: str, folder: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        reproduce("smoke", folder=folder, **arguments)


def test_folder_without_notebooks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no notebooks"):
        reproduce("smoke", folder=tmp_path)


@pytest.mark.slow
def test_failing_notebook_leaves_a_copy_and_a_sentence(folder: Path) -> None:
    write_notebook(folder / "00_first.ipynb", FIRST, "1 + 1", "int('ten')", "3")
    with pytest.raises(NotebookError) as caught:
        reproduce("smoke", folder=folder)
    copy = runs(folder) / "notebooks" / "00_first.ipynb"
    assert str(caught.value) == (
        "Notebook 00_first failed in cell [4] with ValueError: invalid literal for "
        f"int() with base 10: 'ten' (executed copy: {copy})"
    )
    (failed,) = [c for c in read_notebook(copy).cells if c.get("execution_count") == 4]
    assert failed.source == "int('ten')"
    assert failed.outputs[0].ename == "ValueError"
    assert not copy.with_suffix(".json").exists()
    assert not (runs(folder) / "notebooks" / "01_second.ipynb").exists()


def test_only_those_that_need_a_changed_one_run_again(
    folder: Path, executed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("02_third", "03_fourth"):
        write_notebook(folder / f"{name}.ipynb", FIRST)
    monkeypatch.setitem(module.NEEDS, "02_third", ("00_first",))
    reproduce("smoke", folder=folder)
    change(folder / "01_second.ipynb", "steps + 1", "steps + 2")
    executed.clear()
    reproduce("smoke", folder=folder)
    assert executed == ["01_second", "03_fourth"]  # which is not named in NEEDS
    executed.clear()
    change(folder / "00_first.ipynb", "style_margin, scale", "scale, style_margin")
    reproduce("smoke", folder=folder)
    assert executed == ["00_first", "01_second", "02_third", "03_fourth"]


MEET = """
import time
from pathlib import Path
Path("../{mine}").mkdir()
Path("../{mine}/.half").touch()
Path("../{mine}/state.pt").touch()
end = time.monotonic() + 60
while not Path("../{other}").exists():
    assert time.monotonic() < end, "the other does not run"
    time.sleep(0.1)
"""
LEAVE = """
Path("../{mine}/made").write_text("whole")
Path("../{mine}/state.pt").unlink()
Path("../{mine}/.half").unlink()
"""


@pytest.mark.slow
def test_those_that_do_not_need_each_other_run_side_by_side(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mine, other, last in (("02", "03", "time.sleep(2)"), ("03", "02", "")):
        monkeypatch.setitem(module.NEEDS, f"{mine}_own", ())
        monkeypatch.setitem(module.PRODUCTS, f"{mine}_own", f"{mine}/made")
        cells = [part.format(mine=mine, other=other) for part in (MEET, LEAVE)]
        write_notebook(folder / f"{mine}_own.ipynb", FIRST, cells[0], last, cells[1])
    only = ["02", "03"]
    report = reproduce("smoke", only=only, workers=2, folder=folder)
    assert set(report["minutes"]) == {"02_own", "03_own"}
    assert report["minutes_in_all"] < sum(report["minutes"].values())
    for mine in only:
        left = set(
            read_json(runs(folder) / "notebooks" / f"{mine}_own.json")["products"]
        )
        assert left == {f"{mine}/made", f"notebooks/{mine}_own.ipynb"}
    before = read_json(runs(folder) / "reproduce.json")["minutes_in_all"]
    again = reproduce("smoke", only=only, workers=2, folder=folder)
    assert again["minutes_in_all"] == before  # up to date, both


@pytest.mark.slow
def test_after_a_failure_what_runs_ends_and_nothing_begins(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(module.NEEDS, "01_second", ())
    write_notebook(folder / "00_first.ipynb", FIRST, "int('ten')")
    write_notebook(folder / "01_second.ipynb", SECOND, "import time", "time.sleep(4)")
    write_notebook(folder / "02_third.ipynb", FIRST)
    with pytest.raises(NotebookError, match="00_first failed in cell"):
        reproduce("smoke", workers=2, folder=folder)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[1/3] 00_first: failed"
    assert lines[1].startswith("[2/3] 01_second: ")
    assert len(lines) == 2
    assert (runs(folder) / "notebooks" / "01_second.json").exists()


INTERRUPTED = """
import signal, sys
from pathlib import Path
from emoface_lib.runs import reproduce as module
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
if __name__ == "__main__":
    module.NEEDS["01_second"] = ()
    module.reproduce("smoke", workers=2, folder=Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_an_interrupt_ends_all_kernels(folder: Path, tmp_path: Path) -> None:
    wait_long = "import os, time\nfrom pathlib import Path\n"
    wait_long += "Path(f'../{os.getpid()}.pid').touch()\ntime.sleep(300)"
    write_notebook(folder / "00_first.ipynb", FIRST, wait_long)
    write_notebook(folder / "01_second.ipynb", SECOND, wait_long)
    script = tmp_path / "beside" / "script.py"  # not beside the fixture's library
    script.parent.mkdir()
    script.write_text(INTERRUPTED)
    process = subprocess.Popen([sys.executable, str(script), str(folder)])
    while len(found := list(runs(folder).glob("*.pid"))) < 2:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    for path in found:
        with suppress(
            psutil.NoSuchProcess
        ):  # a kernel looks for its parent now and then
            psutil.Process(int(path.stem)).wait(60)


def test_notebook_without_its_product_has_failed(
    folder: Path, executed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(module.PRODUCTS, "01_second", "model.safetensors")
    with pytest.raises(NotebookError, match=r"without leaving .*model.safetensors"):
        reproduce("smoke", folder=folder)
    assert not (runs(folder) / "notebooks" / "01_second.json").exists()


def test_interruption_resumes_with_the_notebook_that_was_cut_off(
    folder: Path, executed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    note = module.execute
    reproduce("smoke", folder=folder)
    change(folder / "01_second.ipynb", "steps + 1", "steps + 2")

    def cut_off(path: Path, *rest: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "execute", cut_off)
    with pytest.raises(KeyboardInterrupt):
        reproduce("smoke", folder=folder)
    executed.clear()
    monkeypatch.setattr(module, "execute", note)
    change(folder / "01_second.ipynb", "steps + 2", "steps + 1")  # as it first ran
    reproduce("smoke", folder=folder)
    assert executed == ["01_second"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-4", 1e-4), ("3", 3), ("true", True), ("null", None), ("icp", "icp")],
)
def test_parameter_of_the_shell_has_its_type(text: str, value: object) -> None:
    assert read_parameter(f"name={text}") == ("name", value)


@pytest.mark.parametrize("argument", ["content_stps=3", "content_steps"])
def test_shell_says_one_sentence_and_ends_with_2(argument: str) -> None:
    answer = CliRunner().invoke(app, ["reproduce", "-p", argument])
    assert answer.exit_code == 2
    assert len(answer.output.splitlines()) == 1
    assert answer.output.startswith("emoface: ")


def test_a_corpus_of_which_no_clip_is_ready_is_refused(folder: Path) -> None:
    index = folder.parent / "runs" / "own" / "features" / "index.parquet"
    index.parent.mkdir(parents=True)
    write_parquet(index, pd.DataFrame({"clip": ["a/b/c"], "problem": ["silent"]}))
    write_notebook(folder / "03_own.ipynb", f"{FIRST}\ncorpus = None")
    with pytest.raises(InputError, match="No clip of own is ready"):
        reproduce("smoke", overrides={"corpus": "own"}, folder=folder)
