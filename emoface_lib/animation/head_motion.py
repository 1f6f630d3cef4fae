"""Head motion and blinks that make a photograph alive: synthetic, or of a clip."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle

import numpy as np
from scipy.ndimage import gaussian_filter1d

from emoface_lib.core.landmarks import (
    CHIN,
    LEFT_LIDS,
    LOWER_LIP_INNER,
    RIGHT_LIDS,
    STABLE,
    UPPER_LIP_INNER,
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
BLINK_PAUSE = (2.0, 4.0)  # s between blinks
FIRST_BLINK = (0.8, 2.6)  # s after the beginning
DOUBLE, AGAIN = 0.15, 0.12  # share of blinks that come twice, s between those two
BLINK_CLOSING, BLINK_OPENING = 0.08, 0.16  # s
WIDEST_VOWEL = 0.9  # share of the widest opening, at which nobody blinks
FIXATION = (0.6, 1.2)  # s that a gaze rests: at least, and mean of what is added
GAZE = np.array([0.012, 0.004])  # eye distances; deviation of saccades, right and down
JUMP = 2  # frames of a saccade
# Of a clip's motion:
WIDEST = 15.0  # degrees; a picture of one side shows no more of the other
SMOOTH = 2.0  # frames; standard deviation, against the detector's jitter
NARROW, SHUT = 0.7, 0.35  # shares of the usual opening where a blink begins, is whole
PIVOT = 0.5  # eye distances below the chin: the head turns about the neck


@dataclass(frozen=True)
class Moment:
    """Where the head is in one frame, relative to the photograph.

    yaw, pitch, roll in degrees; shift (2,) in eye distances; closed: lids, 0..1; gaze
    (2,): shift of the irises right and down, in eye distances.
    """

    yaw: float
    pitch: float
    roll: float
    shift: np.ndarray
    closed: float
    gaze: np.ndarray = field(default_factory=lambda: np.zeros(2))


def gentle_motion(
    generator: np.random.Generator,
    amount: float = 1.0,
    wide: np.ndarray | None = None,
) -> Iterator[Moment]:
    """Endless head motion at VIDEO_RATE, from the photograph's own pose on.

    amount : 0 for none (blinks and saccades stay), 1 for gentle; wide : bool (F,),
    frames in which nobody blinks, from `widest_vowels`.
    """
    phases = generator.uniform(0, 2 * np.pi, (len(AMPLITUDES), len(RATES)))
    rates = RATES * generator.uniform(0.85, 1.15, phases.shape)
    start = np.sin(phases) @ SHARES
    lids, looks = generator.spawn(2)
    eyes = zip(_blinks(lids, wide), _saccades(looks), strict=True)
    for frame, (closed, gaze) in enumerate(eyes):
        time = frame / VIDEO_RATE
        sway = np.sin(2 * np.pi * rates * time + phases) @ SHARES
        sway = amount * AMPLITUDES * (sway - start * np.exp(-time / SETTLED))
        yaw, pitch, roll = sway[:3].tolist()
        yield Moment(yaw, pitch, roll, sway[3:], closed, gaze)


def widest_vowels(displacements: np.ndarray) -> np.ndarray:
    """Frames with nearly the widest opening of the lips: bool (F,).

    displacements : float (F, 68, 2) px.
    """
    opening = (
        displacements[:, LOWER_LIP_INNER, 1] - displacements[:, UPPER_LIP_INNER, 1]
    )
    return np.asarray(opening >= WIDEST_VOWEL * opening.max(initial=0))


def _blinks(generator: np.random.Generator, wide: np.ndarray | None) -> Iterator[float]:
    """Endless closedness of the lids, 0..1, at VIDEO_RATE."""
    times = np.arange(1, (BLINK_CLOSING + BLINK_OPENING) * VIDEO_RATE) / VIDEO_RATE
    opening = (times - BLINK_CLOSING) / BLINK_OPENING
    blink = smoothstep(np.where(opening < 0, times / BLINK_CLOSING, 1 - opening))
    wide = np.zeros(0, bool) if wide is None else wide
    wait = round(generator.uniform(*FIRST_BLINK) * VIDEO_RATE)
    twice, frame = False, 0
    while True:
        if wait > 0 or wide[frame : frame + len(blink)].any():
            wait, shown = wait - 1, [0.0]
        else:
            shown = blink.tolist()
            twice = not twice and generator.random() < DOUBLE
            pause = AGAIN if twice else generator.uniform(*BLINK_PAUSE)
            wait = round(pause * VIDEO_RATE)
        frame += len(shown)
        yield from shown


def _saccades(generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Endless gaze, (2,) eye distances, at VIDEO_RATE; first straight ahead."""
    gaze = np.zeros(2)
    while True:
        rest = FIXATION[0] + generator.exponential(FIXATION[1])
        yield from (gaze for _ in range(round(rest * VIDEO_RATE)))
        start, gaze = gaze, GAZE * generator.normal(size=2).clip(-2, 2)
        yield from (start + (gaze - start) * k / JUMP for k in range(1, JUMP))


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


def blink(landmarks: np.ndarray, closed: float, down: float = 0.0) -> np.ndarray:
    """Bring the upper lids down to the lower ones by a share 0..1; (68, 2) px.

    down : px by which they follow the irises.
    """
    moved = landmarks.copy()
    for upper, lower in (*RIGHT_LIDS, *LEFT_LIDS):
        gap = landmarks[lower] - landmarks[upper]
        share = closed + (1 - closed) * down / max(float(np.linalg.norm(gap)), 1e-6)
        moved[upper] += share * gap
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
