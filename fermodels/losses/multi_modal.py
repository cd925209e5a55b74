"""The multi-modal contrastive loss of ConCluGen."""

import math
from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor

from fermodels.losses.contrastive import (
    ContrastiveLoss,
    EmptyBatchError,
    full_precision,
    split_temperature,
)
from fermodels.losses.modalities import gather_clips, presence, unit_modalities
from fermodels.losses.tiles import pair_logsumexp


class MultiModalContrastiveLoss(ContrastiveLoss):
    """Masked margin softmax, MMS (Ilharco et al., CoNLL 2019, arXiv 1909.08782), over all pairs.

    The contrastive task of ConCluGen (Halawa, Blume et al., CVPR-W 2024, arXiv 2404.10904): the
    modalities of one clip find each other among those of all clips. Z holds the embeddings of the
    B clips that have both modalities m and n, L2-normalised. The margin δ is subtracted from the
    cosines of the matching pairs first, then everything is divided by the temperature τ::

        s_ij = (z_i^m · z_j^n − δ [i = j]) / τ
        L_mn = −1/B Σ_i ( log [exp s_ii / Σ_j exp s_ij] + log [exp s_ii / Σ_j exp s_ji] )
        L    = Σ_{m<n} L_mn

    A pair of modalities that fewer than two clips have in common has no negatives and adds
    nothing. Each pair stands at 2 · ``chance_level(B)`` before anything is learned, and cannot fall
    below 2 · :func:`mms_floor`. At τ = 1, as in the paper, that is not far: for 256 clips from 11.1
    to 9.1. A lower τ leaves more room. Computed in float32 (float64 if an input is) whatever the
    input type and also under autocast. Memory grows with B and not with B²
    (:mod:`fermodels.losses.tiles`); there is no second derivative.

    Args:
        temperature: τ > 0; a ``torch.nn.Parameter`` learns (`ContrastiveLoss`).
        margin: δ ≥ 0.
        gather_distributed: in training, contrast with the rows of all processes of
            torch.distributed; see :func:`fermodels.losses.distributed.all_gather_with_grad` for the
            gradient. No effect without.

    Raises:
        TypeError: if embeddings are no dict of floating-point tensors or `present` is not boolean.
        ValueError: for a single modality, unequal shapes, NaN or infinite embeddings (modality
            and rows are named).
        EmptyBatchError: if no two clips share a pair of modalities.

    Example:
        >>> import torch
        >>> from fermodels.losses import MultiModalContrastiveLoss
        >>> loss = MultiModalContrastiveLoss(margin=0)
        >>> z = torch.eye(4)
        >>> round(loss({"video": z, "audio": z}).item(), 4)  # 2 (ln(e + 3) − 1)
        1.4873
        >>> silent = {"video": torch.ones(4).bool(), "audio": torch.arange(4) != 3}
        >>> round(loss({"video": z, "audio": z}, silent).item(), 4)  # 2 (ln(e + 2) − 1)
        1.1029
    """

    def __init__(
        self,
        temperature: float | Tensor = 1.0,
        margin: float = 0.001,
        *,
        gather_distributed: bool = False,
    ):
        super().__init__(temperature, gather_distributed)
        self.margin = checked_margin(margin)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, margin={self.margin:g}"

    def forward(
        self, embeddings: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """The loss, a scalar in nats.

        Args:
            embeddings: modality → (B, D), row i of each from clip i, at least two modalities.
            present: modality → bool (B,), False where a clip lacks the modality; what stands in
                its row then has no influence. None: every clip has every modality.
        """
        masks = presence(embeddings, present, "embeddings")
        if len(masks) < 2:
            raise ValueError(
                f"the multi-modal contrastive loss compares modalities, got {list(masks)} alone; "
                "give at least two, or train on one with clustering or reconstruction"
            )
        with full_precision(next(iter(embeddings.values()))):
            embeddings, masks = gather_clips(self, embeddings, masks)
            units = unit_modalities(embeddings, masks)
            terms = []
            for m, n in combinations(units, 2):
                both = masks[m] & masks[n]  # (B,)
                if both.sum() >= 2:
                    shared = slice(None) if both.all() else both  # no copy where all have both
                    terms.append(self._pair(units[m][shared], units[n][shared]))
            if not terms:
                having = ", ".join(f"{m} {int(mask.sum())}" for m, mask in masks.items())
                raise EmptyBatchError(
                    f"no pair of modalities is present in two of the {len(both)} clips or more "
                    f"({having}), so there is nothing to contrast; draw larger batches"
                )
            return torch.stack(terms).sum()

    def _pair(self, z: Tensor, other: Tensor) -> Tensor:
        tau = self.tau
        number, change = split_temperature(tau)
        scaled = z if change is None else z * change
        rows, columns = pair_logsumexp(
            scaled, other, number, self.margin, shared=self.gathers
        )  # (B,)
        match = ((z * other).sum(dim=1) - self.margin) / tau  # (B,)
        both = rows + columns
        if change is not None:  # of the margin, which the scale of z does not reach
            with torch.no_grad():
                share = torch.exp(match - rows) + torch.exp(match - columns)  # (B,)
            both = both - share * self.margin * (change - 1) / number
        return (both - 2 * match).mean()


def mms_floor(num_clips: int, temperature: float | Tensor = 1.0, margin: float = 0.0) -> float:
    """The lowest that a direction of a pair of modalities can reach, in nats.

    At best both embeddings of a clip are the same and the B clips are as far apart as B vectors of
    length one can be: a regular simplex, whose cosines are −1/(B − 1) and not −1. It takes B − 1
    dimensions. A pair of modalities stands at twice of this::

        ln(1 + (B − 1) exp(−(B/(B − 1) − δ)/τ))

    Args:
        num_clips: B ≥ 2.
        temperature: τ > 0; a ``torch.nn.Parameter`` learns (`ContrastiveLoss`).
        margin: δ ≥ 0.

    Raises:
        ValueError: for fewer than two clips.

    Example:
        >>> from fermodels.losses import mms_floor
        >>> round(mms_floor(64), 2)
        3.17
    """
    if num_clips < 2:
        raise ValueError(f"a floor takes two clips or more, got {num_clips}")
    others = num_clips - 1
    return math.log1p(others * math.exp(-(num_clips / others - margin) / temperature))


def checked_margin(margin: float) -> float:
    """The margin as a float; ValueError unless it is finite and at least 0."""
    if not (math.isfinite(margin) and margin >= 0):
        raise ValueError(f"margin must be a number of at least 0, got {margin}")
    return float(margin)
