"""Torch data sets and batch samplers over prepared images: in memory, or decoded when used."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from fermodels.prepared import fits_in_memory
from fermodels.rows import row_numbers

if TYPE_CHECKING:
    from fermodels.prepared import PreparedImages


class ImageDataset(Dataset):
    """The given rows of a prepared data set.

    A batch is a dict: `image` uint8 (N, 3, H, W); `expression`, `instance`, `subject`, `view`,
    `index` (row in `prepared`) int64 (N,); `yaw` in degrees, float32 (N,). All ids are those of
    `prepared`, so they mean the same in two data sets made from it.

    Args:
        prepared: the prepared images.
        indices: rows to use, in this order, or a mask of them; default all.
        in_memory: True decodes all images once and keeps them as one uint8 tensor, False decodes
            those of a batch when it is asked for. None keeps them up to a gibibyte.

    Attributes:
        columns: all of a batch by name, of all rows; without `image` if that is not in memory.
        in_memory: whether the images are.
    """

    def __init__(
        self,
        prepared: PreparedImages,
        indices: Sequence[int] | np.ndarray | None = None,
        in_memory: bool | None = None,
    ) -> None:
        rows = row_numbers(indices, len(prepared))
        if len(rows) == 0:
            raise ValueError("an ImageDataset needs at least one row, got none")
        if in_memory is None:
            in_memory = fits_in_memory(len(rows), prepared.image_size)
        self.prepared, self.indices, self.in_memory = prepared, rows, in_memory
        yaw = prepared.table["yaw"].to_numpy(dtype=np.float32)
        self.columns = {
            "expression": torch.from_numpy(prepared.labels[rows]),
            "instance": torch.from_numpy(prepared.instance_ids[rows]),
            "subject": torch.from_numpy(prepared.subject_ids[rows]),
            "view": torch.from_numpy(prepared.view_ids[rows]),
            "yaw": torch.from_numpy(yaw[rows]),
            "index": torch.from_numpy(rows.copy()),
        }
        if in_memory:
            self.columns["image"] = self._all_images()

    def _all_images(self) -> torch.Tensor:
        image = torch.empty((len(self), 3, *self.prepared.image_size), dtype=torch.uint8)
        for start in range(0, len(self), 512):  # in pieces: no second copy of a large data set
            rows = self.indices[start : start + 512]
            image[start : start + len(rows)] = self._decoded(rows)
        return image

    def _decoded(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self.prepared.images(rows)).permute(0, 3, 1, 2)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: int) -> dict[str, torch.Tensor]:
        return {key: column[0] for key, column in self.__getitems__([range(len(self))[i]]).items()}

    def __getitems__(self, indices: list[int]) -> dict[str, torch.Tensor]:
        chosen = torch.as_tensor(indices)
        # On CPU 20 times as fast as `column[chosen]`, and a batch is one copy.
        batch = {key: column.index_select(0, chosen) for key, column in self.columns.items()}
        if not self.in_memory:
            batch["image"] = self._decoded(batch["index"].numpy()).contiguous()
        return batch


class EpochSampler:
    """Batches whose order depends on (seed, epoch) alone, so that a resumed run repeats it."""

    def __init__(self, seed: int, rank: int, num_replicas: int) -> None:
        if not 0 <= rank < num_replicas:
            raise ValueError(f"rank must be in 0…{num_replicas - 1}, got {rank}")
        self.seed, self.epoch = seed, 0
        self.rank, self.num_replicas = rank, num_replicas

    @property
    def sampler(self) -> EpochSampler:
        """Itself: Lightning calls `batch_sampler.sampler.set_epoch` before every epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def _rng(self) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([self.seed, self.epoch]))

    def _batch_rng(self, number: int) -> np.random.Generator:
        """What is drawn beside the order, for batch `number` of this process."""
        # Not from 0 on: trailing zeros are the same seed as none, that of the order.
        entropy = [self.seed, self.epoch, self.rank, number + 1]
        return np.random.Generator(np.random.PCG64(entropy))

    def _own(self, batches: int) -> int:
        """How many of an epoch's batches each process gets; all get equally many."""
        if batches < self.num_replicas:
            raise ValueError(
                f"{batches} batches are too few for {self.num_replicas} processes: make batches "
                "smaller or use fewer processes"
            )
        return batches // self.num_replicas


class _GroupBatchSampler(EpochSampler):
    """Batches of so many groups of images, each whole, in the order of `keys`."""

    def __init__(
        self, keys: Iterable, groups_per_batch: int, seed: int, drop_last: bool, *process: int
    ) -> None:
        super().__init__(seed, *process)
        members: dict[Any, list[int]] = {}
        for i, key in enumerate(keys):
            members.setdefault(key, []).append(i)
        self.groups = [members[key] for key in sorted(members)]
        self.groups_per_batch = min(groups_per_batch, len(self.groups))
        self.drop_last = drop_last
        self._own(self._batches())

    def _batches(self) -> int:
        count = len(self.groups) / self.groups_per_batch
        return math.floor(count) if self.drop_last else math.ceil(count)

    def __len__(self) -> int:
        return self._own(self._batches())

    def __iter__(self) -> Iterator[list[int]]:
        order = self._rng().permutation(len(self.groups))
        for batch in range(len(self)):
            start = (batch * self.num_replicas + self.rank) * self.groups_per_batch
            chosen = order[start : start + self.groups_per_batch]
            yield [i for group in chosen for i in self.groups[group]]


