"""How PyTorch asks our data sets for samples, and data sets made from or around ours."""

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Subset

from fermodels.data import FeatureDataset, ImageDataset, RandomBatchSampler, loader
from tests.fixtures.clips import DIMS, make_clips, make_features


class Darker(ImageDataset):
    """Somebody's own change to every sample."""

    def __getitem__(self, i):
        sample = super().__getitem__(i)
        return sample | {"image": sample["image"] // 2}


class Louder(FeatureDataset):
    def __getitem__(self, item):
        sample = super().__getitem__(item)
        return sample | {"features": {m: 2 * x for m, x in sample["features"].items()}}


@pytest.fixture(scope="module")
def features():
    return make_features(make_clips(2), dims=DIMS)


def in_order(data):
    class InOrder(RandomBatchSampler):
        def __iter__(self):
            return iter([list(range(4)), list(range(4, 8))])

    return InOrder(data, 4)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_sample_of_ones_own_reaches_the_batch(tiny_prepared, in_memory):
    plain = ImageDataset(tiny_prepared, np.arange(8), in_memory)
    own = Darker(tiny_prepared, np.arange(8), in_memory)
    expected = plain.batch(range(8))["image"] // 2
    for batches in (loader(own, in_order(own)), DataLoader(own, batch_size=4)):
        images = torch.cat([batch["image"] for batch in batches])
        assert torch.equal(images, expected)
    for around in (
        Subset(own, range(8)),
        ConcatDataset([Subset(own, [0, 1]), Subset(own, range(2, 8))]),
    ):
        for batches in (loader(around, in_order(around)), DataLoader(around, batch_size=4)):
            assert torch.equal(torch.cat([batch["image"] for batch in batches]), expected)


def test_a_clip_of_ones_own_reaches_the_batch(features):
    plain, own = FeatureDataset(features), Louder(features)
    expected = 2 * plain.batch(range(8))["features"]["audio"]
    for batches in (loader(own, in_order(own)), DataLoader(own, batch_size=4)):
        found = torch.cat([batch["features"]["audio"] for batch in batches][:2])
        assert torch.equal(found, expected)


def test_the_samples_of_ours_are_fetched_at_once(tiny_prepared, monkeypatch):
    data, asked = ImageDataset(tiny_prepared, np.arange(8)), []
    batch = ImageDataset.batch
    monkeypatch.setattr(
        ImageDataset, "batch", lambda self, items: asked.append(len(items)) or batch(self, items)
    )
    for batches in (DataLoader(data, batch_size=4), loader(Subset(data, range(8)), in_order(data))):
        assert len(list(batches)) == 2
    assert asked == [4] * 4
