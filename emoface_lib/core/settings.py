"""Settings of a run: one frozen object; a profile is what differs from the paper.

`paper` has those of the paper. The other profiles are written as differences with
their reasons, in `profiles.yml`. A mistyped or ill-typed setting is refused with the
nearest name.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import LIBRARY, hash_of

# columns of a results table that say which number a row holds
LABELS = (
    *("table", "study", "method", "metric", "protocol"),
    *("training_speakers", "step"),
)

Heard = Literal["autovc", "codes", "log_mel", "phonetic"]
ProfileName = Literal["smoke", "tutorial", "full", "paper"]
PROFILES: tuple[ProfileName, ...] = ("smoke", "tutorial", "full", "paper")
Precision = Literal["float32", "bfloat16", "auto"]  # auto: bfloat16 where not emulated

WHEEL = (LIBRARY / "project").exists()  # which holds them there
REPOSITORY = LIBRARY / "project" if WHEEL else LIBRARY.parent  # notebooks, tables
INSTALLED = WHEEL or not os.access(REPOSITORY, os.W_OK)  # to be read, by many perhaps
# Profile -> full name of a setting -> value; `improved` is a recipe in any profile.
DIFFERENCES: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("profiles.yml").read_text(encoding="utf-8")
)


class Stage(BaseModel):
    """Settings of one stage of the way from a clip to Table 2."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Synthetic(Stage):
    """The embedded corpus; notebook 01."""

    train_speakers: int = Field(16, ge=2)
    test_speakers: int = Field(4, ge=1)  # none of their clips is trained on
    videos_per_speaker: int = Field(4, ge=2)  # V_p needs a second one
    clips_per_video: int = Field(2, ge=2)  # V_s needs a second one
    held_out_videos: int = Field(1, ge=0)  # per training speaker, for validation
    audio_only_speakers: int = Field(0, ge=0)  # further ones for step 1, unfilmed
    # sentences of a clip; of several, each has its own moment of a mood that walks
    phrases: int = Field(1, ge=1, le=8)
    # microphone, room and noise: alike everywhere, or far apart by video or by clip
    channels: Literal["alike", "video", "clip"] = "alike"


class Features(Stage):
    """F_a: AutoVC's converted mel, its codes, or the voice's own mel; notebook 02.

    "phonetic": a phone recogniser's code, all that content hears, and the mel after it.
    """

    kind: Heard = "autovc"
    style: Heard | Literal["same"] = "same"  # what style hears, if something else
    look_ahead: int = Field(0, ge=0, le=25)  # 20-ms frames; the paper has none

    @property
    def kinds(self) -> tuple[Heard, Heard]:
        """What content hears, and what style hears."""
        return self.kind, self.kind if self.style == "same" else self.style

    @property
    def name(self) -> str:
        """Both in words; one that both hear stands alone."""
        return " and ".join(dict.fromkeys(self.kinds))

    @property
    def sound(self) -> Heard:
        """What is kept of a voice to make F_a of."""
        return "phonetic" if "phonetic" in self.kinds else "log_mel"


class AutoVC(Stage):
    """The voice conversion network that F_a comes from; notebook 02."""

    checkpoint: str = ""  # path of the official autovc.ckpt; "": train one
    speaker_encoder: str = ""  # path of 3000000-BL.ckpt, its encoder of speakers
    neck: int = Field(32, ge=1)  # numbers per code, in each direction of time
    freq: Literal[1, 2, 4, 8, 16, 32] = 32  # frames that share a code
    pre: int = Field(512, ge=8)  # width of the decoder's first layers
    width: int = Field(512, ge=8)  # convolutions of the encoder and the post-net
    post: int = Field(1024, ge=8)  # width of the decoder's last layers
    steps: int = Field(1_000_000, ge=1)
    batch: int = Field(2, ge=2)
    crop: int = Field(128, ge=32)  # frames
    learning_rate: float = Field(1e-4, gt=0)
    code_weight: float = Field(1.0, ge=0)  # weight of the code loss


class Landmarks(Stage):
    """Detection and alignment of 68 landmarks; notebook 03."""

    # drawn: a face that is drawn for each labelled voice
    detector: Literal["dlib", "fan", "fan2d", "truth", "drawn"] = "fan"
    face_detector: Literal["sfd", "retinaface", "blazeface", "dlib"] = "sfd"  # for fan
    longest_gap: int = Field(12, ge=0)  # video frames without a face; more: a bad clip
    alignment: Literal["icp", "kabsch"] = "icp"


