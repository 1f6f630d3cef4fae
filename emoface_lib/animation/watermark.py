"""A visible mark that says that a picture is synthetic."""

import cv2
import numpy as np

MARK = "synthetic"
MARK_HEIGHT = 0.025  # share of the picture's shorter side


class Watermark:
    """A small visible mark in the lower left corner of a picture (H, W, 3)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        height = max(8.0, MARK_HEIGHT * min(shape[:2]))
        font, scale = cv2.FONT_HERSHEY_SIMPLEX, height / 22  # its capitals have 22 px
        (width, tall), low = cv2.getTextSize(MARK, font, scale, 1)
        margin = round(height / 2)
        self.box = (
            slice(max(0, shape[0] - tall - low - 2 * margin), shape[0]),
            slice(0, min(shape[1], width + 2 * margin)),
        )
        rows, columns = (side.stop - side.start for side in self.box)
        letters = np.zeros((rows, columns), np.uint8)
        origin = (margin, rows - low - margin)
        cv2.putText(letters, MARK, origin, font, scale, 255, 1, cv2.LINE_AA)
        self.letters = letters[..., None] * np.float32(1 / 255)

    def press(self, frame: np.ndarray) -> np.ndarray:
        """Darken the mark's background and write it in white, in place.

        frame : uint8 (H, W, 3) RGB, or (H, W, 4) RGBA, in which the mark is opaque; it
        is returned.
        """
        ground = 0.5 * frame[self.box][..., :3].astype(np.float32)
        ground += self.letters * (255 - ground)
        frame[self.box][..., 3:] = 255
        frame[self.box][..., :3] = ground.astype(np.uint8)
        return frame
