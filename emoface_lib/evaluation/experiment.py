"""Steps 1 and 2 compared on equal ground: the same clips, the same seeds.

Taught in notebook 05, sections 6 to 8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
import torch

from emoface_lib.core.clip import Clip, with_features
from emoface_lib.core.errors import InputError
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import REPOSITORY, Settings
from emoface_lib.evaluation.baselines import (
    MEAN_DISPLACEMENT,
    STATIC,
    mean_displacement,
    static,
)
from emoface_lib.evaluation.probes import Probe, variance_share
from emoface_lib.evaluation.scoring import LandmarkExpressions, landmark_scores
from emoface_lib.method.collapse import CollapseWarning, effective_rank
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import (
    content_codes,
    style_codes,
    style_displacements,
)
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import split, train_content, train_style
from emoface_lib.method.style import StyleBranch

Changes = Mapping[str, Any]  # settings that differ, by name

WITHOUT = {"emotion_weight": 0.0, "identity_weight": 0.0}
CONTRASTS: dict[str, Changes] = {
    "without L_emotion": WITHOUT,
    "eq. (5), frame by frame": {"emotion_distance": "frames"},
    "eq. (5), means": {"emotion_distance": "means"},
    "eq. (5), means, variance": {"emotion_distance": "means", "contrast": "variance"},
    "InfoNCE": {"contrast": "infonce"},
    "SupCon with labels": {"contrast": "supervised"},
}
ABLATION: dict[str, Changes] = {
    "without L_emotion": WITHOUT,
    "L_identity alone": {"emotion_weight": 0.0},
    "full": {},
    "improved": {"objective": "improved"},
}
CURVES = ("d_rs", "d_rp", "rank/emotion")  # what is kept of the logs of step 2
PARTS = 30  # equal parts of a training, over each of which curves are averaged
NO_STYLE = "without D_style"


@dataclass(frozen=True)
class Trial:
    """One seed on one number of training speakers; 0: all there are."""

    seed: int
    speakers: int = 0


@dataclass(frozen=True)
class Outcome:
    """What trials found.

    scores : columns method, metric, protocol, speaker, clip, value, seed, speakers;
    codes : columns method, fact, value, seed, speakers, of E_emotion; curves : columns
    method, metric, step, value, seed, speakers, of the training in step 2.
    """

    scores: pd.DataFrame
    codes: pd.DataFrame
    curves: pd.DataFrame

    def table(self, study: str) -> pd.DataFrame:
        """All of it as one table of results, whose rows say of which study they are.

        What is no setting of a run must not be named as one: `training_speakers`.
        """
        facts = self.codes.rename(columns={"fact": "metric"})
        facts = facts.assign(protocol="E_emotion, of test speakers")
        curves = self.curves.assign(protocol=f"training, mean over 1/{PARTS} of it")
        whole = pd.concat([facts, self.scores, curves], ignore_index=True)
        return whole.rename(columns={"speakers": "training_speakers"}).assign(
            study=study
        )


def compare(
    trials: Sequence[Trial],
    variants: Mapping[str, Changes],
    clips: Sequence[Clip],
    settings: Settings,
    content: ContentBranch | None = None,
    workers: int | None = None,
) -> Outcome:
    """Train every variant in every trial, and score it on the test speakers.

    variants : the settings of step 2 that differ, by name; content : the branch that
    step 2 starts from, by default trained in the trial. The same arguments give the
    same numbers, in any number of processes.
    """
    run = partial(
        _run,
        variants=dict(variants),
        clips=enrolled(clips),
        settings=settings,
        content=content,
    )
    made = dict(each(run, list(trials), workers, "training and scoring"))
    found = [made[trial] for trial in trials]
    return Outcome(
        pd.concat([one.scores for one in found], ignore_index=True),
        pd.concat([one.codes for one in found], ignore_index=True),
        pd.concat([one.curves for one in found], ignore_index=True),
    )


def study_settings(settings: Settings) -> Settings:
    """The settings of a run with the shorter steps 1 and 2 of its studies."""
    share = settings.study.share
    return settings.changed(
        content_steps=max(1, round(share * settings.content.steps)),
        style_steps=max(1, round(share * settings.style.steps)),
    )


def _run(
    trial: Trial,
    variants: dict[str, Changes],
    clips: Sequence[Clip],
    settings: Settings,
    content: ContentBranch | None,
) -> Outcome:
    settings = settings.changed(seed=trial.seed)
    kept = some_speakers(clips, trial)
    train, test = split(kept, "train"), split(kept, "test")
    methods = {STATIC: static(test), MEAN_DISPLACEMENT: mean_displacement(train)(test)}
    facts, curves = [], []
    with TemporaryDirectory() as scratch, catch_warnings():
        simplefilter("ignore", CollapseWarning)  # it is what is studied
        folder = Path(scratch)
        if content is None:
            content, _ = train_content(kept, folder, settings)
        codes = content_codes(content, test)
        methods[NO_STYLE] = [d_content for _, d_content in codes]
        for name, changes in variants.items():
            changed = settings.changed(**changes)
            style, log = train_style(kept, content, folder, changed)
            curves.append(in_parts(log).assign(method=name))
            methods[name] = style_displacements(style, test, codes)
            facts += [(name, *fact) for fact in code_facts(style, kept).items()]
    classifier = LandmarkExpressions.learn(split(clips, "train"))
    scores = landmark_scores(methods, test, classifier)
    placed = {"seed": trial.seed, "speakers": len({clip.speaker for clip in train})}
    table = pd.DataFrame(facts, columns=["method", "fact", "value"])
    return Outcome(
        scores.assign(**placed),
        table.assign(**placed),
        pd.concat(curves, ignore_index=True).assign(**placed),
    )


def in_parts(log: pd.DataFrame) -> pd.DataFrame:
    """CURVES of a training log as means over parts of it: step, metric, value."""
    names = [name for name in CURVES if name in log]
    part = np.arange(len(log)) * PARTS // len(log)
    means = log.groupby(part)[["step", *names]].mean()
    return means.melt("step", var_name="metric")


def some_speakers(clips: Sequence[Clip], trial: Trial) -> list[Clip]:
    """All test clips, and those of as many training speakers as the trial has.

    Which ones depends on the seed; more speakers include the fewer.
    """
    names = sorted({clip.speaker for clip in split(clips, "train")})
    order = np.random.default_rng(trial.seed).permutation(len(names))
    chosen = {names[i] for i in order[: trial.speakers or None]}
    return [c for c in clips if c.split == "test" or c.speaker in chosen]


def code_facts(style: StyleBranch, clips: Sequence[Clip]) -> dict[str, float]:
    """What can be predicted from E_emotion of test speakers, and its geometry.

    arousal r and valence r of a linear probe, emotion as its accuracy; the speaker's
    and the emotion's share of the variance; rank over the training clips.
    """
    coded = with_features(clips, [e.numpy() for e, _ in style_codes(style, clips)])
    train = [one for one in coded if one.split == "train"]
    test = [one for one in coded if one.split == "test"]
    generator = np.random.default_rng(0)
    names = {"arousal": "arousal r", "valence": "valence r", "category": "emotion"}
    facts = {
        label: Probe.learn(train, factor, generator).read(test, generator).score()
        for factor, label in names.items()
    }
    means = np.stack([one.features.numpy().mean(0) for one in test])
    facts["share of the speaker"] = variance_share(means, [u.speaker for u in test])
    facts["share of the emotion"] = variance_share(means, [u.emotion for u in test])
    whole = np.stack([one.features.numpy().mean(0) for one in train])
    return {**facts, "rank": float(effective_rank(torch.from_numpy(whole)))}


def over_seeds(own: pd.DataFrame, study: str, settings: Settings) -> pd.DataFrame:
    """A run's rows of a study, or all seeds' where a sweep of that name has made them.

    own : with a column study. The sweep's rows are those that `emoface batch collect
    --clips` left in the folder `settings.study.collected`; where there are none yet, a
    line says which commands make them. Raises InputError if they are of another
    profile.
    """
    if not settings.study.collected:
        return own
    place = Path(settings.study.collected) / f"{study}.parquet"
    sweep = f"sweeps/{study}.yml"
    if not (REPOSITORY / place).exists():
        print(
            f"This is one seed. For several: `emoface batch run {sweep}`, then "
            f"`emoface batch collect --clips {sweep} -o {place}`, and run this again."
        )
        return own
    table = pd.read_parquet(REPOSITORY / place)
    rows = table[(table["study"] == study) & (table["profile"] == settings.profile)]
    if rows.empty:
        raise InputError(
            f"{place} holds nothing of {study!r} in profile {settings.profile!r}: run "
            f"and collect {sweep} again, or take the file away."
        )
    return rows.reset_index(drop=True)
