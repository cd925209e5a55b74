"""The prepared data set: one Parquet file of encoded photographs and what is known of each.

A row is one photograph. Photographs of the same moment from several cameras share `instance`.
The file opens in pandas, DuckDB and Hugging Face `datasets` without this package.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fermodels.prepared_media import FileMedia, webp_size
from fermodels.prepared_table import (
    PreparedError,
    PreparedTable,
    as_text,
    check_official_split,
    codes,
    label_names,
    read_frame,
    readable,
)
from fermodels.rows import row_numbers

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.parquet as pq

EXPRESSIONS = (
    "afraid",
    "angry",
    "disgusted",
    "happy",
    "neutral",
    "sad",
    "surprised",
    "content",
)
VIEWS = ("full_left", "half_left", "straight", "half_right", "full_right")
COLUMNS = (
    "image",
    "subject",
    "expression",
    "view",
    "yaw",
    "pitch",
    "session",
    "instance",
)
# 70 subjects (KDEF) become 48 / 10 / 12, 80 (DDCF) become 55 / 11 / 14.
FRACTIONS = {"train": 0.685, "val": 0.145, "test": 0.17}

MEMORY = 2**30  # bytes of decoded images; larger data sets are decoded as they are used
_PART = 64  # images that a thread decodes at a time
_TEXT = ("subject", "expression", "view", "session", "instance")


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


class _Pixels:
    """The encoded images and, where they fit into memory, the decoded ones; shared by subsets."""

    def __init__(self, blobs: Sequence[bytes], table: pd.DataFrame, source: str) -> None:
        self.blobs, self.table, self.source = blobs, table, source
        self.size = self._header(0, blobs[0])
        self.keep = fits_in_memory(len(blobs), self.size)
        self.array: np.ndarray | None = None
        self.done = np.zeros(len(blobs), dtype=bool)

    def check_headers(self) -> None:
        for row, blob in enumerate(self.blobs):
            size = self._header(row, blob)
            if size != self.size:
                raise PreparedError(
                    f"{self.source}: {_describe(self.table, row)}, column 'image': the image is "
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
        from PIL import Image

        try:
            with Image.open(io.BytesIO(blob)) as picture:
                return np.asarray(picture.convert("RGB"))
        except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, …
            raise self._bad(row, blob, error) from error

    def _header(self, row: int, blob: bytes | None) -> tuple[int, int]:
        if blob is None:
            raise PreparedError(
                f"{self.source}: row {row}, column 'image' is empty (null). Fill it, or leave its "
                "row out."
            )
        try:
            return _size(blob)
        except Exception as error:
            raise self._bad(row, blob, error) from error

    def _bad(self, row: int, blob: bytes, error: Exception) -> PreparedError:
        return PreparedError(
            f"{self.source}: {_describe(self.table, row)}, column 'image': these {len(blob):,} "
            f"bytes are not a complete image ({error}). Encode this photograph again, or leave its "
            "row out."
        )


class PreparedImages(PreparedTable):
    """Multi-view face images with subject, expression, view, session and instance.

    Args:
        table: one row an image, with the columns of `COLUMNS` (`image` holds encoded bytes),
            optionally `split`, and any further columns, which are kept.
        metadata: name, version, licence, citation, description, `expressions` (label order =
            class index) and `views`. Without the two lists, expressions follow `EXPRESSIONS`
            and views their yaw.
        source: what error messages call this data set.

    Attributes:
        table: DataFrame without the image column, index 0…N−1. `yaw`, `pitch` in degrees.
        metadata, expressions, views, image_size (H, W).
        labels, view_ids: int64 (N,), indices into `expressions` and `views`.
        subject_ids, instance_ids: int64 (N,), indices into the sorted names in this table.

    Raises:
        PreparedError: a column is missing or has nulls; an expression or view is not in the
            metadata's list; an instance has two subjects, two expressions, or one view twice in a
            session; a subject is in two official splits; an image is broken or of another size.

    Warns:
        UserWarning: there is one view only.
    """

    FORMAT = "fermodels-images"
    FRACTIONS = FRACTIONS
    MEDIA: ClassVar = {"image": "the bytes of an encoded image (WebP, PNG, JPEG)"}
    LABEL_LISTS = ("expressions", "views")
    ROW_GROUP = 1024
    ROWS, WHAT, ID = "images", "multi-view images", "instance"
    ROW_LEAK = (
        "photographs of one person, even of one moment, on both sides: a model is then tested on "
        "faces that it has seen"
    )

    def __init__(
        self, table: pd.DataFrame, metadata: Mapping[str, Any], source: str = "<memory>"
    ) -> None:
        source = str(source)
        _check_columns(table, list(table.columns), source)
        for row, blob in enumerate(table["image"]):
            if not isinstance(blob, (bytes, bytearray, memoryview)):
                raise PreparedError(
                    f"{source}: row {row}, column 'image' holds {type(blob).__name__}, not the "
                    "bytes of an encoded image"
                )
        blobs = [bytes(blob) for blob in table["image"]]
        self._set_up(table.drop(columns="image"), metadata, source, blobs)

    def _set_up(
        self, table: pd.DataFrame, metadata: Mapping[str, Any], source: str, blobs: Sequence[bytes]
    ) -> None:
        self.source = source
        table = table.reset_index(drop=True)
        for column in _TEXT:
            table[column] = as_text(table, column, self.source)
        for column in ("yaw", "pitch"):
            table[column] = _degrees(table, column, self.source)
        metadata = dict(metadata)
        metadata.setdefault("name", Path(self.source).stem.strip("<>"))
        if "expressions" not in metadata:
            present = set(table["expression"])
            known = [name for name in EXPRESSIONS if name in present]
            metadata["expressions"] = known or list(EXPRESSIONS)
        metadata.setdefault("views", _views_by_yaw(table))
        for key in self.LABEL_LISTS:
            metadata[key] = label_names(metadata, key, self.source)
        _check_rows(table, metadata, self.source)

        self._keep(table, metadata, {"image": blobs})
        self._pixels = _Pixels(blobs, table, self.source)
        self._pixels.check_headers()
        if table["view"].nunique() == 1:
            warnings.warn(
                f"{self.source} has one view only ({table['view'][0]!r}). Multi-view learning is "
                "lost: an image has no other view of its instance as a positive (only its own "
                "augmentations: set augmentations=2), and per-view and cross-view results say "
                "nothing.",
                UserWarning,
                stacklevel=3,
            )

    @classmethod
    def read(cls, path: str | os.PathLike, in_memory: bool | None = None) -> PreparedImages:
        """Read and validate one prepared Parquet file.

        Args:
            in_memory: False leaves the encoded images in the file, which must stay there, and
                reads them as they are used. None does so where the decoded images would take more
                than a gibibyte.

        Raises:
            PreparedError: there is no such file, it is a folder, it is not a Parquet file, it is
                of another format version, or its content fails the checks of the class.
        """
        path = Path(path)
        file = cls._open(path)
        names = file.schema_arrow.names
        if in_memory is None:
            with readable(path):
                in_memory = "image" not in names or _is_small(file)
        if in_memory:
            return super().read(path)
        with readable(path):
            arrow = file.read([name for name in names if name != "image"])
            arrow.validate(full=True)
        table = read_frame(arrow, path)
        _check_columns(table, names, str(path))
        new = object.__new__(cls)
        metadata = cls._read_metadata(arrow.schema.metadata, path)
        new._set_up(table, metadata, str(path), FileMedia(path, "image"))
        return new

    @property
    def expressions(self) -> tuple[str, ...]:
        return tuple(self.metadata["expressions"])

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(self.metadata["views"])

    @property
    def image_size(self) -> tuple[int, int]:
        return self._pixels.size

    @cached_property
    def labels(self) -> np.ndarray:
        return codes(self.table["expression"], self.expressions)

    @cached_property
    def view_ids(self) -> np.ndarray:
        return codes(self.table["view"], self.views)

    @cached_property
    def instance_ids(self) -> np.ndarray:
        return codes(self.table["instance"], sorted(set(self.table["instance"])))

    def __repr__(self) -> str:
        height, width = self.image_size
        title = " ".join(str(self.metadata[k]) for k in ("name", "version") if k in self.metadata)
        counts = {k: int(self.table[k].nunique()) for k in ("subject", "session", "instance")}
        return (
            f"PreparedImages {title}: {len(self):,} images of {height}×{width} px\n"
            f"  {counts['subject']:,} subjects, {counts['instance']:,} instances, "
            f"{counts['session']} sessions\n"
            f"  expressions: {', '.join(self.expressions)}\n"
            f"  views: {', '.join(self.views)}\n"
            f"  licence: {self.metadata.get('licence', 'not stated')}"
        )

    def images(self, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Decoded images, uint8 (N, H, W, 3) RGB.

        Each is decoded once and kept in memory, unless all of them would take more than a gibibyte.

        Raises:
            PreparedError: an image is broken; names row, subject and instance.
        """
        return self._pixels.get(self._rows[row_numbers(indices, len(self))])

    def subset(self, indices: Sequence[int] | np.ndarray) -> PreparedImages:
        """The given rows, in that order, sharing the decoded images with this data set."""
        new = super().subset(indices)
        new._pixels = self._pixels
        return new

    def _about(self) -> dict[str, Any]:
        return {"image_size": list(self.image_size)}


