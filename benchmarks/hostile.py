"""What a hostile user would try: each input works, or ends in one sentence.

python benchmarks/hostile.py [inputs | fuzz | kills | interrupts | network | users ...]

Parts: inputs (media, options, sweeps, run folders, places, names), through the command
in this process; fuzz (mutated media files); kills (of animate, prepare, train, sweep
and reproduce at random moments: the same files; `kills sweep` of one); interrupts
(Ctrl-C in the first seconds); network (strace of the commands; needs it); users (nobody
in this checkout, which is root's; needs root). All work in a temporary folder.
"""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import soundfile
import yaml
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image
from results import enter
from safetensors.torch import load_file, save_file
from skimage.data import astronaut, coffee
from typer.testing import CliRunner

from emoface_lib.animation.animate import SHIPPED
from emoface_lib.animation.portrait import read_photo
from emoface_lib.core.checkpoints import read_metadata
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_json
from emoface_lib.core.settings import REPOSITORY
from emoface_lib.core.video import iter_frames, read_audio, write_video
from emoface_lib.features.real_mouths import FOLDER as MOUTHS
from emoface_lib.runs.cli import app
from emoface_lib.runs.collect import FAILURE, RESULT, RUN, Result
from emoface_lib.runs.sweep import read_sweep
from emoface_lib.runs.sweep_plans import plan_runs

GIVEN = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text())
RATE = 16_000
SMALL = ["-p", "detector=drawn", "--profile", "smoke", "--workers", "1"]
TRAIN = ["--profile", "smoke", "-p", "real_mouths=0", "-p", "content_steps=3"]
EMOFACE = [sys.executable, "-m", "emoface_lib"]
Case = tuple[str, list[str], bool | None]  # name, arguments, whether it works if known
SWEEP = """profile: smoke
notebooks: [04]
folder: .
base: run
seeds: 2
parameters: {content_steps: 3, real_mouths: 0}
results: results.parquet
"""
LACKING = json.dumps(dict.fromkeys(Result.model_fields))
DAMAGED = "", "[", "[]", "{}", '"x"', "null", "\xff", LACKING  # for a dictionary
LESSON = (
    'profile = "smoke"\nseed = 0\ncontent_steps = 3\nreal_mouths = 0',
    """import pandas as pd
from emoface_lib.core.checkpoints import read_weights
from emoface_lib.core.settings import Run, load_settings
from emoface_lib.evaluation.train_run import train_run
few = {"content_steps": content_steps, "real_mouths": real_mouths}
settings = load_settings(profile, seed=seed, **few)
(path,) = train_run(settings, (1,))
sums = [float(one.double().sum()) for one in read_weights(path).values()]
rows = pd.DataFrame({"metric": "sum", "protocol": "weights", "value": sums})
rows.to_parquet(Run(settings).path("results.parquet"))""",
)


def record(name: str, value: float, target: str, how: str, unit: str = "") -> None:
    """Enter a number of this benchmark."""
    how = f"benchmarks/hostile.py {how}"
    enter("hostile", name, value, unit, how, target)


class Wrong(list[str]):
    """What does not end well; printed as it is found."""

    def add(self, *said: object) -> None:
        """Take down a case, and print it with what else is known."""
        self.append(str(said[0]))
        print(*said, flush=True)


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """Write 16-bit PCM float[S, C]."""
    soundfile.write(path, samples, rate, "PCM_16", format="WAV")
    return path


def tagged(path: Path, sound: bytes) -> Path:
    """A WAV whose artist is written in Latin-1."""
    info = b"INFOIART\x04\x00\x00\x00Zo\xeb\x00"
    chunk = b"LIST" + len(info).to_bytes(4, "little") + info
    size = (int.from_bytes(sound[4:8], "little") + len(chunk)).to_bytes(4, "little")
    path.write_bytes(sound[:4] + size + sound[8:] + chunk)
    return path


