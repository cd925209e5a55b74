"""Downstream of ConCluGen: emotions of clips from the representations of their modalities."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fermodels.data.stored_features import StoredFeatures, clean_batch
from fermodels.methods.base import Learner
from fermodels.models import ClipClassifier, MultiModalEncoder


class ClipFineTuning(Learner):
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
        learning_rate, weight_decay, warmup, seed: see :class:`Learner`.

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
        warmup: float = 0.1,
        dropout: float = 0.0,
        feature_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        seed: int = 0,
    ):
        super().__init__(None, learning_rate, weight_decay, warmup, seed)
        if not 0 <= dropout < 1 or not 0 <= feature_dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {dropout} and {feature_dropout}")
        self.classifier = ClipClassifier(encoder, classes, fusion, multi_label)
        self.encoder_learning_rate = encoder_learning_rate or learning_rate
        self.freeze_encoder, self.label_smoothing = freeze_encoder, label_smoothing
        self.dropout, self.feature_dropout = dropout, feature_dropout
        weights = None
        if class_weights is not None:
            weights = torch.as_tensor(class_weights, dtype=torch.float32)
            if weights.shape != (len(self.classes),) or not (weights >= 0).all():
                raise ValueError(
                    f"class_weights must be {len(self.classes)} numbers of at least 0, one a "
                    f"class; got {class_weights}"
                )
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
            "feature_dropout": self.feature_dropout,
            "label_smoothing": self.label_smoothing,
        }

    def learning_rates(self) -> Iterator[tuple[nn.Module, float]]:
        yield self.encoder, self.encoder_learning_rate
        yield self.classifier.head, self.learning_rate

    def forward(self, batch: dict) -> Tensor:
        """A batch of :class:`fermodels.data.FeatureDataset` → logits (B, classes)."""
        x = self.encoder.standardise(batch["features"])
        # After standardising: a dropped feature is an average one.
        x = {m: F.dropout(value, self.feature_dropout, self.training) for m, value in x.items()}
        h = self.encoder.heads(x, batch["present"])
        fused = self.encoder.fuse(h, batch["present"], self.classifier.fusion)
        return self.classifier.head(F.dropout(fused, self.dropout, self.training))

    def batch_loss(self, batch: dict, logits: Tensor) -> Tensor:
        """Cross-entropy of the logits (B, classes), a scalar; with `multi_label` the binary one."""
        if not self.multi_label:
            return F.cross_entropy(
                logits,
                batch["emotion"],
                weight=self.class_weights,
                label_smoothing=self.label_smoothing if self.training else 0.0,
            )
        targets = batch["targets"]
        if self.training:
            targets = targets * (1 - self.label_smoothing) + self.label_smoothing / 2
        return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=self.class_weights)

    def on_train_start(self) -> None:
        # Here, not with each batch: on CUDA a label of −1 ends the process, and looking waits.
        for loader in (self.trainer.train_dataloader, self.trainer.val_dataloaders):
            emotion = getattr(getattr(loader, "dataset", None), "columns", {}).get("emotion")
            if not self.multi_label and emotion is not None and (emotion < 0).any():
                raise ValueError(
                    f"{int((emotion < 0).sum())} of the {len(emotion)} clips have no emotion: "
                    "make the data set of labelled rows only"
                )

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        return self.batch_loss(batch, self(batch))

    def validation_step(self, batch: dict, batch_idx: int) -> None:
        logits = self(batch)
        if self.multi_label:
            correct = (logits > 0) == batch["targets"].bool()
        else:
            correct = logits.argmax(dim=1) == batch["emotion"]
        metrics = {
            "val_loss": self.batch_loss(batch, logits),
            "val_accuracy": correct.float().mean(),
        }
        self.log_dict(metrics, batch_size=len(logits), sync_dist=True)

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


def balanced_weights(labels: np.ndarray, num_classes: int | None = None) -> np.ndarray:
    """Class weights that make every class count the same, float32 (C,).

    Args:
        labels: int (N,) of the training clips: the weights are N / (C · count). Or 0/1 (N, C) for
            several emotions a clip: absent ÷ present clips, the weight of "there" in binary
            cross-entropy.
        num_classes: C, for labels (N,).

    Raises:
        ValueError: a class (or, for several emotions, its presence) has no clip.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2:
        counts = labels.sum(axis=0)
        weights = (len(labels) - counts) / np.maximum(counts, 1)
    else:
        counts = np.bincount(labels, minlength=num_classes or 0)
        weights = len(labels) / (len(counts) * np.maximum(counts, 1))
    if (counts == 0).any():
        raise ValueError(
            f"no clip of class {np.flatnonzero(counts == 0).tolist()}: it cannot be weighted"
        )
    return weights.astype(np.float32)