def _describe(table: pd.DataFrame, row: int) -> str:
    names = (f"{name} {table[name].iat[row]!r}" for name in ("subject", "instance", "view"))
    return f"row {row} ({', '.join(names)})"


def _is_small(file: pq.ParquetFile) -> bool:
    """Whether the decoded images fit into memory; also where the first one is broken."""
    first = next(file.iter_batches(1, columns=["image"]), None)
    if first is None or (blob := first.column(0)[0].as_py()) is None:
        return True
    try:
        return fits_in_memory(file.metadata.num_rows, _size(blob))
    except OSError:
        return True


def _size(blob: bytes) -> tuple[int, int]:
    """Height and width of an encoded image."""
    if (size := webp_size(blob)) is not None:
        return size
    from PIL import Image

    with Image.open(io.BytesIO(blob)) as picture:
        width, height = picture.size
    return height, width


def _check_columns(table: pd.DataFrame, names: Sequence[str], source: str) -> None:
    """Raise PreparedError if one of `COLUMNS` is not in `names`, or has nulls in the table."""
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        hint = ""
        if "video" in names:
            hint = " With a column 'video' it may be for fermodels.clips.PreparedClips."
        raise PreparedError(
            f"{source}: missing column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, names))}. Prepared images need {', '.join(COLUMNS)}."
            f"{hint}"
        )
    if len(table) == 0:
        raise PreparedError(f"{source} has no rows")
    for column in table.columns.intersection(COLUMNS):
        null = table[column].isna().to_numpy()
        if null.any():
            raise PreparedError(
                f"{source}: row {int(null.argmax())}, column {column!r} is empty (null); "
                f"{int(null.sum())} such rows. Fill it, or leave these rows out."
            )


