"""Batches of images, in an order that follows from (seed, epoch) alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from fermodels.data.image_dataset import ImageDataset


class EpochSampler:
    """Batches whose order depends on (seed, epoch) alone, so that a resumed run repeats it.

    Whoever trains calls `set_epoch` before each epoch; :func:`fermodels.training.fit` does.
    """

    def __init__(self, seed: int, rank: int, num_replicas: int) -> None:
        if not 0 <= rank < num_replicas:
            raise ValueError(f"rank must be in 0…{num_replicas - 1}, got {rank}")
        self.seed, self.epoch = seed, 0
        self.rank, self.num_replicas = rank, num_replicas

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def settings(self) -> dict[str, Any]:
        """What fixes the batches of a data set, as JSON: a run is not resumed with others."""
        return {"class": type(self).__name__, "seed": self.seed}

    def _rng(self, epoch: int | None = None) -> np.random.Generator:
        epoch = self.epoch if epoch is None else epoch
        return np.random.Generator(np.random.PCG64([self.seed, epoch]))

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


class GroupBatchSampler(EpochSampler):
    """Batches of so many groups of images, each whole, in the order of `keys`.

    An epoch is one pass over the groups or, with `num_batches`, as many batches; the next one goes
    on in the pass where it ended.
    """

    def __init__(
        self,
        keys: Iterable,
        groups_per_batch: int,
        seed: int,
        drop_last: bool,
        num_batches: int | None,
        *process: int,
    ) -> None:
        super().__init__(seed, *process)
        if num_batches is not None and num_batches < 1:
            raise ValueError(f"num_batches must be at least 1 or None, got {num_batches}")
        members: dict[Any, list[int]] = {}
        for i, key in enumerate(keys):
            members.setdefault(key, []).append(i)
        self.groups = [members[key] for key in sorted(members)]
        self.groups_per_batch = min(groups_per_batch, len(self.groups))
        self.drop_last, self.num_batches = drop_last, num_batches
        if num_batches is None:
            self._own(self._batches())

    def settings(self) -> dict[str, Any]:
        own = {"groups_per_batch": self.groups_per_batch, "drop_last": self.drop_last}
        if self.num_batches is not None:  # not in runs from before this option
            own["num_batches"] = self.num_batches
        return super().settings() | own

    def _batches(self) -> int:
        count = len(self.groups) / self.groups_per_batch
        return math.floor(count) if self.drop_last else math.ceil(count)

    def __len__(self) -> int:
        return self._own(self._batches()) if self.num_batches is None else self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        in_pass, chosen_pass = self._batches(), None
        first = self.epoch * in_pass
        if self.num_batches is not None:
            first = self.epoch * self.num_batches * self.num_replicas
        for batch in range(len(self)):
            number, place = divmod(first + batch * self.num_replicas + self.rank, in_pass)
            if number != chosen_pass:
                order = self._rng(number).permutation(len(self.groups))
                chosen_pass = number
            start = place * self.groups_per_batch
            chosen = order[start : start + self.groups_per_batch]
            yield [i for group in chosen for i in self.groups[group]]


class SubjectBatchSampler(GroupBatchSampler):
    """Batches of whole (subject, session) groups: all expressions of a person, all views.

    Knowing the person alone cannot solve the contrastive task then: the other expressions of the
    same person, in the same light, are among the negatives.

    Args:
        dataset: an `ImageDataset`.
        groups_per_batch: with KDEF's 7 expressions × 5 views, 7 groups are 245 images. If there
            are fewer groups than this, a batch holds all there are.
        seed: with the epoch (`set_epoch`), it fixes the order.
        drop_last: leave out the last batch of a pass where it is smaller.
        num_batches: the length of an epoch, where that is not one pass over the groups. Checkpoints
            and validations come by epochs, which of a large data set would be rare.
        rank, num_replicas: under distributed training, process `rank` takes every
            `num_replicas`-th batch.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        groups_per_batch: int = 7,
        seed: int = 0,
        drop_last: bool = True,
        num_batches: int | None = None,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        if groups_per_batch < 1:
            raise ValueError(f"groups_per_batch must be at least 1, got {groups_per_batch}")
        sessions = dataset.prepared.table["session"].to_numpy()[dataset.indices]
        keys = zip(dataset.columns["subject"].tolist(), sessions, strict=True)
        super().__init__(keys, groups_per_batch, seed, drop_last, num_batches, rank, num_replicas)


