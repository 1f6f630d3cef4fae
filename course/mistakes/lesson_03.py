"""Typical mistakes in the exercises of lesson 03."""

MISTAKES = {
    "ex-03-1": [
        (
            """
            def angle(first, second):
                return np.degrees(np.arccos((np.trace(second @ first.T) - 1) / 2))
            """,
            "rounding brings the cosine just above 1",
        ),
        (
            """
            def angle(first, second):
                cosine = (np.trace(second @ first.T) - 1) / 2
                return np.arccos(np.clip(cosine, -1, 1))
            """,
            "in radians",
        ),
        (
            """
            def angle(first, second):
                cosine = (np.trace(second @ first) - 1) / 2
                return np.degrees(np.arccos(np.clip(cosine, -1, 1)))
            """,
            "Undo the first one",
        ),
    ],
    "ex-03-2": [
        (
            """
            def first_lost(points, angles):
                for angle in angles:
                    turn = Rotation.from_euler("y", angle, degrees=True).as_matrix()
                    back = align.kabsch((points @ turn.T)[None], points)[0]
                    if np.abs(back @ turn - np.eye(3)).max() > 1e-3:
                        return angle
                return np.inf
            """,
            "Did you call `kabsch`",
        ),
        (
            """
            def first_lost(points, angles):
                for angle in angles:
                    turn = Rotation.from_euler("y", angle, degrees=True).as_matrix()
                    back = align.icp((points @ turn.T)[None], points)[0]
                    if np.abs(back - turn).max() > 1e-3:
                        return angle
            """,
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
        (
            """
            def threshold_at(e_r, e_s, e_p, temperature):
                e_r, e_s, e_p = (
                    (e / temperature).softmax(1) for e in (e_r, e_s, e_p)
                )
                rs = losses.expression_similarity(e_r, e_s).mean()
                return rs / (1 - losses.expression_similarity(e_r, e_p).mean())
            """,
            "a softmax of probabilities",
        ),
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
        (
            """
            def robust_rotation(x, y):
                a, b = x - x.mean(axis=0), y - y.mean(axis=0)
                u, _, vt = np.linalg.svd(a.T @ b)
                return vt.T @ u.T
            """,
            "still turns the face by",
        ),
        (
            """
            def robust_rotation(x, y):
                weights = np.ones(len(x))
                for _ in range(20):
                    share = (weights / weights.sum())[:, None]
                    a, b = x - (share * x).sum(axis=0), y - (share * y).sum(axis=0)
                    u, _, vt = np.linalg.svd((share * a).T @ b)
                    weights = np.linalg.norm(a @ u @ vt - b, axis=1)
                return vt.T @ u.T
            """,
            "it follows the misread point even more",
        ),
        (
            """
            def robust_rotation(x, y):
                a, b = x - x.mean(axis=0), y - y.mean(axis=0)
                weights = np.ones(len(x))
                for _ in range(20):
                    u, _, vt = np.linalg.svd((weights[:, None] * a).T @ b)
                    away = np.linalg.norm(a @ u @ vt - b, axis=1)
                    weights = 1 / np.maximum(away, 1e-3)
                return vt.T @ u.T
            """,
            "The centres are plain means",
        ),
    ],
}
