"""Checkers of lesson 03, face alignment."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from course.exercises.checking import (
    answer_of,
    close,
    expect,
    number_of,
    right,
    tensor_of,
)
from emoface_lib.core.landmarks import EYE_DISTANCE, STABLE, mean_face
from emoface_lib.features.align import icp, kabsch
from emoface_lib.method.losses import expression_similarity

ANGLES = range(0, 95, 5)  # degrees
ROUNDS, NEAREST = 20, 1e-3  # reweighting; px, below which no weight grows


def check_angle(function: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """The angle between two rotations, degrees."""
    some = Rotation.random(20, random_state=3).as_matrix()
    with np.errstate(invalid="ignore"):
        same = [number_of(answer_of(function, each, each)) for each in some]
    expect(
        not np.isnan(same).any(),
        "between two equal rotations it is sometimes not a number: rounding brings "
        "the cosine just above 1. Clip it.",
    )
    answer = np.array([number_of(answer_of(function, some[0], x)) for x in some])
    truth = np.array([degrees_between(some[0], x) for x in some])
    forward = np.array([degrees_between(some[0].T, x) for x in some])
    expect(not close(answer, np.radians(truth)), "this is in radians.")
    expect(
        not close(answer, forward),
        "two equal rotations are not 0 apart: this is the angle of one turn after the "
        "other. Undo the first one; a rotation's inverse is its transpose.",
    )
    expect(
        not close(answer, 2 * truth),
        "everything is twice too large. Solve the trace for the cosine once more.",
    )
    expect(
        close(answer, truth),
        f"it gives {answer[1]:.1f} degrees in place of {truth[1]:.1f}.",
    )
    right("one number says how far two poses are apart, about whatever axis.")


def check_first_lost(function: Callable[[np.ndarray, Sequence[float]], float]) -> None:
    """The first yaw that ICP does not undo, on few points and on all."""
    face = EYE_DISTANCE * mean_face()
    for points in (face[STABLE], face):
        answer = number_of(answer_of(function, points.copy(), ANGLES))
        found = lost(points)
        expect(
            answer != 5,
            "the smallest turn is said to be lost already. ICP's rotation *undoes* the "
            "turn: their product is the identity.",
        )
        expect(
            answer not in (0, ANGLES[-1], np.inf),
            "it is said that ICP undoes every turn, or none. Did you call `kabsch`, "
            "which knows the pairs? And is the turn a yaw, about `y`?",
        )
        expect(
            answer != found - 5,
            "this is the last turn that is undone; asked is the first that is not.",
        )
        expect(
            answer == found,
            f"with {len(points)} points it gives {answer:g} in place of {found}.",
        )
    right("more points don't widen ICP's reach: neighbours are taken for the pair.")


def check_threshold_at(
    function: Callable[[Tensor, Tensor, Tensor, float], Tensor],
) -> None:
    """The threshold of eq. (5) when softmaxes are flattened."""
    generator = torch.Generator().manual_seed(3)
    logits, other, noise = torch.randn(3, 40, 7, generator=generator).mul(4)
    e = [x.softmax(1) for x in (logits, logits + noise / 8, other)]
    answer = number_of(answer_of(function, *e, 3.0))
    sharp, flat = _threshold(e, 1), _threshold(e, 3)
    twice = [(x / 3).softmax(1) for x in e]
    rs, rp = _lambdas([_flat(x, 3) for x in e])
    expect(
        not close(answer, sharp),
        "the temperature changes nothing. Flatten all three softmaxes first.",
    )
    expect(
        not close(answer, _threshold(e, 1 / 3)),
        "this makes the model surer. A temperature above 1 *divides* logarithms.",
    )
    expect(
        not close(answer, _threshold(twice, 1)),
        "this is a softmax of probabilities. Logits are their logarithms.",
    )
    expect(
        not close(answer, (rs / (1 - rp)).mean()),
        "a mean of ratios is ruled by the few pairs that look alike. The loss is a "
        "mean over triplets: take each lambda's mean first.",
    )
    expect(close(answer, flat), f"it gives {answer:.2f} in place of {flat:.2f}.")
    right("the less sure the model, the more of the embedding eq. (5) lets die (05).")


def check_robust_rotation(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> None:
    """A rotation by distances in place of their squares: one point is far off."""
    x, y, turn = misread_face()
    given = answer_of(function, x.copy(), y.copy())
    answer = tensor_of(torch.as_tensor(given), (3, 3)).double().numpy()
    plain = kabsch(x[None], y)[0]
    off, usual = degrees_between(answer, turn), degrees_between(plain, turn)
    expect(
        degrees_between(answer.T, turn) > 2,
        "this rotation leads from y to x. Transpose it.",
    )
    expect(
        abs(off - usual) > 0.1,
        f"one misread point of nine still turns the face by {usual:.0f} degrees, as in "
        "Kabsch's step. Do the weights enter both centres and the sum of products?",
    )
    expect(
        off < usual,
        "it follows the misread point even more. A point that is far off should "
        "weigh *less*.",
    )
    still = degrees_between(weighted_off_centre(x, y), turn)
    expect(
        abs(off - still) > 0.1,
        f"it is still {off:.1f} degrees off. The centres are plain means, which the "
        "misread point pulls along: weigh them, too.",
    )
    expect(off < 1, f"it is {off:.1f} degrees off; 20 rounds bring it below 1.")
    right("distances forgive one bad point, squares don't: eq. (10) once more (04).")


def degrees_between(first: np.ndarray, second: np.ndarray) -> float:
    """Angle of the rotation from one float[3, 3] to another, degrees."""
    cosine = (np.trace(second @ first.T) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def lost(points: np.ndarray) -> int:
    """The first yaw of ANGLES from which ICP does not lead back."""
    for angle in ANGLES:
        turn = Rotation.from_euler("y", angle, degrees=True).as_matrix()
        back = icp((points @ turn.T)[None], points)[0]
        if np.abs(back @ turn - np.eye(3)).max() > 1e-3:
            return angle
    return ANGLES[-1]


def misread_face() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stable points x and y float[9, 3] px, one of x misread; R with R x = y."""
    y = EYE_DISTANCE * mean_face()[STABLE]
    turn = Rotation.from_euler("yxz", [18, -7, 5], degrees=True).as_matrix()
    noise = np.random.default_rng(3).normal(0, 0.3, y.shape)
    x = y @ turn + [40, -9, 3] + noise
    x[5] += [25, -10, 20]
    return x, y, turn


def weighted_off_centre(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A likely mistake: weights 1 / distance, but about plain means."""
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    weights = np.ones(len(x))
    for _ in range(ROUNDS):
        rotation = kabsch_of(weights[:, None] * a, b)
        away = np.linalg.norm(a @ rotation.T - b, axis=1)
        weights = 1 / np.maximum(away, NEAREST)
    return rotation


def kabsch_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kabsch's rotation of float[P, 3] points as they are, without centring."""
    u, _, vt = np.linalg.svd(x.T @ y)
    return np.asarray(vt.T @ u.T)


def _flat(softmax: Tensor, temperature: float) -> Tensor:
    return (softmax.log() / temperature).softmax(1)


def _lambdas(e: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    return expression_similarity(e[0], e[1]), expression_similarity(e[0], e[2])


def _threshold(e: Sequence[Tensor], temperature: float) -> float:
    rs, rp = _lambdas([_flat(x, temperature) for x in e])
    return float(rs.mean() / (1 - rp.mean()))
