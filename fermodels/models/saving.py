"""Modules as a folder of two files, `model.safetensors` and `config.json`. No pickle."""

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from fermodels._shared.files import replace_file
from fermodels._shared.paths import given_path
from fermodels._shared.plain import plain, to_json

WEIGHTS, CONFIG = "model.safetensors", "config.json"


class SavedModule(nn.Module, PyTorchModelHubMixin):
    """A module that is saved to a folder or to the Hugging Face Hub, and loaded from there.

    `config.json` holds the arguments of the constructor, `model.safetensors` the weights. Loading
    needs neither the training framework nor pickle.
    """

    def __new__(cls, *args, **kwargs):
        # The mixin leaves out of config.json what is of NumPy.
        args, kwargs = plain((args, kwargs), other=lambda value: value)
        return super().__new__(cls, *args, **kwargs)

    @property
    def config(self) -> dict[str, Any]:
        """The arguments of the constructor as `config.json` holds them."""
        return plain(dict(self._hub_mixin_config), other=lambda value: value)

    def _apply(self, fn, recurse: bool = True):
        """Its own buffers, by which inputs are measured, stay float32 when weights become half."""
        exact = dict(self.named_buffers(recurse=False))
        super()._apply(fn, recurse)
        for name, buffer in exact.items():
            device = self._buffers[name].device
            if not buffer.is_meta and device.type != "meta":
                self._buffers[name] = buffer.to(device)
        return self

    def save_pretrained(self, save_directory, *, half: bool = False, **hub_options) -> None:
        """Write the module to a folder, which is made if it is not there.

        Args:
            save_directory: the folder.
            half: store matrices and kernels in float16, at half the size. Vectors, among them the
                statistics of batch norm, which can exceed float16, stay in float32.
            hub_options: handed on to `PyTorchModelHubMixin.save_pretrained`, as `push_to_hub`
                does; a model card is written only then.
        """
        directory = given_path(save_directory)
        if hub_options:
            if half:
                raise ValueError("half=True writes to a local folder; leave the Hub options out")
            super().save_pretrained(directory, **hub_options)
            return
        directory.mkdir(parents=True, exist_ok=True)
        self._save_pretrained(directory, half)
        replace_file(directory / CONFIG, (to_json(self.config, indent=2) + "\n").encode())

    def _save_pretrained(self, save_directory: Path, half: bool = False) -> None:
        from safetensors.torch import save

        tensors = {}
        for name, value in self.state_dict().items():
            value = value.detach().cpu().contiguous()
            if half and value.is_floating_point() and value.ndim > 1:
                value = value.half()
                if not value.isfinite().all():
                    raise ValueError(f"{name} does not fit into float16: save with half=False")
            tensors[name] = value.clone()  # safetensors refuses tensors that share memory
        replace_file(save_directory / WEIGHTS, save(tensors, metadata={"format": "pt"}))

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, **options):
        """Load from a folder, or by name ("user/name") from the Hugging Face Hub, in eval mode.

        Weights stored in half precision come back as float32. `map_location` names the device.

        Raises:
            FileNotFoundError: there is no such folder, or a file is missing in it.
            ValueError: a file cannot be read, or the weights are those of another architecture.
        """
        source = str(given_path(pretrained_model_name_or_path))
        if not os.path.isdir(source) and looks_local(pretrained_model_name_or_path):
            raise FileNotFoundError(
                f"{source}: no such folder. {cls.__name__}.from_pretrained takes a folder that "
                "save_pretrained wrote"
            )
        if os.path.isdir(source):
            for name in (CONFIG, WEIGHTS):
                if not os.path.isfile(os.path.join(source, name)):
                    raise FileNotFoundError(
                        f"{source}: {name} is missing. {cls.__name__}.from_pretrained needs "
                        f"{CONFIG} and {WEIGHTS}, as save_pretrained writes them"
                    )
            cls._check_config(Path(source) / CONFIG)
        return super().from_pretrained(source, **options)

    @classmethod
    def _check_config(cls, path: Path) -> None:
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: not JSON ({error})") from error
        unknown = set(config) - set(cls._hub_mixin_init_parameters)
        if unknown:
            raise ValueError(
                f"{path}: {', '.join(sorted(unknown))} is no setting of {cls.__name__}; this "
                "folder holds a model of another class or of another version of fermodels"
            )

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        map_location: str | torch.device = "cpu",
        **settings: Any,
    ):
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if os.path.isdir(model_id):
            path = os.path.join(model_id, WEIGHTS)
        else:
            from huggingface_hub import hf_hub_download

            path = hf_hub_download(
                model_id,
                WEIGHTS,
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                local_files_only=local_files_only,
                token=token,
            )
        try:
            tensors = load_file(path)
        except SafetensorError as error:
            raise ValueError(f"{path}: not a whole safetensors file ({error})") from error
        module = cls(**settings)
        expected = module.state_dict()
        if problems := differences(expected, tensors):
            raise ValueError(
                f"{path}: weights of another architecture than its {CONFIG} says "
                f"({module}): {problems}"
            )
        tensors = OrderedDict(tensors)
        # Some networks refuse weights that do not say which version of them they are of.
        tensors._metadata = expected._metadata
        module.load_state_dict(tensors)  # copies into float32, whatever the file holds
        return module.to(map_location).eval()


def weights_digest(module: nn.Module) -> str:
    """SHA-256 (hex) over names, types, shapes and values of all parameters and buffers."""
    digest = hashlib.sha256()
    update_with_weights(digest, module)
    return digest.hexdigest()


def update_with_weights(digest: "hashlib._Hash", module: nn.Module) -> None:
    """Feed names, types, shapes and values of all parameters and buffers to a digest."""
    for name, value in sorted(module.state_dict().items()):
        value = value.detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy())


def looks_local(source) -> bool:
    """A name on the Hub is one "user/name"; anything else, and any existing parent, is a path."""
    text = os.fspath(source)
    local = isinstance(source, Path) or text.startswith((".", "~", "$", os.sep)) or "\\" in text
    return local or text.count("/") != 1 or os.path.isdir(os.path.dirname(text))


def differences(expected: Mapping[str, torch.Tensor], tensors: Mapping[str, torch.Tensor]) -> str:
    """What differs between the tensors that a module has and those in a file; "" if nothing."""
    problems = []
    missing, unknown = set(expected) - set(tensors), set(tensors) - set(expected)
    if missing:
        problems.append(f"{len(missing)} tensors are missing, such as {min(missing)}")
    if unknown:
        problems.append(f"{len(unknown)} are unknown, such as {min(unknown)}")
    for name in sorted(set(expected) & set(tensors)):
        if expected[name].shape != tensors[name].shape:
            shapes = tuple(tensors[name].shape), tuple(expected[name].shape)
            problems.append(f"{name} has shape {shapes[0]} instead of {shapes[1]}")
            break
    return "; ".join(problems)
