"""Augmentation of whole batches, on the device where the images are."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fermodels._shared.plain import plain
from fermodels.data.light_and_style import bend, cut_out, mix_frequencies, mix_style, shade
from fermodels.data.names import number_text
from fermodels.data.vocabulary import view_degrees

_LUMA = (0.299, 0.587, 0.114)
_MAX_BLUR = 1 / 40  # σ as a fraction of the side
_MAX_NOISE = 0.06
_LOWRES = (1.5, 2.0, 2.5, 3.0)
_MAX_SLOPE = 0.5  # of light, logarithm over half a side
_BOX = (0.1, 0.5)  # sides of what is cut out, fractions of the picture's
_FACTORS = ("brightness", "contrast", "saturation", "gains")
_CHANCES = ("flip", "gray", "blur", "lowres", "noise")
_MORE = ("cutout", "shade", "style", "frequency")  # probabilities too, all 0 unless asked for
_AMOUNTS = ("shift", "rotate", *_FACTORS, *_CHANCES, "gamma", *_MORE)
_SECOND_DRAWS = 19


class AugmentedImages(NamedTuple):
    """images: float32 (N, 3, size, size) in [0, 1]; flipped: bool (N,), mirrored left to right."""

    images: Tensor
    flipped: Tensor


class Augment(nn.Module):
    """Random crop, turn, mirror, light, colour and quality of every image in a batch, each its own.

    Geometry is one `grid_sample`, colour one 3×4 matrix an image; all that has a probability
    touches only the images that were drawn for it.

    What an image is mixed with (`style`, `frequency`) is drawn for it alone, from the whole batch.
    Nothing that augmentation adds is more alike within an instance than between instances, so a
    contrastive loss cannot be lowered by finding it.

    Mirroring shows the face as the opposite camera would: full_left becomes full_right. The
    instance, the expression and the subject stay; the `view` and `yaw` of a batch name the camera
    and are *not* changed. Where they matter, use `flipped` with `mirror_views`, and −yaw.

    Args:
        size: side of the output in pixels. Images that are not square are squeezed.
        shift: largest displacement, a fraction of the side, each way.
        scale: smallest and largest size of the picture's content, drawn evenly in the logarithm.
        rotate: largest angle in degrees, each way.
        flip: probability of mirroring.
        brightness, contrast, saturation: factors are drawn from 1 ± this.
        gains: a colour cast, each channel's factor from 1 ± this.
        gray, blur, lowres, noise: probability for an image to lose its colour; to be blurred
            (Gaussian, σ up to 1/40 of the side); to be shrunk by 1.5–3 and enlarged again; to get
            Gaussian noise (σ up to 0.06).
        gamma: every image's values are raised to a power between exp(−gamma) and exp(gamma), drawn
            evenly in the logarithm.
        cutout: probability of a box, its sides 0.1 to 0.5 of the image's, filled with the image's
            mean or with any colour (Zhong et al., AAAI 2020, arXiv 1708.04896).
        shade: probability of light that falls off over the image, in any direction.
        style: probability to get, for a share in [0, 1], the mean and deviation of each colour
            of another image of the batch (MixStyle; Zhou et al., ICLR 2021, arXiv 2104.02008).
        frequency: probability to get, for a share in [0, 1], the amplitude of another image's
            lowest frequencies (Xu et al., CVPR 2021, arXiv 2105.11120).

    Raises:
        ValueError: a probability is not in [0, 1], a range is impossible, or the input is not
            (N, 3, H, W) uint8 or float in [0, 1].
    """

    def __init__(
        self,
        size: int = 48,
        *,
        shift: float = 0.08,
        scale: tuple[float, float] = (0.85, 1.18),
        rotate: float = 6.0,
        flip: float = 0.5,
        brightness: float = 0.2,
        contrast: float = 0.2,
        saturation: float = 0.2,
        gains: float = 0.08,
        gray: float = 0.15,
        blur: float = 0.1,
        lowres: float = 0.15,
        noise: float = 0.1,
        gamma: float = 0.0,
        cutout: float = 0.0,
        shade: float = 0.0,
        style: float = 0.0,
        frequency: float = 0.0,
    ) -> None:
        super().__init__()
        if size < 1 or not 0 < scale[0] <= scale[1]:
            raise ValueError(f"size and scale must be positive, low to high; got {size}, {scale}")
        if not 0 <= shift <= 1 or not 0 <= rotate <= 180:
            raise ValueError(
                f"shift must be in [0, 1] and rotate in [0, 180]; got {shift}, {rotate}"
            )
        self.size = size
        self.shift, self.scale, self.rotate, self.flip = shift, tuple(scale), rotate, flip
        self.brightness, self.contrast, self.saturation = brightness, contrast, saturation
        self.gains, self.gray, self.blur, self.lowres, self.noise = gains, gray, blur, lowres, noise
        self.gamma, self.cutout, self.shade = gamma, cutout, shade
        self.style, self.frequency = style, frequency
        for name in (*_FACTORS, *_CHANCES, "gamma", *_MORE):
            if not 0 <= (value := getattr(self, name)) <= 1:
                kind = "a range" if name in (*_FACTORS, "gamma") else "a probability"
                raise ValueError(f"{name} is {kind} in [0, 1], got {value}")

    @classmethod
    def mild(cls, size: int = 48) -> Augment:
        """Small crops and colours only: what contrastive pre-training learns from soonest."""
        return cls(size, scale=(0.88, 1.1), gains=0.05, gray=0, blur=0, lowres=0, noise=0)

    @classmethod
    def strong(cls, size: int = 48) -> Augment:
        """Wide ranges and poor picture quality: for encoders that must carry over."""
        return cls(
            size,
            shift=0.12,
            scale=(0.75, 1.3),
            rotate=12.0,
            brightness=0.4,
            contrast=0.4,
            saturation=0.5,
            gains=0.15,
            gray=0.25,
            blur=0.3,
            lowres=0.25,
            noise=0.2,
        )

    @classmethod
    def wide(cls, size: int = 48) -> Augment:
        """Light, colour and style of other pictures too: for faces of another make or camera."""
        return cls(
            size,
            shift=0.1,
            scale=(0.7, 1.35),
            rotate=12.0,
            brightness=0.45,
            contrast=0.45,
            saturation=0.7,
            gains=0.2,
            gray=0.3,
            blur=0.25,
            lowres=0.25,
            noise=0.25,
            cutout=0.3,
            shade=0.3,
            style=0.2,
            frequency=0.2,
        )

    @classmethod
    def none(cls, size: int = 48) -> Augment:
        """Resize only (bilinear, antialiased): what an encoder sees when it is tested."""
        return cls(size, scale=(1.0, 1.0), **dict.fromkeys(_AMOUNTS, 0.0))

    def extra_repr(self) -> str:
        names = [name for name in vars(self) if not name.startswith("_") and name != "training"]
        # Runs and stored features know their augmentation by these words: what is off and came
        # later than they is not named.
        names = [name for name in names if name not in ("gamma", *_MORE) or getattr(self, name)]
        return ", ".join(f"{name}={plain(getattr(self, name))}" for name in names)

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> AugmentedImages:
        """Augment (N, 3, H, W), uint8 or float in [0, 1], of any size.

        `generator` is a CPU generator wherever the images are (default: torch's own), so that CPU
        and CUDA make the same choices.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"expected images (N, 3, H, W), got {tuple(images.shape)}")
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise ValueError(f"expected uint8 or float images, got {images.dtype}")
        if images.is_floating_point() and images.numel():
            low, high = images.aminmax()
            if not (low >= 0 and high <= 1):
                raise ValueError(
                    f"expected float images in [0, 1], got {low:.4g} to {high:.4g}: divide by 255"
                )
        # Half precision is too coarse for sampling positions.
        with torch.autocast(images.device.type, enabled=False), torch.no_grad():
            return self._augment(images, generator)

    def _augment(self, images: Tensor, generator: torch.Generator | None) -> AugmentedImages:
        n, device = len(images), images.device
        unit = 1 / 255 if images.dtype == torch.uint8 else 1.0
        if self._is_still():
            out = _resize(images.float(), self.size).mul_(unit).clamp_(0, 1)
            return AugmentedImages(out, torch.zeros(n, dtype=torch.bool, device=device))
        uniform = torch.rand(n, 18, generator=generator, dtype=torch.float32)
        draw = uniform.unbind(1)  # 18 numbers an image, each (N,)
        flipped = draw[0] < self.flip
        theta = self._theta(flipped, *draw[1:5]).to(device, non_blocking=True)
        source = _shrink(images, self.size)
        grid = _grid(theta, self.size)
        out = F.grid_sample(source, grid, padding_mode="border", align_corners=False)
        if any(getattr(self, name) for name in ("gamma", *_MORE)):
            self._relight(out, unit, torch.rand(n, _SECOND_DRAWS, generator=generator))
        self._lower_resolution(out, *draw[5:7])
        self._soften(out, *draw[7:9])
        out = self._recolor(out, unit, *draw[9:16])
        self._add_noise(out, *draw[16:18], generator)
        return AugmentedImages(out.clamp_(0, 1), flipped.to(device, non_blocking=True))

    def _is_still(self) -> bool:
        return self.scale == (1.0, 1.0) and not any(getattr(self, name) for name in _AMOUNTS)

    def _theta(self, flipped: Tensor, size: Tensor, turn: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Affine maps from output to source positions, both in [-1, 1]: (N, 2, 3)."""
        low, high = (math.log(value) for value in self.scale)
        zoom = torch.exp(-(low + (high - low) * size))
        angle = _both_ways(turn) * math.radians(self.rotate)
        mirror = 1 - 2 * flipped.float()
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        # [-1, 1] is two sides of half the image: a shift of the whole side is 2.
        rows = (cos * mirror, -sin, _both_ways(x) * 2 * self.shift)
        rows += (sin * mirror, cos, _both_ways(y) * 2 * self.shift)
        return torch.stack(rows, dim=1).view(-1, 2, 3)

    def _relight(self, out: Tensor, unit: float, uniform: Tensor) -> None:
        """What comes before the camera's part: light, style, and what covers the face."""
        draw = uniform.unbind(1)
        if self.gamma:
            bend(out, torch.exp(self.gamma * _both_ways(draw[0])), unit)
        if len(rows := _drawn(draw[1], self.style)):
            mix_style(out, rows, _partners(draw[2])[rows], draw[3][rows], unit)
        if len(rows := _drawn(draw[4], self.frequency)):
            mix_frequencies(out, rows, _partners(draw[5])[rows], draw[6][rows])
        if len(rows := _drawn(draw[7], self.shade)):
            shade(out, rows, _MAX_SLOPE * _both_ways(uniform[rows, 8:10]))
        if len(rows := _drawn(draw[10], self.cutout)):
            boxes = uniform[rows, 11:15]
            boxes[:, 2:] = _BOX[0] + (_BOX[1] - _BOX[0]) * boxes[:, 2:]
            colors = uniform[rows, 16:19] / unit
            colors[draw[15][rows] < 0.5] = torch.nan
            cut_out(out, rows, boxes, colors)

    def _lower_resolution(self, out: Tensor, chance: Tensor, amount: Tensor) -> None:
        level = (amount * len(_LOWRES)).long()
        for i, factor in enumerate(_LOWRES):
            rows = ((chance < self.lowres) & (level == i)).nonzero().squeeze(1).to(out.device)
            if len(rows):
                small = _resize(out[rows], max(1, round(self.size / factor)))
                out[rows] = F.interpolate(
                    small, (self.size, self.size), mode="bilinear", align_corners=False
                )

    def _soften(self, out: Tensor, chance: Tensor, amount: Tensor) -> None:
        rows = _drawn(chance, self.blur)
        if len(rows) == 0:
            return
        widest = _MAX_BLUR * self.size
        sigma = widest * (0.25 + 0.75 * amount[rows])  # (M,)
        radius = math.ceil(2.5 * widest)
        reach = torch.arange(-radius, radius + 1)
        weight = torch.exp(-0.5 * (reach / sigma[:, None]) ** 2)
        weight = (weight / weight.sum(1, keepdim=True)).to(out.device)[:, :, None, None, None]
        rows = rows.to(out.device)
        picture = out[rows]  # (M, 3, S, S)
        for dim, pad in ((3, (radius, radius, 0, 0)), (2, (0, 0, radius, radius))):
            wide = F.pad(picture, pad, mode="replicate")
            picture = torch.zeros_like(picture)
            for k in range(2 * radius + 1):
                picture.addcmul_(wide.narrow(dim, k, self.size), weight[:, k])
        out[rows] = picture

    def _recolor(
        self,
        out: Tensor,
        unit: float,
        bright: Tensor,
        contrast: Tensor,
        saturation: Tensor,
        gray: Tensor,
        *gains: Tensor,
    ) -> Tensor:
        """Gains, brightness, saturation and contrast (around the image's mean) in one product."""
        device = out.device
        luma = torch.tensor(_LUMA, dtype=torch.float32)
        keep = torch.where(gray < self.gray, 0.0, 1 + self.saturation * _both_ways(saturation))
        keep = keep[:, None, None]
        same = torch.eye(3, dtype=torch.float32)
        color = keep * same + (1 - keep) * luma.expand(3, 3)  # (N, 3, 3)
        color = color * (1 + self.gains * _both_ways(torch.stack(gains, 1)))[:, None, :]
        color = color * (1 + self.brightness * _both_ways(bright))[:, None, None] * unit
        contrast = (1 + self.contrast * _both_ways(contrast))[:, None, None]
        to_offset = (1 - contrast) * (luma @ color)[:, None, :]  # (N, 1, 3)
        color, to_offset = (contrast * color).to(device), to_offset.to(device)
        pixels = out.flatten(2)  # (N, 3, S·S)
        offset = to_offset @ pixels.mean(2, keepdim=True)  # (N, 1, 1)
        return torch.baddbmm(offset, color, pixels).view_as(out)

    def _add_noise(
        self, out: Tensor, chance: Tensor, amount: Tensor, generator: torch.Generator | None
    ) -> None:
        rows = _drawn(chance, self.noise)
        if len(rows) == 0:
            return
        shape = (len(rows), *out.shape[1:])
        noise = torch.randn(shape, generator=generator, dtype=torch.float32)
        noise *= _MAX_NOISE * amount[rows, None, None, None]
        rows = rows.to(out.device)
        out[rows] = out[rows].clamp_(0, 1) + noise.to(out.device)


def mirror_views(views: Sequence[str], yaws: Mapping[str, float] | None = None) -> Tensor:
    """For each view the index of the one that a mirrored image shows: int64 (V,).

    `mirror_views(views)[view]` turns the view ids of flipped images; their yaw becomes −yaw.

    Args:
        views: names with a left and a right ("half_left"), or views known by their degrees
            ("yaw-30", see :func:`fermodels.data.view_degrees`). Any other is its own mirror image.
        yaws: view → degrees, where names do not tell them.

    Raises:
        ValueError: the opposite view ("half_right" for "half_left") is not in `views`.
    """
    names = list(views)
    degrees = view_degrees(names, yaws)
    at = {angle: name for name, angle in degrees.items()}
    opposite = {}
    for name in names:
        mirrored = _mirror_name(name) if isinstance(name, str) else name
        if mirrored == name and degrees[name]:
            mirrored = at.get(-degrees[name], f"the view at {number_text(-degrees[name])}°")
        opposite[name] = mirrored
    missing = [mirrored for mirrored in opposite.values() if mirrored not in names]
    if missing:
        raise ValueError(
            f"mirrored, some of the views {', '.join(map(str, names))} become "
            f"{', '.join(sorted(missing))}, which is not among them: do not change the view ids, "
            "or set flip=0"
        )
    return torch.tensor([names.index(opposite[name]) for name in names])


def _mirror_name(name: str) -> str:
    """With left for right and right for left, in the letters' case that they have."""
    other = {"left": "right", "Left": "Right", "LEFT": "RIGHT"}
    other |= {right: left for left, right in other.items()}
    return re.sub("|".join(other), lambda found: other[found[0]], name)


def _drawn(chance: Tensor, probability: float) -> Tensor:
    """The images that something is done to: int64 (M,)."""
    return (chance < probability).nonzero().squeeze(1)


def _partners(uniform: Tensor) -> Tensor:
    """For each image any of the batch, whatever instance it is of: int64 (N,)."""
    return (uniform * len(uniform)).long().clamp_max(len(uniform) - 1)


def _both_ways(uniform: Tensor) -> Tensor:
    return 2 * uniform - 1


def _grid(theta: Tensor, size: int) -> Tensor:
    """As `F.affine_grid(align_corners=False)`, without its expanded copy: (N, S, S, 2)."""
    at = (torch.arange(size, device=theta.device, dtype=theta.dtype) * 2 + 1) / size - 1
    across = theta[:, :, 0, None] * at  # (N, 2, S)
    down = theta[:, :, 1, None] * at + theta[:, :, 2, None]  # (N, 2, S)
    return (across.transpose(1, 2)[:, None] + down.transpose(1, 2)[:, :, None]).contiguous()


def _shrink(images: Tensor, size: int) -> Tensor:
    """Float images near the output's size: `grid_sample` alone would skip pixels (aliasing)."""
    height, width = images.shape[-2:]
    factor = height // size
    if height == width == factor * size and 2 <= factor <= 4:
        # Block means, whole rows first: on CPU four times as fast as avg_pool2d.
        wide = torch.int16 if images.dtype == torch.uint8 else torch.float32
        rows = images[..., ::factor, :].to(wide, copy=True)
        for i in range(1, factor):
            rows += images[..., i::factor, :]
        blocks = sum(rows[..., j::factor] for j in range(factor))
        return blocks.float().div_(factor**2)
    images = images.float()
    return _resize(images, size) if max(height, width) > 1.5 * size else images


def _resize(images: Tensor, size: int) -> Tensor:
    if images.shape[-2:] == (size, size):
        return images.clone()
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)
