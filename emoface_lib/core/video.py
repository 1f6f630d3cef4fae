"""Video and sound files: any container FFmpeg reads; mp4 and webm are written.

Pictures and sound stream, frame by frame and block by block.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, tee
from pathlib import Path
from typing import NamedTuple

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
LONGEST_VOICE = 3600.0  # s; an hour at 16 kHz is 230 MB
CANCELLED = 0.01  # share of a channel's power; both together have less if inverted
LOUDEST = 10.0  # 20 dB above full scale; samples of 16 bits given as floats
SILENCE = -60.0  # dBFS; a peak below it is no speech


class VideoInfo(NamedTuple):
    """What the header of a video says: frames/s, and its length in s."""

    rate: float
    seconds: float


def video_info(path: Path | str) -> VideoInfo:
    """Read the header of a video. Raises InputError if it holds no video."""
    with open_media(path) as container:
        stream = video_stream(container, path)
        seconds = stream_seconds(container, stream)
        rate = stream.average_rate or stream.guessed_rate or VIDEO_RATE
        return VideoInfo(float(rate), seconds or float(stream.frames / rate))


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
) -> np.ndarray:
    """Read a sound track whole: float32 (S,) mono, about -1..1.

    Two channels are averaged, but where one is the other inverted, so that both would
    cancel, the first is taken. Raises InputError as `iter_audio`, if a sample is NaN
    or above LOUDEST, or if the peak is below SILENCE.
    """

    def read(mix: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return np.concatenate([mix(x) for x in iter_audio(path, sample_rate, longest)])

    powers = []  # a block's, both channels together and the first alone

    def mean(block: np.ndarray) -> np.ndarray:
        both = block.mean(1)
        powers.append([np.square(x, dtype=float).sum() for x in (both, block[:, 0])])
        return both

    sound = read(mean)
    together, first = np.sum(powers, axis=0)
    if together < CANCELLED * first:
        sound = read(lambda block: block[:, 0])
    if not np.isfinite(sound).all():
        raise InputError(f"The sound of {path} holds values that are NaN.")
    if (peak := float(np.abs(sound).max())) > LOUDEST:
        raise InputError(
            f"The sound of {path} reaches {peak:.3g}, where 1 is full scale: scale it."
        )
    middle = float(sound.mean(dtype=np.float64))  # a constant can't be heard
    swing = max(float(sound.max()) - middle, middle - float(sound.min()))
    if swing < 10 ** (SILENCE / 20):
        raise InputError(f"{path} is silent: its peak is below {SILENCE:g} dBFS.")
    return sound


def iter_audio(
    path: Path | str, sample_rate: int, longest: float = LONGEST_VOICE
) -> Iterator[np.ndarray]:
    """Decode a sound track in blocks of a second: float32 (S, 1 or 2) each.

    Samples are about -1..1; more channels than two become two. Raises InputError if
    there is no sound, or if it is longer than `longest` seconds or cut short.
    """
    count = 0
    with open_media(path) as container:
        stream = audio_stream(container, path)
        declared = declared_seconds(container, stream, path)
        channels = min(2, stream.codec_context.channels)
        resampler = av.AudioResampler(
            format="flt",
            layout="stereo" if channels == 2 else "mono",
            rate=sample_rate,
            frame_size=sample_rate,
            options={"rematrix_maxval": "1.0"},  # the mean of channels, not more
        )
        # the decoder of aac gives whole packets of 1024 samples; the last one is padded
        padded = declared is not None and stream.codec_context.name == "aac"
        end = round((declared or 0) * sample_rate) if padded else None
        for frame in chain(_fill_holes(decode(container, stream, path)), [None]):
            if count > longest * sample_rate:
                raise InputError(
                    f"The sound of {path} is longer than {longest / 60:g} minutes: "
                    "cut it into parts."
                )
            try:
                blocks = resampler.resample(frame)
            except (FFmpegError, ValueError) as error:
                raise InputError(f"The sound of {path} changes its format.") from error
            for block in blocks:
                samples = block.to_ndarray().reshape(-1, channels)
                yield samples[: None if end is None else max(0, end - count)]
                count += len(samples)
    if not count:  # a few samples are none at another rate
        raise InputError(f"The sound track of {path} is empty.")


def write_video(
    paths: Path | str | Sequence[Path],
    frames: Iterable[np.ndarray],
    sound: np.ndarray | Iterable[np.ndarray] | None = None,
    sample_rate: int = SAMPLE_RATE,
    rate: float = VIDEO_RATE,
    crf: int = 18,
    metadata: dict[str, str] | None = None,
    threads: int = 1,
) -> None:
    """Write videos beside their places, then rename them: .mp4, or .webm with alpha.

    frames : uint8 (H, W, 3) RGB or (H, W, 4) RGBA each, over white in an mp4; an odd
    last row or column is left out (yuv420p). sound : float (S,), (S, 1) or (S, 2), or
    blocks of (S, 1) or (S, 2); sample_rate in Hz, 48000 for webm. crf : quality of the
    mp4, smaller is better, 18 is visually lossless; threads : of the encoder, whose
    bytes differ with their number.
    """
    places = [Path(paths)] if isinstance(paths, str | Path) else paths
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError(f"There is no frame to write into {places[0]}.")
    if isinstance(sound, np.ndarray):
        sound = [sound.reshape(len(sound), -1)]  # (S,) -> (S, 1)
    with ExitStack() as files:
        videos: list[tuple[VideoTrack, AudioTrack | None]] = []
        sounds = tee(sound or (), len(places))
        for path, blocks in zip(places, sounds, strict=True):
            beside = files.enter_context(write_beside(path))
            container = files.enter_context(av.open(str(beside), "w"))
            container.metadata.update(metadata or {})
            picture = VideoTrack(container, first, rate, crf, threads)
            spoken = (
                None if sound is None else AudioTrack(container, blocks, sample_rate)
            )
            videos.append((picture, spoken))
        for frame in chain([first], frames):
            for picture, voice in videos:
                picture.add(frame)
                if voice:
                    voice.add_until(picture.seconds)
        for picture, voice in videos:
            picture.close()
            if voice:
                voice.add_until(None)


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
