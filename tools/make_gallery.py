"""The videos of docs/gallery.md, by the commands that stand there: into figures/.

`python -m tools.make_gallery`. PHOTO is a drawn head at rest, VOICE a sentence of
GRID's first talker, which is shipped.
"""

import subprocess
import sys
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import soundfile
from PIL import Image

from emoface_lib.core.settings import REPOSITORY
from emoface_lib.features.real_mouths import FOLDER
from emoface_lib.synthetic.portraits import resting_portrait
from tools.readme_commands import commands

EMOFACE = [sys.executable, "-m", "emoface_lib"]


def main() -> None:
    """Run the gallery's commands in an empty folder, and keep what they make."""
    page = (REPOSITORY / "docs" / "gallery.md").read_text(encoding="utf-8")
    with TemporaryDirectory() as name:
        folder = Path(name)
        Image.fromarray(resting_portrait("cast21")).save(folder / "PHOTO", "png")
        samples, rate = soundfile.read(FOLDER / "s1.flac", frames=48_000)
        soundfile.write(folder / "VOICE", samples, rate, format="wav")
        for command in commands(page):
            program, *words = command.split()
            if program == "emoface":
                subprocess.run([*EMOFACE, *words], cwd=folder, check=True)
        for video in folder.glob("*.gif"):
            copyfile(video, REPOSITORY / "figures" / video.name)


if __name__ == "__main__":
    main()
