"""Eyelids of a photograph: the upper lid's own skin and lashes come down over the eye.

An eye has axes of its own: along it from corner to corner, 0..1, and down, px. Its lids
are curves over the first. In a blink the upper one goes down with its lashes and meets
the lower one, which rises a little; the skin that comes out of the fold is the eye's.
Lashes in its own colour hang from the edge, the shorter the nearer to the corners.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from emoface_lib.core.landmarks import eye_distance
from emoface_lib.translation.warp.fields import smoothstep
from emoface_lib.translation.warp.raster import box_around, pull


@dataclass(frozen=True)
class Eye:
    """Landmarks of an eye, from the picture's left to its right."""

    upper: tuple[int, ...]  # edge of the upper lid, corners included
    lower: tuple[int, ...]


EYES = (
    Eye((36, 37, 38, 39), (36, 41, 40, 39)),
    Eye((42, 43, 44, 45), (42, 47, 46, 45)),
)
MEETING = 0.85  # where the lids meet, as a share of the way down from the upper lid
BEYOND = 0.12  # share of an eye's width by which it reaches beyond its landmarks
ENDS = 0.12  # share of an eye's width, in which lashes grow whole
SHADES = (0.3, 1.1)  # how dark and how bright the fold may be against other skin
FOLD_SHARES = (0.2, 0.8)  # the part that a lid has at its edge and at its top
DARKEST = 30  # percentile of brightness along the upper edge, below which lashes are
RAISED = 0.4  # share of their reach that lashes have above the edge
COVER = 0.85  # opacity of the lashes
SHADE = 0.3  # darkness of the lid's shadow on the eyeball
PLAIN = 20  # grey levels; with less contrast shades hide the eye
OPEN = 0.97  # an eye open by more than this share of its own opening is left alone
PLACES = np.linspace(0, 1, 25)  # along an eye, where its upper edge is searched
# In eye distances:
SEARCH = 0.035  # how far from the landmarks the upper lid's edge may lie
SMOOTH = 0.008  # blur of the picture in which it is searched
LASHES = 0.03  # above the edge, which the skin moves without stretching
HANGING = 0.04  # below the edge of a closed eye, down to which lashes reach
RIM = 0.03  # depth inside the lids, in which the iris slides beneath them
SHADOW = 0.05  # depth of the lid's shadow on the eyeball
SKIN = (0.04, 0.14)  # below the lower lid, where skin is taken
FOLD = 0.06  # above the edge, where the light on the lid's top is read
TOP = 0.08  # above the edge, where the new skin begins; at the edge it is whole


