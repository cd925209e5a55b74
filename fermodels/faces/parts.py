"""What Anny's head lacks: round eyeballs and teeth."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fermodels.faces.actions import ACTIONS
from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model


@lru_cache(maxsize=1)
def eyeball() -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere that looks along −y: vertices (V, 3), triangles (F, 3)."""
    rings, sectors = 28, 36
    theta = np.concatenate([np.linspace(0, 0.75, 16), np.linspace(0.75, 1.7, rings - 15)[1:]])
    phi = np.linspace(0, 2 * np.pi, sectors, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    vertices = np.stack([np.sin(t) * np.cos(p), -np.cos(t), np.sin(t) * np.sin(p)], axis=-1)
    ids = np.arange(rings * sectors).reshape(rings, sectors)
    a, b = ids[:-1], ids[1:]
    quads = np.stack([a, np.roll(a, -1, 1), np.roll(b, -1, 1), b], axis=-1).reshape(-1, 4)
    return vertices.reshape(-1, 3), np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def place_eye(points: np.ndarray, side: str) -> np.ndarray:
    """The eyeball's vertices for Anny's coarse eyeball `points` (K, 3) of this head."""
    sphere = np.column_stack([2 * points, np.ones(len(points))])
    solution = np.linalg.lstsq(sphere, (points**2).sum(axis=1), rcond=None)[0]
    centre = solution[:3]
    radius = np.sqrt(solution[3] + centre @ centre)
    gaze = _gaze(points, side) - centre
    gaze /= np.linalg.norm(gaze)
    right = np.cross(gaze, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, gaze)
    frame = np.stack([-right, -gaze, up])  # rows: x, y, z of the eyeball's own frame
    return centre + radius * eyeball()[0] @ frame


@lru_cache(maxsize=2)
def _pole(side: str) -> np.ndarray:
    """The vertices at the front of Anny's eyeball, around where the pupil is."""
    head = head_model()
    ids = head.left_eye if side == "left" else head.right_eye
    rest = head.coarse_vertices({}, {}, np.zeros((1, len(ACTIONS))))[0][ids]
    return np.argsort(rest[:, 1])[:6]


def _gaze(points: np.ndarray, side: str) -> np.ndarray:
    return points[_pole(side)].mean(axis=0)


def teeth(neutral: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The upper row of teeth behind this head's resting lips: vertices, triangles, colours."""
    m = landmarks()
    lip = neutral[m.upper_lip]
    half_width = 0.88 * neutral[m.mouth_corners[1], 0].mean()
    centre = np.array([0.0, lip[:, 1].mean() + 0.0105, np.percentile(lip[:, 2], 15)])
    columns, rows = 49, 4
    angle = np.linspace(-1.25, 1.25, columns)
    bend = 1 - np.cos(angle)
    edge = 0.5 + 0.5 * np.cos(angle * 14.0)
    grid = np.zeros((rows, columns, 3))
    for row in range(rows):
        down = row / (rows - 1)
        grid[row, :, 0] = half_width * np.sin(angle)
        grid[row, :, 1] = 1.35 * half_width * bend + 0.0008 * (1 - edge)
        grid[row, :, 2] = 0.006 - 0.0105 * down * (1 - 0.10 * (1 - edge) * down)
    color = np.full((rows, columns, 3), [0.90, 0.87, 0.80])
    color *= (0.80 + 0.20 * edge**0.3)[None, :, None] * (1 - 0.35 * (bend / bend.max()))[
        None, :, None
    ]
    color[0] = [0.72, 0.38, 0.37]
    ids = np.arange(rows * columns).reshape(rows, columns)
    quads = np.stack([ids[:-1, :-1], ids[1:, :-1], ids[1:, 1:], ids[:-1, 1:]], axis=-1)
    quads = quads.reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return (
        grid.reshape(-1, 3) + centre,
        triangles,
        color.clip(0, 1).reshape(-1, 3).astype(np.float32),
    )
