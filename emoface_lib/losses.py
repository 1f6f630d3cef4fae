"""The paper's losses, one function an equation. Taught in notebooks 04 to 06."""

from torch import Tensor
from torch.nn.functional import cosine_similarity


def landmark_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """L_landmark = |L_v - L_p|, eq. (10): mean over coordinates.

    Both : Tensor[B, T, 68, 2] px of the canvas.
    """
    return (truth - predicted).abs().mean()


def image_loss(synthesised: Tensor, truth: Tensor) -> Tensor:
    """L_image = |I_s - I_t|, eq. (11): mean over pixels.

    Both : Tensor[B, 3, H, W] in [0, 1].
    """
    return (synthesised - truth).abs().mean()


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
