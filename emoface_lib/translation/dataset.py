"""Step 3's training pairs, straight from video files and decoded in workers.

Nothing is unpacked to disk. Taught in notebook 06, paper section 3.4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from emoface_lib.core.files import read_npz
from emoface_lib.core.landmarks import CANONICAL_SIDE, scale_points
from emoface_lib.core.parallel import cores
from emoface_lib.core.polylines import DISTINCT, Style
from emoface_lib.core.video import iter_frames
from emoface_lib.translation.framing import Square
from emoface_lib.translation.landmark_images import landmark_images
from emoface_lib.translation.warp.photo_warp import PhotoWarp

STRIDE = 4  # video frames between two that are kept; neighbours look alike
# Pairs of a batch that share a clip and its reference, without and with the warp: one
# decoding and one setting-up of the warp serve them all.
SHARED, SHARED_WARP = 2, 4
ROOM = 500e6  # bytes of decoded clips that a process keeps
WORKERS = 4  # that decode, at most


class Pair(NamedTuple):
    """A batch of step 3's training pairs, uint8[B, S, S, 3] each.

    reference : a frame; landmark_image : of another frame of the same clip, the target;
    warped : the reference, bent to the target's landmarks (empty if not asked for).
    """

    reference: np.ndarray
    landmark_image: np.ndarray
    warped: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """Clips from which pairs are drawn.

    videos : mp4 files; features : the .npz files of the same clips; size : px of the
    pictures; style : of the landmark images; warp : whether pairs hold the warp.
    """

    videos: Sequence[Path]
    features: Sequence[Path]
    size: int
    style: Style = DISTINCT
    warp: bool = False

    def draw(self, count: int, generator: np.random.Generator) -> Pair:
        """Draw `count` pairs; some share a clip and a reference.

        Without `warp`, `warped` is the reference itself.
        """
        shared = SHARED_WARP if self.warp else SHARED
        clips, parts = generator.integers(len(self.videos), size=count).tolist(), []
        for start, clip in zip(range(0, count, shared), clips, strict=False):
            frames, landmarks = _shelf.take(self, clip)
            reference = generator.integers(len(frames))
            targets = generator.integers(len(frames), size=min(shared, count - start))
            references = frames[[reference] * len(targets)]
            warped = references
            if self.warp:
                bent = PhotoWarp(frames[reference], landmarks[reference])
                warped = np.stack([bent.render(landmarks[i]) for i in targets])
            canonical = scale_points(landmarks[targets], CANONICAL_SIDE / self.size)
            images = landmark_images(canonical, self.size, self.style)
            parts.append((references, images, warped, frames[targets]))
        return Pair(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def read(self, clip: int) -> tuple[np.ndarray, np.ndarray]:
        """Every STRIDE-th frame of a clip and its landmarks, as `read_clip`.

        Returns uint8[F, S, S, 3] and float[F, 68, 2].
        """
        return read_clip(self.videos[clip], self.features[clip], self.size, STRIDE)


def read_clip(
    video: Path, features: Path, size: int, every: int
) -> tuple[np.ndarray, np.ndarray]:
    """Every n-th frame of a clip, cut to the face, and its landmarks there.

    features : the clip's .npz; size : px of the square that is cut, the same in all
    frames, see `Square.around`. Returns uint8[F / n, S, S, 3] RGB and float[F / n, 68,
    2] px of it.
    """
    landmarks = read_npz(features)["landmarks"][::every, :, :2].astype(float)
    frames = list(iter_frames(video))[::every][: len(landmarks)]
    square = Square.around(landmarks.mean(0), frames[0].shape)
    cut = np.stack([square.cut(frame, size) for frame in frames])
    return cut, square.points(landmarks, size)


class Shelf:
    """Decoded clips, as many as there is room for; the oldest leaves first."""

    def __init__(self, room: float) -> None:
        self.room, self.kept = room, dict[tuple, tuple[np.ndarray, np.ndarray]]()

    def take(self, pairs: Pairs, clip: int) -> tuple[np.ndarray, np.ndarray]:
        """As `Pairs.read`, decoded if not kept: uint8[F, S, S, 3], float[F, 68, 2]."""
        name = pairs.videos[clip], pairs.features[clip], pairs.size
        if (found := self.kept.get(name)) is None:
            found = self.kept[name] = read_clip(*name, STRIDE)
            while sum(frames.nbytes for frames, _ in self.kept.values()) > self.room:
                del self.kept[next(iter(self.kept))]
        return found


_shelf = Shelf(ROOM)  # one a process


@dataclass(frozen=True)
class Steps(Dataset[Pair]):
    """The batch of every step of a training, which depends on seed and step alone."""

    pairs: Pairs
    count: int
    seed: int

    def __getitem__(self, step: int) -> Pair:
        """The batch of a step."""
        return self.pairs.draw(self.count, np.random.default_rng([self.seed, step]))


def batches(steps: Steps, wanted: range, workers: int | None = None) -> Iterator[Pair]:
    """The batches of some steps, drawn by workers before they are asked for.

    workers : processes; with 0, this one draws; None takes the cores that training
    leaves, up to WORKERS.
    """
    if workers is None:
        workers = min(max(1, cores() - 1), WORKERS)
    return iter(
        DataLoader(
            steps,
            batch_size=None,
            sampler=wanted,
            num_workers=workers,
            collate_fn=_arrays,
            generator=torch.Generator(),  # the one of all belongs to training
            multiprocessing_context="spawn" if workers else None,  # forking can hang
            worker_init_fn=_begin,
        )
    )


def _arrays(pair: Any) -> Any:
    """A pair as it is: as tensors, it would need shared memory, which is scarce."""
    return pair


def _begin(_: int) -> None:
    cv2.setNumThreads(1)


def resized(frames: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Scale square frames: uint8[F, size, size, 3]."""
    side, method = (size, size), cv2.INTER_AREA
    return np.stack([cv2.resize(x, side, interpolation=method) for x in frames])
