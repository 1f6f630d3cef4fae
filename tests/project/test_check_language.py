"""The check of words: what it finds, what it leaves, and that the glossary is whole."""

import json
import re
from pathlib import Path

import pytest

from emoface_lib.core.settings import REPOSITORY
from tools import check_language

ROW = re.compile(r"^\| (?P<term>[^|]+) \|[^|]*\| [^|]+ \| (?P<lesson>[^|]+) \|$")


def found(root: Path, name: str, text: str) -> list[str]:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    for other in check_language.FILES:
        (root / other).write_text("")
    return list(check_language.findings(root))


@pytest.mark.parametrize(
    "text", ["heard" + "_clips = 1", "'The pain" + "ter.'", "x = 1  #" + " of a clip"]
)
def test_a_word_that_has_another_is_found(text: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, "emoface_lib/one.py", f"y = 2\n{text}\n")
    assert finding.startswith("emoface_lib/one.py:2 ")


def test_only_what_people_wrote_in_a_notebook_counts(tmp_path: Path) -> None:
    word = "pain" + "ter"
    text = json.dumps({"cells": [{"source": [f"the {word}"], "outputs": [word]}]})
    (finding,) = found(tmp_path, "notebooks/00_one.ipynb", text)
    assert word in finding


def test_a_drawing_has_what_a_face_has_not(tmp_path: Path) -> None:
    word = "can" + "vas"
    assert not found(tmp_path / "a", f"{check_language.DRAWINGS}draw.py", word)
    assert found(tmp_path / "b", "emoface_lib/method/style.py", word)


def test_the_glossary_names_each_term_once_with_its_lesson() -> None:
    text = (REPOSITORY / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = [
        row for line in text.split("\n## ")[0].splitlines() if (row := ROW.match(line))
    ]
    terms = [row["term"].casefold() for row in rows[1:]]
    assert len(terms) > 60
    assert len(set(terms)) == len(terms)
    lessons = {path.name[:2] for path in (REPOSITORY / "notebooks").glob("*.ipynb")}
    assert {row["lesson"].strip("() ") for row in rows[1:]} <= lessons | {"\u2013"}