class Expression(Stage):
    """The expression classifier behind lambda and ES; notebook 03."""

    recogniser: Literal["auto", "drawn", "fer", "scn", "labels"] = "auto"
    scn_checkpoint: str = ""  # path of an SCN that was trained on expressions
    steps: int = Field(400, ge=1)


class Training(Stage):
    """What steps 1, 2 and 3 share; of all but weight decay the paper says nothing."""

    weight_decay: float = Field(1e-5, ge=0)
    schedule: Literal["constant", "one_cycle"] = "constant"
    crop_frames: int = Field(100, ge=10)  # T of a training crop; 2 s
    standardise: bool = True  # F_a less its mean over training frames, over deviation
    clip_norm: float = Field(0.0, ge=0)  # largest norm of a gradient; 0: any
    keep: Literal["last", "best"] = "last"  # weights; best: on held-out videos


class Content(Stage):
    """Step 1, the content branch; notebook 04. The paper gives no batch and length."""

    steps: int = Field(200_000, ge=1)
    batch: int = Field(24, ge=1)  # clips
    learning_rate: float = Field(1e-5, gt=0)
    # share of real mouths in a batch, beside an embedded corpus; the paper's is real
    real_mouths: float = Field(0.0, ge=0, lt=1)
    jitter: float = Field(0.0, ge=0)  # random gain and offset of a crop's features


class Style(Stage):
    """Step 2, the style branch; notebook 05. The paper gives no batch and length."""

    steps: int = Field(200_000, ge=1)
    batch: int = Field(8, ge=1)  # triplets
    learning_rate: float = Field(1e-5, gt=0)
    stride: int = Field(1, ge=1)  # step 2 takes every n-th frame of its crops
    attention: Literal["frames", "tokens"] = "frames"  # eq. (4): both codes in a token
    attention_heads: int = Field(4, ge=1)  # not given in the paper
    joint: bool = False  # train the content branch, too, instead of freezing it
    # notebook 05, sections 9 and 10
    objective: Literal["paper", "improved", "mixture"] = "paper"
    triplets: Literal["videos", "labels", "shuffled"] = "videos"  # what V_r, V_s share
    contrast: Literal["triplet", "variance", "supervised", "infonce"] = "triplet"
    margin: float = Field(0.1, gt=0)  # eq. (5)
    jitter: float = Field(0.0, ge=0)  # as content.jitter, of each clip of a triplet
    emotion_distance: Literal["frames", "means"] = "frames"  # d of eq. (5)
    expression_weights: bool = True  # lambda of eq. (5); False: 1 and 0
    emotion_weight: float = Field(1.0, ge=0)  # weight of L_emotion
    identity_weight: float = Field(1.0, ge=0)  # weight of L_identity


class Study(Stage):
    """Studies of notebooks 05 and 07: how many seeds, how long, how many speakers."""

    seeds: int = Field(5, ge=1)
    share: float = Field(1.0, gt=0, le=1)  # share of the steps of steps 1 and 2
    speaker_counts: tuple[int, ...] = Field((4, 8, 16, 32), min_length=1, strict=False)
    # folder that `emoface batch collect --clips` left, over whose seeds notebooks 05
    # and 07 draw their figures; "": over this run's own
    collected: str = ""


class TranslatorSettings(Stage):
    """Step 3, image-to-image translation; notebook 06."""

    # the paper's U-Net; `improved`, a warp that a U-Net corrects; MakeItTalk's network
    kind: Literal["unet", "improved", "makeittalk"] = "unet"
    checkpoint: str = ""  # path of MakeItTalk's; "": train one
    image_size: int = Field(256, ge=32)  # px; side of the pictures
    width: int = Field(64, ge=4)  # channels of the first layer
    steps: int = Field(200_000, ge=1)
    batch: int = Field(8, ge=1)
    learning_rate: float = Field(1e-5, gt=0)
    precision: Precision = "auto"  # in training and rendering
    # weights beside L1; none in the paper
    edges: float = Field(0.0, ge=0)  # differences of neighbouring pixels


