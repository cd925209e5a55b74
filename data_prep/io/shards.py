"""One shard of an import: a Parquet file of rows that `python -m data_prep merge` puts together.

Whatever needs to see all rows (the importer's own checks, files with the content of another, the
counts of the report) is left to the merging. The file says what it was made of and how, so that
only what belongs together is put together.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.io.plan import Item, Plan
from data_prep.io.report import ImportReport
from data_prep.io.rows import Notes, in_order, notes_of, tell, under_each_other
from data_prep.io.whole import PREPARED, Whole, settings
from fermodels import __version__
from fermodels._shared.digests import json_digest
from fermodels._shared.files import replacing
from fermodels._shared.paths import given_path
from fermodels._shared.shards import Shard

if TYPE_CHECKING:
    import pyarrow as pa

    from data_prep.io.plan import Finish

FORMAT, FORMAT_VERSION = "fermodels-shard", 1
SAID = ("skipped", "repaired", "warnings")  # lists of a report
HAS = "_has_"  # and the name of a medium: whether a row has it
_KEY = b"fermodels"
_FINISH = re.compile(r"data_prep\.(?:importers|io)(\.[a-z][a-z0-9_]*)+:[A-Za-z_][A-Za-z0-9_]*")


def add_shard_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--shard",
        metavar="K/N",
        type=shard_argument,
        help="only share K of N (K from 1 to N), by people; `python -m data_prep merge` puts the "
        "N files together",
    )


def shard_argument(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def digest_of_items(items: Sequence[Item]) -> str:
    """Of the files and labels that all shards must have been planned from."""
    about = [
        (item.title, item.size, item.about, item.repaired, _digest(item.data))
        + ((item.sound.name, item.sound.size) if item.sound else ())
        for item in items
    ]
    return json_digest(about, default=str)


def _digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class About:
    """What a shard's file says of itself, in types that JSON holds.

    Attributes:
        shard: "2/8". dataset: the importer. made_by: version of fermodels.
        settings: the options that rows depend on.
        items: digest of the files and labels of the whole.
        whole: fields of `Whole`; `finish` by its name.
        columns: of this file.
        planned: what the report says before rows are made, the same in all shards.
        notes: what it says of this shard's rows.
    """

    shard: str
    dataset: str
    made_by: str
    settings: dict[str, Any]
    items: str
    whole: dict[str, Any]
    columns: list[str]
    planned: dict[str, Any]
    notes: Notes
    format: str = FORMAT
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class ShardTable:
    """Rows of a shard with their hidden columns, as they are written."""

    table: pa.Table
    about: About
    row_group: int

    def write(self, path: str | os.PathLike) -> Path:
        import pyarrow.parquet as pq

        path = given_path(path)
        text = json.dumps(vars(self.about), ensure_ascii=False)
        table = self.table.replace_schema_metadata({_KEY: text.encode()})
        with replacing(path) as temporary:
            pq.write_table(
                table, temporary, row_group_size=self.row_group, compression="NONE",
                use_dictionary=False, write_statistics=False,
            )  # fmt: skip
        return path


def shard_table(
    parts: Sequence[pa.Table],
    whole: Whole,
    plan: Plan,
    options: argparse.Namespace,
    report: ImportReport,
) -> ShardTable:
    """The rows of all parts of a shard; the report is told of them."""
    import pyarrow.compute as pc

    planned = {name: getattr(report, name) for name in ("raw", "found", "junk")}
    planned |= {name: list(getattr(report, name)) for name in SAID}
    notes = notes_of(parts)
    table = in_order(under_each_other(parts))
    for name in whole.prepared.MEDIA:
        if name in table.column_names:
            table = table.append_column(HAS + name, pc.is_valid(table[name]))
    about = About(
        shard=str(options.shard),
        dataset=report.dataset,
        made_by=__version__,
        settings=settings(options),
        items=digest_of_items(plan.items),
        whole={**vars(whole), "finish": name_of(whole.finish)},
        columns=table.column_names,
        planned=planned,
        notes=notes,
    )
    tell(notes, report)
    report.kept = len(table)
    report.warn(
        f"this is shard {options.shard} of {whole.items:,} planned rows: `python -m data_prep "
        "merge` puts it together with the others"
    )
    return ShardTable(table, about, whole.prepared.ROW_GROUP)


def name_of(finish: Finish | None) -> str | None:
    """How another process finds the function; ValueError where it cannot."""
    if finish is None:
        return None
    name = f"{finish.__module__}:{finish.__qualname__}"
    if not _FINISH.fullmatch(name) or _called(name) is not finish:
        raise ValueError(
            f"this importer cannot run in shards: {name} is no function at the top level of a "
            "module of data_prep, where `python -m data_prep merge` could find it"
        )
    return name


def _called(name: str | None) -> Finish | None:
    """The function of that name; ValueError where it is none of data_prep's."""
    if name is None:
        return None
    module, _, function = name.partition(":")
    found = vars(import_module(module)).get(function) if _FINISH.fullmatch(name) else None
    if getattr(found, "__module__", None) != module or isinstance(found, type):
        raise ValueError(f"there is no function {name}")
    return found


def read_about(path: Path) -> tuple[About, Whole]:
    """What a shard's file says of itself, and what is to be done with the rows of all shards.

    Raises:
        ValueError: it is no such file, one of another version of the format or of fermodels, or
            its importer is not here.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        said = json.loads((pq.read_schema(path).metadata or {}).get(_KEY, b"{}"))
        kind, version = said.get("format"), said.get("format_version")
    except (pa.ArrowException, OSError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read as a shard ({error}): make it again") from error
    if kind != FORMAT:
        raise ValueError(
            f"{path} is no shard ({kind or 'a file of another kind'}): give the files that an "
            "importer wrote with --shard K/N"
        )
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has version {version} of the format of shards, this fermodels reads version "
            f"{FORMAT_VERSION}: make it again"
        )
    try:
        about = About(**said)
        Shard.parse(about.shard)
        whole = Whole(**{**about.whole, "finish": _called(about.whole["finish"])})
        if whole.kind not in PREPARED:
            raise ValueError(f"there are no prepared {whole.kind}")
    except (LookupError, TypeError, ValueError, ImportError) as error:
        raise ValueError(f"{path} cannot be used here ({error}): make it again") from error
    return about, whole