class Place:
    """A folder with a photograph, a voice, a video, and a prepared run."""

    def __init__(self, root: Path) -> None:
        self.root, self.out = root, root / "out"
        self.out.mkdir()
        speech = read_audio(MOUTHS / "s1.flac")[: 3 * RATE]
        self.speech = (0.5 * speech / np.abs(speech).max())[:, None]
        self.photo = root / "face.png"
        Image.fromarray(astronaut()[:260, 90:350]).save(self.photo)
        self.voice = write_wav(root / "voice.wav", self.speech[:RATE])
        self.video = root / "clip.mp4"
        frames = [astronaut()[:260, 90:350]] * 12
        write_video(self.video, frames, self.speech[:8_000, 0])
        self.corpus, self.run = root / "corpus", root / "run"
        (self.corpus / "wav").mkdir(parents=True)
        for number, name in enumerate(("03a01Fa", "03a02Na", "15a01Wa", "15a02Na")):
            part = self.speech[4_000 * number :][: RATE + 1_600 * number]
            write_wav(self.corpus / "wav" / f"{name}.wav", part)

    def prepare(self, run: Path) -> list[str]:
        """The command that prepares the corpus into the folder of a run."""
        return ["prepare", str(self.corpus), "--out", str(run), *SMALL]

    def train(self, run: Path) -> list[str]:
        """The command that trains step 1 on it."""
        return ["train", "--step", "1", "-p", f"corpus={run}", *TRAIN]

    def sweep(self, run: Path) -> list[str]:
        """The command of two runs on the prepared corpus that train step 1."""
        (run / "sweep.yml").write_text(SWEEP.replace("base: run", f"base: {self.run}"))
        tagged = new_code_cell(LESSON[0], metadata={"tags": ["parameters"]})
        cells = [tagged, new_code_cell(LESSON[1])]
        for number, cell in enumerate(cells):
            cell["id"] = f"cell{number}"
        nbformat.write(new_notebook(cells=cells), run / "04_train.ipynb")
        store = ["--store", str(run / "store"), "--workers", "1"]
        return ["batch", "run", str(run / "sweep.yml"), *store]

    def animate(
        self, photo: object = "", voice: object = "", *more: str, out: str = "a.csv"
    ) -> list[str]:
        """The command that animates a photograph by a voice."""
        given = str(photo or self.photo), str(voice or self.voice)
        return ["animate", *given, "-o", str(self.out / out), *more]

    def file(self, name: str, content: bytes | str) -> Path:
        """A file with this content."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@contextmanager
def scene() -> Iterator[Place]:
    """A place of its own, with a folder of runs."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EMOFACE_RUNS"] = f"{folder}/runs"
        yield Place(Path(folder))


