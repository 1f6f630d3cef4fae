"""Draw a person's head while it speaks: static parts once, the rest frame by frame."""

import cv2
import numpy as np

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.landmarks import LEFT_EYE, RIGHT_EYE
from emoface_lib.synthetic.heads import backdrop
from emoface_lib.synthetic.heads.features import Features
from emoface_lib.synthetic.heads.mesh import head_mesh, inverse_map
from emoface_lib.synthetic.heads.shape import (
    CONTROLS,
    SIZE,
    Controls,
    Identity,
    project,
    stack_controls,
)
from emoface_lib.synthetic.heads.sheet import Sheet
from emoface_lib.synthetic.heads.texture import TURN, head_texture

DENSITY = 90.0 / SIZE  # px of the texture a face unit, a px of the picture's side
RIM = 7.0  # px of the texture from one pixel to the next, at the rim of a fold
BODY_SHARE = 0.3  # share of the head's rotation that the shoulders follow
_POSE = np.isin(CONTROLS, ["yaw", "pitch", "roll"])
_FOLDED = [CONTROLS.index(name) for name in EXPRESSIONS if name in CONTROLS]
_YAW = CONTROLS.index("yaw")
_GAZE = [CONTROLS.index("gaze_x"), CONTROLS.index("gaze_y")]


class FaceDrawer:
    """Draws one identity in pictures of `size` px; see `draw`."""

    def __init__(self, identity: Identity, size: int = SIZE) -> None:
        self.identity, self.size = identity, size
        self.unit = identity.scale * size / SIZE  # px a face unit
        look = identity.look
        self.head = head_texture(look, DENSITY * size)
        self.body = backdrop.body(look, self.unit)
        self.back_hair = backdrop.back_hair(look, self.unit)
        picture = backdrop.background(look, size)
        self.background = np.clip(picture, 0, 255).astype(np.uint8)

    def draw(self, landmarks: np.ndarray, controls: Controls) -> np.ndarray:
        """One frame, RGB uint8 (size, size, 3).

        landmarks : (68, 3) face units, from `pose_face`; controls : of this frame, as
        {name: value} or (C,). Taught in notebook 01.
        """
        c = np.atleast_2d(stack_controls(controls))[0].astype(float)
        picture = self.background.copy()
        if self.back_hair is not None:
            picture = self._plane(picture, *self.back_hair, backdrop.BACK_HAIR_DEPTH, c)
        body_pose = np.where(_POSE, BODY_SHARE * c, c)
        picture = self._plane(picture, *self.body, backdrop.BODY_DEPTH, body_pose)
        picture = _over(picture, self._head(landmarks, c))
        look = self.identity.look
        seen = Features(picture, look, lambda p: self._pixels(p, c)[:, :2], self.unit)
        for eye in (RIGHT_EYE, LEFT_EYE):
            seen.eye(landmarks[eye], c[_GAZE])
        seen.mouth(landmarks, self.identity.neutral)
        if look.glasses:
            seen.glasses(landmarks)
        return picture

    def _pixels(self, points: np.ndarray, c: np.ndarray) -> np.ndarray:
        return project(self.identity, points[None], c[None], self.size)[0]

    def _plane(
        self,
        picture: np.ndarray,
        sheet: Sheet,
        layer: np.ndarray,
        depth: float,
        c: np.ndarray,
    ) -> np.ndarray:
        """Lay a flat layer at some depth over the picture."""
        left, top, right, bottom = sheet.extent
        corners = np.array([[left, top], [right, top], [left, bottom]])
        seen = self._pixels(np.c_[corners, np.full(3, depth)], c)[:, :2]
        both = (sheet.pixels(corners), seen)
        warp = cv2.getAffineTransform(*(x.astype(np.float32) for x in both))
        return _over(picture, cv2.warpAffine(layer, warp, (self.size, self.size)))

    def _head(self, landmarks: np.ndarray, c: np.ndarray) -> np.ndarray:
        """The head's texture laid over the displaced mesh, uint8 (size, size, 4)."""
        mesh = head_mesh()
        seen = self._pixels(mesh.vertices(landmarks), c)[mesh.triangles]
        places = self.head.sheet.pixels(mesh.texture)[mesh.triangles]
        where = inverse_map(seen[..., :2], seen[..., 2].mean(1), places, self.size)
        layer = cv2.remap(self._texture(c), where[0], where[1], cv2.INTER_LINEAR)
        return _smooth_rims(layer, where)

    def _texture(self, c: np.ndarray) -> np.ndarray:
        """The head's texture under the light of this yaw, with this face's creases."""
        share = float(np.clip(0.5 + c[_YAW] / (2 * TURN), 0, 1))
        right, left = self.head.turned
        texture = cv2.addWeighted(right, 1 - share, left, share, 0)
        weights = c[_FOLDED]
        if weights.max() < 0.05:
            return texture
        folds = sum(
            fold * np.float32(weight)
            for fold, weight in zip(self.head.folds, weights, strict=True)
            if weight >= 0.05
        )
        keep = (255 - np.clip(folds, 0, 230)).astype(np.uint8)
        shade = cv2.merge([keep, keep, keep, np.full_like(keep, 255)])
        return cv2.multiply(texture, shade, scale=1 / 255)


def _smooth_rims(layer: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Smooth the rims where the head hides a part of itself or what is behind it."""
    rim = np.zeros(where.shape[1:], np.uint8)
    down = (np.abs(where[:, 1:] - where[:, :-1]) > RIM).any(0)
    across = (np.abs(where[:, :, 1:] - where[:, :, :-1]) > RIM).any(0)
    for part in (rim[1:], rim[:-1]):
        part |= down
    for part in (rim[:, 1:], rim[:, :-1]):
        part |= across
    return cv2.copyTo(cv2.GaussianBlur(layer, (3, 3), 0), rim, layer)


def _over(picture: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """Lay a layer whose RGB is multiplied by its alpha over a picture."""
    alpha = cv2.extractChannel(layer, 3)
    rest = cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2RGB)
    behind = cv2.multiply(picture, rest, scale=1 / 255)
    return cv2.add(behind, cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB))
