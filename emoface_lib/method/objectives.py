"""Step 2's objective: L_emotion + L_identity + L_landmark, and other contrasts.

Taught in notebook 05, paper section 4.2.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from emoface_lib.core.data_parallel import gathered
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import Metrics
from emoface_lib.method.collapse import watch_codes, watch_similarities
from emoface_lib.method.losses import (
    embedding_distance,
    emotion_contrast,
    expression_similarity,
    identity_loss,
    info_nce,
    landmark_loss,
    supervised_contrast,
    variance_loss,
)
from emoface_lib.method.style import StyleBranch


class StyleBatch(NamedTuple):
    """Clips of B triplets, first all V_r, then all V_s, then all V_p.

    features : Tensor[3 B, T, D]; content : E_content, Tensor[3 B, T, 256]; said :
    D_content, and moved : L - L_0, Tensor[3 B, T, 68, 2] px of the canonical frame;
    expressions : Tensor[3 B, 7]; speaker_means : Tensor[3 B, D]; labels : int64
    Tensor[3 B]. triplets : False if the corpus gives none, so that the clips are any 3
    B.
    """

    features: Tensor
    content: Tensor
    said: Tensor
    moved: Tensor
    expressions: Tensor
    speaker_means: Tensor
    labels: Tensor
    triplets: bool = True


def style_loss(model: StyleBranch, batch: StyleBatch, settings: Settings) -> Metrics:
    """L_emotion + L_identity + L_landmark of a batch of triplets, section 4.2.

    Without triplets, L_landmark alone. The weights are those of the settings.
    """
    emotion = model.emotion(batch.features, batch.speaker_means).float()
    identity = model.identity(batch.features).float()
    styled = model.displace(batch.content, model.style(emotion, identity))
    landmark = landmark_loss(batch.said + styled, batch.moved)
    if not batch.triplets:
        return {"loss": landmark, "loss/landmark": landmark}
    contrast, watched = emotion_loss(emotion, batch, settings)
    metrics = {"loss/landmark": landmark, "loss/emotion": contrast, **watched}
    loss = landmark + settings.emotion_weight * contrast
    if not model.improved:
        i_r, _, i_p = identity.chunk(3)
        same = identity_loss(i_r, i_p, settings.emotion_distance)
        loss = loss + settings.identity_weight * same
        metrics["loss/identity"] = same
        metrics |= watch_codes("identity", gathered(identity.mean(1), 3))
    return {"loss": loss, **metrics}


def emotion_loss(
    emotion: Tensor, batch: StyleBatch, settings: Settings
) -> tuple[Tensor, dict[str, Tensor]]:
    """L_emotion as `settings.contrast` says, and metrics of it for the log.

    emotion : E_emotion, Tensor[3 B, T, 128]. "triplet" is eq. (5), "variance" adds
    VICReg's variance term, "supervised" contrasts labels, "infonce" whole batches.
    """
    (r, s, p), (e_r, e_s, e_p) = emotion.chunk(3), batch.expressions.chunk(3)
    d_rs = embedding_distance(r, s, settings.emotion_distance)
    d_rp = embedding_distance(r, p, settings.emotion_distance)
    lambda_rs, lambda_rp = torch.ones_like(d_rs), torch.zeros_like(d_rp)
    if settings.expression_weights:
        lambda_rs = expression_similarity(e_r, e_s)
        lambda_rp = expression_similarity(e_r, e_p)
    codes = gathered(emotion.mean(1), 3)  # (3 B, 128), B of all processes
    if settings.contrast == "supervised":
        loss = supervised_contrast(codes, gathered(batch.labels, 3))
    elif settings.contrast == "infonce":
        r, s, p = codes.chunk(3)
        loss = info_nce(r, s, p)
    else:
        loss = emotion_contrast(d_rs, d_rp, lambda_rs, lambda_rp, settings.margin)
    if settings.contrast == "variance":
        loss = loss + variance_loss(codes)
    watched = {"d_rs": d_rs.mean(), "d_rp": d_rp.mean()}
    watched |= watch_similarities("lambda_rs", lambda_rs)
    watched |= watch_similarities("lambda_rp", lambda_rp)
    return loss, watched | watch_codes("emotion", codes)
