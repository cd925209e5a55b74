import json
import pickle
import warnings

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fermodels.data import (
    EMOTIONS,
    EXPRESSIONS,
    MODALITIES,
    PreparedClips,
    PreparedError,
    PreparedImages,
)
from fermodels.data.clips import CLIP_COLUMNS, CLIP_FRACTIONS
from fermodels.data.file_media import FileMedia
from fermodels.data.media import decode_audio, decode_video
from tests.fixtures.images import make_tiny, synthetic_clips

pytest.importorskip("av")

# Rows 0 … 6 are the emotions of the first subject, 7 … 13 those of the second, and so on.
DROP = {"audio": [1, 8], "text": [2, 8], "video": [3]}
TEST_SPEAKERS = "s005 s009 s010 s012 s016 s026 s027 s037 s038 s045 s049 s050 s052 s057"


@pytest.fixture(scope="module")
def clips():
    """3 subjects × 7 emotions, some without sound, words or picture."""
    return synthetic_clips(3, drop=DROP)


def frame(clips):
    return clips.table.assign(**{column: clips._blobs(column) for column in ("video", "audio")})


def rebuilt(clips, row, column, value, **metadata):
    """The data set with one value changed: what a faulty importer might have written."""
    table = frame(clips)
    values = table[column].astype(object).tolist()
    values[row] = value
    table[column] = pd.Series(values, dtype=object)
    return PreparedClips(table, clips.metadata | metadata, source="faulty.parquet")


def words(count, **columns):
    """Clips of a transcript alone, one a subject: quick to make, for tests of the table."""
    names = [f"s{i:03d}" for i in range(count)]
    table = pd.DataFrame({"video": [None] * count, "audio": None, "transcript": "yes"})
    table = table.assign(clip=names, subject=names, emotion="happy", **columns)
    return PreparedClips(table, {"name": "words"}, source="words.parquet")


def test_vocabulary():
    assert MODALITIES == ("video", "audio", "text")
    assert "content" not in EMOTIONS and set(EMOTIONS) < set(EXPRESSIONS) and len(EMOTIONS) == 7


def test_what_there_is(clips):
    assert len(clips) == 21 and clips.emotions == EMOTIONS
    assert clips.labels.dtype == np.int64 and clips.labels.tolist() == list(range(7)) * 3
    assert clips.subject_ids.tolist() == [0] * 7 + [2] * 7 + [1] * 7  # f000, m001, f002
    assert tuple(clips.present) == MODALITIES
    for modality, there in clips.present.items():
        assert there.dtype == bool and np.flatnonzero(~there).tolist() == DROP[modality]
    assert clips.metadata["sample_rate"] == 16_000
    assert not {"video", "audio"} & set(clips.table)
    assert "21 clips of 3 subjects" in repr(clips) and "audio in 19" in repr(clips)


def test_frames_waveform_transcript(clips):
    frames, fps = clips.frames(0)
    assert frames.dtype == np.uint8 and frames.shape[1:] == (16, 16, 3) and fps == 8
    waveform = clips.waveform(0)
    assert waveform.dtype == np.float32 and 6_000 <= len(waveform) < 10_000
    assert len(clips.waveform(0, 8_000)) == round(len(waveform) / 2)
    assert clips.transcript(0).startswith("they ")
    assert clips.waveform(1) is None and clips.transcript(2) is None and clips.frames(3) is None
    assert isinstance(clips.transcript(np.int64(-1)), str)
    with pytest.raises(IndexError, match="row 21 is outside"):
        clips.frames(21)


def test_clips_are_of_unequal_length(clips):
    rows = np.flatnonzero(clips.present["video"] & clips.present["audio"])
    assert len({len(clips.frames(row)[0]) for row in rows}) > 1
    assert len({len(clips.waveform(row)) for row in rows}) > 1


