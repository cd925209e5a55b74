"""Checks of notebook 09: pooled noise, differences with error bars, luck, fair comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise


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


@exercise("09.4")
def fair(answer: Callable) -> None:
    reference = {"temperature": 0.15, "width": 16, "images": 100, "seed": 0}
    runs = {
        "cold": reference | {"temperature": 0.07},
        "again": reference | {"seed": 1},
        "the same": dict(reference),
        "wide and long": reference | {"width": 32, "images": 200},
        "long": reference | {"images": 200, "seed": 2},
    }
    found = answer(reference, runs)
    assert found is not None, "the function returns nothing yet."
    found = list(found)
    assert "wide and long" not in found, (
        "'wide and long' changes two things: if it wins, you cannot say which of them did it."
    )
    assert not {"again", "the same"} & set(found), (
        "a run that differs in nothing but the seed is a repeat of the reference, not a setting."
    )
    assert "long" in found, "'long' has another seed, but changes one factor only: it belongs in."
    assert sorted(found) == ["cold", "long"], f"wanted 'cold' and 'long', you return {found}."
