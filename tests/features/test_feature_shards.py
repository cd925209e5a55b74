"""Features in shards: put together they are those of one computation."""

import pytest
import torch

from data_prep.__main__ import main
from fermodels.data import PreparedClips
from fermodels.features import FeatureError, FeatureSet, compute, compute_features, merge_features
from fermodels.models import ImageEncoder
from tests.fixtures.images import synthetic_clips
from tests.importers.fixtures import mosei

COUNT = 3


@pytest.fixture(scope="module")
def clips():
    """42 clips of 6 people; of the first two, nothing can be heard."""
    return synthetic_clips(subjects=6, drop={"audio": range(14), "text": [5, 20], "video": [9]})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoders") / "small16"
    ImageEncoder(image_size=16, width=8).eval().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def shards(clips, encoder, tmp_path_factory):
    """The files of three shards."""
    folder = tmp_path_factory.mktemp("shards")
    paths = [folder / f"{number}.safetensors" for number in range(1, COUNT + 1)]
    for number, path in enumerate(paths, 1):
        shard = f"{number}/{COUNT}"
        compute_features(clips, path, video=encoder, num_augmentations=2, shard=shard)
    return paths


def test_merged_shards_are_the_features_without_shards(clips, encoder, shards, tmp_path):
    compute_features(clips, tmp_path / "whole.safetensors", video=encoder, num_augmentations=2)
    merged = merge_features(shards[::-1], tmp_path / "merged.safetensors")
    merged.check(clips)
    whole, merged = (
        (tmp_path / f"{name}.safetensors").read_bytes() for name in ("whole", "merged")
    )
    assert whole == merged


def test_people_are_kept_together_and_nobody_is_twice(clips, shards):
    people = dict(zip(clips.table["clip"], clips.table["subject"], strict=True))
    found = [{people[clip] for clip in FeatureSet.read(path).clips} for path in shards]
    assert all(found) and sum(map(len, found)) == 6 == len(set.union(*found))


def test_a_shard_is_not_taken_for_the_whole(clips, shards):
    with pytest.raises(FeatureError, match="features of shard 1/3 alone.*data_prep merge"):
        FeatureSet.read(shards[0]).check(clips)


def test_a_finished_shard_is_taken_and_another_is_not(clips, encoder, tmp_path, monkeypatch):
    done, original = [], compute._Task.compute
    monkeypatch.setattr(
        compute._Task, "compute", lambda task, chunk: (done.append(chunk), original(task, chunk))[1]
    )
    out = tmp_path / "f.safetensors"
    options = {"video": None, "num_augmentations": 0}
    for shard, chunks in (("1/2", 2), ("1/2", 0), ("2/2", 2), (None, 3)):
        done.clear()
        compute_features(clips, out, shard=shard, **options)
        assert len(done) == chunks, shard


@pytest.mark.parametrize(
    "change, message",
    [
        ({"seed": 1}, "seed is 0 and 1"),
        ({"num_augmentations": 1}, "num augmentations is 2 and 1"),
        ({"text": None}, "the modalities are video, audio, text and video, audio"),
        ({"train_indices": [0, 1, 2]}, "the backbone of the text is tfidf@"),
        ({"shard": "2/4"}, "is shard 1/3 and .* is shard 2/4: they are not of one set"),
        ({"shard": "1/3"}, "shard 1/3 is given twice: .*1.safetensors, .*other.safetensors"),
        ({"shard": None}, "other.safetensors is no shard"),
    ],
)
def test_what_does_not_fit_is_refused(clips, encoder, shards, tmp_path, change, message):
    options = {"video": encoder, "num_augmentations": 2, "shard": "2/3"} | change
    other = tmp_path / "other.safetensors"
    compute_features(clips, other, **options)
    with pytest.raises(ValueError, match=message):
        merge_features([shards[0], other, shards[2]], tmp_path / "out.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def test_other_data_and_missing_shards_are_refused(clips, encoder, shards, tmp_path):
    out = tmp_path / "out.safetensors"
    with pytest.raises(ValueError, match="of 3 shards, 1, 3 are missing"):
        merge_features([shards[1]], out)
    other = tmp_path / "other.safetensors"
    fewer = clips.subset(range(41))
    compute_features(fewer, other, video=encoder, num_augmentations=2, shard="2/3")
    with pytest.raises(ValueError, match="the data set is [0-9a-f]{12} and [0-9a-f]{12}"):
        merge_features([shards[0], other, shards[2]], out)
    with pytest.raises(ValueError, match="is one of the shards"):
        merge_features(shards, shards[0])
    with pytest.raises(ValueError, match="must be a .safetensors file"):
        merge_features(shards, tmp_path / "out.parquet")


def test_rows_that_are_in_two_shards_or_in_none(shards, tmp_path):
    one, two, three = (FeatureSet.read(path) for path in shards)
    first = one.settings["rows"][0]
    for rows, message in (
        (
            [first, *two.settings["rows"][1:]],
            "clip .* is in .*1.safetensors and in .*x.safetensors",
        ),
        ([99, *two.settings["rows"][1:]], "is in none of the shards"),
        ([1], "x.safetensors is damaged: 1 rows for"),
    ):
        two.settings["rows"] = rows
        two.write(tmp_path / "x.safetensors")
        with pytest.raises(ValueError, match=message):
            merge_features(
                [shards[0], tmp_path / "x.safetensors", shards[2]], tmp_path / "o.safetensors"
            )


def test_more_shards_than_people_are_refused(clips):
    with pytest.raises(ValueError, match="only 6 people"):
        compute_features(clips, video=None, text=None, num_augmentations=0, shard="1/7")


def test_the_commands(clips, tmp_path, capsys):
    clips.write(tmp_path / "clips.parquet")
    command = ["features", str(tmp_path / "clips.parquet"), "--video", "none", "--jobs", "1"]
    command += ["--num-augmentations", "1"]
    parts = [str(tmp_path / f"{number}.safetensors") for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        assert main([*command, part, "--shard", f"{number}/2"]) == 0
    whole, merged = tmp_path / "whole.safetensors", tmp_path / "merged.safetensors"
    assert main([*command, str(whole)]) == 0
    assert main(["merge", *parts, str(merged)]) == 0
    assert whole.read_bytes() == merged.read_bytes()
    assert "42 clips" in capsys.readouterr().out
    assert main(["merge", parts[0], str(merged)]) == 2
    assert "of 2 shards, 2 is missing" in capsys.readouterr().err
    assert main(["merge", *parts, str(merged), "--report", str(tmp_path / "r.json")]) == 2


def test_features_of_csd_files(tmp_path, capsys):
    """Of one of the videos FACET found no face: its shard has no video at all."""
    raw = mosei.csd_folder(tmp_path / "csd")
    out = tmp_path / "mosei.parquet"
    assert main(["mosei", str(raw), str(out), "--media", "none", "--jobs", "1"]) == 0
    people = PreparedClips.read(out).table["subject"].nunique()
    parts = [str(tmp_path / f"{number}.safetensors") for number in range(1, people + 1)]
    command = ["mosei-features", str(raw), str(out)]
    for number, part in enumerate(parts, 1):
        assert main([*command, part, "--shard", f"{number}/{people}"]) == 0
    whole, merged = tmp_path / "whole.safetensors", tmp_path / "merged.safetensors"
    assert main([*command, str(whole)]) == 0
    assert main(["merge", *parts, str(merged)]) == 0
    assert whole.read_bytes() == merged.read_bytes()
