"""VoxCeleb2: unlabelled clips of people."""

import pytest

from data_prep.importers.voxceleb2 import _some_of_each
from tests.importers.fixtures import clip_sets
from tests.importers.fixtures.clips import write
from tests.importers.fixtures.importing import SMALL, imported


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return clip_sets.voxceleb2(tmp_path_factory.mktemp("voxceleb2") / "raw")


def test_people_without_labels(run, raw):
    clips, table, report = imported(run, "voxceleb2", raw)
    assert list(table["clip"]) == [
        "id00012/21Uxsk56VDQ/00001",
        "id00012/21Uxsk56VDQ/00002",
        "id00015/-0DMcAsBIkk/00001",
        "id00017/01dfn2spqyE/00001",
    ]
    assert table["subject"].tolist() == ["id00012", "id00012", "id00015", "id00017"]
    assert (clips.labels == -1).all() and clips.emotions == () and not clips.targets.size
    assert clips.present["audio"].tolist() == [True, True, False, True]
    assert not clips.present["text"].any()
    assert table["official_split"].tolist() == ["dev", "dev", "dev", "test"]
    assert table["gender"].tolist()[:3] == ["female", "female", "male"]
    assert table["gender"].isna().tolist() == [False, False, False, True]
    assert report["found"] == report["kept"] == 4


def test_some_clips_of_everybody_of_different_videos(run, raw):
    keys = [("a", "v", "1"), ("a", "v", "2"), ("a", "w", "7"), ("b", "v", "1")]
    assert _some_of_each(keys, None) == keys
    assert _some_of_each(keys, 1) == [("a", "v", "1"), ("b", "v", "1")]
    assert _some_of_each(keys, 2) == [("a", "v", "1"), ("a", "w", "7"), ("b", "v", "1")]
    clips, _, _ = imported(run, "voxceleb2", raw, "--per-person", "1")
    assert len(clips) == 3
    code, _, error = run("voxceleb2", raw, raw.parent / "o.parquet", *SMALL, "--per-person", "0")
    assert code == 2 and "--per-person must be at least 1" in error


@pytest.mark.parametrize(
    "name, message",
    [
        ("vox2_dev_mp4_partaa", "join them"),
        ("dev/aac/id00012/21Uxsk56VDQ/00001.m4a", "sounds (.m4a) alone"),
        ("other.txt", "such as other.txt"),
    ],
)
def test_what_is_seen_instead(run, tmp_path, name, message):
    write(tmp_path / "raw" / name, b"x")
    code, _, error = run("voxceleb2", tmp_path / "raw", tmp_path / "o.parquet", *SMALL)
    assert code == 2 and message in error and "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4" in error
