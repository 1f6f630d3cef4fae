"""Where in a photograph networks render: a square, framed as the corpus' pictures."""

from dataclasses import dataclass

import cv2
import numpy as np

from emoface_lib.core.landmarks import eye_distance, scale_points
from emoface_lib.translation.warp.fields import smoothstep

# The corpus' pictures: their side in eye distances, and the mean landmark's place.
SIDE, MIDDLE = 3.33, (0.495, 0.58)
FRAMED = 4.0  # a square picture of at most so many eye distances is taken as it is
FEATHER = 0.08  # share of the side over which rendering fades into the photograph


@dataclass(frozen=True)
class Square:
    """A square of a picture, which may reach beyond it: left, top and side in px."""

    left: int
    top: int
    side: int

    @classmethod
    def around(cls, landmarks: np.ndarray, shape: tuple[int, ...]) -> "Square":
        """Around a face (68, 2) px in a picture of a shape (H, W, 3)."""
        unit = float(eye_distance(landmarks))
        if shape[0] == shape[1] <= FRAMED * unit:
            return cls(0, 0, shape[0])
        side = SIDE * unit
        left, top = np.round(landmarks.mean(0) - side * np.array(MIDDLE)).astype(int)
        return cls(int(left), int(top), round(side))

    def cut(self, picture: np.ndarray, size: int) -> np.ndarray:
        """The square, scaled; beyond the picture its edge is repeated.

        picture : uint8 (H, W, 3); size : px. Returns uint8[size, size, 3].
        """
        place, own = self._places(picture.shape)
        top, left = (part.start for part in own)
        bottom, right = (self.side - part.stop for part in own)
        beyond, edge = (top, bottom, left, right), cv2.BORDER_REPLICATE
        return scaled(cv2.copyMakeBorder(picture[place], *beyond, edge), size)

    def points(self, points: np.ndarray, size: int) -> np.ndarray:
        """Points (..., 2) px of the picture, in px of the square cut to `size` px."""
        return scale_points(points - (self.left, self.top), size / self.side)

    def lay(self, picture: np.ndarray, colour: np.ndarray, share: np.ndarray) -> None:
        """Blend a colour over the square of a picture, in place.

        picture : uint8 (H, W, 3); colour : float[side, side, 3], 0..255; share :
        float[side, side, 1], opacity in 0..1.
        """
        place, own = self._places(picture.shape)
        below = picture[place].astype(np.float32)
        below += share[own] * (colour[own] - below)
        picture[place] = np.round(below.clip(0, 255))

    def fade(self, shape: tuple[int, ...]) -> np.ndarray:
        """Opacity that fades at the square's edges: float32[side, side, 1] in 0..1.

        shape : (H, W, 3) of the picture; where the square is the whole picture, all 1.
        """
        if self == Square(0, 0, shape[0]) and shape[0] == shape[1]:
            return np.ones((self.side, self.side, 1), np.float32)
        edge = np.minimum(np.arange(self.side), np.arange(self.side)[::-1])
        rise = smoothstep((edge + 0.5) / (FEATHER * self.side)).astype(np.float32)
        return (rise[:, None] * rise)[..., None]

    def _places(
        self, shape: tuple[int, ...]
    ) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Rows and columns inside the picture, counted in it and in the square."""
        inside, own = [], []
        for start, length in ((self.top, shape[0]), (self.left, shape[1])):
            low, high = max(0, start), min(length, start + self.side)
            inside.append(slice(low, high))
            own.append(slice(low - start, high - start))
        return (inside[0], inside[1]), (own[0], own[1])


def scaled(picture: np.ndarray, size: int) -> np.ndarray:
    """A square picture in another size, by area averaging or bicubic interpolation.

    picture : uint8 or float (S, S, C); returns the same type, (size, size, C).
    """
    if len(picture) == size:
        return picture
    method = cv2.INTER_AREA if size < len(picture) else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (size, size), interpolation=method))
