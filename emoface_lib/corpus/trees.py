"""Corpora on disk: VoxCeleb2's tree `<root>/mp4/<speaker>/<video>/<utterance>.mp4`."""

from pathlib import Path

import pandas as pd

from emoface_lib.errors import InputError

VOXCELEB_META = "vox2_meta.csv"
INDEX = "index.parquet"


def read_index(root: Path | str) -> pd.DataFrame:
    """The clips of a corpus in VoxCeleb2's tree, sorted by name.

    Columns clip ("speaker/video/utterance"), speaker, video, utterance, path (relative
    to `root`) and split; the embedded corpus has more (see its DATA_CARD.md). Without
    an index.parquet the folders are walked, and the split is "train" where
    vox2_meta.csv says dev, else "unseen". Raises InputError if there is no clip.
    Taught in notebook 01.
    """
    root = Path(root)
    if (root / INDEX).exists():
        return pd.read_parquet(root / INDEX)
    paths = sorted(root.glob("mp4/*/*/*.mp4"))
    if not paths:
        raise InputError(
            f"There is no clip mp4/<speaker>/<video>/<utterance>.mp4 in {root}: give "
            "the folder that holds VoxCeleb2's mp4 folder."
        )
    index = pd.DataFrame(
        [(*path.parts[-3:-1], path.stem) for path in paths],
        columns=["speaker", "video", "utterance"],
    )
    clips = index["speaker"] + "/" + index["video"] + "/" + index["utterance"]
    index.insert(0, "clip", clips)
    index["path"] = "mp4/" + index["clip"] + ".mp4"
    sets = read_sets(root / VOXCELEB_META)
    index["split"] = [
        "train" if sets.get(speaker) == "dev" else "unseen"
        for speaker in index["speaker"]
    ]
    return index


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
