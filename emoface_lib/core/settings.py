"""Settings of a run: one frozen object; a profile is what differs from the paper.

`paper` is the paper to the letter. The other profiles are written as differences with
their reasons. A mistyped or ill-typed setting is refused with the nearest name.
"""

import difflib
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import hash_of
from emoface_lib.core.profiles import DIFFERENCES, IMPROVED

# what a number is of
LABELS = (
    *("table", "study", "method", "metric", "protocol"),
    *("training_speakers", "step"),
)

ProfileName = Literal["smoke", "tutorial", "full", "paper"]
PROFILES: tuple[ProfileName, ...] = ("smoke", "tutorial", "full", "paper")

REPOSITORY = Path(__file__).resolve().parents[2]


class Settings(BaseModel):
    """All settings of a run; the defaults are the `paper` profile."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    profile: ProfileName = "paper"
    seed: int = Field(0, ge=0)
    corpus: str = ""  # folder of runs/ that `emoface prepare` filled; "": embedded
    device: Literal["auto", "cpu", "cuda"] = "auto"  # where networks are trained
    # of training; "auto": bfloat16 where the processor multiplies it by itself
    precision: Literal["float32", "bfloat16", "auto"] = "float32"

    # the embedded corpus
    speakers: int = Field(16, ge=2)  # that train
    test_speakers: int = Field(4, ge=1)  # unseen in training
    videos: int = Field(4, ge=2)  # of a speaker; V_p needs a second one
    clips: int = Field(2, ge=2)  # of a video; V_s needs a second one
    held_out_videos: int = Field(1, ge=0)  # of each training speaker, for validation
    heard_speakers: int = Field(0, ge=0)  # further ones for step 1, without pictures

    # features
    look_ahead: int = Field(0, ge=0, le=25)  # 20-ms frames; the paper has none
    detector: Literal["dlib", "fan", "fan2d", "truth"] = "dlib"  # the paper's: fan
    face_detector: Literal["sfd", "retinaface", "blazeface", "dlib"] = "sfd"  # of fan
    longest_gap: int = Field(12, ge=0)  # video frames without a face; more: a bad clip
    alignment: Literal["icp", "kabsch"] = "icp"
    expression_steps: int = Field(400, ge=1)
    recogniser: Literal["auto", "drawn", "fer", "scn", "labels"] = "auto"
    scn_checkpoint: str = ""  # path of an SCN that was trained on expressions

    # F_a, notebook 02: AutoVC's converted mel, its codes, or the voice's own mel
    features: Literal["autovc", "codes", "log_mel"] = "autovc"
    autovc_checkpoint: str = ""  # path of the official autovc.ckpt; "": train one
    autovc_neck: int = Field(32, ge=1)  # numbers of a code, in each direction of time
    autovc_freq: Literal[1, 2, 4, 8, 16, 32] = 32  # frames that share a code
    autovc_pre: int = Field(512, ge=8)  # of the decoder's first layers
    autovc_width: int = Field(512, ge=8)  # of the encoder's and post-net's convolutions
    autovc_post: int = Field(1024, ge=8)  # of the decoder's last layers
    autovc_steps: int = Field(1_000_000, ge=1)
    autovc_batch: int = Field(2, ge=2)
    autovc_crop: int = Field(128, ge=32)  # frames
    autovc_learning_rate: float = Field(1e-4, gt=0)
    autovc_code_weight: float = Field(1.0, ge=0)  # of the code loss

    # networks: Table 1
    attention_heads: int = Field(4, ge=1)  # not given in the paper
    attention: Literal["frames", "tokens"] = "frames"  # eq. (4): both codes in a token

    # steps 1 and 2; batch sizes, crops and numbers of steps are not given in the paper
    learning_rate: float = Field(1e-5, gt=0)
    style_learning_rate: float = Field(1e-5, gt=0)
    weight_decay: float = Field(1e-5, ge=0)
    schedule: Literal["constant", "one_cycle"] = "constant"
    crop_frames: int = Field(100, ge=10)  # T of a training crop; 2 s
    batch_clips: int = Field(24, ge=1)  # clips of a batch in step 1
    batch_triplets: int = Field(8, ge=1)  # triplets of a batch in step 2
    content_steps: int = Field(200_000, ge=1)
    style_steps: int = Field(200_000, ge=1)
    style_stride: int = Field(1, ge=1)  # step 2 sees every n-th frame of its crops
    # of step 1's recordings, 1: emotion-blind content; codes have no spectrum to shift
    spectral_offset: float = Field(0.0, ge=0)
    joint: bool = False  # step 2 trains the content branch, too, instead of freezing it
    objective: Literal["paper", "improved"] = "paper"  # notebook 05, section 9
    triplets: Literal["videos", "labels"] = "videos"  # what V_r and V_s share
    contrast: Literal["triplet", "variance", "supervised", "infonce"] = "triplet"
    margin: float = Field(0.1, gt=0)  # eq. (5)
    emotion_distance: Literal["frames", "means"] = "frames"  # d of eq. (5)
    expression_weights: bool = True  # lambda of eq. (5); False: 1 and 0
    emotion_weight: float = Field(1.0, ge=0)  # of L_emotion in step 2
    identity_weight: float = Field(1.0, ge=0)  # of L_identity in step 2

    # studies of notebook 05: how many seeds, how long, how many training speakers
    study_seeds: int = Field(5, ge=1)
    study_share: float = Field(1.0, gt=0, le=1)  # of the steps of steps 1 and 2
    study_speakers: tuple[int, ...] = Field((4, 8, 16, 32), min_length=1, strict=False)
    # folder of what `emoface batch collect --clips` left, over whose seeds notebooks 05
    # and 07 draw their figures; "": over this run's own
    collected: str = ""
    # step 3
    image_size: int = Field(256, ge=32)  # px; side of the translator's pictures
    # the paper's U-Net; `improved`, a warp that a U-Net corrects; MakeItTalk's network
    translator: Literal["unet", "improved", "makeittalk"] = "unet"
    translator_checkpoint: str = ""  # path of MakeItTalk's; "": train one
    translator_width: int = Field(64, ge=4)  # channels of the first layer
    translator_steps: int = Field(200_000, ge=1)
    translator_batch: int = Field(8, ge=1)
    translator_learning_rate: float = Field(1e-5, gt=0)
    # of training and painting; pictures are worth bfloat16 where it is not emulated
    translator_precision: Literal["float32", "bfloat16", "auto"] = "auto"
    # weights beside L1; none in the paper
    translator_edges: float = Field(0.0, ge=0)  # differences of neighbouring pixels
    translator_perceptual: float = Field(0.0, ge=0)  # features of the expression model
    translator_adversarial: float = Field(0.0, ge=0)  # of a critic of patches

    # evaluation
    bootstrap_samples: int = Field(1000, ge=10)

    def hash(self) -> str:
        """Hash of all settings, equal for equal settings."""
        return hash_of(self.model_dump())

    def changed(self, **changes: Any) -> "Settings":
        """The same with some other settings; raises InputError as `load_settings`."""
        return load_settings(**{**self.model_dump(), **changes})


def load_settings(profile: str = "tutorial", **overrides: Any) -> Settings:
    """Settings of a profile with overrides; an override of None keeps the profile's.

    Raises InputError that names the wrong setting and the nearest right one.
    """
    if profile not in PROFILES:
        raise InputError(
            f"There is no profile {profile!r}; {nearest(profile, PROFILES)}"
        )
    given = {name: value for name, value in overrides.items() if value is not None}
    for name in given:
        if name not in Settings.model_fields:
            hint = nearest(name, tuple(Settings.model_fields))
            raise InputError(f"There is no setting {name!r}; {hint}")
    try:
        recipe = IMPROVED if given.get("translator") == "improved" else {}
        values = {"profile": profile, **DIFFERENCES[profile], **recipe, **given}
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        setting, value = first["loc"][0], first["input"]
        reason = first["msg"][0].lower() + first["msg"][1:]
        raise InputError(f"Setting {setting} = {value!r}: {reason}.") from error


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Say the nearest known name, or all of them if none is near."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}."


def runs_folder() -> Path:
    """Where results are kept: the folder in EMOFACE_RUNS, or `runs` in the project."""
    return Path(os.environ.get("EMOFACE_RUNS", REPOSITORY / "runs"))


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
        path = self.path(PRODUCTS[notebook])
        if not path.exists():
            raise InputError(
                f"{PRODUCTS[notebook]} is missing in the runs of profile "
                f"{self.settings.profile!r}: run notebook {notebook} first."
            )
        return path

    @property
    def figures(self) -> Path:
        """Where figures go: `figures/`; for smoke and real corpora, inside the run."""
        own = self.settings.profile == "smoke" or bool(self.settings.corpus)
        own = own or "EMOFACE_RUNS" in os.environ
        return self.path("figures") if own else REPOSITORY / "figures"
