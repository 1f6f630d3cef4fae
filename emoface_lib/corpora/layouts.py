"""How the known corpora lie on disk: the table `layouts.yml`, with a row for each.

A clip is known by the names in its path, in whatever folder they stand, and a file's
kind by its ending. The cards of the corpora stand in docs/corpora.md. Taught in
notebook 01.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

VIDEO = "3gp asf avi f4v flv m4v mkv mov mp4 mpeg mpg mts ogv ts vob webm wmv"
SOUND = "aac ac3 aif aiff amr au caf flac m4a mka mp3 oga ogg opus wav wma"
# The ending of a file -> the column of the index that it stands in.
MEDIA = dict.fromkeys(VIDEO.split(), "path") | dict.fromkeys(SOUND.split(), "sound")


def ending(path: str) -> str:
    """What follows the last dot of a path, in small letters."""
    return path.rpartition(".")[2].lower()


Words = Mapping[str, str]


class Layout(BaseModel):
    """One corpus: how its files are called, and what is known of it.

    shape : how its paths look, for messages; pattern : of a path without its ending,
    after any folders; blanks in it don't count. Its groups are columns of the index:
    the speaker, the video (the recording of one emotional state, as eq. (5) needs it,
    or an emotion's label), the utterance, emotion, intensity, sentence and split;
    `ignored` is not read, `fallback` only where no other file is of this kind. words :
    what the code in a group means, as a table, a table for each of its letters, or a
    text to put it in; fixed : columns that names don't tell; endings : of landmark
    tracks and texts; clips : of the whole corpus, 0 if not known; split_table : file
    with the official split of each speaker; test : speakers that are not trained on,
    where there is none; faulty : clip -> what is wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    shape: str
    pattern: str
    words: Mapping[str, Words | tuple[Words, ...] | str] = {}
    fixed: Words = {}
    endings: Words = {}
    clips: int = 0
    names_speakers: bool = True
    split_table: str = ""
    test: frozenset[str] = frozenset()
    faulty: Words = {}

    def row(self, path: str) -> dict[str, str] | None:
        """What a path says of its file, by column of the index; None if it is no part.

        `kind` is the column that the file itself stands in, "" if it is not read.
        """
        stem = path.rpartition(".")[0]
        kind = {**MEDIA, **self.endings}.get(ending(path))
        whole = rf"(?:.*?/)??(?:{self.pattern})"
        found = re.fullmatch(whole, stem, re.VERBOSE) if kind else None
        if kind is None or found is None:
            return None
        row = {n: self.meaning(n, code) for n, code in found.groupdict("").items()}
        row |= self.fixed
        row["clip"] = f"{row['speaker']}/{row['video']}/{row['utterance']}"
        if not self.names_speakers:
            row["speaker"] = row["clip"]  # each clip is its own speaker
        row["problem"] = self.faulty.get(row["clip"], "")
        return row | {"kind": "" if row.get("ignored") else kind}

    def meaning(self, group: str, code: str) -> str:
        """What the code in a group of the pattern means; "" if it has no meaning."""
        match self.words.get(group, "{}"):
            case str(text):
                said = text.format(code).replace("/", "_")  # a name is no path
                return said.lower() if group == "sentence" else said
            case tuple(tables):
                letters = zip(tables, code, strict=True)
                return " ".join(table.get(letter, letter) for table, letter in letters)
            case table:
                return table.get(code, "")


LAYOUTS = {
    name: Layout.model_validate({"name": name, **row})
    for name, row in yaml.safe_load(
        Path(__file__).with_suffix(".yml").read_text(encoding="utf-8")
    ).items()
}
