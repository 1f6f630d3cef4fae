"""The table of measurements keeps one row for an issue and a name."""

from pathlib import Path

from benchmarks.results import HEADER, enter, read


def test_same_name_is_replaced_in_place_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(
        ",".join(HEADER) + '\n1,install,140,s,<= 300,yes,"make, 2 cores"\n'
        "2,faces,10,ms,<= 12,yes,by hand\n"
    )
    enter(1, "install", 301.23456, "s", "<= 300", False, "make install", path)
    enter(3, "install", 1, "s", "", "open", "by hand", path)
    assert [tuple(row.values()) for row in read(path)] == [
        ("1", "install", "301.2", "s", "<= 300", "no", "make install"),
        ("2", "faces", "10", "ms", "<= 12", "yes", "by hand"),
        ("3", "install", "1", "s", "", "open", "by hand"),
    ]


def test_first_measurement_makes_the_table(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    enter(1, "clip, drawn", 0.5, "s", "<= 1", True, 'says "make bench"', path)
    assert path.read_text().splitlines()[0] == "issue,name,value,unit,target,meets,how"
    assert read(path)[0]["name"] == "clip, drawn"
    assert read(path)[0]["how"] == 'says "make bench"'
