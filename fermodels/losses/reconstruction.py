"""The multi-modal reconstruction loss of ConCluGen."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fermodels.losses.contrastive import (
    EmptyBatchError,
    GatheringLoss,
    floating,
    full_precision,
    raise_unless_finite,
)
from fermodels.losses.modalities import gather_clips, presence, shapes, zero_absent


class ReconstructionLoss(GatheringLoss):
    """Mean squared error of every modality's features, summed over the modalities.

    The generative task of ConCluGen (Halawa, Blume et al., CVPR-W 2024, arXiv 2404.10904). With
    x^m the features of modality m, of dimension D_m, y^m what its decoder makes of the
    representation, and B_m the clips that have the modality::

        L = Σ_m 1/(|B_m| D_m) Σ_{i∈B_m} ‖y_i^m − x_i^m‖²

    A modality that no clip of the batch has adds nothing. Features standardised to variance one
    put the modalities on a par: a decoder that answers with the mean then stands at 1 for each.
    Computed in float32 (float64 if an input is) whatever the input type and also under autocast.

    Args:
        gather_distributed: in training, the mean over the rows of all processes of
            torch.distributed; see :func:`fermodels.losses.distributed.all_gather_with_grad` for the
            gradient. No effect without.

    Raises:
        TypeError: if the inputs are no dicts of floating-point tensors or `present` is not boolean.
        ValueError: if modalities or shapes differ between the inputs, for NaN or infinite values
            (input, modality and rows are named).
        EmptyBatchError: if no clip has any modality.

    Example:
        >>> import torch
        >>> from fermodels.losses import ReconstructionLoss
        >>> x = {"video": torch.zeros(2, 4), "audio": torch.zeros(2, 3)}
        >>> y = {"video": torch.ones(2, 4), "audio": torch.full((2, 3), 2.0)}
        >>> ReconstructionLoss()(y, x).item()  # 1² + 2²
        5.0
        >>> silent = {"video": torch.tensor([True, True]), "audio": torch.tensor([False, False])}
        >>> ReconstructionLoss()(y, x, silent).item()
        1.0
    """

    def forward(
        self,
        reconstructions: Mapping[str, Tensor],
        features: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """The loss, a scalar.

        Args:
            reconstructions: modality → (B, D_m), the decoders' output.
            features: modality → (B, D_m), what went into the encoder.
            present: modality → bool (B,), False where a clip lacks the modality; what stands in
                its row then has no influence. None: every clip has every modality.
        """
        masks = presence(reconstructions, present, "reconstructions")
        if masks.keys() != presence(features, None, "features").keys() or any(
            reconstructions[m].shape != features[m].shape for m in masks
        ):
            raise ValueError(
                "reconstructions and features must have the same modalities and shapes; "
                f"got {shapes(reconstructions)} and {shapes(features)}"
            )
        with full_precision(next(iter(reconstructions.values()))):
            errors = {
                m: self._errors(reconstructions[m], features[m], mask, m)
                for m, mask in masks.items()
            }
            errors, masks = gather_clips(self, errors, masks)
            terms = [errors[m].sum() / mask.sum() for m, mask in masks.items() if mask.any()]
            if not terms:
                raise EmptyBatchError(
                    "no clip of the batch has any modality: nothing to reconstruct"
                )
            return torch.stack(terms).sum()

    def _errors(self, y: Tensor, x: Tensor, mask: Tensor, modality: str) -> Tensor:
        """Mean squared error of each clip, (B,); 0 where it lacks the modality."""
        y = zero_absent(floating(y, f"reconstructions[{modality!r}]"), mask)  # (B, D)
        x = zero_absent(floating(x, f"features[{modality!r}]"), mask)  # (B, D)
        raise_unless_finite(y, f"reconstructions[{modality!r}]")
        raise_unless_finite(x, f"features[{modality!r}]")
        return (y - x).square().mean(dim=1)
