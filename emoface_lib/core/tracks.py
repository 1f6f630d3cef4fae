"""The picture and sound tracks of an mp4 being written; used by `write_video`."""

from fractions import Fraction

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter


class VideoTrack:
    """The h264 stream of a container being written."""

    def __init__(
        self,
        container: OutputContainer,
        first: np.ndarray,
        rate: float,
        crf: int,
        preset: str,
        threads: int,
    ) -> None:
        self.container, self.count = container, 0
        self.converter = VideoReformatter()
        self.rate = Fraction(rate).limit_denominator(1001)
        self.stream = container.add_stream("libx264", rate=self.rate)
        self.height, self.width = (side // 2 * 2 for side in first.shape[:2])
        self.stream.height, self.stream.width = self.height, self.width
        self.stream.pix_fmt = "yuv420p"
        context = self.stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709
        context.color_range = ColorRange.MPEG
        context.thread_count = threads
        # x264's macroblock tree gives other bytes now and then where the processor has
        # AVX-512: one of 16 files, measured on the same frames
        x264 = {"x264-params": "mbtree=0"}
        self.stream.options = {"crf": str(crf), "preset": preset, **x264}

    @property
    def seconds(self) -> float:
        """Length so far."""
        return float(self.count / self.rate)

    def add(self, frame: np.ndarray) -> None:
        """Encode the next frame, uint8 (H, W, 3) RGB."""
        whole = np.ascontiguousarray(frame[: self.height, : self.width])
        picture = self.converter.reformat(
            av.VideoFrame.from_ndarray(whole, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        picture.pts, picture.time_base = self.count, 1 / self.rate
        self.count += 1
        self.container.mux(self.stream.encode(picture))

    def close(self) -> None:
        """Encode what the encoder still holds."""
        self.container.mux(self.stream.encode(None))


class AudioTrack:
    """The aac stream of a container being written."""

    def __init__(
        self, container: OutputContainer, samples: np.ndarray, sample_rate: int
    ) -> None:
        self.container, self.count = container, 0
        self.samples = samples.reshape(len(samples), -1)  # (S,) -> (S, 1)
        self.layout = "stereo" if self.samples.shape[1] == 2 else "mono"
        self.stream = container.add_stream("aac", rate=sample_rate)
        self.stream.layout = self.layout
        self.stream.bit_rate = 96_000 if self.layout == "mono" else 160_000

    def add_until(self, seconds: float | None) -> None:
        """Encode up to a time; None: encode what is left and close."""
        end = None if seconds is None else round(seconds * self.stream.rate)
        part = self.samples[self.count : end].T.astype(np.float32).clip(-1, 1)
        if part.size:
            channels = np.ascontiguousarray(part)
            frame = av.AudioFrame.from_ndarray(channels, "fltp", self.layout)
            frame.sample_rate, frame.pts = self.stream.rate, self.count
            frame.time_base = Fraction(1, self.stream.rate)
            self.count += part.shape[1]
            self.container.mux(self.stream.encode(frame))
        if seconds is None:
            self.container.mux(self.stream.encode(None))
