"""What each profile changes of the settings of the paper, and why.

The settings themselves, with the paper's values, stand in `settings.Settings`.
"""

from typing import Any

# differences that the three small profiles share
SMALL: dict[str, Any] = {
    # lr 1e-5 moves nothing in minutes (an author of a sister project traces a frozen
    # face to it); one cycle to a high peak converges in hundreds of steps
    "content.learning_rate": 4e-3,
    "style.learning_rate": 1e-3,
    "training.schedule": "one_cycle",
    "translator.learning_rate": 2e-3,
    "precision": "auto",  # up to twice as fast, with equal errors
    "content.batch": 12,
    "features.look_ahead": 5,  # 100 ms; lips move before they sound
    # on speakers it never heard, step 1 errs by 1.71 px from the log-mel and by 1.83
    # from a mel converted by an AutoVC of this size (lip r .84 and .73)
    "features.kind": "log_mel",
    # a fifteenth of the weights, which train in a minute at a faster rate, and a code
    # for every 80 ms: one for 640 ms would be shared by eight phones
    "autovc.freq": 4,
    "autovc.pre": 128,
    "autovc.width": 128,
    "autovc.post": 192,
    "autovc.batch": 16,
    "autovc.crop": 64,
    "autovc.learning_rate": 2e-3,
    # with weight 1 the codes collapse before anything is said with them (notebook 02)
    "autovc.code_weight": 0.01,
    # equal to ICP where points correspond, and 10 times faster
    "landmarks.alignment": "kabsch",
    # a content branch that hears the spectrum's tilt shows emotion by itself and leaves
    # the style nothing to do, and the dial moves hardly anything (notebook 08)
    "content.spectral_offset": 0.5,
    "style.stride": 3,  # style changes slowly; a third of the work
    "style.emotion_distance": "means",  # frame by frame collapses (notebook 05)
}
DIFFERENCES: dict[str, dict[str, Any]] = {
    "paper": {},
    "smoke": {
        **SMALL,
        "autovc.steps": 40,
        "study.seeds": 1,
        "study.share": 0.2,
        "study.speaker_counts": (2, 4),
        "synthetic.train_speakers": 6,
        "synthetic.test_speakers": 2,
        "synthetic.videos_per_speaker": 3,
        "synthetic.audio_only_speakers": 24,
        "content.steps": 100,
        "style.steps": 60,
        "expression.steps": 60,
        "translator.image_size": 64,
        "translator.width": 8,
        "translator.steps": 120,
        "translator.learning_rate": 5e-3,
        "evaluation.bootstrap_samples": 200,
    },
    "tutorial": {
        **SMALL,
        "autovc.steps": 400,
        "study.seeds": 1,
        "study.share": 0.5,
        "study.speaker_counts": (4, 16),
        "synthetic.train_speakers": 20,
        "synthetic.test_speakers": 6,
        "synthetic.videos_per_speaker": 3,
        "synthetic.audio_only_speakers": 80,
        "expression.steps": 700,
        "content.steps": 250,
        "style.steps": 300,
        "translator.image_size": 128,
        "translator.width": 24,
        "translator.steps": 600,
    },
    "full": {
        **SMALL,
        "study.seeds": 1,  # a run is one seed; the others are runs of a sweep
        "study.collected": "sweeps",
        "autovc.steps": 1500,
        "synthetic.train_speakers": 48,
        "synthetic.test_speakers": 12,
        "synthetic.videos_per_speaker": 6,
        "synthetic.audio_only_speakers": 150,
        "content.steps": 1500,
        "style.steps": 1500,
        "expression.steps": 1500,
        "translator.image_size": 128,
        "translator.width": 32,
        "translator.steps": 3000,
    },
}


# What `translator: improved` means, unless something else is asked for: edges beside L1
# are worth 0.2 dB on unseen faces (notebook 06).
IMPROVED: dict[str, Any] = {"translator.edges": 0.3}
