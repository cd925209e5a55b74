"""A picture in 256 colours, in which what is drawn in one colour keeps it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS, KEPT, RESCUED = 256, 112, 32
SOLID = 4  # blocks of 3 × 3 equal pixels from which on a colour is kept
SMALL = 2  # blocks of 2 × 2, from which on it must not become another one
VISIBLE = 16  # of 255: from here on it would be another one


def with_palette(image: Image.Image) -> Image.Image:
    """The image in at most 256 colours.

    Bars and larger marks keep their exact colours, up to 112 of them; most others are shared out by
    median cut; and small marks that would change visibly get a colour of their own, up to 32, the
    worst first. By median cut alone, a face or a map full of shades takes nearly all colours, and
    the few pixels of a legend get one that is not in the picture beside it.
    """
    pixels = np.asarray(image.convert("RGB"))  # (H, W, 3)
    codes = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)  # (H, W)
    kept = solid_colors(codes, 3, SOLID)[:KEPT]
    others = pixels[~np.isin(codes, kept)]  # (N, 3)
    palette = [_rgb(kept)]
    if len(others):
        row = Image.fromarray(others[None])
        cut = row.quantize(COLORS - RESCUED - len(kept), method=Image.Quantize.MEDIANCUT)
        used = sorted(index for _, index in cut.getcolors(COLORS))
        palette.append(np.reshape(cut.getpalette(), (-1, 3))[used])
    colors = np.concatenate(palette)  # (≤ 224, 3)
    small = _rgb(solid_colors(codes, 2, SMALL)).astype(float)
    distance = _nearest(colors, small)[0]
    for _ in range(RESCUED):
        if not len(small) or distance.max() < VISIBLE:
            break
        worst = small[distance.argmax()]
        colors = np.concatenate([colors, worst[None]])
        distance = np.minimum(distance, np.linalg.norm(small - worst, axis=1))
    different, where = np.unique(codes, return_inverse=True)
    index = _nearest(colors, _rgb(different))[1].astype(np.uint8)
    result = Image.fromarray(index[where].reshape(codes.shape), mode="P")
    result.putpalette(colors.astype(np.uint8).tobytes())
    return result


def png(image: Image.Image) -> bytes:
    """The image with its palette, as a PNG file."""
    buffer = io.BytesIO()
    with_palette(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def save(figure: Figure, path: Path, dpi: int) -> None:
    """A figure as PNG of 256 colours: a third of the size, with faces in it."""
    from fermodels._shared.files import replace_file

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    replace_file(path, png(Image.open(buffer)))


def solid_colors(codes: np.ndarray, side: int, least: int) -> np.ndarray:
    """Colours that fill at least so many blocks of side × side pixels, the most frequent first.

    Args:
        codes: (H, W), a number for each colour.
    """
    if min(codes.shape) < side:
        return np.empty(0, codes.dtype)
    blocks = np.lib.stride_tricks.sliding_window_view(codes, (side, side))
    equal = (blocks == blocks[..., :1, :1]).all(axis=(-2, -1))
    found, counts = np.unique(blocks[..., 0, 0][equal], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return found[order][counts[order] >= least]


def _nearest(colors: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest of the colours, and which one it is, for each of (N, 3)."""
    from scipy.spatial import cKDTree

    return cKDTree(colors.astype(float)).query(asked.astype(float).reshape(-1, 3))


def _rgb(codes: np.ndarray) -> np.ndarray:
    """(N,) numbers → (N, 3)."""
    return np.stack([codes >> 16 & 255, codes >> 8 & 255, codes & 255], axis=-1)
