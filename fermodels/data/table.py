"""What every prepared data set is: one Parquet file of encoded media and what is known of each row.

`PreparedImages` and `PreparedClips` share its reading, writing, splitting and fingerprint.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fermodels._shared.files import replacing
from fermodels._shared.paths import given_path
from fermodels._shared.plain import plain as plain_of
from fermodels._shared.plain import to_json
from fermodels.data.columns import SPLITS, codes, official_splits, plain
from fermodels.data.errors import PreparedError
from fermodels.data.indices import resolve_indices
from fermodels.data.names import natural_key, one_spelling
from fermodels.data.splits import StableShuffle, deal, stratified_order

if TYPE_CHECKING:
    from typing import TypeVar

    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    Table = TypeVar("Table", bound="PreparedTable")

FORMAT_VERSION = 1
JUDGING = "judging"  # metadata `purpose` of what nobody trains on
READERS = {
    "fermodels-images": "fermodels.data.PreparedImages",
    "fermodels-clips": "fermodels.data.PreparedClips",
    "fermodels-shard": "`python -m data_prep merge` and the other shards",
}

_KEY = b"fermodels"
_PIECE = 4096  # rows


class PreparedTable:
    """Rows with a subject, encoded media and labels, kept in one Parquet file.

    A subclass says what its rows are, checks them in its constructor, and calls `_keep`.

    Attributes:
        table: DataFrame without the columns of encoded media, index 0…N−1.
        metadata: name, version, licence, citation, the lists of label names, …
        source: what error messages call this data set.
        subject_ids: int64 (N,), indices into the sorted names in this table.
    """

    FORMAT: ClassVar[str]
    FRACTIONS: ClassVar[Mapping[str, float]]  # of the subjects, train, val and test
    MEDIA: ClassVar[Mapping[str, str]]  # column → what its bytes are
    NULLABLE: ClassVar[bool] = False  # whether a row may lack a medium
    LABEL: ClassVar[str]  # the column to be recognised
    LABEL_LISTS: ClassVar[tuple[str, ...]]  # metadata keys of lists of names
    ROW_GROUP: ClassVar[int]
    MEDIA_COMPRESSION: ClassVar[str] = "NONE"  # images are compressed already
    # Words for messages: many rows, the whole, the column that tells rows apart, the leak.
    ROWS: ClassVar[str]
    WHAT: ClassVar[str]
    ID: ClassVar[str]
    ROW_LEAK: ClassVar[str]
    FOLDER_ADVICE: ClassVar[str] = ""  # what to do with a folder that is no prepared file

    table: pd.DataFrame
    metadata: dict[str, Any]
    source: str
    labels: np.ndarray  # int64 (N,), −1 where a row has no label
    _fingerprint: tuple[bytes, str] | None = None  # what it was computed of, and itself

    def _keep(
        self,
        table: pd.DataFrame,
        metadata: dict[str, Any],
        media: Mapping[str, Sequence[bytes | None]],
    ) -> None:
        self.table, self.metadata, self._media = table, metadata, media
        self._rows = np.arange(len(table))

    @classmethod
    def read(cls: type[Table], path: str | os.PathLike) -> Table:
        """Read and validate one prepared Parquet file.

        Raises:
            PreparedError: there is no such file, it is a folder, it is not a Parquet file, it is
                of another format version, or its content fails the checks of the class.
        """
        path = given_path(path)
        with readable(path):
            arrow = cls._open(path).read()
            arrow.validate(full=True)  # bytes that are no text would fail when first used
        metadata = cls._read_metadata(arrow.schema.metadata, path)
        return cls(read_frame(arrow, path), metadata, source=str(path))

    @classmethod
    def _open(cls, path: Path) -> pq.ParquetFile:
        """The file, with its metadata and the types of its media checked."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        _check_path(path, cls.FOLDER_ADVICE)
        with readable(path):
            file = pq.ParquetFile(path)
            schema = file.schema_arrow
            names = schema.names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise PreparedError(f"{path} has the column {twice[0]!r} twice")
        cls._read_metadata(schema.metadata, path)
        for column, bytes_of in cls.MEDIA.items():
            if column not in names:
                continue
            kind = schema.field(column).type
            allowed = [pa.types.is_binary, pa.types.is_large_binary]
            if not any(is_it(kind) for is_it in allowed + [pa.types.is_null] * cls.NULLABLE):
                raise PreparedError(
                    f"{path}: column {column!r} is {kind}; it must be binary, {bytes_of}."
                )
        return file

    def write(self, path: str | os.PathLike) -> Path:
        """Write this data set as one Parquet file; the old file stays until the new is whole."""
        import pyarrow.parquet as pq

        path = given_path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        arrow = self._arrow()
        options = self.parquet_options(_leaf_paths(arrow))
        with replacing(path) as temporary:
            pq.write_table(arrow, temporary, row_group_size=self.ROW_GROUP, **options)
        return path

    @classmethod
    def parquet_options(cls, columns: Sequence[str]) -> dict[str, Any]:
        """How `write` keeps columns of these names ("actions.list.element" for a list's)."""
        other = [name for name in columns if name not in cls.MEDIA]
        return {
            "compression": {
                n: cls.MEDIA_COMPRESSION if n in cls.MEDIA else "ZSTD" for n in columns
            },
            "use_dictionary": other,
            "write_statistics": other,
        }

    @classmethod
    def concat(cls: type[Table], parts: Sequence[Table]) -> Table:
        """Put data sets under each other; metadata is the first's, label lists are united.

        What has a part that is for judging only is for judging only.

        Raises:
            PreparedError: data sets of different names share a subject name (they would be taken
                for one person: prefix the names), a label is spelt in two ways, or the rows do
                not fit together.
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
                        "name would make two people one. "
                        f"Prefix the subjects and {cls.ID}s of one."
                    )
        frames = [
            part.table.assign(**{name: part._blobs(name) for name in cls.MEDIA}) for part in parts
        ]
        metadata = dict(parts[0].metadata)
        for key in cls.LABEL_LISTS:
            metadata[key] = list(dict.fromkeys(x for part in parts for x in part.metadata[key]))
            _check_spellings(metadata[key], key)
        if any(part.metadata.get("purpose") == JUDGING for part in parts):
            metadata["purpose"] = JUDGING
        return cls(pd.concat(frames, ignore_index=True), metadata, source=parts[0].source)

    def subset(self: Table, indices: Sequence[int] | np.ndarray) -> Table:
        """The given rows, in that order, sharing the media with this data set."""
        chosen = resolve_indices(indices, len(self))
        new = object.__new__(type(self))
        new.source, new.metadata = self.source, dict(self.metadata)
        new.table = self.table.iloc[chosen].reset_index(drop=True)
        new._rows, new._media = self._rows[chosen], self._media
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
            by: "subject" keeps every row of a person in one part. "official" takes the column
                `split` (rows without one are in no part). "row" deals rows out one by one and is
                here only to show the leak: the same person is on both sides.
            fractions: share of the subjects (or rows) of each part, 1 in all. Counts are rounded by
                largest remainder, each part gets at least one. The default is `FRACTIONS`.
            seed: same seed, same names, same split, on every machine.
            stratify: a column that is constant within a subject, to be balanced over the parts as
                well as it goes; None, or no column "gender", means no balancing.

        Raises:
            PreparedError: there are fewer subjects than parts, no column `split`, …
        """
        if by == "official":
            return self._official_split()
        fractions = dict(self.FRACTIONS if fractions is None else fractions)
        if by == "row":
            warnings.warn(
                f"split(by='row') puts {self.ROW_LEAK}. Use by='subject'.",
                UserWarning,
                stacklevel=2,
            )
            parts = self._deal(StableShuffle(len(self), seed).order, fractions, self.ROWS)
            return {name: np.sort(rows) for name, rows in parts.items()}
        if by != "subject":
            raise ValueError(f"split by must be 'subject', 'official' or 'row', got {by!r}")
        unknown = int((~self.known_subjects).sum())
        if unknown:
            warnings.warn(
                f"{self.source}: {unknown:,} of {len(self):,} {self.ROWS} have no known subject. "
                f"Each {self.ID} of theirs counts as a person of its own, so that one person may "
                "be on both sides of this split and results may be too good. Fill the column "
                "'subject' where it is known who is shown.",
                UserWarning,
                stacklevel=2,
            )
        subjects = np.array(sorted(set(self.table["subject"])))
        strata = self._strata(subjects, stratify)
        order = stratified_order(strata, StableShuffle(len(subjects), seed))
        parts = self._deal(order, fractions, "subjects")
        return {
            name: np.flatnonzero(np.isin(self.subject_ids, chosen)).astype(np.int64)
            for name, chosen in parts.items()
        }

    def check_split(self, splits: Mapping[str, Sequence[int] | np.ndarray]) -> None:
        """Raise PreparedError if a subject is in two of the parts (row indices by name)."""
        owner: dict[str, str] = {}
        subjects = self.table["subject"].to_numpy()
        for name, indices in splits.items():
            for subject in sorted(set(subjects[resolve_indices(indices, len(self))])):
                if owner.setdefault(subject, name) != name:
                    raise PreparedError(
                        f"{self.source}: subject {subject!r} is in the splits {owner[subject]!r} "
                        f"and {name!r}, so results would be measured on people seen in training. "
                        "Split by subject: split(by='subject')."
                    )

    def check_labelled(self, indices: Sequence[int] | np.ndarray | None, who: str) -> None:
        """Refuse rows without a label.

        Args:
            indices: the rows, default all.
            who: what needs the labels, for the message.

        Raises:
            ValueError: some of the rows have no label (null; −1 in `labels`).
        """
        rows = resolve_indices(indices, len(self))
        bad = rows[self.labels[rows] < 0]
        if len(bad):
            raise ValueError(
                f"{who} needs labels, but {len(bad):,} of the {len(rows):,} {self.ROWS} have no "
                f"{self.LABEL} (first: row {bad[0]}, {self.ID} "
                f"{self.table[self.ID].iat[bad[0]]!r}). Pass labelled rows only: "
                "indices[prepared.labels[indices] >= 0]"
            )

    def check_trainable(self, who: str) -> None:
        """Refuse a data set that is there for judging only (metadata `purpose`: "judging").

        Args:
            who: what would train on it, for the message.

        Raises:
            ValueError: it is such a data set.
        """
        if self.metadata.get("purpose") == JUDGING:
            raise ValueError(
                f"{self.source} is for judging encoders only: {who} must not train on it, or its "
                "numbers say nothing about faces of another make. Embed it, and fit a probe on the "
                "embeddings (fermodels.evaluation)"
            )

    def fingerprint(self) -> str:
        """SHA-256 (hex) over all media and every column, the same for equal content.

        It is computed once and kept for as long as `table` and the label lists stay as they are.
        """
        lists = [list(self.metadata[key]) for key in self.LABEL_LISTS]
        # A tenth of the work, and it sees every change, those inside of lists and arrays too.
        now = hashlib.sha256(pickle.dumps([lists, self.table], protocol=5)).digest()
        if self._fingerprint is None or self._fingerprint[0] != now:
            self._fingerprint = (now, self._computed_fingerprint(lists))
        return self._fingerprint[1]

    def _computed_fingerprint(self, lists: list[list[str]]) -> str:
        digest = hashlib.sha256(json.dumps(lists).encode())
        for column in sorted(self.table.columns):
            # The text of json.dumps([column, values]), in pieces: lists of numbers are large.
            digest.update(f"[{json.dumps(column)}, [".encode())
            for start in range(0, len(self), _PIECE):
                values = self.table[column].iloc[start : start + _PIECE].tolist()
                text = json.dumps([plain(value) for value in values])
                digest.update((", " * (start > 0) + text[1:-1]).encode())
            digest.update(b"]]")
        for column in self.MEDIA:
            media = self._media[column]
            for row in self._rows:
                blob = media[row]
                digest.update(bytes(32) if blob is None else hashlib.sha256(blob).digest())
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def subject_ids(self) -> np.ndarray:
        return codes(self.table["subject"], sorted(set(self.table["subject"])))

    @property
    def known_subjects(self) -> np.ndarray:
        """bool (N,), whether it is known who is shown."""
        return np.ones(len(self), dtype=bool)

    def _blobs(self, column: str | None = None) -> list[bytes | None]:
        blobs = self._media[column or next(iter(self.MEDIA))]
        return [blobs[row] for row in self._rows]

    def _about(self) -> dict[str, Any]:
        """What the file's metadata says beside `metadata`."""
        return {}

    def _arrow(self) -> pa.Table:
        import pyarrow as pa

        arrow = pa.Table.from_pandas(self.table, preserve_index=False)
        for at, column in enumerate(self.MEDIA):
            arrow = arrow.add_column(at, column, pa.array(self._blobs(column), type=pa.binary()))
        about = {"format": self.FORMAT, "format_version": FORMAT_VERSION} | self.metadata
        about |= self._about()
        # Only our own key: pandas' would tie the bytes of the file to the version of pandas.
        text = to_json(plain_of(about, other=plain), ensure_ascii=False)
        return arrow.replace_schema_metadata({_KEY: text.encode()})

    @classmethod
    def _read_metadata(cls, schema: Mapping[bytes, bytes] | None, path: Path) -> dict[str, Any]:
        if not schema or _KEY not in schema:
            return {}
        try:
            metadata = json.loads(schema[_KEY])
            kind, version = metadata.get("format"), metadata.get("format_version")
        except (ValueError, AttributeError, RecursionError) as error:
            raise PreparedError(f"{path}: its 'fermodels' metadata is not a JSON object") from error
        if kind != cls.FORMAT:
            reader = READERS.get(kind) if isinstance(kind, str) else None
            reader = f" Open it with {reader}." if reader else ""
            raise PreparedError(
                f"{path} has the format {kind!r}; {cls.WHAT} are {cls.FORMAT!r}.{reader}"
            )
        if version != FORMAT_VERSION:
            raise PreparedError(
                f"{path} has format version {version}; this fermodels reads version "
                f"{FORMAT_VERSION}. Update fermodels, or prepare the file again."
            )
        return metadata

    def _deal(
        self, order: np.ndarray, fractions: Mapping[str, float], what: str
    ) -> dict[str, np.ndarray]:
        if len(order) < len(fractions):
            raise PreparedError(
                f"{self.source} has {len(order)} {what}, too few for the {len(fractions)} parts "
                f"{', '.join(fractions)}"
            )
        return deal(order, fractions)

    def _strata(self, subjects: np.ndarray, column: str | None) -> np.ndarray:
        if column is None or (column == "gender" and column not in self.table):
            return np.zeros(len(subjects), dtype=np.int64)
        if column not in self.table:
            raise PreparedError(f"{self.source}: no column {column!r} to stratify by")
        pairs = self.table[["subject", column]].astype({column: object})
        pairs[column] = pairs[column].where(pairs[column].notna(), "").map(str)
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
        values = official_splits(self.table)
        names = sorted(set(values.dropna()), key=lambda x: (_official_rank(x), natural_key(x)))
        return {name: np.flatnonzero((values == name).fillna(False)) for name in names}


