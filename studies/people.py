"""What studies of people share: standard errors over people, and files of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fermodels._shared.files import replace_file, replacing

DRAWS = 1000


def error_over_people(shown, read, people, seed: int = 0) -> float:
    """Standard error of the balanced accuracy, had other people been asked.

    The bootstrap over people (Efron & Tibshirani 1993, chapter 6): those who were asked are drawn
    with replacement, and each brings all images of theirs.

    Args:
        shown, read: (N,) labels, and what they were taken for.
        people: (N,) who is in the image.

    Returns:
        The standard deviation over the draws; NaN for a single person.
    """
    shown, read = np.asarray(shown), np.asarray(read)
    person, label = (np.unique(values, return_inverse=True)[1] for values in (people, shown))
    shape = person.max() + 1, label.max() + 1
    asked, found = np.zeros(shape), np.zeros(shape)
    np.add.at(asked, (person, label), 1)
    np.add.at(found, (person, label), shown == read)
    return _bootstrap(found, asked, seed)


def error_of_mean(values, people, seed: int = 0) -> float:
    """Standard error over people of the mean of values (N,), such as hits; as above."""
    person = np.unique(people, return_inverse=True)[1]
    total = np.bincount(person, np.asarray(values, float))
    return _bootstrap(total[:, None], np.bincount(person).astype(float)[:, None], seed)


def _bootstrap(found: np.ndarray, asked: np.ndarray, seed: int) -> float:
    """Deviation of the mean over columns of found / asked, both (people, columns)."""
    people = len(found)
    if people < 2:
        return float("nan")
    drawn = np.random.default_rng(seed).multinomial(people, [1 / people] * people, DRAWS)
    with np.errstate(invalid="ignore"):  # a draw without an image of a class leaves it out
        share = (drawn @ found) / (drawn @ asked)
    return float(np.nanmean(share, axis=1).std(ddof=1))


def write_results(stem: Path, table: pd.DataFrame, details: dict[str, Any]) -> None:
    """`stem.csv` with the table and `stem.json` with the details; the folder is made."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    with replacing(stem.with_suffix(".csv")) as temporary:
        table.to_csv(temporary, index=False, float_format="%.4f")
    data = json.dumps(_rounded(details), indent=1, ensure_ascii=False) + "\n"
    replace_file(stem.with_suffix(".json"), data.encode())


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), 4) if np.isfinite(value) else None
    return value