def test_synthetic_clips_repeat_and_tell_the_emotion(clips):
    assert synthetic_clips(3, drop=DROP).fingerprint() == clips.fingerprint()
    assert synthetic_clips(3, drop=DROP, seed=1).fingerprint() != clips.fingerprint()
    loud = [np.std(clips.waveform(EMOTIONS.index(name))) for name in ("sad", "neutral")]
    assert loud[0] < loud[1] / 2


def test_round_trip(tmp_path, clips):
    path = clips.write(tmp_path / "new folder" / "clips.parquet")
    again = PreparedClips.read(path)
    assert again.fingerprint() == clips.fingerprint() and again.emotions == clips.emotions
    pd.testing.assert_frame_equal(again.table, clips.table, check_dtype=False)
    for column in ("video", "audio"):
        assert again._blobs(column) == clips._blobs(column)
    for key, value in clips.metadata.items():
        assert again.metadata[key] == value
    for modality in MODALITIES:
        assert np.array_equal(again.present[modality], clips.present[modality])
    assert path.read_bytes() == again.write(tmp_path / "again.parquet").read_bytes()


def test_media_may_stay_in_the_file(tmp_path, clips, monkeypatch):
    path = clips.write(tmp_path / "clips.parquet")
    whole, left = PreparedClips.read(path), PreparedClips.read(path, in_memory=False)
    assert isinstance(left._media["video"], FileMedia) and isinstance(whole._media["video"], list)
    assert left.fingerprint() == whole.fingerprint() and left.table.equals(whole.table)
    for name, there in whole.present.items():
        assert (left.present[name] == there).all() and left.present[name].dtype == bool
    rows = [5, 0, 3, 8]  # one without a picture, one without sound and words
    few = pickle.loads(pickle.dumps(left.subset(rows)))
    for at, row in enumerate(rows):
        assert (few.present["video"][at], few.present["audio"][at]) == (
            whole.present["video"][row], whole.present["audio"][row],
        )  # fmt: skip
        if whole.present["video"][row]:
            assert (few.frames(at)[0] == whole.frames(row)[0]).all()
        if whole.present["audio"][row]:
            assert (few.waveform(at) == whole.waveform(row)).all()
    few.write(tmp_path / "few.parquet")
    assert PreparedClips.read(tmp_path / "few.parquet").fingerprint() == (
        whole.subset(rows).fingerprint()
    )
    monkeypatch.setattr("fermodels.data.clips.MEMORY", 1000)
    assert isinstance(PreparedClips.read(path)._media["audio"], FileMedia)


def test_the_file_is_plain_parquet(tmp_path, clips):
    path = clips.write(tmp_path / "clips.parquet")
    table = pd.read_parquet(path)
    assert table["video"][0][:4] == b"\x1aE\xdf\xa3" and table["audio"][0][:4] == b"OggS"
    assert table["audio"][1] is None and table["video"][3] is None
    arrow = pq.ParquetFile(path)
    about = json.loads(arrow.schema_arrow.metadata[b"fermodels"])
    assert (about["format"], about["format_version"]) == ("fermodels-clips", 1)
    assert about["emotions"] == list(EMOTIONS) and about["sample_rate"] == 16_000
    assert set(CLIP_COLUMNS) <= set(arrow.schema_arrow.names)


def test_the_file_opens_in_duckdb(tmp_path, clips):
    import duckdb

    path = clips.write(tmp_path / "clips.parquet")
    query = f"select count(*), count(audio), count(transcript) from '{path}'"
    assert duckdb.sql(query).fetchall() == [(21, 19, 19)]


def test_a_data_set_of_one_modality(tmp_path):
    alone = words(4)
    again = PreparedClips.read(alone.write(tmp_path / "words.parquet"))
    assert again.fingerprint() == alone.fingerprint()
    assert {m: int(there.sum()) for m, there in again.present.items()} == {
        "video": 0,
        "audio": 0,
        "text": 4,
    }
    kinds = pq.read_schema(tmp_path / "words.parquet")
    assert kinds.field("video").type == "binary"
    silent = synthetic_clips(1, drop={"text": range(7), "video": range(7)})
    silent.write(tmp_path / "sound.parquet")
    assert pq.read_schema(tmp_path / "sound.parquet").field("transcript").type == "string"
    assert PreparedClips.read(tmp_path / "sound.parquet").transcript(0) is None


