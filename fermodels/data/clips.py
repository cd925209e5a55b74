"""Prepared clips: one Parquet file of little videos, their sound, their words and their emotion.

A row is one clip. It may lack a picture, a sound or words, but not all three. The file opens in
pandas, DuckDB and Hugging Face `datasets` without this package.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.data import media
from fermodels.data.columns import as_text, check_official_split, codes, label_names
from fermodels.data.errors import PreparedError
from fermodels.data.file_media import FileMedia
from fermodels.data.indices import resolve_indices
from fermodels.data.table import PreparedTable, read_frame, readable
from fermodels.data.vocabulary import EMOTIONS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

CLIP_COLUMNS = ("video", "audio", "transcript", "clip", "subject", "emotion")
# 60 speakers become 36 / 10 / 14.
CLIP_FRACTIONS = {"train": 0.6, "val": 0.16, "test": 0.24}
MEMORY = 2**30  # bytes of encoded clips; what is more stays in its file


class PreparedClips(PreparedTable):
    """Clips of speaking people: video, audio and transcript with subject and emotion.

    Args:
        table: one row a clip, with the columns of `CLIP_COLUMNS`. `video` and `audio` hold encoded
            bytes or null, `transcript` the words or null (blank means null), `clip` a unique name,
            `emotion` a name or null (unlabelled). Optional: `intensities` (C values a row, one for
            each of the metadata's `emotions`; above 0 means present), `start` and `end` (seconds in
            the source), `split`. Further columns are kept.
        metadata: name, version, licence, citation, description, `emotions` (label order = class
            index), sample_rate (Hz). Without `emotions`, they follow `EMOTIONS`.
        source: what error messages call this data set.

    Attributes:
        table: DataFrame without the columns `video` and `audio`, index 0…N−1.
        metadata, emotions.
        labels: int64 (N,), indices into `emotions`, −1 = unlabelled.
        targets: float32 (N, C), 1 where an emotion is present: by `intensities` where the data set
            has them, else by `emotion` (all 0 in an unlabelled row).
        present: modality → bool (N,), whether a clip has it.
        subject_ids: int64 (N,), indices into the sorted names in this table.

    Raises:
        PreparedError: a column is missing; a clip has no modality, no name, or the name of another;
            an emotion is not in the metadata's list; `intensities` are not finite or not one for
            each emotion; a clip ends before it starts; a subject is in two official splits.
            Videos and sounds are decoded, and a broken one is found, only when asked for.
    """

    FORMAT = "fermodels-clips"
    FRACTIONS = CLIP_FRACTIONS
    MEDIA: ClassVar = {
        "video": "the bytes of an encoded video (such as WebM) or null",
        "audio": "the bytes of an encoded sound (such as Ogg) or null",
    }
    NULLABLE = True
    LABEL = "emotion"
    LABEL_LISTS = ("emotions",)
    ROW_GROUP = 128
    MEDIA_COMPRESSION = "ZSTD"  # the headers of WebM and Ogg, a twelfth of a short clip
    ROWS, WHAT, ID = "clips", "clips", "clip"
    ROW_LEAK = (
        "clips of one person on both sides: a model is then tested on people that it has seen and "
        "heard"
    )

    def __init__(
        self, table: pd.DataFrame, metadata: Mapping[str, Any], source: str = "<memory>"
    ) -> None:
        source = str(source)
        _check_columns(table, list(table.columns), source)
        blobs = {column: _blobs(table, column, source) for column in self.MEDIA}
        self._set_up(table.drop(columns=list(self.MEDIA)), metadata, source, blobs)
        self._check_not_empty()

    def _set_up(
        self,
        table: pd.DataFrame,
        metadata: Mapping[str, Any],
        source: str,
        blobs: Mapping[str, Sequence[bytes | None]],
    ) -> None:
        self.source = source
        table = table.reset_index(drop=True)
        for column in ("clip", "subject"):
            table[column] = as_text(table, column, self.source)
        for column in ("transcript", "emotion"):
            table[column] = _texts(table, column, self.source)
        metadata = {"sample_rate": media.SAMPLE_RATE} | dict(metadata)
        metadata.setdefault("name", Path(self.source).stem.strip("<>"))
        if "emotions" not in metadata:
            known = [name for name in EMOTIONS if name in set(table["emotion"])]
            metadata["emotions"] = known or EMOTIONS
        metadata["emotions"] = label_names(metadata, "emotions", self.source)
        if "intensities" in table:
            table["intensities"] = _intensities(table, metadata["emotions"], self.source)
        _check_rows(table, metadata["emotions"], self.source)
        self._keep(table, metadata, blobs)

    @classmethod
    def read(cls, path: str | os.PathLike, in_memory: bool | None = None) -> PreparedClips:
        """Read and validate one prepared Parquet file.

        Args:
            in_memory: False leaves videos and sounds in the file, which must stay there, and reads
                them as they are used; a clip without any modality is then not found here. None
                does so where they take more than a gibibyte.

        Raises:
            PreparedError: there is no such file, it is a folder, it is not a Parquet file, it is
                of another format version, or its content fails the checks of the class.
        """
        path = given_path(path)
        file = cls._open(path)
        if in_memory is None:
            in_memory = _media_bytes(file, cls.MEDIA) <= MEMORY
        if in_memory:
            return super().read(path)
        names = file.schema_arrow.names
        with readable(path):
            arrow = file.read([name for name in names if name not in cls.MEDIA])
            arrow.validate(full=True)
        table = read_frame(arrow, path)
        _check_columns(table, names, str(path))
        new = object.__new__(cls)
        metadata = cls._read_metadata(arrow.schema.metadata, path)
        media_of = {column: FileMedia(path, column, nullable=True) for column in cls.MEDIA}
        new._set_up(table, metadata, str(path), media_of)
        return new

    @classmethod
    def concat(cls, parts: Sequence[PreparedClips]) -> PreparedClips:
        """Put data sets under each other; metadata is the first's, the emotions are united.

        Raises:
            PreparedError: a clip's name comes twice; data sets of different names share a subject
                name (they would be taken for one person: prefix the names); there are intensities
                of different emotions.
        """
        lists = {part.emotions for part in parts}
        if len(lists) > 1 and any("intensities" in part.table for part in parts):
            raise PreparedError(
                "data sets with intensities can be put together only if they have the same "
                f"emotions in the same order, not {' and '.join(map(str, sorted(lists)))}"
            )
        return super().concat(parts)

    @property
    def emotions(self) -> tuple[str, ...]:
        return tuple(self.metadata["emotions"])

    @cached_property
    def labels(self) -> np.ndarray:
        return codes(self.table["emotion"], self.emotions)

    @cached_property
    def targets(self) -> np.ndarray:
        if "intensities" in self.table:
            return (np.stack(self.table["intensities"]) > 0).astype(np.float32)  # (N, C)
        return (self.labels[:, None] == np.arange(len(self.emotions))).astype(np.float32)

    @cached_property
    def present(self) -> dict[str, np.ndarray]:
        there = {column: _there(self._media[column])[self._rows] for column in self.MEDIA}
        return there | {"text": self.table["transcript"].notna().to_numpy(dtype=bool)}

    def frames(self, row: int) -> tuple[np.ndarray, float] | None:
        """Decoded video of one clip: uint8 (T, H, W, 3) RGB and frames a second, or None.

        Raises:
            PreparedError: the video is broken; names row, clip and column.
        """
        return self._decoded(row, "video", media.decode_video)

    def waveform(self, row: int, sample_rate: int = media.SAMPLE_RATE) -> np.ndarray | None:
        """Decoded sound of one clip: float32 (S,) mono at `sample_rate` Hz, or None.

        Raises:
            PreparedError: the sound is broken; names row, clip and column.
        """
        return self._decoded(row, "audio", media.decode_audio, sample_rate)

    def transcript(self, row: int) -> str | None:
        """What is said in one clip, or None."""
        row = self._row(row)
        return self.table["transcript"].iat[row] if self.present["text"][row] else None

    def webm(self, row: int) -> bytes | None:
        """The video and the sound of one clip as a WebM file that browsers play; None without both.

        :func:`fermodels.plots.clip_player` shows it.

        Raises:
            PreparedError: the video or the sound is broken; names row, clip and column.
        """
        row = self._row(row)
        seen, heard = self._blob(row, "video"), self._blob(row, "audio")
        if seen is None and heard is None:
            return None
        for column in self.MEDIA:  # a browser shows nothing at all for broken bytes
            self._decoded(row, column, getattr(media, f"decode_{column}"))
        return media.mux(seen, heard, reencode=True)

    def __repr__(self) -> str:
        title = " ".join(str(self.metadata[k]) for k in ("name", "version") if k in self.metadata)
        there = ", ".join(f"{name} in {int(have.sum()):,}" for name, have in self.present.items())
        unlabelled = int((self.labels < 0).sum())
        more = f" ({unlabelled:,} clips have none)" if unlabelled else ""
        return (
            f"PreparedClips {title}: {len(self):,} clips of "
            f"{self.table['subject'].nunique():,} subjects\n"
            f"  {there}\n"
            f"  emotions: {', '.join(self.emotions)}{more}\n"
            f"  licence: {self.metadata.get('licence', 'not stated')}"
        )

    def _row(self, row: int) -> int:
        return int(resolve_indices([row], len(self))[0])

    def _blob(self, row: int, column: str) -> bytes | None:
        return self._media[column][self._rows[row]]

    def _decoded(self, row: int, column: str, decode: Any, *options: Any) -> Any:
        row = self._row(row)
        blob = self._blob(row, column)
        if blob is None:
            return None
        try:
            return decode(blob, *options)
        except media.MediaError as error:
            raise PreparedError(
                f"{self.source}: row {row} (clip {self.table['clip'].iat[row]!r}), column "
                f"{column!r}: these {len(blob):,} bytes are not a whole {column}: {error}. Encode "
                f"this {column} again, or leave it out (null)."
            ) from error

    def _check_not_empty(self) -> None:
        nothing = ~np.any(list(self.present.values()), axis=0)
        if nothing.any():
            row = int(nothing.argmax())
            raise PreparedError(
                f"{self.source}: row {row} (clip {self.table['clip'].iat[row]!r}) has no video, no "
                f"audio and no transcript; {int(nothing.sum())} such rows. Leave them out."
            )

    def _arrow(self) -> pa.Table:
        import pyarrow as pa

        arrow = super()._arrow()
        # Where all values are null, pandas does not know of what kind they would be.
        for column in ("transcript", "emotion"):
            at = arrow.column_names.index(column)
            arrow = arrow.set_column(at, column, arrow[column].cast(pa.string()))
        return arrow


def _there(blobs: Sequence[bytes | None]) -> np.ndarray:
    """Bool (N,), which of the media are there."""
    if isinstance(blobs, FileMedia):
        return blobs.there()
    return np.array([blob is not None for blob in blobs], dtype=bool)


def _media_bytes(file: pq.ParquetFile, columns: Collection[str]) -> int:
    groups = (file.metadata.row_group(at) for at in range(file.metadata.num_row_groups))
    leaves = (group.column(at) for group in groups for at in range(group.num_columns))
    return sum(leaf.total_compressed_size for leaf in leaves if leaf.path_in_schema in columns)


def _check_columns(table: pd.DataFrame, names: Sequence[str], source: str) -> None:
    """Raise PreparedError if one of `CLIP_COLUMNS` is not in `names`, or has nulls that it must
    not."""
    missing = [column for column in CLIP_COLUMNS if column not in names]
    if missing:
        hint = ""
        if "image" in names:
            hint = " With a column 'image' it may be for fermodels.data.PreparedImages."
        raise PreparedError(
            f"{source}: missing column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, names))}. Prepared clips need "
            f"{', '.join(CLIP_COLUMNS)} (null where a clip has no such thing).{hint}"
        )
    if len(table) == 0:
        raise PreparedError(f"{source} has no rows")
    for column in ("clip", "subject"):
        null = table[column].isna().to_numpy()
        if null.any():
            raise PreparedError(
                f"{source}: row {int(null.argmax())}, column {column!r} is empty (null); "
                f"{int(null.sum())} such rows. Fill it, or leave these rows out."
            )


def _blobs(table: pd.DataFrame, column: str, source: str) -> list[bytes | None]:
    blobs: list[bytes | None] = []
    for row, (blob, null) in enumerate(zip(table[column], table[column].isna(), strict=True)):
        if not null and not isinstance(blob, (bytes, bytearray, memoryview)):
            raise PreparedError(
                f"{source}: row {row}, column {column!r} holds {type(blob).__name__}, not the "
                f"bytes of an encoded {column}"
            )
        if not null and not len(blob):
            raise PreparedError(
                f"{source}: row {row}, column {column!r} holds 0 bytes. A clip without {column} "
                "has null there."
            )
        blobs.append(None if null else bytes(blob))
    return blobs


def _texts(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    """The column as object strings; missing and blank ones are None."""
    import pandas as pd

    texts: list[str | None] = []
    for row, (text, null) in enumerate(zip(table[column], table[column].isna(), strict=True)):
        if not null and not isinstance(text, str):
            raise PreparedError(
                f"{source}: row {row}, column {column!r} holds {type(text).__name__}, not text"
            )
        texts.append(None if null or not text.strip() else text)
    return pd.Series(texts, dtype=object)


def _intensities(table: pd.DataFrame, emotions: list[str], source: str) -> pd.Series:
    import pandas as pd

    rows = []
    for row, values in enumerate(table["intensities"]):
        where = f"{source}: row {row} (clip {table['clip'].iat[row]!r}), column 'intensities'"
        try:
            values = np.asarray(values, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise PreparedError(f"{where} holds no list of numbers ({error})") from error
        if values.shape != (len(emotions),):
            raise PreparedError(
                f"{where} has shape {values.shape}, but there are {len(emotions)} emotions "
                f"({', '.join(emotions)}; metadata 'emotions'): one value for each is needed."
            )
        if not np.isfinite(values).all():
            bad = int((~np.isfinite(values)).argmax())
            raise PreparedError(
                f"{where} is {values[bad]} for {emotions[bad]!r}; 0 means that it is absent."
            )
        rows.append(values)
    return pd.Series(rows, dtype=object)


def _seconds(table: pd.DataFrame, column: str, source: str) -> np.ndarray:
    import pandas as pd

    try:
        return pd.to_numeric(table[column]).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise PreparedError(f"{source}: column {column!r} must be seconds ({error})") from error


def _check_rows(table: pd.DataFrame, emotions: list[str], source: str) -> None:
    twice = table["clip"].duplicated().to_numpy()
    if twice.any():
        row = int(twice.argmax())
        name = table["clip"].iat[row]
        first = int((table["clip"] == name).to_numpy().argmax())
        raise PreparedError(
            f"{source}: row {row}, column 'clip': row {first} is called {name!r} already. Give "
            "each clip a name of its own."
        )
    unknown = (table["emotion"].notna() & ~table["emotion"].isin(emotions)).to_numpy()
    if unknown.any():
        row = int(unknown.argmax())
        raise PreparedError(
            f"{source}: row {row}, column 'emotion': unknown emotion "
            f"{table['emotion'].iat[row]!r}; this data set knows {', '.join(emotions)} (metadata "
            "'emotions')."
        )
    if "start" in table and "end" in table:
        seconds = {column: _seconds(table, column, source) for column in ("start", "end")}
        backwards = seconds["end"] <= seconds["start"]
        if backwards.any():
            row = int(backwards.argmax())
            raise PreparedError(
                f"{source}: row {row} (clip {table['clip'].iat[row]!r}) starts at "
                f"{table['start'].iat[row]} s and ends at {table['end'].iat[row]} s"
            )
    check_official_split(table, source)
