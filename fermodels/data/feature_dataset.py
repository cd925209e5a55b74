"""A torch data set over the stored features of clips, all in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fermodels._shared.modalities import in_order
from fermodels.data.indices import indices_digest, resolve_indices
from fermodels.data.samples import BatchedDataset
from fermodels.data.stored_features import StoredFeatures

if TYPE_CHECKING:
    from fermodels.data.clips import PreparedClips


class FeatureDataset(BatchedDataset):
    """Every view of the given clips: item i·K + c is view c of the i-th clip, K views in all.

    View 0 is the clean one, the others are augmented. A batch is a dict of `features` {modality:
    float32 (B, D)}, `present` {modality: bool (B,)}, `index` int64 (B,), the row in `features`, and
    with clips also `emotion` int64 (B,), −1 where unlabelled, and `targets` float32 (B, C), 1 for
    each emotion shown. Any :class:`torch.utils.data.DataLoader` makes such batches of it.

    Args:
        features: the stored features.
        clips: the prepared clips that they were computed from; None leaves the labels out, as
            pre-training does.
        indices: clips to use, in this order; default all.
        modalities: which to use; default all.

    Raises:
        ValueError: no rows, or a modality that `features` lacks.
        FeatureError: the features are those of other clips.
    """

    def __init__(
        self,
        features: StoredFeatures,
        clips: PreparedClips | None = None,
        indices: Sequence[int] | np.ndarray | None = None,
        modalities: Sequence[str] | None = None,
    ) -> None:
        indices = resolve_indices(indices, len(features))
        if len(indices) == 0:
            raise ValueError("a FeatureDataset needs at least one row, got none")
        self.modalities = chosen_modalities(features, modalities)
        if clips is not None:
            features.check(clips)
        self.indices, at = indices, torch.as_tensor(indices)
        self.views_per_clip = features.num_augmentations + 1
        self.features = {
            name: features.features[name][at].flatten(0, 1) for name in self.modalities
        }  # (N · K, D), float16 as they are stored
        self.present = {
            name: torch.as_tensor(features.present[name])[at] for name in self.modalities
        }
        self.columns = {"index": at}
        if clips is not None:
            self.columns["emotion"] = torch.from_numpy(clips.labels[indices])
            self.columns["targets"] = torch.from_numpy(clips.targets[indices])

        self.fingerprint = getattr(features, "fingerprint", "")

    def settings(self) -> dict[str, Any]:
        """What tells these data from others, as JSON: a run is not resumed with others."""
        content = hashlib.sha256()
        for part in (self.features, self.present, self.columns):
            for name, value in part.items():
                content.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
                content.update(value.contiguous().numpy())
        return {
            "fingerprint": self.fingerprint,
            "indices": indices_digest(self.indices),
            "modalities": list(self.modalities),
            "content": content.hexdigest(),
        }

    @property
    def clips(self) -> int:
        """How many clips there are."""
        return len(self.indices)

    def __len__(self) -> int:
        return self.clips * self.views_per_clip

    def batch(self, items: Sequence[int]) -> dict:
        """The batch of these samples.

        Args:
            items: numbers of samples, 0…len − 1.
        """
        items = torch.as_tensor(items)
        clips = items // self.views_per_clip
        return {
            "features": {name: x[items].float() for name, x in self.features.items()},
            "present": {name: there[clips] for name, there in self.present.items()},
            **{key: column[clips] for key, column in self.columns.items()},
        }


def chosen_modalities(
    features: StoredFeatures, modalities: Sequence[str] | None
) -> tuple[str, ...]:
    """The modalities in order, all if None; ValueError for one that the features lack."""
    chosen = tuple(in_order(features.features if modalities is None else modalities))
    unknown = set(chosen) - set(features.features)
    if unknown or not chosen:
        raise ValueError(
            f"modalities {', '.join(sorted(unknown)) or '(none)'} asked for; the feature set has "
            f"{', '.join(features.features)}"
        )
    return chosen
