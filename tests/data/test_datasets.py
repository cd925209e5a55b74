import json
import threading

import numpy as np
import pytest
import torch

from fermodels.data import (
    BalancedBatchSampler,
    ImageDataset,
    InstanceBatchSampler,
    PreparedImages,
    RandomBatchSampler,
    SubjectBatchSampler,
    loader,
    pixels,
)
from tests.fixtures.images import make_tiny


@pytest.fixture(scope="module")
def data(tiny_prepared):
    return ImageDataset(tiny_prepared)


def epochs(sampler, *numbers):
    out = []
    for number in numbers:
        sampler.set_epoch(number)
        out.append([list(batch) for batch in sampler])
    return out


def test_a_batch(tiny_prepared):
    p = tiny_prepared
    rows = np.array([400, 7, 7, 33])
    data = ImageDataset(p, rows)
    batch = data.batch([0, 1, 3])
    assert batch["image"].shape == (3, 3, 24, 24) and batch["image"].dtype == torch.uint8
    chosen = rows[[0, 1, 3]]
    assert np.array_equal(batch["image"].permute(0, 2, 3, 1).numpy(), p.images(chosen))
    for key, ids in (
        ("expression", p.labels),
        ("instance", p.instance_ids),
        ("subject", p.subject_ids),
        ("view", p.view_ids),
        ("index", np.arange(len(p))),
    ):
        assert batch[key].dtype == torch.int64
        assert batch[key].tolist() == ids[chosen].tolist(), key
    assert batch["yaw"].dtype == torch.float32
    assert batch["yaw"].tolist() == p.table["yaw"].to_numpy()[chosen].tolist()
    one = data[1]
    assert len(data) == 4 and one["index"] == 7 and torch.equal(one["image"], batch["image"][1])


def test_a_batch_is_a_copy(data):
    data.batch([0])["image"].zero_()
    assert data[0]["image"].any()


def test_rows_by_mask_and_from_the_end(tiny_prepared):
    happy = (tiny_prepared.table["expression"] == "happy").to_numpy()
    data = ImageDataset(tiny_prepared, happy)
    assert data.columns["index"].tolist() == np.flatnonzero(happy).tolist()
    assert ImageDataset(tiny_prepared, [-1]).columns["index"].item() == len(tiny_prepared) - 1
    assert data[-1]["index"] == np.flatnonzero(happy)[-1]
    assert len([one["index"] for one in data]) == happy.sum()  # ends at an IndexError
    with pytest.raises(IndexError, match=r"a mask must have shape"):
        ImageDataset(tiny_prepared, happy[1:])
    with pytest.raises(IndexError, match="row 100000 is outside this data set"):
        ImageDataset(tiny_prepared, [0, 100_000])


def test_no_rows(tiny_prepared):
    with pytest.raises(ValueError, match="at least one row"):
        ImageDataset(tiny_prepared, [])


def test_loader(data):
    sampler = SubjectBatchSampler(data, groups_per_batch=3)
    batches = list(loader(data, sampler))
    assert len(batches) == len(sampler) == 4
    assert all(batch["image"].shape == (105, 3, 24, 24) for batch in batches)
    assert sorted(torch.cat([batch["index"] for batch in batches]).tolist()) == list(range(420))


@pytest.mark.parametrize("from_file", [True, False])
def test_decoded_as_they_are_used(tiny_prepared, data, tmp_path, from_file):
    prepared = tiny_prepared
    if from_file:
        path = prepared.write(tmp_path / "tiny.parquet")
        prepared = PreparedImages.read(path, in_memory=False)
    lazy = ImageDataset(prepared, in_memory=False)
    assert not lazy.in_memory and "image" not in lazy.columns
    sampler = SubjectBatchSampler(data, groups_per_batch=3)
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        pairs = list(zip(loader(data, sampler), loader(lazy, sampler), strict=True))
        assert len(pairs) == 4
        for one, two in pairs:
            assert one.keys() == two.keys()
            assert all(torch.equal(one[key], two[key]) for key in one)
    assert torch.equal(lazy[7]["image"], data[7]["image"])


def test_batches_come_a_little_ahead_and_stop_with_the_training(tiny_prepared, monkeypatch):
    lazy = ImageDataset(tiny_prepared, in_memory=False)
    fetched, get = [], ImageDataset.batch
    monkeypatch.setattr(ImageDataset, "batch", lambda self, i: fetched.append(i[0]) or get(self, i))
    before = threading.active_count()
    batches = iter(loader(lazy, RandomBatchSampler(420, 20)))
    for _ in range(3):
        next(batches)
    batches.close()
    assert 3 <= len(fetched) <= 5 and threading.active_count() == before


