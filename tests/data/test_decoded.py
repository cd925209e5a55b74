"""Images that are decoded once: resized, in a file, shared, and never of other data."""

import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fermodels.data import ImageDataset, PreparedError, PreparedImages
from fermodels.data import decoded as room
from tests.fixtures.images import changed, make_tiny

ROWS = np.array([30, 2, 7, 7, 21])


@pytest.fixture(scope="module")
def tiny():
    """4 subjects × 2 expressions × 2 views × 2 sessions = 32 images of 16 px."""
    return make_tiny(4, ["happy", "sad"], size=16, views=["straight", "half_right"])


def same(a, b):
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


@pytest.fixture
def counted(monkeypatch):
    """How many images were decoded."""
    rows = []
    images = PreparedImages.images
    monkeypatch.setattr(
        PreparedImages, "images", lambda self, chosen: rows.extend(chosen) or images(self, chosen)
    )
    return rows


def test_a_file_holds_the_images_of_memory(tiny, tmp_path, counted):
    plain = ImageDataset(tiny, ROWS)
    kept = ImageDataset(tiny, ROWS, folder=tmp_path / "new")
    assert kept.in_memory and same(kept.batch([0, 3, 4]), plain.batch([0, 3, 4]))
    assert len(counted) == 2 * len(ROWS)
    again = ImageDataset(tiny, ROWS, folder=tmp_path / "new")
    assert same(again.batch(range(5)), plain.batch(range(5))) and len(counted) == 2 * len(ROWS)
    (file,) = (tmp_path / "new").iterdir()
    assert file.suffix == ".npy" and file.stat().st_size == 128 + 5 * 3 * 16 * 16


@pytest.mark.parametrize("size", [8, 11, 16, 24])
@pytest.mark.parametrize("in_memory", [True, False])
def test_another_size(tiny, size, in_memory):
    data = ImageDataset(tiny, ROWS, in_memory, size=size)
    found = data.batch([1, 4])["image"]
    assert found.shape == (2, 3, size, size) and found.dtype == torch.uint8
    images = torch.from_numpy(tiny.images(ROWS[[1, 4]])).permute(0, 3, 1, 2).float()
    wanted = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
    assert (found.float() - wanted).abs().max() <= 1.01  # rounding


def test_what_is_resized_is_resized_alike_in_all_ways(tiny, tmp_path):
    ways = (dict(in_memory=True), dict(in_memory=False), dict(folder=tmp_path))
    first, *others = (ImageDataset(tiny, size=10, **way).batch(range(32)) for way in ways)
    assert all(same(first, other) for other in others)


def test_other_rows_sizes_or_images_have_a_file_of_their_own(tiny, tmp_path):
    for rows, size in ((ROWS, None), (ROWS[::-1], None), (ROWS, 8), (None, None)):
        data = ImageDataset(tiny, rows, size=size, folder=tmp_path)
        assert same(data.batch([0, 1]), ImageDataset(tiny, rows, size=size).batch([0, 1]))
    other = make_tiny(4, ["happy", "sad"], size=16, views=["straight", "half_right"], seed=1)
    data = ImageDataset(other, ROWS, folder=tmp_path)
    assert same(data.batch([0, 1]), ImageDataset(other, ROWS).batch([0, 1]))
    assert len(list(tmp_path.iterdir())) == 5


def test_a_killed_decoder_leaves_no_file_that_is_taken_for_whole(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(ImageDataset, "_decode_into", lambda *_: (_ for _ in ()).throw(OSError()))
    with pytest.raises(OSError):
        ImageDataset(tiny, folder=tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    ImageDataset(tiny, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    for damaged in (b"", file.read_bytes()[:100], file.read_bytes()[:-1]):
        file.write_bytes(damaged)
        data = ImageDataset(tiny, folder=tmp_path)
        assert same(data.batch([31]), ImageDataset(tiny).batch([31]))


def test_no_room(tiny, tmp_path, monkeypatch):
    usage = type("usage", (), {"free": 10_000})
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(PreparedError, match="has 0 MB free, the decoded images take 0 MB"):
        ImageDataset(tiny, folder=tmp_path)
    assert ImageDataset(tiny, ROWS[:2], folder=tmp_path).in_memory


def test_copies_open_the_file_again(tiny, tmp_path):
    data = ImageDataset(tiny, ROWS, folder=tmp_path)
    packed = pickle.dumps(data)
    assert len(packed) < len(pickle.dumps(ImageDataset(tiny, ROWS)))
    for again in (pickle.loads(packed), copy.deepcopy(data)):
        assert same(again.batch(range(5)), data.batch(range(5)))
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(PreparedError, match="is gone: make it anew"):
        pickle.loads(packed)


def test_writing_into_a_column_does_not_change_the_file(tiny, tmp_path):
    data = ImageDataset(tiny, ROWS, folder=tmp_path)
    data.columns["image"].zero_()
    assert ImageDataset(tiny, ROWS, folder=tmp_path).batch([0])["image"].any()


def test_settings_know_the_size_and_not_the_place(tiny, tmp_path):
    plain, kept = ImageDataset(tiny, ROWS), ImageDataset(tiny, ROWS, folder=tmp_path)
    assert plain.settings() == kept.settings()
    assert list(plain.settings()) == ["items", "fingerprint", "indices"]  # as runs have them
    assert ImageDataset(tiny, ROWS, size=8).settings() == plain.settings() | {"size": 8}
    other = changed(tiny, np.arange(32) == 0, expression=None, instance="x")
    assert ImageDataset(other, ROWS).settings() != plain.settings()


def test_large_sets_are_decided_by_the_size_that_is_kept(tiny, monkeypatch):
    from fermodels.data import pixels

    monkeypatch.setattr(pixels, "MEMORY", 32 * 8 * 8 * 3)
    assert not ImageDataset(tiny).in_memory
    assert ImageDataset(tiny, size=8).in_memory and not ImageDataset(tiny, size=9).in_memory


def test_bad_arguments(tiny, tmp_path):
    with pytest.raises(ValueError, match="size must be at least 1 pixel or None, got 0"):
        ImageDataset(tiny, size=0)
    with pytest.raises(ValueError, match="leave it out, or in_memory=False"):
        ImageDataset(tiny, in_memory=False, folder=tmp_path)
