"""Scores of predictions: by view, by class, and of clips that show several emotions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels.data import VIEWS, view_degrees, view_order
from fermodels.evaluation.arrays import as_whole_numbers, check_alike, check_labels

if TYPE_CHECKING:
    import pandas as pd

#: The two views from the side.
PROFILE_VIEWS = (VIEWS[0], VIEWS[-1])


def balanced_accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    return float(np.mean([np.mean(y_pred[y_true == c] == c) for c in np.unique(y_true)]))


def per_view_accuracy(y_true, y_pred, views, profiles: Sequence | None = None) -> pd.Series:
    """Accuracy in [0, 1] for each view, then over the "profiles" and over "all" images.

    Args:
        y_true, y_pred: (N,) labels, both names or both numbers.
        views: (N,) view names, or yaws in degrees. Images without one (NaN) count in "all" only.
        profiles: the outermost views. Default: full_left and full_right, or, where views are known
            by their degrees ("yaw-60", see :func:`fermodels.data.view_degrees`), those furthest
            from 0. "profiles" is NaN where the images have none.

    Returns:
        Accuracies by view, from left to right, "profiles" and "all".

    Raises:
        ValueError: shapes that differ, no prediction, true labels that are missing (−1, None), or
            labels of two kinds (names beside indices, a name in two spellings).
    """
    import pandas as pd

    y_true, y_pred = check_alike(check_labels(y_true, "y_true"), y_pred, ("y_true", "y_pred"))
    views = np.asarray(views)
    if not (y_true.shape == y_pred.shape == views.shape and y_true.ndim == 1):
        raise ValueError(
            f"y_true {y_true.shape}, y_pred {y_pred.shape} and views {views.shape} "
            "must be one-dimensional and equally long"
        )
    if len(views) == 0:
        raise ValueError("no predictions: y_true is empty")
    hit = y_true == y_pred  # (N,)
    order = view_order(views)
    if profiles is None:
        profiles = outermost_views(order)
    result = {view: hit[views == view].mean() for view in order}
    at_profile = np.isin(views, list(profiles))
    result["profiles"] = hit[at_profile].mean() if at_profile.any() else np.nan
    result["all"] = hit.mean()
    return pd.Series(result, name="accuracy", dtype=float)


def outermost_views(views: Sequence) -> list:
    """Left and right profile of the course's views; of others those furthest from the front."""
    known = {view: angle for view, angle in view_degrees(views).items() if angle is not None}
    if set(known) <= set(VIEWS):
        return list(PROFILE_VIEWS)
    furthest = max(abs(angle) for angle in known.values())
    return [view for view, angle in known.items() if abs(angle) == furthest > 0]


def confusion(y_true, y_pred, classes: Sequence, *, normalize: bool = True) -> pd.DataFrame:
    """Confusion matrix: a row per true class, a column per predicted one.

    Labels are class names, or indices into `classes`; where classes are numbers themselves, labels
    are these. With `normalize` each row is a share of its true class and sums to 1 (a class without
    images is NaN), else entries count images.

    Raises:
        ValueError: labels outside `classes`.
    """
    import pandas as pd

    classes = list(classes)
    truth, guess = _class_index(y_true, classes, "y_true"), _class_index(y_pred, classes, "y_pred")
    if truth.shape != guess.shape:
        raise ValueError(f"y_true {truth.shape} and y_pred {guess.shape} differ in length")
    table = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(table, (truth, guess), 1)
    if normalize:
        rows = table.sum(1, keepdims=True)
        table = np.where(rows > 0, table / np.maximum(rows, 1), np.nan)
    index = pd.Index(classes, name="true")
    return pd.DataFrame(table, index=index, columns=pd.Index(classes, name="predicted"))


def _class_index(labels, classes: list, name: str) -> np.ndarray:
    """Indices into `classes`, int64, of labels that are indices or the classes themselves."""
    own = np.asarray(classes)
    if own.dtype.kind in "iufb":
        labels, _ = check_alike(labels, own, (name, "classes"))
    else:
        labels = as_whole_numbers(labels, name)
        if labels.dtype.kind in "iuf":
            own = np.arange(len(classes))
    position = {label: i for i, label in enumerate(own.tolist())}
    unknown = set(labels.tolist()) - set(position)
    if unknown:
        shown = sorted(unknown, key=str)[:5]
        raise ValueError(f"{name} holds {shown}, not among the {len(classes)} classes {classes}")
    return np.array([position[label] for label in labels.tolist()], dtype=np.int64)


