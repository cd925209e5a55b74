"""Notebook 01: views, leaks, people and their images, action weights, KDEF's file names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise, question

question(
    "01.a",
    right="b",
    a="left and right are always the *subject's*: full left shows the left cheek.",
    b="right. Stand there yourself: you see the left cheek of somebody who looks past you, to your "
    "left.",
    c="the cheek is right. But a camera that sees the left cheek has the nose on its own left.",
)
question(
    "01.b",
    right="a",
    a="right: other images of the same woman lie in the training set, and she is recognised. That "
    "is the leak.",
    b="by person there is nobody in the training set whom the classifier could recognise. Compare "
    "the two numbers.",
    c="the training sets are equally large, but only one of them has the test people in it. "
    "Compare the two numbers.",
)
question(
    "01.c",
    right="c",
    a="so it was for gender, which stays the same over all images of a person. The expression does "
    "not: the most similar image is the same person with *another* expression.",
    b="the same people are on both sides, and that is never without effect. Here it pulls the "
    "nearest image to the same person, with another expression.",
    c="right. The nearest image is the same person, and the one with the right expression is not "
    "there to be found: it is the one being asked about.",
)
question(
    "01.d",
    right="c",
    a="it need not tell women from men at all, only *these* people apart. Look at the red bar.",
    b="detail is not what leaks. Skin, shirt and wall do, and they are still there in 16 squares.",
    c="right. And expression by person, which needs detail, falls close to chance. A leak needs "
    "far less than the task does.",
)
question(
    "01.e",
    right="b",
    a="look at the new curve: it rises with the number of people as the first one does.",
    b="right. Seventy images of one person are nearly copies of each other. So ask more people "
    "before you take more images of those you have.",
    c="fewer candidates are no help: the right one may be among those left out. Compare the two "
    "curves.",
)
question(
    "01.f",
    right="b",
    a="look at the left end of the dots. People differ by much more than that, and whoever is read "
    "worse in one session tends to be read worse in the other, too.",
    b="right: of this person every third image is misread, of some others none.",
    c="nobody is read as badly as that. But look how far the left end is from the average.",
)


@exercise("01.1")
def shared_subjects(answer: Callable) -> None:
    import pandas as pd

    table = pd.DataFrame({"subject": ["M02", "F01", "F01", "M01", "M02", "F03", "M01"]})
    clean = {"train": np.array([0, 4, 3, 6]), "val": np.array([5]), "test": np.array([1, 2])}
    found = answer(table, clean)
    assert found is not None, "the function returns nothing yet."
    assert list(found) == [], f"in a clean split nobody is shared, you return {found}."
    leaking = {"train": np.array([0, 1, 3]), "val": np.array([6, 5]), "test": np.array([2, 4])}
    found = answer(table, leaking)
    assert isinstance(found, list), f"return a list, not {type(found).__name__}."
    assert set(found) == {"F01", "M01", "M02"}, (
        f"F01 and M02 are in train and test, M01 is in train and val; you return {found}. Compare "
        "every pair of parts, not train and test alone."
    )
    assert found == ["F01", "M01", "M02"], f"each name once, sorted; you return {found}."
    # Two rows of a person in one part are no leak.
    assert answer(table, {"train": np.array([1, 2]), "test": np.array([5])}) == []


@exercise("01.2")
def smirk(answer: np.ndarray) -> None:
    from fermodels.faces import ACTIONS

    found = np.asarray(answer, dtype=float)
    assert found.shape == (52,), f"52 weights have shape (52,), yours have {found.shape}."
    values = dict(zip(ACTIONS, found.tolist(), strict=True))
    left, right = values["mouthSmileLeft"], values["mouthSmileRight"]
    assert not (left < 0.01 and right > 0.5), (
        "the smile is on the right: left and right are the *subject's*."
    )
    assert right < 0.01, "the right corner of the mouth moves too: scale that side by 0."
    assert abs(left - 0.8) < 0.01, f"mouthSmileLeft is {left:.2f}; AU 12 at 0.8 makes it 0.80."
    for side in ("Left", "Right"):
        brow = values[f"browDown{side}"]
        assert abs(brow - 0.5) < 0.01, (
            f"browDown{side} is {brow:.2f}; AU 4 at 0.5 makes it 0.50 on both sides, so give it a "
            "call of its own."
        )
    meant = {"mouthSmileLeft", "browDownLeft", "browDownRight"}
    others = sorted(name for name, value in values.items() if value > 0.01 and name not in meant)
    assert not others, f"these should be still: {', '.join(others)}."


@exercise("01.3")
def missing_views(answer: Callable) -> None:
    import pandas as pd

    views = ("full_left", "half_left", "straight", "half_right", "full_right")
    rows = [(name, view) for name in ("F01-A-sad", "F01-A-happy", "M01-B-sad") for view in views]
    whole = pd.DataFrame(rows, columns=["instance", "view"])
    found = answer(whole, views)
    assert found is not None, "the function returns nothing yet."
    assert isinstance(found, dict), f"return a dictionary, not {type(found).__name__}."
    assert found == {}, f"all instances are complete, yet you return {found}."
    gaps = whole.drop(index=[4, 0, 12]).sample(frac=1, random_state=0)
    wanted = {"F01-A-sad": ["full_left", "full_right"], "M01-B-sad": ["straight"]}
    found = answer(gaps, views)
    assert set(found) == set(wanted), (
        f"the instances with gaps are {sorted(wanted)}, you return {sorted(found)}."
    )
    for name, missing in wanted.items():
        assert list(found[name]) == missing, (
            f"{name} lacks {missing}, in the order of `views`; you return {list(found[name])}."
        )


@exercise("01.4")
def parse_kdef(answer: Callable) -> None:
    cases = {
        "AF01HAHL.JPG": ("F01", "A", "happy", "half_left"),
        "BF01HAHL.JPG": ("F01", "B", "happy", "half_left"),
        "AM35SUS.JPG": ("M35", "A", "surprised", "straight"),
        "BM07AFFR.JPG": ("M07", "B", "afraid", "full_right"),
        "AF20ANFL.JPG": ("F20", "A", "angry", "full_left"),
    }
    for name, (subject, session, expression, view) in cases.items():
        found = answer(name)
        assert found is not None, "the function returns nothing yet."
        assert isinstance(found, dict), f"return a dictionary, not {type(found).__name__}."
        wanted = {
            "subject": subject,
            "session": session,
            "expression": expression,
            "view": view,
            "instance": f"{subject}-{session}-{expression}",
        }
        assert set(found) == set(wanted), f"the keys are {', '.join(wanted)}."
        assert found["subject"] != session + subject, (
            f"{name}: the subject is {subject!r}. A and B are two sessions of the same person; "
            "with the letter in the name, the person would be two."
        )
        for key, value in wanted.items():
            assert found[key] == value, f"{name}: {key} is {value!r}, not {found[key]!r}."
    for name in ("AF01HAXX.JPG", "CF01HAS.JPG", "AF01HAHL.JPG.bak", "AF1HAHL.JPG", "AF01XXS.JPG"):
        try:
            answer(name)
        except ValueError:
            continue
        except Exception as error:
            raise AssertionError(
                f"{name!r} should raise ValueError, not {type(error).__name__}: check the form of "
                "the name first, for example by re.fullmatch."
            ) from error
        raise AssertionError(f"{name!r} is not a KDEF file name and should raise ValueError.")
