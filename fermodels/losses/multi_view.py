"""The loss of CL-MEx: photographs of the same moment are positives."""

import torch
from torch import Tensor

from fermodels.losses.contrastive import (
    ContrastiveLoss,
    full_precision,
    group_ids,
    multi_positive_info_nce,
    unit_vectors,
)


class MultiViewContrastiveLoss(ContrastiveLoss):
    """Multi-view contrastive loss of CL-MEx (Roy & Etemad, ICMI 2021, arXiv 2108.06723).

    All images of an *instance* (one subject, one expression, one moment, seen from several camera
    angles, each perhaps augmented more than once) are each other's positives; all other images of
    the batch are negatives. With z L2-normalised, P(i) the other images of the instance of image
    i, A(i) all other images and M the number of images that have a positive::

        L = 1/M Σ_i −1/|P(i)| Σ_{p∈P(i)} log [ exp(z_i·z_p/τ) / Σ_{a∈A(i)} exp(z_i·z_a/τ) ]

    Instances may have unequal numbers of images (missing views). An image that is alone in its
    instance has no positive: it is not counted in the mean, but remains a negative for the others.

    With one view and two augmentations this is NT-Xent; with classes for instances it is the
    supervised contrastive loss. It stands at ``chance_level(N - 1)`` before anything is learned
    and cannot fall below ``chance_level(V - 1)`` with V images to each instance. A batch of one
    single instance has no negatives and teaches nothing but to make the views equal.

    Computed in float32 (float64 if z is) whatever the input type and also under autocast. Memory
    grows with N and not with N² (:mod:`fermodels.losses.tiles`); there is no second derivative.

    Args:
        temperature: τ > 0; a ``torch.nn.Parameter`` learns (`ContrastiveLoss`).
        gather_distributed: in training, contrast with the rows of all processes of
            torch.distributed; see :func:`fermodels.losses.distributed.all_gather_with_grad` for the
            gradient. Instance ids must then mean the same in all processes, or the images of
            two moments become positives. No effect without.

    Raises:
        TypeError: if z is not floating-point or the ids are not integers.
        ValueError: for NaN or infinite embeddings (rows are named), or wrong shapes.
        EmptyBatchError: no image of the batch has a positive.

    Example:
        >>> import torch
        >>> from fermodels.losses import MultiViewContrastiveLoss
        >>> loss = MultiViewContrastiveLoss(temperature=0.5)
        >>> z = torch.eye(4).repeat_interleave(2, dim=0)  # 4 instances, 2 equal views each
        >>> round(loss(z, torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])).item(), 4)
        0.5944
        >>> round(loss(z.view(4, 2, 4)).item(), 4)
        0.5944
    """

    def __init__(self, temperature: float | Tensor = 0.1, *, gather_distributed: bool = False):
        super().__init__(temperature, gather_distributed)

    def forward(self, z: Tensor, instance: Tensor | None = None) -> Tensor:
        """The loss, a scalar in nats.

        Args:
            z: embeddings, (N, D) with `instance`, or (B, V, D) for B instances of V images each.
            instance: integer ids (N,); images of one instance share an id.
        """
        with full_precision(z):
            if instance is None:
                if z.ndim != 3:
                    raise ValueError(
                        "z must have shape (B, V, D) when no instance ids are given; "
                        f"got {tuple(z.shape)}. For z of shape (N, D) pass instance ids (N,)"
                    )
                num_views = z.shape[1]
                if num_views == 1:
                    raise ValueError(
                        f"z of shape {tuple(z.shape)} has one view for each instance, so no image "
                        "has a positive; give at least two views or augmentations"
                    )
                (z,) = self.gather(z)
                unit = unit_vectors(z).flatten(0, 1)  # (B·V, D)
                instance = torch.arange(len(z), device=z.device)
                instance = instance.repeat_interleave(num_views)  # (B·V,)
            else:
                if z.ndim != 2:
                    raise ValueError(
                        "z must have shape (N, D) when instance ids are given; "
                        f"got {tuple(z.shape)}"
                    )
                instance = group_ids(instance, len(z), z.device, "instance")
                z, instance = self.gather(z, instance)
                unit = unit_vectors(z)  # (N, D)
            return multi_positive_info_nce(unit, instance, self.tau, shared=self.gathers)
