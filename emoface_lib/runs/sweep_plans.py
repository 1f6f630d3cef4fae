"""The runs of a sweep: each one checked, and named by all that its outcome depends on.

Taught in notebook 10.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
from emoface_lib.runs.reproduce import DATA_FILES, library_hash, versions
from emoface_lib.runs.sweep import Sweep, combinations

DATA = ("01_corpus", "02_audio_features", "03_face_alignment")  # a prepared corpus


@dataclass(frozen=True)
class Plan:
    """One run: notebooks in their order, with parameters, on what was made before.

    It is named by its key, a hash of parameters, code and inputs.
    """

    notebooks: tuple[Source, ...]
    given: Mapping[str, Any]  # profile and seed among them
    parameters: Mapping[str, Any]  # those given that any of the notebooks reads
    code: str  # hash of the library and of the versions
    shared: "Plan | None" = None
    base: Path | None = None  # folder of prepared data, for what shares nothing
    outputs: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    minutes: float | None = None
    memory: float | None = None  # GB
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
        data: Any = None  # identified by the index's size and time
        if self.base:
            index = (self.base / PRODUCTS[DATA[-1]]).stat()
            data = [self.base.name, index.st_size, index.st_mtime_ns]
        return hash_of([*made, self.shared and self.shared.key, data])

    @property
    def name(self) -> str:
        """The name, in the run's folder, of the folder that notebooks know as it."""
        return Path(self.given.get("corpus") or self.given["profile"]).name

    @cached_property
    def before(self) -> "tuple[Plan, ...]":
        """The plans of what is shared, in their order."""
        return (*self.shared.before, self.shared) if self.shared else ()


def plan_runs(sweep: Sweep) -> list[Plan]:
    """Every run of a sweep, each once; raises InputError if anything is wrong."""
    paths = find_notebooks(Path(sweep.folder) if sweep.folder else NOTEBOOKS)
    own = [find_notebook(name, paths) for name in sweep.notebooks]
    first = [path for path in paths if path < own[0] and path.stem in PRODUCTS]
    if sweep.shared is not None:
        first = [find_notebook(name, paths) for name in sweep.shared]
    sources = {path: read_source(path) for path in (*first, *own)}
    mine = tuple(sources[path] for path in own)
    tables = [RESULTS[path.stem] for path in own if path.stem in RESULTS]
    results = tuple(tables if sweep.results is None else sweep.results)
    code, plans = code_hash(), dict[str, Plan]()
    for given in combinations(sweep):
        base = _base(sweep, given.get("corpus"))
        before = [sources[p] for p in first if not (base and p.stem in DATA)]
        asked, needed = {**given}, [*before, *mine]
        if len(sweep.seeds) == 1 and not any("seed" in one.declared for one in needed):
            del asked["seed"]
        _, asked = check_parameters(needed, sweep.profile, asked)
        given = {"profile": sweep.profile, **asked, "seed": given["seed"]}
        shared: Plan | None = None
        for one in before:
            once = {**given, "seed": 0}
            taken = one.taken(once)
            shared = Plan((one,), once, taken, code, shared, base, is_shared=True)
        taken = {name: v for one in mine for name, v in one.taken(given).items()}
        left, limits = (tuple(sweep.outputs), results), (sweep.minutes, sweep.memory)
        plan = Plan(mine, given, taken, code, shared, base, *left, *limits)
        plans[plan.key] = plan
    return list(plans.values())


def _base(sweep: Sweep, corpus: str | None) -> Path | None:
    """The folder of prepared data, if any; raises InputError if it is not prepared."""
    where = sweep.base or (runs_folder() / corpus if corpus else None)
    if where is None:
        return None
    if not (Path(where) / PRODUCTS[DATA[-1]]).exists():
        raise InputError(
            f"{where} holds no prepared clips: run notebooks 01 to 03, or "
            "`emoface prepare`, first."
        )
    return Path(where).resolve()


def code_hash() -> str:
    """Hash of the library and of the versions of what it needs."""
    return hash_of([library_hash("py", *DATA_FILES), versions()])
