"""The commands `emoface batch run`, `status` and `collect`.

What takes a second to import is imported by the command that needs it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emoface_lib.core.files import write_beside
from emoface_lib.core.parallel import read_shard

if TYPE_CHECKING:
    from emoface_lib.runs.sweep_plans import Plan

commands = typer.Typer(
    help="Many runs of the notebooks, as a sweep's file says.", no_args_is_help=True
)
SweepFile = Annotated[Path, typer.Argument(help="Such as sweeps/features.yml.")]
Store = Annotated[
    Path | None, typer.Option(help="Folder of the runs; by default runs/batch.")
]


@commands.command("run")
def batch_run(
    sweep: SweepFile,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say which runs there would be.")
    ] = False,
    store: Store = None,
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
    from emoface_lib.runs import batch
    from emoface_lib.runs.sweep import read_sweep

    part = read_shard(shard)
    if dry_run:
        _print_runs(_plans(sweep)[part[0] - 1 :: part[1]], store, everything=True)
        return
    table = batch.run_sweep(
        read_sweep(sweep), store, workers=workers, engine=engine, shard=part, show=True
    )
    if (table["state"] == "failed").any():
        typer.echo(f"Why runs failed: emoface batch status {sweep}", err=True)
        raise typer.Exit(1)


@commands.command("status")
def batch_status(
    sweep: SweepFile,
    store: Store = None,
    every: Annotated[bool, typer.Option("--all", help="Every run of many.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Until nothing is running.")
    ] = False,
) -> None:
    """Say what is done, running, failed and waiting of a sweep."""
    from emoface_lib.runs import collect

    if watch:
        collect.watch(_plans(sweep), store or collect.default_store())
    else:
        _print_runs(_plans(sweep), store, every)


def _plans(sweep: Path) -> "list[Plan]":
    from emoface_lib.runs.sweep import read_sweep
    from emoface_lib.runs.sweep_plans import plan_runs

    return plan_runs(read_sweep(sweep))


def _print_runs(plans: "Sequence[Plan]", store: Path | None, everything: bool) -> None:
    from rich.console import Console

    from emoface_lib.runs import collect

    table = collect.status(plans, store or collect.default_store())
    console = Console(width=None if sys.stdout.isatty() else 160)
    rows = len(table) if everything else collect.SHOWN
    console.print(collect.readable(table, rows))


@commands.command("collect")
def batch_collect(
    sweep: SweepFile,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="By default SWEEP.parquet.")
    ] = None,
    store: Store = None,
    any_code: Annotated[
        bool, typer.Option("--any-code", help="Also runs of other versions.")
    ] = False,
    clips: Annotated[
        bool, typer.Option("--clips", help="A value a clip, and not their means.")
    ] = False,
) -> None:
    """Gather all numbers of a sweep into one tidy parquet file."""
    from emoface_lib.runs.collect import collect, default_store

    plans = _plans(sweep)
    found = collect(plans, store or default_store(), any_code, clips)
    path = out or sweep.with_suffix(".parquet")
    with write_beside(path) as beside:
        found.to_parquet(beside, index=False)
    runs = found["run"].nunique()
    typer.echo(f"{path}: {len(found)} numbers of {runs} of {len(plans)} runs")
