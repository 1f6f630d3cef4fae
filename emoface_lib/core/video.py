"""Video and sound files: any container FFmpeg reads, mp4 (h264 and aac) written.

Pictures stream, frame by frame. Sound is read whole: ten minutes at 16 kHz are 38 MB.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter
from PIL import Image

from emoface_lib.core.clip import SAMPLE_RATE
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_beside
from emoface_lib.core.landmarks import VIDEO_RATE
from emoface_lib.core.media import (
    audio_stream,
    declared_seconds,
    decode,
    open_media,
    stream_seconds,
    video_stream,
)
from emoface_lib.core.tracks import AudioTrack, VideoTrack

LEAST_HOLE = 0.1  # s between time stamps; less is their jitter
LONGEST_VOICE = 600.0  # s
LOUDEST = 10.0  # 20 dB above full scale; samples of 16 bits given as floats
SILENCE = -60.0  # dBFS; a peak below it is no speech


@dataclass(frozen=True)
class VideoInfo:
    """What the header of a video says.

    width, height in px before rotation; rate in frames/s; seconds; has_sound.
    """

    width: int
    height: int
    rate: float
    seconds: float
    has_sound: bool


def video_info(path: Path | str) -> VideoInfo:
    """Read the header of a video. Raises InputError if it holds no video."""
    with open_media(path) as container:
        stream = video_stream(container, path)
        seconds = stream_seconds(container, stream)
        rate = stream.average_rate or stream.guessed_rate or VIDEO_RATE
        return VideoInfo(
            stream.width,
            stream.height,
            float(rate),
            seconds or float(stream.frames / rate),
            bool(container.streams.audio),
        )


def iter_frames(path: Path | str, rate: float | None = None) -> Iterator[np.ndarray]:
    """Frames of a video, upright, one by one: uint8 (H, W, 3) RGB.

    With `rate`, frames are repeated or dropped to give that many a second.
    Raises InputError if the file holds no video, is damaged or cut short.
    """
    with open_media(path) as container:
        stream = video_stream(container, path)
        step = 1 / float(rate or stream.average_rate or VIDEO_RATE)
        count, start, last = 0, None, None
        converter = VideoReformatter()  # one a frame would take ten times as long
        for frame in decode(container, stream, path):
            time = frame.time if frame.time is not None else count * step
            start = time if start is None else start
            if rate is None:
                yield _upright(frame, converter)
                count += 1
                continue
            if last is not None and (time - start) - count * step > LONGEST_VOICE:
                raise InputError(f"{path} is damaged: its time stamps leap by minutes.")
            while last is not None and (count + 0.5) * step <= time - start:
                yield last
                count += 1
            last = _upright(frame, converter)
        if last is not None:
            yield last


def read_video(path: Path | str, rate: float | None = None) -> tuple[np.ndarray, float]:
    """Read a short video: frames uint8 (F, H, W, 3) RGB, and frames a second."""
    frames = list(iter_frames(path, rate))
    if not frames:
        raise InputError(f"{path} holds no picture that can be decoded.")
    return np.stack(frames), float(rate or video_info(path).rate)


def read_audio(
    path: Path | str,
    sample_rate: int = SAMPLE_RATE,
    longest: float = LONGEST_VOICE,
    silence: float | None = SILENCE,
) -> np.ndarray:
    """Read a sound track whole: float32 (S,) mono, about -1..1.

    Raises InputError as `decode_audio`.
    """
    return decode_audio(path, [(sample_rate, 1)], longest, silence)[0][:, 0]


def decode_audio(
    path: Path | str,
    formats: Sequence[tuple[int, int]],
    longest: float = LONGEST_VOICE,
    silence: float | None = SILENCE,
) -> list[np.ndarray]:
    """Decode a sound track once, and give it in several formats: float32 (S, C) each.

    formats : sample rate in Hz and number of channels, 1 or 2; where the file has one
    channel, there is one. Samples are about -1..1. Raises InputError if there is no
    sound, or if it is NaN, above LOUDEST, longer than `longest` seconds, cut short, or
    if the peak of the first format is below `silence` dBFS.
    """
    count = 0
    blocks: list[list[av.AudioFrame]] = [[] for _ in formats]
    with open_media(path) as container:
        stream = audio_stream(container, path)
        declared = declared_seconds(container, stream, path)
        most = min(2, stream.codec_context.channels)
        resamplers = [_resampler(rate, min(n, most)) for rate, n in formats]
        for frame in chain(_fill_holes(decode(container, stream, path)), [None]):
            if frame and count > longest * frame.sample_rate:
                raise InputError(
                    f"The sound of {path} is longer than {longest / 60:g} minutes: "
                    "cut it into parts."
                )
            count += frame.samples if frame else 0
            try:
                for resampler, done in zip(resamplers, blocks, strict=True):
                    done += resampler.resample(frame)
            except (FFmpegError, ValueError) as error:
                raise InputError(f"The sound of {path} changes its format.") from error
        # the decoder of aac gives whole packets of 1024 samples; the last one is padded
        end = declared if stream.codec_context.name == "aac" else None
    if not all(blocks):  # a few samples are none at another rate
        raise InputError(f"The sound track of {path} is empty.")
    sounds = [_joined(done, end) for done in blocks]
    if not np.isfinite(sounds[0]).all():
        raise InputError(f"The sound of {path} holds values that are NaN.")
    if (peak := float(np.abs(sounds[0]).max())) > LOUDEST:
        raise InputError(
            f"The sound of {path} reaches {peak:.3g}, where 1 is full scale: scale it."
        )
    if silence is not None and _swing(sounds[0]) < 10 ** (silence / 20):
        (apart,) = decode_audio(path, [(formats[0][0], 2)], longest, None)
        if _swing(apart) >= 10 ** (silence / 20):
            raise InputError(
                f"The two channels of {path} cancel each other out: invert one."
            )
        raise InputError(f"{path} is silent: its peak is below {silence:g} dBFS.")
    return sounds


def _swing(sound: np.ndarray) -> float:
    """The peak of sound (S, C) about its mean: a constant can't be heard."""
    return float(np.abs(sound - sound.mean(0)).max())


