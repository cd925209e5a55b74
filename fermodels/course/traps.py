"""Data spoilt on purpose, to show what a shortcut does to contrastive learning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fermodels.data import PreparedImages, encode_image


def tint_per_instance(
    images: np.ndarray,
    instance_ids: Sequence[int] | np.ndarray,
    seed: int = 0,
    *,
    strength: float = 0.5,
) -> np.ndarray:
    """Light every instance with a lamp of its own: all its views get the same colour cast.

    This is what happens where each take is photographed in another light. The colour says which
    images belong together, though it says nothing about the face.

    Args:
        images: (N, H, W, 3), uint8.
        instance_ids: (N,); images with the same id get the same tint.
        seed: with the id, it fixes the tint, so that an instance has it in any selection of rows.
        strength: each channel is multiplied by exp(u), u uniform in ±strength.

    Returns:
        (N, H, W, 3), uint8, a copy.

    Raises:
        ValueError: wrong shape or type, ids that do not fit, or a negative strength.
    """
    images, ids = np.asarray(images), np.asarray(instance_ids)
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise ValueError(
            f"expected images (N, H, W, 3) of uint8, got {images.shape} of {images.dtype}"
        )
    if ids.shape != (len(images),) or ids.dtype.kind not in "iu" or (ids < 0).any():
        raise ValueError(
            f"expected one instance id of 0 or above for each of {len(images)} images, got "
            f"{ids.dtype} of shape {ids.shape}"
        )
    if strength < 0:
        raise ValueError(f"strength must be at least 0, got {strength}")
    tinted = np.empty_like(images)
    for instance in np.unique(ids):
        rng = np.random.default_rng([seed, int(instance)])
        gains = np.exp(rng.uniform(-strength, strength, 3))  # (3,)
        # A table of 256 values per channel: one look-up instead of arithmetic on every pixel.
        table = (np.arange(256)[:, None] * gains).round().clip(0, 255).astype(np.uint8)  # (256, 3)
        rows = ids == instance
        tinted[rows] = table[images[rows], np.arange(3)]
    return tinted


def tinted(
    prepared: PreparedImages,
    indices: Sequence[int] | np.ndarray | None = None,
    seed: int = 0,
    *,
    strength: float = 0.5,
) -> PreparedImages:
    """A copy of the rows `indices` (default all) whose images went through `tint_per_instance`."""
    chosen = prepared if indices is None else prepared.subset(indices)
    ids = prepared.instance_ids if indices is None else prepared.instance_ids[np.asarray(indices)]
    images = tint_per_instance(chosen.images(), ids, seed, strength=strength)
    table = chosen.table.assign(image=[encode_image(image, "JPEG", 90) for image in images])
    name = f"{prepared.metadata.get('name', 'images')}-tinted"
    return PreparedImages(table, prepared.metadata | {"name": name}, source=f"<{name}>")
