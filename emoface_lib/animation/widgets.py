"""The dial as a panel of ipywidgets: a face, a voice, sliders, and a play button.

It works in JupyterLab, and as an app by `make app`. Taught in notebook 08, section 5.
"""

import atexit
import io
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from html import escape
from pathlib import Path, PurePath
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import ipywidgets as w
import numpy as np
from PIL import Image
from skimage.data import astronaut

from emoface_lib.animation.animate import OWN
from emoface_lib.animation.emotion_control import MOODS, Curve, Dial
from emoface_lib.animation.export import reduced
from emoface_lib.animation.portrait import read_portrait
from emoface_lib.animation.predict import FacePredictor, load_predictor
from emoface_lib.animation.preview import Face, Preview
from emoface_lib.animation.voice import read_voice
from emoface_lib.core.errors import InputError
from emoface_lib.core.files import read_parquet
from emoface_lib.core.fresh import digest
from emoface_lib.core.landmarks import VIDEO_RATE

PAD = (-2.0, -1.0, 0.0, 1.0, 2.0)  # standard deviations of arousal and of valence
HEARD = "as heard"  # by E_emotion, as in the paper
FURTHEST, STEP = 3.0, 0.1  # standard deviations of a slider
KEPT = 8  # voices, and faces, in memory
VOICES = 6  # that are offered
LONGEST = 30.0  # s of a voice in the panel
LONGEST_SIDE = 480  # px of a photograph in the panel
WIDTH = 380  # px of the picture on the screen
NARROW = w.Layout(width="360px")
HINTS = {  # what a slider says
    "PC1": "the direction in which codes vary most",
    "PC2": "the second one",
    "arousal": "calm to excited",
    "valence": "displeased to pleased",
}


