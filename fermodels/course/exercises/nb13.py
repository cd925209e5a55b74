"""Checks of notebook 13: calibration error, Holm's correction, a paired bootstrap over people."""

from __future__ import annotations

import math
from collections.abc import Callable

from fermodels.course.exercises import exercise, question

question(
    "13.a",
    right="b",
    a="random filters still answer to edges, and mouth, brows and eyes have many. Compare the grey "
    "lines with chance.",
    b="random filters answer to edges, and an action unit moves where a face has edges. So "
    '"above chance" proves nothing, and every map needs an untrained network beside it.',
    c="there is no need to learn where edges are: a random filter answers to them.",
)
question(
    "13.b",
    right="a",
    a="all pixels that are covered together share the credit, so a large square smears the map "
    "over what lies around the region. The network is the same; the map is coarser.",
    b="the logit does move more, but for many pixels: a square beside the region covers part of "
    "it as well, and all that it covers gets the credit.",
    c="the network is the same, but a map made of squares cannot be finer than they are.",
)
question(
    "13.c",
    right="b",
    a="dividing all logits by one positive number leaves their order as it is, so the highest "
    "stays the highest.",
    b="the order of the logits stays, so each answer stays. Only how sure it is changes.",
    c="dividing all logits by one positive number leaves their order as it is: no answer changes, "
    "and no right one is lost.",
)
question(
    "13.d",
    right="b",
    a="without a spread McNemar keeps its promise. It is not wrong, it assumes independent images.",
    b="every image is then an independent coin, as the test assumes; being exact, it even stays a "
    "little below 5 %. It is the people who make it too sure.",
    c="they disagree as often as before, ten times a person; only who wins is a fair coin for "
    "everybody now.",
)


@exercise("13.1")
def calibration_error(answer: Callable) -> None:
    import numpy as np

    sure = np.array([0.95, 0.9, 0.85, 0.55, 0.6, 1.0, 0.65, 0.1])
    hit = np.array([1, 1, 0, 1, 1, 0, 1, 0])
    for bins in (2, 4, 10):
        found = answer(sure.copy(), hit.copy(), bins)
        assert found is not None, "the function returns nothing yet."
        assert np.ndim(found) == 0, f"return one number, not an array of shape {np.shape(found)}."
        found = float(found)
        number = np.minimum((sure * bins).astype(int), bins - 1)
        inside = [number == b for b in np.unique(number)]
        gaps = np.array([hit[i].mean() - sure[i].mean() for i in inside])
        weights = np.array([i.mean() for i in inside])
        wanted = float(weights @ abs(gaps))
        if math.isclose(found, wanted, abs_tol=1e-9):
            continue
        assert not math.isnan(found), (
            "nan: the mean of an empty bin. Leave out bins in which no answer falls."
        )
        assert not math.isclose(abs(found), abs(weights @ gaps), abs_tol=1e-9), (
            "take the absolute value in every bin, before you add the bins up: here their gaps "
            "cancel."
        )
        assert not math.isclose(found, abs(gaps).mean(), abs_tol=1e-9), (
            "this is the plain mean over the bins; weigh each by its share of the answers, n_b / N."
        )
        assert not math.isclose(found, weights @ gaps**2, abs_tol=1e-9), (
            "these are squared gaps; the ECE takes absolute ones."
        )
        beyond = (sure * bins).astype(int)
        own = [beyond == b for b in np.unique(beyond)]
        apart = sum(i.mean() * abs(hit[i].mean() - sure[i].mean()) for i in own)
        lost = sum(
            i.mean() * abs(hit[i].mean() - sure[i].mean()) for i in own if not (sure[i] == 1).all()
        )
        assert not any(math.isclose(found, other, abs_tol=1e-9) for other in (apart, lost)), (
            "a probability of exactly 1 belongs to the last bin, not to a bin of its own."
        )
        raise AssertionError(f"with {bins} bins it is {wanted:.4f}, not {found:.4f}.")


@exercise("13.2")
def holms_findings(answer: Callable) -> None:
    found = answer([0.001], 0.05)
    assert found is not None, "the function returns nothing yet."
    cases = (
        ([0.001], 0.05, 1, "a single comparison needs no correction."),
        ([0.04, 0.01, 0.03], 0.05, 1, "0.01 · 3 passes; the next is 0.03 · 2, too much."),
        # The largest would pass by itself.
        ([0.001, 0.03, 0.04], 0.05, 1, "after 0.03 · 2 nothing passes any more, 0.04 · 1 neither."),
        ([0.02, 0.002, 0.3, 0.01], 0.05, 3, "0.002 · 4, 0.01 · 3 and 0.02 · 2 are all below 0.05."),
        ([0.5, 0.9], 0.05, 0, "here nothing is found."),
    )
    for p, alpha, wanted, why in cases:
        found = answer(list(p), alpha)
        if found == wanted:
            continue
        plain = sum(value < alpha for value in p)
        assert found != plain or plain == 0, (
            f"for {p} you count {found}: without a correction. {why[0].upper()}{why[1:]}"
        )
        bonferroni = sum(value * len(p) < alpha for value in p)
        assert found != bonferroni, (
            f"for {p} you count {found}: this is Bonferroni, which multiplies all by {len(p)}. "
            f"Holm's factor falls: {why}"
        )
        raise AssertionError(f"for {p} it is {wanted}, not {found}: {why}")


@exercise("13.3")
def paired_interval(answer: Callable) -> None:
    import numpy as np

    rng = np.random.default_rng(3)
    people = 14
    subject = np.repeat(np.arange(people), 30)
    easy = rng.normal(0, 1.5, people)[subject]
    better = rng.normal(0.35, 0.5, people)[subject]
    a = rng.random(len(subject)) < 1 / (1 + np.exp(-easy - better))
    b = rng.random(len(subject)) < 1 / (1 + np.exp(-easy))
    order = rng.permutation(len(subject))
    found = answer(a[order], b[order], subject[order])
    assert found is not None, "the function returns nothing yet."
    assert np.shape(found) == (2,), f"return two numbers, the lower and the upper end: {found!r}."
    low, high = map(float, found)
    by_a, by_b = (np.array([x[subject == s].mean() for s in range(people)]) for x in (a, b))
    gaps = by_a - by_b
    draws = np.random.default_rng(0).choice(gaps, (20_000, people)).mean(axis=1)
    wanted = np.quantile(draws, [0.025, 0.975])
    width, right = high - low, wanted[1] - wanted[0]
    if np.allclose([low, high], wanted, atol=0.1 * right):
        return
    assert not np.allclose([-high, -low], wanted, atol=0.1 * right), "the sign: it is a − b."
    assert width > 0, f"the lower end comes first: {low:.3f}, {high:.3f}."
    hits = a.astype(float) - b
    of_images = 3.92 * hits.std() / np.sqrt(len(hits))
    unpaired = 3.92 * np.sqrt((by_a.var() + by_b.var()) / people)
    assert not math.isclose(width, unpaired, rel_tol=0.12), (
        "this is the interval of two separate groups: draw people once and take both of a person's "
        "accuracies, that is, the person's own difference."
    )
    assert not math.isclose(width, of_images, rel_tol=0.12), (
        "you drew images: draw people, with all their images."
    )
    assert not math.isclose(width, 3.92 * gaps.std(), rel_tol=0.25), (
        "this is the spread of single people; the interval is that of their mean."
    )
    raise AssertionError(
        f"it should be about {wanted[0]:.3f} to {wanted[1]:.3f}, not {low:.3f} to {high:.3f}."
    )
