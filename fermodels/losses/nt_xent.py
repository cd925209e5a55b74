"""The loss of SimCLR: two augmentations of an image are positives."""

import torch
from torch import Tensor

from fermodels.losses.contrastive import (
    ContrastiveLoss,
    full_precision,
    multi_positive_info_nce,
    unit_vectors,
)


class NTXentLoss(ContrastiveLoss):
    """NT-Xent of SimCLR (Chen et al., ICML 2020, arXiv 2002.05709, equation 1).

    With z the 2B embeddings of both augmentations, L2-normalised, and j(i) the other augmentation
    of the image behind i::

        L = 1/2B Σ_i −log [ exp(z_i·z_j(i)/τ) / Σ_{a≠i} exp(z_i·z_a/τ) ]

    It stands at ``chance_level(2B - 1)`` before anything is learned. A batch of one image has no
    negatives: its loss is 0. Computed in float32 (float64 if an input is) whatever the input
    type and also under autocast. Memory grows with B and not with B²
    (:mod:`fermodels.losses.tiles`); there is no second derivative.

    Args:
        temperature: τ > 0; a ``torch.nn.Parameter`` learns (`ContrastiveLoss`).
        gather_distributed: in training, contrast with the rows of all processes of
            torch.distributed; see :func:`fermodels.losses.distributed.all_gather_with_grad` for the
            gradient. No effect without.

    Raises:
        TypeError: if an input is not a floating-point tensor.
        ValueError: for NaN or infinite embeddings (input and rows are named) or unequal shapes.

    Example:
        >>> import torch
        >>> from fermodels.losses import NTXentLoss
        >>> z = torch.eye(4)
        >>> round(NTXentLoss(temperature=0.5)(z, z).item(), 4)
        0.5944
    """

    def __init__(self, temperature: float | Tensor = 0.1, *, gather_distributed: bool = False):
        super().__init__(temperature, gather_distributed)

    def forward(self, z1: Tensor, z2: Tensor) -> Tensor:
        """The loss, a scalar in nats.

        Args:
            z1: embeddings (B, D) of the first augmentation of B images.
            z2: embeddings (B, D) of the second, in the same order.
        """
        with full_precision(z1):
            if z1.ndim != 2 or z1.shape != z2.shape:
                raise ValueError(
                    "z1 and z2 must have the same shape (B, D); "
                    f"got {tuple(z1.shape)} and {tuple(z2.shape)}"
                )
            z1, z2 = self.gather(z1, z2)
            unit = torch.cat([unit_vectors(z1, "z1"), unit_vectors(z2, "z2")])  # (2B, D)
            image = torch.arange(len(z1), device=z1.device).repeat(2)  # (2B,)
            return multi_positive_info_nce(unit, image, self.tau, shared=self.gathers)
