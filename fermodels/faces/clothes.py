"""Clothes: shoulders and chest from the neck's lower edge on, several cuts and patterns."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fermodels.faces.model import head_model
from fermodels.faces.pieces import Piece
from fermodels.faces.surfaces import facing_out, ramp, sheet_triangles, tube, waves

Color = tuple[float, float, float]

CLOTHES_KINDS = ("t_shirt", "v_neck", "collar", "jumper", "turtleneck", "hoodie")
PATTERNS = ("plain", "stripes", "checks")
_COLUMNS = 64


@dataclass(frozen=True)
class Clothes:
    """What is worn below the neck.

    Attributes:
        kind: one of `CLOTHES_KINDS`.
        color, second: sRGB 0…1; the second is that of the pattern and of trimmings.
        pattern: one of `PATTERNS`.
        seed: of its folds.
    """

    kind: str = "t_shirt"
    color: Color = (0.45, 0.46, 0.48)
    second: Color = (0.85, 0.85, 0.85)
    pattern: str = "plain"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in CLOTHES_KINDS:
            raise ValueError(f"unknown kind of clothes {self.kind!r}: known are {CLOTHES_KINDS}")
        if self.pattern not in PATTERNS:
            raise ValueError(f"unknown pattern {self.pattern!r}: known are {PATTERNS}")


def clothes_pieces(clothes: Clothes, rest: np.ndarray, skin: Color | None = None) -> list[Piece]:
    """Clothes around the neck's edge; they stay where they are when the head turns.

    Args:
        rest: (V, 3), the head's smooth vertices at rest, metres.
        skin: colour of the chest, which is seen in an open neckline. Without it every neckline
            is close to the neck.
    """
    body = _Body(np.asarray(rest, dtype=float))
    rng = np.random.default_rng(clothes.seed)
    kind = clothes.kind
    low = {"t_shirt": 0.13, "v_neck": 0.15, "jumper": 0.08, "collar": 0.04}.get(kind, 0.02)
    neckline = np.full(_COLUMNS, low if skin is not None else 0.0)
    if kind == "v_neck" and skin is not None:
        neckline = neckline + 0.42 * np.clip(1 - np.abs(body.around) / 0.50, 0, 1)
    pieces = []
    if skin is not None:
        share = np.concatenate([[-0.06, 0.0], np.linspace(0.06, 1, 8) * (neckline.max() + 0.08)])
        points, _ = body.at(share[:, None] + 0 * neckline)
        pieces.append(_piece(points, np.broadcast_to(skin, points.shape), body.centre, 0.05))
    share = np.concatenate([[0.0, 0.025], np.linspace(0.07, 1, 14)])[:, None]
    along = neckline + (1.9 - neckline) * share
    points, normals = body.at(along)
    thick = {"jumper": 0.008, "hoodie": 0.009, "turtleneck": 0.008}.get(kind, 0.004)
    lift = thick * ramp(share, -0.02, 0.03) + 0.004 * waves(points, rng, 0.09, 8) * ramp(
        share, 0.1, 0.6
    )
    lift[0] = -0.004
    points = points + normals * lift[..., None]
    colors = _pattern(clothes, points)
    trim = np.asarray(clothes.second if clothes.pattern == "plain" and rng.random() < 0.3
                      else clothes.color)  # fmt: skip
    if kind in ("t_shirt", "jumper", "v_neck"):
        colors[:3] = 0.88 * trim
    pieces.append(_piece(points, colors, body.centre, 0.03))
    if kind == "collar":
        pieces.append(_collar(clothes, body))
    elif kind == "turtleneck":
        pieces.append(_roll(clothes, body))
    elif kind == "hoodie":
        pieces.append(_hood(clothes, body, rng))
    return pieces


class _Body:
    """Neck, shoulders and chest of one person: a surface over (how far from the neck, angle)."""

    def __init__(self, rest: np.ndarray) -> None:
        edge = rest[_neck_edge()]
        middle = edge.mean(axis=0) * [0, 1, 1]
        angle = np.arctan2(edge[:, 0], -(edge[:, 1] - middle[1]))
        order = np.argsort(angle)
        self.around = np.linspace(-np.pi, np.pi, _COLUMNS, endpoint=False)
        self.neck = np.stack(
            [np.interp(self.around, angle[order], edge[order, k], period=2 * np.pi)
             for k in range(3)], axis=1,
        )  # fmt: skip
        self.middle = middle
        size = np.hypot(*(self.neck - middle)[:, :2].T).mean() / 0.058
        self.size = size
        c, s = np.cos(self.around), np.sin(self.around)
        front = np.clip(c, 0, 1)
        self.shoulder = np.stack(
            [
                size * 0.185 * np.sign(s) * np.abs(s) ** 0.8,
                middle[1] - size * np.where(c > 0, 0.105, 0.090) * np.sign(c) * np.abs(c) ** 0.7,
                middle[2] - 0.018 - size * (0.070 + 0.055 * front**1.5 + 0.012 * np.clip(-c, 0, 1)),
            ],
            axis=1,
        )
        self.centre = middle - [0, 0, 0.12]

    def at(self, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points and normals (R, C, 3); 0 is at the neck's edge, 1 at the shoulders, 2 below."""
        s = share[..., None]
        inside = self.middle + (self.neck - self.middle) * [0.93, 0.93, 1] + [0, 0, 0.014]
        near = np.clip(s, 0, 1)
        points = self.neck + (self.shoulder - self.neck) * near
        # The neck runs out into the shoulders in a hollow curve.
        points[..., 2] -= (
            0.016 * np.sin(np.pi * np.clip(near[..., 0], 0, 1) ** 0.6) * np.abs(np.sin(self.around))
        )
        down = np.clip(s - 1, 0, None)
        outward = (self.shoulder - self.middle) * [1, 1, 0]
        points = points + outward * 0.10 * np.sin(np.clip(down * 4, 0, np.pi / 2))
        points = points + down * [0, 0, -0.24]
        within = np.clip(-s / 0.06, 0, 1)
        points = np.where(s < 0, self.neck + (inside - self.neck) * within, points)
        flat = points.reshape(-1, 3)
        triangles = facing_out(flat, sheet_triangles(*points.shape[:2], closed=True), self.centre)
        a, b, c = (flat[triangles[:, k]] for k in range(3))
        total = np.zeros_like(flat)
        for k in range(3):
            np.add.at(total, triangles[:, k], np.cross(b - a, c - a))
        normals = total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-12)
        return points, normals.reshape(points.shape)


