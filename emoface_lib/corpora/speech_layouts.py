"""VoxCeleb2, LRW and GRID: speech without labels of emotion."""

import re
from pathlib import Path

import pandas as pd

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import VOXCELEB_META
from emoface_lib.corpora.layouts import Layout, Part

VOXCELEB = re.compile(
    r"(?:.*?/)??(?:(?P<set>dev|test)/)?(?:mp4|aac)"
    r"/(?P<speaker>[^/]+)/(?P<video>[^/]+)/(?P<utterance>[^/]+)\.(?P<type>mp4|m4a)"
)
LRW = re.compile(
    r"(?:.*/)?(?P<word>[A-Z']+)/(?P<set>train|val|test)/(?P<name>(?P=word)_\d{5})"
    r"\.(?P<type>mp4|txt)"
)
GRID = re.compile(
    r"(?:.*/)?(?P<talker>s\d\d?|s_[a-z])/(?:.*/)?"
    r"(?P<code>[blps][bgrw][abiw][a-z][1-9z][anps])\.(?P<type>mpg|wav|align)"
)
DIGITS = (
    *("one", "two", "three", "four", "five"),
    *("six", "seven", "eight", "nine", "zero"),
)
GRID_WORDS: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {},  # the letter itself
    dict(zip("123456789z", DIGITS, strict=True)),
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)


def read_sets(path: Path) -> dict[str, str]:
    """The set (dev or test) of each speaker by VoxCeleb2's metadata, {} if absent.

    Both known forms are read: commas and tabs, with blanks at the ends of the names.
    """
    if not path.exists():
        return {}
    meta = pd.read_csv(path, sep=r"\s*[,\t]\s*", engine="python", dtype=str)
    meta.columns = meta.columns.str.strip()
    if not {"VoxCeleb2 ID", "Set"} <= set(meta.columns):
        raise InputError(f"{path} has no columns VoxCeleb2 ID and Set: replace it.")
    return dict(zip(meta["VoxCeleb2 ID"], meta["Set"].str.strip(), strict=True))


def _voxceleb_part(path: str) -> Part | None:
    if not (found := VOXCELEB.fullmatch(path)):
        return None
    sets = {"dev": "train", "test": "test", None: ""}
    return Part(
        kind="video" if found["type"] == "mp4" else "sound",
        speaker=found["speaker"],
        video=found["video"],
        utterance=found["utterance"],
        split=sets[found["set"]],
    )


def _voxceleb_sets(root: Path) -> dict[str, str]:
    sets = read_sets(root / VOXCELEB_META)
    return {name: "train" if s == "dev" else "test" for name, s in sets.items()}


def _lrw_part(path: str) -> Part | None:
    if not (found := LRW.fullmatch(path)):
        return None
    clip = f"{found['word']}/{found['set']}/{found['name']}"
    return Part(
        kind="video" if found["type"] == "mp4" else "text",
        speaker=clip,  # nobody knows who speaks: each clip is its own speaker
        video=found["set"],
        utterance=found["name"],
        sentence=found["word"].lower(),
        split={"train": "train", "val": "val", "test": "test"}[found["set"]],
        clip=clip,
    )


def _grid_part(path: str) -> Part | None:
    if not (found := GRID.fullmatch(path)):
        return None
    code, kinds = found["code"], {"mpg": "video", "wav": "sound", "align": "text"}
    words = (known.get(c, c) for known, c in zip(GRID_WORDS, code, strict=True))
    return Part(
        kind=kinds[found["type"]],  # type: ignore[arg-type]
        speaker=found["talker"],
        video="neutral",
        utterance=code,
        emotion="neutral",
        sentence=" ".join(words),
    )


VOXCELEB2 = Layout(
    name="voxceleb2",
    title="VoxCeleb2",
    shape="mp4/<speaker>/<video>/<utterance>.mp4, below dev/ or test/ or neither",
    part=_voxceleb_part,
    states="video",
    speakers=6_112,
    clips=1_128_246,
    sets=_voxceleb_sets,
)
LRW_LAYOUT = Layout(
    name="lrw",
    title="LRW",
    shape="lipread_mp4/<WORD>/{train,val,test}/<WORD>_<number>.mp4",
    part=_lrw_part,
    states="none",
    speakers=0,
    clips=538_766,
    names_speakers=False,
)
GRID_LAYOUT = Layout(
    name="grid",
    title="GRID",
    shape="s<talker>/<code of six letters>.mpg",
    part=_grid_part,
    states="none",
    speakers=33,  # 34 less s21, which has no video
    clips=33_000,
    test=frozenset({"s28", "s29", "s30", "s31", "s32", "s33", "s34"}),
)
