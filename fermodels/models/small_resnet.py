"""A residual network small enough to train on a laptop's CPU."""

import math

import torch
from torch import Tensor, nn

NORMS = ("batch", "group", "instance-batch")


class InstanceBatchNorm(nn.Module):
    """Instance norm for the first half of the channels, batch norm for the others.

    Instance norm takes light and contrast of the single image out, batch norm keeps what tells
    images apart (IBN-Net; Pan et al., ECCV 2018, arXiv 1807.09441).
    """

    def __init__(self, channels: int):
        super().__init__()
        self.half = channels // 2
        # Groups of one channel: instance norm, but in the layout of channels that is the fast one.
        self.instance = nn.GroupNorm(self.half, self.half)
        self.batch = nn.BatchNorm2d(channels - self.half)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.split([self.half, x.shape[1] - self.half], dim=1)
        return torch.cat([self.instance(first), self.batch(second)], dim=1)


def make_norm(kind: str, channels: int, early: bool = False) -> nn.Module:
    """The norm of a layer; `early` says that it is one that "instance-batch" divides in two.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in NORMS:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {kind!r}")
    if kind == "group":  # of eight channels where that divides them
        return nn.GroupNorm(math.gcd(channels, max(1, channels // 8)), channels)
    if kind == "instance-batch" and early:
        return InstanceBatchNorm(channels)
    return nn.BatchNorm2d(channels)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions around a shortcut (He et al., CVPR 2016, figure 2)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        norm: str = "batch",
        early: bool = False,
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.norm1 = make_norm(norm, out_channels, early)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.norm2 = make_norm(norm, out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            # A mean before the 1×1 convolution keeps the pixels that a strided one would skip
            # (ResNet-D; He et al., CVPR 2019, arXiv 1812.01187). Odd sizes round up, as conv1's do.
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False),
                nn.Conv2d(in_channels, out_channels, 1, bias=False),
                make_norm(norm, out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class SmallResNet(nn.Module):
    """Nine convolutions in four stages, each of half the resolution of the one before.

    At 48 pixels the stages see 24, 12, 6 and 3 pixels. The block at 24 pixels costs a quarter of
    the time and reads what brows and lips do; without it (stem straight into the second stage)
    the network trains a quarter faster and misses that detail.

    Args:
        width: channels of the stem and the first stage; the next two have 2 and 4 times as many.
        feature_dim: channels of the last stage.
        norm: "batch"; "group", which knows no other images, in training nor after it (Wu & He,
            ECCV 2018, arXiv 1803.08494); or "instance-batch", `InstanceBatchNorm` after
            the first convolution of the first three stages, as IBN-Net-a has it.

    Raises:
        ValueError: an unknown `norm`.
    """

    def __init__(self, width: int = 24, feature_dim: int = 256, norm: str = "batch"):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1, bias=False),
            make_norm(norm, width),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.Sequential(
            BasicBlock(width, width, 1, norm, early=True),
            BasicBlock(width, 2 * width, 2, norm, early=True),
            BasicBlock(2 * width, 4 * width, 2, norm, early=True),
            BasicBlock(4 * width, feature_dim, 2, norm),
        )
        self.feature_dim = feature_dim

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (N, 3, H, W) → features (N, feature_dim)."""
        x = self.stages(self.stem(images))  # (N, feature_dim, H/16, W/16)
        return x.mean(dim=(2, 3))
