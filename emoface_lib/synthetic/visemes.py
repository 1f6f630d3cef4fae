"""What the mouth does for each sound: visemes of espeak-ng's phonemes.

A viseme is a target for the mouth and how firmly each sound insists on it. Sounds made
by the tongue alone hardly do, lips and vowels do. Taught in notebook 01.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emoface_lib.core.landmarks import FRAME_RATE
from emoface_lib.synthetic.speech import PAUSE


class Viseme(NamedTuple):
    """Targets of the mouth and their dominance (0: follows its neighbours)."""

    open: float  # 0..1 at average articulation; 1 is kept for the excited
    firmness: float  # dominance of `open`
    wide: float  # -1 round .. 1 spread
    protrude: float  # 0..1
    shape: float  # dominance of `wide` and `protrude`
    press: float = 0.0  # lips pressed together
    tuck: float = 0.0  # lower lip under the upper teeth


# Openings and their dominance rank as in drawn and spoken material alike: low vowels
# widest, lips strongest, tongue-only consonants weak.
VISEMES: dict[str, Viseme] = {
    PAUSE: Viseme(0.0, 0.5, 0.0, 0.0, 0.3),
    # low and open-mid vowels
    "AA": Viseme(0.60, 1.0, 0.05, 0.0, 0.8),
    "AE": Viseme(0.60, 1.0, 0.30, 0.0, 0.8),
    "AO": Viseme(0.47, 1.0, -0.55, 0.5, 1.2),
    "AH": Viseme(0.36, 0.9, 0.05, 0.0, 0.5),
    "EH": Viseme(0.43, 1.0, 0.40, 0.0, 0.8),
    # high, central and rounded vowels
    "EY": Viseme(0.38, 1.0, 0.50, 0.0, 0.9),
    "IY": Viseme(0.23, 1.0, 0.70, 0.0, 1.0),
    "IH": Viseme(0.27, 0.9, 0.40, 0.0, 0.7),
    "ER": Viseme(0.24, 0.9, -0.20, 0.3, 0.7),
    "AX": Viseme(0.27, 0.5, 0.05, 0.0, 0.3),
    "OW": Viseme(0.36, 1.0, -0.70, 0.7, 1.3),
    "UH": Viseme(0.23, 1.0, -0.55, 0.6, 1.1),
    "UW": Viseme(0.17, 1.0, -0.95, 1.0, 1.5),
    # lips
    "P": Viseme(0.0, 2.0, 0.0, 0.0, 0.3, press=1.0),
    "B": Viseme(0.0, 2.0, 0.0, 0.0, 0.3, press=1.0),
    "M": Viseme(0.0, 2.0, 0.0, 0.0, 0.3, press=1.0),
    "F": Viseme(0.05, 1.5, 0.15, 0.0, 0.4, tuck=1.0),
    "V": Viseme(0.05, 1.2, 0.15, 0.0, 0.4, tuck=0.9),
    "W": Viseme(0.07, 1.0, -0.95, 1.0, 1.5),
    # teeth and palate: the jaw is nearly shut
    "S": Viseme(0.13, 1.0, 0.30, 0.0, 0.5),
    "SH": Viseme(0.20, 1.0, -0.50, 0.8, 1.2),
    "TH": Viseme(0.17, 0.6, 0.10, 0.0, 0.3),
    "R": Viseme(0.20, 0.6, -0.40, 0.5, 0.8),
    "Y": Viseme(0.20, 0.4, 0.50, 0.0, 0.5),
    # tongue only
    "T": Viseme(0.20, 0.4, 0.15, 0.0, 0.15),
    "L": Viseme(0.30, 0.4, 0.10, 0.0, 0.15),
    "K": Viseme(0.26, 0.3, 0.05, 0.0, 0.1),
    "HH": Viseme(0.34, 0.1, 0.0, 0.0, 0.05),
}
BILABIAL = ("P", "B", "M")
VISEME_NAMES = tuple(VISEMES)

# The longest prefix of an espeak-ng name counts; two parts are spoken in turn.
PHONEMES: dict[str, tuple[str, ...]] = {
    **{"p": ("P",), "b": ("B",), "m": ("M",), "f": ("F",), "v": ("V",), "w": ("W",)},
    **dict.fromkeys(("t", "d", "n", "*"), ("T",)),
    **dict.fromkeys(("T", "D"), ("TH",)),
    **dict.fromkeys(("s", "z"), ("S",)),
    **dict.fromkeys(("S", "Z"), ("SH",)),
    **dict.fromkeys(("tS", "dZ"), ("T", "SH")),
    **dict.fromkeys(("k", "g", "N"), ("K",)),
    **dict.fromkeys(("h", "H", "x", "?"), ("HH",)),
    **dict.fromkeys(("l", "ɫ"), ("L",)),
    **dict.fromkeys(("r", "R"), ("R",)),
    **dict.fromkeys(("j",), ("Y",)),
    "@L": ("AX", "L"),
    **dict.fromkeys(("a", "aa"), ("AE",)),
    **dict.fromkeys(("a#", "@", "0#", "I2", "I#"), ("AX",)),
    **dict.fromkeys(("A", "A@", "0", "Q"), ("AA",)),
    **dict.fromkeys(("aI", "AI"), ("AA", "IY")),
    **dict.fromkeys(("aU", "AU"), ("AA", "UH")),
    **dict.fromkeys(("aI@", "aI3"), ("AA", "IH", "AX")),
    **dict.fromkeys(("aU@",), ("AA", "UH", "AX")),
    **dict.fromkeys(("V",), ("AH",)),
    **dict.fromkeys(("E", "e", "e@"), ("EH",)),
    **dict.fromkeys(("eI",), ("EY", "IY")),
    **dict.fromkeys(("I", "IR"), ("IH",)),
    **dict.fromkeys(("i",), ("IY",)),
    **dict.fromkeys(("i@",), ("IY", "AX")),
    **dict.fromkeys(("3", "ɚ", "IR2"), ("ER",)),
    **dict.fromkeys(("O", "O@", "O2", "o@"), ("AO",)),
    **dict.fromkeys(("o",), ("OW",)),
    **dict.fromkeys(("oU", "@U"), ("OW", "UW")),
    **dict.fromkeys(("OI",), ("AO", "IY")),
    **dict.fromkeys(("U", "U@"), ("UH",)),
    **dict.fromkeys(("u", "y"), ("UW",)),
}


def viseme_parts(phoneme: str) -> tuple[str, ...]:
    """Names of the visemes that a phoneme is made of; a pause if it is unknown."""
    for length in range(len(phoneme), 0, -1):
        if phoneme[:length] in PHONEMES:
            return PHONEMES[phoneme[:length]]
    return (PAUSE,)


def viseme_class(phoneme: str) -> int:
    """Index of a phoneme's first viseme in VISEME_NAMES: the label of phone probes."""
    return VISEME_NAMES.index(viseme_parts(phoneme)[0])


def frame_classes(names: Sequence[str], starts: np.ndarray, frames: int) -> np.ndarray:
    """Viseme class of the phoneme in the middle of each 20-ms frame: int[frames].

    names, starts : float[P] s, of a clip's phonemes, the first at 0.
    """
    middles = (np.arange(frames) + 0.5) / FRAME_RATE
    spoken = np.searchsorted(starts, middles, side="right") - 1
    return np.array([viseme_class(name) for name in names])[spoken]
