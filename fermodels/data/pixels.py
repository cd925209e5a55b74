"""Encoded images, and the pixels decoded from them."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.data.errors import PreparedError
from fermodels.data.file_media import FileMedia
from fermodels.data.image_files import ImageError, decode_image, image_size

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.parquet as pq

MEMORY = 2**30  # bytes of decoded images; larger data sets are decoded as they are used
_PART = 64  # images that a thread decodes at a time


def encode_image(image: np.ndarray, format: str = "WEBP", quality: int = 90) -> bytes:
    """Encode one uint8 image (H, W, 3) as the bytes that the column `image` holds."""
    from PIL import Image

    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(f"expected a uint8 image (H, W, 3), got {image.dtype} {image.shape}")
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format=format, quality=quality)
    return buffer.getvalue()


def fits_in_memory(count: int, size: tuple[int, int]) -> bool:
    """Whether `count` decoded images of (height, width) pixels are to be kept in memory."""
    return count * size[0] * size[1] * 3 <= MEMORY


class Pixels:
    """The encoded images and, where they fit into memory, the decoded ones; shared by subsets."""

    def __init__(self, blobs: Sequence[bytes], table: pd.DataFrame, source: str) -> None:
        self.blobs, self.table, self.source = blobs, table, source
        self.size = self._header(0, blobs[0])
        self.keep = fits_in_memory(len(blobs), self.size)
        self.array: np.ndarray | None = None
        self.done = np.zeros(len(blobs), dtype=bool)

    def __getstate__(self) -> dict[str, Any]:
        """Without the decoded images, which are larger than all the rest and soon there again."""
        return vars(self) | {"array": None, "done": np.zeros(len(self.blobs), dtype=bool)}

    def check_headers(self) -> None:
        for row, blob in enumerate(self.blobs):
            size = self._header(row, blob)
            if size != self.size:
                raise PreparedError(
                    f"{self.source}: {describe(self.table, row)}, column 'image': the image is "
                    f"{size[0]}×{size[1]} px (height×width), but the first row's is "
                    f"{self.size[0]}×{self.size[1]}. All views must have one size: crop or resize "
                    "them when preparing the data."
                )

    def get(self, rows: np.ndarray) -> np.ndarray:
        if not self.keep:
            return self._decode_all(rows, np.empty((len(rows), *self.size, 3), np.uint8))
        if self.array is None:
            self.array = np.empty((len(self.blobs), *self.size, 3), dtype=np.uint8)
        missing = np.unique(rows[~self.done[rows]])
        self._decode_all(missing, self.array, missing)
        self.done[missing] = True
        return self.array[rows]  # (N, H, W, 3)

    def _decode_all(
        self, rows: np.ndarray, out: np.ndarray, places: np.ndarray | None = None
    ) -> np.ndarray:
        """Decode into `out`, at `places` (default: one after the other)."""
        places = np.arange(len(rows)) if places is None else places
        blobs = self._encoded(rows)

        def decode(part: slice) -> None:
            for row, place, blob in zip(rows[part], places[part], blobs[part], strict=True):
                out[place] = self._decode(int(row), blob)

        # PIL releases the interpreter lock while decoding, so threads are enough.
        parts = [slice(start, start + _PART) for start in range(0, len(rows), _PART)]
        if len(parts) < 2:
            for part in parts:
                decode(part)
            return out
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for _ in pool.map(decode, parts):
                pass
        return out

    def _encoded(self, rows: np.ndarray) -> list[bytes]:
        if isinstance(self.blobs, FileMedia):
            return self.blobs.take(rows)
        return [self.blobs[row] for row in rows]

    def _decode(self, row: int, blob: bytes) -> np.ndarray:
        try:
            return decode_image(blob).pixels
        except ImageError as error:
            raise self._bad(row, blob, error) from error

    def _header(self, row: int, blob: bytes | None) -> tuple[int, int]:
        if blob is None:
            raise PreparedError(
                f"{self.source}: row {row}, column 'image' is empty (null). Fill it, or leave its "
                "row out."
            )
        try:
            return image_size(blob)
        except ImageError as error:
            raise self._bad(row, blob, error) from error

    def _bad(self, row: int, blob: bytes, error: Exception) -> PreparedError:
        return PreparedError(
            f"{self.source}: {describe(self.table, row)}, column 'image': these {len(blob):,} "
            f"bytes are not a complete image ({error}). Encode this photograph again, or leave its "
            "row out."
        )


def describe(table: pd.DataFrame, row: int) -> str:
    names = (f"{name} {table[name].iat[row]!r}" for name in ("subject", "instance", "view"))
    return f"row {row} ({', '.join(names)})"


def is_small(file: pq.ParquetFile) -> bool:
    """Whether the decoded images fit into memory; also where the first one is broken."""
    first = next(file.iter_batches(1, columns=["image"]), None)
    if first is None or (blob := first.column(0)[0].as_py()) is None:
        return True
    try:
        return fits_in_memory(file.metadata.num_rows, image_size(blob))
    except ImageError:
        return True
