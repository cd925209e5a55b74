"""Values for a record: Python's own numbers, and JSON that every reader takes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def plain(value: Any, other: Callable[[Any], Any] | None = None) -> Any:
    """The value with Python's own numbers and texts in place of NumPy's, inside of it as well.

    Args:
        value: dicts, lists, tuples, arrays, numbers, texts, None.
        other: gets what is none of these. Default: its `tolist()` or path, or else an error.

    Raises:
        TypeError: something else, without `other`.
    """
    if isinstance(value, Mapping):
        return {plain(key, other): plain(inner, other) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        inside = [plain(inner, other) for inner in value]
        return tuple(inside) if isinstance(value, tuple) else inside
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), other)
    for kind in (bool, int, float, str):  # in this order: a bool is an int
        if isinstance(value, (kind, *_NUMPY[kind])):
            return kind(value)
    if value is None or other is not None:
        return None if value is None else other(value)
    if callable(getattr(value, "tolist", None)):  # a tensor
        return plain(value.tolist())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(
        f"{value!r} ({type(value).__name__}) cannot be kept: give numbers, texts, lists or dicts"
    )


_NUMPY = {bool: (np.bool_,), int: (np.integer,), float: (np.floating,), str: ()}


def to_json(value: Any, **options: Any) -> str:
    """The value as JSON. What JSON has no number for becomes a text: "nan", "inf", "-inf".

    Args:
        value: see :func:`plain`.
        options: of :func:`json.dumps`.

    Raises:
        TypeError: see :func:`plain`.
    """
    return json.dumps(_finite(plain(value)), allow_nan=False, **options)


def from_json(text: str | bytes) -> Any:
    """What `to_json` wrote; NaN and Infinity of other writers become the same texts."""
    return json.loads(text, parse_constant=lambda name: str(float(name)))


def recorded(value: Any) -> Any:
    """The value as it comes back from its record: equal values are equal there, NaN too."""
    return from_json(to_json(value))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return value
