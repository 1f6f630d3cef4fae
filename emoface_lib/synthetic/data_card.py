"""The data card of the embedded corpus: how it was made, its factors, its limits."""

import pandas as pd

from emoface_lib.synthetic.factors import ACCENTS, CONFOUNDING, VARIANTS

CARD_TEXT = """\
# Data card: the embedded corpus of emoface

{clips} clips, {minutes:.1f} minutes, {speakers} speakers; seed {seed}, generator
version {version}. Made by code alone: no recording of any person is in it.

## Contents
| path | what |
|---|---|
| `mp4/<speaker>/<video>/<utterance>.mp4` | 224 x 224 px, 25 frames/s, h264; 16 kHz \
mono AAC; the tree of VoxCeleb2 |
| `vox2_meta.csv` | speakers in the form of VoxCeleb2's metadata |
| `truth/<speaker>/<video>/<utterance>.npz` | the true factors of the clip (below) |
| `index.parquet` | one row a clip: clip, speaker, video, utterance, path, split, \
emotion, arousal, valence, intensity, sentence, seconds |
| `corpus.json` | the settings it was made with and their hash |

Keys of a sidecar (F frames of 40 ms, P phonemes, C controls):

| key | shape | unit |
|---|---|---|
| landmarks | F, 68, 3 | px of the picture; x right, y down, z away from the viewer; \
the centre of the top-left pixel is (0, 0) |
| pose | F, 3 | degrees: yaw, pitch, roll |
| controls, control_names | F, C and C | what the face was told to do |
| phonemes, phoneme_start, phoneme_end | P | espeak-ng's names ("_": pause), s |
| neutral | 68, 3 | px: the identity's neutral face, frontal |
| expression | 7 | mixture of surprise, fear, disgust, happiness, sadness, anger, \
neutral |

## Splits
| split | clips | speakers | what |
|---|---|---|---|
{splits}

The sentences of `train` occur in no other split. Speakers of `unseen` occur nowhere
else, and their emotions are as frequent as each other.

## How it is made
- Speech: espeak-ng, a formant synthesiser, in {accents} accents of English with
  {variants} voice variants; our own sentences, neutral in content. Phoneme times are
  the synthesiser's, corrected by 8 ms.
- One emotional state a video: a category, its intensity, and from both a place in the
  plane of arousal and valence. Arousal raises pitch, its range, rate, loudness and
  brightness of the voice and widens the mouth's opening; valence raises formants and
  the band at 2.8 kHz. The face mixes expressions half by arousal and valence, half by
  category.
- Confounding: in training videos the log-odds of an emotion grow by {confounding} for
  each unit of its arousal and each standard deviation of the speaker's pitch and
  loudness.
- Recording: level, spectral tilt and white noise for each video, silence around each
  clip.
- Motion: visemes blended by dominance functions (Cohen and Massaro, 1993), wider in
  stressed and in loud syllables; lips rest closed where nothing is said, and an
  expression widens what speech does. Blinks, gaze, head motion with nods on accents,
  brows that rise with accents. The truth holds no detector's noise.
- Faces: drawn from 68 landmarks; skin, hair, age, face shape, clothes, light and
  background are drawn at random.

## Limits and biases
- The voices are formant speech with a robot's sound, in English only; emotion in them
  follows a rule and is more regular than people are.
- The two genders are those of espeak-ng's variants and set the look as well: a
  simplification.
- Faces are drawings: nothing learnt from them is evidence about recognition of people.
- Lips follow a rule: what is learnt from them can't be better than it.
- Skin tones are drawn evenly from light to dark; hairstyles and ages don't depend on
  them.

## Terms
The clips may be used freely; the code that makes them is under the MIT licence.
"""


def data_card(index: pd.DataFrame, seed: int, version: int) -> str:
    """The text of DATA_CARD.md for a corpus with this index."""
    return CARD_TEXT.format(
        clips=len(index),
        minutes=index["seconds"].sum() / 60,
        speakers=index["speaker"].nunique(),
        seed=seed,
        version=version,
        splits="\n".join(_split_rows(index)),
        accents=len(set(ACCENTS)),
        variants=sum(len(names) for names in VARIANTS.values()),
        confounding=CONFOUNDING,
    )


def _split_rows(index: pd.DataFrame) -> list[str]:
    meaning = {
        "train": "videos to train on",
        "seen": "held-out videos of the training speakers",
        "unseen": "speakers that are not trained on",
    }
    rows = []
    for split, what in meaning.items():
        part = index[index["split"] == split]
        rows.append(f"| {split} | {len(part)} | {part['speaker'].nunique()} | {what} |")
    return rows
