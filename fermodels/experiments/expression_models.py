"""What names the expression of a face: a classifier, or an encoder beside labelled examples."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.data import PreparedImages
from fermodels.evaluation import embed, fit_knn
from fermodels.models import ImageClassifier, ImageEncoder
from fermodels.models.reading import read_model
from fermodels.models.saving import SavedModule, weights_digest

NEIGHBORS = 20
_USUAL_SIZE = 96  # of prepared images, where nothing says which the model was trained on


@dataclass(frozen=True)
class ExpressionModel:
    """Crops of faces in, probabilities out.

    Attributes:
        classes: the expressions.
        probabilities: crops uint8 (N, S, S, 3) → float32 (N, classes).
        size: pixels S of the crops that it was trained on, or of its examples.
        crop: how these were cropped, of :data:`fermodels.crops.CROPS`.
        about: what it is, in JSON's types: its name, digests of weights and examples, k.
    """

    classes: tuple[str, ...]
    probabilities: Callable[[np.ndarray], np.ndarray]
    size: int
    crop: str
    about: dict[str, Any]


def open_expression_model(
    model: str | os.PathLike | SavedModule,
    examples: str | os.PathLike | PreparedImages | None = None,
    k: int = NEIGHBORS,
    device: str | None = None,
) -> ExpressionModel:
    """A classifier, or the k nearest of labelled examples on the representations of an encoder.

    Args:
        model: an image classifier or encoder, its folder, or the name of one that ships.
        examples: labelled images, for an encoder.
        k: how many neighbours share out the probabilities, each as much; nearest by cosine.
        device: where to compute; the model is moved there. Default: a GPU if there is one for
            what is read from a folder, else where the model is.

    Raises:
        FileNotFoundError: there is no such folder or file.
        ValueError: a model of clips, an encoder without examples or a classifier with them,
            examples with fewer than two expressions, or k below 1.
    """
    name = type(model).__name__
    if not isinstance(model, SavedModule):
        name = given_path(model).resolve().name
        model = read_model(model)
        device = device or _device()
    if device is not None:
        model.to(device)
    about = {"name": name, "class": type(model).__name__, "weights": weights_digest(model)}
    if isinstance(model, ImageClassifier):
        if examples is not None:
            raise ValueError(f"{name} is a classifier, which needs no examples: leave them out")
        size = max(_USUAL_SIZE, getattr(model.encoder, "image_size", None) or 0)
        return ExpressionModel(
            model.classes, lambda crops: model.predict(crops)[1], size, "face", about
        )
    if not isinstance(model, ImageEncoder):
        raise ValueError(f"{name} ({type(model).__name__}) is no model of images")
    if examples is None:
        raise ValueError(
            f"{name} is an encoder, which knows no expressions: name labelled examples "
            "(--examples data/anny_views_kdef.parquet), or take a fine-tuned classifier"
        )
    return _by_examples(model, examples, k, about)


def _by_examples(
    encoder: ImageEncoder,
    examples: str | os.PathLike | PreparedImages,
    k: int,
    about: dict[str, Any],
) -> ExpressionModel:
    if k < 1:
        raise ValueError(f"k is a number of neighbours, 1 or more; got {k}")
    if not isinstance(examples, PreparedImages):
        examples = PreparedImages.read(examples)
    rows = np.flatnonzero(examples.labels >= 0)
    known = np.unique(examples.labels[rows])
    if len(known) < 2:
        raise ValueError(
            f"{examples.source}: examples need two expressions or more, and {len(rows):,} of "
            f"{len(examples):,} images are labelled, with {len(known)}"
        )
    x = embed(encoder, examples, rows)
    neighbors = fit_knn(x, examples.labels[rows], k=k)

    def shares(crops: np.ndarray) -> np.ndarray:
        h = embed(encoder, crops, progress=False)
        return neighbors.predict_proba(h.astype(np.float64)).astype(np.float32)

    about |= {
        "k": int(neighbors.n_neighbors),
        "examples": {
            "name": str(examples.metadata.get("name", "")),
            "images": len(rows),
            "fingerprint": examples.fingerprint(),
        },
    }
    classes = tuple(examples.expressions[label] for label in known)
    crop = str(examples.metadata.get("crop", "face"))
    return ExpressionModel(classes, shares, min(examples.image_size), crop, about)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
