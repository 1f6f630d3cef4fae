"""The shape of drawn faces: identities, how they move, and the camera.

Lengths are in face units: the mean face's outer eye corners are .96 apart. Axes: x
right, y down, z away from the viewer, in the head's own frame; `project` turns the
head and gives pixels. F video frames, 68 landmarks, C = len(CONTROLS) channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.files import read_table
from emoface_lib.core.landmarks import (
    JAW,
    LEFT_EYE,
    LEFT_LIDS,
    LIPS,
    MIRROR,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_LIDS,
    mean_face,
)
from emoface_lib.synthetic.heads.look import Look, cut_normal, random_look

CONTROLS = (
    "open",  # 0 to 1: jaw and lips; 1 is the widest vowel of excited speech
    "wide",  # -1 round to 1 spread
    "press",  # 0 to 1: lips pressed together (p b m)
    "tuck",  # 0 to 1: lower lip under the upper teeth (f v)
    "protrude",  # 0 to 1: lips forward
    "blink",  # 0 to 1
    "gaze_x",  # -1 to 1, right in the picture
    "gaze_y",  # -1 to 1, down
    "surprise",  # these six: weight 0 to 1.2
    "fear",
    "disgust",
    "happiness",
    "sadness",
    "anger",
    "yaw",  # degrees; positive turns the nose to the left in the picture
    "pitch",  # degrees; positive lowers the nose
    "roll",  # degrees; positive turns clockwise in the picture
    "shift_x",  # px of a picture of 224 px
    "shift_y",
)
Controls = Mapping[str, Any] | np.ndarray  # see `stack_controls`
SIZE = 224  # px; the picture that shifts and scales refer to
PIVOT = np.array([0.0, 0.35, 0.55])  # the neck's joint, about which heads turn
CENTRE = np.array([0.5, 0.565])  # PIVOT's projection, in sizes of the picture
CAMERA = 7.0  # face units from camera to PIVOT

UPPER_INNER, LOWER_INNER = np.array([61, 62, 63]), np.array([67, 66, 65])
UPPER_OUTER, LOWER_OUTER = np.arange(49, 54), np.array([59, 58, 57, 56, 55])
LIDS = np.array(RIGHT_LIDS + LEFT_LIDS)  # (4, 2): upper, lower
PARTED = 0.4  # opening from which an expression's lips are parted as far as they go
LIP_GAP, LID_GAP = 0.004, 0.010  # least distances that keep lips and lids ordered
# By how much each expression opens a speaking mouth wider; lips at rest stay closed.
EXPRESSION_JAW = {"surprise": 0.35, "fear": 0.1, "happiness": 0.1, "anger": 0.1}
# Offsets of the landmarks by each movement at weight 1, (68, 3). The six expressions
# follow the action units of the Facial Action Coding System (Ekman and Friesen); the
# table has the right side of the face, left in the picture.
MOVEMENTS: dict[str, np.ndarray] = {}
for _name, _number, *_offset in read_table(Path(__file__).with_name("movements.csv")):
    _both, _point = MOVEMENTS.setdefault(_name, np.zeros((68, 3))), int(_number)
    _both[_point] += np.array(_offset, float)
    if MIRROR[_point] != _point:
        _both[MIRROR[_point]] += np.array(_offset, float) * [-1, 1, 1]
BASES = np.stack(list(MOVEMENTS.values()))


@dataclass(frozen=True, eq=False)
class Identity:
    """A person: neutral landmarks (68, 3) in face units, size in pictures, the look."""

    neutral: np.ndarray
    scale: float  # px a face unit in a picture of 224 px
    look: Look

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Identity":
        """Draw an identity. The same generator state gives the same person."""
        feminine = float(rng.random() < 0.5) * 0.7 + float(rng.uniform(0, 0.3))
        return cls(
            neutral=_random_shape(rng, feminine),
            scale=66 * (1 + cut_normal(rng, 0.04)),
            look=random_look(rng, feminine),
        )


def stack_controls(controls: Controls) -> np.ndarray:
    """Controls as one array (F, C), in the order of CONTROLS; absent channels are 0.

    controls : {name: (F,) or scalar}, or an array (F, C). Raises KeyError for a name
    that is not in CONTROLS.
    """
    if isinstance(controls, np.ndarray):
        return controls
    frames = np.broadcast_shapes(*(np.shape(v) for v in controls.values()), (1,))[0]
    stacked = np.zeros((frames, len(CONTROLS)))
    for name, values in controls.items():
        if name not in CONTROLS:
            raise KeyError(f"no control {name!r}; there are {CONTROLS}")
        stacked[:, CONTROLS.index(name)] = values
    return stacked


def pose_face(identity: Identity, controls: Controls) -> np.ndarray:
    """Landmarks of every frame in the head's own frame, before the head turns.

    controls : see `stack_controls`; returns float (F, 68, 3) face units. Lips and lids
    stay ordered whatever the controls. Taught in notebook 01.
    """
    stacked = stack_controls(controls)
    c = dict(zip(CONTROLS, stacked.T, strict=True))
    weights = np.stack([_weight(name, c) for name in MOVEMENTS], 1)
    still = weights * [name in EXPRESSIONS for name in MOVEMENTS]
    L = identity.neutral + np.tensordot(still, BASES, 1)  # (F, 68, 3)
    # lips that an expression parts meet during silence
    _meet(L, 1 - np.clip(c["open"] / PARTED, 0, 1)[:, None])
    L += np.tensordot(weights - still, BASES, 1)
    _tuck(L, c["tuck"])
    _press(L, c["press"])
    _move_lids(L, c["blink"], c["gaze_y"])
    return L


def project(
    identity: Identity,
    points: np.ndarray,
    controls: Controls,
    size: int = SIZE,
) -> np.ndarray:
    """Project points into the camera's picture after the head has turned and shifted.

    points : (F, P, 3) face units; returns float (F, P, 3) px of a picture of
    `size` px, z away from the viewer. The centre of the top-left pixel is (0, 0).
    """
    c = dict(zip(CONTROLS, stack_controls(controls).T, strict=True))
    turned = (points - PIVOT) @ rotation(c["yaw"], c["pitch"], c["roll"]).mT
    unit = identity.scale * size / SIZE
    nearer = CAMERA / (CAMERA + turned[..., 2:])
    shift = np.stack([c["shift_x"], c["shift_y"]], -1)[:, None] * (size / SIZE)
    flat = turned[..., :2] * nearer * unit + CENTRE * size - 0.5 + shift
    return np.concatenate([flat, turned[..., 2:] * unit], -1)


def rotation(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Rotation matrices (F, 3, 3) of angles (F,) in degrees: roll @ pitch @ yaw."""
    angles = np.stack([yaw, pitch, roll], -1)
    return Rotation.from_euler("yxz", angles, degrees=True).as_matrix()


