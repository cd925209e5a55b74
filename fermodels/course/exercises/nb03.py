"""Checks of notebook 03: cross-entropy, label budgets, differences over people."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise


@exercise("03.1")
def cross_entropy(answer: Callable) -> None:
    import torch
    import torch.nn.functional as F

    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 3, 1, 1, 2, 0])
    found = answer(logits, labels)
    assert found is not None, "the function returns nothing yet."
    assert np.ndim(found) == 0, f"return one number, the mean, not shape {tuple(found.shape)}."
    wanted = F.cross_entropy(logits, labels).item()
    assert abs(float(found) - wanted) < 1e-5, (
        f"for a batch of six you return {float(found):.4f}, but it should be {wanted:.4f}: the "
        "mean over the images of −log p at the label of each."
    )
    large = torch.tensor([[1000.0, 0.0, -1000.0]])
    found = float(answer(large, torch.tensor([0])))
    assert math.isfinite(found), (
        "right for small logits, but exp(1000) overflows: subtract the largest logit of each row "
        "first; the probabilities stay the same."
    )
    assert abs(found) < 1e-5, f"with logits 1000, 0, −1000 and label 0 it is 0, not {found:.4f}."
    found = float(answer(large, torch.tensor([2])))
    assert abs(found - 2000) < 1e-2, (
        f"with logits 1000, 0, −1000 and label 2 it is 2000, not {found}: compute log p without "
        "computing p, which is 0 here."
    )


@exercise("03.2")
def budget_rows(answer: Callable) -> None:
    # Unequal numbers of rows, and rows of one person apart from each other.
    subjects = np.array(["F03", "M01", "F01", "F03", "F02", "M02", "F01", "M01", "F03", "F02"])
    rows = answer(subjects, 2, 0)
    assert rows is not None, "the function returns nothing yet."
    rows = np.asarray(rows)
    assert rows.ndim == 1 and rows.dtype.kind in "iu", "return row numbers, a flat integer array."
    assert len(set(rows.tolist())) == len(rows) and (np.diff(rows) > 0).all(), (
        "return every row once, in ascending order."
    )
    people = set(subjects[rows])
    assert len(people) == 2, f"two people were asked for, your rows show {len(people)}."
    assert len(rows) == np.isin(subjects, list(people)).sum(), (
        "some rows of a chosen person are missing: take all or none."
    )
    assert np.array_equal(rows, answer(subjects, 2, 0)), "the same seed must give the same rows."
    draws = [frozenset(subjects[np.asarray(answer(subjects, 2, seed))]) for seed in range(30)]
    assert len(set(draws)) > 1, "thirty seeds, and always the same two people: use the seed."
    assert set().union(*draws) == set(subjects), (
        "in thirty draws, some people never came: choose among all of them."
    )
    assert len(np.asarray(answer(subjects, 5, 0))) == len(subjects), (
        "with as many people as there are, all rows belong to the budget."
    )


@exercise("03.3")
def subject_gap(answer: Callable) -> None:
    hits_a = np.array([1, 1, 1, 0, 1, 1, 0, 1])
    hits_b = np.array([0, 1, 0, 0, 1, 0, 0, 0])
    subjects = np.array(["F01", "F01", "F01", "F01", "M01", "M01", "F02", "F02"])
    found = answer(hits_a, hits_b, subjects)
    assert found is not None, "the function returns nothing yet."
    assert np.shape(found) == (2,), "return two numbers: the mean gap and its standard error."
    mean, error = map(float, found)
    gaps = np.array([0.5, 0.5, 0.5])  # every one of the three gains half
    assert abs(mean - gaps.mean()) < 1e-9, (
        f"the mean gap is {gaps.mean():.3f}, you have {mean:.3f}."
    )
    assert abs(error) < 1e-9, (
        f"all three people gain exactly 0.5, so the error over people is 0, not {error:.3f}: "
        "average per person before you take the deviation."
    )
    hits_a = np.array([1, 1, 1, 1, 1, 1, 0, 0])
    mean, error = map(float, answer(hits_a, hits_b, subjects))
    gaps = np.array([0.75, 0.5, 0.0])
    assert abs(mean - gaps.mean()) < 1e-9, (
        f"gaps of 0.75, 0.5 and 0 make a mean of {gaps.mean():.4f}, you have {mean:.4f}. Does "
        "somebody with many images count more?"
    )
    wanted = gaps.std(ddof=1) / math.sqrt(3)
    assert abs(error - wanted) < 1e-9, (
        f"the standard error is s/√n = {wanted:.4f} with n − 1 in s, you have {error:.4f}."
    )
