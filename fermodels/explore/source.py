"""What the explorer shows: a table with a row per point, its fields, images and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fermodels.explore.data_sets import DataSets, ImagesOfSets, name_of
from fermodels.explore.fields import LABELS, Fields

# In this order, as far as the table has them.
_CAPTION = ("subject", *LABELS, "view", "session")


class Source:
    """A prepared data set or a plain table, with predictions and splits as further columns.

    Args:
        prepared: PreparedImages, PreparedClips, or a DataFrame (then there are no images).
        predictions: a label per row (names, or indices into the labels), or such by encoder.
            Adds `prediction` and `outcome` ("correct", "wrong"; missing where a row has no label),
            with the encoder's name in brackets where there are several.
        split: row indices by name, as `prepared.split()` gives them: the column `split`.
        others: name → a further data set; their rows come after those of `prepared`, and the column
            `set` says whose a row is. Predictions may end before them.
    """

    def __init__(
        self,
        prepared: Any,
        predictions: Any = None,
        split: Any = None,
        others: Mapping[str, Any] | None = None,
    ) -> None:
        everything = {name_of(prepared): prepared}
        for name, other in (others or {}).items():
            if str(name) in everything:
                raise ValueError(f"there are two data sets {str(name)!r}: give them other names")
            everything[str(name)] = other
        self.sets = DataSets({name: _table(one) for name, one in everything.items()})
        self.own = len(_table(prepared))
        self.table = self.sets.table()
        self.label = next((name for name in LABELS if name in self.table), None)
        if predictions is not None:
            self._add_predictions(prepared, predictions)
        if split is not None:
            self._add_split(split)
        self.fields = Fields(self.table)
        if not len(self.fields):
            raise ValueError(f"none of the columns {list(self.table)} can colour the points")
        self.images = ImagesOfSets(self.sets, list(everything.values()))
        self._caption = [self.table[name] for name in _CAPTION if name in self.table]

    def __len__(self) -> int:
        return len(self.table)

    def caption(self, row: int) -> str:
        """Whom and what a row shows, in a line: "f003 · sad · half left · A"."""
        values = [column.iat[row] for column in self._caption]
        words = [str(value).replace("_", " ") for value in values if value == value and value]
        return " · ".join(words) or f"row {row}"

    def describe(self, row: int) -> list[str]:
        """The lines of the card beside the mouse."""
        lines = [self.caption(row)]
        known = {column.name for column in self._caption}
        for name in ("instance", "clip", "yaw", "split", "set"):
            if name in self.table and name not in known:
                value = self.table[name].iat[row]
                if value == value and value is not None:
                    text = f"{value:+.0f}°".replace("-", "−") if name == "yaw" else str(value)
                    lines.append(f"{name} {text}")
        for name in self.table:
            if str(name).startswith("prediction"):
                lines.append(f"{name}: {self.table[name].iat[row]}")
        words = self.images.words(row)
        if words:
            lines.append(f"“{words}”")
        return [*lines, f"row {row}"]

    def tile(self, row: int, color: str, note: str = "", chosen: bool = False) -> dict[str, Any]:
        """An image of a contact sheet, without its pixels."""
        tile = {"row": int(row), "caption": self.caption(row), "color": color, "note": note}
        words = self.images.words(row)
        return tile | {"words": words, "chosen": chosen}

    def _add_predictions(self, prepared: Any, predictions: Any) -> None:
        if self.label is None:
            raise ValueError(f"predictions need a column {' or '.join(LABELS)} to compare with")
        several = isinstance(predictions, Mapping)
        for name, labels in (predictions if several else {"": predictions}).items():
            names = _label_names(labels, _classes(prepared, self.label, self.table))
            if len(names) == self.own:
                names = np.append(names, np.full(len(self.table) - self.own, None))
            if len(names) != len(self.table):
                raise ValueError(f"{len(names)} predictions for {len(self.table)} rows")
            suffix = f" ({name})" if several else ""
            truth = self.table[self.label]
            outcome = np.where(truth.to_numpy() == names, "correct", "wrong").astype(object)
            outcome[truth.isna().to_numpy() | np.equal(names, None)] = None
            added = {f"prediction{suffix}": names, f"outcome{suffix}": outcome}
            self.table = self.table.assign(**added)

    def _add_split(self, split: Mapping[str, Sequence[int]]) -> None:
        names = np.full(len(self.table), None, dtype=object)
        for name, rows in split.items():
            names[np.asarray(rows)] = name
        self.table = self.table.assign(split=names)


def _table(prepared: Any) -> Any:
    """A fresh table of a data set, with rows numbered from 0."""
    table = getattr(prepared, "table", prepared)
    if not hasattr(table, "iloc"):
        raise TypeError(
            f"expected PreparedImages, PreparedClips or a DataFrame, got {type(prepared)}"
        )
    if len(table) < 3:
        raise ValueError(f"a map needs three points, this data set has {len(table)}")
    return table.reset_index(drop=True)


def _classes(prepared: Any, label: str, table: Any) -> list[str]:
    """The names that indices stand for: those of the data set, else the sorted ones."""
    named = getattr(prepared, f"{label}s", None)
    return list(named) if named is not None else sorted(table[label].dropna().unique())


def _label_names(labels: Any, classes: Sequence[str]) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        return labels.astype(object)
    if len(labels) and (labels.min() < 0 or labels.max() >= len(classes)):
        raise ValueError(f"predictions are indices up to {labels.max()}; there are {classes}")
    return np.array(classes, dtype=object)[labels]
