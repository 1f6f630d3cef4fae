"""Clips that stay on disk: what a corpus larger than the memory is trained from.

    clips.arrow       a row a clip, memory-mapped
    000.f32, ...      float32[rows, D + 136], F_a and L of frame after frame

Before a speaker's frames stands a row of m_spk and L_0. Described in docs/scale.md.
"""

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, overload

import numpy as np
import pyarrow as pa
import torch

from emoface_lib.core.clip import Clip
from emoface_lib.core.files import reading, write_beside
from emoface_lib.core.fresh import digest

POINTS = 136  # numbers of 68 landmarks
TABLE = "clips.arrow"


@dataclass(frozen=True, eq=False)
class StoredClips(Sequence[Clip]):
    """Clips that are read when they are asked for; their tensors are memory-mapped.

    folder : of the files above; rows : int[N] of the table.
    """

    folder: Path
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Clip: ...
    @overload
    def __getitem__(self, place: slice) -> "StoredClips": ...
    def __getitem__(self, place: int | slice) -> "Clip | StoredClips":
        if isinstance(place, slice):
            return StoredClips(self.folder, self.rows[place])
        row = _table(self.folder).slice(int(self.rows[place]), 1).to_pylist()[0]
        head = self._read(row["shard"], row["head"], 1)[0]
        frames = self._read(row["shard"], row["start"], row["frames"])
        size = len(head) - POINTS
        return Clip(
            **{name: row[name] for name in ("name", "speaker", "video", "split")},
            **{name: row[name] for name in ("emotion", "arousal", "valence")},
            path=row["path"] or row["sound"],
            sound=row["sound"] or row["path"],
            features=frames[:, :size],
            landmarks=frames[:, size:].unflatten(1, (68, 2)),
            reference=head[size:].unflatten(0, (68, 2)),
            expression=torch.tensor(row["expression"]),
            speaker_mean=head[:size],
            ahead=row["ahead"],
        )

    def _read(self, shard: int, start: int, count: int) -> torch.Tensor:
        """Rows of a shard, Tensor[count, D + 136]; what is not used is not read."""
        width = int(_table(self.folder).schema.metadata[b"width"])
        skip = 4 * start * width % mmap.ALLOCATIONGRANULARITY
        length, offset = 4 * count * width + skip, 4 * start * width - skip
        with reading(path := shard_file(self.folder, shard)):
            file = _opened(path).fileno()
            part = mmap.mmap(file, length, access=mmap.ACCESS_COPY, offset=offset)
        numbers = torch.frombuffer(part, dtype=torch.float32, offset=skip)
        return numbers.unflatten(0, (count, width))

    def column(self, name: str) -> np.ndarray:
        """What the table says of all clips, such as "speaker": Array[N]."""
        column = _table(self.folder)[name]
        return column.to_pandas().to_numpy()[self.rows]  # equal texts are one object

    def of(self, split: str) -> "StoredClips":
        """The clips of one split."""
        return StoredClips(self.folder, self.rows[self.column("split") == split])

    @property
    def source(self) -> str:
        """Hash of what they were made from, and of which they are."""
        return digest([self.folder.name, self.rows])


def column(clips: Sequence[Clip], name: str) -> np.ndarray:
    """A text that each clip has, such as "speaker": Array[N]."""
    if isinstance(clips, StoredClips):
        return clips.column(name)
    return np.array([getattr(clip, name) for clip in clips], object)


def shard_file(folder: Path, number: int) -> Path:
    """The file of a shard's frames."""
    return folder / f"{number:03}.f32"


def write_table(folder: Path, table: pa.Table, width: int) -> StoredClips:
    """Write the table of clips whose frames are there, and open them.

    table : columns as `Clip` names them, and shard, head, start and frames in rows of
    `width` numbers.
    """
    named = table.combine_chunks().replace_schema_metadata({"width": str(width)})
    with (
        write_beside(folder / TABLE) as beside,
        pa.OSFile(str(beside), "wb") as file,
        pa.ipc.new_file(file, named.schema) as out,
    ):
        out.write_table(named)
    return open_stored(folder)


def open_stored(folder: Path) -> StoredClips:
    """All clips of a folder; raises InputError if its table is damaged."""
    with reading(folder / TABLE):
        return StoredClips(folder, np.arange(_table(folder).num_rows))


@lru_cache(maxsize=512)
def _opened(path: Path) -> IO[bytes]:
    return path.open("rb")


@lru_cache(maxsize=4)
def _table(folder: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(folder / TABLE))).read_all()
