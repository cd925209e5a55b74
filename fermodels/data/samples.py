"""A batch that was fetched at once, as the list of samples that PyTorch asks a data set for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset


class Samples(Sequence):
    """The samples of a batch, what `__getitems__` of the data sets of this room returns.

    To :class:`torch.utils.data.DataLoader` it is a list of dicts, which its default `collate_fn`
    stacks into the batch again; :func:`fermodels.data.loader` takes `batch` as it is.

    Args:
        batch: tensors (B, …), or dicts of such, by name.
        count: B.
    """

    def __init__(self, batch: dict[str, Any], count: int) -> None:
        self.batch, self._count = batch, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, i: int) -> dict[str, Any]:
        return _sample(self.batch, range(self._count)[i])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(self._count))


def _sample(batch: dict[str, Any], i: int) -> dict[str, Any]:
    return {
        key: value[i] if isinstance(value, torch.Tensor) else _sample(value, i)
        for key, value in batch.items()
    }


class BatchedDataset(Dataset):
    """A data set that makes whole batches, which is how a DataLoader gets them from it."""

    def batch(self, items: Sequence[int]) -> dict[str, torch.Tensor]:
        """The batch of these samples, numbered 0…len − 1."""
        raise NotImplementedError

    def __getitem__(self, item: int) -> dict[str, torch.Tensor]:
        return Samples(self.batch([range(len(self))[item]]), 1)[0]

    def __getitems__(self, items: Sequence[int]) -> Sequence[dict]:
        """What a DataLoader asks for: the samples of :meth:`batch`.

        Of a class with a `__getitem__` of its own, what that returns: PyTorch asks for samples one
        by one only where there is no `__getitems__`.
        """
        if type(self).__getitem__ is not BatchedDataset.__getitem__:
            return [self[item] for item in items]
        return Samples(self.batch(items), len(items))
