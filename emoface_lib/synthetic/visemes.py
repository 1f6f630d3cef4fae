"""What the mouth does for each sound: visemes of espeak-ng's phonemes.

A viseme is a target mouth shape with a dominance weight (Cohen and Massaro, 1993).
Sounds made by the tongue alone weigh little, lips and vowels much. Taught in notebook
01.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emoface_lib.core.files import read_table
from emoface_lib.core.landmarks import FRAME_RATE
from emoface_lib.features.phones import viseme_parts


class Viseme(NamedTuple):
    """Targets of the mouth and their dominance (0: follows its neighbours)."""

    open: float  # 0..1 at average articulation; 1 is kept for the excited
    firmness: float  # dominance of `open`
    wide: float  # -1 round .. 1 spread
    protrude: float  # 0..1
    shape: float  # dominance of `wide` and `protrude`
    press: float = 0.0  # lips pressed together
    tuck: float = 0.0  # lower lip under the upper teeth


# `open` and `wide` are fitted to real mouths (tools.fit_visemes). Dominance ranks as in
# the literature: lips strongest, vowels next, tongue-only consonants weak.
VISEMES = {
    name: Viseme(*map(float, numbers))
    for name, *numbers in read_table(Path(__file__).with_suffix(".csv"))
}
VISEME_NAMES = tuple(VISEMES)


def frame_classes(names: Sequence[str], starts: np.ndarray, frames: int) -> np.ndarray:
    """The first viseme of the phoneme in the middle of each 20-ms frame: int[frames].

    Its place in VISEME_NAMES is the label of phone probes. names, starts : float[P] s,
    of a clip's phonemes, the first at 0.
    """
    middles = (np.arange(frames) + 0.5) / FRAME_RATE
    spoken = np.searchsorted(starts, middles, side="right") - 1
    classes = [VISEME_NAMES.index(viseme_parts(name)[0]) for name in names]
    return np.array(classes)[spoken]
