"""Teeth: separating them from lips in a photograph, and drawing them in its light."""

import cv2
import numpy as np

from emoface_lib.core.landmarks import (
    EYES,
    LEFT_EYE,
    LOWER_LIP_INNER,
    RIGHT_EYE,
    UPPER_LIP_INNER,
)
from emoface_lib.translation.warp.fields import smoothstep
from emoface_lib.translation.warp.raster import box_around, polygon_mask

ENAMEL = np.array([1.0, 0.97, 0.91])  # colour under white light
TEETH_CONTRAST = 1.3  # teeth are at least this much brighter than lips
UNKNOWN_LIGHT = 160.0  # grey level 0..255, where no white of the eyes shows
LIGHTS = (90.0, 225.0)  # grey levels 0..255; teeth are not drawn darker or brighter
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


def darkest_row(part: np.ndarray, shown: np.ndarray, points: np.ndarray) -> int:
    """Row between upper and lower teeth, in the middle half of the opening.

    part : uint8 (H, W, 3) RGB; shown : uint8 (H, W), above 127 inside the opening;
    points : (68, 2) px of the part. Returns the row's number, px.
    """
    top, bottom = points[UPPER_LIP_INNER, 1], points[LOWER_LIP_INNER, 1]
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(float)
    weights = (shown > 127).astype(float) + 1e-6
    profile = (grey * weights).sum(1) / weights.sum(1)
    first, last = (round(top + k * (bottom - top)) for k in (0.25, 0.75))
    return int(first + np.argmin(profile[first : last + 1]))


def row_of_teeth(
    x: np.ndarray, y: np.ndarray, widths: tuple[float, ...], pixel: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a row of teeth: reflectance (H, W, 3) and share (H, W, 1) in 0..1.

    x : across in half mouth widths, y : from the teeth's edges into the gum, in eye
    distances; pixel : eye distances a pixel.
    """
    borders = np.concatenate([[0], np.cumsum(widths)])
    number = np.clip(np.searchsorted(borders, np.abs(x)) - 1, 0, len(widths) - 1)
    place = (np.abs(x) - borders[number]) / np.array(widths)[number]  # 0..1 in a tooth
    rounding = 0.012 * np.abs(2 * place - 1) ** 4 + 0.02 * x**2
    share = smoothstep((y - rounding) / (2 * pixel) + 0.5)
    share = share * smoothstep((borders[-1] - np.abs(x)) / 0.12)
    gap = np.exp(-((np.minimum(place, 1 - place) / 0.07) ** 2))
    lit = (1 - 0.22 * gap) * (1 - 0.5 * x**2).clip(0.2) * (1 - 1.5 * y.clip(0, 0.2))
    return ENAMEL * lit[..., None], share[..., None]


def light_on_teeth(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Colour that white would have in the mouth, judged by the whites of the eyes.

    picture : uint8 (H, W, 3); landmarks : (68, 2) px. Returns float (3,) RGB, 0..255.
    """
    rows, columns = box_around(landmarks[EYES], 1, picture.shape)
    part = picture[rows, columns]
    points = landmarks - [columns.start, rows.start]
    eyes = polygon_mask(points[RIGHT_EYE], part.shape)
    eyes = np.maximum(eyes, polygon_mask(points[LEFT_EYE], part.shape))
    pixels = part[eyes > 200].astype(float)
    if not len(pixels):
        return np.full(3, UNKNOWN_LIGHT)
    brightness = pixels.mean(1)
    white = pixels[brightness >= np.percentile(brightness, 80)].mean(0)
    return white * np.clip(1.1 * white.mean(), *LIGHTS) / max(1.0, white.mean())