def classification_scores(y_true, y_pred, classes: Sequence | None = None) -> dict[str, float]:
    """Accuracy, balanced accuracy and weighted F1, each in [0, 1].

    Balanced accuracy is the mean over the classes of `y_true` of the share found. Weighted F1 is
    the mean of the classes' F1, weighted by how often each is in `y_true`; a class that is never
    predicted has F1 0.

    Args:
        y_true, y_pred: labels (N,), of one kind.
        classes: if given, labels are these or, where they are names, indices into them, and others
            are refused.

    Raises:
        ValueError: shapes that differ, no clip, a true label that is missing (−1, None), labels of
            two kinds (names beside indices, a name in two spellings), or one outside `classes`.
    """
    y_true = check_labels(y_true, "y_true")
    if classes is None:
        y_true, y_pred = check_alike(y_true, y_pred, ("y_true", "y_pred"))
    y_pred = np.asarray(y_pred)
    if y_true.ndim != 1 or y_true.shape != y_pred.shape or len(y_true) == 0:
        raise ValueError(
            f"y_true {y_true.shape} and y_pred {y_pred.shape} must be one-dimensional, equally "
            "long and not empty"
        )
    if classes is not None:
        y_true = _class_index(y_true, list(classes), "y_true")
        y_pred = _class_index(y_pred, list(classes), "y_pred")
    names, counts = np.unique(y_true, return_counts=True)
    f1 = np.array([_f1(y_true == name, y_pred == name) for name in names])
    return {
        "accuracy": float(np.mean(y_true == y_pred)),
        "balanced_accuracy": balanced_accuracy(y_true, y_pred),
        "weighted_f1": float(f1 @ counts / counts.sum()),
    }


def multi_label_scores(targets, predicted) -> dict[str, float]:
    """Weighted accuracy and weighted F1 of clips that may show several emotions, in [0, 1].

    Weighted accuracy (Zadeh et al., ACL 2018, CMU-MOSEI) of an emotion is the mean of its
    true-positive and its true-negative rate, ½ · (TP/P + TN/N), so that a rare emotion counts as
    much as its absence; here it is averaged over the emotions. Weighted F1 of an emotion weighs
    the F1 of "there" and of "not there" by how often each is true; averaged over the emotions.

    Args:
        targets, predicted: (N, C), 1 where clip n shows emotion c and 0 elsewhere.

    Raises:
        ValueError: shapes that differ, other values than 0 and 1, or an emotion that all or none
            of the clips show, so that one of its rates is undefined.
    """
    targets, predicted = np.asarray(targets), np.asarray(predicted)
    if targets.ndim != 2 or targets.shape != predicted.shape or 0 in targets.shape:
        raise ValueError(
            f"targets {targets.shape} and predicted {predicted.shape} must have one shape (N, C)"
        )
    for name, array in (("targets", targets), ("predicted", predicted)):
        if not np.isin(array, (0, 1)).all():
            raise ValueError(f"{name} must hold 0 and 1 only")
    targets, predicted = targets.astype(bool), predicted.astype(bool)
    constant = np.flatnonzero(targets.all(0) | ~targets.any(0))
    if len(constant):
        raise ValueError(
            f"all or none of the clips show the emotion of column {constant.tolist()}: its "
            "weighted accuracy is undefined, leave it out"
        )
    accuracy, f1 = [], []
    for truth, guess in zip(targets.T, predicted.T, strict=True):
        accuracy.append(balanced_accuracy(truth, guess))
        share = truth.mean()
        f1.append(share * _f1(truth, guess) + (1 - share) * _f1(~truth, ~guess))
    return {"weighted_accuracy": float(np.mean(accuracy)), "weighted_f1": float(np.mean(f1))}


def _f1(truth: np.ndarray, guess: np.ndarray) -> float:
    """2 TP / (2 TP + FP + FN) of boolean arrays; 0 where nothing is true or predicted."""
    return float(2 * np.sum(truth & guess) / max(1, truth.sum() + guess.sum()))
