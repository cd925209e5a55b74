"""Several prepared data sets in one explorer: one table, whose column `set` says whose a row is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.explore.images import Images
from fermodels.explore.naming import by_encoder
from fermodels.explore.neighbours import check_embeddings

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"
COLUMN = "set"
# Names that stand for one thing each: in two data sets they stand for two.
_NAMES = ("subject", "instance", "clip")


class DataSets:
    """The explorer's own data set and the others, under each other.

    Args:
        tables: name → table; the first is the explorer's own.

    Attributes: names.

    Raises:
        ValueError: one is called "all".
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        self.names = tuple(tables)
        if ALL in self.names:
            raise ValueError(f"a data set cannot be called {ALL!r}: that means all of them")
        self._starts = np.cumsum([0, *(len(table) for table in tables.values())])
        self._tables = tables

    def table(self) -> pd.DataFrame:
        """All rows; the own table as it is where there is no other.

        Raises:
            ValueError: a table has a column `set` already.
        """
        import pandas as pd

        if len(self.names) == 1:
            return next(iter(self._tables.values()))
        taken: dict[str, set] = {column: set() for column in _NAMES}
        parts = []
        for name, table in self._tables.items():
            if COLUMN in table:
                raise ValueError(
                    f"the table of {name!r} has a column {COLUMN!r}, which says here whose a row "
                    "is: give it another name"
                )
            table = table.assign(**{COLUMN: name})
            for column in _NAMES:
                if column not in table:
                    continue
                known = table[column].notna()
                # The same name in another data set is another person, another moment.
                if taken[column] & set(table[column][known]):
                    table[column] = table[column].where(~known, name + " " + table[column].map(str))
                taken[column] |= set(table[column][known])
            parts.append(table)
        return pd.concat(parts, ignore_index=True)

    def mask(self, name: str) -> np.ndarray:
        """bool (N,): the rows of a data set, or of all."""
        if name == ALL:
            return np.ones(self._starts[-1], dtype=bool)
        mask = np.zeros(self._starts[-1], dtype=bool)
        number = self.names.index(name)
        mask[self._starts[number] : self._starts[number + 1]] = True
        return mask

    def place(self, row: int) -> tuple[int, int]:
        """(which data set, which of its rows) a row is."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        return number, row - int(self._starts[number])


class ImagesOfSets:
    """As `Images`, of all data sets under each other."""

    def __init__(self, sets: DataSets, prepared: Sequence[Any]) -> None:
        self._sets, self._images = sets, [Images(one) for one in prepared]

    @property
    def available(self) -> bool:
        return any(images.available for images in self._images)

    def jpeg(self, row: int) -> bytes:
        number, own = self._sets.place(row)
        return self._images[number].jpeg(own)

    def words(self, row: int) -> str:
        number, own = self._sets.place(row)
        return self._images[number].words(own)

    def player(self, row: int) -> str:
        number, own = self._sets.place(row)
        return self._images[number].player(own)


def name_of(prepared: Any) -> str:
    """What the explorer calls its own data set: its name, "anny views kdef", or "own"."""
    metadata = getattr(prepared, "metadata", None)
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return str(name or "own").replace("-", " ")


def with_others(
    embeddings: Mapping[str, np.ndarray], others: Mapping[str, tuple[Any, Any]]
) -> dict[str, np.ndarray]:
    """Embeddings by encoder with those of the other data sets, (embeddings, prepared) by name,
    below them: float32 (N, D).

    Raises:
        ValueError: an encoder is missing, the number of rows or D differs, values are not finite.
    """
    parts = {name: [x] for name, x in embeddings.items()}
    for name, (given, prepared) in others.items():
        found = by_encoder(f"embeddings of {name}", given, embeddings, complete=True)
        rows = len(getattr(prepared, "table", prepared))
        for encoder, own in embeddings.items():
            x = check_embeddings(found[encoder], rows, f"{encoder}, {name}")
            if x.shape[1] != own.shape[1]:
                raise ValueError(
                    f"embeddings of {name!r} by {encoder!r} have {x.shape[1]} dimensions, the "
                    f"others {own.shape[1]}: embed both with the same encoder"
                )
            parts[encoder].append(x)
    return {encoder: np.concatenate(x) for encoder, x in parts.items()}