class Evaluation(Stage):
    """Scores and their intervals; notebook 07."""

    bootstrap_samples: int = Field(1000, ge=10)
    # files of weights that others trained, see `learnt_metrics`; "": without the metric
    lpips: str = ""
    fid: str = ""
    fvd: str = ""
    syncnet: str = ""  # LSE-C and LSE-D


class Settings(Stage):
    """All settings of a run, by stage; the defaults are the `paper` profile."""

    profile: ProfileName = "paper"
    seed: int = Field(0, ge=0, lt=2**32)  # what each generator takes
    corpus: str = ""  # folder of runs/ that `emoface prepare` filled; "": embedded
    device: Literal["auto", "cpu", "cuda"] = "auto"  # where networks are trained
    devices: int = Field(1, ge=1)  # GPUs or CPU processes a node that train as one
    nodes: int = Field(1, ge=1)  # machines that train as one
    precision: Precision = "float32"  # in training
    memory: float = Field(4.0, ge=0)  # GB of prepared clips that are held; more: read

    synthetic: Synthetic = Synthetic()
    features: Features = Features()
    autovc: AutoVC = AutoVC()
    landmarks: Landmarks = Landmarks()
    expression: Expression = Expression()
    training: Training = Training()
    content: Content = Content()
    style: Style = Style()
    study: Study = Study()
    translator: TranslatorSettings = TranslatorSettings()
    evaluation: Evaluation = Evaluation()

    def by_name(self) -> dict[str, Any]:
        """Full name -> value of every setting, such as `style.steps` -> 300."""
        return {
            name: getattr(getattr(self, stage), field) if stage else getattr(self, name)
            for name in NAMES
            for stage, _, field in [name.rpartition(".")]
        }

    def hash(self, *stages: str) -> str:
        """Hash of the settings of some stages and of the seed; of all if none is given.

        Equal for equal settings. Where the networks are trained does not count.
        """
        values = self.model_dump(exclude={"device", "devices", "nodes", "memory"})
        chosen = ("seed", *stages) if stages else values
        return hash_of({name: values[name] for name in chosen})

    def changed(self, **changes: Any) -> "Settings":
        """The same with some other settings; names and errors as in `load_settings`."""
        asked = {setting_name(name): value for name, value in changes.items()}
        return _validated(self.by_name(), asked)


STAGES = {
    name: tuple(type(field.default).model_fields)
    for name, field in Settings.model_fields.items()
    if isinstance(field.default, Stage)
}
NAMES = tuple(
    full
    for name in Settings.model_fields
    for full in [f"{name}.{field}" for field in STAGES.get(name, ())] or [name]
)
PARAMETERS = {name.replace(".", "_"): name for name in NAMES}  # in notebooks


def setting_name(name: str, others: tuple[str, ...] = ()) -> str:
    """The full name of a setting; raises InputError that says which there are.

    `style.steps` and `style_steps` are one setting's names, and so is `margin`, which
    one stage alone has. A stage's name stands for its `kind`. others : names that may
    have been meant, too.
    """
    known = PARAMETERS.get(name, name)
    if known in NAMES or (known := f"{name}.kind") in NAMES:
        return known
    found = [full for full in NAMES if name == full.rpartition(".")[2]]
    if len(found) > 1:
        raise InputError(f"Setting {name!r} is one of several: {', '.join(found)}.")
    if not found:
        short = [full.rpartition(".")[2] for full in NAMES]
        hint = nearest(name, (*others, *PARAMETERS, *short))
        raise InputError(f"There is no setting {name!r}; {hint}")
    return found[0]


def load_settings(profile: str = "tutorial", **overrides: Any) -> Settings:
    """Settings of a profile with overrides; an override of None keeps the profile's.

    Names are those of `setting_name`. Raises InputError that names the wrong setting
    and the nearest right one.
    """
    if profile not in PROFILES:
        raise InputError(
            f"There is no profile {profile!r}; {nearest(profile, PROFILES)}"
        )
    asked = {
        setting_name(n): value for n, value in overrides.items() if value is not None
    }
    return _validated({"profile": profile, **DIFFERENCES[profile]}, asked)


def notebook_settings(names: Mapping[str, Any]) -> Settings:
    """The settings that a notebook's parameters give: `notebook_settings(globals())`.

    A parameter is called by its setting's name with `_`, such as `style_steps`; None
    keeps the profile's. Raises as `load_settings`.
    """
    return load_settings(**{n: names[n] for n in PARAMETERS if n in names})


