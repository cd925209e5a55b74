"""What the measurements of this room ask of embeddings and labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from fermodels.data.names import name_key


def check_embeddings(x: Any, name: str = "embeddings") -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"{name} has shape {x.shape}; expected (N, D) with N, D > 0")
    bad = np.flatnonzero(~np.isfinite(x).all(1))
    if len(bad):
        raise ValueError(
            f"{name}: {len(bad)} of {len(x)} rows hold NaN or infinity (first: {bad[:5].tolist()})"
        )
    return x


def check_labels(y: Any, name: str) -> np.ndarray:
    """Labels as an array, numbers in one of numbers.

    Raises:
        ValueError: some are missing (None, NaN, NA, or −1 of a prepared set), or names and numbers
            are mixed.
    """
    y = _as_array(y, name)
    missing = _missing(y) | ((y == -1) if y.dtype.kind in "iu" else False)
    if missing.any():
        raise ValueError(
            f"{int(missing.sum()):,} of the {y.size:,} labels of {name} are missing (first: row "
            f"{int(missing.argmax())}). What an unlabelled row shows cannot be measured: pass "
            "labelled rows only, such as those where prepared.labels >= 0"
        )
    return y


def check_alike(first: Any, second: Any, names: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of labels of one kind, so that comparing them says something.

    Whole floats beside integers, as tables in text files have them, become integers.

    Args:
        first: the labels that are right.
        second: those to be compared with them; missing ones (None, NaN) stay, and equal nothing.
        names: what messages call the two.

    Raises:
        ValueError: names beside numbers, floats that are no whole numbers beside integers, or
            names that differ from those of `first` in spelling only.
    """
    first, second = _as_array(first, names[0]), _as_array(second, names[1])
    numbers = [_are_numbers(y) for y in (first, second)]
    if None not in numbers and numbers[0] != numbers[1]:
        what = {True: "numbers", False: "names"}
        shown = [
            f"{name} holds {what[number]} ({_some(y)})"
            for name, y, number in zip(names, (first, second), numbers, strict=True)
        ]
        raise ValueError(
            f"{' and '.join(shown)}: they cannot be compared. Turn the indices into names, "
            "np.array(classes)[indices], or compare with prepared.labels"
        )
    if all(numbers):
        kinds = first.dtype.kind, second.dtype.kind
        if kinds[0] in "iub" and kinds[1] == "f":
            second = _whole(second, *names[::-1])
        elif kinds[0] == "f" and kinds[1] in "iub":
            first = _whole(first, *names)
        return first, second
    if numbers[0] is not None:
        _check_spelling(first, second, names)
    return first, second


def as_whole_numbers(y: Any, name: str) -> np.ndarray:
    """Labels as an array, floats (from a text file) as the whole numbers that they are.

    Raises:
        ValueError: a float that is no whole number.
    """
    y = _as_array(y, name)
    return _whole(y, name, "labels are names or") if y.dtype.kind == "f" else y


def _as_array(y: Any, name: str) -> np.ndarray:
    """Numbers in an array of numbers, whatever they came in; a missing one is NaN."""
    given, y = y, np.asarray(y)
    if y.dtype.kind == "U" and isinstance(given, (list, tuple)):
        y = np.array(given, dtype=object)  # NumPy writes whatever stands beside a text as a text
    if y.dtype.kind != "O":
        return y
    missing = _missing(y)
    number = {isinstance(x, (int, float, np.number, np.bool_)) for x in y[~missing].tolist()}
    if len(number) > 1:
        raise ValueError(f"{name} holds names and numbers ({_some(y)}): pass labels of one kind")
    if number == {True}:
        return np.where(missing, np.nan, y).astype(float) if missing.any() else np.array(y.tolist())
    return y


def _missing(y: np.ndarray) -> np.ndarray:
    """Bool, of the shape of `y`: None, NaN or NA."""
    import pandas as pd

    return np.asarray(pd.isna(y)) if y.dtype.kind in "Of" else np.zeros(y.shape, dtype=bool)


def _are_numbers(y: np.ndarray) -> bool | None:
    """Whether labels are numbers or names; None where there are none, or all are missing."""
    if y.size == 0 or _missing(y).all():
        return None
    return y.dtype.kind in "iufb"


def _whole(y: np.ndarray, name: str, other: str) -> np.ndarray:
    """Floats as integers, where none is missing."""
    known = y[~np.isnan(y)]
    broken = known[known != np.floor(known)]
    if len(broken):
        raise ValueError(
            f"{name} holds {broken[0]:g}, but {other} whole numbers: pass labels, not their "
            "probabilities"
        )
    return y.astype(np.int64) if len(known) == y.size else y


def _check_spelling(first: np.ndarray, second: np.ndarray, names: tuple[str, str]) -> None:
    known = dict.fromkeys(first[~_missing(first)].ravel().tolist())
    spelt = {name_key(name): name for name in known}
    for name in dict.fromkeys(second[~_missing(second)].ravel().tolist()):
        if name not in known and name_key(name) in spelt:
            raise ValueError(
                f"{names[1]} holds {name!r} where {names[0]} has {spelt[name_key(name)]!r}: none "
                "of them would be right. Spell both alike"
            )


def _some(y: np.ndarray) -> str:
    known = list(dict.fromkeys(y[~_missing(y)].ravel().tolist()))
    return ", ".join(map(repr, known[:3])) + (", …" if len(known) > 3 else "")


def unit_rows(x: np.ndarray) -> np.ndarray:
    """Rows of length 1. A row of zeros stays zero: its cosine with everything is 0."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length > 0, length, 1)
