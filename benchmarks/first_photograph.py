"""From a wheel alone to the first talking photograph, in an empty environment.

python benchmarks/first_photograph.py [OPTIONS OF PIP], such as `-c FILE`. Measured are
the environment, its installation, and the first command in an empty folder, where there
is no checkout; the photograph is scikit-image's, the voice a talker of GRID.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from results import enter

ROOT = Path(__file__).resolve().parents[1]
GIVEN = """
import soundfile
from PIL import Image
from skimage.data import astronaut
from emoface_lib.features.real_mouths import FOLDER
Image.fromarray(astronaut()[:260, 90:350]).save("photo.png")
samples, rate = soundfile.read(FOLDER / "s1.flac", frames=48_000)
soundfile.write("voice.wav", samples, rate)
"""
HOW = "benchmarks/first_photograph.py: an empty environment of Python {}.{}, 2 cores"


def timed(*command: object, cwd: Path) -> float:
    """Seconds that a command takes; an error ends the script."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    begin = time.perf_counter()
    subprocess.run([str(word) for word in command], cwd=cwd, env=own, check=True)
    return time.perf_counter() - begin


def computed() -> float:
    """CPU seconds of all commands so far; 0 on Windows."""
    times = os.times()
    return times.children_user + times.children_system


def megabytes(folder: Path) -> float:
    """What the files below a folder hold."""
    files = [path for path in folder.rglob("*") if not path.is_symlink()]
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def largest(folder: Path, count: int = 16) -> str:
    """The largest packages of an environment, in MB."""
    packages = next(folder.rglob("site-packages")).iterdir()
    found = ((megabytes(p), p.name) for p in packages if p.is_dir())
    sizes = sorted(found, reverse=True)
    return ", ".join(f"{name} {size:.0f}" for size, name in sizes[:count])


def main(options: list[str]) -> None:
    """Measure, and enter what was measured."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        wheels, work = folder / "wheels", folder / "work"
        work.mkdir()
        pip = sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"
        timed(*pip, "--wheel-dir", wheels, ROOT, cwd=work)
        (wheel,) = wheels.glob("emoface-*.whl")
        timed(sys.executable, "-m", "venv", folder / "own", cwd=work)
        programs = folder / "own" / ("Scripts" if sys.platform == "win32" else "bin")
        install = programs / "python", "-m", "pip", "install", "--quiet", *options
        before = computed()
        minutes = timed(*install, wheel, cwd=work) / 60
        busy = (computed() - before) / 60
        size = megabytes(folder / "own")
        packages = largest(folder / "own")
        timed(programs / "python", "-c", GIVEN, cwd=work)
        animate = "animate", "photo.png", "voice.wav", "-o", "out.mp4"
        seconds = timed(programs / "emoface", *animate, cwd=work)
        timed(programs / "emoface", "lab", "--copy-only", cwd=work)
        assert len(list(work.glob("lessons/*.ipynb"))) == 11
        timed(programs / "emoface", "info", cwd=work)
        how = HOW.format(*sys.version_info)
        rows = (
            ("wheel", wheel.stat().st_size / 1e6, "MB", ""),
            ("installing the wheel", minutes, "min", "<= 2"),
            ("installing the wheel, CPU", busy, "min", ""),
            ("first talking photograph, 3 s", seconds, "s", ""),
            ("what a run leaves beside it", megabytes(work), "MB", ""),
        )
        for row, value, unit, target in rows:
            enter("install", row, value, unit, how, target)
        row, told = "environment from the wheel", f"{how}; largest: {packages}"
        enter("install", row, size, "MB", told, "<= 1200")


if __name__ == "__main__":
    main(sys.argv[1:])
