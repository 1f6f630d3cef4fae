"""Typical mistakes in the exercises of lesson 06."""

MISTAKES = {
    "ex-06-1": [
        (
            """
            def best_gate(warped, rendered, target):
                step = rendered - warped
                gate = ((target - warped) * step).sum(0) / (step**2).sum(0)
                return gate.clamp(0, 1)
            """,
            "it is 0 / 0",
        ),
        (
            """
            def best_gate(warped, rendered, target):
                step = rendered - warped
                gate = (target - warped) * step / (step**2).clamp(min=1e-9)
                return gate.clamp(0, 1).mean(0)
            """,
            "sum over colours before you divide",
        ),
        (
            """
            def best_gate(warped, rendered, target):
                step = rendered - warped
                along = ((target - warped) * step).sum(0)
                return along / (step**2).sum(0).clamp(min=1e-9)
            """,
            "A sigmoid gives no more than 0 to 1",
        ),
    ],
    "ex-06-2": [
        (
            """
            def best_pictures(width, places):
                rows = torch.zeros(places, width + places - 1)
                for place in range(places):
                    rows[place, place : place + width] = 1
                return rows.mean(0), rows.median(0).values
            """,
            "the two are swapped",
        ),
        (
            """
            def best_pictures(width, places):
                rows = torch.zeros(places, width + places - 1)
                for place in range(places):
                    rows[place, place : place + width] = 1
                return rows.mean(0), rows.mean(0)
            """,
            "both errors get the same picture",
        ),
    ],
    "ex-06-3": [
        (
            """
            def mended_psnr(picture, target):
                squared = (picture - target).astype(float) ** 2
                return 10 * np.log10(255**2 / max(squared.mean(), 1e-6))
            """,
            "The type must change before the subtraction",
        ),
        (
            """
            def mended_psnr(picture, target):
                squared = (picture.astype(np.int16) - target.astype(np.int16)) ** 2
                return 10 * np.log10(255**2 / max(squared.mean(), 1e-6))
            """,
            "Does your type hold the square of 255?",
        ),
        (
            """
            def mended_psnr(picture, target):
                squared = ((picture - target) ** 2).astype(float)
                return 10 * np.log10(255**2 / max(squared.mean(), 1e-6))
            """,
            "still counts as equal",
        ),
    ],
    "ex-06-4": [
        (
            """
            def heatmaps(landmarks, size, sigma):
                centre = scale_points(landmarks, size / CANONICAL_SIDE)
                axis = np.arange(size)
                first = np.exp(-((axis - centre[:, :1]) ** 2) / (2 * sigma**2))
                second = np.exp(-((axis - centre[:, 1:]) ** 2) / (2 * sigma**2))
                return first[:, :, None] * second[:, None]
            """,
            "x and y are swapped",
        ),
        (
            """
            def heatmaps(landmarks, size, sigma):
                centre = landmarks * size / CANONICAL_SIDE
                axis = np.arange(size)
                across = np.exp(-((axis - centre[:, :1]) ** 2) / (2 * sigma**2))
                down = np.exp(-((axis - centre[:, 1:]) ** 2) / (2 * sigma**2))
                return down[:, :, None] * across[:, None]
            """,
            "its corner is not",
        ),
        (
            """
            def heatmaps(landmarks, size, sigma):
                centre = scale_points(landmarks, size / CANONICAL_SIDE)
                axis = np.arange(size)
                across = np.exp(-(((axis - centre[:, :1]) / sigma) ** 2))
                down = np.exp(-(((axis - centre[:, 1:]) / sigma) ** 2))
                return down[:, :, None] * across[:, None]
            """,
            "*twice* sigma squared",
        ),
    ],
}
