"""A batch that was fetched at once, as the list of samples that PyTorch asks a data set for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch


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
