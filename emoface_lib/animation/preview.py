"""A voice and a face processed once, so that turning the dial shows at once.

What does not depend on the dial is kept: the codes of the voice, the portrait, its
warp, the head's motion. Taught in notebook 08, section 5.
"""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emoface_lib.animation.emotion_control import Dial, Emotion
from emoface_lib.animation.export import METADATA
from emoface_lib.animation.head_motion import gentle_motion, widest_vowels
from emoface_lib.animation.portrait import Portrait
from emoface_lib.animation.predict import FacePredictor
from emoface_lib.animation.retarget import hold_last, moving_faces
from emoface_lib.animation.voice import TRACK_RATE, Voice
from emoface_lib.core.landmarks import VIDEO_RATE, lip_opening
from emoface_lib.core.video import write_video
from emoface_lib.features.expression import recognise
from emoface_lib.features.expression_training import shipped_expressions
from emoface_lib.translation.framing import Square
from emoface_lib.translation.warp.photo_warp import PhotoWarp, Pose, transform

STAGE_WIDTH = 480  # px at least, so that the curve is sharp
CURVE_HEIGHT = 0.32  # height of the lips' curve, share of the picture's width above it
SHARP = 2  # the curve is drawn so many times larger
INK, FAINT, ACCENT = "#333333", "#d9d9d9", "#0072B2"


class Face:
    """A portrait that can be drawn with displaced landmarks."""

    def __init__(self, portrait: Portrait) -> None:
        self.portrait = portrait
        self.warp = PhotoWarp(portrait.picture, portrait.landmarks)


class Preview:
    """A face animated by a voice; its frames depend on the dial."""

    def __init__(self, voice: Voice, face: Face, predictor: FacePredictor) -> None:
        self.voice, self.face, self.predictor = voice, face, predictor
        self.codes = predictor.encode(voice.samples)
        self.count = voice.frames(VIDEO_RATE)
        wide = widest_vowels(predictor.displace(self.codes))
        sway = gentle_motion(np.random.default_rng(0), wide=wide)
        self.moments = list(islice(sway, self.count))
        self.turn(0.0)

    def turn(self, emotion: Emotion) -> None:
        """Turn the dial: new landmarks for all frames."""
        self.dial = Dial.of(emotion)
        self.poses = self._posed(self.dial)
        self.opening = lip_opening(np.stack([pose.canonical for pose in self.poses]))

    @cached_property
    def plain(self) -> np.ndarray:
        """Lip opening with the dial at 0, float[F] px of the canonical frame."""
        return lip_opening(np.stack([pose.canonical for pose in self._posed(0.0)]))

    def _posed(self, emotion: Emotion) -> list[Pose]:
        held = self.voice.pauses, self.voice.tongue
        moved = hold_last(self.predictor.displace(self.codes, emotion), self.count)
        return list(moving_faces(self.face.portrait, moved, self.moments, *held))

    def frame(self, number: int) -> np.ndarray:
        """One frame: uint8 (H, W, 3) RGB."""
        return next(self.face.warp.frames([self.poses[number]]))

    def close_up(self, number: int, size: int) -> np.ndarray:
        """The face in one frame: uint8 (size, size, 3) RGB."""
        picture, landmarks = self.face.portrait.picture, self.face.portrait.landmarks
        square = Square.around(landmarks[:, :2], picture.shape)
        return square.cut(self.frame(number), size)

    def readings(self, numbers: Sequence[int]) -> np.ndarray:
        """What the shipped expression model reads in frames: softmax float32[K, 7]."""
        frames = np.stack([self.frame(number) for number in numbers])
        poses = [self.poses[number] for number in numbers]
        turned = [transform(one.face, one.motion) for one in poses]
        return recognise(shipped_expressions(), frames, np.stack(turned))

    def stage(self, number: int) -> np.ndarray:
        """One frame, and below it the curve of the lips with the frame's position.

        Returns uint8 (H, W, 3) RGB.
        """
        frame = enlarged(self.frame(number), STAGE_WIDTH)
        curves = [self.plain, self.opening]
        below = draw_curve(curves, number, frame.shape[1])
        return np.vstack([frame, below])

    def write(self, path: Path) -> None:
        """Write the whole stage as an mp4 with the voice."""
        stages = map(self.stage, range(self.count))
        write_video(path, stages, self.voice.track, TRACK_RATE, metadata=METADATA)


def enlarged(frame: np.ndarray, width: int) -> np.ndarray:
    """A picture at least `width` px wide, of an even height as videos need.

    frame : uint8 (H, W, 3) RGB; returns the same type, larger or as it is.
    """
    scale = max(1.0, width / frame.shape[1])
    size = round(frame.shape[1] * scale), round(frame.shape[0] * scale / 2) * 2
    if size == frame.shape[1::-1]:
        return frame
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC))


def draw_curve(curves: list[np.ndarray], number: int, width: int) -> np.ndarray:
    """Lip curves, the last one in colour, and a mark at a frame: uint8 (h, W, 3) RGB.

    curves : float[F] px of the canonical frame each; the first is drawn faintly for
    comparison.
    """
    size = width * SHARP, round(CURVE_HEIGHT * width / 2) * 2 * SHARP
    image = Image.new("RGB", size, "white")
    pen, unit = ImageDraw.Draw(image), size[1] / 20
    font = _font(round(2.2 * unit))
    pen.text((unit, unit), "lip distance, px", INK, font, anchor="lt")
    top, bottom = 5 * unit, size[1] - 2 * unit
    largest = max(1.0, *(float(curve.max()) for curve in curves))
    across = np.linspace(0, size[0], len(curves[0]))
    for curve, colour in zip(curves, (FAINT, ACCENT), strict=True):
        heights = bottom - curve / largest * (bottom - top)
        points = list(zip(across.tolist(), heights.tolist(), strict=True))
        pen.line(points, colour, max(2, round(unit / 3)), joint="curve")
    x, y = float(across[number]), float(heights[number])
    pen.line([(x, top - unit), (x, size[1])], INK, SHARP)
    pen.ellipse([x - unit, y - unit, x + unit, y + unit], ACCENT, "white", SHARP)
    said = f"{number / VIDEO_RATE:.2f} s   {curves[-1][number]:.1f} px"
    pen.text((size[0] - unit, unit), said, INK, font, anchor="rt")
    return np.asarray(image.reduce(SHARP))


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(10, size))
