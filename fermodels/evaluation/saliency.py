"""Which pixels speak for a class: gradients, and what happens when a patch is covered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn


def gradient_saliency(
    classifier: nn.Module,
    images,
    targets,
    *,
    samples: int = 1,
    noise: float = 0.0,
    times_input: bool = False,
    batch_size: int = 256,
    seed: int = 0,
) -> np.ndarray:
    """``abs(d logit / d pixel)``, summed over the colours, float32 (N, H, W).

    With several samples and some noise this is SmoothGrad (Smilkov et al., 2017, arXiv
    1706.03825): the mean of the gradients at noisy copies of the image, before the absolute value.

    Args:
        classifier: images (n, 3, H, W) in [0, 1] → logits (n, classes). It runs in evaluation mode
            and is left as it was.
        images: (N, H, W, 3) or (N, 3, H, W), uint8 or float in [0, 1].
        targets: (N,) numbers of the classes whose logits are asked.
        samples: noisy copies of every image.
        noise: standard deviation of their noise; they are clipped to [0, 1].
        times_input: multiply the gradient by the image, measured from middle grey (0.5).
        seed: of the noise.

    Raises:
        ValueError: shapes that do not fit, no sample, or negative noise.
    """
    import torch

    if samples < 1 or noise < 0:
        raise ValueError(f"samples must be at least 1 and noise at least 0: {samples}, {noise}")
    generator = torch.Generator().manual_seed(seed)

    @torch.enable_grad()
    def of_batch(part: Tensor, wanted: Tensor) -> Tensor:
        total = torch.zeros_like(part)
        for _ in range(samples):
            noisy = part + noise * torch.randn(part.shape, generator=generator).to(part)
            noisy = noisy.clamp(0, 1).requires_grad_()
            logits = classifier(noisy).gather(1, wanted[:, None])
            (gradient,) = torch.autograd.grad(logits.sum(), noisy)
            total += gradient
        total /= samples  # (n, 3, H, W)
        return (total * (part - 0.5) if times_input else total).abs().sum(1)

    return _in_batches(classifier, of_batch, images, targets, batch_size)


def occlusion_saliency(
    classifier: nn.Module,
    images,
    targets,
    *,
    patch: int = 12,
    stride: int = 6,
    fill: float = 0.5,
    batch_size: int = 256,
) -> np.ndarray:
    """How much a logit changes when a square is covered, float32 (N, H, W).

    A square of one grey slides over the image (Zeiler & Fergus, ECCV 2014, arXiv 1311.2901). Each
    pixel gets the mean absolute change of the logit over all squares that cover it.

    Args:
        classifier, images, targets: see `gradient_saliency`.
        patch, stride: side of the square and its step, pixels. The last square of every row and
            column ends at the image's edge.
        fill: grey of the square, 0…1.

    Raises:
        ValueError: shapes that do not fit, or a patch larger than the image.
    """
    import torch

    from fermodels.models.inference import as_images

    images = as_images(images)
    height, width = images.shape[2:]
    if not 1 <= patch <= min(height, width) or stride < 1:
        raise ValueError(f"a patch of {patch} with stride {stride} does not fit {height} × {width}")
    tops, lefts = _starts(height, patch, stride), _starts(width, patch, stride)

    def of_batch(part: Tensor, wanted: Tensor) -> Tensor:
        def logit(pixels: Tensor) -> Tensor:
            return classifier(pixels).gather(1, wanted[:, None])[:, 0]

        before = logit(part)
        total, count = torch.zeros_like(part[:, 0]), torch.zeros_like(part[0, 0])
        for top in tops:
            for left in lefts:
                rows, columns = slice(top, top + patch), slice(left, left + patch)
                covered = part.clone()
                covered[:, :, rows, columns] = fill
                total[:, rows, columns] += (logit(covered) - before).abs()[:, None, None]
                count[rows, columns] += 1
        return total / count.clamp(min=1)

    return _in_batches(classifier, of_batch, images, targets, batch_size)


def share_inside(saliency, region) -> np.ndarray:
    """Which share of each map lies in its region, float64 (N,).

    Args:
        saliency: (N, H, W), not negative.
        region: boolean (N, H, W).

    Returns:
        Shares in [0, 1]; NaN where a map is zero everywhere.

    Raises:
        ValueError: shapes that differ, or negative saliency.
    """
    saliency, region = np.asarray(saliency, dtype=float), np.asarray(region, dtype=bool)
    if saliency.shape != region.shape or saliency.ndim != 3:
        raise ValueError(f"saliency {saliency.shape} and region {region.shape} must be (N, H, W)")
    if (saliency < 0).any():
        raise ValueError("saliency must not be negative: take its absolute value")
    whole = saliency.sum((1, 2))
    inside = (saliency * region).sum((1, 2))
    return np.divide(inside, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _starts(length: int, patch: int, stride: int) -> list[int]:
    return sorted({*range(0, length - patch + 1, stride), length - patch})


def _in_batches(classifier: nn.Module, of_batch, images, targets, batch_size: int) -> np.ndarray:
    """Maps of images, from maps of a batch and its targets."""
    import torch

    from fermodels.models.inference import as_images, run_in_batches

    images, targets = as_images(images), torch.as_tensor(np.asarray(targets), dtype=torch.int64)
    if targets.shape != (len(images),):
        raise ValueError(f"{len(images)} images need as many targets, got {tuple(targets.shape)}")
    wanted = iter(targets.split(batch_size))
    parts = run_in_batches(
        classifier,
        images.split(batch_size),
        apply=lambda part: of_batch(part, next(wanted).to(part.device)),
    )
    return torch.cat(parts).numpy()
