"""Formant speech by espeak-ng, with the times of its phonemes.

The engine keeps state between sentences (the phase of its pitch flutter). It is loaded
anew for each of them (5 ms), so that a sentence sounds the same wherever it is made.
"""

import _ctypes
import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import espeakng_loader
import numpy as np

from emoface_lib.core.errors import InputError
from emoface_lib.features.phones import PAUSE

ESPEAK_RATE = 22_050  # Hz
# espeak-ng's phoneme events come that much after the sound: the lag at which vowels and
# the energy of 300-1000 Hz agree best is 6 to 9 ms (tests/synthetic/test_speech.py).
EVENT_DELAY = 0.008  # s
STRESS = {"'": 1.0, ",": 0.5}  # espeak-ng's marks of primary and secondary stress

# From espeak-ng's speak_lib.h.
_SYNCHRONOUS, _PHONEME_EVENTS, _UTF8 = 2, 0x0001, 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_LIST_END, _PHONEME_EVENT = 0, 7


class _Id(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_short),
    ctypes.c_int,
    ctypes.POINTER(_Event),
)


@dataclass(frozen=True)
class Speech:
    """A spoken sentence: samples float32 (-1..1, mono) and phonemes with times in s.

    names : tuple of P espeak-ng phoneme names without stress marks, "_" in pauses;
    start, end : Array[P] s; each phoneme ends where the next begins;
    stress : Array[P] 1 primary, 0.5 secondary, 0 none.
    """

    samples: np.ndarray
    names: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    stress: np.ndarray
    rate: int = ESPEAK_RATE

    @property
    def seconds(self) -> float:
        """Duration of the samples."""
        return len(self.samples) / self.rate


def joined(parts: Sequence[Speech]) -> Speech:
    """One after the other, as one. parts : at least one, of one rate."""
    starts = np.cumsum([0.0, *(part.seconds for part in parts)])
    return Speech(
        np.concatenate([part.samples for part in parts]),
        tuple(name for part in parts for name in part.names),
        np.concatenate([p.start + s for p, s in zip(parts, starts, strict=False)]),
        np.concatenate([p.end + s for p, s in zip(parts, starts, strict=False)]),
        np.concatenate([part.stress for part in parts]),
        parts[0].rate,
    )


def synthesize(
    text: str,
    voice: str = "en-us",
    rate: float = 175,
    pitch: float = 50,
    pitch_range: float = 50,
) -> Speech:
    """Speak `text`.

    voice : an espeak-ng voice with an optional variant, "en-us+f3"; rate : words a
    minute, 80 to 450; pitch, pitch_range : 0 to 99. Returns Speech at 22,050 Hz.
    Raises InputError if there is no such voice or nothing to say.
    """
    with _engine() as engine:
        if engine.espeak_SetVoiceByName(voice.encode()) != 0:
            raise InputError(
                f"espeak-ng has no voice {voice!r}; take one like en-us+f3."
            )
        asked = {_RATE: rate, _VOLUME: 100, _PITCH: pitch, _RANGE: pitch_range}
        for parameter, value in asked.items():
            engine.espeak_SetParameter(parameter, round(value), 0)
        samples, events = _speak(engine, text)
    speech = _speech(samples, events)
    if set(speech.names) <= {PAUSE}:
        raise InputError(f"There is nothing to say in the sentence {text!r}.")
    return speech


@contextmanager
def _engine() -> Iterator[Any]:
    """A freshly loaded espeak-ng, unloaded afterwards."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    try:
        library.espeak_Initialize(_SYNCHRONOUS, 200, data, _PHONEME_EVENTS)
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # else it comes from the clock
        yield library
        library.espeak_Terminate()
    finally:  # undo ctypes.CDLL, so that the next load starts from a fresh state
        unload = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary  # type: ignore
        unload(library._handle)


def _speak(engine: Any, text: str) -> tuple[np.ndarray, list[tuple[str, float]]]:
    """Samples and (phoneme, time in s) events of `text`."""
    pieces: list[np.ndarray] = [np.zeros(0, np.int16)]
    events: list[tuple[str, float]] = []

    def receive(samples: Any, count: int, event: Any) -> int:
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        events.extend(_phoneme_events(event))
        return 0

    callback = _Callback(receive)
    engine.espeak_SetSynthCallback(callback)
    data = text.encode()
    size = ctypes.c_size_t(len(data) + 1)
    engine.espeak_Synth(data, size, 0, 1, 0, _UTF8, None, None)
    engine.espeak_Synchronize()
    return np.concatenate(pieces).astype(np.float32) / 32768, events


def _phoneme_events(event: Any) -> Iterator[tuple[str, float]]:
    """Phoneme events of a list that ends with a terminating event."""
    index = 0
    while event[index].type != _LIST_END:
        if event[index].type == _PHONEME_EVENT:
            name = bytes(event[index].id.string).split(b"\0")[0]
            yield name.decode("utf8", "replace"), event[index].sample / ESPEAK_RATE
        index += 1


def _speech(samples: np.ndarray, events: list[tuple[str, float]]) -> Speech:
    """Corrected, gapless phonemes of the events."""
    seconds = len(samples) / ESPEAK_RATE
    start = np.array([time for _, time in events]) - EVENT_DELAY
    start = np.clip(start, 0, seconds)
    end = np.append(start[1:], seconds)
    names = np.array([name.strip("'_,|;%=:!") or PAUSE for name, _ in events])
    stress = np.array([STRESS.get(name[:1], 0.0) for name, _ in events])
    kept = end > start
    spoken = tuple(names[kept].tolist())
    return Speech(samples, spoken, start[kept], end[kept], stress[kept])