def test_subset(tmp_path, clips):
    part = clips.subset([8, 3, 0])
    assert part.table["clip"].tolist() == clips.table["clip"].iloc[[8, 3, 0]].tolist()
    assert part.present["audio"].tolist() == [False, True, True]
    assert part.present["video"].tolist() == [True, False, True]
    assert np.array_equal(part.frames(2)[0], clips.frames(0)[0])
    assert part.subset([1]).waveform(0).shape == clips.waveform(3).shape
    assert part.fingerprint() != clips.fingerprint()
    again = PreparedClips.read(part.write(tmp_path / "part.parquet"))
    assert again.fingerprint() == part.fingerprint() and again.emotions == clips.emotions


def test_fingerprint_sees_every_change(clips):
    assert PreparedClips(frame(clips), clips.metadata).fingerprint() == clips.fingerprint()
    changes = {"video": clips._blobs("video")[1], "audio": None, "transcript": "other"}
    for column, value in (changes | {"emotion": None, "gender": "x"}).items():
        assert rebuilt(clips, 0, column, value).fingerprint() != clips.fingerprint(), column
    table = frame(clips)
    table.loc[[0, 1], "audio"] = table.loc[[1, 0], "audio"].to_numpy()  # row 1 is silent
    moved = PreparedClips(table, clips.metadata)
    assert moved.present["audio"][:2].tolist() == [False, True]
    assert moved.fingerprint() != clips.fingerprint()
    other = list(reversed(EMOTIONS))
    assert PreparedClips(frame(clips), {"emotions": other}).fingerprint() != clips.fingerprint()


def test_concat(clips):
    rows = np.arange(len(clips))
    both = PreparedClips.concat([clips.subset(rows[:9]), clips.subset(rows[9:])])
    assert both.fingerprint() == clips.fingerprint()
    with pytest.raises(PreparedError, match="row 0 is called .* already"):
        PreparedClips.concat([clips, clips.subset([0])])
    other = synthetic_clips(1)
    other.metadata["name"] = "other"
    with pytest.raises(PreparedError, match="'f000' is in 'synthetic-clips' and in 'other'.*clips"):
        PreparedClips.concat([clips, other])
    lists = [
        synthetic_clips(
            1, emotions=names, intensities=True, drop={"video": [0, 1], "audio": [0, 1]}
        )
        for names in (["happy", "sad"], ["sad", "happy"])
    ]
    with pytest.raises(PreparedError, match="same emotions in the same order"):
        PreparedClips.concat(lists)


# --- labels


def test_unlabelled_clips(clips):
    some = rebuilt(clips, 4, "emotion", None)
    assert some.labels.tolist() == [0, 1, 2, 3, -1, 5, 6, *range(7), *range(7)]
    assert some.targets[4].tolist() == [0] * 7 and some.targets[5].tolist() == [0] * 5 + [1, 0]
    assert "(1 clips have none)" in repr(some)
    table = frame(clips).assign(emotion=None)
    none = PreparedClips(table, {})
    assert (none.labels == -1).all() and none.emotions == EMOTIONS and not none.targets.any()


def test_targets_from_the_emotion(clips):
    assert clips.targets.dtype == np.float32 and clips.targets.shape == (21, 7)
    assert np.array_equal(clips.targets, np.tile(np.eye(7, dtype=np.float32), (3, 1)))


