"""Fit what hears a voice's expression: `python -m tools.fit_voice_expressions DATA`.

DATA : a folder with RAVDESS's sound (`ravdess_audio`), whose actors 1 to 12 train. Each
utterance counts twice: less the mean of all actors, as a voice that nobody knows, and
less its actor's own, as one that is enrolled. GRID's three talkers who train (they come
with the library) say what neutral speech outside a theatre is like. The card,
emoface_lib/weights/voice_expressions.md, is written by hand.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from emoface_lib.core.checkpoints import write_weights
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.video import read_audio
from emoface_lib.corpora.index import read_corpus
from emoface_lib.features.real_mouths import SPLITS, read_talker
from emoface_lib.features.voice_expression import (
    SHIPPED,
    VoiceExpressions,
    heard,
    statistics,
)

TRAIN = tuple(f"Actor_{number:02d}" for number in range(1, 13))
CLIPS = 12  # at most, a neutral talker
STRENGTH = 0.01  # inverse of the penalty; chosen by leaving three actors out


def read_actors(root: Path, actors: Iterable[str]) -> dict[str, list]:
    """(label, statistics) of each utterance by actor."""
    index = read_corpus(root, "ravdess").index
    found = defaultdict(list)
    for row in index[index["speaker"].isin(list(actors))].to_dict("records"):
        samples = read_audio(root / row["sound"])
        found[row["speaker"]].append((row["emotion"], statistics(*heard(samples))))
    return found


def read_neutral() -> list[np.ndarray]:
    """Statistics of a few clips of each of GRID's talkers who train."""
    sounds = [read_talker(talker)[1][:CLIPS] for talker in SPLITS["real"]]
    return [statistics(*heard(one)) for some in sounds for one in some]


def fit(found: dict[str, list], neutral: list[np.ndarray]) -> VoiceExpressions:
    """The regression on utterances by actor, and on those of neutral talkers."""
    own = {actor: np.mean([x for _, x in some], 0) for actor, some in found.items()}
    average = np.mean(list(own.values()), 0)
    pairs = [
        (label, x - mean)
        for actor, some in found.items()
        for label, x in some
        for mean in (average, own[actor])
    ]
    pairs += [("neutral", x - average) for x in neutral]
    labels = [EXPRESSIONS.index(label) for label, _ in pairs]
    scaler, regression = StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=500)
    regression.fit(scaler.fit_transform(np.stack([x for _, x in pairs])), labels)
    weights = regression.coef_.T / scaler.scale_[:, None]
    offset = regression.intercept_ - scaler.mean_ @ weights
    return VoiceExpressions(weights, offset, average)


def main(data: Path) -> None:
    """Fit on the actors who train, and write what the library reads."""
    made = fit(read_actors(data / "ravdess_audio", TRAIN), read_neutral())
    numbers = {name: torch.from_numpy(x).half() for name, x in vars(made).items()}
    write_weights(SHIPPED, numbers)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