def _resampler(rate: int, channels: int) -> av.AudioResampler:
    """From any decoded frames to blocks of a second."""
    return av.AudioResampler(
        format="flt",
        layout="stereo" if channels == 2 else "mono",
        rate=rate,
        frame_size=rate,
        options={"rematrix_maxval": "1.0"},  # the mean of channels, not more
    )


def _joined(blocks: list[av.AudioFrame], end: float | None) -> np.ndarray:
    """Blocks of sound, up to a time, as one array float32 (S, C); they are given up."""
    rate, channels = blocks[0].sample_rate, blocks[0].layout.nb_channels
    parts = [block.to_ndarray().reshape(-1, channels) for block in blocks]
    blocks.clear()
    return np.concatenate(parts)[: None if end is None else round(end * rate)]


def write_video(
    path: Path | str,
    frames: Iterable[np.ndarray],
    samples: np.ndarray | None = None,
    sample_rate: int = SAMPLE_RATE,
    rate: float = VIDEO_RATE,
    crf: int = 18,
    preset: str = "veryfast",
    metadata: dict[str, str] | None = None,
    threads: int = 1,
) -> None:
    """Write an mp4 with h264 and, if there are samples, aac; beside, then renamed.

    frames : uint8 (H, W, 3) RGB each; an odd last row or column is left out (yuv420p).
    samples : float (S,), (S, 1) or (S, 2); sample_rate in Hz.
    crf : quality, smaller is better, 18 is visually lossless; threads : of the encoder,
    whose bytes differ with their number.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError(f"There is no frame to write into {path}.")
    with write_beside(Path(path)) as beside, av.open(str(beside), "w") as container:
        container.metadata.update(metadata or {})
        picture = VideoTrack(container, first, rate, crf, preset, threads)
        sound = None
        if samples is not None:
            sound = AudioTrack(container, samples, sample_rate)
        picture.add(first)
        for frame in frames:
            picture.add(frame)
            if sound:
                sound.add_until(picture.seconds)
        picture.close()
        if sound:
            sound.add_until(None)


def keep_gif(
    path: Path | str, frames: Iterable[np.ndarray], rate: float, comment: str = ""
) -> None:
    """Write a short silent animation that pages show: RGB uint8 (H, W, 3) frames."""
    first, *others = [
        Image.fromarray(frame).quantize(128, dither=Image.Dither.NONE)
        for frame in frames
    ]
    duration = round(1000 / rate)  # ms
    with write_beside(Path(path)) as beside:
        first.save(
            beside,
            save_all=True,
            append_images=others,
            duration=duration,
            loop=0,
            comment=comment,
        )


def _upright(frame: av.VideoFrame, converter: VideoReformatter) -> np.ndarray:
    turns = frame.rotation // 90  # counter-clockwise quarter turns
    picture = converter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def _fill_holes(frames: Iterable[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """Frames of sound, with silent ones where their time stamps leave a hole."""
    end = None
    for frame in frames:
        if end is not None and frame.time is not None:
            hole = frame.time - end
            missing = round(hole * frame.sample_rate) if hole > LEAST_HOLE else 0
            for start in range(0, missing, frame.samples):
                yield _silence(frame, min(frame.samples, missing - start))
        yield frame
        if frame.time is not None:
            end = frame.time + frame.samples / frame.sample_rate


def _silence(like: av.AudioFrame, samples: int) -> av.AudioFrame:
    frame = av.AudioFrame(like.format.name, like.layout.name, samples)
    frame.sample_rate = like.sample_rate
    zero = b"\x80" if like.format.name.startswith("u8") else b"\0"
    for plane in frame.planes:
        plane.update(zero * plane.buffer_size)
    return frame
