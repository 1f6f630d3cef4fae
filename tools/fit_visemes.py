"""Fit the drawn mouths' targets to real mouths: `python -m tools.fit_visemes`.

The rule (emoface_lib.synthetic.motion) says from the times of phonemes how lips move.
Its blend is linear in the targets: least squares towards the literature's
(visemes_prior.csv) give `open` and `wide` of visemes.csv from GRID's training talkers.
Closures stay. Axes: F video frames, S steps at CLOCK a second, V visemes.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import librosa
import numpy as np
from scipy.optimize import lsq_linear

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.files import read_table, write_beside
from emoface_lib.core.landmarks import (
    FRAME_RATE,
    LEFT_MOUTH_CORNER,
    RIGHT_MOUTH_CORNER,
    VIDEO_RATE,
    eye_distance,
    lip_opening,
    mean_face,
)
from emoface_lib.features.phones import PAUSE
from emoface_lib.features.phonetic import phonetic_code
from emoface_lib.features.real_mouths import SPLITS, read_talker
from emoface_lib.synthetic import motion, visemes
from emoface_lib.synthetic.factors import Prosody, Recording
from emoface_lib.synthetic.heads.shape import PARTED, Identity, pose_face
from emoface_lib.synthetic.speech import Speech
from emoface_lib.synthetic.visemes import Viseme
from emoface_lib.synthetic.voice import speak

WORDS = ("bin lay place set", "blue green red white", "at by in with")
DIGITS = "zero one two three four five six seven eight nine"
ADVERBS = "again now please soon"
PLAIN = Prosody(150, 50, 50, 1.0, tilt=0, presence=0, loudness=0)
QUIET = Recording(level=0, tilt=0, noise=-60, lead=0.5, tail=0.5)
BLOCK = 3  # the recogniser's, whose code is warped
DELAY = 0.030  # s; GRID's video comes that late, if its lips lead by 40 ms
# The prior of a viseme counts as that much speech: the longest of PRIORS within a
# standard error of the best r on clips of the training talkers that are left out.
PRIORS = (0.04, 0.12, 0.4, 1.2, 4.0, 12.0)
PRIOR_SECONDS = 1.2
LEAST = 0.25  # share of its prior below which no target falls: round stays round
# What the lips do alone: rest, open, round, spread.
EXTREMES = {"open": np.array([0, PARTED, 0, 0]), "wide": np.array([0, 0, -1, 1])}
PRIOR = Path(__file__).with_name("visemes_prior.csv")


@dataclass(frozen=True, eq=False)
class Take:
    """A clip of a talker: phonemes over its sound, float[F] of its lips.

    opening, width : in distances of the outer eye corners.
    """

    talker: str
    speech: Speech
    opening: np.ndarray
    width: np.ndarray


def read_takes(split: str) -> list[Take]:
    """All clips of the talkers of a split, "real" or "real test"."""
    return [
        Take(talker, spoken(clip, sound), *lips(face))
        for talker in SPLITS[split]
        for clip, sound, face in zip(*read_talker(talker), strict=True)
    ]


def lips(face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Opening and width of the lips, float[F], in distances of the outer eye corners.

    face : float[F, 68, 2 or 3], any unit.
    """
    unit = np.median(eye_distance(face[..., :2]))
    across = face[:, LEFT_MOUTH_CORNER, :2] - face[:, RIGHT_MOUTH_CORNER, :2]
    return lip_opening(face) / unit, np.linalg.norm(across, axis=-1) / unit


def sentence(clip: str) -> str:
    """What a clip of GRID says, which its name spells: "bbaf2n"."""
    begun = zip(WORDS, clip[:3], strict=True)
    words = [next(w for w in group.split() if w[0] == x) for group, x in begun]
    digit = DIGITS.split()[int(clip[4].replace("z", "0"))]
    last = next(word for word in ADVERBS.split() if word[0] == clip[5])
    return " ".join((*words, clip[3].upper(), digit, last))


def spoken(clip: str, samples: np.ndarray) -> Speech:
    """A clip's sound, float32[S] at 16 kHz, with the times of its phonemes.

    espeak-ng says the same sentence; dynamic time warping of the phonetic codes carries
    the phonemes over.
    """
    model = speak(sentence(clip), "en", PLAIN, QUIET, np.random.default_rng(0))
    codes = [phonetic_code(sound, BLOCK) for sound in (model.samples, samples)]
    ours, theirs = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in codes)
    place = warped(1 - ours @ theirs.T) / FRAME_RATE
    start = np.interp(model.start, np.arange(len(place)) / FRAME_RATE, place)
    start[0] = 0
    end = np.append(start[1:], len(samples) / SAMPLE_RATE)
    return Speech(samples, model.names, start, end, model.stress, SAMPLE_RATE)


def warped(cost: np.ndarray) -> np.ndarray:
    """Mean column of each row on the cheapest path through cost: float[I] of [I, J]."""
    _, path = librosa.sequence.dtw(C=cost)
    rows, columns = path.T
    return np.bincount(rows, columns) / np.bincount(rows)


