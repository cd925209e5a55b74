"""What all hair shares: strands and their colours, locks, and how it lies under a cap."""

from __future__ import annotations

import numpy as np

from fermodels.faces.hair import RIMS, Hair
from fermodels.faces.pieces import Piece
from fermodels.faces.surfaces import facing_out, ramp, sheet_triangles

RADIUS = 0.10  # metres of a radian on the skull, about
SHINE = 0.05


def pressed(hair: Hair, toward: np.ndarray, depth) -> np.ndarray:
    """Thickness in directions (R, C, 3), at most 3 mm under what is worn on the head."""
    depth = depth + np.zeros(toward.shape[:-1])
    if hair.pressed is None:
        return depth
    level, slope = RIMS[hair.pressed]
    above = toward[..., 2] + slope * toward[..., 1] - level  # y runs to the back
    free = ramp(above, 0.02, -0.20)
    return np.minimum(depth, 0.003 + (depth - 0.003) * free)


def strand_colors(hair: Hair, rng, normals, uneven, contrast: float = 1.0) -> np.ndarray:
    """Colours (R, C, 3): lighter and darker strands, and a band of light around the head."""
    rows, columns = normals.shape[:2]
    strand = rng.standard_normal(columns)
    strand = 0.6 * strand + 0.4 * np.roll(strand, 1)
    tone = 0.14 * strand[None] + 0.14 * uneven + 0.04 * rng.standard_normal((rows, columns))
    tone = contrast * tone
    band = np.exp(-(((normals[..., 2] - 0.62) / 0.20) ** 2)) * (1 + 1.5 * tone)
    base = np.asarray(hair.color)
    color = base * np.exp(tone)[..., None] + (0.15 * base + 0.006) * np.maximum(tone, 0)[..., None]
    return color + (0.26 * base + 0.010) * band[..., None]


def mixed(colors, target, amount) -> np.ndarray:
    return colors * (1 - amount[..., None]) + target * amount[..., None]


def hair_piece(points, colors, closed: bool, centre, shine: float = SHINE, triangles=None) -> Piece:
    if triangles is None:
        triangles = sheet_triangles(*points.shape[:2], closed=closed)
    flat = points.reshape(-1, 3)
    return Piece(
        points=flat.astype(np.float32),
        triangles=facing_out(flat, triangles, centre),
        colors=np.clip(colors, 0, 1).reshape(-1, 3).astype(np.float32),
        shine=shine,
    )


def locks(rng, columns: int) -> np.ndarray:
    """A number for every strand, alike within a lock of hair, of about unit variance."""
    knots = max(columns // 5, 4)
    at = np.linspace(0, columns - 1, knots) + rng.uniform(-1, 1, knots)
    smooth = np.interp(np.arange(columns), np.sort(at), rng.standard_normal(knots))
    return smooth + 0.25 * rng.standard_normal(columns)
