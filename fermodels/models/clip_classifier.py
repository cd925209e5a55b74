"""A multi-modal encoder with a linear classifier on the representations of all modalities."""

# No `from __future__ import annotations` here: the Hub mixin reads the annotations as types.
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from fermodels.models.heads import ClassificationHead
from fermodels.models.modes import evaluating
from fermodels.models.multi_modal_encoder import MultiModalEncoder
from fermodels.models.saving import SavedModule


def _encoder_from(config: dict) -> MultiModalEncoder:
    return MultiModalEncoder(**config)


class ClipClassifier(
    SavedModule,
    coders={MultiModalEncoder: (lambda encoder: encoder.config, _encoder_from)},
):
    """A clip encoder with a linear classifier on the representations of all modalities.

    Args:
        encoder: the clip encoder.
        classes: names of the emotions, in the order of the labels.
        fusion: "concatenate" or "mean" of the modalities' representations.
        multi_label: a clip may show several emotions, or none: a probability for each.

    Raises:
        ValueError: no class or a name twice; fewer than two classes without `multi_label`.
    """

    def __init__(
        self,
        encoder: MultiModalEncoder,
        classes: Sequence[str],
        fusion: str = "concatenate",
        multi_label: bool = False,
    ):
        super().__init__()
        least = 1 if multi_label else 2
        if len(classes) < least or len(set(classes)) != len(classes):
            raise ValueError(
                f"a classifier needs {least} or more different classes, got {list(classes)}"
            )
        self.encoder, self.classes = encoder, tuple(classes)
        self.fusion, self.multi_label = fusion, multi_label
        self.head = ClassificationHead(encoder.fused_dim(fusion), len(self.classes))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.encoder!r}, classes={self.classes}, "
            f"fusion={self.fusion!r}, multi_label={self.multi_label})"
        )

    def forward(
        self, features: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """Features {modality: (B, D_m)} → logits (B, classes)."""
        return self.head(self.encoder.represent(features, present, self.fusion))

    @torch.no_grad()
    def predict(
        self,
        features: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        batch_size: int = 1024,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Classify clips, in eval mode and on the device of the classifier.

        Args:
            features: modality → (N, D), as :func:`fermodels.data.clean_batch` gives them.
            present: modality → bool (N,); default: all are there.
            batch_size: how many at a time.

        Returns:
            labels int64 (N,), indices into `classes` (for `multi_label` uint8 (N, classes), 1
            where the probability is at least one half), and probabilities float32 (N, classes).
        """
        device = self.head.weight.device
        count = len(next(iter(features.values())))
        parts = []
        with evaluating(self):
            for start in range(0, count, batch_size):
                rows = slice(start, start + batch_size)
                batch = {name: x[rows].to(device) for name, x in features.items()}
                there = present and {name: x[rows].to(device) for name, x in present.items()}
                logits = self(batch, there).float()
                share = logits.sigmoid() if self.multi_label else logits.softmax(dim=1)
                parts.append(share.cpu())
        probabilities = torch.cat(parts) if parts else torch.empty(0, len(self.classes))
        if self.multi_label:
            return (probabilities >= 0.5).to(torch.uint8).numpy(), probabilities.numpy()
        return probabilities.argmax(dim=1).numpy(), probabilities.numpy()
