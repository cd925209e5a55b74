"""The supervised contrastive loss: images of the same class are positives."""

from torch import Tensor

from fermodels.losses.contrastive import (
    ContrastiveLoss,
    full_precision,
    group_ids,
    multi_positive_info_nce,
    unit_vectors,
)


class SupervisedContrastiveLoss(ContrastiveLoss):
    """Supervised contrastive loss (Khosla et al., NeurIPS 2020, arXiv 2004.11362, equation 2).

    All images of a class are each other's positives. With z L2-normalised, P(i) the other images
    of the class of image i, A(i) all other images and M the number of images with a positive::

        L = 1/M Σ_i −1/|P(i)| Σ_{p∈P(i)} log [ exp(z_i·z_p/τ) / Σ_{a∈A(i)} exp(z_i·z_a/τ) ]

    The mean over anchors replaces the sum of the paper, and the factor τ/τ_base of its authors'
    code is 1. An image alone in its class is not counted in the mean, but remains a negative.
    Computed in float32 (float64 if z is) whatever the input type and also under autocast. Memory
    grows with N and not with N² (:mod:`fermodels.losses.tiles`); there is no second derivative.

    Args:
        temperature: τ > 0; a ``torch.nn.Parameter`` learns (`ContrastiveLoss`).
        gather_distributed: in training, contrast with the rows of all processes of
            torch.distributed; see :func:`fermodels.losses.distributed.all_gather_with_grad` for the
            gradient. No effect without.

    Raises:
        TypeError: if z is not floating-point or the labels are not integers.
        ValueError: for NaN or infinite embeddings (rows are named), or wrong shapes.
        EmptyBatchError: no image of the batch has a positive.

    Example:
        >>> import torch
        >>> from fermodels.losses import SupervisedContrastiveLoss
        >>> z = torch.eye(4).repeat_interleave(2, dim=0)
        >>> labels = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
        >>> round(SupervisedContrastiveLoss(temperature=0.5)(z, labels).item(), 4)
        0.5944
    """

    def __init__(self, temperature: float | Tensor = 0.1, *, gather_distributed: bool = False):
        super().__init__(temperature, gather_distributed)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """The loss, a scalar in nats.

        Args:
            z: embeddings (N, D).
            labels: integer classes (N,).
        """
        with full_precision(z):
            if z.ndim != 2:
                raise ValueError(f"z must have shape (N, D), got {tuple(z.shape)}")
            labels = group_ids(labels, len(z), z.device, "labels")
            z, labels = self.gather(z, labels)
            return multi_positive_info_nce(unit_vectors(z), labels, self.tau, shared=self.gathers)
