"""The phones that are heard in a voice: which, when, and as which visemes.

Taught in notebook 09.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_table
from emoface_lib.core.landmarks import FRAME_RATE, VIDEO_RATE
from emoface_lib.features.phonetic import BOUNDARY, likeliest_tokens
from emoface_lib.features.voice_activity import LATE

PAUSE = "_"  # the name of silence
# The recogniser's tokens -> phones of the IPA and by espeak-ng's names; tones and marks
# are none.
PHONES = {
    int(token): (ipa, name)
    for token, ipa, name in read_table(Path(__file__).with_suffix(".csv"))
}
# Visemes of espeak-ng's phonemes; the longest prefix of a name counts, two are spoken
# in turn.
PHONEMES = {
    name: tuple(parts.split())
    for name, parts in read_table(Path(__file__).with_name("phonemes.csv"))
}
# 95 % of espeak-ng's vowels are shorter than 0.2 s. With it, lips of GRID's talkers and
# those drawn for their voices open together (r .6).
RAISED = {"L", "T", "TH"}  # visemes of a tongue whose tip is at the upper teeth
LONGEST = 0.2  # s; what is left until the next phone is a pause


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
    `phonetic_code`.
    """
    found = likeliest_tokens(samples)
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


def raised_tongue(samples: np.ndarray) -> np.ndarray:
    """Whether the tongue's tip is at the upper teeth (l, n, th, d, t): bool[F].

    samples : float[S] at 16 kHz; one for each video frame that has begun.
    """
    raised = np.zeros(-(-len(samples) * VIDEO_RATE // SAMPLE_RATE), bool)
    with suppress(InputError):  # nobody speaks
        for phone in heard_phones(samples):
            start, end = (round(VIDEO_RATE * s) for s in (phone.start, phone.end))
            raised[start : max(end, start + 1)] |= viseme_parts(phone.name)[0] in RAISED
    return raised


def with_pauses(
    phones: Sequence[Phone], seconds: float
) -> list[tuple[str, float, float]]:
    """Name, start and end of phones, a pause before the first and after each.

    seconds : of the voice, all of which they fill; a pause may have no length.
    """
    spoken = [(PAUSE, 0.0, phones[0].start)]
    starts = [*(phone.start for phone in phones[1:]), seconds]
    for phone, following in zip(phones, starts, strict=True):
        spoken.append((phone.name, phone.start, phone.end))
        spoken.append((PAUSE, phone.end, following))
    return spoken


def viseme_parts(phoneme: str) -> tuple[str, ...]:
    """Names of the visemes that a phoneme is made of; a pause if it is unknown."""
    for length in range(len(phoneme), 0, -1):
        if phoneme[:length] in PHONEMES:
            return PHONEMES[phoneme[:length]]
    return (PAUSE,)
