"""What the points of a map can be coloured by: columns turned into a few named categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.data import view_order
from fermodels.plots import EXPRESSION_COLORS, VIEW_COLORS, view_colors

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("expression", "emotion")  # what images and clips call the thing to be recognised
NONE_COLOR = "#A8A8A8"
OUTCOME_COLORS = {"correct": "#56B4E9", "wrong": "#C43C00"}
SPLIT_COLORS = {"train": "#A8A8A8", "val": "#F0A000", "test": "#0060B0"}

_FIRST = (*LABELS, "view", "subject", "split", "set")
# More names than that are no legend; the rarer ones become one entry.
_MOST = 200
_BINS = 6
_FEW_NUMBERS = 12


@dataclass(frozen=True)
class Field:
    """One way to colour N points.

    name: of the column.
    categories: their names in the order of the legend, as text.
    codes: int32 (N,), index into `categories`.
    colors: one "#rrggbb" per category.
    """

    name: str
    categories: tuple[str, ...]
    codes: np.ndarray
    colors: tuple[str, ...]

    @cached_property
    def counts(self) -> np.ndarray:
        """Points per category, int64 (C,)."""
        return np.bincount(self.codes, minlength=len(self.categories))

    @cached_property
    def values(self) -> np.ndarray:
        """The name of each point's category, object (N,)."""
        return np.array(self.categories, dtype=object)[self.codes]

    def counts_among(self, among: np.ndarray | None) -> np.ndarray:
        """The same of the points `among`, bool (N,), or of all."""
        if among is None or among.all():
            return self.counts
        return np.bincount(self.codes[among], minlength=len(self.categories))

    @property
    def palette(self) -> dict[str, str]:
        return dict(zip(self.categories, self.colors, strict=True))

    def color_of(self, row: int) -> str:
        return self.colors[self.codes[row]]


class Fields(Mapping[str, Field]):
    """The fields of a table, built when first looked at.

    Columns of text, truth values and numbers are fields; numbers of many values become bins.
    Left out are columns that (nearly) every row has a value of its own in, such as transcripts.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table
        names = [name for name in table if isinstance(name, str) and _can_color(table[name])]
        first = [name for name in _FIRST if name in names]
        self._names = tuple(first + [name for name in names if name not in first])
        self._built: dict[str, Field] = {}

    @property
    def default(self) -> str:
        """What to colour by at first: the label if there is any, else the first of view, subject,
        split and the other columns that tells points apart."""
        labels = [name for name in self._names if name in LABELS]
        several = (name for name in self._names if len(self[name].categories) > 1)
        return labels[0] if labels else next(several, self._names[0])

    def __getitem__(self, name: str) -> Field:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._built:
            self._built[name] = field(name, self._table[name])
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def field(name: str, column: pd.Series) -> Field:
    """A column of N values as categories with colours; missing values become "(none)", and
    "(unlabelled)" where the column is that of the expression or the emotion."""
    import pandas as pd

    missing = column.isna().to_numpy()
    if _is_number(column) and column.nunique() > _FEW_NUMBERS:
        names, codes = _bins(column.to_numpy(float, na_value=np.nan))
    elif _is_number(column):
        values = np.sort(column.dropna().unique())
        names = [_number(value) for value in values]
        codes = np.searchsorted(values, column.to_numpy(values.dtype, na_value=values[0]))
    else:
        text = column.astype(object).where(~missing, "").map(str)
        codes, found = pd.factorize(text)
        kept = [value for value, count in text[~missing].value_counts().items()][: _MOST - 1]
        names = _ordered(kept)
        place = {value: i for i, value in enumerate(names)}
        rest = len(set(found[np.unique(codes[~missing])]) - set(names)) if len(codes) else 0
        if rest:
            names = [*names, f"({rest} more)"]
        codes = np.array([place.get(value, len(names) - 1) for value in found])[codes]
    colors = _colors(names, numbers=_is_number(column))
    if missing.any():
        codes = np.where(missing, len(names), codes)
        nothing = "(unlabelled)" if name in LABELS else "(none)"
        names, colors = [*names, nothing], [*colors, NONE_COLOR]
    return Field(name, tuple(names), codes.astype(np.int32), tuple(colors))


def _is_number(column: pd.Series) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _can_color(column: pd.Series) -> bool:
    if column.isna().all():
        return False
    if _is_number(column):
        return column.nunique() > 1
    first: Any = column.dropna().iloc[0]
    if not isinstance(first, (str, bool, np.bool_)):
        return False
    different = column.nunique()
    return different <= _MOST / 10 or different <= len(column) / 4


def _bins(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    finite = values[np.isfinite(values)]
    edges = np.linspace(finite.min(), finite.max(), _BINS + 1)
    codes = np.searchsorted(edges[1:-1], np.where(np.isfinite(values), values, edges[0]), "right")
    pairs = zip(edges[:-1], edges[1:], strict=True)
    return [f"{_number(low)} to {_number(high)}" for low, high in pairs], codes


def _number(value: float) -> str:
    return f"{float(value):.3g}".replace("-", "−")


def _ordered(names: Sequence[str]) -> list[str]:
    present = set(names)
    for known in (EXPRESSION_COLORS, OUTCOME_COLORS, SPLIT_COLORS):
        if present <= set(known):
            return [name for name in known if name in present]
    return view_order(names) if present <= set(VIEW_COLORS) else sorted(names)


def _colors(names: Sequence[str], *, numbers: bool) -> list[str]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    for known in (EXPRESSION_COLORS, OUTCOME_COLORS, SPLIT_COLORS):
        if set(names) <= set(known):
            return [known[name] for name in names]
    if set(names) <= set(VIEW_COLORS):
        return list(view_colors(names).values())
    if numbers:
        # Up to 0.92: the brightest yellow is lost on white.
        places = np.linspace(0, 0.92, len(names))
        return [to_hex(colormaps["viridis"](place)) for place in places]
    if len(names) <= len(EXPRESSION_COLORS):
        return list(EXPRESSION_COLORS.values())[: len(names)]
    from jscatter import glasbey_dark

    # A view that is not of the five named ones, or a person: as many hues as there are.
    return [to_hex(glasbey_dark[i % len(glasbey_dark)]) for i in range(len(names))]
