"""Photographs: any picture file, and the face in it that is to be animated."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoface_lib.animation.faces import Face, find_faces
from emoface_lib.animation.photo import Photo, read_photo
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import EYES, eye_distance, mean_face, scale_points
from emoface_lib.features.align import align, to_canonical
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.lift import first_guess

LONGEST_SIDE = 1920  # px; larger photographs are reduced, as video players expect
LARGEST_YAW = 35.0  # degrees; beyond it half of the mouth is hidden
SMALL_FACE = 40.0  # px between the outer eye corners; below it detail is missing
COVERED = 0.02  # spread of readings; of 44 covered mouths a half is above, no open one
# Head and shoulders: from the middle of the eyes, in eye distances.
ACROSS, ABOVE, BELOW = 2.6, 2.2, 3.6


@dataclass(frozen=True)
class Portrait:
    """A photograph and the face in it.

    picture : uint8 (H, W, 3) RGB; landmarks : float32 (68, 3) px, z away from the
    viewer; pose : yaw, pitch and roll in degrees; notes : what the user should know;
    alpha : uint8 (H, W), opacity of the picture, None if all is opaque.
    """

    picture: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    notes: tuple[str, ...]
    alpha: np.ndarray | None = None


def read_portrait(
    path: Path | str,
    detector: DlibDetector | None = None,
    longest_side: int = LONGEST_SIDE,
    face: str = "1",
    crop: bool = False,
) -> Portrait:
    """Read a photograph and find its face from the front, upright or tilted.

    face : which one of several, by its number, from the largest on, or by a place
    "X,Y" in it, px; crop : to head and shoulders, as is done with a small face in a
    large picture. Raises InputError if the file is no photograph, shows no face from
    the front, not the wanted one, or one whose mouth is covered.
    """
    photo = read_photo(path)
    found = find_faces(detector or DlibDetector(), photo.picture)
    if not found:
        raise InputError(
            f"No frontal face was found in {path}: give a photograph of a face that "
            "looks at the camera, not in profile, and is at least 40 px wide."
        )
    chosen = choose_face(found, face, path)
    notes = [*photo.notes, *_face_notes(path, found, chosen)]
    if chosen.spread > COVERED:
        raise InputError(
            f"The mouth of the face in {path} can't be read: it is covered, or too "
            "little of the face is seen; give a photograph that shows it freely."
        )
    photo, points = _framed(path, photo, chosen.points, longest_side, crop, notes)
    landmarks = first_guess(points[None])[0].astype(np.float32)
    pose = face_pose(landmarks)
    if abs(pose[0]) > LARGEST_YAW:
        raise InputError(
            f"The face in {path} is turned by {abs(pose[0]):.0f} degrees: give a "
            f"photograph from the front, turned by at most {LARGEST_YAW:.0f}."
        )
    size = float(eye_distance(points))
    if size < SMALL_FACE:
        notes.append(
            f"The face in {path} is small ({size:.0f} px between the outer eye "
            "corners): a larger photograph looks better."
        )
    return Portrait(photo.picture, landmarks, pose, tuple(notes), photo.alpha)


def face_pose(landmarks: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll in degrees of a face (68, 3), by the mean face."""
    _, pose = align(landmarks[None].astype(float), to_canonical(mean_face()))
    return pose.degrees()[0]


def choose_face(found: list[Face], wanted: str, path: Path | str) -> Face:
    """The face of a number from 1, or at a place "X,Y" px; see `read_portrait`.

    Raises InputError if it isn't there.
    """
    try:
        numbers = [float(part) for part in wanted.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 1 and numbers[0] in range(1, len(found) + 1):
        return found[int(numbers[0]) - 1]
    if len(numbers) == 2:
        for face in found:
            if face.holds(np.array(numbers)):
                return face
    raise InputError(
        f"There is no face {wanted!r} in {path}: give a number or a place of "
        f"{_listed(found)}."
    )


def _listed(found: list[Face]) -> str:
    places = [np.round(face.middle).astype(int).tolist() for face in found]
    return ", ".join(f"{n} at {x},{y}" for n, (x, y) in enumerate(places, 1))


def _face_notes(path: Path | str, found: list[Face], chosen: Face) -> list[str]:
    notes = []
    if len(found) > 1:
        notes.append(
            f"{path} shows {len(found)} faces: {_listed(found)}; "
            f"{found.index(chosen) + 1} is animated, --face takes another."
        )
    if not chosen.steady:
        notes.append(
            f"The mouth of the face in {path} is hard to read, as if something covered "
            "it: look whether its lips are where they should be."
        )
    return notes


def _framed(
    path: Path | str,
    photo: Photo,
    points: np.ndarray,
    longest_side: int,
    crop: bool,
    notes: list[str],
) -> tuple[Photo, np.ndarray]:
    """The picture, cut and reduced as it is animated, and its points (68, 2) px."""
    longest = max(photo.picture.shape)
    unit = float(eye_distance(points))
    if crop or (longest > longest_side and unit * longest_side / longest < SMALL_FACE):
        if not crop:
            notes.append(f"{path} was cropped to the face, which is small in it.")
        x, y = points[EYES].mean(0)
        left, top = max(0, int(x - ACROSS * unit)), max(0, int(y - ABOVE * unit))
        photo = photo.cut(left, top, int(x + ACROSS * unit), int(y + BELOW * unit))
        points = points - [left, top]
    longest = max(photo.picture.shape)
    if longest > longest_side:
        notes.append(f"{path} was reduced to {longest_side} px on its longer side.")
        photo = photo.reduced(longest_side / longest)
        points = scale_points(points, longest_side / longest)
    return photo, points
