"""Anti-aliased shapes on pictures; used by the photograph's warp."""

import cv2
import numpy as np

from emoface_lib.core.polylines import SUBPIXEL, fixed

OVERSAMPLING = 4  # cv2's own anti-aliasing makes polygons a pixel too fat
BICUBIC_PIXELS = 250_000  # above, bicubic takes 10 ms and blur is invisible


def polygon_mask(polygon: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Coverage of each pixel by a polygon (P, 2) px: uint8 (H, W), 255 inside."""
    height, width = shape[0] * OVERSAMPLING, shape[1] * OVERSAMPLING
    mask = np.zeros((height, width), np.uint8)
    fine = (polygon + 0.5) * OVERSAMPLING - 0.5
    cv2.fillPoly(mask, [fixed(fine)], 255, cv2.LINE_8, SUBPIXEL)
    return np.asarray(cv2.resize(mask, shape[1::-1], interpolation=cv2.INTER_AREA))


def blend(below: np.ndarray, above: np.ndarray, mask: np.ndarray) -> None:
    """Lay a picture over another one of its size through a mask, in place.

    below, above : uint8 (H, W, 3); mask : uint8 (H, W), opacity of `above` in 0..255.
    """
    edge = (mask > 0) & (mask < 255)
    share = mask[edge, None] * np.float32(1 / 255)
    mixed = below[edge] + share * (above[edge].astype(np.float32) - below[edge])
    cv2.copyTo(above, mask, below)
    below[edge] = np.round(mixed).astype(np.uint8)


def pull(picture: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Draw each pixel from where it comes from; borders are repeated.

    picture : uint8 (H, W, 3); origins : float32 (h, w, 2) px of it; returns (h, w, 3).
    Bicubic, which keeps small pictures sharp; large ones can do with bilinear.
    """
    small = origins.shape[0] * origins.shape[1] < BICUBIC_PIXELS
    method = cv2.INTER_CUBIC if small else cv2.INTER_LINEAR
    whole, part = cv2.convertMaps(origins, np.empty(0, np.float32), cv2.CV_16SC2)
    return np.asarray(
        cv2.remap(picture, whole, part, method, borderMode=cv2.BORDER_REPLICATE)
    )


def box_around(
    points: np.ndarray, margin: float, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Rows and columns of a picture around points (P, 2) px, cut at its border."""
    low = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
    high = np.maximum(np.ceil(points.max(0) + margin) + 1, low).astype(int)
    high = np.minimum(high, [shape[1], shape[0]])
    return slice(low[1], high[1]), slice(low[0], high[0])
