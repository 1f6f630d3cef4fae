"""What a stranger meets first: README's commands, help, `lab`, `info`, wheel, CI."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import typer
import yaml
from typer.testing import CliRunner

from emoface_lib import __version__
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.cli import app
from tools.readme_commands import commands, problem

PAGES = ("README.md", "docs/gallery.md", "docs/batch.md", "CONTRIBUTING.md")
WORKFLOW = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def every_command() -> dict[str, list[str]]:
    """`animate` or `batch run` -> the words that name it, for each command."""
    found = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for below in getattr(command, "commands", None) or [""]:
            words = [name, *filter(None, [below])]
            found[" ".join(words)] = words
    return found


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_run_as_written(page: str) -> None:
    wrong = {one: problem(one) for one in commands(text(page))}
    assert {one: why for one, why in wrong.items() if why} == {}


def test_readme_starts_five_kinds_of_users() -> None:
    first, _, _ = text("README.md").partition("## What holds of the paper")
    told = commands(first)
    for word in ("animate", "lab", "reproduce", "course", "batch"):
        assert any(word in one for one in told), word


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("make nothing", "nothing"),
        ("emoface animate photo.png voice.wav --emotio sad", "emotio"),
        ("emoface reproduce --profil smoke", "profil"),
        (".venv/bin/papermill notebooks/05_style_encoder.ipynb o -p marginn 1", "marg"),
        ('pip install ".[fans]"', "fans"),
        ("conda env create -f environment.yaml.yml", "environment"),
        ("python -m tools.make_galery", "make_galery"),
    ],
)
def test_a_command_that_would_fail_is_found(command: str, why: str) -> None:
    assert why in problem(command)


@pytest.mark.parametrize("name", every_command())
def test_each_command_has_an_example_that_is_read(name: str) -> None:
    shown = CliRunner().invoke(app, [*every_command()[name], "--help"])
    assert shown.exit_code == 0
    said = " ".join(re.sub("\x1b.*?m", "", shown.output).split())
    example = said.partition("Example: ")[2]
    assert example.startswith(f"emoface {name}")
    assert problem(example) == ""


def test_the_shell_completes_commands() -> None:
    asked = {"_EMOFACE_COMPLETE": "complete_bash", "COMP_WORDS": "emoface an"}
    asked["COMP_CWORD"] = "1"
    found = CliRunner().invoke(app, [], prog_name="emoface", env=asked)
    assert found.output.split() == ["animate"]


def test_lab_copies_the_lessons_and_keeps_what_is_there(tmp_path: Path) -> None:
    mine = tmp_path / "lessons" / "04_content_encoder.ipynb"
    mine.parent.mkdir()
    mine.write_text("my answers")
    done = CliRunner().invoke(app, ["lab", str(mine.parent), "--copy-only"])
    assert "10 lessons copied" in done.output
    assert mine.read_text() == "my answers"
    lesson = nbformat.read(mine.with_name("05_style_encoder.ipynb"), 4)
    assert "YOUR CODE HERE" in str(lesson)
    assert not any(cell.get("outputs") for cell in lesson.cells)


def test_info_says_versions_device_runs_and_cards() -> None:
    said = CliRunner().invoke(app, ["info"]).output
    for word in (__version__, "torch", "Device:", "Runs in", "speaker.md"):
        assert word in said


@pytest.mark.slow
def test_without_unix_all_but_sweeps_and_prepare_is_imported() -> None:
    code = "import os, sys; del os.sched_getaffinity; sys.modules['fcntl'] = None\n"
    code += "sys.modules['resource'] = None\nimport course.lab, emoface_lib.runs.cli\n"
    code += "import emoface_lib.animation.widgets, emoface_lib.runs.reproduce\n"
    code += "from emoface_lib.core.parallel import cores; print(cores() > 0)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert done.stdout == b"True\n"


@pytest.mark.slow
def test_the_wheel_holds_weights_lessons_and_tables(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    build += ["--no-build-isolation", "--wheel-dir", tmp_path, str(REPOSITORY)]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    inside = [REPOSITORY / "emoface_lib" / "weights"]
    files = [path for folder in inside for path in folder.rglob("*") if path.is_file()]
    assert {path.relative_to(REPOSITORY).as_posix() for path in files} <= names
    shipped = [*REPOSITORY.glob("notebooks/*.ipynb"), *REPOSITORY.glob("sweeps/*.yml")]
    shipped += [REPOSITORY / "benchmarks" / "results.csv"]
    for path in shipped:
        assert f"emoface_lib/project/{path.relative_to(REPOSITORY)}" in names


def test_workflow_runs_commands_that_there_are() -> None:
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    runs = [step["run"] for step in steps if "run" in step]
    assert {one: why for one in runs if (why := problem(one))} == {}
    pythons = WORKFLOW["jobs"]["test-fast"]["strategy"]["matrix"]["python"]
    project = text("pyproject.toml")
    assert all(f'Python :: {one}"' in project for one in pythons)


def test_citation_and_changelog_know_the_version() -> None:
    assert yaml.safe_load(text("CITATION.cff"))["version"] == __version__
    assert f"## [{__version__}]" in text("CHANGELOG.md")
