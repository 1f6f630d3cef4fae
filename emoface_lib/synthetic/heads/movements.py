"""How speech and expressions move the 68 landmarks, from the table `movements.csv`.

Offsets of landmarks in face units at weight 1, for the right side of the face (left in
the picture), which the other side mirrors. The six expressions follow the action units
of the Facial Action Coding System (Ekman and Friesen); "round", "spread" and "protrude"
are the lips' articulations.
"""

from pathlib import Path

import numpy as np

from emoface_lib.core.files import read_table
from emoface_lib.core.landmarks import MIRROR

# By how much each expression opens a speaking mouth wider; lips at rest stay closed.
EXPRESSION_JAW = {"surprise": 0.35, "fear": 0.1, "happiness": 0.1, "anger": 0.1}


def _movements() -> dict[str, np.ndarray]:
    """Offsets of both sides by movement, (68, 3) each."""
    found: dict[str, np.ndarray] = {}
    for name, number, *offset in read_table(Path(__file__).with_suffix(".csv")):
        both = found.setdefault(name, np.zeros((68, 3)))
        landmark, vector = int(number), np.array(offset, float)
        both[landmark] += vector
        if MIRROR[landmark] != landmark:
            both[MIRROR[landmark]] += vector * [-1, 1, 1]
    return found


MOVEMENTS = _movements()
BASES = np.stack(list(MOVEMENTS.values()))
