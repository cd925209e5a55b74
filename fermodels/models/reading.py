"""Any saved model, by what its `config.json` says of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fermodels._shared.paths import given_path
from fermodels._shared.places import shipped_weights
from fermodels.models.clip_classifier import ClipClassifier
from fermodels.models.image_classifier import ImageClassifier
from fermodels.models.image_encoder import ImageEncoder
from fermodels.models.multi_modal_encoder import MultiModalEncoder
from fermodels.models.saving import CONFIG, SavedModule, looks_local


def read_model(path: str | os.PathLike) -> SavedModule:
    """A saved encoder or classifier of images or clips, in eval mode on the CPU.

    Args:
        path: its folder, as `save_pretrained` writes it, the name of one that ships, or that of
            one on the Hugging Face Hub ("user/name").

    Raises:
        FileNotFoundError: there is no such folder or name, or no model in it.
        ValueError: it is none of these models, or a file in it is damaged.
    """
    source, file = _source_and_config(path)
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        encoder = config.get("encoder") or config
        of_clips, of_images = "feature_dims" in encoder, "image_size" in encoder
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{file} does not describe a model ({error})") from error
    if not (of_clips or of_images):
        raise ValueError(f"{file} describes no encoder or classifier of fermodels")
    if "classes" in config:
        return (ClipClassifier if of_clips else ImageClassifier).from_pretrained(source)
    return (MultiModalEncoder if of_clips else ImageEncoder).from_pretrained(source)


def _source_and_config(path: str | os.PathLike) -> tuple[Path | str, Path]:
    """What `from_pretrained` takes, and the file of its configuration."""
    folder = given_path(path)
    if (folder / CONFIG).is_file():
        return folder, folder / CONFIG
    if not folder.exists() and folder.parent == Path():
        folder = shipped_weights(folder.name)
        return folder, folder / CONFIG
    if not folder.exists() and not looks_local(path):
        return str(path), _config_on_the_hub(str(path))
    inside = sorted(one.parent.name for one in folder.glob(f"*/{CONFIG}"))
    hint = f"; in it there are: {', '.join(inside[:5])}" if inside else ""
    raise FileNotFoundError(
        f"{folder}: no folder of a saved model ({CONFIG} is missing){hint}. Name what "
        "save_pretrained wrote, or `encoder` or `classifier` of a run folder"
    )


def _config_on_the_hub(name: str) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(name, CONFIG))
    except (OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FileNotFoundError(
            f"{name}: no such folder, and the Hugging Face Hub has no such model for us ({reason})"
        ) from error