class InstanceBatchSampler(GroupBatchSampler):
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
        num_batches: int | None = None,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        if instances_per_batch < 1:
            raise ValueError(f"instances_per_batch must be at least 1, got {instances_per_batch}")
        keys = dataset.columns["instance"].tolist()
        super().__init__(
            keys, instances_per_batch, seed, drop_last, num_batches, rank, num_replicas
        )


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
        self.asked, self.batch_size = batch_size, min(batch_size, self.n)
        self.drop_last, self.num_batches = drop_last, num_batches
        if num_batches is None:
            self._own(self._batches())

    def settings(self) -> dict[str, Any]:
        return super().settings() | {
            "batch_size": self.asked,
            "drop_last": self.drop_last,
            "num_batches": self.num_batches,
        }

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


class BalancedBatchSampler(EpochSampler):
    """Batches with an equal share of every class, however many images each has.

    The images of a class are gone through as often as it takes, shuffled anew each time, so those
    of rare classes come more often. Where the batch size is no multiple of the number of classes,
    the classes that have one image more change from batch to batch.

    Args:
        dataset: an `ImageDataset` with labels.
        batch_size: images a batch, at least one of each class.
        seed: with the epoch (`set_epoch`), it fixes the order.
        num_batches: the length of an epoch; default as many as the images fill.
        rank, num_replicas: under distributed training, process `rank` takes every
            `num_replicas`-th batch.

    Raises:
        ValueError: images without a label, or more classes than a batch has images.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        batch_size: int,
        seed: int = 0,
        num_batches: int | None = None,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        super().__init__(seed, rank, num_replicas)
        labels = dataset.columns["expression"].numpy()
        if (labels < 0).any():
            raise ValueError(
                f"{int((labels < 0).sum())} of the {len(labels)} images have no expression: "
                "balance labelled rows only"
            )
        self.members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        if batch_size < len(self.members):
            raise ValueError(
                f"{len(self.members)} classes do not fit into a batch of {batch_size} images"
            )
        self.batch_size, self.num_batches = batch_size, num_batches
        self.n = len(labels)
        if num_batches is None:
            self._own(self._batches())

    def settings(self) -> dict[str, Any]:
        return super().settings() | {"batch_size": self.batch_size, "num_batches": self.num_batches}

    def _batches(self) -> int:
        return max(1, self.n // self.batch_size)

    def __len__(self) -> int:
        return self._own(self._batches()) if self.num_batches is None else self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        rng, classes = self._rng(), len(self.members)
        batches = len(self) * self.num_replicas
        each, more = divmod(self.batch_size, classes)
        turns = [rng.permutation(classes) for _ in range(math.ceil(batches * more / classes))]
        # The class of every place of every batch of the epoch.
        kinds = np.empty((batches, self.batch_size), dtype=np.int64)
        kinds[:, : each * classes] = np.tile(np.arange(classes), each)
        if more:
            kinds[:, each * classes :] = np.concatenate(turns)[: batches * more].reshape(-1, more)
        order = np.empty_like(kinds)
        for label, members in enumerate(self.members):
            places = kinds == label
            count = int(places.sum())
            passes = [rng.permutation(members) for _ in range(math.ceil(count / len(members)))]
            order[places] = np.concatenate(passes)[:count]
        for batch in range(len(self)):
            yield order[batch * self.num_replicas + self.rank].tolist()
