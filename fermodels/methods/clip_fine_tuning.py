"""Downstream of ConCluGen: emotions of clips from the representations of their modalities."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from fermodels.data.stored_features import StoredFeatures, clean_batch
from fermodels.losses.contrastive import floating
from fermodels.methods.base import SharedArguments
from fermodels.methods.clip_learner import ClipLearner
from fermodels.methods.labels import check_labelled, weights_tensor
from fermodels.models import ClipClassifier, MultiModalEncoder


class ClipFineTuning(ClipLearner):
    """Fine-tuning of a clip encoder under a linear classifier, or training from scratch.

    Cross-entropy over the classes, or with `multi_label` binary cross-entropy for each of them.
    `classifier` is the plain module (:class:`fermodels.models.ClipClassifier`): it saves,
    loads and predicts without Lightning.

    Args:
        encoder: trained in place, unless frozen.
        classes: names of the emotions, in the order of `batch["emotion"]`, or of the columns of
            `batch["targets"]`.
        fusion: "concatenate" or "mean" of the modalities' representations.
        multi_label: several emotions a clip, or none.
        class_weights: one for each class, such as :func:`balanced_weights` of the training
            labels; they multiply the loss of the class's clips (multi-label: of the clips that
            show it). None weighs all clips alike.
        freeze_encoder: train the linear layer alone.
        encoder_learning_rate: peak for the encoder, default `learning_rate`.
        dropout: of the fused representation, in training.
        feature_dropout: of the standardised features, in training.
        label_smoothing: share of the target that is spread over all classes.
        weight_decay: as of :class:`Learner`, with another default.
        shared: `warmup`, `optimizer`, `seed`: see :class:`Learner`.

    Raises:
        ValueError: weights that do not fit the classes, or a dropout outside [0, 1).
    """

    def __init__(
        self,
        encoder: MultiModalEncoder,
        classes: Sequence[str],
        *,
        fusion: str = "concatenate",
        multi_label: bool = False,
        class_weights: Sequence[float] | np.ndarray | Tensor | None = None,
        freeze_encoder: bool = False,
        learning_rate: float = 1e-3,
        encoder_learning_rate: float | None = None,
        weight_decay: float = 1e-2,
        dropout: float = 0.0,
        feature_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        **shared: Unpack[SharedArguments],
    ):
        super().__init__(
            feature_dropout=feature_dropout,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            **shared,
        )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {dropout}")
        self.classifier = ClipClassifier(encoder, classes, fusion, multi_label)
        self.encoder_learning_rate = float(encoder_learning_rate or learning_rate)
        self.freeze_encoder, self.label_smoothing = freeze_encoder, label_smoothing
        self.dropout = dropout
        weights = weights_tensor(class_weights, len(self.classes))
        self.register_buffer("class_weights", weights, persistent=False)
        if freeze_encoder:
            encoder.requires_grad_(False)
            encoder.eval()

    @property
    def encoder(self) -> MultiModalEncoder:
        return self.classifier.encoder

    @property
    def classes(self) -> tuple[str, ...]:
        return self.classifier.classes

    @property
    def multi_label(self) -> bool:
        return self.classifier.multi_label

    def train(self, mode: bool = True) -> "ClipFineTuning":
        super().train(mode)
        if self.freeze_encoder:
            self.encoder.eval()
        return self

    def settings(self) -> dict:
        weights = self.class_weights
        return super().settings() | {
            "classes": list(self.classes),
            "fusion": self.classifier.fusion,
            "multi_label": self.multi_label,
            "class_weights": None if weights is None else weights.tolist(),
            "freeze_encoder": self.freeze_encoder,
            "encoder_learning_rate": self.encoder_learning_rate,
            "dropout": self.dropout,
            "label_smoothing": self.label_smoothing,
        }

    def learning_rates(self) -> Iterator[tuple[nn.Module, float]]:
        yield self.encoder, self.encoder_learning_rate
        yield self.classifier.head, self.learning_rate

    def forward(self, batch: dict) -> Tensor:
        """A batch of :class:`fermodels.data.FeatureDataset` → logits (B, classes)."""
        h = self.heads(self.encoder.standardise(batch["features"]), batch["present"])
        fused = self.encoder.fuse(h, batch["present"], self.classifier.fusion)
        return self.classifier.head(F.dropout(fused, self.dropout, self.training))

    def batch_loss(self, batch: dict, logits: Tensor) -> Tensor:
        """Cross-entropy of the logits (B, classes), a scalar; with `multi_label` the binary one."""
        logits, weights = floating(logits, "logits"), self.class_weights
        weights = None if weights is None else floating(weights, "class_weights")
        if not self.multi_label:
            return F.cross_entropy(
                logits,
                batch["emotion"],
                weight=weights,
                label_smoothing=self.label_smoothing if self.training else 0.0,
            )
        targets = batch["targets"]
        if self.training:
            targets = targets * (1 - self.label_smoothing) + self.label_smoothing / 2
        return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)

    def check_data(self, dataset: Dataset) -> None:
        if not self.multi_label:
            check_labelled(dataset, "emotion", "clips")

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        return self.batch_loss(batch, self(batch))

    def validation_step(self, batch: dict, batch_idx: int) -> dict[str, Tensor]:
        logits = self(batch)
        if self.multi_label:
            correct = (logits > 0) == batch["targets"].bool()
        else:
            correct = logits.argmax(dim=1) == batch["emotion"]
        return {
            "val_loss": self.batch_loss(batch, logits),
            "val_accuracy": correct.float().mean(),
        }

    def predict(
        self,
        features: StoredFeatures,
        indices: Sequence[int] | np.ndarray | None = None,
        batch_size: int = 1024,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels and probabilities of clips by their clean features.

        Args:
            features: the stored features.
            indices: the clips, default all.
            batch_size: how many at a time.

        Returns:
            See :meth:`fermodels.models.ClipClassifier.predict`.
        """
        clean = clean_batch(features, indices, self.encoder.modalities)
        return self.classifier.predict(*clean, batch_size=batch_size)
