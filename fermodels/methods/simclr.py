"""SimCLR: two augmentations of one photograph are positives."""

import torch
from torch import Tensor, nn

from fermodels.losses import NTXentLoss
from fermodels.methods.base import ContrastiveLearner


class SimCLR(ContrastiveLearner):
    """SimCLR (Chen et al., ICML 2020, arXiv 2002.05709), the single-view baseline.

    Each photograph is augmented twice, and :class:`fermodels.losses.NTXentLoss` pulls the two
    together. Neither views nor labels enter.

    Args:
        encoder: trained in place.
        temperature: τ.
        augment: the only source of positives here, so the default of recipes is a stronger one.
        others: see :class:`ContrastiveLearner`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        projection_dim: int = 128,
        hidden_dim: int | None = None,
        temperature: float = 0.15,
        augment: nn.Module | None = None,
        learning_rate: float = 4e-3,
        weight_decay: float = 1e-4,
        warmup: float = 0.3,
        seed: int = 0,
    ):
        super().__init__(
            encoder,
            projection_dim=projection_dim,
            hidden_dim=hidden_dim,
            augment=augment,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            warmup=warmup,
            seed=seed,
        )
        self.loss = NTXentLoss(temperature, gather_distributed=True)

    def settings(self) -> dict:
        return super().settings() | {"temperature": self.loss.temperature}

    def batch_loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        z1, z2 = self.project(batch["image"], 2, generator).chunk(2)  # (N, D) each
        return self.loss(z1, z2)
