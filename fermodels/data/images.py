"""The prepared data set of images: one Parquet file of encoded images and what is known of each.

A row is one image. Images of the same moment from several cameras share `instance`.
The file opens in pandas, DuckDB and Hugging Face `datasets` without this package.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.data.columns import (
    as_optional_text,
    as_text,
    check_official_split,
    codes,
    label_names,
)
from fermodels.data.errors import PreparedError
from fermodels.data.file_media import FileMedia
from fermodels.data.indices import resolve_indices
from fermodels.data.names import natural_key
from fermodels.data.pixels import Pixels, describe, is_small
from fermodels.data.table import PreparedTable, read_frame, readable
from fermodels.data.vocabulary import EXPRESSIONS, UNKNOWN_VIEW

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

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

_NEVER_NULL = ("image", "session", "instance")
_UNKNOWN_SUBJECT = "unknown:"  # and the name of the instance


class PreparedImages(PreparedTable):
    """Multi-view face images with subject, expression, view, session and instance.

    What is not known of an image is null, in the table that is given and in the file:

    - `expression`: unlabelled. `labels` is −1 there. The images of an instance are labelled
      together or not at all.
    - `subject`: each instance counts as a person of its own, called "unknown:" and the instance's
      name in `table`; `known_subjects` says which rows are named. Whoever is shown in several such
      instances may then be on both sides of a split by subject, which warns of it.
    - `view`: the view is called "unknown", the last of `views`. As every view it can be there once
      in an instance and session: cameras whose angles are not known are better called
      "camera 1", "camera 2".
    - `yaw`, `pitch`: NaN in `table`.

    Args:
        table: one row an image, with the columns of `COLUMNS` (`image` holds encoded bytes),
            optionally `split`, and any further columns, which are kept.
        metadata: name, version, licence, citation, description, `expressions` (label order =
            class index) and `views`. Without the two lists, expressions follow `EXPRESSIONS`
            and views their yaw.
        source: what error messages call this data set.

    Attributes:
        table: DataFrame without the image column, index 0…N−1. `yaw`, `pitch` in degrees.
        metadata, expressions, views: of the file.
        image_size: (H, W) in pixels.
        labels: int64 (N,), indices into `expressions`, −1 = unlabelled.
        view_ids: int64 (N,), indices into `views`.
        subject_ids, instance_ids: int64 (N,), indices into the sorted names in this table.
        known_subjects: bool (N,).

    Raises:
        PreparedError: a column is missing; an image, a session or an instance is null; an
            expression or view is not in the metadata's list; an instance has two subjects, two
            expressions (none is one too), or one view twice in a session; a subject is in two
            official splits; an image is broken or of another size.

    Warns:
        UserWarning: there is one view only, and it has a name.

    Example::

        images = PreparedImages.read("data/anny_views_kdef.parquet")
        images = PreparedImages.from_folder("pictures/", labels="folders")
    """

    FORMAT = "fermodels-images"
    FRACTIONS = FRACTIONS
    MEDIA: ClassVar = {"image": "the bytes of an encoded image (WebP, PNG, JPEG)"}
    LABEL = "expression"
    LABEL_LISTS = ("expressions", "views")
    ROW_GROUP = 1024
    ROWS, WHAT, ID = "images", "multi-view images", "instance"
    ROW_LEAK = (
        "photographs of one person, even of one moment, on both sides: a model is then tested on "
        "faces that it has seen"
    )
    FOLDER_ADVICE = "PreparedImages.from_folder takes a folder of images as it is."

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
        for column in ("session", "instance"):
            table[column] = as_text(table, column, self.source)
        own = _UNKNOWN_SUBJECT + table["instance"]
        for column, stand_in in (("subject", own), ("view", UNKNOWN_VIEW)):
            missing = table[column].isna()
            table[column] = as_text(table, column, self.source).where(~missing, stand_in)
        table["expression"] = as_optional_text(table, "expression", self.source)
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
        if UNKNOWN_VIEW in set(table["view"]) - set(metadata["views"]):
            metadata["views"] = [*metadata["views"], UNKNOWN_VIEW]
        _check_rows(table, metadata, self.source)

        self._keep(table, metadata, {"image": blobs})
        self._pixels = Pixels(blobs, table, self.source)
        self._pixels.check_headers()
        if table["view"].nunique() == 1 and table["view"][0] != UNKNOWN_VIEW:
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
        path = given_path(path)
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

    @classmethod
    def from_folder(
        cls,
        folder: str | os.PathLike,
        *,
        size: int = 96,
        labels: str | None = None,
        subject: str | re.Pattern | Callable[[str], str | None] | None = None,
        progress: bool | None = None,
    ) -> PreparedImages:
        """The images of a plain folder, as they are: no face is looked for.

        Every file that Pillow can read, in the folder and those below it, in natural order (im9
        before im10); hidden files and those of the operating system are passed over. Each image is
        turned as its EXIF data say, brought to RGB, resized so that its short side has `size`
        pixels, and cut to the square in the middle. Angles and views are not known, and each image
        is an instance of its own, named by its path in the folder. To look for faces, to crop
        around them or to say which images are views of one moment, import the folder with
        ``python -m data_prep image-folder``.

        Args:
            folder: its path; ~ is the home folder.
            size: side of the images in pixels. 96 is what the data sets of the course have: twice
                the input of the small encoder, so that augmentation can crop.
            labels: "folders" takes the name of the folder that an image lies in as its expression
                (``happy/im01.jpg``); images at the top are unlabelled. None labels nothing.
            subject: who is shown: a function from an image's path in the folder ("happy/im01.jpg")
                to a name, or a regular expression that finds the name in it (its group `subject`,
                its first group, or all that matches). None, or nothing found, means that it is not
                known. See the class for what that means.
            progress: a bar with the time left; None shows one for work of more than a few seconds.

        Returns:
            The images, in memory; `write` makes a prepared file of them.

        Raises:
            PreparedError: there is no such folder, there are no images in it, or none can be read.
            ValueError: `size`, `labels` or `subject` is none of the above.

        Warns:
            UserWarning: some images cannot be read; once, with their number and the first names.

        Example::

            from fermodels import evaluation
            from fermodels.data import PreparedImages
            from fermodels.training import recipes

            images = PreparedImages.from_folder("pictures/")
            encoder, history = recipes.pretrain("simclr", images, images_seen=50_000)
            h = evaluation.embed(encoder, images)  # (N, 256)
        """
        from fermodels.data.folder import table_of_folder

        table, metadata = table_of_folder(folder, size, labels, subject, progress)
        return cls(table, metadata, source=str(folder))

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

    @property
    def known_subjects(self) -> np.ndarray:
        """bool (N,), whether it is known who is shown."""
        own = _UNKNOWN_SUBJECT + self.table["instance"]
        return (self.table["subject"] != own).to_numpy(dtype=bool)

    def __repr__(self) -> str:
        height, width = self.image_size
        title = " ".join(str(self.metadata[k]) for k in ("name", "version") if k in self.metadata)
        counts = {k: int(self.table[k].nunique()) for k in ("session", "instance")}
        known = self.known_subjects
        people = f"{self.table['subject'][known].nunique():,} subjects"
        if not known.all():
            people += f" ({int((~known).sum()):,} images of nobody known)"
        unlabelled = int((self.labels < 0).sum())
        more = f" ({unlabelled:,} images are unlabelled)" if unlabelled else ""
        return (
            f"PreparedImages {title}: {len(self):,} images of {height}×{width} px\n"
            f"  {people}, {counts['instance']:,} instances, {counts['session']} sessions\n"
            f"  expressions: {', '.join(self.expressions)}{more}\n"
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

    def _arrow(self) -> pa.Table:
        import pyarrow as pa

        arrow = super()._arrow()
        # What is not known is null in the file. Where all is, pandas does not know of what kind.
        unknown = {
            "subject": ~self.known_subjects,
            "view": (self.table["view"] == UNKNOWN_VIEW).to_numpy(dtype=bool),
            "expression": self.labels < 0,
        }
        for column, missing in unknown.items():
            if missing.any():
                values = pa.array(self.table[column].astype(object), pa.string(), mask=missing)
                arrow = arrow.set_column(arrow.column_names.index(column), column, values)
        return arrow


def _check_columns(table: pd.DataFrame, names: Sequence[str], source: str) -> None:
    """Raise PreparedError if one of `COLUMNS` is not in `names`, or has nulls that it must not."""
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        hint = ""
        if "video" in names:
            hint = " With a column 'video' it may be for fermodels.data.PreparedClips."
        raise PreparedError(
            f"{source}: missing column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, names))}. Prepared images need {', '.join(COLUMNS)} (all but "
            f"image, session and instance may be null where they are not known).{hint}"
        )
    if len(table) == 0:
        raise PreparedError(f"{source} has no rows")
    for column in table.columns.intersection(_NEVER_NULL):
        null = table[column].isna().to_numpy()
        if null.any():
            raise PreparedError(
                f"{source}: row {int(null.argmax())}, column {column!r} is empty (null); "
                f"{int(null.sum())} such rows. Fill it, or leave these rows out."
            )


def _degrees(table: pd.DataFrame, column: str, source: str) -> np.ndarray:
    """Float32 degrees, NaN where they are not known."""
    try:
        values = table[column].to_numpy(dtype=np.float32, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise PreparedError(f"{source}: column {column!r} must be degrees ({error})") from error
    endless = np.isinf(values)
    if endless.any():
        row = int(endless.argmax())
        raise PreparedError(
            f"{source}: row {row}, column {column!r} is {values[row]}, not degrees; null means "
            "that they are not known."
        )
    return values


def _views_by_yaw(table: pd.DataFrame) -> list[str]:
    """From left to right, then those whose yaw is not known."""
    yaw = table.groupby("view")["yaw"].mean()

    def place(view: str) -> tuple:
        angle = float(yaw[view])
        known = angle == angle
        return view == UNKNOWN_VIEW, not known, angle if known else 0.0, natural_key(view)

    return sorted(yaw.index, key=place)


def _check_rows(table: pd.DataFrame, metadata: Mapping[str, Any], source: str) -> None:
    for column, key in (("expression", "expressions"), ("view", "views")):
        bad = (table[column].notna() & ~table[column].isin(metadata[key])).to_numpy()
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
            both = pairs[pairs["instance"] == name][column]
            both = sorted(both.astype(object).where(both.notna(), "none").tolist())
            raise PreparedError(
                f"{source}: row {row}, column {column!r}: instance {name!r} has two {column}s "
                f"({', '.join(both)}). An instance is one subject showing one expression at one "
                f"moment: give all of its images the same {column}, or all of them none (null)."
            )
    twice = table.duplicated(["instance", "view", "session"]).to_numpy()
    if twice.any():
        row = int(twice.argmax())
        raise PreparedError(
            f"{source}: {describe(table, row)}: session {table['session'].iat[row]!r} has this "
            "instance and view already. Leave one of the rows out, or give it its own instance."
        )
    check_official_split(table, source)
