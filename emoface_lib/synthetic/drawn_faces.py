"""Drawn faces for real voices: the mouth by the phones, the expression by the label.

A labelled voice needs no picture: the phones that the recogniser finds move the mouth
by the same rule as those of a drawn clip, and the label's state moves the face.
"""

import numpy as np

from emoface_lib.core.clip import EXPRESSIONS, SAMPLE_RATE
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import FRAME_RATE, VIDEO_RATE
from emoface_lib.features.audio import frame_loudness
from emoface_lib.features.phones import heard_phones, viseme_parts, with_pauses
from emoface_lib.synthetic.clips import generator, identity_of
from emoface_lib.synthetic.factors import draw_speaker, draw_state
from emoface_lib.synthetic.heads.shape import pose_face, project
from emoface_lib.synthetic.motion import move
from emoface_lib.synthetic.speech import Speech


def draw_face(
    samples: np.ndarray, speaker: str, clip: str, emotion: str, seed: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A face that says a voice in the state of its label.

    samples : float[S] at 16 kHz; speaker, clip : names, from which the look and all
    that is random are drawn; emotion : the label. Returns landmarks float32[F, 68, 3]
    px of 224, 25 frames a second, and what they show: expression float32[7], a softmax,
    arousal and valence. Raises InputError if the label is none of the expressions, and
    as `heard_speech`.
    """
    if emotion not in EXPRESSIONS:
        raise InputError(
            f"Its label is {emotion!r}, and faces can be drawn for "
            f"{', '.join(EXPRESSIONS)}: label it so, or leave it out."
        )
    person, rng = draw_speaker(speaker, generator(seed, speaker)), generator(seed, clip)
    state, identity = draw_state(emotion, rng), identity_of(person)
    controls = move(heard_speech(samples), person, state, rng)
    points = project(identity, pose_face(identity, controls), controls)
    names = "expression", "arousal", "valence"
    shown = {name: np.array(getattr(state, name), np.float32) for name in names}
    return points.astype(np.float32), shown


def heard_speech(samples: np.ndarray) -> Speech:
    """A voice as speech, its phones those that the recogniser finds.

    samples : float[S] at 16 kHz. The louder half of the vowels is stressed. Raises
    InputError as `heard_phones`.
    """
    heard = heard_phones(samples)
    phones = [phone.name for phone in heard]
    vowels = np.array([viseme_parts(phone)[0][0] in "AEIOU" for phone in phones])
    spikes = np.array([phone.frame for phone in heard])
    loud = frame_loudness(samples)[spikes // (FRAME_RATE // VIDEO_RATE)]
    stressed = vowels & (loud >= np.median(loud[vowels] if vowels.any() else loud))
    stress = np.append(0, np.stack([stressed, 0 * stressed], 1))  # pauses have none
    spoken = with_pauses(heard, len(samples) / SAMPLE_RATE)
    names, start, end = (np.array(column) for column in zip(*spoken, strict=True))
    kept = end > start
    said = tuple(names[kept].tolist())
    return Speech(samples, said, start[kept], end[kept], stress[kept], SAMPLE_RATE)
