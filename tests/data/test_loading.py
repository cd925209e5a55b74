"""The data sets keep PyTorch's own contract: any plain DataLoader gives the batches of `loader`."""

import copy
import itertools
import os
import pickle
import threading

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, RandomSampler, default_collate

from fermodels.data import (
    FeatureDataset,
    ImageDataset,
    PreparedError,
    PreparedImages,
    RandomBatchSampler,
    loader,
)
from tests.fixtures.clips import make_clips, make_features
from tests.fixtures.images import make_tiny

SOURCES = ("in memory", "decoded when used", "from the file")
FORKS = hasattr(os, "fork")


@pytest.fixture(scope="module")
def tiny():
    """4 subjects × 2 expressions × 2 views × 2 sessions = 32 images of 16 px."""
    return make_tiny(4, ["happy", "sad"], size=16, views=["straight", "half_right"])


@pytest.fixture(scope="module")
def data_sets(tiny, tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(PreparedImages, "ROW_GROUP", 9)
        path = tiny.write(tmp_path_factory.mktemp("loading") / "tiny.parquet")
    left = PreparedImages.read(path, in_memory=False)
    rows = np.arange(31)[::-1].copy()
    return {
        "in memory": ImageDataset(tiny, rows),
        "decoded when used": ImageDataset(tiny, rows, in_memory=False),
        "from the file": ImageDataset(left, rows, in_memory=False),
    }


def check(batches, tiny, kind):
    """Every image once, with its own pixels and labels, in whole batches."""
    seen = []
    for batch in batches:
        assert list(batch) == list(kind.batch([0]))
        rows = batch["index"].numpy()
        assert {key: (x.dtype, x.shape[1:]) for key, x in batch.items()} == {
            key: (x.dtype, x.shape[1:]) for key, x in kind.batch([0]).items()
        }
        pixels = batch["image"].permute(0, 2, 3, 1).numpy()
        assert np.array_equal(pixels, tiny.images(rows))
        assert batch["expression"].tolist() == tiny.labels[rows].tolist()
        assert batch["yaw"].tolist() == tiny.table["yaw"].iloc[rows].tolist()
        seen += rows.tolist()
    assert sorted(seen) == list(range(31))


CASES = [(0, None), *([(2, "fork")] if FORKS else [])]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize(
    ("source", "sampler", "workers"), list(itertools.product(SOURCES, ("own", "batches"), CASES))
)
def test_a_plain_data_loader(data_sets, tiny, source, sampler, workers):
    data, (count, start) = data_sets[source], workers
    data.batch([0, 30])  # the file is open, and something of it is kept
    how = {"num_workers": count, "multiprocessing_context": start}
    if sampler == "own":
        how |= {"batch_size": 8, "shuffle": True}
    else:
        how |= {"batch_sampler": RandomBatchSampler(31, 8, drop_last=False)}
    batches = DataLoader(data, **how)
    check(batches, tiny, data_sets["in memory"])
    check(batches, tiny, data_sets["in memory"])  # and once more


@pytest.mark.slow
@pytest.mark.parametrize("source", ["in memory", "from the file"])
def test_processes_that_are_spawned(data_sets, tiny, source):
    batches = DataLoader(
        data_sets[source],
        batch_size=8,
        shuffle=True,
        num_workers=2,
        multiprocessing_context="spawn",
    )
    check(batches, tiny, data_sets["in memory"])


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_batches_as_loader(data_sets, source):
    data = data_sets[source]
    for epoch in (0, 1):
        sampler = RandomBatchSampler(31, 8, drop_last=False)
        sampler.set_epoch(epoch)
        ours, plain = loader(data, sampler), DataLoader(data, batch_sampler=sampler)
        for one, two in zip(ours, plain, strict=True):
            assert list(one) == list(two)
            assert all(torch.equal(one[key], two[key]) for key in one)


def test_no_sampler_knows_what_a_batch_is(data_sets, tiny):
    """`batch_size=None`, a `collate_fn` of one's own, a sampler of PyTorch."""
    data = data_sets["in memory"]
    one = next(iter(DataLoader(data, batch_size=None)))
    assert one["image"].shape == (3, 16, 16) and one["index"].ndim == 0
    seen = DataLoader(data, batch_size=5, collate_fn=lambda samples: [s["index"] for s in samples])
    assert torch.stack(next(iter(seen))).tolist() == [30, 29, 28, 27, 26]
    few = DataLoader(data, sampler=RandomSampler(data, num_samples=3), batch_size=3)
    assert next(iter(few))["image"].shape == (3, 3, 16, 16)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("source", SOURCES)
def test_copies(data_sets, tiny, source, again):
    data = data_sets[source]
    data.batch([0])
    other = again(data)
    assert len(other) == 31 and other.in_memory == data.in_memory
    for key, value in data.batch(range(31)).items():
        assert torch.equal(other.batch(range(31))[key], value)
    assert other.prepared.fingerprint() == tiny.fingerprint()


def test_a_pickle_leaves_the_decoded_images_out(tiny):
    part = tiny.subset(range(32))
    part.images()
    again = pickle.loads(pickle.dumps(part))
    assert again._pixels.array is None and again._pixels.blobs is again._media["image"]
    assert np.array_equal(again.images(), tiny.images())


def test_a_file_that_was_replaced_is_not_read_on(tiny, tmp_path):
    path = tiny.write(tmp_path / "tiny.parquet")
    left = PreparedImages.read(path, in_memory=False)
    packed = pickle.dumps(left)
    tiny.subset(range(30)).write(path)
    assert np.array_equal(left.images([31]), tiny.images([31]))  # it is open still
    with pytest.raises(PreparedError, match="tiny.parquet has been replaced .*read it again"):
        pickle.loads(packed).images([0])
    path.unlink()
    with pytest.raises(PreparedError, match="tiny.parquet is not a readable Parquet file"):
        pickle.loads(packed).images([0])


def test_a_relative_path_is_found_from_another_folder(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.write("tiny.parquet")
    packed = pickle.dumps(PreparedImages.read("tiny.parquet", in_memory=False))
    monkeypatch.chdir("/")
    assert np.array_equal(pickle.loads(packed).images([5]), tiny.images([5]))


@pytest.mark.skipif(not FORKS, reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_fork_while_another_thread_reads(data_sets):
    """The child has the lock as it was, held by a thread that the child does not have."""
    media = data_sets["from the file"].prepared._pixels.blobs
    held, release = threading.Event(), threading.Event()

    def read():
        with media._lock:
            held.set()
            release.wait(20)

    thread = threading.Thread(target=read)
    thread.start()
    assert held.wait(20)
    child = os.fork()
    if child == 0:
        threading.Timer(10, os._exit, (1,)).start()
        os._exit(0 if media[3] else 2)
    release.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture(scope="module")
def features():
    clips = make_clips(2)
    return FeatureDataset(make_features(clips), clips)


@pytest.mark.parametrize("workers", [0, *([2] if FORKS else [])])
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_features_of_clips_in_a_plain_data_loader(features, workers):
    start = "fork" if workers else None
    batches = DataLoader(
        features, batch_size=16, num_workers=workers, multiprocessing_context=start
    )
    for number, batch in enumerate(batches):
        want = features.batch(range(16 * number, min(16 * number + 16, len(features))))
        assert list(batch) == list(want)
        for key in ("features", "present"):
            assert list(batch[key]) == list(want[key])
            assert all(torch.equal(batch[key][m], want[key][m]) for m in want[key])
        assert all(torch.equal(batch[k], want[k]) for k in ("index", "emotion", "targets"))
    one = copy.deepcopy(pickle.loads(pickle.dumps(features)))[-1]
    assert one["index"] == features.indices[-1] and one["features"]["video"].shape == (24,)


def test_samples_are_a_list_of_dicts(data_sets):
    samples = data_sets["in memory"].__getitems__([4, 2])
    assert len(samples) == 2 and [int(one["index"]) for one in samples] == [26, 28]
    assert samples[-1]["index"] == 28
    with pytest.raises(IndexError):
        samples[2]
    stacked = default_collate(list(samples))
    assert all(torch.equal(stacked[key], value) for key, value in samples.batch.items())
