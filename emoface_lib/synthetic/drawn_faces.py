"""Drawn faces for real voices: the mouth by the phones, the expression by the label.

A labelled voice needs no picture: the phones that the recogniser finds move the mouth
by the same rule as those of a drawn clip, and the label's state moves the face.
"""

from typing import NamedTuple

import numpy as np

from emoface_lib.core.clip import EXPRESSIONS, SAMPLE_RATE
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_table
from emoface_lib.core.landmarks import FRAME_RATE, VIDEO_RATE
from emoface_lib.features.audio import frame_loudness
from emoface_lib.features.phonetic import BOUNDARY
from emoface_lib.features.voice_activity import LATE, tokens
from emoface_lib.synthetic.clips import generator, identity_of
from emoface_lib.synthetic.factors import draw_speaker, draw_state
from emoface_lib.synthetic.heads.shape import pose_face, project
from emoface_lib.synthetic.motion import move
from emoface_lib.synthetic.speech import PAUSE, Speech
from emoface_lib.synthetic.visemes import HERE, viseme_parts

# The recogniser's tokens -> phones of the IPA and by espeak-ng's names; tones and marks
# are none.
PHONES = {
    int(token): (ipa, name) for token, ipa, name in read_table(HERE / "phones.csv")
}
# 95 % of espeak-ng's vowels are shorter than 0.2 s. With it, lips of GRID's talkers and
# those drawn for their voices open together (r .6).
LONGEST = 0.2  # s; what is left until the next phone is a pause


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


class Phone(NamedTuple):
    """A phone that was heard: where, in 20-ms frames and seconds, and in which word."""

    frame: int
    start: float
    end: float
    ipa: str
    name: str  # espeak-ng's
    word: int


def heard_phones(samples: np.ndarray) -> list[Phone]:
    """The phones that the recogniser finds in a voice, and when.

    samples : float[S] at 16 kHz. Raises InputError if there is none, and as
    `tokens`.
    """
    found = tokens(samples)
    first = np.flatnonzero(np.diff(found, prepend=-1))  # where a run begins
    spikes = np.array([frame for frame in first if found[frame] in PHONES], int)
    if not len(spikes):
        raise InputError("Nobody speaks in it: the recogniser finds no phone.")
    start = np.maximum((spikes + 0.5) / FRAME_RATE - LATE, 0)
    seconds = len(samples) / SAMPLE_RATE
    end = np.minimum(np.append(start[1:], seconds), start + LONGEST)
    words = np.searchsorted(first[found[first] == BOUNDARY], spikes).tolist()
    names = zip(*(PHONES[token] for token in found[spikes].tolist()), strict=True)
    columns = spikes.tolist(), start.tolist(), end.tolist(), *names, words
    return [Phone(*row) for row in zip(*columns, strict=True)]


def heard_speech(samples: np.ndarray) -> Speech:
    """A voice as speech, its phones those that the recogniser finds.

    samples : float[S] at 16 kHz. The louder half of the vowels is stressed. Raises
    InputError as `heard_phones`.
    """
    heard = heard_phones(samples)
    phones = [phone.name for phone in heard]
    start, pause = np.array([(phone.start, phone.end) for phone in heard]).T
    vowels = np.array([viseme_parts(phone)[0][0] in "AEIOU" for phone in phones])
    spikes = np.array([phone.frame for phone in heard])
    loud = frame_loudness(samples)[spikes // (FRAME_RATE // VIDEO_RATE)]
    stressed = vowels & (loud >= np.median(loud[vowels] if vowels.any() else loud))
    seconds = len(samples) / SAMPLE_RATE
    # a pause before the first phone, and after each for what time is left
    names = [PAUSE, *(name for phone in phones for name in (phone, PAUSE))]
    starts = np.append(0, np.stack([start, pause], 1))
    ends = np.append(starts[1:], seconds)
    stress = np.append(0, np.stack([stressed, 0 * stressed], 1))
    kept = ends > starts
    spoken = tuple(np.array(names)[kept].tolist())
    return Speech(samples, spoken, starts[kept], ends[kept], stress[kept], SAMPLE_RATE)
