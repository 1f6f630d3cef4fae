"""The teacher's guide says what is so."""

import re

from course.make_editions import exercises, lessons
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.runs.notebooks import read_notebook

GUIDE = (REPOSITORY / "docs" / "teaching.md").read_text()


def test_the_points_are_those_of_the_exercises() -> None:
    told = dict(re.findall(r"^\| (\d\d) \| (\d+) \|$", GUIDE, re.M))
    given = {
        path.stem[:2]: str(sum(each.points for each in exercises(read_notebook(path))))
        for path in lessons()
    }
    assert told == given


def test_every_lesson_with_exercises_has_its_stumbling_blocks() -> None:
    told = re.findall(r"^- \*\*(\d\d)\*\* ", GUIDE, re.M)
    assert told == [path.stem[:2] for path in lessons()]
