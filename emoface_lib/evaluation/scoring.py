"""Scores of methods on clips: landmarks as predicted, and as detected in frames.

A method is whatever gives displacements of the landmarks, or frames, for clips. Taught
in notebook 07.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from skimage.measure import blur_effect
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from tqdm.auto import tqdm

from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_npz
from emoface_lib.core.landmarks import CANONICAL_SIDE
from emoface_lib.core.video import iter_frames
from emoface_lib.evaluation.metrics import (
    NERF,
    PROTOCOLS,
    emotion_scores,
    landmark_distance,
    lip_correlation,
)
from emoface_lib.evaluation.picture_quality import face_code, likeness, read_landmarks
from emoface_lib.features.align import align
from emoface_lib.features.expression import CROP_EVERY, ExpressionNet, face_crops
from emoface_lib.features.prepared import to_video_rate
from emoface_lib.translation.dataset import read_clip
from emoface_lib.translation.framing import Square
from emoface_lib.translation.render import NetworkRenderer
from emoface_lib.translation.translators import PairRenderer, Translator
from emoface_lib.translation.warp.photo_warp import Pose

EVERY = 8  # frames of 20 ms; neighbours are alike
HIDDEN = 64

Displacements = Sequence[Tensor]  # Tensor[T, 68, 2] px, canonical frame, one a clip
EXPRESSIONS_OF = ("ES", "ES centred", "ES top-1")
LIPS_TOGETHER = "lip r"
NERF_LMD = "LMD of the NeRF family"  # only for frames
READ = ", read"  # suffix of landmark metrics whose landmarks were detected in frames
SHORT = ("LMD", "M-LMD", LIPS_TOGETHER, "ES")  # for lessons
ALL = (*PROTOCOLS, LIPS_TOGETHER, *EXPRESSIONS_OF)


def landmark_scores(
    methods: Mapping[str, Displacements],
    clips: Sequence[Clip],
    classifier: "LandmarkExpressions | None" = None,
    metrics: Sequence[str] = SHORT,
) -> pd.DataFrame:
    """Score each method's displacements on each clip.

    metrics : of ALL; those of expressions need a classifier on landmarks. Returns
    columns method, metric, protocol, speaker, clip, value.
    """
    rows = []
    real = [
        classifier.probabilities(to_video_rate(clip.displacement))
        for clip in clips
        if classifier
    ]
    for method, displacement in methods.items():
        for number, (clip, move) in enumerate(zip(clips, displacement, strict=True)):
            predicted = to_video_rate(clip.reference + move)
            found = _distances(predicted, to_video_rate(clip.landmarks))
            if classifier is not None:
                seen = classifier.probabilities(to_video_rate(move))
                found |= _labelled(emotion_scores(seen, real[number]), "landmarks")
            rows += _rows(method, clip, found, metrics)
    return pd.DataFrame(rows)


Found = dict[str, tuple[str, float]]  # protocol and value by metric


def _distances(predicted: Tensor, truth: Tensor, detector: str = "") -> Found:
    found = {}
    for name, protocol in PROTOCOLS.items():
        named = protocol.read(detector) if detector else protocol
        found[name] = str(named), landmark_distance(predicted, truth, protocol)
    seen = f", both read from frames by {detector}" if detector else ""
    together = lip_correlation(predicted, truth)
    return {**found, LIPS_TOGETHER: (f"inner lips, Pearson{seen}", together)}


def _labelled(scores: Mapping[str, float], source: str) -> Found:
    return {name: (f"read from {source}", value) for name, value in scores.items()}


def _rows(
    method: str, clip: Clip, found: Found, metrics: Sequence[str] | None = None
) -> list[dict]:
    named = {"method": method, "speaker": clip.speaker, "clip": clip.name}
    return [
        {**named, "metric": metric, "protocol": protocol, "value": value}
        for metric, (protocol, value) in found.items()
        if metrics is None or metric in metrics
    ]


@dataclass(frozen=True)
class Studio:
    """What is needed to render a clip: where it lies, the mean face, the networks."""

    corpus: Path
    features: Path
    mean_face: np.ndarray
    translator: Translator
    expressions: ExpressionNet
    image_size: int

    def render(
        self, clip: Clip, displacement: Tensor, every: int = CROP_EVERY
    ) -> tuple[np.ndarray, np.ndarray]:
        """Render every n-th frame of a clip, with the real clip's own head motion.

        displacement : Tensor[T, 68, 2] px of the canonical frame. Returns the pictures,
        uint8[F / n, S, S, 3], and their landmarks in px of them, float[F / n, 68, 2].
        """
        file = self.features / f"{clip.name}.npz"
        real = read_npz(file)["landmarks"].astype(float)
        aligned, pose = align(real, self.mean_face)
        depth = np.median(aligned[..., 2], axis=0)
        flat = to_video_rate(clip.reference + displacement).numpy()
        solid = np.concatenate([flat, np.tile(depth[:, None], (len(flat), 1, 1))], -1)
        first = next(iter_frames(self.corpus / clip.path))
        square = Square.around(real[::every, :, :2].mean(0), first.shape)
        landmarks = square.points(pose.undo(solid)[::every, :, :2], self.image_size)
        reference = square.cut(first, self.image_size)
        face = square.points(real[0, :, :2], self.image_size)
        network = PairRenderer(self.translator)
        renderer = NetworkRenderer(reference, face, network, self.image_size)
        return np.stack(list(renderer.frames(map(Pose, landmarks)))), landmarks

    def frame_scores(
        self, frames: Mapping[str, Sequence[np.ndarray]], clips: Sequence[Clip]
    ) -> pd.DataFrame:
        """Score methods by their frames: dlib's landmarks, PSNR, SSIM, blur, CSIM, ES.

        frames : uint8[F / CROP_EVERY, S, S, 3] a clip, those that `render` would
        render. Where dlib finds no face, a frame counts in "found" alone; a clip
        without any is NaN. Columns as above.
        """
        rows = []
        for number, clip in enumerate(tqdm(clips, desc="reading frames")):
            files = self.corpus / clip.path, self.features / f"{clip.name}.npz"
            true, landmarks = read_clip(*files, self.image_size, CROP_EVERY)
            seen = [read_landmarks(frame) for frame in true]
            who = face_code(true[0], seen[0])
            real = self.expressions.probabilities(face_crops(true, landmarks))
            for method, pictures in frames.items():
                asked = landmarks[: len(pictures[number])]
                found = self._likeness(pictures[number], true, asked)
                found |= self._readings(pictures[number], seen, who)
                crops = face_crops(pictures[number], asked)
                shown = self.expressions.probabilities(crops)
                scores = emotion_scores(shown, real[: len(shown)])
                found |= _labelled(scores, "frames")
                rows += _rows(method, clip, found)
        return pd.DataFrame(rows)

    def _likeness(
        self, pictures: np.ndarray, true: np.ndarray, landmarks: np.ndarray
    ) -> Found:
        """PSNR, SSIM and blur, means over frames."""
        threes = zip(pictures, true, landmarks, strict=False)
        each = [likeness(*three) for three in threes]
        scale = f"frames of {self.image_size} px"
        found = {
            name: (scale, float(np.mean([one[name] for one in each])))
            for name in ("PSNR", "mouth PSNR", "SSIM")
        }
        blurred = np.mean([blur_effect(frame, channel_axis=2) for frame in pictures])
        return {**found, "blur": (f"Crete et al. 2007, {scale}", float(blurred))}

    def _readings(
        self,
        pictures: np.ndarray,
        true: Sequence[np.ndarray | None],
        who: np.ndarray,
    ) -> Found:
        """CSIM, and landmark distances of frames in which dlib finds both faces."""
        read = [read_landmarks(frame) for frame in pictures]
        share = float(np.mean([one is not None for one in read]))
        found: Found = {"found": ("share of frames with a face for dlib", share)}
        alike = float(face_code(pictures[0], read[0]) @ who)
        found["CSIM"] = "dlib's descriptors of the first frames, cosine", alike
        pairs = zip(read, true, strict=False)
        both = [(a, b) for a, b in pairs if a is not None and b is not None]
        if len(both) < 2:
            return found
        scale = CANONICAL_SIDE / self.image_size
        stacked = (np.stack(one) * scale for one in zip(*both, strict=True))
        predicted, truth = map(torch.from_numpy, stacked)
        distances = _distances(predicted, truth, "dlib")
        named = str(NERF.read("dlib", self.image_size))
        own = landmark_distance(predicted / scale, truth / scale, NERF)
        distances[NERF_LMD] = named, own  # in px of the frame, whatever its size
        return found | {name + READ: each for name, each in distances.items()}


def one_a_video(clips: Sequence[Clip]) -> list[Clip]:
    """The first clip of each video, since rendering and detection are slow."""
    return list({(c.speaker, c.video): c for c in reversed(clips)}.values())[::-1]


class LandmarkExpressions:
    """A small perceptron from L - L_0 of a frame to the softmax over EXPRESSIONS."""

    def __init__(self, model: Pipeline) -> None:
        self.model = model

    @classmethod
    def learn(cls, clips: Sequence[Clip], seed: int = 0) -> "LandmarkExpressions":
        """Train on ground-truth landmarks of labelled clips; InputError without any."""
        labelled = [clip for clip in clips if clip.emotion in EXPRESSIONS]
        if not labelled:
            raise InputError(
                "No clip has a label of emotion, so that expressions can't be learnt "
                "from landmarks: score ES on rendered pictures."
            )
        frames = [_flat(clip.displacement[::EVERY]) for clip in labelled]
        labels = np.repeat([c.emotion for c in labelled], [len(f) for f in frames])
        net = MLPClassifier((HIDDEN,), alpha=1e-2, max_iter=60, random_state=seed)
        net.set_params(early_stopping=True, n_iter_no_change=5)
        return cls(make_pipeline(StandardScaler(), net).fit(np.vstack(frames), labels))

    def probabilities(self, displacement: Tensor) -> np.ndarray:
        """Softmax of each frame, float[T, 7], in the order of EXPRESSIONS.

        displacement : Tensor[T, 68, 2] px of the canonical frame. A class that no
        training clip showed has probability 0.
        """
        known = self.model.predict_proba(_flat(displacement))
        whole = np.zeros((len(known), len(EXPRESSIONS)))
        whole[:, [EXPRESSIONS.index(name) for name in self.model.classes_]] = known
        return whole


def _flat(displacement: Tensor) -> np.ndarray:
    return displacement.flatten(1).to(torch.float64).numpy()
