"""What studies of people share: standard errors and intervals over people, files of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fermodels import evaluation
from fermodels._shared.files import replace_file, replacing

DRAWS = 1000
# The ends of an interval need more draws than a deviation.
DRAWS_OF_INTERVAL = 10_000
# People's gains that add up to zero do so to the last digits of a float only.
ROUNDING = 1e-9


class Difference(NamedTuple):
    """A paired difference and the ends of its bootstrap interval, in the unit of the values."""

    mean: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """The interval lies on one side of zero; an end at zero, but for rounding, does not."""
        return self.low > ROUNDING or self.high < -ROUNDING


def interval(difference: Difference, bold: bool = True) -> str:
    """A difference in points with its interval; bold if it is clear of zero."""
    mark = "**" if bold and difference.clear else ""
    return f"{mark}{difference.mean:+.1f}{mark} ({difference.low:+.1f} to {difference.high:+.1f})"


def in_words(difference: Difference) -> str:
    """What the interval says of the first of the two."""
    if not difference.clear:
        return "neither clearly better nor worse"
    return "clearly better" if difference.mean > 0 else "clearly worse"


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


def difference_over_people(ours, theirs, people, level: float = 0.95, seed: int = 0) -> Difference:
    """How much better `ours` is than `theirs` on the same items, and how sure that is.

    The paired bootstrap over people, between the quantiles of `evaluation.interval_quantiles`:
    people are drawn with replacement, each with all items of theirs, and what is hard about a
    person is hard for both and cancels out. It tells what other people would have changed; for
    other seeds of training, average the values over several first.

    Args:
        ours, theirs: (N,) values of the same items, such as hits, or shares of hits over seeds.
        people: (N,) whom the item shows.
        level: of the interval.

    Returns:
        The mean over the items of ours − theirs, and the interval; its ends are NaN for a single
        person.

    Raises:
        ValueError: the three are not of one length, or empty.
    """
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    if ours.ndim != 1 or not len(ours) or not ours.shape == theirs.shape == np.shape(people):
        raise ValueError(
            "ours, theirs and people must be of one length, at least 1; got "
            f"{ours.shape}, {theirs.shape} and {np.shape(people)}"
        )
    person = np.unique(people, return_inverse=True)[1]
    total = np.bincount(person, ours - theirs)
    items = np.bincount(person)
    mean = float(total.sum() / items.sum())
    if len(items) < 2:
        return Difference(mean, float("nan"), float("nan"))
    share = [1 / len(items)] * len(items)
    drawn = np.random.default_rng(seed).multinomial(len(items), share, DRAWS_OF_INTERVAL)
    quantiles = evaluation.interval_quantiles(len(items), level)
    ends = np.quantile((drawn @ total) / (drawn @ items), quantiles)
    return Difference(mean, *map(float, ends))


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
