"""Damaged prepared files, and ones of wrong columns: read, or refused by a message naming them."""

import datetime
import json
import os
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from fermodels import course
from fermodels.data import PreparedClips, PreparedError, PreparedImages
from fermodels.features import FeatureError, FeatureSet
from tests.importers.fixtures import damage
from tests.importers.fixtures.damage import damaged, inputs, watched

WRONG = (None, 5, "text", True, 1.5, [], [1, 2], ["a", "a"], [["x"]], [None], {}, {"a": 1})


def test_what_takes_too_long_or_writes_elsewhere_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(damage, "SECONDS", 0.2)
    with pytest.raises(damage.TooSlow), watched(tmp_path):
        time.sleep(5)
    with pytest.raises(AssertionError), watched(tmp_path):
        Path("stray").touch()
    with pytest.raises(AssertionError), watched(tmp_path):
        os.close(tempfile.mkstemp()[0])


@pytest.fixture(scope="module")
def images(tiny_prepared):
    return tiny_prepared.subset(range(0, 420, 7))


@pytest.fixture(scope="module")
def clips():
    return PreparedClips.read(course.data("anny_clips")).subset(range(0, 400, 20))


@pytest.fixture(scope="module")
def features():
    generator = torch.Generator().manual_seed(0)
    tensors = {name: torch.rand(6, 3, 8, generator=generator) for name in ("video", "text")}
    return FeatureSet(tensors, clips=list("abcdef"), backbones={"video": "v@1", "text": "t@1"})


def refused(read, path):
    """Whether it is; else it can be used and written."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with watched(path.parent):
                found = read(path)
                assert len(found) and repr(found)
        except (PreparedError, FeatureError) as error:
            assert str(path) in str(error) and len(str(error)) < 90_000
            return True
    return False


def bytes_of(prepared, path):
    whole = prepared.write(path).read_bytes()
    path.unlink()
    return whole


def count_refused(prepared, read, kind, path):
    whole, count = bytes_of(prepared, path), 0
    for _, rng in kind:
        path.write_bytes(damaged(whole, rng))
        count += refused(read, path)
    return count


def test_images(images, tmp_path):
    path, kind = tmp_path / "faces.parquet", inputs("prepared images")
    assert 80 < count_refused(images, PreparedImages.read, kind, path) < 200


def test_images_left_in_their_file(images, tmp_path):
    path, kind = tmp_path / "faces.parquet", inputs("prepared images left in their file")
    read = partial(PreparedImages.read, in_memory=False)
    assert 40 < count_refused(images, read, kind, path) < 120


def test_clips(clips, tmp_path):
    path, kind = tmp_path / "clips.parquet", inputs("prepared clips")
    assert 60 < count_refused(clips, PreparedClips.read, kind, path) < 200


def test_features(features, tmp_path):
    path, kind = tmp_path / "features.safetensors", inputs("features")
    assert 100 < count_refused(features, FeatureSet.read, kind, path) < 200


def columns(rows):
    """Columns of all kinds that no label, number or medium is."""
    return [
        *(pa.array(range(rows)), pa.array([float("nan")] * rows), pa.array([True] * rows)),
        *(pa.nulls(rows), pa.array([b"\xff\xfe"] * rows), pa.array([["a", "b"]] * rows)),
        *(pa.array([{"a": 1}] * rows), pa.array([datetime.date(1, 1, 1)] * rows)),
        *(pa.array([10**18] * rows, pa.timestamp("us")), pa.array([1e308] * rows)),
        *(pa.array(["a"] * rows).dictionary_encode(), pa.array([""] * rows)),
        *(pa.array(["x"] + [None] * (rows - 1)), pa.array(["\u202e" + "x" * 9000] * rows)),
        *(pa.array([b""] * rows), pa.array([[b"\xff"]] * rows), pa.array(["a\0b"] * rows)),
    ]


def test_wrong_columns_of_images(images, tmp_path):
    check_columns(images, inputs("wrong columns of images"), tmp_path / "faces.parquet")


def test_wrong_columns_of_clips(clips, tmp_path):
    check_columns(clips, inputs("wrong columns of clips"), tmp_path / "clips.parquet")


def check_columns(prepared, kind, path):
    table, count = pq.read_table(prepared.write(path)), 0
    wrong, names = columns(len(table)), table.column_names
    pairs = [(at, column) for column in (*wrong, "gone", "twice") for at in range(len(names))]
    for number, _ in kind:
        at, column = pairs[number * len(pairs) // 150]
        if isinstance(column, str):
            twice = table.append_column(names[at], table[names[at]])
            damaged_table = twice if column == "twice" else table.remove_column(at)
        else:
            damaged_table = table.set_column(at, names[at], column)
        pq.write_table(damaged_table, path)
        count += refused(type(prepared).read, path)
    assert 30 < count < 150


def test_wrong_metadata(images, clips, tmp_path):
    path, count = tmp_path / "data.parquet", 0
    tables = [pq.read_table(prepared.write(path)) for prepared in (images, clips)]
    keys = [(0, key) for key in ("format", "format_version", "expressions", "views")]
    keys += [(1, key) for key in ("format", "emotions")]
    texts = (b"", b"\xff", b"[]", b"null", b"5", b"{", b"[" * 99_999, b"1" * 5000, b'"x"')
    for number, _ in inputs("wrong metadata"):
        which, key = keys[number % len(keys)]
        about = json.loads(tables[which].schema.metadata[b"fermodels"])
        text = json.dumps(about | {key: WRONG[number // len(keys)]}).encode()
        if number >= 60 - len(texts):
            text = texts[number - 60]
        pq.write_table(tables[which].replace_schema_metadata({b"fermodels": text}), path)
        count += refused((PreparedImages, PreparedClips)[which].read, path)
    assert count >= 59  # an empty text may stand for no metadata


def test_wrong_features(features, tmp_path):
    from safetensors import safe_open

    path, count = features.write(tmp_path / "features.safetensors"), 0
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["fermodels"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    changes = [
        *({"text_model": value} for value in (5, {}, {"vocabulary": ["a"], "dim": -1})),
        *({"text_model": {"vocabulary": ["a"], "dim": 2}}, {"text_model": {"dim": "x"}}),
        *({key: value} for key in ("clips", "backbones", "settings") for value in WRONG[:6]),
    ]
    for number, _ in inputs("wrong features"):
        change = changes[number] if number < len(changes) else {}
        others = dict(tensors)
        if number >= len(changes):
            name = ("features.video", "present.video")[number % 2]
            shapes = (torch.ones(2), torch.ones(6, 3, 8).int(), torch.ones(5, dtype=torch.bool))
            del others[name]
            if number % 8 > 1:
                others[name] = shapes[number % 8 // 2 - 1]
        save_file(others, path, {"fermodels": json.dumps(about | change)})
        count += refused(FeatureSet.read, path)
    assert count > 15
