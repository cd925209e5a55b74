"""The checks of the course's exercises: `nb02.py` holds those of notebook 02, and so on.

A check is a function of the answer that raises AssertionError or ValueError, with a message that
helps, when the answer is wrong::

    @exercise("02.1")
    def chance(answer):
        assert abs(answer - math.log(244)) < 1e-3, "how many other images are in the batch?"

Notebooks call it through :func:`fermodels.course.check`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

_CHECKS: dict[str, Callable[[Any], None]] = {}


def exercise(name: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Register a check under the number of its exercise, such as "02.1".

    Raises:
        ValueError: the number has another form, or another check has it.
    """
    if not re.fullmatch(r"\d\d\.\d+", name):
        raise ValueError(f"an exercise is named like '02.1', not {name!r}")

    def register(check: Callable[[Any], None]) -> Callable[[Any], None]:
        known = _CHECKS.get(name)
        # Reloading a module replaces its own checks.
        if known and (known.__module__, known.__name__) != (check.__module__, check.__name__):
            raise ValueError(f"exercise {name} has two checks: {known.__name__}, {check.__name__}")
        _CHECKS[name] = check
        return check

    return register


def find(name: str) -> Callable[[Any], None]:
    """The check of an exercise; its module is imported when first needed.

    Raises:
        KeyError: there is no such exercise.
    """
    if name not in _CHECKS:
        known = names(name[:2])
        if name not in _CHECKS:
            raise KeyError(f"no exercise {name!r}; notebook {name[:2]} has {', '.join(known)}")
    return _CHECKS[name]


def names(notebook: str) -> list[str]:
    """The exercises of a notebook ("02"), in order.

    Raises:
        KeyError: there is no such notebook.
    """
    module = f"{__name__}.nb{notebook}"
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise KeyError(f"no exercises for notebook {notebook!r}") from None
    own = (name for name in _CHECKS if name.startswith(f"{notebook}."))
    return sorted(own, key=lambda name: int(name.split(".")[1]))
