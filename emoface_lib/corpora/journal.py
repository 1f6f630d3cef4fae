"""What has been done of a corpus: lines written as clips end, and the index at the end.

A line is appended when a clip's file is in its place, so that a run that was killed at
any moment goes on from there. Each shard has a journal of its own.
"""

import io
import json
from pathlib import Path
from shutil import rmtree
from typing import Any

import pandas as pd
import pyarrow.json

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import INDEX, read_or_set_aside, read_parquet
from emoface_lib.core.locks import hold

FOLDER = "journal"
WHOLE = (1, 1)  # the shard that is everything


class Journal:
    """The rows known of the clips in a folder of features, and those of this run.

    shard : (i, n), the i-th of n parts. Raises InputError if another run is at work on
    the same clips.
    """

    def __init__(self, folder: Path, shard: tuple[int, int] = WHOLE) -> None:
        self.index, self.folder = folder / INDEX, folder / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        own = self.folder / f"{shard[0]}-of-{shard[1]}.jsonl"
        self.path, self.file = own, own.open("ab+")
        for path in sorted(self.folder.glob("*.jsonl")):
            if path == own or shard == WHOLE or path.stem == "1-of-1":
                try:
                    with path.open("ab") as other:
                        hold(self.file if path == own else other)
                except BlockingIOError as error:
                    raise InputError(
                        "Another run is preparing the same clips (it holds "
                        f"{path}): wait for it, or give each run a shard of its own."
                    ) from error
        self.file.seek(0)  # a killed run may have left a part of a line
        self.file.truncate(self.file.read().rfind(b"\n") + 1)

    def known(self) -> pd.DataFrame:
        """All rows by clip: those of the index, then of the journals; later ones win.

        Columns are problem and what a recipe says of a clip that was used.
        """
        empty = pd.DataFrame({"clip": [], "problem": []}, dtype=str)
        columns = "clip", "problem"
        index = read_or_set_aside(lambda path: read_parquet(path, *columns), self.index)
        parts: list[pd.DataFrame | None] = [empty, index]
        for path in sorted(self.folder.glob("*.jsonl")):
            parts.append(read_or_set_aside(_read_lines, path))
        found = [part for part in parts if part is not None]
        rows = pd.concat([part for part in found if len(part)] or found)
        return rows.drop_duplicates("clip", keep="last").set_index("clip")

    def add(self, row: dict[str, Any]) -> None:
        """Append what became of a clip; raises InputError if the disk is full."""
        try:
            self.file.write(json.dumps(row).encode() + b"\n")
            self.file.flush()
        except OSError as error:
            raise InputError(
                f"{self.path} can't be written ({error.strerror}): make room, and run "
                "the same command again; it goes on."
            ) from error

    def close(self, done: bool = False) -> None:
        """End the run; with `done` the index says all, and journals are removed."""
        if done:
            rmtree(self.folder)
        self.file.close()


def _read_lines(path: Path) -> pd.DataFrame | None:
    """The whole lines of a journal; another run may be writing the one after them."""
    whole, end, _ = path.read_bytes().rpartition(b"\n")
    if not whole:
        return None
    rows = pyarrow.json.read_json(io.BytesIO(whole + end)).to_pandas()
    return rows[rows["clip"].notna() & rows["problem"].notna()]
