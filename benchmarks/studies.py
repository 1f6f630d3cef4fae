"""What the studies on embedded speakers share: settings, clips, intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emoface_lib.core.clip import Clip, with_features
from emoface_lib.core.landmarks import mean_face
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.evaluation.bootstrap import Interval, bootstrap
from emoface_lib.features.align import to_canonical
from emoface_lib.synthetic.audio_only import audio_only_clips

SPEAKERS, TEST_SPEAKERS, VIDEOS = 32, 20, 6


def settings_of(
    corpus: int,
    speakers: int = SPEAKERS,
    test_speakers: int = TEST_SPEAKERS,
    videos: int = VIDEOS,
    **changes: object,
) -> Settings:
    """The tutorial's settings on the embedded corpus of a seed, and of a size."""
    return load_settings(
        "tutorial",
        seed=corpus,
        train_speakers=2,
        audio_only_speakers=speakers,
        test_speakers=test_speakers,
        videos_per_speaker=videos,
        **changes,
    )


def clips_of(settings: Settings, **options: Any) -> list[Clip]:
    """The audio-only clips of all splits."""
    face, splits = to_canonical(mean_face()), ("train", "val", "test")
    return audio_only_clips(settings, face, splits=splits, **options)


def as_mel(clips: Sequence[Clip]) -> list[Clip]:
    """The same clips, of which the log-mel is heard."""
    return with_features(clips, [clip.log_mel.numpy() for clip in clips])


def interval(rows: pd.DataFrame, column: str = "value") -> Interval:
    """Mean of a column, with its interval over speakers and seeds."""
    values, speakers, seeds = (rows[c].tolist() for c in (column, "speaker", "seed"))
    return bootstrap(values, speakers, np.random.default_rng(0), seeds=seeds)
