"""Decoded images in a file that is mapped into memory: decoded once, for every later training."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from fermodels._shared.files import replacing
from fermodels._shared.paths import given_path
from fermodels.data.errors import PreparedError
from fermodels.data.indices import indices_digest

if TYPE_CHECKING:
    from fermodels.data.images import PreparedImages

_VERSION = 2  # of what the pixels are


def resized(images: torch.Tensor, size: int | None) -> torch.Tensor:
    """uint8 images (N, 3, H, W) with sides of `size` pixels (bilinear, antialiased)."""
    if size is None or images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)


def file_of(
    prepared: PreparedImages, rows: np.ndarray, size: int | None, folder: str | Path
) -> Path:
    """Where the decoded images of these rows lie; another content has another name."""
    what = [_VERSION, prepared.fingerprint(), indices_digest(rows), size]
    digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
    return given_path(folder) / f"{Path(prepared.source).stem.strip('<>')}-{digest}.npy"


def mapped(
    path: Path, shape: tuple[int, ...], fill: Callable[[torch.Tensor], None] | None = None
) -> torch.Tensor:
    """The images of a file, uint8 `shape`, read as they are used; `fill` makes them if need be.

    Processes that map the file share its memory. What is written into the tensor stays out of it.

    Raises:
        PreparedError: there is no room for it in its folder, or it is gone and there is no `fill`.
    """
    array = _opened(path, shape)
    if array is None:
        if fill is None:
            raise PreparedError(f"{path}, the file of decoded images, is gone: make it anew")
        _make(path, shape, fill)
        array = _opened(path, shape)
    return torch.from_numpy(array)


def _opened(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        array = np.load(path, mmap_mode="c", allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):  # a file that is cut off is made anew
        return None
    return array if array.shape == shape and array.dtype == np.uint8 else None


def _make(path: Path, shape: tuple[int, ...], fill: Callable[[torch.Tensor], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    needed, free = int(np.prod(shape, dtype=np.int64)), shutil.disk_usage(path.parent).free
    if needed > free:
        raise PreparedError(
            f"{path.parent} has {free / 1e6:,.0f} MB free, the decoded images take "
            f"{needed / 1e6:,.0f} MB: take another folder, a smaller size, or no folder at all "
            "(they are then decoded as they are used)"
        )
    with replacing(path) as temporary:
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        fill(torch.from_numpy(array))
        array.flush()
        del array
