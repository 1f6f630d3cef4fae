"""The lessons to work in, copied to a folder of one's own: `emoface lab`."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from course.make_editions import student, text_of
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_beside
from emoface_lib.runs.notebooks import find_notebooks, read_notebook

OFFLINE = (  # it asks no server for news or extensions
    "--LabApp.extension_manager=readonly",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)


def copy_lessons(folder: Path) -> Iterator[Path]:
    """Copy the student's edition of the notebooks into `folder`; yield what is new.

    What is there already is somebody's work and stays. Raises InputError if the folder
    can't be written.
    """
    for path in find_notebooks():
        copy = folder / path.name
        if copy.exists():
            continue
        try:
            with write_beside(copy) as beside:
                text = text_of(student(read_notebook(path)))
                beside.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"{folder} can't be written ({error.strerror}): name a folder of your "
                "own, such as emoface lab ~/lessons."
            ) from error
        yield copy


def serve(folder: Path, options: Sequence[str]) -> int:
    """Open JupyterLab on `folder` until it is closed; returns its exit code."""
    command = [sys.executable, "-m", "jupyterlab", *OFFLINE, *options, str(folder)]
    return subprocess.call(command)
