"""Small data sets made with NumPy: multi-view pictures, and clips with sound and words."""

from collections.abc import Mapping, Sequence

import numpy as np

from fermodels.clips import EMOTIONS, PreparedClips
from fermodels.media import SAMPLE_RATE, encode_audio, encode_video
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


# Pitch and level of the voice, and words that give the emotion away.
_VOICES = {
    "afraid": (1.5, 0.2, "scared terror danger"),
    "angry": (1.1, 0.8, "furious hate rage"),
    "disgusted": (0.8, 0.3, "awful rotten filthy"),
    "happy": (1.3, 0.5, "lovely wonderful joy"),
    "neutral": (1.0, 0.4, "table window number"),
    "sad": (0.7, 0.1, "lonely lost tears"),
    "surprised": (1.7, 0.6, "sudden wow unexpected"),
}


def synthetic_clips(
    subjects: int = 4,
    takes: int = 1,
    emotions: Sequence[str] = EMOTIONS,
    seed: int = 0,
    drop: Mapping[str, Sequence[int]] | None = None,
    intensities: bool = False,
    size: int = 16,
) -> PreparedClips:
    """subjects × takes × emotions clips of about half a second, in that order of nesting.

    Face, voice and words all show the emotion, with noise. Clips are of unequal length.

    Args:
        drop: modality → rows that lack it, as {"audio": [0, 3], "text": [5]}.
        intensities: with a column of that name, the emotion between 1 and 3, one other at times.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    drop = {modality: set(rows) for modality, rows in (drop or {}).items()}
    if unknown := set(drop) - {"video", "audio", "text"}:
        raise ValueError(f"drop knows video, audio and text, not {unknown}")
    rows = []
    for number in range(subjects):
        gender = "fm"[number % 2]
        skin = np.array([0.85, 0.65, 0.5]) * rng.uniform(0.45, 1.1)
        background, width = rng.uniform(0.2, 0.9, 3), rng.uniform(0.55, 0.75)
        pitch = {"f": 210, "m": 120}[gender] * rng.uniform(0.9, 1.1)
        for take in range(takes):
            for label, emotion in enumerate(emotions):
                row, yaw = len(rows), rng.uniform(-40, 40)
                actions = np.array(_SHAPES[emotion]) + rng.normal(0, 0.1, 4)
                neutral = np.array(_SHAPES["neutral"])
                count = int(rng.integers(4, 7))
                rise = np.sin(np.linspace(0.3, np.pi - 0.3, count))
                frames = [
                    _draw(size, yaw, skin, background, width, neutral + up * (actions - neutral))
                    for up in rise
                ]
                higher, level, words = _VOICES[emotion]
                times = np.arange(int(rng.integers(6_000, 10_000))) / SAMPLE_RATE
                tone = np.sin(2 * np.pi * pitch * higher * rng.uniform(0.9, 1.1) * times)
                waveform = level * tone + rng.normal(0, 0.02, len(times))
                said = rng.choice(words.split(), 2).tolist() + [f"filler{rng.integers(20)}"]
                values = np.zeros(len(emotions), dtype=np.float32)
                values[label] = rng.integers(1, 4)
                if rng.random() < 0.3:
                    values[rng.integers(len(emotions))] = 1
                keep = {m: row not in drop.get(m, ()) for m in ("video", "audio", "text")}
                rows.append(
                    {
                        "video": encode_video(np.stack(frames), 8) if keep["video"] else None,
                        "audio": encode_audio(waveform) if keep["audio"] else None,
                        "transcript": " ".join(["they", *said]) if keep["text"] else None,
                        "clip": f"{gender}{number:03d}-{take}-{emotion}",
                        "subject": f"{gender}{number:03d}",
                        "emotion": emotion,
                        "gender": gender,
                        "yaw": np.float32(yaw),
                    }
                    | ({"intensities": values} if intensities else {})
                )
    metadata = {
        "name": "synthetic-clips",
        "version": "1.0",
        "licence": "CC0-1.0",
        "citation": "none",
        "description": "talking faces of a few strokes, for tests",
        "emotions": list(emotions),
        "command": f"synthetic_clips(subjects={subjects}, takes={takes}, seed={seed})",
    }
    return PreparedClips(pd.DataFrame(rows), metadata, source="synthetic")


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
