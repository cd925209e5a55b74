"""Heads: what sits on an encoder's representation. Tensors only."""

from collections.abc import Mapping
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.nn import functional

from fermodels.losses import EmptyBatchError


def _check(h: Tensor, in_dim: int, head: nn.Module) -> None:
    if h.ndim != 2 or h.shape[1] != in_dim:
        raise ValueError(
            f"{type(head).__name__} takes representations of shape (N, {in_dim}), "
            f"got {tuple(h.shape)}"
        )


def length_of_representation(encoder: nn.Module) -> int:
    """`feature_dim` of an encoder.

    Raises:
        TypeError: it has none.
    """
    dim = getattr(encoder, "feature_dim", None)
    if not isinstance(dim, Integral) or dim < 1:
        raise TypeError(
            f"{type(encoder).__name__} is no encoder: it needs an attribute feature_dim, the "
            f"length of its representations, got {dim!r}"
        )
    return int(dim)


class ProjectionHead(nn.Sequential):
    """Projection g of contrastive pre-training, z = g(h); thrown away afterwards.

    Linear → batch norm → ReLU → linear, as in SimCLR (Chen et al., ICML 2020, arXiv 2002.05709,
    section 4.2). The output is not normalised: the losses do that.

    Args:
        in_dim: size of the representation h.
        hidden_dim: size in between; None takes `in_dim`.
        out_dim: size of the projection z.

    Raises:
        ValueError: if h is not (N, in_dim).
        EmptyBatchError: a single row in training, or none, for which batch norm is undefined.
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
        if self.training and len(h) < 2:
            raise EmptyBatchError(
                f"ProjectionHead cannot normalise a batch of {len(h)} image in training; use a "
                "larger batch, drop the last incomplete one, or call .eval()"
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


class SharedProjection(ProjectionHead):
    """One projection head for all modalities of ConCluGen (Halawa, Blume et al., CVPR-W 2024).

    The representations of all modalities go through it as one batch, without those of modalities
    that a clip lacks. So the batch norm sees in training the mixture that its running statistics
    describe in evaluation, and embeddings of both modes can be compared with the same centroids.

    Args:
        in_dim, hidden_dim, out_dim: see :class:`ProjectionHead`.

    Raises:
        ValueError, EmptyBatchError: if a representation is not (B, in_dim), or as
            :class:`ProjectionHead`.

    Example:
        >>> import torch
        >>> from fermodels.models import SharedProjection
        >>> h = {"video": torch.randn(4, 8), "audio": torch.randn(4, 8)}
        >>> {m: tuple(z.shape) for m, z in SharedProjection(8, out_dim=2)(h).items()}
        {'video': (4, 2), 'audio': (4, 2)}
    """

    def forward(
        self, h: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """h, modality → (B, in_dim), becomes z, modality → (B, out_dim), not normalised.

        Args:
            h: representations, row i of each from clip i.
            present: modality → bool (B,), False where a clip lacks the modality: zeros in z. None:
                every clip has every modality.
        """
        for rows in h.values():
            _check(rows, self.in_dim, self)
        if present is None:
            parts = super().forward(torch.cat(list(h.values()))).split([len(x) for x in h.values()])
            return dict(zip(h, parts, strict=True))
        masks = {m: present[m] for m in h}
        parts = super().forward(torch.cat([h[m][mask] for m, mask in masks.items()]))
        parts = parts.split([int(mask.sum()) for mask in masks.values()])
        z = {m: parts[0].new_zeros(len(h[m]), self.out_dim) for m in h}
        for part, (m, mask) in zip(parts, masks.items(), strict=True):
            z[m][mask] = part
        return z


class GatedEmbeddingUnit(nn.Module):
    """Representation head of a modality in ConCluGen, h = GEU(x).

    Linear → ReLU → context gating → linear → ReLU. Context gating lets every unit be damped by
    what all units say, GLU([a, W a + b]) = a · σ(W a + b) (Miech et al., 2018, arXiv 1804.02516,
    section 3.1; Halawa, Blume et al., CVPR-W 2024, arXiv 2404.10904).

    Args:
        in_dim: size of the features x.
        out_dim: size of the representation h.
        hidden_dim: size in between; None takes `out_dim`.

    Raises:
        ValueError: if x is not (N, in_dim).

    Example:
        >>> import torch
        >>> from fermodels.models import GatedEmbeddingUnit
        >>> GatedEmbeddingUnit(512, 128)(torch.randn(4, 512)).shape
        torch.Size([4, 128])
    """

    def __init__(self, in_dim: int, out_dim: int, hidden_dim: int | None = None):
        super().__init__()
        hidden_dim = hidden_dim or out_dim
        self.in_dim, self.hidden_dim, self.out_dim = in_dim, hidden_dim, out_dim
        self.embed = nn.Linear(in_dim, hidden_dim)
        self.gate = nn.Linear(hidden_dim, hidden_dim)
        self.represent = nn.Linear(hidden_dim, out_dim)

    def forward(self, x: Tensor) -> Tensor:
        """x (N, in_dim) → h (N, out_dim), at least 0."""
        _check(x, self.in_dim, self)
        a = self.embed(x).relu()  # (N, hidden_dim)
        a = functional.glu(torch.cat([a, self.gate(a)], dim=1), dim=1)  # (N, hidden_dim)
        return self.represent(a).relu()


class ClusterHead(nn.Linear):
    """Linear map from the projections z to the space that is clustered.

    Args:
        in_dim: size of the projection z.
        out_dim: size of what is clustered; None takes `in_dim`.

    Raises:
        ValueError: if z is not (N, in_dim).
    """

    def __init__(self, in_dim: int, out_dim: int | None = None):
        super().__init__(in_dim, out_dim or in_dim)

    def forward(self, z: Tensor) -> Tensor:
        """z (N, in_dim) → (N, out_dim), not normalised: the loss does that."""
        _check(z, self.in_features, self)
        return super().forward(z)


class Decoder(nn.Sequential):
    """From a representation h back to the features x of its modality.

    Linear → ReLU → linear. It ends in a linear layer, because features may be negative.

    Args:
        in_dim: size of the representation h.
        out_dim: size of the features x.
        hidden_dim: size in between; None takes `in_dim`.

    Raises:
        ValueError: if h is not (N, in_dim).
    """

    def __init__(self, in_dim: int, out_dim: int, hidden_dim: int | None = None):
        hidden_dim = hidden_dim or in_dim
        super().__init__(nn.Linear(in_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, out_dim))
        self.in_dim, self.hidden_dim, self.out_dim = in_dim, hidden_dim, out_dim

    def forward(self, h: Tensor) -> Tensor:
        """h (N, in_dim) → x (N, out_dim)."""
        _check(h, self.in_dim, self)
        return super().forward(h)
