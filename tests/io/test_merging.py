"""Shards of an import: put together they are the import without shards; others are refused."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_prep.importers import kdef
from data_prep.io.shards import HAS, finish_called, name_of
from fermodels.data import PreparedClips, PreparedError, PreparedImages
from tests.fixtures.processes import ROOT, quiet_environment
from tests.importers.fixtures import clip_sets, mosei
from tests.importers.fixtures.clips import write
from tests.importers.fixtures.images import (
    ddcf_files,
    faulty_codes,
    kdef_codes,
    kdef_files,
    multiface_files,
    write_folder,
    write_tar,
    write_zip,
)

SMALL = ("--crop", "none", "--size", "32", "--jobs", "1")
PATTERN = r"(?P<subject>\w+)/(?P<expression>[a-z]+)_(?P<view>\w+)_(?P<session>light\d)"
pytestmark = pytest.mark.filterwarnings("ignore:.*has one view only")


def own(root):
    """People in folders, one of them with a second image, and one image that is damaged."""
    files = dict(ddcf_files(4, 5))
    names = ("full_left", "half_left", "straight", "half_right", "full_right")
    for number, (name, data) in enumerate(files.items()):
        person, view = name.split("/")[1], names[number % 5]
        write(root / person / "happy" / f"{view}.jpg", data[:300] if number == 7 else data)
    return root


def classes(root):
    """Nobody knows who is who; without a split for some."""
    for number, (_, data) in enumerate(ddcf_files(1, 10)):
        write(root / f"{'happy' if number % 3 else 'sad'}/{number}.jpg", data)
    return root


def captures(root):
    files = [file for entity in ("11", "22") for file in multiface_files(entity, frames=(1,))]
    return write_folder(files, root)


# The importer, its raw data, its own options, and how many shards.
SETS = {
    "kdef": (lambda p: write_folder(kdef_files(faulty_codes()), p / "r"), (), 4),
    "kdef in a tar.gz": (
        lambda p: write_tar(reversed([*kdef_files(kdef_codes(["F01", "M02"]))]), p / "r.tar.gz"),
        ("--odd-sizes", "keep"),
        2,
    ),
    "ddcf": (
        lambda p: write_zip(ddcf_files(3), p / "r.zip"),
        ("--pattern", PATTERN, "--views", "L60=-60,L30=-30,0=0,R30=30,R60=60"),
        3,
    ),
    "image-folder": (lambda p: own(p / "r"), (), 3),
    "image-folder of classes": (lambda p: classes(p / "r"), (), 3),
    "multiface": (lambda p: captures(p / "r"), (), 2),
    "mosei": (lambda p: mosei.raw_folder(p / "r"), (), 3),
    "mosei without videos": (lambda p: mosei.csd_folder(p / "r"), ("--media", "none"), 2),
    "meld": (lambda p: clip_sets.meld(p / "r"), (), 3),
    "caer": (lambda p: clip_sets.caer(p / "r"), (), 4),
    "caer stills": (lambda p: clip_sets.caer_s(p / "r"), (), 2),
    "ravdess": (lambda p: clip_sets.ravdess(p / "r"), ("--every-modality",), 2),
    "voxceleb2": (lambda p: clip_sets.voxceleb2(p / "r"), (), 3),
}


@pytest.mark.parametrize("name", SETS)
def test_merged_shards_are_the_import_without_shards(run, tmp_path, name):
    """Rows, columns, their kinds, the metadata and the row groups; and the reports too."""
    build, options, count = SETS[name]
    importer = name.split()[0]
    raw, options = build(tmp_path), (*SMALL, *options)
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
        (("--duplicates", "drop"), "--duplicates is leaks and drop"),
    ],
)
def test_other_settings_are_refused(run, shards, tmp_path, options, message):
    one = shards(only=[1])[1]
    two = shards(2, *options, only=[2])[2]
    error = refused(run, tmp_path, one, two)
    assert f"{one} and {two} do not fit together" in error and message in error


def test_another_data_set_is_refused(run, shards, tmp_path):
    one = shards(only=[1])[1]
    folder = clip_sets.voxceleb2(tmp_path / "raw")
    two = tmp_path / "vox.parquet"
    assert run("voxceleb2", folder, two, *SMALL, "--shard", "2/2")[0] == 0
    assert "the data set is ravdess and voxceleb2" in refused(run, tmp_path, one, two)


def test_other_files_and_labels_are_refused(run, shards, raw, tmp_path):
    one = shards(only=[1])[1]
    other = clip_sets.ravdess(tmp_path / "other")
    (other / "Actor_01/02-02-06-01-02-01-01.mp4").unlink()
    two = tmp_path / "two.parquet"
    assert run("ravdess", other, two, *SMALL, "--shard", "2/2")[0] == 0
    error = refused(run, tmp_path, one, two)
    assert "they were made of other files or labels, 6 rows" in error and "and 5 rows" in error


def altered(path, about=None, table=None):
    """The shard with some of what it says of itself, or its rows, changed."""
    whole = pq.read_table(path)
    said = json.loads(whole.schema.metadata[b"fermodels"])
    whole = table(whole) if table else whole
    if about:
        about(said)
    text = json.dumps(said).encode()
    pq.write_table(whole.replace_schema_metadata({b"fermodels": text}), path)


def test_another_version_is_refused(run, shards, tmp_path):
    one, two = shards().values()
    altered(two, lambda said: said.update(made_by="0.0.1"))
    assert "the version of fermodels that made them is" in refused(run, tmp_path, one, two)
    altered(two, lambda said: said.update(format_version=9))
    assert f"{two} has version 9 of the format" in refused(run, tmp_path, one, two)


def test_other_columns_are_refused(run, shards, tmp_path):
    one, two = shards().values()
    altered(two, table=lambda t: t.append_column("mood", pa.array([1] * len(t))))
    assert f"{two} does not have the columns that it was made with: mood" in refused(
        run, tmp_path, one, two
    )
    two = shards(only=[2])[2]
    numbers = lambda t: t.set_column(  # noqa: E731
        t.column_names.index("gender"), "gender", pa.array([1] * len(t))
    )
    altered(two, table=numbers)
    error = refused(run, tmp_path, one, two)
    assert f"{one} and {two} do not fit together" in error and "gender" in error


def test_overlapping_rows_are_refused(run, shards, tmp_path):
    one, two = shards().values()
    numbers = pq.read_table(one)["_item"].to_pylist()
    for path, new, message in (
        (two, numbers, "3 rows, such as Actor_"),
        (two, [7, 8, 9], f"{two} has rows beyond the 6 planned ones"),
        (one, [numbers[0]] * 3, "1 rows, such as "),
    ):
        at = pq.read_schema(path).names.index("_item")
        altered(path, table=lambda t, at=at, new=new: t.set_column(at, "_item", [new]))
        assert message in refused(run, tmp_path, one, two)


def test_other_files_in_place_of_shards_are_refused(run, shards, raw, tmp_path):
    one, two = shards().values()
    whole = tmp_path / "whole.parquet"
    assert run("ravdess", raw, whole, *SMALL)[0] == 0
    assert f"{whole} is no shard (fermodels-clips)" in refused(run, tmp_path, one, whole)
    text = write(tmp_path / "text.parquet", b"x")
    assert f"{text} cannot be read as a shard" in refused(run, tmp_path, one, text)
    assert "cannot be read as a shard" in refused(run, tmp_path, one, tmp_path / "gone.parquet")
    half = write(tmp_path / "half.parquet", two.read_bytes()[:-200])
    assert f"{half} cannot be read as a shard" in refused(run, tmp_path, one, half)
    altered(two, lambda said: said.pop("notes"))
    assert f"{two} is damaged" in refused(run, tmp_path, one, two)
    two = shards(only=[2])[2]
    code, _, error = run("merge", one, two, two)
    assert code == 2 and f"{two} is one of the shards" in error and two.stat().st_size
    code, _, error = run("merge", one, two, tmp_path / "out.csv")
    assert code == 2 and "must be a .parquet file" in error


def test_a_shard_names_no_function_of_others(run, shards, tmp_path):
    """The file is somebody's data: it cannot have anything called but an importer's own."""
    one, two = shards().values()
    for name in ("os:system", "data_prep.importers.kdef:re", "data_prep.importers.kdef:gone"):
        for path in (one, two):
            altered(path, lambda said, name=name: said["whole"].update(finish=name))
        assert f"there is no function {name}" in refused(run, tmp_path, one, two)


def test_what_comes_last_is_found_by_its_name():
    name = name_of(kdef._drop_odd_sizes)
    assert finish_called(name) is kdef._drop_odd_sizes and name_of(None) is None
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
