"""SyncNet, which judges whether lips and a voice belong together: LSE-C and LSE-D.

Names and shapes are those of `SyncNetModel.py` in joonson/syncnet_python (Chung and
Zisserman 2016), so that its `syncnet_v2.model` loads; faces and sound are prepared as
in `run_pipeline.py` and `SyncNetInstance.py` there. What differs: the face's box is
that of the landmarks, higher by a share for the forehead, where theirs is a detector's,
and faces are cut from the frames themselves, not from JPEG. Taught in notebook 07.
"""

import cv2
import numpy as np
import torch
from scipy.fft import dct
from scipy.ndimage import median_filter
from torch import Tensor, nn

from emoface_lib.core.clip import SAMPLE_RATE

SIDE, FRAMES, BATCH = 224, 5, 20  # px of a face; frames of a window; windows
SHIFTS = 15  # video frames that the voice is moved by, either way
SMOOTHED, MARGIN, FOREHEAD = 13, 0.4, 0.25  # frames; shares of half a box and of a box
GREY = (110, 110, 110)  # beyond the picture
WINDOW, HOP, FFT, BANDS = 400, 160, 512, 26  # samples; mel filters
CEPSTRA, HEARD = 13, 20  # coefficients; their frames of 10 ms in a window
VIDEO_FRAME, FULL_SCALE = 640, 32768  # samples of a video frame; of 16 bits

Stage = tuple[nn.Conv2d | nn.Conv3d, nn.Module | None]


class SyncNet(nn.Module):
    """Two encoders, of lips and of sound, whose codes are near where they fit."""

    def __init__(self) -> None:
        super().__init__()
        half, edge = (1, 2, 2), (0, 1, 1)
        heard: list[Stage] = [
            (nn.Conv2d(1, 64, 3, padding=1), nn.Identity()),
            (nn.Conv2d(64, 192, 3, padding=1), nn.MaxPool2d(3, (1, 2))),
            (nn.Conv2d(192, 384, 3, padding=1), None),
            (nn.Conv2d(384, 256, 3, padding=1), None),
            (nn.Conv2d(256, 256, 3, padding=1), nn.MaxPool2d(3, 2)),
            (nn.Conv2d(256, 512, (5, 4)), None),
        ]
        seen: list[Stage] = [
            (nn.Conv3d(3, 96, (5, 7, 7), half), nn.MaxPool3d((1, 3, 3), half)),
            (
                nn.Conv3d(96, 256, (1, 5, 5), half, edge),
                nn.MaxPool3d((1, 3, 3), half, edge),
            ),
            (nn.Conv3d(256, 256, (1, 3, 3), padding=edge), None),
            (nn.Conv3d(256, 256, (1, 3, 3), padding=edge), None),
            (
                nn.Conv3d(256, 256, (1, 3, 3), padding=edge),
                nn.MaxPool3d((1, 3, 3), half),
            ),
            (nn.Conv3d(256, 512, (1, 6, 6)), None),
        ]
        self.netcnnaud, self.netfcaud = _stages(nn.BatchNorm2d, heard), _head()
        self.netcnnlip, self.netfclip = _stages(nn.BatchNorm3d, seen), _head()

    def hear(self, sound: Tensor) -> Tensor:
        """MFCC Tensor[B, 1, 13, 20] to codes Tensor[B, 1024]."""
        return self.netfcaud(self.netcnnaud(sound).flatten(1))

    def see(self, faces: Tensor) -> Tensor:
        """Faces Tensor[B, 3, 5, 224, 224], BGR in 0..255, to codes Tensor[B, 1024]."""
        return self.netfclip(self.netcnnlip(faces).flatten(1))


