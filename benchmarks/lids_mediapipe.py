"""Lids as MediaPipe's face mesh reads them, in the pictures that alive.py leaves.

dlib reads most closed eyes as half open. MediaPipe is no part of the environment: give
it one of its own, with numpy and this repository in PYTHONPATH.

pip install mediapipe==0.10.21
python benchmarks/alive.py DATA --frames FOLDER
python benchmarks/lids_mediapipe.py FOLDER
"""

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import mediapipe
import numpy as np
from results import enter

TOPIC, REAL = "alive", "real"
READ_CLOSED = 0.5  # share of the usual opening, as in alive.py
# Each eye's corners, and points of its upper and lower lid, in the face mesh:
EYES = (
    ((33, 133), (160, 159, 158), (144, 145, 153)),
    ((263, 362), (387, 386, 385), (373, 374, 380)),
)


def lid_opening(mesh: "mediapipe.solutions.face_mesh.FaceMesh", path: Path) -> float:
    """Opening between the lids of a picture in widths of the eyes, NaN if unseen."""
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    found = mesh.process(picture).multi_face_landmarks
    if not found:
        return float("nan")
    points = np.array([(point.x, point.y) for point in found[0].landmark])
    points *= picture.shape[1::-1]
    openings = []
    for corners, upper, lower in EYES:
        gap = np.linalg.norm(points[[*upper]] - points[[*lower]], axis=1).mean()
        openings.append(gap / np.linalg.norm(np.subtract(*points[[*corners]])))
    return float(np.mean(openings))


def main() -> None:
    """Read all pictures and enter the numbers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    mesh = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3
    )
    series = defaultdict(list)
    for path in sorted(options.folder.glob("*.png")):
        series[path.stem.rpartition("-")[0]].append(lid_opening(mesh, path))
    rendered, real = [], []
    for name, openings in series.items():
        if name.startswith(REAL):
            real.append(openings[0] / np.nanmedian(openings[1:]))
        else:
            rendered.append(openings[-1] / openings[0])
    how = (
        f"benchmarks/lids_mediapipe.py: closed is <= {READ_CLOSED} of the usual opening"
    )
    for row, shares in (
        ("blink middles read as closed", rendered),
        ("real closed eyes read as closed", real),
    ):
        closed = float((np.array(shares) <= READ_CLOSED).mean())
        seen = f"{how}; {len(shares)} faces"
        enter(TOPIC, f"{row} by MediaPipe", closed, "share", seen)


if __name__ == "__main__":
    main()
