"""Scores of methods on clips: landmarks as predicted, expressions as painted.

Taught in notebook 07.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor
from tqdm.auto import tqdm

from emoface_lib.drawing import scale_points
from emoface_lib.evaluation import (
    M_LMD,
    PAPER,
    emotion_similarity,
    landmark_distance,
    lip_correlation,
)
from emoface_lib.features.alignment import align
from emoface_lib.features.clips import Clip, to_video_rate
from emoface_lib.features.expression import ExpressionNet, face_crops
from emoface_lib.features.observe import CROP_EVERY
from emoface_lib.files import read_npz
from emoface_lib.landmark_expressions import LandmarkExpressions
from emoface_lib.pairs import resized
from emoface_lib.renderers import NetworkRenderer
from emoface_lib.translators import Painter, Translator
from emoface_lib.video import iter_frames

Displacements = Sequence[Tensor]  # Tensor[T, 68, 2] px of the canvas, one a clip


def landmark_scores(
    methods: Mapping[str, Displacements],
    clips: Sequence[Clip],
    reader: LandmarkExpressions | None = None,
) -> pd.DataFrame:
    """LMD, M-LMD and lip correlation of each method's displacements on each clip.

    With a reader of expressions, ES as well. Returns columns method, metric, protocol,
    speaker, clip, value.
    """
    rows = []
    real = [
        reader.probabilities(to_video_rate(c.displacement)) for c in clips if reader
    ]
    for method, moved in methods.items():
        for number, (clip, move) in enumerate(zip(clips, moved, strict=True)):
            predicted = to_video_rate(clip.reference + move)
            truth = to_video_rate(clip.landmarks)
            for name, protocol in (("LMD", PAPER), ("M-LMD", M_LMD)):
                value = landmark_distance(predicted, truth, protocol)
                rows.append(_row(method, name, str(protocol), clip, value))
            together = lip_correlation(predicted, truth)
            rows.append(_row(method, "lip r", "inner lips, Pearson", clip, together))
            if reader is not None:
                seen = reader.probabilities(to_video_rate(move))
                value = emotion_similarity(seen, real[number])
                rows.append(_row(method, "ES", "read from landmarks", clip, value))
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Studio:
    """What is needed to paint a clip: where it lies, the mean face, the networks."""

    corpus: Path
    features: Path
    mean_face: np.ndarray
    translator: Translator
    expressions: ExpressionNet
    image_size: int

    def paint(
        self, clip: Clip, moved: Tensor, every: int = CROP_EVERY
    ) -> tuple[np.ndarray, np.ndarray]:
        """Paint every n-th frame of a clip, in the real clip's own head motion.

        moved : Tensor[T, 68, 2] px of the canvas. Returns the pictures,
        uint8[F / n, S, S, 3], and their landmarks in px of them, float[F / n, 68, 2].
        """
        stored = read_npz(self.features / f"{clip.name}.npz")
        real = stored["landmarks"].astype(float)
        aligned, pose = align(real, self.mean_face)
        depth = np.median(aligned[..., 2], axis=0)
        flat = to_video_rate(clip.reference + moved).numpy()
        solid = np.concatenate([flat, np.tile(depth[:, None], (len(flat), 1, 1))], -1)
        width = int(stored["size"][0])
        landmarks = pose.undo(solid)[::every, :, :2]
        landmarks = scale_points(landmarks, self.image_size / width)
        first = next(iter_frames(self.corpus / clip.path))
        reference = resized([first], self.image_size)[0]
        face = scale_points(real[0, :, :2], self.image_size / width)
        painter = Painter(self.translator)
        renderer = NetworkRenderer(reference, face, painter, self.image_size)
        return np.stack(list(renderer.frames(landmarks))), landmarks

    def expression_scores(
        self, methods: Mapping[str, Displacements], clips: Sequence[Clip]
    ) -> pd.DataFrame:
        """ES of each method on each clip, from painted pictures. Columns as above."""
        rows = []
        for number, clip in enumerate(tqdm(clips, desc="painting")):
            crops = read_npz(self.features / f"{clip.name}.npz")["crops"]
            real = self.expressions.probabilities(crops)
            for method, moved in methods.items():
                pictures, landmarks = self.paint(clip, moved[number])
                seen = self.expressions.probabilities(face_crops(pictures, landmarks))
                value = emotion_similarity(seen, real)
                rows.append(_row(method, "ES", "painted by the U-Net", clip, value))
        return pd.DataFrame(rows)


def _row(method: str, metric: str, protocol: str, clip: Clip, value: float) -> dict:
    return {
        "method": method,
        "metric": metric,
        "protocol": protocol,
        "speaker": clip.speaker,
        "clip": clip.name,
        "value": value,
    }
