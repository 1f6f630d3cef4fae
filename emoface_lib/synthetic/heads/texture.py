"""What is drawn once for a person: the head's texture, in texture space.

Skin with its light and shade, lips, brows, beard, creases, hair. All places are face
units of the frontal mean face (see `mesh`).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.files import read_table
from emoface_lib.core.landmarks import RIGHT_BROW, RIGHT_EYE, mean_face
from emoface_lib.synthetic.heads.hair import Locks, hair_locks
from emoface_lib.synthetic.heads.look import Look
from emoface_lib.synthetic.heads.mesh import EARS, SKULL, TOP_OF_SKULL, depth, spline
from emoface_lib.synthetic.heads.sheet import Sheet

SIDES = (-1, 1)  # right and left side of the face, as the sign of x
# Creases of an expression at weight 1, and of an old face at rest: darkness, width and
# points in face units, right side; the left is mirrored.
FOLDS: dict[str, list[tuple[float, float, np.ndarray]]] = {}
_TABLE = read_table(Path(__file__).with_name("folds.csv"))
for _name, _darkness, _width, _points in _TABLE:
    _line = np.array(_points.split(), float).reshape(-1, 2)
    FOLDS.setdefault(_name, []).append((float(_darkness), float(_width), _line))
TURN = 25.0  # degrees of yaw for which the shaded skin is kept
# Soft spots on both sides of the face: "hollows", dark places where little light falls,
# "blush" and "beard"; weight, x, y, width and height each.
SPOTS: dict[str, list[list[float]]] = {}
for _name, *_spot, _where in read_table(Path(__file__).with_name("spots.csv")):
    SPOTS.setdefault(_name, []).append([float(number) for number in _spot])


@dataclass(frozen=True)
class HeadTexture:
    """The head of a person, ready to be warped.

    turned : the head at yaw -TURN and +TURN, uint8 (H, W, 4), RGB times alpha
    folds : uint8 (6, H, W), darkness of each expression's creases at weight 1
    """

    turned: tuple[np.ndarray, np.ndarray]
    folds: np.ndarray
    sheet: Sheet


def head_texture(look: Look, density: float) -> HeadTexture:
    """Draw a head at `density` px a face unit."""
    sheet = Sheet(density)
    rng = np.random.default_rng(look.texture_seed)
    locks = hair_locks(look, sheet, rng)
    render = _skin_paint(look, sheet, rng)
    head = _head_outline(sheet)
    turned = []
    for yaw in (-TURN, TURN):
        skin = _lit(render, look, sheet, yaw)
        skin = _with_features(skin, look, sheet, np.random.default_rng(1))
        turned.append(_premultiplied(skin, head, locks))
    bare = head * (1 - locks.alpha)
    folds = [creases(sheet, name) * bare for name in EXPRESSIONS if name in FOLDS]
    darkness = (np.stack(folds) * 255).astype(np.uint8)
    return HeadTexture((turned[0], turned[1]), darkness, sheet)


def blobs(sheet: Sheet, name: str) -> np.ndarray:
    """Sum of the Gaussian spots of a name in SPOTS, float32 (H, W).

    At x = 0 there is one, in the middle.
    """
    total = np.zeros(sheet.shape, np.float32)
    for weight, x, y, width, height in SPOTS[name]:
        for side in SIDES if x else (1,):
            total += weight * np.exp(
                -(((sheet.x - side * x) / width) ** 2) - ((sheet.y - y) / height) ** 2
            )
    return total


def creases(sheet: Sheet, name: str) -> np.ndarray:
    """Darkness of an expression's creases, float (H, W), 0 to 1."""
    total = np.zeros(sheet.shape, np.float32)
    for darkness, width, points in FOLDS[name]:
        for side in SIDES:
            line = spline(points * [-side, 1])
            total = np.maximum(total, darkness * sheet.stroke(line, width, 0.8 * width))
    return total


@cache
def _relief(density: float) -> np.ndarray:
    """Unit normals of the mean head, towards the viewer, (H, W, 3)."""
    sheet = Sheet(density)
    x, y = sheet.x[::4, ::4], sheet.y[::4, ::4]
    z = depth()(np.stack([x.ravel(), y.ravel()], 1)).reshape(x.shape)
    step = 4 / density
    dy, dx = np.gradient(cv2.GaussianBlur(z, (0, 0), 0.8), step)
    normals = np.stack([dx, dy, -np.ones_like(dx)], -1)
    size = sheet.shape[::-1]
    normals = cv2.resize(normals, size, interpolation=cv2.INTER_CUBIC)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def _lit(render: np.ndarray, look: Look, sheet: Sheet, yaw: float) -> np.ndarray:
    """Skin colour under the light when the head is turned; float (H, W, 3)."""
    normals = _relief(sheet.density)
    light = np.array(look.light) / np.linalg.norm(look.light)
    half = light + np.array([0.0, 0, -1])
    half /= np.linalg.norm(half)
    c, s = np.cos(np.deg2rad(yaw)), np.sin(np.deg2rad(yaw))
    back = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])  # light in the head's frame
    facing = np.clip(-(normals @ back.T)[..., 2], 0, 1)
    diffuse = np.clip(normals @ (back.T @ light), 0, 1)
    shine = np.clip(normals @ (back.T @ half), 0, 1) ** 26
    shade = (0.40 + 0.63 * diffuse) * (0.74 + 0.26 * facing)
    shade = shade * (1 - np.clip(blobs(sheet, "hollows"), 0, 0.6))
    # blood under the skin: shadows lose less red than green and blue
    return render * shade[..., None] ** [0.88, 1.04, 1.08] + shine[..., None] * 28