class Panel:
    """A face animated by a voice, and sliders for its emotion; show `panel.view`.

    predictor : of a trained run; voices, faces : files to choose from, by name; folder
    : where uploads and videos go.
    """

    def __init__(
        self,
        predictor: FacePredictor,
        voices: Mapping[str, Path],
        faces: Mapping[str, Path],
        folder: Path,
    ) -> None:
        self.predictor, self.folder = predictor, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.hear = lru_cache(KEPT)(partial(read_voice, longest=LONGEST))
        self.see = lru_cache(KEPT)(
            lambda path: Face(read_portrait(path, None, LONGEST_SIDE))
        )
        self.voice, self.own_voice = _chooser("voice", voices, "audio/*,video/*")
        self.face, self.own_face = _chooser("face", faces, "image/*")
        self.sliders = {
            axis: _slider(axis, -FURTHEST, FURTHEST, 0.0, hint)
            for axis, hint in HINTS.items()
            if axis in predictor.space.axes
        }
        moods = [OWN, *MOODS] if len(predictor.space.expressions) else []
        self.mood = w.Dropdown(
            options=[HEARD, *moods], description="mood", layout={"width": "250px"}
        )
        self.pad = self._pad()
        self.amount = _slider("amount", 0.0, 2.0, 1.0, "mood and sliders times this")
        self.over_time = w.Text(
            description="over time",
            placeholder="0:0, 1.5:2 (seconds:amount)",
            continuous_update=False,
            layout=NARROW,
        )
        self.key_frame = w.Button(description="key frame here", icon="plus")
        self.reset = w.Button(description="reset", icon="undo")
        self.play = w.Button(
            description="play",
            icon="play",
            button_style="primary",
            layout={"width": "90px"},
        )
        self.time = w.FloatSlider(
            0,
            min=0,
            step=1 / VIDEO_RATE,
            readout_format=".2f",
            layout={"width": f"{WIDTH - 100}px"},
        )
        self.picture = w.Image(format="jpeg", layout={"width": f"{WIDTH}px"})
        self.picture.add_class("emoface-picture")
        self.play.add_class("emoface-play")
        self.screen = w.Box([self.picture], layout={"width": f"{WIDTH}px"})
        self.note = w.HTML()
        self.view = self._arranged()
        self._connect()
        self._load()

    def _arranged(self) -> w.Widget:
        left = w.VBox([self.screen, w.HBox([self.play, self.time])])
        right = w.VBox(
            [
                w.HTML("<b>Who says what</b>"),
                w.HBox([self.voice, self.own_voice]),
                w.HBox([self.face, self.own_face]),
                w.HTML("<b>How</b>, in standard deviations"),
                self.mood,
                self.pad,
                *self.sliders.values(),
                self.amount,
                self.over_time,
                w.HBox([self.key_frame, self.reset]),
                self.note,
            ],
            layout={"padding": "0 0 0 24px"},
        )
        return w.HBox([left, right], layout={"align_items": "flex-start"})

    def _connect(self) -> None:
        choosers = (self.own_voice, self.voice), (self.own_face, self.face)
        for given, chooser in choosers:
            chooser.observe(self._guarded(self._load), "value")
            take = partial(self._take, given, chooser)
            given.observe(self._guarded(take), "value")
        turned = (self.mood, *self.sliders.values(), self.amount, self.over_time)
        for slider in turned:
            slider.observe(self._guarded(self._turn), "value")
        self.time.observe(self._guarded(self._show), "value")
        self.play.on_click(self._guarded(self._play))
        self.key_frame.on_click(self._guarded(self._add_key_frame))
        self.reset.on_click(self._guarded(self._reset))

    def _pad(self) -> w.Widget:
        """The circumplex: a button for each place, excited above, pleased to the right.

        It sets both sliders; empty where a model knows no such axes.
        """
        buttons = []
        for arousal in PAD[::-1]:
            for valence in PAD:
                place = {"arousal": arousal, "valence": valence}
                said = ", ".join(f"{axis} {x:+g}" for axis, x in place.items())
                one = w.Button(tooltip=said, layout={"width": "26px", "height": "16px"})
                one.on_click(partial(self._go, place))
                buttons.append(one)
        known = set(place) <= set(self.sliders)
        columns = {"grid_template_columns": "repeat(5, 30px)", "padding": "4px 90px"}
        return w.GridBox(buttons if known else [], layout=columns)

    def _go(self, place: Mapping[str, float], _: Any = None) -> None:
        for axis, value in place.items():
            self.sliders[axis].value = value

    def _guarded(self, action: Callable[[], None]) -> Callable[[Any], None]:
        """The action as an observer; an error is shown below the sliders."""

        def run(_: Any) -> None:
            try:
                action()
                self.note.value = ""
            except (InputError, OSError) as error:  # it may say a name given by others
                self.note.value = (
                    f'<span style="color:#a00">{escape(str(error), quote=False)}</span>'
                )

        return run

    def dial(self) -> Dial:
        """How the sliders stand. Raises InputError if the key frames can't be read."""
        text = self.over_time.value.strip()
        amount = Curve.parse(text) if text else Curve((0.0,), (self.amount.value,))
        turned = {
            axis: Curve(amount.seconds, tuple(x * slider.value for x in amount.amounts))
            for axis, slider in self.sliders.items()
        }
        if self.mood.value == HEARD:
            return Dial(turned)
        if self.mood.value == OWN:
            shown = self.predictor.own(self.preview.voice.told, amount).curves
        else:
            shown = {MOODS[self.mood.value]: amount}
        return Dial({**turned, **shown}, self.mood.value, anew=True)

    def _load(self) -> None:
        """Take in the chosen voice and face."""
        voice, face = self.hear(self.voice.value), self.see(self.face.value)
        self.preview = Preview(voice, face, self.predictor)
        self.time.max = (self.preview.count - 1) / VIDEO_RATE
        if not self.time.value:  # a moment with open lips says more than the first one
            self.time.value = float(self.preview.opening.argmax()) / VIDEO_RATE
        self._turn()

    def _turn(self) -> None:
        self.amount.disabled = bool(self.over_time.value.strip())
        self.preview.turn(self.dial())
        self._show()

    def _show(self) -> None:
        number = round(self.time.value * VIDEO_RATE)
        stage = self.preview.stage(min(number, self.preview.count - 1))
        self.picture.value = as_jpeg(reduced(stage, 2 * WIDTH))
        if self.screen.children != (self.picture,):
            self.screen.children = (self.picture,)

    def _play(self) -> None:
        """Write a video of the whole voice and play it, with sound."""
        self.play.disabled, self.play.description = True, "filming"
        try:
            path = self.folder / "dial.mp4"
            self.preview.write(path)
            video = w.Video.from_file(path, autoplay=True, loop=False, controls=False)
            video.layout.width = f"{WIDTH}px"
            video.add_class("emoface-video")
            self.screen.children = (video,)
        finally:
            self.play.disabled, self.play.description = False, "play"

    def _add_key_frame(self) -> None:
        """Note the amount at the moment that is shown."""
        text = self.over_time.value.strip()
        frames = [part.strip() for part in text.split(",") if part.strip()]
        now = f"{self.time.value:.2f}"
        kept = [frame for frame in frames if not frame.startswith(f"{now}:")]
        self.over_time.value = ", ".join([*kept, f"{now}:{self.amount.value:g}"])
        self.amount.disabled = False  # the next key frame may have another amount

    def _reset(self) -> None:
        self.over_time.value, self.amount.value = "", 1.0
        self.mood.value = HEARD
        for slider in self.sliders.values():
            slider.value = 0.0

    def _take(self, given: w.FileUpload, chooser: w.Dropdown) -> None:
        """Keep an uploaded file and choose it, if it is a voice or a face.

        It is called by its content: another of the same name is another file.
        """
        if not given.value:
            return
        upload, given.value = given.value[0], ()  # the same may be given again
        content, name = bytes(upload["content"]), PurePath(upload["name"]).name
        path = self.folder / digest(content)
        path.write_bytes(content)
        try:
            (self.hear if chooser is self.voice else self.see)(path)
        except InputError as error:
            path.unlink()
            raise InputError(str(error).replace(str(path), name)) from error
        others = [one for one in chooser.options if one[0] != name]
        chooser.options = [*others, (name, path)]
        chooser.value = path


