"""README's commands: found, checked without running them, and run as written.

`python -m tools.readme_commands [GLOB ...]` runs them in a copy of the checkout, in
README's order, and says how long each took. Given patterns, it runs those that match
one, such as 'make book'. Photographs are scikit-image's portrait, voices and the folder
ravdess are made from the shipped talkers of GRID; pip gets an environment of its own.
"""

import argparse
import fnmatch
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from unittest.mock import patch

from typer.core import TyperCommand
from typer.testing import CliRunner

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.cli import app, read_parameter
from emoface_lib.runs.notebooks import check_parameters, read_source

PROGRAMS = "make", "emoface", ".venv/bin/", "pip", "python", "conda", "git", "source"
SERVERS = "make lab", "make app", "emoface lab"
BLOCK = re.compile(r"^    (\S.*)$", re.M)
INLINE = re.compile(r"`([^`\n]+)`")
GIVEN = """
from pathlib import Path
import soundfile
from PIL import Image
from skimage.data import astronaut
from emoface_lib.features.real_mouths import FOLDER
for name, kind in {"PHOTO": "png", "ana.jpg": "jpeg", "ben.png": "png"}.items():
    Image.fromarray(astronaut()[:260, 90:350]).save(name, format=kind)
for actor, path in enumerate(sorted(FOLDER.glob("*.flac")), 1):
    place = Path(f"ravdess/Actor_{actor:02}")
    place.mkdir(parents=True, exist_ok=True)
    for mood, samples in enumerate(soundfile.blocks(path, 48_000), 1):
        if mood < 9 and len(samples) == 48_000:
            clip = place / f"03-01-{mood:02}-01-01-01-{actor:02}.wav"
            soundfile.write(clip, samples, 16_000)
for name in ("VOICE", "hello.wav", "bye.wav"):
    Path(name).write_bytes(clip.read_bytes())
"""


def commands(text: str) -> list[str]:
    """The commands of a page in their order, each once: blocks and words in quotes."""
    found = {m.start(): m[1] for kind in (BLOCK, INLINE) for m in kind.finditer(text)}
    told = [found[place].partition(" #")[0].strip() for place in sorted(found)]
    named = [one for one in told if one.startswith(PROGRAMS) and " " in one]
    return list(dict.fromkeys(named))


def problem(command: str, root: Path = REPOSITORY) -> str:
    """Why a command would not run from the checkout at `root`; empty if it would.

    Nothing is run: make prints its recipe, `emoface` only reads its arguments, and of
    the others the files, modules and extras that they name are looked for.
    """
    program, *words = shlex.split(command)
    name = Path(program).name
    try:
        if name == "make":
            dry = ["make", "--dry-run", *words]
            done = subprocess.run(dry, cwd=root, capture_output=True, text=True)
            return done.stderr if done.returncode else ""
        if name == "emoface":
            return _unread(words)
        if name == "papermill":
            pairs = [words[i + 1 : i + 3] for i, w in enumerate(words) if w == "-p"]
            given = dict(read_parameter("=".join(pair)) for pair in pairs)
            profile = given.pop("profile", "tutorial")
            check_parameters([read_source(root / words[0])], profile, given)
            return ""
    except (InputError, ValueError) as error:
        return str(error)
    return "; ".join(_missing(words, root))


def _unread(words: list[str]) -> str:
    """Why `emoface` would refuse its arguments; a command is only named without any."""
    only = words[0] if len(words) == 1 else ""
    given = ["--help"] if only.startswith("-") else words
    with patch.object(TyperCommand, "invoke"):
        done = CliRunner().invoke(app, given)
    if given != words:
        return "" if only in done.output else f"there is no {only}"
    named = not done.output or "Missing" in done.output
    if done.exit_code == 0 or (named and all(word.isalpha() for word in words)):
        return ""
    return done.output or str(done.exception)


def _missing(words: list[str], root: Path) -> Iterator[str]:
    """Files, modules and extras of pyproject.toml that a command names in vain."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    for word in words:
        for extra in re.findall(r"\w+", word.partition("[")[2]):
            if extra not in extras:
                yield f"there is no extra {extra!r}"
        local = word.partition("[")[0]
        if re.search(r"\.(py|yml|md|lock)$", local) and not (root / local).exists():
            yield f"{local} is missing"
        module = root / f"{word.replace('.', '/')}.py"
        if re.match(r"(tools|course)\.\w+$", word) and not module.exists():
            yield f"{word} is missing"


def run(command: str, checkout: Path, limit: float) -> tuple[float, str]:
    """Seconds that a command takes in `checkout`, and what is wrong if it fails.

    What serves pages is fine if it still does after a minute.
    """
    begin, serves = time.perf_counter(), command.endswith(SERVERS)
    with (
        TemporaryFile() as log,
        subprocess.Popen(
            command, shell=True, cwd=checkout, stdout=log, stderr=log,
            stdin=subprocess.DEVNULL, start_new_session=True, executable="/bin/bash",
        ) as process,
    ):  # fmt: skip
        try:
            wrong = process.wait(60 if serves else limit) != 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            wrong = not serves
        seconds = time.perf_counter() - begin
        log.seek(0)
        said = log.read().decode(errors="replace").strip().splitlines()
    return seconds, (said or ["it says nothing"])[-1] if wrong else ""


def main() -> int:
    """Run README's commands (those that match a pattern); how many failed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--checkout", type=Path, help="an installed one, not a copy")
    parser.add_argument("--limit", type=float, default=5400, help="s a command")
    given, failed = parser.parse_args(), 0
    found = commands((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    with TemporaryDirectory() as name:
        checkout = given.checkout or Path(name) / "emoface"
        if not given.checkout:
            clone = ["git", "clone", "--quiet", str(REPOSITORY), str(checkout)]
            subprocess.run(clone, check=True)
            subprocess.run(["make", "install"], cwd=checkout, check=True)
        programs = (checkout / ".venv" / "bin").resolve()
        subprocess.run([programs / "python", "-c", GIVEN], cwd=checkout, check=True)
        subprocess.run([sys.executable, "-m", "venv", f"{name}/pip"], check=True)
        path = os.environ["PATH"]
        config = Path(name) / "jupyter_server_config.json"
        config.write_text('{"ServerApp": {"allow_root": true}}')
        os.environ.update(JUPYTER_CONFIG_DIR=name, HOME=name)
        os.environ.pop("PYTHONPATH", None)  # the checkout is what is run
        for one in found:
            if any(fnmatch.fnmatch(one, each) for each in given.patterns):
                own = f"{name}/pip/bin" if one.startswith("pip ") else programs
                os.environ["PATH"] = f"{own}:{path}"
                seconds, wrong = run(one, checkout, given.limit)
                failed += bool(wrong)
                print(f"{seconds:7.1f} s  {one}  {wrong or 'ok'}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
