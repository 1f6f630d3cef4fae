"""A sheet to draw on in texture space: soft areas and strokes as masks."""

from collections.abc import Iterable

import cv2
import numpy as np

from emoface_lib.core.polylines import SUBPIXEL, fixed
from emoface_lib.synthetic.heads.mesh import EXTENT

Extent = tuple[float, float, float, float]


class Sheet:
    """A plane at `density` px a face unit; masks are float32 (H, W), 0 to 1.

    extent : left, top, right, bottom in face units; by default texture space.
    """

    def __init__(self, density: float, extent: Extent = EXTENT) -> None:
        left, top, right, bottom = extent
        self.density, self.extent = density, extent
        self.shape = (round((bottom - top) * density), round((right - left) * density))
        columns = left + (np.arange(self.shape[1]) + 0.5) / density
        rows = top + (np.arange(self.shape[0]) + 0.5) / density
        self.x, self.y = np.meshgrid(columns, rows)

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Face units (P, 2) to px of the sheet; pixel centres are whole numbers."""
        return (points - np.array(self.extent[:2])) * self.density - 0.5

    def area(self, outline: np.ndarray, blur: float = 0.0) -> np.ndarray:
        """The inside of a closed outline (P, 2), its edge blurred (face units)."""
        mask = np.zeros(self.shape, np.uint8)
        points = fixed(self.pixels(outline))
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, SUBPIXEL)
        return self._soft(mask, blur)

    def stroke(self, line: np.ndarray, width: float, blur: float = 0.0) -> np.ndarray:
        """A line (P, 2) of a width in face units."""
        return self.strokes([line], width, blur)

    def strokes(
        self, lines: Iterable[np.ndarray | tuple], width: float, blur: float = 0.0
    ) -> np.ndarray:
        """Lines of one width as a mask; thinner than a pixel, they are paler.

        lines : (P, 2) each; width, blur : all in face units. Returns float32 (H, W) in
        0..1.
        """
        mask = np.zeros(self.shape, np.uint8)
        pixels = width * self.density
        points = [fixed(self.pixels(np.asarray(line))) for line in lines]
        thickness = max(1, round(pixels))
        cv2.polylines(mask, points, False, 255, thickness, cv2.LINE_AA, SUBPIXEL)
        return self._soft(mask, blur) * min(1.0, pixels)

    def ellipse(
        self,
        centre: np.ndarray,
        radii: tuple[float, float],
        angle: float,
        blur: float = 0.0,
    ) -> np.ndarray:
        """The inside of an ellipse that is turned clockwise by `angle` degrees.

        centre : (2,); radii, blur : all in face units. Returns float32 (H, W) in 0..1.
        """
        turn, a = np.linspace(0, 2 * np.pi, 24, endpoint=False), np.deg2rad(angle)
        x, y = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
        around = np.c_[x * np.cos(a) - y * np.sin(a), x * np.sin(a) + y * np.cos(a)]
        return self.area(centre + around, blur)

    @staticmethod
    def mix(picture: np.ndarray, color: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Lay a colour over a picture where the mask is 1.

        picture : float (H, W, 3), 0..255; color : the same, or (3,); mask : float
        (H, W) in 0..1. Returns float (H, W, 3).
        """
        return picture + (color - picture) * mask[..., None]

    def _soft(self, mask: np.ndarray, blur: float) -> np.ndarray:
        soft = mask.astype(np.float32) / 255
        sigma = blur * self.density
        return cv2.GaussianBlur(soft, (0, 0), sigma) if sigma > 0.3 else soft
