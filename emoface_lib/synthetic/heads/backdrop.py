"""What is behind and below a drawn head: background, hair, neck, clothes."""

import cv2
import numpy as np

from emoface_lib.synthetic.heads.hair import STYLES
from emoface_lib.synthetic.heads.look import Look
from emoface_lib.synthetic.heads.mesh import spline
from emoface_lib.synthetic.heads.sheet import Sheet

BODY_EXTENT = (-2.2, 0.45, 2.2, 2.6)  # face units
BODY_DEPTH, BACK_HAIR_DEPTH = 0.55, 0.75  # planes that the two layers lie in
NECK = np.array([[-0.40, 0.6], [-0.46, 1.1], [-0.58, 1.62], [0.58, 1.62], [0.46, 1.1]])
NECK = np.concatenate([NECK, [[0.40, 0.6]]])
SHOULDER = [(-2.3, 2.7), (-2.25, 2.05), (-1.7, 1.76), (-0.95, 1.56)]
NECKLINES = {  # right half, from the shoulder to the middle
    "round": [(-0.62, 1.40), (-0.35, 1.60), (0.0, 1.68)],
    "collar": [(-0.56, 1.28), (-0.30, 1.50), (0.0, 1.78)],
    "jacket": [(-0.58, 1.32), (-0.34, 1.58), (0.0, 2.2)],
    "scoop": [(-0.80, 1.50), (-0.5, 1.78), (0.0, 1.95)],
}


def background(look: Look, size: int) -> np.ndarray:
    """The picture behind the person: float32 (size, size, 3) RGB, about 0..255."""
    rng = np.random.default_rng(look.texture_seed + 1)
    near, far = (np.array(c) for c in look.background_colours)
    x, y = np.meshgrid(*2 * [(np.arange(size) + 0.5) / size])
    if look.background == "studio":
        t = np.clip(np.hypot(x - 0.5, y - 0.4) * 1.5, 0, 1)
    elif look.background == "wall":
        t = np.clip(0.25 * y + 0.5 * np.abs(x - rng.uniform(0, 1)), 0, 1)
    else:
        t = np.clip(0.4 * x + 0.6 * y, 0, 1)
    picture = near + (far - near) * t[..., None]
    if look.background == "window":
        picture = _window(picture, rng)
    if look.background == "shelves":
        picture = _shelves(picture, rng)
    grain = cv2.GaussianBlur(rng.normal(size=(size, size)), (0, 0), size / 80)
    return (picture + 2 * (grain / grain.std())[..., None]).astype(np.float32)


def body(look: Look, density: float) -> tuple[Sheet, np.ndarray]:
    """Neck, shoulders and clothes: their sheet and uint8 (H, W, 4), RGB times alpha."""
    sheet = Sheet(density, BODY_EXTENT)
    skin = np.array(look.skin) * [0.80, 0.74, 0.70]
    across = np.clip(1.02 - 0.55 * sheet.x**2, 0.35, None)
    lean = 1 + 0.12 * np.clip(look.light[0] * sheet.x, -1, 1)
    color = skin * (across * lean)[..., None]
    chin = np.array([0.0, 0.95])
    shade = sheet.ellipse(chin, (0.75, 0.52), 0, 0.10)
    color = color * (1 - 0.52 * shade[..., None])
    hollow = sheet.ellipse(np.array([0.0, 1.56]), (0.1, 0.06), 0, 0.05)
    color = color * (1 - 0.2 * hollow[..., None])
    chest = spline(_symmetric([*SHOULDER, (-0.62, 1.38), (0.0, 1.45)]))
    neck = sheet.area(spline(NECK, closed=True), 0.006)
    alpha = np.maximum(neck, sheet.area(chest, 0.006))
    cloth, cover = _clothes(look, sheet)
    color = sheet.mix(color, cloth, cover)
    return sheet, premultiplied(color, np.maximum(alpha, cover))


def back_hair(look: Look, density: float) -> tuple[Sheet, np.ndarray] | None:
    """Hair behind neck and shoulders; None if there is none.

    density : px a face unit. Returns the sheet and uint8 (H, W, 4), RGB times alpha.
    """
    style = STYLES.get(look.hairstyle)
    if style is None or not style.back:
        return None
    sheet = Sheet(density)
    angle = np.linspace(0, 2 * np.pi, 60)
    y = np.sin(angle)
    down = np.where(y > 0, style.back + 0.1, -style.top - 0.12)
    outline = np.c_[1.03 * np.cos(angle), -0.1 + y * down]
    shade = 0.72 - 0.25 * np.abs(sheet.x) + 0.06 * np.sin(sheet.x * 60)
    color = np.array(look.hair) * np.clip(shade, 0.3, 1)[..., None]
    return sheet, premultiplied(color, sheet.area(outline, 0.02))


