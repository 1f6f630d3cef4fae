"""Transfer: codes exchanged between two clips of a speaker, and the true face of that.

A clip keeps its words and is given the codes of another video. The embedded corpus can
move the same face by the same words in the other video's state, with the same random
numbers: what such an exchange should show. Taught in notebook 05, section 6.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from emoface_lib.core.clip import Clip
from emoface_lib.core.settings import Settings
from emoface_lib.evaluation.scoring import SHORT, LandmarkExpressions, landmark_scores
from emoface_lib.features.prepared import aligned_landmarks
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import content_codes, displaced, style_codes
from emoface_lib.method.style import StyleBranch
from emoface_lib.synthetic.clips import make_clip, plan_speaker

CODES = "E_emotion", "E_identity"  # in the order of `style_codes`
GIVEN = {"no code": (), **{code: (code,) for code in CODES}, "both codes": CODES}
GAIN = "gain"  # 1: the mean face changes as far as the true one, in its direction


class Exchange(NamedTuple):
    """A clip, one of another video of its speaker, and the first in that one's state.

    The last has the first one's words and features, and the landmarks of the state.
    """

    own: Clip
    other: Clip
    changed: Clip


def exchanges(
    clips: Sequence[Clip], settings: Settings, mean_face: np.ndarray, every: int = 1
) -> list[Exchange]:
    """Every n-th clip, with the next one that is of another video of its speaker.

    clips : of the embedded corpus of these settings, enrolled if the improved objective
    is to take them; mean_face : float[68, 3] px of the canonical frame, to align by.
    """
    numbers = dict.fromkeys(int(clip.speaker.removeprefix("id")) for clip in clips)
    plans = {p.clip: p for number in numbers for p in plan_speaker(number, settings)}
    found = []
    for place in range(0, len(clips), every):
        own, later = clips[place], [*clips[place + 1 :], *clips[:place]]
        others = (each for each in later if each.speaker == own.speaker)
        other = next(each for each in others if each.video != own.video)
        face = make_clip(plans[own.name], plans[other.name].state).landmarks
        flat = aligned_landmarks(face, mean_face, settings.landmarks.alignment)
        landmarks = torch.from_numpy(flat).float()[: len(own.landmarks)]
        changed = replace(own, landmarks=landmarks, emotion=other.emotion)
        found.append(Exchange(own, other, changed))
    return found


def exchanged(
    style: StyleBranch, content: ContentBranch, pairs: Sequence[Exchange]
) -> dict[str, list[Tensor]]:
    """D_content + D_style of the clips, Tensor[T, 68, 2] px, by what they are GIVEN."""
    own = [pair.own for pair in pairs]
    words, mine = content_codes(content, own), style_codes(style, own)
    theirs = style_codes(style, [pair.other for pair in pairs])
    found = {}
    for given, names in GIVEN.items():
        codes = [
            (
                resampled(e_other, len(e)) if CODES[0] in names else e,
                resampled(i_other, len(i)) if CODES[1] in names else i,
            )
            for (e, i), (e_other, i_other) in zip(mine, theirs, strict=True)
        ]
        found[given] = displaced(style, codes, words)
    return found


def resampled(code: Tensor, frames: int) -> Tensor:
    """A code in another number of frames: Tensor[T, D] -> Tensor[frames, D]."""
    return code[torch.linspace(0, len(code) - 1, frames).round().long()]


def gain(pair: Exchange, own: Tensor, given: Tensor) -> float:
    """Projection of the predicted change of the mean face on the true one, in its size.

    own, given : Tensor[T, 68, 2] px, predicted without and with the exchange. 0 is a
    face that stays as it is.
    """
    true = (pair.changed.landmarks - pair.own.landmarks).mean(0)
    return float(((given - own).mean(0) * true).sum() / true.square().sum())


def transfer_scores(
    style: StyleBranch,
    content: ContentBranch,
    pairs: Sequence[Exchange],
    classifier: LandmarkExpressions | None = None,
    metrics: Sequence[str] = SHORT,
) -> pd.DataFrame:
    """Predictions with exchanged codes against the true face of the exchange.

    Columns as `landmark_scores` without method; a metric is named as it is there, and
    what is exchanged: "LMD, E_emotion exchanged". So is GAIN.
    """
    moves = exchanged(style, content, pairs)
    true = [pair.changed for pair in pairs]
    scores = landmark_scores(moves, true, classifier, metrics)
    gains = [
        (given, GAIN, "of the mean face", pair.own.speaker, pair.own.name, value)
        for given, some in moves.items()
        for pair, own, move in zip(pairs, moves["no code"], some, strict=True)
        for value in [gain(pair, own, move)]
    ]
    names = ["method", "metric", "protocol", "speaker", "clip", "value"]
    scores = pd.concat([scores, pd.DataFrame(gains, columns=names)], ignore_index=True)
    given = scores.pop("method")
    scores["metric"] += ", " + given + " exchanged"
    scores["protocol"] += "; truth: the same words in the other video's state"
    return scores