@lru_cache(maxsize=1)
def _neck_edge() -> np.ndarray:
    """The points of the neck's open lower edge."""
    head = head_model()
    rest = head.rest
    edges = np.sort(
        np.concatenate([head.faces[:, [0, 1]], head.faces[:, [1, 2]], head.faces[:, [2, 0]]]), 1
    )
    unique, count = np.unique(edges, axis=0, return_counts=True)
    ids = np.unique(unique[count == 1])
    return ids[rest[ids, 2] < rest[:, 2].min() + 0.06]


def _pattern(clothes: Clothes, points: np.ndarray) -> np.ndarray:
    """Colours (R, C, 3) of the cloth; stripes follow height, checks both."""
    first, second = np.asarray(clothes.color), np.asarray(clothes.second)
    rows = np.arange(points.shape[0])[:, None] + 0 * points[..., 0]
    columns = np.arange(points.shape[1])[None] + 0 * points[..., 0]
    if clothes.pattern == "stripes":
        share = (rows % 2 == 0).astype(float)
    elif clothes.pattern == "checks":
        share = 0.5 * (rows % 2 == 0) + 0.5 * (columns % 4 < 2)
    else:
        share = 0 * rows
    return first + (second - first) * share[..., None]


def _collar(clothes: Clothes, body: _Body) -> Piece:
    """A shirt's collar: up along the neck, folded over, open in front with two tips."""
    open_at = 0.20
    around = np.concatenate(
        [np.linspace(open_at, np.pi, 30), np.linspace(-np.pi, -open_at, 30)[1:]]
    )
    neck = np.stack(
        [np.interp(around, body.around, body.neck[:, k], period=2 * np.pi) for k in range(3)], 1
    )
    outward = (neck - body.middle) * [1, 1, 0]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    tip = ramp(np.abs(around), 1.1, open_at)
    up = np.array([0.0, 0.0, 1.0])
    high = 0.012 - 0.008 * tip
    rows = [
        0.003 * outward - 0.012 * up,
        0.004 * outward + high[:, None] * up,
        0.008 * outward + (high + 0.002)[:, None] * up,
        0.013 * outward + (high - 0.006)[:, None] * up,
        (0.020 + 0.022 * tip)[:, None] * outward - (0.018 + 0.032 * tip)[:, None] * up,
    ]
    colors = np.asarray(clothes.color) * np.array([0.7, 0.85, 1.0, 1.0, 0.98])[:, None, None]
    points = neck + body.size * np.stack(rows)
    return _piece(points, np.broadcast_to(colors, points.shape), body.centre, 0.03, closed=False)


