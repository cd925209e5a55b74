"""Backbones by name.

A backbone is a small object with `.name` (which identifies it, with a digest of its weights and
settings), `.dim`, a call that turns a list of inputs into float32 (N, dim), and
`.copies(input, generators)`, which gives the features of one clip and of its augmented copies,
float32 (1 + len(generators), dim), row 0 as it is. A backbone of sound may say at which
`.sample_rate` it listens. Inputs are uint8 frames (T, H, W, 3), a waveform (S,) or a sentence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from fermodels.features.feature_set import FeatureError


class Backbone(Protocol):
    name: str
    dim: int

    def __call__(self, inputs: Sequence[Any]) -> Tensor: ...

    def copies(self, value: Any, generators: Sequence[torch.Generator]) -> Tensor: ...


class ClipByClip:
    """The call of a backbone by its `copies`: a clip's features never depend on its neighbours.

    Batches of several clips would be no faster, since one clip with its copies fills a batch, and
    rounding would then differ with the order.
    """

    dim: int

    def __call__(self, inputs: Sequence[Any]) -> Tensor:
        """Inputs of N clips → features without augmentation, float32 (N, dim)."""
        rows = [self.copies(value, [])[0] for value in inputs]
        return torch.stack(rows) if rows else torch.empty(0, self.dim)


def digest(settings: Any, module: nn.Module | None = None) -> str:
    """Twelve hex digits that change with the settings or with any weight."""
    whole = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, value in sorted(module.state_dict().items() if module is not None else ()):
        value = value.detach().cpu().contiguous()
        whole.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        whole.update(value.reshape(-1).view(torch.uint8).numpy())
    return whole.hexdigest()[:12]


def video_backbone(name: str = "clmex-anny-views-v1", **options) -> Backbone:
    """A backbone of frames.

    Args:
        name: an image encoder that ships with the course (by default that of the features which the
            shipped ConCluGen was trained on), a folder of any saved
            :class:`fermodels.encoders.ImageEncoder`, or a video model of torchvision:
            "r2plus1d_18" has its default pretrained weights (downloaded once, into torch's cache),
            "r2plus1d_18:KINETICS400_V1" those of that name, "r2plus1d_18:random" none.
        options: `frames` and `device`; `size` too for torchvision's. See
            :class:`fermodels.features.video.FrameStatistics` and
            :class:`fermodels.features.video.TorchvisionVideo`.

    Raises:
        FeatureError: there is no such backbone; the message lists what there is.
    """
    from fermodels.features import video

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
    from fermodels.features import sound

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
    from fermodels.features import text

    if name.startswith("hf:"):
        return text.HuggingFaceText(name[3:], **options)
    if name != "tfidf":
        raise FeatureError(
            f"unknown text backbone {name!r}: take 'tfidf', or 'hf:NAME' for any sentence encoder "
            "of Hugging Face, such as 'hf:sentence-transformers/all-MiniLM-L6-v2'"
        )
    return text.TfidfSvd.fit(sentences or (), **options)


def _encoder_folder(name: str) -> Path | None:
    from fermodels.course import weights

    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        return folder
    if name in _shipped_encoders():
        return weights(name)
    return None


def _shipped_encoders() -> list[str]:
    from fermodels.course import weights

    try:
        folders = sorted(weights(".").iterdir())
    except FileNotFoundError:  # installed without the course around it
        return []
    return [folder.name for folder in folders if _holds_image_encoder(folder)]


def _holds_image_encoder(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return "image_size" in config
