"""Encoded media that stay in their Parquet file, and how large a WebP picture is."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fermodels.data.table import PreparedError, readable

if TYPE_CHECKING:
    import pyarrow as pa

CACHE_BYTES = 256 * 2**20


class FileMedia(Sequence):
    """The column of encoded media of a Parquet file; its bytes are read when asked for.

    A file is read row group by row group, and those that were read last are kept. Rows that lie
    together are cheap; single rows from all over a file larger than `cache_bytes` cost a row group
    each. Threads may read at the same time.

    Args:
        file: the Parquet file.
        column: name of a column of type binary.
        cache_bytes: how much may be kept; at least one row group always is.

    Reading raises PreparedError where the file is damaged, or has a row without media.
    """

    def __init__(self, file: Path, column: str, cache_bytes: int = CACHE_BYTES) -> None:
        import pyarrow.parquet as pq

        with readable(file):
            self._file = pq.ParquetFile(file)
        self._path, self._column, self._limit = file, column, cache_bytes
        about = self._file.metadata
        counts = [about.row_group(i).num_rows for i in range(about.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._kept: OrderedDict[int, pa.Array] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, row: int) -> bytes:
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside this file of {len(self)} rows")
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        with self._lock:
            values = self._group(group)
        return values[int(row - self._starts[group])].as_py()

    def __iter__(self) -> Iterator[bytes]:
        return (self[row] for row in range(len(self)))

    def take(self, rows: np.ndarray) -> list[bytes]:
        """The bytes of these rows, in their order; each row group is looked up once."""
        groups = np.searchsorted(self._starts, rows, side="right") - 1
        taken: list[bytes] = [b""] * len(rows)
        for group in np.unique(groups):
            with self._lock:
                values = self._group(int(group))
            for at in np.flatnonzero(groups == group):
                taken[at] = values[int(rows[at] - self._starts[group])].as_py()
        return taken

    def _group(self, group: int) -> pa.Array:
        if group not in self._kept:
            with readable(self._path):
                column = self._file.read_row_group(group, columns=[self._column]).column(0)
                values = column.combine_chunks()
            if values.null_count:
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


def webp_size(blob: bytes) -> tuple[int, int] | None:
    """Height and width of a WebP picture, from its header (RFC 9649); None if this is not one.

    Opening a picture with PIL sets a decoder up, which takes a hundred times as long.
    """
    if blob[:4] != b"RIFF" or blob[8:12] != b"WEBP" or len(blob) < 30:
        return None
    if int.from_bytes(blob[4:8], "little") + 8 > len(blob):  # cut off
        return None
    kind = blob[12:16]
    if kind == b"VP8 " and blob[23:26] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(blob[i : i + 2], "little") & 0x3FFF for i in (26, 28))
    elif kind == b"VP8L" and blob[20] == 0x2F:
        bits = int.from_bytes(blob[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8X":
        width, height = (1 + int.from_bytes(blob[i : i + 3], "little") for i in (24, 27))
    else:
        return None
    return height, width
