"""Batches out of the stored features of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from fermodels.data.indices import resolve_indices

if TYPE_CHECKING:
    from fermodels.data.clips import PreparedClips


class StoredFeatures(Protocol):
    """What this room needs to know of a :class:`fermodels.features.FeatureSet`."""

    features: Mapping[str, Tensor]  # modality → (N, 1 + num_augmentations, D)
    present: Mapping[str, Tensor]  # modality → bool (N,)
    num_augmentations: int

    def check(self, clips: PreparedClips) -> None: ...

    def __len__(self) -> int: ...


def clean_batch(
    features: StoredFeatures,
    indices: Sequence[int] | np.ndarray | None = None,
    modalities: Sequence[str] | None = None,
    device: str | torch.device = "cpu",
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Features of clips without augmentation, as a multi-modal encoder takes them.

    Args:
        features: the stored features.
        indices: the clips, default all.
        modalities: which to take; those that are not stored are left out. Default: all.
        device: where the tensors go.

    Returns:
        The features, modality → float32 (n, D), and which of the clips have the modality,
        modality → bool (n,).
    """
    at = torch.as_tensor(resolve_indices(indices, len(features)))
    names = [name for name in modalities or features.features if name in features.features]
    x = {name: features.features[name][at, 0].float().to(device) for name in names}
    present = {name: torch.as_tensor(features.present[name])[at].to(device) for name in names}
    return x, present


def all_copies(
    features: StoredFeatures,
    indices: Sequence[int] | np.ndarray | None = None,
    modalities: Sequence[str] | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Features of clips in all their copies, for `MultiModalEncoder.fit_standardisation`.

    Arguments as of :func:`clean_batch`.

    Returns:
        The features, modality → float32 (M, D), and which clips have them, modality → bool (M,),
        with M the clips times 1 + num_augmentations; all copies of a clip after each other.
    """
    at = torch.as_tensor(resolve_indices(indices, len(features)))
    names = [name for name in modalities or features.features if name in features.features]
    x = {name: features.features[name][at].float().flatten(0, 1) for name in names}
    each = features.num_augmentations + 1
    present = {
        name: torch.as_tensor(features.present[name])[at].repeat_interleave(each) for name in names
    }
    return x, present
