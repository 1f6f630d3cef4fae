"""Measure expression recognition: accuracy, training time, what self-cure is worth.

python benchmarks/expressions.py [--steps 450]

The shipped model's training (`tools.fit_expressions`) is run again on
true labels; then shorter ones with 10 and 30 % wrong labels, plain and self-cured,
--steps each. All are tested on frames of unseen talking heads.
"""

import argparse

import torch
from results import enter

from emoface_lib.features.expression_training import SelfCure
from tools.fit_expressions import (
    SPEAKERS,
    STEPS,
    TALKERS,
    accuracy,
    portraits,
    talking_faces,
    taught,
)

TOPIC = "expressions"
SHARES = (0.3, 0.1)  # shares of wrong labels


def report(name: str, value: float, unit: str, target: str, how: str) -> None:
    how = f"benchmarks/expressions.py: {how}; 1 thread"
    enter(TOPIC, f"expressions: {name}", value, unit, how, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=450, help="with wrong labels")
    given = parser.parse_args()
    torch.set_num_threads(1)
    (settings, faces), talking = portraits(), talking_faces()
    on = f"{len(talking[1])} frames of {TALKERS} unseen talking heads"
    how = f"{STEPS} steps, {len(faces[1])} portraits of {SPEAKERS} heads, {on}"
    net, _, seconds = taught(settings, faces, cure=SelfCure())
    true = accuracy(net, talking)
    report("accuracy with true labels", true, "share", ">= 0.95", how)
    report("training", seconds, "CPU-s", "<= 180", how)
    short = settings.changed(expression_steps=given.steps)
    how = f"{given.steps} steps, {on}"
    for wrong in SHARES:
        for kind, cure in (("plain", None), ("self-cured", SelfCure())):
            net, left, _ = taught(short, faces, wrong, cure)
            name = f"{100 * wrong:.0f} % wrong labels, {kind}"
            value = accuracy(net, talking)
            target = f">= {0.9 * true:.3f}" if cure and wrong == max(SHARES) else ""
            report(f"accuracy with {name}", value, "share", target, how)
            report(f"labels still wrong, {name}", left, "share", "", how)


if __name__ == "__main__":
    main()
