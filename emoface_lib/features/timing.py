"""Two curves shifted against each other: lips and the voice they belong to."""

import numpy as np


def shifted_r(curve: np.ndarray, other: np.ndarray, furthest: int) -> np.ndarray:
    """Pearson r of two curves, the first shifted by -furthest to furthest samples.

    curve, other : float[T], T > 2 * furthest. Returns float[2 furthest + 1]; the last
    is of a curve that comes `furthest` samples later.
    """
    inner = slice(furthest, len(other) - furthest)
    shifts = range(-furthest, furthest + 1)
    moved = [np.roll(curve, by)[inner] for by in shifts]
    return np.array([np.corrcoef(one, other[inner])[0, 1] for one in moved])


def peak(r: np.ndarray) -> float:
    """The shift, in samples, at which r is largest, found between them by a parabola.

    r : float[2 furthest + 1], from `shifted_r` or the mean of several.
    """
    best = int(np.clip(r.argmax(), 1, len(r) - 2))
    before, top, after = r[best - 1 : best + 2]
    between = (before - after) / (2 * (before - 2 * top + after))
    return float(best - len(r) // 2 + between)