def _skin_paint(look: Look, sheet: Sheet, rng: np.random.Generator) -> np.ndarray:
    """The skin's own colour: blush, pores, spots of age, beard; float (H, W, 3)."""
    noise = [
        cv2.GaussianBlur(rng.normal(size=sheet.shape), (0, 0), s * sheet.density) * s
        for s in (0.012, 0.05)
    ]
    pores = sum(n / n.std() * a for n, a in zip(noise, (0.016, 0.014), strict=True))
    render = np.array(look.skin) * (1 + pores[..., None])
    blush = 0.16 * blobs(sheet, "blush")[..., None]
    render = render * (1 - blush) + render * [1.0, 0.62, 0.58] * blush
    spots = np.clip(noise[1] / noise[1].std() - 1.4, 0, 1) * 0.25 * look.age
    render = render * (1 - spots[..., None] * [0.6, 0.9, 1.0])
    if not look.beard:
        return render
    hairs = 0.75 + 0.25 * np.clip(noise[0] / noise[0].std(), -1.5, 1.5)
    area = np.clip(blobs(sheet, "beard") * 1.3 - 0.1, 0, 1)
    beard = np.clip(area * look.beard * 0.85 * hairs, 0, 0.92)[..., None]
    hair = 0.55 * np.array(look.hair) + 0.3 * np.array(look.skin) * [1.0, 0.85, 0.8]
    return render * (1 - beard) + hair * beard


def _with_features(
    skin: np.ndarray, look: Look, sheet: Sheet, rng: np.random.Generator
) -> np.ndarray:
    """Ears, nose, lids, lips, brows and the lines of age over lit skin."""
    ear = np.array([(-0.90, 0.0), (-0.91, 0.12), (-0.88, 0.26)])
    for side in SIDES:
        line = sheet.stroke(spline(ear * [side, 1]), 0.03, 0.01)
        skin = sheet.mix(skin, _dark(look), 0.6 * line)
    skin = skin * (1 - 0.8 * look.age**1.5 * creases(sheet, "age")[..., None])
    skin = _nose(skin, look, sheet)
    for side in SIDES:
        skin = _lids(skin, look, sheet, side)
    skin = _lips(skin, look, sheet)
    return _brows(skin, look, sheet, rng)


def _dark(look: Look) -> np.ndarray:
    """The colour of lines in the skin, (3,)."""
    return np.array(look.skin) * 0.42


def _nose(skin: np.ndarray, look: Look, sheet: Sheet) -> np.ndarray:
    face, dark = mean_face(), _dark(look)
    base = face[31:36, :2]
    wings = [base[0] + [-0.045, -0.09], base[0] + [-0.035, -0.02]]
    under = [base[0] + [0.01, 0.012], base[1] + [0, 0.022], base[2] + [0, 0.02]]
    under += [base[3] + [0, 0.022], base[4] + [-0.01, 0.012]]
    others = [base[4] + [0.035, -0.02], base[4] + [0.045, -0.09]]
    line = spline(np.array(wings + under + others))
    skin = sheet.mix(skin, dark, 0.55 * sheet.stroke(line, 0.025, 0.012))
    for side in SIDES:
        hole = np.array([side * 0.072, base[2, 1] - 0.016])
        spot = sheet.ellipse(hole, (0.042, 0.019), -14.0 * side, 0.006)
        skin = sheet.mix(skin, np.array(look.skin) * 0.16, 0.9 * spot)
    away = 1 if look.light[0] < 0 else -1  # the side in shadow
    flank = spline(face[27:31, :2] + [away * 0.085, 0.0])
    skin = sheet.mix(skin, dark, 0.22 * sheet.stroke(flank, 0.06, 0.035))
    bridge = spline(face[27:31, :2])
    skin = skin + 22 * sheet.stroke(bridge, 0.03, 0.025)[..., None]
    tip = face[30, :2] + [look.light[0] * 0.05, -0.02]
    return skin + 36 * sheet.ellipse(tip, (0.05, 0.045), 0, 0.025)[..., None]


