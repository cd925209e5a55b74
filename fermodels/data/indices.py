"""Which rows of a table are meant."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def resolve_indices(indices: Sequence[int] | np.ndarray | None, count: int) -> np.ndarray:
    """Row numbers int64 (K,) in 0…count−1 from row numbers, negative ones counting from the end,
    from a boolean mask (count,), or from None for all.

    Raises:
        IndexError: a row that is not there, a mask of another length, or no row numbers at all.
    """
    if indices is None:
        return np.arange(count)
    index = np.asarray(indices)
    if index.dtype == bool:
        if index.shape != (count,):
            raise IndexError(f"a mask must have shape ({count},), got {index.shape}")
        return np.flatnonzero(index)
    if index.size == 0:
        return np.zeros(0, dtype=np.int64)
    if index.ndim != 1 or not np.issubdtype(index.dtype, np.integer):
        raise IndexError(f"expected row numbers (K,), got {index.dtype} {index.shape}")
    if index.min() < -count or index.max() >= count:
        raise IndexError(
            f"row {index.max() if index.max() >= count else index.min()} is outside "
            f"this data set of {count} rows"
        )
    return index.astype(np.int64) % count


def indices_digest(indices: np.ndarray) -> str:
    """SHA-256 (hex) of row numbers, in their order."""
    return hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()
