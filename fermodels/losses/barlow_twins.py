"""The redundancy-reduction loss of Barlow Twins."""

import math

import torch
from torch import Tensor

from fermodels.losses.contrastive import (
    EmptyBatchError,
    GatheringLoss,
    floating,
    full_precision,
    raise_unless_finite,
)


class BarlowTwinsLoss(GatheringLoss):
    """Barlow Twins (Zbontar et al., ICML 2021, arXiv 2103.03230, equations 1 and 2).

    Each dimension is standardised over the batch; the cross-correlation matrix C = Z1ᵀ Z2 / B of
    two views of the same images is drawn to the identity::

        L = Σ_i (1 − C_ii)² + λ Σ_i Σ_{j≠i} C_ij²

    As in the authors' code the standard deviation is the biased one, with 1e-5 added to the
    variance, so that a constant dimension stays 0 and counts 1 on the diagonal. Computed in
    float32 (float64 if an input is) whatever the input type and also under autocast.

    Args:
        lambda_: weight λ ≥ 0 of the off-diagonal elements.
        gather_distributed: in training, correlate over the rows of all processes of
            torch.distributed; see :func:`fermodels.losses.distributed.all_gather_with_grad` for the
            gradient. No effect without.

    Raises:
        TypeError: if an input is not a floating-point tensor.
        ValueError: for NaN or infinite embeddings (input and rows are named), unequal shapes, or
            fewer than two rows, over which nothing can be standardised.

    Example:
        >>> import torch
        >>> from fermodels.losses import BarlowTwinsLoss
        >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> round(BarlowTwinsLoss()(z, z).item(), 6)  # equal views, uncorrelated dimensions
        0.0
        >>> round(BarlowTwinsLoss()(z, -z).item(), 3)  # (1 + 1)² in each of two dimensions
        8.0
    """

    eps = 1e-5

    def __init__(self, lambda_: float = 5e-3, *, gather_distributed: bool = False):
        super().__init__(gather_distributed)
        if not (math.isfinite(lambda_) and lambda_ >= 0):
            raise ValueError(f"lambda_ must be a number of at least 0, got {lambda_}")
        self.lambda_ = float(lambda_)

    def extra_repr(self) -> str:
        return f"lambda_={self.lambda_:g}"

    def forward(self, z1: Tensor, z2: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            z1: embeddings (B, D) of one view of B images, not normalised.
            z2: embeddings (B, D) of another view of the same images, in the same order.
        """
        with full_precision(z1):
            if z1.ndim != 2 or z1.shape != z2.shape:
                raise ValueError(
                    "z1 and z2 must have the same shape (B, D); "
                    f"got {tuple(z1.shape)} and {tuple(z2.shape)}"
                )
            # Gathered first of all: one process may have no pair of views, and the others wait.
            z1, z2 = self.gather(z1, z2)
            if len(z1) < 2:
                raise EmptyBatchError(
                    "Barlow Twins standardises over the batch: give at least 2 rows"
                )
            z1, z2 = floating(z1, "z1"), floating(z2, "z2")
            raise_unless_finite(z1, "z1")
            raise_unless_finite(z2, "z2")
            dtype = torch.promote_types(z1.dtype, z2.dtype)
            z1, z2 = self._standardise(z1.to(dtype)), self._standardise(z2.to(dtype))
            correlation = z1.T @ z2 / len(z1)  # (D, D)
            error = correlation - torch.eye(len(correlation), dtype=dtype, device=z1.device)
            # All elements at weight λ, the diagonal raised to 1: no D×D mask, no cancellation.
            on_diagonal = error.diagonal().square().sum()
            return self.lambda_ * error.square().sum() + (1 - self.lambda_) * on_diagonal

    def _standardise(self, z: Tensor) -> Tensor:
        z = z - z.mean(dim=0)
        return z / (z.square().mean(dim=0) + self.eps).sqrt()
