"""What augmentation does to light, style and what is seen of a face, for some images of a batch.

All functions change `images` (N, 3, S, S), float and of any scale, in place at `rows` (M,).
Partners are rows of the same batch, looked at as they were before the call.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

WINDOW = 2  # periods over the side, up to which `mix_frequencies` mixes
_FLAT = 0.01  # of the range: what varies less has no style to be freed from


def bend(images: Tensor, exponents: Tensor, unit: float) -> None:
    """x ↦ x^exponent of every image, exponents (N,); white is 1 / unit, black 0."""
    images.mul_(unit).clamp_(0, 1).pow_(exponents.to(images.device)[:, None, None, None])
    images.div_(unit)


def mix_style(images: Tensor, rows: Tensor, partners: Tensor, share: Tensor, unit: float) -> None:
    """Give images the mean and deviation of each colour of others, by a share (M,) in [0, 1].

    MixStyle (Zhou et al., ICLR 2021, arXiv 2104.02008) on pixels: for each channel,
    x ↦ σ′ (x − μ) / σ + μ′ with μ′ = (1 − share) μ + share μ_partner, σ′ likewise.
    """
    rows, partners, share = (x.to(images.device) for x in (rows, partners, share))
    picture = images.index_select(0, torch.cat([rows, partners])).flatten(2)  # (2·M, 3, S·S)
    mean = picture.mean(2, keepdim=True)
    picture -= mean
    # By its norm: on CPU forty times as fast as torch.std.
    std = torch.linalg.vector_norm(picture, dim=2, keepdim=True) / images.shape[-1]
    (own_std, other_std), (own_mean, other_mean) = std.chunk(2), mean.chunk(2)  # (M, 3, 1)
    share = share[:, None, None]
    gain = torch.lerp(own_std, other_std, share) / own_std.clamp_min(_FLAT / unit)
    styled = torch.addcmul(torch.lerp(own_mean, other_mean, share), picture[: len(rows)], gain)
    images.index_copy_(0, rows, styled.view(-1, *images.shape[1:]))


def mix_frequencies(images: Tensor, rows: Tensor, partners: Tensor, share: Tensor) -> None:
    """Give the lowest frequencies of images the amplitude of others', by a share (M,) in [0, 1].

    The window of FDA (Yang & Soatto, CVPR 2020, arXiv 2004.05498), in it the amplitude mixing of
    Xu et al. (CVPR 2021, arXiv 2105.11120): the phase stays, and so does all that is finer, so the
    face keeps its features and gets the light and ground colour of another picture. Of the
    transform only the window is computed, as a product with its few waves.
    """
    rows, partners, share = (x.to(images.device) for x in (rows, partners, share))
    size = images.shape[-1]
    waves, weight = (x.to(images.device) for x in _waves(size))  # (2, F, S·S), (F,)
    both = images.index_select(0, torch.cat([rows, partners]))
    pixels = both.flatten(2).flatten(0, 1)  # (2·M·3, S·S)
    spectrum = (pixels @ waves.flatten(0, 1).T).view(2, len(rows), 3, 2, -1)
    own = spectrum[0]  # (M, 3, 2, F): cosines and sines
    amplitude = torch.linalg.vector_norm(spectrum, dim=3)  # (2, M, 3, F)
    wanted = torch.lerp(amplitude[0], amplitude[1], share[:, None, None])
    ratio = wanted / amplitude[0].clamp_min(1e-6 * size**2)
    change = own * ((ratio - 1) * weight)[:, :, None]
    # (M·3, 2·F) @ (2·F, S·S)
    mixed = pixels[: 3 * len(rows)].addmm_(change.flatten(2).flatten(0, 1), waves.flatten(0, 1))
    images.index_copy_(0, rows, mixed.view(-1, *images.shape[1:]))


@lru_cache(maxsize=8)
def _waves(size: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (2, F, S·S) of the window's half plane, and what they weigh (F,)."""
    pairs = [(u, v) for u in range(-WINDOW, WINDOW + 1) for v in range(WINDOW + 1)]
    # Of ±(u, v), whose coefficients are conjugate, one; of the highest frequency of a tiny
    # picture, which is its own mirror image, none.
    pairs = [(u, v) for u, v in pairs if (v or u >= 0) and 2 * max(abs(u), v) < size]
    at = torch.arange(size, dtype=torch.float64) * (2 * math.pi / size)
    phase = torch.stack([(u * at[:, None] + v * at).flatten() for u, v in pairs])  # (F, S·S)
    weight = torch.tensor([1.0 + (u != 0 or v != 0) for u, v in pairs]) / size**2
    return torch.stack([phase.cos(), phase.sin()]).float(), weight


def shade(images: Tensor, rows: Tensor, slope: Tensor) -> None:
    """Light that grows across and down by the factor exp(slope) a half side, slope (M, 2)."""
    rows, slope = rows.to(images.device), slope.to(images.device)
    size = images.shape[-1]
    at = (torch.arange(size, device=images.device) * 2 + 1) / size - 1  # (S,) in (−1, 1)
    light = (slope[:, :, None] * at).exp()  # (M, 2, S)
    light = light[:, None, 0, None, :] * light[:, None, 1, :, None]  # (M, 1, S, S)
    images.index_copy_(0, rows, images.index_select(0, rows) * light)


def cut_out(images: Tensor, rows: Tensor, boxes: Tensor, colors: Tensor) -> None:
    """Cover a box of each image: boxes (M, 4) as centre x, y, width, height in sides.

    A box may hang over the edge. Colours (M, 3) are of the images' scale; NaN takes the image's
    mean (Zhong et al., AAAI 2020, arXiv 1708.04896).
    """
    rows, boxes, colors = (x.to(images.device) for x in (rows, boxes, colors))
    size = images.shape[-1]
    at = (torch.arange(size, device=images.device) + 0.5) / size
    inside = (at - boxes[:, :2, None]).abs() < boxes[:, 2:, None] / 2  # (M, 2, S)
    covered = inside[:, 0, None, :] & inside[:, 1, :, None]  # (M, S, S)
    picture = images.index_select(0, rows)
    colors = torch.where(colors.isnan(), picture.mean((2, 3)), colors)[:, :, None, None]
    # Exact at 0 and 1, and on CPU ten times as fast as torch.where.
    images.index_copy_(0, rows, picture.lerp_(colors, covered[:, None].to(picture.dtype)))
