"""The images of one instance joined by a line, from the leftmost view to the rightmost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MODES = ("none", "one", "selected", "all")
# More lines than that hide the map and hold up the browser.
MOST = 2_000


class InstanceLines:
    """Which rows a line joins. A table without `instance` has no lines."""

    def __init__(self, table: pd.DataFrame) -> None:
        import pandas as pd

        self.available = "instance" in table
        if not self.available:
            return
        self.codes, _ = pd.factorize(table["instance"])  # (N,)
        # An instance may be photographed in several sessions (lightings): side by side, not mixed.
        keys = [np.arange(len(table))]
        for column in ("yaw", "session"):
            if column in table:
                keys.append(pd.factorize(table[column], sort=True)[0])
        order = np.lexsort((*keys, self.codes))
        ends = np.cumsum(np.bincount(self.codes))
        self._paths = np.split(order, ends[:-1])

    def __len__(self) -> int:
        return len(self._paths) if self.available else 0

    def rows(self, row: int) -> np.ndarray:
        """All rows of the instance of `row`, by yaw."""
        return self._paths[self.codes[row]]

    def paths(
        self, mode: str, selection: Iterable[int], one: int | None, shown: np.ndarray | None = None
    ) -> list[np.ndarray]:
        """Rows (V,) of each line to draw: of the instance of `one`, of those that the selection
        touches, or of all; of more than `MOST` instances, that many at random. `shown`, bool (N,),
        leaves hidden points out of the lines."""
        if mode not in MODES:
            raise ValueError(f"lines must be one of {', '.join(MODES)}, got {mode!r}")
        if not self.available or mode == "none":
            return []
        if mode == "all":
            chosen = range(len(self._paths))
        elif mode == "selected":
            chosen = np.unique(self.codes[np.asarray(list(selection), dtype=np.int64)])
        else:
            chosen = [] if one is None else [self.codes[one]]
        paths = (self._paths[i] for i in chosen)
        if shown is not None:
            paths = (path[shown[path]] for path in paths)
        found = [path for path in paths if len(path) > 1]
        if len(found) <= MOST:
            return found
        kept = np.random.default_rng(0).choice(len(found), MOST, replace=False)
        return [found[i] for i in np.sort(kept)]