def test_an_error_in_the_thread_arrives(tiny_prepared, monkeypatch):
    lazy = ImageDataset(tiny_prepared, in_memory=False)

    def fail(rows):
        raise OSError("the disk is gone")

    monkeypatch.setattr(tiny_prepared, "images", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        next(iter(loader(lazy, RandomBatchSampler(420, 20))))


def test_large_data_sets_are_not_kept(tiny_prepared, monkeypatch):
    assert ImageDataset(tiny_prepared).in_memory
    monkeypatch.setattr(pixels, "MEMORY", 100 * 24 * 24 * 3)
    assert not ImageDataset(tiny_prepared).in_memory
    assert ImageDataset(tiny_prepared, np.arange(100)).in_memory
    assert ImageDataset(tiny_prepared, in_memory=True).in_memory


def test_subject_batches_hold_whole_groups(tiny_prepared):
    p = tiny_prepared
    rows = np.random.default_rng(0).permutation(len(p))
    data = ImageDataset(p, rows)
    for batch in loader(data, SubjectBatchSampler(data, groups_per_batch=2)):
        table = p.table.iloc[batch["index"].numpy()]
        groups = table.groupby(["subject", "session"])
        assert len(groups) == 2
        for _, group in groups:
            assert len(group) == 35 and group["expression"].nunique() == 7
            assert group["view"].nunique() == 5
        assert (table.groupby("instance").size() == 5).all()


def test_instance_batches_hold_whole_moments_of_everybody(tiny_prepared):
    p = tiny_prepared
    rows = np.delete(np.random.default_rng(0).permutation(len(p)), [0, 1])
    data = ImageDataset(p, rows)
    people = []
    for batch in loader(data, InstanceBatchSampler(data, 14)):
        table = p.table.iloc[batch["index"].numpy()]
        whole = p.table[p.table["instance"].isin(table["instance"])].index
        assert set(table.index) == set(whole) & set(rows) and table["instance"].nunique() == 14
        people.append(table["subject"].nunique())
    assert len(people) == 6 and min(people) > 2, "a batch of two sessions has two people at most"
    with pytest.raises(ValueError, match="at least 1"):
        InstanceBatchSampler(data, 0)


def test_subject_batches_of_an_incomplete_set(tiny_prepared):
    rows = np.delete(np.arange(420), [0, 1, 50])  # photographs that are missing
    data = ImageDataset(tiny_prepared, rows)
    (batch,) = SubjectBatchSampler(data, 12)
    assert sorted(batch) == list(range(417))


@pytest.mark.parametrize(
    ("groups", "drop_last", "sizes"),
    [(5, True, [175, 175]), (5, False, [175, 175, 70]), (12, True, [420]), (50, True, [420])],
)
def test_subject_batches_last(data, groups, drop_last, sizes):
    sampler = SubjectBatchSampler(data, groups, drop_last=drop_last)
    assert [len(batch) for batch in sampler] == sizes and len(sampler) == len(sizes)


@pytest.mark.parametrize("kind", ["subject", "instance", "random"])
def test_order_depends_on_seed_and_epoch_alone(data, kind):
    def make(seed):
        if kind == "subject":
            return SubjectBatchSampler(data, 2, seed=seed)
        if kind == "instance":
            return InstanceBatchSampler(data, 14, seed=seed)
        return RandomBatchSampler(len(data), 64, seed=seed)

    first, second = epochs(make(0), 0, 1)
    assert first != second
    assert epochs(make(0), 1) == [second]  # as a resumed run starts
    assert epochs(make(1), 0) != [first]
    sampler = make(0)
    assert list(sampler) == list(sampler) == first


@pytest.mark.parametrize("kind", ["subject", "random"])
def test_processes_share_an_epoch(data, kind):
    def make(**options):
        if kind == "subject":
            return SubjectBatchSampler(data, 2, seed=4, **options)
        return RandomBatchSampler(data, 70, seed=4, **options)

    alone = list(make())
    for processes, each in ((2, 3), (4, 1)):
        samplers = [make(rank=rank, num_replicas=processes) for rank in range(processes)]
        assert [len(sampler) for sampler in samplers] == [each] * processes
        turns = zip(*samplers, strict=True)
        assert [batch for turn in turns for batch in turn] == alone[: processes * each]
    with pytest.raises(ValueError, match="6 batches are too few for 7 processes"):
        make(num_replicas=7)
    with pytest.raises(ValueError, match=r"rank must be in 0…1, got 2"):
        make(rank=2, num_replicas=2)


def test_random_batches_cover_an_epoch():
    assert [len(b) for b in RandomBatchSampler(10, 4)] == [4, 4]
    sampler = RandomBatchSampler(10, 4, drop_last=False)
    assert len(sampler) == 3 and sorted(sum(sampler, [])) == list(range(10))
    assert sorted(sum(RandomBatchSampler(3, 8), [])) == [0, 1, 2]
    with pytest.raises(ValueError, match="at least 1"):
        RandomBatchSampler(0, 4)


def test_random_batches_of_a_fixed_number_wrap_around():
    sampler = RandomBatchSampler(10, 4, num_batches=7)
    (batches,) = epochs(sampler, 0)
    assert len(sampler) == 7 and [len(b) for b in batches] == [4] * 7
    drawn = np.bincount(sum(batches, []), minlength=10)
    assert drawn.min() >= 2 and drawn.max() <= 3  # every image is used before one comes again
    flat = sum(batches, [])
    assert flat[:10] != flat[10:20]


def test_balanced_batches():
    p = make_tiny(4, ["happy", "neutral", "sad"], size=8)
    rows = np.concatenate([np.flatnonzero(p.labels == 0)[:3], np.flatnonzero(p.labels > 0)])
    data = ImageDataset(p, rows)  # 3 happy images, 40 of each other
    labels = data.columns["expression"].numpy()

    def batches(epoch, **options):
        sampler = BalancedBatchSampler(data, 10, **options)
        (drawn,) = epochs(sampler, epoch)
        assert len(drawn) == len(sampler)
        return drawn

    first = batches(0)
    assert len(first) == 8 and first == batches(0) != batches(1)
    assert batches(0, seed=1) != first
    for batch in first:  # three of each, and one more of a class that changes
        assert sorted(np.bincount(labels[batch])) == [3, 3, 4]
    counts = np.bincount(labels[np.ravel(batches(0, num_batches=30))])
    assert counts.tolist() == [100, 100, 100]
    drawn = np.bincount(np.ravel(batches(0, num_batches=30)), minlength=len(data))
    for label in range(3):  # all images of a class before one comes again
        assert np.ptp(drawn[labels == label]) <= 1
    shared = [batches(0, rank=rank, num_replicas=2) for rank in (0, 1)]
    assert [x for pair in zip(*shared, strict=True) for x in pair] == first
    with pytest.raises(ValueError, match="3 classes do not fit into a batch of 2"):
        BalancedBatchSampler(data, 2)
    data.columns["expression"] = data.columns["expression"].clone()
    data.columns["expression"][5] = -1
    with pytest.raises(ValueError, match="1 of the 83 images have no expression"):
        BalancedBatchSampler(data, 10)


@pytest.mark.parametrize("kind", [SubjectBatchSampler, InstanceBatchSampler])
@pytest.mark.parametrize("length", [1, 2, 5, 7])
def test_epochs_of_a_fixed_number_of_batches_go_on_where_the_last_ended(data, kind, length):
    size = 2 if kind is SubjectBatchSampler else 14  # 6 batches a pass
    passes = [batch for number in epochs(kind(data, size, 3), *range(5)) for batch in number]
    assert len(passes) == 30
    sampler = kind(data, size, 3, num_batches=length)
    assert len(sampler) == length
    found = [batch for number in epochs(sampler, *range(30 // length)) for batch in number]
    assert found == passes[: len(found)]
    assert epochs(sampler, 2) == [passes[2 * length : 3 * length]]  # as a resumed run starts
    shared = [kind(data, size, 3, num_batches=length, rank=r, num_replicas=2) for r in (0, 1)]
    turns = [zip(*[epochs(s, e)[0] for s in shared], strict=True) for e in (0, 1)]
    found = [batch for turn in turns for pair in turn for batch in pair]
    assert found == passes[: 4 * length]
    assert sampler.settings() == kind(data, size, 3).settings() | {"num_batches": length}
    with pytest.raises(ValueError, match="num_batches must be at least 1 or None, got 0"):
        kind(data, size, num_batches=0)


def test_samplers_say_what_fixes_their_batches(data):
    one = SubjectBatchSampler(data, 2, seed=3).settings()
    assert one == {
        "class": "SubjectBatchSampler",
        "seed": 3,
        "groups_per_batch": 2,
        "drop_last": True,
    }
    assert json.loads(json.dumps(one)) == one
    random = RandomBatchSampler(data, 8, num_batches=5).settings()
    assert random["batch_size"] == 8 and random["num_batches"] == 5


def test_ids_of_two_data_sets_agree():
    p = make_tiny(4, ["happy"], size=8)
    splits = p.split()
    train, test = (ImageDataset(p, splits[name]) for name in ("train", "test"))
    ids = set(train.columns["subject"].tolist()) | set(test.columns["subject"].tolist())
    assert not set(train.columns["instance"].tolist()) & set(test.columns["instance"].tolist())
    assert len(ids) == 3
