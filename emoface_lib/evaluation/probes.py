"""Linear probes: how well phone, emotion and speaker are predicted from a feature.

A probe is a linear classifier or regression. What it can't predict, a feature has lost,
or keeps in a form that only a larger network finds. Taught in notebook 02.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from emoface_lib.core.clip import Clip
from emoface_lib.evaluation.bootstrap import Interval

PHONE_FRAMES = 12  # frames drawn from each clip, for the phone probe
UNKNOWN = np.full(PHONE_FRAMES, "")
FACTORS = ("phone", "category", "arousal", "valence", "speaker")
SPLITS = ("train", "val", "test")
NUMBERS = ("arousal", "valence")  # scored by r; the others by accuracy


@dataclass(frozen=True)
class Outcome:
    """A probe's predictions, the ground truth, and the speakers: arrays (N,) each."""

    predicted: np.ndarray
    true: np.ndarray
    speakers: np.ndarray

    def score(self) -> float:
        """Pearson r of numbers, else the share that is right; NaN if not known."""
        if self.predicted.dtype.kind == "f":
            return float(np.corrcoef(self.predicted, self.true)[0, 1])
        return float((self.predicted == self.true).mean())

    def resampled(self, generator: np.random.Generator) -> "Outcome":
        """The same of as many speakers, drawn with replacement."""
        names = np.unique(self.speakers)
        drawn = generator.choice(names, len(names))
        rows = np.concatenate([np.flatnonzero(self.speakers == name) for name in drawn])
        return Outcome(self.predicted[rows], self.true[rows], self.speakers[rows])


def interval(
    outcomes: Sequence[Outcome], generator: np.random.Generator, samples: int = 1000
) -> Interval:
    """Mean score of one probe over seeds, with its 95 % interval over speakers.

    outcomes : one a seed. A sample draws one of the seeds, and speakers with
    replacement.
    """
    drawn = generator.integers(len(outcomes), size=samples)
    scores = [outcomes[i].resampled(generator).score() for i in drawn]
    low, high = np.nanquantile(scores, [0.025, 0.975])
    mean = np.mean([outcome.score() for outcome in outcomes])
    return Interval(float(mean), float(low), float(high))


def probe_table(
    features: Mapping[str, Sequence[Clip]],
    seeds: Sequence[int],
    samples: int = 1000,
) -> pd.DataFrame:
    """All probes on several features: columns feature, factor, split, mean, low, high.

    features : the same clips in each of them. Probes learn on the split "train". The
    speaker is scored on "val" only, since no probe can name a test speaker.
    """
    rows = []
    for feature, clips in features.items():
        rounds = [probe(clips, np.random.default_rng(seed)) for seed in seeds]
        for factor, split in rounds[0]:
            generator = np.random.default_rng(seeds[0])
            found = [outcomes[factor, split] for outcomes in rounds]
            spread = interval(found, generator, samples)
            rows.append((feature, factor, split, *vars(spread).values()))
    columns = ["feature", "factor", "split", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def probe(
    clips: Sequence[Clip], generator: np.random.Generator
) -> dict[tuple[str, str], Outcome]:
    """Predictions of probes of all factors on the splits "val" and "test".

    generator : draws the training clips with replacement, and frames for the phone.
    """
    split = {s: [clip for clip in clips if clip.split == s] for s in SPLITS}
    chosen = generator.integers(len(split["train"]), size=len(split["train"]))
    train = [split["train"][i] for i in chosen]
    outcomes = {}
    for factor in FACTORS:
        probe = Probe.learn(train, factor, generator)
        for test in SPLITS[1 : 2 if factor == "speaker" else None]:
            outcomes[factor, test] = probe.read(split[test], generator)
    return outcomes


@dataclass(frozen=True)
class Probe:
    """A linear model of one factor: the phone from single frames, others from clips.

    model : None where a real corpus has no labels of it; predictions are then NaN.
    """

    factor: str
    model: Pipeline | None

    @classmethod
    def learn(
        cls, clips: Sequence[Clip], factor: str, generator: np.random.Generator
    ) -> "Probe":
        """Learn to read a factor; generator : draws frames for the phone."""
        if factor == "phone":
            X, true, _ = some_frames(clips, generator)
            return cls(factor, _classifier(0.1).fit(X, true) if _told(true) else None)
        number = make_pipeline(StandardScaler(), Ridge(30.0))
        model = number if factor in NUMBERS else _classifier(0.05)
        if not _told(true := labels(clips, factor)):
            return cls(factor, None)
        return cls(factor, model.fit(clip_statistics(clips), true))

    def read(self, clips: Sequence[Clip], generator: np.random.Generator) -> Outcome:
        """Read other clips; generator : draws frames for the phone."""
        if self.model is None:
            unknown = np.full(len(clips), np.nan)
            return Outcome(unknown, unknown, labels(clips, "speaker"))
        if self.factor == "phone":
            X, true, speakers = some_frames(clips, generator)
            return Outcome(self.model.predict(X), true, speakers)
        predicted = self.model.predict(clip_statistics(clips))
        return Outcome(predicted, labels(clips, self.factor), labels(clips, "speaker"))


def _told(true: np.ndarray) -> bool:
    """Whether a factor differs between clips and is known of all."""
    if true.dtype.kind == "f" and not np.isfinite(true).all():
        return False
    return len(np.unique(true)) > 1


def labels(clips: Sequence[Clip], factor: str) -> np.ndarray:
    """Ground truth of a factor for each clip: Array[N], str, or float without unit."""
    name = "emotion" if factor == "category" else factor
    return np.array([getattr(clip, name) for clip in clips])


def clip_statistics(clips: Sequence[Clip]) -> np.ndarray:
    """Mean and standard deviation of each feature over each clip: float[N, 2 D]."""
    codes = [clip.features.numpy() for clip in clips]
    return np.stack([np.concatenate([x.mean(0), x.std(0)]) for x in codes])


def some_frames(
    clips: Sequence[Clip], generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """PHONE_FRAMES random frames of each clip: float[N, D], phones and speakers [N]."""
    X, phones = [], []
    for clip in clips:
        picks = generator.choice(len(clip.features), PHONE_FRAMES, replace=False)
        X.append(clip.features.numpy()[picks])
        phones.append(UNKNOWN if clip.phones is None else clip.phones[picks])
    speakers = np.repeat([clip.speaker for clip in clips], PHONE_FRAMES)
    return np.concatenate(X), np.concatenate(phones), speakers


def variance_share(codes: np.ndarray, groups: Sequence[str]) -> float:
    """Share of the codes' variance that lies between groups, such as speakers.

    codes : float[N, D], one a clip. Corrected for the number of groups, so that 0 is
    what chance gives: epsilon squared, Kelley 1935.
    """
    whole = ((codes - codes.mean(0)) ** 2).sum()
    table = pd.DataFrame(codes).groupby(np.asarray(groups))
    within = ((codes - table.transform("mean").to_numpy()) ** 2).sum()
    count, kinds = len(codes), table.ngroups
    if kinds == count or whole == 0:
        return float("nan")
    return float((whole - within - (kinds - 1) * within / (count - kinds)) / whole)


def _classifier(strength: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=600))
