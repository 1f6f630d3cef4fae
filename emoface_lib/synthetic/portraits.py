"""Single pictures of heads that show an expression, of the audio-only speakers.

An expression model needs many faces more than many frames: trained on the drawn clips
alone it learns identities. Each speaker shows every expression here. Taught in
notebook 03.
"""

from functools import partial

import numpy as np

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.parallel import each
from emoface_lib.core.settings import Settings
from emoface_lib.features.expression import face_crops
from emoface_lib.synthetic.build import draw_faces
from emoface_lib.synthetic.clips import generator, identity_of
from emoface_lib.synthetic.factors import draw_speaker, draw_state
from emoface_lib.synthetic.heads.shape import (
    CONTROLS,
    pose_face,
    project,
    random_controls,
)
from emoface_lib.synthetic.motion import expressions

TAKES = 3  # pictures of a speaker in an expression, with other mouths and poses
BROWS = 0.2  # how far an accent of speech raises the brows
# six people who look pleasant at rest, for `resting_portrait`
CAST = ("cast05", "cast21", "cast26", "cast34", "cast37", "cast38")
READING_ERROR = 1.0  # px; error of a detector's landmarks


def expression_portraits(
    settings: Settings, workers: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Grey face crops and expressions of `synthetic.audio_only_speakers` speakers.

    Returns uint8[N, 64, 64] and int[N], indices into EXPRESSIONS.
    """
    first = settings.synthetic.train_speakers + 1
    numbers = range(first, first + settings.synthetic.audio_only_speakers)
    pose = partial(speaker_portraits, seed=settings.seed)
    made = dict(each(pose, numbers, workers, "drawing expressions"))
    crops = [made[number] for number in numbers]
    labels = np.tile(np.repeat(np.arange(len(EXPRESSIONS)), TAKES), len(crops))
    return np.concatenate(crops), labels


def speaker_portraits(number: int, seed: int) -> np.ndarray:
    """Crops uint8[7 * TAKES, 64, 64] of one speaker, by the order of EXPRESSIONS."""
    name = f"id{number:05d}"
    identity = identity_of(draw_speaker(name, generator(seed, name)))
    rng = generator(seed, f"{name}/portraits")
    controls = np.concatenate([_controls(emotion, rng) for emotion in EXPRESSIONS])
    pictures = np.stack(list(draw_faces(identity, controls)))
    landmarks = project(identity, pose_face(identity, controls), controls)[..., :2]
    read = landmarks + rng.normal(scale=READING_ERROR, size=landmarks.shape)
    return face_crops(pictures, read)


def _controls(emotion: str, rng: np.random.Generator) -> np.ndarray:
    """Controls of TAKES unrelated frames of speech in one emotion, float[TAKES, C]."""
    controls = random_controls(rng, TAKES)
    for take in controls:
        state = draw_state(emotion, rng)
        # as in clips: expressions swell and fade, accents raise the brows
        raised = BROWS * rng.random(1) ** 2 * np.exp(state.arousal)
        for name, weight in expressions(state, raised, rng).items():
            take[CONTROLS.index(name)] = weight[0]
    return controls


def resting_portrait(name: str) -> np.ndarray:
    """A drawn head that rests and looks at us, as a photograph: uint8[224, 224, 3].

    name : any, such as one of CAST; each is another person.
    """
    identity = identity_of(draw_speaker(name, generator(0, name)))
    (picture,) = draw_faces(identity, np.zeros((1, len(CONTROLS))))
    return picture
