"""The picture and sound tracks of a video being written; used by `write_video`."""

from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

# x264's macroblock tree gives other bytes now and then where the processor has AVX-512:
# one of 16 files, measured on the same frames
X264: dict[str, object] = {"x264-params": "mbtree=0", "preset": "veryfast"}
# As fast as h264; frames of the alternate reference have no opacity.
VP9: dict[str, object] = {
    "crf": "24",
    "b": "0",
    "deadline": "realtime",
    "cpu-used": "7",
    "row-mt": "1",
    "auto-alt-ref": "0",
}


class VideoTrack:
    """The stream of pictures of a container being written: h264, or VP9 in a webm.

    Only VP9 keeps the opacity of RGBA frames.
    """

    def __init__(
        self,
        container: OutputContainer,
        first: np.ndarray,
        rate: float,
        crf: int,
        threads: int,
    ) -> None:
        self.container, self.count = container, 0
        self.converter = VideoReformatter()
        self.rate = Fraction(rate).limit_denominator(1001)
        webm = container.format.name == "webm"
        self.clear = webm and first.shape[2] == 4
        codec = "libvpx-vp9" if webm else "libx264"
        stream = container.add_stream(codec, rate=self.rate)
        assert isinstance(stream, av.VideoStream)  # by its codec
        self.stream = stream
        self.height, self.width = (side // 2 * 2 for side in first.shape[:2])
        self.stream.height, self.stream.width = self.height, self.width
        self.stream.pix_fmt = "yuva420p" if self.clear else "yuv420p"
        context = self.stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709
        context.color_range = ColorRange.MPEG
        context.thread_count = threads
        self.stream.options = VP9 if webm else X264 | {"crf": str(crf)}

    @property
    def seconds(self) -> float:
        """Length so far."""
        return float(self.count / self.rate)

    def add(self, frame: np.ndarray) -> None:
        """Encode the next frame, uint8 (H, W, 3) RGB or (H, W, 4) RGBA."""
        frame = frame if self.clear else over_white(frame)
        whole = np.ascontiguousarray(frame[: self.height, : self.width])
        picture = self.converter.reformat(
            av.VideoFrame.from_ndarray(whole, format="rgba" if self.clear else "rgb24"),
            format=self.stream.pix_fmt,
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


def over_white(frame: np.ndarray) -> np.ndarray:
    """A frame uint8 (H, W, 3 or 4), what is transparent in it white: (H, W, 3)."""
    if frame.shape[2] == 3:
        return frame
    share = frame[..., 3:] / np.float32(255)
    return np.round(255 + share * (frame[..., :3] - np.float32(255))).astype(np.uint8)


class AudioTrack:
    """The sound of a container being written: aac, or Opus in a webm.

    blocks : float (S, 1 or 2) each.
    """

    def __init__(
        self, container: OutputContainer, blocks: Iterable[np.ndarray], sample_rate: int
    ) -> None:
        self.container, self.count, self.blocks = container, 0, iter(blocks)
        self.rest = next(self.blocks)  # decoded and not yet encoded
        self.layout = "stereo" if self.rest.shape[1] == 2 else "mono"
        opus = container.format.name == "webm"
        stream = container.add_stream("libopus" if opus else "aac", rate=sample_rate)
        assert isinstance(stream, av.AudioStream)  # by its codec
        self.stream = stream
        self.stream.layout = self.layout
        self.stream.bit_rate = 96_000 if self.layout == "mono" else 160_000

    def add_until(self, seconds: float | None) -> None:
        """Encode up to a time; None: encode what is left and close."""
        end = None if seconds is None else round(seconds * self.stream.rate)
        while end is None or self.count + len(self.rest) < end:
            block = next(self.blocks, None)
            if block is None:
                break
            self.rest = np.concatenate([self.rest, block])
        here = len(self.rest) if end is None else max(0, end - self.count)
        part, self.rest = self.rest[:here], self.rest[here:]
        if part.size:
            channels = np.ascontiguousarray(part.T.astype(np.float32).clip(-1, 1))
            frame = av.AudioFrame.from_ndarray(channels, "fltp", self.layout)
            frame.sample_rate, frame.pts = self.stream.rate, self.count
            frame.time_base = Fraction(1, self.stream.rate)
            self.count += len(part)
            self.container.mux(self.stream.encode(frame))
        if seconds is None:
            self.container.mux(self.stream.encode(None))
