"""Questions on a turning head, on what hides a face, and on own labels; checks of exercises: which
frame is taken, which are dropped, who has agreed."""

from __future__ import annotations

import numpy as np

from fermodels.course.exercises import exercise, question

question(
    "10.a",
    right="b",
    a="a profile does hide half of the expression, but CL-MEx had the other views of the moment "
    "as positives: it has learned to find the rest of it.",
    b="nothing in its training said that a turned head is the same moment: it follows the angle.",
    c="the pixels change by the same amount, and what an encoder makes of that is up to its "
    "training: compare the two curves.",
)

question(
    "10.b",
    right="b",
    a="every pixel changes, but by the same factor. Random brightness is one of the augmentations, "
    "so both encoders have learned to ignore it.",
    b="it hides what a smile is made of. An encoder that looks at the expression loses more than "
    "one that looks at the rest of the image.",
    c="the rims cover few pixels and nothing that moves in a smile.",
)

question(
    "10.c",
    right="b",
    a="they would if the views of a moment lay close together. For SimCLR they do not: compare the "
    "bars of the profiles with those of the crowd alone.",
    b="a label helps what lies near it, and SimCLR puts a profile near other profiles.",
    c="look at the bar in front: five images are enough there, for they lie near what is asked.",
)


@exercise("10.1")
def choose(answer) -> None:
    yaws = np.array([np.nan, -3.0, 4.0, 44.0, 52.0, 47.0, np.nan])
    sharpness = np.array([9.0, 1.0, 2.0, 5.0, 8.0, 6.0, 7.0])
    assert answer(yaws, sharpness, 45.0, 10.0) is not None, "the function returns nothing yet."
    for angle, near, right in ((45.0, 10.0, 4), (45.0, 3.0, 5), (0.0, 10.0, 2), (0.0, 3.0, 1)):
        found = answer(yaws, sharpness, angle, near)
        assert found is not None, f"there is a frame within {near:g}° of {angle:g}°."
        assert np.isfinite(yaws[found]), f"frame {found} shows no face: its yaw is NaN."
        assert abs(yaws[found] - angle) <= near, (
            f"frame {found} is at {yaws[found]:g}°, which is more than {near:g}° from {angle:g}°."
        )
        assert found == right, (
            f"of the frames within {near:g}° of {angle:g}° number {right} is the sharpest, "
            f"you took {found}."
        )
    assert answer(yaws, sharpness, -90.0, 10.0) is None, (
        "no frame is near −90°: return None, so that somebody can ask for another turn."
    )


@exercise("10.2")
def looked_at(answer) -> None:
    for frames, every, needs in (
        (6, 40, 20),
        (6, 40, 40),
        (8, 40, 100),
        (5, 100, 1000),
        (1, 40, 9),
    ):
        found = answer(frames, every, needs)
        assert found is not None, "the function returns nothing yet."
        found = [int(number) for number in found]
        right = _looked_at(frames, every, needs)
        case = f"{frames} frames, one each {every} ms, {needs} ms to look at one"
        assert found[:1] == [0], f"{case}: the first frame is looked at when it comes."
        assert found != list(range(frames)) or right == found, (
            f"{case}: you look at all of them, and lag behind further and further."
        )
        assert found[-1] == frames - 1, f"{case}: the last frame is looked at, however late."
        assert found == right, f"{case}: it is {right}, you have {found}."


@exercise("10.3")
def may_keep(answer) -> None:
    def said(*words):
        return [{"subject": subject, "agreed": agreed} for subject, agreed in words]

    found = answer(said(("me", True)), ["me", "me"])
    assert found is not None, "the function returns nothing yet."
    assert set(found) == {"me"}, "who has agreed may stay."
    assert set(answer(said(("me", True)), ["me", "guest"])) == {"me"}, (
        "the guest has said nothing: no answer is no consent."
    )
    changed = said(("me", True), ("guest", True), ("me", False))
    assert set(answer(changed, ["me", "guest"])) == {"guest"}, (
        "I agreed first and took it back later: the latest word counts."
    )
    back = said(("me", False), ("me", True))
    assert set(answer(back, ["me"])) == {"me"}, "the latest word is yes."
    assert set(answer(said(("gone", True)), ["me"])) == set(), (
        "of somebody who is in no image there is nothing to keep."
    )


def _looked_at(frames: int, every: int, needs: int) -> list[int]:
    taken: list[int] = []
    now = 0
    while not taken or taken[-1] < frames - 1:
        newest = min(now // every, frames - 1)
        if taken and newest == taken[-1]:
            newest += 1
            now = newest * every
        taken.append(newest)
        now += needs
    return taken
