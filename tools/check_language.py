"""Check that one meaning has one word: `python -m tools.check_language`.

Finds words for which docs/glossary.md has another, in code, notebooks and documents.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PLACES = ("emoface_lib", "course", "tools", "tests", "benchmarks", "docs", "notebooks")
FILES = ("README.md", "CONTRIBUTING.md")
KINDS = {".py", ".md", ".ipynb"}
# Names both columns; a drawing has a canvas.
EXCEPT = ("docs/glossary.md", "tools/check_language.py")
DRAWINGS = "emoface_lib/synthetic/heads/"

WORDS = {  # found -> the word of the glossary
    r"heard[_ ](?:only|speakers?|clips?)|only heard": "audio-only",
    r"split == ['\"](?:un)?seen['\"]|(?:un)seen speakers?": "val, test",
    r"\b(?:[Pp]aint(?:s|er|ers|ed|ing)?)\b": "render, renderer",
    r"\b[Ff]ilm(?:s|ed)?\b": "video",
    r"\b(?:canvas|CANVAS|into_canvas)\b": "canonical frame",
    r"\b(?:mean motion|mean_motion)\b": "mean displacement",
    r"\bstill face\b": "static face",
    r"\b[Rr]eaders? of (?:landmarks|expressions|faces)\b": "classifier, probe",
    r"\b(?:told_by|watch_codes|reader_of|shipped_peers|peer_methods)\b": "see glossary",
    r"\b(?:Stamp|Guard|Scene|FaceReader|Painter|Filmed)\b": "see glossary",
    r"# of\b": "a comment that stands alone",
}
FOUND = {re.compile(pattern, re.MULTILINE): word for pattern, word in WORDS.items()}


def findings(root: Path = REPOSITORY) -> Iterator[str]:
    """`path:line 'word': the other word` of each word that should be another."""
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        text = _text(path)
        for pattern, word in FOUND.items():
            if word == "canonical frame" and name.startswith(DRAWINGS):
                continue
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{name}:{line} {match.group().strip()!r}: {word}"


def _files(root: Path) -> Iterator[Path]:
    found = [path for place in PLACES for path in sorted((root / place).rglob("*"))]
    for path in (*found, *(root / name for name in FILES)):
        name = path.relative_to(root).as_posix()
        if path.suffix in KINDS and not name.startswith(EXCEPT):
            yield path


def _text(path: Path) -> str:
    """What people wrote in a file: of a notebook the sources of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def main() -> int:
    """Print each finding; 1 if there are any, else 0."""
    found = list(findings())
    print(*found, sep="\n", end="\n" * bool(found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
