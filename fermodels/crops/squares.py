"""Squares cut out of images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image


class Square(NamedTuple):
    """Left and top edge and side in pixels of the image; may reach beyond it."""

    left: float
    top: float
    side: float


def cut(image: np.ndarray, square: Square, size: int) -> np.ndarray:
    """The square of an image uint8 (H, W, 3) as a crop uint8 (size, size, 3).

    Fractions of pixels count. Beyond the image its edge goes on, the softer the farther away from
    it; what is repeated sharply is streaks, which a network takes for something. Antialiased.

    Raises:
        ValueError: not such an image, size < 1, or a square that is empty, not finite or over
            twenty times as large as the image.
    """
    from PIL import Image

    check_image(image, size)
    height, width = image.shape[:2]
    left, top, side = square
    if not all(map(math.isfinite, square)) or not 0 < side <= 20 * max(height, width):
        raise ValueError(f"{square} is not a square to cut from an image of {height}×{width} px")
    x0, y0 = math.floor(left), math.floor(top)
    x1, y1 = max(math.ceil(left + side), x0 + 1), max(math.ceil(top + side), y0 + 1)
    inside = min(x0, y0) >= 0 and x1 <= width and y1 <= height
    if inside:
        part = image[y0:y1, x0:x1]
    else:
        rows = np.arange(y0, y1).clip(0, height - 1)
        columns = np.arange(x0, x1).clip(0, width - 1)
        part = image[rows][:, columns]
    box = (left - x0, top - y0, left - x0 + side, top - y0 + side)
    picture = Image.fromarray(part)
    crop = picture.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
    if inside:
        return np.asarray(crop)
    return _softened(crop, _pixels_away(square, height, width, size))


def share_outside(square: Square, height: int, width: int) -> float:
    """How much of a square, 0 … 1, lies beyond an image of this size."""
    left, top, side = square
    across = max(0.0, min(left + side, width) - max(left, 0.0))
    down = max(0.0, min(top + side, height) - max(top, 0.0))
    return 1.0 - across * down / side**2


def _pixels_away(square: Square, height: int, width: int, size: int) -> np.ndarray:
    """(size, size): how far each pixel of a crop is from the image, in pixels of the crop."""
    steps = (np.arange(size) + 0.5) * square.side / size
    beyond = []
    for start, edge in ((square.left, width), (square.top, height)):
        at = start + steps
        beyond.append(np.maximum(np.maximum(-at, at - edge), 0.0) * size / square.side)
    return np.hypot(beyond[0][None, :], beyond[1][:, None])


def _softened(crop: Image.Image, away: np.ndarray) -> np.ndarray:
    from PIL import Image, ImageFilter

    soft = crop
    for radius in (crop.width / 48, crop.width / 16):
        # From two radii on, next to nothing of the image itself is in the blurred edge.
        share = np.clip(away * (255 / radius) - 255, 0, 255).round().astype(np.uint8)
        blurred = crop.filter(ImageFilter.GaussianBlur(radius))
        soft = Image.composite(blurred, soft, Image.fromarray(share))
    return np.asarray(soft)


def check_image(image: np.ndarray, size: int, margin: float = 0.0) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3 or 0 in image.shape:
        raise ValueError(f"expected a uint8 image (H, W, 3), got {image.dtype} {image.shape}")
    if size < 1:
        raise ValueError(f"the crop's size must be at least 1 pixel, got {size}")
    if not (math.isfinite(margin) and margin > -0.9):
        raise ValueError(f"the margin must be above −0.9, got {margin}")
