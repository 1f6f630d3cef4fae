"""Checkers of lesson 01, the corpus."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from course.exercises.checking import answer_of, array_of, expect, number_of, right

FOLDS = 5
VIDEOS, CLIPS = 40, 4  # made up, to be told apart or not


def check_count_triplets(function: Callable[[pd.DataFrame], int]) -> None:
    """How many triplets (V_r, V_s, V_p) a corpus has."""
    index = _index()
    sizes = _sizes(index, ["speaker", "video"])
    own = sizes.groupby("speaker").transform("sum")
    answer = number_of(answer_of(function, index.copy()))
    truth = (sizes * (sizes - 1) * (own - sizes)).sum()
    by_name = _sizes(index, ["video"])
    for wrong, sentence in (
        (
            (by_name * (by_name - 1) * (len(index) - by_name)).sum(),
            "videos of different speakers have the same name, and are taken for one.",
        ),
        (
            (sizes * (sizes - 1) * (len(index) - sizes)).sum(),
            "V_p may be of anybody. It must be of the speaker of V_r.",
        ),
        (
            (sizes**2 * (own - sizes)).sum(),
            "V_r and V_s may be the same clip. They are two clips of one video.",
        ),
        (
            (sizes * (sizes - 1) * (own - 2)).sum(),
            "V_p may be of the video of V_r. It must be of another one.",
        ),
        (
            truth / 2,
            "each triplet is counted once for two. V_r and V_s have different parts "
            "to play: which is which matters.",
        ),
    ):
        expect(answer != wrong, sentence)
    expect(
        answer == truth,
        f"a made-up corpus of {len(index)} clips has {truth} triplets, not {answer:g}.",
    )
    right("without a second video a speaker adds none, however many clips there are.")


def check_flattery(
    function: Callable[[Any, np.ndarray, np.ndarray, np.ndarray], float],
) -> None:
    """What a split by clips promises too much, against one by videos."""
    X, labels, videos = _made_up(of_video=1.0)
    reader = KNeighborsClassifier(1)
    answer = number_of(answer_of(function, reader, X, labels, videos))
    by_video = _accuracy(reader, X, labels, GroupKFold(FOLDS), videos)
    by_clip = _accuracy(reader, X, labels, KFold(FOLDS, shuffle=True, random_state=0))
    in_order = _accuracy(reader, X, labels, KFold(FOLDS))
    truth = by_clip - by_video
    expect(
        abs(answer - (in_order - by_video)) > 0.02,
        "the folds of clips are cut from the table in its order, in which clips of a "
        "video are neighbours. Shuffle them.",
    )
    expect(abs(answer) > 0.02, "both accuracies are of the same folds.")
    expect(
        abs(answer + truth) > 0.1,
        "the sign is turned round: it is the split by clips that flatters.",
    )
    for alone, kind in ((by_clip, "clips"), (by_video, "videos")):
        expect(
            abs(answer - alone) > 0.02,
            f"this is the accuracy with folds of {kind}. Return the difference.",
        )
    expect(
        abs(answer - truth) < 0.1,
        f"on made-up clips it gives {answer:.2f} in place of {truth:.2f}.",
    )
    honest = _made_up(of_video=0.0)
    expect(
        abs(number_of(answer_of(function, reader, *honest))) < 0.1,
        "where clips of a video share nothing, both splits should agree.",
    )
    right("what clips of one video share is learnt by heart, and counts as knowledge.")


def check_without_speaker(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> None:
    """Features without the mean of whoever speaks."""
    rng = np.random.default_rng(7)
    speakers = np.array(["id3", "id1", "id1", "id2", "id3", "id1", "id2", "id3"])
    X = rng.normal(size=(len(speakers), 4))
    voices = {name: 10 * rng.normal(size=4) for name in np.unique(speakers)}
    heard = X + np.array([voices[name] for name in speakers])
    answer = array_of(answer_of(function, heard, speakers), X.shape)
    own = np.array([X[speakers == name].mean(0) for name in speakers])
    truth = X - own
    expect(
        not np.allclose(answer, heard - heard.mean(0)),
        "this is the mean of everybody. Each speaker has one of their own.",
    )
    expect(
        not np.allclose(np.sort(answer, 0), np.sort(truth, 0))
        or np.allclose(answer, truth),
        "the rows have changed places: row n must stay clip n.",
    )
    for name in voices:
        mine = speakers == name
        expect(
            np.allclose(answer[mine].mean(0), 0, atol=1e-6),
            f"the mean of {name}, whose clips are not in a row, is not 0 afterwards. "
            "Choose the clips of a speaker by name.",
        )
    expect(
        np.allclose(answer, truth),
        "the means are gone, but more than a shift was done: differences between clips "
        "of a speaker have changed.",
    )
    right("what is left is how a clip differs from the same voice at other times.")


def _index() -> pd.DataFrame:
    """A corpus of unequal videos, some of one clip, and a speaker with one video."""
    clips = {"id1": (3, 2, 1), "id2": (2, 4), "id3": (5,), "id4": (1, 1)}
    rows = [
        (speaker, f"video{video + 1:02d}", f"{clip + 1:05d}")
        for speaker, counts in clips.items()
        for video, count in enumerate(counts)
        for clip in range(count)
    ]
    return pd.DataFrame(rows, columns=["speaker", "video", "clip"])


def _sizes(index: pd.DataFrame, by: list[str]) -> "pd.Series[int]":
    return index.groupby(by).size()


def _made_up(of_video: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features that tell the video as far as `of_video`, labels and videos [N]."""
    rng = np.random.default_rng(8)
    videos = np.repeat([f"video{i:02d}" for i in range(VIDEOS)], CLIPS)
    labels = np.repeat(rng.integers(4, size=VIDEOS), CLIPS)
    shared = np.repeat(rng.normal(size=(VIDEOS, 8)), CLIPS, axis=0)
    X = of_video * shared + 0.3 * rng.normal(size=shared.shape)
    X[:, 0] += (1 - of_video) * 3 * labels
    return X, labels, videos


def _accuracy(
    reader: Any,
    X: np.ndarray,
    labels: np.ndarray,
    folds: Any,
    groups: np.ndarray | None = None,
) -> float:
    scores = cross_val_score(reader, X, labels, cv=folds, groups=groups)
    return float(scores.mean())
