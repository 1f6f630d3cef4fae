"""Triplets of clips for eq. (5): V_r and V_s of one video, V_p of another.

Taught in notebook 05, paper section 3.2.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np

from emoface_lib.core.errors import InputError
from emoface_lib.core.training import without_replacement


class Utterance(Protocol):
    """What the sampler needs to know of a clip."""

    @property
    def speaker(self) -> str:
        """Who speaks; "" if the corpus does not say."""

    @property
    def video(self) -> str:
        """The recording, one emotional state; names need only differ in a speaker."""

    @property
    def emotion(self) -> str:
        """The label of the emotion; "" if the corpus has none."""


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
        clips: Sequence[Utterance],
        by: Literal["videos", "labels", "shuffled"] = "videos",
    ) -> None:
        self.groups: dict[str, dict[str, list[int]]] = {}
        shared = [clip.emotion if by == "labels" else clip.video for clip in clips]
        if by == "shuffled":
            shared = _dealt(shared, [clip.speaker for clip in clips])
        for position, (clip, name) in enumerate(zip(clips, shared, strict=True)):
            if not clip.speaker or not name:
                continue
            speaker = self.groups.setdefault(clip.speaker, {})
            speaker.setdefault(name, []).append(position)
        self.anchors = [
            (position, speaker, shared)
            for speaker, groups in self.groups.items()
            for shared, positions in groups.items()
            for position in positions
            if len(groups) > 1 and len(positions) > 1
        ]
        if not self.anchors:
            raise NoTripletsError(f"No triplet can be made: {self._lack(clips, by)}")

    def _lack(self, clips: Sequence[Utterance], by: str) -> str:
        """What the clips would need."""
        if not clips:
            return "there is no clip."
        if not any(clip.speaker for clip in clips):
            return (
                "the clips name no speaker, as in LRW; V_p must be of the same speaker "
                "as V_r. Train with L_landmark alone: emotion_weight and "
                "identity_weight 0."
            )
        if by == "labels" and not self.groups:
            return "the clips have no labels of emotion: give triplets = 'videos'."
        what = "emotion" if by == "labels" else "video"
        lonely = sum(len(groups) == 1 for groups in self.groups.values())
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
        return [self._complete(*self.anchors[i], generator) for i in chosen]

    def _complete(
        self, r: int, speaker: str, shared: str, generator: np.random.Generator
    ) -> Triplet:
        groups = self.groups[speaker]
        same = [clip for clip in groups[shared] if clip != r]
        others = [name for name in groups if name != shared]
        other = groups[others[generator.integers(len(others))]]
        s = same[generator.integers(len(same))]
        return Triplet(r, s, other[generator.integers(len(other))])


def _dealt(videos: Sequence[str], speakers: Sequence[str]) -> list[str]:
    """The videos of clips, permuted among the clips of each speaker."""
    dealt, generator = list(videos), np.random.default_rng(0)
    for speaker in dict.fromkeys(speakers):
        own = [i for i, name in enumerate(speakers) if name == speaker]
        for i, j in zip(own, generator.permutation(own), strict=True):
            dealt[i] = videos[j]
    return dealt
