"""What a corpus looks like on disk, and the index of clips that comes of it.

A layout derives from a file's path alone its clip, its part of the clip, the speaker
and the emotional state. `speech_layouts` and `emotion_layouts` hold those that are
known; their cards stand in docs/corpora.md. Taught in notebook 01.
"""

import os
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

# "other": a file of the corpus that nothing here needs
Kind = Literal["video", "sound", "tracks", "text", "other"]
MEDIA = (".mp4", ".mpg", ".flv", ".avi", ".mov", ".mkv", ".wav", ".m4a", ".csv")
ARCHIVES = (".zip", ".tar", ".tgz", ".gz")
FEWEST_VIDEOS = 3  # a speaker; one video is held out, and V_r and V_p need two


FILES = {"video": "path", "sound": "sound", "tracks": "tracks", "text": "text"}
COLUMNS = [
    "clip",
    "speaker",
    "video",
    "utterance",
    "path",
    "sound",
    "tracks",
    "text",
    "split",
    "emotion",
    "intensity",
    "sentence",
    "problem",
]


@dataclass(frozen=True)
class Part:
    """What a path says of its file.

    video : the recording of one emotional state, as eq. (5) needs it; split : the
    corpus' own, "" where it has none; clip : "speaker/video/utterance" if not given;
    fallback : used only where no other file is this part.
    """

    kind: Kind
    speaker: str
    video: str
    utterance: str
    emotion: str = ""  # as in EXPRESSIONS where it is one of them
    intensity: str = ""
    sentence: str = ""
    split: str = ""
    clip: str = ""
    fallback: bool = False

    @property
    def name(self) -> str:
        """The clip's name, in whose place of the tree its features are kept."""
        return self.clip or f"{self.speaker}/{self.video}/{self.utterance}"


@dataclass(frozen=True)
class Layout:
    """One corpus: how it lies on disk and what is known of it.

    part : of a path relative to the corpus' root, None if it is no part of a clip;
    states : what holds the emotion together, the video (the paper's assumption), a
    label, or nothing; speakers, clips : of the whole corpus, 0 if not known; test :
    speakers that are not trained on, where there is no official split; faulty : clip ->
    what is wrong; sets : reads the official split of each speaker.
    """

    name: str
    title: str
    shape: str  # how its paths look, for messages
    part: Callable[[str], Part | None]
    states: Literal["video", "label", "none"]
    speakers: int
    clips: int
    names_speakers: bool = True
    test: frozenset[str] = frozenset()
    faulty: Mapping[str, str] = field(default_factory=dict)
    sets: Callable[[Path], dict[str, str]] | None = None  # speaker -> official split


@dataclass(frozen=True)
class Reading:
    """What was found in a corpus' folder.

    index : one row a clip, sorted, with COLUMNS; path (of the video), sound, tracks and
    text are relative to the root, "" where there is none; problem : known faults;
    duplicates : files whose place another has; unmatched : media
    files, which fit nowhere.
    """

    layout: Layout
    index: pd.DataFrame
    duplicates: list[str]
    unmatched: list[str]


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


def read_layout(root: Path, layout: Layout, files: Sequence[str]) -> Reading:
    """The clips that a layout finds among files relative to `root`."""
    clips: dict[str, dict[str, str]] = {}
    duplicates, unmatched = [], []
    parts = [(layout.part(path), path) for path in files]
    for part, path in sorted(
        parts, key=lambda pair: bool(pair[0] and pair[0].fallback)
    ):
        if part is None:
            unmatched += [path] if path.lower().endswith(MEDIA) else []
        elif part.kind != "other":
            row = clips.setdefault(part.name, _row(part, layout))
            if not row[FILES[part.kind]]:
                row[FILES[part.kind]] = path
            elif not part.fallback:
                duplicates.append(path)
    rows = [
        row
        for _, row in sorted(clips.items())
        if row["path"] or row["sound"] or row["tracks"]
    ]
    index = pd.DataFrame(rows, columns=COLUMNS)
    index["split"] = _splits(index, layout, root)
    return Reading(layout, index, duplicates, unmatched)


def _row(part: Part, layout: Layout) -> dict[str, str]:
    told = {name: getattr(part, name, "") for name in COLUMNS}
    files = dict.fromkeys(FILES.values(), "")
    problem = layout.faulty.get(part.name, "")
    return told | files | {"clip": part.name, "problem": problem}


def _splits(index: pd.DataFrame, layout: Layout, root: Path) -> list[str]:
    """Official splits; else by speaker, with one video of each trained one held out."""
    sets = layout.sets(root) if layout.sets else {}
    rest = "test" if layout.sets else "train"  # who is in no list is not trained on
    splits = [
        own or ("test" if name in layout.test else sets.get(name, rest))
        for own, name in zip(index["split"], index["speaker"], strict=True)
    ]
    if "val" in splits:
        return splits
    places = list(zip(index["speaker"], index["video"], strict=True))
    held_out = _held_out(places)
    return [
        "val" if split == "train" and place in held_out else split
        for split, place in zip(splits, places, strict=True)
    ]


def _held_out(places: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """One video of each speaker with enough of them, drawn by its name."""
    own: dict[str, set[str]] = defaultdict(set)
    for speaker, video in places:
        own[speaker].add(video)
    return {
        (speaker, min(names, key=lambda v: zlib.crc32(f"{speaker}/{v}".encode())))
        for speaker, names in own.items()
        if len(names) >= FEWEST_VIDEOS
    }
