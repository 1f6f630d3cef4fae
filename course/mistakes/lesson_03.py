"""Typical mistakes in the exercises of lesson 03."""

from course.mistakes import Mistakes

MISTAKES: Mistakes = {
    "ex-03-1": [
        (
            ("np.clip(cosine, -1, 1)", "cosine"),
            "rounding brings the cosine just above 1",
        ),
        (
            (
                "np.degrees(np.arccos(np.clip(cosine, -1, 1)))",
                "np.arccos(np.clip(cosine, -1, 1))",
            ),
            "in radians",
        ),
        (("first.T", "first"), "Undo the first one"),
    ],
    "ex-03-2": [
        (("align.icp", "align.kabsch"), "Did you call `kabsch`"),
        (
            ("back @ turn - np.eye(3)", "back - turn"),
            "ICP's rotation *undoes* the turn",
        ),
        (
            """
            def first_lost(points, angles):
                kept = 0
                for angle in angles:
                    turn = Rotation.from_euler("y", angle, degrees=True).as_matrix()
                    back = align.icp((points @ turn.T)[None], points)[0]
                    if np.abs(back @ turn - np.eye(3)).max() > 1e-3:
                        return kept
                    kept = angle
            """,
            "asked is the first that is not",
        ),
    ],
    "ex-03-3": [
        (("e.log() / temperature", "e / temperature"), "a softmax of probabilities"),
        (
            """
            def threshold_at(e_r, e_s, e_p, temperature):
                e_r, e_s, e_p = (
                    (e.log() / temperature).softmax(1) for e in (e_r, e_s, e_p)
                )
                rs = losses.expression_similarity(e_r, e_s)
                return (rs / (1 - losses.expression_similarity(e_r, e_p))).mean()
            """,
            "a mean of ratios",
        ),
    ],
    "ex-03-4": [
        (("1 / np.maximum(away, 1e-3)", "np.ones(len(x))"), "still turns the face by"),
        (
            ("1 / np.maximum(away, 1e-3)", "away"),
            "it follows the misread point even more",
        ),
        ((", weights=weights", ""), "The centres are plain means"),
    ],
}
