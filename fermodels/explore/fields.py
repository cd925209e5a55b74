"""What the points of a map can be coloured by: columns turned into a few named categories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.data import view_degrees, view_order
from fermodels.data.names import natural_key, number_text
from fermodels.plots import EXPRESSION_COLORS, VIEW_COLORS, view_colors
from fermodels.plots.style import UNLABELLED_COLOR

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("expression", "emotion")  # what images and clips call the thing to be recognised
PREDICTION = "prediction"  # columns of predictions begin with it
OUTCOME_COLORS = {"correct": "#56B4E9", "wrong": "#C43C00"}
SPLIT_COLORS = {"train": "#A8A8A8", "val": "#F0A000", "test": "#0060B0"}

_FIRST = (*LABELS, "view", "subject", "split", "set")
# More names than that are no legend; the rarer ones become one entry.
_MOST = 200
_BINS = 6
_FEW_NUMBERS = 12
_EXACT = 2**53  # up to here all integers are floats


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

    Columns of text, categories, truth values and numbers are fields; numbers of many values become
    bins, but labels and predictions are names, also where they are numbers. Left out are columns
    that (nearly) every row has a value of its own in, such as transcripts. A table without any
    column to colour by has the field "points", of one colour.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        import pandas as pd

        names = [name for name in table if isinstance(name, str) and _can_color(name, table[name])]
        columns = {name: table[name] for name in names}
        self._columns = columns or {"points": pd.Series("all", index=range(len(table)))}
        names = list(self._columns)
        first = [name for name in _FIRST if name in names]
        self._names = tuple(first + [name for name in names if name not in first])
        self._yaws = _yaws_of_views(table)
        self._built: dict[str, Field] = {}

    @property
    def default(self) -> str:
        """What to colour by at first: of the label, view, subject, split and the other columns the
        first that tells points apart."""
        several = (name for name in self._names if len(self[name].categories) > 1)
        return next(several, self._names[0])

    def __getitem__(self, name: str) -> Field:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._built:
            yaws = self._yaws if name == "view" else None
            self._built[name] = field(name, self._columns[name], yaws)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def field(name: str, column: pd.Series, yaws: Mapping[Any, float] | None = None) -> Field:
    """A column of N values as categories with colours; missing values become "(none)", and
    "(unlabelled)" where the column is that of the expression or the emotion.

    Args:
        yaws: of the column "view": view → degrees, where they are known.
    """
    missing = column.isna().to_numpy()
    plain = _plain(column)
    numbers = _is_number(plain) and not _are_classes(name, plain)
    if numbers and name == "view" and plain.nunique() <= _FEW_NUMBERS:
        numbers, yaws = False, {_name(yaw): float(yaw) for yaw in plain.dropna().unique()}
    if numbers and plain.nunique() > _FEW_NUMBERS:
        names, codes = _bins(plain)
    else:
        names, codes = _names(plain, lambda found: _ordered(found, name, column.dtype, yaws))
    colors = _colors(names, name, numbers=numbers, yaws=yaws)
    if missing.any():
        codes = np.where(missing, len(names), codes)
        nothing = "(unlabelled)" if name in LABELS else "(none)"
        names, colors = [*names, _free(nothing, names)], [*colors, UNLABELLED_COLOR]
    return Field(name, tuple(names), codes.astype(np.int32), tuple(colors))


def _plain(column: pd.Series) -> pd.Series:
    """Categories as their names, and numbers that stand among objects as numbers."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(object).map(_name, na_action="ignore")
    numbers = ("integer", "floating", "mixed-integer-float")
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in numbers:
        return pd.to_numeric(column)
    return column


