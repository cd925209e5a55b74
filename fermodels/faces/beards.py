"""Beards and moustaches: shells on the skin that move with jaw and lips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model
from fermodels.faces.pieces import Piece
from fermodels.faces.surfaces import ramp, waves
from fermodels.faces.triangles import Triangles

Color = tuple[float, float, float]

BEARD_KINDS = ("moustache", "goatee", "circle", "short", "full", "long")


@dataclass(frozen=True)
class Beard:
    """One person's beard, the same in every take.

    Attributes:
        kind: one of `BEARD_KINDS`; circle is a goatee with a moustache.
        color: sRGB 0…1.
        length: of its kind's length, about 0.6…1.4.
        density: how little skin shows through, 0…1.
        seed: of its strands.
    """

    kind: str = "short"
    color: Color = (0.13, 0.09, 0.07)
    length: float = 1.0
    density: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in BEARD_KINDS:
            raise ValueError(f"unknown kind of beard {self.kind!r}: known are {BEARD_KINDS}")


@lru_cache(maxsize=len(BEARD_KINDS))
def _grows(kind: str) -> np.ndarray:
    """How much of a beard grows at each point of the skin (V,), 0…1."""
    m = landmarks()
    x, y, z = head_model().rest.T.astype(float)
    wide = np.abs(x)
    front = ramp(y, -0.105, -0.115)
    # Below the nose, a little wider than the mouth, bent down at its ends.
    upper = 0.0905 - 0.0006 * (wide / 0.01) ** 2 - 0.008 * ramp(wide, 0.018, 0.032)
    lip = ramp(z, upper + 0.001, upper - 0.003) * ramp(z, 0.060, 0.068) * ramp(wide, 0.034, 0.027)
    lip = lip * front * ramp(wide - 0.012 * ramp(z, 0.076, 0.072), -0.001, 0.001)
    sides = ramp(np.abs(wide - 0.028), 0.007, 0.004) * ramp(z, 0.085, 0.078) * front
    chin = ramp(wide, 0.027, 0.019) * ramp(z, 0.064, 0.060) * ramp(y, -0.080, -0.095)
    soul = ramp(wide, 0.009, 0.005) * ramp(z, 0.068, 0.063) * front
    # Its upper edge runs from the mouth to the sideburn, its back edge from there to the jaw.
    cheek = 0.071 + 0.80 * np.maximum(wide - 0.028, 0) + 0.030 * ramp(y, -0.080, -0.064)
    back = np.minimum(-0.050 + 0.25 * np.maximum(0.100 - z, 0), 0.9 * z - 0.092)
    jaw = ramp(z, cheek + 0.004, cheek - 0.004) * ramp(y - back, 0.003, -0.009)
    neck = ramp(y + 0.5 * (z - 0.03), -0.072, -0.086)
    jaw = jaw * np.where(z < 0.045, neck, 1)
    bare = ramp(np.abs(wide - 0.015), 0.009, 0.005) * ramp(z, 0.057, 0.062) * ramp(z, 0.072, 0.068)
    jaw = jaw * (1 - 0.9 * bare)
    grown = {
        "moustache": lip,
        "goatee": np.maximum(chin, soul),
        "circle": np.maximum.reduce([lip, chin, soul, sides * ramp(z, 0.042, 0.052)]),
    }.get(kind, np.maximum.reduce([lip, jaw, soul, chin, sides]))
    free = ramp(m.lips, 0.30, 0.02) * ramp(m.ears, 0.5, 0.1)
    return grown * free * m.skin


def beard_cover(beard: Beard) -> np.ndarray:
    """How much of the skin (V,) has to be painted in the beard's colour, 0…1: under the hair."""
    return beard.density * _grows(beard.kind)


def beard_pieces(beard: Beard, rest: np.ndarray, skin: Color | None = None) -> list[Piece]:
    """The mesh of a beard, anchored to the skin; the lips stay free.

    Args:
        rest: (V, 3), the head's smooth vertices at rest, metres.
        skin: colour that shows through at its edge.
    """
    rng = np.random.default_rng(beard.seed)
    grown = _grows(beard.kind)
    faces = head_model().faces
    faces = faces[(grown[faces] > 0.10).all(axis=1)]
    ids, corners = np.unique(faces, return_inverse=True)
    triangles = corners.reshape(-1, 3)
    points, grown = np.asarray(rest, dtype=float)[ids], grown[ids]
    surface = Triangles(triangles, len(ids))
    normals = surface.point_normals(surface.normals(points))
    average = head_model().rest[ids].astype(float)
    x, _, z = average.T
    thick = {"moustache": 0.0045, "goatee": 0.006, "circle": 0.005, "short": 0.0045}
    lift = thick.get(beard.kind, 0.009) * beard.length * ramp(grown, 0.12, 0.85)
    near_lips = ramp(z, 0.060, 0.066) * ramp(np.abs(x), 0.040, 0.030)
    lift = lift * (1 - 0.45 * near_lips) * (1 - 0.6 * ramp(z, 0.080, 0.108))
    flow = np.stack([x, 0.25 * z], axis=1)
    uneven = waves(flow, rng, 0.006, 16) + 0.4 * rng.standard_normal(len(ids))
    offset = normals * (lift * np.clip(1 + 0.22 * uneven, 0.3, 1.8) + 0.0004)[:, None]
    hang = {"goatee": 0.010, "circle": 0.006, "full": 0.012, "long": 0.050}.get(beard.kind, 0.0)
    if hang:
        low = ramp(z, 0.062, 0.036) * ramp(np.abs(x), 0.062, 0.010) * ramp(grown, 0.15, 0.9)
        falls = hang * beard.length * low * (1 + 0.10 * uneven)
        offset = offset + falls[:, None] * [0.0, -0.25, -1.0]
        offset[:, 0] -= 0.35 * points[:, 0] * low * min(1.0, hang / 0.05)
    tone = 0.17 * uneven
    colors = np.asarray(beard.color) * np.exp(tone)[:, None] + 0.02 * np.maximum(tone, 0)[:, None]
    colors = colors * (0.8 + 0.25 * ramp(normals[:, 2], -0.5, 0.4))[:, None]
    if skin is not None:
        thin = (1 - beard.density * ramp(grown, 0.05, 0.75))[:, None]
        colors = colors * (1 - thin) + np.asarray(skin) * thin
    return [
        Piece(
            points=offset.astype(np.float32),
            triangles=triangles,
            colors=np.clip(colors, 0, 1).astype(np.float32),
            shine=0.06,
            anchor=ids,
        )
    ]


def sample_beard(rng: np.random.Generator, color: Color) -> Beard:
    """A beard in the colour of the hair (sRGB)."""
    kind = BEARD_KINDS[int(rng.choice(len(BEARD_KINDS), p=[0.14, 0.12, 0.14, 0.30, 0.20, 0.10]))]
    color = np.asarray(color) * rng.uniform(0.8, 1.15) + [0.02 * rng.random(), 0, 0]
    return Beard(
        kind=kind,
        color=tuple(float(c) for c in np.clip(color, 0, 1)),
        length=float(np.clip(rng.normal(1.0, 0.2), 0.6, 1.4)),
        density=float(rng.uniform(0.7, 1.0)),
        seed=int(rng.integers(2**31)),
    )
