"""What the losses over several modalities share: checked dicts, and clips that lack a modality."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fermodels.losses.contrastive import GatheringLoss, unit_vectors

Tensors = Mapping[str, Tensor]


def presence(tensors: Tensors, present: Tensors | None, name: str) -> dict[str, Tensor]:
    """Which clips have which modality, after a look at the shapes.

    Args:
        tensors: modality → (B, D), with a D of its own for each modality.
        present: modality → bool (B,), or None where every clip has every modality. It names all
            modalities of `tensors`; further ones are ignored.
        name: what to call `tensors` in an error.

    Returns:
        modality → bool (B,), sorted by name, so that no result depends on the order of a dict.

    Raises:
        TypeError: if `tensors` is no mapping, holds something that is no tensor, or a mask is not
            boolean.
        ValueError: if there is no modality, the shapes are not (B, D) with one B, or `present`
            lacks a modality or has masks of another length.
    """
    if not isinstance(tensors, Mapping):
        raise TypeError(
            f"{name} must be a dict modality → tensor (B, D), got {type(tensors).__name__}"
        )
    if not tensors:
        raise ValueError(f"{name} is empty: give a tensor (B, D) for each modality")
    for modality, z in tensors.items():
        if not isinstance(z, Tensor):
            raise TypeError(f"{name}[{modality!r}] must be a tensor, got {type(z).__name__}")
    if any(z.ndim != 2 for z in tensors.values()) or len({len(z) for z in tensors.values()}) > 1:
        raise ValueError(
            f"{name} must have shape (B, D) with the same clips B in every modality; "
            f"got {shapes(tensors)}"
        )
    return {m: _mask(present, m, tensors[m]) for m in sorted(tensors)}


def _mask(present: Tensors | None, modality: str, z: Tensor) -> Tensor:
    if present is None:
        return torch.ones(len(z), dtype=torch.bool, device=z.device)
    if modality not in present:
        raise ValueError(f"present says nothing about {modality!r}; it names {sorted(present)}")
    mask = torch.as_tensor(present[modality], device=z.device)
    if mask.dtype != torch.bool:
        raise TypeError(f"present[{modality!r}] must be boolean, got {mask.dtype}")
    if mask.shape != (len(z),):
        raise ValueError(
            f"present[{modality!r}] must have shape ({len(z)},), one value for each clip; "
            f"got {tuple(mask.shape)}"
        )
    return mask


def gather_clips(loss: GatheringLoss, tensors: Tensors, masks: dict[str, Tensor]):
    """Tensors (B, …) and masks (B,) by modality, of the clips of all processes if `loss` gathers.

    What an absent row holds is sent along; it is cleared after that.
    """
    if not loss.gathers:
        return tensors, masks
    rows = loss.gather(*(tensors[m] for m in masks), *masks.values())
    first, second = rows[: len(masks)], rows[len(masks) :]
    return dict(zip(masks, first, strict=True)), dict(zip(masks, second, strict=True))


def shapes(tensors: Tensors) -> str:
    """The shapes in words, for an error."""
    return ", ".join(f"{m} {tuple(z.shape)}" for m, z in tensors.items())


def zero_absent(z: Tensor, mask: Tensor) -> Tensor:
    """z (B, D) with zeros, and no gradient, where mask (B,) is False, whatever stands there."""
    return z if mask.all() else z.masked_fill(~mask[:, None], 0)


def unit_modalities(embeddings: Tensors, masks: dict[str, Tensor]) -> dict[str, Tensor]:
    """Embeddings (B, D) of length one; those that are absent are zero and get no gradient.

    Raises:
        TypeError, ValueError: for embeddings that are not floating point or, where present, not
            finite (modality and rows are named), or that differ in D between the modalities.
    """
    if len({z.shape[1] for z in embeddings.values()}) > 1:
        raise ValueError(
            "embeddings must have the same D in every modality, as a shared projection gives "
            f"them; got {shapes(embeddings)}"
        )
    units = {
        m: unit_vectors(zero_absent(embeddings[m], mask), f"embeddings[{m!r}]")
        for m, mask in masks.items()
    }
    precise = any(z.dtype == torch.float64 for z in units.values())
    return {m: z.double() for m, z in units.items()} if precise else units
