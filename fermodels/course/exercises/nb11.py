"""Checks of notebook 11: weighted F1, a gain with its standard error, the speakers it takes."""

from __future__ import annotations

import math
from collections.abc import Callable

from fermodels.course.exercises import exercise, question, same


@exercise("11.1")
def weighted_f1(answer: Callable) -> None:
    import numpy as np

    from fermodels.evaluation import classification_scores

    cases = (
        ("all right", ["sad", "happy", "sad"], ["sad", "happy", "sad"], ""),
        (
            "unequal classes",
            ["sad", "sad", "sad", "sad", "happy", "angry"],
            ["sad", "sad", "happy", "angry", "happy", "sad"],
            " Weigh the F1 of each class by how many clips it has.",
        ),
        (
            "a class that nobody predicts",
            ["sad", "happy", "happy"],
            ["happy", "happy", "happy"],
            " A class that is never predicted has F1 0, without dividing by zero.",
        ),
        (
            "a prediction that is never true",
            ["sad", "sad", "happy"],
            ["sad", "angry", "happy"],
            " A class without clips has no weight.",
        ),
    )
    for what, truth, guess, hint in cases:
        truth, guess = np.array(truth), np.array(guess)
        found = answer(truth, guess)
        assert found is not None, "the function returns nothing yet."
        wanted = classification_scores(truth, guess)["weighted_f1"]
        found = float(found)
        if same(found, wanted):
            continue
        names = np.unique(truth)
        each = [_f1(truth == name, guess == name) for name in names]
        assert not same(found, float(np.mean(each))) or same(wanted, float(np.mean(each))), (
            "this is the plain mean over the classes (macro F1); weigh it by their clips."
        )
        assert not same(found, float(np.mean(truth == guess))), "this is the accuracy."
        raise AssertionError(f"for {what} it is {wanted:.4f}, not {found:.4f}.{hint}")


def _f1(truth, guess) -> float:
    return 2 * (truth & guess).sum() / (truth.sum() + guess.sum())


@exercise("11.2")
def gain(answer: Callable) -> None:
    import numpy as np

    speaker = np.array(["a"] * 6 + ["b"] * 2 + ["c"] * 4)
    ours = np.array([1, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 0], dtype=bool)
    theirs = np.array([1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1], dtype=bool)
    found = answer(ours.copy(), theirs.copy(), speaker.copy())
    assert found is not None, "the function returns nothing yet."
    assert isinstance(found, tuple) and len(found) == 2, (
        "return two numbers: the mean difference, and its standard error."
    )
    each = {
        name: np.array([x[speaker == s].mean() for s in ("a", "b", "c")])
        for name, x in (("ours", ours), ("theirs", theirs))
    }
    difference = each["ours"] - each["theirs"]  # one for each speaker
    by_clips = (ours.astype(float) - theirs).mean()
    mean, error = (float(value) for value in found)
    assert not same(mean, -difference.mean()), "the sign: it is ours minus theirs."
    assert not same(mean, by_clips), (
        "this is the mean over clips, in which who has more clips counts more: take the difference "
        "of each speaker first."
    )
    assert same(mean, difference.mean()), (
        f"the mean difference over speakers is {difference.mean():.4f}, not {mean:.4f}."
    )
    right = difference.std(ddof=1) / math.sqrt(3)
    apart = math.hypot(*(x.std(ddof=1) / math.sqrt(3) for x in each.values()))
    mistakes = {
        difference.std(ddof=1): "this is the deviation of the differences; divide it by √3, for "
        "three speakers.",
        difference.std() / math.sqrt(3): "ddof=1: the mean was taken from the same three speakers.",
        difference.std(ddof=1) / math.sqrt(12): "there are 12 clips, but three speakers.",
        apart: "these are two errors that add up, as if the methods had met other speakers; take "
        "the deviation of the differences.",
        2 * right: "this is two standard errors; return one.",
    }
    for value, message in mistakes.items():
        assert not same(error, float(value)), message
    assert same(error, float(right)), f"the standard error is {right:.4f}, not {error:.4f}."


@exercise("11.3")
def speakers_needed(answer: Callable) -> None:
    for gain, deviation in ((1.0, 5.0), (2.0, 5.0), (1.5, 4.0)):
        found = answer(gain, deviation)
        assert found is not None, "the function returns nothing yet."
        exact = (2 * deviation / gain) ** 2
        given = float(found)
        what = f"for a gain of {gain:g} and a deviation of {deviation:g}"
        if given == math.ceil(exact):
            continue
        assert given != math.ceil((deviation / gain) ** 2), (
            f"{what} this is one standard error from zero; it should be two."
        )
        assert not same(given, 2 * deviation / gain), (
            f"{what} this is √n: square it, for the error shrinks with the root of n."
        )
        assert not abs(given - exact) < 1, f"{what} round up: {exact:.2f} speakers are not enough."
        raise AssertionError(
            f"{what} it is {math.ceil(exact)}, not {given:g}: 2 · deviation / √n ≤ gain."
        )


question(
    "11.a",
    right="b",
    a="that holds for methods that met different speakers. Compare the last two rows.",
    b="right, a speaker who is hard to read is so for both, and that part leaves the difference.",
    c="some speakers suit one method better than the other, and other speakers would do so "
    "differently: the last row is not zero.",
)
question(
    "11.b",
    right="c",
    a="the methods are the same, but fewer speakers say less about them: compare the two widths.",
    b="four times fewer speakers do not make it four times wider: the standard error has a root "
    "in it.",
    c="right, the standard error goes with 1/√n, so a quarter of the speakers doubles it.",
)
question(
    "11.c",
    right="b",
    a="compare the two bars at both shares: they do not fall alike.",
    b="right, ConCluGen knows from all training speakers what goes together, and one speaker is "
    "enough to name it.",
    c="the encoder was trained on the same training speakers, all of them and without labels; it "
    "is what is left when labels are few.",
)
question(
    "11.d",
    right="b",
    a="the map on the right has a colour for each speaker: they lie mixed in every island.",
    b="right, emotion is what face, voice and words of one speaker's clips have in common.",
    c="a camera angle is in the video alone; voice and words cannot agree with it.",
)