def seen(values: np.ndarray) -> np.ndarray:
    """What GRID's late video shows of values over time: float[F, ...] of [S, ...]."""
    frames = round(len(values) / motion.CLOCK * VIDEO_RATE)
    times = (np.arange(frames) + 0.5) / VIDEO_RATE - DELAY
    return values[np.clip(times * motion.CLOCK, 0, len(values) - 1).astype(int)]


@cache
def share_of_each(take: Take, kind: str) -> np.ndarray:
    """Share of each viseme's target in the blend of `open` or `wide`: float[F, V]."""
    steps = round(take.speech.seconds * motion.CLOCK)
    wanted, dominance = np.zeros((len(visemes.VISEMES), steps)), np.zeros(steps)
    for viseme, start, end, gain in motion.segments(take.speech):
        here = slice(round(start * motion.CLOCK), round(end * motion.CLOCK))
        dominance[here] = viseme.firmness if kind == "open" else viseme.shape
        wanted[:, here] = 0
        this = [one is viseme for one in visemes.VISEMES.values()]
        wanted[this, here] = gain if kind == "open" else 1
    reach = motion.JAW_TIMING if kind == "open" else motion.LIP_TIMING
    share = np.stack([motion.blend(one, dominance, *reach) for one in wanted], 1)
    if kind == "open":
        mouth = motion.mouth_controls(take.speech, steps)
        free = (1 - mouth["press"]) * (1 - 0.85 * mouth["tuck"])
        share *= (motion.loudness_gain(take.speech, steps) * free)[:, None]
    return seen(share)


def fitted(
    takes: Sequence[Take], kind: str, prior_seconds: float = PRIOR_SECONDS
) -> np.ndarray:
    """Targets `open` or `wide`, float[V]; drawn lips then vary as much as real ones.

    Least squares shrink what they can't predict; so all targets are scaled at the end.
    """
    table = {name: Viseme(*map(float, row)) for name, *row in read_table(PRIOR)}
    prior = np.array([getattr(one, kind) for one in table.values()])
    size = moved_lips(prior, kind)
    real = [real_lips(take, kind) for take in takes]
    shares = [share_of_each(take, kind) for take in takes]
    X = np.concatenate([share - share.mean(0) for share in shares])
    y = np.concatenate([one - one.mean() for one in real])
    prior = prior * size
    prior *= (X @ prior) @ y / ((X @ prior) @ (X @ prior))
    closing = [v.press + v.tuck > 0 or name == PAUSE for name, v in table.items()]
    free = ~np.array(closing)
    weight = np.sqrt(prior_seconds * VIDEO_RATE)
    own = prior[free]
    found = prior.copy()
    rows = np.concatenate([X[:, free], weight * np.eye(len(own))])
    wanted = np.concatenate([y - X[:, ~free] @ prior[~free], weight * own])
    low = np.where(own < 0, -np.inf, LEAST * own)
    high = np.where(own < 0, LEAST * own, np.inf)
    found[free] = lsq_linear(rows, wanted, (low, high)).x
    spread = sum(one.std() for one in real) / sum((s @ found).std() for s in shares)
    return np.clip(spread * found / size, -1, 1).round(2)


def left_out(takes: Sequence[Take], kind: str, prior_seconds: float) -> list[float]:
    """r of real lips with those by targets fitted without the clip, in five folds."""
    found = []
    for fold in range(5):
        others = [take for i, take in enumerate(takes) if i % 5 != fold]
        targets = fitted(others, kind, prior_seconds)
        size = targets * moved_lips(targets, kind)
        for take in takes[fold::5]:
            ours, real = share_of_each(take, kind) @ size, real_lips(take, kind)
            found.append(float(np.corrcoef(ours, real)[0, 1]))
    return found


def real_lips(take: Take, kind: str) -> np.ndarray:
    """What the targets `open` or `wide` are fitted to: float[F]."""
    return take.opening if kind == "open" else take.width


def moved_lips(targets: np.ndarray, kind: str) -> np.ndarray:
    """By how much a target of 1 moves the lips, float[V] for targets float[V].

    In distances of the outer eye corners, on the mean face.
    """
    both = lips(pose_face(mean_identity(), EXTREMES))
    rest, open_, round_, spread = zip(*both, strict=True)
    if kind == "open":
        return np.full(len(targets), (open_[0] - rest[0]) / PARTED)
    return np.where(targets < 0, rest[1] - round_[1], spread[1] - rest[1])


def mean_identity() -> Identity:
    """Somebody with the mean face."""
    return replace(Identity.random(np.random.default_rng(0)), neutral=mean_face())


def main() -> None:
    """Write visemes.csv: the prior's table with what is fitted."""
    takes, found = read_takes("real"), {}
    for kind in ("open", "wide"):
        for seconds in PRIORS:
            r = left_out(takes, kind, seconds)
            error = np.std(r) / np.sqrt(len(r))
            print(f"{kind}, prior of {seconds} s: r = {np.mean(r):.3f} +- {error:.3f}")
        found[kind] = dict(zip(visemes.VISEMES, fitted(takes, kind), strict=True))
    with PRIOR.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= {kind: f"{found[kind][row['viseme']]:g}" for kind in found}
    table = Path(visemes.__file__).with_suffix(".csv")
    with write_beside(table) as beside, beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{table}: fitted on {len(takes)} clips")


if __name__ == "__main__":
    main()
