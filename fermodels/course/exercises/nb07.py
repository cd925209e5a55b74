"""Questions on maps, neighbours and the face lab; checks of exercises: the pair confused most, how
much a map keeps, the smallest smile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise, question

question(
    "07.a",
    right="c",
    a="both have lowered brows, but the nose and the upper lip tell them apart: look at the table "
    "again, SimCLR confuses them and CL-MEx much less.",
    b="a smile pulls the corners of the mouth and a surprise drops the jaw; even in profile the "
    "outline differs. They are not among the first pairs of the table.",
    c="sadness is the smallest of the expressions, and a profile hides the inner brows and half of "
    "the mouth. In front the two are confused less.",
)

question(
    "07.b",
    right="b",
    a="about half of them do, but compare the two columns: recognised profiles have far fewer "
    "neighbours of the other expression. The encoder has put the confused ones there.",
    b="they lie among the others in the full space, so not only the probe is to blame.",
    c="add up the two rows of the table: nearly all neighbours show one of the pair, so the image "
    "lies between these two and not far from everything.",
)

question(
    "07.c",
    right="b",
    a='it comes second. A share says little without its column "by chance": subtract that from '
    "each row and compare again.",
    b="faces differ in how they move, and in how much of their side the hair hides. The expression "
    "comes second.",
    c="its share is the largest, but a session is one person, so it contains all that the person "
    "explains; and small groups explain more by chance. Compare what it adds to the person with "
    "what chance adds.",
)

question(
    "07.d",
    right="b",
    a="look at expression again: it loses a fifth, while instance loses nearly all. How many "
    "images are there of each kind to be found?",
    b="a share of K cannot exceed the number of images that there are, divided by K: 4 of 100.",
    c="it would not if relatives lay everywhere equally dense. But they lie close, and there are "
    "only so many of them: four for the moment.",
)

question(
    "07.e",
    right="c",
    a="invariance is a matter of degree. A strong smile is far from the border, so a small change "
    "with the angle does not show; a weak one is near it.",
    b="look at the shape: between the half profiles the curve stays high, and beyond it falls.",
    c="p(happy) says on which side of a border the image lies. A weak smile lies near it, so the "
    "little that the angle changes is enough to cross it.",
)

question(
    "07.f",
    right="b",
    a="it does not: AU 6 belongs to the recipe of a smile, but alone it moves little of the image, "
    "and no image of the training data shows that.",
    b="no expression in the training data consists of AU 6 alone, and it moves few pixels. AU 12 "
    "and AU 4 are the large movements of their expressions.",
    c="run it: the highest bar hardly changes. An unusual face need not make a probe unsure.",
)


@exercise("07.1")
def most_confused(answer: Callable) -> None:
    errors = {
        ("sad", "angry"): 5,
        ("sad", "neutral"): 3,
        ("neutral", "sad"): 4,
        ("happy", "sad"): 6,
    }
    right = [(name, name) for name in ("angry", "happy", "neutral", "sad") for _ in range(9)]
    pairs = right + [pair for pair, count in errors.items() for _ in range(count)]
    truth, said = (np.array(names) for names in zip(*pairs, strict=True))
    found = answer(truth, said)
    assert found is not None, "the function returns nothing yet."
    assert len(found) == 2, f"return two names, not {found!r}."
    found = tuple(str(name) for name in found)
    assert found[0] != found[1], (
        f"{found[0]!r} and {found[1]!r} are the same: leave out what is right."
    )
    assert set(found) != {"happy", "sad"}, (
        "happy is taken for sad 6 times, but neutral and sad are mistaken for each other 3 + 4 "
        "times: add up both directions."
    )
    assert set(found) == {"neutral", "sad"}, (
        f"it is neutral and sad (3 + 4 errors), not {found[0]} and {found[1]}."
    )
    assert found == ("neutral", "sad"), "the right pair; put it into alphabetical order."


@exercise("07.2")
def kept(answer: Callable) -> None:
    rng = np.random.default_rng(0)
    angle = np.sort(rng.uniform(0, 3, 40))
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    faithful = answer(circle.copy(), circle.copy(), 5)
    assert faithful is not None, "the function returns nothing yet."
    assert np.ndim(faithful) == 0, f"return one share, not an array of shape {np.shape(faithful)}."
    assert np.isclose(float(faithful), 1), (
        f"points on a circle, and the circle itself as the map: everything is kept, so 1, not "
        f"{float(faithful):.3f}."
    )
    # The cosine does not see how long a vector is; a Euclidean distance does.
    longer = circle * rng.uniform(1, 20, (40, 1))
    assert np.isclose(float(answer(circle.copy(), longer, 5)), 1), (
        "embeddings of other lengths in the same directions have the same cosines: scale the rows "
        "of x to length 1."
    )
    x, coords = rng.normal(size=(30, 6)), rng.normal(size=(30, 2))
    for k in (1, 4):
        wanted, found = _kept(coords, x, k), float(answer(coords.copy(), x.copy(), k))
        farthest = _kept(coords, x, k, farthest=True)
        assert not np.isclose(found, farthest) or np.isclose(wanted, farthest), (
            "these are the k farthest: a large cosine is a small distance."
        )
        with_itself = (wanted * (k - 1) + 1) / k if k > 1 else 1.0
        assert not np.isclose(found, with_itself) or np.isclose(wanted, with_itself), (
            "an image is not its own neighbour: leave out the distance 0 to itself."
        )
        assert np.isclose(found, wanted), (
            f"for a random map of 30 images and k = {k} it is {wanted:.3f}, not {found:.3f}."
        )


@exercise("07.3")
def smallest(answer: Callable) -> None:
    for step in (0.3, 0.62, 0.004, 0.999):
        asked: list[float] = []

        def wins(strength: float, step: float = step, asked: list[float] = asked) -> bool:
            asked.append(float(strength))
            return strength >= step

        found = answer(wins)
        assert found is not None, "the function returns nothing yet."
        assert all(0 <= strength <= 1 for strength in asked), (
            f"a strength is between 0 and 1; you asked for {min(asked):g} … {max(asked):g}."
        )
        assert len(asked) <= 8, (
            f"you asked {len(asked)} times; eight are enough: each answer can halve the interval "
            "in which the step must be."
        )
        assert found >= step, (
            f"the smile wins from {step} on, and you return {found:g}: return a strength that wins."
        )
        assert found <= step + 0.01, (
            f"the smile wins from {step} on; {found:g} is more than 0.01 too high."
        )
    assert answer(lambda strength: False) is None, (
        "if not even the full strength wins, there is no such strength: return None."
    )


def _kept(coords: np.ndarray, x: np.ndarray, k: int, farthest: bool = False) -> float:
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    flat = np.linalg.norm(coords[:, None] - coords[None], axis=2)
    full = unit @ unit.T if farthest else 1 - unit @ unit.T
    found = []
    for distance in (flat, full):
        np.fill_diagonal(distance, np.inf)
        found.append(np.argsort(distance, axis=1)[:, :k])
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(*found, strict=True)]))