def _check_spellings(names: Sequence[str], key: str) -> None:
    for first, name in zip(one_spelling(names), names, strict=True):
        if first != name:
            raise PreparedError(
                f"the data sets have the {key} {first!r} and {name!r}, which differ in spelling "
                "only and would be two: rename one"
            )


def _official_rank(name: str) -> int:
    return SPLITS.index(name) if name in SPLITS else len(SPLITS)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Errors of reading become a PreparedError that says what to do."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise PreparedError(
            f"{path} is not a readable Parquet file ({error}). It may be a raw data set, a Git "
            "LFS pointer or a broken download: prepare or fetch it again."
        ) from error


def _check_path(path: Path, folder_advice: str) -> None:
    advice = "Prepare one with `python -m data_prep`, or check the path."
    if path.is_dir():
        found = sorted(p.name for p in path.glob("*.parquet"))
        if not any(path.iterdir()):
            raise PreparedError(f"{path} is an empty folder, not a prepared Parquet file. {advice}")
        hint = f" Did you mean one of {', '.join(found[:5])} in it?" if found else f" {advice}"
        if folder_advice and not found:
            hint += f" {folder_advice}"
        raise PreparedError(f"{path} is a folder, not a prepared Parquet file.{hint}")
    if not path.exists():
        beside = sorted(p.name for p in path.parent.glob("*.parquet"))  # none without the folder
        hint = f" In {path.parent} there are: {', '.join(beside[:5])}." if beside else ""
        raise PreparedError(f"there is no file {path} (looked in {Path.cwd()}).{hint} {advice}")


def read_frame(arrow: pa.Table, path: Path) -> pd.DataFrame:
    """The table in pandas; PreparedError if it has values that pandas cannot hold."""
    import pyarrow as pa

    try:
        return arrow.to_pandas()
    except (pa.ArrowException, UnicodeDecodeError) as error:  # of kinds that pandas has not
        raise PreparedError(
            f"{path}: its values cannot be read ({error}). Prepare or fetch it again."
        ) from error


def _leaf_paths(arrow: pa.Table) -> list[str]:
    """Parquet's names of the columns ("actions.list.element" for a list)."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(arrow.slice(0, 0), buffer)
    schema = pq.ParquetFile(buffer).schema
    return [schema.column(i).path for i in range(len(schema))]
