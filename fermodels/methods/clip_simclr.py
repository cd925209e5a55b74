"""SimCLR on stored features: two augmented copies of a clip are positives."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from typing_extensions import Unpack

from fermodels.losses import EmptyBatchError, NTXentLoss
from fermodels.methods.base import SharedArguments
from fermodels.methods.clip_learner import ClipLearner, given_or_new
from fermodels.models import MultiModalEncoder, ProjectionHead


class ClipSimCLR(ClipLearner):
    """SimCLR (Chen et al., ICML 2020, arXiv 2002.05709) for clips, the study's video baseline.

    The augmentation was done when the features were computed: a batch holds two different copies
    of each clip (`ClipBatchSampler(num_views=2)`), whose projections are each other's positives.
    With several modalities, the concatenated representation is projected. No label is used.

    Args:
        feature_dims: modality → length of its features; ignored where an `encoder` is given.
        encoder: trained in place; default a new :class:`fermodels.models.MultiModalEncoder`.
        hidden_dim, representation_dim: of a new encoder.
        projection_dim: length of z.
        temperature: τ of NT-Xent.
        feature_dropout: see :class:`ConCluGen`.
        shared: `learning_rate`, `weight_decay`, `warmup`, `optimizer`, `seed`: see
            :class:`Learner`.

    Raises:
        ValueError: neither `feature_dims` nor an encoder, or a dropout outside [0, 1).
    """

    def __init__(
        self,
        feature_dims: Mapping[str, int] | None = None,
        *,
        encoder: MultiModalEncoder | None = None,
        hidden_dim: int = 256,
        representation_dim: int = 128,
        projection_dim: int = 128,
        temperature: float = 0.2,
        feature_dropout: float = 0.0,
        **shared: Unpack[SharedArguments],
    ):
        super().__init__(feature_dropout=feature_dropout, **shared)
        encoder = given_or_new(encoder, feature_dims, hidden_dim, representation_dim)
        self.encoder = encoder
        self.projection = ProjectionHead(encoder.feature_dim, encoder.hidden_dim, projection_dim)
        self.loss = NTXentLoss(temperature, gather_distributed=True)

    def settings(self) -> dict:
        head = self.projection
        return super().settings() | {
            "projection": [head.in_dim, head.hidden_dim, head.out_dim],
            "temperature": self.loss.temperature_setting,
        }

    def learning_rates(self) -> Iterator[tuple[nn.Module, float]]:
        yield self.encoder, self.learning_rate
        yield self.projection, self.learning_rate

    def batch_loss(self, batch: dict) -> Tensor:
        """NT-Xent of a batch whose second half is the same clips as its first.

        Raises:
            ValueError: the halves are not the same clips.
            EmptyBatchError: none of them has a modality of the encoder.
        """
        first, second = batch["index"].chunk(2)
        if not torch.equal(first, second):
            raise ValueError(
                "ClipSimCLR takes two copies of each clip: ClipBatchSampler(…, num_views=2)"
            )
        present = batch["present"]
        there = torch.stack([present[name] for name in self.encoder.modalities]).any(dim=0)
        if not bool(there.any()):
            raise EmptyBatchError(
                f"no clip of the batch has {' or '.join(self.encoder.modalities)}"
            )
        features = {name: batch["features"][name][there] for name in self.encoder.modalities}
        present = {name: present[name][there] for name in self.encoder.modalities}
        h = self.heads(self.encoder.standardise(features), present)
        z = self.projection(self.encoder.fuse(h, present))  # (2B, P)
        return self.loss(*z.chunk(2))

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        return self.batch_loss(batch)

    def validation_step(self, batch: dict, batch_idx: int) -> dict[str, Tensor]:
        return {"val_loss": self.batch_loss(batch)}
