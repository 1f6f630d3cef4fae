"""The paper's losses, one function an equation, and other contrasts to compare with.

Taught in notebooks 04 to 06.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from emoface_lib.core.data_parallel import gathered
from emoface_lib.core.settings import Settings
from emoface_lib.core.training import Metrics
from emoface_lib.method.collapse import code_metrics, similarity_metrics
from emoface_lib.method.mixture import Mixture
from emoface_lib.method.style import StyleBranch


def landmark_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """L_landmark = |L_v - L_p|, eq. (10): mean over coordinates.

    Both : Tensor[B, T, 68, 2] px of the canonical frame.
    """
    return (truth - predicted).abs().mean()


def embedding_distance(first: Tensor, second: Tensor, over: str = "frames") -> Tensor:
    """Mean absolute difference d of two clips' embeddings, eq. (5).

    Both : Tensor[B, T, D], equal-length crops. over : "frames", frame by frame as the
    paper writes it, or "means", of the embeddings' means over time, which does not ask
    different words to look alike. Returns Tensor[B].
    """
    if over == "means":
        first, second = first.mean(1, keepdim=True), second.mean(1, keepdim=True)
    return (first - second).abs().mean(dim=(1, 2))


def expression_similarity(first: Tensor, second: Tensor) -> Tensor:
    """Weight lambda of eq. (5): cosine of two expression softmaxes, Tensor[B, 7] each.

    It carries no gradient, as the expression model is not trained. Returns Tensor[B].
    """
    return cosine_similarity(first, second, dim=-1).detach()


def emotion_contrast(
    d_rs: Tensor,
    d_rp: Tensor,
    lambda_rs: Tensor,
    lambda_rp: Tensor,
    margin: float = 0.1,
) -> Tensor:
    """L_emotion of eq. (5): clips of one video attract, of different videos repel.

    All : Tensor[B]; margin : distance beyond which nothing repels. Mean over the batch.
    """
    attract = lambda_rs * d_rs
    repel = (1 - lambda_rp) * (margin - d_rp).clamp(min=0)
    return (attract + repel).mean()


def identity_loss(
    identity_r: Tensor, identity_p: Tensor, over: str = "frames"
) -> Tensor:
    """L_identity = |E_identity^r - E_identity^p|, eq. (6).

    Both : Tensor[B, T, 128], of two videos of one speaker; over : as for eq. (5).
    """
    return embedding_distance(identity_r, identity_p, over).mean()


def variance_loss(codes: Tensor, target: float = 1.0) -> Tensor:
    """Variance term of VICReg: how far each dimension's deviation is below `target`.

    codes : Tensor[N, D], N clips of a batch. Bardes et al. 2022, equation (1).
    """
    deviation = (codes.var(0) + 1e-4).sqrt()
    return (target - deviation).clamp(min=0).mean()


def info_nce(r: Tensor, s: Tensor, p: Tensor, temperature: float = 0.2) -> Tensor:
    """InfoNCE: V_s is the partner of V_r, all other clips of the batch are not.

    All : Tensor[B, D], codes of the clips of B triplets. The harder V_p, same speaker
    and other video, is one of the others. van den Oord et al. 2018, equation (4).
    """
    anchors = normalize(r, dim=1)
    others = normalize(torch.cat([s, p, r]), dim=1)
    likeness = anchors @ others.T / temperature  # (B, 3 B)
    own = torch.arange(len(r), device=r.device)
    likeness[own, own + 2 * len(r)] = -torch.inf  # V_r itself
    return -likeness.log_softmax(1)[own, own].mean()


def supervised_contrast(
    codes: Tensor, labels: Tensor, temperature: float = 0.2
) -> Tensor:
    """SupCon: all clips of the batch with the same label are partners.

    codes : Tensor[N, D]; labels : int64 Tensor[N]. Clips without a partner don't
    count. Khosla et al. 2020, equation (2).
    """
    unit = normalize(codes, dim=1)
    itself = torch.eye(len(codes), dtype=torch.bool, device=codes.device)
    likeness = (unit @ unit.T / temperature).masked_fill(itself, -torch.inf)
    log_share = likeness.log_softmax(1).masked_fill(itself, 0)
    partners = (labels[:, None] == labels[None]) & ~itself
    count = partners.sum(1)
    means = (log_share * partners).sum(1) / count.clamp(min=1)
    return -means.sum() / (count > 0).sum().clamp(min=1)


class StyleBatch(NamedTuple):
    """Clips of B triplets, first all V_r, then all V_s, then all V_p.

    features : Tensor[3 B, T, D]; content : E_content, Tensor[3 B, T, 256]; d_content :
    D_content, and displacement : L - L_0, Tensor[3 B, T, 68, 2] px of the canonical
    frame, NaN of clips that are sound alone, whose L_landmark is 0;
    expressions : Tensor[3 B, 7]; speaker_means : Tensor[3 B, D]; labels : int64
    Tensor[3 B]. triplets : False if the corpus gives none, so that the clips are any
    3 B.
    """

    features: Tensor
    content: Tensor
    d_content: Tensor
    displacement: Tensor
    expressions: Tensor
    speaker_means: Tensor
    labels: Tensor
    triplets: bool = True


def style_loss(model: StyleBranch, batch: StyleBatch, settings: Settings) -> Metrics:
    """L_emotion + L_identity + L_landmark of a batch of triplets, section 4.2.

    Without triplets, L_landmark alone; also of a mixture, which is here that of the
    faces themselves. The weights are those of the settings.
    """
    if mixture := isinstance(model.mlp_e, Mixture):
        mixed = model.mlp_e.mixed(batch.expressions)
        emotion = mixed[:, None].expand(-1, batch.features.shape[1], -1)
    else:
        emotion = model.emotion(batch.features, batch.speaker_means).float()
    identity = model.identity(batch.features).float()
    styled = model.displace(batch.content, model.style(emotion, identity))
    predicted, truth = batch.d_content + styled, batch.displacement
    truth = torch.where(truth.isnan(), predicted.detach(), truth)
    landmark = landmark_loss(predicted, truth)
    if not batch.triplets:
        return {"loss": landmark, "loss/landmark": landmark}
    contrast, monitored = emotion_loss(emotion, batch, settings)
    metrics = {"loss/landmark": landmark, "loss/emotion": contrast, **monitored}
    if mixture:
        return {"loss": landmark, **metrics}
    loss = landmark + settings.style.emotion_weight * contrast
    if not model.improved:
        i_r, _, i_p = identity.chunk(3)
        same = identity_loss(i_r, i_p, settings.style.emotion_distance)
        loss = loss + settings.style.identity_weight * same
        metrics["loss/identity"] = same
        metrics |= code_metrics("identity", gathered(identity.mean(1), 3))
    return {"loss": loss, **metrics}


def emotion_loss(
    emotion: Tensor, batch: StyleBatch, settings: Settings
) -> tuple[Tensor, dict[str, Tensor]]:
    """L_emotion as `settings.style.contrast` says, and metrics of it for the log.

    emotion : E_emotion, Tensor[3 B, T, 128]. "triplet" is eq. (5), "variance" adds
    VICReg's variance term, "supervised" contrasts labels, "infonce" whole batches.
    """
    (r, s, p), (e_r, e_s, e_p) = emotion.chunk(3), batch.expressions.chunk(3)
    d_rs = embedding_distance(r, s, settings.style.emotion_distance)
    d_rp = embedding_distance(r, p, settings.style.emotion_distance)
    lambda_rs, lambda_rp = torch.ones_like(d_rs), torch.zeros_like(d_rp)
    if settings.style.expression_weights:
        lambda_rs = expression_similarity(e_r, e_s)
        lambda_rp = expression_similarity(e_r, e_p)
    codes = gathered(emotion.mean(1), 3)  # (3 B, 128), B of all processes
    if settings.style.contrast == "supervised":
        loss = supervised_contrast(codes, gathered(batch.labels, 3))
    elif settings.style.contrast == "infonce":
        r, s, p = codes.chunk(3)
        loss = info_nce(r, s, p)
    else:
        loss = emotion_contrast(d_rs, d_rp, lambda_rs, lambda_rp, settings.style.margin)
    if settings.style.contrast == "variance":
        loss = loss + variance_loss(codes)
    monitored = {"d_rs": d_rs.mean(), "d_rp": d_rp.mean()}
    monitored |= similarity_metrics("lambda_rs", lambda_rs)
    monitored |= similarity_metrics("lambda_rp", lambda_rp)
    return loss, monitored | code_metrics("emotion", codes)