def premultiplied(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colour (H, W, 3) times alpha (H, W), with alpha as fourth channel, uint8."""
    layers = np.dstack([np.clip(color, 0, 255) * alpha[..., None], 255 * alpha])
    return np.ascontiguousarray(layers.round().astype(np.uint8))


def _clothes(look: Look, sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H, W, 3) and cover (H, W) of the clothes."""
    cloth = np.array(look.clothes_colour)
    neckline = NECKLINES[look.clothes]
    cover = sheet.area(spline(_symmetric([*SHOULDER, *neckline])), 0.006)
    folds = np.sin(sheet.x * 5 + 1.5 * np.sin(sheet.y * 4)) * 0.04
    shade = 0.98 + folds - 0.12 * np.abs(sheet.x) - 0.15 * (sheet.y - 1.5)
    color = cloth * shade[..., None]
    if look.clothes == "round":
        seam = spline(_symmetric([(x * 1.04, y + 0.03) for x, y in neckline]))
        color = sheet.mix(color, cloth * 0.72, sheet.stroke(seam, 0.03, 0.01))
    if look.clothes in ("collar", "jacket"):
        color, cover = _collar(look, sheet, color, cover)
    return color, cover


def _collar(
    look: Look, sheet: Sheet, color: np.ndarray, cover: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A shirt's collar; under a jacket, a shirt and the jacket's lapels."""
    cloth = np.array(look.clothes_colour)
    shirt = cloth if look.clothes == "collar" else np.array([228.0, 228, 232])
    if look.clothes == "jacket":
        front = sheet.area(np.array([[-0.56, 1.34], [0, 1.72], [0.56, 1.34], [0, 2.6]]))
        color = sheet.mix(color, shirt * 0.93, np.maximum(front - cover, 0))
        cover = np.maximum(cover, front)
        tie = np.array([[-0.08, 1.68], [0.08, 1.68], [0.14, 2.6], [-0.14, 2.6]])
        dark = np.array(look.background_colours[1]) * 0.5
        color = sheet.mix(color, dark, sheet.area(tie))
    for side in (-1, 1):
        flap = np.array([[-0.56, 1.22], [-0.64, 1.45], [-0.26, 1.86], [-0.03, 1.70]])
        area = sheet.area(flap * [-side, 1], 0.006)
        edge = sheet.stroke((flap * [-side, 1])[1:], 0.014, 0.008)
        color = sheet.mix(color, shirt * 1.04, area)
        color = sheet.mix(color, shirt * 0.55, 0.7 * edge)
        cover = np.maximum(cover, area)
        if look.clothes == "jacket":
            lapel = np.array([[-0.64, 1.40], [-0.92, 1.85], [-0.45, 2.6], [-0.2, 2.6]])
            area = sheet.area(lapel * [-side, 1], 0.006)
            edge = sheet.stroke((lapel * [-side, 1])[:3], 0.016, 0.01)
            color = sheet.mix(color, cloth * 1.08, area)
            color = sheet.mix(color, cloth * 0.5, 0.8 * edge)
    return color, cover


def _window(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A bright window out of focus."""
    size = len(picture)
    left, width = rng.uniform(-0.1, 0.6), rng.uniform(0.3, 0.5)
    x0, x1 = int(left * size), int((left + width) * size)
    light: np.ndarray = np.zeros((size, size), np.float32)
    cv2.rectangle(light, (x0, -9), (x1, int(0.7 * size)), 1.0, -1)
    middle = (x0 + x1) // 2
    cv2.line(light, (middle, -9), (middle, int(0.7 * size)), 0.3, size // 40)
    light = cv2.GaussianBlur(light, (0, 0), size / 45)[..., None]
    return picture * (1 - 0.6 * light) + 0.6 * light * np.array([225.0, 232, 238])


def _shelves(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Books on shelves out of focus."""
    size = len(picture)
    books = picture * 0.6
    for top in np.arange(-0.05, 1.0, 0.24):
        x = 0.0
        while x < 1:
            width, height = rng.uniform(0.02, 0.06), rng.uniform(0.12, 0.19)
            corner = (int(x * size), int((top + 0.2 - height) * size))
            other = (int((x + width) * size), int((top + 0.2) * size))
            tint = picture.mean((0, 1)) * 0.5 + rng.uniform(20, 110, 3)
            cv2.rectangle(books, corner, other, tint.tolist(), -1)
            x += width
    return cv2.GaussianBlur(books, (0, 0), size / 60)


def _symmetric(half: list[tuple[float, float]]) -> np.ndarray:
    """An outline from its right half, whose last point lies in the middle."""
    points = np.array(half)
    return np.concatenate([points, points[-2::-1] * [-1, 1]])
