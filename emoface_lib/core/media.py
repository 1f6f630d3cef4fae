"""Opening and decoding media files, and checking whether they are whole."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.error import FFmpegError

from emoface_lib.core.errors import InputError

# Containers that don't say how long they are: FFmpeg estimates, nothing can be missed.
UNMEASURED_FORMATS = ("aac", "ac3", "mpeg", "mpegts", "amr")


@contextmanager
def open_media(path: Path | str) -> Iterator[InputContainer]:
    """Open a media file for reading; raises InputError if FFmpeg can't read it."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        # "file:" keeps FFmpeg from reading a name such as a:b.wav as a protocol
        container = av.open(f"file:{path}")
    except FFmpegError as error:
        raise InputError(
            f"{path} is not an audio or video file that FFmpeg reads, "
            "or it is damaged or cut short."
        ) from error
    with container:
        yield container


def decode(
    container: InputContainer, kind: Literal["audio", "video"], path: Path | str
) -> Iterator:
    """Decode the first "audio" or "video" stream frame by frame.

    Undecodable packets are skipped; raises InputError if the last one is among them.
    """
    stream = container.streams.best(kind)
    assert stream is not None
    stream.codec_context.thread_type = "AUTO"
    broken = False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except FFmpegError:
            broken = True
            continue
        broken = broken and not frames
        yield from frames
    if broken:
        raise InputError(f"{path} is damaged or cut short: give the whole file.")


def video_stream(container: InputContainer, path: Path | str) -> av.VideoStream:
    """The best video stream; raises InputError if there is none."""
    stream = container.streams.best("video")
    if stream is None:
        raise InputError(f"{path} holds no video.")
    return stream  # type: ignore[return-value]


def audio_stream(container: InputContainer, path: Path | str) -> av.AudioStream:
    """The best sound track; raises InputError if there is none."""
    stream = container.streams.best("audio")
    if stream is None:
        raise InputError(
            f"{path} has no sound: give an audio file or a video with speech."
        )
    return stream  # type: ignore[return-value]


def declared_seconds(
    container: InputContainer, stream: av.VideoStream | av.AudioStream, path: Path | str
) -> float | None:
    """Length that the header claims, None if it doesn't say."""
    name = container.format.name
    if name == "wav":
        return _wav_seconds(Path(path), stream.codec_context.bit_rate)
    if name in UNMEASURED_FORMATS or (name == "mp3" and not _has_xing(Path(path))):
        return None
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is None or len(container.streams) > 1:
        return None
    return container.duration / 1e6  # us


def _wav_seconds(path: Path, bit_rate: int | None) -> float | None:
    """Length of a cut file by its header, which FFmpeg clamps to the file's size."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return None
        file.seek(12)
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            if name == b"data":
                break
            file.seek(size + size % 2, 1)
        else:
            return None
        whole = file.tell() + size <= path.stat().st_size
    streamed = size in (0, 0xFFFFFFFF)  # written to a pipe: the size was not known
    bytes_a_second = (bit_rate or 0) / 8
    return None if whole or streamed or not bytes_a_second else size / bytes_a_second


def _has_xing(path: Path) -> bool:
    """Whether an mp3 has the header that says how long it is."""
    with path.open("rb") as file:
        head = file.read(1 << 20)  # bytes; a cover picture may stand before it
    return any(tag in head for tag in (b"Xing", b"Info", b"VBRI"))


def check_whole(path: Path | str, declared: float | None, seconds: float) -> None:
    """Raise InputError if much fewer seconds were decoded than declared."""
    if declared is not None and declared - seconds > 0.1 + 0.01 * declared:
        raise InputError(
            f"{path} is cut short: it holds {seconds:.1f} of {declared:.1f} seconds."
        )


def sound_delay(path: Path | str) -> float:
    """Seconds that the sound of a video begins after its picture, by the time stamps.

    0 where it holds no picture or no sound, or the container doesn't say.
    """
    with open_media(path) as container:
        starts = [
            float(stream.start_time * stream.time_base)
            for kind in ("video", "audio")
            if (stream := container.streams.best(kind)) is not None
            and stream.start_time is not None
            and stream.time_base is not None
        ]
    return starts[1] - starts[0] if len(starts) == 2 else 0.0
