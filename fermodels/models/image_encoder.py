"""Image encoders f: images in, one representation h for each out."""

# No `from __future__ import annotations` here: the Hub mixin reads the annotations as types.
import difflib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fermodels.models.saving import SavedModule


class ImageEncoder(SavedModule):
    """A convolutional network or vision transformer without its last layer.

    Args:
        name: "small", a residual network for laptops (:class:`fermodels.models.SmallResNet`),
            or a classification model of torchvision ("resnet18", "mobilenet_v3_small" …), with
            random weights.
        image_size: images of another size are resized to this side (bilinear, antialiased; a
            picture that is not square is squeezed). None takes them as they come.
        mean, std: normalisation for each channel, applied to images in [0, 1].
        width: channels of the first stage of "small"; other networks ignore it.

    Attributes:
        feature_dim: length D of the representation.

    Raises:
        ValueError: torchvision has no such classification model, or one whose last layer is not
            linear.

    Example:
        >>> import torch
        >>> encoder = ImageEncoder("small", image_size=48)
        >>> encoder(torch.rand(2, 3, 96, 96)).shape
        torch.Size([2, 256])
    """

    def __init__(
        self,
        name: str = "small",
        image_size: int | None = 48,
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        std: Sequence[float] = (0.25, 0.25, 0.25),
        width: int = 24,
    ):
        super().__init__()
        if image_size is not None and image_size < 16:
            raise ValueError(f"image_size must be at least 16 pixels or None, got {image_size}")
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f"mean and std need three numbers, std above 0; got {mean}, {std}")
        self.name, self.image_size = name, image_size
        self.backbone, self.feature_dim = _backbone(name, image_size, width)
        # config.json holds both, so they stay out of the weights.
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(shape), False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(shape), False)

    def __repr__(self) -> str:
        millions = sum(p.numel() for p in self.parameters()) / 1e6
        return (
            f"{type(self).__name__}({self.name!r}, image_size={self.image_size}, "
            f"feature_dim={self.feature_dim}, {millions:.2f} M parameters)"
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), float in [0, 1] → representations h (N, feature_dim).

        Raises:
            TypeError: for uint8 or other integer images.
            ValueError: for another shape and, in eval mode, values outside [0, 1] or NaN.
        """
        if not images.is_floating_point():
            raise TypeError(
                f"the encoder takes float images in [0, 1], got {images.dtype}: "
                "pass images.float() / 255"
            )
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"expected images (N, 3, H, W), got {tuple(images.shape)}")
        if not self.training and images.numel():
            low, high = (value.item() for value in images.aminmax())
            if not (low >= -1e-3 and high <= 1 + 1e-3):  # also true for NaN
                raise ValueError(
                    f"the encoder takes images in [0, 1], got values from {low:g} to {high:g}: "
                    "divide 0…255 by 255, and do not normalise before (it is done inside)"
                )
        size = self.image_size
        if size is not None and images.shape[-2:] != (size, size):
            images = F.interpolate(
                images, (size, size), mode="bilinear", antialias=True, align_corners=False
            )
        images = (images - self.mean) / self.std
        # Channels last makes the convolutions a quarter to a third faster, on CPU and on CUDA.
        return self.backbone(images.contiguous(memory_format=torch.channels_last))  # (N, D)


def _backbone(name: str, image_size: int | None, width: int) -> tuple[nn.Module, int]:
    """The network without its last linear layer, and the length of its output."""
    if name == "small":
        from fermodels.models.small_resnet import SmallResNet

        network = SmallResNet(width)
        return network, network.feature_dim

    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        close = difflib.get_close_matches(name, known, 3) or ["resnet18", "mobilenet_v3_small"]
        raise ValueError(
            f"unknown encoder {name!r}: take 'small' or a classification model of torchvision, "
            f"such as {', '.join(map(repr, close))}"
        )
    options = {}
    if name in ("googlenet", "inception_v3"):
        options = {"aux_logits": False, "init_weights": True}
    if name.startswith("vit_"):
        if image_size is None:
            raise ValueError(f"{name!r} has a fixed grid of patches: set image_size, such as 224")
        options = {"image_size": image_size}
    network = torchvision.models.get_model(name, weights=None, **options)
    parent, key = network, ""
    for key in ("fc", "classifier", "heads", "head"):
        head = getattr(network, key, None)
        if isinstance(head, nn.Sequential):
            parent, key = head, [k for k, _ in head.named_children()][-1]
        if head is not None:
            break
    last = getattr(parent, key, None)
    if not isinstance(last, nn.Linear):
        raise ValueError(f"{name!r} does not end in a linear layer: take another encoder")
    setattr(parent, key, nn.Identity())
    return network, last.in_features