def _lids(skin: np.ndarray, look: Look, sheet: Sheet, side: int) -> np.ndarray:
    """The socket's shadow, the upper lid's fold, and lid skin where the eye will be."""
    dark, eye = _dark(look), mean_face()[RIGHT_EYE, :2] * [-side, 1]
    upper = eye[:4]
    lid = sheet.area(spline(eye, closed=True), 0.012)
    skin = sheet.mix(skin, np.array(look.skin) * 0.72, lid)
    shadow = sheet.stroke(spline(upper + np.array([0, -0.05])), 0.05, 0.02)
    skin = sheet.mix(skin, np.array(look.skin) * 0.5, 0.45 * shadow)
    lift = np.array([[0, -0.012], [0, -0.044], [0, -0.044], [0, -0.018]])
    fold = sheet.stroke(spline(upper + lift), 0.012, 0.004)
    skin = sheet.mix(skin, dark, 0.6 * fold)
    bag = sheet.stroke(spline(eye[[3, 4, 5, 0]] + [0, 0.05]), 0.03, 0.015)
    return sheet.mix(skin, dark, (0.10 + 0.2 * look.age) * bag)


def _lips(skin: np.ndarray, look: Look, sheet: Sheet) -> np.ndarray:
    dark, outer, inner = _dark(look), mean_face()[48:60, :2], mean_face()[60:68, :2]
    top, bottom = spline(outer[:7]), spline(outer[[6, 7, 8, 9, 10, 11, 0]])
    seam = spline(inner[:5])
    color = np.array(look.lip)
    both = sheet.area(np.concatenate([top, bottom]), 0.008)
    skin = sheet.mix(skin, color * 0.93, both)
    upper = sheet.area(np.concatenate([top, seam[::-1]]), 0.006)
    skin = sheet.mix(skin, color * 0.80, upper)
    light = (inner[[7, 6, 5]] + outer[[10, 9, 8]]) / 2
    skin = skin + 32 * sheet.stroke(spline(light), 0.028, 0.014)[..., None]
    bow = outer[[2, 3, 4]] + [0, 0.014]
    skin = skin + 12 * sheet.stroke(spline(bow), 0.012, 0.008)[..., None]
    below = spline(outer[[11, 10, 9, 8, 7]] + [0, 0.04])
    skin = sheet.mix(skin, dark, 0.36 * sheet.stroke(below, 0.035, 0.022))
    skin = sheet.mix(skin, dark * 0.7, 0.5 * sheet.stroke(seam, 0.014, 0.006))
    for corner in (outer[0], outer[6]):
        spot = sheet.ellipse(corner, (0.02, 0.02), 0, 0.012)
        skin = sheet.mix(skin, dark, 0.5 * spot)
    return skin


def _brows(
    skin: np.ndarray, look: Look, sheet: Sheet, rng: np.random.Generator
) -> np.ndarray:
    """Draw brows below their landmarks, where detectors place them."""
    color = np.array(look.hair) * (0.6 if np.mean(look.hair) < 150 else 0.5)
    for side in SIDES:
        brow = mean_face()[RIGHT_BROW, :2] * [-side, 1]
        brow[0] += [0.025 * side, 0.012]  # tails are thin and would be read short
        line = spline(brow, 8)
        t = np.linspace(0, 1, len(line))
        thick = look.brow * np.interp(t, [0, 0.35, 0.9, 1], [0.25, 1, 1.15, 0.8])
        up, down = np.c_[0 * t, -0.05 * thick], np.c_[0 * t, 1.45 * thick]
        body = sheet.area(np.concatenate([line + up, (line + down)[::-1]]), 0.008)
        skin = sheet.mix(skin, color, 0.78 * body)
        start = line + down * rng.uniform(0.4, 0.95, (len(t), 1))
        end = start - np.c_[0 * t - 0.035 * side, 0.9 * thick]
        hairs = sheet.strokes(zip(start, end, strict=True), 0.009)
        skin = sheet.mix(skin, color * 0.65, 0.6 * hairs)
    return skin


def _head_outline(sheet: Sheet) -> np.ndarray:
    """Where there is head and not air, float (H, W) 0 to 1."""
    face = mean_face()
    jaw, mirrored = face[:17, :2], [-1, 1]
    right = SKULL[:, :2]
    top = np.concatenate([right, TOP_OF_SKULL[:1, :2], right[::-1] * mirrored])
    outline = np.concatenate([jaw[::-1], top])
    head = sheet.area(spline(outline, closed=True), 0.006)
    ear = np.concatenate([[[-0.70, -0.10]], EARS[:, :2], [[-0.66, 0.42]]])
    for side in SIDES:
        area = sheet.area(spline(ear * [-side, 1], closed=True), 0.006)
        head = np.maximum(head, area)
    return head


def _premultiplied(skin: np.ndarray, head: np.ndarray, locks: Locks) -> np.ndarray:
    """Skin under the hair's shadow and the hair, RGB times alpha with alpha."""
    shaded = np.clip(skin, 0, 255) * (1 - 0.45 * locks.shadow[..., None])
    color = shaded * head[..., None]
    cover = locks.alpha[..., None]
    color = color * (1 - cover) + np.clip(locks.color, 0, 255) * cover
    alpha = head * (1 - locks.alpha) + locks.alpha
    layers = np.concatenate([color, 255 * alpha[..., None]], -1)
    return np.ascontiguousarray(layers.round().astype(np.uint8))
