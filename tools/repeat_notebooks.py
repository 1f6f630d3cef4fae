"""Run every notebook twice in the smoke profile: `python -m tools.repeat_notebooks`.

Papermill runs it; then nbval runs the executed copy again in a folder of its own, while
papermill goes on with the next one. A cell marked `# NBVAL_CHECK_OUTPUT` must print
what it printed before: same seed, same numbers. A cell marked `# NBVAL_SKIP` (or with
the tag `nbval-skip`) is left out.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emoface_lib.core.errors import InputError
from emoface_lib.core.settings import Run, load_settings, runs_folder
from emoface_lib.runs.notebooks import find_notebooks, kernel_environment
from emoface_lib.runs.reproduce import reproduce

PROFILE = "smoke"
NBVAL = ["--nbval-lax", "--nbval-current-env", "-p", "no:xdist", "--quiet"]


def main() -> int:
    """Run the notebooks of the project; 1 if a second run differs from the first."""
    executed = Run(load_settings(PROFILE)).path("notebooks")
    place = runs_folder().resolve() / "repeat"
    shutil.rmtree(place, ignore_errors=True)
    with kernel_environment(place / "jupyter"):
        environment = {**os.environ, "EMOFACE_RUNS": str(place)}
    with ThreadPoolExecutor(1) as second:
        outcomes = []
        for path in find_notebooks():
            reproduce(PROFILE, only=[path.stem])
            copy = executed / path.name
            outcomes.append(second.submit(is_repeated, copy, environment))
    return 0 if all(outcome.result() for outcome in outcomes) else 1


def is_repeated(path: Path, environment: Mapping[str, str]) -> bool:
    """Run nbval over an executed notebook; print what it says if outputs differ."""
    command = [sys.executable, "-m", "pytest", *NBVAL, str(path)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    same = done.returncode == 0
    print(f"{path.stem}, again: {'the same' if same else done.stdout}", flush=True)
    return same


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(str(error))
