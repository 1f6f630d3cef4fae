"""A portrait's face in motion: displacements, head motion, blinks and closed lips.

The faces stream, frame by frame. Taught in notebook 09.
"""

from collections.abc import Iterable, Iterator
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np

from emoface_lib.animation.head_motion import (
    Moment,
    blink,
    clip_motion,
    head_transform,
    turn_face,
)
from emoface_lib.animation.portrait import Portrait
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import CHIN, EYES, VIDEO_RATE, eye_distance, mean_face
from emoface_lib.core.video import iter_frames
from emoface_lib.features.align import align, to_canonical
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.translation.warp.lips import close_lips
from emoface_lib.translation.warp.photo_warp import Pose

HEAD_FRAMES = 500  # frames of a video whose head motion is taken; 20 s, then backwards
UPPER_CLOSES = 0.15  # share of a gap that the upper lip closes where the voice does


def moving_faces(
    portrait: Portrait,
    displacements: Iterable[np.ndarray],
    moments: Iterable[Moment],
    closed_lips: Iterable[float] = repeat(0.0),
    tongue: Iterable[float] = repeat(0.0),
) -> Iterator[Pose]:
    """The faces of an animated portrait, frame by frame.

    displacements : float (68, 2) px of the canonical frame each, 25 a second; moments :
    where the head is; closed_lips : how far the voice closes them whatever the
    displacements are; tongue : how far it is raised, 0..1 each.
    """
    flat = portrait.landmarks[:, :2].astype(float)
    closed, unit = close_lips(flat), float(eye_distance(flat))
    solid = np.column_stack([closed, portrait.landmarks[:, 2]])
    place = into_photo(portrait.landmarks)
    up = closed[EYES].mean(0) - closed[CHIN]
    up /= np.linalg.norm(up)
    axes = np.array([[-up[1], up[0]], -up])  # across and down a face that is tilted
    streams = displacements, moments, closed_lips, tongue
    for moved, moment, shut, raised in zip(*streams, strict=False):
        turned = turn_face(solid, moment.yaw, moment.pitch) @ axes
        target = closed + turned + moved @ place
        target += shut * (close_lips(target, UPPER_CLOSES) - target)
        gaze = unit * moment.gaze
        target = blink(target, moment.closed, gaze[1])
        canonical = (target - turned) @ np.linalg.inv(place)
        motion = head_transform(moment, closed, unit, up)
        yield Pose(target, motion, gaze @ axes, canonical, raised)


def at_rate(poses: Iterable[Pose], rate: int, count: int) -> Iterator[Pose]:
    """As many poses at a rate, linear between those given, VIDEO_RATE a second."""
    given = iter(poses)
    here = next(given)
    there, number = next(given, here), 0
    for frame in range(count):
        place, part = divmod(frame * VIDEO_RATE, rate)
        while number < place:
            here, there, number = there, next(given, there), number + 1
        pairs: Iterable[tuple[Any, Any]] = zip(here, there, strict=True)
        yield Pose(*(a + part / rate * (b - a) for a, b in pairs))


def resting_face(portrait: Portrait) -> np.ndarray:
    """The portrait's face with closed lips, as `Pose.canonical`: float (68, 2) px."""
    closed = close_lips(portrait.landmarks[:, :2].astype(float))
    return closed @ np.linalg.inv(into_photo(portrait.landmarks))


def read_motion(path: Path | str) -> Iterator[Moment]:
    """Head motion and blinks of a video's first seconds, endlessly.

    Raises InputError if the file is no video or shows no face.
    """
    frames = list(islice(iter_frames(path, VIDEO_RATE), HEAD_FRAMES))
    if len(frames) < 2:
        raise InputError(f"{path} holds one picture, and no motion: give a video.")
    return clip_motion(DlibDetector().detect(frames).landmarks)


def into_photo(landmarks: np.ndarray) -> np.ndarray:
    """Matrix (2, 2) from displacements in the canonical frame to a photograph's pose.

    landmarks : float (68, 3) px of the photograph. Displacements have no depth. The
    matrix gives px of the photograph a px of the canonical frame.
    """
    _, pose = align(landmarks[None].astype(float), to_canonical(mean_face()))
    return pose.rotation[0, :2, :2] / pose.scale


def hold_last(displacements: np.ndarray, count: int) -> np.ndarray:
    """Exactly `count` frames of float[F, ...]; the last one is held if F is smaller."""
    return displacements[np.arange(count).clip(max=len(displacements) - 1)]
