"""Heads: what sits on an encoder's representation. Tensors only."""

from torch import Tensor, nn


def _check(h: Tensor, in_dim: int, head: nn.Module) -> None:
    if h.ndim != 2 or h.shape[1] != in_dim:
        raise ValueError(
            f"{type(head).__name__} takes representations of shape (N, {in_dim}), "
            f"got {tuple(h.shape)}"
        )


class ProjectionHead(nn.Sequential):
    """Projection g of contrastive pre-training, z = g(h); thrown away afterwards.

    Linear → batch norm → ReLU → linear, as in SimCLR (Chen et al., ICML 2020, arXiv 2002.05709,
    section 4.2). The output is not normalised: the losses do that.

    Args:
        in_dim: size of the representation h.
        hidden_dim: size in between; None takes `in_dim`.
        out_dim: size of the projection z.

    Raises:
        ValueError: if h is not (N, in_dim), or a single row in training, for which batch norm is
            undefined.
    """

    def __init__(self, in_dim: int, hidden_dim: int | None = None, out_dim: int = 128):
        hidden_dim = hidden_dim or in_dim
        super().__init__(
            nn.Linear(in_dim, hidden_dim, bias=False),  # batch norm has a bias of its own
            nn.BatchNorm1d(hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, out_dim),
        )
        self.in_dim, self.hidden_dim, self.out_dim = in_dim, hidden_dim, out_dim

    def forward(self, h: Tensor) -> Tensor:
        """h (N, in_dim) → z (N, out_dim)."""
        _check(h, self.in_dim, self)
        if self.training and len(h) == 1:
            raise ValueError(
                "ProjectionHead cannot normalise a batch of 1 image in training; use a larger "
                "batch, drop the last incomplete one, or call .eval()"
            )
        return super().forward(h)


class ClassificationHead(nn.Linear):
    """Linear classifier on a representation.

    Args:
        in_dim: size of the representation h.
        num_classes: number of expressions.

    Raises:
        ValueError: if h is not (N, in_dim).
    """

    def __init__(self, in_dim: int, num_classes: int):
        super().__init__(in_dim, num_classes)

    def forward(self, h: Tensor) -> Tensor:
        """h (N, in_dim) → logits (N, num_classes)."""
        _check(h, self.in_features, self)
        return super().forward(h)
