"""Real portraits by each renderer: contact sheets, and lips that dlib reads on them.

python benchmarks/real_translation.py DATA [--run runs/tutorial] [--pictures build]

DATA holds `portraits`. Each portrait opens its mouth, turns and blinks; one contact
sheet a renderer is left in the folder of pictures, which is never committed. Warp and
improved keep the photograph's resolution; the run's networks have seen drawn faces
alone, "longer" some talkers, too, if `translation.py longer` has left it there.
Sharpness is the face's fine detail against the photograph's own.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from results import enter

from emoface_lib.animation.head_motion import Moment
from emoface_lib.animation.portrait import Portrait, read_portrait
from emoface_lib.animation.retarget import moving_faces
from emoface_lib.core.landmarks import EYE_DISTANCE, LIPS, eye_distance
from emoface_lib.evaluation.picture_quality import fine_detail
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.translation.framing import Square
from emoface_lib.translation.render import RENDERERS, make_renderer
from emoface_lib.translation.warp.lips import JAW_FOLLOWS, LOWER_LIP, TAKEN
from emoface_lib.translation.warp.photo_warp import Pose, transform

TOPIC = "translation"
SIDE = 200  # px of a picture in the sheet
LONGEST = 900  # px of a portrait
# Opening, px of the canonical frame; yaw and roll, degrees; lids closed: a column each.
POSES = ((0, 0, 0, 0), (8, 0, 0, 0), (20, 0, 0, 0), (8, 4, 2, 0), (4, -4, -2, 1))


def opened(amount: float) -> np.ndarray:
    """Displacements (68, 2), canonical px, that open the mouth by `amount`."""
    moved = np.zeros((68, 2))
    moved[:17, 1] = 0.7 * amount * JAW_FOLLOWS
    moved[LOWER_LIP, 1] = amount * TAKEN.sum(1)
    return moved


def asked(portrait: Portrait) -> list[Pose]:
    """The face in each of POSES."""
    moments = [Moment(yaw, 0, roll, np.zeros(2), shut) for _, yaw, roll, shut in POSES]
    return list(moving_faces(portrait, [opened(pose[0]) for pose in POSES], moments))


def lip_error(frame: np.ndarray, wanted: np.ndarray) -> float:
    """Distance of dlib's lips from those asked for, canonical px; NaN if none."""
    detector = DlibDetector()
    found = detector.faces(frame)
    if not found:
        return float("nan")
    away = np.linalg.norm(detector.points(frame, found[0][0]) - wanted, axis=1)
    return float(away[LIPS].mean() * EYE_DISTANCE / eye_distance(wanted))


def row_of(
    portrait: Portrait, kind: str, run: Path
) -> tuple[np.ndarray, list[float], list[float], float]:
    """A row of the sheet, lip errors, sharpness, and what changes unasked."""
    poses = asked(portrait)
    renderer = make_renderer(kind, portrait.picture, portrait.landmarks, run)
    frames = list(renderer.frames(poses))
    places = [transform(pose.face, pose.motion) for pose in poses]
    errors = list(map(lip_error, frames, places))
    own = fine_detail(portrait.picture, portrait.landmarks[:, :2])
    sharp = [fine_detail(*pair) / own for pair in zip(frames, places, strict=True)]
    square = Square.around(portrait.landmarks[:, :2], portrait.picture.shape)
    pictures = [square.cut(x, SIDE) for x in (portrait.picture, *frames)]
    still = portrait.landmarks[:, :2].astype(float)
    (same,) = renderer.frames([Pose(still)])
    change = np.abs(same.astype(float) - portrait.picture).mean()
    return np.hstack(pictures), errors, sharp, float(change)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--run", type=Path, default=Path("runs/tutorial"))
    parser.add_argument("--pictures", type=Path, default=Path("build"))
    given = parser.parse_args()
    given.pictures.mkdir(parents=True, exist_ok=True)
    paths = sorted((given.data / "portraits").glob("*.[jp][pn]g"))
    portraits = [read_portrait(path, longest_side=LONGEST) for path in paths]
    how = f"benchmarks/real_translation.py: {len(paths)} portraits, {len(POSES)} poses"
    least = np.nan  # lip error of the warp, which comes first
    shown = {kind: (kind, given.run) for kind in RENDERERS}
    if (longer := given.pictures / "longer").exists():
        shown["longer"] = "improved", longer
    for kind, of in shown.items():
        rows, errors, sharp, changes = zip(
            *(row_of(portrait, *of) for portrait in portraits), strict=True
        )
        sheet = given.pictures / f"portraits_{kind}.png"
        cv2.imwrite(str(sheet), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
        error = float(np.nanmean(errors))
        lost = float(np.isnan(errors).mean())
        print(f"{kind}: lips {error:.2f} px, lost {lost:.0%}, {np.mean(changes):.2f}")
        least = error if kind == "warp" else least
        for name, value, unit, aim in (
            ("lip error", error, "px of 256", f"< {least:.4g} (warp)"),
            ("sharpness of the face", float(np.mean(sharp)), "of the photograph's", ""),
            ("dlib finds no face", lost, "share", ""),
        ):
            aim = "" if kind == "warp" else aim
            enter(TOPIC, f"real portraits: {name}, {kind}", value, unit, how, aim)


if __name__ == "__main__":
    main()
