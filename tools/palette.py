"""A picture in 256 colours, in which what is drawn in one colour keeps it."""

from __future__ import annotations

import numpy as np
from PIL import Image

COLORS, KEPT = 256, 128
SOLID = 4  # blocks of 3 × 3 equal pixels from which on a colour is kept


def with_palette(image: Image.Image) -> Image.Image:
    """The image in at most 256 colours.

    Curves, bars and the marks of a legend keep their exact colours, up to 128 of them; the others
    are shared out by median cut. By median cut alone, a face or a map full of shades takes nearly
    all colours, and the few pixels of a legend get one that is not in the picture beside it.
    """
    from scipy.spatial import cKDTree

    pixels = np.asarray(image.convert("RGB"))  # (H, W, 3)
    codes = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)  # (H, W)
    kept = solid_colors(codes)
    others = pixels[~np.isin(codes, kept)]  # (N, 3)
    palette = [_rgb(kept)]
    if len(others):
        row = Image.fromarray(others[None])
        cut = row.quantize(COLORS - len(kept), method=Image.Quantize.MEDIANCUT)
        used = sorted(index for _, index in cut.getcolors(COLORS))
        palette.append(np.reshape(cut.getpalette(), (-1, 3))[used])
    colors = np.concatenate(palette).astype(np.uint8)  # (≤ 256, 3)
    different, where = np.unique(codes, return_inverse=True)
    nearest = cKDTree(colors.astype(float)).query(_rgb(different).astype(float))[1]
    result = Image.fromarray(nearest.astype(np.uint8)[where].reshape(codes.shape), mode="P")
    result.putpalette(colors.tobytes())
    return result


def solid_colors(codes: np.ndarray) -> np.ndarray:
    """Which of the colours (H, W), one number each, fill areas; the most frequent first."""
    if min(codes.shape) < 3:
        return np.empty(0, codes.dtype)
    blocks = np.lib.stride_tricks.sliding_window_view(codes, (3, 3))  # (H − 2, W − 2, 3, 3)
    equal = (blocks == blocks[..., 1:2, 1:2]).all(axis=(-2, -1))
    found, counts = np.unique(codes[1:-1, 1:-1][equal], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return found[order][counts[order] >= SOLID][:KEPT]


def _rgb(codes: np.ndarray) -> np.ndarray:
    """(N,) numbers → (N, 3)."""
    return np.stack([codes >> 16 & 255, codes >> 8 & 255, codes & 255], axis=-1)