def _stages(norm: type[nn.Module], stages: list[Stage]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for convolution, pool in stages:
        layers += [convolution, norm(convolution.out_channels), nn.ReLU(inplace=True)]
        layers += [pool] if pool else []
    return nn.Sequential(*layers)


def _head() -> nn.Sequential:
    first, last = nn.Linear(512, 512), nn.Linear(512, 1024)
    return nn.Sequential(first, nn.BatchNorm1d(512), nn.ReLU(), last)


@torch.inference_mode()
def lip_sync(
    net: SyncNet, frames: np.ndarray, landmarks: np.ndarray, samples: np.ndarray
) -> tuple[float, float]:
    """LSE-C and LSE-D of a video and a voice; NaN below six frames.

    frames : uint8[F, H, W, 3] RGB, 25 a second; landmarks : float[F, 68, 2] px of them;
    samples : float[S] at 16 kHz, peak about 1. LSE-D is the distance of the codes at
    the shift where its mean over the video is least, LSE-C how far that is below the
    median over shifts.
    """
    count = min(len(frames), len(samples) // VIDEO_FRAME) - FRAMES
    if count < 1:
        return np.nan, np.nan
    faces = torch.from_numpy(cut_faces(frames, landmarks)).unfold(0, FRAMES, 1)
    windows = faces.permute(0, 3, 4, 1, 2)[:count]  # (N, 3, 5, 224, 224)
    sound = torch.from_numpy(mfcc(samples)).float().unfold(0, HEARD, 4)  # (N, 13, 20)
    seen = torch.cat([net.see(part.float()) for part in windows.split(BATCH)])
    heard = net.hear(sound[:count, None])
    beside = nn.functional.pad(heard, (0, 0, SHIFTS, SHIFTS))
    around = beside.unfold(0, 2 * SHIFTS + 1, 1)  # (N, 1024, 31)
    distances = (seen[..., None] - around).norm(dim=1).mean(0)  # (31,)
    least = float(distances.min())
    return float(distances.median()) - least, least


def cut_faces(frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Faces as SyncNet learnt them, lower than their middle: uint8[F, 224, 224, 3] BGR.

    frames : uint8[F, H, W, 3] RGB; landmarks : float[F, 68, 2] px of them.
    """
    low, high = landmarks.min(1), landmarks.max(1)  # (F, 2)
    low[:, 1] -= FOREHEAD * (high - low)[:, 1]
    boxes = np.column_stack([(low + high) / 2, (high - low).max(1) / 2])
    faces = []
    for frame, (x, y, half) in zip(
        frames, median_filter(boxes, (SMOOTHED, 1), mode="nearest"), strict=True
    ):
        scale = 2 * half * (1 + MARGIN) / SIDE
        place = np.array([[scale, 0, x - half * (1 + MARGIN)], [0, scale, y - half]])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        face = cv2.warpAffine(frame, place, (SIDE, SIDE), flags=how, borderValue=GREY)
        faces.append(face[..., ::-1])
    return np.stack(faces)


def mfcc(samples: np.ndarray) -> np.ndarray:
    """float[T, 13], 100 a second, as python_speech_features makes them by default.

    samples : float[S] at 16 kHz, peak about 1, at least 400 of them.
    """
    scaled = samples * float(FULL_SCALE)
    sharp = np.append(scaled[0], scaled[1:] - 0.97 * scaled[:-1])
    rest = -(len(sharp) - WINDOW) % HOP
    padded = np.pad(sharp, (0, rest))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2 / FFT
    mels = np.linspace(0, 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700), BANDS + 2)
    edges = np.floor((FFT + 1) * 700 * (10 ** (mels / 2595) - 1) / SAMPLE_RATE)
    bins = np.arange(FFT // 2 + 1)
    bands = [np.interp(bins, edges[i : i + 3], [0, 1, 0]) for i in range(BANDS)]
    least = np.finfo(float).eps
    logs = np.log(np.maximum(power @ np.array(bands).T, least))
    found = dct(logs, norm="ortho")[:, :CEPSTRA]
    found *= 1 + 11 * np.sin(np.pi * np.arange(CEPSTRA) / 22)  # lifted
    found[:, 0] = np.log(np.maximum(power.sum(1), least))  # the energy in its place
    return found
