"""The command `emoface`: the library's main jobs from a shell."""

import json
import sys
from typing import Annotated, Any

import typer

from emoface_lib.errors import InputError

app = typer.Typer(
    help="Audio-driven face animation whose emotion can be dialled.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _commands() -> None:
    """Keep sub-commands by name even while there is only one."""


@app.command()
def reproduce(
    profile: Annotated[
        str, typer.Option(help="smoke, tutorial, full or paper.")
    ] = "tutorial",
    only: Annotated[
        list[str] | None, typer.Option(help="Run this notebook; may be repeated.")
    ] = None,
    through: Annotated[
        str | None, typer.Option(help="The last notebook to run.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="NAME=VALUE; may be repeated."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Run what is up to date, too.")
    ] = False,
) -> None:
    """Run the notebooks in order, skipping what is up to date."""
    from emoface_lib.reproduce import reproduce as run  # papermill takes a second

    overrides = dict(read_parameter(text) for text in parameter or [])
    run(profile, only=only or [], through=through, overrides=overrides, force=force)


def read_parameter(text: str) -> tuple[str, Any]:
    """`NAME=VALUE` as name and value: number, true, false, null, list, or else text."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InputError(f"Parameter {text!r} should be given as NAME=VALUE.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def main() -> None:
    """Run the command; a user's error is one sentence and exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"emoface: {error}", file=sys.stderr)
        sys.exit(2)
