"""Files appear whole, and may be read by whom the umask lets."""

import os
from pathlib import Path

import pytest

from emoface_lib.core.files import write_beside


@pytest.mark.parametrize(
    ("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)]
)
def test_the_umask_says_who_may_read(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        with write_beside(tmp_path / "new" / "file.txt") as beside:
            beside.write_text("whole")
    finally:
        os.umask(before)
    path = tmp_path / "new" / "file.txt"
    assert path.stat().st_mode & 0o777 == mode
    assert path.read_text() == "whole"


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def stopped() -> None:
        with write_beside(path) as beside:
            beside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [one.name for one in tmp_path.iterdir()] == ["file.txt"]
    assert path.read_text() == "old"
