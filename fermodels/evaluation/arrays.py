"""What the measurements of this room ask of embeddings and labels."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_embeddings(x: Any, name: str = "embeddings") -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"{name} has shape {x.shape}; expected (N, D) with N, D > 0")
    bad = np.flatnonzero(~np.isfinite(x).all(1))
    if len(bad):
        raise ValueError(
            f"{name}: {len(bad)} of {len(x)} rows hold NaN or infinity (first: {bad[:5].tolist()})"
        )
    return x


def check_labels(y: Any, name: str) -> np.ndarray:
    """Labels as an array; ValueError where some are missing: None, NaN, or −1 of a prepared set."""
    y = np.asarray(y)
    if y.dtype.kind in "iu":
        missing = y == -1
    elif y.dtype.kind in "Of":
        missing = np.array([value is None or value != value for value in y.ravel().tolist()], bool)
    else:
        return y
    if missing.any():
        raise ValueError(
            f"{int(missing.sum()):,} of the {y.size:,} labels of {name} are missing (first: row "
            f"{int(missing.argmax())}). What an unlabelled row shows cannot be measured: pass "
            "labelled rows only, such as those where prepared.labels >= 0"
        )
    return y


def unit_rows(x: np.ndarray) -> np.ndarray:
    """Rows of length 1. A row of zeros stays zero: its cosine with everything is 0."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length > 0, length, 1)
