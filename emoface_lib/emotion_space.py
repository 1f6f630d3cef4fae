"""The space of emotion embeddings: its components, and a dial along the first one.

Taught in notebook 08, paper section 4.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.decomposition import PCA
from torch import Tensor

from emoface_lib.displacements import (
    content_codes,
    style_codes,
    style_displacements,
)
from emoface_lib.errors import InputError
from emoface_lib.features.clips import Clip
from emoface_lib.files import write_beside
from emoface_lib.landmarks import lip_opening
from emoface_lib.models.content import ContentBranch
from emoface_lib.models.style import StyleBranch


@dataclass(frozen=True)
class EmotionSpace:
    """Principal components of the mean emotion embeddings of clips.

    mean : Tensor[128]; components : Tensor[K, 128], unit length; deviations :
    Tensor[K], standard deviations along them.
    """

    mean: Tensor
    components: Tensor
    deviations: Tensor

    def offset(self, amount: float, component: int = 0) -> Tensor:
        """What to add to E_emotion for `amount` standard deviations: Tensor[128]."""
        return amount * self.deviations[component] * self.components[component]

    def coordinates(self, embeddings: Tensor) -> Tensor:
        """Standard deviations along the components: Tensor[N, 128] -> Tensor[N, K]."""
        return (embeddings - self.mean) @ self.components.T / self.deviations

    def save(self, path: Path) -> None:
        """Write as safetensors."""
        with write_beside(path) as beside:
            save_file({n: x.contiguous() for n, x in vars(self).items()}, beside)


def load_space(path: Path) -> EmotionSpace:
    """Read a space that was saved; raises InputError if there is none."""
    if not path.exists():
        raise InputError(f"{path} is missing: run notebook 08_emotion_space first.")
    return EmotionSpace(**load_file(path))


def emotion_embeddings(style: StyleBranch, clips: Sequence[Clip]) -> Tensor:
    """E_emotion of each clip, averaged over its frames: Tensor[N, 128]."""
    return torch.stack([emotion.mean(0) for emotion, _ in style_codes(style, clips)])


def emotion_space(embeddings: Tensor, components: int = 4) -> EmotionSpace:
    """Principal components of embeddings : Tensor[N, 128]. Paper section 4.4.

    The sign of a component is arbitrary: see `oriented`.
    """
    pca = PCA(min(components, len(embeddings) - 1)).fit(embeddings.double().numpy())
    return EmotionSpace(
        torch.from_numpy(pca.mean_).float(),
        torch.from_numpy(pca.components_).float(),
        torch.from_numpy(np.sqrt(pca.explained_variance_)).float(),
    )


def oriented(
    space: EmotionSpace,
    content: ContentBranch,
    style: StyleBranch,
    clips: Sequence[Clip],
) -> EmotionSpace:
    """The same components, each pointing to where the lips open further.

    What counts is what the face does: the mean lip opening of the clips, dialled up and
    down by a standard deviation. So a dial turns the expression up.
    """
    codes = content_codes(content, clips)

    def opening(amount: float, component: int) -> float:
        offset = space.offset(amount, component)
        moved = style_displacements(style, clips, codes, offset)
        pairs = zip(clips, moved, strict=True)
        return float(np.mean([lip_opening(c.reference + m).mean() for c, m in pairs]))

    effects = [opening(1.0, k) - opening(-1.0, k) for k in range(len(space.components))]
    signs = torch.tensor([-1.0 if effect < 0 else 1.0 for effect in effects])
    return replace(space, components=space.components * signs[:, None])
