"""Video and sound files: what goes in comes out, and what is wrong is named."""

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from emoface_lib.core.errors import InputError
from emoface_lib.core.video import (
    iter_audio,
    iter_frames,
    keep_gif,
    read_audio,
    read_video,
    video_info,
    write_video,
)

SECONDS = 1.5
FILES = [
    ("wav", "pcm_s16le"),
    ("mp3", "libmp3lame"),
    ("m4a", "aac"),
    ("flac", "flac"),
    ("mka", "aac"),
]


def picture(height: int, width: int, number: int = 0) -> np.ndarray:
    """A smooth coloured picture, another one for each number."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 9 + number), np.cos(y / 7), np.sin((x + y) / 11 - number)]
    return np.uint8(128 + 90 * np.stack(waves, -1))


def tone(seconds: float, rate: int = 16_000, channels: int = 1) -> np.ndarray:
    """A tone of 220 Hz; (S,) or (S, channels)."""
    samples = 0.3 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)
    return samples if channels == 1 else np.repeat(samples[:, None], channels, 1)


def write_sound(
    path: Path,
    samples: np.ndarray,
    rate: int,
    codec: str,
    bit_rate: int = 64_000,
    **how: dict[str, str],
) -> Path:
    channels = samples.reshape(len(samples), -1).T
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(channels)]
    with av.open(str(path), "w", **how) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout, stream.bit_rate = layout, bit_rate
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(channels, np.float32), "fltp", layout
        )
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.format, layout, rate)
        for part in [*resampler.resample(frame), None]:
            container.mux(stream.encode(part))
    return path


@settings(max_examples=8, deadline=None)
@given(
    height=st.integers(32, 97),
    width=st.integers(32, 97),
    count=st.integers(1, 30),
    rate=st.sampled_from([24, 25, 30]),
)
def test_frames_come_back_in_number_size_and_colour(
    tmp_path_factory: pytest.TempPathFactory,
    height: int,
    width: int,
    count: int,
    rate: int,
) -> None:
    path = tmp_path_factory.mktemp("video") / "a.mp4"
    frames = [picture(height, width, number) for number in range(count)]
    write_video(path, iter(frames), rate=rate)
    read, read_rate = read_video(path)
    even = height // 2 * 2, width // 2 * 2
    assert read.shape == (count, *even, 3)
    assert read_rate == rate
    written = np.stack(frames)[:, : even[0], : even[1]].astype(int)
    assert np.abs(read - written).mean() < 8  # 8 bits, chroma at half resolution
    assert np.abs((read - written).mean((0, 1, 2))).max() < 3


def test_plain_colours_survive(tmp_path: Path) -> None:
    for colour in ((200, 40, 40), (30, 160, 60), (20, 50, 220), (240, 240, 240)):
        frame = np.full((64, 64, 3), colour, np.uint8)
        write_video(tmp_path / "plain.mp4", [frame] * 3)
        read, _ = read_video(tmp_path / "plain.mp4")
        assert np.abs(read.astype(int) - frame).max() <= 4


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_sound_of_a_video_keeps_its_length_and_place(tmp_path: Path, rate: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, round(1.48 * rate))
    noise[: rate // 2] *= 0.01
    write_video(tmp_path / "a.mp4", [picture(64, 64)] * 37, noise, rate)
    read = read_audio(tmp_path / "a.mp4", sample_rate=rate)
    assert abs(len(read) - len(noise)) <= 2
    loud = np.flatnonzero(np.abs(read) > 0.1)[0] / rate
    assert abs(loud - 0.5) < 0.02
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert abs(container.duration / 1e6 - 1.48) < 0.04


@settings(max_examples=12, deadline=None)  # a busy machine is no fault
@given(
    rate=st.sampled_from([8000, 11_025, 16_000, 22_050, 44_100, 48_000]),
    channels=st.sampled_from([1, 2, 6]),
    milliseconds=st.integers(50, 3000),
)
def test_any_rate_and_channels_become_16_khz_mono(
    tmp_path_factory: pytest.TempPathFactory,
    rate: int,
    channels: int,
    milliseconds: int,
) -> None:
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    samples = tone(milliseconds / 1000, rate, channels)
    write_sound(path, samples, rate, "pcm_s16le")
    whole = read_audio(path)
    assert whole.dtype == np.float32
    assert abs(len(whole) - milliseconds * 16) <= 2
    assert 0.1 < np.abs(whole).max() < 0.35  # channels are averaged


@pytest.mark.parametrize(
    ("suffix", "codec"), [*FILES, ("ogg", "libopus"), ("aiff", "pcm_s16be")]
)
def test_usual_containers_are_read(tmp_path: Path, suffix: str, codec: str) -> None:
    rate = 48_000
    path = write_sound(tmp_path / f"a.{suffix}", tone(SECONDS, rate), rate, codec)
    samples = read_audio(path)
    assert abs(len(samples) / 16_000 - SECONDS) < 0.07
    assert 0.25 < np.abs(samples).max() < 0.5  # aac overshoots where a tone ends


def test_stereo_is_kept_on_request(tmp_path: Path) -> None:
    samples = tone(SECONDS, channels=2) * [1, 0]
    path = write_sound(tmp_path / "a.wav", samples, 16_000, "pcm_s16le")
    both = np.concatenate(list(iter_audio(path, 16_000)))
    assert read_audio(path).shape == (len(samples),)
    assert both.shape == (len(samples), 2)
    assert np.abs(both[:, 1]).max() < 1e-3 < np.abs(both[:, 0]).max()


def test_of_two_channels_that_cancel_one_is_taken(tmp_path: Path) -> None:
    samples = tone(SECONDS)
    both = np.stack([samples, -0.98 * samples], 1)
    path = write_sound(tmp_path / "a.wav", both, 16_000, "pcm_s16le")
    assert np.abs(read_audio(path) - samples).max() < 1e-3


def test_webm_keeps_what_is_transparent_and_mp4_makes_it_white(tmp_path: Path) -> None:
    cut_out = np.dstack([picture(48, 64), np.full((48, 64), 255, np.uint8)])
    cut_out[:, :32, 3] = 0
    places = [tmp_path / "a.webm", tmp_path / "a.mp4"]
    write_video(places, [cut_out] * 5, tone(0.2, 48_000), 48_000, rate=60)
    with av.open(str(places[0])) as container:
        decoder = av.CodecContext.create("libvpx-vp9", "r")  # FFmpeg's own has no alpha
        packets = container.demux(container.streams.video[0])
        frames = [frame for packet in packets for frame in decoder.decode(packet)]
    alpha = frames[0].to_ndarray(format="rgba")[..., 3]
    assert len(frames) == 5
    assert alpha[:, :30].max() < 3
    assert alpha[:, 34:].min() > 252
    white, _ = read_video(places[1])
    assert white[0, :, :30].min() > 250
    for path in places:
        assert abs(len(read_audio(path)) - 3200) < 120
        assert video_info(path).rate == 60


def test_frame_rate_is_changed_by_time(tmp_path: Path) -> None:
    frames = [np.full((32, 32, 3), 4 * number, np.uint8) for number in range(60)]
    write_video(tmp_path / "a.mp4", frames, rate=30)
    read, rate = read_video(tmp_path / "a.mp4", rate=25)
    assert (len(read), rate) == (50, 25)
    shown = read.mean((1, 2, 3)) / 4
    np.testing.assert_allclose(shown, np.arange(50) * 1.2, atol=1.5)


@pytest.mark.parametrize("frames", [3, 40])
def test_sound_is_whole_whenever_pictures_end(tmp_path: Path, frames: int) -> None:
    write_video(tmp_path / "a.mp4", [picture(32, 32)] * frames, tone(1.0))
    assert abs(len(read_audio(tmp_path / "a.mp4")) - 16_000) <= 2


def test_metadata_is_written(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [picture(32, 32)], metadata={"comment": "made up"})
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.metadata["comment"] == "made up"


@pytest.mark.slow
def test_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    """Also in memory that other work has left full of other values."""
    rng = np.random.default_rng(0)
    still = rng.integers(0, 255, (28, 28, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    frames = [np.roll(still, 3 * step, axis=1) for step in range(40)]
    written = set()
    for _ in range(12):
        sizes = rng.integers(1, 400_000, 60).tolist()
        left = [np.full(size, rng.integers(256), np.uint8) for size in sizes]
        del left
        write_video(tmp_path / "same.mp4", frames)
        written.add((tmp_path / "same.mp4").read_bytes())
    assert len(written) == 1


def test_header_says_rate_and_length(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [picture(48, 64)] * 50, tone(2.0))
    info = video_info(tmp_path / "a.mp4")
    assert info.rate == 25
    assert abs(info.seconds - 2.0) < 0.04


def test_failed_writing_leaves_nothing(tmp_path: Path) -> None:
    def frames():
        yield picture(32, 32)
        raise InputError("no more")

    with pytest.raises(InputError, match="no more"):
        write_video(tmp_path / "a.mp4", frames(), tone(1.0))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not a sound\n" * 99)
    (tmp_path / "empty.mp3").touch()
    Image.new("RGB", (64, 64)).save(tmp_path / "picture.png")
    write_video(tmp_path / "mute.mp4", [picture(32, 32)] * 9)
    write_sound(tmp_path / "silent.wav", tone(1.0) * 1e-4, 16_000, "pcm_f32le")
    spoilt = tone(1.0)
    spoilt[777] = np.nan
    write_sound(tmp_path / "nan.wav", spoilt, 16_000, "pcm_f32le")
    write_sound(tmp_path / "loud.wav", tone(1.0) * 1e30, 16_000, "pcm_f32le")
    write_sound(tmp_path / "dc.wav", tone(1.0) * 0 + 0.5, 16_000, "pcm_f32le")
    write_sound(tmp_path / "instant.wav", tone(1.0)[:1], 44_100, "pcm_s16le")
    sound = write_sound(tmp_path / "b.wav", tone(1.0), 16_000, "pcm_s16le").read_bytes()
    at = sound.index(b"fmt ") + 8
    unknown = sound[:at] + b"\x99\x99" + sound[at + 2 :]
    (tmp_path / "codec.wav").write_bytes(unknown)
    os.mkfifo(tmp_path / "pipe.wav")
    for name, reason in {
        "text.wav": "not an audio or video file",
        "empty.mp3": "not an audio or video file",
        "picture.png": "has no sound",
        "mute.mp4": "has no sound",
        "silent.wav": "is silent",
        "nan.wav": "NaN",
        "loud.wav": "reaches .* where 1 is full scale",
        "dc.wav": "is silent",
        "instant.wav": "is empty",
        "codec.wav": "FFmpeg does not know",
        "pipe.wav": "is a pipe",
        "missing.wav": "There is no file",
    }.items():
        with pytest.raises(InputError, match=reason) as caught:
            read_audio(tmp_path / name)
        assert name in str(caught.value)


def test_changed_bytes_are_nothing_but_a_sentence(tmp_path: Path) -> None:
    """A few hundred files; benchmarks/hostile.py tries thousands, of more kinds."""
    dice = np.random.default_rng(0)
    write_sound(tmp_path / "a.wav", tone(0.2), 16_000, "pcm_s16le")
    write_sound(tmp_path / "a.mp3", tone(0.2), 16_000, "libmp3lame")
    for suffix in ("mp4", "avi", "mkv"):
        write_video(tmp_path / f"a.{suffix}", [picture(32, 32)] * 6, tone(0.2))
    whole = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for _ in range(40):
        for path, content in whole.items():
            changed = np.frombuffer(content, np.uint8).copy()
            places = dice.integers(len(changed) if dice.random() < 0.5 else 256, size=8)
            changed[places] = dice.integers(256, size=8)
            path.write_bytes(changed.tobytes())
            with suppress(InputError):
                read_audio(path)
            with suppress(InputError):
                assert sum(1 for _ in iter_frames(path, 25.0)) < 20_000


def test_tags_of_old_programs_do_no_harm(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", tone(1.0), 16_000, "pcm_s16le")
    tag = b"INFOIART\x04\x00\x00\x00Zo\xeb\x00"  # Latin-1
    path.write_bytes(path.read_bytes() + b"LIST" + len(tag).to_bytes(4, "little") + tag)
    assert len(read_audio(path)) == 16_000


@pytest.mark.parametrize(("suffix", "codec"), FILES)
def test_truncated_sound_is_refused(tmp_path: Path, suffix: str, codec: str) -> None:
    path = write_sound(tmp_path / f"a.{suffix}", tone(3.0, 48_000), 48_000, codec)
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    with pytest.raises(InputError, match="cut short"):
        read_audio(path)


def write_frames(path: Path, times: list[int], **how: dict[str, str]) -> Path:
    """A video of 64 px whose frames begin at these 25ths of a second."""
    with av.open(str(path), "w", **how) as container:
        stream = container.add_stream("libx264", rate=25, width=64, height=64)
        for time in times:
            frame = av.VideoFrame.from_ndarray(picture(64, 64, time))
            frame.pts, frame.time_base = time, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_truncated_video_is_refused(tmp_path: Path, suffix: str) -> None:
    how = {"container_options": {"movflags": "faststart"}} if suffix == "mp4" else {}
    path = write_frames(tmp_path / f"a.{suffix}", list(range(100)), **how)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="cut short"):
        list(iter_frames(path))


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "avi", "mov"])
def test_a_hole_in_time_stamps_cuts_no_video(tmp_path: Path, suffix: str) -> None:
    times = [*range(50), *range(100, 125)]
    path = write_frames(tmp_path / f"a.{suffix}", times)
    assert len(list(iter_frames(path))) == len(times)
    assert len(list(iter_frames(path, rate=25))) == 125


def test_a_hole_in_the_time_stamps_of_sound_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "call.mka"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        for number in [*range(50), *range(150, 200)]:  # 20 ms each
            heard = tone(0.02, 48_000)[None].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(heard, "flt", "mono")
            frame.sample_rate, frame.pts = 48_000, number * 960
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    samples = read_audio(path)
    assert abs(len(samples) / 16_000 - 4.0) < 0.05
    level = np.abs(samples[: 40 * 1600].reshape(40, 1600)).max(1)  # 0.1 s each
    assert level[:9].min() > 0.1 > level[11:29].max()
    assert level[31:].min() > 0.1


def test_a_whole_mp3_without_a_length_is_read(tmp_path: Path) -> None:
    """FFmpeg estimates its length by the bit rate of its beginning, twice too long."""
    how = {"container_options": {"write_xing": "0", "id3v2_version": "0"}}
    parts = [
        write_sound(path, tone(3.0), 16_000, "libmp3lame", bit_rate, **how).read_bytes()
        for path, bit_rate in (
            (tmp_path / "a.mp3", 32_000),
            (tmp_path / "b.mp3", 64_000),
        )
    ]
    comment = b"\0\0\0Information: of no use"  # holds the name of LAME's header
    tag = b"TXXX" + len(comment).to_bytes(4) + b"\0\0" + comment
    head = b"ID3\3\0\0" + len(tag).to_bytes(4) + tag  # below 128 bytes
    (tmp_path / "vbr.mp3").write_bytes(head + b"".join(parts))
    with av.open(str(tmp_path / "vbr.mp3")) as container:
        assert container.duration / 1e6 > 7.5
    assert abs(len(read_audio(tmp_path / "vbr.mp3")) / 16_000 - 6.0) < 0.3


@pytest.mark.parametrize("size", [0, 0x7FFFF024, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_is_read(tmp_path: Path, size: int) -> None:
    path = write_sound(tmp_path / "a.wav", tone(1.0), 16_000, "pcm_s16le")
    head, data = path.read_bytes().split(b"data", 1)
    path.write_bytes(head + b"data" + size.to_bytes(4, "little") + data[4:])
    assert len(read_audio(path)) == 16_000


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "cover.mp3"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("libmp3lame", rate=16_000, layout="mono")
        cover = container.add_stream("png", width=64, height=64, pix_fmt="rgb24")
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(picture(64, 64))))
        heard = tone(1.0)[None].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(heard, "fltp", "mono")
        frame.sample_rate = 16_000
        for part in (frame, None):
            container.mux(sound.encode(part))
    assert len(read_audio(path)) == 16_000
    with pytest.raises(InputError, match="holds no video"):
        list(iter_frames(path))


def test_too_long_a_voice_is_refused(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", tone(2.0), 16_000, "pcm_s16le")
    with pytest.raises(InputError, match=r"longer than 0\.02 minutes"):
        read_audio(path, longest=1.2)
    assert len(read_audio(path, longest=2.0)) == 32_000


def test_a_gif_plays_as_long_as_its_frames(tmp_path):
    frames = np.zeros((5, 8, 8, 3), np.uint8)
    frames[2:] = 200
    keep_gif(tmp_path / "a.gif", frames, rate=10)
    with Image.open(tmp_path / "a.gif") as gif:
        durations = []
        for number in range(gif.n_frames):
            gif.seek(number)
            durations.append(gif.info["duration"])
    assert sum(durations) == 500  # ms; equal frames may be joined
