"""What the explorer shows: a table with a row per point, its fields, images and words."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fermodels.data.names import natural_key
from fermodels.evaluation.arrays import as_whole_numbers, check_alike
from fermodels.explore.data_sets import DataSets, ImagesOfSets, name_of
from fermodels.explore.fields import LABELS, PREDICTION, Fields

# In this order, as far as the table has them.
_CAPTION = ("subject", *LABELS, "view", "session")


class Source:
    """A prepared data set or a plain table, with predictions and splits as further columns.

    Args:
        prepared: PreparedImages, PreparedClips, or a DataFrame (then there are no images).
        predictions: a label per row, or such by encoder: the table's own labels, or where these
            are names, indices into them. Adds `prediction` and `outcome` ("correct", "wrong";
            missing where a row has no label), with the encoder's name in brackets where there are
            several.
        split: row indices by name, as `prepared.split()` gives them: the column `split`.
        others: name → a further data set; their rows come after those of `prepared`, and the column
            `set` says whose a row is. Predictions may end before them.

    Raises:
        ValueError: predictions of another number, kind or spelling than the labels, two data sets
            of one name, or fewer than three rows.
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
        self.images = ImagesOfSets(self.sets, list(everything.values()))
        self._caption = [self.table[name] for name in _CAPTION if name in self.table]

    def __len__(self) -> int:
        return len(self.table)

    def caption(self, row: int) -> str:
        """Whom and what a row shows, in a line: "f003 · sad · half left · A"."""
        words = [_said(column.iat[row]) for column in self._caption]
        return " · ".join(filter(None, words)) or f"row {row}"

    def describe(self, row: int) -> list[str]:
        """The lines of the card beside the mouse."""
        lines = [self.caption(row)]
        known = {column.name for column in self._caption}
        for name in ("instance", "clip", "yaw", "split", "set"):
            if name in self.table and name not in known:
                value = self.table[name].iat[row]
                if text := _said(value):
                    if name == "yaw" and not isinstance(value, str):
                        text = f"{value:+.0f}°".replace("-", "−")
                    lines.append(f"{name} {text}")
        for name in self.table:
            if str(name).startswith(PREDICTION):
                lines.append(f"{name}: {_said(self.table[name].iat[row]) or 'none'}")
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
        truth = _objects(self.table[self.label])
        classes = _classes(prepared, self.label, truth)
        for name, labels in (predictions if several else {"": predictions}).items():
            names = _as_labels(labels, classes)
            if len(names) == self.own:
                names = np.append(names, np.full(len(self.table) - self.own, None))
            if len(names) != len(self.table):
                raise ValueError(f"{len(names)} predictions for {len(self.table)} rows")
            suffix = f" ({name})" if several else ""
            outcome = np.where(truth == names, "correct", "wrong").astype(object)
            outcome[np.equal(truth, None) | np.equal(names, None)] = None
            added = {f"{PREDICTION}{suffix}": names, f"outcome{suffix}": outcome}
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


def _objects(labels: Any) -> np.ndarray:
    """Labels as objects, None where one is missing."""
    import pandas as pd

    labels = pd.Series(labels).astype(object)
    return labels.where(labels.notna(), None).to_numpy(dtype=object)


def _said(value: Any) -> str:
    """A value as text, nothing where it is missing."""
    import pandas as pd

    return "" if pd.isna(value) else str(value).replace("_", " ")


def _classes(prepared: Any, label: str, truth: np.ndarray) -> list:
    """The labels that there are: those of the data set, then further ones of its rows, sorted."""
    named = list(getattr(prepared, f"{label}s", None) or ())
    return named + sorted(set(truth.tolist()) - {None, *named}, key=natural_key)


def _as_labels(labels: Any, classes: Sequence) -> np.ndarray:
    """Predictions as the labels that they stand for, object (N,); None where there is none."""
    labels = as_whole_numbers(labels, "predictions")
    known = labels[~np.equal(_objects(labels), None)]
    if labels.dtype.kind in "iuf" and not any(isinstance(c, numbers.Number) for c in classes):
        if len(known) and not 0 <= known.min() <= known.max() < len(classes):
            wrong = known.min() if known.min() < 0 else known.max()
            raise ValueError(f"predictions are indices up to {wrong:g}; there are {list(classes)}")
        names = np.array([*classes, None], dtype=object)
        return names[np.nan_to_num(labels.astype(float), nan=len(classes)).astype(int)]
    check_alike(classes, known, ("the labels", "predictions"))
    if len(known) and classes and not set(known.tolist()) & set(classes):
        raise ValueError(
            f"predictions hold {known[0]!r} and others, of which none is among the labels: "
            f"{', '.join(map(str, classes))}"
        )
    return _objects(labels)
