"""An image encoder with a linear classifier on its representation."""

# No `from __future__ import annotations` here: the Hub mixin reads the annotations as types.
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fermodels.models.heads import ClassificationHead
from fermodels.models.image_encoder import ImageEncoder
from fermodels.models.modes import evaluating
from fermodels.models.saving import SavedModule


def _encoder_from(config: dict) -> ImageEncoder:
    return ImageEncoder(**config)


class ImageClassifier(
    SavedModule, coders={ImageEncoder: (lambda encoder: encoder.config, _encoder_from)}
):
    """An encoder with a linear classifier on its representation.

    Args:
        encoder: the image encoder f.
        classes: names of the expressions, in the order of the labels.

    Raises:
        ValueError: fewer than two classes, or a name twice.
    """

    def __init__(self, encoder: ImageEncoder, classes: Sequence[str]):
        super().__init__()
        if len(classes) < 2 or len(set(classes)) != len(classes):
            raise ValueError(f"a classifier needs two or more different classes, got {classes}")
        self.encoder = encoder
        self.classes = tuple(classes)
        self.head = ClassificationHead(encoder.feature_dim, len(self.classes))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.encoder!r}, classes={self.classes})"

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), float in [0, 1] → logits (N, classes)."""
        return self.head(self.encoder(images))

    @torch.no_grad()
    def predict(
        self, images: np.ndarray | Tensor, batch_size: int = 256
    ) -> tuple[np.ndarray, np.ndarray]:
        """Classify pictures, in eval mode and on the device of the classifier.

        Args:
            images: uint8 (N, H, W, 3), as `PreparedImages.images` gives them, or float
                (N, 3, H, W) in [0, 1].
            batch_size: how many at a time.

        Returns:
            labels int64 (N,), indices into `classes`, and probabilities float32 (N, classes).
        """
        images = _channels_first(images)
        device = self.head.weight.device
        parts = []
        with evaluating(self):
            for batch in images.split(batch_size):
                batch = batch.to(device)
                if batch.dtype == torch.uint8:
                    batch = batch.float() / 255
                parts.append(self(batch).float().softmax(dim=1).cpu())
        probabilities = torch.cat(parts) if parts else torch.empty(0, len(self.classes))
        return probabilities.argmax(dim=1).numpy(), probabilities.numpy()


def _channels_first(images: np.ndarray | Tensor) -> Tensor:
    """uint8 (N, H, W, 3) or float (N, 3, H, W) → either type (N, 3, H, W)."""
    images = torch.as_tensor(images)
    channel = 3 if images.dtype == torch.uint8 else 1
    known = images.dtype == torch.uint8 or images.is_floating_point()
    if not known or images.ndim != 4 or images.shape[channel] != 3:
        raise ValueError(
            "expected uint8 images (N, H, W, 3) or float images (N, 3, H, W) in [0, 1], got "
            f"{images.dtype} {tuple(images.shape)}"
        )
    return images.permute(0, 3, 1, 2) if channel == 3 else images
