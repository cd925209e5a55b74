"""SimCLR: two augmentations of one photograph are positives."""

import torch
from torch import Tensor, nn
from typing_extensions import Unpack

from fermodels.losses import NTXentLoss
from fermodels.methods.base import ContrastiveArguments, ContrastiveLearner


class SimCLR(ContrastiveLearner):
    """SimCLR (Chen et al., ICML 2020, arXiv 2002.05709), the single-view baseline.

    Each photograph is augmented twice, and :class:`fermodels.losses.NTXentLoss` pulls the two
    together. Neither views nor labels enter.

    Args:
        encoder: trained in place.
        temperature: τ.
        shared: `projection_dim`, `hidden_dim`, `augment`, `learning_rate`, `weight_decay`,
            `warmup`, `seed`: see :class:`ContrastiveLearner`. Augmentation is the only source of
            positives here, so the default of the recipes is a stronger one.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        temperature: float = 0.15,
        **shared: Unpack[ContrastiveArguments],
    ):
        super().__init__(encoder, **shared)
        self.loss = NTXentLoss(temperature, gather_distributed=True)

    def settings(self) -> dict:
        return super().settings() | {"temperature": self.loss.temperature_setting}

    def batch_loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        z1, z2 = self.project(batch["image"], 2, generator).chunk(2)  # (N, D) each
        return self.loss(z1, z2)
