"""The commands `emoface batch run`, `status` and `collect`.

What takes a second to import is imported by the command that needs it.
"""

import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emoface_lib.core.files import write_parquet
from emoface_lib.core.parallel import read_shard
from emoface_lib.core.settings import runs_folder

if TYPE_CHECKING:
    from emoface_lib.runs.sweep_plans import Plan

commands = typer.Typer(
    help="Many runs of the notebooks, as a sweep's file says.", no_args_is_help=True
)
SweepFile = Annotated[Path, typer.Argument(help="Such as sweeps/features.yml.")]
Store = Annotated[
    Path,
    typer.Option(
        help="Folder of the runs.",
        default_factory=lambda: runs_folder() / "batch",
        show_default="runs/batch",
    ),
]


@commands.command(
    "run", epilog="Example: emoface batch run sweeps/features.yml --dry-run"
)
def batch_run(
    sweep: SweepFile,
    store: Store,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say which runs there would be.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Runs at a time; by default as cores and memory do."),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local, or ray: the machines of a cluster.")
    ] = "local",
    shard: Annotated[
        str, typer.Option(help="i/n: every n-th run, for n machines.")
    ] = "1/1",
) -> None:
    """Run what is not done of a sweep; stopped at any moment, a second call goes on."""
    from emoface_lib.runs import collect
    from emoface_lib.runs.batch import run_plans
    from emoface_lib.runs.sweep import read_sweep
    from emoface_lib.runs.sweep_plans import plan_runs

    first, parts = read_shard(shard)
    plans = plan_runs(read_sweep(sweep))[first - 1 :: parts]
    if dry_run:
        _print_status(plans, store)
        return
    live = sys.stdout.isatty()
    with collect.live(plans, store) if live else nullcontext():
        for plan in run_plans(plans, store, workers, engine):
            if not live:
                row = collect.status(plans, store).set_index("run").loc[plan.key]
                what = row.parameters or row.notebooks
                print(plan.key, what, row.state, row.note, flush=True)
    table = collect.status(plans, store)
    if not live:
        print(collect.summary(table), flush=True)
    if (table["state"] == "failed").any():
        typer.echo(f"Why runs failed: emoface batch status {sweep}", err=True)
        raise typer.Exit(1)


@commands.command(
    "status", epilog="Example: emoface batch status sweeps/features.yml --watch"
)
def batch_status(
    sweep: SweepFile,
    store: Store,
    watch: Annotated[
        bool, typer.Option("--watch", help="Until nothing is running.")
    ] = False,
) -> None:
    """Say what is done, running, failed and waiting of a sweep."""
    from emoface_lib.runs import collect
    from emoface_lib.runs.sweep import read_sweep
    from emoface_lib.runs.sweep_plans import plan_runs

    plans = plan_runs(read_sweep(sweep))
    if not watch:
        _print_status(plans, store)
        return
    with collect.live(plans, store):
        while (collect.status(plans, store)["state"] == "running").any():
            time.sleep(1)


@commands.command(
    "collect",
    epilog="Example: emoface batch collect sweeps/features.yml -o all.parquet",
)
def batch_collect(
    sweep: SweepFile,
    store: Store,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="By default SWEEP.parquet.")
    ] = None,
    any_code: Annotated[
        bool, typer.Option("--any-code", help="Also runs of other versions.")
    ] = False,
    clips: Annotated[
        bool, typer.Option("--clips", help="A value a clip, and not their means.")
    ] = False,
) -> None:
    """Gather all numbers of a sweep into one tidy parquet file."""
    from emoface_lib.runs.collect import collect
    from emoface_lib.runs.sweep import read_sweep
    from emoface_lib.runs.sweep_plans import plan_runs

    plans = plan_runs(read_sweep(sweep))
    found = collect(plans, store, any_code, clips)
    path = out or sweep.with_suffix(".parquet")
    write_parquet(path, found)
    runs = found["run"].nunique()
    typer.echo(f"{path}: {len(found)} numbers of {runs} of {len(plans)} runs")


def _print_status(plans: "list[Plan]", store: Path) -> None:
    from rich.console import Console

    from emoface_lib.runs import collect

    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(collect.readable(collect.status(plans, store)))