def test_targets_from_intensities(tmp_path):
    values = [[0.0, 3.0, 0.33], [0.0, 0.0, 0.0], [-1.0, 1.0, -0.0]]
    table = frame(words(3)).assign(intensities=values, emotion=None)
    several = PreparedClips(table, {"emotions": ["happy", "sad", "afraid"]})
    assert several.targets.tolist() == [[0, 1, 1], [0, 0, 0], [0, 1, 0]]
    assert several.targets.dtype == np.float32 and (several.labels == -1).all()
    again = PreparedClips.read(several.write(tmp_path / "several.parquet"))
    assert np.array_equal(again.targets, several.targets)
    assert again.fingerprint() == several.fingerprint()
    assert again.table["intensities"][0].dtype == np.float32
    kind = pq.read_schema(tmp_path / "several.parquet").field("intensities").type
    assert str(kind.value_type) == "float"


def test_labels_follow_the_vocabulary_when_metadata_is_missing(tmp_path, clips):
    path = tmp_path / "by_hand.parquet"
    table = frame(clips)[list(CLIP_COLUMNS)]
    table[table["emotion"].isin(["sad", "happy"])].to_parquet(path)
    by_hand = PreparedClips.read(path)
    assert by_hand.emotions == ("happy", "sad") and by_hand.labels.tolist() == [0, 1] * 3
    assert by_hand.metadata["name"] == "by_hand" and by_hand.metadata["sample_rate"] == 16_000
    assert "licence: not stated" in repr(by_hand)


# --- splits


def test_split_of_sixty_speakers():
    speakers = words(60, gender=["f"] * 30 + ["m"] * 30)
    splits = speakers.split()
    assert {k: len(v) for k, v in splits.items()} == {"train": 36, "val": 10, "test": 14}
    assert abs(sum(CLIP_FRACTIONS.values()) - 1) < 1e-9
    women = {k: int((speakers.table["gender"].iloc[v] == "f").sum()) for k, v in splits.items()}
    assert women == {"train": 18, "val": 5, "test": 7}
    # Written down once, so that another machine or library version cannot change it unnoticed.
    assert " ".join(speakers.table["subject"].iloc[splits["test"]]) == TEST_SPEAKERS


def test_split_keeps_speakers_together(clips):
    splits = clips.split()
    clips.check_split(splits)
    assert sorted(map(len, splits.values())) == [7, 7, 7]
    with pytest.raises(PreparedError, match="3 subjects, too few for the 4 parts"):
        clips.split(fractions={"a": 0.25, "b": 0.25, "c": 0.25, "d": 0.25})
    with pytest.warns(UserWarning, match="clips of one person on both sides.*seen and heard"):
        mixed = clips.split(by="row")
    with pytest.raises(PreparedError, match="is in the splits"):
        clips.check_split(mixed)


def test_official_split(tmp_path):
    official = words(4, split=["test", "train", "val", None])
    again = PreparedClips.read(official.write(tmp_path / "official.parquet"))
    splits = {name: rows.tolist() for name, rows in again.split(by="official").items()}
    assert splits == {"train": [1], "val": [2], "test": [0]}
    assert list(splits) == ["train", "val", "test"]
    with pytest.raises(PreparedError, match="no official split"):
        words(3).split(by="official")


def test_a_subject_in_two_official_splits():
    table = frame(words(4, split=["train", "train", "test", "test"]))
    table.loc[3, "subject"] = "s000"
    with pytest.raises(PreparedError, match=r"'s000' is in two splits \(test, train\)"):
        PreparedClips(table, {})


def test_webm_is_what_a_browser_plays(clips):
    both, silent, heard = clips.webm(0), clips.webm(1), clips.webm(3)
    assert np.array_equal(decode_video(both)[0], clips.frames(0)[0])
    assert np.array_equal(decode_audio(both), clips.waveform(0))
    assert np.array_equal(decode_video(silent)[0], clips.frames(1)[0])
    assert np.array_equal(decode_audio(heard), clips.waveform(3))
    assert words(1).webm(0) is None
    with pytest.raises(IndexError, match="row 21 is outside"):
        clips.webm(21)


# --- bad input


