"""Table 2: every row trained on the same clips, scored by one harness, with intervals.

Taught in notebook 07, paper section 4.3.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from warnings import catch_warnings, simplefilter

import pandas as pd
from torch import Tensor

from emoface_lib.core.clip import Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_beside
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import Settings, setting_name
from emoface_lib.evaluation.baselines import (
    AGAIN,
    ENERGY,
    MEAN_DISPLACEMENT,
    SHUFFLED,
    STATIC,
    Method,
    again,
    energy_driven,
    mean_displacement,
    shuffled,
    static,
)
from emoface_lib.evaluation.experiment import ABLATION, NO_STYLE, WITHOUT, Changes
from emoface_lib.evaluation.makeittalk import (
    MakeItTalk,
    train_makeittalk,
)
from emoface_lib.evaluation.scoring import ALL, LandmarkExpressions, landmark_scores
from emoface_lib.method.collapse import CollapseWarning
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import (
    content_codes,
    content_displacements,
    style_displacements,
)
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import (
    load_style,
    split,
    train_content,
    train_style,
)
from emoface_lib.method.style import StyleBranch
from emoface_lib.method.triplets import NoTripletsError

FULL, IMPROVED, PLAIN = "full", "improved", "without L_emotion"
ANYONE = "without L_identity"
VARIANTS: dict[str, Changes] = {
    PLAIN: WITHOUT,  # as the paper: without L_identity, too
    ANYONE: {"identity_weight": 0.0},
    FULL: {},
    IMPROVED: ABLATION[IMPROVED],
}
FOLDERS = {  # inside a run's folder, where notebook 05 or `emoface train` leaves them
    PLAIN: "style_without_emotion",
    ANYONE: "style_without_identity",
    FULL: "style",
    IMPROVED: "style_improved",
}
MAKEITTALK, MAKEITTALK_CONTENT = "MakeItTalk", "MakeItTalk, content branch alone"
TEST, VAL = "test speakers", "training speakers' new videos"
SPLITS = {TEST: "test", VAL: "val"}
GROUPS = "ours", "baselines", "bounds"  # rows that are stored together


def our_methods(
    clips: Sequence[Clip], folder: Path, settings: Settings
) -> dict[str, Method]:
    """Our rows, trained or loaded: what is in `folder` by these settings is loaded.

    clips : with splits. Rows as of `style_methods`.
    """
    known = enrolled(clips)
    content, _ = train_content(known, folder / "content", settings)
    methods: dict[str, Method] = {NO_STYLE: partial(content_displacements, content)}
    return methods | style_methods(known, content, folder, settings)


def style_methods(
    clips: Sequence[Clip], content: ContentBranch, folder: Path, settings: Settings
) -> dict[str, Method]:
    """The rows of VARIANTS, trained or loaded from their FOLDERS in `folder`.

    A row whose losses the corpus can't give, such as *full* where nobody is named and
    no V_p exists, is left out.
    """
    methods: dict[str, Method] = {}
    for name, changes in VARIANTS.items():
        own = settings.changed(**changes)
        try:
            style, _ = train_style(clips, content, folder / FOLDERS[name], own)
        except NoTripletsError:
            continue
        methods[name] = partial(styled, style, content)
    return methods


def trained_by(folder: Path, settings: Settings) -> Settings:
    """The settings by which a run's rows were trained; `settings` if none was.

    So that what is trained beside them is comparable. Raises InputError if they learnt
    other features than `settings` say.
    """
    for name in (FULL, PLAIN):  # a corpus may have given the second alone
        path = folder / FOLDERS[name] / "model.safetensors"
        if path.exists():
            made, mine = load_style(path, settings)[1], settings.by_name()
            return made.changed(
                **{key: mine[setting_name(key)] for key in VARIANTS[name]}
            )
    return settings


def styled(
    style: StyleBranch, content: ContentBranch, clips: Sequence[Clip]
) -> list[Tensor]:
    """D_content + D_style of clips, enrolled by themselves if they are not yet.

    Returns Tensor[T, 68, 2] px of the canonical frame, one a clip.
    """
    known = list(clips) if _all_enrolled(clips) else enrolled(clips)
    return style_displacements(style, known, content_codes(content, known))


def _all_enrolled(clips: Sequence[Clip]) -> bool:
    return all(clip.speaker_mean is not None for clip in clips)


def baseline_methods(
    clips: Sequence[Clip], folder: Path, settings: Settings
) -> dict[str, Method]:
    """MakeItTalk's rows, trained or loaded as `our_methods`."""
    both = train_makeittalk(clips, folder, settings)
    return {
        MAKEITTALK: both.displacements,
        MAKEITTALK_CONTENT: MakeItTalk(both.content).displacements,
    }


