"""Step 2 of CL-MEx: a linear classifier on the representation, everything trained on labels."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from fermodels.losses.contrastive import floating
from fermodels.methods.base import Learner, SharedArguments, default_augment
from fermodels.methods.labels import check_labelled, weights_tensor
from fermodels.models import ImageClassifier, ImageEncoder
from fermodels.models.modes import weights_dtype


class ImageFineTuning(Learner):
    """Cross-entropy fine-tuning of an encoder, or training from scratch.

    `classifier` is the plain module (:class:`fermodels.models.ImageClassifier`): it saves,
    loads and predicts without Lightning.

    Args:
        encoder: trained in place, unless frozen.
        classes: names of the expressions, in the order of `batch["expression"]`.
        class_weights: one for each class, such as :func:`balanced_weights` of the training
            labels; they multiply the loss of the class's images. None weighs all images alike.
        learning_rate: peak for the classifier, and for the encoder if it has none of its own.
        encoder_learning_rate: peak for the encoder; lower than `learning_rate` keeps more of what
            pre-training taught it.
        augment: default :meth:`fermodels.data.Augment.mild` at the encoder's image size.
        freeze_encoder: train the linear layer alone; batch norm keeps its statistics.
        label_smoothing: share of the target that is spread over all classes.
        warmup: as of :class:`Learner`, with another default.
        shared: `weight_decay`, `seed`: see :class:`Learner`.

    Raises:
        ValueError: weights that do not fit the classes.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        classes: Sequence[str],
        *,
        class_weights: Sequence[float] | np.ndarray | Tensor | None = None,
        learning_rate: float = 2e-3,
        encoder_learning_rate: float | None = None,
        warmup: float = 0.3,
        augment: nn.Module | None = None,
        freeze_encoder: bool = False,
        label_smoothing: float = 0.0,
        **shared: Unpack[SharedArguments],
    ):
        augment = default_augment(encoder) if augment is None else augment
        super().__init__(augment, learning_rate=learning_rate, warmup=warmup, **shared)
        self.encoder_learning_rate = float(encoder_learning_rate or learning_rate)
        self.freeze_encoder, self.label_smoothing = freeze_encoder, label_smoothing
        self.classifier = ImageClassifier(encoder, classes)
        weights = weights_tensor(class_weights, len(self.classes))
        self.register_buffer("class_weights", weights, persistent=False)
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
        weights = self.class_weights
        return super().settings() | {
            "classes": list(self.classes),
            "class_weights": None if weights is None else weights.tolist(),
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

    def check_data(self, dataset: Dataset) -> None:
        check_labelled(dataset, "expression", "images")

    def batch_loss(self, batch: dict[str, Tensor], logits: Tensor) -> Tensor:
        """Cross-entropy of the logits (N, classes), a scalar."""
        weights = self.class_weights
        return F.cross_entropy(
            floating(logits, "logits"),
            batch["expression"],
            weight=None if weights is None else floating(weights, "class_weights"),
            label_smoothing=self.label_smoothing if self.training else 0.0,
        )

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        images = self.augmented(batch["image"], self.generator())
        return self.batch_loss(batch, self.classifier(images))

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        logits = self.classifier((batch["image"] / 255).to(weights_dtype(self)))
        correct = (logits.argmax(dim=1) == batch["expression"]).float().mean()
        return {"val_loss": self.batch_loss(batch, logits), "val_accuracy": correct}

    def predict(
        self, images: np.ndarray | Tensor, batch_size: int = 256
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels (N,) and probabilities (N, classes): see `ImageClassifier.predict`."""
        return self.classifier.predict(images, batch_size)
