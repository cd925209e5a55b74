"""Embeddings in two dimensions."""

from __future__ import annotations

import numpy as np

from fermodels._shared.extras import require


def project(
    x,
    method: str = "umap",
    seed: int = 0,
    *,
    neighbors: int = 15,
    min_dist: float = 0.1,
) -> np.ndarray:
    """Embeddings (N, D) in two dimensions, float32 (N, 2).

    Rows are scaled to length 1 first, so both methods see what the cosine sees. "pca" is linear
    and exact. "umap" (McInnes et al. 2018, arXiv 1802.03426) keeps neighbourhoods, not distances
    between clusters; it repeats itself for a seed on one machine, but not between machines, and
    its first import takes up to half a minute.

    Raises:
        ValueError: `x` is no such array, or the method is unknown.
        ImportError: "umap" without the extra `explore`, which brings it.
    """
    x = np.asarray(x, dtype=np.float32)
    if x.ndim != 2 or len(x) < 3 or not np.isfinite(x).all():
        raise ValueError(
            f"embeddings of shape {x.shape}: expected finite (N, D) with N of 3 or more"
        )
    if method == "pca":
        return pca(x)
    if method == "umap":
        require("plots.project(…, 'umap')", "explore", "umap")
        import umap

        x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        # A fixed seed runs on one thread anyway; saying so keeps the library from warning.
        reducer = umap.UMAP(
            n_neighbors=min(neighbors, len(x) - 1), min_dist=min_dist, random_state=seed, n_jobs=1
        )
        return np.asarray(reducer.fit_transform(x), dtype=np.float32)
    raise ValueError(f"unknown method {method!r}; choose 'umap' or 'pca'")


def pca(x: np.ndarray) -> np.ndarray:
    """Embeddings (N, D), scaled to length 1, on their two directions of most variance, (N, 2).

    Without scikit-learn, whose import alone takes as long as all the rest of opening an explorer;
    its sign convention: the largest entry of a direction is positive.
    """
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    x -= x.mean(0)
    _, directions = np.linalg.eigh(np.asarray(x.T @ x, dtype=np.float64))  # ascending
    axes = directions[:, : -3 if directions.shape[1] > 2 else None : -1]  # (D, 2)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(0)[None], axis=0)
    coords = x @ (axes * np.sign(largest)).astype(np.float32)
    # One dimension has no second direction.
    return np.pad(coords, [(0, 0), (0, 2 - coords.shape[1])])
