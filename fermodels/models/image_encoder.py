"""Image encoders f: images in, one representation h for each out."""

# No `from __future__ import annotations` here: the Hub mixin reads the annotations as types.
import os
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from fermodels._shared.plain import plain
from fermodels.models.modes import weights_dtype
from fermodels.models.networks import normalisation, small_network, torchvision_network
from fermodels.models.saving import SavedModule

_MEAN, _STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


class ImageEncoder(SavedModule):
    """A convolutional network or vision transformer without its last layer.

    Args:
        name: "small", a residual network for laptops (:class:`fermodels.models.SmallResNet`),
            or a classification model of torchvision ("resnet18", "mobilenet_v3_small" …).
        image_size: images of another size are resized to this side in pixels (bilinear,
            antialiased; an image that is not square is squeezed). None takes them as they come.
            For a vision transformer it is a multiple of the patch ("vit_b_16": 16 pixels).
        mean, std: normalisation for each channel, applied to images in [0, 1]. None takes what the
            pretrained weights expect, and without any 0.5 and 0.25.
        width: channels of the first stage of "small"; other networks ignore it.
        norm: of "small": "batch", "group" or "instance-batch", see
            :class:`fermodels.models.SmallResNet`. Other networks have the one they were made with.
        pretrained: where the weights of a model of torchvision start. False: random. True: its
            default weights, downloaded once into torch's cache. A path: a file of weights of that
            architecture, `.safetensors` or what `torch.save(network.state_dict(), …)` wrote. Their
            last layer is left out; position embeddings of a vision transformer are interpolated
            to `image_size`. It is no part of a saved encoder, which holds its own weights.

    Attributes:
        feature_dim: length D of the representation.

    Raises:
        ValueError: torchvision has no such classification model, or one whose last layer is not
            linear; `image_size` does not fit; the file is broken or of another architecture;
            "small" is to be pretrained; `norm` is unknown, or asked for of another network.
        FileNotFoundError: there is no such file of weights.
        OSError: the weights cannot be downloaded.

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
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        width: int = 24,
        pretrained: bool | str | os.PathLike = False,
        norm: str = "batch",
    ):
        super().__init__()
        if image_size is not None and image_size < 16:
            raise ValueError(f"image_size must be at least 16 pixels or None, got {image_size}")
        if pretrained and name == "small":
            raise ValueError(
                "torchvision has no weights for 'small': load an encoder that ships with "
                "ImageEncoder.from_pretrained(folder), or take another name"
            )
        if norm != "batch" and name != "small":
            raise ValueError(f"norm={norm!r} is a setting of 'small'; {name!r} has its own")
        if name == "small":
            self.backbone, self.feature_dim = small_network(width, norm)
        else:
            self.backbone, self.feature_dim = torchvision_network(name, image_size, pretrained)
        own = normalisation(name) if pretrained else (_MEAN, _STD)
        mean, std = own[0] if mean is None else mean, own[1] if std is None else std
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f"mean and std need three numbers, std above 0; got {mean}, {std}")
        self.name, self.image_size = name, image_size
        # What config.json says builds this encoder again without the file that it started from.
        self._hub_mixin_config |= plain({"mean": tuple(mean), "std": tuple(std)})
        self._hub_mixin_config.pop("pretrained", None)
        if norm == "batch":  # as encoders of before this setting have it
            self._hub_mixin_config.pop("norm", None)
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
        # What is exported cannot look at values.
        if not (self.training or torch.compiler.is_compiling()) and images.numel():
            low, high = (value.item() for value in images.aminmax())
            if not (low >= -1e-3 and high <= 1 + 1e-3):  # also true for NaN
                raise ValueError(
                    f"the encoder takes images in [0, 1], got values from {low:g} to {high:g}: "
                    "divide 0…255 by 255, and do not normalise before (it is done inside)"
                )
        # In float32 at least, whatever the weights are: these are the input's own digits.
        images = images if images.dtype == torch.float64 else images.float()
        size = self.image_size
        # Exported, it takes images of any size: of this one, resizing leaves them as they are.
        if size is not None and (
            torch.compiler.is_exporting() or images.shape[-2:] != (size, size)
        ):
            images = F.interpolate(
                images, (size, size), mode="bilinear", antialias=True, align_corners=False
            )
        images = ((images - self.mean) / self.std).to(weights_dtype(self.backbone))
        # Channels last makes the convolutions a quarter to a third faster, on CPU and on CUDA.
        return self.backbone(images.contiguous(memory_format=torch.channels_last))  # (N, D)

    @classmethod
    def _from_pretrained(cls, *, pretrained: object = None, **options):
        # Wherever a configuration has it from: a saved encoder holds its own weights.
        return super()._from_pretrained(**options)