def _weight(name: str, c: dict[str, np.ndarray]) -> np.ndarray:
    """Weight of a movement in each frame, (F,), from the controls."""
    if name == "open":
        # in proportion, so that sounds open and close any mouth
        wider = 1 + sum(c[e] * jaw for e, jaw in EXPRESSION_JAW.items())
        pressed = np.clip(c["press"], 0, 1)
        return wider * c["open"] * (1 - pressed) * (1 - 0.85 * c["tuck"])
    if name == "round":
        # a surprised mouth is round already
        return np.clip(-c["wide"], 0, None) * (1 - 0.5 * np.clip(c["surprise"], 0, 1))
    if name == "spread":
        return np.clip(c["wide"], 0, None)
    return c[name]


def _tuck(L: np.ndarray, tuck: np.ndarray) -> None:
    """Lower lip up and back, its edge just under the upper teeth's; in place."""
    t = np.clip(tuck, 0, 1)[:, None]
    edge = L[:, UPPER_INNER, 1] + 0.035
    L[:, LOWER_INNER, 1] += t * (edge - L[:, LOWER_INNER, 1])
    L[:, LOWER_INNER, 2] += 0.04 * t
    L[:, LOWER_OUTER, 1] -= t * 0.035
    L[:, LOWER_OUTER, 2] += 0.03 * t
    L[:, UPPER_OUTER, 1] -= t * 0.012


def _press(L: np.ndarray, press: np.ndarray) -> None:
    """Inner lips meet and both lips thin; in place."""
    p = np.clip(press, 0, 1)[:, None]
    _meet(L, p)
    L[:, UPPER_OUTER, 1] += 0.018 * p
    L[:, LOWER_OUTER, 1] -= 0.018 * p


def _meet(L: np.ndarray, share: np.ndarray) -> None:
    """Close a share (F, 1) of the lips' gap, nearer to the upper lip; in place."""
    upper, lower = L[:, UPPER_INNER, 1], L[:, LOWER_INNER, 1]
    gap = np.maximum(lower - upper, LIP_GAP)
    closing = share * (gap - LIP_GAP)
    L[:, UPPER_INNER, 1] = upper + 0.4 * closing
    L[:, LOWER_INNER, 1] = upper + gap - 0.6 * closing
    middle = closing[:, 1:2]
    L[:, UPPER_OUTER, 1] += 0.4 * middle
    L[:, LOWER_OUTER, 1] -= 0.6 * middle


