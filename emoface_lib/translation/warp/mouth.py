"""The inside of a photograph's mouth: its own teeth, or teeth drawn in its light."""

from dataclasses import dataclass

import cv2
import numpy as np

from emoface_lib.core.landmarks import (
    CHIN,
    INNER_LIPS,
    LEFT_MOUTH_CORNER,
    LIPS,
    LOWER_LIP_INNER,
    OUTER_LIPS,
    RIGHT_MOUTH_CORNER,
    UPPER_LIP_INNER,
    eye_distance,
    lip_opening,
)
from emoface_lib.translation.warp.fields import smoothstep
from emoface_lib.translation.warp.lips import LOWER_CURVE, UPPER_CURVE, lip_curve
from emoface_lib.translation.warp.raster import blend, box_around, polygon_mask
from emoface_lib.translation.warp.teeth import (
    darkest_row,
    light_on_teeth,
    redder,
    row_of_teeth,
    tell_teeth,
)

# Lengths in eye distances (about 95 mm).
SHOWS_INSIDE = 0.04  # a photographed mouth open by more shows its own teeth
WIDE_OPEN = 0.2  # and by more than this, upper and lower teeth apart
MARGIN = 0.015  # around the photographed opening, where landmarks may err
NEAR = 2  # margins around it in which teeth are searched, by their brightness
STRIP = 0.04  # above the lower lip, where the landmarks may take lip for teeth
LINE = 0.012  # thickness of the line between lips that were apart in the photograph
UPPER_EDGE = 0.02  # edge of the upper incisors, below the line of the closed lips
LOWER_EDGE = -0.012  # edge of the lower incisors, above that line
TONGUE_EDGE = -0.045
TOUCHING = 0.2  # px between lips that count as closed
LINE_SHARE = 0.6  # how dark that line is
# Light beside the lips; photographed teeth have their shadows already.
PHOTO_EDGE, DRAWN_EDGE = 0.85, 0.45
SHADE = 0.04  # depth of the lips' shadow
FADE = (0.008, 0.035)  # opening at which teeth begin to show, and show whole
# Widths of teeth from the middle outwards, in half mouth widths, foreshortened.
UPPER_TEETH = (0.34, 0.24, 0.20, 0.14, 0.10)
LOWER_TEETH = (0.22, 0.22, 0.20, 0.16, 0.12)
TONGUE = np.array([0.62, 0.30, 0.28])
CAVITY = np.array([0.17, 0.06, 0.055])


@dataclass(frozen=True)
class Layer:
    """A part of the mouth: colour float32 (H, W, 3) and share (H, W, 1) in 0..1."""

    colour: np.ndarray
    share: np.ndarray

    def over(self, below: np.ndarray, transform: np.ndarray, show: float) -> np.ndarray:
        """Blend it, transformed by an affine matrix, over a picture.

        below : float32 (H, W, 3), 0..255; transform : (2, 3) px; show : opacity, 0..1.
        Returns float32 (H, W, 3).
        """
        size = below.shape[1::-1]
        colour = cv2.warpAffine(self.colour, transform, size, borderMode=1)
        share = show * cv2.warpAffine(self.share, transform, size)[..., None]
        return below + share * (colour - below)


