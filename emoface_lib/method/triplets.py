"""Triplets of clips for eq. (5): V_r and V_s of one video, V_p of another.

Taught in notebook 05, paper section 3.2.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from emoface_lib.core.clip import Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.stored import column
from emoface_lib.core.training import without_replacement


class NoTripletsError(InputError):
    """The clips lack what a triplet is made of, as in LRW, which names no speakers."""


class Triplet(NamedTuple):
    """Positions of V_r, V_s and V_p in the list of clips."""

    r: int
    s: int
    p: int


class TripletSampler:
    """Draws triplets: r and s of one video of a speaker, p of another of the same.

    by : "videos", the paper's assumption that a video holds one emotion; "labels",
    where r and s share a speaker's emotion and p has another one; or "shuffled", a
    negative control: a speaker's clips are dealt to the videos at random.
    NoTripletsError says what the clips lack if there is no triplet. Paper section 3.2.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        by: Literal["videos", "labels", "shuffled"] = "videos",
    ) -> None:
        speakers = column(clips, "speaker")
        shared = column(clips, "emotion" if by == "labels" else "video")
        if by == "shuffled":
            shared = _dealt(shared, speakers)
        valid = np.flatnonzero((speakers != "") & (shared != ""))
        # numbers in the order in which speakers, and what clips share, appear
        own = pd.factorize(speakers[valid])[0]
        pair = pd.factorize(own * len(clips) + pd.factorize(shared[valid])[0])[0]
        order = np.lexsort((pair, own))
        self.order, (own, pair) = valid[order], (own[order], pair[order])
        runs = np.cumsum(np.diff(pair, prepend=pair[:1]) != 0)  # numbers of runs
        _, self.start, self.group, self.count = np.unique(
            runs, return_index=True, return_inverse=True, return_counts=True
        )
        _, self.first, self.speaker, self.groups = np.unique(
            own[self.start], return_index=True, return_inverse=True, return_counts=True
        )
        alike, others = self.count > 1, self.groups[self.speaker] > 1
        self.anchors = np.flatnonzero((alike & others)[self.group])
        if not len(self.anchors):
            raise NoTripletsError(f"No triplet can be made: {self._lack(clips, by)}")

    def _lack(self, clips: Sequence[Clip], by: str) -> str:
        """What the clips would need."""
        if not clips:
            return "there is no clip."
        if not (column(clips, "speaker") != "").any():
            return (
                "the clips name no speaker, as in LRW; V_p must be of the same speaker "
                "as V_r. Train with L_landmark alone: emotion_weight and "
                "identity_weight 0."
            )
        if by == "labels" and not len(self.groups):
            return "the clips have no labels of emotion: give triplets = 'videos'."
        what = "emotion" if by == "labels" else "video"
        lonely = int((self.groups == 1).sum())
        if lonely == len(self.groups):
            return (
                f"each of the {lonely} speakers has one {what} only; V_p must be of "
                "another one. Prepare more clips of each speaker."
            )
        return (
            f"no {what} of a speaker with two {what}s has two clips; V_r and V_s must "
            "share one. Cut the videos into more clips."
        )

    def draw(
        self, count: int, step: int, seed: int, generator: np.random.Generator
    ) -> list[Triplet]:
        """The triplets of a step: each clip that can be V_r is it once an epoch.

        generator : draws V_s and V_p.
        """
        chosen = without_replacement(len(self.anchors), count, step, seed)
        return [self._complete(self.anchors[i], generator) for i in chosen]

    def _complete(self, place: int, generator: np.random.Generator) -> Triplet:
        group = self.group[place]
        speaker = self.speaker[group]
        other = self.first[speaker] + generator.integers(self.groups[speaker] - 1)
        other += other >= group
        same = self.start[group] + generator.integers(self.count[group] - 1)
        same += same >= place
        last = self.start[other] + generator.integers(self.count[other])
        return Triplet(*(int(self.order[i]) for i in (place, same, last)))


def _dealt(videos: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """The videos of clips, Array[N], permuted among the clips of each speaker."""
    dealt, generator = videos.copy(), np.random.default_rng(0)
    for own in pd.Series(speakers).groupby(speakers, sort=False).indices.values():
        dealt[own] = videos[generator.permutation(own)]
    return dealt
