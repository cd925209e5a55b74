"""Embeddings in two dimensions."""

from __future__ import annotations

import numpy as np


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
    """
    x = np.asarray(x, dtype=np.float32)
    if x.ndim != 2 or len(x) < 3 or not np.isfinite(x).all():
        raise ValueError(
            f"embeddings of shape {x.shape}: expected finite (N, D) with N of 3 or more"
        )
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    if method == "pca":
        from sklearn.decomposition import PCA

        return PCA(2, random_state=seed).fit_transform(x).astype(np.float32)
    if method == "umap":
        import umap

        # A fixed seed runs on one thread anyway; saying so keeps the library from warning.
        reducer = umap.UMAP(
            n_neighbors=min(neighbors, len(x) - 1), min_dist=min_dist, random_state=seed, n_jobs=1
        )
        return np.asarray(reducer.fit_transform(x), dtype=np.float32)
    raise ValueError(f"unknown method {method!r}; choose 'umap' or 'pca'")
