"""The head model: identity and facial actions in, a smooth coloured mesh's vertices out (Anny)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fermodels.faces.actions import ACTIONS
from fermodels.faces.shapes import HEAD_SHAPES


class HeadModel:
    """Anny's head, subdivided once (Loop) so that lips, lids and brows have room for colour.

    Attributes:
        faces: int64 (F, 3), triangles of the skin, mouth and tongue (eyeballs are drawn apart).
        neighbours: int64 (F,), all triangles, the four parts of one of Anny's after each other.
        rest: float32 (V, 3), the average head, metres; x to the subject's left, −y to the front.
        left_eye, right_eye: indices of each eyeball's vertices in Anny's own mesh.
    """

    def __init__(self) -> None:
        import anny
        import torch

        self._torch = torch
        self._model = anny.Anny(
            rig="makehuman-head",
            topology="head",
            facial_actions="all",
            local_changes=list(HEAD_SHAPES),
            skinning_method="lbs",
        )
        if tuple(self._model.facial_action_labels) != ACTIONS:
            raise RuntimeError(
                "this version of anny names its facial actions differently from ACTIONS in "
                "fermodels/faces/actions.py: install the version that requirements.txt asks for"
            )
        coarse = self._model.get_triangular_faces().cpu().numpy()
        uv_index = self._model.face_texture_coordinate_indices.cpu().numpy()
        uv = self._model.texture_coordinates.cpu().numpy()
        part = _components(coarse, len(self._model.template_vertices))
        rest = self._model()["vertices"][0].numpy()
        eyes = sorted(
            (np.flatnonzero(part == p) for p in range(part.max() + 1) if (part == p).sum() < 100),
            key=lambda ids: rest[ids, 0].mean(),
        )
        self.right_eye, self.left_eye = eyes
        skin = ~np.isin(coarse[:, 0], np.concatenate(eyes))
        vertex_uv = np.zeros((len(rest), 2))
        vertex_uv[coarse] = uv[uv_index]  # seams do not matter: only islands and masks are read
        self._subdivide, self.faces = _loop_subdivision(coarse[skin], len(rest))
        self.neighbours = np.arange(len(self.faces)).reshape(4, -1).T.ravel()
        self.uv = self._subdivide.linear @ vertex_uv
        self.part = part[self._subdivide.parent]
        self.rest = self.smooth_vertices(rest[None])[0]

    def coarse_vertices(
        self, phenotype: dict[str, float], shapes: dict[str, float], actions: np.ndarray
    ) -> np.ndarray:
        """Anny's vertices float32 (N, 4538, 3), metres, for one identity and (N, 52) actions."""
        torch = self._torch
        actions = torch.as_tensor(np.atleast_2d(actions), dtype=torch.float64)
        n = len(actions)
        with torch.no_grad():
            out = self._model(
                phenotype_kwargs={
                    k: torch.full((n,), v, dtype=torch.float64) for k, v in phenotype.items()
                },
                local_changes_kwargs={
                    k: torch.full((n,), v, dtype=torch.float64) for k, v in shapes.items()
                },
                facial_actions={name: actions[:, i] for i, name in enumerate(ACTIONS)},
            )
        return out["vertices"].numpy().astype(np.float32)

    def smooth_vertices(self, coarse: np.ndarray) -> np.ndarray:
        """Loop-subdivided vertices float32 (N, V, 3) of Anny's vertices (N, 4538, 3)."""
        n, v, _ = coarse.shape
        flat = coarse.transpose(1, 0, 2).reshape(v, n * 3)
        fine = self._subdivide.smooth @ flat  # (V, 3N)
        return fine.reshape(-1, n, 3).transpose(1, 0, 2).astype(np.float32)


class _Subdivision:
    def __init__(self, smooth, linear, parent) -> None:
        self.smooth, self.linear, self.parent = smooth, linear, parent


def _components(faces: np.ndarray, n: int) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix(
        (np.ones(faces.size), (faces.ravel(), np.roll(faces, 1, axis=1).ravel())), shape=(n, n)
    )
    return connected_components(graph, directed=False)[1]


def _loop_subdivision(faces: np.ndarray, n: int) -> tuple[_Subdivision, np.ndarray]:
    """One step of Loop subdivision as sparse matrices (smooth and linear) and the new triangles.

    C. Loop, "Smooth subdivision surfaces based on triangles" (1987), Warren's weights; open edges
    (neck, mouth) use the boundary rule.
    """
    from scipy.sparse import coo_matrix

    corners = np.concatenate([faces[:, [0, 1, 2]], faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]])
    ends = np.sort(corners[:, :2], axis=1)
    edges, inverse, count = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.ravel()
    m = len(edges)
    boundary = count == 1

    rows, cols, weights = [], [], []

    def add(row, col, weight):
        rows.append(np.asarray(row))
        cols.append(np.asarray(col))
        weights.append(np.broadcast_to(np.asarray(weight, dtype=float), np.shape(row)))

    edge_ids = np.arange(m) + n
    for end in (0, 1):
        add(edge_ids, edges[:, end], np.where(boundary, 0.5, 0.375))
    inner = ~boundary[inverse]
    add(edge_ids[inverse[inner]], corners[inner, 2], 0.125)

    degree = np.bincount(edges.ravel(), minlength=n)
    on_boundary = np.zeros(n, dtype=bool)
    on_boundary[edges[boundary].ravel()] = True
    beta = np.where(degree == 3, 3 / 16, 3 / (8 * np.maximum(degree, 1)))
    keep = np.where(on_boundary, 0.75, 1 - degree * beta)
    add(np.arange(n), np.arange(n), keep)
    for a, b in ((0, 1), (1, 0)):
        at = edges[:, a]
        both_open = boundary
        weight = np.where(on_boundary[at], np.where(both_open, 0.125, 0.0), beta[at])
        add(at, edges[:, b], weight)
    shape = (n + m, n)
    smooth = coo_matrix(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(cols))), shape=shape
    ).tocsr()
    linear = coo_matrix(
        (
            np.concatenate([np.ones(n), np.full(2 * m, 0.5)]),
            (
                np.concatenate([np.arange(n), edge_ids, edge_ids]),
                np.concatenate([np.arange(n), edges[:, 0], edges[:, 1]]),
            ),
        ),
        shape=shape,
    ).tocsr()
    f = len(faces)
    ab, bc, ca = (edge_ids[inverse[i * f : (i + 1) * f]] for i in range(3))
    a, b, c = faces.T
    fine = np.concatenate(
        [np.stack(t, axis=1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]
    )
    used, compact = np.unique(fine, return_inverse=True)
    parent = np.concatenate([np.arange(n), edges[:, 0]])[used]
    subdivision = _Subdivision(smooth[used], linear[used], parent)
    return subdivision, compact.reshape(fine.shape)


@lru_cache(maxsize=1)
def head_model() -> HeadModel:
    """The head model of this process. The first ever call builds Anny's cache (about 1–2 min)."""
    return HeadModel()