def open_panel(run: Path) -> Panel:
    """The panel of a trained run: voices that it never trained on, and faces.

    run : folder that notebooks 01 to 08 have filled. Beside the drawn heads that 08 has
    left stands the portrait of the astronaut Eileen Collins (NASA, in the public
    domain, from scikit-image). Raises InputError that names what is missing.
    """
    predictor = load_predictor(run)
    index = read_parquet(run / "corpus" / "index.parquet", "split", "path")
    test = index[index["split"] == "test"]
    # this session has its own, beside others that use the same run
    folder = Path(mkdtemp(prefix="emoface-panel-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    faces = {"photograph": folder / "astronaut.png"}
    Image.fromarray(astronaut()[:260, 90:350]).save(faces["photograph"])
    faces |= {one.stem: one for one in sorted(run.glob("emotion_space/cast*.png"))}
    chosen = test.iloc[:: max(1, len(test) // VOICES)].head(VOICES)
    said = {
        f"{row['speaker']}, {row['emotion']}": run / "corpus" / row["path"]
        for row in chosen.to_dict("records")
    }
    return Panel(predictor, said, faces, folder)


def _chooser(
    name: str, files: Mapping[str, Path], kinds: str
) -> tuple[w.Dropdown, w.FileUpload]:
    chooser = w.Dropdown(
        options=list(files.items()), description=name, layout={"width": "250px"}
    )
    return chooser, w.FileUpload(
        accept=kinds, description="own file", layout={"width": "106px"}
    )


def _slider(
    name: str, low: float, high: float, value: float, hint: str
) -> w.FloatSlider:
    return w.FloatSlider(
        value,
        min=low,
        max=high,
        step=STEP,
        description=name,
        tooltip=hint,
        readout_format="+.1f" if low < 0 else ".1f",
        layout=NARROW,
    )


def as_jpeg(picture: np.ndarray) -> bytes:
    """A picture uint8 (H, W, 3) RGB as a JPEG file."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "jpeg", quality=92)
    return stream.getvalue()
