"""How the known corpora lie on disk: a table with a row for each.

A clip is known by the names in its path, in whatever folder they stand, and a file's
kind by its ending. The cards of the corpora stand in docs/corpora.md. Taught in
notebook 01.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emoface_lib.core.files import VOXCELEB_META

VIDEO = "3gp asf avi f4v flv m4v mkv mov mp4 mpeg mpg mts ogv ts vob webm wmv"
SOUND = "aac ac3 aif aiff amr au caf flac m4a mka mp3 oga ogg opus wav wma"
# The ending of a file -> the column of the index that it stands in.
MEDIA = dict.fromkeys(VIDEO.split(), "path") | dict.fromkeys(SOUND.split(), "sound")

# What a code says: the state as the corpus names it, and its expression.
RAVDESS_STATES = {
    "01": ("neutral", "neutral"),
    "02": ("calm", "neutral"),  # calm is not among the seven expressions
    "03": ("happy", "happiness"),
    "04": ("sad", "sadness"),
    "05": ("angry", "anger"),
    "06": ("fearful", "fear"),
    "07": ("disgust", "disgust"),
    "08": ("surprised", "surprise"),
}
RAVDESS_SENTENCES = {
    "01": "kids are talking by the door",
    "02": "dogs are sitting by the door",
}
CREMA_D_EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
CREMA_D_SENTENCES = {
    "IEO": "it's eleven o'clock",
    "TIE": "that is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "the airplane is almost full",
    "MTI": "maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "the surface is slick",
    "WSI": "we'll stop in a couple of minutes",
}
MEAD_EMOTIONS = {
    "angry": "anger",
    "disgusted": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
    "surprised": "surprise",
    "contempt": "contempt",  # not among the seven expressions
}
DIGITS = (
    *("one", "two", "three", "four", "five"),
    *("six", "seven", "eight", "nine", "zero"),
)
GRID_WORDS: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {},  # the letter itself
    dict(zip("123456789z", DIGITS, strict=True)),
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)


def ending(path: str) -> str:
    """What follows the last dot of a path, in small letters."""
    return path.rpartition(".")[2].lower()


def grid_sentence(code: str) -> str:
    """The six words of a GRID clip, whose name has a letter for each."""
    words = zip(GRID_WORDS, code, strict=True)
    return " ".join(known.get(letter, letter) for known, letter in words)


@dataclass(frozen=True)
class Layout:
    """One corpus: how its files are called, and what is known of it.

    shape : how its paths look, for messages; pattern : of a path without its ending,
    after any folders. Its groups are columns of the index: the speaker, the video (the
    recording of one emotional state, as eq. (5) needs it, or an emotion's label), the
    utterance, emotion, intensity, sentence and split; `ignored` is not read, `fallback`
    only where no other file is of this kind. words : what the code in a group means;
    fixed : columns that names don't tell; endings : of landmark tracks and texts;
    clips : of the whole corpus, 0 if not known; split_table : file with the official
    split of each speaker; test : speakers that are not trained on, where there is none;
    faulty : clip -> what is wrong.
    """

    name: str
    title: str
    shape: str
    pattern: str = ""
    words: Mapping[str, Callable[[str], str | None]] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    endings: Mapping[str, str] = field(default_factory=dict)
    clips: int = 0
    names_speakers: bool = True
    split_table: str = ""
    test: frozenset[str] = frozenset()
    faulty: Mapping[str, str] = field(default_factory=dict)

    def row(self, path: str) -> dict[str, str] | None:
        """What a path says of its file, by column of the index; None if it is no part.

        `kind` is the column that the file itself stands in, "" if it is not read.
        """
        stem = path.rpartition(".")[0]
        kind = {**MEDIA, **self.endings}.get(ending(path))
        found = re.fullmatch(rf"(?:.*?/)??(?:{self.pattern})", stem) if kind else None
        if kind is None or found is None:
            return None
        row = {
            name: self.words.get(name, str)(code) or ""
            for name, code in found.groupdict("").items()
        } | dict(self.fixed)
        row["clip"] = f"{row['speaker']}/{row['video']}/{row['utterance']}"
        if not self.names_speakers:
            row["speaker"] = row["clip"]  # each clip is its own speaker
        row["problem"] = self.faulty.get(row["clip"], "")
        return row | {"kind": "" if row.get("ignored") else kind}


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout(
            name="voxceleb2",
            title="VoxCeleb2",
            shape="id<speaker>/<video>/<utterance>.mp4, below dev/ or test/ or neither",
            pattern=r"(?:(?P<split>dev|test)/)?(?:[^/]+/)?"
            r"(?P<speaker>id\d{5}|(?<=mp4/|aac/)[^/]+)/"
            r"(?P<video>[^/]+)/(?P<utterance>[^/]+)",
            words={"split": {"dev": "train", "test": "test"}.get},
            clips=1_128_246,
            split_table=VOXCELEB_META,
        ),
        Layout(
            name="lrw",
            title="LRW",
            shape="<WORD>/{train,val,test}/<WORD>_<number>.mp4",
            pattern=r"(?P<speaker>(?P<sentence>[A-Z']+))/"
            r"(?P<video>(?P<split>train|val|test))/(?P<utterance>(?P=speaker)_\d{5})",
            words={"sentence": str.lower},
            endings={"txt": "text"},
            clips=538_766,
            names_speakers=False,
        ),
        Layout(
            name="ravdess",
            title="RAVDESS",
            shape="<seven numbers joined by ->.mp4, .wav or .csv",
            pattern=r"(?:01|(?P<fallback>02)|03)-"  # 02 is the video without its sound
            r"(?:01|(?P<ignored>02))-"  # 02 is a song
            r"(?P<utterance>(?P<video>(?P<emotion>0[1-8]))-(?P<intensity>0[12])-"
            r"(?P<sentence>0[12])-0[12]-(?P<speaker>\d\d))",
            words={
                "speaker": "Actor_{}".format,
                "video": lambda code: RAVDESS_STATES[code][0],
                "emotion": lambda code: RAVDESS_STATES[code][1],
                "intensity": {"01": "normal", "02": "strong"}.get,
                "sentence": RAVDESS_SENTENCES.get,
            },
            endings={"csv": "tracks"},
            clips=1_440,
            test=frozenset(f"Actor_{actor}" for actor in range(21, 25)),
        ),
        Layout(
            name="crema-d",
            title="CREMA-D",
            shape="<actor>_<sentence>_<emotion>_<level>.flv and .wav",
            pattern=r"(?P<utterance>(?P<speaker>1\d{3})_(?P<sentence>[A-Z]{3})_"
            rf"(?P<video>(?P<emotion>{'|'.join(CREMA_D_EMOTIONS)}))_"
            r"(?P<intensity>LO|MD|HI|XX?))",
            words={
                "video": CREMA_D_EMOTIONS.get,
                "emotion": CREMA_D_EMOTIONS.get,
                "sentence": CREMA_D_SENTENCES.get,
            },
            clips=7_442,
            test=frozenset(str(actor) for actor in range(1_074, 1_092)),
            faulty=dict.fromkeys(
                ("1007/neutral/1007_ITH_NEU_XX", "1064/disgust/1064_IEO_DIS_MD"),
                "the corpus' authors list it as faulty",
            ),
        ),
        Layout(
            name="grid",
            title="GRID",
            shape="s<talker>/<code of six letters>.mpg",
            pattern=r"(?P<speaker>s\d\d?|s_[a-z])/(?:.*/)?"
            r"(?P<utterance>(?P<sentence>[blps][bgrw][abiw][a-z][1-9z][anps]))",
            words={"sentence": grid_sentence},
            fixed={"video": "neutral", "emotion": "neutral"},
            endings={"align": "text"},
            clips=33_000,
            test=frozenset(f"s{talker}" for talker in range(28, 35)),
        ),
        Layout(
            name="mead",
            title="MEAD",
            shape="<M or W and number>/video/front/<emotion>/level_<n>/<number>.mp4",
            pattern=r"(?P<speaker>[MW]\d{3})/(?:audio|video/(?:front|(?P<ignored>\w+)))/"
            rf"(?P<video>(?P<emotion>{'|'.join(MEAD_EMOTIONS)}))/"
            r"(?P<utterance>level_(?P<intensity>\d)/\d{3})",
            words={
                "emotion": MEAD_EMOTIONS.get,
                "intensity": "level {}".format,
                "utterance": lambda code: code.replace("/", "_"),
            },
            test=frozenset(
                {"M039", "M040", "M041", "M042", "W036", "W037", "W038", "W040"}
            ),
        ),
    )
}
