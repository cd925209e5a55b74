"""Representations of images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels._shared.progress import progress_wanted
from fermodels.data.indices import resolve_indices

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.utils.data import DataLoader

    from fermodels.data import PreparedImages

_BAR_AFTER = 3  # seconds: shorter work needs no bar


def embed(
    encoder: torch.nn.Module,
    images: PreparedImages | str | os.PathLike | np.ndarray | Tensor | DataLoader,
    indices: Sequence[int] | np.ndarray | None = None,
    batch_size: int = 256,
    device: str | torch.device | None = None,
    *,
    progress: bool | Callable[[int, int | None], None] | None = None,
) -> np.ndarray:
    """Representations of images, float32 (N, D).

    Args:
        encoder: gets float images (n, 3, H, W) in [0, 1] and gives (n, D). It runs in evaluation
            mode without gradients; its device and the train or eval state of every one of its
            modules are as before when this returns or raises.
        images: one of

            - :class:`fermodels.data.PreparedImages`, or the path of a prepared Parquet file;
            - an array of images (N, H, W, 3) or a tensor (N, 3, H, W), uint8 or float in [0, 1];
            - a :class:`torch.utils.data.DataLoader`, whose batches are tensors of images, dicts
              with such a tensor as "image", or tuples that begin with one. Rows come in its order.
        indices: which images, by number or by a mask (N,); default all. Not for a DataLoader.
        batch_size: images at a time; a DataLoader has its own.
        device: where to compute. Default: where the encoder is.
        progress: a bar with the time left; None shows one for work of more than a few seconds,
            unless the environment has CI set or FERMODELS_PROGRESS=0. A function is called
            instead, with how many images are done and how many there are (None where a DataLoader
            does not know).

    Returns:
        The representations, float32 (N, D).

    Raises:
        ValueError: there is nothing to embed, images are of another shape or type or not in [0, 1],
            or the encoder does not return (n, D).
        TypeError: `images` is nothing of the above.

    Example:
        >>> import numpy as np
        >>> from fermodels.models import ImageEncoder
        >>> images = np.zeros((5, 96, 96, 3), dtype=np.uint8)
        >>> embed(ImageEncoder(), images).shape
        (5, 256)
    """
    import torch

    from fermodels.models.inference import run_in_batches

    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    batches, total = _batches(images, indices, batch_size)

    def represent(batch: Tensor) -> Tensor:
        features = encoder(batch)  # (n, D)
        if features.ndim != 2 or len(features) != len(batch):
            raise ValueError(
                f"the encoder returned {tuple(features.shape)} for {len(batch)} images; "
                "expected (images, feature_dim)"
            )
        return features

    with _reporting(progress, total) as done:
        parts = run_in_batches(encoder, batches, device, apply=represent, done=done)
    if not parts:
        raise ValueError("no images to embed: the DataLoader has no batch")
    return torch.cat(parts).numpy()  # (N, D)


def _batches(
    images: Any, indices: Sequence[int] | np.ndarray | None, batch_size: int
) -> tuple[Iterable[np.ndarray | Tensor], int | None]:
    """Batches of images, and how many images there are in all, where that is known."""
    import torch
    from torch.utils.data import DataLoader

    from fermodels.data import PreparedImages

    if isinstance(images, DataLoader):
        if indices is not None:
            raise ValueError("a DataLoader chooses its images itself: leave `indices` out")
        return map(_images_of, images), _images_in(images)
    if isinstance(images, (str, os.PathLike)):
        images = PreparedImages.read(images)
    if isinstance(images, (np.ndarray, torch.Tensor)):
        count, get = len(images) if images.ndim else 0, images.__getitem__
    elif callable(getattr(images, "images", None)):
        count, get = len(images), images.images
    else:
        raise TypeError(
            f"cannot embed {type(images).__name__}: pass PreparedImages, the path of a prepared "
            "file, an array (N, H, W, 3), a tensor (N, 3, H, W) or a DataLoader"
        )
    rows = resolve_indices(indices, count)
    if len(rows) == 0:
        raise ValueError(
            "no images to embed: " + ("there are none" if count == 0 else "`indices` is empty")
        )
    starts = range(0, len(rows), batch_size)
    return (get(rows[start : start + batch_size]) for start in starts), len(rows)


def _images_of(batch: Any) -> np.ndarray | Tensor:
    """The images of a DataLoader's batch."""
    if isinstance(batch, Mapping):
        if "image" not in batch:
            raise ValueError(f"a batch has no 'image'; it has {', '.join(map(str, batch))}")
        return batch["image"]
    return batch[0] if isinstance(batch, (tuple, list)) else batch


def _images_in(loader: DataLoader) -> int | None:
    try:
        return min(len(loader.dataset), len(loader) * loader.batch_size)
    except TypeError:  # an iterable data set, or a batch sampler
        return None


@contextmanager
def _reporting(
    progress: bool | Callable[[int, int | None], None] | None, total: int | None
) -> Iterator[Callable[[int], None]]:
    """A function to tell how many images more are done."""
    if callable(progress):
        count = 0
        progress(0, total)

        def tell(more: int) -> None:
            nonlocal count
            count += more
            progress(count, total)

        yield tell
        return
    from tqdm.auto import tqdm

    with tqdm(
        total=total,
        unit="image",
        desc="embedding",
        delay=0 if progress else _BAR_AFTER,
        disable=not progress_wanted(progress),
    ) as bar:
        yield bar.update
