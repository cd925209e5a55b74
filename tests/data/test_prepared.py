import hashlib
import io
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fermodels.data import EXPRESSIONS, VIEWS, PreparedError, PreparedImages, encode_image, pixels
from fermodels.data.file_media import FileMedia
from fermodels.data.image_files import webp_size
from tests.fixtures.images import make_tiny

TEST_SUBJECTS = "s005 s009 s012 s016 s026 s027 s037 s038 s045 s049 s052 s067"
OFFICIAL = {"f000": "train", "m001": "train", "f002": "val", "m003": "test"}


@pytest.fixture(scope="module")
def small():
    """4 subjects × 2 expressions × 2 views × 2 sessions = 32 images of 16 px."""
    return make_tiny(4, ["happy", "sad"], size=16, views=["straight", "half_right"])


def frame(prepared):
    return prepared.table.assign(image=prepared._blobs())


def rebuilt(prepared, row, column, value, **metadata):
    """The data set with one value changed: what a faulty importer might have written."""
    table = frame(prepared)
    values = table[column].astype(object).tolist()
    values[row] = value
    table[column] = pd.Series(values, dtype=object)
    return PreparedImages(table, prepared.metadata | metadata, source="faulty.parquet")


def faces(count, gender=None, split=None, name="faces"):
    """One image a subject, for tests of splits."""
    blob = encode_image(np.zeros((4, 4, 3), np.uint8), "PNG")
    names = [f"s{i:03d}" for i in range(count)]
    table = pd.DataFrame({"image": [blob] * count, "subject": names, "instance": names})
    table = table.assign(expression="happy", view="straight", yaw=0.0, pitch=0.0, session="A")
    if gender is not None:
        table["gender"] = gender
    if split is not None:
        table["split"] = split
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one view only
        return PreparedImages(table, {"name": name})


def test_shape_and_ids(tiny_prepared):
    p = tiny_prepared
    assert len(p) == 6 * 7 * 5 * 2
    assert p.expressions == EXPRESSIONS[:7] and p.views == VIEWS and p.image_size == (24, 24)
    for ids, count in (
        (p.labels, 7),
        (p.view_ids, 5),
        (p.subject_ids, 6),
        (p.instance_ids, 6 * 7 * 2),
    ):
        assert ids.dtype == np.int64 and ids.shape == (420,)
        assert np.array_equal(np.unique(ids), np.arange(count))
    assert [p.expressions[i] for i in p.labels] == p.table["expression"].tolist()
    assert [p.views[i] for i in p.view_ids] == p.table["view"].tolist()
    assert np.bincount(p.instance_ids).tolist() == [5] * 84
    assert "image" not in p.table
    assert "420 images of 24×24 px" in repr(p) and "6 subjects" in repr(p)


def test_round_trip(tmp_path, small):
    path = small.write(tmp_path / "new folder" / "small.parquet")
    again = PreparedImages.read(path)
    assert np.array_equal(again.images(), small.images())
    assert again.fingerprint() == small.fingerprint()
    pd.testing.assert_frame_equal(
        again.table.drop(columns="actions"), small.table.drop(columns="actions"), check_dtype=False
    )
    assert np.array_equal(np.stack(again.table["actions"]), np.stack(small.table["actions"]))
    for key, value in small.metadata.items():
        assert again.metadata[key] == value
    assert again.metadata["image_size"] == [16, 16]


def test_the_file_is_plain_parquet(tmp_path, small):
    path = small.write(tmp_path / "small.parquet")
    table = pd.read_parquet(path)
    assert table["image"][0][:4] == b"RIFF"  # WebP
    assert table["yaw"].dtype == np.float32 and len(table["actions"][0]) == 4
    arrow = pq.ParquetFile(path)
    assert set(arrow.schema_arrow.metadata) == {b"fermodels"}
    about = json.loads(arrow.schema_arrow.metadata[b"fermodels"])
    assert about["format"] == "fermodels-images" and about["format_version"] == 1
    columns = [arrow.metadata.row_group(0).column(i) for i in range(arrow.metadata.num_columns)]
    packed = {column.path_in_schema: column.compression for column in columns}
    assert packed.pop("image") == "UNCOMPRESSED" and set(packed.values()) == {"ZSTD"}


