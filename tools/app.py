"""The dial as a page of its own, by Voila, without a request to any other server."""

import os
import sys
from pathlib import Path

from voila.app import main as voila

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Serve the panel of the best run; options as those of `voila`."""
    others = os.environ.get("JUPYTER_PATH", "")
    places = [str(HERE / "jupyter"), *filter(None, [others])]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(places)
    voila([str(HERE / "app.ipynb"), "--template=offline", *sys.argv[1:]])


if __name__ == "__main__":
    main()
