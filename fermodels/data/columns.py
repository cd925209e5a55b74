"""Columns of a prepared table: texts, names that may be missing, and the numbers they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.data.errors import PreparedError
from fermodels.data.names import name_key, number_text

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "val", "test")
_SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "development"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def as_text(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    """The column as text, whole numbers without a decimal point, which they get from pandas where
    one is missing; PreparedError if it holds bytes that are none."""
    values = table[column]
    if values.dtype.kind == "f":
        return values.astype(object).where(values.notna(), np.nan).map(number_text)
    try:
        return values.astype(str)
    except UnicodeDecodeError as error:
        raise PreparedError(f"{source}: column {column!r} holds no text ({error})") from error


def as_optional_text(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    """The column as text, with None where it is null or blank."""
    text = as_text(table, column, source)
    missing = table[column].isna() | (text.str.strip() == "")
    # Without a gap it stays of the type that `as_text` gives.
    return text.astype(object).where(~missing, None) if missing.any() else text


def codes(column: pd.Series, names: Sequence[str]) -> np.ndarray:
    """Indices into `names`, int64 (N,); −1 where the column is null."""
    code = {name: i for i, name in enumerate(names)}
    missing = column.isna().to_numpy()
    found = (
        -1 if null else code[value]
        for value, null in zip(column.tolist(), missing.tolist(), strict=True)
    )
    return np.fromiter(found, dtype=np.int64, count=len(column))


def label_names(metadata: Mapping[str, Any], key: str, source: str) -> list[str]:
    """The list of names in the metadata; PreparedError if it is no list of different texts."""
    names = metadata[key]
    if not isinstance(names, str) and isinstance(names, Iterable):
        names = list(names)
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return names
    raise PreparedError(f"{source}: metadata {key!r} must be a list of different names: {names!r}")


def split_of(name: Any) -> str | None:
    """The one of `SPLITS` that a name means, such as "Validation" or "dev"; None for any other."""
    return _SPLIT_WORDS.get(name_key(name))


def official_splits(table: pd.DataFrame) -> pd.Series:
    """The column `split`, each name as in `SPLITS` or else as it was spelt first."""
    spelt: dict[str, Any] = dict(_SPLIT_WORDS)
    return table["split"].map(
        lambda name: spelt.setdefault(name_key(name), name), na_action="ignore"
    )


def check_official_split(table: pd.DataFrame, source: str) -> None:
    """Raise PreparedError if the column `split`, where there is one, divides a subject."""
    if "split" not in table:
        return
    pairs = table[["subject"]].assign(split=official_splits(table)).dropna().drop_duplicates()
    twice = pairs[pairs["subject"].duplicated()]
    if len(twice):
        name = twice["subject"].iloc[0]
        both = ", ".join(sorted(map(str, pairs[pairs["subject"] == name]["split"])))
        raise PreparedError(
            f"{source}: row {int(twice.index[0])}, column 'split': subject {name!r} is in two "
            f"splits ({both}). Results would be measured on people seen in training."
        )


def plain(value: Any) -> Any:
    """A value that JSON can hold; every kind of missing value becomes None."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return None if value != value else value
    return None if value is None or value != value else str(value)
