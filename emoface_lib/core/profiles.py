"""What each profile changes of the settings of the paper, and why.

The settings themselves, with the paper's values, stand in `config.Settings`.
"""

from typing import Any

# of all three small profiles
SMALL: dict[str, Any] = {
    # lr 1e-5 moves nothing in minutes (an author of a sister project traces a frozen
    # face to it); one cycle to a high peak converges in hundreds of steps
    "learning_rate": 4e-3,
    "style_learning_rate": 1e-3,
    "schedule": "one_cycle",
    "translator_learning_rate": 2e-3,
    "precision": "auto",  # up to twice as fast, with equal errors
    "batch_clips": 12,
    "look_ahead": 5,  # 100 ms; lips move before they sound
    # on speakers it never heard, step 1 errs by 1.71 px from the log-mel and by 1.83
    # from a mel converted by an AutoVC of this size (lip r .84 and .73)
    "features": "log_mel",
    # a fifteenth of the weights, which train in a minute at a faster rate, and a code
    # for every 80 ms: one for 640 ms would be shared by eight phones
    "autovc_freq": 4,
    "autovc_pre": 128,
    "autovc_width": 128,
    "autovc_post": 192,
    "autovc_batch": 16,
    "autovc_crop": 64,
    "autovc_learning_rate": 2e-3,
    # with weight 1 the codes collapse before anything is said with them (notebook 02)
    "autovc_code_weight": 0.01,
    "alignment": "kabsch",  # equal to ICP where points correspond, and 10 times faster
    # a content branch that hears the spectrum's tilt shows emotion by itself and leaves
    # the style nothing to do, and the dial moves hardly anything (notebook 08)
    "spectral_offset": 0.5,
    "style_stride": 3,  # style changes slowly; a third of the work
    "emotion_distance": "means",  # frame by frame collapses (notebook 05)
}
DIFFERENCES: dict[str, dict[str, Any]] = {
    "paper": {},
    "smoke": {
        **SMALL,
        "autovc_steps": 40,
        "study_seeds": 1,
        "study_share": 0.2,
        "study_speakers": (2, 4),
        "speakers": 6,
        "test_speakers": 2,
        "videos": 3,
        "heard_speakers": 24,
        "content_steps": 100,
        "style_steps": 60,
        "expression_steps": 60,
        "image_size": 64,
        "translator_width": 8,
        "translator_steps": 120,
        "translator_learning_rate": 5e-3,
        "bootstrap_samples": 200,
    },
    "tutorial": {
        **SMALL,
        "autovc_steps": 400,
        "study_seeds": 1,
        "study_share": 0.5,
        "study_speakers": (4, 16),
        "speakers": 20,
        "test_speakers": 6,
        "videos": 3,
        "heard_speakers": 80,
        "expression_steps": 700,
        "content_steps": 250,
        "style_steps": 300,
        "image_size": 128,
        "translator_width": 24,
        "translator_steps": 600,
    },
    "full": {
        **SMALL,
        "study_seeds": 1,  # a run is one seed; the others are runs of a sweep
        "collected": "sweeps",
        "autovc_steps": 1500,
        "speakers": 48,
        "test_speakers": 12,
        "videos": 6,
        "heard_speakers": 150,
        "content_steps": 1500,
        "style_steps": 1500,
        "expression_steps": 1500,
        "image_size": 128,
        "translator_width": 32,
        "translator_steps": 3000,
    },
}


# What `translator: improved` means, unless something else is asked for: edges beside L1
# are worth 0.2 dB on unseen faces (notebook 06).
IMPROVED: dict[str, Any] = {"translator_edges": 0.3}