def _degrees(table: pd.DataFrame, column: str, source: str) -> np.ndarray:
    try:
        values = table[column].to_numpy(dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise PreparedError(f"{source}: column {column!r} must be degrees ({error})") from error
    if not np.isfinite(values).all():
        row = int((~np.isfinite(values)).argmax())
        raise PreparedError(f"{source}: row {row}, column {column!r} is {values[row]}, not degrees")
    return values


def _views_by_yaw(table: pd.DataFrame) -> list[str]:
    yaw = table.groupby("view")["yaw"].mean()
    return sorted(yaw.index, key=lambda view: (float(yaw[view]), view))


def _check_rows(table: pd.DataFrame, metadata: Mapping[str, Any], source: str) -> None:
    for column, key in (("expression", "expressions"), ("view", "views")):
        bad = ~table[column].isin(metadata[key]).to_numpy()
        if bad.any():
            row = int(bad.argmax())
            raise PreparedError(
                f"{source}: row {row}, column {column!r}: unknown {column} "
                f"{table[column].iat[row]!r}; this data set knows {', '.join(metadata[key])} "
                f"(metadata {key!r})."
            )
    for column in ("subject", "expression"):
        pairs = table[["instance", column]].drop_duplicates()
        twice = pairs[pairs["instance"].duplicated()]
        if len(twice):
            row, name = int(twice.index[0]), twice["instance"].iloc[0]
            both = sorted(pairs[pairs["instance"] == name][column])
            raise PreparedError(
                f"{source}: row {row}, column {column!r}: instance {name!r} has two {column}s "
                f"({', '.join(both)}). An instance is one subject showing one expression at one "
                "moment."
            )
    twice = table.duplicated(["instance", "view", "session"]).to_numpy()
    if twice.any():
        row = int(twice.argmax())
        raise PreparedError(
            f"{source}: {_describe(table, row)}: session {table['session'].iat[row]!r} has this "
            "instance and view already. Leave one of the rows out, or give it its own instance."
        )
    check_official_split(table, source)