def _validated(own: Mapping[str, Any], asked: Mapping[str, Any]) -> Settings:
    """Settings by their names; from what is asked for others may follow, unasked."""
    improved = asked.get("translator.kind") == "improved"
    recipe, values = DIFFERENCES["improved"] if improved else {}, dict[str, Any]()
    for name, value in {**own, **recipe, **asked}.items():
        stage, _, field = name.rpartition(".")
        (values.setdefault(stage, {}) if stage else values)[field] = value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        setting, value = ".".join(map(str, first["loc"][:2])), first["input"]
        reason = first["msg"][0].lower() + first["msg"][1:]
        raise InputError(f"Setting {setting} = {value!r}: {reason}.") from error


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Say the nearest known name, or all of them if none is near."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}."


def runs_folder() -> Path:
    """Where results are kept: the folder in EMOFACE_RUNS, or `runs` in the project.

    Without a checkout of one's own that is `runs` where the command was given.
    """
    beside = Path.cwd() if INSTALLED else REPOSITORY
    return Path(os.environ.get("EMOFACE_RUNS") or beside / "runs")


# What each notebook leaves for the later ones, relative to the run's folder.
PRODUCTS = {
    "01_corpus": "corpus/index.parquet",
    "02_audio_features": "audio/statistics.npz",
    "03_face_alignment": "features/index.parquet",
    "04_content_encoder": "content/model.safetensors",
    "05_style_encoder": "style/model.safetensors",
    "06_image_translation": "translator/model.safetensors",
    "07_comparison": "comparison/results.parquet",
    "08_emotion_space": "emotion_space/space.safetensors",
}

# Which others each notebook goes on from. One that is not named here needs all before.
NEEDS: dict[str, tuple[str, ...]] = {
    "00_overview": (),
    "01_corpus": (),
    "02_audio_features": ("01_corpus",),
    "03_face_alignment": ("02_audio_features",),
    "04_content_encoder": ("03_face_alignment",),
    "05_style_encoder": ("04_content_encoder",),
    "06_image_translation": ("03_face_alignment",),
    "07_comparison": ("05_style_encoder", "06_image_translation"),
    "08_emotion_space": ("05_style_encoder",),
    "09_animate": ("08_emotion_space",),
    "10_batch_runs": ("03_face_alignment",),
}

# Tables of numbers that notebooks leave: columns metric, protocol and value, speaker
# and clip where a number is of one clip, and others that say what it is of.
RESULTS = {
    "04_content_encoder": "content/results.parquet",
    "05_style_encoder": "style/results.parquet",
    "07_comparison": "comparison/results.parquet",
}


class Run:
    """The folder of a run and what lies in it.

    It is `runs/<profile>/`; on a real corpus the folder that was prepared, where
    notebooks 04 and on find what 01 to 03 would have left.
    """

    def __init__(self, settings: Settings, folder: Path | None = None) -> None:
        self.settings = settings
        self.folder = folder or runs_folder() / (settings.corpus or settings.profile)

    def path(self, *parts: str) -> Path:
        """A path below the run's folder."""
        return self.folder.joinpath(*parts)

    def product(self, notebook: str) -> Path:
        """What `notebook` leaves; raises InputError if it has not been run."""
        path, corpus = self.path(PRODUCTS[notebook]), self.settings.corpus
        if not path.exists() and corpus and notebook == "03_face_alignment":
            raise InputError(
                f"There is no prepared corpus in {self.folder}: make it by `emoface "
                "prepare`, or name another."
            )
        if not path.exists():
            raise InputError(
                f"{path} is missing: run notebook {notebook} first, or all up to it by "
                f"`emoface reproduce --profile {self.settings.profile} --through "
                f"{notebook[:2]}{corpus and f' -p corpus={corpus}'}`."
            )
        return path

    @property
    def figures(self) -> Path:
        """Where figures go: a checkout's `figures/`; else, and for smoke, the run's."""
        own = self.settings.profile == "smoke" or bool(self.settings.corpus)
        own = own or INSTALLED or bool(os.environ.get("EMOFACE_RUNS"))
        return self.path("figures") if own else REPOSITORY / "figures"