def _move_lids(L: np.ndarray, blink: np.ndarray, gaze_y: np.ndarray) -> None:
    """Upper lids follow the gaze and close on the lower ones; in place."""
    upper, lower = LIDS[:, 0], LIDS[:, 1]
    L[:, upper, 1] += 0.022 * np.clip(gaze_y, -1, 1)[:, None]
    aperture = np.maximum(L[:, lower, 1] - L[:, upper, 1] - LID_GAP, 0)
    closed = np.clip(blink, 0, 1)[:, None]
    L[:, lower, 1] -= 0.06 * closed * aperture
    L[:, upper, 1] = L[:, lower, 1] - LID_GAP - aperture * (1 - closed)


def _random_shape(rng: np.random.Generator, feminine: float) -> np.ndarray:
    """A neutral face varied about the mean one, (68, 3) face units."""
    L = mean_face().copy()
    male = 1 - 2 * feminine  # 1 masculine to -1 feminine
    _vary_jaw(L, rng, male)
    L[..., 1] *= 1 + cut_normal(rng, 0.03)
    centre = L[LIPS].mean(0)
    L[LIPS, 0] *= 1 + cut_normal(rng, 0.06)
    fuller = cut_normal(rng, 0.12) - 0.07 * male
    L[OUTER_LIPS, 1] += (L[OUTER_LIPS, 1] - centre[1]) * fuller
    L[LIPS, 1] += cut_normal(rng, 0.02)
    L[31:36, 0] *= 1 + cut_normal(rng, 0.1) + 0.03 * male
    L[29:36, 1] += cut_normal(rng, 0.02)
    L[28:31, 2] += cut_normal(rng, 0.025)
    _vary_eyes(L, rng, feminine)
    L[17:27, 1] += cut_normal(rng, 0.022) + 0.008 * male
    L[[18, 19, 20, 23, 24, 25], 1] += cut_normal(rng, 0.013)
    L[[17, 26], 1] += cut_normal(rng, 0.015)
    # faces are not quite symmetric
    own = np.array([cut_normal(rng, 0.01) for _ in range(136)])
    L[..., :2] += 0.4 * own.reshape(-1, 2)
    return L


def _vary_jaw(L: np.ndarray, rng: np.random.Generator, male: float) -> None:
    width, jaw, chin = (cut_normal(rng, s) for s in (0.035, 0.05, 0.03))
    from_chin = np.abs(np.arange(17) - 8)
    profile = np.interp(from_chin, [0, 3, 5, 8], [0.6, 1, 0.7, 0])
    L[JAW, 0] *= (1 + width) * (1 + (jaw + 0.02 * male) * profile)
    L[5:12, 1] += chin + 0.01 * male


def _vary_eyes(L: np.ndarray, rng: np.random.Generator, feminine: float) -> None:
    height, apart, tilt = (cut_normal(rng, s) for s in (0.07, 0.018, 0.02))
    for eye, side in ((RIGHT_EYE, -1), (LEFT_EYE, 1)):
        centre = L[eye].mean(0)
        L[eye, 0] = centre[0] + (L[eye, 0] - centre[0]) + side * apart
        taller = 1.04 + height + 0.05 * feminine
        L[eye, 1] = centre[1] + (L[eye, 1] - centre[1]) * taller
        L[eye, 1] -= tilt * side * (L[eye, 0] - centre[0] - side * apart) / 0.15


def random_controls(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Unrelated frames of talking heads, any expression, yaw to 20 degrees, (F, C)."""
    control = {
        name: rng.uniform(-limit, limit, frames)
        for name, limit in (
            ("wide", 0.8), ("gaze_x", 0.6), ("gaze_y", 0.6), ("yaw", 20),
            ("pitch", 8), ("roll", 6), ("shift_x", 6), ("shift_y", 6),
        )
    }  # fmt: skip
    control["open"] = np.clip(rng.uniform(-0.3, 0.95, frames), 0, 1)
    control["protrude"] = np.clip(rng.uniform(-1, 0.8, frames), 0, 1)
    for name, share in (("press", 0.12), ("tuck", 0.06)):
        control[name] = (rng.random(frames) < share).astype(float)
    control["blink"] = rng.random(frames) * (rng.random(frames) < 0.08)
    which, weight = rng.integers(7, size=frames), rng.uniform(0.3, 1.1, frames)
    for number, name in enumerate(EXPRESSIONS):
        if name in CONTROLS:
            control[name] = weight * (which == number)
    return stack_controls(control)
