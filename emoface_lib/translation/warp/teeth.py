"""Teeth: separating them from lips in a photograph, and drawing them in its light."""

import cv2
import numpy as np

from emoface_lib.core.landmarks import (
    EYES,
    INNER_LIPS,
    LEFT_EYE,
    LIPS,
    OUTER_LIPS,
    RIGHT_EYE,
)
from emoface_lib.translation.warp.fields import smoothstep
from emoface_lib.translation.warp.raster import box_around, polygon_mask

ENAMEL = np.array([1.0, 0.97, 0.91])  # colour under white light
TEETH_CONTRAST = 1.3  # teeth are at least this much brighter than lips
UNKNOWN_LIGHT = 160.0  # grey level 0..255, where no white of the eyes shows
LIGHTS = (90.0, 225.0)  # grey levels 0..255; teeth are not drawn darker or brighter
OVER_SKIN = (0.7, 2.5)  # so much brighter than skin
# Shares of red; what is inside a mouth has less green.
FLESH = np.array([1.0, 0.75, 0.75])
# In eye distances (about 95 mm):
CROWN = 0.105  # height of the middle teeth
BULGE = 0.012  # roundness of their edges
EDGES = (0.0, 0.008, 0.002, 0.01, 0.015)  # where each ends, above the first
LEAST_REDNESS = 4  # levels in 0..255 by which lips are redder than teeth


def tell_teeth(
    picture: np.ndarray, lips: np.ndarray, opening: np.ndarray
) -> np.ndarray:
    """Pixels nearer to teeth than to lips in brightness; none if teeth aren't bright.

    picture : uint8 (H, W, 3); lips, opening : bool (H, W), where either is expected.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(float)
    if not (lips.any() and opening.any()):
        return np.zeros(grey.shape, bool)
    lip, teeth = np.median(grey[lips]), np.percentile(grey[opening], 90)
    return (grey > (lip + teeth) / 2) & (teeth > TEETH_CONTRAST * lip)


def redder(picture: np.ndarray, lips: np.ndarray, teeth: np.ndarray) -> np.ndarray:
    """Pixels nearer to lips than to teeth in redness; none if both are alike.

    picture : uint8 (H, W, 3); lips, teeth : bool (H, W), where either is expected.
    """
    red = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)[..., 1].astype(float)
    if not (lips.any() and teeth.any()):
        return np.zeros(red.shape, bool)
    lip, tooth = np.median(red[lips]), np.median(red[teeth])
    return (red > (lip + tooth) / 2) & (lip > tooth + LEAST_REDNESS)


def darkest_depth(part: np.ndarray, shown: np.ndarray, down: np.ndarray) -> float:
    """Depth between upper and lower teeth, in the middle half of the opening, px.

    part : uint8 (H, W, 3) RGB; shown : uint8 (H, W), above 127 inside the opening;
    down : float (H, W) px, depth across the mouth, which may be tilted.
    """
    inside = shown > 127
    depth = np.round(down[inside]).astype(int)
    first = depth.min()
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)[inside]
    counts = np.bincount(depth - first)
    sums = np.bincount(depth - first, grey)
    profile = np.where(counts, sums / np.maximum(counts, 1), np.inf)
    quarter = len(counts) // 4
    middle = profile[quarter : len(counts) - quarter]
    return float(first + quarter + np.argmin(middle))


def row_of_teeth(
    x: np.ndarray, y: np.ndarray, widths: tuple[float, ...], pixel: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a row of teeth: reflectance (H, W, 3), share and gum (H, W, 1) in 0..1.

    x : across from the middle, y : from the teeth's edges into the gum, in eye
    distances, as widths; pixel : eye distances a pixel. The arch bends backwards: its
    sides are darker and their edges nearer to the gum.
    """
    borders = np.concatenate([[0], np.cumsum(widths)])
    number = np.clip(np.searchsorted(borders, np.abs(x)) - 1, 0, len(widths) - 1)
    width = np.array(widths)[number]
    place = 2 * (np.abs(x) - borders[number]) / width - 1  # -1..1 in a tooth
    round_edge = BULGE * place**4 + 0.3 * x**2 + np.array(EDGES)[number]
    share = smoothstep((y - round_edge) / (2 * pixel) + 0.5)
    share = share * smoothstep((borders[-1] - np.abs(x)) / 0.04)
    neck = CROWN * (1 - 0.12 * place**2) - 0.3 * np.abs(x)
    gum = smoothstep((y - neck) / (0.01 + pixel) + 0.5)
    beside = (1 - np.abs(place)) * width / 2  # distance from the neighbour
    gap = np.exp(-((beside / (0.004 + 0.3 * pixel)) ** 2))
    bent = (1 - (x / (1.25 * borders[-1])) ** 2).clip(0.1)
    lit = (1 - 0.3 * gap) * bent * (1 - 0.15 * place**2)
    lit = lit * (1 - 1.2 * (y - 0.05).clip(0)) * (0.85 + 0.15 * smoothstep(y / 0.03))
    return ENAMEL * lit[..., None], share[..., None], gum[..., None]


def light_on_teeth(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Colour that white would have in the mouth, judged by skin and whites of the eyes.

    The whites are believed as far as they lie between grey and the skin's hue: drawn
    eyes, shades and red eyes are not white. picture : uint8 (H, W, 3); landmarks :
    (68, 2) px. Returns float (3,) RGB, 0..255.
    """
    skin = colour_of_skin(picture, landmarks)
    rows, columns = box_around(landmarks[EYES], 1, picture.shape)
    part = picture[rows, columns]
    points = landmarks - [columns.start, rows.start]
    eyes = polygon_mask(points[RIGHT_EYE], part.shape)
    eyes = np.maximum(eyes, polygon_mask(points[LEFT_EYE], part.shape))
    pixels = part[eyes > 200].astype(float)
    if not len(pixels):
        pixels = np.full((1, 3), UNKNOWN_LIGHT)
    brightness = pixels.mean(1)
    white = pixels[brightness >= np.percentile(brightness, 80)].mean(0)
    grey = np.clip(1.1 * white.mean(), *(np.array(OVER_SKIN) * skin.mean()))
    hue, tint = (each / max(1.0, each.mean()) for each in (white, skin))
    hue = np.clip(hue, np.minimum(1, tint), np.maximum(1, tint))
    return hue / hue.mean() * np.clip(grey, *LIGHTS)


def colour_of_skin(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Median colour of nose and cheeks, float (3,) RGB, 0..255."""
    corners = landmarks[[1, 27, 15, 54, 33, 48]]
    box = box_around(corners, 1, picture.shape)
    inside = polygon_mask(corners - [box[1].start, box[0].start], picture[box].shape)
    pixels = picture[box][inside > 127]
    return np.median(pixels, 0) if len(pixels) else np.full(3, UNKNOWN_LIGHT)


def colour_of_lips(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Median colour of the lips, float (3,) RGB, 0..255, never green or blue."""
    box = box_around(landmarks[LIPS], 1, picture.shape)
    points = landmarks - [box[1].start, box[0].start]
    part = picture[box]
    lips = polygon_mask(points[OUTER_LIPS], part.shape) > 200
    lips &= polygon_mask(points[INNER_LIPS], part.shape) < 50
    lip = np.median(part[lips], 0) if lips.any() else np.full(3, UNKNOWN_LIGHT)
    return np.minimum(lip, lip[0] * FLESH)
