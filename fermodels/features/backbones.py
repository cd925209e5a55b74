"""Backbones by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from fermodels._shared.paths import given_path
from fermodels._shared.places import DEFAULT_VIDEO, shipped_weights_folders
from fermodels.features import sound, text, video
from fermodels.features.backbone import Backbone, FeatureError
from fermodels.features.tfidf import TfidfSvd


def video_backbone(name: str = DEFAULT_VIDEO, **options) -> Backbone:
    """A backbone of frames.

    Args:
        name: an image encoder that ships with the course (by default that of the features which the
            shipped ConCluGen was trained on), a folder of any saved
            :class:`fermodels.models.ImageEncoder`, or a video model of torchvision:
            "r2plus1d_18" has its default pretrained weights (downloaded once, into torch's cache),
            "r2plus1d_18:KINETICS400_V1" those of that name, "r2plus1d_18:random" none.
        options: `frames` and `device`; `size` too for torchvision's. See
            :class:`fermodels.features.video.FrameStatistics` and
            :class:`fermodels.features.video.TorchvisionVideo`.

    Raises:
        FeatureError: there is no such backbone; the message lists what there is.
    """
    model, _, weights = name.partition(":")
    if model in (known := video.torchvision_models()):
        return video.TorchvisionVideo(model, weights or "DEFAULT", **options)
    folder = _encoder_folder(name)
    if folder is None:
        shipped = ", ".join(_shipped_encoders()) or "none here"
        raise FeatureError(
            f"unknown video backbone {name!r}: take an encoder that ships with the course "
            f"({shipped}), the folder of a saved ImageEncoder, or a video model of torchvision "
            f"({', '.join(known)})"
        )
    return video.FrameStatistics(folder, **options)


def audio_backbone(name: str = "log-mel", **options) -> Backbone:
    """A backbone of sound.

    Args:
        name: "log-mel", or "hf:" and the name (or folder) of an audio encoder of Hugging Face,
            such as "hf:facebook/wav2vec2-base"; "hf:NAME@REVISION" takes that revision.
        options: `device`, for Hugging Face's.

    Raises:
        FeatureError: there is no such backbone.
        ImportError: `transformers` is not installed.
    """
    if name.startswith("hf:"):
        return sound.HuggingFaceAudio(name[3:], **options)
    if name != "log-mel":
        raise FeatureError(
            f"unknown audio backbone {name!r}: take 'log-mel', or 'hf:NAME' for any audio encoder "
            "of Hugging Face, such as 'hf:facebook/wav2vec2-base'"
        )
    return sound.LogMelStatistics()


def text_backbone(
    name: str = "tfidf", sentences: Sequence[str] | None = None, **options
) -> Backbone:
    """A backbone of sentences.

    Args:
        name: "tfidf", or "hf:" and the name (or folder) of a sentence encoder of Hugging Face,
            such as "hf:sentence-transformers/all-MiniLM-L6-v2".
        sentences: what "tfidf" is fitted on: those of the training split and no others.
        options: `dim` for "tfidf"; `device` for Hugging Face's.

    Raises:
        FeatureError: there is no such backbone, or "tfidf" has no sentences to be fitted on.
        ImportError: `transformers` is not installed.
    """
    if name.startswith("hf:"):
        return text.HuggingFaceText(name[3:], **options)
    if name != "tfidf":
        raise FeatureError(
            f"unknown text backbone {name!r}: take 'tfidf', or 'hf:NAME' for any sentence encoder "
            "of Hugging Face, such as 'hf:sentence-transformers/all-MiniLM-L6-v2'"
        )
    return TfidfSvd.fit(sentences or (), **options)


def _encoder_folder(name: str) -> Path | None:
    folder = given_path(name)
    if (folder / "config.json").is_file():
        return folder
    return _shipped_encoders().get(name)


def _shipped_encoders() -> dict[str, Path]:
    return {f.name: f for f in shipped_weights_folders() if _holds_image_encoder(f)}


def _holds_image_encoder(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return "image_size" in config
