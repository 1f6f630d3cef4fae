"""Notebooks as files: which there are, their parameters cell, one execution of one.

A parameters cell (tag `parameters`) assigns literals to names, so that a notebook's
parameters are known, and checked, before a kernel starts.
"""

import ast
import errno
import logging
import multiprocessing
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import hash_of, read_json
from emoface_lib.core.fresh import imported
from emoface_lib.core.parallel import CORES, cores
from emoface_lib.core.settings import PARAMETERS as SETTING_NAMES
from emoface_lib.core.settings import (
    REPOSITORY,
    STAGES,
    Settings,
    load_settings,
    nearest,
    setting_name,
)

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOKS = REPOSITORY / "notebooks"
PARAMETERS, INJECTED = "parameters", "injected-parameters"  # papermill's tags
READERS = "lessons.start(", "notebook_settings("  # who reads settings calls one

# Which settings a notebook reads beside those of its parameters cell: stages, or single
# ones. What earlier notebooks left is not among them: `reproduce` follows it by itself.
MACHINE = "device", "precision"
CORPUS = tuple(f"synthetic.{name}" for name in STAGES["synthetic"])
HEARD = "features.kind", "features.style"
CLIPS = "synthetic", "features.kind", "features.look_ahead", "landmarks.alignment"
TRAINED = *CLIPS, "training", "content", "study", "evaluation", *MACHINE
READS = {
    "01": tuple(name for name in CORPUS if not name.endswith("audio_only_speakers")),
    "02": ("synthetic", "features", "autovc", "training", "evaluation", *MACHINE),
    "03": ("synthetic", *HEARD, "landmarks", "expression", *MACHINE),
    "04": TRAINED,
    "05": (*TRAINED, "features.style", "style"),
    "06": ("training", "translator", *MACHINE),
    "07": (*TRAINED, "features.style", "style", "translator"),
    "08": ("features", "landmarks.alignment", "translator", *MACHINE),
}


class NotebookError(InputError):
    """A notebook did not run to its end."""


def find_notebooks(folder: Path = NOTEBOOKS) -> list[Path]:
    """The numbered notebooks in their order; raises InputError if there are none."""
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise InputError(f"There are no notebooks named NN_name.ipynb in {folder}.")
    return paths


def find_notebook(name: str, paths: Sequence[Path]) -> Path:
    """The notebook called `name`, or `NN` of it; raises InputError if there is none."""
    for path in paths:
        if name.removesuffix(".ipynb") in (path.stem, path.stem[:2]):
            return path
    hint = nearest(name, tuple(path.stem for path in paths))
    raise InputError(f"There is no notebook {name!r}; {hint}")


def read_notebook(path: Path) -> "NotebookNode":
    """Read a notebook to write or walk it; raises InputError if the file is none."""
    import nbformat  # takes a second, which who only reads the code need not wait

    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as a notebook: {error}") from error


def code_cells(notebook: Mapping[str, Any]) -> list[Any]:
    """The code cells as written, without the one that papermill puts in."""
    return [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and INJECTED not in tags(cell)
    ]


def tags(cell: Mapping[str, Any]) -> list[str]:
    """The tags of a cell."""
    return cell["metadata"].get("tags", [])


def source(cell: Mapping[str, Any]) -> str:
    """What stands in a cell; in a file it is a list of lines."""
    return "".join(cell["source"])


def source_hash(notebook: Mapping[str, Any]) -> str:
    """Hash of the code as written: equal for a notebook and its executed copy."""
    return hash_of([source(cell) for cell in code_cells(notebook)])


def _assignment(statement: ast.stmt) -> tuple[str, Any]:
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
        ):
            return name, ast.literal_eval(value)
    raise ValueError(f"{ast.unparse(statement)!r} does something else")


