"""How embeddings of length 1 lie on their sphere: pairs close together, the whole spread out."""

from __future__ import annotations

import numpy as np

from fermodels.evaluation.arrays import check_embeddings, unit_rows


def alignment(embeddings, pairs) -> float:
    """Mean squared distance of the given pairs, in [0, 4]: 0 where they fall together.

    With the pairs of positives this is the alignment of T. Wang and P. Isola, *Understanding
    contrastive representation learning through alignment and uniformity on the hypersphere*, ICML
    2020, arXiv 2005.10242, with α = 2. On the sphere the squared distance is 2 − 2 · cosine.

    Args:
        embeddings: (N, D), scaled to length 1 here.
        pairs: boolean mask (N, N), True where i and j are a pair. An image with itself is none.

    Raises:
        ValueError: non-finite embeddings, a row of zeros, a mask of another shape, or no pair.
    """
    x = _on_sphere(embeddings)
    pairs = np.asarray(pairs, dtype=bool)
    if pairs.shape != (len(x), len(x)):
        raise ValueError(f"pairs have shape {pairs.shape}; expected {(len(x), len(x))}")
    pairs = pairs & ~np.eye(len(x), dtype=bool)
    if not pairs.any():
        raise ValueError("there is no pair of two different images to measure")
    return float(_squared_distances(x)[pairs].mean())


def uniformity(embeddings) -> float:
    """log of the mean of exp(−2 d²) over all pairs: 0 if all fall together, lower if spread out.

    The uniformity of Wang and Isola (see `alignment`) with t = 2, d the distance of two images.
    Points spread evenly over a sphere of many dimensions come near −4, where d² is 2.

    Args:
        embeddings: (N, D), scaled to length 1 here.

    Raises:
        ValueError: non-finite embeddings, a row of zeros, or a single row.
    """
    x = _on_sphere(embeddings)
    if len(x) < 2:
        raise ValueError("uniformity needs at least two embeddings")
    pairs = ~np.eye(len(x), dtype=bool)
    return float(np.log(np.exp(-2 * _squared_distances(x)[pairs]).mean()))


def _on_sphere(embeddings) -> np.ndarray:
    x = unit_rows(check_embeddings(embeddings))
    nowhere = np.flatnonzero(~x.any(axis=1))
    if len(nowhere):
        raise ValueError(f"rows of zeros have no direction (first: {nowhere[:5].tolist()})")
    return x


def _squared_distances(x: np.ndarray) -> np.ndarray:
    """(N, N), of unit vectors x (N, D); rounding makes none of them negative."""
    return np.maximum(2 - 2 * x @ x.T, 0)
