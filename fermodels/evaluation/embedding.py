"""Representations of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from fermodels.data import PreparedImages


def embed(
    encoder: torch.nn.Module,
    prepared: PreparedImages,
    indices: Sequence[int] | np.ndarray | None = None,
    batch_size: int = 256,
    device: str | torch.device | None = None,
) -> np.ndarray:
    """Representations of the images `indices` (default: all), float32 (N, D).

    The encoder gets float images (batch, 3, H, W) in [0, 1] and runs in evaluation mode without
    gradients, on `device` (default: where it is). Its device and the train/eval state of every
    one of its modules are as before when this returns or raises.

    Raises ValueError where there is nothing to embed or the encoder does not return (batch, D).
    """
    import torch

    from fermodels.models.modes import evaluating

    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    indices = np.arange(len(prepared)) if indices is None else np.asarray(indices)
    if indices.dtype == bool:
        indices = np.flatnonzero(indices)
    if len(indices) == 0:
        raise ValueError("no images to embed: `indices` is empty")

    parameter = next(encoder.parameters(), None)
    home = torch.device("cpu") if parameter is None else parameter.device
    target = home if device is None else torch.device(device)
    parts = []
    try:
        with evaluating(encoder.to(target)), torch.no_grad():
            for start in range(0, len(indices), batch_size):
                pixels = prepared.images(indices[start : start + batch_size])  # (n, H, W, 3)
                batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(target)
                features = encoder(batch.permute(0, 3, 1, 2).float() / 255)  # (n, D)
                if features.ndim != 2 or len(features) != len(batch):
                    raise ValueError(
                        f"the encoder returned {tuple(features.shape)} for {len(batch)} images; "
                        "expected (images, feature_dim)"
                    )
                parts.append(features.float().cpu().numpy())
    finally:
        encoder.to(home)
    return np.concatenate(parts)  # (N, D)