def test_the_file_opens_in_duckdb(tmp_path, small):
    import duckdb

    path = small.write(tmp_path / "small.parquet")
    query = f"select expression, count(*), sum(len(actions)) from '{path}' group by 1 order by 1"
    assert duckdb.sql(query).fetchall() == [("happy", 16, 64), ("sad", 16, 64)]


def test_same_content_same_bytes(tmp_path, small):
    digests = [
        hashlib.sha256(small.write(tmp_path / f"{i}.parquet").read_bytes()).hexdigest()
        for i in range(2)
    ]
    assert digests[0] == digests[1]


def test_writing_is_atomic(tmp_path, small, monkeypatch):
    path = small.write(tmp_path / "small.parquet")
    before = path.read_bytes()

    def fail(table, where, **options):
        where.write_bytes(b"half a file")
        raise OSError("disk full")

    monkeypatch.setattr("fermodels.data.table._leaf_paths", lambda arrow: ["image"])
    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(OSError, match="disk full"):
        small.write(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["small.parquet"]


def test_images_are_decoded_once_and_only_when_asked_for(monkeypatch):
    p = make_tiny(2, ["happy"], size=16, format="PNG")
    decoded = []
    decode = type(p._pixels)._decode
    monkeypatch.setattr(
        type(p._pixels),
        "_decode",
        lambda self, row, blob: decoded.append(row) or decode(self, row, blob),
    )
    some = p.images([3, 1, 3])
    assert some.shape == (3, 16, 16, 3) and some.dtype == np.uint8
    assert np.array_equal(some[0], some[2]) and not np.array_equal(some[0], some[1])
    assert sorted(decoded) == [1, 3]
    part = p.subset([1, 2])
    assert np.array_equal(part.images()[0], some[1]) and sorted(decoded) == [1, 2, 3]
    p.images()
    p.images()
    assert sorted(decoded) == list(range(len(p)))
    p.images([0])[:] = 0  # a copy: the data set is not changed
    assert p.images([0]).any()


@pytest.fixture
def streamed(tmp_path, small, monkeypatch):
    """The small set, its images left in a file of four row groups."""
    monkeypatch.setattr(PreparedImages, "ROW_GROUP", 9)
    return PreparedImages.read(small.write(tmp_path / "streamed.parquet"), in_memory=False)


def test_a_data_set_left_in_its_file_is_the_same(streamed, small):
    assert isinstance(streamed._pixels.blobs, FileMedia) and len(streamed) == len(small)
    assert streamed.fingerprint() == small.fingerprint()
    rows = np.array([31, 0, 9, 8, 31])
    assert np.array_equal(streamed.images(rows), small.images(rows))
    part = streamed.subset([20, 3])
    assert np.array_equal(part.images([1]), small.images([3]))
    assert part.fingerprint() == small.subset([20, 3]).fingerprint()
    assert part.write(streamed.source + ".part").exists()
    both = PreparedImages.concat([streamed.subset(range(10)), streamed.subset(range(10, 32))])
    assert both.fingerprint() == small.fingerprint()


def test_large_data_sets_stay_in_their_file(tmp_path, small, monkeypatch):
    path = small.write(tmp_path / "small.parquet")
    assert isinstance(PreparedImages.read(path)._pixels.blobs, list)
    monkeypatch.setattr(pixels, "MEMORY", 32 * 16 * 16 * 3 - 1)
    large = PreparedImages.read(path)
    assert isinstance(large._pixels.blobs, FileMedia)
    assert np.array_equal(large.images(), small.images()) and large._pixels.array is None
    assert isinstance(PreparedImages.read(path, in_memory=True)._pixels.blobs, list)
    monkeypatch.setattr(pixels, "MEMORY", 32 * 16 * 16 * 3)
    assert isinstance(PreparedImages.read(path)._pixels.blobs, list)


def test_few_row_groups_are_kept(tmp_path, small, monkeypatch):
    monkeypatch.setattr(PreparedImages, "ROW_GROUP", 8)
    media = FileMedia(small.write(tmp_path / "small.parquet"), "image", cache_bytes=1)
    blobs = small._blobs()
    assert list(media) == blobs and len(media._kept) == 1
    assert media.take(np.array([30, 1, 30, 12])) == [blobs[i] for i in (30, 1, 30, 12)]
    for row in (-1, 32):
        with pytest.raises(IndexError, match=f"row {row} is outside this file of 32 rows"):
            media[row]


@pytest.mark.parametrize(("row", "blob"), [(6, b"not an image"), (20, None)])
def test_faults_in_a_file_that_is_not_in_memory(tmp_path, small, row, blob):
    table = frame(small)
    table.at[row, "image"] = blob
    table.to_parquet(tmp_path / "faulty.parquet")
    message = rf"faulty\.parquet: row {row}.* column 'image'.*(not a complete image|is empty)"
    with pytest.raises(PreparedError, match=message):
        PreparedImages.read(tmp_path / "faulty.parquet", in_memory=False)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
@pytest.mark.parametrize("size", [(1, 3), (96, 80), (300, 17)])
def test_webp_size(options, size):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(buffer, "WEBP", **options)
    assert webp_size(buffer.getvalue()) == size
    assert webp_size(buffer.getvalue()[:-1]) is None
    assert webp_size(encode_image(np.zeros((*size, 3), np.uint8), "PNG")) is None


def test_pixels_arrive_in_the_right_row():
    p = make_tiny(2, ["happy"], size=16, format="PNG")
    table = frame(p).sample(frac=1, random_state=0)
    shuffled = PreparedImages(table, p.metadata)
    assert np.array_equal(shuffled.images(), p.images(table.index.to_numpy()))


def test_subset(small):
    rows = np.array([9, 4, 30])
    part = small.subset(rows)
    assert part.table["instance"].tolist() == small.table["instance"][rows].tolist()
    assert part.table.index.tolist() == [0, 1, 2]
    assert np.array_equal(part.labels, small.labels[rows])
    assert np.array_equal(part.subset([2]).images(), small.images([30]))
    mask = np.zeros(len(small), bool)
    mask[[4, 9]] = True
    assert len(small.subset(mask)) == 2
    with pytest.raises(IndexError, match="row 32 is outside this data set of 32 rows"):
        small.subset([32])
    assert part.fingerprint() != small.fingerprint()


def test_a_subset_can_be_written(tmp_path, small):
    part = small.subset(np.flatnonzero(small.table["subject"] == "m001"))
    again = PreparedImages.read(part.write(tmp_path / "part.parquet"))
    assert again.fingerprint() == part.fingerprint() and again.views == small.views


def test_fingerprint_sees_every_change(small):
    assert PreparedImages(frame(small), small.metadata).fingerprint() == small.fingerprint()
    blob = encode_image(np.zeros((16, 16, 3), np.uint8))
    for column, value in (("image", blob), ("yaw", 1.5), ("gender", "x"), ("session", "C")):
        assert rebuilt(small, 3, column, value).fingerprint() != small.fingerprint(), column


def test_the_fingerprint_is_kept_but_never_stale(small, monkeypatch):
    p, computed = small.subset(range(32)), []
    compute = PreparedImages._computed_fingerprint
    monkeypatch.setattr(
        PreparedImages,
        "_computed_fingerprint",
        lambda self, lists: computed.append(self) or compute(self, lists),
    )
    first = p.fingerprint()
    assert p.fingerprint() == first and len(computed) == 1
    assert p.subset([0, 1]).fingerprint() != first  # not that of the whole
    was = p.table["actions"][3][0]
    p.table["actions"][3][0] += 1  # inside of a list
    assert p.fingerprint() != first
    p.table["actions"][3][0] = was
    assert p.fingerprint() == first
    p.table.loc[5, "session"] = "C"
    assert p.fingerprint() == PreparedImages(frame(p), p.metadata).fingerprint() != first
    p.table.loc[5, "session"] = small.table["session"][5]
    p.table["more"] = 1
    assert p.fingerprint() != first
    del p.table["more"]
    p.metadata["expressions"] = ["sad", "happy"]
    assert p.fingerprint() != first


def test_concat(small):
    rows = np.arange(len(small))
    both = PreparedImages.concat([small.subset(rows[:20]), small.subset(rows[20:])])
    assert both.fingerprint() == small.fingerprint()
    with pytest.raises(PreparedError, match="has this instance and view already"):
        PreparedImages.concat([small, small.subset([0])])
    with pytest.raises(PreparedError, match="'s000' is in 'a' and in 'b'.*Prefix"):
        PreparedImages.concat([faces(2, name="a"), faces(2, name="b")])
    with pytest.raises(PreparedError, match="at least one"):
        PreparedImages.concat([])


def test_labels_follow_the_vocabulary_when_metadata_has_no_list(tmp_path, small):
    path = tmp_path / "by_hand.parquet"
    frame(small).to_parquet(path)
    p = PreparedImages.read(path)
    assert p.expressions == ("happy", "sad") and p.views == ("straight", "half_right")
    assert p.metadata["name"] == "by_hand"


# --- splits


def subjects_of(p, splits):
    return {name: set(p.table["subject"].iloc[rows]) for name, rows in splits.items()}


def test_split_of_seventy_subjects():
    p = faces(70, gender=["f"] * 35 + ["m"] * 35)
    splits = p.split("subject", seed=0)
    assert {k: len(v) for k, v in splits.items()} == {"train": 48, "val": 10, "test": 12}
    women = {k: int((p.table["gender"].iloc[v] == "f").sum()) for k, v in splits.items()}
    assert women == {"train": 24, "val": 5, "test": 6}
    assert sorted(np.concatenate(list(splits.values()))) == list(range(70))
    # Written down once, so that another machine or library version cannot change it unnoticed.
    assert " ".join(p.table["subject"].iloc[splits["test"]]) == TEST_SUBJECTS


def test_split_keeps_subjects_together(tiny_prepared):
    p = tiny_prepared
    splits = p.split()
    parts = subjects_of(p, splits)
    assert [len(parts[k]) for k in ("train", "val", "test")] == [4, 1, 1]
    assert not parts["train"] & parts["val"] and not parts["test"] & (parts["train"] | parts["val"])
    assert all(rows.dtype == np.int64 and (np.diff(rows) > 0).all() for rows in splits.values())
    assert sum(map(len, splits.values())) == len(p)
    p.check_split(splits)


def test_split_depends_on_the_seed_and_not_on_the_row_order(tiny_prepared):
    p = make_tiny(12, ["happy"], size=8, sessions=["A"])
    order = np.random.default_rng(1).permutation(len(p))
    same = subjects_of(p, p.split(seed=3))
    assert subjects_of(p.subset(order), p.subset(order).split(seed=3)) == same
    assert any(subjects_of(p, p.split(seed=s)) != same for s in range(3))


@pytest.mark.parametrize(
    ("subjects", "counts"),
    [(3, [1, 1, 1]), (5, [3, 1, 1]), (6, [4, 1, 1]), (70, [48, 10, 12]), (80, [55, 11, 14])],
)
def test_counts(subjects, counts):
    assert [len(part) for part in faces(subjects).split().values()] == counts


def test_stratify_uneven_groups_and_other_columns():
    p = faces(40, gender=["f"] * 30 + [None] * 10)
    p.table["age_group"] = ["child", "adult"] * 20
    half = {"a": 0.5, "b": 0.5}
    splits = p.split(fractions=half)
    assert [int(p.table["gender"].iloc[rows].isna().sum()) for rows in splits.values()] == [5, 5]
    splits = p.split(fractions=half, stratify="age_group")
    counts = [int((p.table["age_group"].iloc[rows] == "child").sum()) for rows in splits.values()]
    assert counts == [10, 10]
    with pytest.raises(PreparedError, match="no column 'hair' to stratify by"):
        p.split(stratify="hair")


def test_stratify_by_what_changes_within_a_subject(small):
    with pytest.raises(PreparedError, match="'f000' has several values of 'session'"):
        small.split(stratify="session")


def test_split_refuses_what_it_cannot_do(small):
    with pytest.raises(PreparedError, match="2 subjects, too few for the 3 parts train, val, test"):
        faces(2).split()
    with pytest.raises(ValueError, match="add up to 1"):
        small.split(fractions={"train": 0.7, "test": 0.2})
    with pytest.raises(ValueError, match="'subject', 'official' or 'row', got 'file'"):
        small.split(by="file")
    with pytest.raises(PreparedError, match="no official split.*by='subject'"):
        small.split(by="official")


def test_split_by_row_leaks_and_says_so(small):
    with pytest.warns(UserWarning, match="faces that it has seen"):
        splits = small.split(by="row")
    assert sum(map(len, splits.values())) == len(small)
    with pytest.raises(PreparedError, match="is in the splits 'train' and .*Split by subject"):
        small.check_split(splits)


def test_official_split(tmp_path, small):
    table = frame(small)
    table["split"] = table["subject"].map(OFFICIAL)
    table.loc[table["subject"] == "f002", "split"] = None
    path = PreparedImages(table, small.metadata).write(tmp_path / "official.parquet")
    p = PreparedImages.read(path)
    splits = p.split(by="official")
    assert list(splits) == ["train", "test"]
    assert subjects_of(p, splits) == {"train": {"f000", "m001"}, "test": {"m003"}}


# --- bad input


def test_wrong_path(tmp_path, small):
    with pytest.raises(PreparedError, match=r"there is no file .*nowhere\.parquet"):
        PreparedImages.read(tmp_path / "nowhere.parquet")
    small.write(tmp_path / "small.parquet")
    with pytest.raises(PreparedError, match=r"there are: small\.parquet"):
        PreparedImages.read(tmp_path / "smal.parquet")


def test_folders(tmp_path, small):
    with pytest.raises(PreparedError, match="is an empty folder.*data_prep"):
        PreparedImages.read(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(PreparedError, match="is a folder"):
        PreparedImages.read(tmp_path)
    small.write(tmp_path / "small.parquet")
    with pytest.raises(PreparedError, match=r"is a folder.*Did you mean one of small\.parquet"):
        PreparedImages.read(tmp_path)


@pytest.mark.parametrize("keep", [0, 100, -100])
def test_not_a_whole_parquet_file(tmp_path, small, keep):
    path = small.write(tmp_path / "small.parquet")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(PreparedError, match=r"small\.parquet is not a readable Parquet file"):
        PreparedImages.read(path)


def test_other_formats(tmp_path, small):
    path = tmp_path / "other.parquet"
    for change, message in (
        ({"format": "fermodels-clips"}, "has the format 'fermodels-clips'"),
        ({"format": ["x"]}, r"has the format \['x'\]"),
        ({"format_version": 2}, "has format version 2; this fermodels reads version 1"),
        ({"views": None}, "other.parquet: metadata 'views' must be a list of different names"),
        ({"expressions": ["happy", "happy"]}, "other.parquet: metadata 'expressions' must be"),
    ):
        arrow = small._arrow()
        about = json.loads(arrow.schema.metadata[b"fermodels"]) | change
        pq.write_table(arrow.replace_schema_metadata({"fermodels": json.dumps(about)}), path)
        with pytest.raises(PreparedError, match=message):
            PreparedImages.read(path)
    for text in ("[]", "[" * 99_999):
        pq.write_table(arrow.replace_schema_metadata({"fermodels": text}), path)
        with pytest.raises(PreparedError, match="not a JSON object"):
            PreparedImages.read(path)


def test_missing_column(tmp_path, small):
    path = tmp_path / "table.parquet"
    frame(small).drop(columns=["view", "image"]).to_parquet(path)
    with pytest.raises(PreparedError, match=r"table\.parquet: missing column 'image', 'view'"):
        PreparedImages.read(path)


def test_text_that_is_none_and_columns_that_are_there_twice(tmp_path, small):
    path, arrow = tmp_path / "table.parquet", small._arrow()
    bytes_ = pa.array([b"\xff"] * len(small))
    at = arrow.column_names.index("subject")
    for kind, message in (
        (bytes_, "column 'subject' holds no text"),
        (pa.Array.from_buffers(pa.string(), len(small), bytes_.buffers()), "not a readable"),
    ):
        pq.write_table(arrow.set_column(at, "subject", kind), path)
        with pytest.raises(PreparedError, match=rf"table\.parquet.* {message}"):
            PreparedImages.read(path)
    pq.write_table(arrow.append_column("subject", arrow["subject"]), path)
    with pytest.raises(PreparedError, match=r"table\.parquet has the column 'subject' twice"):
        PreparedImages.read(path)


def test_wrong_image_column(tmp_path, small):
    path = tmp_path / "paths.parquet"
    frame(small).assign(image="photo.jpg").to_parquet(path)
    with pytest.raises(PreparedError, match="column 'image' is .*it must be binary"):
        PreparedImages.read(path)
    with pytest.raises(PreparedError, match="row 0, column 'image' holds str"):
        PreparedImages(frame(small).assign(image="photo.jpg"), {})


def test_no_rows(small):
    with pytest.raises(PreparedError, match="has no rows"):
        PreparedImages(frame(small).iloc[:0], {})


@pytest.mark.parametrize("column", ["session", "instance", "image"])
def test_null(small, column):
    with pytest.raises(PreparedError, match=rf"faulty\.parquet: row 5, column '{column}' is empty"):
        rebuilt(small, 5, column, None)


def test_degrees(small):
    with pytest.raises(PreparedError, match="row 2, column 'pitch' is inf, not degrees"):
        rebuilt(small, 2, "pitch", np.inf)
    with pytest.raises(PreparedError, match="column 'yaw' must be degrees"):
        rebuilt(small, 2, "yaw", "left")


def test_unknown_expression_and_view(small):
    with pytest.raises(
        PreparedError, match="row 7, column 'expression': unknown expression 'hapy'.*happy, sad"
    ):
        rebuilt(small, 7, "expression", "hapy")
    with pytest.raises(PreparedError, match="row 7, column 'view': unknown view 'above'"):
        rebuilt(small, 7, "view", "above")
    table = frame(small).assign(expression="joyful")
    with pytest.raises(PreparedError, match="unknown expression 'joyful'.*afraid, angry"):
        PreparedImages(table, {})


@pytest.mark.parametrize(("column", "value"), [("subject", "f999"), ("expression", "sad")])
def test_an_instance_is_one_subject_and_one_expression(small, column, value):
    with pytest.raises(PreparedError, match=f"instance 'f000-A-happy' has two {column}s"):
        rebuilt(small, 1, column, value)


def test_a_view_twice_in_an_instance(small):
    with pytest.raises(PreparedError, match="row 1 .*'f000-A-happy', view 'straight'.*already"):
        rebuilt(small, 1, "view", "straight")


def test_a_subject_in_two_official_splits(small):
    table = frame(small)
    table["split"] = table["subject"].map(OFFICIAL)
    table.loc[table.index[-1], "split"] = "train"
    with pytest.raises(PreparedError, match=r"'m003' is in two splits \(test, train\)"):
        PreparedImages(table, small.metadata)


def test_check_split_finds_a_shared_subject(small):
    splits = small.split()
    splits["train"] = np.append(splits["train"], splits["test"][0])
    with pytest.raises(PreparedError, match="is in the splits 'train' and 'test'"):
        small.check_split(splits)


@pytest.mark.parametrize("blob", [b"", b"not an image", b"RIFF\x10\x00\x00\x00WEBPVP8 "])
def test_blob_is_not_an_image(small, blob):
    with pytest.raises(
        PreparedError,
        match=rf"faulty\.parquet: row 6 \(subject 'f000', instance 'f000-B-sad'.*"
        rf"these {len(blob)} bytes are not a complete image",
    ):
        rebuilt(small, 6, "image", blob)


@pytest.mark.parametrize("format", ["WEBP", "PNG", "JPEG"])
def test_truncated_blob(small, format):
    noise = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    blob = encode_image(noise, format)
    with pytest.raises(PreparedError, match=r"row 6 \(subject 'f000'.*not a complete image"):
        rebuilt(small, 6, "image", blob[: len(blob) * 2 // 3]).images()


def test_views_of_different_size(small):
    blob = encode_image(np.zeros((20, 16, 3), np.uint8))
    with pytest.raises(PreparedError, match=r"row 9 .*is 20×16 px .*first row's is 16×16"):
        rebuilt(small, 9, "image", blob)


def test_one_view_only_warns(tmp_path, small):
    rows = np.flatnonzero(small.table["view"] == "straight")
    path = small.subset(rows).write(tmp_path / "frontal.parquet")
    with pytest.warns(UserWarning, match="one view only .'straight'.*Multi-view learning is lost"):
        PreparedImages.read(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small.write(tmp_path / "both.parquet")
        PreparedImages.read(tmp_path / "both.parquet")


def test_encode_image_refuses_floats():
    with pytest.raises(ValueError, match="uint8 image"):
        encode_image(np.zeros((4, 4, 3)))


def test_importing_is_light():
    heavy = "{'pandas', 'pyarrow', 'PIL', 'torch'}"
    code = f"import sys, fermodels.data.images; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
