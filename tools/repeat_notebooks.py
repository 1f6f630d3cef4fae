"""Run executed notebooks again and compare: `python -m tools.repeat_notebooks PATHS`.

nbval runs each notebook in EMOFACE_RUNS, with the parameters that papermill put in. A
cell marked `# NBVAL_CHECK_OUTPUT` must print what it printed before: same seed, same
numbers. A cell marked `# NBVAL_SKIP` (or with the tag `nbval-skip`) is left out.
"""

import sys

import pytest

from emoface_lib.core.settings import runs_folder
from emoface_lib.runs.notebooks import kernel_environment


def main(paths: list[str]) -> int:
    """Run nbval over the executed notebooks `paths`, in this order."""
    options = ["--nbval-lax", "--nbval-current-env", "-p", "no:xdist"]
    with kernel_environment(runs_folder() / "jupyter"):
        return pytest.main([*options, *paths])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
