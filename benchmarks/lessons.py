"""Enter the minutes that each lesson took when a profile was last run as a whole.

    make reproduce PROFILE=smoke && make reproduce && python benchmarks/lessons.py

They are those of `runs/<profile>/reproduce.json`: of each lesson, and of all by the
clock, since some run side by side.
"""

from results import enter

from emoface_lib.core.files import read_json
from emoface_lib.core.settings import runs_folder

PROFILES = {"smoke": "<= 5", "tutorial": "<= 15"}  # minutes in all


def main() -> None:
    """Read what was taken down and enter it, a row a lesson and one for all."""
    for profile, target in PROFILES.items():
        path = runs_folder() / profile / "reproduce.json"
        if not path.exists():
            continue
        how = f"make reproduce PROFILE={profile}, then benchmarks/lessons.py, 2 cores"
        report = read_json(path)
        for name, each in report["minutes"].items():
            enter("lessons", f"lesson {name}, {profile}", float(each), "min", how)
        whole = float(report["minutes_in_all"])
        enter("lessons", f"all lessons, {profile}", whole, "min", how, target)


if __name__ == "__main__":
    main()
