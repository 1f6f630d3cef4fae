"""Which stages of the method a corpus can feed, and why not the others.

Asked of the index, not of the corpus' name: a download without its videos, or with one
speaker, can do less than the whole corpus. Taught in notebook 01.
"""

import pandas as pd

from emoface_lib.corpora.index import Reading


def stages(reading: Reading) -> dict[str, str]:
    """Stage -> "" if the corpus can feed it, else the reason why not."""
    index = reading.index[reading.index["problem"] == ""]
    video, labelled = index["path"] != "", index["emotion"] != ""
    sound, face = video | (index["sound"] != ""), video | (index["tracks"] != "")
    train, test = (
        index[sound & face & (index["split"] == s)] for s in ("train", "test")
    )
    no_train = _without(train, "no training clip with sound and face")
    return {
        "F_a, AutoVC": _without(index[sound], "no sound"),
        "landmarks": _without(index[face], "neither videos nor landmark tracks"),
        "expressions": _without(index[video | labelled], "no videos, no labels"),
        "step 1": no_train,
        "step 2": no_train or _triplets(reading, train),
        "step 3": _without(train[train["path"] != ""], "no training clip with a video"),
        "LMD": _without(test, "no test clip with sound and face"),
        "ES": _without(test[test["path"] != ""], "no test clip with a video"),
    }


def _without(rows: pd.DataFrame, reason: str) -> str:
    return "" if len(rows) else reason


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
