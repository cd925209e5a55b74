"""From one point of a map to the next by the arrow keys."""

from __future__ import annotations

import numpy as np

DIRECTIONS = {
    "ArrowLeft": (-1, 0),
    "ArrowRight": (1, 0),
    "ArrowUp": (0, 1),
    "ArrowDown": (0, -1),
}


def step(coords: np.ndarray, row: int | None, key: str, shown: np.ndarray) -> int | None:
    """The point that the key leads to from `row` on a map (N, 2); `row` itself at the border.

    The nearest point within 45° of the direction, where a detour to the side counts double.
    Without a row: the point nearest to the middle. None where no point is shown (bool (N,)).
    """
    rows = np.flatnonzero(shown)
    if len(rows) == 0:
        return None
    if row is None:
        middle = np.median(coords[rows], axis=0)
        return int(rows[np.linalg.norm(coords[rows] - middle, axis=1).argmin()])
    ahead = np.array(DIRECTIONS[key], dtype=float)
    way = coords[rows] - coords[row]  # (M, 2)
    along = way @ ahead
    aside = np.abs(way @ ahead[::-1])
    # Points on the very same spot are reached by no direction.
    possible = np.flatnonzero((along > 1e-6) & (aside <= along))
    if len(possible) == 0:
        return row
    return int(rows[possible[(along + 2 * aside)[possible].argmin()]])
