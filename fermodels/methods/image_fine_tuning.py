"""Step 2 of CL-MEx: a linear classifier on the representation, everything trained on labels."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from fermodels.methods.base import Learner, default_augment
from fermodels.models import ImageClassifier, ImageEncoder


class ImageFineTuning(Learner):
    """Cross-entropy fine-tuning of an encoder, or training from scratch.

    `classifier` is the plain module (:class:`fermodels.models.ImageClassifier`): it saves,
    loads and predicts without Lightning.

    Args:
        encoder: trained in place, unless frozen.
        classes: names of the expressions, in the order of `batch["expression"]`.
        learning_rate: peak for the classifier, and for the encoder if it has none of its own.
        encoder_learning_rate: peak for the encoder; lower than `learning_rate` keeps more of what
            pre-training taught it.
        augment: default :meth:`fermodels.data.Augment.mild` at the encoder's image size.
        freeze_encoder: train the linear layer alone; batch norm keeps its statistics.
        label_smoothing: share of the target that is spread over all classes.
        others: see :class:`fermodels.methods.base.Learner`.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        classes: Sequence[str],
        *,
        learning_rate: float = 2e-3,
        encoder_learning_rate: float | None = None,
        weight_decay: float = 1e-4,
        warmup: float = 0.3,
        augment: nn.Module | None = None,
        freeze_encoder: bool = False,
        label_smoothing: float = 0.0,
        seed: int = 0,
    ):
        augment = default_augment(encoder) if augment is None else augment
        super().__init__(augment, learning_rate, weight_decay, warmup, seed)
        self.encoder_learning_rate = encoder_learning_rate or learning_rate
        self.freeze_encoder, self.label_smoothing = freeze_encoder, label_smoothing
        self.classifier = ImageClassifier(encoder, classes)
        if freeze_encoder:
            encoder.requires_grad_(False)
            encoder.eval()

    @property
    def encoder(self) -> ImageEncoder:
        return self.classifier.encoder

    @property
    def classes(self) -> tuple[str, ...]:
        return self.classifier.classes

    def train(self, mode: bool = True) -> "ImageFineTuning":
        super().train(mode)
        if self.freeze_encoder:
            self.encoder.eval()
        return self

    def settings(self) -> dict:
        return super().settings() | {
            "classes": list(self.classes),
            "encoder_learning_rate": self.encoder_learning_rate,
            "freeze_encoder": self.freeze_encoder,
            "label_smoothing": self.label_smoothing,
        }

    def learning_rates(self) -> Iterator[tuple[nn.Module, float]]:
        yield self.encoder, self.encoder_learning_rate
        yield self.classifier.head, self.learning_rate

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), float in [0, 1] → logits (N, classes)."""
        return self.classifier(images)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        images = self.augmented(batch["image"], self.generator())
        return F.cross_entropy(
            self.classifier(images), batch["expression"], label_smoothing=self.label_smoothing
        )

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        logits = self.classifier(batch["image"].float() / 255)
        correct = (logits.argmax(dim=1) == batch["expression"]).float().mean()
        metrics = {
            "val_loss": F.cross_entropy(logits, batch["expression"]),
            "val_accuracy": correct,
        }
        self.log_dict(metrics, batch_size=len(logits), sync_dist=True)

    def predict(
        self, images: np.ndarray | Tensor, batch_size: int = 256
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels (N,) and probabilities (N, classes): see `ImageClassifier.predict`."""
        return self.classifier.predict(images, batch_size)
