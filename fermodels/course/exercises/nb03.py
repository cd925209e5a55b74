"""Questions and checks of notebook 03: probes, fine-tuning, budgets, gaps over people."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise, question

question(
    "03.a",
    right="b",
    a="a probe above guessing is no proof that the encoder learned anything. Random filters still "
    "pass on which pixels change, and a wide open mouth changes many. Look at the grey bars.",
    b="random filters keep enough of the image for a few easy cases, and far less than a trained "
    "encoder. That is why an untrained network belongs in every comparison.",
    c="neither has seen a label, but SimCLR has seen images. It learned what survives a crop and "
    "a change of colour. Compare the grey bars with the orange ones.",
)
question(
    "03.b",
    right="b",
    a="compare the shares: divide the accuracy with two people by the one with all, for SimCLR "
    "and for CL-MEx.",
    b="its expressions lie apart before anybody names them, so a few examples are enough to name "
    "them. But two people are a small sample, and another draw gives another number.",
    c="look at the table again. SimCLR falls far below half of its rival: its features sort "
    "images by angle and person, and two people cannot show a probe what to ignore.",
)
question(
    "03.c",
    right="b",
    a="compare the two columns of the table. One of the two starts was nearly done after the "
    "short training, the other was not.",
    b="the network from scratch was cut off while it was still learning. The gap after a short "
    "training says how long it was, not how good the method is.",
    c="a flat end proves nothing: the learning rate falls to zero at the end of any training. "
    "Compare the ends of the two lengths in the table.",
)
question(
    "03.d",
    right="a",
    a="the first gradients come through a classifier that knows nothing yet. With a large rate "
    "they overwrite what pre-training learned, and the encoder has to learn it again from a few "
    "labels.",
    b="a step in the right direction may be longer, but the first steps have no right direction: "
    "the classifier is random. Compare the curves with the dotted line of the frozen encoder.",
    c="the rate holds for the encoder, too. If it hardly moved, the curve would stay near the "
    "dotted line of the frozen encoder. Does it?",
)
question(
    "03.e",
    right="b",
    a="read the left panel from left to right: the distance between the grey line and that of the "
    "shipped encoder shrinks with every label.",
    b="labels and pre-training are two ways to the same knowledge. With two people the labels say "
    "little, and pre-training says nearly everything. With 48 the labels are enough.",
    c="the two lines meet at 100 %, but neither is clearly above. The interval further down "
    "contains zero.",
)
question(
    "03.f",
    right="b",
    a="that is what one expects, and what is often claimed. Compare the shipped encoder in the two "
    "panels: with more labels its gain at ±90° is within a point of that over all views.",
    b="two people show few profiles, so the network from scratch cannot learn them. With more "
    "labelled people it can, and profiles gain no more than the other views.",
    c="look at the smallest budget in the table: the gain at ±90° is several points larger.",
)


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
    value, log_p = float(found), logits.log_softmax(1)
    mistakes = {
        -wanted: "the sign is wrong: the loss is *minus* log p, and never negative.",
        6 * wanted: "that is the sum over the images; take the mean.",
        -log_p.mean().item(): "that is the mean over all classes; take log p at the label alone.",
        -log_p.exp()[torch.arange(6), labels]
        .mean()
        .item(): "that is the mean of −p: take log p instead.",
        -logits.log_softmax(0)[torch.arange(6), labels].mean().item(): (
            "the probabilities add up to 1 over the batch; they should over the classes (dim=1)."
        ),
        -logits[torch.arange(6), labels].mean().item(): (
            "that is −logit at the label: subtract the log of the sum of all exp(logits)."
        ),
    }
    for mistake, hint in mistakes.items():
        assert abs(value - mistake) > 1e-5, hint
    assert abs(value - wanted) < 1e-5, (
        f"for a batch of six you return {value:.4f}, but it should be {wanted:.4f}: the mean over "
        "the images of −log p at the label of each."
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
    mixed = torch.tensor([[1000.0, 999.0], [-1000.0, -999.0]])
    found, wanted = (
        float(answer(mixed, torch.tensor([0, 0]))),
        (math.log1p(math.exp(-1)) * 2 + 1) / 2,
    )
    assert math.isfinite(found) and abs(found - wanted) < 1e-3, (
        "a batch with very large and very small logits goes wrong: subtract the largest logit of "
        "each *row*, not of the whole batch."
    )


@exercise("03.2")
def budget_rows(answer: Callable) -> None:
    # Unequal numbers of rows, and rows of one person apart from each other.
    subjects = np.array(["F03", "M01", "F01", "F03", "F02", "M02", "F01", "M01", "F03", "F02"])
    rows = answer(subjects, 2, 0)
    assert rows is not None, "the function returns nothing yet."
    rows = np.asarray(rows)
    assert rows.dtype.kind != "b", "that is a mask: `np.flatnonzero(mask)` makes row numbers of it."
    assert rows.dtype.kind not in "US", "those are names: return the numbers of their rows."
    assert rows.ndim == 1 and rows.dtype.kind in "iu", "return row numbers, a flat integer array."
    people = set(subjects[rows])
    assert len(rows) != 2 or len(people) != 2 or np.isin(subjects, list(people)).sum() == 2, (
        "you have drawn two *rows*: draw two people, then take all rows of theirs."
    )
    assert len(set(rows.tolist())) == len(rows) and (np.diff(rows) > 0).all(), (
        "return every row once, in ascending order. To draw nobody twice: replace=False."
    )
    assert len(people) == 2, (
        f"two people were asked for, your rows show {len(people)}. Draw from the different names "
        "(`np.unique`), without replacement."
    )
    assert len(rows) == np.isin(subjects, list(people)).sum(), (
        "some rows of a chosen person are missing: take all or none."
    )
    again = answer(subjects, 2, 0)
    assert np.array_equal(rows, again), (
        "the same seed must give the same rows: make a generator from the seed inside the function."
    )
    draws = [frozenset(subjects[np.asarray(answer(subjects, 2, seed))]) for seed in range(30)]
    assert len(set(draws)) > 1, "thirty seeds, and always the same two people: use the seed."
    assert set().union(*draws) == set(subjects), (
        "in thirty draws, some people never came: choose among all of them."
    )
    # Drawing names from rows would favour whoever has many.
    for seed in range(10):
        drawn = set(subjects[np.asarray(answer(subjects, 4, seed))])
        assert len(drawn) == 4, (
            f"four people were asked for, with seed {seed} your rows show {len(drawn)}: draw from "
            "the different names, without replacement."
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
    # Every one of the three gains half.
    assert abs(mean + 0.5) > 1e-9, "the sign is wrong: A − B, not B − A."
    assert abs(mean - 0.5) < 1e-9, f"the mean gap is 0.500, you have {mean:.3f}."
    assert abs(error) < 1e-9, (
        f"all three people gain exactly 0.5, so the error over people is 0, not {error:.3f}: "
        "average per person before you take the deviation."
    )
    hits_a = np.array([1, 1, 1, 1, 1, 1, 0, 0])
    mean, error = map(float, answer(hits_a, hits_b, subjects))
    gaps = np.array([0.75, 0.5, 0.0])
    pooled = (hits_a - hits_b).mean()
    assert abs(mean - pooled) > 1e-9, (
        f"{mean:.3f} is the mean over images. Average per person first, then over people, so that "
        "somebody with many images does not count more."
    )
    assert abs(mean - gaps.mean()) < 1e-9, (
        f"gaps of 0.75, 0.5 and 0 make a mean of {gaps.mean():.4f}, you have {mean:.4f}."
    )
    deviation = gaps.std(ddof=1)
    assert abs(error - deviation) > 1e-9, (
        "that is s, the deviation over people. The mean of n people is surer: divide by √n."
    )
    assert abs(error - gaps.std() / math.sqrt(3)) > 1e-9, (
        "you divide by n inside s; with a sample of people it is n − 1 (`ddof=1`)."
    )
    assert abs(error - deviation / math.sqrt(len(subjects))) > 1e-9, (
        "n is the number of people, not of images."
    )
    wanted = deviation / math.sqrt(3)
    assert abs(error - wanted) < 1e-9, (
        f"the standard error is s/√n = {wanted:.4f} with n − 1 in s, you have {error:.4f}."
    )
