"""What one encoder makes of a face: its embedding, its place on the map, its probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from fermodels import evaluation
from fermodels._shared.workers import one_torch_thread
from fermodels.explore.projection import Projection
from fermodels.models import ImageClassifier, ImageEncoder


class EncoderColumn:
    """An encoder with what is known of it.

    Args:
        name, encoder: the encoder stays in the mode (train or eval) and on the device it has.
        projection: None where there is no reference to draw a map of.
        classes: names, in the order of the probabilities; empty where nothing classifies.
        classify: (embeddings (N, D), images uint8 (N, H, W, 3)) → probabilities (N, C).
    """

    def __init__(
        self,
        name: str,
        encoder: ImageEncoder,
        projection: Projection | None = None,
        classes: Sequence[str] = (),
        classify: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.name, self.encoder, self.projection = name, encoder, projection
        self.classes, self.classify = tuple(classes), classify

    def embed(self, images: np.ndarray) -> np.ndarray:
        """uint8 images (N, H, W, 3) → float32 (N, D)."""
        # For an image or two, several threads would mostly wait for each other, and for the
        # browser that uses the same cores.
        with one_torch_thread():
            return evaluation.embed(self.encoder, images, progress=False)


def probe(embeddings: np.ndarray, labels: np.ndarray, classes: Sequence[str]):
    """A linear probe as `evaluation.linear_probe` fits it, on embeddings (N, D) and names (N,).

    Returns (the names among `classes` that occur, a function for `EncoderColumn`).
    """
    found = [name for name in classes if name in set(labels)]
    if len(found) < 2:
        raise ValueError(
            f"the reference shows the single expression {found[0]!r}: a probe needs two, or pass "
            "a classifier"
        )
    model = evaluation.fit_linear_probe(embeddings, labels)
    order = [list(model.classes_).index(name) for name in found]

    def classify(h: np.ndarray, images: np.ndarray) -> np.ndarray:
        return model.predict_proba(h.astype(np.float64))[:, order]

    return found, classify


def with_classifier(classifier: ImageClassifier, encoder: ImageEncoder):
    """(classes, a function for `EncoderColumn`) of a trained classifier."""

    def classify(h: np.ndarray, images: np.ndarray) -> np.ndarray:
        if classifier.encoder is not encoder:
            return classifier.predict(images)[1]
        head = classifier.head
        with torch.inference_mode():
            logits = head(torch.from_numpy(h).to(head.weight.device))
        return logits.float().softmax(1).cpu().numpy()

    return classifier.classes, classify