def bounds(
    train: Sequence[Clip], full: Method, known: Callable[..., list[Clip]] = enrolled
) -> dict[str, Method]:
    """Lower and upper bounds; "shuffled audio" is `full` with another clip's audio."""
    wrong = shuffled(full)
    return {
        STATIC: static,
        MEAN_DISPLACEMENT: mean_displacement(train),
        ENERGY: energy_driven(train),
        SHUFFLED: lambda clips: wrong(known(clips)),
        AGAIN: again,
    }


def classifier_of(train: Sequence[Clip]) -> LandmarkExpressions | None:
    """A classifier of expressions on landmarks; None if no clip has a label."""
    try:
        return LandmarkExpressions.learn(train)
    except InputError:
        return None


@dataclass(frozen=True)
class Study:
    """Every landmark row on one corpus that is held in memory.

    name : of the corpus; clips : of all splits, with embedded voices; folder : where
    models and scores of each seed go, and from where an interrupted study goes on.
    """

    name: str
    clips: Sequence[Clip]
    folder: Path
    settings: Settings

    def run(self, seeds: Sequence[int], workers: int | None = None) -> pd.DataFrame:
        """Scores of all seeds: columns as `landmark_scores`, corpus and seed."""
        found = dict(each(self.trial, seeds, workers, "seeds"))
        return pd.concat([found[seed] for seed in seeds], ignore_index=True)

    def trial(self, seed: int) -> pd.DataFrame:
        """Scores of one seed; each group of rows is stored as it ends."""
        place = self.folder / f"seed_{seed}"
        return pd.concat(
            [self._stored(group, seed, place) for group in GROUPS],
            ignore_index=True,
        )

    def methods(self, group: str, seed: int) -> dict[str, Method]:
        """The rows of a group by name, trained or loaded."""
        settings = self.settings.changed(seed=seed)
        place = self.folder / f"seed_{seed}"
        if group == "baselines":
            return baseline_methods(self.clips, place / "makeittalk", settings)
        with catch_warnings():
            simplefilter("ignore", CollapseWarning)
            ours = our_methods(self.clips, place, settings)
        if group == "ours":
            return ours
        return bounds(split(self.clips, "train"), ours.get(FULL, ours[NO_STYLE]))

    def _stored(self, group: str, seed: int, place: Path) -> pd.DataFrame:
        path = place / f"{group}.parquet"
        if path.exists():
            return pd.read_parquet(path)
        start = time.perf_counter()
        methods = self.methods(group, seed)
        scores = self.scores(methods).assign(seed=seed)
        scores["minutes"] = (time.perf_counter() - start) / 60
        with write_beside(path) as beside:
            scores.to_parquet(beside, index=False)
        return scores

    def scores(self, methods: Mapping[str, Method]) -> pd.DataFrame:
        """Scores on test speakers, and on training speakers' held-out videos."""
        classifier = classifier_of(split(self.clips, "train"))
        known, parts = enrolled(self.clips), []
        for column, name in SPLITS.items():
            clips = split(known, name)
            displacement = {row: method(clips) for row, method in methods.items()}
            found = landmark_scores(displacement, clips, classifier, ALL)
            parts.append(found.assign(corpus=f"{self.name}, {column}"))
        return pd.concat(parts, ignore_index=True)
