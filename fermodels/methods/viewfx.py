"""ViewFX: CL-MEx with labels and redundancy reduction."""

import torch
from torch import Tensor, nn
from typing_extensions import Unpack

from fermodels.losses import BarlowTwinsLoss, MultiViewContrastiveLoss, SupervisedContrastiveLoss
from fermodels.methods.base import ContrastiveArguments, ContrastiveLearner, where_possible


class ViewFX(ContrastiveLearner):
    """ViewFX (Roy & Etemad, arXiv 2311.06852): three losses on the same projections::

        L = multi-view contrastive + w_s · supervised contrastive + w_b · Barlow Twins

    The second takes images of the same expression, across subjects, for positives, so this method
    needs `batch["expression"]`. The third pairs two views of each instance, drawn anew at every
    step; instances of a single image are left out of it. A loss that a batch has no pair for is
    left out of that step.

    Args:
        encoder: trained in place.
        temperature: τ of both contrastive losses.
        num_augmentations: how often each photograph is augmented.
        supervised_weight: w_s.
        barlow_weight: w_b. Our choice: the Barlow Twins loss is a sum over dimensions and starts
            near `projection_dim`, hence the small default.
        shared: `projection_dim`, `hidden_dim`, `augment`, `learning_rate`, `weight_decay`,
            `warmup`, `seed`: see :class:`ContrastiveLearner`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        temperature: float = 0.15,
        num_augmentations: int = 1,
        supervised_weight: float = 1.0,
        barlow_weight: float = 0.01,
        **shared: Unpack[ContrastiveArguments],
    ):
        super().__init__(encoder, **shared)
        if num_augmentations < 1 or supervised_weight < 0 or barlow_weight < 0:
            raise ValueError(
                "num_augmentations must be at least 1 and the weights at least 0; got "
                f"{num_augmentations}, {supervised_weight}, {barlow_weight}"
            )
        self.num_augmentations = num_augmentations
        self.supervised_weight, self.barlow_weight = supervised_weight, barlow_weight
        self.multi_view = MultiViewContrastiveLoss(temperature, gather_distributed=True)
        self.supervised = SupervisedContrastiveLoss(temperature, gather_distributed=True)
        self.barlow = BarlowTwinsLoss(gather_distributed=True)

    def settings(self) -> dict:
        return super().settings() | {
            "temperature": self.multi_view.temperature_setting,
            "num_augmentations": self.num_augmentations,
            "supervised_weight": self.supervised_weight,
            "barlow_weight": self.barlow_weight,
        }

    def batch_loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        z = self.project(batch["image"], self.num_augmentations, generator)  # (A·N, D)
        instance = batch["instance"].repeat(self.num_augmentations)  # (A·N,)
        expression = batch["expression"].repeat(self.num_augmentations)
        losses = {"multi-view": lambda: self.multi_view(z, instance)}
        if self.supervised_weight:
            if (expression < 0).any():
                raise ValueError(
                    f"ViewFX needs labels, but {int((batch['expression'] < 0).sum())} of the "
                    f"{len(batch['image'])} images of this batch have no expression (−1). Train on "
                    "labelled rows only, or take CL-MEx, which needs none"
                )
            losses["supervised"] = lambda: self.supervised_weight * self.supervised(z, expression)
        if self.barlow_weight:
            first, second = random_pairs(instance, generator)
            losses["barlow"] = lambda: self.barlow_weight * self.barlow(z[first], z[second])
        return sum(where_possible(losses).values())


def random_pairs(instance: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two different rows of each instance that has two or more: their indices (B,) and (B,)."""
    order = torch.randperm(len(instance), generator=generator).to(instance.device)
    order = order[torch.sort(instance[order], stable=True).indices]  # shuffled within instances
    sorted_ids = instance[order]
    is_first = torch.ones_like(sorted_ids, dtype=torch.bool)
    is_first[1:] = sorted_ids[1:] != sorted_ids[:-1]
    is_pair = is_first[:-1] & ~is_first[1:]
    return order[:-1][is_pair], order[1:][is_pair]
