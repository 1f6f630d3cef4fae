"""Marks of the student edition, through nbgrader: solved, empty, and mistaken.

    make course && .venv/course/bin/python -m benchmarks.teaching

Lessons are handed in whole with the solutions pasted in, empty, and with one typical
mistake after the other; in the smoke profile, whose products must be there.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from benchmarks.results import enter
from course.make_editions import Mistakes, exercises, lessons, mistakes_of
from course.release import answers, hand_in, make_course, marks, nbgrader
from emoface_lib.runs.notebooks import read_notebook

HOW = "make course; .venv/course/bin/python -m benchmarks.teaching, 2 cores"


def main() -> None:
    """Mark every lesson and enter what came out."""
    solved, empty, told = [], [], []
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_course(folder)
        for path in (bar := tqdm(lessons())):
            bar.set_description(path.stem)
            worth = sum(each.points for each in exercises(read_notebook(path)))
            mistakes = mistakes_of(path.stem)
            students = hand_all_in(folder, path, mistakes)
            nbgrader(folder, "autograde", path.stem)
            got = marks(folder, path.stem)
            solved.append(sum(got["solved"].values()) / worth)
            empty.append(sum(got["empty"].values()) / worth)
            for student, (cell, said) in students.items():
                told.append(
                    got[student][f"{cell}-check"] == 0
                    and said in text_of_check(folder, student, path, cell)
                )
            bar.write(f"{path.stem}: {solved[-1]:.0%}, {empty[-1]:.0%}, {told}")
    name, unit = "marks of the solutions", "% of the points, the worst lesson"
    enter("course", name, 100 * min(solved), unit, HOW, "100", min(solved) == 1)
    name, unit = "marks of the empty edition", "% of the points, the best lesson"
    enter("course", name, 100 * max(empty), unit, HOW, "0", max(empty) == 0)
    name, most = "typical mistakes told in their sentence", str(len(told))
    enter("course", name, sum(told), f"of {most}", HOW, most, all(told))


def hand_all_in(
    folder: Path, path: Path, mistakes: Mistakes
) -> dict[str, tuple[str, str]]:
    """Hand a lesson in for everybody; gives student -> a mistake's cell and sentence.

    Each made-up student makes one mistake and solves the rest.
    """
    right, students = answers(path), {}
    hand_in(folder, path, "solved", right, "smoke")
    hand_in(folder, path, "empty", {}, "smoke", alone=True)
    for cell, pairs in mistakes.items():
        for number, (code, said) in enumerate(pairs):
            student = f"{cell}-{number}"
            hand_in(folder, path, student, right | {cell: code}, "smoke", alone=True)
            students[student] = (cell, said)
    return students


def text_of_check(folder: Path, student: str, path: Path, cell: str) -> str:
    """What a marked lesson shows below the check of an exercise."""
    marked = folder / "autograded" / student / path.stem / path.name
    cells = {each.id: each for each in read_notebook(marked).cells}
    outputs = cells[f"{cell}-check"].outputs
    return " ".join(str(each.get("evalue", "")) for each in outputs)


if __name__ == "__main__":
    main()
