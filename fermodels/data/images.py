"""The prepared data set of images: one Parquet file of encoded images and what is known of each.

A row is one image. Images of the same moment from several cameras share `instance`.
The file opens in pandas, DuckDB and Hugging Face `datasets` without this package.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fermodels.data.file_media import FileMedia
from fermodels.data.indices import resolve_indices
from fermodels.data.pixels import Pixels, describe, is_small
from fermodels.data.table import (
    PreparedError,
    PreparedTable,
    as_text,
    check_official_split,
    codes,
    label_names,
    read_frame,
    readable,
)
from fermodels.data.vocabulary import EXPRESSIONS

if TYPE_CHECKING:
    import pandas as pd

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
        self._pixels = Pixels(blobs, table, self.source)
        self._pixels.check_headers()
        if table["view"].nunique() == 1:
            warnings.warn(
                f"{self.source} has one view only ({table['view'][0]!r}). Multi-view learning is "
                "lost: an image has no other view of its instance as a positive (only its own "
                "augmentations: set num_augmentations=2), and per-view and cross-view results say "
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
                in_memory = "image" not in names or is_small(file)
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
        return self._pixels.get(self._rows[resolve_indices(indices, len(self))])

    def subset(self, indices: Sequence[int] | np.ndarray) -> PreparedImages:
        """The given rows, in that order, sharing the decoded images with this data set."""
        new = super().subset(indices)
        new._pixels = self._pixels
        return new

    def _about(self) -> dict[str, Any]:
        return {"image_size": list(self.image_size)}


def _check_columns(table: pd.DataFrame, names: Sequence[str], source: str) -> None:
    """Raise PreparedError if one of `COLUMNS` is not in `names`, or has nulls in the table."""
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        hint = ""
        if "video" in names:
            hint = " With a column 'video' it may be for fermodels.data.PreparedClips."
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
            f"{source}: {describe(table, row)}: session {table['session'].iat[row]!r} has this "
            "instance and view already. Leave one of the rows out, or give it its own instance."
        )
    check_official_split(table, source)
