"""Checks of exercises."""

from __future__ import annotations

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
    """Check the answer to an exercise, print ✓ or ✗ with a hint. Never raises.

    Args:
        name: number of the exercise, such as "02.1".
        answer: a value or a function, as the exercise says. None and `...` count as no answer yet.
    """
    result = _check(name, answer)
    print(f"{'✓' if result.passed else '✗'} Exercise {name}: {result.message}")
    return result


def _check(name: str, answer: Any) -> CheckResult:
    from fermodels.course.exercises import find

    try:
        checking = find(name)
    except KeyError as error:
        return CheckResult(name, False, str(error.args[0]))
    except Exception as error:
        return CheckResult(name, False, f"the check cannot be loaded: {error}")
    if answer is None or answer is ...:
        return CheckResult(name, False, "no answer yet.")
    try:
        checking(answer)
    except (AssertionError, ValueError) as error:
        return CheckResult(name, False, str(error) or "not yet.")
    except Exception as error:
        return CheckResult(name, False, f"your answer led to {type(error).__name__}: {error}")
    return CheckResult(name, True, "right.")