@pytest.mark.parametrize("column", ["video", "audio"])
def test_truncated_blob(clips, column):
    blob = clips._blobs(column)[6]
    bad = rebuilt(clips, 6, column, blob[: len(blob) * 2 // 3])
    get = bad.frames if column == "video" else bad.waveform
    message = (
        rf"faulty\.parquet: row 6 \(clip 'f000-0-surprised'\), column '{column}': these "
        rf"{len(blob) * 2 // 3:,} bytes are not a whole {column}: cut off.*leave it out"
    )
    for ask in (get, bad.webm):
        with pytest.raises(PreparedError, match=message):
            ask(6)
    get(5)
    part = bad.subset([6])
    with pytest.raises(PreparedError, match=r"row 0 \(clip 'f000-0-surprised'\)"):
        (part.frames if column == "video" else part.waveform)(0)


def test_a_file_without_the_track(clips):
    bad = rebuilt(clips, 0, "audio", clips._blobs("video")[0])
    with pytest.raises(PreparedError, match="row 0 .*column 'audio'.*no audio track; there is vid"):
        bad.waveform(0)
    bad = rebuilt(clips, 0, "video", clips._blobs("audio")[0])
    with pytest.raises(PreparedError, match="row 0 .*column 'video'.*no video track"):
        bad.frames(0)
    with pytest.raises(PreparedError, match="row 0 .*column 'video'.*no video track"):
        bad.webm(0)


@pytest.mark.parametrize("blob", [b"not media", b"OggS\x00"])
def test_not_media(clips, blob):
    with pytest.raises(PreparedError, match="column 'video'.*not a whole video"):
        rebuilt(clips, 4, "video", blob).frames(4)


def test_wrong_kinds(tmp_path, clips):
    with pytest.raises(PreparedError, match="row 2, column 'audio' holds str, not the bytes"):
        rebuilt(clips, 2, "audio", "clip.ogg")
    with pytest.raises(PreparedError, match="row 2, column 'video' holds 0 bytes.*null"):
        rebuilt(clips, 2, "video", b"")
    with pytest.raises(PreparedError, match="row 2, column 'transcript' holds int, not text"):
        rebuilt(clips, 2, "transcript", 7)
    frame(clips).assign(video="clip.webm").to_parquet(tmp_path / "paths.parquet")
    with pytest.raises(PreparedError, match="column 'video' is .*it must be binary.*or null"):
        PreparedClips.read(tmp_path / "paths.parquet")


@pytest.mark.parametrize("blank", ["", "  \n ", None, float("nan")])
def test_an_empty_transcript_is_none(clips, blank):
    bad = rebuilt(clips, 5, "transcript", blank)
    assert bad.transcript(5) is None and not bad.present["text"][5]
    assert bad.present["text"][4]


def test_no_modality_at_all():
    table = frame(words(4))
    table["transcript"] = ["yes", " ", "no", None]
    with pytest.raises(
        PreparedError, match=r"row 1 \(clip 's001'\) has no video, no audio and no.*2 such rows"
    ):
        PreparedClips(table, {}, source="words.parquet")


def test_clip_names(clips):
    with pytest.raises(
        PreparedError, match="row 9, column 'clip': row 0 is called 'f000-0-afraid'"
    ):
        rebuilt(clips, 9, "clip", "f000-0-afraid")
    with pytest.raises(PreparedError, match="row 9, column 'clip' is empty"):
        rebuilt(clips, 9, "clip", None)
    with pytest.raises(PreparedError, match="row 9, column 'subject' is empty"):
        rebuilt(clips, 9, "subject", None)


def test_unknown_emotion(clips):
    with pytest.raises(
        PreparedError, match="row 7, column 'emotion': unknown emotion 'joy'; .*afraid, angry"
    ):
        rebuilt(clips, 7, "emotion", "joy")
    with pytest.raises(PreparedError, match="row 1, .*'angry'; this data set knows happy, afraid"):
        PreparedClips(frame(clips), {"emotions": ["happy", "afraid"]})


def test_intensities_that_do_not_fit():
    table = frame(words(3))
    about = {"emotions": ["happy", "sad"]}
    for values, message in (
        ([[1, 0], [1, 0, 0], [0, 1]], r"row 1 \(clip 's001'\).*shape \(3,\), but .* 2 emotions"),
        ([[1, 0], [0, 1], [0, np.nan]], r"row 2 .*column 'intensities' is nan for 'sad'"),
        ([[1, 0], [-np.inf, 1], [0, 1]], r"row 1 .*column 'intensities' is -inf for 'happy'"),
        ([[1, 0], None, [0, 1]], r"row 1 .*shape \(\), but"),
        ([[1, 0], ["much", 0], [0, 1]], r"row 1 .*holds no list of numbers"),
    ):
        with pytest.raises(PreparedError, match=message):
            PreparedClips(table.assign(intensities=values), about)


def test_times():
    words(2, start=[0.0, 5.5], end=[2.0, None])
    with pytest.raises(PreparedError, match=r"row 1 \(clip 's001'\) starts at 5.5 s and ends at 5"):
        words(2, start=[0.0, 5.5], end=[2.0, 5.0])
    with pytest.raises(PreparedError, match="column 'start' must be seconds"):
        words(2, start=["early", "late"], end=[2.0, 5.0])


def test_missing_columns(clips):
    with pytest.raises(PreparedError, match="missing column 'audio', 'emotion'.*null where"):
        PreparedClips(frame(clips).drop(columns=["audio", "emotion"]), {})
    with pytest.raises(PreparedError, match="has no rows"):
        PreparedClips(frame(clips).iloc[:0], {})


def test_images_are_not_clips(tmp_path, clips):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one view only
        images = make_tiny(1, ["happy"], size=8, views=["straight"])
    images.write(tmp_path / "images.parquet")
    with pytest.raises(
        PreparedError, match="'fermodels-images'; clips are.*Open it with .*PreparedImages"
    ):
        PreparedClips.read(tmp_path / "images.parquet")
    pd.read_parquet(tmp_path / "images.parquet").to_parquet(tmp_path / "bare.parquet")
    with pytest.raises(PreparedError, match="missing column 'video'.*PreparedImages"):
        PreparedClips.read(tmp_path / "bare.parquet")
    clips.write(tmp_path / "clips.parquet")
    with pytest.raises(
        PreparedError,
        match="'fermodels-clips'; multi-view images are.*Open it with .*PreparedClips",
    ):
        PreparedImages.read(tmp_path / "clips.parquet")
    pd.read_parquet(tmp_path / "clips.parquet").to_parquet(tmp_path / "bare.parquet")
    with pytest.raises(PreparedError, match="missing column 'image'.*PreparedClips"):
        PreparedImages.read(tmp_path / "bare.parquet")


def test_wrong_path_and_version(tmp_path, clips):
    with pytest.raises(PreparedError, match=r"there is no file .*nowhere\.parquet"):
        PreparedClips.read(tmp_path / "nowhere.parquet")
    arrow = clips._arrow()
    about = json.loads(arrow.schema.metadata[b"fermodels"]) | {"format_version": 2}
    pq.write_table(arrow.replace_schema_metadata({"fermodels": json.dumps(about)}), tmp_path / "v")
    with pytest.raises(PreparedError, match="has format version 2; this fermodels reads version 1"):
        PreparedClips.read(tmp_path / "v")


def test_clips_of_other_codecs_play(clips):
    """A browser cannot play MPEG-4 in a WebM: it is encoded again."""
    from tests.data.test_media import chirp, other_file, picture

    video = other_file("mpeg4", "mp4", frames=picture(3))
    audio = other_file("flac", "flac", waveform=np.stack([chirp(4_000)] * 2))
    table = frame(clips.subset([0])).assign(video=[video], audio=[audio])
    foreign = PreparedClips(table, clips.metadata)
    assert len(foreign.frames(0)[0]) == 3 and len(foreign.waveform(0)) == 4_000
    playable = foreign.webm(0)
    assert len(decode_video(playable)[0]) == 3 and b"webm" in playable[:64]
