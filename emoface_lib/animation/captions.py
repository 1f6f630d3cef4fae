"""When a voice says what: phones as captions, and visemes for other programs.

There are no words here: captions are in the letters of the International Phonetic
Alphabet, as the phone recogniser hears them.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.files import write_beside, write_json
from emoface_lib.features.phones import Phone, heard_phones, viseme_parts, with_pauses

CAPTIONS = (".vtt", ".json")
PAUSE = 0.35  # s; after it a new caption begins
LONGEST = 4.0  # s; a caption that is longer ends after the word


def write_captions(path: Path, samples: np.ndarray, comment: str) -> None:
    """Write phones of a voice as captions, or with visemes and their times as JSON.

    samples : float[S] at 16 kHz. Raises InputError as `heard_phones`.
    """
    phones = heard_phones(samples)
    if path.suffix.lower() == ".vtt":
        cues = "\n\n".join(_cue(words) for words in _captions(phones))
        with write_beside(path) as beside:
            beside.write_text(f"WEBVTT\n\nNOTE {comment}\n\n{cues}\n", "utf-8")
        return
    heard = [
        {"phone": p.ipa, "start": round(p.start, 3), "end": round(p.end, 3)}
        for p in phones
    ]
    shown = []
    for phone, begin, until in with_pauses(phones, len(samples) / SAMPLE_RATE):
        names = viseme_parts(phone) if until > begin else ()
        edges = np.linspace(begin, until, len(names) + 1).tolist()
        times = [round(edge, 3) for edge in edges]
        for name, (start, end) in zip(names, pairwise(times), strict=True):
            shown.append({"viseme": name, "start": start, "end": end})
    write_json(path, {"comment": comment, "phones": heard, "visemes": shown})


def _captions(phones: Sequence[Phone]) -> Iterator[list[list[Phone]]]:
    """Words of phones, in the groups that are shown together."""
    shown: list[list[Phone]] = []
    for _, phones_of in groupby(phones, lambda phone: phone.word):
        word = list(phones_of)
        rest = shown and word[0].start - shown[-1][-1].end > PAUSE
        if rest or (shown and word[-1].end - shown[0][0].start > LONGEST):
            yield shown
            shown = []
        shown.append(word)
    yield shown


def _cue(words: Sequence[Sequence[Phone]]) -> str:
    """A caption with the times of its words."""
    said = " ".join(
        f"<{_clock(word[0].start)}>{''.join(phone.ipa for phone in word)}"
        for word in words
    )
    return f"{_clock(words[0][0].start)} --> {_clock(words[-1][-1].end)}\n{said}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest / 1000:06.3f}"