class MouthInterior:
    """Draws what shows between the lips.

    picture : uint8 (H, W, 3) RGB; landmarks : (68, 2) px, as photographed; closed :
    with closed lips. `skin` is the picture without the teeth that it shows.
    """

    def __init__(
        self, picture: np.ndarray, landmarks: np.ndarray, closed: np.ndarray
    ) -> None:
        self.closed, self.unit = closed, float(eye_distance(landmarks))
        self.opening = float(lip_opening(landmarks)) / self.unit
        self.shows_inside = self.opening > SHOWS_INSIDE
        self.light = light_on_teeth(picture, landmarks)
        self.box = box_around(landmarks[LIPS], 0.3 * self.unit, picture.shape)
        rows, columns = self.box
        self.corner = np.array([columns.start, rows.start])
        part = picture[self.box]
        self.picture = self.skin = picture
        self.upper, self.lower = self._drawn_layers(part.shape)
        if self.shows_inside:
            self._use_photographed_teeth(part, landmarks)
        self.cavity = (CAVITY * self.light).astype(np.float32)

    def draw(
        self,
        area: np.ndarray,
        target: np.ndarray,
        motion: np.ndarray,
        corner: np.ndarray,
    ) -> None:
        """Draw the opening between the lips into a part of the frame, in place.

        area : uint8 (h, w, 3), whose first pixel is `corner` (x, y) of the frame;
        target : (68, 2) px before the head's motion, an affine transform (2, 3).
        """
        upper, lower = (lip_curve(target, c) for c in (UPPER_CURVE, LOWER_CURVE))
        opening = np.linalg.norm(lower - upper, axis=1)
        if self.shows_inside:
            upper, lower = _thicken(upper, lower, LINE * self.unit - opening)
        edge = np.vstack([upper, lower[::-1]]) @ motion[:, :2].T + motion[:, 2] - corner
        if np.linalg.norm(lower - upper, axis=1).max() < TOUCHING:
            return
        rows, columns = box_around(edge, 2, area.shape)
        start = np.array([columns.start, rows.start])
        mask = polygon_mask(edge - start, area[rows, columns].shape)
        if mask.any():
            show = self._show(target)
            inside = self._inside(mask, show, target, motion, corner + start)
            mask = cv2.convertScaleAbs(mask, None, show + (1 - show) * LINE_SHARE)
            blend(area[rows, columns], inside, mask)

    def _show(self, target: np.ndarray) -> float:
        """How much of the teeth shows, 0..1."""
        opening = float(lip_opening(target)) / self.unit
        return float(smoothstep(np.array((opening - FADE[0]) / (FADE[1] - FADE[0]))))

    def _inside(
        self,
        mask: np.ndarray,
        show: float,
        target: np.ndarray,
        motion: np.ndarray,
        start: np.ndarray,
    ) -> np.ndarray:
        inside = np.empty((*mask.shape, 3), np.float32)
        inside[:] = self.cavity
        jaw = (target - self.closed)[[CHIN, LOWER_LIP_INNER]].mean(0)
        for layer, shift in ((self.lower, jaw), (self.upper, 0 * jaw)):
            offset = motion[:, :2] @ (self.corner + shift) + motion[:, 2] - start
            transform = np.column_stack([motion[:, :2], offset])
            inside = layer.over(inside, transform, show)
        depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
        edge = PHOTO_EDGE if self.shows_inside else DRAWN_EDGE
        lit = edge + (1 - edge) * smoothstep(depth / (SHADE * self.unit))
        return (inside * lit[..., None]).clip(0, 255).astype(np.uint8)

    def _drawn_layers(self, shape: tuple[int, ...]) -> tuple[Layer, Layer]:
        """Teeth and tongue in the place that they have while the mouth is closed."""
        x, y = self._mouth_axes(shape)
        pixel = 1 / self.unit
        upper, shown = row_of_teeth(x, UPPER_EDGE - y, UPPER_TEETH, pixel)
        lower, shown_low = row_of_teeth(x, y - LOWER_EDGE, LOWER_TEETH, pixel)
        tongue = smoothstep((y - TONGUE_EDGE - 0.06 * x**2) / 0.04)
        tongue = (tongue * smoothstep((0.95 - np.abs(x)) / 0.3))[..., None]
        colour = self.light * (0.75 * lower * shown_low + TONGUE * (1 - shown_low))
        return (
            _layer(self.light * upper, shown),
            _layer(colour, np.maximum(0.8 * tongue, shown_low)),
        )

    def _mouth_axes(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Across in half mouth widths, down in eye distances, for each pixel."""
        right, left = self.closed[[RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER]]
        along = (left - right) / np.linalg.norm(left - right)
        lips = self.closed[[UPPER_LIP_INNER, LOWER_LIP_INNER]].mean(0)
        y, x = np.mgrid[: shape[0], : shape[1]]
        points = np.stack([x, y], -1) + self.corner - lips
        half = float(np.linalg.norm(left - right)) / 2
        across = points @ along / half
        return across, points @ np.array([-along[1], along[0]]) / self.unit

    def _use_photographed_teeth(self, part: np.ndarray, landmarks: np.ndarray) -> None:
        """Make layers of the teeth that the photograph shows, take them off `skin`."""
        points = landmarks - self.corner
        opening = polygon_mask(points[INNER_LIPS], part.shape)
        lips = polygon_mask(points[OUTER_LIPS], part.shape) > 127
        kernel = _ellipse(MARGIN * self.unit)
        wide = cv2.dilate(opening, kernel)
        lips &= wide == 0
        teeth = tell_teeth(part, lips, wide > 0)
        near = cv2.dilate(wide, kernel, iterations=NEAR) > 0
        missed = cv2.dilate(np.where(lips & near & teeth, 255, 0).astype("u1"), kernel)
        fill = np.maximum(wide, missed)
        self.skin = self.picture.copy()
        self.skin[self.box] = cv2.inpaint(
            part, fill, 0.03 * self.unit, cv2.INPAINT_TELEA
        )
        if self.opening > WIDE_OPEN:
            self._split_layers(part, opening, landmarks)
        else:
            depth = round(STRIP * self.unit) + 1
            below = np.zeros_like(opening)
            below[:-depth] = opening[depth:]  # what is this far below
            lip = redder(part, lips, opening > 0) & (below == 0)
            self.upper = _layer(part, self._soft(np.where(lip, 0, opening)))

    def _split_layers(
        self, part: np.ndarray, opening: np.ndarray, landmarks: np.ndarray
    ) -> None:
        """Give what is above the darkest row to the head, what is below to the jaw."""
        row = darkest_row(part, opening, landmarks - self.corner)
        upper, lower = opening.copy(), opening.copy()
        upper[row:], lower[:row] = 0, 0
        self.upper = _layer(part, self._soft(upper))
        shift = (self.closed - landmarks)[[CHIN, LOWER_LIP_INNER]].mean(0)
        move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        size = part.shape[1::-1]
        self.lower = _layer(
            cv2.warpAffine(part, move, size),
            cv2.warpAffine(self._soft(lower), move, size),
        )

    def _soft(self, mask: np.ndarray) -> np.ndarray:
        """Whole up to the mask's edge, then fading out; 0..1."""
        sigma = max(0.6, 0.006 * self.unit)
        blurred = cv2.GaussianBlur(mask, (0, 0), sigma).astype(np.float32)
        return np.minimum(blurred * (2 / 255), 1)


def _layer(colour: np.ndarray, share: np.ndarray) -> Layer:
    share = np.squeeze(share).astype(np.float32)
    return Layer(np.ascontiguousarray(colour, np.float32), share)


def _ellipse(radius: float) -> np.ndarray:
    size = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def _thicken(
    upper: np.ndarray, lower: np.ndarray, missing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move two lip edges apart by what is missing (P,) px, nothing at the corners."""
    along = upper[-1] - upper[0]
    down = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    taper = np.sin(np.linspace(0, np.pi, len(upper)))
    half = 0.5 * (taper * np.maximum(missing, 0))[:, None] * down
    return upper - half, lower + half
