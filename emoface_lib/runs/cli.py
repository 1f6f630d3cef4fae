"""The command `emoface`: the library's main jobs from a shell."""

import atexit
import errno
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import WRITING
from emoface_lib.core.parallel import read_shard
from emoface_lib.core.settings import INSTALLED, load_settings, runs_folder
from emoface_lib.runs.batch_cli import commands as batch_commands

PROFILE_HELP = "smoke, tutorial, full or paper."
LAYOUT_HELP = (
    "voxceleb2, lrw, ravdess, crema-d, emo-db, grid or mead; by default what fits."
)
IN_HELP = (
    "A picture of a face, and an audio file or a video's sound. Several of either may "
    "be given, in any order."
)
OUT_HELP = (
    "What to write, by its ending: .mp4, .webm (keeps transparency), .gif, .svg (rows "
    "of pictures over the lips' curves), .csv or .npz (landmarks and coefficients), "
    ".vtt (captions: phones) or .json (times of phones and visemes); may be repeated. "
    "{photo} and {voice} stand for the names of several."
)
EMOTION_HELP = (
    "own: the voice's (default); happy, sad, angry, calm, surprised, fearful or "
    "disgusted; either with an amount, such as happy:1.5. How far along the axis, in "
    "standard deviations, such as 1.5; key frames SECONDS:AMOUNT, such as 0:0,1.5:2; a "
    "CSV of them; or a recording, for its mood. Repeated: faces side by side."
)
AXIS_HELP = (
    "Of the emotion space: arousal, valence, PC1, PC2, ...; by default arousal, or PC1 "
    "where the corpus has no labels."
)
CURES = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        "make room, and run the same command again; it goes on where it can.",
    ),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "it belongs to somebody else or can't be written; runs go to EMOFACE_RUNS, "
        "such as EMOFACE_RUNS=~/runs, other files to --out or --store.",
    ),
}
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", help="NAME=VALUE; may be repeated."),
]


def sentence(error: Exception) -> str:
    """What went wrong, and the cure."""
    if isinstance(error, MemoryError):
        return "There is too little memory: close other programs, or give less at once."
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    place = f"{error.filename}: " if error.filename else ""
    cure = CURES.get(error.errno, "choose another place or name.")
    return f"{place}{error.strerror}: {cure}"


