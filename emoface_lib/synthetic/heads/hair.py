"""Hair of a drawn head, in texture space: where it lies, its strands, its shadow."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emoface_lib.core.files import read_table
from emoface_lib.synthetic.heads.look import Look
from emoface_lib.synthetic.heads.mesh import spline
from emoface_lib.synthetic.heads.sheet import Sheet


@dataclass(frozen=True)
class Style:
    """Outline of a hairstyle in face units, and how it flows.

    hairline : from the right to the left side, (P, 2); below : where the hair ends
    beside the face; back : length of the hair that shows behind neck and shoulders, 0
    for none; flow : "down", "aside", "up" or "curls".
    """

    hairline: np.ndarray
    flow: str
    width: float
    top: float
    below: float
    back: float


STYLES = {
    name: Style(np.array(line.split(), float).reshape(-1, 2), flow, *map(float, sizes))
    for name, *sizes, flow, line in read_table(Path(__file__).with_suffix(".csv"))
}


@dataclass(frozen=True)
class Locks:
    """Hair in front: colour (H, W, 3), alpha and shadow on the skin (H, W), 0 to 1."""

    color: np.ndarray
    alpha: np.ndarray
    shadow: np.ndarray


def hair_locks(look: Look, sheet: Sheet, rng: np.random.Generator) -> Locks:
    """Draw the hair in front of the head."""
    if look.hairstyle == "bald":
        none = np.zeros(sheet.shape, np.float32)
        return Locks(np.zeros((*sheet.shape, 3), np.float32), none, none)
    style = STYLES[look.hairstyle]
    alpha = sheet.area(_outline(style), 0.008)
    if style.flow == "curls":
        alpha = _frizzy(alpha, sheet, rng)
    if style.flow == "up":
        knot = sheet.ellipse(np.array([0.0, -1.27]), (0.26, 0.15), 0, 0.008)
        alpha = np.maximum(alpha, knot)
    drop = np.array([[1, 0, 0], [0, 1, 0.035 * sheet.density]])
    fallen = cv2.warpAffine(alpha, drop, sheet.shape[::-1])
    shadow = cv2.GaussianBlur(fallen, (0, 0), 0.03 * sheet.density)
    return Locks(_strands(look, style, sheet, rng), alpha, shadow)


def _outline(style: Style) -> np.ndarray:
    angle = np.linspace(np.pi, 2 * np.pi, 40)
    height = -0.1 - style.top
    over = np.c_[style.width * np.cos(angle), -0.1 + height * np.sin(angle)]
    line = spline(style.hairline, 8)
    if style.below > 0.5:
        side = style.width + 0.02
        low = [(side + 0.02, 0.3), (side, style.below)]
        right = np.array([(-x, y) for x, y in low[::-1]])
        over = np.concatenate([right, over, np.array(low)])
    return np.concatenate([over, line[::-1]])


def _frizzy(alpha: np.ndarray, sheet: Sheet, rng: np.random.Generator) -> np.ndarray:
    """An edge broken by curls."""
    bumps = _smooth_noise(sheet, rng, 0.035)
    soft = cv2.GaussianBlur(alpha, (0, 0), 0.03 * sheet.density)
    near = np.clip(soft * 20, 0, 1)
    return np.clip((soft + 0.14 * near * bumps - 0.5) * 5 + 0.5, 0, 1) * near


def _strands(
    look: Look, style: Style, sheet: Sheet, rng: np.random.Generator
) -> np.ndarray:
    """Hair colour with strands and a band of light, float32 (H, W, 3)."""
    if style.flow == "curls":
        lines = _smooth_noise(sheet, rng, 0.022) + 0.5 * _smooth_noise(sheet, rng, 0.05)
        lines = lines * (1 - 0.5 * np.mean(look.hair) / 255)  # light hair hides depth
    else:
        lines = _meridian_noise(_across(style, sheet), sheet, rng)
    light = np.array(look.light)
    # the crown faces the light from above, the sides turn away
    round_x = np.clip(np.abs(sheet.x) / style.width, 0, 1)
    shade = 1.12 - 0.45 * round_x**2 - 0.22 * np.clip(sheet.y + 0.6, 0, 1.2)
    shade += 0.12 * light[0] * sheet.x
    edge = np.clip((sheet.y - style.top) / 0.12, 0, 1)
    shade *= 0.75 + 0.25 * edge
    arc = sheet.y - style.top - 0.26 - 0.3 * sheet.x**2
    band = np.exp(-((arc / 0.10) ** 2)) * (1 - round_x**2)
    base = np.array(look.hair)
    color = base * (shade + 0.17 * lines)[..., None]
    gloss = band * (0.6 + 0.4 * lines) * (1 - 0.5 * (style.flow == "curls"))
    return (color + gloss[..., None] * (10 + 0.30 * base)).astype(np.float32)


def _across(style: Style, sheet: Sheet) -> np.ndarray:
    """A coordinate that is constant along a strand, (H, W)."""
    if style.flow == "up":  # gathered in the knot
        return np.arctan2(sheet.x, sheet.y + 1.45) / np.pi * 2
    part = -0.33 if style.flow == "aside" else 0.0
    height = np.clip((-0.1 - sheet.y) / (-0.1 - style.top + 0.02), 0, 0.999)
    half_width = np.sqrt(1 - height**2)  # half the outline's width at this height
    return (sheet.x - part * height) / (half_width + 0.04)


def _meridian_noise(
    across: np.ndarray, sheet: Sheet, rng: np.random.Generator
) -> np.ndarray:
    """Noise that varies across the strands and hardly along them, deviation 1."""
    wave = across + 0.015 * _smooth_noise(sheet, rng, 0.15)
    total = np.zeros(sheet.shape)
    for count, weight in ((24, 1.0), (60, 0.9), (110, 0.6)):
        table = rng.normal(size=4 * count)
        total += weight * np.interp(wave, np.linspace(-2, 2, 4 * count), table)
    return total / total.std()


def _smooth_noise(sheet: Sheet, rng: np.random.Generator, size: float) -> np.ndarray:
    """Isotropic noise with grains of `size` face units, deviation 1."""
    noise = cv2.GaussianBlur(rng.normal(size=sheet.shape), (0, 0), size * sheet.density)
    return noise / noise.std()