def hold_lids(shift: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Shifts in which closing lids stay with the eye's corners, to squash no eyeball.

    shift, landmarks : float (68, 2) px. Widening lids keep their shift.
    """
    held = shift.copy()
    for eye in EYES:
        upper, lower = list(eye.upper[1:3]), list(eye.lower[1:3])
        gap = landmarks[lower] - landmarks[upper]
        if ((shift[lower] - shift[upper]) * gap).sum() < 0:
            held[upper + lower] = shift[list(eye.upper[::3])].mean(0)
    return held


class Lids:
    """Closes the eyes of a photograph.

    picture : uint8 (H, W, 3) RGB; landmarks : float (68, 2) px, whose upper lids are
    moved to the edge between skin and lashes that the picture shows.
    """

    def __init__(self, picture: np.ndarray, landmarks: np.ndarray) -> None:
        self.uppers = [upper_edge(picture, landmarks, eye) for eye in EYES]

    def draw(
        self,
        picture: np.ndarray,
        landmarks: np.ndarray,
        opened: np.ndarray,
        gaze: np.ndarray,
    ) -> None:
        """Turn the eyes of `picture` in place and close them as the landmarks say.

        landmarks : float (68, 2) px wanted; opened : (68, 2) px, of the open eyes
        shown; gaze : (2,) px, shift of the irises.
        """
        for eye, upper in zip(EYES, self.uppers, strict=True):
            if upper is None:
                continue
            if gaze.any():
                _turn(picture, opened, eye, gaze)
            share = _opening(landmarks, eye) / max(_opening(opened, eye), 1e-6)
            if share < OPEN:
                _close(picture, opened, eye, upper, 1 - max(share, 0.0))


def upper_edge(
    picture: np.ndarray, landmarks: np.ndarray, eye: Eye
) -> tuple[np.ndarray, np.ndarray] | None:
    """Where skin turns into lashes, float (PLACES,) eye distances below the landmarks.

    A parabola through the steepest falls of brightness, zero at the eye's corners.
    picture : uint8 (H, W, 3) RGB; landmarks : float (68, 2) px. Also returns the colour
    of two layers of lashes there, float32 (3,) RGB: skin's where none are seen. None if
    the eye can't be seen.
    """
    unit = float(eye_distance(landmarks))
    axes = _Axes.of(landmarks, eye)
    offsets = np.linspace(-SEARCH, SEARCH, 29)
    down = axes.curve(landmarks, eye.upper)(PLACES)[:, None] + offsets * unit
    points = axes.points(np.broadcast_to(PLACES[:, None], down.shape), down)
    box = box_around(points.reshape(-1, 2), 0.1 * unit, picture.shape)
    if not picture[box].size:
        return None
    part = cv2.GaussianBlur(picture[box], (0, 0), max(0.5, SMOOTH * unit))
    corner = [box[1].start, box[0].start]
    colours = pull(part, (points - corner).astype(np.float32)).astype(float)
    light = colours.mean(-1)
    if np.ptp(light) < PLAIN:
        return None
    fall = -np.gradient(light, axis=1) * (1 - (offsets / SEARCH) ** 2)
    steepest = fall.argmax(1)
    weight = np.take_along_axis(fall, steepest[:, None], 1)[:, 0].clip(0)
    arcs = (PLACES * (1 - PLACES))[:, None] * np.vander(PLACES - 0.5, 2)
    rows = weight[:, None] * arcs
    least = np.vstack([rows, 1e-3 * rows.sum() * np.eye(2) + 1e-6 * np.eye(2)])
    wanted = np.append(weight * offsets[steepest], [0, 0])
    edge = (arcs @ np.linalg.lstsq(least, wanted)[0]).clip(-SEARCH, SEARCH)
    near = np.abs(offsets - edge[:, None]) <= LASHES / 2
    dark = near & (light <= np.percentile(light[near], DARKEST))
    layer = colours[dark].mean(0)
    layers = layer * layer / np.maximum(colours.max((0, 1)), 1)
    return edge, layers.astype(np.float32)


@dataclass(frozen=True)
class _Axes:
    """Axes of an eye: its left corner (2,) px, along it to the other (2,) px, and the
    unit vector (2,) across it.

    Lids move beyond the landmarks of the corners, which detectors put inside an eye.
    """

    corner: np.ndarray
    along: np.ndarray
    down: np.ndarray

    @classmethod
    def of(cls, landmarks: np.ndarray, eye: Eye, reach: float = BEYOND) -> "_Axes":
        left, right = landmarks[[eye.upper[0], eye.upper[-1]]]
        beyond = reach * (right - left)
        along = right - left + 2 * beyond
        normal = np.array([-along[1], along[0]])
        return cls(left - beyond, along, normal / np.linalg.norm(normal))

    def coordinates(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Along the eye and px down, of points (..., 2) px."""
        offset = points - self.corner
        return offset @ self.along / (self.along @ self.along), offset @ self.down

    def points(self, along: np.ndarray, down: np.ndarray) -> np.ndarray:
        """Points (..., 2) px of coordinates."""
        return self.corner + along[..., None] * self.along + down[..., None] * self.down

    def curve(
        self, landmarks: np.ndarray, lid: tuple[int, ...]
    ) -> np.polynomial.Polynomial:
        """A lid's edge, px down over its place along the eye: a cubic."""
        along, down = self.coordinates(landmarks[list(lid[1:3])])
        places, depths = np.array([0, *along, 1]), np.array([0, *down, 0])
        return np.polynomial.Polynomial.fit(places, depths, 3)


def _opening(landmarks: np.ndarray, eye: Eye) -> float:
    """Height of the opening between the lids, px."""
    gap = landmarks[list(eye.lower[1:3])] - landmarks[list(eye.upper[1:3])]
    return float((gap @ _Axes.of(landmarks, eye).down).mean())


def _close(
    picture: np.ndarray,
    face: np.ndarray,
    eye: Eye,
    looks: tuple[np.ndarray, np.ndarray],
    closed: float,
) -> None:
    """Draw the lids of an open eye, closed by a share 0..1, in place.

    looks : of its upper lid, as found by `upper_edge`.
    """
    edge, lashes = looks
    unit = float(eye_distance(face))
    box = box_around(face[[*eye.upper, *eye.lower]], SKIN[1] * unit, picture.shape)
    part = picture[box].astype(np.float32)
    if not part.size:
        return
    region = _Region(picture, box, face, eye)
    down, taper = region.down, region.taper
    upper = region.upper + unit * np.interp(region.place, PLACES, edge)
    lower = np.maximum(region.lower, upper)
    height = closed * (lower - upper)
    rise, fall = (1 - MEETING) * height, MEETING * height
    below = (down - lower + rise) / unit  # the risen lower lid, in eye distances
    risen = region.pulled(rise * (1 - smoothstep(below / SKIN[1])))
    _lay(part, risen, np.clip(below * unit + 0.5, 0, 1))
    under = (down - upper - fall) / unit  # the fallen upper lid
    shadow = smoothstep(1 - under / SHADOW) * (under > 0) * (below < 0)
    part *= 1 - (SHADE * closed * taper * shadow)[..., None]
    up = (-under / (fall / unit + TOP)).clip(0, 1)
    lid = _lid_skin(region, upper, lower, up, unit)
    own = LASHES * taper + 0.5 / unit
    _lay(lid, region.pulled(-fall), smoothstep((own + under) / (0.7 * own)))
    above = smoothstep(1 + (down - upper) / (TOP * unit * taper + 0.5))
    cover = above * np.clip(0.5 - under * unit, 0, 1)
    _lay(part, lid, cover * np.minimum(1, fall))
    reach = HANGING * taper * np.where(under > 0, 1, RAISED) + 0.5 / unit
    hanging = COVER * taper * smoothstep(1 - np.abs(under) / reach)
    _lay(part, np.minimum(part, lashes), hanging * np.minimum(closed, fall))
    picture[box] = np.round(part.clip(0, 255))


def _turn(picture: np.ndarray, face: np.ndarray, eye: Eye, gaze: np.ndarray) -> None:
    """Shift the iris of an open eye behind its still lids, in place."""
    unit = float(eye_distance(face))
    box = box_around(face[[*eye.upper, *eye.lower]], 2, picture.shape)
    if not picture[box].size:
        return
    region = _Region(picture, box, face, eye, 0)
    depth = np.minimum(region.down - region.upper, region.lower - region.down)
    share = smoothstep(depth / (RIM * unit)) * region.taper
    origins = region.points - share[..., None] * gaze
    picture[box] = pull(picture, origins.astype(np.float32))


class _Region:
    """Pixels around an eye: where each lies along it and below its left corner."""

    def __init__(
        self,
        picture: np.ndarray,
        box: tuple[slice, slice],
        face: np.ndarray,
        eye: Eye,
        reach: float = BEYOND,
    ) -> None:
        self.picture, self.axes = picture, _Axes.of(face, eye, reach)
        y, x = np.mgrid[box].astype(np.float32)
        self.points = np.stack([x, y], -1)
        self.along, self.down = self.axes.coordinates(self.points)
        self.place = self.along.clip(0, 1)
        ends = np.minimum(self.along, 1 - self.along)
        self.taper = smoothstep(ends / ENDS)
        self.upper = self.axes.curve(face, eye.upper)(self.place)
        self.lower = self.axes.curve(face, eye.lower)(self.place)

    def pulled(self, shift: np.ndarray) -> np.ndarray:
        """The picture from `shift` px (h, w) further down: float32 (h, w, 3)."""
        origins = self.points + shift[..., None] * self.axes.down
        return pull(self.picture, origins.astype(np.float32)).astype(np.float32)


def _lid_skin(
    region: _Region, upper: np.ndarray, lower: np.ndarray, up: np.ndarray, unit: float
) -> np.ndarray:
    """Skin for an upper lid: of below the eye, in the light of the fold above it.

    upper, lower : px down of the open lids, up : height in the closed one, 0..1, for
    each pixel; returns float32 (h, w, 3).
    """
    below = SKIN[0] + (SKIN[1] - SKIN[0]) * up
    skin = region.pulled(lower + below * unit - region.down)
    fold = region.pulled(upper - FOLD * unit - region.down)
    fold = cv2.GaussianBlur(fold, (0, 0), FOLD * unit / 2)
    shade = (fold / np.maximum(skin.mean((0, 1)), 1)).clip(*SHADES)
    top = np.maximum(up, 1 - region.taper)
    share = FOLD_SHARES[0] + (FOLD_SHARES[1] - FOLD_SHARES[0]) * top[..., None]
    return np.asarray(skin * (1 + (shade - 1) * share), np.float32)


def _lay(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> None:
    """Lay a picture (h, w, 3) over another one by shares (h, w), in place."""
    below += share[..., None].astype(np.float32) * (above - below)
