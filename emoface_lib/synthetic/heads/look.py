"""What a drawn person looks like: colours, hair, age, clothes, light, background."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoface_lib.core.files import read_table

Colour = tuple[float, float, float]  # RGB, 0 to 255

BACKGROUNDS = ("gradient", "wall", "window", "shelves", "studio")
CLOTHES = ("round", "collar", "jacket", "scoop")

# Skin is spaced evenly in lightness, from light to dark: no tone is an exception.
COLOURS: dict[str, list[Colour]] = {}
for _part, *_rgb in read_table(Path(__file__).with_name("colours.csv")):
    _red, _green, _blue = map(float, _rgb)
    COLOURS.setdefault(_part, []).append((_red, _green, _blue))
SKINS, HAIRS, EYES = COLOURS["skin"], COLOURS["hair"], COLOURS["eye"]
GREY: Colour = (196, 194, 192)


@dataclass(frozen=True)
class Look:
    """Everything about an identity that is drawn and is not its 68 landmarks."""

    skin: Colour
    hair: Colour
    eye: Colour
    lip: Colour
    hairstyle: str
    age: float  # 0 young to 1 old: wrinkles, grey hair
    feminine: float  # 0 to 1: lashes, lips, brows
    beard: float  # 0 none, up to .5 stubble, 1 full
    brow: float  # thickness, face units
    glasses: bool
    light: tuple[float, float, float]  # direction towards the light; z is away
    background: str
    background_colours: tuple[Colour, Colour]
    clothes: str
    clothes_colour: Colour
    texture_seed: int


def random_look(rng: np.random.Generator, feminine: float) -> Look:
    """Draw a look; `feminine` (0 to 1) also shapes the face, so it is given."""
    tone = rng.integers(len(SKINS))
    skin = np.clip(np.array(SKINS[tone]) + rng.normal(0, 4, 3), 30, 252)
    age = float(rng.beta(1.6, 2.2))
    darkest = 3 if tone >= 4 else len(HAIRS)  # dark skin goes with dark hair here
    hair = np.array(HAIRS[rng.integers(darkest)], float)
    grey = float(np.clip((age - 0.55) * 2.5 + rng.normal(0, 0.15), 0, 0.95))
    hair = hair * (1 - grey) + np.array(GREY) * grey
    male = feminine < 0.5
    styles = ("short", "parted", "curly", "bald", "fringe", "short")
    others = ("long", "bob", "bun", "fringe", "curly", "parted", "long")
    red = rng.uniform(0.15, 0.45) if male else rng.uniform(0.3, 0.9)
    natural = skin * np.array([0.86, 0.62, 0.60])
    lip = natural * (1 - 0.45 * red) + np.array([176, 52, 62]) * 0.45 * red
    return Look(
        skin=_colour(skin),
        hair=_colour(hair),
        eye=EYES[rng.integers(2 if tone >= 5 else len(EYES))],
        lip=_colour(lip),
        hairstyle=str(rng.choice(styles if male else others)),
        age=age,
        feminine=feminine,
        beard=float(rng.choice([0, rng.uniform(0.1, 0.5), 0.9], p=[0.4, 0.4, 0.2]))
        if male
        else 0.0,
        brow=float((0.043 if male else 0.031) * (1 + cut_normal(rng, 0.15))),
        glasses=bool(rng.random() < 0.12),
        light=(cut_normal(rng, 0.35), -0.45 + cut_normal(rng, 0.12), -1.0),
        background=str(rng.choice(BACKGROUNDS)),
        background_colours=(_muted(rng, 60, 215), _muted(rng, 30, 190)),
        clothes=str(rng.choice(CLOTHES)),
        clothes_colour=_muted(rng, 20, 205),
        texture_seed=int(rng.integers(2**31)),
    )


def cut_normal(rng: np.random.Generator, deviation: float) -> float:
    """A normal number whose tails are cut at 1.8 deviations: no monsters."""
    return float(np.clip(rng.normal(), -1.8, 1.8) * deviation)


def _muted(rng: np.random.Generator, low: float, high: float) -> Colour:
    """A colour of cloth or wall: half of its own hue, half grey."""
    grey = rng.uniform(low, high)
    return _colour(0.5 * grey + 0.5 * rng.uniform(low, high, 3))


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (float(v) for v in values)
    return red, green, blue
