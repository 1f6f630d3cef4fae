"""What moves by itself in a drawn face: eyes, the inside of the mouth, glasses.

Each is drawn on a small part of the picture, enlarged so that its edges are smooth.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from emoface_lib.core.polylines import SUBPIXEL, fixed
from emoface_lib.synthetic.heads.look import Look
from emoface_lib.synthetic.heads.mesh import spline

FINER = 4  # px of the enlarged part a px of the picture
SCLERA = np.array([232.0, 228, 224])
CAVITY = np.array([44.0, 14, 16])
TONGUE = np.array([128.0, 54, 58])
TEETH = np.array([224.0, 217, 204])
METAL = (52, 46, 46)
IRIS = 0.062  # radius, face units
TEETH_EDGE = 0.046  # face units; edge of the upper teeth below the closed lips' seam
PARTED = 0.016  # face units between the inner lips from which the mouth is open
WIDE_OPEN = 0.12  # face units of opening from which tongue and lower teeth are visible

Project = Callable[[np.ndarray], np.ndarray]  # (P, 3) face units -> (P, 2) px


class Part:
    """A rectangle of a picture, enlarged to be drawn on, then put back."""

    def __init__(self, picture: np.ndarray, points: np.ndarray, margin: float) -> None:
        height, width = picture.shape[:2]
        low = np.floor(points.min(0) - margin).astype(int)
        high = np.ceil(points.max(0) + margin).astype(int) + 1
        x0, y0 = np.clip(low, 0, [width - 1, height - 1])
        x1, y1 = np.clip(high, [x0 + 1, y0 + 1], [width, height])
        self.region = picture[y0:y1, x0:x1]
        self.corner = np.array([x0, y0])
        self.canvas = cv2.resize(
            self.region, None, fx=FINER, fy=FINER, interpolation=cv2.INTER_NEAREST
        )

    def put_back(self) -> None:
        """Shrink the enlarged part into the picture."""
        height, width = self.region.shape[:2]
        method = cv2.INTER_AREA
        self.region[:] = cv2.resize(self.canvas, (width, height), interpolation=method)

    def fixed(self, points: np.ndarray) -> np.ndarray:
        """Points (P, 2) px of the picture as OpenCV's coordinates on the enlarged part.

        Returns int32 (P, 2), in 1 / 2**SUBPIXEL of its pixels.
        """
        return fixed((points - self.corner + 0.5) * FINER - 0.5)

    def fill(self, points: np.ndarray, color: np.ndarray) -> None:
        """Fill an outline (P, 2) px of the picture."""
        outline = [self.fixed(points)]
        cv2.fillPoly(self.canvas, outline, _rgb(color), cv2.LINE_AA, SUBPIXEL)

    def line(
        self, canvas: np.ndarray, points: np.ndarray, color: np.ndarray, width: float
    ) -> None:
        """Draw a curve (P, 2) px of the picture, `width` px of the picture."""
        thick = max(1, round(width * FINER))
        curve = [self.fixed(points)]
        cv2.polylines(canvas, curve, False, _rgb(color), thick, cv2.LINE_AA, SUBPIXEL)

    def disc(self, points: np.ndarray, radius: float, color: np.ndarray) -> None:
        """Fill a circle about a point (2,) px of the picture."""
        x, y = self.fixed(points[None])[0].tolist()
        size = round(radius * FINER * (1 << SUBPIXEL))
        cv2.circle(self.canvas, (x, y), size, _rgb(color), -1, cv2.LINE_AA, SUBPIXEL)

    def mask(self, points: np.ndarray) -> np.ndarray:
        """The inside of an outline (P, 2) px of the picture, on the enlarged part.

        Returns uint8 (H, W), 0 or 255.
        """
        mask = np.zeros(self.canvas.shape[:2], np.uint8)
        cv2.fillPoly(mask, [self.fixed(points)], 255, cv2.LINE_8, SUBPIXEL)
        return mask

    def shade(self, line: np.ndarray, width: float, depth: float) -> None:
        """Darken the enlarged part softly along a curve, in place.

        line : (P, 2) px of the picture; width : px of the picture; depth : 0..1, share
        of the light that is lost in the curve's middle.
        """
        shadow = np.zeros(self.canvas.shape[:2], np.uint8)
        self.line(shadow, line, np.full(3, 255.0 * depth), width)
        shadow = cv2.blur(shadow, (2 * round(0.4 * width * FINER) + 1,) * 2)
        keep = cv2.merge([255 - shadow] * 3)
        cv2.multiply(self.canvas, keep, self.canvas, 1 / 255)


@dataclass(frozen=True)
class Features:
    """Draws into a picture, in place, what moves by itself.

    picture : uint8 (H, W, 3) RGB; project : takes face units to px of it; unit : px a
    face unit. Landmarks are (68, 3) face units.
    """

    picture: np.ndarray
    look: Look
    project: Project
    unit: float

    def eye(self, eye: np.ndarray, gaze: np.ndarray) -> None:
        """An eye with its lids' edges.

        eye : (6, 3) face units, from the corner that is left in the picture over the
        upper lid; gaze : (2,) in -1..1, right and down.
        """
        upper, lower = spline(eye[:4]), spline(eye[[3, 4, 5, 0]])
        edge, unit = self.project(np.concatenate([upper, lower])), self.unit
        above, below = edge[: len(upper)], edge[len(upper) :]
        part = Part(self.picture, edge, 0.06 * unit)
        skin, inside = part.canvas.copy(), part.mask(edge)
        part.canvas[:] = _rgb(SCLERA)
        self._iris(part, eye, gaze)
        part.shade(below, 0.03 * unit, 0.25)
        part.shade(above, 0.055 * unit, 0.55)
        cv2.copyTo(skin, 255 - inside, part.canvas)
        tone = np.array(self.look.skin)
        part.line(part.canvas, below, tone * 0.50, 0.013 * unit)
        lash = np.array([30.0, 22, 20]) * (1 - 0.3 * self.look.feminine)
        thick = (0.020 + 0.014 * self.look.feminine) * unit
        part.line(part.canvas, above, lash, thick)
        outer = 0 if eye[0, 0] < 0 else -1  # there the lashes go on beyond the corner
        inward = above[1] if outer == 0 else above[-2]
        wing = np.stack([above[outer], 2.2 * above[outer] - 1.2 * inward])
        part.line(part.canvas, wing, lash, 0.7 * thick)
        part.put_back()

    def _iris(self, part: Part, eye: np.ndarray, gaze: np.ndarray) -> None:
        """Iris, pupil and the light's reflection; the corner by the nose."""
        corners = (eye[0] + eye[3]) / 2
        looking = np.array([0.05 * gaze[0], 0.03 * gaze[1] - 0.004, 0])
        centre = 0.4 * eye.mean(0) + 0.6 * corners + looking
        nose = eye[3] if corners[0] < 0 else eye[0]
        middle, inner = self.project(np.stack([centre, nose]))
        radius, tint = IRIS * self.unit, np.array(self.look.eye)
        part.disc(inner, 0.018 * self.unit, np.array([196.0, 132, 122]))
        part.disc(middle, radius, tint * 0.42)
        part.disc(middle, 0.86 * radius, tint)
        part.disc(middle + np.array([0, 0.3 * radius]), 0.5 * radius, tint * 1.25)
        part.disc(middle, 0.46 * radius, np.array([12.0, 10, 10]))
        side = np.sign(self.look.light[0]) or 1.0
        shine = middle + np.array([0.32 * side, -0.36]) * radius
        part.disc(shine, 0.2 * radius, np.array([250.0, 250, 250]))

    def mouth(self, landmarks: np.ndarray, neutral: np.ndarray) -> None:
        """The seam of closed lips, or teeth, tongue and cavity.

        landmarks, neutral : (68, 3) face units, of the frame and of the person at rest.
        """
        inner, unit = landmarks[60:68], self.unit
        top, bottom = spline(inner[:5]), spline(inner[[0, 7, 6, 5, 4]])
        upper, lower = self.project(top), self.project(bottom)
        outline = np.concatenate([upper, lower[::-1]])
        part = Part(self.picture, outline, 0.06 * unit)
        gap = float((inner[[7, 6, 5], 1] - inner[[1, 2, 3], 1]).max())
        lip = np.array(self.look.lip)
        if gap < PARTED:
            part.line(part.canvas, (upper + lower) / 2, lip * 0.36, 0.014 * unit)
            part.put_back()
            return
        lips, inside = part.canvas.copy(), part.mask(outline)
        part.canvas[:] = _rgb(CAVITY)
        if gap > WIDE_OPEN:
            self._floor_of_mouth(part, inner)
        self._upper_teeth(part, neutral)
        part.shade(upper, 0.05 * unit, 0.45)
        cv2.copyTo(lips, 255 - inside, part.canvas)
        closed = np.concatenate([outline, outline[:1]])
        part.line(part.canvas, closed, lip * 0.52, 0.010 * unit)
        part.put_back()

    def _upper_teeth(self, part: Part, neutral: np.ndarray) -> None:
        """The upper row, fixed to the skull behind the lips."""
        seam = neutral[60:65].mean(0)
        x = np.linspace(-0.23, 0.23, 13)
        z = neutral[62, 2] + 0.05 + 1.6 * x**2
        edge = seam[1] + TEETH_EDGE * (1 - 4.5 * x**2)
        x_seen = x + seam[0]
        top, bottom = np.c_[x_seen, 0 * x + seam[1] - 0.16, z], np.c_[x_seen, edge, z]
        pixels = self.project(np.concatenate([top, bottom[::-1]]))
        part.fill(pixels, TEETH)
        above, below = pixels[: len(x)], pixels[len(x) :][::-1]
        for i in range(2, len(x) - 2, 2):
            gap = np.stack([above[i], below[i]])
            part.line(part.canvas, gap, TEETH * 0.80, 0.25 / FINER)

    def _floor_of_mouth(self, part: Part, inner: np.ndarray) -> None:
        """Tongue and the lower row of teeth, which go with the jaw."""
        x = np.linspace(-1, 1, 13)
        centre, low, depth = inner[6] + np.array([0, 0, 0.08])
        across = centre + 0.4 * (inner[4, 0] - inner[0, 0]) * x
        floor = np.c_[across, np.full(13, low + 0.05), np.full(13, depth)]
        for color, rise in ((TONGUE, 0.05), (TEETH * 0.8, -0.02)):
            edge = floor - np.array([0, 1, 0]) * (rise + 0.075 * (1 - x**2))[:, None]
            outline = self.project(np.concatenate([edge, floor[::-1]]))
            part.fill(outline, color)

    def glasses(self, landmarks: np.ndarray) -> None:
        """Glasses with a frame of thin metal; landmarks : (68, 3) face units."""
        angle = np.linspace(0, 2 * np.pi, 25)
        rim = np.c_[0.235 * np.cos(angle), 0.185 * np.sin(angle), 0 * angle]
        thick = max(1, round(0.022 * self.unit))
        lines = []
        for eye, temple, side in ((slice(36, 42), 0, -1), (slice(42, 48), 16, 1)):
            centre = landmarks[eye].mean(0) + np.array([0.01 * side, 0.03, -0.1])
            hinge = centre + np.array([0.225 * side, -0.05, 0])
            ear = landmarks[temple] + np.array([0.03 * side, -0.12, 0])
            lines += [rim + centre, np.stack([hinge, ear])]
        bridge = np.array([[-0.11, 0, 0.02], [0, -0.02, 0], [0.11, 0, 0.02]])
        for line in [*lines, (landmarks[27] + [0, 0.02, -0.05]) + bridge]:
            points, drawn = [fixed(self.project(line))], (thick, cv2.LINE_AA, SUBPIXEL)
            cv2.polylines(self.picture, points, False, METAL, *drawn)


def _rgb(color: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = (float(c) for c in np.clip(color, 0, 255))
    return red, green, blue
