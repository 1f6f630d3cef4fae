"""The check of shapes finds what lacks one, and nothing else."""

from pathlib import Path

import pytest

from tools.check_shapes import main, names_shape, without_shapes

HEAD = "import numpy as np\nfrom torch import Tensor, nn\n\n"


@pytest.mark.parametrize(
    "text",
    [
        "mel : Tensor[B, T, 80]  log-mel",
        "Returns float[..., 68, 2 or 3] px.",
        "A picture (H, W, 3).",
        "Loudness (T,) in dBFS.",
        "Both : float (2 F, 68, 2) px.",
        "Weights (N, count) of points.",
        "uint8[F, size,\n    size, 3] in colour",
        "A scalar.",
    ],
)
def test_a_shape_is_recognised(text: str) -> None:
    assert names_shape(text)


@pytest.mark.parametrize(
    "text",
    [
        "Mean of the frames.",
        "The centre of the top-left pixel is (0, 0).",
        "Paper equations (2) and (3), section 4.2.",
        "A point (x, y) of the paper's [28].",
    ],
)
def test_what_only_looks_like_a_shape_is_none(text: str) -> None:
    assert not names_shape(text)


def test_functions_of_arrays_without_a_shape_are_listed_with_their_line() -> None:
    source = HEAD + (
        "def loud(x: np.ndarray) -> float:\n"
        '    """Loudness."""\n\n'
        "async def later(*, x: 'list[Tensor]') -> None: ...\n\n"
        "def drawn(seed: int) -> dict[str, np.ndarray]:\n"
        '    """By name: float[T]."""\n'
    )
    assert without_shapes(source) == [(4, "loud"), (7, "later")]


def test_functions_without_arrays_and_private_ones_need_no_shape() -> None:
    source = HEAD + (
        "def count(x: int) -> int:\n"
        '    """Count."""\n'
        "    def inner(x: Tensor) -> Tensor: ...\n"
        "    return x\n\n"
        "def _own(x: Tensor) -> Tensor: ...\n\n"
        "class _Own:\n"
        "    def give(self) -> Tensor: ...\n"
    )
    assert without_shapes(source) == []


def test_a_class_may_say_the_shapes_of_its_forward_and_of_nothing_else() -> None:
    source = HEAD + (
        "class Net(nn.Module):\n"
        '    """From Tensor[B, D] to Tensor[B, 7]."""\n\n'
        "    def forward(self, x: Tensor) -> Tensor:\n"
        '        """Logits."""\n\n'
        "    def features(self, x: Tensor) -> Tensor:\n"
        '        """Activations."""\n'
    )
    assert without_shapes(source) == [(10, "Net.features")]


def test_findings_are_printed_and_are_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = tmp_path / "lib" / "core"
    room.mkdir(parents=True)
    (room / "sound.py").write_text(HEAD + "def loud(x: np.ndarray) -> float: ...\n")
    assert main(tmp_path / "lib") == 1
    assert capsys.readouterr().out == "lib/core/sound.py:4 loud\n"
