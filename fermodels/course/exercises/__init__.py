"""The checks of exercises and questions: `nb02.py` holds those of notebook 02, and so on.

The check of an exercise is a function of the answer that raises AssertionError or ValueError, with
a message that helps, when the answer is wrong. A question has choices, and says something to
whoever picked one::

    @exercise("02.1")
    def chance(answer):
        assert abs(answer - math.log(244)) < 1e-3, "how many other images are in the batch?"

    question(
        "02.a",
        right="b",
        a="a batch that grows makes chance level rise: it is the log of the other images.",
        b="the log of one image more than before.",
    )

Notebooks call them through :func:`fermodels.course.check`.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable
from typing import Any

from fermodels.course.exercises.questions import Question

_CHECKS: dict[str, Callable[[Any], None]] = {}
_QUESTIONS: dict[str, Question] = {}


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


def question(name: str, right: str, **choices: str) -> None:
    """Register a question, which is answered by a letter.

    Args:
        name: such as "02.a".
        right: the letter of the right choice.
        **choices: letter → what whoever chose it reads: why it is right, or why it is a usual
            mistake and what to look at. The letters are a, b, c, … without a gap.

    Raises:
        ValueError: the name has another form, or the choices cannot be right.
    """
    _QUESTIONS[name] = Question(name, right, choices)


def find(name: str) -> Callable[[Any], None]:
    """The check of an exercise or a question; its module is imported when first needed.

    Raises:
        KeyError: there is no such exercise or question.
    """
    if name not in _CHECKS and name not in _QUESTIONS:
        known = [*names(name[:2]), *questions(name[:2])]
        if name not in known:
            kind = "question" if name[-1:].isalpha() else "exercise"
            raise KeyError(f"no {kind} {name!r}; notebook {name[:2]} has {', '.join(known)}")
    return _QUESTIONS[name] if name in _QUESTIONS else _CHECKS[name]


def names(notebook: str) -> list[str]:
    """The exercises of a notebook ("02"), in order.

    Raises:
        KeyError: there is no such notebook.
    """
    _load(notebook)
    own = (name for name in _CHECKS if name.startswith(f"{notebook}."))
    return sorted(own, key=lambda name: int(name.split(".")[1]))


def questions(notebook: str) -> list[str]:
    """The questions of a notebook ("02"), in order.

    Raises:
        KeyError: there is no such notebook.
    """
    _load(notebook)
    return sorted(name for name in _QUESTIONS if name.startswith(f"{notebook}."))


def same(a: float, b: float) -> bool:
    """Whether two numbers are one, but for how they were rounded on the way."""
    return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6)


def _load(notebook: str) -> None:
    module = f"{__name__}.nb{notebook}"
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise KeyError(f"no exercises for notebook {notebook!r}") from None
