"""Representations of clips, from their stored features."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from fermodels.data import clean_batch
from fermodels.data.indices import resolve_indices
from fermodels.models import MultiModalEncoder
from fermodels.models.modes import evaluating

if TYPE_CHECKING:
    from fermodels.features import FeatureSet


@torch.no_grad()
def embed_clips(
    encoder: MultiModalEncoder,
    features: "FeatureSet",
    indices: Sequence[int] | np.ndarray | None = None,
    fusion: str = "concatenate",
) -> np.ndarray:
    """Representations of clips from their clean features, float32 (N, D), in evaluation mode.

    Args:
        encoder: any clip encoder.
        features: the stored features.
        indices: the clips, default all.
        fusion: see `MultiModalEncoder.represent`.
    """
    indices = resolve_indices(indices, len(features))
    device = next(encoder.parameters()).device
    x, present = clean_batch(features, indices, encoder.modalities, device)
    with evaluating(encoder):
        return encoder.represent(x, present, fusion).float().cpu().numpy()
