"""The inside of a photograph's mouth: its own teeth, or teeth drawn in its light."""

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
from emoface_lib.translation.warp.lips import lip_curves
from emoface_lib.translation.warp.raster import blend, box_around, polygon_mask
from emoface_lib.translation.warp.teeth import (
    colour_of_lips,
    darkest_depth,
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
SMOOTH = 0.01  # radius of the smallest corner of photographed teeth
STRIP = 0.04  # above the lower lip, where the landmarks may take lip for teeth
LINE = 0.012  # thickness of the line between lips that were apart in the photograph
UPPER_EDGE = 0.02  # edge of the upper incisors, below the line of the closed lips
LOWER_EDGE = -0.012  # edge of the lower incisors, above that line
TOUCHING = 0.2  # px between lips that count as closed
LINE_SHARE = 0.6  # how dark that line is
# Light beside the lips; photographed teeth have their shadows already.
PHOTO_EDGE, DRAWN_EDGE = 0.85, 0.45
SHADE = 0.04  # depth of the lips' shadow
FADE = (0.008, 0.035)  # opening at which teeth begin to show, and show whole
# Widths of teeth from the middle outwards, foreshortened by the arch's bend.
UPPER_TEETH = (0.088, 0.066, 0.062, 0.048, 0.04)
LOWER_TEETH = (0.055, 0.058, 0.058, 0.048, 0.04)
GUM_HEIGHT = 0.09  # above photographed teeth, in the middle
GUM_SHADE = 0.7  # brightness of gum in the lip's shadow
TONGUE_EDGE, TONGUE_WIDTH = -0.075, 0.22
# Colours as shares of the lips' own.
GUM = np.array([0.95, 0.8, 0.8])
TONGUE = np.array([1.0, 0.82, 0.85])
CAVITY = np.array([0.25, 0.13, 0.13])


class Layer:
    """A part of the mouth: colour (H, W, 3) and share (H, W) or (H, W, 1) in 0..1."""

    def __init__(self, colour: np.ndarray, share: np.ndarray) -> None:
        self.colour = np.ascontiguousarray(colour, np.float32)
        self.share = np.squeeze(share).astype(np.float32)

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
        self.lip = colour_of_lips(picture, landmarks)
        self.box = box_around(landmarks[LIPS], 0.3 * self.unit, picture.shape)
        rows, columns = self.box
        self.corner = np.array([columns.start, rows.start])
        part = picture[self.box]
        self.picture = self.skin = picture
        self.upper, self.lower, self.tongue = self._drawn_layers(part.shape)
        if self.shows_inside:
            self._use_photographed_teeth(part, landmarks)
        self.cavity = (CAVITY * self.lip).astype(np.float32)

    def draw(
        self,
        area: np.ndarray,
        target: np.ndarray,
        motion: np.ndarray,
        corner: np.ndarray,
        tongue: float = 0.0,
    ) -> None:
        """Draw the opening between the lips into a part of the frame, in place.

        area : uint8 (h, w, 3), whose first pixel is `corner` (x, y) of the frame;
        target : (68, 2) px before the head's motion, an affine transform (2, 3);
        tongue : how far it is raised, from the jaw at 0 to the palate at 1.
        """
        upper, lower = lip_curves(target)
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
            gap = float(lip_opening(target)) / self.unit
            show = float(smoothstep(np.array((gap - FADE[0]) / (FADE[1] - FADE[0]))))
            inside = self._inside(mask, show, target, motion, corner + start, tongue)
            mask = cv2.convertScaleAbs(mask, None, show + (1 - show) * LINE_SHARE)
            blend(area[rows, columns], inside, mask)

    def _inside(
        self,
        mask: np.ndarray,
        show: float,
        target: np.ndarray,
        motion: np.ndarray,
        start: np.ndarray,
        tongue: float,
    ) -> np.ndarray:
        inside = np.empty((*mask.shape, 3), np.float32)
        inside[:] = self.cavity
        jaw = (target - self.closed)[[CHIN, LOWER_LIP_INNER]].mean(0)
        down = (self.tongue, 1 - tongue), (self.lower, 1), (self.upper, 0)
        for layer, share in down:
            offset = motion[:, :2] @ (self.corner + share * jaw) + motion[:, 2] - start
            transform = np.column_stack([motion[:, :2], offset])
            inside = layer.over(inside, transform, show)
        depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
        edge = PHOTO_EDGE if self.shows_inside else DRAWN_EDGE
        lit = edge + (1 - edge) * smoothstep(depth / (SHADE * self.unit))
        return (inside * lit[..., None]).clip(0, 255).astype(np.uint8)

    def _drawn_layers(self, shape: tuple[int, ...]) -> tuple[Layer, Layer, Layer]:
        """Teeth and tongue in the place that they have while the mouth is closed."""
        x, y = self._mouth_axes(shape)
        pixel = 1 / self.unit
        upper, shown, gum = row_of_teeth(x, UPPER_EDGE - y, UPPER_TEETH, pixel)
        lower, shown_low, _ = row_of_teeth(x, y - LOWER_EDGE, LOWER_TEETH, pixel)
        upper = self.light * upper
        upper += gum * (GUM * self.lip - upper)
        lower = 0.8 * self.light * lower
        return Layer(upper, shown), Layer(lower, shown_low), self._tongue(x, y)

    def _tongue(self, x: np.ndarray, y: np.ndarray) -> Layer:
        """A dome with a groove, dark behind."""
        across = x / TONGUE_WIDTH
        depth = (y - TONGUE_EDGE * np.sqrt((1 - across**2).clip(0))) / -TONGUE_EDGE
        round_ = np.sqrt((1 - across**2).clip(0.05))
        groove = 1 - 0.25 * np.exp(-((x / 0.02) ** 2)) * smoothstep(1.2 - depth)
        lit = (0.35 + 0.65 * smoothstep(depth)) * round_ * groove
        share = smoothstep(3 * depth) * smoothstep(4 * (1 - np.abs(across)))
        return Layer(TONGUE * self.lip * lit[..., None], share)

    def _mouth_axes(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Across and down from the middle of the closed lips, in eye distances."""
        right, left = self.closed[[RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER]]
        along = (left - right) / np.linalg.norm(left - right)
        lips = self.closed[[UPPER_LIP_INNER, LOWER_LIP_INNER]].mean(0)
        y, x = np.mgrid[: shape[0], : shape[1]]
        points = np.stack([x, y], -1) + self.corner - lips
        points /= self.unit
        return points @ along, points @ np.array([-along[1], along[0]])

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
        if self.opening > WIDE_OPEN and (opening > 127).any():
            self._split_layers(part, opening, landmarks)
        else:
            depth = round(STRIP * self.unit) + 1
            below = np.zeros_like(opening)
            below[:-depth] = opening[depth:]  # what is this far below
            lip = redder(part, lips, opening > 0) & (below == 0)
            teeth = cv2.morphologyEx(
                np.where(lip, 0, opening), cv2.MORPH_OPEN, _ellipse(SMOOTH * self.unit)
            )
            self.upper = self._below_gum(part, teeth, landmarks)

    def _split_layers(
        self, part: np.ndarray, opening: np.ndarray, landmarks: np.ndarray
    ) -> None:
        """Give what is above the darkest line to the head, what is below to the jaw."""
        down = self.unit * self._mouth_axes(part.shape)[1]
        above = down < darkest_depth(part, opening, down)
        upper, lower = np.where(above, opening, 0), np.where(above, 0, opening)
        self.upper = self._below_gum(part, upper, landmarks)
        shift = (self.closed - landmarks)[[CHIN, LOWER_LIP_INNER]].mean(0)
        move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        size = part.shape[1::-1]
        self.lower = Layer(
            cv2.warpAffine(part, move, size),
            cv2.warpAffine(self._soft(lower), move, size),
        )

    def _below_gum(
        self, part: np.ndarray, teeth: np.ndarray, landmarks: np.ndarray
    ) -> Layer:
        """Photographed teeth, with gum where the lip covered what is above them."""
        lip, _ = lip_curves(landmarks - self.corner)
        raised, _ = _thicken(lip, lip, np.full(len(lip), 2 * GUM_HEIGHT * self.unit))
        above = polygon_mask(np.vstack([lip, raised[::-1]]), part.shape)
        above = cv2.GaussianBlur(above, (0, 0), max(0.6, 0.01 * self.unit))
        soft, gum = self._soft(teeth)[..., None], GUM_SHADE * GUM * self.lip
        share = np.maximum(soft[..., 0], self._soft(above))
        return Layer(gum + soft * (part - gum), share)

    def _soft(self, mask: np.ndarray) -> np.ndarray:
        """Whole up to the mask's edge, then fading out; 0..1."""
        sigma = max(0.6, 0.006 * self.unit)
        blurred = cv2.GaussianBlur(mask, (0, 0), sigma).astype(np.float32)
        return np.minimum(blurred * (2 / 255), 1)


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
