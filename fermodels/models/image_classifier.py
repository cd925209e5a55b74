"""An image encoder with a linear classifier on its representation."""

# No `from __future__ import annotations` here: the Hub mixin reads the annotations as types.
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fermodels.models.heads import ClassificationHead, length_of_representation
from fermodels.models.image_encoder import ImageEncoder
from fermodels.models.inference import as_images, run_in_batches
from fermodels.models.saving import SavedModule


def _config_of(encoder: nn.Module) -> dict | None:
    # Of an ImageEncoder itself: a class made from it may build another network.
    return encoder.config if type(encoder) is ImageEncoder else None


def _encoder_from(config: dict) -> ImageEncoder:
    return ImageEncoder(**{key: value for key, value in config.items() if key != "pretrained"})


class ImageClassifier(SavedModule, coders={nn.Module: (_config_of, _encoder_from)}):
    """An encoder with a linear classifier on its representation.

    Args:
        encoder: the image encoder f: an :class:`fermodels.models.ImageEncoder`, or any module
            with `feature_dim` D that maps images (N, 3, H, W) in [0, 1] to (N, D). Only a
            classifier with the former can be saved.
        classes: names of the expressions, in the order of the labels.

    Raises:
        ValueError: fewer than two classes, or a name twice.
        TypeError: the encoder has no `feature_dim`.
    """

    def __init__(self, encoder: nn.Module, classes: Sequence[str]):
        super().__init__()
        if len(classes) < 2 or len(set(classes)) != len(classes):
            raise ValueError(f"a classifier needs two or more different classes, got {classes}")
        self.encoder = encoder
        self.classes = tuple(classes)
        self.head = ClassificationHead(length_of_representation(encoder), len(self.classes))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.encoder!r}, classes={self.classes})"

    def save_pretrained(self, save_directory, *, half: bool = False, **hub_options) -> None:
        """As :meth:`fermodels.models.saving.SavedModule.save_pretrained`.

        Raises:
            TypeError: the encoder is none of :class:`fermodels.models.ImageEncoder`, so that
                `config.json` cannot say how to build it again.
        """
        if _config_of(self.encoder) is None:
            raise TypeError(
                f"a classifier on {type(self.encoder).__name__} is not exportable: config.json "
                "describes encoders of the class ImageEncoder alone. Keep its state_dict() with "
                "torch.save, and build it again by your own code"
            )
        super().save_pretrained(save_directory, half=half, **hub_options)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), float in [0, 1] → logits (N, classes)."""
        return self.head(self.encoder(images))

    @torch.no_grad()
    def predict(
        self, images: np.ndarray | Tensor, batch_size: int = 256
    ) -> tuple[np.ndarray, np.ndarray]:
        """Classify images, in eval mode and on the device of the classifier.

        Args:
            images: (N, H, W, 3), as `PreparedImages.images` gives them, or (N, 3, H, W); uint8 or
                float in [0, 1].
            batch_size: how many at a time.

        Returns:
            labels int64 (N,), indices into `classes`, and probabilities float32 (N, classes).
        """
        images = as_images(images)

        def probabilities(batch: Tensor) -> Tensor:
            return self(batch).float().softmax(dim=1)

        parts = run_in_batches(self, images.split(batch_size), apply=probabilities)
        found = torch.cat(parts) if len(images) else torch.empty(0, len(self.classes))
        return found.argmax(dim=1).numpy(), found.numpy()
