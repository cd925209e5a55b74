"""Checks of exercises and questions."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CheckResult:
    """The outcome of a check; true when passed."""

    name: str
    passed: bool
    message: str

    def __bool__(self) -> bool:
        return self.passed

    def _ipython_display_(self) -> None:
        """Nothing: `check` has printed it."""


def check(name: str, answer: Any) -> CheckResult:
    """Check the answer to an exercise or a question, print ✓ or ✗ with a hint. Never raises.

    What passes, and how often it was tried, counts for :func:`progress`.

    Args:
        name: number of the exercise, such as "02.1", or of the question, such as "02.a".
        answer: a value or a function, as the exercise says; the letter of a choice, if it is a
            question. None and `...` count as no answer yet.
    """
    from fermodels.course.exercises.questions import Question

    checking = None
    try:
        checking = _find(name)
    except LookupError as error:
        result, kind = CheckResult(name, False, str(error.args[0])), "Exercise"
    else:
        kind = "Question" if isinstance(checking, Question) else "Exercise"
        result = _check(name, checking, answer)
    # Saying nothing yet is no mistake where one is asked before the cells that tell.
    open_yet = kind == "Question" and not _given(answer)
    mark = "○" if open_yet else "✓" if result.passed else "✗"
    print(f"{mark} {kind} {name}: {result.message}")
    if checking is not None:
        _record(checking, result, answer)
    return result


def _record(checking, result: CheckResult, answer: Any) -> None:
    from fermodels.course.exercises.questions import Question
    from fermodels.course.records import UNANSWERED, record

    try:
        if isinstance(checking, Question):
            with suppress(ValueError):  # no answer, or none of the choices
                record(result.name, "question", result.passed, checking.letter(answer))
        elif result.passed or not result.message.endswith(UNANSWERED):
            record(result.name, "exercise", result.passed)
    except Exception as error:  # whatever may be wrong with a folder is not the learner's fault
        print(f"(Your progress cannot be kept: {error})")


def _find(name: str):
    """The check of that name; LookupError, with what to say, if there is none."""
    from fermodels.course.exercises import find

    try:
        return find(name)
    except KeyError:
        raise
    except Exception as error:
        raise LookupError(f"the check cannot be loaded: {error}") from error


def _check(name: str, checking, answer: Any) -> CheckResult:
    from fermodels.course.exercises.questions import Question

    if isinstance(checking, Question) and not _given(answer):
        return CheckResult(name, False, "say first what you expect, then run on.")
    if not _given(answer):
        return CheckResult(name, False, "no answer yet.")
    try:
        checking(answer)
    except (AssertionError, ValueError) as error:
        return CheckResult(name, False, str(error) or "not yet.")
    except Exception as error:
        return CheckResult(name, False, f"your answer led to {type(error).__name__}: {error}")
    if isinstance(checking, Question):
        return CheckResult(name, True, checking.choices[checking.right])
    return CheckResult(name, True, "right.")


def _given(answer: Any) -> bool:
    empty = isinstance(answer, str) and not answer.strip()
    return not (answer is None or answer is ... or empty)
