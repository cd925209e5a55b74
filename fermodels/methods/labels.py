"""Labels of images and clips: how much each class weighs, and rows that have none."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset


def balanced_weights(labels: np.ndarray, num_classes: int | None = None) -> np.ndarray:
    """Class weights that make every class count the same, float32 (C,).

    Args:
        labels: int (N,) of the training rows: the weights are N / (C · count). Or 0/1 (N, C) for
            several classes a row: absent ÷ present rows, the weight of "there" in binary
            cross-entropy.
        num_classes: C, for labels (N,).

    Raises:
        ValueError: a row has no label, or a class (for several a row, its presence) has no row.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2:
        counts = labels.sum(axis=0)
        weights = (len(labels) - counts) / np.maximum(counts, 1)
    else:
        if (labels < 0).any():
            raise ValueError(f"{int((labels < 0).sum())} of the {len(labels)} rows have no label")
        counts = np.bincount(labels, minlength=num_classes or 0)
        weights = len(labels) / (len(counts) * np.maximum(counts, 1))
    if (counts == 0).any():
        raise ValueError(
            f"no row of class {np.flatnonzero(counts == 0).tolist()}: it cannot be weighted"
        )
    return weights.astype(np.float32)


def weights_tensor(
    class_weights: Sequence[float] | np.ndarray | Tensor | None, num_classes: int
) -> Tensor | None:
    """Weights as float32 (C,), None for none; ValueError if they do not fit the classes."""
    if class_weights is None:
        return None
    weights = torch.as_tensor(class_weights, dtype=torch.float32)
    if weights.shape != (num_classes,) or not (weights >= 0).all():
        raise ValueError(
            f"class_weights must be {num_classes} numbers of at least 0, one a class; got "
            f"{class_weights}"
        )
    return weights


def check_labelled(dataset: Dataset, column: str, what: str) -> None:
    """Refuse a data set with rows whose label is −1, of which a loss on CUDA ends the process.

    Once for the whole data set, not with each batch: looking at a batch waits for the GPU. Data
    sets without `columns` are not looked at.

    Args:
        dataset: such as :class:`fermodels.data.ImageDataset`.
        column: of the labels.
        what: the rows are, for the message: "images" or "clips".

    Raises:
        ValueError: there are such rows.
    """
    labels = getattr(dataset, "columns", {}).get(column)
    if labels is not None and (labels < 0).any():
        raise ValueError(
            f"{int((labels < 0).sum())} of the {len(labels)} {what} have no {column}: make the "
            "data set of labelled rows only"
        )
