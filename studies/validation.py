"""What settings are chosen by: a probe inside, and faces of another make.

Inside are the validation subjects of the studio set. Outside are the second faces, which ship, and
London, which `data_prep/README.md` says how to get; a file that is not there is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from fermodels import evaluation
from fermodels.data import PreparedImages

STUDIO = Path("data/anny_views_kdef.parquet")
SECOND = Path("data/second_faces.parquet")
LONDON = Path("runs/london.parquet")


def read_if_there(path: Path) -> PreparedImages | None:
    """The images of a file; None, with a line that says so, if there is no such file."""
    if not path.exists():
        print(f"{path} is not there: without its numbers", flush=True)
        return None
    return PreparedImages.read(path)


def rows_to_train(
    pool: PreparedImages,
    studio: PreparedImages,
    split: Mapping[str, np.ndarray],
    subjects: int | None = None,
) -> np.ndarray:
    """The training subjects of the studio set itself; of another pool, all of them.

    Args:
        subjects: so many of them only, the first by name.

    Raises:
        ValueError: another pool has names of people that are asked later, or too few subjects.
    """
    own = pool.fingerprint() == studio.fingerprint()
    rows = split["train"] if own else _of_others(pool, studio, split)
    if subjects is None:
        return rows
    people = np.unique(pool.subject_ids[rows])
    if not 1 <= subjects <= len(people):
        raise ValueError(f"{pool.source} has {len(people)} subjects to train on, not {subjects}")
    return rows[np.isin(pool.subject_ids[rows], people[:subjects])]


def _of_others(
    pool: PreparedImages, studio: PreparedImages, split: Mapping[str, np.ndarray]
) -> np.ndarray:
    asked = np.concatenate([split["val"], split["test"]])
    both = set(pool.table["subject"]) & set(studio.table["subject"].iloc[asked])
    if both:
        raise ValueError(
            f"{pool.source} has subjects that {studio.source} validates or tests with "
            f"({', '.join(sorted(both)[:3])}, {len(both)} in all): an encoder must not have seen "
            "them. If they are other people, rename them"
        )
    return np.arange(len(pool))


def validator(
    studio: PreparedImages,
    split: Mapping[str, np.ndarray],
    second: PreparedImages | None = None,
    london: PreparedImages | None = None,
) -> Callable[[torch.nn.Module], dict[str, float]]:
    """A callback for `fit`: accuracy of a linear probe on validation subjects, then the outside.

    The probe is fitted on a third of the training images, so that it costs a moment.
    """
    rows, val = split["train"][::3], split["val"]
    inside = studio.subset(split["train"])

    def validate(encoder: torch.nn.Module) -> dict[str, float]:
        probe = probe_accuracy(encoder, studio, rows, val)
        return {"probe_accuracy": probe, **outside(encoder, second, london, inside)}

    return validate


def probe_accuracy(
    encoder: torch.nn.Module, prepared: PreparedImages, fitted: np.ndarray, asked: np.ndarray
) -> float:
    """Of a linear probe that is fitted on some rows, on others: 0…1."""
    return evaluation.linear_probe(
        evaluation.embed(encoder, prepared, fitted),
        prepared.labels[fitted],
        evaluation.embed(encoder, prepared, asked),
        prepared.labels[asked],
    ).accuracy


def outside(
    encoder: torch.nn.Module,
    second: PreparedImages | None,
    london: PreparedImages | None,
    inside: PreparedImages,
) -> dict[str, float]:
    """The numbers of :func:`studies.outside.outside_scores`; none if there is nothing to ask."""
    if second is None and london is None:
        return {}
    from studies.outside import outside_scores

    return outside_scores(encoder, second, london, inside)
