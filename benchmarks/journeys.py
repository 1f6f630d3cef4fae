"""Count what five things pass in the library, from the command that is given to them.

python benchmarks/journeys.py RUN, a finished run of the smoke profile: a voice through
`animate`, a clip through `prepare`, a triplet and a frame through `train`, a setting
through `batch run`. Counted are the library's functions that the command calls, in any
of its processes but the kernels of notebooks, and the most that stand in one another.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from results import enter

from emoface_lib.core.settings import REPOSITORY
from emoface_lib.core.video import iter_frames

WATCH = """
import atexit, json, os, sys, threading
seen = {}
def watch(frame, event, _):
    code = frame.f_code
    name = code.co_filename.partition("/emoface_lib/")[2], code.co_qualname
    if event != "call" or not name[0] or "<" in name[1] or name in seen:
        return
    seen[name] = layers = 0
    while frame:
        inside = "/emoface_lib/" in frame.f_code.co_filename
        layers += inside and "<" not in frame.f_code.co_qualname
        frame = frame.f_back
    seen[name] = layers
if "ipykernel_launcher" not in " ".join(sys.orig_argv):
    sys.setprofile(watch)
    threading.setprofile(watch)
    def leave():
        sys.setprofile(None)
        rows = [[*name, layers] for name, layers in seen.items()]
        place = os.environ["JOURNEY"]
        if os.path.isdir(place):  # a helper of a pool may end after all is counted
            path = os.path.join(place, f"{os.getpid()}.json")
            json.dump(rows, open(path, "w"))
    atexit.register(leave)
"""
SWEEP = "{profile: smoke, notebooks: ['00'], folder: ., grid: {margin: [0.1, 0.2]}}"
BEFORE = {  # the rooms; measured by this script
    "a voice through animate": 23,
    "a clip through prepare": 13,  # whose pattern named no clip
    "a triplet through step 2": 12,
    "a frame through step 3": 11,
    "a setting through a sweep": 12,
}
PARAMETERS = 'profile = "smoke"\nseed = 0\nmargin = 0.1'


def passed(folder: Path, *command: object) -> list[tuple[str, str, int]]:
    """Functions that a command calls: file, name, and how many stand around it."""
    marks = folder / "marks"
    marks.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(WATCH)
    paths = f"{folder}:{REPOSITORY}"
    environment = {"JOURNEY": str(marks), "EMOFACE_RUNS": str(folder / "runs")}
    subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **environment, "PYTHONPATH": paths},
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    rows = [row for path in marks.iterdir() for row in json.loads(path.read_text())]
    for path in marks.iterdir():
        path.unlink()
    return rows


def main(run: Path) -> None:
    """Measure on a finished smoke run, and enter what was measured."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        clip = next((run / "corpus" / "mp4").rglob("*.mp4"))
        cv2.imwrite(str(folder / "face.png"), next(iter_frames(clip))[..., ::-1])
        tiny = folder / "runs" / "smoke"
        tiny.mkdir(parents=True)
        for part in ("corpus", "features", "audio", "expression"):
            (tiny / part).symlink_to((run / part).resolve())
        cell = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
        nbformat.write(new_notebook(cells=[cell]), folder / "00_margin.ipynb")
        (folder / "sweep.yml").write_text(SWEEP)
        photo, out = folder / "face.png", folder / "out.mp4"
        emoface = ["-m", "emoface_lib"]
        few = ["-p", "content_steps=2", "-p", "style_steps=2", "--profile", "smoke"]
        of_run = ["--model", run]
        only = clip.relative_to(run / "corpus" / "mp4").with_suffix("")
        one = ["--only", only, "--workers", 1, "--out", folder / "prepared"]
        train = ["train", *few]
        commands = {
            "a voice through animate": ["animate", photo, clip, "-o", out, *of_run],
            "a clip through prepare": ["prepare", run / "corpus", *one],
            "a triplet through step 2": train,
            "a frame through step 3": [*train, "--step", 3, "-p", "translator_steps=2"],
            "a setting through a sweep": ["batch", "run", folder / "sweep.yml"],
        }
        for journey, words in commands.items():
            rows = passed(folder, *emoface, *words)
            layers = max(layers for _, _, layers in rows)
            called = len({(file, function) for file, function, _ in rows})
            most, how = BEFORE[journey] // 2, "benchmarks/journeys.py; before: "
            none = ", of no clip" if journey == "a clip through prepare" else ""
            how += f"{BEFORE[journey]} at c492fd9{none}; {called} functions are called"
            name = f"{journey}: functions in one another"
            enter("structure", name, layers, "", how, f"<= {most}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
