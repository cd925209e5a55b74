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
import hashlib
import json
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from data_prep.io.endings import called
from data_prep.io.parts import check_out, make_in_parts
from data_prep.io.raw import MAX_ERROR, RawError, RawFile, RawSource, printable, shortened, storable
from data_prep.io.report import ImportReport, NothingUsable, by_kind, counted
from data_prep.io.sides import tell_of_sides
from fermodels import __version__
from fermodels._shared.digests import json_digest
from fermodels._shared.files import replacing
from fermodels._shared.paths import given_path, output_file
from fermodels.data import PreparedClips, PreparedImages

if TYPE_CHECKING:
    from types import ModuleType

    import pandas as pd
    import pyarrow as pa

    Finish = Callable[[pd.DataFrame, ImportReport], pd.DataFrame]
    MakeRow = Callable[["Item", bytes, argparse.Namespace], dict[str, Any]]

PER_PART = 64
REPAIRED, WARNING = "_repaired", "_warning"  # keys of a row that go to the report
OUTSIDE = "crop_outside"  # column: the share of a crop that lies beyond its image
_ITEM = "_item"
_MUCH = 0.02  # of a crop that is beyond its image, to be told
_COUNTED = {
    "images": ("expression", "view", "session", "split", "face_found"),
    "clips": ("emotion", "split", "face_found"),
}
_PREPARED = {"images": PreparedImages, "clips": PreparedClips}
# Options that change nothing in a row.
_ELSEWHERE = ("run", "maker", "raw", "out", "jobs", "report", "dry_run")


class Skip(Exception):
    """Raised by `make_row`: this file gives no row, for the reason in the message."""


@dataclass(frozen=True)
class Item:
    """One row to be made.

    Attributes:
        file: what is read for it; None for a row made of labels alone, or of `data`.
        about: columns known already, in types that JSON holds.
        repaired: what was put right in its name or labels, for the report.
        name: what the report calls it, if not by its file.
        sound: a second file, with the sound of the first; `make_row` gets its bytes, or None where
            they cannot be read, as the argument `sound`.
        data: an image's file that is no file of its own, such as a row of a table of pixels.
    """

    file: RawFile | None
    about: dict[str, Any]
    repaired: str | None = None
    name: str = ""
    sound: RawFile | None = None
    data: bytes | None = None

    @property
    def title(self) -> str:
        return self.name or (self.file.name if self.file else "")

    @property
    def size(self) -> int | None:
        """Bytes that are read for it; None where nothing is."""
        if self.data is not None:
            return len(self.data)
        return self.file.size if self.file else None


@dataclass(frozen=True)
class Plan:
    """All rows to be made, in the order of the prepared file.

    Attributes:
        metadata: of the prepared file: name, version, licence, citation, label names, …
        kind: whether rows are images or clips.
        expected: what would have been usable, for the message when nothing is.
        finish: called once with all rows (encoded media included) and the report, before they are
            written: for checks that need to see all rows. It returns the rows to keep.
        counted: columns whose values are counted in the report, beside the kind's own.
    """

    items: Sequence[Item]
    metadata: dict[str, Any]
    kind: Literal["images", "clips"]
    expected: str = ""
    finish: Finish | None = None
    counted: Sequence[str] = field(default=())


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
        if not options.report.parent.is_dir() or options.report.is_dir():
            raise ValueError(f"--report {options.report}: must be a file in a folder that exists")
        output_file(options.report)
        for name, other in (("RAW", options.raw), ("OUT", options.out)):
            if other is not None and options.report.resolve() == other.resolve():
                raise ValueError(f"--report {options.report} is {name} as well")
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
class _Part:
    """What another process needs to make some rows."""

    raw: RawSource
    make_row: MakeRow
    options: argparse.Namespace
    items: list[tuple[int, Item]]


@dataclass(frozen=True)
class _Job:
    """All that the rows depend on."""

    plan: Plan
    make_row: MakeRow
    options: argparse.Namespace

    def fingerprint(self) -> str:
        items = [
            (item.title, item.size, item.about, item.repaired, _digest(item.data))
            + ((item.sound.name, item.sound.size) if item.sound else ())
            for item in self.plan.items
        ]
        what = [__version__, self.make_row.__module__, self.plan.kind, vars(self.options), items]
        return json_digest(what, default=str)


def _digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()


