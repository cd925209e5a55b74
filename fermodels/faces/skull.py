"""The head without its ears as a map over directions: what hair, caps and scarves lie on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model

CENTRE = np.array([0.0, -0.045, 0.150])  # inside the average head, metres
_POLAR = np.linspace(0, np.deg2rad(150), 61)
_AROUND = 120


def angles(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of directions (..., 3): from the top, 0…π, and around it, 0 in front, positive to the left.

    A person's left, at positive x.
    """
    x, y, z = np.moveaxis(np.asarray(direction, dtype=float), -1, 0)
    return np.arctan2(np.hypot(x, y), z), np.arctan2(x, -y)


def direction(polar, around) -> np.ndarray:
    """Unit vectors (..., 3) of the two angles."""
    polar, around = np.broadcast_arrays(polar, around)
    return np.stack(
        [np.sin(polar) * np.sin(around), -np.sin(polar) * np.cos(around), np.cos(polar)], axis=-1
    )


def between(start: np.ndarray, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Directions on the arcs from start to end (..., 3), at shares of the way (...,)."""
    angle = np.arccos(np.clip((start * end).sum(-1), -1, 1 - 1e-9))
    a, b = np.sin((1 - share) * angle), np.sin(share * angle)
    return (a[..., None] * start + b[..., None] * end) / np.sin(angle)[..., None]


class Skull:
    """The smooth outside of one person's head, ears left out.

    Args:
        rest: (V, 3), `HeadModel.smooth_vertices` of the person's face at rest, metres.

    Raises:
        ValueError: another number of points.
    """

    def __init__(self, rest: np.ndarray) -> None:
        count = len(head_model().rest)
        if np.shape(rest) != (count, 3):
            raise ValueError(
                f"rest must be the head's smooth vertices, shape ({count}, 3), got {np.shape(rest)}"
            )
        self.rest = np.asarray(rest, dtype=float)
        self._points = (_map() @ self.rest).reshape(len(_POLAR), _AROUND, 3)
        self.centre = self._points[:37].mean(axis=(0, 1)) * [0, 1, 1]
        down = np.gradient(self._points, axis=0)
        right = (np.roll(self._points, -1, 1) - np.roll(self._points, 1, 1)) / 2
        normals = np.cross(right, down)
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12
        normals *= np.sign((normals * (self._points - self.centre)).sum(-1, keepdims=True) + 1e-12)
        normals[0] = normals[1].mean(axis=0)
        for _ in range(2):
            above = np.concatenate([normals[:1], normals[:-1]])
            below = np.concatenate([normals[1:], normals[-1:]])
            normals = 2 * normals + above + below + np.roll(normals, 1, 1) + np.roll(normals, -1, 1)
            normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        self._both = np.concatenate([self._points, normals], axis=-1)

    def at(self, toward: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points and outward normals (..., 3) in directions (..., 3) of the average head."""
        polar, around = angles(toward)
        row = np.clip(polar / _POLAR[1], 0, len(_POLAR) - 1.001)
        column = (around / (2 * np.pi) * _AROUND) % _AROUND
        r, c = row.astype(int), column.astype(int)
        dr, dc = (row - r)[..., None], (column - c)[..., None]
        c = c % _AROUND
        right = (c + 1) % _AROUND
        grid = self._both
        upper = grid[r, c] * (1 - dc) + grid[r, right] * dc
        lower = grid[r + 1, c] * (1 - dc) + grid[r + 1, right] * dc
        both = upper * (1 - dr) + lower * dr
        normal = both[..., 3:]
        return both[..., :3], normal / np.linalg.norm(normal, axis=-1, keepdims=True)

    def outline(self, ears: bool = True) -> Outline:
        """How far the head and neck reach from the upright axis through the centre."""
        m = landmarks()
        keep = m.skin if ears else m.skin & (m.ears < 0.02)
        return Outline(self.rest[keep], self.centre)


class Outline:
    """Distance from an upright axis to the outermost point, by height and direction."""

    _STEP = 0.008
    _SECTORS = 60

    def __init__(self, points: np.ndarray, centre: np.ndarray) -> None:
        self.centre = centre
        self.bottom = points[:, 2].min()
        rows = int((points[:, 2].max() - self.bottom) / self._STEP) + 2
        x, y = points[:, 0] - centre[0], points[:, 1] - centre[1]
        row = ((points[:, 2] - self.bottom) / self._STEP).astype(int)
        sector = np.round(np.arctan2(x, -y) / (2 * np.pi) * self._SECTORS).astype(int)
        reach = np.zeros((rows, self._SECTORS))
        np.maximum.at(reach, (row, sector % self._SECTORS), np.hypot(x, y))
        # Empty cells take their neighbours' value; below the neck it widens to the shoulders.
        widens = np.where(np.arange(rows - 1) * self._STEP < 0.05, 1.12, 0.98)[:, None]
        for _ in range(6):
            near = np.maximum(np.roll(reach, 1, 1), np.roll(reach, -1, 1))
            near[1:] = np.maximum(near[1:], 0.98 * reach[:-1])
            near[:-1] = np.maximum(near[:-1], widens * reach[1:])
            reach = np.where(reach == 0, near, reach)
        beside = np.maximum(np.roll(reach, 1, 1), np.roll(reach, -1, 1))
        reach = np.maximum(reach, 0.985 * beside)  # an ear's edge lies within a cell
        self.reach = reach

    def at(self, around: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Metres from the axis at angles (...,) and heights z (...,)."""
        row = np.clip((height - self.bottom) / self._STEP - 0.5, 0, len(self.reach) - 1.001)
        column = around / (2 * np.pi) * self._SECTORS
        r, c = row.astype(int), np.floor(column).astype(int)
        dr, dc = row - r, column - c
        c, right = c % self._SECTORS, (c + 1) % self._SECTORS
        upper = self.reach[r, c] * (1 - dc) + self.reach[r, right] * dc
        lower = self.reach[r + 1, c] * (1 - dc) + self.reach[r + 1, right] * dc
        return upper * (1 - dr) + lower * dr


@lru_cache(maxsize=1)
def _map():
    """Sparse matrix from the head's points to those of the map, row by row (found once)."""
    from scipy.sparse import coo_matrix, csr_matrix, vstack
    from scipy.sparse.linalg import spsolve
    from scipy.spatial import cKDTree

    head, m = head_model(), landmarks()
    solid = m.skin & (m.ears < 0.02)
    faces = head.faces[solid[head.faces].all(axis=1)]
    corners = head.rest[faces].astype(float) - CENTRE
    polar, around = np.meshgrid(
        _POLAR, np.linspace(0, 2 * np.pi, _AROUND, endpoint=False), indexing="ij"
    )
    rays = direction(polar, around).reshape(-1, 3)
    middles = corners.mean(axis=1)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    _, near = cKDTree(middles).query(rays, k=48)
    a, b, c = (corners[near][:, :, k] for k in range(3))
    # Where a ray meets the plane of a triangle: solve [a b c] w = t ray, with w summing to 1.
    shares = np.linalg.solve(
        np.stack([a, b, c], axis=-1) + 1e-12 * np.eye(3), rays[:, None, :, None]
    )[..., 0]
    hit = (shares > -1e-6).all(axis=-1)
    total = np.where(hit, shares.sum(axis=-1), np.inf)  # 1 / distance along the ray
    best = np.argmin(total, axis=1)
    met = hit.any(axis=1)
    weights = np.take_along_axis(shares, best[:, None, None], 1)[:, 0]
    weights /= np.where(met, weights.sum(axis=1), 1)[:, None]
    nodes = faces[near[np.arange(len(rays)), best]]
    number = np.repeat(np.flatnonzero(met), 3)
    known = coo_matrix(
        (weights[met].ravel(), (number, nodes[met].ravel())), shape=(len(rays), len(head.rest))
    ).tocsr()
    # Holes (ears, eyes, mouth) are spanned by the smoothest surface through their edges.
    ids = np.arange(len(rays)).reshape(polar.shape)
    pairs = [(ids, np.roll(ids, -1, 1)), (ids[:-1], ids[1:])]
    one = np.concatenate([p[0].ravel() for p in pairs])
    two = np.concatenate([p[1].ravel() for p in pairs])
    links = coo_matrix((np.ones(len(one)), (one, two)), shape=(len(rays),) * 2).tocsr()
    links = links + links.T
    open_ids, met_ids = np.flatnonzero(~met), np.flatnonzero(met)
    degree = np.asarray(links.sum(axis=1)).ravel()
    inner = csr_matrix(
        (degree[open_ids], (np.arange(len(open_ids)),) * 2), shape=(len(open_ids),) * 2
    )
    edge = links[open_ids][:, met_ids]
    used = np.flatnonzero(np.asarray(edge.sum(axis=0)).ravel())
    spread = spsolve((inner - links[open_ids][:, open_ids]).tocsc(), edge[:, used].tocsc())
    filled = csr_matrix(spread) @ known[met_ids[used]]
    order = np.argsort(np.concatenate([met_ids, open_ids]))
    return vstack([known[met_ids], filled]).tocsr()[order]