class SubjectBatchSampler(_GroupBatchSampler):
    """Batches of whole (subject, session) groups: all expressions of a person, all views.

    Knowing the person alone cannot solve the contrastive task then: the other expressions of the
    same person, in the same light, are among the negatives.

    Args:
        dataset: an `ImageDataset`.
        groups_per_batch: with KDEF's 7 expressions × 5 views, 7 groups are 245 images. If there
            are fewer groups than this, a batch holds all there are.
        seed: with the epoch (`set_epoch`), it fixes the order.
        drop_last: leave out the last batch of an epoch where it is smaller.
        rank, num_replicas: under distributed training, process `rank` takes every
            `num_replicas`-th batch.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        groups_per_batch: int = 7,
        seed: int = 0,
        drop_last: bool = True,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        if groups_per_batch < 1:
            raise ValueError(f"groups_per_batch must be at least 1, got {groups_per_batch}")
        sessions = dataset.prepared.table["session"].to_numpy()[dataset.indices]
        keys = zip(dataset.columns["subject"].tolist(), sessions, strict=True)
        super().__init__(keys, groups_per_batch, seed, drop_last, rank, num_replicas)


class InstanceBatchSampler(_GroupBatchSampler):
    """Batches of whole instances, drawn from everybody: the views of a moment stay together.

    Nearly all negatives of an image are other people then, so the contrastive task asks little
    more than who somebody is; :class:`SubjectBatchSampler` asks for the expression.

    Args:
        dataset: an `ImageDataset`.
        instances_per_batch: with KDEF's 5 views, 49 instances are 245 images. If there are fewer
            instances than this, a batch holds all there are.
        others: see :class:`SubjectBatchSampler`.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        instances_per_batch: int = 49,
        seed: int = 0,
        drop_last: bool = True,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        if instances_per_batch < 1:
            raise ValueError(f"instances_per_batch must be at least 1, got {instances_per_batch}")
        keys = dataset.columns["instance"].tolist()
        super().__init__(keys, instances_per_batch, seed, drop_last, rank, num_replicas)


class RandomBatchSampler(EpochSampler):
    """Batches of shuffled images.

    Args:
        n: number of images, or the data set.
        batch_size: images a batch; if there are fewer images than this, a batch holds all.
        seed: with the epoch (`set_epoch`), it fixes the order.
        drop_last: leave out the last batch of an epoch where it is smaller.
        num_batches: the length of an epoch. The images are then gone through as often as it
            takes, shuffled anew each time: small label budgets get as many steps as large ones.
        rank, num_replicas: under distributed training, process `rank` takes every
            `num_replicas`-th batch.
    """

    def __init__(
        self,
        n: int | ImageDataset,
        batch_size: int,
        seed: int = 0,
        drop_last: bool = True,
        num_batches: int | None = None,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        super().__init__(seed, rank, num_replicas)
        self.n = n if isinstance(n, int) else len(n)
        if self.n < 1 or batch_size < 1:
            raise ValueError(f"n and batch_size must be at least 1, got {self.n} and {batch_size}")
        self.batch_size = min(batch_size, self.n)
        self.drop_last, self.num_batches = drop_last, num_batches
        if num_batches is None:
            self._own(self._batches())

    def _batches(self) -> int:
        count = self.n / self.batch_size
        return math.floor(count) if self.drop_last else math.ceil(count)

    def __len__(self) -> int:
        return self._own(self._batches()) if self.num_batches is None else self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        rng, wanted = self._rng(), len(self) * self.num_replicas * self.batch_size
        order = rng.permutation(self.n)
        while self.num_batches is not None and len(order) < wanted:
            order = np.concatenate([order, rng.permutation(self.n)])
        for batch in range(len(self)):
            start = (batch * self.num_replicas + self.rank) * self.batch_size
            yield order[start : start + self.batch_size].tolist()


def loader(
    dataset: ImageDataset, batch_sampler: EpochSampler, accelerator: str = "auto"
) -> DataLoader:
    """A DataLoader that hands on the batches of `ImageDataset.__getitems__`.

    No worker processes: of images in memory, a batch is one copy. Images that are decoded as they
    are used are so by threads, a batch or two ahead of the training. Where there is CUDA, batches
    lie in pinned memory, unless the accelerator is "cpu".
    """
    kind = DataLoader if getattr(dataset, "in_memory", True) else _AheadLoader
    return kind(
        dataset,
        batch_sampler=batch_sampler,
        num_workers=0,
        collate_fn=_as_is,
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
        batch = self.dataset.__getitems__(indices)
        if self.pin_memory:
            batch = {key: value.pin_memory() for key, value in batch.items()}
        return batch


def _as_is(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return batch
