"""Sheets, tubes and balls: the triangles that hair, glasses and clothes are made of."""

from __future__ import annotations

import numpy as np


def sheet_triangles(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Triangles (F, 3) of a grid whose points are written row by row.

    Counter-clockwise seen from the side on which columns run to the left when rows run down.
    Closed: the last column joins the first.
    """
    ids = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(ids, -1, axis=1) if closed else ids[:, 1:]
    left = ids if closed else ids[:, :-1]
    quads = np.stack([left[:-1], right[:-1], right[1:], left[1:]], axis=-1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def facing_out(points: np.ndarray, triangles: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The triangles, all turned over if most of their area faces the centre (3,)."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    outward = np.einsum("fd,fd->f", np.cross(b - a, c - a), (a + b + c) / 3 - centre).sum()
    return triangles if outward >= 0 else triangles[:, ::-1]


def tube(path: np.ndarray, radius, sides: int, up=(0.0, 0.0, 1.0), closed: bool = False):
    """A tube along a path: points (N, sides, 3) and triangles (F, 3), open at its ends.

    Args:
        path: (N, 3), without equal neighbours.
        radius: a number, (N,), or (N, 2): along the side and along `up`.
        up: a direction that the path never takes.
        closed: the path's end joins its start.
    """
    path = np.asarray(path, dtype=float)
    along = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along, up)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    top = np.cross(side, along)
    radius = np.asarray(radius, dtype=float)
    wide, high = (radius[:, 0], radius[:, 1]) if radius.ndim == 2 else (radius, radius)
    wide, high = np.broadcast_to(wide, len(path)), np.broadcast_to(high, len(path))
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    points = (
        path[:, None]
        + (wide[:, None] * np.cos(angle))[..., None] * side[:, None]
        + (high[:, None] * np.sin(angle))[..., None] * top[:, None]
    )
    triangles = sheet_triangles(len(path), sides, closed=True)
    if closed:
        last = np.arange((len(path) - 1) * sides, len(path) * sides)
        first = np.arange(sides)
        quads = np.stack([last, np.roll(last, -1), np.roll(first, -1), first], axis=-1)
        triangles = np.concatenate([triangles, quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return points, triangles[:, ::-1]


def ball(centre, radii, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """An ellipsoid: points (rows, columns, 3), from its top to its bottom, and triangles (F, 3)."""
    theta = np.linspace(0.02, np.pi - 0.02, rows)[:, None]
    phi = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    unit = np.stack(
        np.broadcast_arrays(
            np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)
        ),
        axis=-1,
    )
    triangles = sheet_triangles(rows, columns, closed=True)
    return np.asarray(centre) + unit * np.asarray(radii), triangles[:, ::-1]


def waves(points: np.ndarray, rng: np.random.Generator, length, count: int = 12) -> np.ndarray:
    """Smooth noise of about unit variance at points (..., D).

    Args:
        length: wavelength in the unit of the points, a number or one for each of D axes.
    """
    turns = rng.normal(0, 1, (count, points.shape[-1])) * (2 * np.pi / np.asarray(length))
    phase = rng.uniform(0, 2 * np.pi, count)
    return np.cos(points @ turns.T + phase).sum(axis=-1) * np.sqrt(2 / count)


def ramp(value, start: float, end: float):
    """0 at start, 1 at end, smooth between; either may be the larger."""
    t = np.clip((np.asarray(value) - start) / (end - start), 0.0, 1.0)
    return t * t * (3 - 2 * t)
