"""The project asks for ranges, the lock pins what was tested, and both agree."""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
BESIDE = ("ray", "course")  # extras with environments of their own, beside .venv


def lock_lines() -> list[Requirement]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def pins(extra: str = "") -> dict[str, Version]:
    """Name -> version of the lines for .venv, or for the environment of `extra`."""
    found: dict[str, Version] = {}
    for line in lock_lines():
        marker = str(line.marker or "")
        if marker != (extra and f'extra == "{extra}"'):
            continue
        (specifier,) = line.specifier
        assert specifier.operator == "==", f"{line} is no exact pin"
        name = canonicalize_name(line.name)
        assert name not in found, f"{name} is pinned twice"
        found[name] = Version(specifier.version)
    return found


def direct() -> list[Requirement]:
    """What the project and its extras ask for, but for those beside .venv."""
    lines = list(PYPROJECT["project"]["dependencies"])
    for name, extra in EXTRAS.items():
        lines += extra if name not in BESIDE else []
    return [Requirement(line) for line in lines]


def unmet(requirements: list[Requirement], versions: dict[str, Version]) -> list[str]:
    """Requirements without a version, or with one that their range excludes."""
    found = [(one, versions.get(canonicalize_name(one.name))) for one in requirements]
    return [
        f"{line}: {have}"
        for line, have in found
        if have is None or not line.specifier.contains(have, prereleases=True)
    ]


def installed() -> dict[str, Version]:
    found = {}
    for name in pins():
        try:
            found[name] = Version(version(name))
        except PackageNotFoundError:
            continue
    return found


def test_every_line_of_the_lock_is_a_pin_for_one_environment() -> None:
    counted = sum(len(pins(extra)) for extra in ("", *BESIDE))
    assert counted == len(lock_lines())


def test_lock_pins_each_direct_dependency_within_its_range() -> None:
    assert unmet(direct(), pins()) == []


@pytest.mark.parametrize("extra", BESIDE)
def test_lock_pins_an_extra_beside_the_environment(extra: str) -> None:
    (line,) = EXTRAS[extra]  # make reads one from one line
    assert unmet([Requirement(line)], pins(extra)) == []


def test_project_asks_for_ranges() -> None:
    extras = [Requirement(line) for extra in EXTRAS.values() for line in extra]
    exact = [str(line) for line in direct() + extras if "==" in str(line.specifier)]
    assert exact == []


def test_lock_pins_setuptools_that_the_project_builds_with() -> None:
    build = [Requirement(line) for line in PYPROJECT["build-system"]["requires"]]
    assert unmet(build, pins()) == []


def test_installed_is_what_the_project_admits() -> None:
    assert unmet(direct(), installed()) == []


def test_conda_installs_the_project_in_versions_of_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, *_, pip = environment["dependencies"]
    assert Requirement(PYPROJECT["project"]["name"]).name == environment["name"]
    assert (
        Version(python.removeprefix("python="))
        in Requirement(f"python{PYPROJECT['project']['requires-python']}").specifier
    )
    assert pip == {"pip": ["-c requirements.lock", "-e .[dev,fer,fan,app,book]"]}
