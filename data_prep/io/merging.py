"""The shards of an import put together: the file, and the report, of one import without shards.

Media are copied from row group to row group, so that the whole never is in memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.io.parts import check_out
from data_prep.io.plan import HIDDEN, ITEM, NAME
from data_prep.io.report import ImportReport
from data_prep.io.rows import joined_notes, tell
from data_prep.io.shards import HAS, SAID, About, read_about
from data_prep.io.whole import Whole
from fermodels._shared.files import replacing
from fermodels._shared.paths import given_path
from fermodels._shared.progress import progress_wanted
from fermodels._shared.shards import Shard, check_numbers, check_same
from fermodels.data import encode_image
from fermodels.data.file_media import FileMedia
from fermodels.data.image_files import image_size

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_SHARD, _ROW = "_shard", "_row"  # where a row's media are


@dataclass(frozen=True)
class _File:
    path: Path
    about: About
    whole: Whole

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
    files = [_File(path, *read_about(path)) for path in map(given_path, paths)]
    if out.resolve() in [file.path.resolve() for file in files]:
        raise ValueError(f"{out} is one of the shards: write to another file")
    _check(files)
    files.sort(key=lambda file: file.shard.number)
    whole = files[0].whole
    report = _report_before(files)
    planned = len(report.skipped)
    tell(joined_notes([file.about.notes for file in files]), report)
    frame = _rows(files, whole)
    places = frame[[_SHARD, _ROW, *(HAS + name for name in whole.prepared.MEDIA)]]

    def image_of(at: int) -> bytes:
        return _media(files[places[_SHARD][at]], "image")[int(places[_ROW][at])]

    rows = whole.completed(frame.drop(columns=places.columns), report, planned, image_of)
    places = places.loc[rows.index].reset_index(drop=True)
    with tempfile.TemporaryDirectory(prefix="data_prep-") as place:
        bare = Path(place) / "without_media.parquet"
        stand_ins = _stand_ins(places, files, whole)
        whole.check(rows.assign(**stand_ins), report, str(out)).write(bare)
        _fill(bare, out, places, files, whole)
    return out, report


def _check(files: Sequence[_File]) -> None:
    """Refuses what does not fit together."""

    def same(what: str, of: Callable[[_File], Any], shown: Callable[[Any], str] = str) -> None:
        check_same(what, [(file.path, of(file)) for file in files], shown)

    same("the data set is", lambda file: file.about.dataset)
    same("the version of fermodels that made them is", lambda file: file.about.made_by)
    for name in sorted({name for file in files for name in file.about.settings}):
        same(f"--{name.replace('_', '-')} is", lambda file, n=name: file.about.settings.get(n))
    for name in sorted({name for file in files for name in file.whole.metadata}):
        same(f"metadata {name!r} is", lambda file, n=name: file.whole.metadata.get(n))
    same(
        "they were made of other files or labels,",
        lambda file: (file.whole.items, file.about.items),
        lambda value: f"{value[0]:,} rows in all (digest {value[1][:12]})",
    )
    check_numbers([(file.path, file.shard) for file in files])


def _report_before(files: Sequence[_File]) -> ImportReport:
    """What was said before rows were made, which all shards have planned alike."""
    about = files[0].about
    first = {name: about.planned[name] for name in ("raw", "found", "junk")}
    report = ImportReport(about.dataset, **first)
    for file in files:
        for name in SAID:
            said = getattr(report, name)
            known = set(said)
            new = [tuple(x) if isinstance(x, list) else x for x in file.about.planned[name]]
            said += [x for x in new if x not in known]
    return report


def _rows(files: Sequence[_File], whole: Whole) -> pd.DataFrame:
    """All rows in their order, without media, and where those are."""
    import pyarrow as pa

    media, tables = list(whole.prepared.MEDIA), []
    for number, file in enumerate(files):
        table = _without_media(file, media)
        places = {_SHARD: np.full(len(table), number), _ROW: np.arange(len(table))}
        for name, values in places.items():
            table = table.append_column(name, pa.array(values))
        tables.append(table)
    frame = _under_each_other(files, tables).to_pandas().sort_values(ITEM, ignore_index=True)
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


def _stand_ins(
    places: pd.DataFrame, files: Sequence[_File], whole: Whole
) -> dict[str, list[bytes | None]]:
    """Something small in place of all media, which each shard has made and checked."""
    small = b"\0"
    if whole.kind == "images":  # of the size that all of them have
        first = _media(files[places[_SHARD][0]], "image")[int(places[_ROW][0])]
        small = encode_image(np.zeros((*image_size(first), 3), np.uint8))
    has = {name: places[HAS + name].fillna(False) for name in whole.prepared.MEDIA}
    return {name: [small if there else None for there in has[name]] for name in has}


def _media(file: _File, name: str) -> FileMedia | list:
    """The column of media; nothing where it has none."""
    has = name in file.about.columns
    return FileMedia(file.path, name, cache_bytes=0, nullable=True) if has else []


def _fill(
    bare: Path, out: Path, places: pd.DataFrame, files: Sequence[_File], whole: Whole
) -> None:
    """Writes `out`: the file without media, with the media of its rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from tqdm.auto import tqdm

    media = {name: [_media(file, name) for file in files] for name in whole.prepared.MEDIA}
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
