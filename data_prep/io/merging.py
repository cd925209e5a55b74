"""The shards of an import put together: the file, and the report, of one import without shards.

Media are copied from row group to row group, so that the whole never is in memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_prep.io.parts import check_out
from data_prep.io.plan import HIDDEN, ITEM, NAME
from data_prep.io.report import ImportReport
from data_prep.io.rows import joined_notes, tell
from data_prep.io.shards import HAS, About, read_about, whole_of
from data_prep.io.whole import Whole
from fermodels._shared.files import replacing
from fermodels._shared.paths import given_path
from fermodels._shared.progress import progress_wanted
from fermodels._shared.shards import Shard, check_numbers, check_same
from fermodels.data.file_media import FileMedia

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from fermodels.data import PreparedClips, PreparedImages

_SHARD, _ROW = "_shard", "_row"  # where a row's media are


@dataclass(frozen=True)
class _File:
    path: Path
    about: About

    @property
    def shard(self) -> Shard:
        return Shard.parse(self.about.shard)


def merge_shards(
    paths: Sequence[str | os.PathLike], out: str | os.PathLike
) -> tuple[Path, ImportReport]:
    """Puts the shards of an import together and writes the prepared file `out`.

    Raises:
        ValueError: what does not fit together, by name: another data set, version, settings, files
            or columns, a shard that is missing or given twice, rows that are in two.
        NothingUsable: there is no row in any of them.
        fermodels.data.PreparedError: the rows do not fit together.
    """
    out = check_out(out)
    files = [_File(path, read_about(path)[0]) for path in map(given_path, paths)]
    files = _that_fit(files)
    for file in files:
        if file.path.resolve() == out.resolve():
            raise ValueError(f"{out} is one of the shards: write to another file")
    try:
        whole = whole_of(files[0].about)
    except ValueError as error:
        raise ValueError(f"{files[0].path}: {error}") from error
    report = _report_before(files)
    planned = len(report.skipped)
    tell(joined_notes([file.about.notes for file in files]), report)
    media = list(whole.prepared.MEDIA)
    frame = _rows(files, media, whole)
    places = frame[[_SHARD, _ROW, *(HAS + name for name in media)]]
    rows = whole.completed(frame.drop(columns=places.columns), report, planned)
    places = places.loc[rows.index].reset_index(drop=True)
    with tempfile.TemporaryDirectory(prefix="data_prep-") as folder:
        bare = Path(folder) / "without_media.parquet"
        _with_stand_ins(rows, places, files, whole, report, str(out)).write(bare)
        _fill(bare, out, places, files, whole)
    return out, report


def _that_fit(files: Sequence[_File]) -> list[_File]:
    """The shards by their number."""
    for what, of in (
        ("the data set is", lambda a: a.dataset),
        ("they hold", lambda a: a.whole.get("kind")),
        ("the version of fermodels that made them is", lambda a: a.made_by),
    ):
        check_same(what, [(file.path, of(file.about)) for file in files])
    for name in sorted({name for file in files for name in file.about.settings}):
        values = [(file.path, file.about.settings.get(name)) for file in files]
        check_same(f"--{name.replace('_', '-')} is", values)
    keys = sorted({key for file in files for key in file.about.whole["metadata"]})
    for key in keys:
        values = [(file.path, file.about.whole["metadata"].get(key)) for file in files]
        check_same(f"{key} in the metadata is", values)
    check_same(
        "they were made of other files or labels,",
        [(file.path, (file.about.whole["items"], file.about.items)) for file in files],
        lambda value: f"{value[0]:,} rows in all (digest {value[1][:12]})",
    )
    check_numbers([(file.path, file.shard) for file in files])
    return sorted(files, key=lambda file: file.shard.number)


def _report_before(files: Sequence[_File]) -> ImportReport:
    """What was said before rows were made, which all shards have planned alike."""
    first = files[0].about.planned
    report = ImportReport(
        files[0].about.dataset, first["raw"], found=first["found"], junk=first["junk"]
    )
    for file in files:
        planned = file.about.planned
        for name in ("skipped", "repaired", "warnings"):
            said = getattr(report, name)
            new = [tuple(x) if isinstance(x, list) else x for x in planned[name]]
            known = set(said)
            said += [x for x in new if x not in known]
    return report


def _rows(files: Sequence[_File], media: Sequence[str], whole: Whole) -> pd.DataFrame:
    """All rows in their order, without media, and where those are."""
    import pyarrow as pa

    tables = []
    for number, file in enumerate(files):
        table = _without_media(file, media)
        places = {_SHARD: np.full(len(table), number), _ROW: np.arange(len(table))}
        for name, values in places.items():
            table = table.append_column(name, pa.array(values))
        tables.append(table)
    whole_table = _under_each_other(files, tables)
    frame = whole_table.to_pandas().sort_values(ITEM, kind="stable", ignore_index=True)
    for name in media:
        if HAS + name not in frame:  # there is no row that has it
            frame[HAS + name] = False
    twice = frame[frame[ITEM].duplicated(keep=False)]
    if len(twice):
        shown = [str(files[at].path) for at in sorted(set(twice[_SHARD]))]
        raise ValueError(
            f"{twice[ITEM].nunique():,} rows, such as {twice[NAME].iloc[0]}, are in more than one "
            f"place: {', '.join(shown)}"
        )
    beyond = frame[~frame[ITEM].between(0, whole.items - 1)] if len(frame) else frame
    if len(beyond):
        path = files[beyond[_SHARD].iloc[0]].path
        raise ValueError(f"{path} has rows beyond the {whole.items:,} planned ones: make it again")
    return frame


def _without_media(file: _File, media: Sequence[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pq.read_schema(file.path).names
    if names != file.about.columns or not set(HIDDEN) <= set(names):
        other = sorted(set(names) ^ set(file.about.columns)) or sorted(set(HIDDEN) - set(names))
        raise ValueError(
            f"{file.path} does not have the columns that it was made with"
            f"{': ' * bool(other)}{', '.join(other)}. Make it again"
        )
    try:
        table = pq.read_table(
            file.path, columns=[name for name in names if name not in media], partitioning=None
        )
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file.path} is damaged ({error}): make it again") from error
    return table.replace_schema_metadata(None)


def _under_each_other(files: Sequence[_File], tables: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    schema = tables[0].schema
    for file, table in zip(files, tables, strict=True):
        try:
            schema = pa.unify_schemas([schema, table.schema], promote_options="permissive")
        except pa.ArrowException as error:
            raise ValueError(
                f"{files[0].path} and {file.path} do not fit together: {error}"
            ) from error
    # Those without rows say nothing of the kinds of their columns.
    return pa.concat_tables([t for t in tables if len(t)] or tables, promote_options="permissive")


def _with_stand_ins(
    rows: pd.DataFrame,
    places: pd.DataFrame,
    files: Sequence[_File],
    whole: Whole,
    report: ImportReport,
    source: str,
) -> PreparedImages | PreparedClips:
    """The prepared data set, checked, with one medium in place of all: media are not checked here,
    each shard has made its own."""
    stand_ins = {}
    for name in whole.prepared.MEDIA:
        has = places[HAS + name].fillna(False).to_numpy(dtype=bool)
        one = None
        if has.any():
            at = int(has.argmax())
            one = _media(files, name)[places[_SHARD][at]][int(places[_ROW][at])]
        stand_ins[name] = [one if there else None for there in has]
    return whole.check(rows.assign(**stand_ins), report, source)


def _media(files: Sequence[_File], name: str) -> list[FileMedia | list]:
    """Of each shard, the column of media; nothing where it has none."""
    return [
        FileMedia(file.path, name, cache_bytes=0, nullable=True)
        if name in file.about.columns
        else []
        for file in files
    ]


def _fill(
    bare: Path, out: Path, places: pd.DataFrame, files: Sequence[_File], whole: Whole
) -> None:
    """Writes `out`: the file without media, with the media of its rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from tqdm.auto import tqdm

    media = {name: _media(files, name) for name in whole.prepared.MEDIA}
    shard, row = places[_SHARD].to_numpy(), places[_ROW].to_numpy()
    file = pq.ParquetFile(bare)
    leaves = [file.schema.column(at).path for at in range(len(file.schema))]
    options = whole.prepared.parquet_options(leaves)
    start = 0
    with (
        replacing(out) as temporary,
        tqdm(total=len(places), desc=out.stem, disable=not progress_wanted()) as bar,
        pq.ParquetWriter(temporary, file.schema_arrow, **options) as writer,
    ):
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            end = start + len(table)
            for name, columns in media.items():
                values = _taken(columns, shard[start:end], row[start:end])
                field, at = table.schema.field(name), table.column_names.index(name)
                table = table.set_column(at, field, pa.array(values, pa.binary()))
            writer.write_table(table, row_group_size=whole.prepared.ROW_GROUP)
            bar.update(end - start)
            start = end


def _taken(
    columns: Sequence[FileMedia | list], shard: np.ndarray, row: np.ndarray
) -> list[bytes | None]:
    values: list[bytes | None] = [None] * len(shard)
    for number in np.unique(shard):
        if not len(columns[number]):
            continue
        here = np.flatnonzero(shard == number)
        for at, blob in zip(here, columns[number].take(row[here]), strict=True):
            values[at] = blob
    return values
