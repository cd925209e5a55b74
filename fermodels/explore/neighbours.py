"""Nearest neighbours in the full embedding space, not on the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

SHARED = ("expression", "emotion", "instance", "view", "subject")


def check_embeddings(embeddings, rows: int, name: str) -> np.ndarray:
    """Finite float32 (N, D), the array itself where it is that already.

    Raises:
        ValueError: another shape, another N, or values that are not finite.
    """
    x = np.asarray(embeddings)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"embeddings of {name!r} have shape {x.shape}; expected (N, D)")
    if len(x) != rows:
        raise ValueError(
            f"{len(x):,} embeddings of {name!r}, but the data set has {rows:,} rows: pass "
            "prepared.subset(rows) with the rows that were embedded"
        )
    x = np.asarray(x, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(x).all(1))
    if len(bad):
        raise ValueError(
            f"embeddings of {name!r}: {len(bad)} rows hold NaN or infinity "
            f"(first: {bad[:5].tolist()})"
        )
    return x


class Space:
    """One encoder's embeddings (N, D), which it does not copy."""

    def __init__(self, embeddings: np.ndarray) -> None:
        self.x = embeddings
        length = np.linalg.norm(embeddings, axis=1)  # (N,)
        self._length = np.where(length > 0, length, 1)

    def nearest(
        self, row: int, k: int, among: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(rows int64, cosine distances) of the k nearest to `row`, itself left out; `among`, bool
        (N,), leaves others out, too.

        The cosine distance, 1 − cosine, is in [0, 2]; ties keep the order of the rows.
        """
        distance = self._distance(self.x[row])
        distance[row] = np.inf
        if among is not None:
            distance[~among] = np.inf
        return _smallest(distance, k)

    def nearest_to(self, h: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The same of an embedding (D,) that is none of these."""
        return _smallest(self._distance(np.asarray(h, dtype=self.x.dtype)), k)

    def _distance(self, h: np.ndarray) -> np.ndarray:
        """(N,), to an embedding (D,)."""
        return 1 - self.x @ h / (self._length * (np.linalg.norm(h) or 1))


def _smallest(distance: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows int64, their distances) of the k smallest of (N,); infinite ones are none."""
    k = min(k, int(np.isfinite(distance).sum()))
    if k < 1:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    near = np.argpartition(distance, k - 1)[:k]
    # The partition may keep any of those that tie for the last place; the first rows win.
    limit = distance[near].max()
    near = np.flatnonzero(distance <= limit)
    near = near[np.argsort(distance[near], kind="stable")][:k]
    return near, np.maximum(distance[near], 0)


def neighbour_frame(
    space: Space, table: pd.DataFrame, row: int, k: int, among: np.ndarray | None = None
) -> pd.DataFrame:
    """The k nearest of `row`, nearest first: index = their rows, `distance`, and for each of
    `SHARED` that the table has, its value and `same_<column>`. `among`, bool (N,), are those that
    may be found; default: all."""
    near, distance = space.nearest(row, k, among)
    columns = [name for name in SHARED if name in table]
    frame = table.iloc[near][columns].copy()
    frame.insert(0, "distance", distance)
    for name in columns:
        own = table[name].iloc[row]
        frame[f"same_{name}"] = (frame[name] == own).fillna(False).to_numpy(bool)
    frame.index = near
    frame.index.name = "row"
    return frame


def shared_counts(frame: pd.DataFrame) -> dict[str, int]:
    """How many neighbours of a `neighbour_frame` share the expression, the instance, …"""
    names = [name for name in SHARED if f"same_{name}" in frame]
    return {name: int(frame[f"same_{name}"].sum()) for name in names}
