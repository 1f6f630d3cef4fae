"""Recipes of the Makefile where a path holds a blank, with programs that do nothing.

Each test runs `make` in a copy of the Makefile. A recipe without quotes takes
`my code/emoface` for two paths, and removes `my`, which is somebody else's.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emoface_lib.core.settings import REPOSITORY

PACKAGES = "lib/python{}.{}/site-packages".format(*sys.version_info)
# Writes a line with EMOFACE_RUNS (`unset` without it) and one for each argument.
PROGRAM = """\
#!/bin/sh
{ echo "EMOFACE_RUNS ${EMOFACE_RUNS-unset}"; printf '%s\\n' "$@"; } >> calls
"""
PROGRAMS = (".venv/bin/python", ".venv/bin/emoface", ".venv/course/bin/python")


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile in `my code/emoface`, beside somebody's folder `my`."""
    folder = tmp_path / "my code" / "emoface"
    for name in ("requirements.lock", "pyproject.toml"):
        write(folder / name)
    shutil.copy(REPOSITORY / "Makefile", folder)
    write(folder / "benchmarks" / "real_clips.py")
    for name in PROGRAMS:
        write(folder / name, PROGRAM).chmod(0o755)
    write(folder / ".venv/course/bin/pip")
    (folder / ".venv/course" / PACKAGES).mkdir(parents=True)
    write(folder / ".venv/installed")  # newer than the two files that it depends on
    write(tmp_path / "my" / "thesis.txt", "three years")
    return folder


def run_make(checkout: Path, *words: str, runs: str | None = None) -> list[str]:
    """Run `make WORDS`; the lines that its programs wrote."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("EMOFACE_RUNS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    if runs is not None:
        environment["EMOFACE_RUNS"] = runs
    made = subprocess.run(
        ["make", *words],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    calls = checkout / "calls"
    return calls.read_text().splitlines() if calls.exists() else []


def fill_runs(folder: Path) -> dict[str, Path]:
    """A file in each folder of results, by the folder's name."""
    names = ("smoke", "tutorial", "repeat", "paper")
    return {name: write(folder / name / "results.csv") for name in names}


def thesis(checkout: Path) -> str:
    return (checkout.parent.parent / "my" / "thesis.txt").read_text()


def test_clean_removes_results_and_caches_of_this_checkout_only(checkout: Path) -> None:
    results = fill_runs(checkout / "runs")
    cache = write(checkout / "emoface lib" / "__pycache__" / "a.pyc").parent
    kept = write(checkout / ".venv" / "lib" / "__pycache__" / "a.pyc")
    build = write(checkout / "build" / "book.html").parent
    run_make(checkout, "clean")
    assert [name for name, path in results.items() if path.exists()] == ["paper"]
    assert not cache.exists()
    assert not build.exists()
    assert kept.exists()
    assert thesis(checkout) == "three years"


@pytest.mark.parametrize(
    ("runs", "neighbour"),
    [
        ("data runs", "data"),
        ("-f data", "data"),
        ("it's $HOME `here`", "it's"),
        ("a$(shell touch expanded)b", "ab"),
    ],
)
def test_clean_takes_emoface_runs_for_one_folder(
    checkout: Path, runs: str, neighbour: str
) -> None:
    results = fill_runs(checkout / runs)
    data = write(checkout / neighbour / "smoke" / "recording.wav")
    other = fill_runs(checkout / "runs")
    run_make(checkout, "clean", runs=runs)
    assert [name for name, path in results.items() if path.exists()] == ["paper"]
    assert data.exists()
    assert all(path.exists() for path in other.values())
    assert not (checkout / "expanded").exists()


@pytest.mark.parametrize("runs", ["", " "])
def test_empty_emoface_runs_is_the_default_folder(checkout: Path, runs: str) -> None:
    results = fill_runs(checkout / "runs")
    mine = write(checkout / "smoke" / "mine.txt")
    run_make(checkout, "clean", runs=runs)
    assert not results["smoke"].exists()
    assert mine.exists()
    assert run_make(checkout, "reproduce", runs=runs)[0] == "EMOFACE_RUNS unset"
    (checkout / "calls").unlink()
    calls = run_make(checkout, "reproduce", f"EMOFACE_RUNS={runs}")
    assert calls[0] == "EMOFACE_RUNS unset"


def test_paths_after_the_target_are_one_argument(checkout: Path) -> None:
    calls = run_make(checkout, "bench", "DATA=~/real clips")
    assert calls[-1] == str(Path.home() / "real clips")
    calls = run_make(checkout, "course", "COURSE=my course")
    assert calls[-2:] == ["course.release", "my course"]
    assert run_make(checkout, "course")[-1] == "course.release"


def test_another_environment_finds_packages_of_the_first(checkout: Path) -> None:
    write(checkout / ".venv" / PACKAGES / "first.py", "name = 'first'")
    run_make(checkout, "course")
    line = (checkout / ".venv/course" / PACKAGES / "project.pth").read_text()
    # What site.py does with the line, in a Python whose prefix is that environment.
    code = f"import sys; sys.prefix = {str(checkout / '.venv/course')!r}\n{line}"
    code += "import first; print(first.name)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout == "first\n"


def test_of_two_makes_at_once_one_installs(checkout: Path) -> None:
    (checkout / ".venv/installed").unlink()
    script = "#!/bin/sh\n[ $1 = -c ] || { echo venv >> calls; sleep 0.5; exit 1; }\n"
    write(checkout / "python", script).chmod(0o755)
    words = ["make", "install", "PYTHON=./python"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    both = [subprocess.Popen(words, cwd=checkout, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    said = "".join(one.communicate()[0] for one in both)
    assert "Another make is installing" in said
    assert (checkout / "calls").read_text() == "venv\n"


def test_a_python_that_is_too_old_is_told_first(checkout: Path) -> None:
    (checkout / ".venv/installed").unlink()
    write(checkout / "python", "#!/bin/sh\nexit 1\n").chmod(0o755)
    words = ["make", "install", "PYTHON=./python"]
    made = subprocess.run(words, cwd=checkout, capture_output=True, text=True)
    assert "Python 3.11, 3.12 or 3.13 is needed" in made.stdout
    assert "Installing" not in made.stdout