def _roll(clothes: Clothes, body: _Body) -> Piece:
    """A turtleneck's roll around the neck."""
    outward = (body.neck - body.middle) * [1, 1, 0]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    up = np.array([0.0, 0.0, 1.0])
    rows = [(0.000, 0.020), (0.005, 0.026), (0.010, 0.022), (0.012, 0.008), (0.011, -0.010),
            (0.006, -0.022)]  # fmt: skip
    points = np.stack([body.neck + body.size * (out * outward + rise * up) for out, rise in rows])
    ribs = 1 + 0.10 * np.cos(24 * body.around)
    colors = np.asarray(clothes.color) * ribs[None, :, None] * np.ones((len(rows), 1, 1))
    return _piece(points, colors, body.centre, 0.02)


def _hood(clothes: Clothes, body: _Body, rng) -> Piece:
    """A hood that lies on the shoulders around the neck."""
    back = ramp(np.cos(body.around), 0.6, -0.8)
    outward = (body.neck - body.middle) * [1, 1, 0]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    path = body.neck + body.size * (0.012 + 0.015 * back)[:, None] * outward
    path[:, 2] += body.size * (-0.012 + 0.004 * back)
    radius = body.size * np.stack([0.009 + 0.015 * back, 0.009 + 0.012 * back], axis=1)
    points, triangles = tube(path, radius, 12, closed=True)
    colors = (
        np.asarray(clothes.color) * (0.92 + 0.05 * rng.standard_normal(points.shape[:2]))[..., None]
    )
    flat = points.reshape(-1, 3)
    return Piece(
        points=flat.astype(np.float32),
        triangles=triangles,
        colors=np.clip(colors, 0, 1).reshape(-1, 3).astype(np.float32),
        shine=0.02,
        fixed=True,
    )


def _piece(points, colors, centre, shine: float, closed: bool = True) -> Piece:
    flat = points.reshape(-1, 3)
    triangles = sheet_triangles(*points.shape[:2], closed=closed)
    return Piece(
        points=flat.astype(np.float32),
        triangles=facing_out(flat, triangles, centre),
        colors=np.clip(colors, 0, 1).reshape(-1, 3).astype(np.float32),
        shine=shine,
        fixed=True,
    )


def sample_clothes(rng: np.random.Generator) -> Clothes:
    """Clothes of a session."""

    def color():
        return tuple(
            float(c)
            for c in colorsys.hsv_to_rgb(
                rng.uniform(), rng.uniform(0, 0.75) ** 1.3, rng.uniform(0.08, 0.95)
            )
        )

    kind = CLOTHES_KINDS[int(rng.choice(6, p=[0.32, 0.12, 0.20, 0.14, 0.08, 0.14]))]
    patterned = kind != "turtleneck" and rng.random() < 0.35
    pattern = PATTERNS[1 + int(rng.integers(2))] if patterned else "plain"
    return Clothes(kind, color(), color(), pattern, int(rng.integers(2**31)))
