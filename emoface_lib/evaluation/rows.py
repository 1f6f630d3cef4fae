"""Every row of Table 2 and of its studies: its one name, and how it is trained.

Taught in notebooks 05 and 07, paper section 4.3.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from torch import Tensor

from emoface_lib.core.clip import Clip
from emoface_lib.core.settings import Settings, setting_name
from emoface_lib.core.training import Monitor
from emoface_lib.evaluation.baselines import (
    Method,
    again,
    energy_driven,
    mean_displacement,
    shuffled,
    static,
)
from emoface_lib.evaluation.makeittalk import MakeItTalk
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.displacements import (
    content_codes,
    content_displacements,
    style_displacements,
)
from emoface_lib.method.enrolment import enrolled
from emoface_lib.method.steps import load_style, sampled, train_style
from emoface_lib.method.style import StyleBranch
from emoface_lib.method.triplets import NoTripletsError

NO_STYLE, FULL, IMPROVED = "without D_style", "full", "improved"
MIXTURE = "mixture"
PLAIN, ANYONE = "without L_emotion", "without L_identity"
IDENTITY, SUPERVISED = "L_identity alone", "SupCon with labels"
SHUFFLED_VIDEOS = "full, shuffled videos"
MAKEITTALK, MAKEITTALK_CONTENT = "MakeItTalk", "MakeItTalk, content branch alone"
STATIC, MEAN_DISPLACEMENT = "static face", "mean displacement"
ENERGY, SHUFFLED = "energy-driven mouth", "shuffled audio"
AGAIN, DETECTOR = "real against real", "detector noise"
PC_AVS = "PC-AVS, our implementation, reduced"
PC_AVS_WRONG = f"{PC_AVS}, shuffled audio"
RENDERED_TRUTH = "true landmarks, rendered"


class Row(NamedTuple):
    """A row that step 2 trains: its folder in a run, and the settings that differ."""

    folder: str
    changes: Mapping[str, Any]


ROWS = {
    PLAIN: Row(  # as the paper: without L_identity, too
        "style_without_emotion", {"emotion_weight": 0.0, "identity_weight": 0.0}
    ),
    ANYONE: Row("style_without_identity", {"identity_weight": 0.0}),
    IDENTITY: Row("style_identity_alone", {"emotion_weight": 0.0}),
    FULL: Row("style", {}),
    IMPROVED: Row("style_improved", {"objective": "improved"}),
    MIXTURE: Row("style_mixture", {"objective": "mixture"}),
    "eq. (5), frame by frame": Row("style_frames", {"emotion_distance": "frames"}),
    "eq. (5), means": Row("style_means", {"emotion_distance": "means"}),
    "eq. (5), means, variance": Row(
        "style_variance", {"emotion_distance": "means", "contrast": "variance"}
    ),
    "InfoNCE": Row("style_infonce", {"contrast": "infonce"}),
    SUPERVISED: Row("style_supervised", {"contrast": "supervised"}),
    SHUFFLED_VIDEOS: Row("style_shuffled", {"triplets": "shuffled"}),
}
OURS = PLAIN, ANYONE, FULL, IMPROVED
BOUNDS = STATIC, MEAN_DISPLACEMENT, ENERGY, SHUFFLED, AGAIN
TABLE_2 = NO_STYLE, *OURS, MAKEITTALK, MAKEITTALK_CONTENT, *BOUNDS
FLOORS = STATIC, MEAN_DISPLACEMENT, NO_STYLE  # for the studies in notebook 05
ABLATION = PLAIN, IDENTITY, FULL, IMPROVED
# for `transfer`: eq. (6) alone, eq. (5) alone, and a control on either side of *full*
TRANSFER = PLAIN, IDENTITY, ANYONE, FULL, SUPERVISED, SHUFFLED_VIDEOS
CONTRASTS = PLAIN, *(n for n in ROWS if n.startswith("eq.")), "InfoNCE", SUPERVISED
# Which rows are compared, first minus second: *full*, improved and the others.
PAIRS = (
    *((FULL, other) for other in (NO_STYLE, PLAIN, ANYONE)),
    *((IMPROVED, other) for other in (FULL, NO_STYLE)),
    *((FULL, MAKEITTALK), (NO_STYLE, MAKEITTALK_CONTENT)),
    *((FULL, PC_AVS), (PC_AVS, PC_AVS_WRONG)),
    *((FULL, bound) for bound in (ENERGY, MEAN_DISPLACEMENT, STATIC, SHUFFLED, AGAIN)),
)

Trained = tuple[StyleBranch, pd.DataFrame]  # and the log


def train_row(
    name: str,
    clips: Sequence[Clip],
    content: ContentBranch,
    folder: Path,
    settings: Settings,
    monitor: Monitor | None = None,
) -> Trained:
    """Step 2 of one of ROWS in its own folder of `folder`; see `train_style`.

    Raises NoTripletsError if the clips can't give its losses.
    """
    own, changed = folder / ROWS[name].folder, settings.changed(**ROWS[name].changes)
    return train_style(clips, content, own, changed, monitor)


def train_rows(
    names: Sequence[str],
    clips: Sequence[Clip],
    content: ContentBranch,
    folder: Path,
    settings: Settings,
    say: Callable[[str], object] = lambda text: None,
) -> dict[str, Trained]:
    """Those of the names that step 2 trains, trained or loaded.

    A row whose losses the clips can't give is left out, such as *full* where nobody is
    named and no V_p exists. say : is told of each row.
    """
    trained = {}
    for name in [name for name in names if name in ROWS]:
        say(f"Step 2, {ROWS[name].folder}")
        try:
            own, changes = folder / ROWS[name].folder, ROWS[name].changes
            changed = settings.changed(**changes)
            trained[name] = train_style(clips, content, own, changed)
        except NoTripletsError as error:
            say(f"{ROWS[name].folder} is left out. {error}")
    return trained


def trained_by(folder: Path, settings: Settings) -> Settings:
    """The settings by which a run's rows were trained; `settings` if none was.

    So that what is trained beside them is comparable. Raises InputError if they learnt
    other features than `settings` say.
    """
    for name in (FULL, PLAIN):  # a corpus may have given the second alone
        path = folder / ROWS[name].folder / "model.safetensors"
        if path.exists():
            made, mine = load_style(path, settings)[1], settings.by_name()
            return made.changed(
                **{key: mine[setting_name(key)] for key in ROWS[name].changes}
            )
    return settings


def our_methods(
    content: ContentBranch, trained: Mapping[str, Trained]
) -> dict[str, Method]:
    """The content branch alone, and the rows trained on it."""
    methods: dict[str, Method] = {NO_STYLE: partial(content_displacements, content)}
    for name, (style, _) in trained.items():
        methods[name] = partial(_styled, style, content)
    return methods


def _styled(
    style: StyleBranch, content: ContentBranch, clips: Sequence[Clip]
) -> list[Tensor]:
    known = _known(clips)
    return style_displacements(style, known, content_codes(content, known))


def _known(clips: Sequence[Clip]) -> Sequence[Clip]:
    """The clips, enrolled by themselves if they are not yet."""
    return clips if all(c.speaker_mean is not None for c in clips) else enrolled(clips)


def makeittalk_methods(both: MakeItTalk) -> dict[str, Method]:
    """MakeItTalk's rows: the content branch alone, and both if there are two."""
    alone = MakeItTalk(both.content).displacements
    if both.speaker is None:
        return {MAKEITTALK_CONTENT: alone}
    return {MAKEITTALK_CONTENT: alone, MAKEITTALK: both.displacements}


def bounds(train: Sequence[Clip], full: Method) -> dict[str, Method]:
    """Lower and upper bounds; "shuffled audio" is `full` with another clip's audio.

    Of stored clips those are averaged that standardise.
    """
    train, wrong = sampled(train), shuffled(full)
    return {
        STATIC: static,
        MEAN_DISPLACEMENT: mean_displacement(train),
        ENERGY: energy_driven(train),
        SHUFFLED: lambda clips: wrong(_known(clips)),
        AGAIN: again,
    }
