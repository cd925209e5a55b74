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
from fermodels.models.saving import CONFIG, SavedModule


def read_model(path: str | os.PathLike) -> SavedModule:
    """A saved encoder or classifier of images or clips, in eval mode on the CPU.

    Args:
        path: its folder, as `save_pretrained` writes it, or the name of one that ships.

    Raises:
        FileNotFoundError: there is no such folder, or no model in it.
        ValueError: it is none of these models, or a file in it is damaged.
    """
    folder = _folder_of(path)
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        encoder = config.get("encoder") or config
        of_clips, of_images = "feature_dims" in encoder, "image_size" in encoder
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{folder / CONFIG} does not describe a model ({error})") from error
    if not (of_clips or of_images):
        raise ValueError(f"{folder / CONFIG} describes no encoder or classifier of fermodels")
    if "classes" in config:
        return (ClipClassifier if of_clips else ImageClassifier).from_pretrained(folder)
    return (MultiModalEncoder if of_clips else ImageEncoder).from_pretrained(folder)


def _folder_of(path: str | os.PathLike) -> Path:
    folder = given_path(path)
    if (folder / CONFIG).is_file():
        return folder
    if not folder.exists() and folder.parent == Path():
        return shipped_weights(folder.name)
    inside = sorted(one.parent.name for one in folder.glob(f"*/{CONFIG}"))
    hint = f"; in it there are: {', '.join(inside[:5])}" if inside else ""
    raise FileNotFoundError(
        f"{folder}: no folder of a saved model ({CONFIG} is missing){hint}. Name what "
        "save_pretrained wrote, or `encoder` or `classifier` of a run folder"
    )
