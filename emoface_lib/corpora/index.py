"""The clips of a corpus on disk: the embedded one, and the real ones by their layout.

Taught in notebook 01.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import INDEX, is_confined, read_parquet, reading
from emoface_lib.core.settings import nearest
from emoface_lib.corpora.layouts import LAYOUTS, MEDIA, Layout, ending

SAMPLE = 5_000  # files by which a layout is recognised
ARCHIVES = (".zip", ".tar", ".tgz", ".gz")
FEWEST_VIDEOS = 3  # a speaker; one video is held out, and V_r and V_p need two
FILES = ("path", "sound", "tracks", "text")
COLUMNS = (
    *("clip", "speaker", "video", "utterance", *FILES),
    *("split", "emotion", "intensity", "sentence", "problem"),
)


@dataclass(frozen=True)
class Reading:
    """What was found in a corpus' folder.

    index : one row a clip, sorted, with COLUMNS; path (of the video), sound, tracks and
    text are relative to the root, "" where there is none; problem : known faults;
    duplicates : files whose place another has; unmatched : videos and sounds that fit
    nowhere.
    """

    layout: Layout
    index: pd.DataFrame
    duplicates: list[str]
    unmatched: list[str]

    @property
    def whole(self) -> pd.DataFrame:
        """Clips with a face and a sound, not known to be faulty."""
        known = self.index != ""
        face, sound = known["path"] | known["tracks"], known["path"] | known["sound"]
        return self.index[face & sound & ~known["problem"]]


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
    reading = _read_layout(root, chosen, files)
    if reading.index.empty:
        raise InputError(
            f"There is no clip of {chosen.title} in {root}: its files are called "
            f"{chosen.shape}.{_packed(root, files)}"
        )
    return reading


def walk(root: Path) -> Iterator[str]:
    """All files below a folder, relative to it; links are followed, but in no circle.

    Names that begin with a dot are left out.
    """
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        place = os.stat(folder)
        if (place.st_dev, place.st_ino) in seen:
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = os.path.relpath(folder, root)
        prefix = "" if below == "." else below.replace(os.sep, "/") + "/"
        yield from (prefix + name for name in sorted(files) if name[0] != ".")


def _fitting(root: Path, files: list[str]) -> Layout:
    """The layout that most files are part of, by a sample of them."""
    some = files[:: max(1, len(files) // SAMPLE)]
    counts = {
        name: sum(layout.row(path) is not None for path in some)
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
    index = read_parquet(root / INDEX)
    if missing := {"clip", "speaker", "video", "path", "split"} - set(index):
        raise InputError(
            f"{root / INDEX} has no column {sorted(missing)[0]!r}: add it."
        )
    for name in COLUMNS:
        index[name] = index[name].fillna("").astype(str) if name in index else ""
    for column in ("clip", *FILES):
        for name in index[column]:
            if not is_confined(name) and (name or column == "clip"):
                raise InputError(
                    f"{root / INDEX} has a {column} {name!r}, which leads out of its "
                    "folder: give it another name."
                )
    if (twice := index["clip"][index["clip"].duplicated()]).any():
        raise InputError(
            f"{root / INDEX} has two clips {twice.iloc[0]!r}: name each only once."
        )
    title, shape = "a corpus with an index of its own", f"named in {INDEX}"
    own = Layout(name="index", title=title, shape=shape, pattern="")
    return Reading(own, index, [], [])


def _read_layout(root: Path, layout: Layout, files: Sequence[str]) -> Reading:
    """The clips that a layout finds among files relative to `root`."""
    clips: dict[str, dict[str, str]] = {}
    rows = [(layout.row(path), path) for path in files]
    parts = [(row, path) for row, path in rows if row is not None and row["kind"]]
    duplicates = []
    for row, path in sorted(parts, key=lambda part: bool(part[0].get("fallback"))):
        clip = clips.setdefault(row["clip"], row)
        if row["kind"] in clip and not row.get("fallback"):
            duplicates.append(path)
        clip.setdefault(row["kind"], path)
    found = [
        [clip.get(name, "") for name in COLUMNS]
        for _, clip in sorted(clips.items())
        if clip.keys() & {"path", "sound", "tracks"}
    ]
    index = pd.DataFrame(found, columns=list(COLUMNS))
    index["split"] = _splits(index, layout, root)
    unmatched = [path for row, path in rows if row is None and ending(path) in MEDIA]
    return Reading(layout, index, duplicates, unmatched)


def _splits(index: pd.DataFrame, layout: Layout, root: Path) -> list[str]:
    """Official splits; else by speaker, with one video of each trained one held out."""
    sets = read_sets(root / layout.split_table) if layout.split_table else {}
    # who is in no list is not trained on
    rest = "test" if layout.split_table else "train"
    splits = [
        own or ("test" if name in layout.test else sets.get(name, rest))
        for own, name in zip(index["split"], index["speaker"], strict=True)
    ]
    if "val" in splits:
        return splits
    # one video of each speaker with enough of them, drawn by its name
    videos = index.groupby("speaker")["video"].unique()
    held_out = {
        (speaker, min(own, key=lambda v: zlib.crc32(f"{speaker}/{v}".encode())))
        for speaker, own in videos.items()
        if len(own) >= FEWEST_VIDEOS
    }
    places = zip(splits, index["speaker"], index["video"], strict=True)
    return [
        "val" if split == "train" and (name, video) in held_out else split
        for split, name, video in places
    ]


def read_sets(path: Path) -> dict[str, str]:
    """The split of each speaker by VoxCeleb2's metadata, {} if absent.

    Both known forms are read: commas and tabs, with blanks at the ends of the names.
    """
    if not path.exists():
        return {}
    with reading(path):
        meta = pd.read_csv(path, sep=r"\s*[,\t]\s*", engine="python", dtype=str)
    meta.columns = meta.columns.str.strip()
    if not {"VoxCeleb2 ID", "Set"} <= set(meta.columns):
        raise InputError(f"{path} has no columns VoxCeleb2 ID and Set: replace it.")
    splits = meta["Set"].str.strip().map({"dev": "train"}).fillna("test")
    return dict(zip(meta["VoxCeleb2 ID"], splits, strict=True))


def sounds_alone(index: pd.DataFrame) -> pd.DataFrame:
    """The index as it would be without pictures: each clip is a sound."""
    sound = index["sound"].where(index["sound"] != "", index["path"])
    return index.assign(path="", tracks="", sound=sound)


def stages(reading: Reading) -> dict[str, str]:
    """Stage of the method -> "" if the corpus can feed it, else the reason why not.

    Asked of the index, not of the corpus' name: a download without its videos, or with
    one speaker, can do less than the whole corpus. Taught in notebook 01.
    """
    index = reading.index[reading.index["problem"] == ""]
    whole = reading.whole
    train, test = (whole[whole["split"] == split] for split in ("train", "test"))

    def lack(rows: pd.DataFrame, columns: str, reason: str) -> str:
        return "" if (rows[columns.split()] != "").any(axis=None) else reason

    no_train = lack(train, "clip", "no clip with sound and face in the split train")
    return {
        "F_a, AutoVC": lack(index, "path sound", "no sound"),
        "landmarks": lack(index, "path tracks", "neither videos nor landmark tracks"),
        "expressions": lack(index, "path emotion", "no videos, no labels"),
        "step 1": no_train,
        "step 2": no_train or _triplets(reading, train),
        "step 3": lack(train, "path", "no clip with a video in the split train"),
        "LMD": lack(test, "clip", "no clip with sound and face in the split test"),
        "ES": lack(test, "path", "no clip with a video in the split test"),
    }


def _triplets(reading: Reading, train: pd.DataFrame) -> str:
    """Why no triplet V_r, V_s, V_p can be drawn; "" if some can."""
    if not reading.layout.names_speakers:
        return (
            f"{reading.layout.title} does not name its speakers, and V_p must be "
            "another video of the same one"
        )
    videos = train.groupby(["speaker", "video"]).size()
    a_speaker = videos.groupby("speaker").agg(["size", "max"])
    if not (a_speaker["size"] > 1).any():
        return "no speaker has two videos, in other words two emotional states"
    if not ((a_speaker["size"] > 1) & (a_speaker["max"] > 1)).any():
        return "no speaker with two videos has two clips of one of them"
    return ""
