"""A torch data set over prepared images: in memory, or decoded when used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset

from fermodels.data.indices import resolve_indices
from fermodels.data.pixels import fits_in_memory
from fermodels.data.samples import Samples

if TYPE_CHECKING:
    from fermodels.data.images import PreparedImages


class ImageDataset(Dataset):
    """The given rows of a prepared data set.

    A batch is a dict: `image` uint8 (N, 3, H, W); `expression` (−1 = unlabelled), `instance`,
    `subject`, `view`, `index` (row in `prepared`) int64 (N,); `yaw` in degrees, float32 (N,), NaN
    where it is not known. All ids are those of `prepared`, so they mean the same in two data sets
    made from it.

    Any :class:`torch.utils.data.DataLoader` makes such batches of it, with or without worker
    processes; :func:`fermodels.data.loader` does it with one copy less. A sample is such a dict
    without the first axis.

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
        rows = resolve_indices(indices, len(prepared))
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
        return self.__getitems__([range(len(self))[i]])[0]

    def __getitems__(self, indices: Sequence[int]) -> Samples:
        """What a DataLoader asks for: the samples of :meth:`batch`."""
        return Samples(self.batch(indices), len(indices))

    def batch(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """The batch of these samples, a copy.

        Args:
            indices: numbers of samples, 0…len − 1.
        """
        chosen = torch.as_tensor(indices)
        # On CPU 20 times as fast as `column[chosen]`, and a batch is one copy.
        batch = {key: column.index_select(0, chosen) for key, column in self.columns.items()}
        if not self.in_memory:
            batch["image"] = self._decoded(batch["index"].numpy()).contiguous()
        return batch
