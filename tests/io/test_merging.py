"""Shards of an import: put together they are the import without shards; others are refused."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_prep.importers import kdef
from data_prep.io.shards import HAS, name_of
from fermodels.data import PreparedClips, PreparedError, PreparedImages
from tests.fixtures.processes import ROOT, quiet_environment
from tests.importers.fixtures import clip_sets
from tests.importers.fixtures.clips import write
from tests.importers.fixtures.images import kdef_codes, kdef_files, write_folder
from tests.importers.fixtures.importing import SMALL
from tests.importers.fixtures.with_duplicates import SETS

pytestmark = pytest.mark.filterwarnings("ignore:.*has one view only")


@pytest.mark.parametrize("name", SETS)
def test_merged_shards_are_the_import_without_shards(run, tmp_path, name):
    """Rows, columns, their kinds, the metadata and the row groups; and the reports too.

    Files with the content of another are in several shards.
    """
    build, options, count = SETS[name]
    importer = name.split()[0]
    raw, options = build(tmp_path / "raw"), (*SMALL, *options)
    whole, merged = tmp_path / "whole.parquet", tmp_path / "merged.parquet"
    code, _, error = run(importer, raw, whole, *options, "--report", tmp_path / "whole.json")
    assert code == 0, error
    parts = [tmp_path / f"part-{number}.parquet" for number in range(1, count + 1)]
    for number, part in enumerate(parts, 1):
        code, printed, error = run(importer, raw, part, *options, "--shard", f"{number}/{count}")
        assert code == 0 and f"shard {number}/{count}" in printed, error
        assert pq.read_metadata(part).num_rows < pq.read_metadata(whole).num_rows
    code, _, error = run("merge", *reversed(parts), merged, "--report", tmp_path / "merged.json")
    assert code == 0, error
    reports = [path.with_suffix(".json").read_text() for path in (whole, merged)]
    assert json.loads(reports[0]) == json.loads(reports[1].replace(str(merged), str(whole)))
    tables = [pq.read_table(path) for path in (whole, merged)]
    assert tables[0].equals(tables[1], check_metadata=True)
    groups = [pq.read_metadata(path).num_row_groups for path in (whole, merged)]
    assert groups[0] == groups[1]


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return clip_sets.ravdess(tmp_path_factory.mktemp("merging") / "ravdess")


@pytest.fixture
def shards(run, raw, tmp_path):
    """Makes shards of RAVDESS; gives the files by number."""

    def shards(count=2, *options, only=None, folder=""):
        made = {}
        for number in range(1, count + 1) if only is None else only:
            path = tmp_path / folder / f"part-{number}.parquet"
            path.parent.mkdir(exist_ok=True)
            code, _, error = run(
                "ravdess", raw, path, *SMALL, "--shard", f"{number}/{count}", *options
            )
            assert code == 0, error
            made[number] = path
        return made

    return shards


def refused(run, tmp_path, *parts):
    """What `merge` says of parts that do not fit together; nothing is written."""
    before = sorted(tmp_path.iterdir())
    code, out, error = run("merge", *parts, tmp_path / "out.parquet")
    assert code == 2 and not out and sorted(tmp_path.iterdir()) == before
    return error


def test_a_shard_is_no_prepared_file(shards):
    part = shards()[1]
    for prepared in (PreparedClips, PreparedImages):
        with pytest.raises(PreparedError, match="'fermodels-shard'.*data_prep merge"):
            prepared.read(part)


def test_missing_and_double_shards_are_refused(run, shards, tmp_path):
    one, two = shards().values()
    assert "of 2 shards, 2 is missing" in refused(run, tmp_path, one)
    copy = write(tmp_path / "copy.parquet", one.read_bytes())
    assert f"shard 1/2 is given twice: {one}, {copy}" in refused(run, tmp_path, one, two, copy)
    error = refused(run, tmp_path, one, shards(1, folder="b")[1])
    assert f"{one} is shard 1/2 and" in error and "is shard 1/1" in error


@pytest.mark.parametrize(
    "options, message",
    [
        (("--size", "16"), "--size is 32 and 16"),
        (("--fps", "4"), "--fps is 8.0 and 4.0"),
        (("--every-modality",), "--every-modality is False and True"),
        (("--limit", "4"), "--limit is None and 4"),
        (("--duplicates", "drop"), "--duplicates is keep and drop"),
    ],
)
def test_other_settings_are_refused(run, shards, tmp_path, options, message):
    one, two = shards(only=[1])[1], shards(2, *options, only=[2])[2]
    error = refused(run, tmp_path, one, two)
    assert f"{one} and {two} do not fit together" in error and message in error


def test_other_data_is_refused(run, shards, tmp_path):
    one, two = shards(only=[1])[1], tmp_path / "two.parquet"
    vox, other = clip_sets.voxceleb2(tmp_path / "vox"), clip_sets.ravdess(tmp_path / "other")
    assert run("voxceleb2", vox, two, *SMALL, "--shard", "2/2")[0] == 0
    assert "the data set is ravdess and voxceleb2" in refused(run, tmp_path, one, two)
    (other / "Actor_01/02-02-06-01-02-01-01.mp4").unlink()
    assert run("ravdess", other, two, *SMALL, "--shard", "2/2")[0] == 0
    error = refused(run, tmp_path, one, two)
    assert "they were made of other files or labels, 6 rows" in error and "and 5 rows" in error


def altered(path, about=None, **columns):
    """The shard with some of what it says of itself, or its columns, changed."""
    table = pq.read_table(path)
    said = json.loads(table.schema.metadata[b"fermodels"])
    if about:
        about(said)
    for name, values in columns.items():
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, pa.array(values))
        else:
            table = table.append_column(name, pa.array(values))
    table = table.replace_schema_metadata({b"fermodels": json.dumps(said).encode()})
    pq.write_table(table, path)


@pytest.mark.parametrize(
    "about, message",
    [
        (lambda said: said.update(made_by="0.1"), "the version of fermodels that made them is"),
        (lambda said: said.update(format_version=9), "part-2.parquet has version 9 of the format"),
        (lambda said: said["whole"]["metadata"].update(crop="face"), "metadata 'crop' is none and"),
        (lambda said: said["whole"].update(kind="books"), "there are no prepared books"),
        (lambda said: said.pop("notes"), "part-2.parquet cannot be used here"),
        # The file is somebody's data: it can have nothing called but data_prep's own.
        *(
            (lambda said, name=name: said["whole"].update(finish=name), f"no function {name}")
            for name in (
                "os:system",
                "data_prep.importers.kdef:re",
                "data_prep.importers.kdef:gone",
            )
        ),
    ],
)
def test_what_a_shard_says_of_itself_is_checked(run, shards, tmp_path, about, message):
    one, two = shards().values()
    altered(two, about)
    assert message in refused(run, tmp_path, one, two)


def test_other_columns_and_overlapping_rows_are_refused(run, shards, tmp_path):
    one, two = shards().values()
    numbers, genuine = pq.read_table(one)["_item"].to_pylist(), two.read_bytes()
    for columns, message in (
        ({"mood": [1] * 3}, f"{two} does not have the columns that it was made with: mood"),
        (
            {"gender": [1] * 3},
            f"{one} and {two} do not fit together: Unable to merge: Field",
        ),
        ({"_item": numbers}, "3 rows, such as Actor_"),
        ({"_item": numbers}, f"are in more than one place: {one}, {two}"),
        ({"_item": [7, 8, 9]}, f"{two} has rows beyond the 6 planned ones"),
    ):
        two.write_bytes(genuine)
        altered(two, **columns)
        assert message in refused(run, tmp_path, one, two)


def test_other_files_in_place_of_shards_are_refused(run, shards, raw, tmp_path):
    one, two = shards().values()
    whole = tmp_path / "whole.parquet"
    assert run("ravdess", raw, whole, *SMALL)[0] == 0
    assert f"{whole} is no shard (fermodels-clips)" in refused(run, tmp_path, one, whole)
    for name, content in (("text", b"x"), ("half", two.read_bytes()[:-200]), ("gone", None)):
        path = tmp_path / f"{name}.parquet"
        if content is not None:
            path.write_bytes(content)
        assert f"{path} cannot be read as a shard" in refused(run, tmp_path, one, path)
    for out, message in (
        (two, f"{two} is one of the shards"),
        (tmp_path / "out.csv", "must be a .parquet file"),
    ):
        code, _, error = run("merge", one, two, out)
        assert code == 2 and message in error and pq.read_metadata(two).num_rows == 3


def test_what_comes_last_must_be_found_by_its_name():
    assert name_of(kdef._drop_odd_sizes) == "data_prep.importers.kdef:_drop_odd_sizes"
    with pytest.raises(ValueError, match="cannot run in shards"):
        name_of(lambda table, report: table)


def test_too_many_shards_are_refused_at_once(run, raw, tmp_path):
    code, _, error = run("ravdess", raw, tmp_path / "o.parquet", *SMALL, "--shard", "3/3")
    assert code == 2 and "there are only 2 people" in error and "at most 2 shards" in error
    assert not list(tmp_path.iterdir())
    with pytest.raises(SystemExit):
        run("ravdess", raw, tmp_path / "o.parquet", "--shard", "3/2")


def test_a_shard_of_damaged_files_alone_fits_the_others(run, tmp_path):
    raw = clip_sets.voxceleb2(tmp_path / "raw")
    for path in raw.glob("dev/mp4/id00012/*/*"):
        path.write_bytes(b"damaged")
    paths = [tmp_path / f"{number}.parquet" for number in (1, 2, 3)]
    for number, path in enumerate(paths, 1):
        assert run("voxceleb2", raw, path, *SMALL, "--shard", f"{number}/3")[0] == 0
    assert sorted(pq.read_metadata(path).num_rows for path in paths) == [0, 1, 1]
    code, out, error = run("merge", *paths, tmp_path / "merged.parquet")
    assert code == 0 and "2 rows from 4 files" in out and "left out 2" in out, error
    assert len(PreparedClips.read(tmp_path / "merged.parquet")) == 2
    for path in raw.glob("*/mp4/*/*/*"):
        path.write_bytes(b"damaged")
    for number, path in enumerate(paths, 1):
        assert run("voxceleb2", raw, path, *SMALL, "--shard", f"{number}/3")[0] == 0
    error = refused(run, tmp_path, *paths)
    assert "nothing usable was found" in error and "4 files of the right names" in error


def test_interrupted_a_shard_goes_on_and_takes_no_part_of_another(run, tmp_path, inline):
    raw = write_folder(kdef_files(kdef_codes(["F01", "F02", "F03", "M01"]), 80), tmp_path / "raw")
    command = ("kdef", raw, tmp_path / "part.parquet", *SMALL, "--shard")
    inline.stop_before = 1
    assert run(*command, "1/2")[0] == 130
    inline.stop_before, before = None, list(inline.done)
    inline.done.clear()
    assert run(*command, "1/2")[0] == 0
    assert before == [0, 2] and inline.done == [1]
    whole = (tmp_path / "part.parquet").read_bytes()
    inline.stop_before = 1
    assert run(*command, "2/2")[0] == 130
    inline.stop_before = None
    inline.done.clear()
    assert run(*command, "1/2")[0] == 0
    assert inline.done == [0, 1, 2] and (tmp_path / "part.parquet").read_bytes() == whole


def test_clips_without_a_medium_have_none_in_the_shard_either(shards):
    for path in shards(2, "--every-modality").values():
        table = pq.read_table(path)
        for name in ("video", "audio"):
            assert table[HAS + name].to_pylist() == [x is not None for x in table[name].to_pylist()]
            assert 0 < sum(table[HAS + name].to_pylist()) < len(table)


def test_two_shards_side_by_side_in_two_processes(run, raw, tmp_path):
    command = [sys.executable, "-m", "data_prep", "ravdess", raw, *SMALL]
    started = [
        subprocess.Popen(
            [*map(str, command), tmp_path / f"{number}.parquet", "--shard", f"{number}/2"],
            cwd=ROOT,
            env=quiet_environment(),
            stderr=subprocess.PIPE,
        )
        for number in (1, 2)
    ]
    for process in started:
        _, error = process.communicate(timeout=250)
        assert process.returncode == 0, error.decode()
    parts = [tmp_path / f"{number}.parquet" for number in (1, 2)]
    assert run("merge", *parts, tmp_path / "merged.parquet")[0] == 0
    assert run("ravdess", raw, tmp_path / "whole.parquet", *SMALL)[0] == 0
    merged, whole = (PreparedClips.read(tmp_path / f"{n}.parquet") for n in ("merged", "whole"))
    assert merged.table.equals(whole.table) and merged.fingerprint() == whole.fingerprint()
