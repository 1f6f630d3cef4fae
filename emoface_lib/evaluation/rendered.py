"""The baselines' shipped weights, and rendered frames of every row that is compared.

Made by `benchmarks/table_2.py ship`. Taught in notebook 07.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from emoface_lib.core.checkpoints import load_model
from emoface_lib.core.clip import MEL_BANDS, Clip
from emoface_lib.core.landmarks import WEIGHTS
from emoface_lib.core.settings import Settings
from emoface_lib.core.stored import StoredClips
from emoface_lib.evaluation.baselines import Method, misheard
from emoface_lib.evaluation.makeittalk import ContentBranch, MakeItTalk, SpeakerBranch
from emoface_lib.evaluation.pc_avs import PCAVS, load_pc_avs, synthesise
from emoface_lib.evaluation.rows import (
    FULL,
    IMPROVED,
    MAKEITTALK,
    NO_STYLE,
    PC_AVS,
    PC_AVS_WRONG,
    RENDERED_TRUTH,
    STATIC,
    makeittalk_methods,
)
from emoface_lib.evaluation.scoring import Studio
from emoface_lib.features.expression import CROP_EVERY
from emoface_lib.features.speaker import read_embeddings

CONTENT = "makeittalk_content.safetensors"
SPEAKER = "makeittalk_speaker.safetensors"
PICTURES = "pc_avs.safetensors"
RENDERED = (STATIC, NO_STYLE, FULL, IMPROVED, MAKEITTALK)


def shipped_baselines(
    settings: Settings, folder: Path = WEIGHTS, voiced: bool = True
) -> dict[str, Method]:
    """MakeItTalk's rows as shipped; none if they learnt other features.

    voiced : whether clips have voices; without, the content branch alone can be asked.
    """
    if settings.features.kinds[1] not in ("log_mel", "phonetic"):
        return {}
    content, speaker = ContentBranch(), SpeakerBranch()
    load_model(folder / CONTENT, content)
    load_model(folder / SPEAKER, speaker)
    return makeittalk_methods(MakeItTalk(content, speaker if voiced else None))


def with_voices(clips: Sequence[Clip], cache: Path) -> Sequence[Clip]:
    """The clips with their speakers' voices, where notebook 02 embedded them.

    Stored ones stay on disk, without.
    """
    if isinstance(clips, StoredClips):
        return clips
    known = read_embeddings(cache) if cache.exists() else {}
    voices = {name: torch.from_numpy(voice) for name, voice in known.items()}
    return [replace(c, voice=voices.get(c.speaker, c.voice)) for c in clips]


def shipped_pc_avs(settings: Settings) -> PCAVS | None:
    """PC-AVS, reduced, as shipped; None if it learnt other features."""
    if settings.features.kinds[1] not in ("log_mel", "phonetic"):
        return None
    return load_pc_avs(WEIGHTS / PICTURES, MEL_BANDS)


def rendered_rows(
    rows: Mapping[str, Method],
    clips: Sequence[Clip],
    studio: Studio,
    pc_avs: PCAVS | None = None,
    every: int = CROP_EVERY,
) -> dict[str, list[np.ndarray]]:
    """Rendered frames of the rows of RENDERED, of ground truth, and of PC-AVS.

    every : n, of which one is rendered; for `video_scores` 1. Returns uint8[F / n, S,
    S, 3] RGB, one a clip, by row, as for `Studio.frame_scores`. PC-AVS is also run with
    another clip's audio: what is right then comes from the pose, which it takes from
    the real frames.
    """
    asked = {name: rows[name](clips) for name in RENDERED if name in rows}
    asked[RENDERED_TRUTH] = [clip.displacement for clip in clips]
    frames = {
        name: [
            studio.render(*pair, every)[0] for pair in zip(clips, moves, strict=True)
        ]
        for name, moves in asked.items()
    }
    if pc_avs is not None:
        heard = {PC_AVS: list(clips)}
        if len(clips) > 1:  # else there is no other audio
            heard[PC_AVS_WRONG] = misheard(clips)
        place, size = studio.corpus, studio.image_size
        for name, some in heard.items():
            frames[name] = [
                synthesise(pc_avs, clip, place, size, every) for clip in some
            ]
    return frames
