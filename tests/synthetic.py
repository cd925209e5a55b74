"""A small multi-view data set drawn with NumPy: expression, person and yaw show in the picture."""

from collections.abc import Sequence

import numpy as np

from fermodels.prepared import EXPRESSIONS, VIEWS, PreparedImages, encode_image

YAWS = dict(zip(VIEWS, (-90.0, -45.0, 0.0, 45.0, 90.0), strict=True))
# Curve of the mouth, how far it is open, how wide the eyes are, height of the brows.
_SHAPES = {
    "afraid": (-0.2, 0.5, 1.6, 0.6),
    "angry": (-0.4, 0.1, 0.7, -0.6),
    "disgusted": (-0.7, 0.2, 0.6, -0.2),
    "happy": (0.8, 0.3, 0.9, 0.1),
    "neutral": (0.0, 0.0, 1.0, 0.0),
    "sad": (-0.9, 0.0, 0.8, 0.4),
    "surprised": (0.0, 1.0, 1.7, 0.9),
    "content": (0.4, 0.0, 0.9, 0.0),
}


def make_tiny(
    subjects: int = 6,
    expressions: Sequence[str] = EXPRESSIONS[:7],
    size: int = 24,
    seed: int = 0,
    views: Sequence[str] = VIEWS,
    sessions: Sequence[str] = ("A", "B"),
    format: str = "WEBP",
) -> PreparedImages:
    """subjects × sessions × expressions × views images of size × size px, women and men in turn.

    Light and background belong to subject and session; a take has small shifts of its own.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    rows = []
    for number in range(subjects):
        gender = "fm"[number % 2]
        subject = f"{gender}{number:03d}"
        skin = np.array([0.85, 0.65, 0.5]) * rng.uniform(0.45, 1.1) + rng.uniform(-0.05, 0.05, 3)
        width, age = rng.uniform(0.55, 0.75), float(rng.integers(18, 60))
        for session in sessions:
            background = rng.uniform(0.2, 0.9, 3)
            for expression in expressions:
                actions = np.array(_SHAPES[expression]) + rng.normal(0, 0.05, 4)
                for view in views:
                    picture = _draw(size, YAWS[view], skin, background, width, actions)
                    rows.append(
                        {
                            "image": encode_image(picture, format),
                            "subject": subject,
                            "expression": expression,
                            "view": view,
                            "yaw": YAWS[view],
                            "pitch": 0.0,
                            "session": session,
                            "instance": f"{subject}-{session}-{expression}",
                            "gender": gender,
                            "age": age,
                            "actions": actions.astype(np.float32),
                        }
                    )
    metadata = {
        "name": "tiny",
        "version": "1.0",
        "licence": "CC0-1.0",
        "citation": "none",
        "description": "faces of a few strokes, for tests",
        "expressions": list(expressions),
        "views": list(views),
        "command": f"make_tiny(subjects={subjects}, size={size}, seed={seed})",
        "action_names": ["mouth_curve", "mouth_open", "eyes", "brows"],
    }
    return PreparedImages(pd.DataFrame(rows), metadata, source="tiny")


def _draw(
    size: int,
    yaw: float,
    skin: np.ndarray,
    background: np.ndarray,
    width: float,
    actions: np.ndarray,
) -> np.ndarray:
    """One face (size, size, 3) uint8, its features moved sideways by the yaw."""
    curve, opened, eyes, brows = actions
    at = (np.arange(2 * size) + 0.5) / size - 1  # twice the size, averaged at the end
    y, x = np.meshgrid(at, at, indexing="ij")
    picture = np.broadcast_to(background, (2 * size, 2 * size, 3)).copy()
    head = (x / width) ** 2 + (y / 0.9) ** 2 < 1
    shade = 1 - 0.25 * np.clip(x * np.sign(yaw) if yaw else x * 0, -1, 1)
    picture[head] = skin * shade[head, None]
    turn = 0.7 * np.deg2rad(yaw)  # less than the truth: some of the mouth shows in profile too

    def paint(u: float, region: np.ndarray, colour: Sequence[float]) -> None:
        if np.cos(turn + u) > -0.2:  # otherwise behind the head
            picture[region & head] = colour

    for side in (-0.5, 0.5):
        u = width * np.sin(turn + side)
        squeeze = max(np.cos(turn + side), 0.25)
        eye = ((x - u) / (0.17 * squeeze)) ** 2 + ((y + 0.2) / (0.1 * eyes)) ** 2 < 1
        paint(side, eye, (1, 1, 1))
        pupil = ((x - u) / (0.08 * squeeze)) ** 2 + ((y + 0.2) / 0.08) ** 2 < 1
        paint(side, pupil & eye, (0.1, 0.1, 0.2))
        brow = (abs(x - u) < 0.2 * squeeze) & (abs(y + 0.42 + 0.14 * brows) < 0.05)
        paint(side, brow, (0.15, 0.1, 0.05))
    u, squeeze = width * np.sin(turn), max(np.cos(turn), 0.35)
    along = (x - u) / (0.32 * squeeze)
    lip = 0.45 - 0.22 * curve * (along**2 - 0.5)
    mouth = (abs(along) < 1) & (abs(y - lip) < 0.06 + 0.16 * opened * (1 - along**2).clip(0))
    paint(0, mouth, (0.6, 0.1, 0.15))
    small = picture.reshape(size, 2, size, 2, 3).mean((1, 3))
    return (small.clip(0, 1) * 255).round().astype(np.uint8)
