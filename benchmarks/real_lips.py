"""Does what is learnt on drawn heads move real lips? Lip opening, from voice and seen.

Step 1 learns the embedded corpus' true landmarks; its lip opening from the voice of
real clips is compared with dlib's reading of them: Pearson r of each clip at 25 frames
a second and zero lag, mean over clips. Chance is the prediction from another clip's
voice. The voice's energy is the baseline.

python benchmarks/real_lips.py DATA    (a folder with grid_sample and voxceleb2_sample)
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from results import enter

from emoface_lib.core.clip import SAMPLE_RATE, Clip
from emoface_lib.core.landmarks import VIDEO_RATE, eye_distance, lip_opening, mean_face
from emoface_lib.core.settings import Settings, load_settings
from emoface_lib.core.video import read_audio, read_video
from emoface_lib.features.align import to_canonical
from emoface_lib.features.audio import log_mel
from emoface_lib.features.dlib_detector import DlibDetector
from emoface_lib.features.prepared import look_ahead, to_video_rate
from emoface_lib.features.voice_activity import speech_level
from emoface_lib.method.content import ContentBranch
from emoface_lib.method.steps import train_content
from emoface_lib.synthetic.audio_only import audio_only_clips, plan_audio_only
from emoface_lib.synthetic.clips import make_clip

TOPIC = "lips"
SEEDS = (0, 1, 2)
VIDEOS = 4  # per speaker; three of them train
LEFT_OUT = "id00002"  # in profile for part of the time
TARGETS = {"GRID": 0.50, "VoxCeleb2": 0.45}
PLAIN, BLIND = "", ", emotion-blind content"  # what step 1 hears: notebook 04


@dataclass(frozen=True)
class Real:
    """A real clip: its voice, and the lip opening that dlib reads, in eye distances."""

    samples: np.ndarray
    opening: np.ndarray  # (F,)


def read_real(path: Path) -> Real:
    frames, _ = read_video(path, rate=VIDEO_RATE)
    seen = DlibDetector().detect(frames).landmarks[..., :2]
    return Real(read_audio(path), lip_opening(seen) / eye_distance(seen).mean())


def drawn_level(settings: Settings) -> float:
    """Level of the speech in the clips of the embedded corpus, of one a speaker."""
    count = settings.synthetic.audio_only_speakers
    plans = [plan_audio_only(number, settings)[0] for number in range(count)]
    return float(np.median([speech_level(make_clip(p).speech.samples) for p in plans]))


def silences(settings: Settings, count: int = 20) -> list[np.ndarray]:
    """The silences before speech of clips of further speakers."""
    later = settings.synthetic.train_speakers + settings.synthetic.audio_only_speakers
    others = settings.changed(train_speakers=later)
    plans = [plan_audio_only(number, others)[0] for number in range(count)]
    return [
        make_clip(plan).speech.samples[: int(plan.recording.lead * SAMPLE_RATE)]
        for plan in plans
    ]


Guess = Callable[[np.ndarray], np.ndarray]  # samples to lip opening (F,)


@dataclass(frozen=True)
class Learnt:
    """Step 1 as a guess of the lip opening, px of the canonical frame."""

    model: ContentBranch
    reference: torch.Tensor  # (68, 2), the mean reference face
    level: float  # dBFS; the speech that it learnt from
    look_ahead: int

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Lip opening (F,) from a voice, which is brought to the level learnt from."""
        return self.opening(samples * 10 ** ((self.level - speech_level(samples)) / 20))

    @torch.inference_mode()
    def opening(self, samples: np.ndarray) -> np.ndarray:
        """Lip opening (F,) from samples of that level."""
        features = look_ahead(log_mel(samples), self.look_ahead)
        features = features[: len(features) // 2 * 2]
        moved = self.model(torch.from_numpy(features)[None])[0]
        return lip_opening(to_video_rate(self.reference + moved)).numpy()


def energy_of(samples: np.ndarray) -> np.ndarray:
    """Log energy of the voice in video frames."""
    mel = log_mel(samples).mean(1)
    return mel[: len(mel) // 2 * 2].reshape(-1, 2).mean(1)


def likeness(guess: Guess, clips: list[Real], shift: int = 0) -> float:
    """Mean r over clips; `shift` takes the voice of another clip."""
    found = []
    for index, real in enumerate(clips):
        guessed = guess(clips[(index + shift) % len(clips)].samples)
        frames = min(len(guessed), len(real.opening))
        found.append(np.corrcoef(guessed[:frames], real.opening[:frames])[0, 1])
    return float(np.mean(found))


def learn(clips: list[Clip], level: float, settings: Settings) -> Learnt:
    with tempfile.TemporaryDirectory() as folder:
        model, _ = train_content(clips, Path(folder), settings)
    model.eval()
    faces = {clip.speaker: clip.reference for clip in clips}
    reference = torch.stack(list(faces.values())).mean(0)
    return Learnt(model, reference, level, settings.features.look_ahead)


def enter_likeness(
    name: str, regime: str, guesses: list[Learnt], clips: list[Real], how: str
) -> None:
    """Enter r of the trained models, with chance beside."""
    values = [likeness(guess, clips) for guess in guesses]
    mean, chance = np.mean(values), np.mean([likeness(g, clips, 1) for g in guesses])
    plain = regime == PLAIN
    enter(
        TOPIC,
        f"real lips of {name} from the voice, trained on drawn heads{regime}",
        float(mean),
        "r",
        f">= {TARGETS[name]:.2f}" if plain else "",
        bool(mean >= TARGETS[name]) if plain else "",
        f"{how}; {len(clips)} real clips; seeds from {min(values):.3f} to "
        f"{max(values):.3f}; chance {chance:.2f}",
    )
    print(f"{name}{regime}: {mean:.3f} {np.round(values, 3)}, chance {chance:.3f}")


def enter_energy(name: str, clips: list[Real]) -> None:
    """Enter r of the voice's energy, the baseline, with chance beside."""
    energy, chance = likeness(energy_of, clips), likeness(energy_of, clips, 1)
    how = f"benchmarks/real_lips.py: {len(clips)} real clips; chance {chance:.2f}"
    what = f"real lips of {name} from the voice's energy"
    enter(TOPIC, what, energy, "r", "", "", how)
    print(f"{name}: energy {energy:.3f}, chance {chance:.3f}")


def enter_silence(
    regime: str, guesses: list[Learnt], quiet: list[np.ndarray], how: str
) -> None:
    """Enter the lips' opening that is predicted before drawn speech begins."""
    rest = float(np.mean([g.opening(q)[2:].mean() for g in guesses for q in quiet]))
    enter(
        TOPIC,
        f"lips that step 1 predicts in silence, px of the canonical frame{regime}",
        rest,
        "px",
        "",
        "",
        f"{how}; before the speech of {len(quiet)} other drawn speakers",
    )
    print(f"lips in silence{regime}: {rest:.2f} px")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--speakers", type=int, default=100)
    arguments = parser.parse_args()
    voxceleb = sorted((arguments.data / "voxceleb2_sample").rglob("*.mp4"))
    grid = sorted((arguments.data / "grid_sample").rglob("*.mpg"))
    samples = {
        "GRID": [read_real(path) for path in grid],
        "VoxCeleb2": [read_real(p) for p in voxceleb if LEFT_OUT not in p.parts],
    }
    settings = load_settings(
        "tutorial",
        audio_only_speakers=arguments.speakers,
        videos_per_speaker=VIDEOS,
    )
    clips = audio_only_clips(settings, to_canonical(mean_face()))
    level = drawn_level(settings)
    quiet = silences(settings)
    for regime, offset in ((PLAIN, 0.0), (BLIND, settings.content.spectral_offset)):
        seeds = [{"seed": seed, "spectral_offset": offset} for seed in SEEDS]
        guesses = [learn(clips, level, settings.changed(**one)) for one in seeds]
        how = (
            f"benchmarks/real_lips.py: step 1 on true landmarks, {arguments.speakers} "
            f"speakers, {len(clips)} drawn clips, {settings.content.steps} steps of "
            f"{settings.content.batch}, {settings.features.look_ahead * 20} ms of "
            f"look-ahead, spectral offset {offset}"
        )
        enter_silence(regime, guesses, quiet, how)
        for name, real in samples.items():
            enter_likeness(name, regime, guesses, real, how)
    for name, real in samples.items():
        enter_energy(name, real)


if __name__ == "__main__":
    main()
