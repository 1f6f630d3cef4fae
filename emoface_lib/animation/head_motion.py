"""Head motion and blinks that make a photograph alive: synthetic, or of a clip."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle

import numpy as np
from scipy.ndimage import gaussian_filter1d

from emoface_lib.core.landmarks import (
    CHIN,
    LEFT_LIDS,
    RIGHT_LIDS,
    STABLE,
    VIDEO_RATE,
    eye_distance,
    mean_face,
)
from emoface_lib.features.align import align, to_canonical
from emoface_lib.translation.warp.fields import smoothstep

# Largest yaw, pitch, roll in degrees, shift right and down in eye distances.
AMPLITUDES = np.array([2.0, 1.2, 1.0, 0.012, 0.008])
RATES = np.array([0.13, 0.29, 0.53])  # Hz; slow sway, none a multiple of another
SHARES = np.array([0.6, 0.3, 0.1])  # each sine's share of the amplitude
SETTLED = 1.0  # s in which the motion leaves the photograph's own pose
BLINK_PAUSE = (2.0, 2.5)  # s between blinks: at least, and mean of what is added
BLINK_CLOSING, BLINK_OPENING = 0.08, 0.16  # s
# Of a clip's motion:
WIDEST = 15.0  # degrees; a picture of one side shows no more of the other
SMOOTH = 2.0  # frames; standard deviation, against the detector's jitter
NARROW, SHUT = 0.7, 0.35  # shares of the usual opening where a blink begins, is whole
PIVOT = 0.5  # eye distances below the chin: the head turns about the neck


@dataclass(frozen=True)
class Moment:
    """Where the head is in one frame, relative to the photograph.

    yaw, pitch, roll in degrees; shift (2,) in eye distances; closed: lids, 0..1.
    """

    yaw: float
    pitch: float
    roll: float
    shift: np.ndarray
    closed: float


def gentle_motion(
    generator: np.random.Generator, amount: float = 1.0
) -> Iterator[Moment]:
    """Endless head motion at VIDEO_RATE, from the photograph's own pose on.

    amount : 0 for none (blinks stay), 1 for gentle.
    """
    phases = generator.uniform(0, 2 * np.pi, (len(AMPLITUDES), len(RATES)))
    rates = RATES * generator.uniform(0.85, 1.15, phases.shape)
    start = np.sin(phases) @ SHARES
    blinks = _blinks(generator)
    frame = 0
    while True:
        time = frame / VIDEO_RATE
        sway = np.sin(2 * np.pi * rates * time + phases) @ SHARES
        sway = amount * AMPLITUDES * (sway - start * np.exp(-time / SETTLED))
        yaw, pitch, roll = sway[:3].tolist()
        yield Moment(yaw, pitch, roll, sway[3:], next(blinks))
        frame += 1


def _blinks(generator: np.random.Generator) -> Iterator[float]:
    """Endless closedness of the lids, 0..1, at VIDEO_RATE."""
    while True:
        pause = BLINK_PAUSE[0] + generator.exponential(BLINK_PAUSE[1])
        yield from (0.0 for _ in range(round(pause * VIDEO_RATE)))
        times = np.arange(1, (BLINK_CLOSING + BLINK_OPENING) * VIDEO_RATE) / VIDEO_RATE
        opening = (times - BLINK_CLOSING) / BLINK_OPENING
        closed = np.where(opening < 0, times / BLINK_CLOSING, 1 - opening)
        yield from smoothstep(closed).tolist()


def clip_motion(landmarks: np.ndarray) -> Iterator[Moment]:
    """Endless head motion of a clip, forwards and backwards, relative to its middle.

    landmarks : float (F, 68, 3) px of its frames, 25 a second.
    """
    face = to_canonical(mean_face())
    _, pose = align(landmarks.astype(float), face)
    turns = pose.degrees()
    turns = (turns - np.median(turns, 0)).clip(-WIDEST, WIDEST)
    centre = pose.centre[:, :2] / np.median(eye_distance(landmarks[..., :2]))
    seen = gaussian_filter1d(np.hstack([turns, centre]), SMOOTH, axis=0)
    closed = _closed_lids(landmarks)
    moments = []
    for turn, place, lids in zip(seen[:, :3], seen[:, 3:], closed, strict=True):
        yaw, pitch, roll = turn.tolist()
        moment = Moment(yaw, pitch, roll, np.zeros(2), lids)
        moments.append(replace(moment, shift=place - _turned_centre(face, moment)))
    middle = np.median([moment.shift for moment in moments], axis=0)
    moments = [replace(each, shift=each.shift - middle) for each in moments]
    return cycle([*moments, *moments[-2:0:-1]])


def _turned_centre(face: np.ndarray, moment: Moment) -> np.ndarray:
    """Where turning alone takes a face's stable points, (2,) in eye distances."""
    moved = face[:, :2] + turn_face(face, moment.yaw, moment.pitch)
    unit, up = float(eye_distance(face[:, :2])), np.array([0.0, -1.0])
    motion = head_transform(moment, face[:, :2], unit, up)
    return (moved @ motion[:, :2].T + motion[:, 2])[STABLE].mean(0) / unit


def _closed_lids(landmarks: np.ndarray) -> list[float]:
    """How far the lids are closed in each frame, 0..1, against their usual opening."""
    upper, lower = np.array([*RIGHT_LIDS, *LEFT_LIDS]).T
    opening = (landmarks[:, lower, 1] - landmarks[:, upper, 1]).mean(1)
    share = opening / max(float(np.median(opening)), 1e-6)
    return smoothstep((NARROW - share) / (NARROW - SHUT)).tolist()


def turn_face(landmarks: np.ndarray, yaw: float, pitch: float) -> np.ndarray:
    """Shifts of a face's landmarks by a small turn of the head about its ears.

    landmarks : (68, 3) px; yaw, pitch in degrees; returns float (68, 2) px. The jaw's
    ends stay in place, the nose moves most.
    """
    nearness = landmarks[[0, 16], 2].mean() - landmarks[:, 2]  # px before the ears
    return np.radians([yaw, pitch]) * nearness[:, None]


def blink(landmarks: np.ndarray, closed: float) -> np.ndarray:
    """Bring the upper lids down to the lower ones by a share 0..1; (68, 2) px."""
    moved = landmarks.copy()
    for upper, lower in (*RIGHT_LIDS, *LEFT_LIDS):
        moved[upper] += closed * (landmarks[lower] - landmarks[upper])
    return moved


def head_transform(
    moment: Moment, landmarks: np.ndarray, unit: float, face_up: np.ndarray
) -> np.ndarray:
    """Affine transform (2, 3) px of the head: roll about the neck, and shift.

    landmarks : (68, 2) px of the photograph; unit : px, its eye distance; face_up :
    (2,) unit vector from chin to eyes.
    """
    angle = np.radians(moment.roll)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    neck = landmarks[CHIN] - PIVOT * unit * face_up
    return np.column_stack([turn, neck - turn @ neck + unit * moment.shift])
