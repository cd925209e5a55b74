"""Glasses and earrings."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fermodels.faces.headwear import Headwear, hair_under, headwear_pieces, sample_headwear
from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model
from fermodels.faces.pieces import Piece
from fermodels.faces.skull import CENTRE, Skull
from fermodels.faces.surfaces import ball, ramp, tube

__all__ = [
    "EARRING_KINDS", "GLASSES_SHAPES", "Earrings", "Glasses", "Headwear", "earring_pieces",
    "glasses_pieces", "hair_under", "headwear_pieces", "sample_earrings", "sample_glasses",
    "sample_headwear",
]  # fmt: skip

Color = tuple[float, float, float]

GLASSES_SHAPES = ("round", "rectangular", "square", "aviator", "cat_eye", "half_rim")
EARRING_KINDS = ("stud", "hoop", "drop")


@dataclass(frozen=True)
class Glasses:
    """Glasses with clear lenses.

    Attributes:
        shape: one of `GLASSES_SHAPES`.
        color: of the frame, sRGB 0…1.
        thickness: of the rims, metres.
        size: of the lenses, about 0.85…1.15.
        metal: thin temples that shine.
    """

    shape: str = "round"
    color: Color = (0.08, 0.07, 0.07)
    thickness: float = 0.0028
    size: float = 1.0
    metal: bool = False

    def __post_init__(self) -> None:
        if self.shape not in GLASSES_SHAPES:
            raise ValueError(f"unknown shape {self.shape!r} of glasses: known are {GLASSES_SHAPES}")


@dataclass(frozen=True)
class Earrings:
    """Earrings in both ears.

    Attributes:
        kind: one of `EARRING_KINDS`.
        color: sRGB 0…1.
        size: metres, a stud's or a hoop's diameter, a drop's length.
    """

    kind: str = "stud"
    color: Color = (0.85, 0.70, 0.35)
    size: float = 0.006

    def __post_init__(self) -> None:
        if self.kind not in EARRING_KINDS:
            raise ValueError(f"unknown kind of earrings {self.kind!r}: known are {EARRING_KINDS}")


def glasses_pieces(glasses: Glasses, rest: np.ndarray, eyes: np.ndarray) -> list[Piece]:
    """Rims, bridge and temples; the lenses are clear, so nothing is drawn for them.

    Args:
        rest: (V, 3), the head's smooth vertices at rest, metres.
        eyes: (2, 3), the centres of the left and the right eyeball, metres.

    Raises:
        ValueError: eyes are not two points.
    """
    eyes = np.asarray(eyes, dtype=float)
    if eyes.shape != (2, 3):
        raise ValueError(f"eyes must be the two eyes' centres, shape (2, 3), got {eyes.shape}")
    rest = np.asarray(rest, dtype=float)
    skull = Skull(rest)
    eyes = eyes[np.argsort(-eyes[:, 0])]  # left first
    apart = eyes[0, 0] - eyes[1, 0]
    middle = eyes.mean(axis=0)
    thick = glasses.thickness / 2
    wide = 0.053 if glasses.shape == "aviator" else 0.049
    width = min(wide * glasses.size * apart / 0.060, apart - 0.010)
    outline, height = _lens(glasses.shape)
    height = height * width
    upper = glasses.shape == "half_rim"
    rims = []
    for eye, side in zip(eyes, (1.0, -1.0), strict=True):
        rims.append(
            np.stack(
                [
                    eye[0] + side * (0.5 * width * outline[:, 0] + 0.001),
                    np.zeros(len(outline)),
                    middle[2] - 0.004 + 0.5 * height * outline[:, 1],
                ],
                axis=1,
            )
        )

    def bent(points):  # around the face, and the lower edge nearer to it
        return 1.6 * (points[:, 0] - middle[0]) ** 2 - 0.10 * (points[:, 2] - middle[2])

    plane = middle[1] - 0.030
    for rim in rims:
        rim[:, 1] = plane + bent(rim)
    front = rest[landmarks().skin & (head_model().rest[:, 1] < -0.085)]
    over = max(_sunk(rim, front, thick) for rim in rims)
    for rim in rims:
        rim[:, 1] -= np.clip(over, -0.004, 0.012)
    parts = [tube(rim, thick, 8, up=(0.0, 1.0, 0.0), closed=not upper) for rim in rims]
    inner = [rim[np.argmax(-s * rim[:, 0] + 0.35 * rim[:, 2])] for rim, s in
             zip(rims, (1, -1), strict=True)]  # fmt: skip
    parts.append(tube(_bridge(*inner), thick * 1.1, 8, up=(0.0, 1.0, 0.0)))
    if glasses.shape == "aviator":
        high = [rim[np.argmax(-s * rim[:, 0] + 1.5 * rim[:, 2])] for rim, s in
                zip(rims, (1, -1), strict=True)]  # fmt: skip
        parts.append(tube(np.linspace(*high, 6), thick * 0.9, 8, up=(0.0, 1.0, 0.0)))
    outline = skull.outline(ears=False)
    tall = thick * (1.1 if glasses.metal else 2.2)
    for rim, side in zip(rims, (1.0, -1.0), strict=True):
        hinge = rim[np.argmax(side * rim[:, 0] + 0.9 * rim[:, 2])]
        path = _temple(hinge, side, skull, outline)
        radius = np.stack([np.full(len(path), thick), np.full(len(path), tall)], axis=1)
        parts.append(tube(path, radius, 8))
    colors = np.asarray(glasses.color)
    return [_joined(parts, colors, 0.7 if glasses.metal else 0.45)]


def _lens(shape: str) -> tuple[np.ndarray, float]:
    """A lens's outline (N, 2) in −1…1, outwards and up, and its height over its width."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    if shape == "half_rim":
        t = np.linspace(-0.12, np.pi + 0.12, 30)
    c, s = np.cos(t), np.sin(t)
    power = {"round": 1.0, "aviator": 0.85, "cat_eye": 0.75, "square": 0.55}.get(shape, 0.45)
    x, z = np.sign(c) * np.abs(c) ** power, np.sign(s) * np.abs(s) ** power
    if shape == "aviator":
        x = x * (1 + 0.12 * z) - 0.05 * (z < 0) * z
        z = np.where(z < 0, 1.15 * z, 0.85 * z) - 0.15 * np.minimum(z, 0) * x
    if shape == "cat_eye":
        z = z + 0.35 * ramp(x, 0.0, 1.1) * ramp(z, -0.2, 0.8)
        x = x + 0.10 * ramp(z, 0.2, 1.2) * (x > 0)
    height = {"round": 0.94, "aviator": 0.86, "square": 0.80, "cat_eye": 0.68}.get(shape, 0.62)
    return np.stack([x, z], axis=1), height


