"""DataLoaders over the data sets of this room."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch.utils.data import DataLoader, default_collate

from fermodels.data.feature_dataset import FeatureDataset
from fermodels.data.image_dataset import ImageDataset
from fermodels.data.samplers import EpochSampler
from fermodels.data.samples import Samples


def loader(
    dataset: ImageDataset | FeatureDataset, batch_sampler: EpochSampler, accelerator: str = "auto"
) -> DataLoader:
    """A DataLoader that hands on the batches of a data set of this room as they are.

    No worker processes: of images in memory, a batch is one copy. Images that are decoded as they
    are used are so by threads, a batch or two ahead of the training. Where there is CUDA, batches
    lie in pinned memory, unless the accelerator is "cpu". A plain
    :class:`torch.utils.data.DataLoader` gives the same batches, more slowly.

    Args:
        dataset: an `ImageDataset` or a `FeatureDataset`.
        batch_sampler: a batch sampler of this room.
        accelerator: what the training runs on, "auto", "cpu" or "cuda".
    """
    kind = DataLoader if getattr(dataset, "in_memory", True) else _AheadLoader
    return kind(
        dataset,
        batch_sampler=batch_sampler,
        num_workers=0,
        collate_fn=_whole,
        pin_memory=accelerator != "cpu" and torch.cuda.is_available(),
    )


class _AheadLoader(DataLoader):
    """Fetches the next batches in a thread while one is trained on; the order stays the same."""

    AHEAD = 2

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        thread = ThreadPoolExecutor(1, thread_name_prefix="fermodels-batches")
        pending: deque[Future] = deque()
        try:
            for indices in self.batch_sampler:
                pending.append(thread.submit(self._fetch, indices))
                if len(pending) > self.AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:  # also where training stops in the middle of an epoch
            thread.shutdown(wait=True, cancel_futures=True)

    def _fetch(self, indices: list[int]) -> dict[str, torch.Tensor]:
        batch = _whole(self.dataset.__getitems__(indices))
        if self.pin_memory:
            batch = {key: value.pin_memory() for key, value in batch.items()}
        return batch


def _whole(samples: Sequence[dict]) -> dict[str, torch.Tensor]:
    """The batch; samples that were not fetched at once, as a data set around ours gives them, are
    stacked."""
    return samples.batch if isinstance(samples, Samples) else default_collate(samples)
