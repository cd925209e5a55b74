"""Frames → features: statistics of an image encoder over time, or a video model of torchvision."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fermodels._shared.paths import given_path
from fermodels.data import Augment
from fermodels.features.backbone import ClipByClip, FeatureError, digest
from fermodels.models import ImageEncoder


class ClipAugment(Augment):
    """A random half of a clip's frames, all with one crop, turn, mirror and colour.

    A clip goes through the machinery of images as one picture whose three colours have a time
    axis: what is drawn for a picture then holds for all its frames.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size, gray=0, blur=0, lowres=0, noise=0)

    def forward(self, clip: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """Float clip (3, T, size, size) in [0, 1] → copies (C, 3, ⌈T/2⌉, size, size)."""
        frames = clip.shape[1]
        keep = math.ceil(frames / 2)
        draws = torch.stack([torch.rand(18 + frames, generator=g) for g in generators])
        draw = draws[:, :18].unbind(1)  # each (C,)
        chosen = draws[:, 18:].argsort(1)[:, :keep].sort(1).values  # (C, keep), in their order
        source = clip[:, chosen.to(clip.device)].transpose(0, 1)  # (C, 3, keep, size, size)
        theta = self._theta(draw[0] < self.flip, *draw[1:5]).to(clip.device)
        pictures = source.flatten(1, 2)  # (C, 3·keep, size, size)
        grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
        out = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
        return self._recolor(out.view(source.shape), 1.0, *draw[9:16]).clamp_(0, 1)


class FrameStatistics(ClipByClip):
    """Mean and standard deviation over time of an image encoder's representations.

    Args:
        folder: of a saved :class:`fermodels.models.ImageEncoder`.
        frames: of longer clips, this many at equal distances are looked at.
        device: where the encoder runs.
    """

    def __init__(self, folder: str | os.PathLike, frames: int = 32, device: str = "cpu") -> None:
        folder = given_path(folder)
        try:
            encoder = ImageEncoder.from_pretrained(folder)
        except ValueError as error:
            raise FeatureError(f"the video backbone cannot be loaded: {error}") from error
        # An encoder that takes images as they come still needs one size for the copies of a clip.
        self.size = encoder.image_size or 224
        self.frames, self.device = frames, torch.device(device)
        self.encoder = encoder.to(self.device).requires_grad_(False)
        self.augment = ClipAugment(self.size)
        self.dim = 2 * encoder.feature_dim
        settings = [1, frames, self.size, self.augment.extra_repr(), repr(encoder)]
        settings += [encoder.mean.flatten().tolist(), encoder.std.flatten().tolist()]
        self.name = f"{folder.resolve().name}@{digest(settings, encoder)}"

    @torch.no_grad()
    def augmented(
        self, frames: np.ndarray | Tensor, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """uint8 frames (T, H, W, 3) of one clip → float32 (1 + len(generators), dim)."""
        clean = _clip(frames, self.size, _evenly(len(frames), self.frames)).to(self.device)
        clips = [clean[None]]  # (1, 3, T, size, size)
        if generators:
            clips.append(self.augment(clean, generators))
        pictures = [clip.transpose(1, 2).flatten(0, 1) for clip in clips]
        h = self.encoder(torch.cat(pictures))  # (T + C·⌈T/2⌉, D): all copies in one batch
        parts = h.split([len(picture) for picture in pictures])
        rows = [
            _mean_and_spread(part.view(len(clip), -1, h.shape[1]))
            for part, clip in zip(parts, clips, strict=True)
        ]
        return torch.cat(rows).cpu()  # (1 + C, 2 D)


class TorchvisionVideo(ClipByClip):
    """A video model of torchvision without its last layer.

    Args:
        model: "r2plus1d_18", "mvit_v2_s" …
        weights: "DEFAULT", the name of other pretrained weights ("KINETICS400_V1"), or "random".
            Pretrained ones are downloaded into torch's cache when they are not there yet.
        frames: how many a clip is shown with, at equal distances (repeated in shorter clips).
        size: side in pixels; default that of the pretrained weights. Frames are squeezed to it.
        device: where the model runs.

    Raises:
        FeatureError: no such weights, or they cannot be fetched.
    """

    def __init__(
        self,
        model: str,
        weights: str = "DEFAULT",
        frames: int = 16,
        size: int | None = None,
        device: str = "cpu",
    ) -> None:
        from torchvision.models import get_model, get_model_weights

        known = get_model_weights(model)
        preset = known.DEFAULT.transforms()
        chosen = None
        if weights != "random":
            names = list(known.__members__)  # DEFAULT is one of them
            if weights not in names:
                raise FeatureError(
                    f"{model} has no weights {weights!r}: take {', '.join(names)} or random"
                )
            chosen = known[weights]
            preset = chosen.transforms()
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)  # random weights are the same ones every time
                network = get_model(model, weights=chosen)
        except OSError as error:
            raise FeatureError(
                f"the weights {chosen} of {model} cannot be downloaded ({error}). Fetch "
                f"{chosen.url} into {torch.hub.get_dir()}/checkpoints, or take {model}:random"
            ) from error
        self.dim = _remove_head(network, model)
        self.frames, self.size = frames, size or preset.crop_size[0]
        self.device = torch.device(device)
        self.network = network.eval().to(self.device).requires_grad_(False)
        shape = (1, 3, 1, 1, 1)
        self.mean = torch.tensor(preset.mean, device=self.device).view(shape)
        self.std = torch.tensor(preset.std, device=self.device).view(shape)
        self.augment = ClipAugment(self.size)
        settings = [1, frames, self.size, self.augment.extra_repr(), preset.mean, preset.std]
        asked = model if weights == "DEFAULT" else f"{model}:{weights}"
        self.name = f"{asked}@{digest(settings, network)}"

    @torch.no_grad()
    def augmented(
        self, frames: np.ndarray | Tensor, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """uint8 frames (T, H, W, 3) of one clip → float32 (1 + len(generators), dim)."""
        # Twice as many frames as are shown, so that the random halves differ.
        clean = _clip(frames, self.size, _evenly(len(frames), 2 * self.frames)).to(self.device)
        clips = [clean[None]]
        if generators:
            clips.append(self.augment(clean, generators))
        rows = []
        for clip in torch.cat([self._timed(clip) for clip in clips]):  # (3, frames, size, size)
            rows.append(self.network((clip[None] - self.mean) / self.std))
        return torch.cat(rows).float().cpu()  # (1 + C, dim)

    def _timed(self, clips: Tensor) -> Tensor:
        """(C, 3, T, size, size) → (C, 3, frames, size, size)"""
        at = torch.linspace(0, clips.shape[2] - 1, self.frames).round().long()
        return clips[:, :, at.to(clips.device)]


def torchvision_models() -> list[str]:
    """Names of torchvision's video models."""
    from torchvision import models

    return models.list_models(module=models.video)


def _remove_head(network: nn.Module, name: str) -> int:
    """Takes the classifier off; returns the length of what remains."""
    for key in ("fc", "head", "classifier"):
        head = getattr(network, key, None)
        if head is None:
            continue
        layers = head.modules() if isinstance(head, nn.Sequential) else (head,)
        for layer in layers:
            if isinstance(layer, (nn.Linear, nn.Conv3d)):
                setattr(network, key, nn.Identity())
                return layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    raise FeatureError(f"{name} does not end in a classifier that is known: take another model")


def _evenly(count: int, most: int) -> Tensor:
    """Indices of at most `most` frames at equal distances."""
    return torch.linspace(0, count - 1, min(count, most)).round().long()


def _clip(frames: np.ndarray | Tensor, size: int, at: Tensor) -> Tensor:
    """uint8 (T, H, W, 3) → float32 (3, len(at), size, size) in [0, 1]."""
    frames = torch.as_tensor(frames)
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or not len(at):
        raise FeatureError(
            f"expected uint8 frames (T, H, W, 3), got {frames.dtype} {tuple(frames.shape)}"
        )
    pictures = frames[at].permute(0, 3, 1, 2).float()
    if pictures.shape[-2:] != (size, size):
        pictures = F.interpolate(
            pictures, (size, size), mode="bilinear", antialias=True, align_corners=False
        )
    return pictures.div_(255).clamp_(0, 1).transpose(0, 1).contiguous()


def _mean_and_spread(h: Tensor) -> Tensor:
    """(C, T, D) → mean and standard deviation over time (C, 2 D); one frame has no spread."""
    return torch.cat([h.mean(1), h.std(1, correction=0)], dim=1).float()
