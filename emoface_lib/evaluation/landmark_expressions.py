"""Expressions classified from landmarks alone, to score ES without rendering.

Rendering takes a U-Net, whose blur would be scored, too. Taught in notebook 05.
"""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from emoface_lib.core.clip import EXPRESSIONS, Clip
from emoface_lib.core.errors import InputError

EVERY = 8  # frames of 20 ms; neighbours are alike
HIDDEN = 64


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
                "from landmarks: score ES on painted pictures."
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
