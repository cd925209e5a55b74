"""The prepared data set: one Parquet file of encoded photographs and what is known of each.

A row is one photograph. Photographs of the same moment from several cameras share `instance`.
The file opens in pandas, DuckDB and Hugging Face `datasets` without this package.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

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
FORMAT, FORMAT_VERSION = "fermodels-images", 1

_KEY = b"fermodels"
_TEXT = ("subject", "expression", "view", "session", "instance")
_SPLIT_ORDER = ("train", "val", "test")


class PreparedError(ValueError):
    """A prepared data set that cannot be used; the message names the file, row and column."""


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


class PreparedImages:
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

    def __init__(
        self, table: pd.DataFrame, metadata: Mapping[str, Any], source: str = "<memory>"
    ) -> None:
        self.source = str(source)
        _check_columns(table, self.source)
        blobs = [bytes(blob) for blob in table["image"]]
        table = table.drop(columns="image").reset_index(drop=True)
        for column in _TEXT:
            table[column] = table[column].astype(str)
        for column in ("yaw", "pitch"):
            table[column] = _degrees(table, column, self.source)
        metadata = dict(metadata)
        metadata.setdefault("name", Path(self.source).stem.strip("<>"))
        if "expressions" not in metadata:
            present = set(table["expression"])
            known = [name for name in EXPRESSIONS if name in present]
            metadata["expressions"] = known or list(EXPRESSIONS)
        metadata.setdefault("views", _views_by_yaw(table))
        metadata["expressions"] = list(metadata["expressions"])
        metadata["views"] = list(metadata["views"])
        _check_rows(table, metadata, self.source)

        self.table = table
        self.metadata = metadata
        self._rows = np.arange(len(table))
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

    @classmethod
    def read(cls, path: str | os.PathLike) -> PreparedImages:
        """Read and validate one prepared Parquet file.

        Raises:
            PreparedError: there is no such file, it is a folder, it is not a Parquet file, it is
                of another format version, or its content fails the checks of the class.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(path)
        _check_path(path)
        try:
            arrow = pq.read_table(path, partitioning=None)
        except (pa.ArrowInvalid, OSError) as error:
            raise PreparedError(
                f"{path} is not a readable Parquet file ({error}). It may be a raw data set, a Git "
                "LFS pointer or a broken download: prepare or fetch it again."
            ) from error
        metadata = _read_metadata(arrow.schema.metadata or {}, path)
        if "image" in arrow.column_names:
            kind = arrow.schema.field("image").type
            if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
                raise PreparedError(
                    f"{path}: column 'image' is {kind}; it must be binary, the bytes of an "
                    "encoded image (WebP, PNG, JPEG)."
                )
        return cls(arrow.to_pandas(), metadata, source=str(path))

    def write(self, path: str | os.PathLike) -> Path:
        """Write this data set as one Parquet file; the old file stays until the new is whole."""
        import pyarrow.parquet as pq

        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        arrow = self._arrow()
        columns = _leaf_paths(arrow)
        other = [name for name in columns if name != "image"]
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            pq.write_table(
                arrow,
                part,
                row_group_size=1024,
                # WebP, PNG and JPEG are compressed already, and no two are equal.
                compression={name: "NONE" if name == "image" else "ZSTD" for name in columns},
                use_dictionary=other,
                write_statistics=other,
            )
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        return path

    @classmethod
    def concat(cls, parts: Sequence[PreparedImages]) -> PreparedImages:
        """Put data sets under each other; metadata is the first's, label lists are united.

        Raises:
            PreparedError: image sizes differ, or data sets of different names share a subject name
                (they would be taken for one person: prefix the names).
        """
        import pandas as pd

        if not parts:
            raise PreparedError("concat needs at least one data set, got none")
        owners: dict[str, str] = {}
        for part in parts:
            name = part.metadata["name"]
            for subject in part.table["subject"].unique():
                if owners.setdefault(subject, name) != name:
                    raise PreparedError(
                        f"subject {subject!r} is in {owners[subject]!r} and in {name!r}: the same "
                        "name would make two people one. Prefix the subjects and instances of one."
                    )
        frames = [part.table.assign(image=part._blobs()) for part in parts]
        metadata = dict(parts[0].metadata)
        for key in ("expressions", "views"):
            metadata[key] = list(dict.fromkeys(x for part in parts for x in part.metadata[key]))
        return cls(pd.concat(frames, ignore_index=True), metadata, source=parts[0].source)

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
        return _codes(self.table["expression"], self.expressions)

    @cached_property
    def view_ids(self) -> np.ndarray:
        return _codes(self.table["view"], self.views)

    @cached_property
    def subject_ids(self) -> np.ndarray:
        return _codes(self.table["subject"], sorted(set(self.table["subject"])))

    @cached_property
    def instance_ids(self) -> np.ndarray:
        return _codes(self.table["instance"], sorted(set(self.table["instance"])))

    def __len__(self) -> int:
        return len(self.table)

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
        chosen = self._index(indices)
        new = object.__new__(type(self))
        new.source, new.metadata = self.source, dict(self.metadata)
        new.table = self.table.iloc[chosen].reset_index(drop=True)
        new._rows, new._pixels = self._rows[chosen], self._pixels
        return new

    def split(
        self,
        by: str = "subject",
        fractions: Mapping[str, float] | None = None,
        seed: int = 0,
        stratify: str | None = "gender",
    ) -> dict[str, np.ndarray]:
        """Split into named parts, row indices int64 each, sorted.

        Args:
            by: "subject" keeps every image of a person in one part. "official" takes the column
                `split` (rows without one are in no part). "row" deals images out one by one and is
                here only to show the leak: the same face, often the same moment, is on both sides.
            fractions: share of the subjects (or rows) of each part, 1 in all. Counts are rounded by
                largest remainder, each part gets at least one. The default, `FRACTIONS`, makes 48
                train, 10 val and 12 test subjects of KDEF's 70.
            seed: same seed, same names, same split, on every machine.
            stratify: a column that is constant within a subject, to be balanced over the parts as
                well as it goes; None, or no column "gender", means no balancing.

        Raises:
            PreparedError: there are fewer subjects than parts, no column `split`, …
        """
        if by == "official":
            return self._official_split()
        fractions = dict(FRACTIONS if fractions is None else fractions)
        if by == "row":
            warnings.warn(
                "split(by='row') puts photographs of one person, even of one moment, on both "
                "sides: a model is then tested on faces that it has seen. Use by='subject'.",
                UserWarning,
                stacklevel=2,
            )
            order = _shuffled(len(self), seed)
            parts = _deal(order, fractions, "images", self.source)
            return {name: np.sort(rows) for name, rows in parts.items()}
        if by != "subject":
            raise ValueError(f"split by must be 'subject', 'official' or 'row', got {by!r}")
        subjects = np.array(sorted(set(self.table["subject"])))
        strata = self._strata(subjects, stratify)
        # Within a stratum at random, the strata interleaved evenly: any cut is then balanced.
        rank = np.empty(len(subjects))
        order = _shuffled(len(subjects), seed)
        for stratum in sorted(set(strata)):
            members = order[strata[order] == stratum]
            rank[members] = (np.arange(len(members)) + 0.5) / len(members)
        order = order[np.argsort(rank[order], kind="stable")]
        parts = _deal(order, fractions, "subjects", self.source)
        return {
            name: np.flatnonzero(np.isin(self.subject_ids, chosen)).astype(np.int64)
            for name, chosen in parts.items()
        }

    def check_split(self, splits: Mapping[str, Sequence[int] | np.ndarray]) -> None:
        """Raise PreparedError if a subject is in two of the parts (row indices by name)."""
        owner: dict[str, str] = {}
        subjects = self.table["subject"].to_numpy()
        for name, indices in splits.items():
            for subject in sorted(set(subjects[self._index(indices)])):
                if owner.setdefault(subject, name) != name:
                    raise PreparedError(
                        f"{self.source}: subject {subject!r} is in the splits {owner[subject]!r} "
                        f"and {name!r}, so results would be measured on people seen in training. "
                        "Split by subject: split(by='subject')."
                    )

    def fingerprint(self) -> str:
        """SHA-256 (hex) over every image and every column, the same for equal content."""
        digest = hashlib.sha256(json.dumps([self.expressions, self.views]).encode())
        for column in sorted(self.table.columns):
            values = [_plain(value) for value in self.table[column].tolist()]
            digest.update(json.dumps([column, values], ensure_ascii=True).encode())
        for blob in self._blobs():
            digest.update(hashlib.sha256(blob).digest())
        return digest.hexdigest()

    def _blobs(self) -> list[bytes]:
        return [self._pixels.blobs[row] for row in self._rows]

    def _arrow(self) -> pa.Table:
        import pyarrow as pa

        arrow = pa.Table.from_pandas(self.table, preserve_index=False)
        arrow = arrow.add_column(0, "image", pa.array(self._blobs(), type=pa.binary()))
        height, width = self.image_size
        about = {"format": FORMAT, "format_version": FORMAT_VERSION} | self.metadata
        about["image_size"] = [height, width]
        # Only our own key: pandas' would tie the bytes of the file to the version of pandas.
        text = json.dumps(about, ensure_ascii=False, default=_plain)
        return arrow.replace_schema_metadata({_KEY: text.encode()})

    def _index(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        index = np.asarray(indices)
        if index.dtype == bool:
            if index.shape != (len(self),):
                raise IndexError(f"a mask must have shape ({len(self)},), got {index.shape}")
            return np.flatnonzero(index)
        if index.size == 0:
            return np.zeros(0, dtype=np.int64)
        if index.ndim != 1 or not np.issubdtype(index.dtype, np.integer):
            raise IndexError(f"expected row numbers (K,), got {index.dtype} {index.shape}")
        if index.min() < -len(self) or index.max() >= len(self):
            raise IndexError(
                f"row {index.max() if index.max() >= len(self) else index.min()} is outside "
                f"this data set of {len(self)} rows"
            )
        return index.astype(np.int64) % len(self)

    def _strata(self, subjects: np.ndarray, column: str | None) -> np.ndarray:
        if column is None or (column == "gender" and column not in self.table):
            return np.zeros(len(subjects), dtype=np.int64)
        if column not in self.table:
            raise PreparedError(f"{self.source}: no column {column!r} to stratify by")
        pairs = self.table[["subject", column]].astype({column: object})
        pairs[column] = pairs[column].where(pairs[column].notna(), "").astype(str)
        pairs = pairs.drop_duplicates()
        twice = pairs[pairs["subject"].duplicated()]
        if len(twice):
            raise PreparedError(
                f"{self.source}: subject {twice['subject'].iloc[0]!r} has several values of "
                f"{column!r}; split can only balance what is constant within a subject"
            )
        return pairs.set_index("subject")[column].loc[subjects].to_numpy().astype(str)

    def _official_split(self) -> dict[str, np.ndarray]:
        if "split" not in self.table or self.table["split"].isna().all():
            raise PreparedError(
                f"{self.source} has no official split (column 'split'). Use split(by='subject')."
            )
        values = self.table["split"]
        names = sorted(set(values.dropna()), key=lambda x: (_official_rank(x), x))
        return {name: np.flatnonzero((values == name).fillna(False)) for name in names}


def _official_rank(name: str) -> int:
    return _SPLIT_ORDER.index(name) if name in _SPLIT_ORDER else len(_SPLIT_ORDER)


def _describe(table: pd.DataFrame) -> list[str]:
    names = zip(table["subject"], table["instance"], table["view"], strict=True)
    return [
        f"row {row} (subject {subject!r}, instance {instance!r}, view {view!r})"
        for row, (subject, instance, view) in enumerate(names)
    ]


def _check_path(path: Path) -> None:
    advice = "Prepare one with `python -m data_prep`, or check the path."
    if path.is_dir():
        found = sorted(p.name for p in path.glob("*.parquet"))
        if not any(path.iterdir()):
            raise PreparedError(f"{path} is an empty folder, not a prepared Parquet file. {advice}")
        hint = f" Did you mean one of {', '.join(found[:5])} in it?" if found else f" {advice}"
        raise PreparedError(f"{path} is a folder, not a prepared Parquet file.{hint}")
    if not path.exists():
        beside = sorted(p.name for p in path.parent.glob("*.parquet"))  # none without the folder
        hint = f" In {path.parent} there are: {', '.join(beside[:5])}." if beside else ""
        raise PreparedError(f"there is no file {path} (looked in {Path.cwd()}).{hint} {advice}")


def _read_metadata(schema: Mapping[bytes, bytes], path: Path) -> dict[str, Any]:
    if _KEY not in schema:
        return {}
    try:
        metadata = json.loads(schema[_KEY])
        kind, version = metadata.get("format"), metadata.get("format_version")
    except (ValueError, AttributeError) as error:
        raise PreparedError(f"{path}: its 'fermodels' metadata is not a JSON object") from error
    if kind != FORMAT:
        raise PreparedError(f"{path} has the format {kind!r}; multi-view images are {FORMAT!r}")
    if version != FORMAT_VERSION:
        raise PreparedError(
            f"{path} has format version {version}; this fermodels reads version {FORMAT_VERSION}. "
            "Update fermodels, or prepare the file again."
        )
    return metadata


def _check_columns(table: pd.DataFrame, source: str) -> None:
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise PreparedError(
            f"{source}: missing column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, table.columns))}. Prepared images need {', '.join(COLUMNS)}."
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
    if "split" in table:
        pairs = table[["subject", "split"]].dropna().drop_duplicates()
        twice = pairs[pairs["subject"].duplicated()]
        if len(twice):
            name = twice["subject"].iloc[0]
            both = ", ".join(sorted(pairs[pairs["subject"] == name]["split"]))
            raise PreparedError(
                f"{source}: row {int(twice.index[0])}, column 'split': subject {name!r} is in two "
                f"splits ({both}). Results would be measured on people seen in training."
            )


def _codes(column: pd.Series, names: Sequence[str]) -> np.ndarray:
    code = {name: i for i, name in enumerate(names)}
    return np.fromiter((code[value] for value in column), dtype=np.int64, count=len(column))


def _plain(value: Any) -> Any:
    """A value that JSON can hold; every kind of missing value becomes None."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return None if value != value else value
    return None if value is None or value != value else str(value)


def _shuffled(count: int, seed: int) -> np.ndarray:
    # NumPy promises the raw stream of a bit generator for ever, but not that of `permutation`.
    return np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable")


def _deal(
    order: np.ndarray, fractions: Mapping[str, float], what: str, source: str
) -> dict[str, np.ndarray]:
    """Cut `order` into consecutive parts of the given fractions, by largest remainder."""
    share = np.array(list(fractions.values()), dtype=np.float64)
    if len(share) == 0 or (share <= 0).any() or abs(share.sum() - 1) > 1e-6:
        raise ValueError(f"fractions must be positive and add up to 1, got {dict(fractions)}")
    if len(order) < len(share):
        raise PreparedError(
            f"{source} has {len(order)} {what}, too few for the {len(share)} parts "
            f"{', '.join(fractions)}"
        )
    exact = np.round(share * len(order), 9)
    counts = np.floor(exact).astype(int)
    # Equal remainders go to the later part, so that the test part is not below validation.
    by_remainder = sorted(range(len(share)), key=lambda i: (-(exact[i] - counts[i]), -i))
    for part in by_remainder[: len(order) - counts.sum()]:
        counts[part] += 1
    while (counts == 0).any():
        counts[counts.argmax()] -= 1
        counts[counts.argmin()] += 1
    return dict(zip(fractions, np.split(order, np.cumsum(counts)[:-1]), strict=True))


def _leaf_paths(arrow: pa.Table) -> list[str]:
    """Parquet's names of the columns ("actions.list.element" for a list)."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(arrow.slice(0, 0), buffer)
    schema = pq.ParquetFile(buffer).schema
    return [schema.column(i).path for i in range(len(schema))]
