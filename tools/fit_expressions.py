"""Train the shipped expression model: `python -m tools.fit_expressions`.

It learns from portraits of drawn heads and is tested on frames of other heads that
talk, read by the detector. Both come from fixed seeds, and no corpus of the notebooks
has these heads.
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from emoface_lib.core.checkpoints import provenance, write_weights
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.files import write_beside
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.expression import ExpressionNet, face_crops
from emoface_lib.features.expression_training import (
    SHIPPED,
    SelfCure,
    train_expressions,
    wrong_labels,
)
from emoface_lib.synthetic.build import draw_faces
from emoface_lib.synthetic.clips import TEST_SPEAKERS_FROM, make_clip, plan_speaker
from emoface_lib.synthetic.heads.shape import stack_controls
from emoface_lib.synthetic.portraits import expression_portraits
from tools.fit_lift import compressed
from tools.ship_weights import halved

TRAIN_SEED, TEST_SEED = 77_001, 78_001
SPEAKERS, STEPS = 300, 900
TALKERS = 20
EVERY = 10  # video frames of a talking head; neighbours look alike

Faces = tuple[np.ndarray, np.ndarray]  # crops uint8[N, 64, 64], labels int[N]


def portraits(workers: int | None = None) -> tuple[Settings, Faces]:
    """What it learns from, and the settings of the training."""
    settings = load_settings(
        "full", seed=TRAIN_SEED, audio_only_speakers=SPEAKERS, expression_steps=STEPS
    )
    return settings, expression_portraits(settings, workers)


def talking_faces(workers: int | None = None) -> Faces:
    """Frames of TALKERS heads that talk in each expression, found by the detector."""
    settings = load_settings("full", seed=TEST_SEED, videos=len(EXPRESSIONS))
    numbers = range(TEST_SPEAKERS_FROM + 1, TEST_SPEAKERS_FROM + 1 + TALKERS)
    watch = partial(talking_speaker, settings=settings)
    made = dict(each(watch, numbers, workers, "drawing talking heads"))
    crops, labels = zip(*(made[number] for number in numbers), strict=True)
    return np.concatenate(crops), np.concatenate(labels)


def talking_speaker(number: int, settings: Settings) -> Faces:
    """Frames of one head, a clip in each expression."""
    detector = DlibDetector(drawn=True)
    crops, labels = [], []
    for plan in plan_speaker(number, settings)[:: settings.synthetic.clips_per_video]:
        rng = np.random.default_rng([plan.seed, number])
        clip = make_clip(plan)
        controls = stack_controls(clip.controls)[EVERY // 2 :: EVERY]
        drawn = draw_faces(clip.identity, controls)
        frames = np.stack([compressed(picture, rng) for picture in drawn])
        crops.append(face_crops(frames, detector.detect(frames, track=False).landmarks))
        labels += [EXPRESSIONS.index(plan.state.emotion)] * len(frames)
    return np.concatenate(crops), np.array(labels)


def taught(
    settings: Settings, faces: Faces, wrong: float = 0.0, cure: SelfCure | None = None
) -> tuple[ExpressionNet, float, float]:
    """Train with a share of wrong labels.

    Returns the network, the share of labels that are wrong at the end, and the CPU
    seconds of the training.
    """
    crops, labels = faces
    given = wrong_labels(labels, wrong, np.random.default_rng(settings.seed))
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        net, believed = train_expressions(crops, given, Path(folder), settings, cure)
        seconds = time.process_time() - start
    return net, float((believed != labels).mean()), seconds


def accuracy(net: ExpressionNet, faces: Faces) -> float:
    """Share of frames that are recognised."""
    return float((net.probabilities(faces[0]).argmax(1) == faces[1]).mean())


CARD = """# expressions.safetensors
The expression model of the embedded corpus: SCN (ResNet-18 with an attention weight) of
width {width} on grey crops of 64 px, self-cure training. Stored in half precision. Made
by

    python -m tools.fit_expressions

{steps} steps of 64 portraits, {count} portraits of {speakers} drawn heads, each with
every expression; tested on {frames} frames of {talkers} other heads that talk, found by
dlib.
Classes: {classes}.

| | |
|---|---|
| accuracy on unseen talking heads, frame by frame | {accuracy:.3f} |
| training, CPU seconds of one core | {seconds:.0f} |

Limits: it knows drawn heads. On photographs it guesses.
"""


def main() -> None:
    """Draw, train, test, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path, default=SHIPPED)
    path = parser.parse_args().path
    (settings, faces), talking = portraits(), talking_faces()
    net, _, seconds = taught(settings, faces, cure=SelfCure())
    card = CARD.format(
        width=net.features[0].out_channels,
        steps=STEPS,
        count=len(faces[1]),
        speakers=SPEAKERS,
        frames=len(talking[1]),
        talkers=TALKERS,
        classes=", ".join(net.classes),
        accuracy=accuracy(net, talking),
        seconds=seconds,
    )
    write_weights(path, halved(net.state_dict()), provenance(settings))
    with write_beside(path.with_suffix(".md")) as beside:
        beside.write_text(card, encoding="utf-8")
    print(card)


if __name__ == "__main__":
    main()
