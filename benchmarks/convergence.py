"""Steps 1 and 2 at the paper's learning rate and at ours: held-out loss over steps.

python benchmarks/convergence.py [--speakers 32]

Audio-only speakers of the embedded corpus, of each of whom one of six videos is held
out. "Ours" is the tutorial's one cycle; the others are constant, as the paper's 1e-5.
Steps of 1e-5 are computed from the fastest constant rate that reaches as much, where a
tenth of the rate is taken to need ten times the steps: compare the curves printed.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from prepare import load
from results import enter

from emoface_lib.core import training
from emoface_lib.core.landmarks import mean_face
from emoface_lib.core.parallel import one_thread
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.features.align import to_canonical
from emoface_lib.method.steps import train_content, train_style
from emoface_lib.synthetic.audio_only import audio_only_clips

TOPIC = "convergence"
PAPER, ASKED = 1e-5, 200_000
RATES, STEPS = (1e-3, 1e-4, PAPER), 600  # constant rates, and steps of each
NEAR = 1.02, 1.05  # times ours: as good

Train = Callable[[Path, Settings], tuple]


def main() -> None:
    """Train at each rate, and enter the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speakers", type=int, default=32)
    given = parser.parse_args()
    one_thread()
    training.STATES = 20
    sizes = {"audio_only_speakers": given.speakers, "videos_per_speaker": 6}
    settings = load_settings(
        "tutorial", real_mouths=0.0, content_jitter=0.0, crop_frames=50, **sizes
    )
    face = to_canonical(mean_face())
    clips = audio_only_clips(settings, face, splits=("train", "val"))
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)

        def first(folder: Path, own: Settings) -> tuple:
            return train_content(clips, folder, own)

        content = compare("content", first, settings, root)

        def second(folder: Path, own: Settings) -> tuple:
            return train_style(clips, content, folder, own)

        compare("style", second, settings, root)


def compare(stage: str, train: Train, settings: Settings, root: Path) -> object:
    """Held-out losses of a step by rate, and steps until ours; returns ours' model."""
    model, ours = train(root / stage, settings)
    logs, curves = {}, {"ours": ours}
    for rate in RATES:
        changes = {f"{stage}_steps": STEPS, f"{stage}_learning_rate": rate}
        own = settings.changed(schedule="constant", clip_norm=0.0, **changes)
        logs[rate] = train(root / f"{stage}_{rate}", own)[1]
        curves[f"lr {rate:g}"] = logs[rate]
    step = {"content": "step 1", "style": "step 2"}[stage]
    how = f"benchmarks/convergence.py: {len(ours)} steps of ours; {load()}"
    for name, log in curves.items():
        told = f"{step}, held-out loss, {name}, {len(log)} steps"
        enter(TOPIC, told, float(log["validation"].min()), "px", how)
    print(pd.DataFrame({r: held_out(log) for r, log in logs.items()}).to_string())
    for near in NEAR:
        steps, told = np.inf, how
        for rate, log in logs.items():
            reached = held_out(log)[held_out(log) <= near * ours["validation"].min()]
            if len(reached):
                steps = round(reached.index[0] * rate / PAPER)
                told = f"{how}; {rate / PAPER:g} x {reached.index[0]} of lr {rate:g}"
                break
        name = f"{step}, steps of lr 1e-05 until {near:g} of ours"
        enter(TOPIC, name, steps, "", told, f"<= {ASKED}")
    return model


def held_out(log: pd.DataFrame) -> pd.Series:
    """Held-out loss by number of steps."""
    own = log.dropna(subset="validation")
    return own.set_index(own["step"] + 1)["validation"]


if __name__ == "__main__":
    main()