def _name(value: Any) -> str:
    """A value as the legend has it."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return number_text(value).replace("-", "−") if number else str(value)


def _is_number(column: pd.Series) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _is_label(name: str) -> bool:
    return name in LABELS or name == PREDICTION or name.startswith(f"{PREDICTION} (")


def _are_classes(name: str, column: pd.Series) -> bool:
    """Whether numbers stand for what is recognised, as indices do."""
    return _is_label(name) and bool((column.dropna() % 1 == 0).all())


def _can_color(name: str, column: pd.Series) -> bool:
    if column.isna().all():
        return False
    column = _plain(column)
    if _is_number(column) and not _are_classes(name, column):
        return column.nunique() > 1
    first: Any = column.dropna().iloc[0]
    if not isinstance(first, (str, bool, int, float, np.bool_, np.number)):
        return False
    different = column.nunique()
    return different <= _MOST / 10 or different <= len(column) / 4


def _yaws_of_views(table: pd.DataFrame) -> dict[Any, float]:
    if not {"view", "yaw"} <= set(table):
        return {}
    try:
        return table.groupby("view", observed=True)["yaw"].mean().dropna().to_dict()
    except TypeError:  # a column of that name that holds no degrees
        return {}


def _names(
    column: pd.Series, in_order: Callable[[list[str]], list[str]]
) -> tuple[list[str], np.ndarray]:
    """Values as names, the rarest of very many taken together, and the index of the name of each
    row; 0 where there is none. Numbers are in their own order, names as `in_order` puts them."""
    import pandas as pd

    numbers = _is_number(column)
    values = column if numbers else column.astype(object).map(str, na_action="ignore")
    codes, found = pd.factorize(values)
    found = np.asarray(found)  # of a float32 as such, with no more digits than it has
    names = [_name(value) for value in found]
    frequency = np.bincount(codes[codes >= 0], minlength=len(names))
    kept = np.argsort(-frequency, kind="stable")[: _MOST - 1].tolist()
    if numbers:
        shown = [names[number] for number in sorted(kept, key=lambda number: found[number])]
    else:
        shown = in_order([names[number] for number in kept])
    place = {name: at for at, name in enumerate(shown)}
    if rest := len(names) - len(kept):
        shown = [*shown, _free(f"({rest} more)", shown)]
    places = np.array([place.get(name, len(shown) - 1) for name in names] or [0])
    return shown, places[np.maximum(codes, 0)]


def _bins(column: pd.Series) -> tuple[list[str], np.ndarray]:
    first = _beyond_floats(column)
    values = (column - first).to_numpy(float, na_value=np.nan)
    finite = values[np.isfinite(values)]
    edges = np.linspace(finite.min(), finite.max(), _BINS + 1)
    codes = np.searchsorted(edges[1:-1], np.where(np.isfinite(values), values, edges[0]), "right")
    # As many digits as tell the edges apart.
    for digits in range(3, 18):
        texts = [_rounded(edge, digits) for edge in edges]
        if len(set(texts)) == len(texts):
            break
    if first:
        texts = [_name(first + round(edge)) for edge in edges]
    return [f"{low} to {high}" for low, high in zip(texts[:-1], texts[1:], strict=True)], codes


def _beyond_floats(column: pd.Series) -> int:
    """What to take away from integers that floats cannot tell apart, such as long ids; else 0."""
    if column.dtype.kind not in "iu":
        return 0
    least, most = int(column.min()), int(column.max())
    return least if max(-least, most) > _EXACT > most - least else 0


def _rounded(value: float, digits: int) -> str:
    text = np.format_float_positional(value, precision=digits, fractional=False, trim="-")
    return text.replace("-", "−")


def _free(name: str, taken: Sequence[str]) -> str:
    """The name, with a number where a value is called so."""
    numbered = (f"{name} {number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)


def _ordered(
    names: Sequence[str], name: str, dtype: Any, yaws: Mapping[Any, float] | None
) -> list[str]:
    present = set(names)
    for known in (EXPRESSION_COLORS, OUTCOME_COLORS, SPLIT_COLORS):
        if present <= set(known):
            return [name for name in known if name in present]
    if getattr(dtype, "ordered", False):
        return [value for value in map(_name, dtype.categories) if value in present]
    if name == "view" or present <= set(VIEW_COLORS):
        return view_order(names, yaws)
    return sorted(names, key=natural_key)


def _colors(
    names: Sequence[str], name: str, *, numbers: bool, yaws: Mapping[Any, float] | None
) -> list[str]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    for known in (EXPRESSION_COLORS, OUTCOME_COLORS, SPLIT_COLORS):
        if set(names) <= set(known):
            return [known[name] for name in names]
    if numbers:
        # Up to 0.92: the brightest yellow is lost on white.
        places = np.linspace(0, 0.92, len(names))
        return [to_hex(colormaps["viridis"](place)) for place in places]
    if set(names) <= set(VIEW_COLORS) or (name == "view" and _have_angles(names, yaws)):
        colors = view_colors(names, yaws)
        return [colors[view] for view in names]
    course = list(EXPRESSION_COLORS.values())
    if _is_label(name) and set(names) <= set(map(str, range(len(course)))):
        return [course[int(number)] for number in names]  # the same in the label and predictions
    if len(names) <= len(course):
        return course[: len(names)]
    from jscatter import glasbey_dark

    # Many people, or cameras: as many hues as there are.
    return [to_hex(glasbey_dark[i % len(glasbey_dark)]) for i in range(len(names))]


def _have_angles(views: Sequence[str], yaws: Mapping[Any, float] | None) -> bool:
    return any(angle is not None for angle in view_degrees(views, yaws).values())
