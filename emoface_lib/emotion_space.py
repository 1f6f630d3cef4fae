"""The space of emotion embeddings: its components, and a dial along the first one.

Taught in notebook 08, paper section 4.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.decomposition import PCA
from torch import Tensor

from emoface_lib.displacements import style_codes
from emoface_lib.errors import InputError
from emoface_lib.features.clips import Clip
from emoface_lib.files import write_beside
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


def emotion_space(
    embeddings: Tensor, openness: Sequence[float], components: int = 4
) -> EmotionSpace:
    """Principal components of embeddings : Tensor[N, 128]. Paper section 4.4.

    The sign of a component is arbitrary: each points to where `openness`, a number a
    clip such as its mean lip opening, grows, so that a dial turns up the expression.
    """
    pca = PCA(min(components, len(embeddings) - 1)).fit(embeddings.double().numpy())
    scores = pca.transform(embeddings.double().numpy())
    trend = (scores * (np.asarray(openness) - np.mean(openness))[:, None]).sum(0)
    signs = np.where(trend < 0, -1.0, 1.0)
    return EmotionSpace(
        torch.from_numpy(pca.mean_).float(),
        torch.from_numpy(pca.components_ * signs[:, None]).float(),
        torch.from_numpy(np.sqrt(pca.explained_variance_)).float(),
    )
