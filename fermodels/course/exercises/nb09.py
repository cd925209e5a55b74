"""Notebook 09: the best of nothing, pooled noise, differences with error bars, luck."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise, question

question(
    "09.a",
    right="b",
    a="luck averages out in a mean. The best is no mean: you have picked the run with most luck. "
    "Look at the row for 20 in the table.",
    b="the best of twenty draws lies almost two standard deviations above their mean, and the "
    "noise is 2 points. Nobody did anything wrong but look at twenty numbers.",
    c="the luck of different settings does not add up; only the luckiest one counts.",
)
question(
    "09.b",
    right="b",
    a="repeats shrink luck, they do not end it: a mean of four still has half the noise of a run.",
    b="the noise of a mean of n runs is s / √n, and the best of nothing shrinks with it. Four "
    "times the work for half the luck.",
    c="it is, but of twenty means now, and these scatter less than single runs.",
)
question(
    "09.c",
    right="b",
    a="noise far from its mean is rare, so the hundredth try seldom beats the best of the first "
    "ninety-nine.",
    b="the tail is thin, so it grows slowly. It never stops, though: whoever tries long enough "
    "finds anything.",
    c="more settings are no repeats. Each is still a single run, and you have more to pick from.",
)
question(
    "09.d",
    right="b",
    a="that is what one hopes for. Look at the table of rank correlations.",
    b="whoever picks the best setting inside picks outside almost by chance. That is why every "
    "setting is asked outside as well.",
    c="none of the correlations is strongly negative: inside says little, not the opposite.",
)


@exercise("09.1")
def pooled_sd(answer: Callable) -> None:
    groups = [[1.0, 3.0], [10.0, 10.0, 16.0], [7.0]]
    found = answer(groups)
    assert found is not None, "the function returns nothing yet."
    assert np.ndim(found) == 0, f"return one number, not {np.shape(found)}."
    wanted = math.sqrt((2 + 24) / 3)
    assert not math.isnan(float(found)), (
        "nan: a group with a single run has no spread. It adds nothing to either sum."
    )
    assert abs(float(found) - np.std(np.concatenate(groups), ddof=1)) > 1e-6, (
        "you took the spread of all runs together, which contains the differences between the "
        "settings: subtract from each run the mean of its own group."
    )
    assert abs(float(found) - wanted) < 1e-6, (
        f"for {groups} it is {wanted:.4f}, you have {float(found):.4f}: the sum of the squared "
        "distances to the mean of the own group, over the sum of n − 1, then the root."
    )


@exercise("09.2")
def gap(answer: Callable) -> None:
    found = answer([62.0, 66.0], [60.0, 61.0, 62.0], 2.0)
    assert found is not None, "the function returns nothing yet."
    assert np.shape(found) == (2,), "return two numbers: the difference and its standard error."
    difference, error = map(float, found)
    assert abs(difference - 3) < 1e-9, (
        f"means of 64 and 61 differ by 3, you have {difference:.3f} (first minus second)."
    )
    wanted = 2 * math.sqrt(1 / 2 + 1 / 3)
    assert abs(error - wanted) < 1e-9, (
        f"a mean of n runs has a variance of s²/n, and those of the two means add up: the error is "
        f"{wanted:.4f}, you have {error:.4f}."
    )


@exercise("09.3")
def luck(answer: Callable) -> None:
    found = answer(1, 0.05)
    assert found is not None, "the function returns nothing yet."
    assert abs(float(found) - 0.05) < 1e-9, (
        f"with a single setting it is the level itself, 0.05, not {float(found):.4f}."
    )
    wanted = 1 - 0.95**20
    found = float(answer(20, 0.05))
    assert found <= 1, f"a probability is at most 1, you have {found:.2f}: do not add them up."
    assert abs(found - wanted) < 1e-9, (
        f"with 20 settings it is {wanted:.4f}, you have {found:.4f}: one minus the probability "
        "that *none* of them passes."
    )
