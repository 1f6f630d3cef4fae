"""Bring faces into one pose: mean face, Kabsch, Iterative Closest Point, projection.

Taught in notebook 03, paper section 3.1.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from emoface_lib.core.landmarks import (
    CANONICAL_SIDE,
    EYE_DISTANCE,
    STABLE,
    eye_distance,
)

ITERATIONS = 50  # at most, of ICP
ROUNDS = 3  # times that all faces are turned to their mean
TOLERANCE = 1e-10  # change of a frame's mean squared distance that ends ICP, px^2


@dataclass(frozen=True)
class Pose:
    """Pose of a face: x_canonical = scale * rotation @ (x - centre) + target.

    rotation : float[F, 3, 3]; centre : float[F, 3] px of the video frame; target :
    float[3] px of the canonical frame; scale : px of the canonical frame a px of the
    video frame, one number a clip.
    """

    rotation: np.ndarray
    centre: np.ndarray
    target: np.ndarray
    scale: float

    def apply(self, landmarks: np.ndarray) -> np.ndarray:
        """From px of the video frame to the canonical frame: float[F, P, 3] both."""
        moved = landmarks - self.centre[:, None]
        return self.scale * moved @ self.rotation.swapaxes(1, 2) + self.target

    def undo(self, landmarks: np.ndarray) -> np.ndarray:
        """From the canonical frame to px of the video frame: float[F, P, 3] both."""
        turned = (landmarks - self.target) / self.scale @ self.rotation
        return turned + self.centre[:, None]

    def degrees(self) -> np.ndarray:
        """Yaw, pitch and roll of the head. Returns float[F, 3] degrees.

        Positive yaw turns the nose to the picture's right, positive pitch down, and
        positive roll the crown to the picture's right.
        """
        head = self.rotation.swapaxes(1, 2)  # canonical axes, expressed in the frame
        yaw = np.arctan2(-head[:, 0, 2], head[:, 2, 2])
        pitch = np.arcsin(np.clip(-head[:, 1, 2], -1, 1))
        roll = np.arctan2(head[:, 1, 0], head[:, 1, 1])
        return np.degrees(np.stack([yaw, pitch, roll], axis=1))


def kabsch(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotations that bring centred source points closest to centred target points.

    source : float[F, P, 3]; target : float[P, 3] or float[F, P, 3].
    Returns float[F, 3, 3]. Taught in notebook 03.
    """
    source = source - source.mean(axis=1, keepdims=True)
    target = np.broadcast_to(target, source.shape)
    target = target - target.mean(axis=1, keepdims=True)
    u, _, vt = np.linalg.svd(source.swapaxes(1, 2) @ target)
    mirrored = np.linalg.det(u @ vt) < 0
    vt[mirrored, 2] *= -1  # a rotation, not a reflection
    return (u @ vt).swapaxes(1, 2)


def icp(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotations by Iterative Closest Point: pair each point with the nearest, repeat.

    source : float[F, P, 3]; target : float[Q, 3], of equal size. Points are centred
    first. Returns float[F, 3, 3]. Taught in notebook 03, paper [25].
    """
    centred = source - source.mean(axis=1, keepdims=True)
    goal = target - target.mean(axis=0)
    tree, previous = cKDTree(goal), np.full(len(source), np.inf)
    rotation = np.tile(np.eye(3), (len(source), 1, 1))
    for _ in range(ITERATIONS):
        distance, nearest = tree.query(centred @ rotation.swapaxes(1, 2))
        rotation = kabsch(centred, goal[nearest])
        error = (distance**2).mean(axis=1)
        if (np.abs(previous - error) < TOLERANCE).all():
            break
        previous = error
    return rotation


def align(
    landmarks: np.ndarray, mean_face: np.ndarray, method: str = "kabsch"
) -> tuple[np.ndarray, Pose]:
    """Align every frame of a clip with the mean face, by the points that hardly move.

    landmarks : float[F, 68, 3] px of the frame; mean_face : float[68, 3] px of the
    canonical frame; method : "kabsch" or "icp". Returns float[F, 68, 3] px of the
    canonical frame and the pose that undoes it. One scale a clip: the head's distance
    is kept inside a clip.
    """
    source, target = landmarks[:, STABLE], mean_face[STABLE]
    spread = np.sqrt(((source - source.mean(1, keepdims=True)) ** 2).sum((1, 2)))
    size = np.sqrt(((target - target.mean(0)) ** 2).sum())
    scale = float(size / np.median(spread))
    rotate = {"kabsch": kabsch, "icp": icp}[method]
    rotation = rotate(source * scale, target)
    pose = Pose(rotation, source.mean(1), target.mean(0), scale)
    return pose.apply(landmarks), pose


def project(aligned: np.ndarray) -> np.ndarray:
    """Orthogonal projection to the image plane: drop the depth.

    aligned : float[..., 68, 3]; returns float[..., 68, 2]. Paper section 3.1.
    """
    return aligned[..., :2]


def mean_face(landmarks: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Average face in the canonical frame, by generalised Procrustes analysis.

    landmarks : float[N, 68, 3] px, any poses and sizes; start : float[68, 3], a frontal
    face to align with first. Returns float[68, 3] px, centred in the canonical frame,
    outer eye corners EYE_DISTANCE apart. Paper section 3.1.
    """
    stable = landmarks[:, STABLE]
    faces = landmarks - stable.mean(axis=1, keepdims=True)
    spread = ((stable - stable.mean(1, keepdims=True)) ** 2).sum((1, 2), keepdims=True)
    faces = faces / np.sqrt(spread)
    mean = start
    for _ in range(ROUNDS):
        rotation = kabsch(faces[:, STABLE], mean[STABLE])
        mean = (faces @ rotation.swapaxes(1, 2)).mean(axis=0)
    return to_canonical(mean)


def to_canonical(face: np.ndarray) -> np.ndarray:
    """Scale a frontal face to EYE_DISTANCE and centre it in the canonical frame.

    face : float[68, 3], any unit. Returns float[68, 3] px, mean depth 0.
    """
    face = face * (EYE_DISTANCE / eye_distance(face[:, :2]))
    middle = (face.max(axis=0) + face.min(axis=0)) / 2
    middle[2] = face[:, 2].mean()
    return face - middle + np.array([CANONICAL_SIDE / 2, CANONICAL_SIDE / 2, 0])
