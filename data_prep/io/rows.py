"""Rows, made in other processes in parts of a few dozen files, and what the report says of them."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.io.plan import CONTENT, HIDDEN, ITEM, NAME, REPAIRED, WARNING, Item, Skip
from data_prep.io.raw import RawError, RawFile, RawSource, printable, storable
from fermodels._shared.files import replacing

if TYPE_CHECKING:
    import pyarrow as pa

    from data_prep.io.report import ImportReport

    MakeRow = Callable[[Item, bytes, argparse.Namespace], dict[str, Any]]

# The part of a note, in a row's place: number of the item, name, text.
Notes = dict[str, list[tuple[int, str, str]]]
_KINDS = ("skipped", "repaired", "warnings")


@dataclass(frozen=True)
class Part:
    """What another process needs to make some rows."""

    raw: RawSource
    make_row: MakeRow
    options: argparse.Namespace
    items: list[tuple[int, Item]]


def make_part(path: Path, part: Part, index: int) -> None:
    """Makes one part file: rows, and in its metadata what the report has to say of them."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = []
    notes: Notes = {kind: [] for kind in _KINDS}
    last: tuple[RawFile | None, bytes, Any] = (None, b"", None)
    sounds = _sounds(part) if part.raw.in_order else {}
    for number, item in part.items:
        title, beside, silent = printable(item.title), {}, None
        if item.sound:
            sound = sounds[number] if number in sounds else _sound(part.raw, item.sound)
            beside["sound"], silent = sound
        try:
            if item.file != last[0]:  # several rows may come from one file
                data = part.raw.read(item.file) if item.file else b""
                last = (item.file, data, hashlib.sha256(data) if item.file else None)
            data, read = last[1:] if item.data is None else (item.data, hashlib.sha256(item.data))
            row = part.make_row(item, data, part.options, **beside)
        except (Skip, RawError) as error:
            notes["skipped"].append((number, title, printable(str(error))))
            continue
        except ImportError:
            raise
        except MemoryError as error:
            why = str(error) or "more memory is needed than there is"
            raise MemoryError(f"{title}: {why}") from error
        except Exception as error:  # whatever a decoder makes of damaged bytes
            reason = f"cannot be used ({type(error).__name__}: {error})"
            notes["skipped"].append((number, title, printable(reason)))
            continue
        repaired = "; ".join(filter(None, (item.repaired, silent, row.pop(REPAIRED, None))))
        if repaired:
            notes["repaired"].append((number, title, repaired))
        if warning := row.pop(WARNING, None):
            notes["warnings"].append((number, title, warning))
        row = {k: storable(v) if isinstance(v, str) else v for k, v in row.items()}
        rows.append(row | {ITEM: number, NAME: title, CONTENT: _content(read, row)})
    frame = pd.DataFrame(rows, columns=None if rows else HIDDEN)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({"notes": json.dumps(notes)})
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="NONE", use_dictionary=False)


def _sounds(part: Part) -> dict[int, tuple[bytes | None, str | None]]:
    """The sounds beside the films of a part: where one cannot go back, they are read before."""
    beside = [(item.sound.place, number, item.sound) for number, item in part.items if item.sound]
    return {number: _sound(part.raw, file) for _, number, file in sorted(beside)}


def _sound(raw: RawSource, file: RawFile) -> tuple[bytes | None, str | None]:
    try:
        return raw.read(file), None
    except RawError as error:
        return None, str(error)


def _content(read: Any, row: dict[str, Any]) -> str | None:
    """Digest of the bytes that were read and of the media made of them, which may be a stretch of
    them only; None for a row that nothing was read for."""
    if read is None:
        return None
    digest = read.copy()
    for value in row.values():
        if isinstance(value, bytes):
            digest.update(value)
    return digest.hexdigest()


def read_part(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, partitioning=None)
    except (pa.ArrowInvalid, OSError) as error:  # the machine went down while it was on its way
        path.unlink(missing_ok=True)
        raise ValueError(
            f"{path} of an interrupted run was damaged ({error}) and has been deleted: the same "
            "command makes it again"
        ) from error


def notes_of(parts: Sequence[pa.Table]) -> Notes:
    """What is to be said of the rows of all parts, in the order of their items."""
    found = [json.loads(part.schema.metadata[b"notes"]) for part in parts]
    return joined_notes(found)


def joined_notes(found: Sequence[Notes]) -> Notes:
    return {kind: sorted(tuple(note) for notes in found for note in notes[kind]) for kind in _KINDS}


def tell(notes: Notes, report: ImportReport) -> None:
    """Puts the notes into the report."""
    for kind, keep in (("skipped", report.skip), ("repaired", report.repair)):
        for _, title, text in notes[kind]:
            keep(title, text)
    for _, title, text in notes["warnings"]:
        report.warn(f"{title}: {text}")


def under_each_other(parts: Sequence[pa.Table]) -> pa.Table:
    """The rows of all parts; columns that a part lacks are null in its rows."""
    import pyarrow as pa

    tables = [part for part in parts if part.num_rows] or [parts[0].slice(0, 0)]
    tables = [table.replace_schema_metadata(None) for table in tables]
    return pa.concat_tables(tables, promote_options="permissive")


def in_order(table: pa.Table) -> pa.Table:
    """The rows in the order of their items."""
    import pyarrow as pa

    numbers = table[ITEM].to_numpy()
    if (numbers[1:] > numbers[:-1]).all():
        return table
    # Of binary columns, Arrow takes no more than two gibibytes together.
    large = [
        field.with_type(pa.large_binary()) if pa.types.is_binary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(large)).take(pa.array(numbers.argsort(kind="stable")))