@contextmanager
def in_sentences() -> Iterator[None]:
    """A user's error is one sentence and exit code 2; interrupted, it is 130.

    So are a place that can't be written, a full disk and too little memory, wherever
    they are met.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read what is printed has gone; click ends quietly
    except (InputError, MemoryError, OSError) as error:
        typer.echo(f"emoface: {sentence(error)}", err=True)
        raise typer.Exit(2) from error
    except KeyboardInterrupt as error:
        typer.echo("emoface: stopped.", err=True)
        raise typer.Exit(130) from error


class Commands(TyperGroup):
    """Commands whose errors are told by `in_sentences`, when their context ends."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """The context in which the command that was asked for runs."""
        context = super().make_context(*args, **kwargs)
        context.with_resource(in_sentences())
        return context


app = typer.Typer(
    cls=Commands,
    help="Audio-driven face animation whose emotion can be dialled.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command(epilog="Example: emoface reproduce --profile smoke -p seed=3")
def reproduce(
    profile: Annotated[str, typer.Option(help=PROFILE_HELP)] = "tutorial",
    only: Annotated[
        list[str] | None, typer.Option(help="Run this notebook; may be repeated.")
    ] = None,
    through: Annotated[
        str | None, typer.Option(help="The last notebook to run.")
    ] = None,
    parameter: Parameters = None,
    force: Annotated[
        bool, typer.Option("--force", help="Run what is up to date, too.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Notebooks at a time; by default as cores and memory allow."
        ),
    ] = None,
) -> None:
    """Run the notebooks in order, skipping what is up to date."""
    from emoface_lib.runs.reproduce import reproduce as run  # papermill takes a second

    overrides = _overrides(parameter)
    run(
        profile,
        only=only or [],
        through=through,
        overrides=overrides,
        force=force,
        workers=workers,
    )


@app.command(
    epilog="Example: emoface animate photo.jpg voice.wav --emotion happy -o out.mp4"
)
def animate(
    inputs: Annotated[list[Path], typer.Argument(metavar="PHOTO VOICE", help=IN_HELP)],
    out: Annotated[list[str] | None, typer.Option("--out", "-o", help=OUT_HELP)] = None,
    emotion: Annotated[list[str] | None, typer.Option(help=EMOTION_HELP)] = None,
    axis: Annotated[str, typer.Option(help=AXIS_HELP)] = "emotion",
    model: Annotated[
        Path | None, typer.Option(help="Folder of a run, such as runs/tutorial.")
    ] = None,
    enrol: Annotated[
        list[Path] | None,
        typer.Option(
            help="A recording of the speaker, for their own mood, or for a model of "
            "objective=improved or mixture; may be repeated, best in four moods."
        ),
    ] = None,
    motion: Annotated[
        float, typer.Option(min=0.0, max=3.0, help="Amount of head motion.")
    ] = 1.0,
    mark: Annotated[
        bool, typer.Option("--mark", help="Write 'synthetic' into the picture.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Of head motion and blinks; by default the photograph's and voice's.",
        ),
    ] = None,
    renderer: Annotated[
        str, typer.Option(help="warp, or a network: unet or improved.")
    ] = "warp",
    head: Annotated[
        Path | None,
        typer.Option(help="A video whose head motion is taken (VOICE, or another)."),
    ] = None,
    face: Annotated[
        str, typer.Option(help="Of several: its number by size, or X,Y px in it.")
    ] = "1",
    crop: Annotated[
        bool, typer.Option("--crop", help="Show head and shoulders only.")
    ] = False,
    fps: Annotated[
        int, typer.Option(help="Frames a second: 24, 25, 30, 50 or 60.")
    ] = 25,
) -> None:
    """Animate a photograph by a voice, or several by several: each says each."""
    from emoface_lib.animation import animate as animation  # takes a second
    from emoface_lib.animation.export import check_outputs, name_outputs
    from emoface_lib.animation.photo import tell_apart
    from emoface_lib.animation.voice import read_voice

    pairs = tell_apart(inputs)
    named = name_outputs(out or [], pairs)
    for (photo, voice), outs in zip(pairs, named, strict=True):
        check_outputs(outs, photo, voice)
    read = lru_cache(maxsize=1)(read_voice)
    trained = animation.TrainedModel(model, tuple(enrol or []))
    emotions = emotion or [animation.OWN]
    if enrol and not trained.asks_who_speaks(emotions):
        note = "--enrol changes nothing: this emotion does not depend on who speaks."
        typer.echo(f"emoface: note: {note}", err=True)
    failed = False
    for (photo, voice), outs in zip(pairs, named, strict=True):
        try:
            spoken = read(voice)
            made = animation.animate(
                photo,
                spoken,
                outs,
                trained.predictor,
                emotion=[
                    animation.read_emotion(given, trained, spoken, axis)
                    for given in emotions
                ],
                seed=seed,
                motion=motion,
                mark=mark,
                renderer=renderer,
                run=model,
                head=head,
                face=face,
                crop=crop,
                rate=fps,
                progress=sys.stderr.isatty(),
            )
        except InputError as error:  # the others are animated all the same
            typer.echo(f"emoface: {error}", err=True)
            failed = True
            continue
        for note in made.notes:
            typer.echo(f"emoface: note: {note}", err=True)
        for path in made.paths:
            typer.echo(f"{path}: {made.seconds:.2f} s, {made.frames} frames")
    if failed:
        raise typer.Exit(2)


@app.command(epilog="Example: emoface doctor ravdess --sample 50")
def doctor(
    corpus: Annotated[Path, typer.Argument(help="Folder of a corpus.")],
    layout: Annotated[str, typer.Option(help=LAYOUT_HELP)] = "",
    sample: Annotated[int, typer.Option(min=0, help="Clips to look at.")] = 12,
    profile: Annotated[str, typer.Option(help=PROFILE_HELP)] = "tutorial",
    parameter: Parameters = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report for machines.")
    ] = False,
) -> None:
    """Say what a corpus holds, what is wrong with it, and what preparing it costs."""
    from emoface_lib.corpora.inspect import examine, readable

    settings = load_settings(profile, **_overrides(parameter))
    report = examine(corpus, settings, layout, sample)
    typer.echo(json.dumps(asdict(report), indent=1) if as_json else readable(report))


@app.command(epilog="Example: emoface prepare ravdess --workers 2")
def prepare(
    corpus: Annotated[Path, typer.Argument(help="Folder of a corpus.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of a run; by default runs/CORPUS.")
    ] = None,
    layout: Annotated[str, typer.Option(help=LAYOUT_HELP)] = "",
    profile: Annotated[str, typer.Option(help=PROFILE_HELP)] = "tutorial",
    parameter: Parameters = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one a core.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Clips by name, such as 'id00012/*'; may be repeated."),
    ] = None,
    shard: Annotated[
        str, typer.Option(help="i/n: the i-th of n parts, for n machines.")
    ] = "1/1",
    retry: Annotated[
        bool, typer.Option("--retry", help="Try clips that failed again.")
    ] = False,
    engine: Annotated[
        str, typer.Option(help="local, or ray: the machines of a cluster.")
    ] = "local",
) -> None:
    """Make the features of a corpus; stopped at any moment, a second run goes on."""
    from emoface_lib.corpora.prepare import prepare_corpus, summary

    run = (out or runs_folder() / corpus.resolve().name).resolve()
    settings = load_settings(profile, **{**_overrides(parameter), "corpus": str(run)})
    rows = prepare_corpus(
        corpus,
        run,
        settings,
        layout,
        workers=workers,
        only=only or (),
        shard=read_shard(shard),
        retry=retry,
        engine=engine,
    )
    typer.echo(summary(rows, run))


@app.command(epilog="Example: emoface train --profile full --devices 4")
def train(
    profile: Annotated[str, typer.Option(help=PROFILE_HELP)] = "tutorial",
    parameter: Parameters = None,
    step: Annotated[
        list[int] | None,
        typer.Option(min=1, max=3, help="By default 1 and 2; may be repeated."),
    ] = None,
    devices: Annotated[
        int | None, typer.Option(help="GPUs or CPU processes that train as one.")
    ] = None,
    nodes: Annotated[
        int | None, typer.Option(help="Machines, each with so many devices.")
    ] = None,
) -> None:
    """Train the models of Table 2 (steps 1 and 2) or step 3, without the notebooks."""
    from emoface_lib.evaluation.train_run import train_run

    many = {"devices": devices, "nodes": nodes}
    settings = load_settings(profile, **{**many, **_overrides(parameter)})
    for path in train_run(settings, step or (1, 2)):
        typer.echo(path)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="Example: emoface lab lessons --no-browser --port 8890",
)
def lab(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where the lessons go.")] = Path(
        "lessons"
    ),
    copy_only: Annotated[
        bool, typer.Option("--copy-only", help="Copy the lessons, open nothing.")
    ] = False,
) -> None:
    """Copy the lessons to work in, and open JupyterLab (which gets other options)."""
    from course.lab import copy_lessons, serve

    copied = len(list(copy_lessons(folder)))
    typer.echo(f"{copied} lessons copied to {folder}; what was there stays.")
    if not copy_only:
        raise typer.Exit(serve(folder, context.args))


@app.command(epilog="Example: emoface info")
def info() -> None:
    """Say the versions, the device, the runs, and the weights with their cards."""
    from emoface_lib.runs.about import about  # torch takes seconds

    for line in about():
        typer.echo(line)


def _overrides(parameters: list[str] | None) -> dict[str, Any]:
    given = dict(read_parameter(text) for text in parameters or [])
    if "profile" in given:
        raise InputError("Give the profile by --profile, not by -p.")
    return given


def read_parameter(text: str) -> tuple[str, Any]:
    """`NAME=VALUE` as name and value: number, true, false, null, list, or else text."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InputError(f"Parameter {text!r} should be given as NAME=VALUE.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


app.add_typer(batch_commands, name="batch")


@app.callback()
def settle() -> None:
    """Make this process the command's; asked to end, it leaves no temporary file.

    Without a checkout of one's own, results go to `runs` in this folder. Who has no
    home that can be written gets one for as long as it runs: librosa's functions,
    compiled when first used, and Jupyter keep files there.
    """
    if INSTALLED:
        os.environ["EMOFACE_RUNS"] = str(runs_folder())  # kernels work elsewhere
    signal.signal(signal.SIGTERM, _end)
    if not os.access(os.path.expanduser("~"), os.W_OK):
        folder = TemporaryDirectory(prefix="emoface-")  # no place that others know
        atexit.register(folder.cleanup)
        os.environ["HOME"] = folder.name


def _end(number: int, _: Any) -> None:
    for path in WRITING:
        path.unlink(missing_ok=True)
    os._exit(128 + number)  # at once; the processes it has started end with it