def _sunk(rim: np.ndarray, front: np.ndarray, thick: float) -> float:
    """Metres by which a rim has to come forward to stay before the skin; below 0 if it may sink."""
    from scipy.spatial import cKDTree

    _, near = cKDTree(front[:, [0, 2]]).query(rim[:, [0, 2]], k=6)
    return float((rim[:, 1] - front[near, 1].min(axis=1)).max() + thick + 0.0008)


def _bridge(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    s = np.linspace(0, 1, 10)[:, None]
    arch = np.sin(np.pi * s)
    return left + (right - left) * s + arch * [0.0, -0.003, 0.004]


def _temple(hinge: np.ndarray, side: float, skull: Skull, outline) -> np.ndarray:
    """From the rim along the head over the ear and down behind it (N, 3)."""

    def on(x, y, z, lift):
        place, normal = skull.at(np.array([side * x, y, z]) - CENTRE)
        return place + lift * normal

    corner = hinge + [side * 0.006, 0.001, 0.0]
    ear = on(0.073, -0.046, 0.145, 0.004)
    behind = on(0.072, -0.018, 0.140, 0.005)
    end = on(0.067, -0.003, 0.118, 0.005)
    straight = np.linspace(corner, ear, 10)
    x, y = straight[:, 0] - skull.centre[0], straight[:, 1] - skull.centre[1]
    reach = outline.at(np.arctan2(x, -y), straight[:, 2]) + 0.0025
    push = np.maximum(reach / np.hypot(x, y), 1)
    push[:2] = 1
    straight[:, 0] = skull.centre[0] + x * push
    return np.concatenate([hinge[None], straight, [(ear + behind) / 2, behind, end]])


def earring_pieces(earrings: Earrings, rest: np.ndarray) -> list[Piece]:
    """Earrings at the lobes of both ears."""
    rest = np.asarray(rest, dtype=float)
    parts = []
    for side, ids in zip((-1.0, 1.0), _lobes(), strict=True):
        lobe = rest[ids]
        place = lobe[np.argmax(side * lobe[:, 0] - 0.3 * lobe[:, 2])]
        low = np.array([place[0], lobe[:, 1].mean(), lobe[:, 2].min() + 0.001])
        if earrings.kind == "stud":
            parts.append(ball(place, [earrings.size / 2] * 3, 8, 10))
        elif earrings.kind == "hoop":
            t = np.linspace(0, 2 * np.pi, 26, endpoint=False)
            radius = earrings.size / 2
            ring = np.stack([side * 0.25 * np.sin(t), np.sin(t), np.cos(t)], axis=1) * radius
            ring = ring + low + [side * 0.001, 0, 0.003 - radius]
            parts.append(tube(ring, 0.0011, 7, up=(1.0, 0.0, 0.0), closed=True))
        else:
            parts.append(ball(place, [0.0022] * 3, 6, 8))
            drop = low - [-side * 0.002, 0, 0.55 * earrings.size]
            parts.append(ball(drop, [0.003, 0.003, 0.5 * earrings.size], 9, 10))
    return [_joined(parts, np.asarray(earrings.color), 0.8)]


@lru_cache(maxsize=1)
def _lobes() -> tuple[np.ndarray, np.ndarray]:
    """The lowest part of the right and the left ear."""
    m, rest = landmarks(), head_model().rest
    ears = [np.flatnonzero((m.ears > 0.5) & (s * rest[:, 0] > 0)) for s in (-1, 1)]
    return tuple(ids[rest[ids, 2] < rest[ids, 2].min() + 0.010] for ids in ears)


def _joined(parts, color: np.ndarray, shine: float) -> Piece:
    points = [p.reshape(-1, 3) for p, _ in parts]
    starts = np.concatenate([[0], np.cumsum([len(p) for p in points])[:-1]])
    triangles = np.concatenate([t + s for (_, t), s in zip(parts, starts, strict=True)])
    points = np.concatenate(points)
    return Piece(
        points=points.astype(np.float32),
        triangles=triangles,
        colors=np.tile(np.clip(color, 0, 1), (len(points), 1)).astype(np.float32),
        shine=shine,
    )


def sample_glasses(rng: np.random.Generator) -> Glasses:
    """Glasses of any shape, of plastic or metal."""
    metal = bool(rng.random() < 0.4)
    hue = rng.uniform()
    if metal:
        color = [(0.75, 0.62, 0.35), (0.65, 0.66, 0.68), (0.22, 0.22, 0.24)][rng.integers(3)]
    elif rng.random() < 0.6:
        color = [(0.06, 0.06, 0.06), (0.22, 0.12, 0.07), (0.12, 0.12, 0.20)][rng.integers(3)]
    else:
        color = colorsys.hsv_to_rgb(hue, rng.uniform(0.3, 0.8), rng.uniform(0.2, 0.75))
    return Glasses(
        shape=GLASSES_SHAPES[rng.integers(len(GLASSES_SHAPES))],
        color=tuple(float(c) for c in color),
        thickness=float(rng.uniform(0.0014, 0.0020) if metal else rng.uniform(0.0024, 0.0046)),
        size=float(rng.uniform(0.88, 1.12)),
        metal=metal,
    )


def sample_earrings(rng: np.random.Generator) -> Earrings:
    """Earrings of any kind, of gold, silver or a colour."""
    kind = EARRING_KINDS[rng.integers(len(EARRING_KINDS))]
    color = [(0.85, 0.68, 0.32), (0.82, 0.82, 0.84),
             colorsys.hsv_to_rgb(rng.uniform(), 0.6, 0.7)][rng.integers(3)]  # fmt: skip
    low, high = {"stud": (0.004, 0.008), "hoop": (0.014, 0.034), "drop": (0.012, 0.026)}[kind]
    return Earrings(kind, tuple(float(c) for c in color), float(rng.uniform(low, high)))
