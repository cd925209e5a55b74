"""Notebook 08: how sure a result is, a pattern for names, what to photograph again."""

from __future__ import annotations

import re
from collections.abc import Callable

from fermodels.course.exercises import exercise, question

question(
    "08.a",
    right="b",
    a="a rule that throws images away by itself would also throw away most of what is hard, and "
    "your test would become easier. Look at the column face_found.",
    b="nothing is lost silently: the column face_found says where to look, and you decide.",
    c="among thousands of images a few always fail; the command goes on and reports them.",
)
question(
    "08.b",
    right="b",
    a="ten folds of images put the other views of the same moment into the training. Compare the "
    "two numbers.",
    b="the probe is asked about faces, even moments, that it was trained on. It says nothing about "
    "new people, which is what you want to know.",
    c="to be torn apart is what makes it too easy: each person is in the training as well.",
)
question(
    "08.c",
    right="c",
    a="the encoder needs none, the probe does: it learns from the labels where happy lies.",
    b="with one person it matters a lot who it is. Look at the distance between the dots.",
    c="the probe learns this person's way to show an expression. So say how many draws a number "
    "with few people comes from, and how far they lie apart. (Draws of six from a few people also "
    "share most of them, which keeps their dots together.)",
)
question(
    "08.d",
    right="c",
    a="more of the person is visible, but nothing that tells of the expression, and the face has "
    "fewer pixels.",
    b="it is the same face in fewer of the 48 pixels, and of another size than the encoder knows.",
    c="crops have to be made as those were that the encoder was trained on. That is why the "
    "importer has one margin for all data sets.",
)


@exercise("08.1")
def how_sure(answer: Callable) -> None:
    import numpy as np

    # Of ben there are many images, all right; the mean over images is another one.
    right = np.array([True] * 12 + [True, False] + [True, False, False, False])
    subject = np.array(["ben"] * 12 + ["anna"] * 2 + ["cleo"] * 4, dtype=object)
    people = np.array([1.0, 0.5, 0.25])
    found = answer(right.copy(), subject.copy())
    assert found is not None, "the function returns nothing yet."
    assert np.shape(found) == (2,), f"return two numbers, not {found!r}."
    mean, error = map(float, found)
    assert not np.isclose(mean, right.mean()), (
        f"{mean:.3f} is the mean over images; take each person's accuracy, then their mean."
    )
    assert np.isclose(mean, people.mean()), (
        f"people with accuracies 1, 0.5 and 0.25 have the mean {people.mean():.3f}, not {mean:.3f}."
    )
    deviation = people.std(ddof=1)
    assert not np.isclose(error, deviation), "that is the standard deviation: divide by √P."
    assert not np.isclose(error, people.std() / np.sqrt(3)), (
        "the deviation divides by P − 1: ddof=1 in NumPy."
    )
    assert not np.isclose(error, deviation / np.sqrt(len(right))), (
        "P is the number of people, not of images."
    )
    assert np.isclose(error, deviation / np.sqrt(3)), (
        f"the standard error is {deviation / np.sqrt(3):.3f}, not {error:.3f}."
    )


@exercise("08.2")
def my_pattern(answer: str) -> None:
    assert isinstance(answer, str), f"the pattern is a text, not {type(answer).__name__}."
    assert answer, "the pattern is still empty."
    try:
        pattern = re.compile(answer)
    except re.error as error:
        raise AssertionError(f"this is no regular expression: {error}.") from None
    groups = ("subject", "expression", "view", "session")
    missing = [name for name in groups if name not in pattern.groupindex]
    assert not missing, f"there is no group (?P<{missing[0]}>…)."
    for parts in (
        ("kid07", "HAP", "minus30", "lampB"),
        ("kid112", "NEU", "zero", "lampA"),
        ("kid3", "SAD", "plus60", "lampA"),
    ):
        name = "-".join(parts)
        found = pattern.fullmatch(name)
        assert found, f"{name} does not fit as a whole."
        for group, value in zip(groups, parts, strict=True):
            assert found[group] == value, (
                f"in {name}, the group {group} reads {found[group]!r} instead of {value!r}."
            )
    for name, why in (
        ("kid07-HAP-minus45-lampB", "there is no camera minus45"),
        ("kid07-HAP-zero-lampC", "there are two lamps, A and B"),
        ("kid07-HAPPY-zero-lampA", "expressions have three letters"),
        ("dog07-HAP-zero-lampA", "that is no kid"),
    ):
        assert not pattern.fullmatch(name), f"{name} fits, although {why}."


@exercise("08.3")
def take_again(answer: Callable) -> None:
    import pandas as pd

    rows = [
        ("ben", "happy", "left", True),
        ("ben", "happy", "front", False),
        ("ben", "happy", "right", True),
        ("anna", "sad", "left", True),
        ("anna", "sad", "front", True),
        # Twice: once behind somebody's back.
        ("anna", "happy", "left", False),
        ("anna", "happy", "left", True),
        ("anna", "happy", "front", True),
        ("anna", "happy", "right", True),
    ]
    table = pd.DataFrame(rows, columns=["subject", "expression", "view", "face_found"])
    found = answer(table.copy())
    assert found is not None, "the function returns nothing yet."
    found = [tuple(map(str, item)) for item in found]
    assert ("ben", "happy", "front") in found, (
        "no face was found in ben's happy front: take it again."
    )
    assert ("anna", "sad", "right") in found, (
        "anna was sad from two sides, the third is not in the table: take it."
    )
    assert ("anna", "happy", "left") not in found, (
        "anna's happy left is there twice, and one of the two shows a face: that is enough."
    )
    extra = [item for item in found if item[:2] == ("ben", "sad")]
    assert not extra, "ben has not been sad at all: that is another afternoon."
    wanted = [("anna", "sad", "right"), ("ben", "happy", "front")]
    assert sorted(set(found)) == wanted, f"it should be {wanted}, not {found}."
    assert found == wanted, "each once, and sorted."
