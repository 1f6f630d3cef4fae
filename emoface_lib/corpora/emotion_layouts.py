"""RAVDESS, CREMA-D and MEAD: acted emotions, with labels.

No two clips of them are of one video. What the paper assumes of a video, one emotional
state, is known here from the label: a "video" is one actor in one emotion.
"""

import re

from emoface_lib.corpora.layouts import Kind, Layout, Part

RAVDESS = re.compile(
    r"(?:.*/)?(?P<kind>0[123])-(?P<channel>0[12])-(?P<utterance>(?P<emotion>0[1-8])-"
    r"(?P<intensity>0[12])-(?P<sentence>0[12])-0[12]-(?P<actor>\d\d))"
    r"\.(?P<type>mp4|wav|csv)"
)
RAVDESS_EMOTIONS = {
    "01": ("neutral", "neutral"),
    "02": ("calm", "neutral"),  # not among the seven expressions; neutral is nearest
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
CREMA_D = re.compile(
    r"(?:.*/)?(?:VideoFlash|VideoMP4|AudioWAV)/(?P<name>(?P<actor>1\d{3})_"
    r"(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>LO|MD|HI|XX?))"
    r"\.(?P<type>flv|mp4|wav)"
)
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
MEAD = re.compile(
    r"(?:.*/)?(?P<actor>[MW]\d{3})/(?:video/(?P<view>\w+)|audio)/(?P<emotion>\w+)/"
    r"level_(?P<level>\d)/(?P<utterance>\d{3})\.(?P<type>mp4|m4a|wav)"
)
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


def _ravdess_part(path: str) -> Part | None:
    if not (found := RAVDESS.fullmatch(path)):
        return None
    video, emotion = RAVDESS_EMOTIONS[found["emotion"]]
    kinds: dict[str, Kind] = {"mp4": "video", "wav": "sound", "csv": "tracks"}
    sung = found["channel"] == "02"
    return Part(
        kind="other" if sung else kinds[found["type"]],
        speaker=f"Actor_{found['actor']}",
        video=video,
        utterance=found["utterance"],
        emotion=emotion,
        intensity={"01": "normal", "02": "strong"}[found["intensity"]],
        sentence=RAVDESS_SENTENCES[found["sentence"]],
        fallback=found["kind"] == "02",  # the same video without its sound
    )


def _crema_d_part(path: str) -> Part | None:
    found = CREMA_D.fullmatch(path)
    if not found or found["emotion"] not in CREMA_D_EMOTIONS:
        return None
    emotion = CREMA_D_EMOTIONS[found["emotion"]]
    return Part(
        kind="sound" if found["type"] == "wav" else "video",
        speaker=found["actor"],
        video=emotion,
        utterance=found["name"],
        emotion=emotion,
        intensity=found["level"],
        sentence=CREMA_D_SENTENCES.get(found["sentence"], ""),
    )


def _mead_part(path: str) -> Part | None:
    found = MEAD.fullmatch(path)
    if not found or found["emotion"] not in MEAD_EMOTIONS:
        return None
    sound, front = found["type"] != "mp4", found["view"] == "front"
    return Part(
        kind="sound" if sound else "video" if front else "other",
        speaker=found["actor"],
        video=found["emotion"],
        utterance=f"level_{found['level']}_{found['utterance']}",
        emotion=MEAD_EMOTIONS[found["emotion"]],
        intensity=f"level {found['level']}",
    )


RAVDESS_LAYOUT = Layout(
    name="ravdess",
    title="RAVDESS",
    shape="Actor_<actor>/<seven numbers joined by ->.mp4, .wav or .csv",
    part=_ravdess_part,
    states="label",
    speakers=24,
    clips=1_440,
    test=frozenset({"Actor_21", "Actor_22", "Actor_23", "Actor_24"}),
)
CREMA_D_LAYOUT = Layout(
    name="crema-d",
    title="CREMA-D",
    shape="VideoFlash/<actor>_<sentence>_<emotion>_<level>.flv and AudioWAV/....wav",
    part=_crema_d_part,
    states="label",
    speakers=91,
    clips=7_442,
    test=frozenset(str(actor) for actor in range(1_074, 1_092)),
    faulty={
        "1007/neutral/1007_ITH_NEU_XX": "the corpus' authors list it as faulty",
        "1064/disgust/1064_IEO_DIS_MD": "the corpus' authors list it as faulty",
    },
)
MEAD_LAYOUT = Layout(
    name="mead",
    title="MEAD",
    shape="<M or W and number>/video/front/<emotion>/level_<n>/<number>.mp4",
    part=_mead_part,
    states="label",
    speakers=48,
    clips=0,
    test=frozenset({"M039", "M040", "M041", "M042", "W036", "W037", "W038", "W040"}),
)
