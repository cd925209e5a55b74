"""Saved models as graphs that run without this package: torch.export, ONNX.

What an encoder does to its input (resizing, normalisation, standardisation) is part of its forward
pass, and so of the graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fermodels.models.clip_classifier import ClipClassifier
from fermodels.models.image_classifier import ImageClassifier
from fermodels.models.image_encoder import ImageEncoder
from fermodels.models.multi_modal_encoder import MultiModalEncoder

_ANY = torch.export.Dim.AUTO  # of any length


@dataclass(frozen=True)
class Exportable:
    """A module with all that an exporter asks for.

    Attributes:
        module: from the inputs, in their order, to the outputs.
        inputs, outputs: their names.
        shapes: of each input which axes may have another length.
        about: what a reader needs to know, texts by name.
        image_size: side that images are resized to, or None.
    """

    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: tuple[dict[int, Any], ...]
    about: dict[str, str] = field(default_factory=dict)
    image_size: int | None = None

    def example(self, count: int = 2, size: tuple[int, int] | None = None) -> tuple[Tensor, ...]:
        """Random inputs of `count` images or clips; images of (height, width) `size`."""
        return self.module.example(count, size or (self.image_size or 64,) * 2)

    def program(self) -> torch.export.ExportedProgram:
        """The graph, for inputs of any number, and images of any size where it resizes them."""
        odd = (self.image_size or 64) + 6
        example = self.example(3, (odd, odd + 3))
        return torch.export.export(
            self.module.eval(), example, dynamic_shapes=(self.shapes,), strict=False
        )


class _Graph(nn.Module):
    """A model with tensors for inputs and outputs."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def results(self, found: Tensor) -> tuple[Tensor, ...]:
        if not hasattr(self.model, "classes"):
            return (found,)
        several = getattr(self.model, "multi_label", False)
        return found, found.sigmoid() if several else found.softmax(dim=1)


class _OfImages(_Graph):
    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        (images,) = inputs
        return self.results(self.model(images))

    def example(self, count: int, size: tuple[int, int]) -> tuple[Tensor, ...]:
        return (torch.rand(count, 3, *size),)


class _OfClips(_Graph):
    """Features of each modality, then for each whether a clip has it."""

    @property
    def dims(self) -> dict[str, int]:
        return getattr(self.model, "encoder", self.model).feature_dims

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        features = dict(zip(self.dims, inputs, strict=False))
        present = dict(zip(self.dims, inputs[len(self.dims) :], strict=True))
        if isinstance(self.model, MultiModalEncoder):
            return self.results(self.model.represent(features, present))
        return self.results(self.model(features, present))

    def example(self, count: int, size: tuple[int, int]) -> tuple[Tensor, ...]:
        features = [torch.randn(count, dim) for dim in self.dims.values()]
        return (*features, *(torch.rand(count) < 0.8 for _ in self.dims))


def exportable(model: nn.Module) -> Exportable:
    """What is exported of a model: the encoder's representation, or logits and probabilities.

    Args:
        model: `ImageEncoder`, `ImageClassifier`, `MultiModalEncoder` or `ClipClassifier`.

    Raises:
        TypeError: another model.
    """
    about = {"model": repr(model)}
    if hasattr(model, "classes"):
        about["classes"] = ", ".join(model.classes)
    outputs = ("logits", "probabilities") if hasattr(model, "classes") else ("representation",)
    encoder = getattr(model, "encoder", model)
    if isinstance(model, (ImageEncoder, ImageClassifier)):
        size = getattr(encoder, "image_size", None)
        about["images"] = "float32 (N, 3, height, width), RGB in [0, 1], of any size"
        shapes = ({0: _ANY, 2: _ANY, 3: _ANY},)
        return Exportable(_OfImages(model), ("images",), outputs, shapes, about, size)
    if isinstance(model, (MultiModalEncoder, ClipClassifier)):
        about["features"] = "float32 (N, D) as the backbones give them; present: bool (N,)"
        inputs = (*encoder.modalities, *(f"present_{name}" for name in encoder.modalities))
        return Exportable(_OfClips(model), inputs, outputs, ({0: _ANY},) * len(inputs), about)
    raise TypeError(f"{type(model).__name__} is no encoder or classifier of fermodels")
