"""Typical mistakes in the exercises of lesson 06."""

from course.mistakes import changed

UNET = """
class SmallUNet(nn.Module):
    def __init__(self, width):
        super().__init__()
        down, up = [24, *(width * n for n in (1, 2, 4, 8, 8))], (16, 12, 6, 3)
        sizes = list(zip(down, down[1:], (1, 2, 2, 2, 2), strict=False))
        sizes += [(width * n, down[4 - i], 1) for i, n in enumerate(up)]
        self.blocks = nn.ModuleList(self.block(*size) for size in sizes)

    def block(self, inputs, outputs, stride):
        layers = []
        for channels, step in ((inputs, stride), (outputs, 1)):
            layers += [nn.Conv2d(channels, outputs, 3, step, 1, bias=False)]
            layers += [nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers)

    def forward(self, x):
        kept = [x := block(x) for block in self.blocks[:5]]
        for block, skip in zip(self.blocks[5:], kept[-2::-1], strict=True):
            x = block(torch.cat([interpolate(x, scale_factor=2.0), skip], 1))
        return x
"""
LOOP = """
def train_unet(network, pairs, rate):
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    network.train()
    history = []
    for pair in pairs:
        reference, landmark_image, target = (
            torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255
            for pictures in (pair.reference, pair.landmark_image, pair.target)
        )
        loss = (network(reference, landmark_image) - target).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    return history
"""

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
    "ex-06-5": changed(
        UNET,
        {
            (", bias=False", ""): "Leave it out: `bias=False`",
            ("nn.BatchNorm2d(outputs), ", ""): "batch norm is missing",
            ("nn.LeakyReLU(0.2)", "nn.LeakyReLU()"): "Here it is 0.2",
            (
                "interpolate(x, scale_factor=2.0), skip",
                "skip, interpolate(x, scale_factor=2.0)",
            ): "the skip comes before",
            ("(16, 12, 6, 3)", "(8, 8, 4, 2)"): "takes no skips",
            ("scale_factor=2.0)", "scale_factor=2.0, mode='bilinear')"): "blends",
        },
    ),
    "ex-06-6": changed(
        LOOP,
        {
            ("        optimiser.zero_grad()\n", ""): "gradients add up",
            ("        optimiser.step()\n", ""): "no weight changes",
            ("    network.train()\n", ""): "in eval mode",
            ("loss.item()", "loss"): "hold their graph",
            (") - target)", ") - reference)"): "compares with the reference",
            (".abs()", ".square()"): "this is the squared error",
            ("/ 255", "/ 1"): "Divide them by 255",
            (
                "permute(0, 3, 1, 2)",
                "reshape(len(pictures), 3, *pictures.shape[1:3])",
            ): "`reshape` mixes",
        },
    ),
}
