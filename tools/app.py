"""The dial as a page of its own, by Voila, without a request to any other server.

Who opens it needs the token in the address that is printed; a page that was left frees
its memory after some minutes.
"""

import os
import sys
from pathlib import Path

from traitlets.config import Config
from voila.app import main as voila

IDLE = 300  # s after which the kernel of a page that nobody shows any more is ended
DEFAULTS = Config(
    Voila={"auto_token": True},
    MappingKernelManager={"cull_idle_timeout": IDLE, "cull_interval": 30},
)
HERE = Path(__file__).resolve().parent


def main() -> None:
    """Serve the panel of the best run; options as those of `voila`."""
    others = os.environ.get("JUPYTER_PATH", "")
    places = [str(HERE / "jupyter"), *filter(None, [others])]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(places)
    options = [str(HERE / "app.ipynb"), "--template=offline", *sys.argv[1:]]
    voila(options, config=DEFAULTS)


if __name__ == "__main__":
    main()
