"""Opening and decoding media files, and checking whether they are whole."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition, Stream

from emoface_lib.core.errors import InputError

PIPED = 0x7FFF0000  # bytes; a wav written to a pipe claims more, its size was not known
# Formats by FFmpeg's flags (AVFMT_...): where lengths are estimated.
TS_DISCONT = 0x200  # by the last time stamp in the file: mpeg, mpegts, ogg
GENERIC_INDEX = 0x100  # by the file's size and bit rate: wav, mp3, aac, amr


@contextmanager
def open_media(path: Path | str) -> Iterator[InputContainer]:
    """Open a media file for reading; raises InputError if FFmpeg can't read it."""
    path = Path(path)
    check_file(path)
    try:
        # "file:" keeps FFmpeg from reading a name such as a:b.wav as a protocol;
        # tags by old programs are not UTF-8
        container = av.open(f"file:{path}", metadata_errors="replace")
    except (FFmpegError, ValueError) as error:
        raise InputError(
            f"{path} is not an audio or video file that FFmpeg reads, "
            "or it is damaged or cut short."
        ) from error
    with container:
        yield container


def check_file(path: Path) -> None:
    """Raise InputError unless there is such a file, which can be read twice."""
    if path.is_fifo():
        raise InputError(f"{path} is a pipe, which can be read once: give a file.")
    if not path.is_file():
        raise InputError(f"There is no file {path}.")


def decode(
    container: InputContainer, stream: av.VideoStream | av.AudioStream, path: Path | str
) -> Iterator:
    """Decode a stream frame by frame.

    Undecodable packets are skipped; raises InputError if the last one is among them, or
    if the last time stamp is well before the length that the header claims.
    """
    declared = declared_seconds(container, stream, path)
    stream.codec_context.thread_type = "AUTO"
    broken, end = False, 0.0
    for packet in container.demux(stream):
        try:
            frames = stream.decode(packet)
        except FFmpegError:
            broken = True
            continue
        broken = broken and not frames
        for frame in frames:
            length = float((frame.duration or 0) * (frame.time_base or 0))
            end = max(end, (end if frame.time is None else frame.time) + length)
            yield frame
    if broken:
        raise InputError(f"{path} is damaged or cut short: give the whole file.")
    if declared is not None and declared - end > 0.1 + 0.01 * declared:
        raise InputError(
            f"{path} is cut short: it holds {end:.1f} of {declared:.1f} seconds."
        )


def video_stream(container: InputContainer, path: Path | str) -> av.VideoStream:
    """The best video stream; raises InputError if there is none."""
    stream = container.streams.best("video")
    if stream is None or stream.disposition & Disposition.attached_pic:  # a cover
        raise InputError(f"{path} holds no video.")
    _check_codec(stream, path)
    return stream  # type: ignore[return-value]


def audio_stream(container: InputContainer, path: Path | str) -> av.AudioStream:
    """The best sound track; raises InputError if there is none."""
    stream = container.streams.best("audio")
    if stream is None:
        raise InputError(
            f"{path} has no sound: give an audio file or a video with speech."
        )
    _check_codec(stream, path)
    return stream  # type: ignore[return-value]


def _check_codec(stream: Stream, path: Path | str) -> None:
    if stream.codec_context is None:
        raise InputError(
            f"{path} is coded in a way that FFmpeg does not know, or is damaged: "
            "convert it to wav or mp4."
        )


def stream_seconds(
    container: InputContainer, stream: av.VideoStream | av.AudioStream
) -> float | None:
    """Length of a stream, which FFmpeg may estimate; None if it can't."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is None or len(container.streams) > 1:
        return None
    return container.duration / 1e6  # us


def declared_seconds(
    container: InputContainer, stream: av.VideoStream | av.AudioStream, path: Path | str
) -> float | None:
    """Length that the header claims, None if it doesn't say or all bytes are there."""
    flags = container.format.flags
    if flags & TS_DISCONT:
        return None
    wav = container.format.name == "wav"
    seconds = _wav_seconds(path) if wav else stream_seconds(container, stream)
    bit_rate = stream.codec_context.bit_rate
    if seconds is None or not bit_rate or not flags & GENERIC_INDEX:
        return seconds
    claimed = seconds * bit_rate / 8  # bytes
    return None if claimed < 1.01 * container.size or claimed > PIPED else seconds


class _Endless(io.FileIO):
    """A file that says it is a terabyte long."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return 1 << 40 if whence == io.SEEK_END else super().seek(offset, whence)


def _wav_seconds(path: Path | str) -> float | None:
    """Length by a wav's header, which FFmpeg ignores if the file is shorter."""
    probe = {"probesize": "32"}  # bytes; the header is enough
    with (
        _Endless(path) as file,
        av.open(file, "r", options=probe, metadata_errors="replace") as container,
    ):
        return stream_seconds(container, container.streams.audio[0])


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
