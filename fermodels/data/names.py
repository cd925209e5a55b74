"""How codes and names are compared, sorted and written: one rule for all that people bring."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np

_MINUS = str.maketrans("−‐‑‒–", "-----")  # minus and dashes
# A dash is a sign before a number, unless another number ends there ("im-90", but "1-2"); else it
# stands between words.
_BETWEEN = re.compile(r"[\s_]+|-(?!\.?[0-9])|(?<=[0-9])-")
_PLUS = re.compile(r"\+(?=\.?[0-9])")
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+")


def name_key(name: Any) -> str:
    """What codes and names are compared by: case, Unicode form, and blanks, dashes and underscores
    between words do not matter; the sign of a number does.

    Example:
        >>> name_key("Full Left") == name_key("full-left") == name_key("FULL_LEFT")
        True
        >>> name_key("−90") == name_key("-90"), name_key("-90") == name_key("90")
        (True, False)
    """
    text = unicodedata.normalize("NFKC", str(name)).casefold()
    text = _PLUS.sub("", unicodedata.normalize("NFKC", text).translate(_MINUS))
    return "_".join(filter(None, _BETWEEN.split(text))) or text


def one_spelling(names: Iterable[str]) -> list[str]:
    """Each name as the first was spelt of those that :func:`name_key` takes for one."""
    first: dict[str, str] = {}
    return [first.setdefault(name_key(name), name) for name in names]


def number_of(name: Any) -> float | None:
    """The number that a name consists of, such as "−90" or "7.5"; None for any other name."""
    text = str(name).translate(_MINUS).strip()
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def natural_key(name: Any) -> tuple:
    """A key to sort names by, their numbers as numbers: 10 comes after 9, and −90 before −45."""
    text = str(name)
    number = number_of(text)
    if number is not None:
        return 1, number, [], text
    # By their length first: numbers of thousands of digits are refused as such.
    pieces = [
        (0, len(piece.lstrip("0")), piece.lstrip("0"), piece)
        if piece.isdecimal()
        else (1, 0, piece, piece)
        for piece in re.split(r"([0-9]+)", text.lower())
        if piece
    ]
    return (2 if text else 0), 0.0, pieces, text


def number_text(value: Any) -> str:
    """A number with all its digits and no more: "2021", "0.1", "-90", "1.5e-7"."""
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if not np.isfinite(value):
        return str(float(value))
    if value == int(value) and abs(value) < 1e16:
        return str(int(value))
    if 1e-4 <= abs(value) < 1e16:
        return np.format_float_positional(value, trim="-")
    return np.format_float_scientific(value, trim="-", exp_digits=1)
