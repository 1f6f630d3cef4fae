"""E_emotion as the mixture of seven codes, in the place of MLP_e.

Taught in notebook 05, section 10.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from emoface_lib.core.clip import EXPRESSIONS, SHARPNESS, frame_level
from emoface_lib.core.errors import InputError

HEARD = 200  # frames by which a mood is told; 4 s, about a sentence
STRENGTH = 0.01  # inverse of the penalty; chosen by leaving three of 12 actors out


def statistics(heard: Tensor) -> Tensor:
    """Mean and deviation over the louder half of the frames, mostly vowels.

    heard : Tensor[T, D]; returns Tensor[2 D].
    """
    level = frame_level(heard)
    loud = heard[level >= level.median()]
    return torch.cat([loud.mean(0), loud.std(0, correction=0)])


class Mixture(nn.Module):
    """A code for each of EXPRESSIONS, mixed by the softmax that is told of a voice.

    features : D of what is heard; size : of a code. The codes are learnt with the
    decoder, from the softmaxes of faces (`mixed`); what tells a voice's softmax is
    fitted before (`learn`), so that no face is asked to answer for another mood.
    """

    def __init__(self, features: int, size: int) -> None:
        super().__init__()
        self.tells = nn.Linear(2 * features, len(EXPRESSIONS)).requires_grad_(False)
        self.codes = nn.Parameter(torch.randn(len(EXPRESSIONS), size))

    @torch.no_grad()
    def learn(self, found: Tensor, expressions: Tensor) -> None:
        """Fit what tells the softmax, a regularised softmax regression.

        found : `statistics` of voices, Tensor[N, 2 D]; expressions : of their faces,
        Tensor[N, 7]. Raises InputError if all faces show the same one.
        """
        from sklearn.linear_model import LogisticRegression  # a second
        from sklearn.preprocessing import StandardScaler

        labels = expressions.argmax(1)
        if (labels == labels[0]).all():
            raise InputError(
                f"All training clips show {EXPRESSIONS[labels[0]]}, of which nothing "
                "can be mixed: give objective = 'improved', or clips in other moods."
            )
        count = len(EXPRESSIONS)  # an average voice of each, so that none is impossible
        found = torch.cat([found, found.mean(0).expand(count, -1)]).double()
        labels = torch.cat([labels, torch.arange(count)])
        scaler, regression = StandardScaler(), LogisticRegression(C=STRENGTH, tol=1e-5)
        regression.fit(scaler.fit_transform(found.numpy()), labels.numpy())
        weights = regression.coef_ / scaler.scale_
        offset = regression.intercept_ - weights @ scaler.mean_
        self.tells.weight.copy_(torch.from_numpy(weights))
        self.tells.bias.copy_(torch.from_numpy(offset))

    def mixed(self, softmax: Tensor) -> Tensor:
        """The codes by their shares: Tensor[..., 7] -> Tensor[..., size]."""
        return softmax @ self.codes

    def shares(self, heard: Tensor) -> Tensor:
        """The sharpened softmax of voices: Tensor[B, T, D] -> Tensor[B, T, 7].

        It is told from HEARD frames, again every half of them; in between it is linear.
        """
        count = heard.shape[1]
        starts = range(0, max(1, count - HEARD // 2), HEARD // 2)
        logits = [
            self.tells(torch.stack([statistics(one[s : s + HEARD]) for one in heard]))
            for s in starts
        ]
        softmax = (SHARPNESS * torch.stack(logits, 2)).softmax(1)  # (B, 7, windows)
        return interpolate(softmax, count, mode="linear").transpose(1, 2)

    def forward(self, heard: Tensor) -> Tensor:
        """E_emotion of voices: Tensor[B, T, D] -> Tensor[B, T, size]."""
        return self.mixed(self.shares(heard))
