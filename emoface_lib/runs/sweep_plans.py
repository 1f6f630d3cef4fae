"""The runs of a sweep: each one checked, and named by all that its outcome depends on.

Taught in notebook 10.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import hash_of
from emoface_lib.core.settings import PRODUCTS, RESULTS, runs_folder
from emoface_lib.runs.notebooks import (
    NOTEBOOKS,
    Source,
    check_parameters,
    find_notebook,
    find_notebooks,
    read_source,
)
from emoface_lib.runs.reproduce import library_hash, versions
from emoface_lib.runs.sweep import Sweep, combinations

DATA = ("01_corpus", "02_audio_features", "03_face_alignment")  # a prepared corpus


@dataclass(frozen=True)
class Plan:
    """One run: notebooks in their order, with parameters, on what was made before.

    It is named by its key, a hash of parameters, code and inputs.
    """

    notebooks: tuple[Source, ...]
    given: Mapping[str, Any]  # profile and seed among them
    code: str  # hash of the library and of the versions
    shared: "Plan | None" = None
    base: Path | None = None  # folder of prepared data
    outputs: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    limits: Mapping[str, float | None] = field(default_factory=dict)
    is_shared: bool = False

    @cached_property
    def key(self) -> str:
        """Hash of all that the outcome depends on."""
        return hash_of([self.cell, self.code, [one.code for one in self.notebooks]])

    @cached_property
    def cell(self) -> str:
        """Hash of what is asked for, whatever the code that does it."""
        names = [one.path.stem for one in self.notebooks]
        made = [names, self.parameters, self.outputs, self.results]
        return hash_of([*made, self.shared and self.shared.key, identity_of(self.base)])

    @cached_property
    def before(self) -> "tuple[Plan, ...]":
        """The plans of what is shared, in their order."""
        return (*self.shared.before, self.shared) if self.shared else ()

    @property
    def earlier(self) -> tuple[Source, ...]:
        """The notebooks that were run before."""
        return tuple(one for plan in self.before for one in plan.notebooks)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that any of the notebooks reads."""
        taken = [one.taken(self.given) for one in self.notebooks]
        known = {name for each in taken for name in each}
        return {name: value for name, value in self.given.items() if name in known}


def identity_of(base: Path | None) -> Any:
    """What identifies prepared data: the index's size and time."""
    if base is None:
        return None
    stat = (base / PRODUCTS[DATA[-1]]).stat()
    return [base.name, stat.st_size, stat.st_mtime_ns]


def plan_runs(sweep: Sweep) -> list[Plan]:
    """Every run of a sweep, each once; raises InputError if anything is wrong."""
    planner = _Planner(sweep)
    plans = [planner.plan(given) for given in combinations(sweep)]
    return list({plan.key: plan for plan in plans}.values())


class _Planner:
    """What the runs of a sweep have in common."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.paths = find_notebooks(Path(sweep.folder) if sweep.folder else NOTEBOOKS)
        self.own = self._sources(sweep.notebooks)
        self.code = code_hash()
        self.limits = {"minutes": sweep.minutes, "memory": sweep.memory}

    def _sources(self, names: Iterable[str]) -> tuple[Source, ...]:
        return tuple(read_source(find_notebook(name, self.paths)) for name in names)

    def plan(self, given: dict[str, Any]) -> Plan:
        """One run, checked; raises InputError if a parameter is wrong."""
        base = self._base(given.get("corpus"))
        before = self._before(base)
        sources = [*before, *self.own]
        asked = {k: v for k, v in given.items() if k != "profile"}
        if len(self.sweep.seeds) == 1 and not any(
            "seed" in s.declared for s in sources
        ):
            del asked["seed"]
        _, asked = check_parameters(sources, self.sweep.profile, asked)
        given = {"profile": given["profile"], **asked, "seed": given["seed"]}
        shared: Plan | None = None
        for one in before:
            once = {**given, "seed": 0}
            start = None if shared else base
            shared = Plan((one,), once, self.code, shared, start, is_shared=True)
        return Plan(
            self.own,
            given,
            self.code,
            shared=shared,
            base=None if shared else base,
            outputs=self.sweep.outputs,
            results=self._results(),
            limits=self.limits,
        )

    def _base(self, corpus: str | None) -> Path | None:
        """The folder of prepared data; raises InputError if it is not prepared."""
        where = self.sweep.base or (runs_folder() / corpus if corpus else None)
        if where is None:
            return None
        if not (Path(where) / PRODUCTS[DATA[-1]]).exists():
            raise InputError(
                f"{where} holds no prepared clips: run notebooks 01 to 03, or "
                "`emoface prepare`, first."
            )
        return Path(where).resolve()

    def _before(self, base: Path | None) -> tuple[Source, ...]:
        """The notebooks to be run once."""
        first = self.own[0].path
        earlier = [p.stem for p in self.paths if p < first and p.stem in PRODUCTS]
        shared = earlier if self.sweep.shared is None else self.sweep.shared
        sources = self._sources(shared)
        return tuple(one for one in sources if not (base and one.path.stem in DATA))

    def _results(self) -> tuple[str, ...]:
        if self.sweep.results is not None:
            return self.sweep.results
        stems = [one.path.stem for one in self.own]
        return tuple(RESULTS[stem] for stem in stems if stem in RESULTS)


def code_hash() -> str:
    """Hash of the library and of the versions of what it needs."""
    return hash_of([library_hash(), versions()])
