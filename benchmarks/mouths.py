"""Measure the rule of drawn mouths against the mouths of GRID's talkers.

PYTHONPATH=. python benchmarks/mouths.py [--rule fitted]

The rule gets the times of their phonemes (`tools.fit_visemes`) and says their lips. Its
targets were fitted to the training talkers; the others are left out. And the opening
and width of drawn clips are measured, all spoken in the neutral state. --rule names the
rule in the rows. Lengths are in distances of the outer eye corners.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

import numpy as np
from results import enter

from emoface_lib.core.landmarks import VIDEO_RATE
from emoface_lib.core.settings import load_settings
from emoface_lib.features.phones import viseme_parts
from emoface_lib.features.timing import peak, shifted_r
from emoface_lib.synthetic import motion
from emoface_lib.synthetic.clips import make_clip, plan_corpus
from emoface_lib.synthetic.factors import draw_state
from emoface_lib.synthetic.heads.shape import pose_face
from emoface_lib.synthetic.speech import Speech
from tools.fit_visemes import Take, lips, mean_identity, read_takes, seen

DRAWN = 60  # clips
FURTHEST = 4  # video frames


def predicted(take: Take) -> Take:
    """The same clip with lips by the rule, on the mean face."""
    steps = round(take.speech.seconds * motion.CLOCK)
    mouth = motion.mouth_controls(take.speech, steps)
    controls = {name: seen(values) for name, values in mouth.items()}
    posed = pose_face(mean_identity(), controls)
    return Take(take.talker, take.speech, *lips(posed))


def drawn_takes() -> list[Take]:
    """Clips of the drawn corpus, all in the neutral state."""
    rng, plans = np.random.default_rng(0), plan_corpus(load_settings())
    chosen = [plans[i] for i in rng.permutation(len(plans))[:DRAWN]]
    calm = [replace(plan, state=draw_state("neutral", rng)) for plan in chosen]
    clips = [make_clip(plan) for plan in calm]
    return [Take("", clip.speech, *lips(clip.landmarks)) for clip in clips]


def slope(take: Take) -> float:
    """By how much the mouth widens as the lips open by 1."""
    return float(np.polyfit(take.opening, take.width, 1)[0])


def lag(r: Sequence[np.ndarray]) -> float:
    """The lag, in frames, of the largest mean r : (N, L), between frames too."""
    return peak(np.mean(r, axis=0))


def after_voice(take: Take) -> np.ndarray:
    """r of the lips' opening with the voice's loudness, shifted in time."""
    steps = round(take.speech.seconds * motion.CLOCK)
    loud = np.log(motion.loudness(take.speech, steps) + 0.03)
    times = (np.arange(len(take.opening)) + 0.5) / VIDEO_RATE
    known = (np.arange(steps) + 0.5) / motion.CLOCK
    return shifted_r(np.interp(times, known, loud), take.opening, FURTHEST)


def closures(speech: Speech, opening: np.ndarray) -> list[float]:
    """The least opening, of float[F], while each p, b and m closes."""
    times = (np.arange(len(opening)) + 0.5) / VIDEO_RATE
    return [
        float(opening[(times > start - 0.06) & (times < end + 0.08)].min())
        for name, start, end in zip(speech.names, speech.start, speech.end, strict=True)
        if viseme_parts(name)[0] in ("P", "B", "M")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rule", default="fitted", help="its name in the rows")
    rule = parser.parse_args().rule

    def report(name: str, value: float, unit: str, how: str) -> None:
        how = f"benchmarks/mouths.py: {how}"
        enter("mouths", name, float(value), unit, how)

    drawn = drawn_takes()
    for split, who in (("real", "fitted talkers"), ("real test", "left-out talkers")):
        real = read_takes(split)
        ours = [predicted(take) for take in real]
        how = f"{len(real)} clips of GRID, of {len({t.talker for t in real})} talkers"
        pairs = list(zip(real, ours, strict=True))
        for what in ("opening", "width"):
            both = [(getattr(a, what), getattr(b, what)) for a, b in pairs]
            r = [shifted_r(b, a, FURTHEST) for a, b in both]
            middle = FURTHEST
            report(f"r of {what}, {who}, {rule}", np.mean(r, 0)[middle], "r", how)
            report(f"lag of real {what}, {who}, {rule}", lag(r), "frames", how)
            ratio = sum(b.std() for _, b in both) / sum(a.std() for a, _ in both)
            report(f"sd of {what}, rule / real, {who}, {rule}", ratio, "ratio", how)
        for name, takes in ((f"{rule} rule", ours), ("real", real)):
            wider = mean([slope(take) for take in takes])
            report(f"slope of width on opening, {who}, {name}", wider, "ratio", how)
            shut = mean([x for t in takes for x in closures(t.speech, t.opening)])
            report(f"opening while p b m, {who}, {name}", shut, "eyes", how)
        late = lag([after_voice(take) for take in real])
        report(f"lips after voice, {who}", late, "frames", how)
        sd = mean([take.opening.std() for take in real])
        report(f"sd of opening, {who}", sd, "eyes", how)
    how = f"{DRAWN} clips of the tutorial corpus, spoken in the neutral state"
    wider = mean([slope(take) for take in drawn])
    report(f"slope of width on opening, drawn, {rule}", wider, "ratio", how)
    for what in ("opening", "width"):
        sd = mean([getattr(take, what).std() for take in drawn])
        report(f"sd of {what}, drawn, {rule}", sd, "eyes", how)
    late = lag([after_voice(take) for take in drawn])
    report(f"lips after voice, drawn, {rule}", late, "frames", how)


if __name__ == "__main__":
    main()
