"""Encoded media that stay in their Parquet file."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.data.errors import PreparedError
from fermodels.data.table import readable

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

CACHE_BYTES = 256 * 2**20


class FileMedia(Sequence):
    """The column of encoded media of a Parquet file; its bytes are read when asked for.

    A file is read row group by row group, and those that were read last are kept. Rows that lie
    together are cheap; single rows from all over a file larger than `cache_bytes` cost a row group
    each. Threads may read at the same time. Copies, pickles and forked processes open the file
    anew, when they first read, and keep nothing of what was read before.

    Args:
        file: the Parquet file.
        column: name of a column of type binary.
        cache_bytes: how much may be kept; at least one row group always is.
        nullable: whether rows may lack the medium, which is None there.

    Reading raises PreparedError where the file is damaged, has a row without media that must not,
    or has been replaced by another one.
    """

    def __init__(
        self, file: Path, column: str, cache_bytes: int = CACHE_BYTES, nullable: bool = False
    ) -> None:
        self._path, self._column, self._limit = file, column, cache_bytes
        self._nullable = nullable
        self._there: np.ndarray | None = None
        self._absolute = Path(file).absolute()  # also after a change of folder
        self._reset()
        counts = _row_counts(self._opened())
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._size = self._absolute.stat().st_size

    def _reset(self) -> None:
        """Nothing is open or kept, and nobody holds the lock."""
        self._file: pq.ParquetFile | None = None
        self._kept: OrderedDict[int, pa.Array] = OrderedDict()
        self._lock = threading.Lock()
        _ALL.add(self)

    def _opened(self) -> pq.ParquetFile:
        import pyarrow.parquet as pq

        if self._file is None:
            with readable(self._path):
                self._file = pq.ParquetFile(self._absolute)
        return self._file

    def _reopened(self) -> pq.ParquetFile:
        """The file; PreparedError if it is no longer the one of which the rows are known."""
        if self._file is None:
            file = self._opened()
            starts = np.concatenate([[0], np.cumsum(_row_counts(file))])
            same_size = self._absolute.stat().st_size == self._size
            if not same_size or not np.array_equal(starts, self._starts):
                self._file = None
                raise PreparedError(
                    f"{self._path} has been replaced since it was read: read it again"
                )
        return self._file

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in ("_file", "_kept", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._reset()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, row: int) -> bytes | None:
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside this file of {len(self)} rows")
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        with self._lock:
            values = self._group(group)
        return values[int(row - self._starts[group])].as_py()

    def __iter__(self) -> Iterator[bytes | None]:
        return (self[row] for row in range(len(self)))

    def take(self, rows: np.ndarray) -> list[bytes | None]:
        """The bytes of these rows, in their order; each row group is looked up once."""
        groups = np.searchsorted(self._starts, rows, side="right") - 1
        taken: list[bytes | None] = [None] * len(rows)
        for group in np.unique(groups):
            with self._lock:
                values = self._group(int(group))
            for at in np.flatnonzero(groups == group):
                taken[at] = values[int(rows[at] - self._starts[group])].as_py()
        return taken

    def there(self) -> np.ndarray:
        """Bool (N,), which rows have the medium; the first call reads the column once."""
        if self._there is None:
            with self._lock, readable(self._path):
                file = self._reopened()
                groups = (
                    file.read_row_group(group, columns=[self._column]).column(0).is_valid()
                    for group in range(file.num_row_groups)
                )
                found = [np.zeros(0, bool), *(group.to_numpy() for group in groups)]
            self._there = np.concatenate(found)
        return self._there

    def _group(self, group: int) -> pa.Array:
        if group not in self._kept:
            with readable(self._path):
                column = self._reopened().read_row_group(group, columns=[self._column]).column(0)
                values = column.combine_chunks()
            if values.null_count and not self._nullable:
                row = int(self._starts[group]) + values.is_null().index(True).as_py()
                raise PreparedError(
                    f"{self._path}: row {row}, column {self._column!r} is empty (null). Fill it, "
                    "or leave this row out."
                )
            self._kept[group] = values
            while len(self._kept) > 1 and self._bytes() > self._limit:
                self._kept.popitem(last=False)
        self._kept.move_to_end(group)
        return self._kept[group]

    def _bytes(self) -> int:
        return sum(values.nbytes for values in self._kept.values())


# A forked process shares open files and locks with its parent, where they may be in use.
_ALL: weakref.WeakSet[FileMedia] = weakref.WeakSet()


def _after_fork() -> None:
    for media in list(_ALL):
        media._reset()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork)


def _row_counts(file: pq.ParquetFile) -> list[int]:
    about = file.metadata
    return [about.row_group(i).num_rows for i in range(about.num_row_groups)]
