"""Networks of torchvision without their last layer, and weights to start them from."""

from __future__ import annotations

import difflib
import os
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from fermodels._shared.paths import given_path
from fermodels.models.saving import differences

_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
_TENSORFLOW = ("googlenet", "inception_v3")
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")


def small_network(width: int, norm: str) -> tuple[nn.Module, int]:
    """The network for laptops, and the length of its output."""
    from fermodels.models.small_resnet import SmallResNet

    network = SmallResNet(width, norm=norm)
    return network, network.feature_dim


def torchvision_network(
    name: str, image_size: int | None, pretrained: bool | str | os.PathLike = False
) -> tuple[nn.Module, int]:
    """A classification model of torchvision without its last linear layer.

    Args:
        name: as torchvision calls it.
        image_size: side of the images in pixels; vision transformers need it.
        pretrained: see :class:`fermodels.models.ImageEncoder`.

    Returns:
        The network, and the length of its output.

    Raises:
        FileNotFoundError, OSError, ValueError: see :class:`fermodels.models.ImageEncoder`.
    """
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        close = difflib.get_close_matches(name, known, 3) or ["resnet18", "mobilenet_v3_small"]
        raise ValueError(
            f"unknown encoder {name!r}: take 'small' or a classification model of torchvision, "
            f"such as {', '.join(map(repr, close))}"
        )
    options = {}
    if name in _TENSORFLOW:
        options = {"aux_logits": False, "init_weights": not pretrained}
    if name.startswith("vit_"):
        options = {"image_size": _checked_size(name, image_size)}
    network = torchvision.models.get_model(name, weights=None, **options)
    parent, key, path = network, "", ""
    for key in ("fc", "classifier", "heads", "head"):
        head = getattr(network, key, None)
        if head is None:
            continue
        path = f"{key}."
        if isinstance(head, nn.Sequential):
            parent, key = head, [k for k, _ in head.named_children()][-1]
            path += f"{key}."
        break
    last = getattr(parent, key, None)
    if not isinstance(last, nn.Linear):
        raise ValueError(f"{name!r} does not end in a linear layer: take another encoder")
    setattr(parent, key, nn.Identity())
    if pretrained:
        state, source = _weights(name, pretrained)
        _start_from(network, name, state, source, head=path, image_size=image_size)
    return network, last.in_features


def normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation, for each channel, of the images that torchvision's weights expect."""
    from torchvision.models import get_model_weights

    if name in _TENSORFLOW:
        # These take 0.5 ± 0.5; torchvision turns ImageNet's normalisation into it within the
        # network, only where it downloads the weights itself.
        return _HALF
    try:
        transforms = get_model_weights(name).DEFAULT.transforms()
        return tuple(transforms.mean), tuple(transforms.std)
    except (AttributeError, ValueError):
        return _IMAGENET


def _checked_size(name: str, image_size: int | None) -> int:
    if image_size is None:
        raise ValueError(f"{name!r} has a fixed grid of patches: set image_size, such as 224")
    patch = _patch_size(name)
    if image_size % patch:
        below = image_size // patch * patch
        near = f"{below} or {below + patch}" if below else f"{patch}"
        raise ValueError(
            f"{name!r} cuts images into patches of {patch} pixels: image_size must be a multiple "
            f"of {patch}, such as {near}, got {image_size}"
        )
    return image_size


def _patch_size(name: str) -> int:
    return int(name.rpartition("_")[2])


# ------------------------------------------------------------------------------------ the weights


def _weights(name: str, pretrained: bool | str | os.PathLike) -> tuple[Mapping[str, Tensor], str]:
    """Tensors by name, and what error messages call their source."""
    if pretrained is not True:
        path = given_path(pretrained)
        return _read(path), str(path)
    from torchvision.models import get_model_weights

    weights = get_model_weights(name).DEFAULT
    try:
        return weights.get_state_dict(progress=False, check_hash=True), str(weights)
    except OSError as error:
        raise OSError(
            f"the weights of torchvision's {name} cannot be downloaded ({error}). Fetch "
            f"{weights.url} on another machine and pass pretrained='path/of/the/file', or take "
            "pretrained=False"
        ) from error


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        what = "a folder, not a file" if path.is_dir() else "no such file"
        raise FileNotFoundError(
            f"{path}: {what}. `pretrained` takes True, for torchvision's own weights, or a file "
            "of weights (.safetensors, .pth); what save_pretrained wrote is loaded by "
            "ImageEncoder.from_pretrained"
        )
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise ValueError(f"{path}: not a whole safetensors file ({error})") from error
    try:
        # Tensors only: a pickle could run anything.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # UnpicklingError, RuntimeError, EOFError, … by what is broken
        raise ValueError(
            f"{path}: cannot be read as weights; tensors by name are expected, as "
            f"torch.save(network.state_dict(), …) writes them ({_first_line(error)})"
        ) from error
    for key in ("state_dict", "model"):  # as training scripts save them
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{path}: holds other things than tensors by name: no file of weights")
    return state


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _start_from(
    network: nn.Module,
    name: str,
    weights: Mapping[str, Tensor],
    source: str,
    head: str,
    image_size: int | None,
) -> None:
    """Copy weights into a network that has lost its head; those of the head are left out."""
    expected = network.state_dict()
    state = OrderedDict((key.removeprefix("module."), value) for key, value in weights.items())
    if any(key.startswith(("backbone.", "encoder.backbone.")) for key in state):
        raise ValueError(
            f"{source}: the weights of a saved ImageEncoder, not of torchvision's {name}: load "
            "its folder by ImageEncoder.from_pretrained, which knows the normalisation too"
        )
    if name.startswith("densenet"):  # the names of older files: norm.1 for norm1
        state = OrderedDict(
            (_densenet_key(key) if key not in expected else key, value)
            for key, value in state.items()
        )
    # Files of other heads, of no head, and of networks with auxiliary classifiers fit as well.
    for key in list(state):
        if key.startswith((head, *_AUXILIARY)) and key not in expected:
            del state[key]
    for key in expected:  # older files do not count batches
        if key.endswith("num_batches_tracked"):
            state.setdefault(key, expected[key])
    position = "encoder.pos_embedding"
    if name.startswith("vit_") and position in state and image_size is not None:
        from torchvision.models.vision_transformer import interpolate_embeddings

        state[position] = state[position].float()
        if state[position].shape[::2] == expected[position].shape[::2]:  # (1, any number, D)
            state = interpolate_embeddings(image_size, _patch_size(name), state)
    if problems := differences(expected, state):
        raise ValueError(f"{source}: not the weights of torchvision's {name}: {problems}")
    # Some networks refuse weights that do not say which version of them they are of.
    state._metadata = getattr(weights, "_metadata", expected._metadata)
    network.load_state_dict(state)


def _densenet_key(key: str) -> str:
    for layer in ("norm", "conv"):
        key = key.replace(f".{layer}.1.", f".{layer}1.").replace(f".{layer}.2.", f".{layer}2.")
    return key
