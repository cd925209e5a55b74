"""What a backbone is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from fermodels._shared.plain import plain
from fermodels.models.saving import update_with_weights


class FeatureError(ValueError):
    """Features that cannot be computed or used; the message names the clip, copy or file."""


class Backbone(Protocol):
    """What turns one modality of clips into features: any object that has this.

    Inputs are uint8 frames (T, H, W, 3), a waveform (S,) or a sentence. A backbone of sound may say
    at which `sample_rate` it listens.

    Attributes:
        name: which identifies it, with a digest of its weights and settings.
        dim: length of its features.
    """

    name: str
    dim: int

    def __call__(self, inputs: Sequence[Any]) -> Tensor:
        """Inputs of N clips → float32 (N, dim)."""

    def augmented(self, value: Any, generators: Sequence[torch.Generator]) -> Tensor:
        """A clip and its augmented copies → float32 (1 + len(generators), dim), row 0 as it is."""


class ClipByClip:
    """The call of a backbone by its `augmented`: a clip's features never depend on its neighbours.

    Batches of several clips would be no faster, since one clip with its copies fills a batch, and
    rounding would then differ with the order.
    """

    dim: int

    def __call__(self, inputs: Sequence[Any]) -> Tensor:
        """Inputs of N clips → features without augmentation, float32 (N, dim)."""
        rows = [self.augmented(value, [])[0] for value in inputs]
        return torch.stack(rows) if rows else torch.empty(0, self.dim)


def digest(settings: Any, module: nn.Module | None = None) -> str:
    """Twelve hex digits that change with the settings or with any weight."""
    whole = hashlib.sha256(json.dumps(settings, sort_keys=True, default=plain).encode())
    if module is not None:
        update_with_weights(whole, module)
    return whole.hexdigest()[:12]
