"""Put what a checkout has beside the library into the wheel: notebooks, tables, sweeps.

They lie in `emoface_lib/project` there, where `emoface_lib.core.settings.REPOSITORY`
leads; in an editable installation that is the checkout itself.
"""

import json
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = "notebooks/*.ipynb", "benchmarks/claims.yml", "benchmarks/results.csv"
SHIPPED += "figures/*.csv", "sweeps/*.yml"
ROOT = Path(__file__).resolve().parent


class BuildProject(build_py):
    """The packages, and the project's files beside them."""

    def run(self) -> None:
        """Build; notebooks lose their outputs, which are megabytes of pictures."""
        super().run()
        if self.editable_mode:
            return
        project = Path(self.build_lib, "emoface_lib/project")
        for source in sorted(path for name in SHIPPED for path in ROOT.glob(name)):
            place = project / source.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
            if source.suffix == ".ipynb":
                notebook = json.loads(source.read_text(encoding="utf-8"))
                for cell in notebook["cells"]:
                    if cell["cell_type"] == "code":
                        cell.update(outputs=[], execution_count=None)
                place.write_text(json.dumps(notebook, indent=1), encoding="utf-8")


setup(cmdclass={"build_py": BuildProject})
