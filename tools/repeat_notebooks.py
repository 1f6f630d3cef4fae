"""Run every notebook twice in the smoke profile: `python -m tools.repeat_notebooks`.

Papermill runs it; then nbval runs the executed copy again in a folder of its own. A
cell marked `# NBVAL_CHECK_OUTPUT` must print what it printed before: same seed, same
numbers. A cell marked `# NBVAL_SKIP` (or with the tag `nbval-skip`) is left out, and so
is what comes after the last cell that is marked or leaves something for later lessons:
that it runs, papermill has shown.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import numpy as np

from emoface_lib.core.errors import InputError
from emoface_lib.core.parallel import GUESS, fitting
from emoface_lib.core.settings import Run, load_settings, runs_folder
from emoface_lib.runs.notebooks import (
    find_notebooks,
    kernel_environment,
    read_notebook,
    read_source,
    source,
)
from emoface_lib.runs.reproduce import Job, Step, reproduce, side_by_side, tell

PROFILE = "smoke"
NBVAL = ["--nbval-lax", "--nbval-current-env", "-p", "no:xdist", "--quiet"]
CHECKED, LEFT = "# NBVAL_CHECK_OUTPUT", "run.path("  # compared; for later lessons
SAME = "the same"


class Again:
    """The second run of a step, in a folder of its own.

    before : second runs that must have ended. nbval's kernels are spoken to by ports,
    of which two that start at once may take the same: so there is one at a time.
    """

    def __init__(self, step: Step, place: Path, before: Sequence[Path]) -> None:
        self.path, self.place = step.output, place
        self.needs: Sequence[Path] = [step.path, *before]

    def up_to_date(self) -> bool:
        """Never."""
        return False

    def begin(self) -> None:
        """Nothing is written down."""

    def carry_out(self, share: int | None = None) -> str:
        """Run nbval, by so many cores."""
        with kernel_environment(self.place / "jupyter", share):
            return repeat(self.path, self.place)

    def end(self, result: str) -> str:
        """What is printed of it."""
        return result


def repeat(path: Path, place: Path) -> str:
    """Run nbval over an executed notebook in `place`, and return SAME or what it says.

    It runs as far as something is compared or left.
    """
    notebook, copy = read_notebook(path), place / path.name
    wanted = [CHECKED in source(c) or LEFT in source(c) for c in notebook.cells]
    notebook.cells = notebook.cells[: max(np.flatnonzero(wanted), default=-1) + 1]
    nbformat.write(notebook, copy)
    command = [sys.executable, "-m", "pytest", *NBVAL, str(copy)]
    environment = {**os.environ, "EMOFACE_RUNS": str(place)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    return SAME if done.returncode == 0 else done.stdout


def main() -> int:
    """Run the notebooks of the project; 1 if a second run differs from the first."""
    paths, run = find_notebooks(), Run(load_settings(PROFILE)).folder.resolve()
    given = {"profile": PROFILE, "seed": 0}
    sources = [read_source(path) for path in paths]
    first = [Step(one, paths[:i], run, given) for i, one in enumerate(sources)]
    place = runs_folder().resolve() / "repeat"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    checked = [step for step in first if CHECKED in step.path.read_text("utf-8")]
    copies = [step.output for step in checked]
    second = [Again(step, place, copies[:i]) for i, step in enumerate(checked)]
    steps: list[Job] = [*second, *first]  # beside each other, to the end
    different = False
    for step, outcome in side_by_side(steps, fitting(GUESS)):
        again = isinstance(step, Again)
        tell(f"{step.path.stem}{', again' * again}: {outcome}")
        different |= again and outcome != SAME
    reproduce(PROFILE)  # says of each that it is up to date, and writes its report
    return int(different)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(str(error))