def photos(at: Place) -> Iterator[Case]:
    """Photographs."""
    whole, given = at.photo.read_bytes(), {}
    picture = Image.open(at.photo)
    jpeg = at.root / "whole.jpg"
    picture.save(jpeg)
    for name, content in {
        "text.png": "no picture",
        "empty.png": b"",
        "cut.png": whole[: len(whole) // 2],
        "cut.jpg": jpeg.read_bytes()[:3_000],
        "header.png": whole[:20],
        "eps.jpg": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "svg.png": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "sound.png": at.voice.read_bytes(),
        "pdf.jpg": "%PDF-1.4\n",
    }.items():
        given[name] = at.file(name, content)
    for name, made in {
        "strip.png": Image.new("RGB", (20_000, 1)),
        "pillar.png": Image.new("RGB", (1, 20_000)),
        "pixel.png": Image.new("RGB", (1, 1)),
        "blank.png": Image.new("RGB", (300, 300), "white"),
        "bomb.png": Image.new("1", (30_000, 30_000)),
        "float.tif": Image.new("F", (200, 200)),
        "cup.png": Image.fromarray(coffee()),
        "down.png": picture.rotate(180),
    }.items():
        given[name] = at.root / name
        made.save(given[name])
    given["many.gif"] = at.root / "many.gif"
    picture.save(given["many.gif"], save_all=True, append_images=[picture.rotate(9)])
    os.mkfifo(at.root / "pipe")
    others = {"folder": at.root, "none": at.root / "none", "zero": Path("/dev/zero")}
    for name, path in {**given, **others, "pipe": at.root / "pipe"}.items():
        yield f"photo {name}", at.animate(path), False
    for name in ("grey.png", "a.webp", "a.bmp", "a.tif", "colours.gif"):
        shown = picture.convert("L" if name == "grey.png" else "RGB")
        shown.save(at.root / name)
        yield f"photo {name}", at.animate(at.root / name), True


def voices(at: Place) -> Iterator[Case]:
    """Voices, and videos whose head motion is taken."""
    sound, video = at.voice.read_bytes(), at.video.read_bytes()
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n"
    files = {
        "text.wav": b"no sound",
        "empty.wav": b"",
        "cut.wav": sound[:9_000],
        "header.wav": sound[:44],
        "cut.mp4": video[: len(video) // 2],
        "zip.mp4": b"PK\x03\x04" + bytes(99),
        "list.mp3": text.encode(),
        "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "rate.wav": sound[:24] + bytes(4) + sound[28:],
        "channels.wav": sound[:22] + bytes(2) + sound[24:],
        "codec.wav": sound[:20] + b"\x99\x99" + sound[22:],
        "picture.mp3": at.photo.read_bytes(),
    }
    for name, content in files.items():
        yield f"voice {name}", at.animate("", at.file(name, content)), False
    tone = np.sin(np.arange(RATE) / 9)[:, None]
    for name, samples in {
        "silent": 0 * tone,
        "constant": 0 * tone + 0.5,
        "": tone[:0],
        "instant": tone[:1],
    }.items():
        path = write_wav(at.root / f"{name}.wav", samples)
        yield f"voice {name}", at.animate("", path), False
    short = write_wav(at.root / "short.wav", tone[:10])
    yield "voice short", at.animate("", short), True
    apart = write_wav(at.root / "antiphase.wav", np.hstack([tone, -tone]) / 2)
    yield "voice antiphase", at.animate("", apart), True
    for name, floats in {
        "nan": tone[:, 0] * np.nan,
        "infinite": tone[:, 0] * np.inf,
        "huge": tone[:, 0] * 1e30,
    }.items():
        path = at.root / f"{name}.wav"
        soundfile.write(path, floats, RATE, "FLOAT")
        yield f"voice {name}", at.animate("", path), False
    mute = at.root / "mute.mp4"
    write_video(mute, [np.zeros((64, 64, 3), np.uint8)] * 9)
    for name in (at.root, at.root / "nothing", at.root / "pipe", mute):
        yield f"voice {name.name}", at.animate("", name), False
    for name in (at.photo, at.voice, mute, at.root / "text.wav", at.root):
        yield f"head {name.name}", at.animate("", "", "--head", str(name)), False
    yield "voice with a tag", at.animate("", tagged(at.root / "tag.wav", sound)), True
    yield "voice video", at.animate("", at.video), True
    tone = write_wav(at.root / "tone.wav", tone / 2)
    yield "voice tone", at.animate("", tone), True
    stereo = write_wav(at.root / "st.wav", np.repeat(at.speech[:RATE], 2, 1), 44_100)
    yield "voice stereo", at.animate("", stereo), True


def options(at: Place) -> Iterator[Case]:
    """Options of all commands, and names of files."""
    for name, values in GIVEN["options"].items():
        more = ["--emotion", "1"] if name == "axis" else []
        for value in values:
            given = at.animate("", "", f"--{name}", value, *more)
            yield f"--{name} {value}", given, False
    for number, text in enumerate(GIVEN["tables"]):
        path = at.file(f"{number}.csv", text)
        yield f"emotion {text!r}", at.animate("", "", "--emotion", str(path)), False
    many = ["--emotion", "happy"] * 70
    yield "70 emotions", at.animate("", "", *many), False
    long = "x" * 300 + ".csv", "\udcff.avi", str(at.voice)
    for out in (*GIVEN["refused"], *long):
        place = str(at.root / out) if out.startswith("face.png") else out
        yield f"-o {out[:9]!r}", at.animate(out=place), False
    for out in (*GIVEN["taken"], "x" * 250 + ".csv", "y" * 250 + ".mp4"):
        yield f"-o {out[:9]!r}", at.animate(out=out), True
    for wrong in GIVEN["settings"]:
        for command in ("reproduce", "train"):
            given = [command, "--profile", "smoke", "-p", wrong]
            yield f"{command} -p {wrong}", given, False
    for command in GIVEN["commands"]:
        yield command, command.split(), False
    given = ["-p", "features=autovc", "-p", "autovc_checkpoint=/etc/passwd"]
    yield "autovc_checkpoint", [*at.prepare(at.root / "evil"), *given], False


def corpora(at: Place) -> Iterator[Case]:
    """Folders of corpora, and places to prepare into."""
    row = {"clip": "a", "speaker": "s", "video": "v", "path": "a.mp4", "split": "train"}
    indices = {
        "climbs": [{**row, "clip": "../../evil"}],
        "absolute": [{**row, "clip": "/tmp/evil"}],
        "twice": [row, row],
        "reads": [{**row, "path": "../../etc/passwd"}],
        "nothing": [{**row, "clip": None}],
        "columns": [{"clip": "a"}],
    }
    for name, rows in indices.items():
        folder = at.root / name
        folder.mkdir()
        pd.DataFrame(rows).to_parquet(folder / "index.parquet")
        for command in ("prepare", "doctor"):
            yield f"{command} {name}", [command, str(folder)], False
    at.file("cut/index.parquet", b"PAR1")
    at.file("text/index.parquet", b"text")
    for folder in ("cut", "text", "none", "face.png", "out"):
        for command in ("prepare", "doctor"):
            given = [command, str(at.root / folder)]
            yield f"{command} {folder}", given, False
    for out in ("/proc/x", str(at.photo), "/dev/full/x"):
        yield f"prepare --out {out}", at.prepare(Path(out)), False
    yield "shard", [*at.prepare(at.root / "sh"), "--shard", "3/2"], False
    yield "engine", [*at.prepare(at.root / "sh"), "--engine", "rai"], False


SIZES = {name: list(range(1, 101)) for name in ("content_steps", "margin")}
SWEEPS = {
    **GIVEN["sweeps"],
    "binary": b"\xff\xfe\0",
    "latin": "notebooks: [04] # Zoë".encode("latin-1"),
    "deep": "[" * 20_000,
    "grid": json.dumps({"notebooks": ["04"], "grid": SIZES, "seeds": 100}),
    "digits": "notebooks: [04]\nseeds: " + "9" * 5_000,
}


def sweeps(at: Place) -> Iterator[Case]:
    """Sweeps; a dry run looks at all that can be wrong."""
    for name, text in SWEEPS.items():
        path = at.file(f"{name}.yml", text)
        yield f"sweep {name}", ["batch", "run", str(path), "--dry-run"], False
    good = at.file("good.yml", "notebooks: [04]\nprofile: smoke\nseeds: 2")
    yield "sweep good", ["batch", "run", str(good), "--dry-run"], True
    yield "sweep folder", ["batch", "run", str(at.root), "--dry-run"], False
    for command, store in (
        ("status", at.photo),
        ("collect", at.out),
        ("run", at.photo),
    ):
        given = ["batch", command, str(good), "--store", str(store)]
        yield f"sweep {command}, no store", given, False


def stores(at: Place) -> Iterator[Case]:
    """Stores of sweeps in which a file is damaged."""
    good = at.file("stored.yml", "notebooks: [04]\nprofile: smoke")
    plan = plan_runs(read_sweep(good))[0]
    for file in (RESULT, RUN, FAILURE):
        for number, text in enumerate(DAMAGED):
            store = at.root / f"store_{file}_{number}"
            for one in (plan, *plan.before):
                at.file(f"{store.name}/{one.key}/{file}", text)
            given = [str(good), "--store", str(store)]
            yield f"status {file} {text!r}", ["batch", "status", *given], True
            out = ["-o", str(store / "all.parquet")]
            yield f"collect {file} {text!r}", ["batch", "collect", *given, *out], None


def spoil(path: Path, how: str) -> None:
    """Damage a file in one way."""
    content = path.read_bytes() if path.is_file() else b""
    middle = len(content) // 2
    if how == "folder":
        path.unlink()
        path.mkdir()
        return
    path.write_bytes(
        {
            "cut": content[:middle],
            "empty": b"",
            "text": b"garbage\n",
            "flipped": content[:middle] + bytes(9) + content[middle + 9 :],
        }[how]
    )


def models(at: Place) -> Iterator[Case]:
    """Folders of models that are damaged in one file."""
    content, space = "content/model.safetensors", "emotion_space/space.safetensors"
    files = content, "style/model.safetensors", space, "audio/statistics.npz"
    for file in files:
        for how in ("cut", "empty", "text", "flipped", "folder"):
            folder = at.root / f"model_{how}_{file.replace('/', '_')}"
            shutil.copytree(SHIPPED, folder)
            spoil(folder / file, how)
            given = at.animate("", "", "--model", str(folder))
            yield f"model {how} {file}", given, False

    def changed(
        name: str, file: str, change: Callable[[dict], object], **about: str
    ) -> Case:
        folder = at.root / name
        shutil.copytree(SHIPPED, folder)
        kept, weights = read_metadata(folder / file), load_file(folder / file)
        kept.pop("weights", None)
        change(weights)
        save_file(weights, folder / file, {**kept, **about})
        return name, at.animate("", "", "--model", str(folder)), False

    yield changed("NaN", content, lambda w: w["standardise.mean"].fill_(np.nan))
    yield changed("no mean", space, lambda w: w.pop("mean"))
    yield changed("no layer", content, lambda w: w.popitem())
    yield changed("no JSON", content, lambda w: None, settings="{")
    yield changed("no settings", content, lambda w: None, settings="{}x")
    yield changed("other", content, lambda w: None, settings='{"profile": 3}')


def runs(at: Place) -> Iterator[Case]:
    """Prepared runs that are damaged in one file; what can be is made again."""
    clip = next((at.run / "features").rglob("*a.npz"))
    name = clip.relative_to(at.run).as_posix()
    again = {"features/index.parquet", "audio/speakers.npz", "features/mean_face.npz"}
    again |= {"audio/statistics.npz"}
    for file in (*sorted(again), name, "features/features.json"):
        for how in ("cut", "empty", "text", "folder"):
            run = at.root / f"run_{how}_{file.replace('/', '_')}"
            shutil.copytree(at.run, run, symlinks=True)
            spoil(run / file, how)
            healed = file in again if how != "folder" else file.endswith("x.parquet")
            healed |= how != "folder" and file == name
            yield f"prepare, {how} {file}", at.prepare(run), healed
            if file.startswith("features/") and not healed:
                yield f"train, {how} {file}", at.train(run), False
            elif how != "folder" and file.startswith("features/"):
                yield f"train, {how} {file} made again", at.train(run), True
    run = at.root / "run_journal"
    shutil.copytree(at.run, run, symlinks=True)
    journal = run / "features" / "journal" / "1-of-1.jsonl"
    journal.parent.mkdir()
    journal.write_text('garbage\n{"clip": 3}\n')
    yield "prepare, journal", at.prepare(run), True
    for how in ("cut", "flipped", "text"):
        run = at.root / f"run_flip_{how}"
        shutil.copytree(at.run, run, symlinks=True)
        spoil(run / name, how)
        yield f"train, {how} {name}", at.train(run), False


PARTS = photos, voices, options, corpora, sweeps, stores, models, runs


def told(arguments: Sequence[str], works: bool | None) -> str:
    """What is wrong with how a command ends; empty if nothing is."""
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, Exception) and not isinstance(
        result.exception, SystemExit
    ):
        return f"traceback: {result.exception!r}"
    lines = [line for line in result.stderr.splitlines() if "emoface: " in line]
    said = [line for line in lines if "emoface: note:" not in line]
    boxed = "Error" in result.stderr  # by the parser of options
    if works:
        return "" if result.exit_code == 0 else f"refused: {said or result.stderr}"
    if result.exit_code == 0:
        return "accepted" if works is False else ""
    return "" if len(said) == 1 or boxed else f"no sentence: {result.stderr[-300:]}"


def inputs(parts: Sequence[Callable[[Place], Iterator[Case]]] = PARTS) -> list[str]:
    """Try all, enter how many end well, and say which do not."""
    wrong, count = Wrong(), 0
    with scene() as at:
        if failed := told(at.prepare(at.run), True):
            wrong.add(f"prepare: {failed}")
        for part in parts:
            start = time.perf_counter()
            for name, arguments, works in part(at):
                count += 1
                if failed := told(arguments, works):
                    wrong.add(f"{name}: {failed}")
            print(f"{part.__name__}: {time.perf_counter() - start:.0f} s", flush=True)
        left = [path for path in at.out.glob(".*") if path.is_file()]
        left += Path().glob("PWNED*")
        wrong += [f"left behind: {path}" for path in left]
        full = full_disk(at)
        wrong += [f"{name}: {failed}" for name, failed in full.items() if failed]
        count += len(full)
    how = f"inputs: {count} inputs"
    name = "inputs that end in a sentence or work"
    record(name, 1 - len(wrong) / count, ">= 1", how, "share")
    record("inputs tried", count, ">= 120", how)
    return wrong


def full_disk(at: Place) -> dict[str, str]:
    """Commands under a limit of 3 kB a file, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, hard))
    try:
        return {
            "full disk, mp4": told(at.animate(out="full.mp4"), False),
            "full disk, csv": told(at.animate(out="full.csv"), False),
            "full disk, prepare": told(at.prepare(at.root / "full"), False),
            "full disk, reproduce": told(["reproduce", "--profile", "smoke"], False),
        }
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def mutated(content: bytes, dice: random.Random) -> bytes:
    """A file with bytes changed, cut out, doubled, or its end lost."""
    data = bytearray(content)
    for _ in range(dice.choice((1, 2, 8, 64))):
        at = (
            dice.randrange(len(data))
            if dice.random() < 0.5
            else dice.randrange(min(256, len(data)))
        )
        match dice.randrange(5):
            case 0:
                data[at] = dice.randrange(256)
            case 1:
                wild = bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff"
                data[at : at + 4] = dice.choice(wild)
            case 2:
                del data[at : at + dice.randrange(1, 64)]
            case 3:
                data[at:at] = data[at : at + dice.randrange(1, 64)]
            case _ if len(data) > 64 and dice.random() < 0.1:
                del data[dice.randrange(64, len(data)) :]
        if len(data) < 8:
            break
    return bytes(data)


def seeds_of_media(root: Path) -> dict[str, bytes]:
    """Small whole files of many kinds, as bytes by name."""
    face = Image.fromarray(astronaut()[:96:2, :96:2])
    for kind in ("png", "jpg", "webp", "tif", "bmp", "gif"):
        face.save(root / f"a.{kind}")
    sound = np.sin(np.arange(4_000) / 9)
    tagged(root / "a.wav", write_wav(root / "b.wav", sound[:, None] / 2).read_bytes())
    for kind, how in (("flac", "PCM_16"), ("mp3", "MPEG_LAYER_III"), ("ogg", "OPUS")):
        soundfile.write(root / f"a.{kind}", np.tile(sound, 3) / 2, 48_000, how)
    frames = [np.full((32, 32, 3), 20 * n, np.uint8) for n in range(6)]
    for kind in ("mp4", "mkv", "mov", "avi"):
        write_video(root / f"v.{kind}", frames, sound, RATE)
    return {path.name: path.read_bytes() for path in sorted(root.iterdir())}


def fuzz_one(path: Path) -> None:
    """Read a file as all that it could be."""
    with suppress(InputError):
        read_photo(path)
    if path.name[0] == "v":
        with suppress(InputError):
            for _ in iter_frames(path, 25.0):
                pass
    with suppress(InputError):
        read_audio(path)


def fuzz(count: int = 2_500, seed: int = 0) -> list[str]:
    """Mutated media files: nothing but `InputError`."""
    dice, wrong, slowest = random.Random(seed), Wrong(), 0.0
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        whole = seeds_of_media(root)
        for number in range(count):
            name = dice.choice(sorted(whole))
            path = root / name
            path.write_bytes(mutated(whole[name], dice))
            begin = time.perf_counter()
            try:
                fuzz_one(path)
            except Exception as error:
                wrong.add(f"{number} {name}: {error!r}")
            slowest = max(slowest, time.perf_counter() - begin)
    seconds = time.perf_counter() - start
    how = f"fuzz: {count} files; slowest {slowest:.1f} s; 1 thread"
    record("mutated media: errors but InputError", len(wrong), "<= 0", how)
    record("mutated media: minutes", seconds / 60, "<= 2", how, "min")
    return wrong


def command_line(arguments: Sequence[str], runs: Path) -> subprocess.Popen:
    """A command in a process of its own, whose runs go to `runs`."""
    return subprocess.Popen(
        [*EMOFACE, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "EMOFACE_RUNS": str(runs)},
    )


# These say how long something took, or are the same for all runs.
TIMED = {"log.csv", "log.txt", "notebooks", "jupyter", "reproduce.json", "run.json"}


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder, with their bytes; models without where they were made."""
    return {
        path.relative_to(folder).as_posix(): numbers(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not (TIMED & {path.name, *path.parts})
    }


def numbers(path: Path) -> bytes:
    """What a file holds, of a model its weights, of a run what it measured."""
    if path.suffix == ".safetensors":
        return read_metadata(path)["weights"].encode()
    if path.name == RESULT:
        return repr(read_json(path)["numbers"]).encode()
    return b"" if path.name == "sweep.yml" else path.read_bytes()


def kills(*names: str, count: int = 2) -> list[str]:
    """Kill commands at random moments; run again, they leave the same files."""
    dice, every = random.Random(1), list[str]()
    with scene() as at:

        def animate(run: Path) -> list[str]:
            out = ["-o", str(run / "a.mp4"), "-o", str(run / "a.csv")]
            return ["animate", str(at.photo), str(at.voice), *out]

        def reproduce(run: Path) -> list[str]:
            return ["reproduce", "--profile", "smoke", "--through", "01"]

        clean = at.run
        clean.mkdir()
        for command in (animate, at.prepare, at.train, at.sweep, reproduce):
            name = command.__name__
            before, wrong = at.root / f"before_{name}", Wrong()
            shutil.copytree(clean, before, symlinks=True)
            start = time.perf_counter()
            command_line(command(clean), clean).wait()
            seconds, expected = time.perf_counter() - start, contents(clean)
            for number in range(count if name in (names or (name,)) else 0):
                run = at.root / f"{name}_{number}" / clean.name
                shutil.copytree(before, run, symlinks=True)
                process = command_line(command(run), run)
                time.sleep(dice.uniform(0.2, 1) * seconds)
                process.send_signal(dice.choice((9, 9, 15, 2)))
                process.wait()
                again = command_line(command(run), run).wait()
                found = contents(run)
                differ = [
                    one
                    for one in sorted(expected | found)
                    if expected.get(one) != found.get(one)
                ]
                if again or differ:
                    wrong.add(f"{name} {number}: {again}, {differ}")
            if name in (names or (name,)):
                how = f"kills: {count} at random moments, -9, TERM, INT"
                title = f"{name}, killed and run again: other files"
                record(title, len(wrong), "<= 0", how)
            every += wrong
            if names[-1:] == (name,):
                break
    return every


def interrupts(count: int = 20) -> list[str]:
    """Ctrl-C in the first seconds: one line, and 130 for whoever called."""
    dice, wrong = random.Random(2), Wrong()
    with scene() as at:
        for _ in range(count):
            wait = dice.uniform(0.1, 3)
            command = [*EMOFACE, *at.animate()]
            process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            time.sleep(wait)
            process.send_signal(2)
            said = process.communicate()[1]
            if process.returncode not in (130, -2) or said != "emoface: stopped.\n":
                wrong.add(f"after {wait:.1f} s: {process.returncode} {said[-300:]}")
    how = f"interrupts: {count} in 0.1 to 3 s"
    record("interrupted commands that say more than a line", len(wrong), "<= 0", how)
    return wrong


def commands(at: Place) -> dict[str, list[str]]:
    """One of each command that works without a lesson's run before it."""
    sweep = at.file("a.yml", "notebooks: [04]\nprofile: smoke")
    return {
        "help": ["--help"],
        "animate": at.animate(out="n.mp4"),
        "prepare": at.prepare(at.root / "n"),
        "doctor": ["doctor", str(at.corpus), "-p", "detector=drawn"],
        "train": at.train(at.root / "n"),
        "batch": ["batch", "run", str(sweep), "--dry-run"],
        "reproduce": ["reproduce", "--profile", "smoke", "--through", "00"],
    }


def network() -> list[str]:
    """Calls that leave this machine, counted by strace."""
    wrong = Wrong()
    with scene() as at:
        for name, arguments in commands(at).items():
            log = at.root / f"{name}.strace"
            traced = ["strace", "-f", "-qq", "-e", "trace=connect,sendto"]
            done = subprocess.run(
                [*traced, "-o", str(log), *EMOFACE, *arguments],
                capture_output=True,
                text=True,
                check=False,
            )
            lines = [line for line in log.read_text().splitlines() if "AF_INET" in line]
            outside = [x for x in lines if "127.0.0.1" not in x and '"::1"' not in x]
            if done.returncode or outside:
                said = f"{name}: {done.returncode}, {outside[:3]}"
                wrong.add(said, done.stderr[-300:])
            count = len(commands(at))
    how = f"network: strace of {count} commands"
    record("commands with a request to a network", len(wrong), "<= 0", how)
    return wrong


def as_nobody() -> list[str]:
    """How to run a command as nobody, who gets to the interpreter all the same."""
    base = Path(sys.base_prefix)
    closed = [one for one in base.parents[::-1] if not one.stat().st_mode & 1]
    mounts = "mount --make-rprivate /; "
    for outer in closed[:1]:  # such as /root: replaced by one that holds Python alone
        mounts += f"mount --bind {base} /mnt; mount -t tmpfs -o mode=755 none {outer}; "
        mounts += f"mkdir -p {base}; mount --bind /mnt {base}; "
    who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return ["unshare", "-m", "sh", "-ec", mounts + 'exec "$@"', "sh", *who]


def users() -> list[str]:
    """Nobody, without a home, in this checkout: commands work in nobody's own folder.

    Into what belongs to somebody else they end in a sentence with the cure.
    """
    wrong = Wrong()
    with scene() as at:
        folder = at.root
        folder.chmod(0o755)
        given = commands(at)
        given["lab"] = ["lab", f"{folder}/lessons", "--copy-only"]
        runs, theirs = str(REPOSITORY / "runs"), str(REPOSITORY / "store")
        refused = {
            "animate": ["animate", str(at.photo), str(at.voice), "-o", f"{runs}.mp4"],
            "prepare": at.prepare(Path(runs)),
            "reproduce": given["reproduce"],
            "batch": ["batch", "run", f"{folder}/a.yml", "--store", theirs],
            "lab": ["lab", f"{REPOSITORY}/lessons", "--copy-only"],
        }
        subprocess.run(["chown", "-R", "65534", str(folder)], check=True)
        known = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}
        known |= {"HOME": "/nonexistent", "OMP_NUM_THREADS": "1"}
        elsewhere = {**known, "EMOFACE_RUNS": runs}
        cases = [(True, *case) for case in given.items()]
        for works, name, arguments in [*cases, *((False, *x) for x in refused.items())]:
            done = subprocess.run(
                [*as_nobody(), *EMOFACE, *arguments],
                **{"capture_output": True, "text": True, "check": False},
                **{"cwd": folder, "env": known if works else elsewhere},
            )
            said = done.stderr
            fine = done.returncode == 0 if works else "emoface: " in said
            if "Traceback" in said or not fine or (not works and not done.returncode):
                wrong.add(f"{name}, own={works}: {done.returncode}", said[-600:])
    how = f"users: nobody, no home; {len(cases)} commands in a folder of theirs, "
    how += f"{len(refused)} into root's"
    name = "second user of a checkout: commands that break"
    record(name, len(wrong), "<= 0", how)
    return wrong


def main(parts: Sequence[str]) -> int:
    """Run the parts that are named, or all."""
    # a background job is started deaf to Ctrl-C, and so would be what it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tried = inputs, fuzz, kills, interrupts, network, users
    known = {part.__name__: part for part in tried}
    able = {"network": bool(shutil.which("strace")), "users": os.geteuid() == 0}
    chosen = parts or [name for name in known if able.get(name, True)]
    of = {"kills": [name for name in chosen if name not in known]}
    chosen = [name for name in chosen if name in known]
    wrong = [text for name in chosen for text in known[name](*of.get(name, []))]
    print(*wrong, f"{len(wrong)} wrong", sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
