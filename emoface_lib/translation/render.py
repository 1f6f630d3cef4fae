"""Renderers: landmarks and a reference picture in, frames out, as a stream.

`warp` deforms the photograph, `unet` renders as in the paper, `improved` corrects the
warp.
Taught in notebook 06, paper section 3.4.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from emoface_lib.core.checkpoints import read_settings
from emoface_lib.core.errors import InputError
from emoface_lib.core.landmarks import CANONICAL_SIDE
from emoface_lib.translation.framing import Square, scaled
from emoface_lib.translation.landmark_images import landmark_images
from emoface_lib.translation.translators import FOLDERS, PairRenderer, load_translator
from emoface_lib.translation.warp.photo_warp import PhotoWarp, Pose, transform

RENDERERS = ("warp", *FOLDERS)
BATCH = 4  # frames rendered at once; more is no faster


class NetworkRenderer:
    """Renders each frame by a network, in a square around the face.

    picture : uint8 (H, W, 3) RGB; landmarks : float (68, 2 or 3) px of the face in it;
    size : px of the network's pictures. A network that corrects the warp adds only its
    correction to the photograph, whose own resolution stays.
    """

    def __init__(
        self,
        picture: np.ndarray,
        landmarks: np.ndarray,
        network: PairRenderer,
        size: int,
    ) -> None:
        self.picture, self.network, self.size = picture, network, size
        self.square = Square.around(landmarks[:, :2], picture.shape)
        self.reference = self.square.cut(picture, size)
        self.share = self.square.fade(picture.shape)
        self.warp = PhotoWarp(picture, landmarks) if network.needs_warp else None

    def frames(self, poses: Iterable[Pose]) -> Iterator[np.ndarray]:
        """Frames of the picture's size, one a pose: uint8 (H, W, 3) RGB each.

        Only a network that corrects the warp shows the gaze.
        """
        given = iter(poses)
        while some := list(islice(given, BATCH)):
            yield from self._render(some)

    def _render(self, poses: Sequence[Pose]) -> list[np.ndarray]:
        moved = np.stack([transform(pose.face, pose.motion) for pose in poses])
        canonical = self.square.points(moved, CANONICAL_SIDE)
        drawn = landmark_images(canonical, self.size, self.network.style)
        given = [self.reference[None].repeat(len(poses), 0), drawn]
        if self.warp is None:
            frames = [self.picture.copy() for _ in poses]
            below = np.zeros_like(drawn)
        else:
            frames = list(self.warp.frames(poses))
            below = np.stack([self.square.cut(x, self.size) for x in frames])
            given.append(below)
        rendered = self.network.render(*given)
        for frame, new, old in zip(frames, rendered, below, strict=True):
            colour = scaled(new.astype(np.float32) - old, self.square.side)
            if self.warp is not None:
                colour += self.square.cut(frame, self.square.side)
            self.square.lay(frame, colour, self.share)
        return frames


Renderer = PhotoWarp | NetworkRenderer


def make_renderer(
    kind: str, picture: np.ndarray, landmarks: np.ndarray, run: Path
) -> Renderer:
    """The renderer called `kind` of a picture (H, W, 3) and its face (68, 2 or 3).

    run : folder that holds the trained networks. Raises InputError if there is no such
    renderer, or if its network has not been trained.
    """
    if kind not in RENDERERS:
        raise InputError(
            f"There is no renderer {kind!r}: there are {', '.join(RENDERERS)}."
        )
    if kind == "warp":
        return PhotoWarp(picture, landmarks)
    path = run / FOLDERS[kind] / "model.safetensors"
    if not path.exists():
        raise InputError(
            f"The renderer {kind!r} has not been trained here, and its weights are not "
            "shipped: `emoface reproduce --through 08` trains it; `warp` needs none."
        )
    settings = read_settings(path)
    network = PairRenderer(load_translator(path), settings)
    return NetworkRenderer(picture, landmarks, network, settings.translator.image_size)
