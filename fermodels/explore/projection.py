"""New embeddings on a map that others have made."""

from __future__ import annotations

import numpy as np


class Projection:
    """The map of an encoder's reference embeddings (N, D), for new embeddings too.

    Args:
        embeddings: (N, D).
        coords: (N, 2), `square(pca(embeddings))`.

    PCA, centring and scaling are one affine map of the unit vectors x: coords = (x − x̄) W + c. An
    axis w of PCA is an eigenvector of XᵀX, so that Xᵀ(Xw) points along w, and W can be read off the
    coordinates without another decomposition.
    """

    def __init__(self, embeddings: np.ndarray, coords: np.ndarray) -> None:
        x = _unit(embeddings)
        y = np.asarray(coords, dtype=np.float64)
        self._mean, self._centre = x.mean(0), y.mean(0)
        y = y - self._centre
        along = (x - self._mean).T @ y  # (D, 2)
        size = np.square(along).sum(0)
        # A second axis without any variance has no direction: everything lies at its centre.
        self._w = along * (np.square(y).sum(0) / np.where(size > 0, size, 1))

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """(M, D) → (M, 2)."""
        return (_unit(embeddings) - self._mean) @ self._w + self._centre


def _unit(embeddings: np.ndarray) -> np.ndarray:
    x = np.asarray(embeddings, dtype=np.float64)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
