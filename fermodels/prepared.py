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

from fermodels.prepared_table import (
    PreparedError,
    PreparedTable,
    as_text,
    check_official_split,
    codes,
    label_names,
)

if TYPE_CHECKING:
    import pandas as pd

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


class _Pixels:
    """The encoded images and, once asked for, the decoded ones; shared by all subsets."""

    def __init__(self, blobs: list[bytes], describe: list[str], source: str) -> None:
        self.blobs, self.describe, self.source = blobs, describe, source
        self.size = self._header(0) if blobs else (0, 0)
        self.array: np.ndarray | None = None
        self.done = np.zeros(len(blobs), dtype=bool)

    def check_headers(self) -> None:
        for row in range(len(self.blobs)):
            size = self._header(row)
            if size != self.size:
                raise PreparedError(
                    f"{self.source}: {self.describe[row]}, column 'image': the image is "
                    f"{size[0]}×{size[1]} px (height×width), but the first row's is "
                    f"{self.size[0]}×{self.size[1]}. All views must have one size: crop or resize "
                    "them when preparing the data."
                )

    def get(self, rows: np.ndarray) -> np.ndarray:
        if self.array is None:
            self.array = np.empty((len(self.blobs), *self.size, 3), dtype=np.uint8)
        missing = np.unique(rows[~self.done[rows]])
        if len(missing):
            # PIL releases the interpreter lock while decoding, so threads are enough.
            with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
                for _ in pool.map(self._decode, missing.tolist(), chunksize=64):
                    pass
        return self.array[rows]  # (N, H, W, 3)

    def _decode(self, row: int) -> None:
        from PIL import Image

        try:
            with Image.open(io.BytesIO(self.blobs[row])) as picture:
                pixels = np.asarray(picture.convert("RGB"))
        except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, …
            raise self._bad(row, error) from error
        self.array[row] = pixels
        self.done[row] = True

    def _header(self, row: int) -> tuple[int, int]:
        from PIL import Image

        try:
            with Image.open(io.BytesIO(self.blobs[row])) as picture:
                width, height = picture.size
        except Exception as error:
            raise self._bad(row, error) from error
        return height, width

    def _bad(self, row: int, error: Exception) -> PreparedError:
        size = len(self.blobs[row])
        return PreparedError(
            f"{self.source}: {self.describe[row]}, column 'image': these {size:,} bytes are not a "
            f"complete image ({error}). Encode this photograph again, or leave its row out."
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
        self.source = str(source)
        _check_columns(table, self.source)
        blobs = [bytes(blob) for blob in table["image"]]
        table = table.drop(columns="image").reset_index(drop=True)
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
        self._pixels = _Pixels(blobs, _describe(table), self.source)
        self._pixels.check_headers()
        if table["view"].nunique() == 1:
            warnings.warn(
                f"{self.source} has one view only ({table['view'][0]!r}). Multi-view learning is "
                "lost: an image has no other view of its instance as a positive (only its own "
                "augmentations: set augmentations=2), and per-view and cross-view results say "
                "nothing.",
                UserWarning,
                stacklevel=2,
            )

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
        """Decoded images, uint8 (N, H, W, 3) RGB; each is decoded once and kept in memory.

        Raises:
            PreparedError: an image is broken; names row, subject and instance.
        """
        return self._pixels.get(self._rows if indices is None else self._rows[self._index(indices)])

    def subset(self, indices: Sequence[int] | np.ndarray) -> PreparedImages:
        """The given rows, in that order, sharing the decoded images with this data set."""
        new = super().subset(indices)
        new._pixels = self._pixels
        return new

    def _about(self) -> dict[str, Any]:
        return {"image_size": list(self.image_size)}


def _describe(table: pd.DataFrame) -> list[str]:
    names = zip(table["subject"], table["instance"], table["view"], strict=True)
    return [
        f"row {row} (subject {subject!r}, instance {instance!r}, view {view!r})"
        for row, (subject, instance, view) in enumerate(names)
    ]


def _check_columns(table: pd.DataFrame, source: str) -> None:
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        hint = ""
        if "video" in table.columns:
            hint = " With a column 'video' it may be for fermodels.clips.PreparedClips."
        raise PreparedError(
            f"{source}: missing column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, table.columns))}. Prepared images need {', '.join(COLUMNS)}."
            f"{hint}"
        )
    if len(table) == 0:
        raise PreparedError(f"{source} has no rows")
    for column in COLUMNS:
        null = table[column].isna().to_numpy()
        if null.any():
            raise PreparedError(
                f"{source}: row {int(null.argmax())}, column {column!r} is empty (null); "
                f"{int(null.sum())} such rows. Fill it, or leave these rows out."
            )
    for row, blob in enumerate(table["image"]):
        if not isinstance(blob, (bytes, bytearray, memoryview)):
            raise PreparedError(
                f"{source}: row {row}, column 'image' holds {type(blob).__name__}, not the bytes "
                "of an encoded image"
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
            f"{source}: {_describe(table)[row]}: session {table['session'].iat[row]!r} has this "
            "instance and view already. Leave one of the rows out, or give it its own instance."
        )
    check_official_split(table, source)
