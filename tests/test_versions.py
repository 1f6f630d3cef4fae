"""The three lists of versions agree, and what is installed is what they say."""

import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent


def pins(lines: list[str]) -> dict[str, Version]:
    """Name -> version; fails for a line that is no exact pin."""
    found: dict[str, Version] = {}
    for requirement in map(Requirement, lines):
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", f"{requirement} is no exact pin"
        name = canonicalize_name(requirement.name)
        assert name not in found, f"{name} stands twice"
        found[name] = Version(specifier.version)
    return found


def project_pins() -> dict[str, Version]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for name in ("ray", "course"):  # have environments of their own, beside .venv
        assert pins(extras.pop(name))
    lines = [line for extra in extras.values() for line in extra]
    return pins([*project["dependencies"], *lines])


def lock_pins() -> dict[str, Version]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return pins([line for line in lines if line and not line.startswith("#")])


def conda_lines() -> Iterator[str]:
    """Environment lines as requirements; conda's `a=1` is pip's `a==1`."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    for entry in environment["dependencies"]:
        if isinstance(entry, dict):
            yield from (line for line in entry["pip"] if line != "-e .")
        elif entry != "pip":
            yield entry.replace("=", "==", 1)


def test_environment_and_project_name_the_same_versions() -> None:
    conda = pins(list(conda_lines()))
    assert conda.pop("python") == Version("3.11")
    assert conda.pop("setuptools") == lock_pins()["setuptools"]
    assert conda == project_pins()


def test_lock_holds_every_direct_dependency_at_its_version() -> None:
    lock = lock_pins()
    assert {name: lock.get(name) for name in project_pins()} == project_pins()


def test_lock_holds_setuptools_that_the_project_builds_with() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    (setuptools,) = map(Requirement, build["requires"])
    assert lock_pins()["setuptools"] in setuptools.specifier


def test_installed_is_what_the_lock_says() -> None:
    lock = lock_pins()
    # `public` drops torch's `+cpu`, which is no other version.
    installed = {name: Version(Version(version(name)).public) for name in lock}
    assert installed == lock
