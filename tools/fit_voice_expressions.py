"""Fit what hears the expression of a voice: `python -m tools.fit_voice_expressions DATA`.

DATA : a folder with RAVDESS's sound (`ravdess_audio`), whose actors 1 to 12 train. Each
utterance counts twice: less the mean of all actors, as a voice that nobody knows, and
less its actor's own, as one that is enrolled. The card,
emoface_lib/weights/voice_expressions.md, is written by hand.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.video import read_audio
from emoface_lib.corpora.index import read_corpus
from emoface_lib.features.voice_expression import (
    SHIPPED,
    VoiceExpressions,
    heard,
    statistics,
)

TRAIN = tuple(f"Actor_{number:02d}" for number in range(1, 13))
STRENGTH = 0.01  # of the regression, inverse; chosen by leaving three actors out


def read_actors(root: Path, actors: Iterable[str]) -> dict[str, list]:
    """(label, statistics) of each utterance by actor."""
    index = read_corpus(root, "ravdess").index
    found = defaultdict(list)
    for row in index[index["speaker"].isin(list(actors))].to_dict("records"):
        samples = read_audio(root / row["sound"])
        found[row["speaker"]].append((row["emotion"], statistics(*heard(samples))))
    return found


def fit(found: dict[str, list]) -> VoiceExpressions:
    """The regression on utterances by actor."""
    own = {actor: np.mean([x for _, x in some], 0) for actor, some in found.items()}
    average = np.mean(list(own.values()), 0)
    pairs = [
        (label, x - mean)
        for actor, some in found.items()
        for label, x in some
        for mean in (average, own[actor])
    ]
    labels = [EXPRESSIONS.index(label) for label, _ in pairs]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=500))
    model.fit(np.stack([x for _, x in pairs]), labels)
    scaler, regression = model
    weights = regression.coef_.T / scaler.scale_[:, None]
    offset = regression.intercept_ - scaler.mean_ @ weights
    return VoiceExpressions(weights, offset, average)


def main(data: Path) -> None:
    """Fit on the actors who train, and write what the library reads."""
    made = fit(read_actors(data / "ravdess_audio", TRAIN))
    halves = {name: x.astype(np.float16) for name, x in vars(made).items()}
    save_file({n: np.ascontiguousarray(x) for n, x in halves.items()}, SHIPPED)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
