"""One runner of experiments: rows, each trained in every trial, and scored alike.

Taught in notebook 05, sections 6 to 8, and 07.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
import torch

from emoface_lib.core.clip import Clip, with_features
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_or_set_aside, read_parquet, write_parquet
from emoface_lib.core.fresh import made_from
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import REPOSITORY, Settings
from emoface_lib.evaluation.baselines import Method
from emoface_lib.evaluation.makeittalk import train_makeittalk
from emoface_lib.evaluation.probes import Probe, variance_share
from emoface_lib.evaluation.rows import (
    FULL,
    MAKEITTALK,
    MAKEITTALK_CONTENT,
    NO_STYLE,
    TABLE_2,
    Trained,
    bounds,
    makeittalk_methods,
    our_methods,
    train_rows,
)
from emoface_lib.evaluation.scoring import SHORT, LandmarkExpressions, landmark_scores
from emoface_lib.evaluation.transfer import Exchange, transfer_scores
from emoface_lib.method.collapse import CollapseWarning, effective_rank
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import style_codes
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import split, train_content
from emoface_lib.method.style import StyleBranch

CURVES = ("d_rs", "d_rp", "rank/emotion")  # what is kept of the logs of step 2
PARTS = 30  # equal parts of a training, over each of which curves are averaged
CODES = "E_emotion, of test speakers"  # protocol of `code_facts`


@dataclass(frozen=True)
class Trial:
    """One seed on one number of training speakers; 0: all there are."""

    seed: int
    speakers: int = 0

    @property
    def folder(self) -> str:
        """Where an experiment keeps what it makes."""
        some = f"_speakers_{self.speakers}" if self.speakers else ""
        return f"seed_{self.seed}{some}"


@dataclass(frozen=True)
class Experiment:
    """Rows on one corpus that is held in memory.

    clips : of all splits, with embedded voices if MakeItTalk is among the rows; rows :
    of TABLE_2 and ROWS; content : the branch that step 2 starts from, by default
    trained in the trial; metrics : of landmarks; split : whose clips are scored;
    exchanges : of codes, which the rows of step 2 are scored on, too; folder : where
    models and tables stay, and from where an interrupted experiment goes on, by default
    none.
    """

    clips: Sequence[Clip]
    settings: Settings
    rows: Sequence[str] = TABLE_2
    content: ContentBranch | None = None
    metrics: Sequence[str] = SHORT
    split: str = "test"
    exchanges: Sequence[Exchange] = ()
    folder: Path | None = None

    def run(self, trials: Sequence[Trial], workers: int | None = None) -> pd.DataFrame:
        """Train every row in every trial, and score it: one table.

        Its rows are scores of clips (see `transfer_scores` for those of exchanges),
        facts of E_emotion (see `code_facts`) and curves of step 2; columns method,
        metric, protocol, value, speaker, clip, step, seed and training_speakers, and
        with a folder minutes of the trial. The same arguments give the same numbers, in
        any number of processes. A row whose losses the corpus can't give is left out.
        """
        found = dict(each(self.trial, list(trials), workers, "training and scoring"))
        return pd.concat([found[trial] for trial in trials], ignore_index=True)

    def trial(self, trial: Trial) -> pd.DataFrame:
        """The table of one trial; with a folder, read if it was made from the same."""
        if self.folder is None:
            with TemporaryDirectory() as scratch:
                return self._table(trial, Path(scratch))
        place, start = self.folder / trial.folder, time.perf_counter()
        path = place / f"{self.split}.parquet"
        content = self.content and self.content.state_dict()
        asked = trial, self.rows, self.metrics, content, self.clips, self.exchanges
        source = made_from(self.settings, (), __name__, *asked)
        kept = read_or_set_aside(read_parquet, path)
        if kept is not None and kept.attrs.get("made_from") == source:
            return kept
        found = self._table(trial, place)
        found["minutes"] = (time.perf_counter() - start) / 60
        found.attrs["made_from"] = source
        write_parquet(path, found)
        return found

    def methods(self, trial: Trial) -> dict[str, Method]:
        """The rows of a trial by name, trained or loaded in the folder."""
        assert self.folder is not None
        clips = some_speakers(enrolled(self.clips), trial)
        return self._made(trial, clips, self.folder / trial.folder)[1]

    def _made(
        self, trial: Trial, clips: Sequence[Clip], place: Path
    ) -> tuple[ContentBranch, dict[str, Method], dict[str, Trained]]:
        """The content branch, the rows by name, and what step 2 trained for them."""
        settings, content = self.settings.changed(seed=trial.seed), self.content
        with catch_warnings():
            simplefilter("ignore", CollapseWarning)  # it is what is studied
            if content is None:
                content, _ = train_content(clips, place / "content", settings)
            trained = train_rows(self.rows, clips, content, place, settings)
        methods = our_methods(content, trained)
        methods |= bounds(split(clips, "train"), methods.get(FULL, methods[NO_STYLE]))
        if {MAKEITTALK, MAKEITTALK_CONTENT} & set(self.rows):
            both = train_makeittalk(clips, place / "makeittalk", settings)
            methods |= makeittalk_methods(both)
        asked = {name: methods[name] for name in self.rows if name in methods}
        return content, asked, trained

    def _table(self, trial: Trial, place: Path) -> pd.DataFrame:
        clips = some_speakers(enrolled(self.clips), trial)
        content, methods, trained = self._made(trial, clips, place)
        scored, facts, parts = split(clips, self.split), [], []
        for name, (style, log) in trained.items():
            facts += [(name, *fact, CODES) for fact in code_facts(style, clips).items()]
            parts.append(in_parts(log).assign(method=name))
            if self.exchanges:
                among = self.exchanges, self.classifier, self.metrics
                found = transfer_scores(style, content, *among)
                parts.append(found.assign(method=name))
        moves = {name: method(scored) for name, method in methods.items()}
        scores = landmark_scores(moves, scored, self.classifier, self.metrics)
        codes = pd.DataFrame(facts, columns=["method", "metric", "value", "protocol"])
        return pd.concat([codes, scores, *parts], ignore_index=True).assign(
            seed=trial.seed,
            training_speakers=len({clip.speaker for clip in split(clips, "train")}),
        )

    @cached_property
    def classifier(self) -> LandmarkExpressions | None:
        """A classifier of expressions on landmarks; None if no clip has a label."""
        try:
            return LandmarkExpressions.learn(split(self.clips, "train"))
        except InputError:
            return None


def study_settings(settings: Settings) -> Settings:
    """The settings of a run with the shorter steps 1 and 2 of its studies."""
    share = settings.study.share
    return settings.changed(
        content_steps=max(1, round(share * settings.content.steps)),
        style_steps=max(1, round(share * settings.style.steps)),
    )


def in_parts(log: pd.DataFrame) -> pd.DataFrame:
    """CURVES of a training log as means over parts: step, metric, value, protocol."""
    names = [name for name in CURVES if name in log]
    part = np.arange(len(log)) * PARTS // len(log)
    means = log.groupby(part)[["step", *names]].mean()
    protocol = f"training, mean over 1/{PARTS} of it"
    return means.melt("step", var_name="metric").assign(protocol=protocol)


def some_speakers(clips: Sequence[Clip], trial: Trial) -> list[Clip]:
    """All test clips, and those of as many training speakers as the trial has.

    Which ones depends on the seed; more speakers include the fewer.
    """
    if not trial.speakers:
        return list(clips)
    names = sorted({clip.speaker for clip in split(clips, "train")})
    order = np.random.default_rng(trial.seed).permutation(len(names))
    chosen = {names[i] for i in order[: trial.speakers]}
    return [c for c in clips if c.split == "test" or c.speaker in chosen]


def code_facts(style: StyleBranch, clips: Sequence[Clip]) -> dict[str, float]:
    """What can be predicted from E_emotion of test speakers, and its geometry.

    arousal r and valence r of a linear probe, emotion as its accuracy; the speaker's
    and the emotion's share of the variance; rank over the training clips.
    """
    coded = with_features(clips, [e.numpy() for e, _ in style_codes(style, clips)])
    train, test = split(coded, "train"), split(coded, "test")
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
