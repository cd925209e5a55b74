"""CL-MEx: photographs of one moment from several angles are positives."""

import torch
from torch import Tensor, nn
from typing_extensions import Unpack

from fermodels.losses import MultiViewContrastiveLoss
from fermodels.methods.base import ContrastiveArguments, ContrastiveLearner


class CLMEx(ContrastiveLearner):
    """Multi-view contrastive pre-training of CL-MEx (Roy & Etemad, ICMI 2021, arXiv 2108.06723).

    The loss is :class:`fermodels.losses.MultiViewContrastiveLoss` over `batch["instance"]`. No
    expression label enters. Batches should hold all expressions of a person
    (:class:`fermodels.data.SubjectBatchSampler`), or knowing the person solves the task.

    Args:
        encoder: trained in place.
        temperature: τ. The paper leaves it open; 0.15 is ours.
        num_augmentations: how often each photograph is augmented, A. The paper allows several;
            1 spends a batch on more instances.
        shared: `projection_dim`, `hidden_dim`, `augment`, `learning_rate`, `weight_decay`,
            `warmup`, `seed`: see :class:`ContrastiveLearner`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        temperature: float = 0.15,
        num_augmentations: int = 1,
        **shared: Unpack[ContrastiveArguments],
    ):
        super().__init__(encoder, **shared)
        if num_augmentations < 1:
            raise ValueError(f"num_augmentations must be at least 1, got {num_augmentations}")
        self.num_augmentations = num_augmentations
        self.loss = MultiViewContrastiveLoss(temperature, gather_distributed=True)

    def settings(self) -> dict:
        own = {
            "temperature": self.loss.temperature_setting,
            "num_augmentations": self.num_augmentations,
        }
        return super().settings() | own

    def batch_loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        z = self.project(batch["image"], self.num_augmentations, generator)  # (A·N, D)
        instance = batch["instance"].repeat(self.num_augmentations)  # (A·N,)
        return self.loss(z, instance)
