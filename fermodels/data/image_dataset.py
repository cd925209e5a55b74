"""A torch data set over prepared images: in memory, or decoded when used."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fermodels.data.decoded import file_of, mapped, resized
from fermodels.data.indices import indices_digest, resolve_indices
from fermodels.data.pixels import fits_in_memory
from fermodels.data.samples import BatchedDataset

if TYPE_CHECKING:
    from fermodels.data.images import PreparedImages


class ImageDataset(BatchedDataset):
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
        size: side in pixels that the images are resized to when they are decoded (bilinear,
            antialiased; an image that is not square is squeezed); None leaves them as they are.
            Augmentation can crop and enlarge without loss as long as this is somewhat larger than
            what it makes of them.
        folder: keep the decoded images in a file of this folder, which the next `ImageDataset` of
            the same rows and size finds there. The file is mapped into memory: it may be larger
            than that, and processes share it.

    Attributes:
        columns: all of a batch by name, of all rows; without `image` if that is not in memory.
        in_memory: whether the images are, or are mapped into it.

    Raises:
        ValueError: no rows, a size below 1, or a folder for images that are not to be kept.
        PreparedError: an image is broken, or the folder has no room for the decoded images.
    """

    def __init__(
        self,
        prepared: PreparedImages,
        indices: Sequence[int] | np.ndarray | None = None,
        in_memory: bool | None = None,
        *,
        size: int | None = None,
        folder: str | os.PathLike | None = None,
    ) -> None:
        rows = resolve_indices(indices, len(prepared))
        if len(rows) == 0:
            raise ValueError("an ImageDataset needs at least one row, got none")
        if size is not None and size < 1:
            raise ValueError(f"size must be at least 1 pixel or None, got {size}")
        if folder is not None and in_memory is False:
            raise ValueError("a folder keeps decoded images: leave it out, or in_memory=False")
        self.prepared, self.indices, self.size = prepared, rows, size
        self._shape = (len(rows), 3, *(prepared.image_size if size is None else (size, size)))
        if in_memory is None:
            in_memory = folder is not None or fits_in_memory(len(rows), self._shape[2:])
        self.in_memory = in_memory
        self._file = None if folder is None else file_of(prepared, rows, size, folder)
        yaw = prepared.table["yaw"].to_numpy(dtype=np.float32)
        self.columns = {
            "expression": torch.from_numpy(prepared.labels[rows]),
            "instance": torch.from_numpy(prepared.instance_ids[rows]),
            "subject": torch.from_numpy(prepared.subject_ids[rows]),
            "view": torch.from_numpy(prepared.view_ids[rows]),
            "yaw": torch.from_numpy(yaw[rows]),
            "index": torch.from_numpy(rows.copy()),
        }
        if self._file is not None:
            self.columns["image"] = mapped(self._file, self._shape, self._decode_into)
        elif in_memory:
            image = torch.empty(self._shape, dtype=torch.uint8)
            self._decode_into(image)
            self.columns["image"] = image

    def _decode_into(self, image: torch.Tensor) -> None:
        for start in range(0, len(self), 512):  # in pieces: no second copy of a large data set
            rows = self.indices[start : start + 512]
            image[start : start + len(rows)] = self._decoded(rows)

    def _decoded(self, rows: np.ndarray) -> torch.Tensor:
        images = torch.from_numpy(self.prepared.images(rows)).permute(0, 3, 1, 2)
        return resized(images, self.size)

    def settings(self) -> dict[str, Any]:
        """What tells its images from others, as JSON: a run is not resumed with others."""
        found = {
            "items": len(self),
            "fingerprint": self.prepared.fingerprint(),
            "indices": indices_digest(self.indices),
        }
        return found if self.size is None else found | {"size": self.size}

    def __getstate__(self) -> dict[str, Any]:
        """Without the images where a file has them."""
        state = dict(vars(self))
        if self._file is not None:
            state["columns"] = {k: v for k, v in self.columns.items() if k != "image"}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self._file is not None:
            self.columns["image"] = mapped(self._file, self._shape)

    def __len__(self) -> int:
        return len(self.indices)

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
