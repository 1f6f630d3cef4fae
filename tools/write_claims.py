"""Write the table of claims into README: `python -m tools.write_claims`."""

import sys

from course.claims import markdown
from emoface_lib.core.settings import REPOSITORY

README = REPOSITORY / "README.md"
START, END = "<!-- claims: python -m tools.write_claims -->\n", "<!-- end -->"


def written(text: str) -> str:
    """A text with the table as it is now between its marks."""
    before, rest = text.split(START)
    return f"{before}{START}{markdown()}\n{END}{rest.split(END, 1)[1]}"


def main() -> int:
    """Write it."""
    text = README.read_text(encoding="utf-8")
    README.write_text(written(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