@dataclass(frozen=True)
class Source:
    """A notebook as it is now.

    declared : name -> default of its parameters cell; code : hash; modules : what it
    imports; reads_settings : whether it asks for settings, those of its stages.
    """

    path: Path
    declared: Mapping[str, Any]
    code: str
    modules: tuple[str, ...]
    reads_settings: bool

    def taken(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the checked parameters that the notebook reads."""
        read = READS.get(self.path.stem[:2], ()) if self.reads_settings else ()
        taken = {}
        for name, value in given.items():
            full = SETTING_NAMES.get(name, "")
            if name in self.declared or {full, full.partition(".")[0]} & {*read}:
                taken[name] = value
        return taken


def read_source(path: Path) -> Source:
    """Read a notebook's code, of JSON alone: nbformat would take a second.

    Raises InputError if the file is no notebook, or if its parameters cell holds
    anything but assignments of literals.
    """
    try:
        notebook = read_json(path)
        cells = code_cells(notebook)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} can't be read as a notebook: {error}") from error
    code = "\n".join(source(cell) for cell in cells)
    try:
        modules = tuple(sorted({*imported(code)}))
    except SyntaxError:  # which running it will say
        modules = ()
    parameters = "\n".join(source(cell) for cell in cells if PARAMETERS in tags(cell))
    try:
        declared = dict(map(_assignment, ast.parse(parameters).body))
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"The parameters cell of {path.name} may only assign literals: {error}."
        ) from error
    reads = any(each in code for each in READERS)
    return Source(path, declared, source_hash(notebook), modules, reads)


def check_parameters(
    sources: Sequence[Source], profile: str, overrides: Mapping[str, Any]
) -> tuple[Settings, dict[str, Any]]:
    """The settings of a run, and its parameters by their names in notebooks.

    Checked before a kernel starts: raises InputError for a profile that does not exist,
    a name that is neither a setting's nor a parameter of a notebook (with the nearest),
    a setting that is given twice, and a value of another type or out of range. Says on
    standard error which setting none of the notebooks reads.
    """
    declared = dict(pair for one in sources for pair in one.declared.items())
    own = {name: declared[name] for name in declared if name not in SETTING_NAMES}
    given: dict[str, Any] = {}
    for name, value in overrides.items():
        if name in own:
            _check_type(name, value, own[name])
        full = name if name in own else setting_name(name, tuple(own)).replace(".", "_")
        if full in given:
            raise InputError(f"Setting {full} is given twice, also as {name!r}.")
        given[full] = value
    of_settings = {name: v for name, v in given.items() if name in SETTING_NAMES}
    settings = load_settings(profile, **of_settings)
    for name in of_settings:
        if not any(one.taken({name: None}) for one in sources):
            _note(f"{SETTING_NAMES[name]} is read by none of the notebooks that run.")
    return settings, given


@cache
def _note(text: str) -> None:
    """Say it once."""
    print(f"emoface: note: {text}", file=sys.stderr)


def _check_type(name: str, value: Any, default: Any) -> None:
    """Raise InputError unless `value` is of the type of `default`; None is of any."""
    if value is None or default is None or type(value) is type(default):
        return
    if type(default) is float and type(value) is int:
        return
    kind = type(default).__name__
    raise InputError(f"Parameter {name} = {value!r}: it should be of type {kind}.")


def execute(
    path: Path, output: Path, parameters: Mapping[str, Any], share: int | None = None
) -> None:
    """Run the notebook at `path` with this interpreter and leave the copy at `output`.

    share : cores that it may use, of all. The kernel works in the copy's folder; its
    own files go to a folder `jupyter` beside that. Raises NotebookError that names the
    cell and the copy.
    """
    import papermill  # takes a second, which who only reads notebooks need not wait
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    # papermill warns of each setting that the parameters cell does not list
    logging.getLogger("papermill").addFilter(_of_interest)
    output = output.resolve()
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = multiprocessing.parent_process() is not None  # others, who show theirs
    try:
        with (
            kernel_environment(output.parent.parent / "jupyter", share),
            TemporaryDirectory(prefix="emoface") as sockets,
        ):
            papermill.execute_notebook(
                path,
                output,
                dict(parameters),
                kernel_name="python3",
                language="python",
                cwd=output.parent,
                progress_bar=sys.stderr.isatty() and not beside,
                log_output=logging.getLogger("papermill").isEnabledFor(logging.INFO),
                config=Config(KernelManager=_channels(Path(sockets))),
                # A kernel that is asked to stop may report that as an error.
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                # it has written everything; its own clean-up takes a second
                shutdown_kernel="immediate",
            )
    except PapermillExecutionError as error:
        message = [error.ename, *error.evalue.strip().splitlines()[-1:]]
        full = f"[Errno {errno.ENOSPC}]" in error.evalue
        raise NotebookError(
            f"Notebook {path.stem} failed in cell [{error.exec_count}] with "
            f"{': '.join(message)} (executed copy: {output})"
            + ("; make room, and run the same command again." if full else "")
        ) from error
    except DeadKernelError as error:
        raise NotebookError(
            f"The kernel of notebook {path.stem} died, which it does when memory runs "
            f"out (executed copy: {output})"
        ) from error


def _channels(folder: Path) -> dict[str, str]:
    """How a kernel is spoken to: by files in a folder that only its owner can read.

    Free ports are found before the kernel binds them, and meanwhile another may.
    """
    if not hasattr(socket, "AF_UNIX"):
        return {"transport_encryption": "auto"}
    return {"transport": "ipc", "ip": str(folder / "kernel")}


def _of_interest(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("Passed unknown parameter")


@contextmanager
def kernel_environment(folder: Path, share: int | None = None) -> Iterator[None]:
    """Keep what lies in the user's home out of the kernels started meanwhile.

    Kernels then write below `folder`, hash strings alike and are this interpreter's.
    share : cores that they may use, of those of this process.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    plots = find_spec("matplotlib")
    origin = plots.origin if plots and plots.origin else ""
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    mine = {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_PATH": "",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "MATPLOTLIBRC": str(Path(origin).parent / "mpl-data" / "matplotlibrc"),
        "OMP_NUM_THREADS": threads,
        "OPENCV_FOR_THREADS_NUM": threads,  # its idle threads spin
        CORES: str(share or cores()),
        "PYTHONHASHSEED": "0",
        "TQDM_DISABLE": "1",  # bars belong to a terminal, not into stored outputs
    }
    if runs := os.environ.get("EMOFACE_RUNS"):  # the kernel works in another folder
        mine["EMOFACE_RUNS"] = str(Path(runs).resolve())
    before = dict(os.environ)
    os.environ.update(mine)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
