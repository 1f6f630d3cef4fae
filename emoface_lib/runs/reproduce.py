"""All notebooks in order, each one only if something it depends on has changed."""

import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Protocol, TypeVar

from packaging.requirements import Requirement
from tqdm import tqdm

from emoface_lib.core.checkpoints import commit
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import (
    hash_of,
    is_passing,
    read_json,
    read_or_set_aside,
    read_parquet,
    write_json,
)
from emoface_lib.core.fresh import code_hash, file_hash
from emoface_lib.core.parallel import GUESS, cores, fitting, follow_parent
from emoface_lib.core.settings import LIBRARY, NEEDS, PRODUCTS, REPOSITORY, Run
from emoface_lib.runs.notebooks import (
    NOTEBOOKS,
    NotebookError,
    Source,
    check_parameters,
    execute,
    find_notebook,
    find_notebooks,
    read_source,
)

DATA_FILES = ("txt", "csv", "yml", "md", "npz", "safetensors")
WHERE = "device", "devices", "nodes"  # networks are trained; no outcome depends on it
FIGURES = REPOSITORY / "figures"
AnyJob = TypeVar("AnyJob", bound="Job")
NOT_LEFT = {"notebooks", "jupyter", "batch"}  # folders of a run that hold no products


def reproduce(
    profile: str = "tutorial",
    *,
    only: Sequence[str] = (),
    through: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    force: bool = False,
    workers: int | None = None,
    folder: Path = NOTEBOOKS,
) -> dict[str, Any]:
    """Run the notebooks of `folder` in order and return what `reproduce.json` says.

    A notebook is skipped while its code, parameters, the library, its weights, the
    versions of dependencies and the notebooks that it needs are those of its last run.
    Those that do not need each other run side by side. `only` names the ones to run,
    `through` the last one. An override goes to the notebooks that read it; with
    `corpus`, only those that declare it are run. workers : notebooks at a time, by
    default as cores and memory allow, and one where several devices train as one.
    Raises InputError before a kernel starts if an argument is wrong, NotebookError if a
    notebook fails.
    """
    paths = find_notebooks(folder)
    chosen = _choose(paths, only, through)
    sources = [read_source(path) for path in chosen]
    if (overrides or {}).get("corpus"):  # prepared: 01 to 03 have nothing to do
        sources = [one for one in sources if "corpus" in one.declared]
    settings, given = check_parameters(sources, profile, overrides or {})
    if settings.corpus:
        prepared = Run(settings).product("03_face_alignment")
        if (read_parquet(prepared, "problem")["problem"] != "").all():
            raise InputError(
                f"No clip of {settings.corpus} is ready: `emoface prepare` said why; "
                "mend that, and give it again with --retry."
            )
    folder_of_run = Run(settings).folder.resolve()
    given = {"profile": profile, "seed": settings.seed, **given}
    steps = [
        Step(one, paths[: paths.index(one.path)], folder_of_run, given)
        for one in sources
    ]
    alone = settings.devices * settings.nodes > 1
    count = min(workers or (1 if alone else fitting(GUESS)), len(steps))
    for step, outcome in side_by_side(steps, count, force):
        number = paths.index(step.path) + 1
        tell(f"[{number}/{len(paths)}] {step.path.stem}: {outcome}")
        report = _report(profile, paths, folder_of_run)
    return report


def _choose(
    paths: Sequence[Path], only: Sequence[str], through: str | None
) -> list[Path]:
    chosen = {find_notebook(name, paths) for name in only} or set(paths)
    last = find_notebook(through, paths) if through else paths[-1]
    if not (kept := [path for path in paths if path in chosen and path <= last]):
        raise InputError(f"None of {', '.join(only)} comes before {last.stem}.")
    return kept


class Job(Protocol):
    """A run of a notebook, after those that it needs."""

    path: Path
    needs: Sequence[Path]

    def up_to_date(self) -> bool:
        """Whether there is nothing to do."""

    def begin(self) -> None:
        """What this process does before."""

    def carry_out(self, share: int) -> Any:
        """What any process can do, by so many cores."""

    def end(self, result: Any) -> str:
        """What this process does with what came of it; says so in a few words."""


