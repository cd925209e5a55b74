"""What all importers share: the options, the processes, the report and the prepared file.

An importer is a module with three functions::

    add_arguments(parser)            its options, beginning with `add_common_arguments(parser)`
    plan(raw, options, report)       → Plan: what is to be read, from names and labels alone
    make_row(item, data, options)    one row of the prepared file, or raises Skip

A module that sets `TARS_AS_FOLDERS = True` finds what is in the .tar files of a folder among its
raw files. `make_row` runs in other processes, so it stands at the top level. A file that cannot
be used costs one line of the report and never the import. The rows are made in parts of a few
dozen files: interrupted, the same command goes on with the parts that are missing.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from data_prep.io.duplicates import add_duplicates_argument
from data_prep.io.endings import called
from data_prep.io.parts import check_out, make_in_parts
from data_prep.io.plan import ITEM
from data_prep.io.plan import OUTSIDE as OUTSIDE
from data_prep.io.plan import REPAIRED as REPAIRED
from data_prep.io.plan import WARNING as WARNING
from data_prep.io.plan import Item as Item
from data_prep.io.plan import Plan as Plan
from data_prep.io.plan import Skip as Skip
from data_prep.io.raw import MAX_ERROR, RawSource, printable, shortened
from data_prep.io.report import ImportReport, NothingUsable, check_report
from data_prep.io.rows import Part, make_part, notes_of, read_part, tell, under_each_other
from data_prep.io.shards import (
    ShardTable,
    add_shard_argument,
    digest_of_items,
    name_of,
    shard_table,
)
from data_prep.io.whole import ELSEWHERE, Whole, settings
from fermodels import __version__
from fermodels._shared.digests import json_digest
from fermodels._shared.paths import given_path
from fermodels._shared.shards import Shard

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    import pyarrow as pa

    from data_prep.io.rows import MakeRow
    from fermodels.data import PreparedClips, PreparedImages

PER_PART = 64


def add_common_arguments(parser: argparse.ArgumentParser, out_needed: bool = True) -> None:
    """RAW, OUT and the options that every importer has."""
    parser.add_argument("raw", metavar="RAW", type=given_path, help="folder, .zip, .tar or .tar.gz")
    parser.add_argument(
        "out",
        metavar="OUT.parquet",
        type=given_path,
        nargs=None if out_needed else "?",
        default=None,
    )
    parser.add_argument("--size", type=int, default=96, help="pixels of a side, 16 to 512")
    parser.add_argument(
        "--crop",
        choices=("face", "centre", "none"),
        default="face",
        help="a square around the face, the largest square in the middle, or the whole image",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--limit", type=int, help="only the first LIMIT files, to try it out")
    parser.add_argument(
        "--report", metavar="FILE", type=given_path, help="write the report as JSON as well"
    )
    add_duplicates_argument(parser)
    add_shard_argument(parser)


def run_importer(importer: ModuleType, options: argparse.Namespace) -> None:
    """One importer from its options to the written file and the printed report.

    Raises:
        ValueError: options, raw data or labels cannot be used; `NothingUsable` where the raw data
            hold nothing for this importer. The report is written in these cases as well.
    """
    name = importer.__name__.rpartition(".")[2].replace("_", "-")
    _check(options)
    report = ImportReport(name, str(options.raw))
    try:
        raw = RawSource.open(options.raw, getattr(importer, "TARS_AS_FOLDERS", False))
        try:
            plan = importer.plan(raw, options, report)
        finally:
            report.take(raw)
        if plan is not None:  # there is none after a dry run
            _name_the_rest(plan, raw, options, report)
            run_import(plan, importer.make_row, options, raw, report)
            print(report.text())
    except BaseException as error:
        report.error = shortened(str(error), MAX_ERROR) or type(error).__name__
        if isinstance(error, ValueError) and (report.skipped or report.warnings):  # may say why
            print(report.text(), file=sys.stderr)
        raise
    finally:
        if options.report is not None:
            report.write(options.report)


def _check(options: argparse.Namespace) -> None:
    if options.jobs < 1 or (options.limit is not None and options.limit < 1):
        raise ValueError("--jobs and --limit must be at least 1")
    if not 16 <= options.size <= 512:
        raise ValueError(f"--size must be 16 to 512 pixels, got {options.size}")
    if options.report is not None:
        check_report(options.report, {"RAW": options.raw, "OUT": options.out})
    if options.out is not None:
        check_out(options.out)
    elif not getattr(options, "dry_run", False):
        raise ValueError("say where to write: OUT.parquet")


def _name_the_rest(
    plan: Plan, raw: RawSource, options: argparse.Namespace, report: ImportReport
) -> None:
    """Every file is read, or reported: also what an importer did not so much as look at."""
    known = {name for name, _ in report.skipped}
    used = {file for item in plan.items for file in (item.file, item.sound) if file}
    known |= {printable(file.name) for file in used}
    known |= {printable(name) for name in raw.opened}  # tables of labels, for instance
    root = raw.path.resolve()
    tables = (getattr(options, name, None) for name in ("labels", "transcripts"))
    for path in (options.out, options.report, *tables):
        if path is not None and path.resolve().is_relative_to(root):
            known.add(printable(path.resolve().relative_to(root).as_posix()))
    for file in raw.files:
        if printable(file.name) not in known:
            report.skip(file.name, f"{called(file)} that {report.dataset} has no use for")


@dataclass(frozen=True)
class _Job:
    """All that the rows depend on."""

    plan: Plan
    make_row: MakeRow
    options: argparse.Namespace
    shard: Shard | None

    def fingerprint(self) -> str:
        kept = settings(self.options)
        for name in ("limit", "duplicates"):  # in the items, and for all rows together
            kept.pop(name, None)
        items = digest_of_items(self.plan.items)
        what = [__version__, self.make_row.__module__, self.plan.kind, kept, items]
        return json_digest([*what, None if self.shard is None else str(self.shard)])


def run_import(
    plan: Plan,
    make_row: MakeRow,
    options: argparse.Namespace,
    raw: RawSource,
    report: ImportReport,
) -> PreparedImages | PreparedClips | ShardTable:
    """Makes all rows in `options.jobs` processes, writes `options.out`, fills in the report.

    With `options.shard` these are the rows of one shard, for `data_prep.io.merging`.

    Raises:
        NothingUsable: the plan has no items, or every one was skipped.
        fermodels.data.PreparedError: the rows do not fit together.
        ValueError: faces are to be found and the packages for it are not installed; there are
            fewer people than shards.
    """
    if options.limit is not None and options.limit < len(plan.items):
        report.warn(f"--limit: only the first {options.limit:,} of {len(plan.items):,}")
        plan = replace(plan, items=plan.items[: options.limit])
    report.found = report.found or len(plan.items)
    if not plan.items:
        raise NothingUsable(plan.expected, f"none of it among {len(raw.files):,} files")
    metadata = plan.metadata | {"crop": options.crop}
    if options.crop == "face" and any(item.size is not None for item in plan.items):
        from fermodels.crops import face_finder

        # Better missed now than in every file.
        metadata["face_finder"] = face_finder().name
    plan = replace(plan, metadata=metadata)
    shard: Shard | None = vars(options).get("shard")
    numbered = list(enumerate(plan.items))
    if shard is not None:
        numbered = [numbered[row] for row in shard.rows([item.owner for item in plan.items])]
    if raw.in_order:
        numbered.sort(key=lambda pair: pair[1].file.place if pair[1].file else -1)
    chunks = [numbered[at : at + PER_PART] for at in range(0, len(numbered), PER_PART)]
    sent = {k: v for k, v in vars(options).items() if k not in (*ELSEWHERE, "limit")}
    job = _Job(plan, make_row, options, shard)
    whole = Whole.of(plan, options, report.dataset)
    join = partial(_join, whole=whole, options=options, report=report)
    if shard is not None:
        name_of(plan.finish)  # better refused now than when all rows are made
        join = partial(shard_table, whole=whole, plan=plan, options=options, report=report)
    return make_in_parts(
        options.out,
        job,
        len(chunks),
        make_part,
        read=read_part,
        concat=join,
        jobs=options.jobs,
        per_part=[len(chunk) for chunk in chunks],
        unit="image" if plan.kind == "images" else "clip",
        job_of=lambda index: Part(raw, make_row, argparse.Namespace(**sent), chunks[index]),
    )


def _join(
    parts: Sequence[pa.Table], whole: Whole, options: argparse.Namespace, report: ImportReport
) -> PreparedImages | PreparedClips:
    planned = len(report.skipped)
    tell(notes_of(parts), report)
    frame = under_each_other(parts).to_pandas().sort_values(ITEM, ignore_index=True)
    media = [name for name in whole.prepared.MEDIA if name in frame]
    rows = whole.completed(
        frame.drop(columns=media), report, planned, lambda at: frame["image"][at]
    )
    rows = rows.assign(**{name: frame[name] for name in media})  # by the index
    return whole.check(rows, report, source=str(options.out))
