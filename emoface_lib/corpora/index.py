"""Corpora on disk: the embedded one, and the real ones by their layout.

Taught in notebook 01.
"""

from pathlib import Path

import pandas as pd

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import INDEX
from emoface_lib.core.settings import nearest
from emoface_lib.corpora.emotion_layouts import (
    CREMA_D_LAYOUT,
    MEAD_LAYOUT,
    RAVDESS_LAYOUT,
)
from emoface_lib.corpora.layouts import (
    ARCHIVES,
    COLUMNS,
    FILES,
    Layout,
    Reading,
    read_layout,
    walk,
)
from emoface_lib.corpora.speech_layouts import GRID_LAYOUT, LRW_LAYOUT, VOXCELEB2

SAMPLE = 5_000  # files by which a layout is recognised
LAYOUTS = {
    layout.name: layout
    for layout in (
        VOXCELEB2,
        LRW_LAYOUT,
        RAVDESS_LAYOUT,
        CREMA_D_LAYOUT,
        GRID_LAYOUT,
        MEAD_LAYOUT,
    )
}


def read_corpus(root: Path | str, layout: str = "") -> Reading:
    """What a corpus' folder holds, by the layout of this name or the one that fits.

    A folder with an `index.parquet` of its own, as the embedded corpus has, is read by
    that; columns that it lacks are empty. Raises InputError if there is no such layout,
    or no clip. Taught in notebook 01.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}: give that of a corpus.")
    if layout and layout not in LAYOUTS:
        hint = nearest(layout, tuple(LAYOUTS))
        raise InputError(f"There is no layout {layout!r}; {hint}")
    if not layout and (root / INDEX).exists():
        return _read_own_index(root)
    files = list(walk(root))
    chosen = LAYOUTS[layout] if layout else _fitting(root, files)
    reading = read_layout(root, chosen, files)
    if reading.index.empty:
        raise InputError(
            f"There is no clip of {chosen.title} in {root}: its files are called "
            f"{chosen.shape}.{_packed(root, files)}"
        )
    return reading


def _fitting(root: Path, files: list[str]) -> Layout:
    """The layout that most files are part of, by a sample of them."""
    some = files[:: max(1, len(files) // SAMPLE)]
    counts = {
        name: sum(layout.part(path) is not None for path in some)
        for name, layout in LAYOUTS.items()
    }
    best = max(counts, key=lambda name: counts[name])
    if not counts[best]:
        shapes = "; ".join(f"{one.title}: {one.shape}" for one in LAYOUTS.values())
        raise InputError(
            f"There is no clip of a known corpus in {root}. Known are {shapes}."
            f"{_packed(root, files)}"
        )
    return LAYOUTS[best]


def _packed(root: Path, files: list[str]) -> str:
    archives = [path for path in files if path.lower().endswith(ARCHIVES)]
    if not archives:
        return ""
    return f" Unpack {archives[0]} and the like first: unzip '{root}/*.zip' -d {root}"


def _read_own_index(root: Path) -> Reading:
    index = pd.read_parquet(root / INDEX)
    if missing := {"clip", "speaker", "video", "path", "split"} - set(index):
        raise InputError(
            f"{root / INDEX} has no column {sorted(missing)[0]!r}: add it."
        )
    for name in (*FILES.values(), *COLUMNS):
        if name not in index:
            index[name] = ""
    layout = Layout(
        name="index",
        title="a corpus with an index of its own",
        shape=f"named in {INDEX}",
        part=lambda _: None,
        states="video",
        speakers=0,
        clips=0,
    )
    return Reading(layout, index, [], [])