def side_by_side(
    steps: Sequence[AnyJob], count: int, force: bool = False
) -> Iterator[tuple[AnyJob, str]]:
    """(step, what was done) as steps end, each begun after those that it needs.

    count : at a time, the first ones first. After a failure none begins; it is raised
    when all have ended.
    """
    waiting, running, failures = [*steps], dict[Future, AnyJob](), list[NotebookError]()
    hidden = None if count > 1 else True  # one notebook shows its own
    with _pool(count) as pool, tqdm(total=len(steps), disable=hidden) as bar:
        while running or (waiting and not failures):
            while not failures and (ready := _ready(waiting, running.values())):
                if len(running) == count:
                    break
                waiting.remove(step := ready[0])
                if not force and step.up_to_date():
                    bar.update()
                    yield step, "up to date"
                    continue
                step.begin()
                share = max(1, cores() // min(count, len(running) + len(ready)))
                running[pool.submit(step.carry_out, share)] = step
            bar.set_postfix_str(", ".join(one.path.stem for one in running.values()))
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                step = running.pop(future)
                try:
                    outcome = step.end(future.result())
                except NotebookError as error:
                    failures.append(error)
                    outcome = "failed"
                bar.update()
                yield step, outcome
    if failures:
        raise failures[0]


def tell(line: str) -> None:
    """Print a line above the bar, at once."""
    tqdm.write(line)
    sys.stdout.flush()


def _ready(waiting: Sequence[AnyJob], running: Iterable[AnyJob]) -> list[AnyJob]:
    """Those of the waiting steps that need none that waits or runs."""
    open_ = {step.path for step in (*waiting, *running)}
    return [step for step in waiting if open_.isdisjoint(step.needs)]


class _Here(Executor):
    """Does at once, in this process, what it is given."""

    def submit(  # type: ignore[override]
        self, function: Callable[..., Any], *given: Any
    ) -> Future:
        """A future that is done."""
        future: Future = Future()
        try:
            future.set_result(function(*given))
        except NotebookError as error:
            future.set_exception(error)
        return future


@contextmanager
def _pool(count: int) -> Iterator[Executor]:
    """Processes that run notebooks; an interrupt ends them with their kernels."""
    if count == 1:
        yield _Here()
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, spawn, initializer=follow_parent) as pool:
        try:
            yield pool
        except KeyboardInterrupt:
            for process in multiprocessing.active_children():
                process.terminate()  # a kernel ends when its parent has
            raise


