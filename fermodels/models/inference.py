"""Networks applied to images, batch by batch, without a trace in the network."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn

from fermodels.models.modes import evaluating, weights_dtype


def as_images(images: np.ndarray | Tensor) -> Tensor:
    """Images as a tensor (N, 3, H, W) of their own type, uint8 or float.

    Args:
        images: uint8 or float in [0, 1], of shape (N, H, W, 3) or (N, 3, H, W). Where both could be
            meant, an array has its channels last and a tensor has them first.

    Raises:
        ValueError: another type or shape.
    """
    tensor = torch.as_tensor(images)
    known = tensor.dtype == torch.uint8 or tensor.is_floating_point()
    axes = [axis for axis in (3, 1) if tensor.ndim == 4 and tensor.shape[axis] == 3]
    if not known or not axes:
        raise ValueError(
            "expected images (N, H, W, 3) or (N, 3, H, W), uint8 or float in [0, 1], got "
            f"{tensor.dtype} {tuple(tensor.shape)}"
        )
    last = 3 in axes and (len(axes) == 1 or not isinstance(images, Tensor))
    return tensor.permute(0, 3, 1, 2) if last else tensor


@torch.no_grad()
def run_in_batches(
    network: nn.Module,
    batches: Iterable[np.ndarray | Tensor],
    device: str | torch.device | None = None,
    *,
    apply: Callable[[Tensor], Tensor] | None = None,
    done: Callable[[int], None] | None = None,
) -> list[Tensor]:
    """What a network says to batches of images, in evaluation mode and without gradients.

    Args:
        network: its device and the train or eval state of each of its modules are as before when
            this returns or raises.
        batches: images as :func:`as_images` takes them.
        device: where to run it. Default: where it is.
        apply: gets float images (n, 3, H, W) in [0, 1], of the type of the network's weights.
            Default: the network itself.
        done: called after each batch with the number of its images.

    Returns:
        One float32 tensor on the CPU for each batch.

    Raises:
        ValueError: images of another shape or type, or floats outside of [0, 1].
    """
    parameter = next(network.parameters(), None)
    home = torch.device("cpu") if parameter is None else parameter.device
    target = home if device is None else torch.device(device)
    apply, kind = network if apply is None else apply, weights_dtype(network)
    outputs = []
    try:
        if target != home:
            network.to(target)
        with evaluating(network):
            for images in batches:
                batch = _unit(as_images(images).to(target)).to(kind)
                outputs.append(apply(batch).float().cpu())
                if done is not None:
                    done(len(batch))
    finally:
        if target != home:
            network.to(home)
    return outputs


def _unit(images: Tensor) -> Tensor:
    """uint8 or float images as float32 in [0, 1]."""
    if images.dtype == torch.uint8:
        return images.float() / 255
    if images.numel():
        low, high = (value.item() for value in images.aminmax())
        if not (low >= -1e-3 and high <= 1 + 1e-3):  # also true for NaN
            raise ValueError(
                f"float images must be in [0, 1], got values from {low:g} to {high:g}: divide "
                "0…255 by 255, and do not normalise before (encoders do it inside)"
            )
    return images.float()