def run_import(
    plan: Plan,
    make_row: MakeRow,
    options: argparse.Namespace,
    raw: RawSource,
    report: ImportReport,
) -> PreparedImages | PreparedClips:
    """Makes all rows in `options.jobs` processes, writes `options.out`, fills in the report.

    Raises:
        NothingUsable: the plan has no items, or every one was skipped.
        fermodels.data.PreparedError: the rows do not fit together.
        ValueError: faces are to be found and the packages for it are not installed.
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
    numbered = list(enumerate(plan.items))
    if raw.in_order:
        numbered.sort(key=lambda pair: pair[1].file.place if pair[1].file else -1)
    chunks = [numbered[at : at + PER_PART] for at in range(0, len(numbered), PER_PART)]
    kept = {
        name: value for name, value in vars(options).items() if name not in (*_ELSEWHERE, "limit")
    }
    job = _Job(plan, make_row, argparse.Namespace(**kept))
    return make_in_parts(
        options.out,
        job,
        len(chunks),
        _make_part,
        read=_read_part,
        concat=partial(_join, plan=plan, options=options, report=report),
        jobs=options.jobs,
        per_part=[len(chunk) for chunk in chunks],
        unit="image" if plan.kind == "images" else "clip",
        job_of=lambda index: _Part(raw, make_row, job.options, chunks[index]),
    )


def _make_part(path: Path, part: _Part, index: int) -> None:
    """Makes one part file: rows, and in its metadata what the report has to say of them."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = []
    notes: dict[str, list[tuple[int, str, str]]] = {"skipped": [], "repaired": [], "warnings": []}
    last: tuple[RawFile | None, bytes] = (None, b"")
    sounds = _sounds(part) if part.raw.in_order else {}
    for number, item in part.items:
        title, beside, silent = printable(item.title), {}, None
        if item.sound:
            sound = sounds[number] if number in sounds else _sound(part.raw, item.sound)
            beside["sound"], silent = sound
        try:
            if item.file != last[0]:  # several rows may come from one file
                last = (item.file, part.raw.read(item.file) if item.file else b"")
            data = last[1] if item.data is None else item.data
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
        rows.append(row | {_ITEM: number})
    frame = pd.DataFrame(rows, columns=None if rows else [_ITEM])
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({"notes": json.dumps(notes)})
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="NONE", use_dictionary=False)


def _sounds(part: _Part) -> dict[int, tuple[bytes | None, str | None]]:
    """The sounds beside the films of a part: where one cannot go back, they are read before."""
    beside = [(item.sound.place, number, item.sound) for number, item in part.items if item.sound]
    return {number: _sound(part.raw, file) for _, number, file in sorted(beside)}


def _sound(raw: RawSource, file: RawFile) -> tuple[bytes | None, str | None]:
    try:
        return raw.read(file), None
    except RawError as error:
        return None, str(error)


def _read_part(path: Path) -> pa.Table:
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


def _join(
    parts: Sequence[pa.Table], plan: Plan, options: argparse.Namespace, report: ImportReport
) -> PreparedImages | PreparedClips:
    import pyarrow as pa

    planned = len(report.skipped)
    notes = [json.loads(part.schema.metadata[b"notes"]) for part in parts]
    for kind, keep in (("skipped", report.skip), ("repaired", report.repair)):
        for _, title, text in sorted(note for part in notes for note in part[kind]):
            keep(title, text)
    for _, title, text in sorted(note for part in notes for note in part["warnings"]):
        report.warn(f"{title}: {text}")
    tables = [part for part in parts if part.num_rows]
    if tables:
        whole = pa.concat_tables(tables, promote_options="permissive")
        frame = whole.replace_schema_metadata(None).to_pandas()
        frame = frame.sort_values(_ITEM, ignore_index=True).drop(columns=_ITEM)
        if plan.finish is not None:
            frame = plan.finish(frame, report).reset_index(drop=True)
    if not tables or not len(frame):
        # Not what was left out by its name alone: these files were read.
        reasons = by_kind(report.skipped[planned:])
        raise NothingUsable(
            plan.expected or "files that can be decoded",
            f"{len(plan.items):,} files of the right names, none of which can be used: "
            f"{'; '.join(map(counted, reasons[:3]))}",
        )
    report.kept = len(frame)
    _tell_of_crops(frame, report)
    tell_of_sides(frame, report)
    report.count(frame, dict.fromkeys((*_COUNTED[plan.kind], *plan.counted)))
    metadata = plan.metadata | {"command": _command(report.dataset, options)}
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        prepared = _PREPARED[plan.kind](frame, metadata, source=str(options.out))
    for remark in remarks:
        report.warn(str(remark.message))
    return prepared


def _tell_of_crops(frame: pd.DataFrame, report: ImportReport) -> None:
    if OUTSIDE not in frame:
        return
    shares = frame.loc[frame["face_found"].eq(True) & frame[OUTSIDE].gt(_MUCH), OUTSIDE]
    if len(shares):
        report.warn(
            f"{len(shares):,} of {len(frame):,} crops around faces reach beyond their image, by "
            f"{shares.median():.0%} of the crop in the middle and {shares.max():.0%} at most: the "
            f"edge goes on there, blurred (column {OUTSIDE})"
        )


def _command(dataset: str, options: argparse.Namespace) -> str:
    """How the file was made, without the paths of this machine."""
    words = ["python", "-m", "data_prep", dataset, "RAW", "OUT.parquet"]
    for name, value in vars(options).items():
        if name in _ELSEWHERE or value is None or value is False:
            continue
        value = value.name if isinstance(value, Path) else value
        if isinstance(value, dict):
            value = ",".join(f"{code}={meaning}" for code, meaning in value.items())
        words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    return shlex.join(words)