class Step:
    """One notebook in a run: its executed copy and the state that stands beside it."""

    def __init__(
        self,
        source: Source,
        before: Sequence[Path],
        run: Path,
        given: Mapping[str, Any],
    ) -> None:
        self.source, self.path, self.folder = source, source.path, run
        path, named = self.path, NEEDS.get(self.path.stem)
        needs = [p for p in before if named is None or p.stem in named]
        self.needs: Sequence[Path] = needs
        self.parameters = source.taken(given)
        self.output = run / "notebooks" / path.name
        self.state = self.output.with_suffix(".json")
        self.product = run / PRODUCTS[path.stem] if path.stem in PRODUCTS else None

    def key(self) -> str:
        """Hash of all that the outcome depends on."""
        states = [state_of(self.folder, path).get("key") for path in self.needs]
        asked = {k: v for k, v in self.parameters.items() if k not in WHERE}
        data = library_hash(*DATA_FILES)
        code = [self.source.code, code_hash(*self.source.modules), data]
        made: list[Any] = [code, asked, versions(), states]
        if self.parameters.get("corpus"):  # no notebook before says what it is
            index = self.folder / PRODUCTS["03_face_alignment"]
            made.append(index.stat().st_mtime_ns if index.exists() else 0)
        return hash_of(made)

    def up_to_date(self) -> bool:
        """Whether a run now would do again what was done."""
        state, newest = state_of(self.folder, self.path), products(self.folder)
        return state.get("key") == self.key() and all(
            file_hash(self.folder / name) == newest[name] for name in state["products"]
        )

    def run(self) -> str:
        """Run the notebook if need be and say in a few words what was done."""
        if self.up_to_date():
            return "up to date"
        self.begin()
        return self.end(self.carry_out())

    def begin(self) -> None:
        """Take the key away: an interrupted notebook runs again next time."""
        if before := state_of(self.folder, self.path):
            write_json(self.state, {**before, "key": ""})
        self.begun = self.key(), time.time_ns()

    def carry_out(self, share: int | None = None) -> float:
        """Run the notebook, by so many cores, and return the seconds that it took."""
        start = time.perf_counter()
        execute(self.path, self.output, self.parameters, share)
        return round(time.perf_counter() - start, 1)

    def end(self, seconds: float) -> str:
        """Write down what was made, and say how long it took."""
        if self.product and not self.product.exists():
            raise NotebookError(
                f"Notebook {self.path.stem} ended without leaving {self.product}."
            )
        key, began = self.begun
        write_json(
            self.state,
            {
                "key": key,
                "parameters": self.parameters,
                "began": round(began / 1e9, 1),
                "seconds": seconds,
                "products": self._left_since(began),
            },
        )
        return f"{seconds:.1f} s"

    def _left_since(self, began: int) -> dict[str, str]:
        """Name, relative to the run's folder, -> hash of the files written since."""
        # into the folders of others write those that run beside this one
        others = {
            p.partition("/")[0] for n, p in PRODUCTS.items() if n != self.path.stem
        }
        places = [p for p in self.folder.iterdir() if p.name not in others | NOT_LEFT]
        found = [path for place in places for path in place.rglob("*")]
        figures = [*FIGURES.iterdir()] if FIGURES.exists() else []
        return {
            os.path.relpath(path, self.folder): file_hash(path)
            for path in sorted({self.output, *found, *figures})
            if not is_passing(path)
            and path.is_file()
            and path.stat().st_mtime_ns >= began
        }


def products(run: Path) -> dict[str, str]:
    """Name -> hash of the files that a run's notebooks left, by the last writer."""
    states = (run / "notebooks").glob("*.json")
    ordered = sorted(states, key=lambda path: path.stat().st_mtime_ns)
    found = [state_of(run, path).get("products", {}) for path in ordered]
    return {name: value for one in found for name, value in one.items()}


def state_of(run: Path, path: Path) -> dict[str, Any]:
    """What was written when the notebook at `path` last ended well; else empty."""
    state = run / "notebooks" / f"{path.stem}.json"
    return read_or_set_aside(lambda one: dict(read_json(one)), state) or {}


def library_hash(*kinds: str) -> str:
    """Hash of the library's files with these endings."""
    files = sorted(path for kind in kinds for path in LIBRARY.rglob(f"*.{kind}"))
    return hash_of(
        {path.relative_to(LIBRARY).as_posix(): file_hash(path) for path in files}
    )


@cache
def versions() -> dict[str, str]:
    """Name -> installed version of Python and of the direct dependencies."""
    try:
        lines = requires("emoface") or []
    except PackageNotFoundError as error:
        raise InputError("The project is not installed: run `make install`.") from error
    needed = [Requirement(line) for line in lines]
    names = [each.name for each in needed if not each.marker or each.marker.evaluate()]
    return {"python": platform.python_version()} | {n: version(n) for n in names}


def _report(profile: str, paths: Sequence[Path], run: Path) -> dict[str, Any]:
    states = {path.stem: state_of(run, path) for path in paths}
    took = {n: (s["began"], s["seconds"]) for n, s in states.items() if "began" in s}
    minutes = {name: round(seconds / 60, 2) for name, (_, seconds) in took.items()}
    report = {
        "profile": profile,
        "minutes": minutes,
        "minutes_in_all": round(_covered(took.values()) / 60, 2),
        "machine": platform.machine(),
        "versions": versions(),
        "commit": commit(),
    }
    write_json(run / "reproduce.json", report)
    return report


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds in which one or more ran, of (when it began, seconds that it took)."""
    total, until = 0.0, 0.0
    for began, seconds in sorted(spans):
        total += max(0.0, began + seconds - max(began, until))
        until = max(until, began + seconds)
    return total
